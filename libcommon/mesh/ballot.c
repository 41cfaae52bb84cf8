#include "mesh/ballot.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [VERDICT_BLACKLISTED] = "blacklisted", [VERDICT_WHITELISTED] = "whitelisted"};

const char *verdict_name(enum verdict v)
{
	return names[v];
}

static int verdict_read(enum verdict *v, const char *s, size_t len)
{
	for (int i = VERDICT_BLACKLISTED; i <= VERDICT_WHITELISTED; i++)
		if (len == strlen(names[i]) && memcmp(names[i], s, len) == 0) {
			*v = (enum verdict)i;
			return 0;
		}
	return err_set(MP_EBAD, "neither blacklisted nor whitelisted");
}

static int signed_text(struct buf *out, const struct vote *v)
{
	char about[ONION_TEXT], voter[ONION_TEXT];

	onion_encode(about, v->about);
	onion_encode(voter, v->voter);
	return buf_addf(out, "mp mesh/1 vote\n%s\n%s\n%" PRId64 "\n%s", about, names[v->value],
	    v->window, voter);
}

int vote_sign(struct vote *v, const struct identity *id)
{
	struct buf text = BUF_INIT(512);
	int rc;

	memcpy(v->voter, id->key, ONION_KEY);
	if ((rc = signed_text(&text, v)) == 0)
		rc = server_sign(v->signature, id, text.data, text.len);
	buf_free(&text);
	return rc;
}

int vote_verify(const struct vote *v)
{
	struct buf text = BUF_INIT(512);
	int rc = signed_text(&text, v);

	if (rc == 0)
		rc = server_verify(v->voter, v->signature, text.data, text.len);
	buf_free(&text);
	return rc;
}

/* VALUE.WINDOW.SIGNATURE; the number has one form. */
static int vote_parse(struct vote *v, const char *s)
{
	struct buf sig = BUF_INIT(64);
	const char *dot, *end;
	int rc;

	if (s == NULL || (dot = strchr(s, '.')) == NULL || (end = strchr(dot + 1, '.')) == NULL)
		return err_set(MP_EBAD, "bad 'votes'");
	if ((rc = verdict_read(&v->value, s, (size_t)(dot - s))) != 0)
		return rc;
	dot++;
	if (end == dot || end - dot > 7 || strspn(dot, "0123456789") != (size_t)(end - dot) ||
	    (*dot == '0' && end - dot > 1))
		return err_set(MP_EBAD, "bad 'votes'");
	v->window = strtoll(dot, NULL, 10);
	if (base64_decode(&sig, end + 1, strlen(end + 1)) != 0 || sig.len != 64)
		rc = err_set(MP_EBAD, "bad 'votes'");
	else
		memcpy(v->signature, sig.data, 64);
	buf_free(&sig);
	return rc;
}

static int read_votes(struct decision *d, const json_t *o)
{
	const char *voter;
	json_t *v;
	int rc;

	if (!json_is_object(o) || json_object_size(o) < 1 || json_object_size(o) > VOTES_MAX)
		return err_set(MP_EBAD, "bad 'votes'");
	json_object_foreach((json_t *)o, voter, v)
	{
		struct vote *one = &d->vote[d->n];

		memcpy(one->about, d->about, ONION_KEY);
		if ((rc = server_name_read(one->voter, voter)) != 0 ||
		    (rc = vote_parse(one, json_string_value(v))) != 0)
			return rc;
		d->n++;
	}
	return 0;
}

int decision_parse(struct decision *d, const json_t *o)
{
	const char *final = json_text(o, "final_decision");
	int rc;

	d->n = 0;
	if ((rc = field_type(o, "quorum_decision")) != 0 ||
	    (rc = field_server(o, "reported_server_id", d->about)) != 0 ||
	    (rc = field_time(o, "timestamp", &d->time)) != 0)
		return rc;
	if (final == NULL || verdict_read(&d->final, final, strlen(final)) != 0)
		return err_set(MP_EBAD, "bad 'final_decision'");
	return read_votes(d, json_object_get(o, "votes"));
}

int decision_read(struct decision *d, const json_t *o)
{
	int rc = decision_parse(d, o);

	for (size_t i = 0; i < d->n && rc == 0; i++)
		rc = vote_verify(&d->vote[i]);
	return rc;
}

static int write_vote(json_t *votes, const struct vote *v)
{
	struct buf text = BUF_INIT(256);
	char voter[ONION_TEXT];
	int rc;

	onion_encode(voter, v->voter);
	if ((rc = buf_addf(&text, "%s.%" PRId64 ".", names[v->value], v->window)) == 0 &&
	    (rc = base64_encode(&text, v->signature, 64)) == 0)
		rc = field_set(votes, voter, json_stringn((const char *)text.data, text.len));
	buf_free(&text);
	return rc;
}

int decision_write(json_t **out, const struct decision *d)
{
	json_t *o = json_object(), *votes = json_object();
	int rc = 0;

	*out = NULL;
	for (size_t i = 0; i < d->n && rc == 0; i++)
		rc = write_vote(votes, &d->vote[i]);
	if (rc == 0 && (rc = field_set_text(o, "type", "quorum_decision")) == 0 &&
	    (rc = field_set_server(o, "reported_server_id", d->about)) == 0 &&
	    (rc = field_set(o, "votes", json_incref(votes))) == 0 &&
	    (rc = field_set_text(o, "final_decision", names[d->final])) == 0)
		rc = field_set_time(o, "timestamp", d->time);
	json_decref(votes);
	if (rc != 0)
		json_decref(o);
	else
		*out = o;
	return rc;
}

static bool among(const uint8_t (*peers)[ONION_KEY], size_t n, const uint8_t key[static ONION_KEY])
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(peers[i], key, ONION_KEY) == 0)
			return true;
	return false;
}

enum verdict ballot_count(const struct vote *votes, size_t n, const uint8_t (*peers)[ONION_KEY],
    size_t n_peers, const uint8_t *self, const uint8_t about[static ONION_KEY], int64_t today)
{
	size_t black = 0, white = 0;

	for (size_t i = 0; i < n; i++) {
		const struct vote *v = &votes[i];

		if (memcmp(v->about, about, ONION_KEY) != 0 ||
		    memcmp(v->voter, about, ONION_KEY) == 0 || v->window > today + 1 ||
		    v->window < today - VOTE_DAYS ||
		    (!among(peers, n_peers, v->voter) &&
		        (self == NULL || memcmp(v->voter, self, ONION_KEY) != 0)))
			continue;
		black += v->value == VERDICT_BLACKLISTED;
		white += v->value == VERDICT_WHITELISTED;
	}
	if (2 * black > n_peers && black >= QUORUM_LEAST)
		return VERDICT_BLACKLISTED;
	if (2 * white > n_peers && white >= QUORUM_LEAST)
		return VERDICT_WHITELISTED;
	return VERDICT_NONE;
}
