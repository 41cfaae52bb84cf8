/* fuzz/mesh_signed: a signed_message as it comes. */
#include "fuzz/mesh.h"
#include "mesh/signed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *o;
	struct signed_message m;

	if (json_read(&o, (const char *)data, size) != 0)
		return 0;
	if (verdict(signed_read(&m, o)) == 0)
		signed_free(&m);
	json_decref(o);
	return 0;
}
