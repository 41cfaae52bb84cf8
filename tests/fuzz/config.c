/* fuzz/config: any bytes as a config file; what is taken is within its bounds. */
#include "fuzz.h"

#include "base/config.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;
	int rc;

	config_defaults(&c);
	rc = config_parse(&c, (const char *)data, size, "config");
	must(rc == 0 || rc == MP_EBAD);
	if (rc == MP_EBAD) {
		must(strncmp(err_detail(), "config:", 7) == 0);
		return 0;
	}
	must(c.retry_min >= 1000 && c.retry_max >= c.retry_min);
	must(c.send_parallel >= 1 && c.send_parallel <= 256);
	must(c.serve_children >= 1 && c.serve_children <= 65535);
	must(c.file_accept >= 0 && c.file_quota >= 0 && c.inbox_quota >= 1);
	must(strlen(c.nickname) <= 64 && c.tor_cookie[0] == '/' &&
	     strchr(c.serve_bind, ':') != NULL);
	return 0;
}
