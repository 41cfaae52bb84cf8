/*
 * stop: SIGINT and SIGTERM as a descriptor, for who waits for several things and ends in order.
 */
#ifndef MP_BASE_STOP_H
#define MP_BASE_STOP_H

/* Readable once we are asked to end; the caller closes it. MP_ESYS. To be called before any thread
 * is there, so that all block the signals. */
int stop_signals(void);
/*
 * For a filter at somebody's terminal: SIGHUP, too; and what nohup or a shell's background has us
 * ignore stays ignored, though blocked it would reach us.  Does not wait when read.
 */
int stop_unless_ignored(void);

#endif
