#include "tap.h"
#include "base/secret.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static bool zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* The signal that ends a process which does fn(). */
static int dies(void (*fn)(void))
{
	int status;

	fflush(stdout);
	if (fork() == 0) {
		/* A sanitizer's own handler would turn the signal into a report. */
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		fn();
		_exit(0);
	}
	wait(&status);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void too_much(void)
{
	for (;;)
		secret_alloc(100000);
}

static void larger_than_all(void)
{
	secret_alloc(SIZE_MAX - 8);
}

static void twice(void)
{
	void *p = secret_alloc(32);

	secret_free(p);
	secret_free(p);
}

static void not_ours(void)
{
	static uint64_t other[8];

	secret_free(other + 4);
}

/* Up to the page behind the arena. */
static void overrun(void)
{
	volatile uint8_t *p = secret_alloc(16);

	for (size_t i = 0; i < (size_t)8 << 20; i++)
		p[i] = 1;
}

static void basics(void)
{
	uint8_t *a = secret_alloc(33), *b = secret_alloc(1), *c;

	ok(((uintptr_t)a | (uintptr_t)b) % 16 == 0, "blocks are aligned");
	ok(zero(a, 33) && zero(b, 1), "and zero");
	memset(a, 0xaa, 33);
	memset(b, 0xbb, 1);
	secret_free(a);
	ok(zero(a, 33), "a freed block is wiped");
	is_int(b[0], 0xbb, "its neighbour stays");
	c = secret_alloc(48);
	ok(c == a && zero(c, 48), "freed memory is used again, zero");
	secret_free(c);
	secret_free(b);
	secret_free(NULL);
	c = secret_alloc(0);
	ok(c != NULL, "nothing is a block too");
	secret_free(c);
}

/* All of the arena comes back whatever the order, so free blocks are joined. */
static void joined(void)
{
	enum { N = 1000 };
	static uint8_t *p[N];
	void *big;

	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < N; i++)
			p[i] = secret_alloc((size_t)(i * 7 % 4000 + 1));
		for (int i = 0; i < N; i++)
			secret_free(p[i * 7 % N]);
	}
	big = secret_alloc(((size_t)4 << 20) - 16);
	ok(big != NULL, "after 50,000 blocks the whole arena is one again");
	secret_free(big);
}

static void many_keys(void)
{
	static uint8_t *p[16384];
	int good = 1;

	for (int i = 0; i < 16384; i++) {
		p[i] = secret_alloc(64);
		memset(p[i], i & 0xff, 64);
	}
	for (int i = 0; i < 16384; i++) {
		good = good && p[i][0] == (i & 0xff) && p[i][63] == (i & 0xff);
		secret_free(p[i]);
	}
	ok(good, "16,384 keys at once");
}

static void *worker(void *arg)
{
	uint8_t mark = *(uint8_t *)arg;
	int bad = 0;

	for (int i = 0; i < 20000; i++) {
		uint8_t *p = secret_alloc((size_t)(i % 200 + 1));

		bad += !zero(p, (size_t)(i % 200 + 1));
		memset(p, mark, (size_t)(i % 200 + 1));
		bad += p[0] != mark || p[i % 200] != mark;
		secret_free(p);
	}
	*(uint8_t *)arg = bad != 0;
	return NULL;
}

static void threads(void)
{
	pthread_t t[4];
	uint8_t arg[4] = {1, 2, 3, 4};

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, worker, &arg[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	ok(zero(arg, 4), "four threads do not meet in a block");
}

/* The mapping's flags, from /proc/self/smaps: "dd" keeps it out of core dumps. */
static void mapping(const void *p)
{
	char line[512], flags[512] = "";
	unsigned long lo, hi;
	bool here = false;
	FILE *f = fopen("/proc/self/smaps", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &lo, &hi) == 2)
			here = (uintptr_t)p >= lo && (uintptr_t)p < hi;
		if (here && strncmp(line, "VmFlags:", 8) == 0)
			strcpy(flags, line);
	}
	if (f != NULL)
		fclose(f);
	ok(strstr(flags, " dd") != NULL, "the arena is not dumped");
}

int main(void)
{
	struct rlimit core;
	uint8_t local[8] = "secret";
	void *p;

	secret_init();
	getrlimit(RLIMIT_CORE, &core);
	ok(core.rlim_cur == 0 && core.rlim_max == 0, "no core files");
	is_int(prctl(PR_GET_DUMPABLE), 0, "nobody else may look at the process");
	basics();
	joined();
	many_keys();
	threads();
	secret_wipe(local, sizeof(local));
	ok(zero(local, sizeof(local)), "secret_wipe");
	p = secret_alloc(16);
	mapping(p);
	secret_free(p);
	is_int(dies(too_much), SIGABRT, "out of memory aborts");
	is_int(dies(larger_than_all), SIGABRT, "a huge block too");
	is_int(dies(twice), SIGABRT, "freeing twice aborts");
	is_int(dies(not_ours), SIGABRT, "so does a foreign block");
	is_int(dies(overrun), SIGSEGV, "behind the arena is nothing");
	return done();
}
