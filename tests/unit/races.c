/*
 * What changes between the moment when an envelope is opened and the one when it takes effect.
 * A second connection to the store holds the write lock meanwhile, so that the order is certain.
 */
#include <pthread.h>
#include <sys/stat.h>

#include "tap.h"
#include "world.h"

#define STEP 1024

static struct world w;
static struct peer alice;
static struct buf e = BUF_INIT(ENVELOPE_MAX);
static struct received got;
static struct store *other;

static void *deliver(void *ctx)
{
	(void)ctx;
	got = take(&w, &e);
	return NULL;
}

/* The delivery waits for the write lock: nothing tells so but time. */
static void pause_a_little(void)
{
	struct timespec ts = {.tv_nsec = 100000000};

	nanosleep(&ts, NULL);
}

static int find_any(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)path;
	(void)f;
	return type == FTW_F && st->st_size > 0;
}

static int has_files(const char *dir)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/%s", w.home, dir);
	return nftw(path, find_any, 8, FTW_PHYS) == 1;
}

/* While e is delivered, change() happens. */
static void during(int (*change)(void), const char *appears)
{
	pthread_t t;

	need(store_begin(other) == 0, "begin");
	need(pthread_create(&t, NULL, deliver, NULL) == 0, "thread");
	if (appears != NULL)
		while (!has_files(appears))
			pause_a_little();
	else
		pause_a_little();
	need(change() == 0 && store_commit(other) == 0, "change");
	pthread_join(t, NULL);
	buf_free(&got.reply);
}

static uint8_t file[16] = {1, 2, 3};

static void seal_chunk(int64_t n, const char *body)
{
	struct wire m = wire_make(WIRE_FILE);

	file_chunk_id(m.id, file, (uint32_t)n);
	m.u.file.name = n == 0 ? "x" : NULL;
	m.u.file.size = 5;
	m.u.file.step = STEP;
	m.u.file.chunk = n;
	m.u.file.chunks = 1;
	m.u.file.has_hash = n == 1;
	crypto_hash_sha256(m.u.file.sha256, (const uint8_t *)"hello", 5);
	m.body = (const uint8_t *)body;
	m.blen = strlen(body);
	peer_seal(&e, &alice, &m);
}

static void seal_message(void)
{
	struct wire m = wire_make(WIRE_MESSAGE);

	m.body = (const uint8_t *)"hello";
	m.blen = 5;
	peer_seal(&e, &alice, &m);
}

static int block(void)
{
	return contact_set_blocked(other, alice.row, true);
}

static int unblock(void)
{
	return contact_set_blocked(w.s, alice.row, false);
}

static int forget_key(void)
{
	return key_remove(other, alice.key_row);
}

static int set_state(enum transfer_state state, int64_t next, const char *name)
{
	struct transfer t;
	int rc = transfer_get(other, &t, alice.row, file);

	t.state = state;
	t.next = next;
	if (name != NULL)
		snprintf(t.path, sizeof(t.path), "%s/files/alice/%s", w.home, name);
	return rc != 0 ? rc : transfer_update(other, &t);
}

static int decline(void)
{
	return set_state(TRANSFER_DECLINED, 1, NULL);
}

static int complete(void)
{
	return set_state(TRANSFER_COMPLETE, 2, "x");
}

/* Another process had it complete, and its spool dropped, before we began one of our own. */
static int complete_elsewhere(void)
{
	return set_state(TRANSFER_COMPLETE, 2, "x-2");
}

/* A new offer, accepted, and its only chunk in e. */
static void offered(void)
{
	file[0]++;
	seal_chunk(0, "");
	got = take(&w, &e);
	need(got.status == RECEIVED_REPLY, "offer");
	buf_free(&got.reply);
	seal_chunk(1, "hello");
}

static int remove_files(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/files/alice/x", w.home);
	return unlink(path);
}

int main(void)
{
	world_open(&w);
	need(store_open(&other) == 0, "store_open");
	peer_meet(&w, &alice, "alice", CONTACT_ACTIVE, 0);

	seal_message();
	during(block, NULL);
	ok(got.status == RECEIVED_REFUSED && got.contact == 0, "blocked meanwhile: refused");
	is_int(world_count(&w, "SELECT count(*) FROM message"), 0, "... nothing is stored");
	need(unblock() == 0, "unblock");
	is_int(take(&w, &e).status, RECEIVED_TAKEN, "... taken when he is not any more");

	offered();
	during(decline, "files");
	is_int(got.status, RECEIVED_REPLY, "a file declined while it was checked: told so");
	ok(!has_files("files") && !has_files("spool"), "... nothing of it is left");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'file'"), 0,
	    "... nor in the inbox");

	offered();
	during(block, "files");
	ok(got.status == RECEIVED_REFUSED && got.contact == 0,
	    "blocked while his file was checked: refused");
	ok(!has_files("files"), "... and it is not in its place");
	need(unblock() == 0, "unblock");
	is_int(take(&w, &e).status, RECEIVED_TAKEN, "... taken when he is not any more");
	ok(has_files("files") && !has_files("spool"), "... and is then");
	need(remove_files() == 0, "remove");

	offered();
	during(complete, "files");
	is_int(got.status, RECEIVED_TAKEN, "a file that another one completed meanwhile: taken");
	ok(has_files("files") && !has_files("spool"), "... it stays in its place");
	need(remove_files() == 0, "remove");

	offered();
	during(complete_elsewhere, "files");
	is_int(got.status, RECEIVED_TAKEN, "one that came twice at once: taken");
	ok(!has_files("files") && !has_files("spool"), "... and is not kept a second time");

	seal_message();
	during(forget_key, NULL);
	ok(got.status == RECEIVED_REFUSED && got.contact == 0,
	    "its key removed meanwhile: refused");

	store_close(other);
	identity_free(alice.id);
	buf_free(&e);
	world_close();
	return done();
}
