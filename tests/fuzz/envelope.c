/*
 * fuzz/envelope: what an authentic but hostile contact can send, and what anybody can.  The first
 * byte says what the rest is:
 *   m   header, newline, body: sealed as it should be, opened, decoded; what decodes is encoded
 *       again and must be the same
 *   p   a plaintext, sealed as it stands: it opens only in the one form that sealing gives
 *   r   an envelope
 *   b   a letter, 'A' and the type's number, and the body of a record of that type; what is read is
 *       written again and must stay the same
 */
#include "fuzz.h"

#include "base/err.h"
#include "wire/wire.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t key[32] = "key", id[32] = "contact id", iv[12] = "iv";

static void same_header(const struct wire *w)
{
	struct buf one = BUF_INIT(ENVELOPE_MAX), two = BUF_INIT(ENVELOPE_MAX);
	struct envelope e = {.body = w->body, .blen = w->blen};
	struct wire back;

	must(wire_encode(&one, w) == 0);
	e.header = one.data;
	e.hlen = one.len;
	must(wire_decode(&back, &e) == 0);
	must(back.type == w->type && memcmp(back.id, w->id, MESSAGE_ID) == 0 &&
	     back.time == w->time);
	must(wire_encode(&two, &back) == 0);
	must(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
	wire_free(&back);
	buf_free(&one);
	buf_free(&two);
}

static void same_record(const struct wire *w)
{
	struct buf body = BUF_INIT(ENVELOPE_MAX), again = BUF_INIT(ENVELOPE_MAX);
	struct wire back;

	if (w->type == WIRE_MESSAGE || w->type == WIRE_FILE)
		return;
	must(wire_to_body(&body, w) == 0);
	must(wire_from_body(&back, w->type, (const char *)body.data, body.len) == 0);
	must(back.type == w->type && wire_to_body(&again, &back) == 0);
	must(body.len == again.len && memcmp(body.data, again.data, body.len) == 0);
	wire_free(&back);
	buf_free(&body);
	buf_free(&again);
}

static void record(const uint8_t *p, size_t n)
{
	struct wire w;
	int rc;

	if (n == 0 || p[0] < 'A' || p[0] - 'A' >= WIRE_TYPES)
		return;
	rc = wire_from_body(&w, (enum wire_type)(p[0] - 'A'), (const char *)p + 1, n - 1);
	must(rc == 0 || ((rc == MP_EBAD || rc == MP_EUSAGE) && w.json == NULL));
	if (rc != 0)
		return;
	same_record(&w);
	wire_free(&w);
}

static void decode(const struct envelope *e)
{
	struct wire w;
	int rc = wire_decode(&w, e);

	must(rc == 0 || (rc == MP_EBAD && w.json == NULL));
	if (rc != 0)
		return;
	same_header(&w);
	same_record(&w);
	wire_free(&w);
}

static void message(const uint8_t *p, size_t n)
{
	const uint8_t *line = n == 0 ? NULL : memchr(p, '\n', n);
	size_t hlen = line == NULL ? n : (size_t)(line - p), skip = hlen + (line != NULL);
	struct buf out = BUF_INIT(ENVELOPE_MAX), plain = BUF_INIT(ENVELOPE_MAX);
	struct envelope e;
	int rc = envelope_seal_iv(&out, iv, key, id, p, hlen, p + skip, n - skip);

	must(rc == 0 || rc == MP_ELIMIT);
	if (rc == 0) {
		must(envelope_open(&e, &plain, out.data, out.len, key, id) == 0);
		must(e.hlen == hlen && (hlen == 0 || memcmp(e.header, p, hlen) == 0));
		must(e.blen == n - skip && (e.blen == 0 || memcmp(e.body, p + skip, e.blen) == 0));
		decode(&e);
	}
	buf_free(&out);
	buf_free(&plain);
}

static void envelope(const uint8_t *p, size_t n)
{
	struct buf plain = BUF_INIT(ENVELOPE_MAX), again = BUF_INIT(ENVELOPE_MAX);
	struct envelope e;
	int rc = envelope_open(&e, &plain, p, n, key, id);

	must(rc == 0 || (rc == MP_EBAD && plain.len == 0));
	if (rc == 0) {
		must(envelope_seal_iv(&again, p, key, id, e.header, e.hlen, e.body, e.blen) == 0);
		must(again.len == n && memcmp(again.data, p, n) == 0);
		decode(&e);
	}
	buf_free(&plain);
	buf_free(&again);
}

static void plaintext(const uint8_t *p, size_t n)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *out = malloc(n + ENVELOPE_OVERHEAD);
	int len;

	memcpy(out, iv, sizeof(iv));
	must(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, iv) == 1 &&
	     EVP_EncryptUpdate(ctx, NULL, &len, (const uint8_t *)"mariposa/1", 10) == 1 &&
	     EVP_EncryptUpdate(ctx, out + 12, &len, p, (int)n) == 1 &&
	     EVP_EncryptFinal_ex(ctx, out + 12 + n, &len) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + 12 + n) == 1);
	envelope(out, n + ENVELOPE_OVERHEAD);
	free(out);
	EVP_CIPHER_CTX_free(ctx);
}

static void found(const uint8_t *p, size_t n)
{
	struct matcher *m;
	uint8_t slot[KEYRING_SLOT];
	uint64_t owner;

	must(matcher_new(&m) == 0);
	keyring_slot(slot, key, id, 7);
	if (matcher_find(m, slot, 1, p, n, &owner, 1) == 1)
		must(owner == 7);
	matcher_free(m);
	envelope(p, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'm')
		message(data + 1, size - 1);
	else if (data[0] == 'p')
		plaintext(data + 1, size - 1);
	else if (data[0] == 'b')
		record(data + 1, size - 1);
	else
		found(data + 1, size - 1);
	return 0;
}
