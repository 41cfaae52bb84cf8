/*
 * 3, 10 and 50 people: the cost of an agreement; and 75 messages over a transport that takes 200
 * ms, after which all transcripts are equal.  The figures are printed.
 */
#include <time.h>

#include "otr.h"

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void start(struct net *net, size_t n)
{
	memset(net, 0, sizeof(*net));
	net->now = 1700000000000;
	net->delay = 200;
	while (net->n < n)
		net_join(net);
}

static int64_t until_open(struct net *net)
{
	int64_t from = net->now;

	while (!net_open(net) && net->now < from + 60000)
		net_run(net, net->now + 100);
	return net->now - from;
}

static void sum(const struct net *net, unsigned long *lines, unsigned long *bytes)
{
	*lines = *bytes = 0;
	for (size_t i = 0; i < net->n; i++) {
		*lines += net->node[i].lines;
		*bytes += net->node[i].bytes;
	}
}

static void test_agree(size_t n)
{
	static struct net net;
	unsigned long lines, bytes;
	int64_t took;
	double used;

	start(&net, n);
	used = cpu();
	took = until_open(&net);
	used = cpu() - used;
	sum(&net, &lines, &bytes);
	ok(net_open(&net), "%zu people agree on a session", n);
	printf(
	    "# %zu people: %zu key exchanges, %lu lines, %lu bytes sent, %.1f s at 200 ms a line, "
	    "%.1f ms of CPU each\n",
	    n, n * (n - 1) / 2, lines, bytes, (double)took / 1000, 1000 * used / (double)n);
	for (size_t i = 0; i < n; i++)
		(void)room_leave(net.node[i].room, net.now);
	net_run(&net, net.now + 10000);
	for (size_t i = 1; i < n; i++)
		if (!net.node[i].seen[0].verified ||
		    memcmp(net.node[i].seen[0].digest, net.node[0].seen[0].digest, OTR_HASH) != 0)
			ok(0, "%zu has the same transcript", i);
	ok(net.node[0].seen[0].verified, "all of them close it with one transcript");
	net_free(&net);
}

static void test_messages(void)
{
	static struct net net;
	unsigned verified = 0, equal = 0, messages = 0;
	char text[32];

	start(&net, 10);
	until_open(&net);
	for (int i = 0; i < 75; i++) {
		snprintf(text, sizeof(text), "message %d", i);
		is_int(net_say(&net.node[randombytes_uniform(10)], text), MP_OK, text);
		net_run(&net, net.now + randombytes_uniform(150));
	}
	(void)room_leave(net.node[3].room, net.now);
	net_run(&net, net.now + 20000);
	for (size_t i = 0; i < 10; i++) {
		const struct seen *s = &net.node[i].seen[0];

		verified += s->verified;
		equal += memcmp(s->digest, net.node[0].seen[0].digest, OTR_HASH) == 0;
		messages += s->messages;
	}
	is_int(verified, 10, "75 messages among ten: each has a verified transcript");
	is_int(equal, 10, "all are equal");
	is_int(messages, 75 * 9, "everybody read everything");
	net_free(&net);
}

int main(void)
{
	secret_init();
	test_agree(3);
	test_agree(10);
	test_agree(50);
	test_messages();
	return done();
}
