/* RSA keys of the mesh: one form, signatures, sealed blobs, and everything that is refused. */
#include "base/err.h"
#include "base/secret.h"
#include "crypto/rsa.h"
#include "tap.h"

static struct rsa_key *a, *b;

static void test_form(void)
{
	uint8_t der[RSA_DER];
	struct buf pem = BUF_INIT(8192);
	struct rsa_key *again;

	memcpy(der, rsa_der(a), RSA_DER);
	ok(rsa_der_ok(der), "a new key has the form");
	for (size_t i = 0; i < RSA_DER; i = i == 32 ? 289 : i + 1) {
		der[i] ^= 4;
		if (!rsa_der_ok(der)) {
			der[i] ^= 4;
			continue;
		}
		ok(0, "byte %zu may be anything", i);
		der[i] ^= 4;
	}
	der[33] &= 0x7f;
	ok(!rsa_der_ok(der), "a modulus of fewer bits is refused");
	der[33] |= 0x80;
	der[288] &= 0xfe;
	ok(!rsa_der_ok(der), "an even one, too");
	is_int(rsa_write(a, &pem), 0, "a key is written");
	is_int(rsa_read(&again, pem.data, pem.len), 0, "and read");
	ok(memcmp(rsa_der(again), rsa_der(a), RSA_DER) == 0, "and is the same");
	rsa_free(again);
	is_int(rsa_read(&again, "x", 1), MP_EBAD, "what is no key is refused");
	ok(again == NULL, "... and is none");
	buf_free(&pem);
}

static void test_sign(void)
{
	uint8_t sig[RSA_BYTES], der[RSA_DER];

	is_int(rsa_sign(sig, a, "text", 4), 0, "signed");
	is_int(rsa_verify(rsa_der(a), sig, "text", 4), 0, "verified");
	is_int(rsa_verify(rsa_der(a), sig, "texT", 4), MP_EBAD, "another text is not");
	is_int(rsa_verify(rsa_der(b), sig, "text", 4), MP_EBAD, "nor is it by another key");
	sig[9] ^= 1;
	is_int(rsa_verify(rsa_der(a), sig, "text", 4), MP_EBAD, "nor with another signature");
	memcpy(der, rsa_der(a), RSA_DER);
	memset(der + 33, 0xff, 256);
	is_int(rsa_verify(der, sig, "text", 4), MP_EBAD, "nor by a key that is none");
}

static void test_seal(void)
{
	struct buf blob = BUF_INIT(1 << 20), plain = BUF_INIT(1 << 20);
	char text[5000];

	memset(text, 'x', sizeof(text));
	is_int(rsa_seal(&blob, rsa_der(a), text, sizeof(text)), 0, "sealed");
	is_int((long long)blob.len, sizeof(text) + RSA_OVERHEAD, "... by so many bytes more");
	is_int(rsa_open(&plain, a, blob.data, blob.len), 0, "opened");
	ok(plain.len == sizeof(text) && memcmp(plain.data, text, sizeof(text)) == 0, "the same");
	plain.len = 0;
	is_int(rsa_open(&plain, b, blob.data, blob.len), MP_EBAD, "not by another key");
	for (size_t i = 0; i < blob.len; i += 97) {
		blob.data[i] ^= 1;
		if (rsa_open(&plain, a, blob.data, blob.len) != MP_EBAD)
			ok(0, "opened with byte %zu changed", i);
		blob.data[i] ^= 1;
	}
	for (size_t n = 0; n < blob.len; n += n < RSA_OVERHEAD + 3 ? 1 : 501)
		if (rsa_open(&plain, a, blob.data, n) != MP_EBAD)
			ok(0, "opened with %zu bytes", n);
	is_int((long long)plain.len, 0, "nothing of a damaged one is given out");
	buf_free(&blob);
	buf_free(&plain);
}

int main(void)
{
	secret_init();
	if (rsa_new(&a) != 0 || rsa_new(&b) != 0)
		return 99;
	test_form();
	test_sign();
	test_seal();
	rsa_free(a);
	rsa_free(b);
	return done();
}
