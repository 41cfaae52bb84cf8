/* fuzz/mesh_report: a report and its evidence. */
#include "fuzz/mesh.h"
#include "mesh/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *o, *again = NULL;
	struct report r, back;

	if (json_read(&o, (const char *)data, size) != 0)
		return 0;
	if (verdict(report_read(&r, o)) == 0) {
		(void)report_proves(&r, 0);
		must(report_write(&again, &r) == 0 && report_read(&back, again) == 0);
		must(back.evidence.len == r.evidence.len);
		report_free(&back);
	}
	report_free(&r);
	json_decref(again);
	json_decref(o);
	return 0;
}
