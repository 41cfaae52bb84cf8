/*
 * otr_forge: what makes mpOTR deniable, done.
 *
 *   otr_forge judge < LINES            everything that a recorded session lets one check without a
 * member's help: exit status 0 and the number of messages for each session, or 1 otr_forge session
 * KEY KEY TEXT ... a whole session between two people of whom nothing but the long-term public keys
 * (hex) are known; each TEXT is said by the one and answered by the other otr_forge alter SECRET <
 * LINES     a real one, in which the member whose signing key was published (base64) said something
 * else in his first message
 *
 * A judge who trusts one member also has that member's word about pairwise keys; `session -k
 * SECRET` (hex, the long-term secret of the first KEY) checks the MACs of a forged session as that
 * member would.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/lines.h"
#include "base/secret.h"
#include "base/text.h"
#include "otr/room.h"

#define LINES 4096

static struct otr_line line[LINES];
static size_t nlines;

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, err_detail());
	exit(1);
}

static void read_lines(void)
{
	struct lines in;
	const uint8_t *text;
	size_t len;

	lines_init(&in, 0, OTR_LINE_MAX);
	while (nlines < LINES && lines_next(&in, &text, &len) == 1) {
		otr_line_init(&line[nlines]);
		if (otr_line_read(&line[nlines], (const char *)text, len) != MP_OK)
			die("a line");
		nlines++;
	}
	lines_free(&in);
}

static void print(const struct otr_line *l)
{
	struct buf out = BUF_INIT(OTR_LINE_MAX);

	if (otr_line_write(&out, l) != MP_OK)
		die("a line");
	printf("%.*s\n", (int)out.len, (const char *)out.data);
	buf_free(&out);
}

/* The roster of a session is every hello whose id sent keys in it. */
static void roster_of(struct otr_roster *r, const uint8_t sid[static OTR_SID])
{
	uint8_t again[OTR_SID];
	struct otr_member m;

	r->n = 0;
	for (size_t i = 0; i < nlines; i++) {
		bool in = false;

		if (line[i].type != OTR_HELLO || otr_member_of(&m, &line[i]) != MP_OK)
			continue;
		for (size_t k = 0; k < nlines; k++)
			in |= line[k].type == OTR_KEYS && memcmp(line[k].sid, sid, OTR_SID) == 0 &&
			      memcmp(line[k].from, m.id, OTR_ID) == 0;
		if (in)
			(void)roster_add(r, &m);
	}
	for (size_t i = 0; i < nlines; i++)
		if (line[i].type == OTR_HELLO) {
			if (roster_sid(again, r, line[i].room, line[i].server) != MP_OK ||
			    memcmp(again, sid, OTR_SID) != 0)
				die("the session id is not that of its members");
			return;
		}
}

/* Signatures, transcript, digests, published keys. */
static void judge_session(const uint8_t sid[static OTR_SID])
{
	uint8_t key[OTR_MEMBERS][P256_PUBLIC] = {{0}}, digest[OTR_HASH], pub[P256_PUBLIC];
	struct otr_roster r;
	struct transcript t;
	unsigned messages = 0, published = 0;

	roster_of(&r, sid);
	if (transcript_new(&t, sid, &r) != MP_OK)
		die("a transcript");
	for (size_t i = 0; i < nlines; i++)
		if (line[i].type == OTR_KEYS && memcmp(line[i].sid, sid, OTR_SID) == 0)
			memcpy(key[roster_find(&r, line[i].from)], line[i].key, P256_PUBLIC);
	for (size_t i = 0; i < nlines; i++) {
		const struct otr_line *l = &line[i];
		int from = roster_find(&r, l->from);

		if (l->type == OTR_HELLO || l->type == OTR_KEYS ||
		    memcmp(l->sid, sid, OTR_SID) != 0)
			continue;
		if (from < 0)
			die("a stranger");
		if (l->type == OTR_PUBLISH) {
			if (p256_public(pub, l->secret) != MP_OK ||
			    memcmp(pub, key[from], P256_PUBLIC) != 0)
				die("a published key is another");
			published++;
		} else if (otr_line_verify(l, key[from]) != MP_OK) {
			die(otr_type_name(l->type));
		}
		if (l->type == OTR_MESSAGE) {
			if (l->n != t.chains[from].count + 1 ||
			    transcript_add(&t, (size_t)from, l) != MP_OK)
				die("a message out of turn");
			messages++;
		}
		if (l->type == OTR_DIGEST && (transcript_digest(digest, &t) != MP_OK ||
		                                 memcmp(digest, l->hash, OTR_HASH) != 0))
			die("a digest of another transcript");
	}
	printf("%zu members, %u messages, %u keys published\n", r.n, messages, published);
	transcript_free(&t);
}

static int judge(void)
{
	read_lines();
	for (size_t i = 0; i < nlines; i++) {
		bool first = line[i].type == OTR_KEYS;

		for (size_t k = 0; first && k < i; k++)
			first = line[k].type != OTR_KEYS ||
			        memcmp(line[k].sid, line[i].sid, OTR_SID) != 0;
		if (first)
			judge_session(line[i].sid);
	}
	return nlines == 0;
}

/* The first message of the member that has this key is another one; every line of his is signed
 * anew. */
static int alter(const char *secret_text)
{
	uint8_t secret[P256_SECRET], pub[P256_PUBLIC], digest[OTR_HASH];
	struct otr_roster r;
	struct transcript t;
	const struct otr_line *keys = NULL;
	bool done = false;

	if (base64_secret_decode(secret, sizeof(secret), secret_text, strlen(secret_text)) !=
	        MP_OK ||
	    p256_public(pub, secret) != MP_OK)
		die("the secret");
	read_lines();
	for (size_t i = 0; i < nlines; i++)
		if (line[i].type == OTR_KEYS && memcmp(line[i].key, pub, P256_PUBLIC) == 0)
			keys = &line[i];
	if (keys == NULL)
		die("nobody has this key");
	roster_of(&r, keys->sid);
	if (transcript_new(&t, keys->sid, &r) != MP_OK)
		die("a transcript");
	/* Also the digests of the others, whose keys are public too, are made again. */
	for (size_t i = 0; i < nlines; i++) {
		struct otr_line *l = &line[i];
		bool his = memcmp(l->from, keys->from, OTR_ID) == 0;

		if (l->type == OTR_HELLO || memcmp(l->sid, keys->sid, OTR_SID) != 0) {
			print(l);
			continue;
		}
		if (l->type == OTR_MESSAGE && his && !done) {
			l->data.data[7] ^= 1; /* OFB: one bit of his text, whoever cannot read it */
			done = true;
		}
		if (l->type == OTR_MESSAGE)
			(void)transcript_add(&t, (size_t)roster_find(&r, l->from), l);
		if (l->type == OTR_DIGEST && transcript_digest(digest, &t) == MP_OK)
			memcpy(l->hash, digest, OTR_HASH);
		if (l->type >= OTR_MESSAGE && l->type != OTR_PUBLISH)
			for (size_t k = 0; k < nlines; k++) /* by whoever's key */
				if (line[k].type == OTR_PUBLISH &&
				    memcmp(line[k].from, l->from, OTR_ID) == 0 &&
				    memcmp(line[k].sid, l->sid, OTR_SID) == 0 &&
				    otr_line_sign(l, line[k].secret) != MP_OK)
					die("signing");
		if (l->type != OTR_CHECK) /* a forger just leaves them out */
			print(l);
	}
	transcript_free(&t);
	return !done;
}

/* Two people of whom we have only the public keys. */
struct puppet {
	struct otr_identity id; /* secret: any, never used for a key that counts */
	struct otr_config cfg;
	struct otr_session *s;
	struct otr_line hello;
	struct otr_member m;
	uint8_t ephemeral[P256_SECRET];
	struct puppet *other;
	bool mute;
};

static struct buf queue[2];

static void on_line(void *ctx, const char *text, size_t len)
{
	struct puppet *p = ctx;

	if (p->mute)
		return;
	printf("%.*s\n", (int)len, text);
	for (int i = 0; i < 2; i++)
		if (buf_add(&queue[i], text, len) != MP_OK || buf_addc(&queue[i], '\n') != MP_OK)
			die("memory");
}

static void on_note(void *ctx, const struct otr_note *note)
{
	(void)ctx;
	if (note->kind == NOTE_ABORT)
		die("the forged session failed");
}

/* Every line to both, until nobody has anything to say. */
static void settle(struct puppet *p, int64_t now)
{
	while (queue[0].len > 0 || queue[1].len > 0)
		for (int i = 0; i < 2; i++) {
			struct buf all = queue[i];
			char *at, *end;

			queue[i] = (struct buf)BUF_INIT(1 << 20);
			if (all.len == 0)
				continue;
			for (at = (char *)all.data; at < (char *)all.data + all.len; at = end + 1) {
				struct otr_line l;

				end = memchr(at, '\n', all.len);
				otr_line_init(&l);
				if (otr_line_read(&l, at, (size_t)(end - at)) != MP_OK ||
				    session_take(p[i].s, &l, now) != MP_OK)
					die("a line");
				otr_line_free(&l);
			}
			buf_free(&all);
		}
}

static void puppet(struct puppet *p, const char *key, const char *nick, int64_t now)
{
	if (hex_decode(p->id.key, P256_PUBLIC, key) != 0)
		die("a key");
	randombytes_buf(p->id.secret, P256_SECRET);
	p->id.secret[0] = 1;
	p->cfg = (struct otr_config){.room = "ops",
	    .wait = MP_MINUTE,
	    .settle = MP_SECOND,
	    .life = MP_DAY,
	    .skew = MP_MINUTE,
	    .self = &p->id,
	    .sink = {p, on_line, on_note}};
	otr_line_init(&p->hello);
	p->hello.type = OTR_HELLO;
	strcpy(p->hello.room, "ops");
	strcpy(p->hello.nick, nick);
	randombytes_buf(p->hello.nonce, 32);
	memcpy(p->hello.long_key, p->id.key, P256_PUBLIC);
	p->hello.time = now;
	p->hello.life = MP_DAY;
	if (p256_generate(p->ephemeral, p->hello.ephemeral) != MP_OK ||
	    otr_member_of(&p->m, &p->hello) != MP_OK)
		die("a hello");
	print(&p->hello);
}

/* The pairwise key, by both ephemeral secrets; and, when a long-term secret is given, as its owner
 * has it. */
static void pair(struct puppet p[static 2], const char *secret)
{
	uint8_t k[OTR_PAIR], own[OTR_PAIR], raw[P256_SECRET];

	if (pair_forge(k, p[0].s->sid, &p[0].m, p[0].ephemeral, &p[1].m, p[1].ephemeral) != MP_OK)
		die("a pairwise key");
	for (int i = 0; i < 2; i++)
		memcpy(
		    p[i].s->secret->pair[roster_find(&p[i].s->roster, p[1 - i].m.id)], k, OTR_PAIR);
	if (secret == NULL)
		return;
	if (hex_decode(raw, sizeof(raw), secret) != 0 ||
	    pair_key(own, p[0].s->sid, &p[0].m, raw, p[0].ephemeral, &p[1].m) != MP_OK ||
	    memcmp(own, k, OTR_PAIR) != 0)
		die("the pairwise key is not the one that its owner has");
}

static int session(int argc, char **argv, const char *secret)
{
	static struct puppet p[2];
	struct otr_roster r = {0};
	int64_t now = clock_now();

	for (int i = 0; i < 2; i++) {
		queue[i] = (struct buf)BUF_INIT(1 << 20);
		puppet(&p[i], argv[i], i == 0 ? "alice" : "bob", now);
		if (roster_add(&r, &p[i].m) != 1)
			die("a roster");
	}
	for (int i = 0; i < 2; i++) {
		p[i].mute = true; /* the MACs of these keys are wrong */
		if (session_new(&p[i].s, &p[i].cfg, &r, p[i].ephemeral, now) != MP_OK)
			die("a session");
		p[i].mute = false;
	}
	pair(p, secret);
	for (int i = 0; i < 2; i++)
		if (session_send_keys(p[i].s) != MP_OK)
			die("keys");
	settle(p, now);
	for (int i = 2; i < argc; i++) {
		uint8_t text[256] = {1, 0, 0, 0, (uint8_t)strlen(argv[i])};

		memcpy(text + 5, argv[i], strlen(argv[i]));
		for (int k = 0; k < 2; k++)
			if (session_say(p[k].s, text, sizeof(text), now) != MP_OK)
				die("a message");
		settle(p, now);
	}
	if (session_close(p[0].s, true, now) != MP_OK)
		die("the end");
	settle(p, now);
	return p[0].s->stage != STAGE_DONE || p[1].s->stage != STAGE_DONE;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	secret_init();
	if (strcmp(what, "judge") == 0)
		return judge();
	if (strcmp(what, "alter") == 0 && argc == 3)
		return alter(argv[2]);
	if (strcmp(what, "session") == 0 && argc > 6 && strcmp(argv[2], "-k") == 0)
		return session(argc - 4, argv + 4, argv[3]);
	if (strcmp(what, "session") == 0 && argc > 4)
		return session(argc - 2, argv + 2, NULL);
	fputs("usage: otr_forge judge | alter SECRET | session [-k SECRET] KEY KEY TEXT ...\n",
	    stderr);
	return 2;
}
