/* The meeting by card, with a clock of our own: what is stored, when it is over, what comes again.
 */
#include "home.h"

#include "base/clock.h"
#include "crypto/identity.h"
#include "node/meeting.h"

#define NOW (INT64_C(1800000000) * 1000)

static struct config cfg;
static struct identity *self, *peer;

/* A card of somebody else's. */
static void peer_card(char text[static CARD_TEXT], struct card *d, int64_t expires)
{
	memset(d, 0, sizeof(*d));
	memset(d->id, 0x11, sizeof(d->id));
	memset(d->key, 0x22, sizeof(d->key));
	memcpy(d->onion, peer->key, sizeof(d->onion));
	d->expires = expires;
	card_encode(text, d);
}

static int accept(
    struct store *s, const char *name, const char *card, int64_t now, struct record *r)
{
	return meeting_accept(s, &cfg, name, card, strlen(card), now, r);
}

static void check_offer(struct store *s)
{
	char text[CARD_TEXT];
	struct contact_key k;
	struct contact c;
	struct card d;
	uint8_t k0[32];

	MUST(meeting_offer(s, "bob", NOW, NOW + MP_HOUR + 999, text));
	is_int(card_decode(&d, text, strlen(text)), 0, "an offer is a card");
	is_int(d.expires, NOW + MP_HOUR, "that expires, in whole seconds");
	ok(memcmp(d.onion, self->key, 32) == 0, "with our address");
	MUST(contact_get(s, &c, "bob"));
	is_int(c.state, CONTACT_OFFERED, "the contact is offered");
	ok(!c.has_onion && !c.verified && !c.blocked, "and nobody yet");
	MUST(key_get(s, &k, c.row, 0, KEY_OFFER));
	ok(memcmp(k.cid, d.id, 32) == 0 && memcmp(k.secret, d.key, 32) == 0,
	    "id and key are the card's");
	MUST(kdf_offer(k0, d.key, d.id, self->key));
	ok(k.has_recv && memcmp(k.recv, k0, 32) == 0 && !k.has_send,
	    "we receive under K0 and send nothing");
	is_int(k.expires, d.expires, "until the card expires");
	is_int(key_get(s, &k, c.row, 0, KEY_PAIR), MP_ENONE, "there is no other key");
	is_int(
	    number(s, "SELECT length(slots) FROM keyring"), KEYRING_SLOT, "it is on the keyring");

	is_int(meeting_offer(s, "bob", NOW, NOW + MP_HOUR, text), MP_EEXIST, "a name is taken");
	is_int(meeting_offer(s, "Bob", NOW, NOW + MP_HOUR, text), MP_EUSAGE, "or bad");
	is_int(number(s, "SELECT count(*) FROM contact"), 1, "neither leaves anything");
	is_int(meeting_offer(s, "bob", NOW + MP_HOUR, NOW + 2 * MP_HOUR, text), 0,
	    "an offer that is over gives its name back");
	is_int(number(s, "SELECT count(*) FROM key"), 1, "and its key is gone");
}

static void check_accept(struct store *s)
{
	char text[CARD_TEXT], own[CARD_TEXT];
	uint8_t send[32], recv[32], k0[32];
	struct record r, again;
	struct contact_key k;
	struct contact c;
	struct card d;

	record_init(&r);
	record_init(&again);
	peer_card(text, &d, NOW + MP_DAY);
	is_int(accept(s, "alice", text, NOW + MP_DAY, &r), MP_EBAD, "expired at its second");
	MUST(meeting_offer(s, "own", NOW, NOW + MP_DAY, own));
	is_int(accept(s, "alice", own, NOW, &r), MP_EBAD, "our own");
	is_int(accept(s, "own", text, NOW, &r), MP_EEXIST, "the name is taken");
	is_int(accept(s, "a b", text, NOW, &r), MP_EUSAGE, "or bad");
	is_int(accept(s, "alice", text, NOW + MP_DAY - 1, &r), 0, "good to the last moment");
	ok(r.class == CLASS_OUT && strcmp(r.kind, "initial-contact") == 0 &&
	        strcmp(r.contact, "alice") == 0,
	    "an out initial-contact");
	is_int(r.time, NOW + MP_DAY - 1, "of now");
	MUST(contact_get(s, &c, "alice"));
	is_int(c.state, CONTACT_PENDING, "the contact is pending");
	ok(c.has_onion && memcmp(c.onion, peer->key, 32) == 0, "with the card's address");
	ok(c.has_greeting && memcmp(c.greeting, r.id, 16) == 0, "and remembers the record's id");
	MUST(kdf_pair(send, recv, self, peer->key, d.key, d.id));
	MUST(key_get(s, &k, c.row, 0, KEY_PAIR));
	ok(k.has_send && memcmp(k.send, send, 32) == 0 && k.has_recv &&
	        memcmp(k.recv, recv, 32) == 0,
	    "the pair's keys");
	MUST(kdf_offer(k0, d.key, d.id, d.onion));
	MUST(key_get(s, &k, c.row, 0, KEY_OFFER));
	ok(k.has_send && memcmp(k.send, k0, 32) == 0 && !k.has_recv, "K0 to send with");

	is_int(accept(s, "alice2", text, NOW, &again), MP_EEXIST, "taken before");
	ok(strstr(err_detail(), "accepted before, as 'alice'") != NULL, "%s", err_detail());
	memset(d.id, 0x33, sizeof(d.id));
	card_encode(text, &d);
	is_int(
	    accept(s, "alice2", text, NOW, &again), MP_EEXIST, "another card of the same address");
	ok(strstr(err_detail(), "known already, as 'alice'") != NULL, "%s", err_detail());

	is_int(meeting_greeting(s, &cfg, &c, &again), 0, "the greeting comes again");
	ok(memcmp(again.id, r.id, 16) == 0 && again.time == r.time &&
	        again.body.len == r.body.len &&
	        memcmp(again.body.data, r.body.data, r.body.len) == 0,
	    "the same");
	snprintf(cfg.nickname, sizeof(cfg.nickname), "Ann");
	MUST(meeting_greeting(s, &cfg, &c, &again));
	MUST(buf_terminate(&again.body));
	is_str((const char *)again.body.data, "{\"nickname\":\"Ann\"}", "with a nickname");
	MUST(contact_confirm(s, c.row));
	MUST(contact_get(s, &c, "alice"));
	is_int(meeting_greeting(s, &cfg, &c, &again), MP_ENONE, "none once it is confirmed");
	record_free(&r);
	record_free(&again);
}

static void check_expired(struct store *s)
{
	char text[CARD_TEXT];
	struct record r;
	struct contact c;
	struct card d;
	int64_t n;

	record_init(&r);
	identity_free(peer);
	MUST(identity_new(&peer));
	peer_card(text, &d, NOW + MP_DAY);
	MUST(accept(s, "late", text, NOW, &r));
	MUST(key_expire(s, NOW + 2 * MP_DAY, &n));
	MUST(contact_get(s, &c, "late"));
	is_int(c.state, CONTACT_PENDING, "a pending contact outlives the card");
	is_int(meeting_greeting(s, &cfg, &c, &r), MP_ENONE, "but nothing can greet any more");
	record_free(&r);
}

int main(void)
{
	struct store *s = home_store();

	config_defaults(&cfg);
	MUST(identity_new(&self));
	MUST(identity_new(&peer));
	MUST(identity_write(self));
	check_offer(s);
	check_accept(s);
	check_expired(s);
	ok(at_rest(s) && sound(s), "the store is sound");
	identity_free(self);
	identity_free(peer);
	store_close(s);
	return done();
}
