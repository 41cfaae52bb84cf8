/* The tokens by which contacts and we ourselves may post to us, registered at a relay. */
#include "node/visit.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "mesh/token.h"
#include "store/letterbox.h"

#define AHEAD 8 /* days whose tokens are registered */

/* In any order, or it would tell a relay which are of one contact. */
static void shuffle(struct tokens *k)
{
	uint8_t one[TOKEN_KEY];

	for (size_t left = k->n; left > 1; left--) {
		size_t i = randombytes_uniform((uint32_t)left);

		memcpy(one, k->token[i], TOKEN_KEY);
		memcpy(k->token[i], k->token[left - 1], TOKEN_KEY);
		memcpy(k->token[left - 1], one, TOKEN_KEY);
	}
	secret_wipe(one, sizeof(one));
}

static int post_tokens(struct visit *t, struct tokens *k)
{
	struct buf body = BUF_INIT(MESH_BODY_MAX);
	json_t *o = NULL;
	int rc;

	if (k->n == 0)
		return 0;
	memcpy(k->server, t->v.onion, ONION_KEY);
	shuffle(k);
	if ((rc = tokens_write(&body, k, t->f->me->signing, clock_now())) == 0)
		rc = visit_call(t, "POST", "/tokens", &body, 204, &o);
	k->n = 0;
	json_decref(o);
	buf_free(&body);
	return rc;
}

static int tokens_of(
    struct visit *t, struct tokens *k, const uint8_t secret[static 32], uint32_t each)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < each; i++) {
		token_derive(k->token[k->n++], secret, (uint32_t)k->day, i);
		if (k->n == TOKENS_MAX)
			rc = post_tokens(t, k);
	}
	return rc;
}

static int register_day(struct visit *t, int64_t day, uint32_t each)
{
	struct tokens *k = calloc(1, sizeof(*k));
	struct letterbox b = {.contact = 0};
	int rc;

	if (k == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	k->day = day;
	rc = tokens_of(t, k, t->f->me->own, MAILBOX_OWN * each);
	while (rc == 0 && (rc = letterbox_ours(t->f->s, &b, b.contact)) == 0)
		rc = tokens_of(t, k, b.ours, each);
	if (rc == MP_ENONE)
		rc = post_tokens(t, k);
	secret_wipe(&b, sizeof(b));
	secret_wipe(k, sizeof(*k));
	free(k);
	return rc;
}

/* A contact may write while we are away, so the tokens of the next days are there, too; and so are
 * those for our own fakes, whether we make any or not. */
int visit_tokens(struct visit *t)
{
	int64_t today = t->f->now / MP_DAY, first, n = 0;
	uint32_t each;
	int rc = letterbox_count(t->f->s, &n);

	if (rc != 0)
		return rc;
	each = mailbox_tokens(n);
	first = t->v.tokens >= today ? t->v.tokens + 1 : today;
	for (int64_t day = first; rc == 0 && each > 0 && day < today + AHEAD; day++)
		if ((rc = register_day(t, day, each)) == 0)
			rc = meshserver_set_tokens(t->f->s, &t->v, day);
	/* As many as it keeps, and none while our clock and its are days apart: contacts go
	 * without. */
	if (rc == MP_ETEMP || rc == MP_ENONE || t->wrong) {
		t->wrong = false;
		rc = 0;
	}
	return rc;
}
