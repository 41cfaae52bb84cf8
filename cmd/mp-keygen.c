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

static int make_folders(void)
{
	static const char *const dirs[] = {"run", "files", "spool"};
	int r = dir_make(home_path());

	for (size_t i = 0; r == MP_OK && i < sizeof(dirs) / sizeof(dirs[0]); i++)
		r = dir_make(home_file(dirs[i]));
	return r;
}

/* The identity comes last: until it is there, all of this can be made again. */
static int make_home(struct identity **id)
{
	int r = identity_new(id);

	if (r == MP_OK)
		r = make_folders();
	if (r == MP_OK && (r = store_create()) == MP_EEXIST)
		r = check_leftover();
	return r == MP_OK ? identity_write(*id) : r;
}

/*
 * What a backup has not is made again from the identity that was put back: the derived files,
 * and where there is no store an empty one, to import into.
 */
static int complete_home(struct identity **id)
{
	static const char *const files[] = {"tor/service/hs_ed25519_secret_key",
	    "tor/service/hs_ed25519_public_key", "tor/service/hostname", "tls/key.pem",
	    "tls/cert.pem", "store.db"};
	size_t i = 0;
	int r;

	while (i < sizeof(files) / sizeof(files[0]) && access(home_file(files[i]), F_OK) == 0)
		i++;
	if (i == sizeof(files) / sizeof(files[0]))
		return err_set(MP_EEXIST, "there is an identity in '%s' already", home_path());
	if (errno != ENOENT && errno != ENOTDIR)
		return err_sys("cannot look at '%s'", home_file(files[i]));
	if ((r = identity_load(id)) != MP_OK || (r = make_folders()) != MP_OK)
		return r;
	if ((r = store_create()) != MP_OK && r != MP_EEXIST)
		return r;
	return identity_rewrite(*id);
}

static int make(struct identity **id)
{
	struct stat st;

	if (home_path() == NULL)
		return MP_ESYS;
	if (lstat(home_file("identity"), &st) == 0)
		return complete_home(id);
	if (errno != ENOENT && errno != ENOTDIR)
		return err_sys("cannot look at '%s'", home_file("identity"));
	return make_home(id);
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
	if ((r = make(&id)) == MP_OK) {
		onion_encode(address, id->key);
		printf("%s\n", address);
		r = record_finish(stdout);
	}
	identity_free(id);
	return r == MP_OK ? EXIT_DONE : err_print(r);
}
