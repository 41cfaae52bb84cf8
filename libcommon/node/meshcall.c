#include "node/meshcall.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

int meshcall_client(struct client **out, int64_t timeout)
{
	struct client_options o = {.media_type = MESH_MEDIA_TYPE,
	    .body_max = MESH_BODY_MAX,
	    .timeout = timeout,
	    .connect = timeout};

	return client_new(out, &o);
}

/* Our packets are sound: who calls them malformed, or says what is no answer, is at fault. */
bool meshcall_wrong(int status, const char *code)
{
	switch (status) {
	case 0:
		return strcmp(code, "reply") == 0;
	case 200:
	case 204:
	case 413:
	case 429:
	case 503:
	case 507:
		return false;
	default:
		return true;
	}
}

int meshcall(struct client *c, const uint8_t server[static ONION_KEY],
    const uint8_t isolation[static 16], const char *method, const char *path,
    const struct buf *body, struct meshanswer *a)
{
	struct post_result r;
	int rc;

	memset(a, 0, sizeof(*a));
	rc = client_request(c, server, isolation, method, path, body != NULL ? body->data : NULL,
	    body != NULL ? body->len : 0, false, a);
	if (rc != 0)
		return rc;
	while ((rc = client_poll(c, &r, NULL, 0, 60000)) == 0)
		;
	if (rc < 0) {
		client_cancel(c, a);
		return rc;
	}
	a->status = r.status;
	a->wrong = meshcall_wrong(r.status, r.code);
	memcpy(a->reason, r.reason, sizeof(a->reason));
	if (r.status == 200 && json_read(&a->o, (const char *)r.reply.data, r.reply.len) != 0) {
		a->o = NULL;
		a->wrong = true;
		snprintf(a->reason, sizeof(a->reason), "its answer is no JSON");
	}
	buf_free(&r.reply);
	return 0;
}
