/* fuzz/mesh_person: what a person signs: an acknowledgement, a registration of tokens. */
#include "fuzz/mesh.h"
#include "mesh/ack.h"
#include "mesh/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *o;
	static struct rsa_key *k;
	static struct ack a;
	static struct tokens t;

	if (k == NULL)
		must(rsa_new(&k) == 0);
	if ((o = signed_of(data, size, NULL, k)) == NULL)
		return 0;
	if (verdict(ack_read(&a, o)) == 0)
		must(a.n >= 1 && a.n <= ACK_MAX);
	if (verdict(tokens_read(&t, o)) == 0)
		must(t.n >= 1 && t.n <= TOKENS_MAX);
	json_decref(o);
	return 0;
}
