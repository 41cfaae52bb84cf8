/*
 * world: a home of its own in a temporary directory, with its store and receiver, and peers who
 * exist only as keys in memory, so that a test can send whatever a peer could.
 */
#ifndef MP_TESTS_WORLD_H
#define MP_TESTS_WORLD_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "node/receiver.h"
#include "store/message.h"
#include "store/queue.h"
#include "store/transfer.h"

struct world {
	char home[64];
	struct store *s;
	struct receiver *r;
	struct config cfg;
	struct identity *self;
};

struct peer {
	struct identity *id;
	int64_t row, key_row;
	uint8_t cid[32], secret[32];
	uint8_t send[32], recv[32]; /* as the peer names them: send is the peer's to us */
};

__attribute__((unused)) static void need(int good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s: %s\n", what, err_detail());
	exit(99);
}

static int world_unlink(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static struct world *world_now;

/* At exit too, but no more than that: the keys are wiped by then. */
static void world_remove(void)
{
	if (world_now != NULL)
		nftw(world_now->home, world_unlink, 16, FTW_DEPTH | FTW_PHYS);
	world_now = NULL;
}

__attribute__((unused)) static void world_close(void)
{
	struct world *w = world_now;

	if (w == NULL)
		return;
	receiver_free(w->r);
	store_close(w->s);
	identity_free(w->self);
	world_remove();
}

/* The directory alone. */
__attribute__((unused)) static void world_home(struct world *w)
{
	const char *tmp = getenv("TMPDIR");

	memset(w, 0, sizeof(*w));
	snprintf(w->home, sizeof(w->home), "%.40s/mp-world.XXXXXX", tmp != NULL ? tmp : "/tmp");
	need(mkdtemp(w->home) != NULL, "mkdtemp");
	setenv("MP_HOME", w->home, 1);
	secret_init();
	world_now = w;
	atexit(world_remove);
	config_defaults(&w->cfg);
}

__attribute__((unused)) static void world_open(struct world *w)
{
	world_home(w);
	need(identity_new(&w->self) == 0 && store_create() == 0 && identity_write(w->self) == 0 &&
	         store_open(&w->s) == 0 && receiver_new(&w->r, w->s, &w->cfg) == 0,
	    "no world");
}

/* Somebody new and a secret that he shares with us: as yet we do not know him. */
__attribute__((unused)) static void peer_new(struct world *w, struct peer *p)
{
	memset(p, 0, sizeof(*p));
	need(identity_new(&p->id) == 0, "identity");
	randombytes_buf(p->cid, sizeof(p->cid));
	randombytes_buf(p->secret, sizeof(p->secret));
	need(kdf_pair(p->send, p->recv, p->id, w->self->key, p->secret, p->cid) == 0, "pair");
}

static void peer_add_key(struct world *w, struct peer *p, enum key_role role, int64_t expires)
{
	struct contact_key k = {
	    .contact = p->row, .role = role, .has_recv = true, .expires = expires};

	memcpy(k.cid, p->cid, 32);
	memcpy(k.secret, p->secret, 32);
	if (role == KEY_PAIR) {
		k.has_send = true;
		memcpy(k.send, p->recv, 32);
		memcpy(k.recv, p->send, 32);
	} else {
		need(kdf_offer(k.recv, p->secret, p->cid, w->self->key) == 0, "offer key");
	}
	need(key_add(w->s, &k) == 0, "key_add");
	p->key_row = k.row;
}

/* Our contact: active or pending with a pair's key, or offered with the offer's. */
__attribute__((unused)) static void peer_meet(
    struct world *w, struct peer *p, const char *name, enum contact_state state, int64_t expires)
{
	struct contact c = {.state = state, .has_onion = state != CONTACT_OFFERED};

	peer_new(w, p);
	snprintf(c.name, sizeof(c.name), "%s", name);
	memcpy(c.onion, p->id->key, 32);
	need(contact_add(w->s, &c, clock_now()) == 0, "contact_add");
	p->row = c.row;
	peer_add_key(w, p, state == CONTACT_OFFERED ? KEY_OFFER : KEY_PAIR, expires);
}

/* A wire message with a new id. */
__attribute__((unused)) static struct wire wire_make(enum wire_type t)
{
	struct wire w = {.type = t, .time = clock_now()};

	randombytes_buf(w.id, sizeof(w.id));
	return w;
}

__attribute__((unused)) static void seal_with(
    struct buf *out, const uint8_t key[32], const uint8_t cid[32], const struct wire *w)
{
	struct buf header = BUF_INIT(ENVELOPE_MAX);

	buf_clear(out);
	need(wire_encode(&header, w) == 0, "wire_encode");
	need(envelope_seal(out, key, cid, header.data, header.len, w->body, w->blen) == 0, "seal");
	buf_free(&header);
}

__attribute__((unused)) static void peer_seal(struct buf *out, struct peer *p, const struct wire *w)
{
	seal_with(out, p->send, p->cid, w);
}

/* p's initial-contact for the card that `card` stands for, under the offer's key. */
__attribute__((unused)) static void peer_greet(struct world *w, struct buf *out,
    const struct peer *card, const struct identity *who, const uint8_t id[16], const char *nickname)
{
	struct wire g = wire_make(WIRE_INITIAL_CONTACT);
	uint8_t send[32], recv[32], offer[32];

	memcpy(g.id, id, sizeof(g.id));
	need(kdf_pair(send, recv, who, w->self->key, card->secret, card->cid) == 0, "pair");
	need(kdf_offer(offer, card->secret, card->cid, w->self->key) == 0, "offer");
	memcpy(g.u.initial.sender, who->key, 32);
	kdf_proof(g.u.initial.proof, send, g.id);
	g.u.initial.nickname = nickname;
	seal_with(out, offer, card->cid, &g);
}

/* Takes it and forgets a reply. */
__attribute__((unused)) static struct received take_via(
    struct world *w, const void *data, size_t len, enum receive_via via)
{
	struct received got;

	(void)receiver_take(w->r, data, len, via, &got);
	return got;
}

__attribute__((unused)) static struct received take(struct world *w, const struct buf *b)
{
	return take_via(w, b->data, b->len, VIA_REQUEST);
}

/* What a peer reads in a reply. */
__attribute__((unused)) static int peer_open(
    struct peer *p, const struct buf *reply, struct buf *plain, struct wire *w)
{
	struct envelope e;
	int rc = envelope_open(&e, plain, reply->data, reply->len, p->recv, p->cid);

	return rc != 0 ? rc : wire_decode(w, &e);
}

/* A hash of every row of every table but what only counts what was sealed. */
static void dump_table(sqlite3 *db, const char *table, crypto_generichash_state *st)
{
	char sql[200];
	sqlite3_stmt *q;

	snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\" ORDER BY 1, 2", table);
	need(sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK, sql);
	while (sqlite3_step(q) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(q); i++) {
			const uint8_t *blob = sqlite3_column_blob(q, i);
			int n = sqlite3_column_bytes(q, i);

			crypto_generichash_update(st, (const uint8_t *)&n, sizeof(n));
			if (n > 0)
				crypto_generichash_update(st, blob, (unsigned long long)n);
		}
	}
	sqlite3_finalize(q);
}

struct dump {
	char hex[65];
};

/* The whole store, so that "no effect" can be seen. */
__attribute__((unused)) static struct dump world_dump(struct world *w)
{
	crypto_generichash_state st;
	sqlite3_stmt *tables;
	struct dump d;
	uint8_t hash[32];
	sqlite3 *db;
	char path[100];

	snprintf(path, sizeof(path), "%s/store.db", w->home);
	crypto_generichash_init(&st, NULL, 0, sizeof(hash));
	need(sqlite3_open(path, &db) == SQLITE_OK, path);
	sqlite3_busy_timeout(db, 10000);
	need(sqlite3_prepare_v2(db,
	         "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name", -1, &tables,
	         NULL) == SQLITE_OK,
	    "tables");
	while (sqlite3_step(tables) == SQLITE_ROW)
		dump_table(db, (const char *)sqlite3_column_text(tables, 0), &st);
	sqlite3_finalize(tables);
	sqlite3_close(db);
	crypto_generichash_final(&st, hash, sizeof(hash));
	hex_encode(d.hex, hash, sizeof(hash));
	return d;
}

/* A change that no function of the store makes. */
__attribute__((unused)) static int world_run(struct world *w, const char *sql)
{
	char path[100];
	sqlite3 *db;
	int rc;

	snprintf(path, sizeof(path), "%s/store.db", w->home);
	need(sqlite3_open(path, &db) == SQLITE_OK, path);
	sqlite3_busy_timeout(db, 10000);
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
	return rc;
}

/* One number of the store. */
__attribute__((unused)) static long long world_count(struct world *w, const char *sql)
{
	char path[100];
	sqlite3_stmt *q;
	sqlite3 *db;
	long long n = -1;

	snprintf(path, sizeof(path), "%s/store.db", w->home);
	need(sqlite3_open(path, &db) == SQLITE_OK, path);
	sqlite3_busy_timeout(db, 10000);
	need(sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK, sql);
	if (sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return n;
}

#endif
