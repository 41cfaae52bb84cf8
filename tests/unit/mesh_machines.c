/* The mesh's state machines: flooding, boxes, reputation, quorum, waiting times. */
#include <sodium.h>

#include "base/secret.h"
#include "mesh/audit.h"
#include "mesh/box.h"
#include "mesh/chance.h"
#include "mesh/flood.h"
#include "mesh/standing.h"
#include "tap.h"

#define MINUTE INT64_C(60000)
#define FIRST (10 * MINUTE)

static uint64_t seed = 88172645463325252u;

static uint32_t next(void *ctx)
{
	(void)ctx;
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static void test_flood(void)
{
	static const struct {
		struct flood_seen seen;
		int hops, attempt;
		int64_t now;
		enum flood want;
		const char *what;
	} rows[] = {
	    {{.known = false}, 0, 0, 0, FLOOD_TAKE, "unknown, no hops left: taken"},
	    {{.known = false}, 7, 9, 0, FLOOD_TAKE, "unknown, a late attempt: taken"},
	    {{true, false, 0, 0, 0}, 5, 0, 1, FLOOD_AGAIN, "after one with no hops: passed on"},
	    {{true, false, 5, 0, 0}, 5, 0, 1, FLOOD_DROP, "as many hops: dropped"},
	    {{true, false, 5, 0, 0}, 4, 0, 1, FLOOD_DROP, "fewer: dropped"},
	    {{true, false, 7, 0, 0}, 7, 1, FIRST, FLOOD_AGAIN, "the second attempt in its time"},
	    {{true, false, 7, 0, 0}, 0, 1, FIRST, FLOOD_AGAIN, "with no hops, too"},
	    {{true, false, 7, 0, 0}, 7, 1, FIRST / 2 - 1, FLOOD_DROP, "too early: dropped"},
	    {{true, false, 7, 0, 0}, 7, 9, FIRST / 2 - 1, FLOOD_DROP, "a number too high is none"},
	    {{true, false, 7, 1, 0}, 7, 9, FIRST, FLOOD_DROP, "... or that whose time has come"},
	    {{true, false, 7, 1, 0}, 7, 9, 2 * FIRST, FLOOD_AGAIN, "... and the next in its time"},
	    {{true, false, 0, 0, 0}, 7, 9, 1, FLOOD_AGAIN, "... with more hops, as that"},
	    {{true, false, 7, 2, 0}, 7, 1, 999 * FIRST, FLOOD_DROP, "an old attempt: dropped"},
	    {{true, true, 0, 0, 0}, 7, 0, 1, FLOOD_DROP, "acknowledged: dropped"},
	    {{true, true, 0, 0, 0}, 7, 1, FIRST, FLOOD_DROP, "acknowledged, later: dropped"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		is_int(
		    flood_judge(&rows[i].seen, rows[i].hops, rows[i].attempt, FIRST, rows[i].now),
		    rows[i].want, rows[i].what);
	is_int(flood_believe(&(struct flood_seen){.known = false}, 9, FIRST, 99 * FIRST), 0,
	    "what comes first is attempt 0, whatever it says");
	is_int(flood_due(1, FIRST) / MINUTE, 10, "attempt 1 after 10 minutes");
	is_int(flood_due(2, FIRST) / MINUTE, 30, "2 after 30");
	is_int(flood_due(9, FIRST) / MINUTE, 5110, "9 after 3.5 days");
}

/* 60 nodes in a random graph, copies in random order; an attacker was first at a third of them,
 * with no hops left or the number of the last attempt. */
static void test_flood_graph(void)
{
	enum { N = 60, DEGREE = 5, QUEUE = 1 << 16 };
	static bool edge[N][N];
	static struct flood_seen seen[N];
	static struct {
		int to, hops;
	} queue[QUEUE];
	int lost = 0, most = 0, passed[N] = {0};

	for (int i = 0; i < N; i++) {
		edge[i][(i + 1) % N] = edge[(i + 1) % N][i] = true;
		for (int k = 0; k < DEGREE; k++) {
			int j = (int)(next(NULL) % N);

			if (j != i)
				edge[i][j] = edge[j][i] = true;
		}
	}
	for (int round = 0; round < 200; round++) {
		int n = 0;

		memset(seen, 0, sizeof(seen));
		memset(passed, 0, sizeof(passed));
		for (int i = 1; i < N; i++)
			if (next(NULL) % 3 == 0)
				seen[i] = (struct flood_seen){.known = true,
				    .hops = 0,
				    .attempt = flood_believe(&(struct flood_seen){.known = false},
				        next(NULL) % 2 == 0 ? 0 : ATTEMPTS, FIRST, 0)};
		queue[n].to = 0;
		queue[n++].hops = MESH_HOPS - 1;
		while (n > 0) {
			int at = (int)(next(NULL) % (unsigned)n), to = queue[at].to,
			    hops = queue[at].hops;
			enum flood f = flood_judge(&seen[to], hops, 0, FIRST, 1);

			queue[at] = queue[--n];
			if (f == FLOOD_DROP)
				continue;
			seen[to] = (struct flood_seen){.known = true, .hops = hops};
			passed[to]++;
			for (int j = 0; hops > 0 && j < N; j++)
				if (edge[to][j] && n < QUEUE) {
					queue[n].to = j;
					queue[n++].hops = hops - 1;
				}
		}
		for (int i = 0; i < N; i++) {
			lost += !seen[i].known || passed[i] == 0;
			most = passed[i] > most ? passed[i] : most;
		}
	}
	is_int(lost, 0, "nothing is suppressed in 200 random floods");
	ok(most <= MESH_HOPS, "and nobody passes one on more than %d times: %d", MESH_HOPS, most);
}

static void test_box(void)
{
	struct box_state b = {.quota = 1000};
	int taken = 0;

	while (box_admit(&b, 10, false) == BOX_TAKE) {
		b.used += 10;
		b.open += 10;
		taken++;
	}
	is_int(taken, 20, "strangers fill a fifth");
	while (box_admit(&b, 10, true) == BOX_TAKE) {
		b.used += 10;
		taken++;
	}
	is_int(taken, 100, "tokens the rest");
	b = (struct box_state){.quota = 1000, .used = 900};
	is_int(box_admit(&b, 100, false), BOX_TAKE, "a stranger may use what is free of his part");
	is_int(box_admit(&b, 101, false), BOX_FULL, "but no more than there is");
	is_int(box_admit(&b, 101, true), BOX_FULL, "with a token neither");
}

/* How many of 1000 peers that lose so many of 1000 packets are voted against within n audits. */
static int condemned(int loses, int audits)
{
	int n = 0;

	for (int peer = 0; peer < 1000; peer++) {
		enum verdict v = VERDICT_NONE;
		int64_t score = 0;

		for (int i = 0; i < audits && v != VERDICT_BLACKLISTED; i++) {
			score = standing_step(
			    score, (int)(next(NULL) % 1000) < loses ? SAW_LOST : SAW_DELIVERED);
			v = standing_vote(score, v);
		}
		n += v == VERDICT_BLACKLISTED;
	}
	return n;
}

static void test_standing(void)
{
	enum verdict v = VERDICT_NONE;
	int64_t score = 0;
	int n;

	n = condemned(333, 60);
	ok(n >= 990, "who drops a third: %d of 1000 found in 60 audits", n);
	n = condemned(10, 200);
	ok(n <= 10, "who loses 1 %%: %d of 1000 in 200 audits", n);
	is_int(condemned(0, 10000), 0, "who loses none is never voted against");
	for (n = 0; v != VERDICT_BLACKLISTED; n++) {
		score = standing_step(score, SAW_LOST);
		v = standing_vote(score, v);
	}
	is_int(n, 3, "three losses in a row are enough");
	for (n = 0; v == VERDICT_BLACKLISTED; n++) {
		score = standing_step(score, SAW_DELIVERED);
		v = standing_vote(score, v);
	}
	is_int(v, VERDICT_WHITELISTED, "there is a way back");
	is_int(n, 20, "of 20 audits");
	is_int(standing_vote(standing_step(STANDING_BEST, SAW_CONTRADICTION), VERDICT_NONE),
	    VERDICT_BLACKLISTED, "a contradiction needs no second");
	is_int(
	    standing_step(STANDING_BEST, SAW_DELIVERED), STANDING_BEST, "a good past is bounded");
}

static void test_audit(void)
{
	enum { POSTED = 1000 };
	static const struct {
		struct audit_look look;
		enum audit_outcome want;
		bool away;
		const char *what;
	} rows[] = {
	    {{true, true, true, POSTED, 0, 2000, 4, 4}, AUDIT_CAME, false, "it came: that is all"},
	    {{false, false, false, POSTED, 500, 2000, 4, 2}, AUDIT_LOST, false, "it did not"},
	    {{false, false, false, POSTED, 500, 2000, 0, 0}, AUDIT_LOST, false,
	        "... and we know of no others"},
	    {{false, false, false, POSTED, 500, 2000, 4, 3}, AUDIT_VOID, false,
	        "most others lose theirs: void"},
	    {{false, true, false, POSTED, 500, 2000, 4, 4}, AUDIT_WAIT, true,
	        "away since it took it: waits"},
	    {{false, true, true, POSTED, 500, 2000, 4, 0}, AUDIT_WAIT, true, "... still"},
	    {{false, true, false, POSTED, 1500, 2000, 4, 0}, AUDIT_LOST, false,
	        "it answered since: it had its chance"},
	    {{false, false, true, POSTED, 1500, 2000, 4, 0}, AUDIT_WAIT, false,
	        "back from being away: as long again"},
	    {{false, true, true, POSTED, 500, 500 + 1440 * MINUTE, 4, 0}, AUDIT_WAIT, false,
	        "away for a day: for the last time"},
	    {{false, true, false, POSTED, 500, 500 + 1440 * MINUTE, 4, 0}, AUDIT_LOST, false,
	        "... and lost"},
	    {{false, true, false, POSTED, 0, 1440 * MINUTE, 4, 0}, AUDIT_LOST, false,
	        "who never answered is not away"},
	};
	int beyond = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool away;

		is_int(audit_judge(&rows[i].look, &away), rows[i].want, rows[i].what);
		is_int(away, rows[i].away, "... away or not");
	}
	for (int i = 0; i < 100000; i++) {
		int64_t w = audit_wait(10 * MINUTE, FIRST, next, NULL);

		beyond += w < 5 * MINUTE || w >= 10 * MINUTE;
	}
	is_int(beyond, 0, "an audit is looked at after half of the patience, and within it");
	is_int(audit_grace(1440 * MINUTE, FIRST), FIRST / 2, "the next attempt ends the patience");
	is_int(audit_grace(4 * MINUTE, FIRST), 2 * MINUTE, "or the patience comes first");
	is_int(audit_grace(1440 * MINUTE, 1000), MINUTE / 2, "a minute it is at least");
}

static void test_quorum(void)
{
	static struct vote votes[200];
	static uint8_t peers[100][ONION_KEY];
	uint8_t about[ONION_KEY] = {0xee};

	for (int i = 0; i < 100; i++)
		peers[i][0] = (uint8_t)(i + 1);
	for (int i = 0; i < 200; i++) {
		memcpy(votes[i].about, about, ONION_KEY);
		votes[i].voter[0] = (uint8_t)(i + 1);
		votes[i].value = VERDICT_BLACKLISTED;
		votes[i].window = 100;
	}
	is_int(ballot_count(votes, 5, peers, 9, NULL, about, 100), VERDICT_BLACKLISTED,
	    "5 of 9 peers");
	is_int(
	    ballot_count(votes, 4, peers, 9, NULL, about, 100), VERDICT_NONE, "4 of 9 are too few");
	is_int(ballot_count(votes, 2, peers, 2, NULL, about, 100), VERDICT_NONE, "2 of 2, too");
	is_int(ballot_count(votes, 3, peers, 3, NULL, about, 100), VERDICT_BLACKLISTED,
	    "3 of 3 are not");
	is_int(ballot_count(votes, 5, peers, 10, NULL, about, 100), VERDICT_NONE,
	    "half is no majority");
	is_int(ballot_count(votes, 4, peers + 1, 7, peers[0], about, 100), VERDICT_BLACKLISTED,
	    "our own vote counts among 4 of 7");
	is_int(ballot_count(votes, 4, peers + 1, 7, NULL, about, 100), VERDICT_NONE,
	    "3 of 7 are none");
	is_int(ballot_count(votes + 9, 100, peers, 9, NULL, about, 100), VERDICT_NONE,
	    "100 strangers are nobody");
	is_int(ballot_count(votes, 9, peers, 9, NULL, about, 100 + VOTE_DAYS + 1), VERDICT_NONE,
	    "old votes do not count");
	is_int(ballot_count(votes, 9, peers, 9, NULL, about, 98), VERDICT_NONE,
	    "nor such of the future");
	memcpy(peers[4], about, ONION_KEY);
	memcpy(votes[4].voter, about, ONION_KEY);
	is_int(ballot_count(votes, 5, peers, 9, NULL, about, 100), VERDICT_NONE, "nor one's own");
	for (int i = 0; i < 9; i++)
		votes[i].value = VERDICT_WHITELISTED;
	is_int(ballot_count(votes, 9, peers, 9, NULL, about, 100), VERDICT_WHITELISTED,
	    "the way back");
}

static void test_chance(void)
{
	double sum = 0;
	int beyond = 0;

	for (int i = 0; i < 100000; i++) {
		int64_t w = chance_wait(1000, next, NULL);

		sum += (double)w;
		beyond += w > 1000;
	}
	ok(sum > 98e6 && sum < 102e6, "the mean is %.1f", sum / 100000);
	ok(beyond > 36000 && beyond < 37600, "%d of 100000 are longer than it (1/e)", beyond);
}

int main(void)
{
	secret_init();
	test_flood();
	test_flood_graph();
	test_box();
	test_standing();
	test_audit();
	test_quorum();
	test_chance();
	return done();
}
