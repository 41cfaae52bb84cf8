#include "node/poster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/envelope.h"
#include "node/courier.h"
#include "node/meshcall.h"
#include "store/contact.h"

#define AT_ONCE 8

/* A record under way, without its body. */
struct parcel {
	bool used;
	struct record rec;
};

struct poster {
	struct store *s;
	const struct poster_options *o;
	struct client *client;
	struct courier *courier;
	struct buf envelope;
	struct parcel parcel[AT_ONCE];
	size_t active;
	int status;
};

static int report(
    struct poster *p, struct record *rec, bool taken, const char *code, const char *reason)
{
	int rc = 0;

	rec->class = taken ? CLASS_SENT : CLASS_FAILED;
	snprintf(rec->ref, sizeof(rec->ref), "%s", code);
	buf_clear(&rec->body);
	rec->has_body = !taken;
	if (!taken)
		rc = buf_adds(&rec->body, reason);
	return rc != 0 ? rc : p->o->report(p->o->ctx, rec);
}

static int later(struct poster *p, struct record *rec, const char *code, const char *reason)
{
	p->status = err_worse(p->status, EXIT_TEMPORARY);
	return report(p, rec, false, code, reason);
}

/* Waits until one is at its end. */
static int wait_one(struct poster *p)
{
	struct courier_end end;
	struct post_result r;
	struct parcel *q;
	int rc;

	do {
		if ((rc = client_poll(p->client, &r, NULL, 0, 60000)) == 1)
			rc = courier_result(p->courier, &r, &end);
	} while (rc == 0);
	if (rc != 1)
		return rc < 0 ? rc : err_set(MP_ESYS, "an answer that nobody asked for");
	q = end.tag;
	q->used = false;
	p->active--;
	return end.taken ? report(p, &q->rec, true, "mesh", NULL)
	                 : later(p, &q->rec, end.code, end.reason);
}

static struct parcel *place(struct poster *p)
{
	for (size_t i = 0; i < AT_ONCE; i++)
		if (!p->parcel[i].used)
			return &p->parcel[i];
	return NULL;
}

static void copy_head(struct record *to, const struct record *from)
{
	struct buf body = to->body;

	*to = *from;
	to->body = body;
}

static int bad(struct poster *p, const struct record *rec, const char *why)
{
	char id[2 * RECORD_ID + 1] = "-", line[300];

	if (rec->has_id)
		hex_encode(id, rec->id, RECORD_ID);
	snprintf(line, sizeof(line), "cannot post %s: %s", id, why);
	p->o->problem(p->o->ctx, line);
	p->status = err_worse(p->status, EXIT_PERMANENT);
	return 0;
}

static int give(struct poster *p, const struct record *rec)
{
	struct parcel *q = place(p);
	struct contact c;
	int rc;

	if (rec->class != CLASS_SEALED)
		return bad(p, rec, "it is not sealed");
	if (rec->contact[0] == '\0')
		return bad(p, rec, "it names no contact");
	if ((rc = contact_get(p->s, &c, rec->contact)) == MP_ENONE || (rc == 0 && c.blocked))
		return bad(p, rec, rc == 0 ? "the contact is blocked" : err_detail());
	buf_clear(&p->envelope);
	if (rc == 0 &&
	    base64_decode(&p->envelope, (const char *)rec->body.data, rec->body.len) != 0)
		return bad(p, rec, "its body is no base64");
	if (rc != 0)
		return rc;
	copy_head(&q->rec, rec);
	rc = courier_start(p->courier, c.row, p->envelope.data, p->envelope.len, q);
	if (rc == MP_ENONE)
		return later(p, &q->rec, "address", err_detail());
	if (rc == MP_ELIMIT)
		return bad(p, rec, err_detail());
	if (rc == 0) {
		q->used = true;
		p->active++;
	}
	return rc;
}

static int run(struct poster *p)
{
	struct record_reader in;
	struct record *rec;
	int got, rc = 0;

	record_reader_init(&in, p->o->input, p->o->input_name);
	while (rc == 0 && (got = record_read(&in, &rec)) != 0) {
		if (got == MP_EBAD || got == MP_ELIMIT) {
			p->o->problem(p->o->ctx, err_detail());
			p->status = err_worse(p->status, EXIT_PERMANENT);
		} else if (got < 0) {
			rc = got;
		} else if ((rc = give(p, rec)) == 0 && p->active == AT_ONCE) {
			rc = wait_one(p);
		}
	}
	while (rc == 0 && p->active > 0)
		rc = wait_one(p);
	if (rc == 0 && in.number == 0)
		p->status = EXIT_NO;
	record_reader_free(&in);
	return rc;
}

int poster_run(struct store *s, const struct poster_options *o, int *status)
{
	struct poster *p = calloc(1, sizeof(*p));
	int rc;

	*status = EXIT_DONE;
	if (p == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	p->s = s;
	p->o = o;
	p->envelope = (struct buf)BUF_INIT(ENVELOPE_MAX);
	for (size_t i = 0; i < AT_ONCE; i++)
		record_init(&p->parcel[i].rec);
	if ((rc = meshcall_client(&p->client, o->timeout)) == 0 &&
	    (rc = courier_new(&p->courier, s, p->client)) == 0)
		rc = run(p);
	*status = p->status;
	courier_free(p->courier);
	client_free(p->client);
	for (size_t i = 0; i < AT_ONCE; i++)
		record_free(&p->parcel[i].rec);
	buf_free(&p->envelope);
	free(p);
	return rc;
}
