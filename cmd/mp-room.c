/* mp-room: a room on a relay as a transport of lines, mp-room(1). */
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "base/passphrase.h"
#include "base/secret.h"
#include "node/roomcall.h"

#define USAGE "mp-room [-hv] [-p FD] [-w duration] -r room@server"
#define PASSWORD 1024

int main(int argc, char **argv)
{
	struct roomcall_options o = {.wait = MP_MINUTE};
	char *password;
	int c, fd = -1, rc = 0;

	cmd_begin("mp-room", USAGE);
	while ((c = getopt(argc, argv, "+hp:r:vw:")) != -1) {
		switch (c) {
		case 'p':
			fd = cmd_descriptor(c, optarg, 0);
			break;
		case 'r':
			o.room = optarg;
			break;
		case 'v':
			o.verbose = true;
			break;
		case 'w':
			o.wait = cmd_duration(c, optarg);
			break;
		default:
			return cmd_usage(c);
		}
	}
	if (optind != argc || o.room == NULL)
		return cmd_usage(0);
	o.password = password = secret_alloc(PASSWORD);
	if (fd >= 0)
		rc = passphrase_read(password, PASSWORD, fd, "the room", false);
	rc = rc == 0 ? roomcall_run(&o) : err_print(rc);
	secret_free(password);
	return rc;
}
