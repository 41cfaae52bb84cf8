/*
 * mesh: the relay mesh of a seed from the first post to a week after the last; says what it cost.
 */
#include "sim/mesh/mesh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/err.h"
#include "mesh/ack.h"
#include "mesh/letter.h"

static const char usage[] =
    "usage: mesh [-r RELAYS] [-u PEOPLE] [-m MESSAGES] [-t MINUTES] [-s SEED]\n";

static int64_t json_size(json_t *o)
{
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	int64_t n = json_write(&text, o) == 0 ? (int64_t)text.len : 0;

	json_decref(o);
	buf_free(&text);
	return n;
}

static int ack_size(struct sizes *size, const struct rsa_key *k)
{
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	struct ack a = {.n = 1};
	int rc = ack_write(&text, &a, k, 0);

	size->ack = (int64_t)text.len;
	buf_free(&text);
	return rc;
}

/* Of what the relays really send: a small letter, an acknowledgement of one, a batch's frame. */
static int measure(struct sizes *size)
{
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	struct identity *id = calloc(1, sizeof(*id));
	struct rsa_key *k = NULL;
	struct packet p;
	struct letter letter;
	json_t *o = NULL;
	int rc;

	packet_init(&p);
	letter_init(&letter);
	if (id == NULL)
		return MP_ENOMEM;
	if ((rc = rsa_new(&k)) == 0 && (rc = buf_adds(&letter.content, "hello")) == 0 &&
	    (rc = letter_seal(&p, rsa_der(k), rsa_der(k), k, &letter)) == 0 &&
	    (rc = packet_write(&o, &p)) == 0 && (rc = ack_size(size, k)) == 0) {
		size->packet = json_size(o);
		rc = batch_write(&text, id, id->key, json_array(), json_array(), json_array(), 0);
		size->batch = (int64_t)text.len;
	}
	rsa_free(k);
	letter_free(&letter);
	packet_free(&p);
	buf_free(&text);
	free(id);
	return rc;
}

static void come_back(struct mesh *m, int relay)
{
	m->relay[relay].down = false;
	for (int i = 0; i < m->relay[relay].degree; i++)
		link_start(m, m->relay[relay].link[i]);
}

static void happen(struct mesh *m, const struct event *e)
{
	switch (e->what) {
	case POST:
		post(m, e->a);
		break;
	case ARRIVE:
		link_arrive(m, e->a);
		break;
	case ANSWERED:
	case RETRY:
		m->link[e->a].busy = false;
		link_start(m, &m->link[e->a]);
		break;
	case AGAIN:
		flood_again(m, e->a, e->b, e->c);
		break;
	case POLL:
		poll_now(m, e->a);
		break;
	case AUDIT:
		audit(m, e->a);
		break;
	case JUDGE:
		judge(m, e->a, e->b != 0);
		break;
	case DOWN:
		m->relay[e->a].down = true;
		break;
	case UP:
		come_back(m, e->a);
		break;
	}
}

static void check(const struct mesh *m)
{
	for (int i = 0; i < m->messages; i++) {
		const struct message *x = &m->message[i];

		if (x->got < 0 || (x->accepted >= 0 && x->got > x->accepted + KEEP))
			fail(m, "a message that was accepted is lost", i, x->to);
	}
	for (int r = 0; r < m->n; r++)
		if (m->relay[r].kind != HONEST && m->relay[r].shut_out < 0)
			fail(m, "a bad relay is not shut out", r, (int)m->relay[r].kind);
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void quantiles(const char *what, int64_t *v, size_t n, double unit)
{
	qsort(v, n, sizeof(*v), ascending);
	printf("%s %.1f %.1f %.1f\n", what, (double)v[n / 2] / unit, (double)v[n * 99 / 100] / unit,
	    (double)v[n - 1] / unit);
}

static void say_times(const struct mesh *m)
{
	size_t n = (size_t)(m->messages > m->n ? m->messages : m->n), k = 0;
	int64_t *v = calloc(n, sizeof(*v));

	if (v == NULL)
		exit(111);
	for (int i = 0; i < m->messages; i++)
		if (m->message[i].tries == 1)
			v[k++] = m->message[i].boxed - m->message[i].posted;
	if (k > 0)
		quantiles("to a box, s, median 99% most:", v, k, 1000);
	for (int i = 0; i < m->messages; i++)
		v[i] = m->message[i].got - m->message[i].posted;
	quantiles("to a person, h, median 99% most:", v, (size_t)m->messages, (double)MP_HOUR);
	k = 0;
	for (int r = 0; r < m->n; r++)
		if (m->relay[r].kind != HONEST)
			v[k++] = m->relay[r].shut_out;
	quantiles("bad ones out, h, median 99% most:", v, k, (double)MP_HOUR);
	free(v);
}

static void say(const struct mesh *m)
{
	double n = m->messages, rows = 0, peak = 0;

	for (int r = 0; r < m->n; r++) {
		rows += (double)m->relay[r].rows / m->n;
		peak = (double)m->relay[r].peak > peak ? (double)m->relay[r].peak : peak;
	}
	printf("relays %d of %.1f peers, people %d, messages %d in %lld minutes\n", m->n,
	    (double)m->links / m->n, m->people, m->messages, (long long)(m->posting / MP_MINUTE));
	printf("bytes of a packet %lld, an acknowledgement %lld, a batch %lld\n",
	    (long long)m->size.packet, (long long)m->size.ack, (long long)m->size.batch);
	printf("a message: %.0f copies, %.0f of its first flood, %.0f posts, %.1f MB\n",
	    (double)m->copies / n, (double)m->first / n, (double)m->posts / n,
	    (double)m->bytes / n / 1e6);
	printf("a relay's part of a message: %.1f copies, %.1f of its first flood, %.1f kB\n",
	    (double)m->copies / n / m->n, (double)m->first / n / m->n,
	    (double)m->bytes / n / 1e3 / m->n);
	say_times(m);
	printf("a relay: %.2f rows a message, at most %.3f MB of texts\n", rows / n, peak / 1e6);
	printf("audits %lld, %lld failed; waited %lld, void %lld; posted again %lld, fetched at "
	       "both relays %lld\n",
	    (long long)m->audits, (long long)m->failed, (long long)m->waited, (long long)m->voided,
	    (long long)m->reposts, (long long)m->doubles);
}

static int64_t number(const char *text, int64_t least, int64_t most)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n < least || n > most) {
		fputs(usage, stderr);
		exit(100);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct mesh m = {.n = 100, .people = 1000, .messages = 300, .posting = 2 * MP_DAY};
	struct event e;
	int64_t seed = 1;
	int c;

	while ((c = getopt(argc, argv, "r:u:m:t:s:")) != -1) {
		if (c == 'r')
			m.n = (int)number(optarg, 40, 10000) / CIRCLE * CIRCLE;
		else if (c == 'u')
			m.people = (int)number(optarg, 2, 10000000);
		else if (c == 'm')
			m.messages = (int)number(optarg, 1, 1000000);
		else if (c == 't')
			m.posting = number(optarg, 1, 100000) * MP_MINUTE;
		else if (c == 's')
			seed = number(optarg, 0, INT64_MAX);
		else
			number("", 0, 0);
	}
	if (optind < argc)
		number("", 0, 0);
	if (sodium_init() < 0 || measure(&m.size) != 0) {
		err_print(MP_ESYS);
		return 111;
	}
	mesh_make(&m, (uint64_t)seed);
	while (mesh_next(&m, &e))
		happen(&m, &e);
	check(&m);
	say(&m);
	mesh_free(&m);
	return fflush(stdout) == 0 ? 0 : 111;
}
