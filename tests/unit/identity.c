/* An identity: derived keys against RFC 8032, RFC 8410 and libsodium's own vectors; its files. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypto/identity.h"
#include "crypto/onion.h"
#include "tap.h"

static char home[] = "/tmp/mp-identity-XXXXXX";

static struct identity *from_hex(const char *hex)
{
	struct identity *id;
	uint8_t seed[32];

	hex_decode(seed, 32, hex);
	if (identity_from_seed(&id, seed) != 0)
		abort();
	return id;
}

static void is_hex(const uint8_t *data, size_t n, const char *want, const char *name)
{
	char hex[129];

	hex_encode(hex, data, n);
	is_str(hex, want, name);
}

/* RFC 8032 7.1 test 1; libsodium's test/default/ed25519_convert. */
static void test_keys(void)
{
	struct identity *id =
	    from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
	uint8_t expanded[64], point[32], montgomery[32];

	is_hex(id->key, 32, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
	    "RFC 8032's public key");
	identity_expanded(expanded, id);
	ok((expanded[0] & 7) == 0 && (expanded[31] & 0xc0) == 0x40, "the expanded key is clamped");
	crypto_scalarmult_ed25519_base_noclamp(point, expanded);
	ok(memcmp(point, id->key, 32) == 0, "and its scalar gives the onion key");
	ok(memcmp(expanded, id->secret, 32) == 0, "and is the X25519 secret");
	crypto_scalarmult_base(point, id->secret);
	is_int(crypto_sign_ed25519_pk_to_curve25519(montgomery, id->key), 0, "converted");
	ok(memcmp(point, montgomery, 32) == 0, "the X25519 public key is the onion key converted");
	identity_free(id);
	id = from_hex("421151a459faeade3d247115f94aedae42318124095afabe4d1451a559faedee");
	is_hex(id->secret, 32, "8052030376d47112be7f73ed7a019293dd12ad910b654455798b4667d73de166",
	    "libsodium's converted secret key");
	is_int(crypto_sign_ed25519_pk_to_curve25519(montgomery, id->key), 0, "converted");
	is_hex(montgomery, 32, "f1814f0e8ff1043d8a44d25babff3cedcae6c22c3edaa48f857ae70de2baae50",
	    "libsodium's converted public key");
	identity_free(id);
}

/* RFC 8410 10.3's private key; the certificate as OpenSSL reads it. */
static void test_tls(void)
{
	struct identity *id =
	    from_hex("d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842");
	struct buf key = BUF_INIT(16384), cert = BUF_INIT(16384);
	uint8_t *spki = NULL, digest[32];
	char host[ONION_TEXT], cn[128] = "", pin[ONION_PIN], want[64] = "sha256//";
	X509 *x;
	BIO *bio;
	int n;

	is_int(identity_tls(id, &key, &cert), 0, "key and certificate");
	buf_terminate(&key);
	is_str((char *)key.data,
	    "-----BEGIN PRIVATE KEY-----\n"
	    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
	    "-----END PRIVATE KEY-----\n",
	    "RFC 8410's private key");
	bio = BIO_new_mem_buf(cert.data, (int)cert.len);
	x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	ok(x != NULL, "OpenSSL reads the certificate");
	is_int(X509_verify(x, X509_get0_pubkey(x)), 1, "it is signed by itself");
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof(cn));
	onion_encode(host, id->key);
	is_str(cn, host, "its name is the address");
	ok(X509_cmp_current_time(X509_get0_notBefore(x)) < 0, "it is valid already");
	is_int(X509_cmp_time(X509_get0_notAfter(x), &(time_t){time(NULL) + 19L * 365 * 86400}), 1,
	    "and in 19 years");
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
	crypto_hash_sha256(digest, spki, (unsigned long long)n);
	sodium_bin2base64(want + 8, sizeof(want) - 8, digest, 32, sodium_base64_VARIANT_ORIGINAL);
	onion_pin(pin, id->key);
	is_str(pin, want, "the pin is the hash of the certificate's key");
	OPENSSL_free(spki);
	X509_free(x);
	BIO_free(bio);
	buf_free(&key);
	buf_free(&cert);
	identity_free(id);
}

static void test_fingerprint(void)
{
	uint8_t a[32], b[32], id[32];
	char one[FINGERPRINT_TEXT], two[FINGERPRINT_TEXT], text[64];
	uint8_t digest[32], in[22 + 96];

	memset(a, 0xfe, 32);
	memset(b, 0x01, 32);
	memset(id, 7, 32);
	memcpy(in, "mariposa/1 fingerprint", 22);
	memcpy(in + 22, b, 32);
	memcpy(in + 54, a, 32);
	memcpy(in + 86, id, 32);
	crypto_hash_sha256(digest, in, sizeof(in));
	base32_encode(text, digest, 20, 1);
	fingerprint(one, a, b, id);
	fingerprint(two, b, a, id);
	is_str(one, two, "both ends see the same");
	is_int((long long)strlen(one), 39, "eight groups of four");
	for (int i = 0; i < 8; i++)
		ok(memcmp(one + 5 * i, text + 4 * i, 4) == 0, "group %d", i);
	id[31] ^= 1;
	fingerprint(two, a, b, id);
	ok(strcmp(one, two) != 0, "another contact id, another fingerprint");
}

static int exists(const char *rest)
{
	struct stat st;

	return lstat(home_file(rest), &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

static void slurp(struct buf *b, const char *rest)
{
	buf_clear(b);
	if (file_read(home_file(rest), b) != 0)
		abort();
}

static const char *const names[] = {"tor/service/hs_ed25519_secret_key",
    "tor/service/hs_ed25519_public_key", "tor/service/hostname", "tls/key.pem", "tls/cert.pem",
    "identity"};

/* Stops where it would put file n: a directory that is not empty stands in its way. */
static int blocked_at(int n)
{
	struct identity *id;
	char path[4200];
	int r;

	dir_make(home_file("tor/service"));
	dir_make(home_file("tls"));
	snprintf(path, sizeof(path), "%s/x", home_file(names[n]));
	dir_make(path);
	if (identity_new(&id) != 0)
		abort();
	r = identity_write(id);
	identity_free(id);
	return r;
}

static void clear_way(const char *rest)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/x", home_file(rest));
	rmdir(path);
	rmdir(home_file(rest));
}

/* Stopped before each of the files but the last: no identity, and the next attempt succeeds. */
static void test_interrupted(void)
{
	struct identity *id = NULL;

	for (int i = 0; i < 5; i++) {
		ok(blocked_at(i) != 0, "stopped at %s", names[i]);
		is_int(exists("identity"), -1, "no identity after it");
		clear_way(names[i]);
	}
	is_int(identity_load(&id), MP_EUSAGE, "nothing to load");
	ok(strstr(err_detail(), "mp-keygen") != NULL, "it says '%s'", err_detail());
}

static pid_t write_in_child(void)
{
	pid_t pid = fork();
	struct identity *id;

	if (pid != 0)
		return pid;
	if (identity_new(&id) != 0)
		_exit(99);
	_exit(-identity_write(id));
}

/* What is there is whole, and all of one seed. */
static int consistent(void)
{
	struct identity *id = NULL;
	uint8_t key[32];
	char host[64] = "", want[ONION_TEXT];
	struct buf b = BUF_INIT(65536);
	int good =
	    identity_load(&id) == 0 && identity_public(key) == 0 && memcmp(key, id->key, 32) == 0;

	if (good) {
		slurp(&b, "tor/service/hostname");
		memcpy(host, b.data, 62);
		onion_encode(want, id->key);
		good = strcmp(host, want) == 0 && exists("tls/cert.pem") == 0600;
	}
	buf_free(&b);
	identity_free(id);
	return good;
}

/* Killed at moments spread over a bit more than the time that a whole write takes. */
static void test_killed(void)
{
	int64_t start = clock_monotonic(), whole_us;
	int whole = 0, broken = 0;

	waitpid(write_in_child(), NULL, 0);
	whole_us = (clock_monotonic() - start + 1) * 1000;
	unlink(home_file("identity"));
	for (int64_t i = 0; i < 60; i++) {
		struct timespec t = {0, (long)(i * whole_us * 1000 / 40 % 999999999)};
		pid_t pid = write_in_child();

		nanosleep(&t, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (exists("identity") == -1)
			continue;
		whole++;
		broken += !consistent();
		unlink(home_file("identity"));
	}
	is_int(broken, 0, "killed at any moment, an identity is whole or absent");
	printf("# %d of 60 were whole\n", whole);
}

static void test_race(void)
{
	int wrote = 0, refused = 0;
	pid_t pid[6];

	for (int i = 0; i < 6; i++)
		pid[i] = write_in_child();
	for (int i = 0; i < 6; i++) {
		int status;

		waitpid(pid[i], &status, 0);
		wrote += WIFEXITED(status) && WEXITSTATUS(status) == 0;
		refused += WIFEXITED(status) && WEXITSTATUS(status) == -MP_EEXIST;
	}
	is_int(wrote, 1, "of six at once one writes");
	is_int(refused, 5, "and five are refused");
	ok(consistent(), "and all files are of one seed");
	unlink(home_file("identity"));
}

static void test_files(void)
{
	struct identity *id, *again = NULL, *other;
	struct buf b = BUF_INIT(65536), before = BUF_INIT(65536);
	uint8_t key[32], expanded[64];
	char host[ONION_TEXT + 1];

	is_int(identity_new(&id), 0, "a new identity");
	is_int(identity_write(id), 0, "is written");
	for (size_t i = 0; i < 6; i++)
		is_int(exists(names[i]), 0600, names[i]);
	is_int(exists("tor/service"), 0700, "tor refuses a directory that others can read");
	is_int(identity_load(&again), 0, "it is loaded");
	ok(memcmp(again, id, sizeof(*id)) == 0, "and is the same");
	is_int(identity_public(key), 0, "its public key alone");
	ok(memcmp(key, id->key, 32) == 0, "is the same");
	onion_encode(host, id->key);
	slurp(&b, "tor/service/hostname");
	host[62] = '\n';
	ok(b.len == 63 && memcmp(b.data, host, 63) == 0, "tor's hostname");
	slurp(&b, "tor/service/hs_ed25519_secret_key");
	identity_expanded(expanded, id);
	ok(b.len == 96 && memcmp(b.data, "== ed25519v1-secret: type0 ==\0\0\0", 32) == 0 &&
	        memcmp(b.data + 32, expanded, 64) == 0,
	    "tor's secret key");
	slurp(&b, "tor/service/hs_ed25519_public_key");
	ok(b.len == 64 && memcmp(b.data, "== ed25519v1-public: type0 ==\0\0\0", 32) == 0 &&
	        memcmp(b.data + 32, id->key, 32) == 0,
	    "tor's public key");
	slurp(&before, "identity");
	identity_new(&other);
	is_int(identity_write(other), MP_EEXIST, "it is never overwritten");
	slurp(&b, "identity");
	ok(b.len == before.len && memcmp(b.data, before.data, b.len) == 0, "it stays as it was");
	is_int(identity_public(key), 0, "and so do the files of tor");
	ok(memcmp(key, id->key, 32) == 0, "that belong to it");
	unlink(home_file("tor/service/hostname"));
	unlink(home_file("tls/key.pem"));
	is_int(identity_rewrite(id), 0, "what is derived can be made again");
	ok(exists("tor/service/hostname") == 0600 && exists("tls/key.pem") == 0600, "and is there");
	identity_free(id);
	identity_free(again);
	identity_free(other);
	buf_free(&b);
	buf_free(&before);
}

/* Anything but the two lines is refused. */
static void test_damaged(void)
{
	struct buf good = BUF_INIT(4096), bad = BUF_INIT(4096);
	struct identity *id;
	int taken = 0, crashed = 0;

	slurp(&good, "identity");
	for (size_t i = 0; i < good.len; i++) {
		buf_clear(&bad);
		buf_add(&bad, good.data, i);
		file_write(home_file("identity"), bad.data, bad.len, 0600, true);
		taken += identity_load(&id) == 0;
		crashed += strstr(err_detail(), "no identity file") == NULL;
	}
	is_int(taken, 0, "no truncation of the file is taken");
	is_int(crashed, 0, "each has its clear line");
	buf_clear(&bad);
	buf_add(&bad, good.data, good.len);
	buf_adds(&bad, "more\n");
	file_write(home_file("identity"), bad.data, bad.len, 0600, true);
	is_int(identity_load(&id), MP_EBAD, "a third line is refused");
	file_write(home_file("identity"), good.data, good.len, 0600, true);
	chmod(home_file("identity"), 0644);
	is_int(identity_load(&id), MP_ESYS, "a file that others can read is refused");
	chmod(home_file("identity"), 0600);
	is_int(identity_load(&id), 0, "the file itself is good");
	identity_free(id);
	buf_clear(&bad);
	slurp(&bad, "tor/service/hs_ed25519_public_key");
	bad.data[0] = '-';
	file_write(home_file("tor/service/hs_ed25519_public_key"), bad.data, bad.len, 0600, true);
	is_int(identity_public((uint8_t[32]){0}), MP_EBAD, "a foreign public key file is refused");
	buf_free(&good);
	buf_free(&bad);
}

static int remove_home(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", home);
	return system(command);
}

int main(void)
{
	if (mkdtemp(home) == NULL || setenv("MP_HOME", home, 1) != 0)
		return 1;
	secret_init();
	test_keys();
	test_tls();
	test_fingerprint();
	test_interrupted();
	test_killed();
	test_race();
	test_files();
	test_damaged();
	is_int(remove_home(), 0, "cleaned up");
	return done();
}
