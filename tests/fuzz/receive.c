/*
 * fuzz/receive: the whole way in, on a store with a contact, a used card and a file that is half
 * here.  The input is deliveries (fuzz.h), by letter:
 *
 *     m  header, newline, body: sealed as our contact would
 *     p  a plaintext behind the contact id: sealed as it stands, padded to what its length asks for
 *     o  like m, under the key of a card that is out
 *     g  an initial-contact with a right proof: whose (a digit), message id (16), the nickname
 *     r  an envelope
 *
 * Capitals bring the same by hand.  Whatever comes: what is refused changes nothing, and what is a
 * repetition has no second effect.
 */
#include "fuzz.h"

#include "world.h"

static struct world w;
static struct peer alice, card;
static struct identity *greeter[2];

static void peer_fixed(struct peer *p, const char *name, enum contact_state state, uint8_t n)
{
	struct contact c = {.state = state, .has_onion = state != CONTACT_OFFERED};
	uint8_t seed[32] = {n};

	need(identity_from_seed(&p->id, seed) == 0, "identity");
	memset(p->cid, n, sizeof(p->cid));
	memset(p->secret, n + 1, sizeof(p->secret));
	need(kdf_pair(p->send, p->recv, p->id, w.self->key, p->secret, p->cid) == 0, "pair");
	strcpy(c.name, name);
	memcpy(c.onion, p->id->key, 32);
	need(contact_add(w.s, &c, clock_now()) == 0, "contact_add");
	p->row = c.row;
	peer_add_key(&w, p, state == CONTACT_OFFERED ? KEY_OFFER : KEY_PAIR, 0);
}

static void begin(void)
{
	uint8_t seed[32] = {1};

	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	world_home(&w);
	need(identity_from_seed(&w.self, seed) == 0 && store_create() == 0 &&
	         identity_write(w.self) == 0 && store_open(&w.s) == 0 &&
	         receiver_new(&w.r, w.s, &w.cfg) == 0,
	    "no world");
	peer_fixed(&alice, "alice", CONTACT_ACTIVE, 2);
	peer_fixed(&card, "card", CONTACT_OFFERED, 4);
	for (uint8_t i = 0; i < 2; i++) {
		seed[0] = (uint8_t)(10 + i);
		need(identity_from_seed(&greeter[i], seed) == 0, "identity");
	}
}

static int64_t changes(void)
{
	sqlite3_stmt *st = store_sql(w.s, "SELECT total_changes()");
	int64_t n;

	must(st != NULL && store_step(w.s, st) == 1);
	n = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return n;
}

static void deliver(const struct buf *e, enum receive_via via)
{
	int64_t before = changes(), warnings;
	struct received one, two;

	(void)receiver_take(w.r, e->data, e->len, via, &one);
	must(one.status == RECEIVED_TAKEN || one.status == RECEIVED_REPLY ||
	     one.status == RECEIVED_REFUSED || one.status == RECEIVED_QUOTA ||
	     one.status == RECEIVED_LATER);
	must((one.reply.len > 0) == (one.status == RECEIVED_REPLY));
	if (one.status == RECEIVED_REFUSED) {
		must(one.contact == 0 && one.retry_after == 0);
		/* The warning of a used card, or of a rekey that cannot be: a note and an event. */
		warnings = changes() - before;
		must(warnings == 0 || (warnings == 2 && (one.type == WIRE_INITIAL_CONTACT ||
		                                            one.type == WIRE_REKEY)));
	}
	before = changes();
	if (store_in_transaction(w.s) && one.status == RECEIVED_TAKEN &&
	    (one.type == WIRE_MESSAGE || one.type == WIRE_INITIAL_CONTACT)) {
		(void)receiver_take(w.r, e->data, e->len, via, &two);
		must(two.status == RECEIVED_TAKEN && two.repeated && changes() == before);
		buf_free(&two.reply);
	}
	buf_free(&one.reply);
}

static void seal_text(
    struct buf *e, const struct peer *p, const uint8_t key[32], const uint8_t *data, size_t n)
{
	const uint8_t *lf = n > 0 ? memchr(data, '\n', n) : NULL;
	size_t hlen = lf != NULL ? (size_t)(lf - data) : n;

	(void)envelope_seal(
	    e, key, p->cid, data, hlen, data + hlen + 1, lf != NULL ? n - hlen - 1 : 0);
}

/* The byte that the first one names becomes another, by the last one. */
static void seal_damaged(struct buf *e, const uint8_t *data, size_t n)
{
	(void)envelope_seal(e, alice.send, alice.cid, data, n, NULL, 0);
	if (e->len > 0 && n > 0)
		e->data[data[0] % e->len] ^= data[n - 1];
}

static void seal_greeting(struct buf *e, const uint8_t *data, size_t n)
{
	uint8_t id[16] = {0};
	char nickname[65] = "";

	if (n < 17)
		return;
	memcpy(id, data + 1, 16);
	n = n - 17 < 64 ? n - 17 : 64;
	memcpy(nickname, data + 17, n);
	for (size_t i = 0; i < n; i++)
		nickname[i] = (char)(nickname[i] & 0x7f) < ' ' ? ' ' : (char)(nickname[i] & 0x7f);
	for (size_t i = 0; i < n; i++)
		if (nickname[i] == 0x7f)
			nickname[i] = ' ';
	peer_greet(&w, e, &card, greeter[data[0] & 1], id, n > 0 ? nickname : NULL);
}

static void one(uint8_t how, const uint8_t *data, size_t n)
{
	struct buf e = BUF_INIT(2 * ENVELOPE_MAX);
	uint8_t offer[32];

	switch (how | 0x20) {
	case 'm':
		seal_text(&e, &alice, alice.send, data, n);
		break;
	case 'o':
		need(kdf_offer(offer, card.secret, card.cid, w.self->key) == 0, "offer");
		seal_text(&e, &card, offer, data, n);
		break;
	case 'd':
		seal_damaged(&e, data, n);
		break;
	case 'g':
		seal_greeting(&e, data, n);
		break;
	default:
		need(buf_add(&e, data, n) == 0, "data");
	}
	deliver(&e, how & 0x20 ? VIA_REQUEST : VIA_HAND);
	buf_free(&e);
}

static int forget(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)f;
	return type == FTW_F ? unlink(path) : 0;
}

static bool going(void)
{
	return store_in_transaction(w.s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char dir[100];

	if (w.s == NULL)
		begin();
	/* One transaction round everything, undone at the end: each input finds the same store. */
	must(store_begin(w.s) == 0);
	deliveries(data, size, going, one);
	store_rollback(w.s);
	snprintf(dir, sizeof(dir), "%s/spool", w.home);
	nftw(dir, forget, 8, FTW_PHYS);
	snprintf(dir, sizeof(dir), "%s/files", w.home);
	nftw(dir, forget, 8, FTW_PHYS);
	return 0;
}
