/* fuzz/mesh_retrieval: a retrieval and a challenge. */
#include "fuzz/mesh.h"
#include "mesh/retrieval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *o;
	struct retrieval r;
	uint8_t server[ONION_KEY] = {1}, c[CHALLENGE_BYTES], secret[32] = {1};

	if (json_read(&o, (const char *)data, size) != 0)
		return 0;
	if (verdict(retrieval_read(&r, o)) == 0)
		verdict(retrieval_verify(&r, server));
	if (verdict(challenge_read(c, o)) == 0)
		verdict(challenge_check(c, secret, 1));
	json_decref(o);
	return 0;
}
