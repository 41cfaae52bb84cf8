/*
 * What the store costs when it is large: lines of `what value unit`.
 *   bench-store [MESSAGES [CONTACTS]]      1,000,000 and 10,000
 *
 * In a new home under $TMPDIR, which should be on the disk that is meant.  The figure to hold
 * commits against is fsync-append: a small write and fdatasync(), again and again.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "store/contact.h"
#include "store/message.h"
#include "store/queue.h"

#define NEW 100
#define COMMITS 3000

static void must(int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bench-store: %s\n", err_detail());
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sql(struct store *s, const char *text)
{
	if (sqlite3_exec(sqlite3_db_handle(store_sql(s, "SELECT 1")), text, NULL, NULL, NULL) ==
	    SQLITE_OK)
		return;
	fprintf(stderr, "bench-store: %s\n", text);
	exit(1);
}

static void add_contact(struct store *s, int n)
{
	struct contact c = {.state = CONTACT_ACTIVE, .has_onion = true};
	struct contact_key k = {.role = KEY_PAIR, .has_send = true, .has_recv = true};

	snprintf(c.name, sizeof c.name, "contact-%d", n);
	randombytes_buf(c.onion, sizeof c.onion);
	must(contact_add(s, &c, 1));
	k.contact = c.row;
	randombytes_buf(k.recv, sizeof k.recv);
	randombytes_buf(k.cid, sizeof k.cid);
	must(key_add(s, &k));
}

/* Keys by the statement, the keyring once: a rebuild for each would be what it is not meant for. */
static void fill(struct store *s, int messages, int contacts)
{
	char text[700];

	must(store_begin(s));
	snprintf(text, sizeof text,
	    "INSERT INTO contact (name, state, onion, isolation, created)"
	    " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	    " SELECT 'n' || i, 2, randomblob(32), randomblob(16), 1 FROM n",
	    contacts);
	sql(s, text);
	sql(s, "INSERT INTO key (contact, epoch, role, cid, secret, send, recv)"
	       " SELECT id, 0, 1, randomblob(32), randomblob(32), randomblob(32), randomblob(32) "
	       "FROM contact");
	must(keyring_rebuild(s));
	snprintf(text, sizeof text,
	    "INSERT INTO message (contact, dir, id, kind, time, stored, state, body)"
	    " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	    " SELECT 1 + i %% %d, i %% 2, randomblob(16), 'message', i, i,"
	    " CASE WHEN i %% %d = 0 AND i %% 2 = 0 THEN 0 WHEN i %% 2 = 0 THEN 1 ELSE 12 END, "
	    "randomblob(100)"
	    " FROM n",
	    messages, contacts, messages / NEW);
	sql(s, text);
	must(store_commit(s));
	must(store_erase(s));
}

static int print(void *ctx, const struct record *rec, int64_t seq)
{
	(void)seq;
	return record_write(ctx, rec, false);
}

/* With the opening, as mp-inbox does it; the first is with a cold cache of SQLite's own. */
static void bench_inbox(const struct message_query *q, const char *name)
{
	FILE *null = fopen("/dev/null", "w");
	double best = 1e9;

	for (int i = 0; i < 10; i++) {
		double start = now(), took;
		struct store *s;

		must(store_open(&s));
		must(message_each(s, q, print, null));
		store_close(s);
		took = now() - start;
		best = took < best ? took : best;
	}
	printf("%s %.2f ms\n", name, best * 1e3);
	fclose(null);
}

static void bench_open(void)
{
	double best = 1e9;

	for (int i = 0; i < 50; i++) {
		double start = now(), took;
		struct store *s;

		must(store_open(&s));
		took = now() - start;
		store_close(s);
		best = took < best ? took : best;
	}
	printf("store-open %.3f ms\n", best * 1e3);
}

static void bench_keyring(struct store *s)
{
	struct buf b = BUF_INIT(64u << 20);
	int64_t version = -1;
	double best = 1e9, start;

	for (int i = 0; i < 50; i++) {
		version = -1;
		start = now();
		must(keyring_load(s, &b, &version));
		best = now() - start < best ? now() - start : best;
	}
	printf("keyring-load %.3f ms\n", best * 1e3);
	start = now();
	for (int i = 0; i < 1000; i++)
		must(keyring_load(s, &b, &version));
	printf("keyring-unchanged %.3f ms\n", now() - start);
	start = now();
	for (int i = 0; i < 10; i++)
		add_contact(s, i);
	printf("contact-add %.2f ms\n", (now() - start) * 100);
	must(store_begin(s));
	start = now();
	for (int i = 0; i < 10; i++)
		must(keyring_rebuild(s));
	printf("keyring-rebuild %.2f ms\n", (now() - start) * 100);
	must(store_commit(s));
	buf_free(&b);
}

/* A message received: taken, stored, counted. */
static void receive(struct store *s, struct record *rec)
{
	int64_t n;

	randombytes_buf(rec->id, sizeof rec->id);
	must(store_begin(s));
	must(seen_get(s, 5, rec->id, NULL));
	must(message_unread(s, 5, &n));
	must(message_add(s, 5, DIR_IN, MESSAGE_READ, rec, clock_now()));
	must(seen_add(s, 5, rec->id, NULL, 0));
	must(store_commit(s));
}

static void bench_commits(struct store *s)
{
	struct record rec;
	double start;
	int fd = open(home_file("append"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	static char block[4096];

	record_init(&rec);
	rec.has_id = rec.has_body = true;
	strcpy(rec.kind, "message");
	must(buf_adds(&rec.body, "a message of no great length, as most of them are"));
	start = now();
	for (int i = 0; i < COMMITS; i++)
		receive(s, &rec);
	printf("commits %.0f /s\n", COMMITS / (now() - start));
	start = now();
	for (int i = 0; i < COMMITS; i++)
		if (write(fd, block, sizeof block) != (ssize_t)sizeof block || fdatasync(fd) != 0)
			exit(1);
	printf("fsync-append %.0f /s\n", COMMITS / (now() - start));
	close(fd);
	record_free(&rec);
}

static void bench_maintenance(struct store *s)
{
	double start = now();
	struct stat st;
	int64_t n;

	must(contact_remove(s, 7));
	printf("contact-remove %.1f ms\n", (now() - start) * 1e3);
	start = now();
	must(store_erase(s));
	printf("erase %.0f ms\n", (now() - start) * 1e3);
	must(stat(home_file("store.db"), &st));
	printf("file %.0f MB\n", (double)st.st_size / 1e6);
	start = now();
	must(store_backup(s, home_file("backup")));
	printf("backup %.0f ms\n", (now() - start) * 1e3);
	start = now();
	must(message_prune(s, 0, 0, 1000, &n));
	printf("prune %.0f ms for %lld messages\n", (now() - start) * 1e3, (long long)n);
	start = now();
	must(store_shrink(s));
	printf("shrink %.0f ms\n", (now() - start) * 1e3);
}

int main(int argc, char **argv)
{
	int messages = argc > 1 ? atoi(argv[1]) : 1000000,
	    contacts = argc > 2 ? atoi(argv[2]) : 10000;
	const struct message_query fresh = {.all = false}, end = {.all = true, .limit = 20},
	                           one = {.all = true, .limit = 20, .contact = "n5"};
	const char *tmp = getenv("TMPDIR");
	char home[256], command[300];
	struct store *s;

	if (messages < NEW || contacts < 10)
		return 1;
	secret_init();
	snprintf(home, sizeof home, "%s/bench-store.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(home) == NULL || setenv("MP_HOME", home, 1) != 0)
		return 1;
	must(store_create());
	must(store_open(&s));
	fill(s, messages, contacts);
	store_close(s);
	bench_open();
	bench_inbox(&fresh, "inbox-new");
	bench_inbox(&end, "history-last-20");
	bench_inbox(&one, "history-of-one-last-20");
	must(store_open(&s));
	bench_keyring(s);
	bench_commits(s);
	bench_maintenance(s);
	store_close(s);
	snprintf(command, sizeof command, "rm -rf '%s'", home);
	return system(command) != 0;
}
