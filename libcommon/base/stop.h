/*
 * stop: SIGINT and SIGTERM as a descriptor, for who waits for several things and ends in order.
 */
#ifndef MP_BASE_STOP_H
#define MP_BASE_STOP_H

/* Readable once we are asked to end; the caller closes it. MP_ESYS. To be called before any thread
 * is there, so that all block the signals. */
int stop_signals(void);

#endif
