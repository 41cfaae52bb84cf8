/* fuzz/otr_line: any bytes as a line of mpOTR.  What is read comes back the same, and hashes the
 * same. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "otr/line.h"
#include "otr/payload.h"
#include "otr/roster.h"

static void payload(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(1 << 20);
	struct payload p;

	if (payload_read(&p, data, size) == MP_OK) {
		must(payload_write(&out, &p) == MP_OK);
		must(out.len == size && memcmp(out.data, data, size) == 0);
	}
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT(OTR_LINE_MAX + 1000);
	uint8_t a[64], b[64];
	struct otr_line l, back;
	struct otr_member m;
	int r;

	payload(data, size);
	otr_line_init(&l);
	otr_line_init(&back);
	r = otr_line_read(&l, (const char *)data, size);
	must(r == MP_OK || r == MP_EBAD || r == MP_ELIMIT);
	if (r == MP_OK && otr_line_write(&text, &l) == MP_OK) {
		must(otr_line_read(&back, (const char *)text.data, text.len) == MP_OK);
		must(otr_line_hash(a, &l) == MP_OK && otr_line_hash(b, &back) == MP_OK);
		must(memcmp(a, b, sizeof(a)) == 0);
		if (l.type == OTR_HELLO)
			(void)otr_member_of(&m, &l);
	}
	otr_line_free(&l);
	otr_line_free(&back);
	buf_free(&text);
	return 0;
}
