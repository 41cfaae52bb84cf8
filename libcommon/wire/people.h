/*
 * people: lists of people, and of temporary contacts, between C and JSON; internal to wire.
 *
 * Who is in a list is an onion key, on the wire its address in the one form that onion_encode()
 * gives; nobody is in it twice.
 */
#ifndef MP_WIRE_PEOPLE_H
#define MP_WIRE_PEOPLE_H

#include "wire/wire.h"

/* An address in its one form. MP_EBAD. */
int wire_onion_get(uint8_t out[static 32], const json_t *o, const char *key);

/* 0, or not: no memory. */
int wire_people_put(json_t *o, const char *key, const struct wire_people *p, bool nicknames);
/* MP_EBAD for an empty list, too, and one of more than PEOPLE_MAX.  Nicknames borrow from o. */
int wire_people_get(struct wire_people *p, const json_t *o, const char *key, bool nicknames);
int wire_people_check(
    const char *key, const struct wire_people *p, size_t least, size_t most, bool nicknames);
/* Among the first n. */
bool wire_people_has(const struct wire_people *p, size_t n, const uint8_t onion[static 32]);

int wire_keys_put(json_t *o, const char *key, const struct wire_key *k, size_t n);
int wire_keys_get(
    struct wire_key k[static PEOPLE_MAX], size_t *n, const json_t *o, const char *key);
int wire_keys_check(const char *key, const struct wire_key *k, size_t n, size_t least, size_t most);
/* Overwrites the texts of what wire_keys_put() wrote or wire_keys_get() read, before o is freed. */
void wire_keys_wipe(json_t *o);

#endif
