/* files: files that peers send to the home of world.h, chunk by chunk. */
#ifndef MP_TESTS_FILES_H
#define MP_TESTS_FILES_H

#include "node/incoming.h"
#include "node/spool.h"
#include "tap.h"
#include "world.h"

#define STEP 1024

static struct world w;
static struct peer alice, bob;
static struct buf e = BUF_INIT(ENVELOPE_MAX);
static uint8_t content[10 * STEP];

struct out {
	struct peer *from;
	uint8_t id[16];
	const char *name;
	int64_t size;
	uint8_t sha256[32];
};

__attribute__((unused)) static struct out file_new(
    struct peer *from, const char *name, int64_t size)
{
	struct out f = {.from = from, .name = name, .size = size};

	randombytes_buf(f.id, 12);
	crypto_hash_sha256(f.sha256, content, (unsigned long long)size);
	return f;
}

/* Chunk n of f sealed; 0 is the offer. */
__attribute__((unused)) static struct wire chunk_wire(const struct out *f, int64_t n)
{
	struct wire m = wire_make(WIRE_FILE);
	struct wire_file *x = &m.u.file;

	x->name = n == 0 ? f->name : NULL;
	x->size = f->size;
	x->step = STEP;
	x->chunk = n;
	x->chunks = (f->size + STEP - 1) / STEP;
	x->has_hash = n == x->chunks;
	memcpy(x->sha256, f->sha256, 32);
	file_chunk_id(m.id, f->id, (uint32_t)n);
	if (n > 0) {
		m.body = content + (n - 1) * STEP;
		m.blen = (size_t)(n < x->chunks ? STEP : f->size - (n - 1) * STEP);
	}
	return m;
}

__attribute__((unused)) static struct received put_via(
    const struct out *f, int64_t n, enum receive_via via)
{
	struct wire m = chunk_wire(f, n);

	peer_seal(&e, f->from, &m);
	return take_via(&w, e.data, e.len, via);
}

/* What the answer to chunk n is: a status alone, or "from N", "wait", "no" of a sealed reply. */
__attribute__((unused)) static const char *put(const struct out *f, int64_t n)
{
	static char text[64];
	struct received r = put_via(f, n, VIA_REQUEST);
	struct buf plain = BUF_INIT(ENVELOPE_MAX);
	uint8_t asked[16];
	struct wire m;

	snprintf(text, sizeof(text), "%d", (int)r.status);
	if (r.status == RECEIVED_REPLY) {
		need(peer_open(f->from, &r.reply, &plain, &m) == 0, "reply");
		file_chunk_id(asked, f->id, (uint32_t)n);
		need(m.type == WIRE_FILE_STATUS && m.reply && memcmp(m.re, asked, 16) == 0 &&
		         memcmp(m.u.status.file, f->id, 16) == 0,
		    "a reply to this");
		if (m.u.status.answer == FILE_FROM)
			snprintf(text, sizeof(text), "from %lld", (long long)m.u.status.from);
		else
			snprintf(
			    text, sizeof(text), "%s", m.u.status.answer == FILE_NO ? "no" : "wait");
		wire_free(&m);
	}
	buf_free(&plain);
	buf_free(&r.reply);
	return text;
}

__attribute__((unused)) static int same_file(const char *path, size_t len)
{
	struct buf b = BUF_INIT(sizeof(content));
	char full[200];
	int good;

	snprintf(full, sizeof(full), "%s/%s", w.home, path);
	good = file_read(full, &b) == 0 && b.len == len && memcmp(b.data, content, len) == 0;
	buf_free(&b);
	return good;
}

__attribute__((unused)) static int spooled(void)
{
	return (int)world_count(&w, "SELECT count(*) FROM transfer WHERE state = 1");
}

__attribute__((unused)) static int spool_files(void)
{
	char cmd[120];
	FILE *p;
	int n = -1;

	snprintf(cmd, sizeof(cmd), "ls %s/spool 2>/dev/null | wc -l", w.home);
	p = popen(cmd, "r");
	need(p != NULL && fscanf(p, "%d", &n) == 1, "ls");
	pclose(p);
	return n;
}

#endif
