/* The relay's peers, the votes on them, and audits under way. */
#include "base/err.h"
#include "store/relay.h"
#include "store/side.h"

#define PEER_COLUMNS \
	"id, handed, added, seen, score, audit, audits, lost, reported, server, vote, black"

static void fill(struct relay_peer *p, sqlite3_stmt *st)
{
	p->row = sqlite3_column_int64(st, 0);
	p->handed = sqlite3_column_int64(st, 1);
	p->added = sqlite3_column_int64(st, 2);
	p->seen = sqlite3_column_int64(st, 3);
	p->score = sqlite3_column_int64(st, 4);
	p->audit = sqlite3_column_int64(st, 5);
	p->audits = sqlite3_column_int64(st, 6);
	p->lost = sqlite3_column_int64(st, 7);
	p->reported = sqlite3_column_int64(st, 8);
	sql_bytes(st, 9, p->server, 32);
	p->vote = sqlite3_column_int(st, 10);
	p->black = sqlite3_column_int(st, 11) != 0;
}

/* What was here before is not handed over: the newcomer's own people flood theirs again. */
int relay_peer_add(struct store *s, const uint8_t server[static 32], const void *pseudonym,
    size_t len, int64_t now)
{
	int64_t n = 0;
	int rc;

	if ((rc = sql_int(s, &n, "SELECT count(*) FROM peer", "")) < 0)
		return rc;
	if (n >= RELAY_PEERS)
		return err_set(MP_ELIMIT, "as many peers as there may be");
	rc = sql_exec(s,
	    "INSERT INTO peer (server, added, handed, pseudonym)"
	    " SELECT ?, ?, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'flood'), 0), ?",
	    "kib", server, now, pseudonym, len);

	return rc == MP_EEXIST ? err_set(rc, "this server is accepted already") : rc;
}

int relay_peer_remove(struct store *s, const uint8_t server[static 32])
{
	int rc;

	if ((rc = relay_begin(s)) != 0)
		return rc;
	if ((rc = sql_exec(s, "DELETE FROM vote WHERE about = ?1 OR voter = ?1", "k", server)) ==
	        0 &&
	    (rc = sql_exec(s, "DELETE FROM peer WHERE server = ?", "k", server)) == 0 &&
	    store_changes(s) == 0)
		rc = err_set(MP_ENONE, "this server is not accepted");
	return relay_end(s, rc);
}

int relay_peer_get(struct store *s, struct relay_peer *p, const uint8_t server[static 32])
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT " PEER_COLUMNS " FROM peer WHERE server = ?", "k", server);

	if (rc <= 0)
		return rc < 0 ? rc : MP_ENONE;
	fill(p, st);
	sql_done(st);
	return 0;
}

int relay_peer_each(struct store *s, int (*fn)(void *ctx, const struct relay_peer *p), void *ctx)
{
	struct relay_peer p;
	sqlite3_stmt *st;
	int rc = sql_query(s, &st, "SELECT " PEER_COLUMNS " FROM peer ORDER BY id", "");

	while (rc == 0 && (rc = store_step(s, st)) == 1) {
		fill(&p, st);
		if ((rc = fn(ctx, &p)) != 0)
			sql_done(st);
	}
	return rc;
}

int relay_peer_pseudonym(struct store *s, int64_t row, struct buf *pem)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT pseudonym FROM peer WHERE id = ?", "i", row);

	if (rc <= 0)
		return rc < 0 ? rc : MP_ENONE;
	rc = sql_buf(st, 0, pem);
	sql_done(st);
	return rc;
}

int relay_peer_handed(struct store *s, int64_t row, int64_t last, int64_t now)
{
	return sql_exec(s, "UPDATE peer SET handed = max(handed, ?), seen = ? WHERE id = ?", "iii",
	    last, now, row);
}

int relay_peer_update(struct store *s, const struct relay_peer *p)
{
	return sql_exec(s,
	    "UPDATE peer SET score = ?, audit = ?, audits = ?, lost = ?, reported = ?, vote = ?,"
	    " black = ? WHERE id = ?",
	    "iiiiiddi", p->score, p->audit, p->audits, p->lost, p->reported, p->vote, (int)p->black,
	    p->row);
}

static void fill_vote(struct relay_vote *v, sqlite3_stmt *st)
{
	sql_bytes(st, 0, v->about, 32);
	sql_bytes(st, 1, v->voter, 32);
	v->value = sqlite3_column_int(st, 2);
	v->day = sqlite3_column_int64(st, 3);
	sql_bytes(st, 4, v->signature, 64);
}

int relay_vote_get(struct store *s, struct relay_vote *v)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT about, voter, value, day, signature FROM vote WHERE about = ? AND voter = ?",
	    "kk", v->about, v->voter);

	if (rc <= 0)
		return rc < 0 ? rc : MP_ENONE;
	fill_vote(v, st);
	sql_done(st);
	return 0;
}

int relay_vote_put(struct store *s, const struct relay_vote *v)
{
	return sql_exec(s, "INSERT OR REPLACE INTO vote VALUES (?, ?, ?, ?, ?)", "kkdib", v->about,
	    v->voter, v->value, v->day, v->signature, sizeof v->signature);
}

int relay_vote_each(struct store *s, const uint8_t about[static 32],
    int (*fn)(void *ctx, const struct relay_vote *v), void *ctx)
{
	struct relay_vote v;
	sqlite3_stmt *st;
	int rc = sql_query(s, &st,
	    "SELECT about, voter, value, day, signature FROM vote WHERE about = ?", "k", about);

	while (rc == 0 && (rc = store_step(s, st)) == 1) {
		fill_vote(&v, st);
		if ((rc = fn(ctx, &v)) != 0)
			sql_done(st);
	}
	return rc;
}

#define UNPOSTED INT64_MAX

int relay_audit_add(struct store *s, const uint8_t hash[static 32], int64_t peer)
{
	return sql_exec(s, "INSERT INTO audit (hash, peer, until) VALUES (?, ?, ?)", "kii", hash,
	    peer, UNPOSTED);
}

int relay_audit_set(struct store *s, const uint8_t hash[static 32], int64_t until)
{
	if (until == 0)
		return sql_exec(s, "DELETE FROM audit WHERE hash = ?", "k", hash);
	return sql_exec(s, "UPDATE audit SET until = ? WHERE hash = ?", "ik", until, hash);
}

int relay_audit_resume(struct store *s, int64_t until)
{
	int rc;

	if ((rc = relay_begin(s)) != 0)
		return rc;
	if ((rc = sql_exec(s, "DELETE FROM audit WHERE until = ?", "i", UNPOSTED)) == 0)
		rc = sql_exec(s, "UPDATE audit SET until = ?1 WHERE until < ?1", "i", until);
	return relay_end(s, rc);
}

int relay_audit_pending(struct store *s, int64_t peer)
{
	int64_t n;
	int rc = sql_int(s, &n, "SELECT 1 FROM audit WHERE peer = ? LIMIT 1", "i", peer);

	return rc == 1 ? 0 : rc == 0 ? MP_ENONE : rc;
}

#define CAME_CUT (-1)

int relay_audit_came(struct store *s, const uint8_t hash[static 32], int64_t from, bool cut)
{
	int rc = sql_exec(s,
	    "UPDATE audit SET came = CASE WHEN peer = ?1 AND ?2 THEN ?3 WHEN came = ?3 THEN came"
	    " ELSE 1 END WHERE hash = ?4",
	    "iddk", from, (int)cut, CAME_CUT, hash);

	return rc != 0 ? rc : store_changes(s) > 0 ? 0 : MP_ENONE;
}

int relay_audit_due(
    struct store *s, uint8_t hash[static 32], int64_t *peer, bool *came, int64_t now)
{
	sqlite3_stmt *st;
	int rc = sql_row(
	    s, &st, "SELECT hash, peer, came FROM audit WHERE until <= ? LIMIT 1", "i", now);

	if (rc <= 0)
		return rc < 0 ? rc : MP_ENONE;
	sql_bytes(st, 0, hash, 32);
	*peer = sqlite3_column_int64(st, 1);
	*came = sqlite3_column_int(st, 2) > 0;
	sql_done(st);
	return 0;
}
