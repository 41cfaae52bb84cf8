/* sealer: what a peer reads in what we sealed, what the history keeps, what is refused. */
#include "node/sealer.h"
#include "base/base64.h"
#include "tap.h"
#include "world.h"

#include <fcntl.h>

static struct world w;
static struct sealer *z;
static struct peer bob;

/* The last sealed record, opened as bob would. */
static struct {
	int n;
	struct record rec; /* no body */
	struct buf envelope, plain;
	struct wire wire;
	int opened;
	/* of a file */
	crypto_hash_sha256_state hash;
	int64_t bytes;
	size_t largest;
} got;

static int sink(void *ctx, const struct record *sealed)
{
	struct envelope e;

	(void)ctx;
	wire_free(&got.wire);
	got.n++;
	got.rec = *sealed;
	buf_clear(&got.envelope);
	need(base64_decode(&got.envelope, (char *)sealed->body.data, sealed->body.len) == 0,
	    "base64");
	got.opened =
	    envelope_open(&e, &got.plain, got.envelope.data, got.envelope.len, bob.recv, bob.cid);
	if (got.opened == 0)
		got.opened = wire_decode(&got.wire, &e);
	if (got.envelope.len > got.largest)
		got.largest = got.envelope.len;
	crypto_hash_sha256_update(&got.hash, got.wire.body, got.wire.blen);
	got.bytes += (int64_t)got.wire.blen;
	return 0;
}

static int stop(void *ctx, const struct record *sealed)
{
	(void)sealed;
	++*(int *)ctx;
	return MP_ESYS;
}

static struct record make(const char *kind, const char *contact, const void *body, size_t len)
{
	struct record r;

	record_init(&r);
	r.class = CLASS_OUT;
	strcpy(r.kind, kind);
	strcpy(r.contact, contact);
	if (body != NULL) {
		need(buf_add(&r.body, body, len) == 0, "body");
		r.has_body = true;
	}
	return r;
}

/* Seals it and returns the code. */
static int seal(const char *kind, const char *contact, const void *body, size_t len)
{
	struct record r = make(kind, contact, body, len);
	int rc = sealer_record(z, &r, sink, NULL);

	record_free(&r);
	return rc;
}

static void refuses(
    int code, const char *kind, const char *contact, const char *body, const char *detail)
{
	struct dump before = world_dump(&w);
	int n = got.n;

	is_int(seal(kind, contact, body, body != NULL ? strlen(body) : 0), code, detail);
	is_str(err_detail(), detail, "... says so");
	ok(got.n == n && strcmp(world_dump(&w).hex, before.hex) == 0, "... and has no effect");
}

static void test_message(void)
{
	struct record r = make("message", "bob", "hi\0\n", 4);
	uint8_t first[12];

	r.has_id = true;
	memset(r.id, 7, sizeof(r.id));
	r.time = 1234567890123;
	is_int(sealer_record(z, &r, sink, NULL), 0, "a message is sealed");
	is_int(got.opened, 0, "and opens with the peer's key");
	ok(got.wire.type == WIRE_MESSAGE && got.wire.blen == 4 &&
	        memcmp(got.wire.body, "hi\0\n", 4) == 0,
	    "with its text, byte for byte");
	ok(memcmp(got.wire.id, r.id, 16) == 0 && got.wire.time == 1234567890123, "its id and time");
	ok(got.rec.class == CLASS_SEALED && strcmp(got.rec.kind, "message") == 0 &&
	        strcmp(got.rec.contact, "bob") == 0 && memcmp(got.rec.id, r.id, 16) == 0,
	    "the record names them too");
	is_int((long long)strlen(got.rec.ref), 62, "and the address");
	is_int((long long)got.envelope.len, ENVELOPE_MIN, "a short one is of the least size");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE dir = 1 AND state = 10"), 1,
	    "the text is kept");
	is_int(world_count(&w, "SELECT sealed FROM key"), 1, "the key counts");
	memcpy(first, got.envelope.data, 12);
	is_int(sealer_record(z, &r, sink, NULL), 0, "the same id again is sealed");
	ok(memcmp(first, got.envelope.data, 12) != 0, "with another IV");
	is_int(world_count(&w, "SELECT count(*) FROM message"), 1, "and not kept twice");
	is_int(world_count(&w, "SELECT sealed FROM key"), 2, "but counted");
	record_free(&r);

	is_int(seal("message", "bob", "x", 1), 0, "one without id and time");
	ok(!sodium_is_zero(got.wire.id, 16) && llabs(got.wire.time - clock_now()) < 60000,
	    "gets them");
}

static void test_limits(void)
{
	char *big = malloc(MESSAGE_TEXT + 1);

	memset(big, 'a', MESSAGE_TEXT + 1);
	is_int(seal("message", "bob", big, MESSAGE_TEXT), 0, "64 KiB is a message");
	is_int((long long)got.wire.blen, MESSAGE_TEXT, "whole");
	is_int(seal("message", "bob", big, MESSAGE_TEXT + 1), MP_ELIMIT, "a byte more is not");
	is_str(err_detail(), "longer than 64 KiB: send it as a file with -f", "... says so");
	free(big);
}

static void test_refusals(void)
{
	struct peer p;

	peer_meet(&w, &p, "offered", CONTACT_OFFERED, 0);
	peer_meet(&w, &p, "blocked", CONTACT_ACTIVE, 0);
	need(contact_set_blocked(w.s, p.row, true) == 0, "block");
	refuses(MP_ENONE, "message", "nobody", "x", "no contact 'nobody'");
	refuses(MP_EUSAGE, "message", "", "x", "no contact named");
	refuses(MP_EUSAGE, "message", "offered", "x", "'offered' has not accepted our card yet");
	refuses(MP_EUSAGE, "message", "blocked", "x", "'blocked' is blocked");
	refuses(MP_EBAD, "message", "bob", NULL, "an empty message");
	refuses(MP_EUSAGE, "introduction", "bob", "{}", "kind 'introduction' cannot be sealed");
	refuses(MP_EUSAGE, "file", "bob", "{\"name\":\"x\"}",
	    "a file is sealed with -f, not from a record");
	refuses(MP_EUSAGE, "initial-contact", "bob", "{}",
	    "this meeting is over: it was confirmed or has expired");
	ok(seal("file-status", "bob", "{}", 2) == MP_EBAD, "a status needs its fields");
	is_int(sealer_check(z, "nobody"), MP_ENONE, "a name can be checked before");
	is_int(sealer_check(z, "bob"), 0, "a good one too");
}

static void test_control(void)
{
	static const char status[] =
	    "{\"file\":\"000102030405060708090a0b00000000\",\"answer\":\"from\",\"from\":3}";
	long long before = world_count(&w, "SELECT count(*) FROM message");

	is_int(seal("ping", "bob", NULL, 0), 0, "a ping is sealed");
	is_int(got.wire.type, WIRE_PING, "and is one");
	is_int(seal("file-status", "bob", status, sizeof(status) - 1), 0, "a file-status");
	ok(got.wire.u.status.answer == FILE_FROM && got.wire.u.status.from == 3 &&
	        got.wire.u.status.file[11] == 11,
	    "says what the record said");
	is_int(world_count(&w, "SELECT count(*) FROM message"), before, "neither is history");
}

/* We accepted dave's card: his offer's key and the pair's. */
static void test_initial(void)
{
	struct peer dave;
	struct contact_key k = {.role = KEY_OFFER, .has_send = true};
	struct contact c;
	struct envelope e;
	struct wire g;
	struct record r = make("initial-contact", "dave", "{\"nickname\":\"me\"}", 17);
	uint8_t proof[32];
	static const uint8_t greeting[16] = "0123456789abcdef";

	peer_meet(&w, &dave, "dave", CONTACT_PENDING, 0);
	k.contact = dave.row;
	memcpy(k.cid, dave.cid, 32);
	memcpy(k.secret, dave.secret, 32);
	need(kdf_offer(k.send, dave.secret, dave.cid, dave.id->key) == 0 && key_add(w.s, &k) == 0,
	    "offer key");
	need(contact_by_row(w.s, &c, dave.row) == 0, "dave");
	r.has_id = true;
	memcpy(r.id, greeting, 16);
	is_int(sealer_record(z, &r, sink, NULL), 0, "an initial-contact is sealed");
	ok(got.opened != 0, "not for bob");
	need(envelope_open(&e, &got.plain, got.envelope.data, got.envelope.len, k.send, dave.cid) ==
	             0 &&
	         wire_decode(&g, &e) == 0,
	    "open");
	ok(g.type == WIRE_INITIAL_CONTACT && memcmp(g.u.initial.sender, w.self->key, 32) == 0 &&
	        strcmp(g.u.initial.nickname, "me") == 0,
	    "under the offer's key, with our address and nickname");
	kdf_proof(proof, dave.send, g.id);
	ok(memcmp(proof, g.u.initial.proof, 32) != 0, "a proof in the other direction is not ours");
	kdf_proof(proof, dave.recv, g.id);
	ok(memcmp(proof, g.u.initial.proof, 32) == 0, "the proof holds under the pair's key");
	wire_free(&g);
	record_free(&r);
	is_int(seal("message", "dave", "x", 1), 0, "and a message can follow at once");
}

static void make_file(const char *path, size_t n, uint8_t hash[32])
{
	uint8_t *data = malloc(n + 1);

	randombytes_buf(data, n);
	need(file_write(path, data, n, 0600, true) == 0, path);
	crypto_hash_sha256(hash, data, n);
	free(data);
}

static int seal_file(const char *path, sealer_sink *to, void *ctx)
{
	int fd = open(path, O_RDONLY);
	int rc = sealer_file(z, "bob", fd, "a b.bin", to, ctx, NULL);

	close(fd);
	return rc;
}

static void test_file(size_t n)
{
	char path[100];
	uint8_t hash[32], whole[32];
	int before = got.n;
	long long sealed = world_count(&w, "SELECT sealed FROM key WHERE contact = 1");
	int64_t chunks = ((int64_t)n + FILE_STEP - 1) / FILE_STEP;

	snprintf(path, sizeof(path), "%s/file", w.home);
	make_file(path, n, hash);
	crypto_hash_sha256_init(&got.hash);
	got.bytes = 0;
	is_int(seal_file(path, sink, NULL), 0, "a file is sealed");
	is_int(got.n - before, chunks + 1, "as an offer and its chunks");
	crypto_hash_sha256_final(&got.hash, whole);
	ok(got.bytes == (int64_t)n && memcmp(whole, hash, 32) == 0, "which are all of it (%zu)", n);
	ok(got.wire.u.file.has_hash && memcmp(got.wire.u.file.sha256, hash, 32) == 0,
	    "the last has its hash");
	is_int(file_chunk_of(got.rec.id), chunks, "and number");
	is_int(world_count(&w, "SELECT sealed FROM key WHERE contact = 1") - sealed, chunks + 1,
	    "the key counts each");
}

/* Reads what was appended behind the sealer's back. */
static int grow(void *ctx, const struct record *sealed)
{
	int fd = open(ctx, O_WRONLY | O_APPEND);

	(void)sealed;
	need(fd >= 0 && write(fd, "more", 4) == 4, "append");
	close(fd);
	return 0;
}

static int cut(void *ctx, const struct record *sealed)
{
	(void)sealed;
	need(truncate(ctx, 5) == 0, "truncate");
	return 0;
}

static void test_file_faults(void)
{
	char path[100];
	uint8_t hash[32];
	int calls = 0;

	snprintf(path, sizeof(path), "%s/file", w.home);
	make_file(path, 3 * FILE_STEP, hash);
	is_int(seal_file(path, grow, path), MP_EBAD, "a file that grows is refused");
	make_file(path, 3 * FILE_STEP, hash);
	is_int(seal_file(path, cut, path), MP_EBAD, "one that shrinks as well");
	make_file(path, 3 * FILE_STEP, hash);
	is_int(seal_file(path, stop, &calls), MP_ESYS, "the sink stops it");
	is_int(calls, 1, "at once");
	is_int(seal_file("/tmp", sink, NULL), MP_EUSAGE, "a directory is no file");
	is_int(seal_file("/dev/null", sink, NULL), MP_EUSAGE, "nor is a device");
}

static int warned;

static void warn(const char *contact)
{
	warned += strcmp(contact, "bob") == 0;
}

static void set_sealed(long long n)
{
	char sql[100];

	snprintf(sql, sizeof(sql), "UPDATE key SET sealed = %lld WHERE contact = 1 RETURNING 1", n);
	need(world_count(&w, sql) == 1, sql);
}

static void test_count(void)
{
	struct buf e = BUF_INIT(ENVELOPE_MAX);
	struct wire ping = wire_make(WIRE_PING);

	set_sealed((1LL << 31) - 2);
	is_int(seal("ping", "bob", NULL, 0), 0, "below 2^31");
	is_int(warned, 0, "no warning");
	is_int(seal("ping", "bob", NULL, 0), 0, "at 2^31");
	is_int(warned, 1, "a warning");
	set_sealed((1LL << 32) - 1);
	is_int(seal("ping", "bob", NULL, 0), 0, "the last one");
	is_int(seal("ping", "bob", NULL, 0), MP_ELIMIT, "2^32 is the end");
	is_int(seal_wire(&e, w.s, bob.row, &ping), MP_ELIMIT, "for replies too");
	set_sealed(0);
	is_int(seal_wire(&e, w.s, bob.row, &ping), 0, "seal_wire() seals");
	is_int(world_count(&w, "SELECT sealed FROM key WHERE contact = 1"), 1, "and counts");
	buf_free(&e);
}

static void test_blank(void)
{
	struct sealer_options o = {.blank = true};

	sealer_free(z);
	need(sealer_new(&z, w.s, &w.cfg, &o) == 0, "sealer");
	is_int(seal("message", "bob", "x", 1), 0, "blank");
	ok(got.rec.contact[0] == '\0' && got.rec.ref[0] == '\0', "names nobody");
	is_int(got.opened, 0, "and opens");
}

int main(void)
{
	struct sealer_options o = {.warn = warn};

	world_open(&w);
	got.envelope.max = got.plain.max = ENVELOPE_MAX;
	peer_meet(&w, &bob, "bob", CONTACT_ACTIVE, 0);
	need(sealer_new(&z, w.s, &w.cfg, &o) == 0, "sealer");
	test_message();
	test_limits();
	test_refusals();
	test_control();
	test_initial();
	test_file(0);
	test_file(1);
	test_file(FILE_STEP);
	test_file(FILE_STEP + 1);
	test_file(300 * FILE_STEP);
	is_int((long long)got.largest, 262144 + 28, "no chunk is padded past the next step");
	test_file_faults();
	test_count();
	test_blank();
	sealer_free(z);
	wire_free(&got.wire);
	buf_free(&got.envelope);
	buf_free(&got.plain);
	world_close();
	return done();
}
