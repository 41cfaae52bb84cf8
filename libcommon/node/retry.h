/*
 * retry: how long to wait before the next try (mp-send(1), RETRIES).  All times in ms.
 */
#ifndef MP_NODE_RETRY_H
#define MP_NODE_RETRY_H

#include <stdint.h>

/*
 * After `fails` failures before this one: least doubling to most, +-25 % by random, so that peers
 * that failed together do not come back together.
 */
int64_t retry_backoff(int64_t least, int64_t most, int64_t fails, uint32_t random);

/*
 * The first tries of a call that waits for its records come quickly: right after an onion service
 * came online its connections fail now and then.  -1: no further quick one.
 */
int64_t retry_quick(unsigned failed);

/* After the `refused`th refusal of a record; -1: set it aside. */
int64_t retry_refused(int64_t refused);

#endif
