/*
 * watch: files of a folder that somebody touches, for who waits (inotify; file_touch() is the other
 * end).
 */
#ifndef MP_BASE_WATCH_H
#define MP_BASE_WATCH_H

#include <stdbool.h>

/* A descriptor for poll(), whose owner closes it; MP_ESYS. The folder, not the file, is watched:
 * that may be made later, or made again. */
int watch_open(const char *dir);
/* Takes what came since the last call: was this name touched or made? fd may be -1: no. */
bool watch_touched(int fd, const char *name);

#endif
