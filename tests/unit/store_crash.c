/* kill -9 in the middle of transactions, and a disk that is full: what was committed is there,
 * whole. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "home.h"

#define ROUNDS 25

/* What children tell us survives them. */
static volatile unsigned *committed;

/* Two messages and a piece of mail a transaction, numbered; the number is told after the commit. */
static void work(struct store *s, int first)
{
	struct contact c;

	MUST(contact_get(s, &c, "bob"));
	for (unsigned n = (unsigned)first;; n++) {
		MUST(store_begin(s));
		MUST(home_message(s, c.row, DIR_IN, MESSAGE_NEW, n, "received"));
		MUST(home_mail(s, c.row, LANE_MESSAGE, n));
		MUST(home_message(s, c.row, DIR_OUT, MESSAGE_QUEUED, n, "sent"));
		MUST(store_commit(s));
		*committed = n + 1;
	}
}

static void killed(struct store *s)
{
	unsigned next = 1;
	int whole = 1, lost = 0;

	for (int round = 0; round < ROUNDS; round++) {
		pid_t pid;
		unsigned before = *committed = next;

		pid = child(work, (int)next);
		while (*committed < before + 5 && waitpid(pid, NULL, WNOHANG) == 0)
			usleep(100);
		usleep((useconds_t)(round * 37 % 400));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		next = (unsigned)number(s, "SELECT count(*) FROM message WHERE dir = 0") + 1;
		lost += next < *committed;
		whole &= number(s, "SELECT count(*) FROM message WHERE dir = 1") + 1 == next &&
		         number(s, "SELECT count(*) FROM queue") + 1 == next;
	}
	ok(next > 5 * ROUNDS, "%u transactions before %d kills", next - 1, ROUNDS);
	is_int(lost, 0, "no committed one is lost");
	ok(whole, "each is there whole or not at all");
	ok(sound(s), "sound");
}

/* Until the file may not grow; the error. */
static int fill(struct store *s, unsigned *n)
{
	static char text[20000];
	struct contact c;
	int rc = contact_get(s, &c, "bob");

	memset(text, 'x', sizeof text - 1);
	while (rc == 0 && *n < 100000) {
		if ((rc = store_begin(s)) != 0)
			break;
		rc = home_message(s, c.row, DIR_IN, MESSAGE_READ, 1000000 + ++*n, text);
		if (rc == 0)
			rc = store_commit(s);
		else
			store_rollback(s);
	}
	return rc;
}

static void full(struct store *s)
{
	struct rlimit old, tight;
	unsigned n = 0, committed_before = (unsigned)number(s, "SELECT count(*) FROM message");
	int64_t size =
	    number(s, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	tight = old;
	tight.rlim_cur = (rlim_t)size + 300000;
	setrlimit(RLIMIT_FSIZE, &tight);
	rc = fill(s, &n);
	is_str(err_detail(), "the disk is full: nothing was stored", "a full disk is said");
	is_int(rc, MP_EFULL, "it is MP_EFULL");
	ok(!store_in_transaction(s), "and the transaction is over");
	is_int(number(s, "SELECT count(*) FROM message"), committed_before + n - 1,
	    "what was committed before is there");
	tight.rlim_cur = (rlim_t)size / 2;
	setrlimit(RLIMIT_FSIZE, &tight);
	is_int(store_backup(s, home_file("copy")), MP_EFULL, "a backup does not fit");
	ok(access(home_file("copy"), F_OK) != 0, "and is absent then");
	setrlimit(RLIMIT_FSIZE, &old);
	ok(sound(s), "sound");
	is_int(home_message(s, 1, DIR_IN, MESSAGE_NEW, 999999, "room again"), 0,
	    "with room it goes on");
}

int main(void)
{
	struct store *s = home_store();

	committed = mmap(
	    NULL, sizeof *committed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	home_contact(s, "bob");
	killed(s);
	full(s);
	store_close(s);
	MUST(store_open(&s));
	ok(sound(s), "sound when opened again");
	store_close(s);
	return done();
}
