/*
 * Every line of the protocol dropped, repeated, delayed, altered and put into another's mouth, by
 * the transport and by a member who signs what he sends.  Whatever happens, every honest member
 * ends in agreement or in an abort that names a stage, and no two of them have different verified
 * transcripts.
 */
#include "otr.h"

enum op { DROP, REPEAT, DELAY, ALTER, WRONG_PARTY, RESIGN, OPS };

static const char *const op_names[OPS] = {
    "dropped", "repeated", "delayed", "altered", "from another", "forged by its member"};

/* The first line of a type that the culprit sends, towards one victim or all. */
struct attack {
	enum op op;
	enum otr_type type;
	size_t culprit;
	int victim; /* -1: all */
	unsigned variant;
	bool done; /* it was met */
	bool over; /* ... and is past: the next line of the type goes as it is */
	struct otr_line first;
	bool has_first;
};

static void rewrite(char **text, size_t *len, const struct otr_line *l)
{
	struct buf out = BUF_INIT(OTR_LINE_MAX);

	if (otr_line_write(&out, l) != MP_OK || buf_terminate(&out) != MP_OK)
		abort();
	free(*text);
	*text = malloc(out.len + 1);
	memcpy(*text, out.data, out.len + 1);
	*len = out.len;
	buf_free(&out);
}

/* One bit of some field, by the variant. */
static void alter(struct otr_line *l, unsigned variant)
{
	switch (variant % 6) {
	case 0:
		l->hash[3] ^= 4;
		break;
	case 1:
		l->sig[5] ^= 1;
		l->nonce[7] ^= 1;
		break;
	case 2:
		if (l->data.len > 0)
			l->data.data[l->data.len / 2] ^= 16;
		l->commitment[1] ^= 1;
		break;
	case 3:
		l->n++;
		l->iv[0] ^= 1;
		l->life += 1000;
		break;
	case 4:
		(void)p256_generate(l->secret, l->key);
		memcpy(l->ephemeral, l->key, P256_PUBLIC);
		break;
	default:
		l->sid[0] ^= 1;
		break;
	}
}

/* Another signing key, with the right MAC for each: who gets it cannot know that others got
 * another. */
static void other_keys(struct net *net, struct attack *a, struct otr_line *l)
{
	struct node *n = &net->node[a->culprit];
	uint8_t pair[OTR_PAIR], secret[P256_SECRET];
	const struct otr_roster *set = &n->room->set;

	if (p256_generate(secret, l->key) != MP_OK)
		abort();
	for (size_t i = 0; i < set->n; i++)
		if (memcmp(set->m[i].long_key, n->id.key, P256_PUBLIC) != 0 &&
		    (pair_key(pair, l->sid, &n->room->own, n->id.secret, n->room->ephemeral,
		         &set->m[i]) != MP_OK ||
		        pair_mac(l->data.data + i * OTR_MAC, pair, l->sid, &n->room->own,
		            &set->m[i], l->key) != MP_OK))
			abort();
}

/* What a member can make of his own line: another one that is signed as well. */
static void resign(struct net *net, struct attack *a, struct otr_line *l)
{
	struct otr_room *room = net->node[a->culprit].room;
	struct otr_session *s = NULL, *all[4] = {NULL};

	if (room != NULL)
		memcpy(all,
		    (struct otr_session *[]){room->next, room->current, room->old[0], room->old[1]},
		    sizeof(all));
	for (size_t i = 0; i < 4; i++)
		if (all[i] != NULL && memcmp(all[i]->sid, l->sid, OTR_SID) == 0)
			s = all[i];
	if (l->type == OTR_KEYS && a->variant % 2 == 1 && room != NULL) {
		other_keys(net, a, l);
		return;
	}
	/* Its keys are sent while it is made. */
	if (l->type == OTR_HELLO || l->type == OTR_PUBLISH || s == NULL) {
		alter(l, a->variant);
		return;
	}
	l->hash[0] ^= 1;
	if (l->data.len > 0)
		l->data.data[a->variant % l->data.len] ^= 1;
	l->commitment[0] ^= 1;
	if (l->type == OTR_CLOSE)
		l->n++;
	if (otr_line_sign(l, s->secret->signing) != MP_OK)
		abort();
}

static int hook(struct net *net, size_t from, size_t to, char **text, size_t *len, int64_t *at)
{
	struct attack *a = net->ctx;
	struct otr_line l;
	int copies = 1;

	otr_line_init(&l);
	if (a->over || from != a->culprit || from == to ||
	    otr_line_read(&l, *text, *len) != MP_OK || l.type != a->type)
		goto out;
	if (!a->has_first) { /* all of its copies, and no other */
		a->first = l;
		a->first.data = (struct buf)BUF_INIT(0);
		a->has_first = true;
	}
	if (memcmp(a->first.sid, l.sid, sizeof(l.sid)) != 0 ||
	    memcmp(a->first.sig, l.sig, sizeof(l.sig)) != 0 ||
	    memcmp(a->first.nonce, l.nonce, sizeof(l.nonce)) != 0) {
		a->over = true;
		goto out;
	}
	if (a->victim >= 0 && (size_t)a->victim != to)
		goto out;
	a->done = true;
	switch (a->op) {
	case DROP:
		copies = 0;
		break;
	case REPEAT:
		net_post(net, from, to, *text, *len, *at + 400);
		net_post(net, from, to, *text, *len, *at + 20000);
		net_post(net, from, to, *text, *len, *at + 90000);
		copies = 2;
		break;
	case DELAY:
		*at += 777 * (1 + a->variant);
		break;
	case ALTER:
		alter(&l, a->variant);
		rewrite(text, len, &l);
		break;
	case WRONG_PARTY:
		memcpy(l.from, net->node[a->variant % 2 == 0 ? to : 3 - to - from].room->own.id,
		    OTR_ID);
		memcpy(l.nick, "other", 6);
		net_post(
		    net, from, to, *text, *len, *at + 100); /* the true one too, a little later */
		rewrite(text, len, &l);
		break;
	default:
		resign(net, a, &l);
		rewrite(text, len, &l);
		break;
	}
out:
	otr_line_free(&l);
	return copies;
}

/* 0, or what is wrong. */
static const char *look(struct net *net, size_t honest)
{
	for (size_t i = 0; i < honest; i++)
		for (size_t k = 0; k < net->node[i].nseen; k++) {
			const struct seen *a = &net->node[i].seen[k];

			if (a->aborted && a->stage > STAGE_COMPARE)
				return "an abort without a stage";
			if (a->aborted && a->why == WHY_LATE && a->who == 0)
				return "an abort that names nobody";
			if (a->aborted && a->verified)
				return "aborted and verified";
			for (size_t j = 0; j < i; j++)
				for (size_t m = 0; m < net->node[j].nseen; m++) {
					const struct seen *b = &net->node[j].seen[m];

					if (memcmp(a->sid, b->sid, OTR_SID) == 0 && a->verified &&
					    b->verified &&
					    memcmp(a->digest, b->digest, OTR_HASH) != 0)
						return "two verified views";
				}
		}
	return NULL;
}

/* Every session that a member began has ended one way or the other. */
static const char *all_ended(struct net *net, size_t honest)
{
	for (size_t i = 0; i < honest; i++)
		for (size_t k = 0; k < net->node[i].nseen; k++) {
			const struct seen *s = &net->node[i].seen[k];

			if (!s->verified && !s->aborted)
				return "a session that neither ended in agreement nor in an abort";
		}
	return NULL;
}

struct tally {
	unsigned runs, met, wrong, aborted, agreed;
};

static void run(struct tally *t, enum op op, enum otr_type type, int victim, unsigned variant)
{
	static struct net net;
	struct attack a = {
	    .op = op, .type = type, .culprit = 2, .victim = victim, .variant = variant};
	const char *wrong;
	unsigned aborted = 0;

	memset(&net, 0, sizeof(net));
	net.now = 1700000000000;
	net.delay = 50;
	net.hook = hook;
	net.ctx = &a;
	while (net.n < 3)
		net_join(&net);
	net_run(&net, net.now + 3000);
	for (size_t i = 0; i < 3; i++)
		(void)net_say(&net.node[i], "one");
	net_run(&net, net.now + 3000);
	for (size_t i = 0; i < 3; i++)
		(void)net_say(&net.node[i], "two");
	net_run(&net, net.now + 130000); /* two time-outs */
	(void)room_leave(net.node[2].room, net.now);
	net_run(&net, net.now + 130000);
	(void)room_leave(net.node[1].room, net.now);
	(void)room_leave(net.node[0].room, net.now);
	net_run(&net, net.now + 130000);
	/* The member who forges is not honest. */
	if ((wrong = look(&net, op == RESIGN ? 2 : 3)) == NULL)
		wrong = all_ended(&net, op == RESIGN ? 2 : 3);
	for (size_t i = 0; i < 3; i++)
		aborted += net.node[i].aborted;
	t->runs++;
	t->met += a.done;
	t->aborted += aborted > 0;
	t->agreed += net.node[0].verified > 0 && net.node[1].verified > 0;
	if (wrong != NULL) {
		t->wrong++;
		printf("# %s %s to %d, variant %u: %s\n", otr_type_name(type), op_names[op], victim,
		    variant, wrong);
	}
	net_free(&net);
}

static void test_all(enum otr_type type, enum op op)
{
	struct tally t = {0};
	unsigned variants = op == ALTER || op == RESIGN        ? 6
	                    : op == DELAY || op == WRONG_PARTY ? 3
	                                                       : 1;

	for (int victim = -1; victim < 2; victim++)
		for (unsigned v = 0; v < variants; v++)
			run(&t, op, type, victim, v);
	ok(t.wrong == 0 && t.met == t.runs,
	    "%s %s: agreement or a clear abort (%u runs, %u with an abort)", otr_type_name(type),
	    op_names[op], t.runs, t.aborted);
	if (t.met != t.runs)
		printf("# met in %u of %u runs\n", t.met, t.runs);
	/* What does not destroy must not hurt. */
	if (op == REPEAT || op == DELAY || op == WRONG_PARTY)
		is_int(t.agreed, t.runs, "... and agreement in the end");
}

int main(void)
{
	secret_init();
	for (int type = 0; type < OTR_TYPES; type++)
		for (int op = 0; op < OPS; op++)
			if (type != OTR_ABORT)
				test_all((enum otr_type)type, (enum op)op);
	return done();
}
