/* Device-syncs: who may tell what, that an older one changes nothing, and that what is malformed
 * has no effect. */
#include "node/devices.h"
#include "base/base64.h"
#include "node/mailbox.h"
#include "node/rekeying.h"
#include "node/sealer.h"
#include "node/syncing.h"
#include "store/sync.h"
#include "tap.h"
#include "world.h"

#define HEX32 "0101010101010101010101010101010101010101010101010101010101010101"
#define ID "000102030405060708090a0b0c0d0e0f"

static struct world w;
static struct peer bob, lap;
static struct buf e = BUF_INIT(ENVELOPE_MAX);

static struct received tell_as(struct peer *p, const uint8_t *id, const char *body)
{
	struct wire m = wire_make(WIRE_DEVICE_SYNC);

	if (id != NULL)
		memcpy(m.id, id, MESSAGE_ID);
	m.body = (const uint8_t *)body;
	m.blen = strlen(body);
	peer_seal(&e, p, &m);
	return take(&w, &e);
}

static struct received tell(struct peer *p, const char *items, int n)
{
	char body[4096];

	snprintf(body, sizeof(body), "{\"n\":%d,\"items\":[%s]}", n, items);
	return tell_as(p, NULL, body);
}

static void no_effect(struct peer *p, const char *items, const char *what)
{
	struct dump before = world_dump(&w);

	is_int(tell(p, items, 1).status, RECEIVED_REFUSED, what);
	is_str(world_dump(&w).hex, before.hex, "... and has no effect");
}

static const char *contact(char *out, size_t size, int row, const char *name, const char *send)
{
	snprintf(out, size,
	    "{\"what\":\"contact\",\"contact\":%d,\"name\":\"%s\",\"onion\":\"" HEX32
	    "\",\"blocked\":false,\"verified\":true,\"keys\":[{\"epoch\":0,\"cid\":\"" HEX32
	    "\",\"send\":\"%s\",\"recv\":\"" HEX32 "\"}],\"letterbox\":{}}",
	    row, name, send);
	return out;
}

static const char *message(char *out, size_t size, const char *what, int64_t row, const char *id)
{
	snprintf(out, size,
	    "{\"what\":\"%s\",\"contact\":%lld,\"kind\":\"message\",\"id\":\"%s\","
	    "\"time\":\"2026-01-01T00:00:00.000Z\",\"ref\":\"\",\"body\":\"aGVsbG8=\"}",
	    what, (long long)row, id);
	return out;
}

/* A contact is no device, whatever it says. */
static void stranger(void)
{
	char one[1024];

	no_effect(
	    &bob, contact(one, sizeof(one), 7, "eve", HEX32), "a contact that says who we know");
	no_effect(&bob, message(one, sizeof(one), "in", lap.row, ID), "... what somebody wrote");
	no_effect(&bob, message(one, sizeof(one), "out", lap.row, ID), "... what we wrote");
	no_effect(&bob, "{\"what\":\"gone\",\"contact\":1}", "... who is gone");
	no_effect(&bob, "{\"what\":\"self\",\"signing\":\"\",\"opening\":\"\",\"servers\":[]}",
	    "... what our keys are");
	no_effect(&bob, "", "nothing");
	no_effect(&bob, "{\"what\":\"ask\"},{\"what\":\"ask\"}", "who asks twice at once");
}

static void asks(void)
{
	char one[1024];

	is_int(tell(&lap, "{\"what\":\"ask\"}", 1).status, RECEIVED_TAKEN, "one asks");
	is_int(world_count(&w, "SELECT count(*) FROM device WHERE role = 0"), 1, "... and waits");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'device-asks'"), 1,
	    "... a person hears of it");
	is_int(tell(&lap, "{\"what\":\"ask\"}", 2).status, RECEIVED_TAKEN, "again");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'device-asks'"), 1,
	    "... is no news");
	is_int(tell(&lap, message(one, sizeof(one), "in", bob.row, ID), 3).status, RECEIVED_TAKEN,
	    "what it tells before anybody said yes");
	is_int(
	    world_count(&w, "SELECT count(*) FROM message WHERE dir < 2"), 0, "... is not heard");
	is_int(world_count(&w, "SELECT count(*) FROM sync"), 0, "... and it is told nothing");
}

static struct wire text_of(const char *id)
{
	struct wire m = wire_make(WIRE_MESSAGE);

	hex_decode(m.id, sizeof(m.id), id);
	m.body = (const uint8_t *)"hello";
	m.blen = 5;
	return m;
}

/* A second device tells messages, and nothing else. */
static void second(void)
{
	struct wire m = text_of(ID);
	char one[1024];
	struct received r;

	need(device_set_role(w.s, lap.row, DEVICE_SECOND, 1) == 0, "second");
	is_int(tell(&lap, message(one, sizeof(one), "in", bob.row, ID), 4).status, RECEIVED_TAKEN,
	    "what came to a second device");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE dir = 0"), 1, "is here");
	is_int(world_count(&w, "SELECT count(*) FROM sync"), 0, "and is not told back");
	tell(&lap, message(one, sizeof(one), "in", bob.row, ID), 5);
	peer_seal(&e, &bob, &m);
	r = take(&w, &e);
	ok(r.status == RECEIVED_TAKEN && r.repeated, "from the contact itself it is a repetition");
	is_int(
	    world_count(&w, "SELECT count(*) FROM message WHERE dir = 0"), 1, "and is here once");
	tell(&lap, message(one, sizeof(one), "out", bob.row, ID), 6);
	tell(&lap, message(one, sizeof(one), "out", bob.row, ID), 7);
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE dir = 1 AND state = 12"), 1,
	    "what it sent is here once, as sent");
	tell(&lap, message(one, sizeof(one), "in", 99, "11112233445566778899aabbccddeeff"), 8);
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE dir = 0"), 1,
	    "of nobody whom we know: nothing");
	tell(&lap, contact(one, sizeof(one), (int)bob.row, "eve", HEX32), 9);
	tell(&lap, "{\"what\":\"gone\",\"contact\":1}", 10);
	is_int(world_count(&w, "SELECT count(*) FROM contact WHERE name IN ('bob', 'lap')"), 2,
	    "contacts are not for it to change");
	is_int(tell(&lap, message(one, sizeof(one), "in", lap.row, ID), 11).status,
	    RECEIVED_REFUSED, "a message of its own");
	mkdir(home_file("run"), 0700);
	unlink(home_file("run/due"));
	peer_seal(&e, &bob,
	    &(struct wire){.type = WIRE_MESSAGE,
	        .id = {9},
	        .time = clock_now(),
	        .body = (const uint8_t *)"new",
	        .blen = 3});
	take(&w, &e);
	is_int(world_count(&w, "SELECT count(*) FROM sync WHERE what = 2"), 1,
	    "what comes here is owed to it");
	ok(access(home_file("run/due"), F_OK) == 0, "... and who serves is woken");
}

static int count_due(void *ctx, const struct record *rec)
{
	int *n = ctx;

	*n += strcmp(rec->kind, "device-sync") == 0;
	return 0;
}

/* The largest messages that there are. */
static void large(void)
{
	static uint8_t body[MESSAGE_TEXT];
	uint8_t name[MESSAGE_ID] = {0};
	struct buf text = BUF_INIT(SYNC_TEXT);
	int64_t n = 0, number, last = 0;
	int due = 0, good = 1, names = 0;

	memset(body, 0xff, sizeof(body));
	for (unsigned i = 0; i < 5; i++) {
		struct wire m = wire_make(WIRE_MESSAGE);

		m.body = body;
		m.blen = sizeof(body);
		peer_seal(&e, &bob, &m);
		need(take(&w, &e).status == RECEIVED_TAKEN, "taken");
	}
	need(syncing_due(w.s, clock_now(), count_due, &due, &n) == 0, "due");
	ok(due >= 5 && n == due, "large ones go by themselves: %d", due);
	due = 0;
	n = 0;
	need(syncing_due(w.s, clock_now(), count_due, &due, &n) == 0, "due again");
	ok(due >= 5, "asked twice, the same");
	while (sync_next(w.s, lap.row, name) == 0) {
		struct wire m = wire_make(WIRE_DEVICE_SYNC);

		names++;
		buf_clear(&text);
		good &= syncing_complete(w.s, lap.row, name, &text) == 0;
		m.body = text.data;
		m.blen = text.len;
		buf_clear(&e);
		good &= seal_wire(&e, w.s, lap.row, &m) == 0;
		number = sync_number(name);
		good &= number > last;
		last = number;
		need(syncing_taken(w.s, lap.row, name) == 0, "taken");
	}
	ok(good && names == due, "each can be sealed, and their numbers rise");
	is_int(world_count(&w, "SELECT count(*) FROM sync"), 0, "nothing is left");
	is_int(syncing_complete(w.s, lap.row, name, &text), MP_EUSAGE,
	    "one that was delivered is owed no more");
	buf_free(&text);
}

static const char *const malformed[] = {
    "{\"what\":\"contact\"}",
    "{\"what\":\"contact\",\"contact\":0}",
    "{\"what\":\"contact\",\"contact\":7,\"name\":\"../x\",\"onion\":\"" HEX32
    "\",\"blocked\":false,"
    "\"verified\":false,\"keys\":[],\"letterbox\":{}}",
    "{\"what\":\"contact\",\"contact\":7,\"name\":\"x\",\"onion\":\"00\",\"blocked\":false,"
    "\"verified\":false,\"keys\":[],\"letterbox\":{}}",
    "{\"what\":\"contact\",\"contact\":7,\"name\":\"x\",\"onion\":\"" HEX32 "\",\"blocked\":1,"
    "\"verified\":false,\"keys\":[],\"letterbox\":{}}",
    "{\"what\":\"self\"}",
    "{\"what\":\"self\",\"signing\":\"aGVsbG8=\",\"opening\":\"aGVsbG8=\",\"servers\":[]}",
    "{\"what\":\"gone\",\"contact\":\"1\"}",
    "{\"what\":\"in\"}",
    "{\"what\":\"in\",\"contact\":0,\"kind\":\"message\",\"id\":\"" ID
    "\",\"time\":\"2026-01-01T00:00:00.000Z\",\"ref\":\"\",\"body\":\"\"}",
    "{\"what\":\"out\",\"contact\":0,\"kind\":\"message\",\"id\":\"" ID
    "\",\"time\":\"2026-01-01T00:00:00.000Z\",\"ref\":\"\",\"body\":\"\"}",
    "{\"what\":\"out\",\"contact\":0,\"kind\":\"rekey\",\"id\":\"" ID
    "\",\"time\":\"2026-01-01T00:00:00.000Z\",\"ref\":\"team\",\"body\":\"\"}",
    "{\"what\":\"out\",\"contact\":0,\"kind\":\"message\",\"id\":\"00"
    "\",\"time\":\"2026-01-01T00:00:00.000Z\",\"ref\":\"team\",\"body\":\"\"}",
    "{\"what\":\"out\",\"contact\":0,\"kind\":\"message\",\"id\":\"" ID
    "\",\"time\":\"yesterday\",\"ref\":\"team\",\"body\":\"\"}",
    "{\"what\":\"out\",\"contact\":0,\"kind\":\"message\",\"id\":\"" ID
    "\",\"time\":\"2026-01-01T00:00:00.000Z\",\"ref\":\"team\",\"body\":\"a\"}",
    "{\"what\":\"came\",\"contact\":0,\"id\":\"0\"}",
};

static const char *self_item(void)
{
	static struct buf out = BUF_INIT(16384);
	struct buf pem[2] = {BUF_INIT(8192), BUF_INIT(8192)};

	buf_clear(&out);
	need(meshself_keys(w.s, &pem[0], &pem[1]) == 0 &&
	         buf_adds(&out, "{\"what\":\"self\",\"signing\":\"") == 0 &&
	         base64_encode(&out, pem[0].data, pem[0].len) == 0 &&
	         buf_adds(&out, "\",\"opening\":\"") == 0 &&
	         base64_encode(&out, pem[1].data, pem[1].len) == 0 &&
	         buf_adds(&out, "\",\"servers\":[]}") == 0 && buf_terminate(&out) == 0,
	    "self");
	buf_free(&pem[0]);
	buf_free(&pem[1]);
	return (const char *)out.data;
}

static struct received tell_self(const char *item, int n)
{
	char body[16384];

	snprintf(body, sizeof(body), "{\"n\":%d,\"items\":[%s]}", n, item);
	return tell_as(&lap, NULL, body);
}

/* The keys of before a device was removed, which a relay kept until after the new ones came. */
static void keys_late(void)
{
	struct meshself before, after;
	char *old;

	need(mailbox_make(w.s, 1) == 0 && meshself_get(w.s, &before) == 0, "keys");
	old = strdup(self_item());
	need(old != NULL && world_run(&w, "DELETE FROM mesh") == SQLITE_OK, "no keys");
	is_int(tell_self(old, 3).status, RECEIVED_TAKEN, "keys are told");
	need(meshself_get(w.s, &after) == 0, "there");
	ok(memcmp(after.address, before.address, RSA_DER) == 0, "... and taken");
	need(mailbox_renew(w.s, 4 * MP_SECOND) == 0 && meshself_get(w.s, &before) == 0, "others");
	is_int(tell_self(old, 3).status, RECEIVED_TAKEN, "older ones that come late");
	need(meshself_get(w.s, &after) == 0, "still there");
	ok(memcmp(after.address, before.address, RSA_DER) == 0, "... change nothing");
	need(tell_self(old, 5).status == RECEIVED_TAKEN && meshself_get(w.s, &after) == 0, "later");
	ok(memcmp(after.address, before.address, RSA_DER) != 0, "... what is told later does");
	need(world_run(&w, "DELETE FROM mesh") == SQLITE_OK, "no keys");
	free(old);
}

/* This home as the second of lap's. */
static void first(void)
{
	char one[1024], two[1024], both[2100];
	struct peer carol;

	peer_new(&w, &carol);
	need(device_remove(w.s, lap.row) == 0 && device_add(w.s, lap.row, DEVICE_FIRST, 1) == 0 &&
	         world_run(&w, "DELETE FROM message; DELETE FROM seen") == SQLITE_OK,
	    "first");
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		no_effect(&lap, malformed[i], "a malformed item");
	snprintf(
	    both, sizeof(both), "%s,%s", contact(two, sizeof(two), 6, "half", HEX32), malformed[0]);
	no_effect(&lap, both, "a sound item and a malformed one");
	is_int(tell_as(&lap, NULL, "[]").status, RECEIVED_REFUSED, "no object");
	is_int(tell_as(&lap, NULL, "{\"items\":[]}").status, RECEIVED_REFUSED, "no number");
	is_int(tell(&lap, "{\"what\":\"weather\"}", 1).status, RECEIVED_TAKEN,
	    "what a later version says is passed over");

	message(one, sizeof(one), "in", 7, ID);
	is_int(tell(&lap, one, 2).status, RECEIVED_LATER,
	    "a message of a contact who is not told yet");
	is_int(world_count(&w, "SELECT count(*) FROM message"), 0, "... is not taken");
	contact(two, sizeof(two), 7, "carol", HEX32);
	snprintf(both, sizeof(both), "%s,%s", one, two);
	is_int(tell(&lap, both, 5).status, RECEIVED_TAKEN, "with him it is, in whatever order");
	is_int(world_count(&w, "SELECT count(*) FROM message m JOIN contact c ON c.id = m.contact"
	                       " WHERE c.name = 'carol' AND m.dir = 0"),
	    1, "... as his");
	is_int(world_count(&w, "SELECT length(slots) FROM keyring"), 3 * KEYRING_SLOT,
	    "his key is tried");
	tell(&lap, contact(two, sizeof(two), 7, "old", HEX32), 4);
	is_int(world_count(&w, "SELECT count(*) FROM contact WHERE name = 'old'"), 0,
	    "what is older changes nothing");
	tell(&lap, contact(two, sizeof(two), 8, "carol", HEX32), 6);
	is_int(world_count(&w, "SELECT count(*) FROM contact WHERE name = 'carol-2'"), 1,
	    "a name that is taken gets a number");
	tell(&lap, "{\"what\":\"gone\",\"contact\":7}", 3);
	is_int(world_count(&w, "SELECT count(*) FROM contact WHERE name = 'carol'"), 1,
	    "who went before he was told again is there");
	tell(&lap, "{\"what\":\"gone\",\"contact\":7}", 7);
	is_int(world_count(&w, "SELECT count(*) FROM contact WHERE name = 'carol'"), 0,
	    "then he goes, and his messages");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE dir = 0"), 0, "... all");
	is_int(tell(&bob, "{\"what\":\"ask\"}", 1).status, RECEIVED_REFUSED,
	    "a second device has none itself");
	is_int(devices_first(w.s), MP_EUSAGE, "what the first does is refused here");
	identity_free(carol.id);
}

static void queue_sync(enum queue_state state, uint8_t id)
{
	struct queue_item item = {.contact = lap.row,
	    .state = state,
	    .lane = LANE_CONTROL,
	    .id = {id},
	    .kind = "device-sync",
	    .time = 1,
	    .added = 1,
	    .expires = INT64_MAX};

	need(queue_add(w.s, &item, "sealed", 6) == 0, "queue_add");
}

static int begun(void *ctx, const struct record *rec)
{
	char *names = ctx;

	if (strcmp(rec->kind, "rekey") == 0)
		strcat(strcat(names, rec->contact), " ");
	return 0;
}

static const char *renewed(void)
{
	static char names[400];
	int64_t n = 0;

	names[0] = '\0';
	need(rekeying_due(w.s, &w.cfg, clock_now(), begun, names, &n) == 0, "due");
	return names;
}

/* What a device that is removed may know already is of no use to it, and nothing more goes there.
 */
static void removed(void)
{
	struct rekey r = {.contact = bob.row, .since = clock_now(), .old = true};
	struct peer dave;

	peer_meet(&w, &dave, "dave", CONTACT_ACTIVE, 0);
	need(world_run(&w, "DELETE FROM contact WHERE id IN (SELECT contact FROM shared);"
	                   "UPDATE contact SET blocked = 1 WHERE name = 'dave';"
	                   "UPDATE device SET role = 1; DELETE FROM queue") == SQLITE_OK &&
	         mailbox_make(w.s, 1) == 0 && rekey_put(w.s, &r) == 0,
	    "lap is a second device");
	w.cfg.rekey_age = w.cfg.rekey_count = 0;
	queue_sync(QUEUE_WAITING, 1);
	queue_sync(QUEUE_FAILED, 2);
	queue_sync(QUEUE_WAITING, 3);
	need(world_run(&w,
	         "INSERT INTO carried SELECT seq, 1 FROM queue WHERE state = 0 LIMIT 1;"
	         "UPDATE queue SET state = 3 WHERE seq IN (SELECT seq FROM carried)") == SQLITE_OK,
	    "one is at a relay");
	is_int(devices_remove(w.s, "lap", clock_now()), 0, "a device is removed");
	is_int(world_count(&w, "SELECT count(*) FROM queue"), 0, "what waits for it goes");
	is_str(renewed(), "lap ", "a key that nothing is under way of is renewed at once");
	need(rekey_get(w.s, &r, bob.row) == 0, "rekey_get");
	r.old = false;
	need(rekey_put(w.s, &r) == 0, "his rekey is over");
	is_str(renewed(), "bob lap ", "one that it saw the new key of once that is over");
	need(world_run(&w, "UPDATE contact SET blocked = 0") == SQLITE_OK, "unblocked");
	is_str(renewed(), "bob lap dave ", "that of who is blocked once he is not");
	need(world_run(&w, "UPDATE rekey SET own = NULL, secret = NULL, open = 0") == SQLITE_OK,
	    "over");
	is_str(renewed(), "", "each of them once");
	identity_free(dave.id);
}

int main(void)
{
	world_open(&w);
	peer_meet(&w, &bob, "bob", CONTACT_ACTIVE, 0);
	peer_meet(&w, &lap, "lap", CONTACT_ACTIVE, 0);
	stranger();
	asks();
	second();
	large();
	first();
	keys_late();
	removed();
	identity_free(bob.id);
	identity_free(lap.id);
	buf_free(&e);
	world_close();
	return done();
}
