/*
 * relays: which of the relays that we know is used for what (mp-mesh(1), SERVERS).
 *
 * A relay is posted to or fetched from, never both at once.  A new one is chosen from two drawn by
 * lot: the one with the lower load.  It keeps its role for a term, unless it is away or answers
 * wrongly; who did so too often has none until a person removes it and adds it again.  Of one that
 * is posted to and from which no receipt comes, nobody knows whether it kept what it took or the
 * recipient is away: it is no fault, and another takes the role.
 */
#ifndef MP_NODE_RELAYS_H
#define MP_NODE_RELAYS_H

#include "store/meshserver.h"

#define RELAYS_FETCH 2 /* as many at least are fetched from */

/* One for that role which is none of those tried (rows). MP_ENONE. */
int relays_pick(struct store *s, enum meshrole role, const int64_t *tried, size_t n, int64_t now,
    struct meshserver *out);
/* The next behind that row which has the role now, whether it answers or not; MP_ENONE. */
int relays_next(
    struct store *s, enum meshrole role, int64_t after, int64_t now, struct meshserver *out);
/* Who is posted to since before `since` (ms) gives that to another, where there is one. */
int relays_turn(struct store *s, int64_t since, int64_t now);
/* Fewer than RELAYS_FETCH have the role for another half of its term. */
int relays_few(struct store *s, int64_t now, bool *few);
/* What it means that none could be chosen for fetching: MP_ETEMP where there are enough, some of
 * them left alone for now; else MP_ENONE. */
int relays_nobody(struct store *s, int64_t now);

enum relay_said { SAID_RIGHT, SAID_WRONG, SAID_NOTHING };
/* How it did: kept in *v and the store. */
int relays_judge(struct store *s, struct meshserver *v, enum relay_said said, int64_t now);
bool relays_out(const struct meshserver *v);

#endif
