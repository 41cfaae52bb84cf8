/* fuzz/mesh_letter: the cleartext inside a packet. */
#include "fuzz/mesh.h"
#include "mesh/letter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct letter l;

	letter_init(&l);
	verdict(letter_read(&l, (const char *)data, size));
	letter_free(&l);
	return 0;
}
