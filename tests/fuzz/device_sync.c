/*
 * fuzz/device_sync: the body of a device-sync that the first device sends to its second.  Whatever
 * it says: what is refused changes nothing, and what was taken has no second effect.
 */
#include "fuzz.h"

#include "store/device.h"
#include "world.h"

static struct world w;
static struct peer first;

static void begin(void)
{
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	world_open(&w);
	peer_meet(&w, &first, "first", CONTACT_ACTIVE, 0);
	need(device_add(w.s, first.row, DEVICE_FIRST, 1) == 0, "device");
}

static int64_t changes(void)
{
	sqlite3_stmt *st = store_sql(w.s, "SELECT (SELECT count(*) FROM contact) * 1000000"
	                                  " + (SELECT count(*) FROM key) * 10000"
	                                  " + (SELECT count(*) FROM message) * 100"
	                                  " + (SELECT count(*) FROM meshserver)");
	int64_t n;

	must(st != NULL && store_step(w.s, st) == 1);
	n = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return n;
}

static void deliver(const struct buf *e)
{
	int64_t before = changes();
	struct received one, two;

	(void)receiver_take(w.r, e->data, e->len, VIA_HAND, &one);
	must(one.status == RECEIVED_TAKEN || one.status == RECEIVED_REFUSED ||
	     one.status == RECEIVED_LATER);
	if (one.status == RECEIVED_REFUSED)
		must(one.contact == 0 && changes() == before);
	before = changes();
	if (one.status == RECEIVED_TAKEN) {
		(void)receiver_take(w.r, e->data, e->len, VIA_HAND, &two);
		must(two.status == RECEIVED_TAKEN && two.repeated && changes() == before);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire m = {.type = WIRE_DEVICE_SYNC, .id = {1}, .body = data, .blen = size};
	struct buf e = BUF_INIT(ENVELOPE_MAX);

	if (w.s == NULL)
		begin();
	if (size < 2 || size > SYNC_TEXT)
		return 0;
	m.time = clock_now();
	peer_seal(&e, &first, &m);
	/* One transaction round everything, undone at the end: each input finds the same store. */
	must(store_begin(w.s) == 0);
	deliver(&e);
	store_rollback(w.s);
	buf_free(&e);
	return 0;
}
