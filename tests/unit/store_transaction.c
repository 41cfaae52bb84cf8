/* Transactions: nested, undone, one after another from two processes, and the wake that follows
 * one. */
#include <signal.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "home.h"

#define EACH 1500

static int64_t mtime(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return 0;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

static void nesting(struct store *s)
{
	struct contact c;

	ok(!store_in_transaction(s), "outside at first");
	is_int(store_begin(s), 0, "begin");
	is_int(store_begin(s), 0, "begin within");
	home_contact(s, "inner");
	is_int(store_commit(s), 0, "commit within");
	ok(store_in_transaction(s), "the outer one goes on");
	store_rollback(s);
	is_int(contact_get(s, &c, "inner"), MP_ENONE, "the inner one was undone with it");
	is_int(store_commit(s), MP_ESYS, "a commit of nothing is an error");
	store_rollback(s);

	MUST(store_begin(s));
	home_contact(s, "kept");
	is_int(contact_get(s, &c, "kept"), 0, "seen within");
	/* A refusal in the middle leaves the rest. */
	is_int(key_remove(s, 999), MP_ENONE, "no such key");
	is_int(contact_add(s, &c, 1), MP_EEXIST, "there already");
	is_int(store_commit(s), 0, "the outer one commits");
	is_int(contact_get(s, &c, "kept"), 0, "and it is kept");

	MUST(store_begin(s));
	is_int(store_erase(s), MP_EUSAGE, "no erasing within a transaction");
	MUST(store_commit(s));
}

static void add_to_seen(struct store *s, int arg)
{
	(void)arg;
	for (int i = 0; i < EACH; i++) {
		MUST(store_begin(s));
		sqlite3_stmt *st =
		    store_sql(s, "UPDATE contact SET seen = seen + 1 WHERE name = 'kept'");
		must(store_run(s, st), "update");
		/* What was read under the lock is still so: read, then write from it. */
		st = store_sql(s, "SELECT created FROM contact WHERE name = 'kept'");
		must(store_step(s, st), "select");
		int64_t v = sqlite3_column_int64(st, 0);
		sqlite3_reset(st);
		st = store_sql(s, "UPDATE contact SET created = ? WHERE name = 'kept'");
		sqlite3_bind_int64(st, 1, v + 1);
		must(store_run(s, st), "update");
		MUST(store_commit(s));
	}
}

static void two_writers(struct store *s)
{
	struct contact before, after;
	pid_t a, b;

	MUST(contact_get(s, &before, "kept"));
	a = child(add_to_seen, 0);
	b = child(add_to_seen, 0);
	is_int(exit_of(a), 0, "one writer is never refused");
	is_int(exit_of(b), 0, "nor the other");
	MUST(contact_get(s, &after, "kept"));
	is_int(after.seen - before.seen, 2 * EACH, "no update is lost");
	is_int(
	    after.created - before.created, 2 * EACH, "none that was computed from what was read");
}

/* The last one to close empties the log and removes it, while the next one opens. */
static void come_and_go(int first)
{
	struct contact c;
	struct store *s;

	for (unsigned i = 0; i < 150; i++) {
		MUST(store_open(&s));
		MUST(contact_get(s, &c, "kept"));
		MUST(home_message(s, c.row, DIR_OUT, MESSAGE_SENT, (unsigned)first + i, "x"));
		store_close(s);
	}
}

static void opening(struct store **s)
{
	pid_t pid[4];
	int bad = 0;

	store_close(*s);
	fflush(stdout);
	for (int i = 0; i < 4; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			come_and_go(10000 * (i + 1));
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++)
		bad += exit_of(pid[i]) != 0;
	is_int(bad, 0, "four processes open, write and close, again and again");
	MUST(store_open(s));
	is_int(number(*s, "SELECT count(*) FROM message"), 600, "all of it is there");
}

static void hold_lock(struct store *s, int ms)
{
	char byte = 1;

	MUST(store_begin(s));
	if (write(100, &byte, 1) != 1)
		_exit(98);
	usleep((useconds_t)ms * 1000);
	MUST(store_commit(s));
}

/* Tells when a child holds the lock. */
static pid_t holder(int ms)
{
	int fd[2];
	char byte;
	pid_t pid;

	if (pipe(fd) != 0 || dup2(fd[1], 100) != 100)
		exit(99);
	close(fd[1]);
	pid = child(hold_lock, ms);
	close(100);
	if (read(fd[0], &byte, 1) != 1)
		exit(99);
	close(fd[0]);
	return pid;
}

static void waiting(struct store *s)
{
	int64_t start, took;
	pid_t pid = holder(1500);

	is_int(store_begin(s), 0, "a lock held for 1.5 s is waited for");
	MUST(store_commit(s));
	is_int(exit_of(pid), 0, "its holder committed");

	pid = holder(120000);
	start = clock_monotonic();
	is_int(store_begin(s), MP_EBUSY, "one held for longer than 10 s is not");
	took = clock_monotonic() - start;
	ok(took >= 9900 && took < 60000, "after 10 s (%lld ms)", (long long)took);
	ok(!store_in_transaction(s), "and there is no transaction then");
	kill(pid, SIGKILL);
	exit_of(pid);
	is_int(store_begin(s), 0, "a lock dies with its holder");
	MUST(store_commit(s));
}

static void waking(struct store *s)
{
	const char *inbox = home_file("run/inbox");
	struct contact c;
	int64_t before;

	MUST(contact_get(s, &c, "kept"));
	ok(mtime(inbox) == 0, "nothing was touched so far");
	MUST(store_begin(s));
	MUST(home_message(s, c.row, DIR_IN, MESSAGE_NEW, 1, "hello"));
	ok(mtime(inbox) == 0, "run/inbox is not touched before the commit");
	MUST(store_commit(s));
	ok((before = mtime(inbox)) != 0, "but after it");
	MUST(store_begin(s));
	MUST(home_message(s, c.row, DIR_IN, MESSAGE_NEW, 2, "hello"));
	store_rollback(s);
	MUST(home_message(s, c.row, DIR_OUT, MESSAGE_SEALED, 2, "hello"));
	ok(mtime(inbox) == before, "not for what was undone or sent");
	usleep(20000);
	MUST(message_event(s, 0, "warning", "x", 5));
	ok(mtime(inbox) != before, "an event outside of a transaction touches it at once");
}

int main(void)
{
	struct store *s = home_store();

	nesting(s);
	two_writers(s);
	opening(&s);
	waking(s);
	waiting(s);
	ok(sound(s), "sound");
	ok(at_rest(s), "at rest");
	store_close(s);
	return done();
}
