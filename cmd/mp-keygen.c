/* mp-keygen: makes an identity and all that a home needs, mp-keygen(1). */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/err.h"
#include "base/file.h"
#include "base/record.h"
#include "crypto/identity.h"
#include "crypto/onion.h"
#include "store/contact.h"

static int stop_at_first(void *ctx, const struct contact *c)
{
	(void)ctx;
	(void)c;
	return 1;
}

/*
 * A store without an identity is what a killed mp-keygen left, and then it is empty;
 * the keys in any other belong to an identity that is missing.
 */
static int check_leftover(void)
{
	struct store *s = NULL;
	int r = store_open(&s);

	if (r != MP_OK)
		return r;
	r = contact_each(s, stop_at_first, NULL);
	store_close(s);
	if (r == 1)
		return err_set(MP_EEXIST,
		    "the store in '%s' belongs to an identity that is missing", home_path());
	return r;
}

/* The identity comes last: until it is there, all of this can be made again. */
static int make_home(const struct identity *id)
{
	static const char *const dirs[] = {"run", "files", "spool"};
	struct stat st;
	int r;

	if (home_path() == NULL)
		return MP_ESYS;
	if (lstat(home_file("identity"), &st) == 0)
		return err_set(MP_EEXIST, "there is an identity in '%s' already", home_path());
	if (errno != ENOENT && errno != ENOTDIR)
		return err_sys("cannot look at '%s'", home_file("identity"));
	if ((r = dir_make(home_path())) != MP_OK)
		return r;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if ((r = dir_make(home_file(dirs[i]))) != MP_OK)
			return r;
	}
	r = store_create();
	if (r == MP_EEXIST)
		r = check_leftover();
	return r == MP_OK ? identity_write(id) : r;
}

int main(int argc, char **argv)
{
	struct identity *id = NULL;
	char address[ONION_TEXT];
	int c, r;

	cmd_begin("mp-keygen", "mp-keygen [-h]");
	while ((c = getopt(argc, argv, "+h")) != -1)
		return cmd_usage(c);
	if (optind != argc)
		return cmd_usage(0);
	r = identity_new(&id);
	if (r == MP_OK)
		r = make_home(id);
	if (r == MP_OK) {
		onion_encode(address, id->key);
		printf("%s\n", address);
		r = record_finish(stdout);
	}
	identity_free(id);
	return r == MP_OK ? EXIT_DONE : err_print(r);
}
