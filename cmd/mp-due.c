/* mp-due: out records that the protocols owe now, mp-due(1). */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "node/due.h"

static int print(void *ctx, const struct record *rec)
{
	return record_write(stdout, rec, *(const bool *)ctx);
}

int main(int argc, char **argv)
{
	struct store *s = NULL;
	struct config cfg;
	bool json = false;
	int64_t n = 0;
	int c, rc;

	cmd_begin("mp-due", "mp-due [-hj]");
	while ((c = getopt(argc, argv, "+hj")) != -1) {
		if (c != 'j')
			return cmd_usage(c);
		json = true;
	}
	if (optind < argc)
		return cmd_usage(0);
	if ((rc = config_load(&cfg)) == 0 && (rc = store_open(&s)) == 0 &&
	    (rc = due_each(s, &cfg, clock_now(), print, &json, &n)) == 0)
		rc = record_finish(stdout);
	store_close(s);
	if (rc != 0)
		return err_print(rc);
	return n > 0 ? EXIT_DONE : EXIT_NO;
}
