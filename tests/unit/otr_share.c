/* Pairwise keys, contributions, the group key; transcripts. */
#include "base/err.h"
#include "base/secret.h"
#include "otr/share.h"
#include "otr/transcript.h"
#include "tap.h"

#include <sodium.h>

struct person {
	struct otr_identity id;
	struct otr_member m;
	uint8_t ephemeral[P256_SECRET];
};

static struct person person(const char *nick)
{
	struct person p;
	struct otr_line l;

	memset(&p, 0, sizeof(p));
	otr_line_init(&l);
	l.type = OTR_HELLO;
	strcpy(l.room, "ops");
	strcpy(l.nick, nick);
	l.time = 1700000000000;
	l.life = 1000;
	if (p256_generate(p.id.secret, p.id.key) != MP_OK ||
	    p256_generate(p.ephemeral, l.ephemeral) != MP_OK)
		abort();
	memcpy(l.long_key, p.id.key, P256_PUBLIC);
	if (otr_member_of(&p.m, &l) != MP_OK)
		abort();
	return p;
}

static void test_pair(void)
{
	struct person a = person("a"), b = person("b"), c = person("c"), mallory;
	uint8_t sid[OTR_SID] = {1}, other[OTR_SID] = {2}, ab[OTR_PAIR], ba[OTR_PAIR], x[OTR_PAIR];
	uint8_t mac[OTR_MAC], back[OTR_MAC], key[P256_PUBLIC] = {3};

	is_int(pair_key(ab, sid, &a.m, a.id.secret, a.ephemeral, &b.m), 0, "a with b");
	is_int(pair_key(ba, sid, &b.m, b.id.secret, b.ephemeral, &a.m), 0, "b with a");
	ok(memcmp(ab, ba, OTR_PAIR) == 0, "agree");
	is_int(pair_key(x, sid, &a.m, a.id.secret, a.ephemeral, &c.m), 0, "a with c");
	ok(memcmp(ab, x, OTR_PAIR) != 0, "is another key");
	is_int(pair_key(x, other, &a.m, a.id.secret, a.ephemeral, &b.m), 0, "in another session");
	ok(memcmp(ab, x, OTR_PAIR) != 0, "too");
	is_int(pair_forge(x, sid, &a.m, a.ephemeral, &b.m, b.ephemeral), 0,
	    "by both ephemeral keys and no long-term one");
	ok(memcmp(ab, x, OTR_PAIR) == 0, "anybody computes it");
	/* Who has a's name and not its secret gets no key that b has. */
	mallory = a;
	(void)p256_generate(mallory.ephemeral, mallory.m.ephemeral);
	is_int(
	    pair_key(ba, sid, &b.m, b.id.secret, b.ephemeral, &mallory.m), 0, "b with a false a");
	is_int(pair_key(x, sid, &mallory.m, c.id.secret, mallory.ephemeral, &b.m), 0, "who tries");
	ok(memcmp(ba, x, OTR_PAIR) != 0, "does not agree");
	/* Nor with b's long-term secret alone in b's place. */
	is_int(
	    pair_key(x, sid, &b.m, b.id.secret, c.ephemeral, &a.m), 0, "b's long-term key stolen");
	ok(memcmp(ab, x, OTR_PAIR) != 0, "is not enough");
	is_int(pair_mac(mac, ab, sid, &a.m, &b.m, key), 0, "a's MAC for b");
	is_int(pair_mac(back, ab, sid, &b.m, &a.m, key), 0, "and b's for a");
	ok(memcmp(mac, back, OTR_MAC) != 0, "cannot be turned round");
}

static void test_group(void)
{
	struct person a = person("a"), b = person("b"), c = person("c");
	uint8_t sid[OTR_SID] = {1}, share[OTR_SHARE], back[OTR_SHARE], sealed[OTR_SEALED];
	uint8_t one[OTR_HASH], two[OTR_HASH], shares[3 * OTR_SHARE], k1[OTR_GROUP], k2[OTR_GROUP];

	randombytes_buf(share, sizeof(share));
	is_int(share_seal(sealed, sid, &a.m, &b.m, share), 0, "sealed");
	is_int(share_open(back, sid, &a.m, &b.m, b.ephemeral, sealed), 0, "opened");
	ok(memcmp(share, back, OTR_SHARE) == 0, "is the same");
	is_int(share_open(back, sid, &c.m, &b.m, b.ephemeral, sealed), 0, "as another's");
	ok(memcmp(share, back, OTR_SHARE) != 0, "it is none");
	is_int(share_open(back, sid, &a.m, &b.m, c.ephemeral, sealed), 0, "by another");
	ok(memcmp(share, back, OTR_SHARE) != 0, "neither");
	memset(sealed, 0, P256_PUBLIC);
	is_int(share_open(back, sid, &a.m, &b.m, b.ephemeral, sealed), MP_EBAD, "no point");
	is_int(share_commit(one, sid, a.m.id, share), 0, "a commitment");
	is_int(share_commit(two, sid, b.m.id, share), 0, "of another to the same");
	ok(memcmp(one, two, OTR_HASH) != 0, "is another: it cannot be copied");
	share[0] ^= 1;
	is_int(share_commit(two, sid, a.m.id, share), 0, "to another");
	ok(memcmp(one, two, OTR_HASH) != 0, "is another");
	randombytes_buf(shares, sizeof(shares));
	is_int(group_key(k1, sid, shares, 3), 0, "a group key");
	shares[2 * OTR_SHARE] ^= 1;
	is_int(group_key(k2, sid, shares, 3), 0, "with one bit of one contribution changed");
	ok(memcmp(k1, k2, OTR_GROUP) != 0, "is another");
	sid[0] ^= 1;
	is_int(group_key(k1, sid, shares, 3), 0, "in another session");
	ok(memcmp(k1, k2, OTR_GROUP) != 0, "too");
}

static void message(struct otr_line *l, int64_t n)
{
	l->type = OTR_MESSAGE;
	l->n = n;
	memset(l->iv, (int)n, sizeof(l->iv));
	l->data.len = 0;
	if (buf_addf(&l->data, "message %d", (int)n) != MP_OK)
		abort();
}

static void test_transcript(void)
{
	struct person a = person("a"), b = person("b");
	struct otr_roster r = {0};
	struct transcript x, y;
	uint8_t sid[OTR_SID] = {1}, dx[OTR_HASH], dy[OTR_HASH];
	uint32_t counts[2] = {5, 3};
	struct otr_line l;

	otr_line_init(&l);
	(void)roster_add(&r, &a.m);
	(void)roster_add(&r, &b.m);
	is_int(transcript_new(&x, sid, &r), 0, "one");
	is_int(transcript_new(&y, sid, &r), 0, "and another");
	for (int n = 1; n <= 5; n++) { /* mixed differently */
		message(&l, n);
		(void)transcript_add(&x, 0, &l);
		(void)transcript_add(&x, 1, &l);
	}
	for (size_t i = 0; i < 2; i++)
		for (int n = 1; n <= 5; n++) {
			message(&l, n);
			(void)transcript_add(&y, 1 - i, &l);
		}
	(void)transcript_digest(dx, &x);
	(void)transcript_digest(dy, &y);
	ok(memcmp(dx, dy, OTR_HASH) == 0, "how members are mixed makes no difference");
	is_int(transcript_has(&x, 0, &l), 1, "the last message is in it");
	l.data.data[0] ^= 1;
	is_int(transcript_has(&x, 0, &l), 0, "another with its number is not");
	message(&l, 6);
	is_int(transcript_has(&x, 0, &l), MP_ENONE, "nor is the next");
	is_int(transcript_digest_at(dx, &x, counts), 0, "a while ago");
	(void)transcript_add(&y, 1, &l);
	is_int(transcript_digest_at(dy, &y, counts), 0, "and there");
	ok(memcmp(dx, dy, OTR_HASH) == 0, "was the same");
	(void)transcript_digest(dx, &x);
	(void)transcript_digest(dy, &y);
	ok(memcmp(dx, dy, OTR_HASH) != 0, "a message more is another");
	for (int n = 6; n < 6 + TRANSCRIPT_KEPT; n++) {
		message(&l, n);
		(void)transcript_add(&x, 0, &l);
	}
	is_int(transcript_digest_at(dx, &x, counts), MP_ENONE, "too long ago is no answer");
	otr_line_free(&l);
	transcript_free(&x);
	transcript_free(&y);
}

static void test_roster(void)
{
	struct otr_roster r = {0};
	struct person p = person("a");
	struct otr_member again = p.m;
	char print[OTR_FINGERPRINT], brief[OTR_SHORT];

	is_int(roster_add(&r, &p.m), 1, "a member");
	is_int(roster_add(&r, &p.m), 0, "is added once");
	again.time++;
	again.id[0] ^= 1;
	is_int(roster_add(&r, &again), 1, "a later hello of the same key");
	is_int((long long)r.n, 1, "takes the place of the earlier");
	is_int(roster_add(&r, &p.m), 0, "which does not come back");
	while (r.n < OTR_MEMBERS) {
		p = person("b");
		is_int(roster_add(&r, &p.m), 1, "one more");
	}
	p = person("c");
	is_int(roster_add(&r, &p.m), MP_ELIMIT, "not one too many");
	for (size_t i = 1; i < r.n; i++)
		if (memcmp(r.m[i - 1].id, r.m[i].id, OTR_ID) >= 0)
			ok(0, "in order");
	is_int(otr_fingerprint(print, p.m.long_key), 0, "a fingerprint");
	is_int((long long)strlen(print), OTR_FINGERPRINT - 1, "in ten groups");
	is_int(otr_short(brief, p.m.long_key), 0, "and its short form");
	ok(strncmp(brief, print, 4) == 0, "begin alike");
}

int main(void)
{
	secret_init();
	test_pair();
	test_group();
	test_transcript();
	test_roster();
	return done();
}
