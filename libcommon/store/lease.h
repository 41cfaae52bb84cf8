/*
 * lease: who works on a row just now.  Dead when its time is over, when the machine was started
 * again (boot id), or when the process is gone.
 */
#ifndef MP_STORE_LEASE_H
#define MP_STORE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

struct lease {
	int64_t pid;
	char boot[37];
	int64_t until; /* ms */
};

/* This process, until now + ms. */
void lease_make(struct lease *l, int64_t now, int64_t ms);
/* True when somebody else still holds it. */
bool lease_held(const struct lease *l, int64_t now);
/* True when anybody does, this process included: what it works on is not claimed a second time. */
bool lease_live(const struct lease *l, int64_t now);
/* Made by this process, whether over or not. */
bool lease_own(const struct lease *l);

#endif
