#include "mesh/servers.h"
#include "base/err.h"

static int finish(json_t **out, json_t *o, int rc)
{
	*out = rc == 0 ? o : NULL;
	if (rc != 0)
		json_decref(o);
	return rc;
}

int servers_request_read(const json_t *o)
{
	char requester[PARTY_TEXT];
	int64_t time;
	int rc;

	if ((rc = field_type(o, "server_list_request")) != 0 ||
	    (rc = field_party(o, "requester_id", requester)) != 0)
		return rc;
	return field_time(o, "timestamp", &time);
}

int servers_request_write(json_t **out, const char *requester, int64_t now)
{
	json_t *o = json_object();
	int rc;

	if ((rc = field_set_text(o, "type", "server_list_request")) == 0 &&
	    (rc = field_set_text(o, "requester_id", requester)) == 0)
		rc = field_set_time(o, "timestamp", now);
	return finish(out, o, rc);
}

int servers_read(struct servers *s, const json_t *o)
{
	int rc;

	if ((rc = field_type(o, "server_list_response")) != 0 ||
	    (rc = field_time(o, "timestamp", &s->time)) != 0)
		return rc;
	return field_servers(o, "known_servers", s->server, SERVERS_MAX, &s->n);
}

int servers_write(json_t **out, const struct servers *s)
{
	json_t *o = json_object();
	int rc;

	if ((rc = field_set_text(o, "type", "server_list_response")) == 0 &&
	    (rc = field_set_servers(o, "known_servers", s->server, s->n)) == 0)
		rc = field_set_time(o, "timestamp", s->time);
	return finish(out, o, rc);
}

int load_read(int64_t *load, const json_t *o)
{
	int64_t time;
	int rc;

	if ((rc = field_type(o, "load")) != 0 || (rc = field_time(o, "timestamp", &time)) != 0 ||
	    (rc = json_int(o, "load", 0, 100, load)) != 0)
		return rc;
	return *load % 10 == 0 ? 0 : err_set(MP_EBAD, "bad 'load'");
}

int load_write(json_t **out, int64_t load, int64_t now)
{
	json_t *o = json_object();
	int rc;

	if ((rc = field_set_text(o, "type", "load")) == 0 && (rc = field_set_int(o, "load",
	                                                          (load < 0        ? 0
	                                                              : load > 100 ? 100
	                                                                           : load) /
	                                                              10 * 10)) == 0)
		rc = field_set_time(o, "timestamp", now);
	return finish(out, o, rc);
}
