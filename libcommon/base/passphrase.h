/*
 * passphrase: a secret that a person types, or another program hands over on a descriptor.
 *
 * Never from argv or the environment.  The caller's memory is to be of the arena (base/secret.h).
 */
#ifndef MP_BASE_PASSPHRASE_H
#define MP_BASE_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * One line, without its LF, to out.  fd -1: asked for on /dev/tty without echo, twice to be sure.
 * MP_EUSAGE when there is no terminal, or the two differ; MP_ELIMIT when it does not fit; MP_ENONE
 * when there is nothing.
 */
int passphrase_read(char *out, size_t size, int fd, const char *of, bool twice);

#endif
