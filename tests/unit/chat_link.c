/* The transfer: both ends' machines, every wrong frame, and keys that run out. */
#include "base/err.h"
#include "base/secret.h"
#include "chat/guest.h"
#include "chat/host.h"
#include "chat/link.h"
#include "tap.h"

#define NOW INT64_C(1800000000000)

static struct serverkey *key;

static struct host *host;
static struct guest *guest;

static void end(void)
{
	host_free(host);
	guest_free(guest);
	host = NULL;
	guest = NULL;
}

/* Up to the answer. */
static int begin(int64_t when)
{
	struct buf b = BUF_INIT(FRAME_MAX);
	struct request r;
	struct heard e;
	int rc;

	end();
	host = host_new();
	if ((rc = guest_login(&guest, &b, key, "alice", "secret", when)) == 0 &&
	    (rc = host_take(host, &r, key, NOW, b.data, b.len)) == 0) {
		ok(r.action == HOST_LOGIN && strcmp(r.login.name, "alice") == 0 &&
		        strcmp(r.login.password, "secret") == 0,
		    "the login is read");
		buf_clear(&b);
		if ((rc = host_admit(host, &b, 42)) == 0)
			rc = guest_take(guest, &e, b.data, b.len);
	}
	buf_free(&b);
	return rc;
}

static void logins(void)
{
	is_int(begin(NOW), 0, "both ends log in");
	is_int((long long)guest_uid(guest), 42, "the client knows its id");
	is_int(begin(NOW + LOGIN_SKEW), 0, "a clock 120 s ahead");
	is_int(begin(NOW + LOGIN_SKEW + 1), MP_EBAD, "and no more");
	is_int(begin(NOW - LOGIN_SKEW), 0, "120 s behind");
	is_int(begin(NOW - LOGIN_SKEW - 1), MP_EBAD, "and no more");
	end();
	is_int(guest_login(&guest, &(struct buf)BUF_INIT(9999), key, "Alice", "x", NOW), MP_EUSAGE,
	    "a name that is none");
	is_int(guest_login(&guest, &(struct buf)BUF_INIT(9999), key, "alice", "a\nb", NOW),
	    MP_EUSAGE, "a password of two lines");
	guest = NULL;
}

static int server_takes(const struct buf *b, enum host_action *a)
{
	struct request r;
	int rc = host_take(host, &r, key, NOW, b->data, b->len);

	*a = r.action;
	return rc;
}

/* Each bit of a frame, one after another; then the frame itself. */
static void bits(void)
{
	struct buf b = BUF_INIT(FRAME_MAX);
	enum host_action a;
	int taken = 0;

	begin(NOW);
	guest_send(guest, &b, FRAME_MSG_REQ, 7, "\0\0\0\0\0\0\0\1x", 9);
	for (size_t i = 0; i < b.len * 8; i++) {
		b.data[i / 8] ^= (uint8_t)(1 << i % 8);
		taken += server_takes(&b, &a) == 0;
		b.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	is_int(taken, 0, "no frame with a wrong bit is taken");
	is_int(server_takes(&b, &a), 0, "the right one is, for nothing changed");
	is_int(server_takes(&b, &a), MP_EBAD, "once");
	buf_free(&b);
}

static void lengths(void)
{
	struct buf b = BUF_INIT(2 * FRAME_MAX), text = BUF_INIT(FRAME_MAX);
	enum host_action a;
	size_t size;

	begin(NOW);
	buf_reserve(&text, FRAME_PAYLOAD + 1);
	memset(text.data, 'x', FRAME_PAYLOAD + 1);
	is_int(guest_send(guest, &b, FRAME_STATUS_REQ, 7, text.data, FRAME_PAYLOAD + 1), MP_ELIMIT,
	    "a payload too long");
	is_int(
	    guest_send(guest, &b, FRAME_STATUS_REQ, 7, text.data, FRAME_PAYLOAD), 0, "the longest");
	is_int((long long)b.len, FRAME_MAX, "is a frame of 65,535 bytes");
	is_int(frame_next(b.data, b.len - 1, &size), 0, "1 byte short is not whole");
	is_int(frame_next(b.data, b.len, &size), 1, "whole");
	is_int(server_takes(&b, &a), 0, "and taken");
	is_int(frame_next((const uint8_t *)"\1", 1, &size), 0, "the first byte of the version");
	is_int(frame_next((const uint8_t *)"\2", 1, &size), MP_EBAD, "another version, at once");
	buf_free(&b);
	buf_free(&text);
}

/* Twice through all numbers, each way. */
static void renewal(void)
{
	struct buf b = BUF_INIT(FRAME_MAX);
	struct request r;
	struct heard e;
	int bad = 0;

	begin(NOW);
	for (int i = 0; i < 140000; i++) {
		buf_clear(&b);
		bad += guest_send(guest, &b, FRAME_STATUS_REQ, 0, NULL, 0) != 0 ||
		       host_take(host, &r, key, NOW, b.data, b.len) != 0;
		buf_clear(&b);
		bad += host_send(host, &b, FRAME_STATUS_RES, 0, 0, "x", 1) != 0 ||
		       guest_take(guest, &e, b.data, b.len) != 0;
	}
	is_int(bad, 0, "140,000 frames each way");
	buf_free(&b);
}

static void order(void)
{
	uint8_t zero[32] = {0};
	struct link *one = link_new(zero), *two = link_new(zero);
	struct buf first = BUF_INIT(999), second = BUF_INIT(999), plain = BUF_INIT(999);
	struct frame f = {.type = FRAME_STATUS_REQ};

	link_seal(&first, one, &f, "1", 1);
	link_seal(&second, one, &f, "2", 1);
	is_int(
	    link_open(two, &f, &plain, second.data, second.len, 0), 0, "a number may be left out");
	is_int(link_open(two, &f, &plain, first.data, first.len, 0), MP_EBAD,
	    "an older one is refused");
	is_int(
	    link_open(two, &f, &plain, second.data, second.len, 0), MP_EBAD, "an equal one, too");
	link_free(one);
	link_free(two);
	buf_free(&first);
	buf_free(&second);
	buf_free(&plain);
}

static void keys(void)
{
	struct buf text = BUF_INIT(4096), pem = BUF_INIT(16384);
	struct serverkey *again = NULL;
	char a[FINGERPRINT_TEXT], b[FINGERPRINT_TEXT];
	uint8_t secret[32] = {7}, wrapped[SERVERKEY_WRAPPED], out[32];

	serverkey_public(&text, key);
	is_int(serverkey_from_public(&again, (const char *)text.data, text.len), 0,
	    "a public key is read");
	serverkey_fingerprint(a, key);
	serverkey_fingerprint(b, again);
	is_str(b, a, "and has the same fingerprint");
	serverkey_wrap(wrapped, again, secret);
	is_int(serverkey_unwrap(out, key, wrapped), 0, "what it wraps opens");
	ok(memcmp(out, secret, 32) == 0, "and is the same");
	wrapped[5] ^= 1;
	is_int(serverkey_unwrap(out, key, wrapped), MP_EBAD, "one bit wrong does not");
	serverkey_free(again);
	text.data[text.len - 10] ^= 1;
	is_int(serverkey_from_public(&again, (const char *)text.data, 100), MP_EBAD,
	    "half a key is none");
	serverkey_write(&pem, key);
	is_int(serverkey_read(&again, &pem), 0, "the private one is read back");
	serverkey_free(again);
	buf_free(&text);
	buf_free(&pem);
}

int main(void)
{
	secret_init();
	if (serverkey_new(&key) != 0)
		return 1;
	logins();
	bits();
	lengths();
	renewal();
	order();
	keys();
	end();
	serverkey_free(key);
	return done();
}
