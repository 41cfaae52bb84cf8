/*
 * mariposa: thousands of introductions and groups between people in one process.
 *
 * In every fourth world one of the people keeps no rule.
 *
 * Each world has a seed of its own, made from -s and its number; what it breaks is shown with both,
 * and with a trace of the flow: the world is run once more for it.
 */
#include "sim/sim.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "base/err.h"

static const char usage[] =
    "usage: mariposa [-i INTRODUCTIONS] [-g GROUPS] [-s SEED] [-l LOSS] [-d DUP] [-t SECONDS]\n"
    "                [-w WORLD]\n";

struct options {
	int64_t introductions, groups, seconds, world;
	uint64_t seed;
	double loss, dup;
};

static double cpu(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* Small ones are more frequent, for most is decided by who does what when. */
static int size(struct rng *r, int least)
{
	int64_t most = rng_chance(r, 0.5) ? 6 : rng_chance(r, 0.5) ? 14 : 32;

	return (int)rng_between(r, least, most);
}

static int run_world(
    const struct options *o, bool group, int64_t number, struct counts *counts, bool tracing)
{
	struct world *w = world_new(o->seed, group ? -1 - number : number, counts, tracing);
	int broken = setjmp(w->out);

	if (broken == 0) {
		w->loss = o->loss;
		w->dup = o->dup;
		if (group)
			scene_groups(w, size(&w->rng, 3), number % 4 == 3);
		else
			scene_introductions(w, size(&w->rng, 2), number % 4 == 3);
	} else if (tracing) {
		world_print(w, stdout);
		printf("# seed %llu, world %lld, step %lld: %s\n", (unsigned long long)o->seed,
		    (long long)w->number, (long long)counts->steps, w->why);
	}
	world_free(w);
	return broken;
}

/* Once more, and what happened is shown. */
static void show(const struct options *o, bool group, int64_t number)
{
	struct counts counts = {0};

	if (run_world(o, group, number, &counts, true) == 0)
		printf("# seed %llu: it does not happen again\n", (unsigned long long)o->seed);
}

static bool out_of_time(const struct options *o)
{
	return o->seconds > 0 && cpu() >= (double)o->seconds;
}

static int run_all(const struct options *o, struct counts *c)
{
	int64_t i = 0, g = 0;

	while (c->introductions < o->introductions || g < o->groups) {
		bool group =
		    g < o->groups && (c->introductions >= o->introductions ||
		                         (double)g / (double)o->groups <=
		                             (double)c->introductions / (double)o->introductions);

		if (out_of_time(o))
			return 0;
		if (run_world(o, group, group ? g : i, c, false) != 0) {
			show(o, group, group ? g : i);
			return 1;
		}
		if (group)
			g++;
		else
			i++;
	}
	return 0;
}

static void report(const struct counts *c)
{
	printf("introductions %lld (%lld carried, %lld cancelled, %lld contacts made), groups %lld,"
	       " messages %lld\n",
	    (long long)c->introductions, (long long)c->carried, (long long)c->cancelled,
	    (long long)c->pairs / 2, (long long)c->groups, (long long)c->messages);
	printf("events %lld, posts %lld (%lld lost, %lld repeated), crashes %lld, full disks %lld,"
	       " hostile messages %lld, %.1f s\n",
	    (long long)c->events, (long long)c->posts, (long long)c->lost, (long long)c->repeated,
	    (long long)c->crashes, (long long)c->faults, (long long)c->hostile, cpu());
}

static int read_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "i:g:s:l:d:t:w:h")) != -1) {
		switch (c) {
		case 'i':
			o->introductions = strtoll(optarg, NULL, 10);
			break;
		case 'g':
			o->groups = strtoll(optarg, NULL, 10);
			break;
		case 's':
			o->seed = strtoull(optarg, NULL, 10);
			break;
		case 'l':
			o->loss = strtod(optarg, NULL);
			break;
		case 'd':
			o->dup = strtod(optarg, NULL);
			break;
		case 't':
			o->seconds = strtoll(optarg, NULL, 10);
			break;
		case 'w':
			o->world = strtoll(optarg, NULL, 10);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_DONE);
		default:
			return -1;
		}
	}
	return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options o = {.introductions = 100, .loss = 0.2, .dup = 0.2, .world = INT64_MIN};
	struct counts c = {0};
	int broken;

	err_name("mariposa");
	rng_install();
	if (sodium_init() < 0)
		return EXIT_TEMPORARY;
	o.seed = (uint64_t)time(NULL);
	if (read_options(&o, argc, argv) != 0) {
		fputs(usage, stderr);
		return EXIT_PERMANENT;
	}
	printf("# seed %llu\n", (unsigned long long)o.seed);
	fflush(stdout);
	if (o.world != INT64_MIN) {
		show(&o, o.world < 0, o.world < 0 ? -1 - o.world : o.world);
		return EXIT_DONE;
	}
	broken = run_all(&o, &c);
	report(&c);
	return broken ? EXIT_NO : EXIT_DONE;
}
