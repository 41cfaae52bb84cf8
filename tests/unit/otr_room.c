/* Rooms over a good transport: sessions, messages, who comes and who goes, the end. */
#include "otr.h"

static void people(struct net *net, size_t n)
{
	memset(net, 0, sizeof(*net));
	net->now = 1700000000000;
	net->delay = 50;
	while (net->n < n)
		net_join(net);
}

static void test_sizes(void)
{
	static const size_t sizes[] = {2, 3, 10};
	static struct net net;

	for (size_t k = 0; k < 3; k++) {
		people(&net, sizes[k]);
		net_run(&net, net.now + 5000);
		ok(net_open(&net), "%zu people agree on a session", sizes[k]);
		net_free(&net);
	}
}

static void test_talk(void)
{
	static struct net net;
	struct seen *a, *b;

	people(&net, 3);
	is_int(net_say(&net.node[0], "too early"), MP_EBUSY, "nothing is said before");
	net_run(&net, net.now + 5000);
	is_int(net_say(&net.node[0], "hello"), MP_OK, "a message");
	is_int(net_say(&net.node[1], "hi"), MP_OK, "at the same time another");
	net_run(&net, net.now + 100);
	is_int(net.node[2].messages, 2, "the third has both");
	is_int(net.node[0].messages, 1, "the first the other's");
	net_run(&net, net.now + 5000);
	is_int(room_leave(net.node[0].room, net.now), MP_OK, "one leaves");
	net_run(&net, net.now + 10000);
	ok(room_over(net.node[0].room), "and is done");
	for (size_t i = 0; i < 3; i++)
		is_int(net.node[i].verified, 1, "each has a verified transcript");
	a = &net.node[0].seen[0];
	b = &net.node[1].seen[0];
	ok(memcmp(a->digest, b->digest, OTR_HASH) == 0, "it is the same");
	is_int(a->published, 2, "the signing keys of the others are public");
	is_int(net.node[1].left, 1, "the others know who left");
	room_free(net.node[0].room);
	net.node[0].room = NULL;
	is_int(net.node[1].opened, 2, "and have a new session");
	is_int((long long)net.node[1].room->current->roster.n, 2, "of two");
	is_int(net_say(&net.node[1], "alone at last"), MP_OK, "where they talk");
	net_run(&net, net.now + 1000);
	is_int(net.node[2].messages, 3, "on");
	for (size_t i = 0; i < 3; i++)
		is_int(net.node[i].aborted, 0, "nothing was aborted");
	net_free(&net);
}

static void test_join(void)
{
	static struct net net;

	people(&net, 2);
	net_run(&net, net.now + 5000);
	is_int(net_say(&net.node[0], "before"), MP_OK, "two talk");
	net_join(&net);
	net_run(&net, net.now + 500);
	is_int(net_say(&net.node[1], "meanwhile"), MP_OK, "also while a third comes");
	net_run(&net, net.now + 8000);
	ok(net_open(&net), "three are in one session");
	is_int(net.node[0].opened, 2, "which is a new one");
	is_int(net.node[2].messages, 0, "the third read nothing of before");
	is_int(net.node[0].messages + net.node[1].messages, 2, "the two did");
	is_int(net.node[0].verified + net.node[1].verified, 2, "and verified it");
	is_int(net_say(&net.node[2], "hello"), MP_OK, "the third speaks");
	net_run(&net, net.now + 1000);
	is_int(net.node[0].messages + net.node[1].messages, 4, "to both");
	for (size_t i = 0; i < 3; i++)
		is_int(net.node[i].aborted, 0, "nothing was aborted");
	net_free(&net);
}

/* Somebody comes at every moment of an agreement. */
static void test_join_whenever(void)
{
	static struct net net;
	unsigned good = 0, runs = 0, verified_twice = 0;

	for (int64_t t = 900; t < 1600; t += 10, runs++) {
		people(&net, 3);
		net_run(&net, net.now + t);
		net_join(&net);
		net_run(&net, net.now + 15000);
		good += net_open(&net) && net.node[0].room->current->roster.n == 4;
		for (size_t i = 0; i < net.n; i++)
			verified_twice += net.node[i].aborted;
		net_free(&net);
	}
	is_int(good, runs, "whenever a fourth comes, all four agree");
	is_int(verified_twice, 0, "without an abort");
}

static void test_silent(void)
{
	static struct net net;
	struct seen *s;

	people(&net, 3);
	net_run(&net, net.now + 900); /* hellos are exchanged */
	room_free(net.node[2].room);
	net.node[2].room = NULL;
	net_run(&net, net.now + 70000);
	s = &net.node[0].seen[0];
	ok(s->aborted && s->stage == STAGE_KEYS,
	    "one who says hello and no more is missed at keys");
	is_int(s->why, WHY_LATE, "because it is late");
	ok(s->who == UINT64_C(1) << roster_find_key(&s->roster, net.node[2].id.key), "by name");
	ok(net.node[0].room->current != NULL && net.node[1].room->current != NULL,
	    "the others have a session without");
	net_free(&net);
}

static void test_expiry(void)
{
	static struct net net;
	int64_t end;

	people(&net, 2);
	net_run(&net, net.now + 5000);
	end = net.node[0].room->current->expiry;
	net_run(&net, end + 1000);
	ok(net_open(&net), "a session is renewed before it expires");
	is_int(net.node[0].opened, 2, "once");
	is_int(net.node[0].verified, 1, "the old one was closed in order");
	net_free(&net);
	/* No renewal when the other is gone. */
	people(&net, 2);
	net_run(&net, net.now + 5000);
	is_int(net_say(&net.node[0], "x"), MP_OK, "a message");
	net_run(&net, net.now + 5000);
	room_free(net.node[1].room);
	net.node[1].room = NULL;
	end = net.node[0].room->current->expiry;
	net_run(&net, end - 1);
	ok(net.node[0].room->current != NULL, "an open session lasts");
	net_run(&net, end);
	ok(net.node[0].room->current == NULL, "until it expires");
	net.node[1].lines = net.node[0].lines;
	net_run(&net, end + net.node[0].cfg.skew);
	is_int(net.node[0].room->old[0]->stage, STAGE_DONE, "later its key is published");
	net_free(&net);
}

/* Who wants short sessions gets them; who wants none gets none. */
static void test_life(void)
{
	static struct net net;

	people(&net, 2);
	net.life = 3600000;
	net_join(&net);
	net_run(&net, net.now + 5000);
	ok(net_open(&net), "three agree, of whom one wants an hour");
	ok(net.node[0].room->current->expiry < net.now + 3600000, "which counts for all");
	net_run(&net, net.now + 50 * 60000);
	is_int(net.node[0].opened, 1, "it is kept for seven eighths of that");
	net_run(&net, net.now + 5 * 60000);
	is_int(net.node[0].opened, 2, "and renewed once");
	net_free(&net);
	people(&net, 2);
	net.life = 60000;
	net_join(&net);
	net_run(&net, net.now + 5000);
	ok(net.node[0].room->current != NULL && net.node[0].room->current->roster.n == 2,
	    "who wants a minute is left out");
	net_free(&net);
}

/* A line in the name of a member of a session, signed with a key that is public by now. */
static char *forge(const struct seen *in, const uint8_t sid[static OTR_SID], size_t as,
    const uint8_t secret[static P256_SECRET], enum otr_type type, int64_t n)
{
	struct buf out = BUF_INIT(OTR_LINE_MAX);
	struct otr_line l;

	otr_line_init(&l);
	l.type = type;
	memcpy(l.sid, sid, OTR_SID);
	memcpy(l.from, in->roster.m[as].id, OTR_ID);
	l.n = n;
	if ((type == OTR_MESSAGE && buf_adds(&l.data, "forged") != MP_OK) ||
	    otr_line_sign(&l, secret) != MP_OK || otr_line_write(&out, &l) != MP_OK ||
	    buf_terminate(&out) != MP_OK)
		abort();
	otr_line_free(&l);
	return (char *)out.data;
}

/* What who left can do with what he has, and others with the key that he published. */
static void test_leaver(void)
{
	static const enum otr_type types[] = {OTR_MESSAGE, OTR_CLOSE, OTR_DIGEST, OTR_ABORT};
	static struct net net;
	const struct seen *old, *new;
	const uint8_t *secret;
	unsigned read, aborted, taken = 0;
	size_t as;

	people(&net, 3);
	net_run(&net, net.now + 5000);
	is_int(net_say(&net.node[0], "said"), MP_OK, "a message");
	net_run(&net, net.now + 3000);
	(void)room_leave(net.node[0].room, net.now);
	net_run(&net, net.now + 10000);
	old = &net.node[1].seen[0];
	new = &net.node[1].seen[1];
	as = (size_t)roster_find_key(&old->roster, net.node[0].id.key);
	secret = old->secrets[as];
	ok(old->verified && new->open, "one left, two go on");
	read = net.node[0].messages;
	is_int(net_say(&net.node[1], "without him"), MP_OK, "they talk");
	net_run(&net, net.now + 3000);
	is_int(net.node[0].messages, read, "who left still gets the lines and cannot read them");
	read = net.node[1].messages;
	aborted = net.node[1].aborted;
	for (size_t i = 0; i < 4; i++)
		for (int64_t n = 1; n < 4; n++)
			for (int in_new = 0; in_new < 2; in_new++) {
				char *text = forge(
				    old, in_new ? new->sid : old->sid, as, secret, types[i], n);

				if (room_line(net.node[1].room, text, strlen(text), net.now) ==
				    MP_OK)
					taken++;
				free(text);
			}
	is_int(taken, 24, "lines by his key, in the old session and in the new one, are read");
	is_int(net.node[1].messages, read, "none is a message");
	is_int(net.node[1].aborted, aborted, "none ends a session");
	ok(net.node[1].room->current->stage == STAGE_OPEN, "the session lives");
	for (size_t i = 0; i < 2; i++) /* in the name of somebody who is there */
		for (size_t k = 0; k < 4; k++) {
			char *text = forge(new, new->sid, i, secret, types[k], 1);

			(void)room_line(net.node[1].room, text, strlen(text), net.now);
			free(text);
		}
	is_int(net.node[1].messages, read, "nor is it in another's name");
	ok(net.node[1].room->current->stage == STAGE_OPEN, "the session lives");
	net_run(&net, net.now + 100000);
	is_int(net.node[1].aborted, aborted, "on");
	net_free(&net);
}

/* A key that is published while the session is open ends it: others could sign by it. */
static void test_published(void)
{
	static struct net net;
	struct buf out = BUF_INIT(OTR_LINE_MAX);
	struct otr_session *s;
	struct otr_line l;

	people(&net, 2);
	net_run(&net, net.now + 5000);
	s = net.node[1].room->current;
	otr_line_init(&l);
	l.type = OTR_PUBLISH;
	memcpy(l.sid, s->sid, OTR_SID);
	memcpy(l.from, s->roster.m[s->self].id, OTR_ID);
	memcpy(l.secret, s->secret->signing, P256_SECRET);
	is_int(otr_line_write(&out, &l), MP_OK, "a member publishes while all listen");
	is_int(
	    room_line(net.node[0].room, (char *)out.data, out.len, net.now), MP_OK, "it is read");
	ok(net.node[0].seen[0].aborted && net.node[0].seen[0].why == WHY_PUBLISHED,
	    "the session ends for that");
	ok(net.node[0].room->current == NULL, "nothing more is taken in it");
	buf_free(&out);
	net_free(&net);
}

static void test_others(void)
{
	static const char *const bad[] = {"", "{}", "[]", "null", "{\"mpotr\":1}",
	    "{\"mpotr\":2,\"type\":\"hello\"}", "{\"mpotr\":1,\"type\":\"hello\"}", "hello"};
	static struct net net;

	people(&net, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(
		    room_line(net.node[0].room, bad[i], strlen(bad[i]), net.now), MP_EBAD, bad[i]);
	net_free(&net);
}

int main(void)
{
	secret_init();
	test_sizes();
	test_talk();
	test_join();
	test_join_whenever();
	test_silent();
	test_expiry();
	test_life();
	test_leaver();
	test_published();
	test_others();
	return done();
}
