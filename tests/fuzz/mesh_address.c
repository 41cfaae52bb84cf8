/* fuzz/mesh_address: an address card. */
#include "fuzz/mesh.h"
#include "mesh/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *o;
	static struct address a;

	if (json_read(&o, (const char *)data, size) != 0)
		return 0;
	verdict(address_read(&a, o));
	json_decref(o);
	return 0;
}
