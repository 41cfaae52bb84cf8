/* Incoming files. */
#include "home.h"
#include "store/transfer.h"

static int count(void *ctx, const struct transfer *t)
{
	int *n = ctx;

	(void)t;
	return ++*n == 100 ? 3 : 0;
}

int main(void)
{
	struct store *s = home_store();
	int64_t bob = home_contact(s, "bob"), carol = home_contact(s, "carol");
	struct transfer_load load;
	struct transfer t = {.contact = bob,
	                    .name = "r\303\251sum\303\251.pdf",
	                    .size = 1000000,
	                    .step = 300000,
	                    .chunks = 4,
	                    .next = 1,
	                    .time = 5,
	                    .touched = 6,
	                    .owed = true},
	                got;
	uint8_t other[16] = {9};
	int n = 0;

	t.id[0] = 1;
	t.status[0] = 2;
	strcpy(t.ref, "ref");
	is_int(transfer_add(s, &t), 0, "offered");
	is_int(transfer_add(s, &t), MP_EEXIST, "once");
	MUST(transfer_get(s, &got, bob, t.id));
	is_str(got.contact_name, "bob", "whose");
	memcpy(t.contact_name, got.contact_name, sizeof t.contact_name);
	ok(memcmp(&got, &t, sizeof t) == 0, "as it was offered");
	is_int(transfer_get(s, &got, carol, t.id), MP_ENONE, "not another's");
	is_int(transfer_find(s, &got, t.id), 0, "by its id alone");
	is_int(transfer_find(s, &got, other), MP_ENONE, "none by another");
	MUST(transfer_quota(s, bob, &load));
	ok(load.bytes == 0 && load.offered == 1 && load.accepted == 0, "an offer");
	t.state = TRANSFER_ACCEPTED;
	MUST(transfer_update(s, &t));
	MUST(transfer_quota(s, bob, &load));
	ok(load.bytes == 1000000 && load.offered == 0 && load.accepted == 1, "accepted: all of it");
	t.next = 4;
	t.owed = false;
	MUST(transfer_update(s, &t));
	MUST(transfer_quota(s, bob, &load));
	is_int(load.bytes, 1000000, "what is there counts as well as what is to come");
	t.state = TRANSFER_COMPLETE;
	strcpy(t.path, "/home/me/files/r");
	MUST(transfer_update(s, &t));
	MUST(transfer_get(s, &got, bob, t.id));
	ok(memcmp(&got, &t, sizeof t) == 0, "as it was updated");
	t.contact = carol;
	is_int(transfer_update(s, &t), MP_ENONE, "none to update");
	for (unsigned i = 0; i < 98; i++) {
		put32(t.id + 4, i);
		t.contact = i % 2 ? bob : carol;
		MUST(transfer_add(s, &t));
	}
	MUST(transfer_get(s, &got, bob, t.id));
	got.owed = true;
	got.status[0] = 7;
	MUST(transfer_update(s, &got));
	is_int(transfer_each_owed(s, count, &n), 0, "what is owed");
	is_int(n, 1, "one");
	MUST(transfer_told(s, bob, other));
	n = 0;
	MUST(transfer_each_owed(s, count, &n));
	is_int(n, 1, "still owed when another status was delivered");
	MUST(transfer_told(s, bob, got.status));
	n = 0;
	MUST(transfer_each_owed(s, count, &n));
	is_int(n, 0, "told");
	is_int(transfer_each(s, count, &n), 0, "all");
	is_int(n, 99, "each once, past a batch's end");
	n = 90;
	is_int(transfer_each(s, count, &n), 3, "fn stops it");
	MUST(contact_remove(s, carol));
	n = 0;
	MUST(transfer_each(s, count, &n));
	is_int(n, 50, "without a removed contact's");
	ok(sound(s), "sound");
	ok(at_rest(s), "at rest");
	store_close(s);
	return done();
}
