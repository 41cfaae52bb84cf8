/*
 * fuzz/telling: contact-updates and receipts, as our contact alice seals them.  The input is a
 * sequence of deliveries: a letter, two bytes of length (big endian), the data, whose first byte is
 * the message's time.
 * u: a contact-update, the rest is its mesh address, whose keys and certificate become right ones
 * U: the same with the keys as they stand
 * r: a receipt, the rest is its header's "ids"
 * An update that is refused changes nothing, one that is taken is what is known then unless it was
 * older; a receipt takes messages and updates to alice out of the queue, and nothing else.
 */
#include "fuzz.h"

#include "world.h"

#include "mesh/address.h"
#include "store/letterbox.h"
#include "store/sql.h"

static struct world w;
static struct peer alice, bob;
static struct address right;

/* Ids are a digit and zeros. */
static void queue(const struct peer *to, enum wire_type type, uint8_t digit)
{
	struct queue_item item = {
	    .contact = to->row, .lane = wire_lane(type), .time = 1, .expires = INT64_MAX};

	snprintf(item.kind, sizeof(item.kind), "%s", wire_type_name(type));
	item.id[0] = (uint8_t)(digit << 4);
	need(queue_add(w.s, &item, "x", 1) == 0, "queue");
}

static void begin(void)
{
	struct rsa_key *signing, *opening;

	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	world_open(&w);
	peer_meet(&w, &alice, "alice", CONTACT_ACTIVE, 0);
	peer_meet(&w, &bob, "bob", CONTACT_ACTIVE, 0);
	need(rsa_new(&signing) == 0 && rsa_new(&opening) == 0 &&
	         address_certify(&right, signing, opening) == 0,
	    "address");
	rsa_free(signing);
	rsa_free(opening);
	queue(&alice, WIRE_MESSAGE, 1);
	queue(&alice, WIRE_MESSAGE, 2);
	queue(&alice, WIRE_CONTACT_UPDATE, 3);
	queue(&alice, WIRE_PING, 4);
	queue(&alice, WIRE_RECEIPT, 5);
	queue(&bob, WIRE_MESSAGE, 1);
	queue(&bob, WIRE_CONTACT_UPDATE, 6);
}

static int64_t count(const char *sql)
{
	int64_t n = -1;

	must(sql_int(w.s, &n, sql, "") >= 0);
	return n;
}

static int deliver(const struct wire *m, bool *repeated)
{
	struct buf e = BUF_INIT(ENVELOPE_MAX), header = BUF_INIT(ENVELOPE_MAX);
	int status = RECEIVED_REFUSED;
	struct received got;

	if (wire_encode(&header, m) == 0 &&
	    envelope_seal(&e, alice.send, alice.cid, header.data, header.len, NULL, 0) == 0) {
		(void)receiver_take(w.r, e.data, e.len, VIA_HAND, &got);
		status = got.status;
		*repeated = got.repeated;
		buf_free(&got.reply);
	}
	buf_free(&header);
	buf_free(&e);
	return status;
}

static void make_right(json_t *o)
{
	must(field_set_bytes(o, "address", right.key, RSA_DER) == 0 &&
	     field_set_bytes(o, "encryption", right.encryption, RSA_DER) == 0 &&
	     field_set_bytes(o, "certificate", right.certificate, RSA_BYTES) == 0);
}

static void known(struct letterbox *b)
{
	int rc = letterbox_get(w.s, b, alice.row);

	must(rc == 0 || rc == MP_ENONE);
}

static void update(json_t *o, struct wire *m)
{
	struct letterbox before, after;
	struct address a;
	bool repeated = false;

	m->u.update.mesh = o;
	known(&before);
	if (deliver(m, &repeated) != RECEIVED_TAKEN) {
		known(&after);
		must(memcmp(&before, &after, sizeof(after)) == 0);
		return;
	}
	must(letterbox_get(w.s, &after, alice.row) == 0 && address_read(&a, o) == 0);
	if (repeated) {
		must(memcmp(&before, &after, sizeof(after)) == 0 && m->time <= before.time);
		return;
	}
	must(after.has_theirs && after.time == m->time && after.n == a.n &&
	     memcmp(after.address, a.key, RSA_DER) == 0 &&
	     memcmp(after.encryption, a.encryption, RSA_DER) == 0 &&
	     memcmp(after.theirs, a.secret, 32) == 0 &&
	     memcmp(after.relay, a.relay, a.n * ONION_KEY) == 0);
}

static void receipt(const json_t *ids, struct wire *m)
{
	int64_t before = count("SELECT count(*) FROM queue");
	bool repeated;
	const json_t *v;
	size_t i;

	json_array_foreach(ids, i, v)
	{
		if (i < RECEIPT_MAX && json_is_string(v) &&
		    hex_decode(m->u.receipt.id[i], MESSAGE_ID, json_string_value(v)) == 0)
			m->u.receipt.n = i + 1;
	}
	if (deliver(m, &repeated) != RECEIVED_TAKEN)
		must(count("SELECT count(*) FROM queue") == before);
	must(count("SELECT count(*) FROM queue WHERE kind IN ('ping', 'receipt')") == 2);
	must(count("SELECT count(*) FROM queue q JOIN contact c ON c.id = q.contact"
	           " WHERE c.name = 'bob'") == 2);
}

static void one(uint8_t how, const uint8_t *data, size_t n)
{
	struct wire m = {.time = clock_now() - MP_DAY};
	json_t *o;

	/* A list is no object, which is all that json_read() takes. */
	if (n < 1 || json_read(&o, (const char *)data + 1, n - 1) != 0)
		return;
	m.time += data[0];
	randombytes_buf(m.id, sizeof(m.id));
	m.type = how == 'r' ? WIRE_RECEIPT : WIRE_CONTACT_UPDATE;
	if (how == 'u')
		make_right(o);
	if (how == 'r')
		receipt(json_object_get(o, "ids"), &m);
	else
		update(o, &m);
	json_decref(o);
}

static bool going(void)
{
	return store_in_transaction(w.s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (w.s == NULL)
		begin();
	must(store_begin(w.s) == 0);
	deliveries(data, size, going, one);
	store_rollback(w.s);
	return 0;
}
