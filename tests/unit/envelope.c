/* The envelope: its form recomputed with OpenSSL alone, and every damage refused in the same words.
 */
#include <pthread.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/envelope.h"
#include "tap.h"

static const uint8_t key[32] = "receiving key", id[32] = "contact id, and its second half";
static const uint8_t iv[12] = "initial vec";
static const char refusal[] = "the envelope does not open";

/* The definition of the PURBs paper, written down a second time. */
static size_t padme(size_t n)
{
	size_t e = 0, s = 0, step;

	while (((size_t)2 << e) <= n)
		e++;
	while (((size_t)2 << s) <= e)
		s++;
	step = (size_t)1 << (e - s - 1);
	return (n + step - 1) / step * step;
}

static void test_padding(void)
{
	static const size_t known[][2] = {{0, 1024}, {1, 1024}, {1024, 1024}, {1025, 1088},
	    {1088, 1088}, {1089, 1152}, {2048, 2048}, {4096, 4096}, {4097, 4352}, {65536, 65536},
	    {65537, 67584}, {262144, 262144}, {262145, 270336}, {524260, 524288}};
	size_t wrong = 0, more = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		is_int((long long)envelope_padded(known[i][0]), (long long)known[i][1], "padded");
	for (size_t n = 1024; n < ENVELOPE_MAX; n++) {
		size_t p = envelope_padded(n);

		wrong += p != padme(n) || p < n || envelope_padded(p) != p;
		more += p - n > n * 12 / 100;
	}
	is_int((long long)wrong, 0, "every length as the paper says, and a fixed point");
	is_int((long long)more, 0, "never more than 12% longer");
}

/* Seals an arbitrary plaintext under AES-256-GCM, with OpenSSL alone. */
static void seal_raw(
    struct buf *out, const uint8_t *k, const char *aad, const void *plain, size_t n)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len;

	buf_clear(out);
	if (buf_reserve(out, n + 28) != 0)
		abort();
	memcpy(out->data, iv, 12);
	if (EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, k, iv) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &len, (const uint8_t *)aad, (int)strlen(aad)) != 1 ||
	    EVP_EncryptUpdate(ctx, out->data + 12, &len, plain, (int)n) != 1 ||
	    EVP_EncryptFinal_ex(ctx, out->data + 12 + n, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out->data + 12 + n) != 1)
		abort();
	out->len = n + 28;
	EVP_CIPHER_CTX_free(ctx);
}

/* id | hlen | blen | header | body | zeros to total. */
static uint8_t *lay_out(size_t total, size_t hlen, size_t blen)
{
	uint8_t *p = calloc(1, total);

	memcpy(p, id, 32);
	put32(p + 32, (uint32_t)hlen);
	put32(p + 36, (uint32_t)blen);
	for (size_t i = 40; i < 40 + hlen + blen && i < total; i++)
		p[i] = (uint8_t)(i * 7 + 1);
	return p;
}

static void test_form(void)
{
	static const size_t sizes[][2] = {{0, 0}, {1, 0}, {0, 1}, {2, 3}, {100, 884}, {100, 885},
	    {983, 1}, {123, 4567}, {200, 65536}, {300, 261804}, {300, 261805}, {0, 516056}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t h = sizes[i][0], b = sizes[i][1], total = envelope_padded(40 + h + b);
		struct buf got = BUF_INIT(ENVELOPE_MAX), want = BUF_INIT(ENVELOPE_MAX);
		struct buf plain = BUF_INIT(ENVELOPE_MAX);
		struct envelope e;
		uint8_t *p = lay_out(total, h, b);

		is_int(envelope_seal_iv(&got, iv, key, id, p + 40, h, p + 40 + h, b), 0, "sealed");
		seal_raw(&want, key, "mariposa/1", p, total);
		ok(got.len == want.len && memcmp(got.data, want.data, got.len) == 0,
		    "%zu and %zu bytes: as OpenSSL alone seals them", h, b);
		is_int(envelope_open(&e, &plain, got.data, got.len, key, id), 0, "opens");
		ok(e.hlen == h && e.blen == b && memcmp(e.header, p + 40, h) == 0 &&
		        memcmp(e.body, p + 40 + h, b) == 0,
		    "the same header and body");
		free(p);
		buf_free(&got);
		buf_free(&want);
		buf_free(&plain);
	}
}

static void test_limits(void)
{
	struct buf out = BUF_INIT(2 * ENVELOPE_MAX), small = BUF_INIT(1000);
	uint8_t *big = calloc(1, ENVELOPE_MAX + 1);

	is_int(envelope_seal(&out, key, id, "{}", 2, big, 516096 - 42), MP_OK,
	    "the most there can be");
	is_int(envelope_seal(&out, key, id, "{}", 2, big, 516096 - 41), MP_ELIMIT, "one byte more");
	is_int(envelope_seal(&out, key, id, "{}", 2, big, SIZE_MAX - 20), MP_ELIMIT, "absurd");
	is_int(
	    envelope_seal(&out, key, id, big, SIZE_MAX - 20, big, 1), MP_ELIMIT, "absurd header");
	is_int(envelope_seal(&small, key, id, "{}", 2, "", 0), MP_ELIMIT, "no room in the buffer");
	is_int((long long)small.len, 0, "which stays as it was");
	free(big);
	buf_free(&out);
	buf_free(&small);
}

/* It follows what is in the buffer; two of the same differ. */
static void test_random(void)
{
	struct buf out = BUF_INIT(65536);

	buf_adds(&out, "before");
	envelope_seal(&out, key, id, "{}", 2, "x", 1);
	envelope_seal(&out, key, id, "{}", 2, "x", 1);
	is_int((long long)out.len, 6 + 2 * (long long)ENVELOPE_MIN, "both appended");
	ok(memcmp(out.data, "before", 6) == 0, "what was before stays");
	ok(memcmp(out.data + 6, out.data + 6 + ENVELOPE_MIN, 12) != 0, "the IV is another");
	ok(memcmp(out.data + 18, out.data + 18 + ENVELOPE_MIN, 32) != 0, "and so is the rest");
	buf_free(&out);
}

static int refused(const uint8_t *data, size_t len, const uint8_t *k, const uint8_t *who)
{
	struct buf plain = BUF_INIT(ENVELOPE_MAX);
	struct envelope e = {0};
	int r = envelope_open(&e, &plain, data, len, k, who);
	int good = r == MP_EBAD && strcmp(err_detail(), refusal) == 0 && plain.len == 0 &&
	           e.header == NULL && e.body == NULL &&
	           (plain.data == NULL || sodium_is_zero(plain.data, len - ENVELOPE_OVERHEAD));

	buf_free(&plain);
	return good;
}

static void test_damage(void)
{
	struct buf out = BUF_INIT(65536);
	int taken = 0;
	uint8_t other[32];

	envelope_seal(&out, key, id, "{\"a\":1}", 7, "body", 4);
	for (size_t i = 0; i < out.len * 8; i++) {
		out.data[i / 8] ^= (uint8_t)(1 << (i % 8));
		taken += !refused(out.data, out.len, key, id);
		out.data[i / 8] ^= (uint8_t)(1 << (i % 8));
	}
	is_int(taken, 0, "any one bit flipped");
	taken = 0;
	for (size_t i = 0; i < out.len; i++)
		taken += !refused(out.data, i, key, id);
	is_int(taken, 0, "any truncation");
	taken = 0;
	for (size_t i = 1; i < 300; i++) {
		buf_addc(&out, 0);
		taken += !refused(out.data, out.len, key, id);
	}
	is_int(taken, 0, "any extension");
	out.len -= 299;
	memcpy(other, key, 32);
	other[31] ^= 1;
	ok(refused(out.data, out.len, other, id), "another key");
	memcpy(other, id, 32);
	other[31] ^= 1;
	ok(refused(out.data, out.len, key, other), "an id that differs in its second half");
	memcpy(other, id, 32);
	other[0] ^= 1;
	ok(refused(out.data, out.len, key, other), "an id that differs in its first half");
	ok(!refused(out.data, out.len, key, id), "while the envelope itself opens");
	buf_free(&out);
}

/* Authentic, by a contact who does not keep to the form. */
static void malformed(const char *what, const uint8_t *plain, size_t total)
{
	struct buf out = BUF_INIT(2 * ENVELOPE_MAX);

	seal_raw(&out, key, "mariposa/1", plain, total);
	ok(refused(out.data, out.len, key, id), "%s", what);
	buf_free(&out);
}

static void test_malformed(void)
{
	uint8_t *p = lay_out(2048, 10, 20);
	struct buf out = BUF_INIT(65536);
	int taken = 0;

	malformed("padded to more than it must", p, 1088);
	malformed("padded to 2 KiB", p, 2048);
	malformed("not padded enough", p, 1023);
	malformed("no padding at all", p, 70);
	malformed("less than a prefix", p, 39);
	for (size_t i = 70; i < 1024; i++) {
		p[i] = 1;
		seal_raw(&out, key, "mariposa/1", p, 1024);
		taken += !refused(out.data, out.len, key, id);
		p[i] = 0;
	}
	is_int(taken, 0, "any padding byte that is not zero");
	memset(p + 70, 1, 1024 - 70);
	malformed("padding of ones", p, 1024);
	memset(p + 70, 0, 1024 - 70);
	put32(p + 32, 985);
	put32(p + 36, 0);
	malformed("a header that ends behind the end", p, 1024);
	put32(p + 32, 0);
	put32(p + 36, 985);
	malformed("a body that ends behind the end", p, 1024);
	put32(p + 32, UINT32_MAX);
	put32(p + 36, UINT32_MAX);
	malformed("lengths that overflow", p, 1024);
	put32(p + 32, UINT32_MAX - 39);
	put32(p + 36, 40);
	malformed("lengths whose sum is 2^32", p, 1024);
	put32(p + 32, 984);
	put32(p + 36, 0);
	seal_raw(&out, key, "mariposa/1", p, 1024);
	ok(!refused(out.data, out.len, key, id), "a header to the very end is none");
	seal_raw(&out, key, "mariposa/2", p, 1024);
	ok(refused(out.data, out.len, key, id), "other associated data");
	free(p);
	buf_free(&out);
}

static void test_too_long(void)
{
	uint8_t *p = lay_out(540672, 10, 532000 - 50);

	malformed("more than an envelope may have", p, 540672);
	free(p);
}

/* One buffer serves one envelope after another, the large behind the large. */
static void test_reuse(void)
{
	struct buf out = BUF_INIT(ENVELOPE_MAX), plain = BUF_INIT(ENVELOPE_MAX);
	uint8_t *body = calloc(1, 400000);
	struct envelope e;

	is_int(envelope_seal(&out, key, id, "{}", 2, body, 400000), 0, "a large one");
	for (int i = 0; i < 3; i++) {
		is_int(envelope_open(&e, &plain, out.data, out.len, key, id), 0, "opens");
		ok(e.header == plain.data + 40 && e.blen == 400000, "at the start of the buffer");
	}
	free(body);
	buf_free(&out);
	buf_free(&plain);
}

#define THREADS 4

static void *work(void *arg)
{
	uint8_t k[32] = {0};
	size_t *wrong = arg;

	for (int i = 0; i < 500; i++) {
		struct buf out = BUF_INIT(65536), plain = BUF_INIT(65536);
		struct envelope e;

		memcpy(k, &wrong, sizeof(wrong));
		k[31] = (uint8_t)i;
		if (envelope_seal(&out, k, id, &i, sizeof(i), "", 0) != 0 ||
		    envelope_open(&e, &plain, out.data, out.len, k, id) != 0 ||
		    memcmp(e.header, &i, sizeof(i)) != 0)
			(*wrong)++;
		buf_free(&out);
		buf_free(&plain);
	}
	return NULL;
}

/* Each thread has its own cipher, and frees it. */
static void test_threads(void)
{
	size_t wrong[THREADS] = {0}, sum = 0;
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, work, &wrong[i]) != 0)
			abort();
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], NULL);
		sum += wrong[i];
	}
	is_int((long long)sum, 0, "four threads seal and open at once");
}

/* Frames with IVs of another length use the same cipher. */
static void test_shared(void)
{
	struct aead a = {.key = key, .iv = iv, .ivlen = 8, .tag = 12};
	struct buf one = BUF_INIT(65536), two = BUF_INIT(65536);
	uint8_t sealed[16], plain[4];
	int bad = 0;

	bad |= envelope_seal_iv(&one, iv, key, id, "{}", 2, "", 0);
	bad |= aead_seal(sealed, &a, "text", 4);
	bad |= envelope_seal_iv(&two, iv, key, id, "{}", 2, "", 0);
	ok(one.len == two.len && memcmp(one.data, two.data, one.len) == 0,
	    "an envelope is the same after another's IV");
	bad |= aead_open(plain, &a, sealed, sizeof(sealed));
	ok(!refused(one.data, one.len, key, id), "and opens after one was opened");
	is_int(bad, 0, "all of them succeed");
	buf_free(&one);
	buf_free(&two);
}

/* Reflected to its sender, or moved to where another contact is read. */
static void test_moved(void)
{
	struct identity *s, *x, *y;
	uint8_t sx[32], xs[32], sy[32], ys[32], k[32] = "shared", k2[32] = "shared with y",
	                                        id2[32] = "y";
	struct buf out = BUF_INIT(65536);

	identity_new(&s);
	identity_new(&x);
	identity_new(&y);
	kdf_pair(sx, xs, s, x->key, k, id);
	kdf_pair(sy, ys, s, y->key, k2, id2);
	envelope_seal(&out, sx, id, "{}", 2, "", 0);
	ok(refused(out.data, out.len, xs, id), "reflected to its sender");
	ok(refused(out.data, out.len, ys, id2), "sent to another contact of the sender's");
	ok(refused(out.data, out.len, sx, id2), "under another contact's id");
	kdf_pair(sy, ys, s, y->key, k, id);
	ok(refused(out.data, out.len, sy, id), "the same card used by two, moved to the other");
	ok(!refused(out.data, out.len, sx, id), "while the recipient opens it");
	identity_free(s);
	identity_free(x);
	identity_free(y);
	buf_free(&out);
}

int main(void)
{
	secret_init();
	test_padding();
	test_form();
	test_limits();
	test_random();
	test_damage();
	test_malformed();
	test_too_long();
	test_reuse();
	test_threads();
	test_shared();
	test_moved();
	return done();
}
