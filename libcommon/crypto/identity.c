#include "crypto/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "crypto/onion.h"

#define COMMENT "untrusted comment: "
#define ALGORITHM "Ed"
#define TOR_SECRET "== ed25519v1-secret: type0 ==\0\0"
#define TOR_PUBLIC "== ed25519v1-public: type0 ==\0\0"
#define TOR_HEAD 32 /* either of the two with its last NUL */

_Static_assert(sizeof(TOR_SECRET) == TOR_HEAD && sizeof(TOR_PUBLIC) == TOR_HEAD, "tor's tags");

int identity_from_seed(struct identity **out, const uint8_t seed[static 32])
{
	struct identity *id = secret_alloc(sizeof(*id));
	uint8_t pair[crypto_sign_SECRETKEYBYTES];
	int r = MP_OK;

	memcpy(id->seed, seed, 32);
	if (crypto_sign_seed_keypair(id->key, pair, id->seed) != 0 ||
	    crypto_sign_ed25519_sk_to_curve25519(id->secret, pair) != 0)
		r = err_set(MP_EBAD, "the identity's seed makes no key");
	sodium_memzero(pair, sizeof(pair));
	if (r != MP_OK) {
		identity_free(id);
		return r;
	}
	*out = id;
	return MP_OK;
}

int identity_new(struct identity **out)
{
	uint8_t seed[32];
	int r;

	randombytes_buf(seed, sizeof(seed));
	r = identity_from_seed(out, seed);
	sodium_memzero(seed, sizeof(seed));
	return r;
}

void identity_free(struct identity *id)
{
	secret_free(id);
}

void identity_expanded(uint8_t out[static 64], const struct identity *id)
{
	crypto_hash_sha512(out, id->seed, 32);
	out[0] &= 248;
	out[31] &= 127;
	out[31] |= 64;
}

static int no_identity(void)
{
	return err_set(MP_EUSAGE, "no identity in '%s': run mp-keygen", home_path());
}

/* The two lines of the file identity; data is NUL-terminated behind len. */
static int parse(struct identity **out, const char *data, size_t len)
{
	const char *line = memchr(data, '\n', len);
	uint8_t raw[sizeof(ALGORITHM) - 1 + 32];
	size_t n;
	int r;

	if (line == NULL || strncmp(data, COMMENT, sizeof(COMMENT) - 1) != 0)
		goto bad;
	n = len - (size_t)(++line - data);
	if (n == 0 || line[n - 1] != '\n' ||
	    base64_secret_decode(raw, sizeof(raw), line, n - 1) != MP_OK)
		goto bad;
	if (memcmp(raw, ALGORITHM, sizeof(ALGORITHM) - 1) != 0)
		goto bad;
	r = identity_from_seed(out, raw + sizeof(ALGORITHM) - 1);
	secret_wipe(raw, sizeof(raw));
	return r;
bad:
	secret_wipe(raw, sizeof(raw));
	return err_set(MP_EBAD, "'%s' is no identity file", home_file("identity"));
}

int identity_load(struct identity **out)
{
	struct buf file = BUF_INIT(4096);
	int r;

	if (home_path() == NULL)
		return MP_ESYS;
	r = file_read_secret(home_file("identity"), &file);
	if (r == MP_ENONE)
		r = no_identity();
	if (r != MP_OK || (r = buf_terminate(&file)) != MP_OK)
		goto out;
	r = parse(out, (const char *)file.data, file.len);
out:
	buf_free(&file);
	return r;
}

int identity_public(uint8_t key[static 32])
{
	struct buf file = BUF_INIT(4096);
	int r;

	if (home_path() == NULL)
		return MP_ESYS;
	r = file_read(home_file("tor/service/hs_ed25519_public_key"), &file);
	if (r == MP_ENONE)
		r = no_identity();
	if (r != MP_OK)
		goto out;
	if (file.len != TOR_HEAD + 32 || memcmp(file.data, TOR_PUBLIC, TOR_HEAD) != 0 ||
	    onion_key_check(file.data + TOR_HEAD) != MP_OK) {
		r = err_set(MP_EBAD, "'%s' is no onion key of tor's",
		    home_file("tor/service/hs_ed25519_public_key"));
		goto out;
	}
	memcpy(key, file.data + TOR_HEAD, 32);
out:
	buf_free(&file);
	return r;
}

/* Tor's service directory, as tor itself would have written it. */
static int write_service(const struct identity *id)
{
	uint8_t secret[TOR_HEAD + 64], public[TOR_HEAD + 32];
	char host[ONION_TEXT + 1];
	int r;

	memcpy(secret, TOR_SECRET, TOR_HEAD);
	identity_expanded(secret + TOR_HEAD, id);
	memcpy(public, TOR_PUBLIC, TOR_HEAD);
	memcpy(public + TOR_HEAD, id->key, 32);
	onion_encode(host, id->key);
	memcpy(host + ONION_TEXT - 1, "\n", 2);
	r = file_write(
	    home_file("tor/service/hs_ed25519_secret_key"), secret, sizeof(secret), 0600, true);
	secret_wipe(secret, sizeof(secret));
	if (r != MP_OK)
		return r;
	r = file_write(
	    home_file("tor/service/hs_ed25519_public_key"), public, sizeof(public), 0600, true);
	if (r != MP_OK)
		return r;
	return file_write(home_file("tor/service/hostname"), host, ONION_TEXT, 0600, true);
}

static int write_tls(const struct identity *id)
{
	struct buf key = BUF_INIT(16384), cert = BUF_INIT(16384);
	int r = identity_tls(id, &key, &cert);

	if (r == MP_OK)
		r = file_write(home_file("tls/key.pem"), key.data, key.len, 0600, true);
	if (r == MP_OK)
		r = file_write(home_file("tls/cert.pem"), cert.data, cert.len, 0600, true);
	buf_free(&key);
	buf_free(&cert);
	return r;
}

int identity_rewrite(const struct identity *id)
{
	int r;

	if (home_path() == NULL)
		return MP_ESYS;
	if ((r = dir_make(home_file("tor/service"))) != MP_OK ||
	    (r = dir_make(home_file("tls"))) != MP_OK)
		return r;
	if ((r = write_service(id)) != MP_OK)
		return r;
	return write_tls(id);
}

/* The comment and the seed: last of all, so that its presence vouches for the rest. */
static int write_seed(const struct identity *id)
{
	uint8_t raw[sizeof(ALGORITHM) - 1 + 32];
	struct buf text = BUF_INIT(4096);
	char host[ONION_TEXT];
	int r;

	onion_encode(host, id->key);
	memcpy(raw, ALGORITHM, sizeof(ALGORITHM) - 1);
	memcpy(raw + sizeof(ALGORITHM) - 1, id->seed, 32);
	if ((r = buf_addf(&text, COMMENT "mp identity, onion address %s\n", host)) != MP_OK ||
	    (r = base64_secret_encode(&text, raw, sizeof(raw))) != MP_OK ||
	    (r = buf_addc(&text, '\n')) != MP_OK)
		goto out;
	r = file_write(home_file("identity"), text.data, text.len, 0600, false);
	if (r == MP_EEXIST)
		err_set(r, "there is an identity in '%s' already", home_path());
out:
	secret_wipe(raw, sizeof(raw));
	buf_free(&text);
	return r;
}

/*
 * Two mp-keygen at once must not mix the files of two seeds, so the home is
 * locked meanwhile.  What a killed one left has no identity file and is overwritten.
 */
int identity_write(const struct identity *id)
{
	struct stat st;
	int fd, r;

	if (home_path() == NULL)
		return MP_ESYS;
	if ((r = dir_make(home_path())) != MP_OK)
		return r;
	fd = open(home_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || flock(fd, LOCK_EX) != 0) {
		r = err_sys("cannot lock '%s'", home_path());
		goto out;
	}
	if (lstat(home_file("identity"), &st) == 0) {
		r = err_set(MP_EEXIST, "there is an identity in '%s' already", home_path());
		goto out;
	}
	if (errno != ENOENT) {
		r = err_sys("cannot look at '%s'", home_file("identity"));
		goto out;
	}
	if ((r = identity_rewrite(id)) == MP_OK)
		r = write_seed(id);
out:
	if (fd != -1)
		close(fd);
	return r;
}

void fingerprint(char out[static FINGERPRINT_TEXT], const uint8_t a[static 32],
    const uint8_t b[static 32], const uint8_t contact_id[static 32])
{
	static const char label[22] = "mariposa/1 fingerprint";
	const uint8_t *low = memcmp(a, b, 32) < 0 ? a : b, *high = low == a ? b : a;
	uint8_t digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	char text[BASE32_LEN(20) + 1];

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)label, sizeof(label));
	crypto_hash_sha256_update(&state, low, 32);
	crypto_hash_sha256_update(&state, high, 32);
	crypto_hash_sha256_update(&state, contact_id, 32);
	crypto_hash_sha256_final(&state, digest);
	base32_encode(text, digest, 20, 1);
	for (size_t i = 0; i < 8; i++) {
		memcpy(out + 5 * i, text + 4 * i, 4);
		out[5 * i + 4] = i == 7 ? '\0' : ' ';
	}
}
