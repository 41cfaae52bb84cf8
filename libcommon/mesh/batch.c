#include "mesh/batch.h"
#include "base/err.h"

#include <string.h>

static const char *const results[] = {[RESULT_TAKEN] = "taken",
    [RESULT_SEEN] = "seen",
    [RESULT_FULL] = "full",
    [RESULT_REFUSED] = "refused"};

/* An array of at most BATCH_ITEMS; absent is empty. */
static int read_list(json_t **out, const json_t *o, const char *key)
{
	*out = json_object_get(o, key);
	if (*out != NULL && (!json_is_array(*out) || json_array_size(*out) > BATCH_ITEMS))
		return err_set(MP_EBAD, "bad '%s'", key);
	return 0;
}

int batch_read(struct batch *b, const json_t *o, const uint8_t self[static ONION_KEY])
{
	uint8_t to[ONION_KEY];
	int rc;

	memset(b, 0, sizeof(*b));
	if ((rc = signed_read(&b->from, o)) != 0)
		return rc;
	if (!b->from.server)
		rc = err_set(MP_EBAD, "not a server's batch");
	else if ((rc = field_type(b->from.content, "batch")) == 0 &&
	         (rc = field_server(b->from.content, "to", to)) == 0 &&
	         memcmp(to, self, ONION_KEY) != 0)
		rc = err_set(MP_EBAD, "a batch for another server");
	if (rc == 0 && (rc = read_list(&b->packets, b->from.content, "packets")) == 0 &&
	    (rc = read_list(&b->acks, b->from.content, "acks")) == 0)
		rc = read_list(&b->decisions, b->from.content, "decisions");
	if (rc != 0)
		batch_free(b);
	return rc;
}

void batch_free(struct batch *b)
{
	signed_free(&b->from);
}

int batch_item(const json_t *item, const json_t **packet, int *hops, int *attempt)
{
	int64_t h, a;
	int rc;

	*packet = json_object_get(item, "packet");
	if (!json_is_object(*packet))
		return err_set(MP_EBAD, "bad 'packet'");
	if ((rc = json_int(item, "hops", 0, MESH_HOPS - 1, &h)) != 0 ||
	    (rc = json_int(item, "attempt", 0, ATTEMPTS, &a)) != 0)
		return rc;
	*hops = (int)h;
	*attempt = (int)a;
	return 0;
}

json_t *batch_item_new(json_t *packet, int hops, int attempt)
{
	return json_pack("{s:o, s:i, s:i}", "packet", packet, "hops", hops, "attempt", attempt);
}

static int put_list(json_t *o, const char *key, json_t *list)
{
	return list == NULL ? 0 : field_set(o, key, list);
}

int batch_write(struct buf *out, const struct identity *id, const uint8_t to[static ONION_KEY],
    json_t *packets, json_t *acks, json_t *decisions, int64_t now)
{
	json_t *o = json_object();
	int rc = put_list(o, "packets", packets), rc2 = put_list(o, "acks", acks),
	    rc3 = put_list(o, "decisions", decisions);

	rc = rc != 0 ? rc : rc2 != 0 ? rc2 : rc3;
	if (rc == 0 && (rc = field_set_text(o, "type", "batch")) == 0 &&
	    (rc = field_set_server(o, "to", to)) == 0)
		rc = signed_by_server(out, id, o, now);
	json_decref(o);
	return rc;
}

int batch_answer_write(json_t **out, const enum result *r, size_t n, int64_t now)
{
	json_t *o = json_object(), *list = json_array();
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		if (json_array_append_new(list, json_string(results[r[i]])) != 0)
			rc = err_set(MP_ENOMEM, "out of memory");
	if (rc == 0 && (rc = field_set_text(o, "type", "batch_answer")) == 0 &&
	    (rc = field_set(o, "results", json_incref(list))) == 0)
		rc = field_set_time(o, "timestamp", now);
	json_decref(list);
	*out = rc == 0 ? o : NULL;
	if (rc != 0)
		json_decref(o);
	return rc;
}

static int result_read(enum result *r, const char *s)
{
	for (int i = RESULT_TAKEN; s != NULL && i <= RESULT_REFUSED; i++)
		if (strcmp(results[i], s) == 0) {
			*r = (enum result)i;
			return 0;
		}
	return err_set(MP_EBAD, "bad 'results'");
}

int batch_answer_read(enum result *r, size_t n, const json_t *o)
{
	const json_t *list = json_object_get(o, "results");
	int64_t time;
	int rc;

	if ((rc = field_type(o, "batch_answer")) != 0 ||
	    (rc = field_time(o, "timestamp", &time)) != 0)
		return rc;
	if (!json_is_array(list) || json_array_size(list) != n)
		return err_set(MP_EBAD, "bad 'results'");
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = result_read(&r[i], json_string_value(json_array_get(list, i)));
	return rc;
}
