#include "chat/link.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"

struct link *link_new(const uint8_t temporary[static 32])
{
	struct link *l = secret_alloc(sizeof(*l));

	memcpy(l->send.key, temporary, 32);
	memcpy(l->recv.key, temporary, 32);
	return l;
}

void link_free(struct link *l)
{
	secret_free(l);
}

static int derive(
    uint8_t out[static 32], const uint8_t ikm[static 32], const uint8_t *salt, const char *info)
{
	return hkdf_sha256(
	    out, 32, ikm, 32, salt, salt == NULL ? 0 : 32, (const uint8_t *)info, strlen(info));
}

int link_transfer(struct link *l, bool server, const uint8_t secret[static 32],
    const uint8_t other[static 32], const uint8_t request[static 32])
{
	uint8_t shared[32];
	int rc;

	if (crypto_scalarmult(shared, secret, other) != 0)
		return err_set(MP_EBAD, "the random values agree on no secret");
	if ((rc = derive(server ? l->recv.key : l->send.key, shared, request,
	         "mp-chat/1 client to server")) == 0)
		rc = derive(server ? l->send.key : l->recv.key, shared, request,
		    "mp-chat/1 server to client");
	secret_wipe(shared, sizeof(shared));
	return rc;
}

/* The next number, and the key for it: the old one, or behind the last number its successor. */
static int renew(struct link_way *next, const struct link_way *w)
{
	*next = *w;
	if (w->sqn < LINK_LAST)
		return 0;
	next->sqn = 0;
	return derive(next->key, w->key, NULL, "mp-chat/1 next");
}

static struct aead cipher(const struct link_way *w, const uint8_t *head, uint8_t iv[static 8])
{
	memcpy(iv, head + 6, 2);
	memcpy(iv + 2, head + 24, 6);
	return (struct aead){.key = w->key,
	    .iv = iv,
	    .ivlen = 8,
	    .aad = head,
	    .aadlen = FRAME_HEAD,
	    .tag = FRAME_MAC};
}

int link_seal(struct buf *out, struct link *l, const struct frame *f, const void *payload, size_t n)
{
	struct frame head = *f;
	struct link_way w;
	struct aead a;
	uint8_t iv[8], *p;
	int rc;

	if (n + f->len > FRAME_PAYLOAD)
		return err_set(MP_ELIMIT, "%zu bytes are too long for a frame", n);
	if ((rc = buf_reserve(out, FRAME_HEAD + n + FRAME_MAC)) != 0 ||
	    (rc = renew(&w, &l->send)) != 0)
		return rc;
	head.len = (uint16_t)(FRAME_HEAD + n + FRAME_MAC + f->len);
	head.sqn = ++w.sqn;
	p = out->data + out->len;
	frame_write(p, &head);
	a = cipher(&w, p, iv);
	if ((rc = aead_seal(p + FRAME_HEAD, &a, payload, n)) == 0) {
		out->len += FRAME_HEAD + n + FRAME_MAC;
		l->send = w;
	}
	secret_wipe(&w, sizeof(w));
	return rc;
}

int link_open(struct link *l, struct frame *f, struct buf *plain, const uint8_t *data, size_t size,
    size_t behind)
{
	struct link_way w;
	struct aead a;
	uint8_t iv[8];
	int rc;

	buf_clear(plain);
	if (size < FRAME_HEAD + FRAME_MAC + behind || (rc = frame_read(f, data)) != 0 ||
	    f->len != size)
		return err_set(MP_EBAD, "a frame of a wrong length");
	if ((rc = renew(&w, &l->recv)) != 0)
		return rc;
	if (f->sqn <= w.sqn || f->sqn > LINK_LAST)
		rc = err_set(MP_EBAD, "a frame out of its turn");
	size -= FRAME_HEAD + behind;
	if (rc == 0 && (rc = buf_reserve(plain, size)) == 0) {
		a = cipher(&w, data, iv);
		rc = aead_open(plain->data, &a, data + FRAME_HEAD, size);
	}
	if (rc == 0) {
		plain->len = size - FRAME_MAC;
		w.sqn = f->sqn;
		l->recv = w;
	}
	secret_wipe(&w, sizeof(w));
	return rc;
}
