#include "node/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/err.h"

#define SLOTS 2

struct feed {
	int fd;
	const char *name;
	int64_t size;
	size_t step;
	EVP_MD_CTX *hash;
	uint8_t sha256[32];

	pthread_t thread;
	bool threaded;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	/* Below: under the lock. Chunk n lives in slot n % SLOTS. */
	struct buf slots[SLOTS];
	int64_t filled, drained; /* chunks */
	bool ended, stop;
	int rc; /* why the thread ended */
	char detail[256];
	bool lent; /* the caller has chunk `drained` */
};

static int changed(const struct feed *f)
{
	return err_set(MP_EBAD, "'%s' changed its size meanwhile", f->name);
}

static int read_full(struct feed *f, struct buf *b, size_t n)
{
	buf_clear(b);
	while (b->len < n) {
		ssize_t got = read(f->fd, b->data + b->len, n - b->len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys("cannot read '%s'", f->name);
		if (got == 0)
			return changed(f);
		b->len += (size_t)got;
	}
	if (EVP_DigestUpdate(f->hash, b->data, n) != 1)
		return err_set(MP_ENOMEM, "cannot hash '%s'", f->name);
	return 0;
}

/* Nothing may follow what was the size. */
static int finish(struct feed *f)
{
	char more;
	ssize_t got;

	do
		got = read(f->fd, &more, 1);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys("cannot read '%s'", f->name);
	if (got > 0)
		return changed(f);
	if (EVP_DigestFinal_ex(f->hash, f->sha256, NULL) != 1)
		return err_set(MP_ENOMEM, "cannot hash '%s'", f->name);
	return 0;
}

/* Waits for a free slot: its chunk's number, or -1 to stop. */
static int64_t free_slot(struct feed *f)
{
	int64_t chunk;

	pthread_mutex_lock(&f->lock);
	while (!f->stop && f->filled - f->drained >= SLOTS)
		pthread_cond_wait(&f->moved, &f->lock);
	chunk = f->stop ? -1 : f->filled;
	pthread_mutex_unlock(&f->lock);
	return chunk;
}

static void *work(void *arg)
{
	struct feed *f = arg;
	int64_t left = f->size, chunk;
	int rc = 0;

	while (rc == 0 && left > 0 && (chunk = free_slot(f)) >= 0) {
		size_t n = left < (int64_t)f->step ? (size_t)left : f->step;

		rc = read_full(f, &f->slots[chunk % SLOTS], n);
		left -= (int64_t)n;
		if (rc != 0)
			break;
		pthread_mutex_lock(&f->lock);
		f->filled++;
		pthread_cond_broadcast(&f->moved);
		pthread_mutex_unlock(&f->lock);
	}
	if (rc == 0 && left == 0)
		rc = finish(f);
	pthread_mutex_lock(&f->lock);
	f->ended = true;
	f->rc = rc;
	if (rc != 0)
		snprintf(f->detail, sizeof(f->detail), "%s", err_detail());
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static int prepare(struct feed *f)
{
	struct stat st;
	int rc = 0;

	if (fstat(f->fd, &st) != 0)
		return err_sys("cannot read '%s'", f->name);
	if (!S_ISREG(st.st_mode))
		return err_set(MP_EUSAGE, "'%s' is no regular file", f->name);
	f->size = st.st_size;
	posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	f->hash = EVP_MD_CTX_new();
	if (f->hash == NULL || EVP_DigestInit_ex(f->hash, EVP_sha256(), NULL) != 1)
		return err_set(MP_ENOMEM, "cannot hash '%s'", f->name);
	for (int i = 0; rc == 0 && i < SLOTS; i++) {
		f->slots[i].max = f->step;
		rc = buf_reserve(&f->slots[i], f->step);
	}
	if (rc == 0 && pthread_create(&f->thread, NULL, work, f) != 0)
		rc = err_set(MP_ENOMEM, "no thread to read '%s'", f->name);
	f->threaded = rc == 0;
	return rc;
}

int feed_open(struct feed **out, int fd, const char *name, size_t step, int64_t *size)
{
	struct feed *f = calloc(1, sizeof(*f));
	int rc;

	if (f == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	f->fd = fd;
	f->name = name;
	f->step = step;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->moved, NULL);
	if ((rc = prepare(f)) != 0) {
		feed_free(f);
		return rc;
	}
	*size = f->size;
	*out = f;
	return 0;
}

void feed_free(struct feed *f)
{
	if (f == NULL)
		return;
	if (f->threaded) {
		pthread_mutex_lock(&f->lock);
		f->stop = true;
		pthread_cond_broadcast(&f->moved);
		pthread_mutex_unlock(&f->lock);
		pthread_join(f->thread, NULL);
	}
	for (int i = 0; i < SLOTS; i++)
		buf_free(&f->slots[i]);
	EVP_MD_CTX_free(f->hash);
	pthread_cond_destroy(&f->moved);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* What the caller had can be filled again. Under the lock. */
static void give_back(struct feed *f)
{
	if (!f->lent)
		return;
	f->lent = false;
	f->drained++;
	pthread_cond_broadcast(&f->moved);
}

int feed_next(struct feed *f, const uint8_t **data, size_t *len)
{
	int rc = 0;

	pthread_mutex_lock(&f->lock);
	give_back(f);
	while (f->filled == f->drained && !f->ended)
		pthread_cond_wait(&f->moved, &f->lock);
	if (f->filled > f->drained) {
		*data = f->slots[f->drained % SLOTS].data;
		*len = f->slots[f->drained % SLOTS].len;
		f->lent = true;
	} else {
		rc = f->rc != 0 ? err_set(f->rc, "%s", f->detail) : changed(f);
	}
	pthread_mutex_unlock(&f->lock);
	return rc;
}

int feed_hash(struct feed *f, uint8_t sha256[static 32])
{
	int rc;

	/* The caller keeps his last chunk: the thread needs no slot to finish. */
	pthread_mutex_lock(&f->lock);
	while (!f->ended)
		pthread_cond_wait(&f->moved, &f->lock);
	rc = f->rc != 0 ? err_set(f->rc, "%s", f->detail) : 0;
	memcpy(sha256, f->sha256, sizeof(f->sha256));
	pthread_mutex_unlock(&f->lock);
	return rc;
}
