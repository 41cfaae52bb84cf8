/* mp-contact: the people we know, mp-contact(1). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/config.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/record.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypto/identity.h"
#include "crypto/onion.h"
#include "node/devices.h"
#include "node/meeting.h"
#include "node/rekeying.h"
#include "node/spool.h"
#include "store/contact.h"
#include "store/traces.h"

#define USAGE                                         \
	"mp-contact offer [-e duration] name\n"       \
	"       mp-contact accept name\n"             \
	"       mp-contact list [-j]\n"               \
	"       mp-contact show [-j] name\n"          \
	"       mp-contact verify name fingerprint\n" \
	"       mp-contact rename name newname\n"     \
	"       mp-contact picture [-d | -s] name\n"  \
	"       mp-contact rekey [-j] name\n"         \
	"       mp-contact block name\n"              \
	"       mp-contact unblock name\n"            \
	"       mp-contact remove name"

#define OPERANDS 10
#define PICTURE_MAX (1u << 20)
#define FINGERPRINT_LEN 32 /* without the spaces */

struct call {
	struct store *s;
	struct config cfg;
	char *operand[OPERANDS]; /* 0: the verb */
	int operands;
	int64_t expires; /* -1: as configured */
	bool json, set, delete;
	int status;
};

static int offer(struct call *a)
{
	int64_t now = clock_now(), life = a->expires >= 0 ? a->expires : a->cfg.offer_expires;
	struct contact c;
	char card[CARD_TEXT];
	int r = meeting_offer(a->s, a->operand[1], now, now + life, card);

	if (r != MP_OK)
		return r;
	if (fd_is_public(STDOUT_FILENO))
		err_warn("warning: others can read the file that the card goes to");
	/* Not by stdio, which would keep a copy. */
	card[CARD_TEXT - 1] = '\n';
	r = fd_write_all(STDOUT_FILENO, card, CARD_TEXT);
	secret_wipe(card, sizeof(card));
	if (r == MP_OK)
		return r;
	/* Nobody has the card, and its name shall be free for the next try. */
	err_print(r);
	if (contact_get(a->s, &c, a->operand[1]) == MP_OK && contact_remove(a->s, c.row) == MP_OK)
		(void)store_erase(a->s);
	return err_set(r, "the offer to '%s' is withdrawn", a->operand[1]);
}

static int accept(struct call *a)
{
	struct buf text = BUF_INIT(4096);
	struct record rec;
	int r = fd_read_all(STDIN_FILENO, &text);

	record_init(&rec);
	if (r == MP_ELIMIT)
		err_set(r, "not a contact card: it is too long");
	if (r == MP_OK)
		r = meeting_accept(a->s, &a->cfg, a->operand[1], (const char *)text.data, text.len,
		    clock_now(), &rec);
	if (r == MP_OK)
		r = record_write(stdout, &rec, a->json);
	record_free(&rec);
	buf_free(&text);
	return r;
}

/* *known false: there is no peer's key yet to compare. */
static int get_fingerprint(
    struct store *s, const struct contact *c, char out[static FINGERPRINT_TEXT], bool *known)
{
	struct contact_key *k;
	uint8_t self[32];
	int r;

	*known = false;
	if (!c->has_onion)
		return MP_OK;
	k = secret_alloc(sizeof(*k));
	r = key_for_sending(s, k, c->row, KEY_PAIR);
	if (r == MP_OK && (r = identity_public(self)) == MP_OK) {
		fingerprint(out, self, c->onion, k->cid);
		*known = true;
	}
	secret_free(k);
	return r == MP_ENONE ? MP_OK : r;
}

struct facts {
	const char *state, *address, *fingerprint, *nickname, *introducer; /* NULL: none */
	char onion[ONION_TEXT], print[FINGERPRINT_TEXT], created[CLOCK_TEXT], seen[CLOCK_TEXT];
	char since[CLOCK_TEXT], epoch[24]; /* of the key, with the fingerprint */
};

static int get_key_facts(struct facts *f, struct store *s, const struct contact *c)
{
	int64_t epoch, since;
	int r = rekeying_about(s, c, &epoch, &since);

	snprintf(f->epoch, sizeof(f->epoch), "%lld", (long long)epoch);
	clock_format(f->since, since);
	return r;
}

static int get_facts(struct facts *f, struct store *s, const struct contact *c, bool print)
{
	static const char *const states[] = {
	    [CONTACT_OFFERED] = "offered",
	    [CONTACT_PENDING] = "pending",
	    [CONTACT_ACTIVE] = "active",
	    [CONTACT_TEMPORARY] = "temporary",
	};
	bool known = false;
	int r = print ? get_fingerprint(s, c, f->print, &known) : MP_OK;

	f->state = states[c->state];
	f->fingerprint = known ? f->print : NULL;
	if (c->has_onion)
		onion_encode(f->onion, c->onion);
	f->address = c->has_onion ? f->onion : NULL;
	f->nickname = c->nickname[0] != '\0' ? c->nickname : NULL;
	f->introducer = c->introducer[0] != '\0' ? c->introducer : NULL;
	clock_format(f->created, c->created);
	clock_format(f->seen, c->seen);
	return r == MP_OK && known ? get_key_facts(f, s, c) : r;
}

static int make_body(struct buf *out, const struct facts *f, const struct contact *c, bool print)
{
	json_t *o = json_pack("{s:s?, s:s, s:b, s:b, s:s?, s:s?, s:s, s:s?}", "address", f->address,
	    "state", f->state, "verified", c->verified, "blocked", c->blocked, "nickname",
	    f->nickname, "introducer", f->introducer, "created", f->created, "seen",
	    c->seen != 0 ? f->seen : NULL);
	int r;

	if (print && o != NULL) {
		bool key = f->fingerprint != NULL;

		json_object_set_new(
		    o, "fingerprint", key ? json_string(f->fingerprint) : json_null());
		json_object_set_new(o, "epoch", key ? json_integer(atoll(f->epoch)) : json_null());
		json_object_set_new(o, "since", key ? json_string(f->since) : json_null());
	}
	r = o != NULL ? json_write(out, o) : err_set(MP_ENOMEM, "out of memory");
	json_decref(o);
	return r;
}

static int print_record(struct call *a, const struct contact *c, bool print)
{
	struct record rec;
	struct facts f;
	int r = get_facts(&f, a->s, c, print);

	record_init(&rec);
	rec.class = CLASS_EVENT;
	strcpy(rec.kind, "contact");
	memcpy(rec.contact, c->name, sizeof(rec.contact));
	rec.time = c->created;
	rec.has_body = true;
	if (r == MP_OK)
		r = make_body(&rec.body, &f, c, print);
	if (r == MP_OK)
		r = record_write(stdout, &rec, a->json);
	record_free(&rec);
	return r;
}

struct listing {
	struct call *call;
	int64_t n;
};

static int list_one(void *ctx, const struct contact *c)
{
	struct listing *l = ctx;

	l->n++;
	return print_record(l->call, c, false);
}

static int list(struct call *a)
{
	struct listing l = {.call = a};
	int r = contact_each(a->s, list_one, &l);

	if (r == MP_OK && l.n == 0)
		a->status = EXIT_NO; /* and nothing to say about it */
	return r;
}

static void print_line(const char *key, const char *value)
{
	struct buf text = BUF_INIT(4096);

	if (value != NULL && text_display(&text, value, strlen(value), 0) == 0)
		printf("%s: %.*s\n", key, (int)text.len, (const char *)text.data);
	buf_free(&text);
}

static int show(struct call *a)
{
	struct contact c;
	struct facts f;
	int r = contact_get(a->s, &c, a->operand[1]);

	if (r != MP_OK || a->json)
		return r != MP_OK ? r : print_record(a, &c, true);
	if ((r = get_facts(&f, a->s, &c, true)) != MP_OK)
		return r;
	print_line("name", c.name);
	print_line("state", f.state);
	print_line("address", f.address);
	print_line("fingerprint", f.fingerprint);
	print_line("epoch", f.fingerprint != NULL ? f.epoch : NULL);
	print_line("since", f.fingerprint != NULL ? f.since : NULL);
	print_line("verified", c.verified ? "yes" : "no");
	print_line("blocked", c.blocked ? "yes" : "no");
	print_line("nickname", f.nickname);
	print_line("introducer", f.introducer);
	print_line("created", f.created);
	print_line("seen", c.seen != 0 ? f.seen : NULL);
	return MP_OK;
}

/* Adds the letters and digits of s to what was read so far; spaces are for the eye. */
static int add_letters(char out[static FINGERPRINT_LEN + 1], const char *s)
{
	size_t n = strlen(out);

	for (; *s != '\0'; s++) {
		int c = tolower((unsigned char)*s);

		if (isspace(c))
			continue;
		if (n == FINGERPRINT_LEN || !(islower(c) || (c >= '2' && c <= '7')))
			return err_set(MP_EUSAGE, "a fingerprint is 32 letters and digits 2 to 7");
		out[n++] = (char)c;
		out[n] = '\0';
	}
	return MP_OK;
}

static int verify(struct call *a)
{
	char given[FINGERPRINT_LEN + 1] = "", known[FINGERPRINT_LEN + 1] = "";
	char text[FINGERPRINT_TEXT];
	struct contact c;
	bool has;
	int r = MP_OK;

	for (int i = 2; i < a->operands && r == MP_OK; i++)
		r = add_letters(given, a->operand[i]);
	if (r == MP_OK && strlen(given) != FINGERPRINT_LEN)
		r = err_set(MP_EUSAGE, "a fingerprint is 32 letters and digits 2 to 7");
	if (r != MP_OK || (r = contact_get(a->s, &c, a->operand[1])) != MP_OK ||
	    (r = get_fingerprint(a->s, &c, text, &has)) != MP_OK)
		return r;
	if (!has)
		return err_set(MP_ENONE, "'%s' has not accepted the card yet", c.name);
	if ((r = add_letters(known, text)) != MP_OK)
		return r;
	if (strcmp(given, known) != 0)
		return err_set(MP_ENONE,
		    "the fingerprint of '%s' is another: somebody may stand between you", c.name);
	return contact_set_verified(a->s, c.row, true);
}

static int rename_contact(struct call *a)
{
	return contact_rename(a->s, a->operand[1], a->operand[2]);
}

static bool is_picture(const struct buf *b)
{
	const uint8_t *p = b->data;

	return (b->len > 8 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0) ||
	       (b->len > 3 && memcmp(p, "\xff\xd8\xff", 3) == 0) ||
	       (b->len > 6 && (memcmp(p, "GIF87a", 6) == 0 || memcmp(p, "GIF89a", 6) == 0)) ||
	       (b->len > 12 && memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0);
}

static int read_picture(struct buf *image)
{
	int r = fd_read_all(STDIN_FILENO, image);

	if (r == MP_ELIMIT)
		return err_set(r, "the picture is larger than 1 MiB");
	if (r == MP_OK && !is_picture(image))
		return err_set(MP_EBAD, "the picture is no PNG, JPEG, GIF or WebP");
	return r;
}

static int picture(struct call *a)
{
	struct buf image = BUF_INIT(PICTURE_MAX);
	struct contact c;
	int r = contact_get(a->s, &c, a->operand[1]);

	if (r != MP_OK)
		return r;
	if (a->set && a->delete)
		return err_set(MP_EUSAGE, "-d or -s, not both");
	if (a->set)
		r = read_picture(&image);
	if (r == MP_OK && (a->set || a->delete))
		r = contact_picture_set(a->s, c.row, image.data, image.len);
	else if (r == MP_OK)
		r = contact_picture_get(a->s, c.row, &image);
	if (r == MP_OK && !a->set && !a->delete) {
		if (image.len == 0)
			r = err_set(MP_ENONE, "no picture of '%s'", c.name);
		else
			r = fd_write_all(STDOUT_FILENO, image.data, image.len);
	}
	buf_free(&image);
	return r;
}

static int rekey(struct call *a)
{
	struct record rec;
	int r;

	record_init(&rec);
	r = rekeying_start(a->s, a->operand[1], clock_now(), &rec);
	if (r == MP_OK)
		r = record_write(stdout, &rec, a->json);
	record_free(&rec);
	return r;
}

static int set_blocked(struct call *a, bool blocked)
{
	struct contact c;
	int r = contact_get(a->s, &c, a->operand[1]);

	return r == MP_OK ? contact_set_blocked(a->s, c.row, blocked) : r;
}

static int block(struct call *a)
{
	return set_blocked(a, true);
}

static int unblock(struct call *a)
{
	return set_blocked(a, false);
}

/* What a removal that was cut off left behind goes too, when it is asked for again. */
static int remove_contact(struct call *a)
{
	struct contact c;
	int r = contact_get(a->s, &c, a->operand[1]), erased, cleaned;

	if (r == MP_OK)
		r = contact_remove(a->s, c.row);
	if (r != MP_OK && r != MP_ENONE)
		return r;
	erased = store_erase(a->s);
	cleaned = erased == MP_OK ? spool_clean(a->s) : erased;
	if (cleaned != MP_OK)
		return cleaned;
	return r == MP_OK ? r : err_set(r, "no contact '%.40s'", a->operand[1]);
}

/* What a verb does to contacts, which another device may have to do. */
enum effect { LOOKS, MEETS, CHANGES, ENDS };

static const struct verb {
	const char *name, *options;
	int least, most; /* operands behind the verb */
	int (*run)(struct call *a);
	enum effect effect;
} verbs[] = {
    {"offer", "e", 1, 1, offer, MEETS},
    {"accept", "j", 1, 1, accept, MEETS},
    {"list", "j", 0, 0, list, LOOKS},
    {"show", "j", 1, 1, show, LOOKS},
    {"verify", "", 2, OPERANDS - 1, verify, CHANGES},
    {"rename", "", 2, 2, rename_contact, CHANGES},
    {"picture", "ds", 1, 1, picture, LOOKS},
    {"rekey", "j", 1, 1, rekey, CHANGES},
    {"block", "", 1, 1, block, ENDS},
    {"unblock", "", 1, 1, unblock, CHANGES},
    {"remove", "", 1, 1, remove_contact, ENDS},
};

/* MP_EUSAGE: it is for another device of ours to do, or would cut one off. */
static int allowed(struct call *a, enum effect effect)
{
	if (effect < CHANGES)
		return effect == MEETS ? devices_first(a->s) : MP_OK;
	return devices_change(a->s, a->operand[1], effect == ENDS);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(name, verbs[i].name) == 0)
			return &verbs[i];
	}
	return NULL;
}

/* Options may stand on either side of the operands. -1, or a status. */
static int parse(struct call *a, int argc, char **argv, char *used)
{
	bool only_operands = false;
	int c;

	while (optind < argc) {
		if (only_operands || (c = getopt(argc, argv, "+de:hjs")) == -1) {
			if (!only_operands && strcmp(argv[optind - 1], "--") == 0)
				only_operands = true;
			if (optind == argc)
				break;
			if (a->operands == OPERANDS)
				return cmd_usage(0);
			a->operand[a->operands++] = argv[optind++];
			continue;
		}
		if (c == 'h' || c == '?')
			return cmd_usage(c);
		if (c == 'e' && (a->expires = cmd_duration(c, optarg)) < MP_SECOND) {
			err_warn("-e: a card must be valid for a second at least");
			return EXIT_PERMANENT;
		}
		a->json |= c == 'j';
		a->set |= c == 's';
		a->delete |= c == 'd';
		if (strchr(used, c) == NULL)
			used[strlen(used)] = (char)c;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct call a = {.expires = -1};
	const struct verb *v;
	char used[8] = "";
	int64_t gone;
	int r, status;

	cmd_begin("mp-contact", USAGE);
	if ((status = parse(&a, argc, argv, used)) >= 0)
		return status;
	if (a.operands == 0)
		return cmd_usage(0);
	if ((v = find_verb(a.operand[0])) == NULL) {
		err_warn("unknown verb '%.40s'", a.operand[0]);
		return cmd_usage(0);
	}
	if (strspn(used, v->options) != strlen(used) || a.operands - 1 < v->least ||
	    a.operands - 1 > v->most)
		return cmd_usage(0);
	if ((r = config_load(&a.cfg)) == MP_OK && (r = store_open(&a.s)) == MP_OK) {
		/* Who only looks, or removes because the disk is full, must not fail by it. */
		if (key_expire(a.s, clock_now(), &gone) == MP_OK && gone > 0)
			(void)traces_erase(a.s);
		if ((r = allowed(&a, v->effect)) == MP_OK)
			r = v->run(&a);
	}
	store_close(a.s);
	if (r == MP_OK)
		r = record_finish(stdout);
	return r == MP_OK ? a.status : err_print(r);
}
