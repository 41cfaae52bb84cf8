/*
 * fuzz/chat_client: a member's view of a session, and a server who says anything: the input is a
 * list of type 1 | who 1 | length 2 | payload, sealed for the client's machine as they stand and
 * given to the session.  Text that the member had before stays readable, and no key but those
 * remembered is ever believed.
 */
#include "fuzz.h"

#include "base/err.h"
#include "chat/host.h"
#include "chat/guest.h"
#include "node/chatroom.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW INT64_C(1800000000000)

static struct serverkey *key;
static struct store *store;
static uint8_t seed[32] = "me", bob_public[32], bob_secret[64];
static char dir[] = "/tmp/fuzz-chat.XXXXXX";

static void setup(void)
{
	struct chat_account a = {.name = "me",
	    .server = "s:1",
	    .key = "k",
	    .password = (char *)(uintptr_t) "p",
	    .seed = seed};
	static const uint8_t bob[32] = "bob";
	struct chat_peer p;
	char path[64];

	must(sodium_init() >= 0 && mkdtemp(dir) != NULL && serverkey_new(&key) == 0);
	snprintf(path, sizeof(path), "%s/chat.db", dir);
	must(chat_create(path, &a) == 0 && chat_open(&store, path) == 0);
	must(store_run(store, store_sql(store, "PRAGMA synchronous = OFF")) == 0);
	crypto_sign_seed_keypair(bob_public, bob_secret, bob);
	must(chat_peer_meet(store, &p, "bob", bob_public) == 0);
	unlink(path);
	strcat(path, "-turn");
	unlink(path);
	rmdir(dir);
}

static void hear(struct chatroom *r, const struct heard *e)
{
	struct chat_message m;
	struct chat_peer p;
	int rc = 0;

	must(store_begin(store) == 0);
	if (e->event == GUEST_STATUS)
		rc = chatroom_status(r, e->payload, e->n);
	else if (e->event == GUEST_MESSAGE && message_read(&m, true, e->payload, e->n) == 0)
		rc = chatroom_hear(r, e->uid, &m);
	must(rc == 0 || rc == MP_EBAD || rc == MP_ENONE);
	must(chat_peer_get(store, &p, "bob") == 0 && memcmp(p.key, bob_public, 32) == 0);
	if (rc == 0)
		must(store_commit(store) == 0);
	else
		store_rollback(store);
}

/* Both machines, logged in; the server's then says what the input says. */
static bool talk(
    struct chatroom *r, struct host *host, struct guest *guest, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at + 4 <= size;) {
		size_t n = (size_t)(data[at + 2] << 8 | data[at + 3]), length;
		struct buf b = BUF_INIT(70000);
		struct heard e;

		if (n > size - at - 4)
			n = size - at - 4;
		if (host_send(host, &b, (enum frame_type)(data[at] % FRAME_TYPES), 7, data[at + 1],
		        data + at + 4, n) == 0) {
			must(frame_next(b.data, b.len, &length) == 1 && length == b.len);
			if (guest_take(guest, &e, b.data, b.len) != 0) {
				buf_free(&b);
				return false;
			}
			hear(r, &e);
		}
		buf_free(&b);
		at += 4 + n;
	}
	return true;
}

static void clean(void)
{
	static const char *const sql[] = {"DELETE FROM outbox", "DELETE FROM member",
	    "DELETE FROM invited", "DELETE FROM epoch", "DELETE FROM room",
	    "DELETE FROM peer WHERE name <> 'bob'"};

	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++)
		must(store_run(store, store_sql(store, sql[i])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = BUF_INIT(70000);
	struct guest *guest = NULL;
	struct host *host = host_new();
	struct chatroom r;
	struct request q;
	struct heard e;

	if (store == NULL)
		setup();
	must(host != NULL && guest_login(&guest, &b, key, "me", "p", NOW) == 0);
	must(host_take(host, &q, key, NOW, b.data, b.len) == 0 && q.action == HOST_LOGIN);
	buf_clear(&b);
	must(host_admit(host, &b, 5) == 0 && guest_take(guest, &e, b.data, b.len) == 0);
	must(chatroom_open(&r, store, 7, "me", seed) == 0);
	r.own = 5;
	must(chat_invited_add(store, 7, "bob") == 0);
	talk(&r, host, guest, data, size);
	chatroom_close(&r);
	host_free(host);
	guest_free(guest);
	buf_free(&b);
	clean();
	return 0;
}
