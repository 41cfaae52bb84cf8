/* mesh: what the harnesses for the mesh's packets share. */
#ifndef MP_FUZZ_MESH_H
#define MP_FUZZ_MESH_H

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"
#include "crypto/identity.h"
#include "mesh/signed.h"

/* A verdict is 0 or MP_EBAD with a detail. */
__attribute__((unused)) static int verdict(int rc)
{
	must(rc == 0 || (rc == MP_EBAD && err_detail()[0] != '\0'));
	return rc;
}

/* The bytes as the content of a message signed by a server of ours, or NULL when they are no JSON.
 */
__attribute__((unused)) static json_t *signed_of(
    const uint8_t *data, size_t size, struct identity **server, const struct rsa_key *person)
{
	static struct identity *id;
	struct buf b = BUF_INIT(2 * MESH_BODY_MAX);
	json_t *content, *o = NULL;
	uint8_t seed[32] = {7};

	if (id == NULL) {
		secret_init();
		must(identity_from_seed(&id, seed) == 0);
	}
	if (server != NULL)
		*server = id;
	if (json_read(&content, (const char *)data, size) != 0)
		return NULL;
	if ((person != NULL ? signed_by_person(&b, person, content, 1)
	                    : signed_by_server(&b, id, content, 1)) == 0)
		must(json_read(&o, (const char *)b.data, b.len) == 0);
	json_decref(content);
	buf_free(&b);
	return o;
}

#endif
