/* Contacts, their keys, and the packed keyring that always says what the keys say. */
#include "home.h"

static int64_t version = -1;
static struct buf ring = BUF_INIT(64u << 20);

/* The owners in the keyring, in order, as text. */
static const char *owners(struct store *s)
{
	static char text[256];
	size_t n = 0;

	must(keyring_load(s, &ring, &version), "keyring_load");
	text[0] = '\0';
	for (size_t at = 0; at < ring.len; at += KEYRING_SLOT)
		n += (size_t)snprintf(text + n, sizeof text - n, "%u ", get32(ring.data + at + 52));
	return text;
}

static int names(void *ctx, const struct contact *c)
{
	char *text = ctx;

	strcat(text, c->name);
	strcat(text, " ");
	return strcmp(c->name, "stop") == 0 ? 7 : 0;
}

static void ring_of(struct store *s)
{
	struct contact c = {.name = "offered"};
	struct contact_key k = {.role = KEY_OFFER, .has_recv = true, .expires = 50}, got;
	int64_t a, b, n, before;
	uint8_t slot[KEYRING_SLOT], key[32] = "recv a", cid[32] = "cid a", onion[32] = "o";

	is_str(owners(s), "", "empty at first");
	a = home_contact(s, "a");
	b = home_contact(s, "b");
	is_str(owners(s), "1 2 ", "two keys");
	keyring_slot(slot, key, cid, 1);
	ok(memcmp(ring.data, slot, sizeof slot) == 0, "a slot is that of crypto/envelope.h");
	before = version;
	ring.data[0] ^= 1;
	MUST(keyring_load(s, &ring, &version));
	ok(version == before && ring.data[0] != slot[0], "not read again when nothing changed");
	ring.data[0] ^= 1;

	MUST(contact_set_blocked(s, a, true));
	is_str(owners(s), "2 ", "without a blocked one");
	MUST(key_get(s, &k, a, 0, KEY_PAIR));
	k.epoch = 1;
	MUST(key_add(s, &k));
	is_str(owners(s), "2 ", "a blocked one's new key is not in it");
	MUST(contact_set_blocked(s, a, false));
	is_str(owners(s), "1 2 3 ", "both when it is not blocked any more");
	MUST(key_remove(s, 1));
	is_str(owners(s), "2 3 ", "without a removed key");

	MUST(contact_add(s, &c, 5));
	k = (struct contact_key){
	    .contact = c.row, .role = KEY_OFFER, .has_recv = true, .expires = 50};
	MUST(key_add(s, &k));
	is_int(key_add(s, &k), MP_EEXIST, "one key an epoch and role");
	is_str(owners(s), "2 3 4 ", "an offer");
	MUST(key_set_used(s, k.row));
	MUST(key_by_row(s, &got, k.row));
	ok(got.used && got.has_recv && !got.has_send && got.expires == 50,
	    "an offer that was used");
	is_str(owners(s), "2 3 4 ", "a used one is still recognised");
	MUST(key_expire(s, 49, &n));
	is_int(n, 0, "not before its time");
	MUST(key_expire(s, 50, &n));
	is_int(n, 1, "at its time");
	is_str(owners(s), "2 3 ", "gone");
	is_int(contact_get(s, &c, "offered"), MP_ENONE, "with the contact that was only offered");

	c = (struct contact){.name = "offered"};
	MUST(contact_add(s, &c, 5));
	ok(c.row > 3, "a row's number is never used again");
	k = (struct contact_key){
	    .contact = c.row, .role = KEY_OFFER, .has_recv = true, .expires = 50};
	MUST(key_add(s, &k));
	MUST(contact_activate(s, c.row, onion, "nick"));
	MUST(key_expire(s, 50, &n));
	is_int(contact_get(s, &c, "offered"), 0, "an active one stays when its offer expires");
	is_int(n, 1, "only the offer's key goes");
	MUST(contact_remove(s, b));
	is_str(owners(s), "3 ", "without a removed contact");
	is_int(key_by_row(s, &got, 2), MP_ENONE, "whose keys are gone");
	ok(sound(s), "sound");
}

static void states(struct store *s)
{
	struct contact c = {.name = "mallory", .state = CONTACT_PENDING, .has_greeting = true}, got;
	struct contact_key k = {.role = KEY_OFFER, .has_send = true}, found;
	uint8_t onion[32] = "mallory";

	c.greeting[3] = 9;
	strcpy(c.introducer, "a");
	c.has_onion = true;
	memcpy(c.onion, onion, sizeof c.onion);
	MUST(contact_add(s, &c, 77));
	k.contact = c.row;
	MUST(key_add(s, &k));
	MUST(contact_by_row(s, &got, c.row));
	ok(got.state == CONTACT_PENDING && got.has_greeting && got.greeting[3] == 9,
	    "pending, with its greeting");
	ok(got.created == 77 && strcmp(got.introducer, "a") == 0, "when and by whom");
	ok(memcmp(got.isolation, (uint8_t[16]){0}, 16) != 0, "its own SOCKS user");
	is_int(contact_activate(s, c.row, onion, "x"), MP_ENONE, "a pending one is not activated");
	is_int(key_for_sending(s, &found, c.row, KEY_OFFER), 0, "an offer's key to greet with");
	is_int(contact_confirm(s, c.row), 0, "confirmed");
	is_int(key_for_sending(s, &found, c.row, KEY_OFFER), MP_ENONE, "the offer's key is gone");
	MUST(contact_by_row(s, &got, c.row));
	ok(got.state == CONTACT_ACTIVE && !got.has_greeting, "active");
	is_int(contact_confirm(s, c.row), MP_ENONE, "confirmed once");

	is_int(contact_rename(s, "a", "mallory"), MP_EEXIST, "not to a name that is taken");
	is_int(contact_rename(s, "nobody", "x"), MP_ENONE, "nobody to rename");
	is_int(contact_rename(s, "a", "No Name"), MP_EUSAGE, "no name");
	is_int(contact_rename(s, "a", "z"), 0, "renamed");
	MUST(contact_get(s, &got, "mallory"));
	is_str(got.introducer, "z", "the introducer's new name");

	MUST(contact_set_seen(s, c.row, 100000));
	MUST(contact_set_seen(s, c.row, 130000));
	MUST(contact_by_row(s, &got, c.row));
	is_int(got.seen, 100000, "seen, at most once a minute");
	MUST(contact_set_seen(s, c.row, 160000));
	MUST(contact_by_row(s, &got, c.row));
	is_int(got.seen, 160000, "and after it");
	MUST(contact_set_seen(s, c.row, 5000));
	MUST(contact_by_row(s, &got, c.row));
	is_int(got.seen, 5000, "a clock set back is followed");

	MUST(contact_set_verified(s, c.row, true));
	is_int(contact_by_onion(s, &got, (uint8_t[32]){"a"}), 0, "by address");
	is_str(got.name, "z", "the one");
	is_int(contact_by_onion(s, &got, (uint8_t[32]){"?"}), MP_ENONE, "none by another");
}

static void listing(struct store *s)
{
	char text[4096] = "", name[33];
	struct buf picture = BUF_INIT(1000);
	struct contact c;

	for (int i = 0; i < 130; i++) {
		snprintf(name, sizeof name, "n%03d", i);
		c = (struct contact){.state = CONTACT_OFFERED};
		strcpy(c.name, name);
		MUST(contact_add(s, &c, 1));
	}
	is_int(contact_each(s, names, text), 0, "all");
	ok(strncmp(text, "mallory n000 n001 ", 18) == 0 && strstr(text, "n063 n064 n065 ") &&
	        strstr(text, " n129 offered z "),
	    "in order of name, past a batch's end");
	c = (struct contact){.name = "stop"};
	MUST(contact_add(s, &c, 1));
	text[0] = '\0';
	is_int(contact_each(s, names, text), 7, "fn stops it");

	is_int(contact_picture_get(s, c.row, &picture), MP_ENONE, "no picture");
	MUST(contact_picture_set(s, c.row, "\0png", 4));
	MUST(contact_picture_get(s, c.row, &picture));
	ok(picture.len == 4 && memcmp(picture.data, "\0png", 4) == 0, "a picture");
	MUST(contact_picture_set(s, c.row, NULL, 0));
	is_int(contact_picture_get(s, c.row, &picture), MP_ENONE, "taken away");
	buf_free(&picture);
}

static void counting(struct store *s)
{
	struct contact_key k;
	int64_t row = 3;
	bool warn;

	is_int(key_count_sealed(s, row, (INT64_C(1) << 31) - 1, &warn), 0, "counted");
	ok(!warn, "no warning yet");
	MUST(key_count_sealed(s, row, 1, &warn));
	ok(warn, "a warning at 2^31");
	MUST(key_count_sealed(s, row, 1, &warn));
	ok(!warn, "once");
	MUST(key_by_row(s, &k, row));
	is_int(k.sealed, (INT64_C(1) << 31) + 1, "the count");
	is_int(key_count_sealed(s, row, INT64_C(1) << 31, &warn), MP_ELIMIT, "refused past 2^32");
	MUST(key_by_row(s, &k, row));
	is_int(k.sealed, (INT64_C(1) << 31) + 1, "which counts nothing");
	is_int(key_count_sealed(s, 999, 1, &warn), MP_ENONE, "no such key");
}

int main(void)
{
	struct store *s = home_store();

	ring_of(s);
	states(s);
	counting(s);
	listing(s);
	ok(sound(s), "sound");
	ok(at_rest(s), "at rest");
	buf_free(&ring);
	store_close(s);
	return done();
}
