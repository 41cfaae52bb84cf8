/*
 * routes: which onion addresses are reached directly: lines `ONION HOST:PORT`, # comments, numeric
 * hosts only (a name would need a look-up).  MP_EBAD names file and line.  Read again when the file
 * changes.
 */
#ifndef MP_NET_ROUTES_H
#define MP_NET_ROUTES_H

#include "base/buf.h"
#include "crypto/onion.h"

struct routes;
int routes_load(struct routes **out, const char *path); /* NULL: MP_ROUTES, else $MP_HOME/routes */
/* "127.0.0.1:443" or "[::1]:443"; NULL when there is none. Borrowed until the next call. */
const char *routes_find(struct routes *r, const uint8_t onion[static ONION_KEY]);
void routes_free(struct routes *r);

#endif
