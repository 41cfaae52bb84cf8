/* home: a private home with an empty store for a unit test, gone at its end. */
#ifndef MP_TESTS_HOME_H
#define MP_TESTS_HOME_H

#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "store/contact.h"
#include "store/message.h"
#include "store/queue.h"
#include "tap.h"

static char home_dir[PATH_MAX];
static pid_t home_owner;

static void home_gone(void)
{
	char command[PATH_MAX + 16];

	if (getpid() != home_owner)
		return;
	snprintf(command, sizeof command, "rm -rf '%s'", home_dir);
	if (system(command) != 0)
		perror(home_dir);
}

/* What must not fail. */
__attribute__((unused)) static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	printf("Bail out! %s: %s\n", what, err_detail());
	fflush(stdout);
	_exit(99);
}
#define MUST(call) must((call), #call)

/* The home, without a store. */
__attribute__((unused)) static void home_make(void)
{
	const char *tmp = getenv("TMPDIR");

	secret_init();
	snprintf(home_dir, sizeof home_dir, "%s/mp-unit.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(home_dir) == NULL || setenv("MP_HOME", home_dir, 1) != 0)
		must(err_sys("mkdtemp"), "home");
	home_owner = getpid();
	atexit(home_gone);
}

__attribute__((unused)) static struct store *home_store(void)
{
	struct store *s = NULL;

	home_make();
	MUST(store_create());
	MUST(store_open(&s));
	return s;
}

/* An active contact with a pair of keys; its row. */
__attribute__((unused)) static int64_t home_contact(struct store *s, const char *name)
{
	struct contact c = {.state = CONTACT_ACTIVE, .has_onion = true};
	struct contact_key k = {.role = KEY_PAIR, .has_send = true, .has_recv = true};

	snprintf(c.name, sizeof c.name, "%s", name);
	snprintf((char *)c.onion, sizeof c.onion, "%.31s", name);
	MUST(contact_add(s, &c, 1));
	k.contact = c.row;
	snprintf((char *)k.recv, sizeof k.recv, "recv %.26s", name);
	snprintf((char *)k.send, sizeof k.send, "send %.26s", name);
	snprintf((char *)k.cid, sizeof k.cid, "cid %.27s", name);
	MUST(key_add(s, &k));
	return c.row;
}

__attribute__((unused)) static void id_of(uint8_t id[static 16], unsigned n)
{
	memset(id, 0, 16);
	id[0] = 1;
	put32(id + 8, n);
}

/* A message whose id is n; what message_add() says. */
__attribute__((unused)) static int home_message(struct store *s, int64_t contact,
    enum message_dir dir, enum message_state state, unsigned n, const char *text)
{
	struct record r;
	int rc;

	record_init(&r);
	r.has_id = r.has_body = true;
	id_of(r.id, n);
	snprintf(r.kind, sizeof r.kind, "message");
	r.time = 1000 + (int64_t)n;
	MUST(buf_adds(&r.body, text));
	rc = message_add(s, contact, dir, state, &r, 1000);
	record_free(&r);
	return rc;
}

/* A row of the queue whose id is n; what queue_add() says. */
__attribute__((unused)) static int home_mail(
    struct store *s, int64_t contact, enum wire_lane lane, unsigned n)
{
	struct queue_item item = {.contact = contact, .lane = lane, .added = 100, .expires = 10000};

	id_of(item.id, n);
	snprintf(item.kind, sizeof item.kind, "%s", lane == LANE_CONTROL ? "ping" : "message");
	return queue_add(s, &item, "sealed", 6);
}

__attribute__((unused)) static void print_finding(void *ctx, const char *finding)
{
	int *n = ctx;

	printf("# %s\n", finding);
	++*n;
}

/* Does the store hold what it promises? */
__attribute__((unused)) static int sound(struct store *s)
{
	int findings = 0;

	return store_check(s, print_finding, &findings) == 0 && findings == 0;
}

/* No statement holds a read transaction: every function left all of them finished. */
__attribute__((unused)) static int at_rest(struct store *s)
{
	sqlite3 *db = sqlite3_db_handle(store_sql(s, "SELECT 1"));

	for (sqlite3_stmt *st = NULL; (st = sqlite3_next_stmt(db, st)) != NULL;)
		if (sqlite3_stmt_busy(st)) {
			printf("# unfinished: %s\n", sqlite3_sql(st));
			return 0;
		}
	return 1;
}

/* One number out of the store, for what no function tells. */
__attribute__((unused)) static int64_t number(struct store *s, const char *sql)
{
	sqlite3_stmt *st;
	int64_t v = -1;

	if (sqlite3_prepare_v2(sqlite3_db_handle(store_sql(s, "SELECT 1")), sql, -1, &st, NULL) !=
	    SQLITE_OK)
		return -2;
	if (sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

/* A child that runs fn with a store of its own; its pid. */
__attribute__((unused)) static pid_t child(void (*fn)(struct store *s, int arg), int arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct store *s;

		MUST(store_open(&s));
		fn(s, arg);
		store_close(s);
		_exit(0);
	}
	return pid;
}

__attribute__((unused)) static int exit_of(pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

#endif
