/* mp-chat: the client of a chat server, mp-chat(1). */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "base/file.h"
#include "base/passphrase.h"
#include "base/record.h"
#include "base/secret.h"
#include "base/text.h"
#include "chat/content.h"
#include "chat/payload.h"
#include "net/dial.h"
#include "node/chatask.h"
#include "node/talk.h"

#define USAGE                                                                          \
	"mp-chat add [-h] [-p FD] [-u account] user@HOST:PORT\n"                       \
	"       mp-chat password [-p FD] [-u account]\n"                               \
	"       mp-chat init [-V] [-u account] [-w duration] user ...\n"               \
	"       mp-chat accept | decline | close [-u account] [-w duration] session\n" \
	"       mp-chat list [-j] [-u account] [-w duration]\n"                        \
	"       mp-chat status [-j] [-u account] [-w duration] session\n"              \
	"       mp-chat talk [-fjlvV] [-u account] [-w duration] session\n"            \
	"       mp-chat keys [-j] [-u account]\n"                                      \
	"       mp-chat verify [-u account] user fingerprint ...\n"                    \
	"       mp-chat forget [-u account] user"

struct call {
	struct talk_options o;
	struct store *s;
	struct chat_account a;
	struct chatcall c;
	char **operand;
	int n, fd;
	bool wait_given;
	int status;
};

static int account_path(struct call *k, char *out, size_t size)
{
	return chatcall_path(out, size, k->o.account, "chat.db");
}

static int load(struct call *k)
{
	char path[PATH_MAX];
	int rc = account_path(k, path, sizeof(path));

	if (rc == 0 && (rc = chat_open(&k->s, path)) == 0)
		rc = chat_account_get(k->s, &k->a);
	return rc;
}

static int online(struct call *k)
{
	int rc = load(k);

	return rc == 0 ? chatcall_open(&k->c, &k->a, k->o.wait) : rc;
}

static int read_password(struct call *k, const char *of)
{
	int rc;

	if (k->a.password == NULL)
		k->a.password = secret_alloc(LOGIN_PASSWORD);
	rc = passphrase_read(k->a.password, LOGIN_PASSWORD, k->fd, of, false);
	if (rc == 0 && !login_password_ok(k->a.password))
		rc = err_set(MP_EUSAGE, "a password is 1 to %d bytes of text", LOGIN_PASSWORD - 1);
	return rc == MP_ENONE ? MP_EUSAGE : rc;
}

static int parse_account(struct chat_account *a, const char *text)
{
	const char *at = strchr(text, '@');
	size_t n = at == NULL ? 0 : (size_t)(at - text);

	if (n == 0 || n >= sizeof(a->name) || strlen(at + 1) >= sizeof(a->server))
		return err_set(MP_EUSAGE, "'%.80s' is not USER@HOST:PORT", text);
	memcpy(a->name, text, n);
	a->name[n] = '\0';
	strcpy(a->server, at + 1);
	if (!text_name_ok(a->name))
		return err_set(MP_EUSAGE, "'%s' is no name of a user", a->name);
	return dial_check(a->server);
}

/* The server's key, from standard input: seen by a person before it is trusted. */
static int read_server_key(struct chat_account *a, char print[static FINGERPRINT_TEXT])
{
	struct buf text = BUF_INIT(sizeof(a->key) - 1);
	struct serverkey *key = NULL;
	int rc = fd_read_all(STDIN_FILENO, &text);

	if (rc == 0)
		rc = serverkey_from_public(&key, (const char *)text.data, text.len);
	if (rc == 0) {
		memcpy(a->key, text.data, text.len);
		a->key[text.len] = '\0';
		serverkey_fingerprint(print, key);
	}
	serverkey_free(key);
	buf_free(&text);
	return rc == MP_ELIMIT ? err_set(MP_EBAD, "no key of a chat server") : rc;
}

static int add(struct call *k)
{
	char dir[PATH_MAX], path[PATH_MAX], print[FINGERPRINT_TEXT];
	int rc = parse_account(&k->a, k->operand[0]);

	if (rc != 0 || (rc = chatcall_path(dir, sizeof(dir), k->o.account, "")) != 0 ||
	    (rc = account_path(k, path, sizeof(path))) != 0)
		return rc;
	if (access(path, F_OK) == 0 && load(k) == 0)
		return err_set(MP_EEXIST, "there is an account '%s' already", k->o.account);
	if ((rc = read_server_key(&k->a, print)) != 0 ||
	    (rc = read_password(k, k->operand[0])) != 0 || (rc = dir_make(dir)) != 0)
		return rc;
	k->a.seed = secret_alloc(32);
	randombytes_buf(k->a.seed, 32);
	if ((rc = chat_create(path, &k->a)) == 0)
		printf("%s\n", print);
	return rc;
}

static int password(struct call *k)
{
	int rc = load(k);

	if (rc == 0 && (rc = read_password(k, k->a.name)) == 0)
		rc = chat_account_password(k->s, k->a.password);
	return rc;
}

static int check_invited(struct call *k)
{
	if (k->n > ROOM_INVITED)
		return err_set(MP_ELIMIT, "at most %d can be invited", ROOM_INVITED);
	for (int i = 0; i < k->n; i++) {
		if (!text_name_ok(k->operand[i]))
			return err_set(MP_EUSAGE, "'%.40s' is no name of a user", k->operand[i]);
		for (int j = 0; j < i; j++)
			if (strcmp(k->operand[i], k->operand[j]) == 0)
				return err_set(MP_EUSAGE, "'%s' is there twice", k->operand[i]);
	}
	return 0;
}

static int init(struct call *k)
{
	struct chat_room room;
	int rc;

	if (!k->wait_given)
		k->o.wait = 90 * MP_SECOND;
	if ((rc = check_invited(k)) != 0 || (rc = online(k)) != 0 ||
	    (rc = ask_init(&k->c, &k->o.sid, k->a.seed, (const char *const *)k->operand,
	         (size_t)k->n, k->o.wait)) != 0)
		return rc;
	if ((rc = chat_room_get(k->s, &room, k->o.sid)) != 0)
		return rc;
	for (int i = 0; rc == 0 && i < k->n; i++)
		rc = chat_invited_add(k->s, k->o.sid, k->operand[i]);
	printf("%016" PRIx64 "\n", k->o.sid);
	if (rc != 0 || (rc = record_finish(stdout)) != 0)
		return rc;
	/* Those who accepted already get their key. */
	chatcall_close(&k->c);
	k->o.deaf = true;
	return talk_run(&k->status, k->s, &k->a, &k->o);
}

static int session(struct call *k)
{
	if (!id_parse(&k->o.sid, k->operand[0]) || k->o.sid > INT64_MAX)
		return err_set(MP_EUSAGE, "'%.40s' is no session", k->operand[0]);
	return 0;
}

static int print(struct call *k, const char *kind, const char *name, uint64_t sid, const char *body)
{
	struct record rec;
	int rc;

	record_init(&rec);
	rec.class = CLASS_EVENT;
	strcpy(rec.kind, kind);
	strcpy(rec.contact, name);
	rec.time = clock_now();
	if (sid != 0)
		snprintf(rec.ref, sizeof(rec.ref), "%016" PRIx64, sid);
	rec.has_body = true;
	if ((rc = buf_adds(&rec.body, body)) == 0)
		rc = record_write(stdout, &rec, k->o.json);
	record_free(&rec);
	return rc;
}

static int print_member(struct call *k, const struct member_line *m, uint64_t sid)
{
	char body[200], mark[40] = "";
	struct chat_peer p;
	bool verified = false;
	int rc = 0;

	if (m->has_key)
		content_fingerprint(mark, m->key);
	if (m->has_key && strcmp(m->name, k->a.name) != 0) {
		rc = chat_peer_meet(k->s, &p, m->name, m->key);
		verified = rc == 0 && p.verified;
	}
	if (rc != 0)
		return rc;
	snprintf(body, sizeof(body), "{\"state\":\"%s\"%s%s%s,\"verified\":%s}",
	    member_state_name(m->state), *mark != '\0' ? ",\"fingerprint\":\"" : "", mark,
	    *mark != '\0' ? "\"" : "", verified ? "true" : "false");
	return print(k, "chat-member", m->name, sid, body);
}

static int status(struct call *k)
{
	struct line_reader r;
	struct member_line m;
	struct heard e;
	uint64_t last;
	int rc;

	if ((rc = session(k)) != 0 || (rc = online(k)) != 0 ||
	    (rc = ask_status(&k->c, &e, k->o.sid, k->o.wait)) != 0)
		return rc;
	r = (struct line_reader){.p = e.payload, .n = e.n};
	if (!line_is(&r, "Session") || !line_number(&r, &last))
		return err_set(MP_EBAD, "the server answers something else");
	while (rc == 0 && member_read(&r, &m))
		rc = print_member(k, &m, k->o.sid);
	return rc;
}

static int list(struct call *k)
{
	struct line_reader r;
	struct member_line m;
	struct heard e;
	char body[64];
	int rc, n = 0;

	if ((rc = online(k)) != 0 || (rc = ask_status(&k->c, &e, 0, k->o.wait)) != 0)
		return rc;
	r = (struct line_reader){.p = e.payload, .n = e.n};
	if (!line_is(&r, "Sessions"))
		return err_set(MP_EBAD, "the server answers something else");
	for (; rc == 0 && member_read(&r, &m); n++) {
		snprintf(body, sizeof(body), "{\"state\":\"%s\"}", member_state_name(m.state));
		rc = print(k, m.state == MEMBER_INVITED ? "chat-invitation" : "chat-session",
		    m.name, m.uid, body);
	}
	if (rc == 0 && n == 0)
		k->status = EXIT_NO;
	return rc;
}

static int reply(struct call *k, bool yes)
{
	int rc;

	if ((rc = session(k)) != 0 || (rc = online(k)) != 0)
		return rc;
	return ask_answer(&k->c, k->o.sid, yes ? k->a.seed : NULL, k->o.wait);
}

static int accept(struct call *k)
{
	return reply(k, true);
}

static int decline(struct call *k)
{
	return reply(k, false);
}

static int close_session(struct call *k)
{
	int rc;

	if ((rc = session(k)) != 0 || (rc = online(k)) != 0 ||
	    (rc = ask_close(&k->c, k->o.sid, k->o.wait)) != 0)
		return rc;
	return chat_room_forget(k->s, k->o.sid);
}

static int talk(struct call *k)
{
	int rc;

	if ((rc = session(k)) != 0 || (rc = load(k)) != 0)
		return rc;
	return talk_run(&k->status, k->s, &k->a, &k->o);
}

static int print_key(void *ctx, const struct chat_peer *p)
{
	char mark[40], body[128];

	content_fingerprint(mark, p->key);
	snprintf(body, sizeof(body), "{\"fingerprint\":\"%s\",\"verified\":%s}", mark,
	    p->verified ? "true" : "false");
	return print(ctx, "chat-key", p->name, 0, body);
}

/* Ours first: it is what others compare. */
static int keys(struct call *k)
{
	struct chat_peer own = {.verified = true};
	uint8_t secret[64];
	int rc = load(k);

	if (rc != 0)
		return rc;
	strcpy(own.name, k->a.name);
	crypto_sign_seed_keypair(own.key, secret, k->a.seed);
	secret_wipe(secret, sizeof(secret));
	rc = print_key(k, &own);
	return rc == 0 ? chat_peer_each(k->s, print_key, k) : rc;
}

/* Blanks and case do not matter to who types it. */
static void squeeze(char *out, size_t size, char **words, int n)
{
	size_t at = 0;

	for (int i = 0; i < n; i++)
		for (const char *p = words[i]; *p != '\0' && at + 1 < size; p++)
			if (*p != ' ')
				out[at++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	out[at] = '\0';
}

static int verify(struct call *k)
{
	char mark[40], given[80], want[80], *words[1] = {mark};
	struct chat_peer p;
	int rc = load(k);

	if (rc != 0 || (rc = chat_peer_get(k->s, &p, k->operand[0])) != 0)
		return rc;
	content_fingerprint(mark, p.key);
	squeeze(want, sizeof(want), words, 1);
	squeeze(given, sizeof(given), k->operand + 1, k->n - 1);
	if (strcmp(given, want) != 0)
		return err_set(MP_EBAD, "the key of '%s' has another fingerprint", p.name);
	return chat_peer_verify(k->s, p.name);
}

static int forget(struct call *k)
{
	int rc = load(k);

	return rc == 0 ? chat_peer_forget(k->s, k->operand[0]) : rc;
}

static const struct verb {
	const char *name, *options;
	int least, most; /* operands */
	int (*run)(struct call *k);
} verbs[] = {
    {"add", "pu", 1, 1, add},
    {"password", "pu", 0, 0, password},
    {"init", "Vuw", 1, INT_MAX, init},
    {"accept", "uw", 1, 1, accept},
    {"decline", "uw", 1, 1, decline},
    {"close", "uw", 1, 1, close_session},
    {"list", "juw", 0, 0, list},
    {"status", "juw", 1, 1, status},
    {"talk", "fjlvVuw", 1, 1, talk},
    {"keys", "ju", 0, 0, keys},
    {"verify", "u", 2, 16, verify},
    {"forget", "u", 1, 1, forget},
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(name, verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

/* -1, or an exit status. */
static int parse(struct call *k, const struct verb *v, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+fhjlp:u:vVw:")) != -1) {
		if (c == 'h' || c == '?' || strchr(v->options, c) == NULL)
			return cmd_usage(c == 'h' || c == '?' ? c : 0);
		k->o.follow |= c == 'f';
		k->o.json |= c == 'j';
		k->o.lines |= c == 'l';
		k->o.verbose |= c == 'v';
		k->o.verified_only |= c == 'V';
		if (c == 'p')
			k->fd = cmd_descriptor(c, optarg, 0);
		else if (c == 'u')
			k->o.account = optarg;
		else if (c == 'w')
			k->o.wait = cmd_duration(c, optarg);
		k->wait_given |= c == 'w';
	}
	k->operand = argv + optind;
	k->n = argc - optind;
	return k->n < v->least || k->n > v->most ? cmd_usage(0) : -1;
}

int main(int argc, char **argv)
{
	struct call k = {.o = {.account = "default", .wait = MP_MINUTE}, .c = {.fd = -1}, .fd = -1};
	const struct verb *v;
	int c, rc, status_;

	cmd_begin("mp-chat", USAGE);
	while ((c = getopt(argc, argv, "+h")) != -1)
		return cmd_usage(c);
	if (optind == argc)
		return cmd_usage(0);
	if ((v = find_verb(argv[optind])) == NULL) {
		err_warn("unknown verb '%.40s'", argv[optind]);
		return cmd_usage(0);
	}
	argc -= optind;
	argv += optind;
	optind = 1;
	if ((status_ = parse(&k, v, argc, argv)) >= 0)
		return status_;
	rc = v->run(&k);
	if (rc == 0)
		rc = record_finish(stdout);
	chatcall_close(&k.c);
	store_close(k.s);
	chat_account_free(&k.a);
	return rc == 0 ? k.status : err_worse(k.status, err_print(rc));
}
