#include "chat/content.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "chat/frame.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/serverkey.h"

#define SIGNATURE 64u
#define WRAPPED 48u
#define KEY_HEAD (1u + 4u + 32u + 2u)
#define TEXT_HEAD (1u + 4u + 12u)
#define TEXT_PREFIX (16u + 8u + 4u)
#define TAG 16u
#define ROUND 256u /* a text's length is seen in steps of this many bytes */
#define KEY_MAX (KEY_HEAD + CONTENT_MEMBERS * (8u + 32u + 1u + 32u + WRAPPED) + SIGNATURE)

static const char key_label[] = "mp-chat/1 key", text_label[] = "mp-chat/1 text";

static int malformed(void)
{
	return err_set(MP_EBAD, "content that is malformed or not authentic");
}

int content_kind(uint32_t *epoch, const uint8_t *p, size_t n)
{
	if (n < TEXT_HEAD + SIGNATURE || (p[0] != CONTENT_KEY && p[0] != CONTENT_SPOKEN))
		return malformed();
	*epoch = get32(p + 1);
	return *epoch == 0 ? malformed() : p[0];
}

/* SHA-512 over label | sid | uid | number | bytes: what Ed25519 signs. */
static void digest(uint8_t out[static 64], const char *label, const struct content_place *at,
    const uint8_t *p, size_t n)
{
	crypto_hash_sha512_state state;
	uint8_t place[24];

	put64(place, at->sid);
	put64(place + 8, at->uid);
	put64(place + 16, at->number);
	crypto_hash_sha512_init(&state);
	crypto_hash_sha512_update(&state, (const uint8_t *)label, strlen(label));
	crypto_hash_sha512_update(&state, place, sizeof(place));
	crypto_hash_sha512_update(&state, p, n);
	crypto_hash_sha512_final(&state, out);
}

static int sign(struct buf *out, size_t from, const char *label, const struct content_place *at,
    const uint8_t secret[static 64])
{
	uint8_t hash[64], signature[SIGNATURE];

	digest(hash, label, at, out->data + from, out->len - from);
	if (crypto_sign_detached(signature, NULL, hash, sizeof(hash), secret) != 0)
		return err_set(MP_EBAD, "cannot sign");
	return buf_add(out, signature, sizeof(signature));
}

static bool signed_by(const uint8_t key[static 32], const char *label,
    const struct content_place *at, const uint8_t *p, size_t n)
{
	uint8_t hash[64];

	if (n < SIGNATURE)
		return false;
	digest(hash, label, at, p, n - SIGNATURE);
	return crypto_sign_verify_detached(p + n - SIGNATURE, hash, sizeof(hash), key) == 0;
}

static void epoch_salt(uint8_t out[static 12], uint64_t sid, uint32_t epoch)
{
	put64(out, sid);
	put32(out + 8, epoch);
}

/* The key that wraps a session key for the member with the Ed25519 key `member`. */
static int wrapping_key(uint8_t out[static 32], const uint8_t shared[static 32],
    const uint8_t salt[static 12], const uint8_t ephemeral[static 32],
    const uint8_t member[static 32])
{
	static const char label[14] = "mp-chat/1 wrap";
	uint8_t info[sizeof(label) + 64];

	memcpy(info, label, sizeof(label));
	memcpy(info + sizeof(label), ephemeral, 32);
	memcpy(info + sizeof(label) + 32, member, 32);
	return hkdf_sha256(out, 32, shared, 32, salt, 12, info, sizeof(info));
}

static const uint8_t zero_iv[12]; /* each wrapping key is used once */

static int wrap(struct buf *out, const uint8_t ephemeral_secret[static 32],
    const uint8_t ephemeral[static 32], const uint8_t salt[static 12],
    const struct content_member *m, const uint8_t session[static 32])
{
	uint8_t point[32], shared[32], key[32], wrapped[WRAPPED];
	struct aead a = {.key = key, .iv = zero_iv, .ivlen = 12, .tag = TAG};
	int rc;

	if (crypto_sign_ed25519_pk_to_curve25519(point, m->key) != 0 ||
	    crypto_scalarmult(shared, ephemeral_secret, point) != 0)
		return err_set(MP_EBAD, "the key of '%s' is unusable", m->name);
	if ((rc = wrapping_key(key, shared, salt, ephemeral, m->key)) == 0 &&
	    (rc = aead_seal(wrapped, &a, session, 32)) == 0)
		rc = buf_add(out, wrapped, sizeof(wrapped));
	secret_wipe(shared, sizeof(shared));
	secret_wipe(key, sizeof(key));
	return rc;
}

static int unwrap(uint8_t session[static 32], const uint8_t secret[static 64],
    const uint8_t ephemeral[static 32], const uint8_t salt[static 12],
    const uint8_t wrapped[static WRAPPED])
{
	uint8_t scalar[32], shared[32], key[32];
	struct aead a = {.key = key, .iv = zero_iv, .ivlen = 12, .tag = TAG};
	int rc;

	crypto_sign_ed25519_sk_to_curve25519(scalar, secret);
	if (crypto_scalarmult(shared, scalar, ephemeral) != 0)
		rc = malformed();
	else if ((rc = wrapping_key(key, shared, salt, ephemeral, secret + 32)) == 0)
		rc = aead_open(session, &a, wrapped, WRAPPED);
	secret_wipe(scalar, sizeof(scalar));
	secret_wipe(shared, sizeof(shared));
	secret_wipe(key, sizeof(key));
	return rc;
}

static int add_member(struct buf *out, const struct content_member *m)
{
	uint8_t uid[8];
	int rc;

	put64(uid, m->uid);
	if ((rc = buf_add(out, uid, 8)) != 0 || (rc = buf_add(out, m->key, 32)) != 0 ||
	    (rc = buf_addc(out, (int)strlen(m->name))) != 0)
		return rc;
	return buf_adds(out, m->name);
}

int content_key_seal(struct buf *out, const struct content_place *at,
    const uint8_t secret[static 64], const struct content_roster *r,
    const uint8_t session[static 32])
{
	uint8_t head[KEY_HEAD] = {CONTENT_KEY}, scalar[32], salt[12];
	size_t from = out->len;
	int rc;

	put32(head + 1, r->epoch);
	epoch_salt(salt, at->sid, r->epoch);
	randombytes_buf(scalar, sizeof(scalar));
	crypto_scalarmult_base(head + 5, scalar);
	head[37] = (uint8_t)(r->n >> 8);
	head[38] = (uint8_t)r->n;
	rc = buf_add(out, head, sizeof(head));
	for (size_t i = 0; rc == 0 && i < r->n; i++)
		if ((rc = add_member(out, &r->member[i])) == 0)
			rc = wrap(out, scalar, head + 5, salt, &r->member[i], session);
	secret_wipe(scalar, sizeof(scalar));
	return rc == 0 ? sign(out, from, key_label, at, secret) : rc;
}

/* One entry at p; its size, or 0. */
static size_t read_member(struct content_member *m, const uint8_t *p, size_t n)
{
	size_t name;

	if (n < 8 + 32 + 1 || (name = p[40]) > 32 || n < 41 + name + WRAPPED)
		return 0;
	m->uid = get64(p);
	memcpy(m->key, p + 8, 32);
	memcpy(m->name, p + 41, name);
	m->name[name] = '\0';
	if (strlen(m->name) != name || !text_name_ok(m->name) || m->uid == 0)
		return 0;
	return 41 + name + WRAPPED;
}

static bool twice(const struct content_roster *r, const struct content_member *m)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->member[i].uid == m->uid || strcmp(r->member[i].name, m->name) == 0 ||
		    memcmp(r->member[i].key, m->key, 32) == 0)
			return true;
	return false;
}

int content_key_open(struct content_roster *r, uint8_t session[static 32],
    const struct content_place *at, const uint8_t creator[static 32], uint64_t own,
    const uint8_t secret[static 64], const uint8_t *p, size_t n)
{
	size_t entries, size, used = KEY_HEAD;
	uint8_t salt[12];

	r->n = 0;
	r->opened = false;
	if (n < KEY_HEAD + SIGNATURE || n > KEY_MAX || p[0] != CONTENT_KEY ||
	    !signed_by(creator, key_label, at, p, n))
		return malformed();
	r->epoch = get32(p + 1);
	epoch_salt(salt, at->sid, r->epoch);
	entries = (size_t)(p[37] << 8 | p[38]);
	if (entries == 0 || entries > CONTENT_MEMBERS)
		return malformed();
	for (; r->n < entries; r->n++, used += size) {
		struct content_member *m = &r->member[r->n];

		if ((size = read_member(m, p + used, n - SIGNATURE - used)) == 0 || twice(r, m))
			return malformed();
		if (m->uid != own)
			continue;
		if (memcmp(m->key, secret + 32, 32) != 0 ||
		    unwrap(session, secret, p + 5, salt, p + used + size - WRAPPED) != 0)
			return malformed();
		r->opened = true;
	}
	return used == n - SIGNATURE ? 0 : malformed();
}

/* Each sender has his own key under a session key: what he does wrong with his nonces is his alone.
 */
static int sender_key(uint8_t out[static 32], const uint8_t session[static 32],
    const struct content_place *at, uint32_t epoch)
{
	static const char label[14] = "mp-chat/1 from";
	uint8_t salt[12], info[sizeof(label) + 8];

	epoch_salt(salt, at->sid, epoch);
	memcpy(info, label, sizeof(label));
	put64(info + sizeof(label), at->uid);
	return hkdf_sha256(out, 32, session, 32, salt, sizeof(salt), info, sizeof(info));
}

#define TEXT_AAD (14u + 24u + 4u)

static void text_aad(uint8_t out[static TEXT_AAD], const struct content_place *at, uint32_t epoch)
{
	memcpy(out, text_label, 14);
	put64(out + 14, at->sid);
	put64(out + 22, at->uid);
	put64(out + 30, at->number);
	put32(out + 38, epoch);
}

static size_t rounded(size_t n)
{
	return (n + ROUND - 1) / ROUND * ROUND;
}

static int lay_out(struct buf *plain, const struct content_text *t)
{
	uint8_t prefix[TEXT_PREFIX];
	size_t total = rounded(TEXT_PREFIX + t->n);
	int rc;

	memcpy(prefix, t->id, 16);
	put64(prefix + 16, (uint64_t)t->time);
	put32(prefix + 24, (uint32_t)t->n);
	if ((rc = buf_reserve(plain, total)) != 0)
		return rc;
	memcpy(plain->data, prefix, TEXT_PREFIX);
	if (t->n > 0)
		memcpy(plain->data + TEXT_PREFIX, t->text, t->n);
	memset(plain->data + TEXT_PREFIX + t->n, 0, total - TEXT_PREFIX - t->n);
	plain->len = total;
	return 0;
}

int content_text_seal(struct buf *out, const struct content_place *at,
    const uint8_t secret[static 64], uint32_t epoch, const uint8_t session[static 32],
    const struct content_text *t)
{
	uint8_t key[32], aad[TEXT_AAD], head[TEXT_HEAD] = {CONTENT_SPOKEN};
	struct aead a = {
	    .key = key, .iv = head + 5, .ivlen = 12, .aad = aad, .aadlen = TEXT_AAD, .tag = TAG};
	struct buf plain = BUF_INIT(rounded(TEXT_PREFIX + CONTENT_TEXT));
	size_t from = out->len;
	int rc;

	if (t->n > CONTENT_TEXT)
		return err_set(
		    MP_ELIMIT, "a text of a session is at most %u KiB", CONTENT_TEXT / 1024);
	put32(head + 1, epoch);
	randombytes_buf(head + 5, 12);
	text_aad(aad, at, epoch);
	if ((rc = lay_out(&plain, t)) == 0 && (rc = sender_key(key, session, at, epoch)) == 0 &&
	    (rc = buf_add(out, head, sizeof(head))) == 0 &&
	    (rc = buf_reserve(out, plain.len + TAG)) == 0 &&
	    (rc = aead_seal(out->data + out->len, &a, plain.data, plain.len)) == 0) {
		out->len += plain.len + TAG;
		rc = sign(out, from, text_label, at, secret);
	}
	secret_wipe(key, sizeof(key));
	buf_free(&plain);
	return rc;
}

static int read_plain(struct content_text *t, const struct buf *plain)
{
	const uint8_t *p = plain->data;
	size_t used;

	t->n = get32(p + 24);
	if (t->n > CONTENT_TEXT || rounded(used = TEXT_PREFIX + t->n) != plain->len)
		return malformed();
	for (size_t i = used; i < plain->len; i++)
		if (p[i] != 0)
			return malformed();
	memcpy(t->id, p, 16);
	t->time = (int64_t)(get64(p + 16) & INT64_MAX);
	t->text = p + TEXT_PREFIX;
	return 0;
}

int content_text_open(struct content_text *t, struct buf *plain, const struct content_place *at,
    const uint8_t sender[static 32], const uint8_t session[static 32], const uint8_t *p, size_t n)
{
	uint8_t key[32], aad[TEXT_AAD];
	struct aead a = {
	    .key = key, .iv = p + 5, .ivlen = 12, .aad = aad, .aadlen = TEXT_AAD, .tag = TAG};
	size_t size;
	int rc;

	buf_clear(plain);
	if (n < TEXT_HEAD + ROUND + TAG + SIGNATURE || p[0] != CONTENT_SPOKEN ||
	    !signed_by(sender, text_label, at, p, n))
		return malformed();
	size = n - TEXT_HEAD - SIGNATURE;
	text_aad(aad, at, get32(p + 1));
	if ((rc = buf_reserve(plain, size)) != 0 ||
	    (rc = sender_key(key, session, at, get32(p + 1))) != 0)
		return rc;
	rc = aead_open(plain->data, &a, p + TEXT_HEAD, size);
	secret_wipe(key, sizeof(key));
	if (rc != 0)
		return rc;
	plain->len = size - TAG;
	return read_plain(t, plain);
}

void content_fingerprint(char out[static 40], const uint8_t key[static 32])
{
	fingerprint_text(out, "mp-chat/1 user", key, 32);
}
