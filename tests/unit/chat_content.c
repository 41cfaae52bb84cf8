/* What members seal: nothing of it can be changed, moved or opened by another. */
#include "base/err.h"
#include "base/secret.h"
#include "chat/content.h"
#include "tap.h"

#include <sodium.h>

static uint8_t alice[64], bob[64], carol[64], session[32] = {9};
static const struct content_place at = {.sid = 11, .uid = 1, .number = 5};

static void make(uint8_t secret[64], uint8_t first)
{
	uint8_t seed[32] = {first}, public[32];

	crypto_sign_seed_keypair(public, secret, seed);
}

static void texts(void)
{
	static const size_t sizes[] = {1, 227, 228, 229, 61440};
	struct buf sealed = BUF_INIT(1 << 17), plain = BUF_INIT(1 << 17);
	struct content_place other;
	struct content_text t = {.time = 123, .id = {1, 2}}, got;
	static uint8_t text[61441];
	int bad = 0;

	memset(text, 'x', sizeof(text));
	t.text = text;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		buf_clear(&sealed);
		t.n = sizes[i];
		bad += content_text_seal(&sealed, &at, alice, 3, session, &t) != 0 ||
		       content_text_open(
		           &got, &plain, &at, alice + 32, session, sealed.data, sealed.len) != 0 ||
		       got.n != t.n || memcmp(got.text, text, t.n) != 0 || got.time != 123 ||
		       memcmp(got.id, t.id, 16) != 0;
		if (sizes[i] == 228 || sizes[i] == 229)
			is_int((long long)sealed.len, 97 + (sizes[i] == 228 ? 256 : 512),
			    "sizes in steps of 256");
	}
	is_int(bad, 0, "texts of all sizes come back");
	t.n = sizeof(text);
	is_int(content_text_seal(&sealed, &at, alice, 3, session, &t), MP_ELIMIT,
	    "a longer one is refused");
	buf_clear(&sealed);
	t.n = 5;
	content_text_seal(&sealed, &at, alice, 3, session, &t);
#define OPENS(place, key, s) content_text_open(&got, &plain, place, key, s, sealed.data, sealed.len)
	is_int(OPENS(&at, bob + 32, session), MP_EBAD, "not as bob's");
	is_int(OPENS(&at, alice + 32, alice), MP_EBAD, "not under another session key");
	other = at;
	other.sid++;
	is_int(OPENS(&other, alice + 32, session), MP_EBAD, "not in another session");
	other = at;
	other.uid++;
	is_int(OPENS(&other, alice + 32, session), MP_EBAD, "not from another user");
	other = at;
	other.number++;
	is_int(OPENS(&other, alice + 32, session), MP_EBAD, "not at another place");
	for (size_t i = 0; i < sealed.len * 8; i++) {
		sealed.data[i / 8] ^= (uint8_t)(1 << i % 8);
		bad += OPENS(&at, alice + 32, session) == 0;
		sealed.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	is_int(bad, 0, "nor with any bit changed");
	is_int(OPENS(&at, alice + 32, session), 0, "as it is it opens");
	buf_free(&sealed);
	buf_free(&plain);
}

static void list(struct content_roster *r, const uint8_t *secrets[], size_t n)
{
	static const char *const names[] = {"alice", "bob", "carol"};

	memset(r, 0, sizeof(*r));
	r->epoch = 4;
	for (r->n = 0; r->n < n; r->n++) {
		r->member[r->n].uid = r->n + 1;
		strcpy(r->member[r->n].name, names[r->n]);
		memcpy(r->member[r->n].key, secrets[r->n] + 32, 32);
	}
}

static void keys(void)
{
	static struct content_roster r, got;
	const uint8_t *two[] = {alice, bob};
	struct buf sealed = BUF_INIT(1 << 17);
	uint8_t out[32];
	uint32_t epoch;
	int bad = 0;

	list(&r, two, 2);
	is_int(content_key_seal(&sealed, &at, alice, &r, session), 0, "a session key is sealed");
	is_int(content_kind(&epoch, sealed.data, sealed.len), CONTENT_KEY, "it is one");
	is_int(epoch, 4, "of its epoch");
#define TAKES(creator, uid, secret) \
	content_key_open(&got, out, &at, creator + 32, uid, secret, sealed.data, sealed.len)
	is_int(TAKES(alice, 2, bob), 0, "bob opens it");
	ok(got.opened && memcmp(out, session, 32) == 0, "and has the key");
	ok(got.n == 2 && strcmp(got.member[0].name, "alice") == 0, "and the list");
	is_int(TAKES(alice, 3, carol), 0, "carol sees who is in it");
	ok(!got.opened, "and has no key");
	is_int(TAKES(bob, 2, bob), MP_EBAD, "it is not bob's");
	is_int(TAKES(alice, 2, carol), MP_EBAD, "nobody is bob with another key");
	for (size_t i = 0; i < sealed.len * 8; i++) {
		sealed.data[i / 8] ^= (uint8_t)(1 << i % 8);
		bad += TAKES(alice, 2, bob) == 0;
		sealed.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	is_int(bad, 0, "no bit can be changed");
	buf_clear(&sealed);
	r.member[1].uid = 1;
	content_key_seal(&sealed, &at, alice, &r, session);
	is_int(TAKES(alice, 1, alice), MP_EBAD, "nobody is in it twice");
	buf_free(&sealed);
}

int main(void)
{
	char one[40], two[40];

	secret_init();
	make(alice, 1);
	make(bob, 2);
	make(carol, 3);
	texts();
	keys();
	content_fingerprint(one, alice + 32);
	content_fingerprint(two, bob + 32);
	ok(strcmp(one, two) != 0 && strlen(one) == 39, "fingerprints differ");
	return done();
}
