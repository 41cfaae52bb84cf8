/*
 * What sealing, opening and trial decryption cost: lines of `what value unit`.
 *
 * `cipher` is AES-256-GCM alone on as many bytes, which is what `openssl speed -evp aes-256-gcm`
 * measures, but with a new key each time as every contact has his own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/secret.h"
#include "crypto/envelope.h"

#define SLOTS 10000
#define BLOCK 262144 /* an unpadded envelope of a file's chunk */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint8_t key[KEY_LEN] = "key", id[CONTACT_ID] = "id";

/* The best of a few rounds: the machine is shared. */
static void bench_find(struct matcher *m, const uint8_t *slots, size_t body)
{
	struct buf out = BUF_INIT(ENVELOPE_MAX);
	uint8_t *text = calloc(1, body);
	double best = 1e9;
	uint64_t owner;
	size_t hits = 0;

	if (text == NULL || envelope_seal(&out, key, id, "{}", 2, text, body) != 0)
		abort();
	for (int round = 0; round < 500; round++) {
		double start = now(), t;

		hits += matcher_find(m, slots, SLOTS, out.data, out.len, &owner, 1);
		t = now() - start;
		best = t < best ? t : best;
	}
	if (hits != 500)
		abort();
	printf("trial-%zu %.1f ns/slot\n", out.len, best * 1e9 / SLOTS);
	free(text);
	buf_free(&out);
}

static void bench_seal(size_t body, int times)
{
	struct buf out = BUF_INIT(ENVELOPE_MAX), plain = BUF_INIT(ENVELOPE_MAX);
	uint8_t *text = calloc(1, body);
	double best_seal = 1e9, best_open = 1e9;
	struct envelope e;

	if (text == NULL)
		abort();
	for (int round = 0; round < 5; round++) {
		double start = now(), t;

		for (int i = 0; i < times; i++) {
			buf_clear(&out);
			if (envelope_seal(&out, key, id, "{}", 2, text, body) != 0)
				abort();
		}
		t = (now() - start) / times;
		best_seal = t < best_seal ? t : best_seal;
		start = now();
		for (int i = 0; i < times; i++)
			if (envelope_open(&e, &plain, out.data, out.len, key, id) != 0)
				abort();
		t = (now() - start) / times;
		best_open = t < best_open ? t : best_open;
	}
	printf("seal-%zu %.1f MB/s %.2f us\n", out.len, (double)out.len / best_seal / 1e6,
	    best_seal * 1e6);
	printf("open-%zu %.1f MB/s %.2f us\n", out.len, (double)out.len / best_open / 1e6,
	    best_open * 1e6);
	free(text);
	buf_free(&out);
	buf_free(&plain);
}

/* The cipher alone on as many bytes, with a new key for each: what seal and open are held against.
 */
static void bench_cipher(size_t n, int times)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *in = calloc(1, n), *out = malloc(n), iv[12] = {0}, tag[16];
	double best = 1e9;
	int len;

	if (ctx == NULL || in == NULL || out == NULL ||
	    EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL) != 1)
		abort();
	for (int round = 0; round < 5; round++) {
		double start = now(), t;

		for (int i = 0; i < times; i++)
			if (EVP_EncryptInit_ex(ctx, NULL, NULL, key, iv) != 1 ||
			    EVP_EncryptUpdate(ctx, out, &len, in, (int)n) != 1 ||
			    EVP_EncryptFinal_ex(ctx, out + len, &len) != 1 ||
			    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) != 1)
				abort();
		t = (now() - start) / times;
		best = t < best ? t : best;
	}
	printf("cipher-%zu %.1f MB/s %.2f us\n", n, (double)n / best / 1e6, best * 1e6);
	EVP_CIPHER_CTX_free(ctx);
	free(in);
	free(out);
}

int main(void)
{
	uint8_t *slots = calloc(SLOTS, KEYRING_SLOT), k[KEY_LEN];
	struct matcher *m;

	secret_init();
	if (slots == NULL || matcher_new(&m) != 0)
		return 1;
	for (size_t i = 0; i < SLOTS; i++) {
		randombytes_buf(k, sizeof(k));
		keyring_slot(slots + i * KEYRING_SLOT, k, id, i);
	}
	keyring_slot(slots + (SLOTS - 1) * KEYRING_SLOT, key, id, 1);
	bench_find(m, slots, 100);
	bench_find(m, slots, BLOCK - 42);
	bench_seal(100, 20000);
	bench_cipher(1024, 20000);
	bench_seal(BLOCK - 42, 200);
	bench_cipher(BLOCK, 200);
	matcher_free(m);
	free(slots);
	return 0;
}
