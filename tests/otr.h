/*
 * otr: any number of rooms in one process, over a transport that a test steers.
 *
 * Time is virtual.  Every line goes to every node, its sender too, `delay` ms later; the
 * hook of a test may see, alter, drop, delay or repeat it on the way to each.
 */
#ifndef MP_TESTS_OTR_H
#define MP_TESTS_OTR_H

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "otr/room.h"
#include "tap.h"

#define NODES 50
#define SEEN 128

struct node;
struct net;

/* What a node's person would know of one session. */
struct seen {
	uint8_t sid[OTR_SID];
	bool open, verified, aborted;
	uint64_t who; /* of the abort */
	enum otr_stage stage;
	enum otr_why why;
	uint8_t digest[OTR_HASH];
	unsigned messages, published;
	uint8_t secrets[OTR_MEMBERS][P256_SECRET]; /* published, by place */
	crypto_generichash_state text;             /* over all messages, by sender */
	struct otr_roster roster;
};

struct node {
	struct net *net;
	size_t index;
	struct otr_identity id;
	struct otr_config cfg;
	struct otr_room *room;
	struct seen seen[SEEN];
	size_t nseen;
	unsigned opened, verified, aborted, messages, left;
	unsigned long lines, bytes;
};

struct parcel {
	int64_t at;
	uint64_t order;
	size_t from, to;
	char *text;
	size_t len;
};

struct net {
	int64_t now;
	size_t n;
	struct node node[NODES];
	struct parcel *queue;
	size_t queued, room_for;
	uint64_t order;
	int64_t delay;
	int64_t life; /* of who joins from now on; 0: a day */
	/* Returns how many copies go; may set *at and replace *text (malloc'd). */
	int (*hook)(struct net *net, size_t from, size_t to, char **text, size_t *len, int64_t *at);
	void *ctx;
};

static struct seen *seen_of(struct node *n, const struct otr_session *s)
{
	for (size_t i = 0; i < n->nseen; i++)
		if (memcmp(n->seen[i].sid, s->sid, OTR_SID) == 0)
			return &n->seen[i];
	if (n->nseen == SEEN)
		abort();
	memcpy(n->seen[n->nseen].sid, s->sid, OTR_SID);
	n->seen[n->nseen].roster = s->roster;
	return &n->seen[n->nseen++];
}

static void net_note(void *ctx, const struct otr_note *note)
{
	struct node *n = ctx;
	struct seen *s = seen_of(n, note->session);

	switch (note->kind) {
	case NOTE_OPEN:
		s->open = true;
		n->opened++;
		break;
	case NOTE_MESSAGE:
		s->messages++;
		n->messages++;
		break;
	case NOTE_LEFT:
		n->left++;
		break;
	case NOTE_ABORT:
		s->aborted = true;
		s->who = note->who;
		s->stage = note->stage;
		s->why = note->why;
		n->aborted++;
		break;
	case NOTE_VERIFIED:
		s->verified = true;
		memcpy(s->digest, note->data, OTR_HASH);
		n->verified++;
		break;
	case NOTE_PUBLISHED:
		memcpy(s->secrets[note->from], note->data, P256_SECRET);
		s->published++;
		break;
	}
}

static bool before(const struct parcel *a, const struct parcel *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void queue_push(struct net *net, struct parcel p)
{
	size_t i = net->queued++;

	if (net->queued > net->room_for) {
		net->room_for = net->room_for == 0 ? 1024 : 2 * net->room_for;
		net->queue = realloc(net->queue, net->room_for * sizeof(*net->queue));
	}
	p.order = net->order++;
	while (i > 0 && before(&p, &net->queue[(i - 1) / 2])) {
		net->queue[i] = net->queue[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	net->queue[i] = p;
}

static struct parcel queue_pop(struct net *net)
{
	struct parcel first = net->queue[0], last = net->queue[--net->queued];
	size_t i = 0;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= net->queued)
			break;
		if (c + 1 < net->queued && before(&net->queue[c + 1], &net->queue[c]))
			c++;
		if (!before(&net->queue[c], &last))
			break;
		net->queue[i] = net->queue[c];
		i = c;
	}
	net->queue[i] = last;
	return first;
}

static void net_post(
    struct net *net, size_t from, size_t to, const char *text, size_t len, int64_t at)
{
	struct parcel p = {.at = at, .from = from, .to = to, .text = malloc(len + 1), .len = len};

	memcpy(p.text, text, len);
	p.text[len] = '\0';
	queue_push(net, p);
}

static void net_line(void *ctx, const char *text, size_t len)
{
	struct node *n = ctx;
	struct net *net = n->net;

	n->lines++;
	n->bytes += len + 1;
	for (size_t to = 0; to < net->n; to++) {
		char *copy = malloc(len + 1);
		size_t l = len;
		int64_t at = net->now + net->delay;
		int copies = 1;

		memcpy(copy, text, len);
		copy[len] = '\0';
		if (net->hook != NULL)
			copies = net->hook(net, n->index, to, &copy, &l, &at);
		while (copies-- > 0)
			net_post(net, n->index, to, copy, l, at);
		free(copy);
	}
}

/* A node that is there, and says hello. */
static struct node *net_join(struct net *net)
{
	struct node *n = &net->node[net->n];

	memset(n, 0, sizeof(*n));
	n->net = net;
	n->index = net->n++;
	n->cfg = (struct otr_config){.room = "ops",
	    .server = "example.onion",
	    .wait = 60000,
	    .settle = 1000,
	    .life = net->life == 0 ? 86400000 : net->life,
	    .skew = 300000,
	    .self = &n->id,
	    .sink = {n, net_line, net_note}};
	snprintf(n->cfg.nick, sizeof(n->cfg.nick), "p%zu", n->index);
	if (p256_generate(n->id.secret, n->id.key) != MP_OK ||
	    room_new(&n->room, &n->cfg, net->now) != MP_OK)
		abort();
	return n;
}

static int net_say(struct node *n, const char *text)
{
	return room_say(n->room, (const uint8_t *)text, strlen(text), n->net->now);
}

static int64_t net_wake(const struct net *net)
{
	int64_t at = net->queued > 0 ? net->queue[0].at : INT64_MAX;

	for (size_t i = 0; i < net->n; i++)
		if (net->node[i].room != NULL && room_wake(net->node[i].room) < at)
			at = room_wake(net->node[i].room);
	return at;
}

/* Everything that is due until then. */
static void net_run(struct net *net, int64_t until)
{
	int64_t at;

	while ((at = net_wake(net)) <= until) {
		if (at > net->now)
			net->now = at;
		while (net->queued > 0 && net->queue[0].at <= net->now) {
			struct parcel p = queue_pop(net);
			struct otr_room *room = net->node[p.to].room;
			int r = room == NULL ? 0 : room_line(room, p.text, p.len, net->now);

			if (r != MP_OK && r != MP_EBAD && r != MP_ELIMIT) {
				printf("Bail out! %s\n", err_detail());
				exit(1);
			}
			free(p.text);
		}
		for (size_t i = 0; i < net->n; i++)
			if (net->node[i].room != NULL && room_wake(net->node[i].room) <= net->now &&
			    room_tick(net->node[i].room, net->now) != MP_OK) {
				printf("Bail out! %s\n", err_detail());
				exit(1);
			}
	}
	net->now = until;
}

static void net_free(struct net *net)
{
	while (net->queued > 0)
		free(queue_pop(net).text);
	free(net->queue);
	for (size_t i = 0; i < net->n; i++)
		room_free(net->node[i].room);
	net->queue = NULL;
	net->n = net->room_for = 0;
}

/* All in one open session. */
__attribute__((unused)) static bool net_open(struct net *net)
{
	for (size_t i = 0; i < net->n; i++) {
		const struct otr_session *a = net->node[0].room->current;
		const struct otr_session *b = net->node[i].room->current;

		if (a == NULL || b == NULL || a->stage != STAGE_OPEN || b->stage != STAGE_OPEN ||
		    memcmp(a->sid, b->sid, OTR_SID) != 0)
			return false;
	}
	return true;
}

#endif
