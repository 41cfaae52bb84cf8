#include "node/warden.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"

#define MEMORY ((size_t)19 << 20)
#define PASSES 2
#define QUEUE 256
#define EACH 16      /* of one source at one name */
#define TRACKS 1024  /* a power of two */
#define PASSWORD 257 /* longest, with NUL */

struct job {
	uint64_t ticket; /* 0: empty */
	uint64_t source, pair;
	char stored[WARDEN_PASSWORD];
	char *password; /* in the arena */
};

struct answer {
	uint64_t ticket;
	bool right;
};

/* Of all whose hash falls here. */
struct track {
	uint64_t turn;  /* the last one, counted */
	int64_t refund; /* ms: wrong ones are forgotten one a second from here */
	int wrong;
};

struct warden {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	bool end;
	int fd;
	int64_t (*now)(void);
	uint64_t turn;
	uint8_t salt[crypto_shorthash_KEYBYTES];
	struct job jobs[QUEUE];
	struct answer answers[QUEUE];
	size_t n_answers;
	struct track sources[TRACKS], pairs[TRACKS];
};

int warden_hash(char out[static WARDEN_PASSWORD], const char *password)
{
	if (crypto_pwhash_str_alg(
	        out, password, strlen(password), PASSES, MEMORY, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return err_set(MP_ENOMEM, "no memory to hash a password");
	return 0;
}

static void refund(struct track *t, int64_t now)
{
	int64_t n = (now - t->refund) / MP_SECOND;

	if (n <= 0)
		return;
	t->wrong = n >= t->wrong ? 0 : t->wrong - (int)n;
	t->refund += n * MP_SECOND;
	if (t->wrong == 0)
		t->refund = now;
}

/* The one whose turn it is, or NULL; *later is set when somebody waits for the clock. */
static struct job *choose(struct warden *w, int64_t now, bool *later)
{
	struct job *best = NULL;

	*later = false;
	for (struct job *j = w->jobs; j < w->jobs + QUEUE; j++) {
		struct track *s = &w->sources[j->source % TRACKS], *p = &w->pairs[j->pair % TRACKS];
		uint64_t bs, bp;

		if (j->ticket == 0)
			continue;
		refund(p, now);
		if (p->wrong >= WARDEN_FREE) {
			*later = true;
			continue;
		}
		if (best != NULL) {
			bs = w->sources[best->source % TRACKS].turn;
			bp = w->pairs[best->pair % TRACKS].turn;
			if (s->turn > bs || (s->turn == bs && p->turn >= bp))
				continue;
		}
		best = j;
	}
	return best;
}

static void take_out(struct job *j)
{
	secret_free(j->password);
	sodium_memzero(j, sizeof(*j));
}

/* Room is there: at most one answer for each place in the queue is not fetched yet. */
static void put_answer(struct warden *w, uint64_t ticket, bool right)
{
	w->answers[w->n_answers++] = (struct answer){ticket, right};
	eventfd_write(w->fd, 1);
}

static void wait_a_little(struct warden *w, bool later)
{
	struct timespec until;

	if (!later) {
		pthread_cond_wait(&w->more, &w->lock);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 100000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&w->more, &w->lock, &until);
}

static void *work(void *arg)
{
	struct warden *w = arg;
	struct job *j, mine;
	bool later, right;

	pthread_mutex_lock(&w->lock);
	while (!w->end) {
		if (w->n_answers == QUEUE || (j = choose(w, w->now(), &later)) == NULL) {
			wait_a_little(w, later || w->n_answers == QUEUE);
			continue;
		}
		mine = *j;
		memset(j, 0, sizeof(*j));
		w->turn++;
		w->sources[mine.source % TRACKS].turn = w->turn;
		w->pairs[mine.pair % TRACKS].turn = w->turn;
		pthread_mutex_unlock(&w->lock);
		right = crypto_pwhash_str_verify(
		            mine.stored, mine.password, strlen(mine.password)) == 0;
		pthread_mutex_lock(&w->lock);
		w->pairs[mine.pair % TRACKS].wrong += !right;
		put_answer(w, mine.ticket, right);
		take_out(&mine);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int warden_new(struct warden **out, int *fd, int64_t (*now)(void))
{
	struct warden *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (w == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	if ((w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
		free(w);
		return err_sys("cannot make an eventfd");
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	randombytes_buf(w->salt, sizeof(w->salt));
	w->now = now;
	if (pthread_create(&w->thread, NULL, work, w) != 0) {
		close(w->fd);
		free(w);
		return err_set(MP_ENOMEM, "cannot start a thread");
	}
	*fd = w->fd;
	*out = w;
	return 0;
}

void warden_free(struct warden *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->end = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	for (size_t i = 0; i < QUEUE; i++)
		if (w->jobs[i].ticket != 0)
			take_out(&w->jobs[i]);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	close(w->fd);
	free(w);
}

static uint64_t hash(const struct warden *w, const void *p, size_t n)
{
	uint64_t v;

	crypto_shorthash((uint8_t *)&v, p, n, w->salt);
	return v;
}

/*
 * An empty place, or one at random: of the same pair when that has EACH, else of all.  Who is put
 * out gets his answer: wrong, without a look.
 */
static struct job *place_for(struct warden *w, uint64_t pair)
{
	struct job *same[QUEUE], *empty = NULL, *j;
	uint32_t n = 0;

	for (j = w->jobs; j < w->jobs + QUEUE; j++) {
		if (j->ticket == 0)
			empty = j;
		else if (j->pair == pair)
			same[n++] = j;
	}
	if (n < EACH && empty != NULL)
		return empty;
	j = n >= EACH ? same[randombytes_uniform(n)] : &w->jobs[randombytes_uniform(QUEUE)];
	if (w->n_answers < QUEUE)
		put_answer(w, j->ticket, false);
	take_out(j);
	return j;
}

int warden_ask(struct warden *w, uint64_t ticket, uint64_t source, const char *name,
    const char *stored, const char *password)
{
	struct {
		uint64_t source;
		char name[40];
	} pair = {source, ""};
	struct job *j;

	if (strlen(stored) >= WARDEN_PASSWORD || strlen(password) >= PASSWORD)
		return err_set(MP_EBAD, "a password too long");
	strncpy(pair.name, name, sizeof(pair.name) - 1);
	pthread_mutex_lock(&w->lock);
	j = place_for(w, hash(w, &pair, sizeof(pair)));
	j->ticket = ticket;
	j->source = hash(w, &source, sizeof(source));
	j->pair = hash(w, &pair, sizeof(pair));
	strcpy(j->stored, stored);
	j->password = secret_alloc(strlen(password) + 1);
	strcpy(j->password, password);
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

bool warden_answer(struct warden *w, uint64_t *ticket, bool *right)
{
	eventfd_t n;
	bool some;

	pthread_mutex_lock(&w->lock);
	if ((some = w->n_answers > 0)) {
		*ticket = w->answers[0].ticket;
		*right = w->answers[0].right;
		w->n_answers--;
		memmove(w->answers, w->answers + 1, w->n_answers * sizeof(w->answers[0]));
	} else {
		eventfd_read(w->fd, &n);
	}
	pthread_mutex_unlock(&w->lock);
	return some;
}
