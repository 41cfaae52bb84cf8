/* fuzz/mesh_decision: a quorum decision; what is taken comes back. */
#include "fuzz/mesh.h"
#include "mesh/ballot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *o, *again = NULL;
	static struct decision d, back;

	if (json_read(&o, (const char *)data, size) != 0)
		return 0;
	if (verdict(decision_read(&d, o)) == 0) {
		must(decision_write(&again, &d) == 0 && decision_read(&back, again) == 0);
		must(back.n == d.n && back.final == d.final);
	}
	json_decref(again);
	json_decref(o);
	return 0;
}
