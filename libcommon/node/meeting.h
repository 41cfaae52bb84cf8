/*
 * meeting: contact exchange in person, between the store and the card (mp-protocol(7), CONTACT).
 */
#ifndef MP_NODE_MEETING_H
#define MP_NODE_MEETING_H

#include "base/config.h"
#include "base/record.h"
#include "store/contact.h"
#include "wire/card.h"

/* A new contact in state offered, and its card. MP_EEXIST: the name is taken. */
int meeting_offer(
    struct store *s, const char *name, int64_t now, int64_t expires, char card[static CARD_TEXT]);

/*
 * The card at text becomes a pending contact, and *rec the out initial-contact that completes the
 * meeting. MP_EBAD with one clear line each: damaged, expired, our own; MP_EEXIST: taken before
 * (its id is known), the address is known already as another contact, the name is taken.
 */
int meeting_accept(struct store *s, const struct config *cfg, const char *name, const char *text,
    size_t len, int64_t now, struct record *rec);

/* The out initial-contact of a pending contact again, same id (mp-due, and the file is the same).
 */
int meeting_greeting(
    struct store *s, const struct config *cfg, const struct contact *c, struct record *rec);

#endif
