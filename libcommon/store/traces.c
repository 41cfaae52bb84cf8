#include "store/traces.h"

#include "store/sql.h"

int traces_erase(struct store *s)
{
	int64_t n = 0;
	int rc = sql_int(s, &n, "SELECT n FROM traces", "");

	if (rc < 0 || n == 0)
		return rc < 0 ? rc : 0;
	if ((rc = store_erase(s)) != 0)
		return rc;
	/* What went meanwhile is for the next call. */
	return sql_exec(s, "UPDATE traces SET n = n - ?", "i", n);
}
