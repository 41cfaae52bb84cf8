#include "node/otr_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

struct incoming_file {
	bool used, passing; /* passing: the rest of its pieces is passed over */
	uint8_t key[P256_PUBLIC], id[PAYLOAD_ID];
	uint32_t next;
	int fd;
	crypto_hash_sha256_state hash;
	char temporary[4096];
};

struct otr_files {
	const char *dir;
	int64_t limit;
	struct incoming_file from[OTR_MEMBERS];
};

static int print_piece(FILE *out, const struct payload *p, bool json)
{
	struct buf data = BUF_INIT(2 * PAYLOAD_PIECE), body = BUF_INIT(4 * PAYLOAD_PIECE);
	struct record rec;
	json_t *o = NULL;
	int r = base64_encode(&data, p->data, p->len);

	record_init(&rec);
	rec.class = CLASS_OUT;
	strcpy(rec.kind, "file");
	rec.has_id = true;
	memcpy(rec.id, p->id, RECORD_ID);
	rec.time = clock_now();
	if (r == MP_OK) {
		o = json_pack("{s:s#,s:I,s:I,s:I,s:s#}", "name", (const char *)p->name, p->name_len,
		    "size", (json_int_t)p->size, "piece", (json_int_t)p->piece, "pieces",
		    (json_int_t)p->pieces, "data", data.len == 0 ? "" : (const char *)data.data,
		    data.len);
		if (o == NULL || json_set_hex(o, "sha256", p->sha256, sizeof(p->sha256)) != MP_OK)
			r = err_set(MP_ENOMEM, "out of memory");
	}
	if (r == MP_OK && (r = json_write(&rec.body, o)) == MP_OK) {
		rec.has_body = true;
		r = record_write(out, &rec, json);
	}
	json_decref(o);
	record_free(&rec);
	buf_free(&data);
	buf_free(&body);
	return r;
}

static ssize_t read_full(int fd, uint8_t *data, size_t len)
{
	size_t at = 0;
	ssize_t n = 1;

	while (at < len && n > 0) {
		n = read(fd, data + at, len - at);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			at += (size_t)n;
	}
	return n < 0 ? n : (ssize_t)at;
}

/* The whole of it twice: the hash goes before the first piece. */
static int hash_file(int fd, const char *path, struct payload *p)
{
	uint8_t data[PAYLOAD_PIECE];
	crypto_hash_sha256_state h;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return err_sys("cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(MP_EUSAGE, "'%s' is no regular file", path);
	p->size = (uint64_t)st.st_size;
	p->pieces = payload_pieces(p->size);
	crypto_hash_sha256_init(&h);
	while ((n = read_full(fd, data, sizeof(data))) > 0)
		crypto_hash_sha256_update(&h, data, (size_t)n);
	if (n < 0 || lseek(fd, 0, SEEK_SET) != 0)
		return err_sys("cannot read '%s'", path);
	crypto_hash_sha256_final(&h, p->sha256);
	return MP_OK;
}

int otr_file_print(FILE *out, const char *path, bool json)
{
	uint8_t data[PAYLOAD_PIECE];
	struct payload p = {.kind = PAYLOAD_IS_FILE, .data = data};
	char name[208];
	uint64_t left;
	ssize_t n;
	int r, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys("cannot open '%s'", path);
	text_filename(name, path, strlen(path));
	p.name = (const uint8_t *)name;
	p.name_len = strlen(name);
	randombytes_buf(p.id, sizeof(p.id));
	r = hash_file(fd, path, &p);
	left = p.size;
	for (p.piece = 0; r == MP_OK && p.piece < p.pieces; p.piece++) {
		p.len = left < PAYLOAD_PIECE ? (size_t)left : PAYLOAD_PIECE;
		n = read_full(fd, data, p.len);
		left -= p.len;
		if (n < 0)
			r = err_sys("cannot read '%s'", path);
		else if ((size_t)n != p.len)
			r = err_set(MP_EBAD, "'%s' became shorter while it was read", path);
		else
			r = print_piece(out, &p, json);
	}
	close(fd);
	return r;
}

int otr_file_parse(struct payload *p, const struct buf *body, json_t **o, struct buf *data)
{
	int64_t size, piece, pieces;
	const char *name, *text;
	int r;

	memset(p, 0, sizeof(*p));
	p->kind = PAYLOAD_IS_FILE;
	if ((r = json_read(o, (const char *)body->data, body->len)) != MP_OK)
		return r;
	name = json_text(*o, "name");
	text = json_text(*o, "data");
	if (name == NULL || text == NULL ||
	    json_int(*o, "size", 0, INT64_C(1) << 53, &size) != MP_OK ||
	    json_int(*o, "piece", 0, UINT32_MAX, &piece) != MP_OK ||
	    json_int(*o, "pieces", 1, UINT32_MAX, &pieces) != MP_OK ||
	    json_hex(*o, "sha256", p->sha256, sizeof(p->sha256)) != MP_OK ||
	    base64_decode(data, text, strlen(text)) != MP_OK)
		return err_set(MP_EBAD, "no piece of a file");
	p->name = (const uint8_t *)name;
	p->name_len = strlen(name);
	p->size = (uint64_t)size;
	p->piece = (uint32_t)piece;
	p->pieces = (uint32_t)pieces;
	p->data = data->data;
	p->len = data->len;
	return MP_OK;
}

int otr_files_new(struct otr_files **out, const char *dir, int64_t limit)
{
	struct stat st;

	if (dir != NULL && stat(dir, &st) != 0)
		return err_sys("cannot use '%s'", dir);
	if (dir != NULL && !S_ISDIR(st.st_mode))
		return err_set(MP_EUSAGE, "'%s' is no directory", dir);
	if ((*out = calloc(1, sizeof(**out))) == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	(*out)->dir = dir;
	(*out)->limit = limit;
	return MP_OK;
}

/* passing: the member's other pieces of it are still known. */
static void drop(struct incoming_file *in, bool passing)
{
	if (in->fd >= 0 && in->used && !in->passing) {
		close(in->fd);
		unlink(in->temporary);
	}
	in->fd = -1;
	in->used = passing;
	in->passing = passing;
}

void otr_files_free(struct otr_files *f)
{
	for (size_t i = 0; f != NULL && i < OTR_MEMBERS; i++)
		drop(&f->from[i], false);
	free(f);
}

static struct incoming_file *slot(struct otr_files *f, const uint8_t key[static P256_PUBLIC])
{
	struct incoming_file *idle = NULL;

	for (size_t i = 0; i < OTR_MEMBERS; i++) {
		if (f->from[i].used && memcmp(f->from[i].key, key, P256_PUBLIC) == 0)
			return &f->from[i];
		if (!f->from[i].used && idle == NULL)
			idle = &f->from[i];
	}
	if (idle == NULL) { /* members that have gone */
		idle = &f->from[0];
		drop(idle, false);
	}
	memset(idle, 0, sizeof(*idle));
	memcpy(idle->key, key, P256_PUBLIC);
	idle->fd = -1;
	return idle;
}

static int begin(struct otr_files *f, struct incoming_file *in, const struct payload *p)
{
	drop(in, true);
	memcpy(in->id, p->id, PAYLOAD_ID);
	if (f->dir == NULL)
		return err_set(MP_EBUSY, "no folder for files was named");
	if (p->size > (uint64_t)f->limit)
		return err_set(MP_ELIMIT, "larger than file.accept allows");
	if (p->piece != 0)
		return err_set(MP_EBAD, "its beginning was not seen");
	if ((size_t)snprintf(in->temporary, sizeof(in->temporary), "%s/.mp-otr-XXXXXX", f->dir) >=
	    sizeof(in->temporary))
		return err_set(MP_EUSAGE, "the folder's name is too long");
	if ((in->fd = mkostemp(in->temporary, O_CLOEXEC)) < 0)
		return err_sys("cannot make a file in '%s'", f->dir);
	crypto_hash_sha256_init(&in->hash);
	in->next = 0;
	in->passing = false;
	return MP_OK;
}

/* NAME, NAME-2, NAME-3 ..., the first that is free. */
static int place(const struct otr_files *f, struct incoming_file *in, const struct payload *p,
    char path[static 4096])
{
	char name[208];

	text_filename(name, (const char *)p->name, p->name_len);
	for (unsigned i = 1; i < 10000; i++) {
		int n = i == 1 ? snprintf(path, 4096, "%s/%s", f->dir, name)
		               : snprintf(path, 4096, "%s/%s-%u", f->dir, name, i);

		if (n >= 4096)
			return err_set(MP_EUSAGE, "the folder's name is too long");
		if (link(in->temporary, path) == 0)
			return MP_OK;
		if (errno != EEXIST)
			return err_sys("cannot make '%s'", path);
	}
	return err_set(MP_EEXIST, "too many files of that name");
}

static int finish(const struct otr_files *f, struct incoming_file *in, const struct payload *p,
    char path[static 4096])
{
	uint8_t hash[32];

	crypto_hash_sha256_final(&in->hash, hash);
	if (memcmp(hash, p->sha256, sizeof(hash)) != 0)
		return err_set(MP_EBAD, "its hash is wrong");
	if (fsync(in->fd) != 0)
		return err_sys("cannot write '%s'", in->temporary);
	return place(f, in, p, path);
}

int otr_files_take(struct otr_files *f, const uint8_t key[static P256_PUBLIC],
    const struct payload *p, enum otr_file_state *state, char path[static 4096])
{
	struct incoming_file *in = slot(f, key);
	int r = MP_OK;

	*state = FILE_MORE;
	if (in->used && in->passing && memcmp(in->id, p->id, PAYLOAD_ID) == 0)
		return MP_OK;
	if (!in->used || memcmp(in->id, p->id, PAYLOAD_ID) != 0) {
		r = begin(f, in, p);
		in->used = true;
		if (r != MP_OK) {
			in->passing = true;
			*state = FILE_REFUSED;
			return MP_OK;
		}
	}
	if (p->piece != in->next++)
		r = err_set(MP_EBAD, "a piece of it is missing");
	crypto_hash_sha256_update(&in->hash, p->data, p->len);
	if (r == MP_OK && (r = fd_write_all(in->fd, p->data, p->len)) == MP_OK &&
	    in->next == p->pieces) {
		if ((r = finish(f, in, p, path)) == MP_OK) {
			*state = FILE_WHOLE;
			drop(in, false);
		}
	}
	if (r != MP_OK) {
		*state = FILE_LOST;
		drop(in, true);
	}
	return MP_OK;
}
