/*
 * Audits: a packet that looks like any other is posted to one peer alone, as a client would, on a
 * connection of its own; a relay that works passes it on, and it comes back to us through the mesh.
 */
#include "node/mesher_link.h"

#include <string.h>

#include <sodium.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "mesh/audit.h"
#include "mesh/chance.h"
#include "mesh/letter.h"

static int load_pseudonym(struct mesher *m, int64_t peer, struct rsa_key **k)
{
	struct buf pem = BUF_INIT(8192);
	int rc = relay_peer_pseudonym(m->r->s, peer, &pem);

	if (rc == 0)
		rc = rsa_read(k, pem.data, pem.len);
	buf_free(&pem);
	return rc;
}

/* To any of our pseudonyms: a peer by whom all packets to one of them come would know audits. */
static int draw_pseudonym(struct mesher *m, struct rsa_key **k)
{
	size_t at = randombytes_uniform((uint32_t)m->n);

	while (m->link[at].gone) /* who is audited is not */
		at = (at + 1) % m->n;
	return load_pseudonym(m, m->link[at].peer, k);
}

/* Of the size of every small packet. */
static int make_packet(struct mesher *m, struct task *t)
{
	struct buf noise = BUF_INIT(1024);
	struct rsa_key *pseudonym = NULL;
	struct packet p;
	struct letter letter;
	json_t *o = NULL;
	uint8_t bytes[600];
	int rc;

	packet_init(&p);
	letter_init(&letter);
	randombytes_buf(bytes, sizeof(bytes));
	randombytes_buf(letter.uuid, sizeof(letter.uuid));
	letter.time = clock_now();
	if ((rc = draw_pseudonym(m, &pseudonym)) == 0 &&
	    (rc = base64_encode(&noise, bytes, sizeof(bytes))) == 0 &&
	    (rc = buf_add(&letter.content, noise.data, noise.len)) == 0 &&
	    (rc = letter_seal(&p, rsa_der(pseudonym), rsa_der(m->sealed_to), pseudonym, &letter)) ==
	        0) {
		/* Who writes to a contact has a token: who drops such packets only is found, too.
		 */
		randombytes_buf(p.token, sizeof(p.token));
		p.has_token = true;
		packet_whole(t->hash, &p);
		if ((rc = packet_write(&o, &p)) == 0)
			rc = json_write(&t->body, o);
	}
	json_decref(o);
	rsa_free(pseudonym);
	letter_free(&letter);
	packet_free(&p);
	buf_free(&noise);
	return rc;
}

/* It may come back before its post is answered: so it is known before. */
static int start(struct mesher *m, struct link *l)
{
	struct task *t = task_new(m, l);
	uint8_t isolation[16];
	int rc;

	if (t == NULL)
		return MP_ENOMEM;
	t->audit = true;
	randombytes_buf(isolation, sizeof(isolation));
	if ((rc = make_packet(m, t)) == 0 &&
	    (rc = relay_audit_add(m->r->s, t->hash, l->peer)) == 0 &&
	    (rc = client_request(m->client, l->server, isolation, "POST", "/packets", t->body.data,
	         t->body.len, true, t)) == 0)
		return 0;
	task_free(m, t);
	return rc;
}

static int schedule(struct mesher *m, struct link *l, int64_t now)
{
	struct relay_peer p;
	bool due;
	int rc = relay_peer_get(m->r->s, &p, l->server);

	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	if (p.audit > now)
		return 0;
	due = p.audit != 0;
	p.audit = now + chance_wait(m->r->cfg.audit_every, chance_random, NULL) + 1;
	if ((rc = relay_peer_update(m->r->s, &p)) != 0)
		return rc;
	/* One at a time. */
	if (!due || (rc = relay_audit_pending(m->r->s, l->peer)) != MP_ENONE)
		return rc;
	return start(m, l);
}

int audits_start(struct mesher *m, int64_t now)
{
	int rc = 0;

	for (size_t i = 0; i < m->n && rc == 0; i++)
		if (!m->link[i].gone)
			rc = schedule(m, &m->link[i], now);
	return rc;
}

int audits_resume(struct mesher *m)
{
	const struct relay_config *cfg = &m->r->cfg;

	return relay_audit_resume(
	    m->r->s, clock_now() + audit_grace(cfg->audit_patience, cfg->again_first));
}

/*
 * Whoever is not there, or has no room, is not judged.  The time until it is decided, when we also
 * acknowledge, is drawn, so that it does not mark the packet as ours.
 */
int audit_answered(struct mesher *m, struct task *t, const struct post_result *r)
{
	const struct relay_config *cfg = &m->r->cfg;
	int64_t now = clock_now(), until = 0;
	int rc;

	/* It is sound: who calls it malformed, or says what is no answer, is at fault. */
	if (r->status == 200 || r->status == 400 || strcmp(r->code, "reply") == 0) {
		rc = relay_audit_set(m->r->s, t->hash, 0);
		return rc != 0 ? rc : link_garbage(m, t->link);
	}
	if (r->status == 204) {
		until =
		    now + audit_wait(cfg->audit_patience, cfg->again_first, chance_random, NULL);
		t->link->audited = now;
		t->link->waited = false;
	}
	return relay_audit_set(m->r->s, t->hash, until);
}

/* Whose box it is in. MP_ENONE: he was dropped. */
static int find_pseudonym(struct mesher *m, const struct relay_packet *p, struct rsa_key **k)
{
	uint8_t box[32];
	int rc = MP_ENONE;

	*k = NULL;
	for (size_t i = 0; rc == MP_ENONE && i < m->n; i++) {
		rc = m->link[i].gone ? MP_ENONE : load_pseudonym(m, m->link[i].peer, k);
		if (rc != 0)
			continue;
		packet_box(box, rsa_der(*k));
		if (memcmp(box, p->box, sizeof(box)) != 0) {
			rsa_free(*k);
			*k = NULL;
			rc = MP_ENONE;
		}
	}
	return rc;
}

/* By its id, as the packet that came has it. */
static int acknowledge(struct mesher *m, const uint8_t hash[static PACKET_ID])
{
	struct relay_packet p;
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	struct rsa_key *pseudonym = NULL;
	struct ack a = {.n = 1};
	json_t *o = NULL;
	bool fresh = false;
	int64_t now = clock_now();
	int rc = relay_packet_get(m->r->s, &p, hash);

	if (rc == 0 && (rc = find_pseudonym(m, &p, &pseudonym)) == 0) {
		memcpy(a.id[0], p.name, PACKET_ID);
		memcpy(a.key, rsa_der(pseudonym), RSA_DER);
		/* Always the same device, as a person's would be. */
		memcpy(a.device, rsa_der(pseudonym) + 40, MESH_DEVICE);
		rc = ack_write(&text, &a, pseudonym, now);
	}
	if (rc == 0 && (rc = json_read(&o, (const char *)text.data, text.len)) == 0)
		rc = relay_take_ack(m->r, &a, o, 0, now, &fresh);
	json_decref(o);
	rsa_free(pseudonym);
	buf_free(&text);
	return rc == MP_ENONE ? 0 : rc;
}

static void count_others(const struct mesher *m, const struct link *l, struct audit_look *look)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct link *o = &m->link[i];

		if (o == l || o->gone || o->black || o->last == AUDIT_WAIT)
			continue;
		look->others++;
		look->others_lost += o->last == AUDIT_LOST;
	}
}

static int observe(struct mesher *m, struct relay_peer *p, bool came, int64_t now,
    const uint8_t hash[static PACKET_ID])
{
	int rc = relay_observe(m->r, p, came ? SAW_DELIVERED : SAW_LOST, now);

	return rc == 0 && came ? acknowledge(m, hash) : rc;
}

static int judge(
    struct mesher *m, struct link *l, bool came, int64_t now, const uint8_t hash[static PACKET_ID])
{
	const struct relay_config *cfg = &m->r->cfg;
	struct audit_look look = {.came = came,
	    .failing = l->failures > 0 && !l->black,
	    .waited = l->waited,
	    .posted = l->audited,
	    .now = now};
	enum audit_outcome outcome;
	struct relay_peer p;
	int rc;

	if ((rc = relay_peer_get(m->r->s, &p, l->server)) != 0)
		return rc;
	look.seen = p.seen;
	count_others(m, l, &look);
	outcome = audit_judge(&look, &l->waited);
	if (outcome == AUDIT_WAIT)
		return relay_audit_set(
		    m->r->s, hash, now + audit_grace(cfg->audit_patience, cfg->again_first));
	l->last = outcome == AUDIT_CAME ? AUDIT_CAME : AUDIT_LOST;
	if ((rc = relay_audit_set(m->r->s, hash, 0)) != 0)
		return rc;
	if (outcome == AUDIT_VOID)
		return relay_log(m->r->s, l->server, now, "an audit was lost, as most are");
	return observe(m, &p, outcome == AUDIT_CAME, now, hash);
}

static int decide_one(
    struct mesher *m, const uint8_t hash[static PACKET_ID], int64_t row, bool came, int64_t now)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->link[i].peer == row && !m->link[i].gone)
			return judge(m, &m->link[i], came, now, hash);
	return relay_audit_set(m->r->s, hash, 0);
}

int audits_decide(struct mesher *m, int64_t now)
{
	uint8_t hash[PACKET_ID];
	int64_t row;
	bool came;
	int rc;

	while ((rc = relay_audit_due(m->r->s, hash, &row, &came, now)) == 0) {
		if ((rc = relay_begin(m->r->s)) != 0)
			return rc;
		if ((rc = relay_end(m->r->s, decide_one(m, hash, row, came, now))) != 0 &&
		    rc != MP_ENONE)
			return rc;
	}
	return rc == MP_ENONE ? 0 : rc;
}
