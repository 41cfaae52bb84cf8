/*
 * chat-crowd: many clients of a chat server in one process, each with a connection of its own.
 *
 *   users COUNT                 makes the users u0 ... in $MP_CHATD, with hashes that cost nothing
 *   run WHERE KEY CLIENTS SESSIONS MESSAGES SENDERS WINDOW
 *       logs all in, opens sessions of equal size, has SENDERS members of each send MESSAGES in
 * all, and checks that every other member gets each of them once and in order.  A connection that
 * breaks is made again, and goes on where it was.  Prints "sending" when the first message goes,
 * and at the end messages, deliveries, seconds, reconnections, and latencies (p50, p99, max) in ms.
 *
 * Content is bytes of its own, not sealed: the server cannot tell.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "chat/frame.h"
#include "chat/guest.h"
#include "chat/payload.h"
#include "net/dial.h"
#include "store/chatd.h"

#define CONTENT 200

struct member {
	int fd;
	struct guest *guest;
	struct buf in, out;
	uint64_t uid, sid, cursor, sent, acked, confirmed, quota;
	uint64_t *heard; /* of each member of the session: the last number */
	int index, room;
	bool following, invited, accepted;
	int64_t retry;
	uint32_t events;
};

static const char *where;
static struct serverkey *key;
static struct member *all;
static int n, rooms, size, senders, window, epfd;
static int64_t messages, delivered, wanted, acked, reconnections;
static float *latency;
static size_t latencies;
static bool running;

static int64_t micros(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void die(const char *what)
{
	fprintf(stderr, "chat-crowd: %s: %s\n", what, err_detail());
	exit(1);
}

static void want(struct member *m)
{
	struct epoll_event e = {.events = EPOLLIN | (m->out.len > 0 ? EPOLLOUT : 0), .data.ptr = m};

	if (m->fd >= 0 && e.events != m->events)
		epoll_ctl(epfd, m->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, m->fd, &e);
	m->events = e.events;
}

static void push(struct member *m)
{
	size_t at = 0;
	ssize_t k;

	while (m->fd >= 0 && at < m->out.len &&
	       (k = write(m->fd, m->out.data + at, m->out.len - at)) > 0)
		at += (size_t)k;
	m->out.len -= at;
	if (at > 0 && m->out.len > 0)
		memmove(m->out.data, m->out.data + at, m->out.len);
	want(m);
}

static void drop(struct member *m)
{
	if (m->fd >= 0)
		close(m->fd);
	guest_free(m->guest);
	m->guest = NULL;
	m->fd = -1;
	m->events = 0;
	m->following = false;
	buf_clear(&m->in);
	buf_clear(&m->out);
	m->sent = m->acked;
	m->retry = clock_monotonic() + 50 + randombytes_uniform(200);
	reconnections++;
}

static void enter(struct member *m)
{
	char name[16], password[16];

	snprintf(name, sizeof(name), "u%d", m->index);
	snprintf(password, sizeof(password), "p%d", m->index);
	if (dial(&m->fd, where, "x", 10000) != 0) {
		m->retry = clock_monotonic() + 100;
		return;
	}
	if (guest_login(&m->guest, &m->out, key, name, password, clock_now()) != 0)
		die("login");
	push(m);
}

static void tell(struct member *m, enum frame_type type, struct buf *text)
{
	if (guest_send(m->guest, &m->out, type, type == FRAME_INIT_REQ ? 0 : m->sid, text->data,
	        text->len) != 0)
		die("send");
	buf_free(text);
}

static void follow(struct member *m)
{
	struct buf text = BUF_INIT(64);

	want_write(&text, WANT_FOLLOW, m->cursor, NULL, 0);
	tell(m, FRAME_STATUS_REQ, &text);
}

static void speak(struct member *m)
{
	uint8_t content[CONTENT] = {0};
	struct chat_message msg = {.content = content, .n = sizeof(content)};

	while (running && m->following && m->sent < m->quota &&
	       m->sent - m->acked < (uint64_t)window) {
		struct buf text = BUF_INIT(1024);

		msg.number = ++m->sent;
		put64(content, (uint64_t)m->index);
		put64(content + 8, msg.number);
		put64(content + 16, (uint64_t)micros());
		message_write(&text, false, &msg);
		tell(m, FRAME_MSG_REQ, &text);
	}
}

static void hear(struct member *m, const struct heard *e)
{
	struct chat_message msg;
	uint64_t from, *last;

	if (message_read(&msg, true, e->payload, e->n) != 0 || msg.n != CONTENT)
		die("message");
	if (msg.seq <= m->cursor)
		die("a message twice on one connection, or out of order");
	m->cursor = msg.seq;
	from = get64(msg.content);
	last = &m->heard[(int)from - m->room * size];
	if (get64(msg.content + 8) != msg.number || all[from].uid != e->uid)
		die("a message of somebody else");
	if (msg.number != *last + 1) {
		fprintf(stderr, "member %d from %" PRIu64 ": %" PRIu64 " after %" PRIu64 "\n",
		    m->index, from, msg.number, *last);
		die("lost or repeated");
	}
	*last = msg.number;
	delivered++;
	if (latencies < (size_t)wanted)
		latency[latencies++] = (float)(micros() - (int64_t)get64(msg.content + 16)) / 1000;
}

static void on_login(struct member *m)
{
	m->uid = guest_uid(m->guest);
	if (m->sid != 0 && (m->accepted || m->index % size == 0))
		follow(m);
}

static void accept_(struct member *m, uint64_t sid)
{
	struct buf text = BUF_INIT(128);
	uint8_t any[32] = {1};

	if (m->accepted)
		return;
	m->sid = sid;
	m->accepted = true;
	answer_write(&text, any);
	tell(m, FRAME_INVITE_RES, &text);
	follow(m);
}

static void on_event(struct member *m, const struct heard *e)
{
	char response[RESPONSE_SIZE];
	uint64_t number;

	switch (e->event) {
	case GUEST_LOGGED_IN:
		on_login(m);
		break;
	case GUEST_INVITED:
		accept_(m, e->sid);
		break;
	case GUEST_OPENED:
		if (response_read(response, e->payload, e->n) != 0 || strcmp(response, "OK") != 0)
			die("init");
		m->sid = e->sid;
		follow(m);
		break;
	case GUEST_STATUS:
		m->following = true;
		break;
	case GUEST_MESSAGE:
		hear(m, e);
		break;
	case GUEST_RESULT:
		if (result_read(response, &number, e->payload, e->n) != 0 ||
		    strcmp(response, "OK") != 0)
			die(response);
		acked += (int64_t)(number - m->acked);
		m->acked = number;
		break;
	default:
		die("what is this");
	}
}

static void take(struct member *m)
{
	size_t at = 0, length;
	struct heard e;
	ssize_t k;
	int rc;

	buf_reserve(&m->in, 65536);
	k = read(m->fd, m->in.data + m->in.len, 65536);
	if (k < 0 && errno == EAGAIN)
		return;
	if (k <= 0) {
		drop(m);
		return;
	}
	m->in.len += (size_t)k;
	while ((rc = frame_next(m->in.data + at, m->in.len - at, &length)) == 1) {
		if (guest_take(m->guest, &e, m->in.data + at, length) != 0)
			die("frame");
		at += length;
		on_event(m, &e);
	}
	m->in.len -= at;
	memmove(m->in.data, m->in.data + at, m->in.len);
	if (m->following && m->cursor > m->confirmed) {
		struct buf text = BUF_INIT(64);

		m->confirmed = m->cursor;
		result_write(&text, "OK", m->cursor);
		tell(m, FRAME_MSG_RES, &text);
	}
}

static void turn(void)
{
	struct epoll_event e[256];
	int64_t now;
	int k = epoll_wait(epfd, e, 256, 100);

	for (int i = 0; i < k; i++) {
		struct member *m = e[i].data.ptr;

		if (m->fd >= 0 && (e[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
			take(m);
		if (m->fd >= 0) {
			speak(m);
			push(m);
		}
	}
	now = clock_monotonic();
	for (int i = 0; i < n; i++)
		if (all[i].fd < 0 && now >= all[i].retry)
			enter(&all[i]);
}

static bool every(bool (*holds)(const struct member *m))
{
	for (int i = 0; i < n; i++)
		if (!holds(&all[i]))
			return false;
	return true;
}

static bool is_in(const struct member *m)
{
	return m->uid != 0;
}

static bool follows(const struct member *m)
{
	return m->following;
}

static void until(bool (*holds)(const struct member *m), const char *what)
{
	int64_t end = clock_monotonic() + 300000;

	while (!every(holds)) {
		turn();
		if (clock_monotonic() > end)
			die(what);
	}
}

static void open_rooms(void)
{
	for (int r = 0; r < rooms; r++) {
		struct buf text = BUF_INIT(8192);
		struct init i = {.n = (size_t)size - 1};

		i.key[0] = 1;
		for (int k = 1; k < size; k++)
			i.invited[k - 1] = all[r * size + k].uid;
		init_write(&text, &i);
		tell(&all[r * size], FRAME_INIT_REQ, &text);
		push(&all[r * size]);
	}
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static void report(int64_t took)
{
	qsort(latency, latencies, sizeof(*latency), by_value);
	printf("messages %" PRId64 " deliveries %" PRId64 " seconds %.3f reconnections %" PRId64
	       " p50 %.2f p99 %.2f max %.2f\n",
	    messages, delivered, (double)took / 1e6, reconnections, (double)latency[latencies / 2],
	    (double)latency[latencies - 1 - latencies / 100], (double)latency[latencies - 1]);
}

static int run(char **argv)
{
	struct buf text = BUF_INIT(4096);
	struct rlimit files;
	int64_t start, quiet;

	where = argv[0];
	if (file_read(argv[1], &text) != 0 ||
	    serverkey_from_public(&key, (const char *)text.data, text.len) != 0)
		die(argv[1]);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	n = atoi(argv[2]);
	rooms = atoi(argv[3]);
	messages = atoll(argv[4]);
	senders = atoi(argv[5]);
	window = atoi(argv[6]);
	size = n / rooms;
	if (size < 2 || senders < 1 || senders > size || size * rooms != n)
		die("sizes");
	all = calloc((size_t)n, sizeof(*all));
	epfd = epoll_create1(0);
	for (int i = 0; i < n; i++) {
		all[i] = (struct member){.fd = -1, .index = i, .room = i / size};
		all[i].in.max = all[i].out.max = (size_t)16 << 20;
		all[i].heard = calloc((size_t)size, sizeof(uint64_t));
		if (i % size < senders)
			all[i].quota = (uint64_t)(messages / (rooms * senders));
	}
	messages = messages / (rooms * senders) * (rooms * senders);
	wanted = messages * (size - 1);
	latency = calloc((size_t)wanted, sizeof(*latency));
	until(is_in, "not all are in");
	open_rooms();
	until(follows, "not all follow");
	reconnections = 0;
	running = true;
	puts("sending");
	fflush(stdout);
	start = micros();
	for (int i = 0; i < n; i++) {
		speak(&all[i]);
		push(&all[i]);
	}
	quiet = clock_monotonic();
	for (int64_t before = 0; delivered < wanted || acked < messages;) {
		turn();
		if (delivered != before)
			quiet = clock_monotonic();
		before = delivered;
		if (clock_monotonic() - quiet > 60000)
			die("nothing for a minute");
	}
	report(micros() - start);
	return 0;
}

static int make_users(int count)
{
	struct store *s;
	char path[4096], name[16], password[16], hash[CHATD_PASSWORD];

	snprintf(path, sizeof(path), "%s/chatd.db", getenv("MP_CHATD"));
	if (dir_make(getenv("MP_CHATD")) != 0 || chatd_open(&s, path) != 0 || store_begin(s) != 0)
		die("store");
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		snprintf(password, sizeof(password), "p%d", i);
		if (crypto_pwhash_str(hash, password, strlen(password), crypto_pwhash_OPSLIMIT_MIN,
		        crypto_pwhash_MEMLIMIT_MIN) != 0 ||
		    chatd_user_add(s, name, hash) != 0)
			die("user");
	}
	if (store_commit(s) != 0)
		die("store");
	store_close(s);
	return 0;
}

int main(int argc, char **argv)
{
	secret_init();
	if (argc == 3 && strcmp(argv[1], "users") == 0)
		return make_users(atoi(argv[2]));
	if (argc == 9 && strcmp(argv[1], "run") == 0)
		return run(argv + 2);
	fputs("usage: chat-crowd users COUNT | run WHERE KEY CLIENTS SESSIONS MESSAGES SENDERS "
	      "WINDOW\n",
	    stderr);
	return 100;
}
