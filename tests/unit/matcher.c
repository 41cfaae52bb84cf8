/* Trial decryption: it finds what fits, in any envelope, and never what does not. */
#include <sodium.h>

#include "base/err.h"
#include "crypto/envelope.h"
#include "tap.h"

#define N 300

static uint8_t keys[N][32], ids[N][32];
static uint8_t slots[N * KEYRING_SLOT];

static void fill(void)
{
	for (size_t i = 0; i < N; i++) {
		randombytes_buf(keys[i], 32);
		randombytes_buf(ids[i], 32);
		keyring_slot(slots + i * KEYRING_SLOT, keys[i], ids[i], 1000 + i);
	}
}

static void test_slot(void)
{
	uint8_t slot[KEYRING_SLOT], want[KEYRING_SLOT] = {0};

	memcpy(want, keys[0], 32);
	memcpy(want + 32, ids[0], 16);
	memcpy(want + 48, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
	memset(slot, 0xff, sizeof(slot));
	keyring_slot(slot, keys[0], ids[0], UINT64_C(0x0123456789abcdef));
	ok(memcmp(slot, want, sizeof(slot)) == 0, "a slot is key, half an id, owner, zeros");
}

static void test_each(struct matcher *m)
{
	static const size_t sizes[] = {1, 5000, 261000};
	size_t wrong = 0;
	uint8_t *body = calloc(1, 261000);

	for (size_t s = 0; s < 3; s++) {
		for (size_t i = 0; i < N; i++) {
			struct buf out = BUF_INIT(ENVELOPE_MAX);
			uint64_t owners[2] = {0, 0};

			envelope_seal(&out, keys[i], ids[i], "{}", 2, body, sizes[s]);
			wrong += matcher_find(m, slots, N, out.data, out.len, owners, 2) != 1 ||
			         owners[0] != 1000 + i || owners[1] != 0;
			buf_free(&out);
		}
	}
	is_int((long long)wrong, 0, "each contact's envelopes are found, whatever their size");
	free(body);
}

static void test_miss(struct matcher *m)
{
	struct buf out = BUF_INIT(65536);
	uint64_t owners[4] = {0};
	uint8_t other[32];
	size_t found = 0;

	memcpy(other, keys[7], 32);
	other[0] ^= 1;
	envelope_seal(&out, other, ids[7], "{}", 2, "", 0);
	is_int(
	    (long long)matcher_find(m, slots, N, out.data, out.len, owners, 4), 0, "another key");
	buf_clear(&out);
	memcpy(other, ids[7], 32);
	other[15] ^= 1;
	envelope_seal(&out, keys[7], other, "{}", 2, "", 0);
	is_int((long long)matcher_find(m, slots, N, out.data, out.len, owners, 4), 0, "another id");
	buf_clear(&out);
	envelope_seal(&out, keys[7], ids[7], "{}", 2, "", 0);
	for (size_t bit = 0; bit < 28 * 8; bit++) {
		out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		found += matcher_find(m, slots, N, out.data, out.len, owners, 4);
		out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	is_int((long long)found, 0, "a bit flipped in the IV or the first block");
	for (size_t n = 0; n < ENVELOPE_MIN; n++)
		found += matcher_find(m, slots, N, out.data, n, owners, 4);
	is_int((long long)found, 0, "what is too short is not looked at");
	is_int(
	    (long long)matcher_find(m, slots, 0, out.data, out.len, owners, 4), 0, "no contacts");
	buf_free(&out);
}

/* Bits of the tail are for open(); the matcher only proposes. */
static void test_proposes(struct matcher *m)
{
	struct buf out = BUF_INIT(65536), plain = BUF_INIT(65536);
	struct envelope e;
	uint64_t owner = 0;

	envelope_seal(&out, keys[3], ids[3], "{}", 2, "", 0);
	out.data[out.len - 1] ^= 1;
	is_int(
	    (long long)matcher_find(m, slots, N, out.data, out.len, &owner, 1), 1, "a damaged tag");
	is_int((long long)owner, 1003, "is proposed");
	is_int(envelope_open(&e, &plain, out.data, out.len, keys[3], ids[3]), MP_EBAD,
	    "and does not open");
	buf_free(&out);
	buf_free(&plain);
}

/* Two slots that fit are both told, and no more are stored than there is room for. */
static void test_two(struct matcher *m)
{
	struct buf out = BUF_INIT(65536);
	uint64_t owners[3] = {0, 0, 42};

	keyring_slot(slots + 9 * KEYRING_SLOT, keys[5], ids[5], 77);
	envelope_seal(&out, keys[5], ids[5], "{}", 2, "", 0);
	is_int((long long)matcher_find(m, slots, N, out.data, out.len, owners, 2), 2, "two fit");
	ok(owners[0] == 1005 && owners[1] == 77 && owners[2] == 42, "both are told");
	owners[1] = 42;
	is_int((long long)matcher_find(m, slots, N, out.data, out.len, owners, 1), 2, "counted");
	is_int((long long)owners[1], 42, "but not stored beyond the room");
	is_int(
	    (long long)matcher_find(m, slots, N, out.data, out.len, NULL, 0), 2, "no room at all");
	buf_free(&out);
}

int main(void)
{
	struct matcher *m;

	if (sodium_init() < 0)
		return 1;
	fill();
	is_int(matcher_new(&m), 0, "a matcher");
	test_slot();
	test_each(m);
	test_miss(m);
	test_proposes(m);
	test_two(m);
	matcher_free(m);
	matcher_free(NULL);
	return done();
}
