/*
 * rekeying: the steps of mariposa/rekey.h on the store (mp-protocol(7), REKEY).
 *
 *   rekeying.c     what comes in: a half, a word, an answer
 *   rekeying_due.c what is owed, and when a new key is wanted
 */
#ifndef MP_NODE_REKEYING_H
#define MP_NODE_REKEYING_H

#include "base/config.h"
#include "base/record.h"
#include "mariposa/rekey.h"
#include "store/contact.h"
#include "store/rekey.h"
#include "wire/wire.h"

struct step;

/*
 * The out record that begins a rekey with that contact, or goes on with one whose half is not
 * acknowledged: again is the same record.  MP_ENONE: no such contact, or one is under way and
 * nothing of ours is owed; MP_EUSAGE: blocked, or not active yet.
 */
int rekeying_start(struct store *s, const char *name, int64_t now, struct record *rec);

/*
 * Others may know what keys this contact and we have: begins a rekey.  Where one is under way whose
 * key is made already, or he is blocked, it is wanted as soon as that is over, whatever the
 * settings say.  Within the caller's transaction.
 */
int rekeying_renew(struct store *s, const struct contact *c, int64_t now);

/*
 * What is owed now, to fn (non-zero stops), counted in *n, after keys past their time went and
 * rekeys that are wanted were begun.  Erases what went from the files.
 */
int rekeying_due(struct store *s, const struct config *cfg, int64_t now,
    int (*fn)(void *ctx, const struct record *rec), void *ctx, int64_t *n);

/*
 * A rekey or rekey-drained that is about to be sealed gets what its record does not say: id, key,
 * what it answers. MP_EUSAGE when it is owed no more.
 */
int rekeying_complete(struct store *s, int64_t contact, struct wire *w);

/* One of ours was answered 204 or 200.  Within the caller's transaction. */
int rekeying_taken(struct store *s, int64_t contact, const uint8_t id[static MESSAGE_ID]);

/* What a contact's key is: its epoch and since when. */
int rekeying_about(struct store *s, const struct contact *c, int64_t *epoch, int64_t *since);

/* The receiver's: node/step.h. */
int rekeying_prepare(struct step *s);
int rekeying_apply(struct step *s);
int rekeying_heard(struct step *s); /* s->key is a pair's under which we do not seal yet */
void rekeying_settle(struct step *s);

/* Between the two files. */
struct rekey_work {
	struct rekeying k; /* in the arena, as this whole is */
	struct rekey row;
	struct contact_key key;
};
struct rekey_work *rekeying_load(
    struct store *s, const struct contact *c, int *rc); /* secret_free() it, also when *rc != 0 */
int rekeying_save(struct store *s, struct rekey_work *w);
/* The step; random and the clock are the system's. */
struct rekey_step rekeying_step(
    struct rekey_work *w, enum rekey_event event, const struct rekey_offer *o);
/* The old receiving key goes from the store; its erasing is owed. */
int rekeying_drop(struct store *s, struct rekey_work *w, int64_t epoch);

#endif
