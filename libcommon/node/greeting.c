/* initial-contact: somebody accepted our card (mp-protocol(7), CONTACT). */
#include "node/step.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/onion.h"
#include "mariposa/contact.h"

#define WARNINGS 4 /* events about one card used twice, at most */

/*
 * The offer's key is known to everybody who saw the card; the proof is not, for it needs the
 * secret of the sender that it names.  The one place where receiving loads the seed.
 */
int greeting_prepare(struct step *s)
{
	const struct wire_initial_contact *f = &s->w->u.initial;
	struct identity *self = NULL;
	uint8_t proof[32];
	int rc;

	if ((rc = identity_load(&self)) != 0)
		return rc;
	s->pair = secret_alloc(2 * KEY_LEN);
	rc = kdf_pair(s->pair, s->pair + KEY_LEN, self, f->sender, s->key->secret, s->key->cid);
	identity_free(self);
	if (rc == 0) {
		kdf_proof(proof, s->pair + KEY_LEN, s->w->id);
		if (sodium_memcmp(proof, f->proof, sizeof(proof)) != 0)
			rc = MP_EBAD;
		sodium_memzero(proof, sizeof(proof));
	}
	return rc == MP_EBAD ? step_refuse(s) : rc;
}

/* Sent by him who was accepted, and the very same message? */
static int same_greeting(struct step *s, bool *same)
{
	int rc;

	*same = false;
	if (!s->contact.has_onion ||
	    memcmp(s->contact.onion, s->w->u.initial.sender, ONION_KEY) != 0)
		return 0;
	rc = seen_get(s->store, s->contact.row, s->w->id, NULL);
	*same = rc == 1;
	return rc < 0 ? rc : 0;
}

static int add_pair(struct step *s)
{
	struct contact_key *k = secret_alloc(sizeof(*k));
	int rc;

	k->contact = s->contact.row;
	k->role = KEY_PAIR;
	memcpy(k->cid, s->key->cid, CONTACT_ID);
	memcpy(k->secret, s->key->secret, KEY_LEN);
	memcpy(k->send, s->pair, KEY_LEN);
	memcpy(k->recv, s->pair + KEY_LEN, KEY_LEN);
	k->has_send = k->has_recv = true;
	rc = key_add(s->store, k);
	secret_free(k);
	return rc;
}

static json_t *who(const struct wire_initial_contact *f)
{
	char onion[ONION_TEXT];
	json_t *o = json_object();

	onion_encode(onion, f->sender);
	json_object_set_new(o, "onion", json_string(onion));
	if (f->nickname != NULL)
		json_object_set_new(o, "nickname", json_string(f->nickname));
	return o;
}

static int activate(struct step *s)
{
	const struct wire_initial_contact *f = &s->w->u.initial;
	json_t *body = who(f);
	struct contact other;
	int rc = contact_by_onion(s->store, &other, f->sender);

	/* Two contacts with one address may be one person twice, or a person and his impostor's
	 * card: say so. */
	if (rc == 0)
		json_object_set_new(body, "also", json_string(other.name));
	if ((rc != 0 && rc != MP_ENONE) ||
	    (rc = contact_activate(s->store, s->contact.row, f->sender, f->nickname)) != 0 ||
	    (rc = add_pair(s)) != 0 || (rc = key_set_used(s->store, s->key->row)) != 0 ||
	    (rc = seen_add(s->store, s->contact.row, s->w->id, NULL, 0)) != 0) {
		json_decref(body);
		return rc;
	}
	s->fresh = true;
	if ((rc = step_event(s, "contact-active", body)) != 0)
		return rc;
	return step_take(s);
}

/*
 * Where the n-th warning of this contact is noted: under an id that only we can tell, or he who
 * used the card first could take the places beforehand and so keep us from being warned.
 */
static void warning_id(uint8_t id[static 16], const struct contact *c, uint8_t n)
{
	static const char label[] = "card-reused";
	crypto_generichash_state st;

	crypto_generichash_init(&st, c->isolation, sizeof(c->isolation), 16);
	crypto_generichash_update(&st, (const uint8_t *)label, sizeof(label));
	crypto_generichash_update(&st, &n, 1);
	crypto_generichash_final(&st, id, 16);
}

/* Once for each attempt, and for a few only: whoever has the card could send attempts without end.
 */
static int warn_reused(struct step *s)
{
	struct buf noted = BUF_INIT(MESSAGE_ID);
	uint8_t id[16];
	int rc = 1;

	for (uint8_t n = 0; rc == 1 && n < WARNINGS; n++) {
		warning_id(id, &s->contact, n);
		buf_clear(&noted);
		rc = seen_get(s->store, s->contact.row, id, &noted);
		if (rc == 1 && noted.len == MESSAGE_ID &&
		    memcmp(noted.data, s->w->id, MESSAGE_ID) == 0)
			break;
	}
	buf_free(&noted);
	if (rc == 0 && (rc = seen_add(s->store, s->contact.row, id, s->w->id, MESSAGE_ID)) == 0)
		rc = step_event(s, "card-reused", who(&s->w->u.initial));
	return rc < 0 ? rc : step_refuse(s);
}

int greeting_apply(struct step *s)
{
	struct meet_step m;
	bool same;
	int rc = same_greeting(s, &same);

	if (rc != 0)
		return rc;
	m = meet_step((enum meeting)s->contact.state,
	    meet_greeting(s->key->used, same, s->key->expires, s->now));
	switch (m.action) {
	case MEET_ACTIVATE:
		return activate(s);
	case MEET_REPEAT:
		s->out->repeated = true;
		return step_take(s);
	case MEET_WARN:
		return warn_reused(s);
	default:
		return step_refuse(s);
	}
}

void greeting_settle(struct step *s)
{
	secret_free(s->pair);
	s->pair = NULL;
}
