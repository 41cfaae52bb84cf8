/* mp-mesh: the relay mesh as its client, mp-mesh(1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "base/file.h"
#include "base/record.h"
#include "base/text.h"
#include "mesh/report.h"
#include "node/cover.h"
#include "node/devices.h"
#include "node/fetcher.h"
#include "node/mailbox.h"
#include "node/meshbook.h"
#include "node/meshcall.h"
#include "node/poster.h"
#include "node/reporter.h"

#define USAGE                                                               \
	"mp-mesh [-h] keys\n"                                               \
	"       mp-mesh servers [list]\n"                                   \
	"       mp-mesh servers add server ...\n"                           \
	"       mp-mesh servers remove server ...\n"                        \
	"       mp-mesh servers learn [contact ...]\n"                      \
	"       mp-mesh servers load\n"                                     \
	"       mp-mesh post [-j]\n"                                        \
	"       mp-mesh fetch [-v] [-w duration]\n"                         \
	"       mp-mesh report [-v] [-w duration] [[-f file] server ...]\n" \
	"       mp-mesh cover [-v] [-c slots]\n"                            \
	"       mp-mesh devices [list]\n"                                   \
	"       mp-mesh devices join contact\n"                             \
	"       mp-mesh devices add contact\n"                              \
	"       mp-mesh devices remove contact"

struct call {
	struct store *s;
	struct config cfg;
	char **operand;
	int n;
	const char *file;
	bool json, verbose;
	int64_t wait, slots;
	int status;
};

static void say(void *ctx, const char *line)
{
	(void)ctx;
	err_warn("%s", line);
}

static void complain(void *ctx, const char *line)
{
	struct call *q = ctx;

	err_warn("%s", line);
	q->status = err_worse(q->status, EXIT_TEMPORARY);
}

/* The address's hash, which two people can compare, and relays know a box by. */
static int print_keys(struct call *q)
{
	uint8_t box[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(box) + 1];
	struct meshself self;
	int rc = devices_first(q->s);

	if (rc == 0)
		rc = mailbox_make(q->s, clock_now());
	if (rc != 0 && rc != MP_EEXIST)
		return rc;
	if ((rc = meshself_get(q->s, &self)) != 0)
		return rc;
	crypto_hash_sha256(box, self.address, sizeof(self.address));
	hex_encode(hex, box, sizeof(box));
	printf("%s\n", hex);
	return 0;
}

static void print_server(const struct meshserver *v, int64_t now)
{
	static const char *const role[] = {"-", "post", "fetch"};
	char name[ONION_TEXT], load[24] = "-";

	onion_encode(name, v->onion);
	if (v->load >= 0)
		snprintf(load, sizeof(load), "%d", (int)v->load);
	printf("%s\t%s\t%s\t%s\n", name, v->until > now ? role[v->role] : role[0], load,
	    relays_out(v)    ? "out"
	    : v->retry > now ? "away"
	                     : "-");
}

static int list(struct call *q)
{
	struct meshserver v = {.row = 0};
	int64_t now = clock_now(), n = 0;
	int rc;

	for (; (rc = meshserver_next(q->s, &v, v.row)) == 0; n++)
		print_server(&v, now);
	if (rc == MP_ENONE && n == 0)
		q->status = EXIT_NO;
	return rc == MP_ENONE ? 0 : rc;
}

static int server_operand(uint8_t onion[static ONION_KEY], const char *name)
{
	return server_name_read(onion, name) == 0
	           ? 0
	           : err_set(MP_EUSAGE, "'%.80s' is no server's name", name);
}

/* Each operand by itself: what is wrong with one is said, and the next one goes. */
static int each(struct call *q, int (*fn)(struct store *s, const uint8_t onion[static ONION_KEY]))
{
	uint8_t onion[ONION_KEY];
	int rc;

	for (int i = 1; i < q->n; i++) {
		rc = server_operand(onion, q->operand[i]);
		if (rc == 0)
			rc = fn(q->s, onion);
		if (rc != 0)
			q->status = err_worse(q->status, err_print(rc));
	}
	return 0;
}

static int learn_contacts(struct call *q, int64_t *n)
{
	int rc;

	for (int i = 1; i < q->n; i++)
		if ((rc = meshbook_learn_from(q->s, q->operand[i], n)) != 0)
			q->status = err_worse(q->status, err_print(rc));
	return 0;
}

static int ask_all(struct call *q, bool learn)
{
	struct client *c = NULL;
	int64_t n = 0;
	int rc;

	if (learn && q->n > 1)
		rc = learn_contacts(q, &n);
	else if ((rc = meshcall_client(&c, q->cfg.send_timeout)) == 0)
		rc = learn ? meshbook_learn(q->s, c, &n, complain, q)
		           : meshbook_load(q->s, c, &n, complain, q);
	client_free(c);
	if (rc == 0 && n == 0 && q->status == EXIT_DONE)
		q->status = EXIT_NO;
	return rc;
}

static int servers(struct call *q)
{
	const char *verb = q->n > 0 ? q->operand[0] : "list";

	if (strcmp(verb, "list") == 0 && q->n <= 1)
		return list(q);
	if (strcmp(verb, "add") == 0 && q->n > 1)
		return each(q, meshserver_add);
	if (strcmp(verb, "remove") == 0 && q->n > 1)
		return each(q, meshserver_remove);
	if (strcmp(verb, "learn") == 0)
		return ask_all(q, true);
	if (strcmp(verb, "load") == 0 && q->n == 1)
		return ask_all(q, false);
	q->status = cmd_usage(0);
	return 0;
}

static int print_record(void *ctx, const struct record *rec)
{
	const struct call *q = ctx;

	return record_write(stdout, rec, q->json);
}

static int post(struct call *q)
{
	const struct poster_options o = {.input = STDIN_FILENO,
	    .input_name = "standard input",
	    .timeout = q->cfg.send_timeout,
	    .report = print_record,
	    .problem = complain,
	    .ctx = q};
	int status, rc = poster_run(q->s, &o, &status);

	q->status = err_worse(q->status, status);
	return rc;
}

static int fetch(struct call *q)
{
	const struct fetcher_options o = {
	    .timeout = q->wait, .problem = complain, .away = q->verbose ? say : NULL, .ctx = q};
	struct fetched got;
	int rc = fetcher_run(&got, q->s, &q->cfg, &o);

	if (rc != 0)
		return rc;
	if (q->verbose)
		err_warn("%lld new from %u relays", (long long)got.news, got.relays);
	if (got.later > 0) {
		err_warn("%lld stay at the relay: no room here", (long long)got.later);
		q->status = err_worse(q->status, EXIT_TEMPORARY);
	}
	if (got.news == 0 && q->status == EXIT_DONE)
		q->status = EXIT_NO;
	return 0;
}

/* Its streams are processes, which open stores of their own. */
static int cover(struct call *q)
{
	const struct cover_options o = {
	    .slots = q->slots, .verbose = q->verbose, .say = say, .ctx = q};
	int status = EXIT_DONE, rc;

	store_close(q->s);
	q->s = NULL;
	rc = cover_run(&q->cfg, &o, &status);
	if (rc == MP_EEXIST) {
		err_print(rc);
		status = EXIT_NO;
		rc = 0;
	}
	q->status = err_worse(q->status, status);
	return rc;
}

static void print_device(const struct device_line *d)
{
	static const char *const role[] = {"asks", "second", "first"};
	char since[CLOCK_TEXT], seen[CLOCK_TEXT] = "-";

	clock_format(since, d->since);
	if (d->seen != 0)
		clock_format(seen, d->seen);
	printf(
	    "%s\t%s\t%s\t%s\t%lld\n", d->name, role[d->role], since, seen, (long long)d->waiting);
}

static int list_devices(struct call *q)
{
	struct device_line d;
	int64_t after = 0;
	int rc;

	while ((rc = devices_next(q->s, &d, &after)) == 0)
		print_device(&d);
	if (rc == MP_ENONE && after == 0)
		q->status = EXIT_NO;
	return rc == MP_ENONE ? 0 : rc;
}

/* A contact that is none, or no device, is a clean no. */
static int devices(struct call *q)
{
	static int (*const change[])(struct store * s, const char *name, int64_t now) = {
	    devices_join, devices_add, devices_remove};
	static const char *const verb[] = {"join", "add", "remove"};
	int rc;

	if (q->n == 0 || (q->n == 1 && strcmp(q->operand[0], "list") == 0))
		return list_devices(q);
	for (size_t i = 0; q->n == 2 && i < sizeof(verb) / sizeof(verb[0]); i++) {
		if (strcmp(q->operand[0], verb[i]) != 0)
			continue;
		rc = change[i](q->s, q->operand[1], clock_now());
		if (rc == MP_ENONE)
			q->status = err_print(rc);
		return rc == MP_ENONE ? 0 : rc;
	}
	q->status = cmd_usage(0);
	return 0;
}

static void report_one(
    struct call *q, const uint8_t server[static ONION_KEY], const struct buf *evidence)
{
	const struct reporter_options o = {
	    .timeout = q->wait, .problem = complain, .away = q->verbose ? say : NULL, .ctx = q};
	int rc = reporter_tell(q->s, server, evidence, &o);

	if (rc != 0)
		q->status = err_worse(q->status, err_print(rc == MP_ENONE ? MP_EUSAGE : rc));
}

/* All that are out. */
static int report_out(struct call *q)
{
	struct buf evidence = BUF_INIT(EVIDENCE_MAX);
	struct meshserver v = {.row = 0};
	int rc = buf_adds(&evidence, "wrong answers");
	int64_t n = 0;

	for (; rc == 0 && (rc = reporter_next(q->s, &v, v.row)) == 0; n++)
		report_one(q, v.onion, &evidence);
	buf_free(&evidence);
	if (rc == MP_ENONE && n == 0)
		q->status = EXIT_NO;
	return rc == MP_ENONE ? 0 : rc;
}

static int read_evidence(const char *file, struct buf *evidence)
{
	int rc = file_read(file, evidence);

	return rc == 0 && evidence->len == 0 ? err_set(MP_EBAD, "'%s' is empty", file) : rc;
}

static int report(struct call *q)
{
	struct buf evidence = BUF_INIT(EVIDENCE_MAX);
	uint8_t server[ONION_KEY];
	int rc = 0;

	if (q->n == 0 && q->file == NULL)
		return report_out(q);
	if (q->n == 0)
		q->status = cmd_usage(0);
	else if (q->file != NULL)
		rc = read_evidence(q->file, &evidence);
	for (int i = 0; rc == 0 && i < q->n; i++) {
		int bad = server_operand(server, q->operand[i]);

		if (bad != 0)
			q->status = err_worse(q->status, err_print(bad));
		else
			report_one(q, server, &evidence);
	}
	buf_free(&evidence);
	return rc;
}

static const struct {
	const char *name, *options;
	int most;
	int (*run)(struct call *q);
} verbs[] = {
    {"keys", "", 0, print_keys},
    {"servers", "", 1 << 20, servers},
    {"post", "j", 0, post},
    {"fetch", "vw", 0, fetch},
    {"report", "fvw", 1 << 20, report},
    {"cover", "cv", 0, cover},
    {"devices", "", 2, devices},
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static size_t find_verb(const char *name)
{
	size_t i = 0;

	while (i < VERBS && (name == NULL || strcmp(verbs[i].name, name) != 0))
		i++;
	return i;
}

/* The verb's options: true, or false and *bad is getopt's. */
static bool take_options(struct call *q, int argc, char **argv, const char *allowed, int *bad)
{
	int c;

	while ((c = getopt(argc, argv, "+c:f:hjvw:")) != -1) {
		if (c == '?' || strchr(allowed, c) == NULL) {
			*bad = c == '?' || c == 'h' ? c : 0;
			return false;
		}
		if (c == 'f')
			q->file = optarg;
		else if (c == 'j')
			q->json = true;
		else if (c == 'v')
			q->verbose = true;
		else if (c == 'c')
			q->slots = cmd_number(c, optarg, 1, 1000000);
		else
			q->wait = cmd_duration(c, optarg);
	}
	return true;
}

static int run(struct call *q, size_t verb)
{
	int rc;

	if ((rc = config_load(&q->cfg)) == 0 && (rc = store_open(&q->s)) == 0) {
		if (q->wait == 0)
			q->wait = q->cfg.send_timeout;
		rc = verbs[verb].run(q);
	}
	if (rc == 0)
		rc = record_finish(stdout);
	store_close(q->s);
	/* Without keys or servers nothing was asked: that is no "nothing new". */
	if (rc == MP_ENONE)
		rc = MP_EUSAGE;
	return rc == 0 ? q->status : err_worse(q->status, err_print(rc));
}

int main(int argc, char **argv)
{
	struct call q = {.status = EXIT_DONE};
	int c, bad = 0;
	size_t verb;

	cmd_begin("mp-mesh", USAGE);
	if ((c = getopt(argc, argv, "+h")) != -1)
		return cmd_usage(c);
	verb = find_verb(optind < argc ? argv[optind] : NULL);
	if (verb == VERBS)
		return cmd_usage(0);
	argc -= optind;
	argv += optind;
	optind = 1;
	if (!take_options(&q, argc, argv, verbs[verb].options, &bad))
		return cmd_usage(bad);
	q.operand = argv + optind;
	q.n = argc - optind;
	if (q.n > verbs[verb].most)
		return cmd_usage(0);
	return run(&q, verb);
}
