/*
 * planning: introductions and groups between the store and what is received, due, sealed and sent.
 */
#ifndef MP_NODE_PLANNING_H
#define MP_NODE_PLANNING_H

#include "node/keeper.h"
#include "node/step.h"

/* A message of such a type, or under a temporary contact's key; in the caller's transaction. */
int planning_apply(struct step *s);
/*
 * A message or an offered file to a group, with its content's hash: 1 when it is to be kept under
 * the group's name; 0 when the verdict is given, or MP_E*.
 */
int planning_talk(struct step *s, const struct wire_chain *chain, const uint8_t content[static 32],
    char group[static 33]);
/* Has the sender's chain that file, with this hash? Of a contact's row s->contact. 1, 0 or MP_E*.
 */
int planning_offered(struct step *s, const struct transfer *t, const uint8_t sha256[static 32]);
/* Are we and the sender in that group? 1, 0 or MP_E*. */
int planning_shares(struct step *s, const uint8_t group[static GROUP_ID]);

/* Anything authentic of a contact that was introduced to us. */
int planning_heard(struct step *s);

/* What is owed was taken, or refused for good: in the caller's transaction. */
int planning_sent(struct store *s, const struct config *cfg, int64_t contact, const char *kind,
    const uint8_t id[static 16], bool taken, int64_t now);
/* Is a record of this kind the protocols' own, of which a refusal is the answer? */
bool planning_owns(const char *kind);

/*
 * Completes what is owed under (contact, id): the wire message, whose texts borrow from f.
 * MP_EUSAGE: it is not owed any more.
 */
int planning_complete(struct keeper *k, int64_t contact, const uint8_t id[static 16],
    enum wire_type type, struct flow *f, struct wire *w);

/* Whatever time alone brings, in transactions of its own. */
int planning_tick(struct store *s, const struct config *cfg, int64_t now);
/* Each owed record that is due and not in the queue. */
int planning_due(struct store *s, const struct config *cfg, int64_t now,
    int (*fn)(void *ctx, const struct owed *o, const struct record *rec), void *ctx);

#endif
