/* mp-chatd: a chat server that never sees content, mp-chatd(1). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/err.h"
#include "base/passphrase.h"
#include "base/record.h"
#include "base/secret.h"
#include "base/text.h"
#include "chat/login.h"
#include "node/chatd.h"
#include "node/hub.h"
#include "node/warden.h"

#define USAGE                                                             \
	"mp-chatd [-hv] [-e duration] [-l ADDR:PORT | -l fd:N] [-r FD]\n" \
	"       mp-chatd adduser [-p FD] name\n"                          \
	"       mp-chatd password [-p FD] name\n"                         \
	"       mp-chatd deluser name\n"                                  \
	"       mp-chatd list\n"                                          \
	"       mp-chatd key"

struct call {
	const char *name;
	int fd; /* of the password, -1: ask */
	struct store *s;
	struct serverkey *key;
};

static int hash_password(struct call *a, char hash[static WARDEN_PASSWORD])
{
	char *password = secret_alloc(LOGIN_PASSWORD);
	int rc = passphrase_read(password, LOGIN_PASSWORD, a->fd, a->name, true);

	if (rc == 0 && !login_password_ok(password))
		rc = err_set(MP_EUSAGE, "a password is 1 to %d bytes of text", LOGIN_PASSWORD - 1);
	if (rc == 0)
		rc = warden_hash(hash, password);
	secret_free(password);
	return rc;
}

static int adduser(struct call *a)
{
	char hash[WARDEN_PASSWORD];
	int rc;

	if (!text_name_ok(a->name))
		return err_set(MP_EUSAGE, "'%.40s' is no name: [a-z0-9][a-z0-9._-]{0,31}", a->name);
	rc = hash_password(a, hash);
	return rc == 0 ? chatd_user_add(a->s, a->name, hash) : rc;
}

static int password(struct call *a)
{
	char hash[WARDEN_PASSWORD];
	struct chatd_user u;
	int rc = chatd_user_find(a->s, &u, a->name);

	if (rc == 0 && (rc = hash_password(a, hash)) == 0)
		rc = chatd_user_password(a->s, a->name, hash);
	return rc;
}

static int deluser(struct call *a)
{
	int rc = chatd_user_remove(a->s, a->name);

	return rc == 0 ? store_erase(a->s) : rc;
}

static int print_user(void *ctx, const struct chatd_user *u, int64_t rooms)
{
	(void)ctx;
	if (printf("%016" PRIx64 "\t%s\t%lld\n", u->uid, u->name, (long long)rooms) < 0)
		return err_sys("cannot write standard output");
	return 0;
}

static int list(struct call *a)
{
	return chatd_user_each(a->s, print_user, NULL);
}

static int key(struct call *a)
{
	struct buf text = BUF_INIT(1024);
	int rc = serverkey_public(&text, a->key);

	if (rc == 0 && fwrite(text.data, 1, text.len, stdout) != text.len)
		rc = err_sys("cannot write standard output");
	buf_free(&text);
	return rc;
}

static const struct verb {
	const char *name;
	int operands;
	bool password;
	int (*run)(struct call *a);
} verbs[] = {
    {"adduser", 1, true, adduser},
    {"password", 1, true, password},
    {"deluser", 1, false, deluser},
    {"list", 0, false, list},
    {"key", 0, false, key},
};

static int run_verb(int argc, char **argv)
{
	struct call a = {.fd = -1};
	const struct verb *v = verbs, *end = verbs + sizeof(verbs) / sizeof(verbs[0]);
	int c, rc;

	while (v < end && strcmp(argv[0], v->name) != 0)
		v++;
	if (v == end) {
		err_warn("unknown verb '%.40s'", argv[0]);
		return cmd_usage(0);
	}
	optind = 1;
	while ((c = getopt(argc, argv, "+hp:")) != -1) {
		if (c != 'p' || !v->password)
			return cmd_usage(c == 'p' ? 0 : c);
		a.fd = cmd_descriptor(c, optarg, 0);
	}
	if (argc - optind != v->operands)
		return cmd_usage(0);
	a.name = argv[optind];
	if ((rc = chatd_prepare(&a.s, &a.key)) == 0 && (rc = v->run(&a)) == 0)
		rc = record_finish(stdout);
	serverkey_free(a.key);
	store_close(a.s);
	return rc == 0 ? EXIT_DONE : err_print(rc);
}

int main(int argc, char **argv)
{
	struct chatd_options o = {
	    .where = "127.0.0.1:5150", .expires = HUB_EXPIRES, .ready_fd = -1};
	int c, rc;

	cmd_begin("mp-chatd", USAGE);
	while ((c = getopt(argc, argv, "+e:hl:r:v")) != -1) {
		switch (c) {
		case 'e':
			o.expires = cmd_duration(c, optarg);
			break;
		case 'l':
			o.where = optarg;
			break;
		case 'r':
			o.ready_fd = cmd_descriptor(c, optarg, 1);
			break;
		case 'v':
			o.verbose = true;
			break;
		default:
			return cmd_usage(c);
		}
	}
	if (optind < argc)
		return optind == 1 || strcmp(argv[optind - 1], "--") == 0
		           ? run_verb(argc - optind, argv + optind)
		           : cmd_usage(0);
	rc = chatd_serve(&o);
	return rc == 0 ? EXIT_DONE : err_print(rc);
}
