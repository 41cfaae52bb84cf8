/*
 * fuzz/otr_session: bytes as what the transport and a hostile member do to three people.  Each byte
 * pair is a step: deliver, drop, repeat, alter or misattribute a line that waits, say something,
 * leave, let time pass.  However it goes nobody crashes, who is verified has one transcript with
 * everybody who is, and what is over stays over.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "otr/room.h"

#define PEOPLE 3
#define WAITING 256

struct person {
	struct otr_identity id;
	struct otr_config cfg;
	struct otr_room *room;
};

struct verdict {
	uint8_t sid[OTR_SID], digest[OTR_HASH];
};

static struct person person[PEOPLE];
static struct {
	char *text;
	size_t len, to;
} waiting[WAITING];
static size_t nwaiting;
static struct verdict verdict[64];
static size_t nverdicts;

static void post(size_t to, const char *text, size_t len)
{
	if (nwaiting == WAITING)
		return;
	waiting[nwaiting].text = malloc(len + 1);
	memcpy(waiting[nwaiting].text, text, len);
	waiting[nwaiting].len = len;
	waiting[nwaiting++].to = to;
}

static void on_line(void *ctx, const char *text, size_t len)
{
	struct person *p = ctx;

	must(len <= OTR_LINE_MAX);
	for (size_t i = 0; i < PEOPLE; i++)
		if (&person[i] != p)
			post(i, text, len);
}

static void on_note(void *ctx, const struct otr_note *note)
{
	(void)ctx;
	must(note->session != NULL);
	if (note->kind != NOTE_VERIFIED)
		return;
	for (size_t i = 0; i < nverdicts; i++)
		must(memcmp(verdict[i].sid, note->session->sid, OTR_SID) != 0 ||
		     memcmp(verdict[i].digest, note->data, OTR_HASH) == 0);
	if (nverdicts == sizeof(verdict) / sizeof(verdict[0]))
		return;
	memcpy(verdict[nverdicts].sid, note->session->sid, OTR_SID);
	memcpy(verdict[nverdicts++].digest, note->data, OTR_HASH);
}

static void forget(size_t i)
{
	free(waiting[i].text);
	memmove(waiting + i, waiting + i + 1, (--nwaiting - i) * sizeof(waiting[0]));
}

static void deliver(size_t i, int64_t now)
{
	struct otr_room *room = person[waiting[i].to].room;
	int r = room == NULL ? 0 : room_line(room, waiting[i].text, waiting[i].len, now);

	must(r == MP_OK || r == MP_EBAD || r == MP_ELIMIT);
}

/* What a line's type has, damaged or in another's name; a signature by whoever has a key here. */
static void damage(size_t i, uint8_t how)
{
	struct buf out = BUF_INIT(OTR_LINE_MAX);
	struct person *p = &person[how % PEOPLE];
	struct otr_line l;

	otr_line_init(&l);
	if (otr_line_read(&l, waiting[i].text, waiting[i].len) == MP_OK) {
		if ((how & 4) != 0)
			l.hash[how % 32] ^= 1;
		if ((how & 8) != 0 && l.data.len > 0)
			l.data.data[how % l.data.len] ^= 1;
		if ((how & 16) != 0)
			l.n ^= 1;
		if ((how & 32) != 0 && p->room != NULL)
			memcpy(l.from, p->room->own.id, OTR_ID);
		if ((how & 64) != 0 && p->room != NULL && p->room->next != NULL)
			(void)otr_line_sign(&l, p->room->next->secret->signing);
		if ((how & 128) != 0 && p->room != NULL && p->room->current != NULL)
			(void)otr_line_sign(&l, p->room->current->secret->signing);
		if (otr_line_write(&out, &l) == MP_OK)
			post(waiting[i].to, (const char *)out.data, out.len);
	}
	otr_line_free(&l);
	buf_free(&out);
}

static void step(uint8_t what, uint8_t arg, int64_t *now)
{
	size_t i = nwaiting == 0 ? 0 : arg % nwaiting, who = arg % PEOPLE;

	if (what % 16 < 8 && nwaiting > 0) {
		deliver(0, *now);
		forget(0);
	} else if (what % 16 == 8 && nwaiting > 0) {
		deliver(i, *now); /* out of turn, and again */
	} else if (what % 16 == 9 && nwaiting > 0) {
		forget(i);
	} else if (what % 16 == 10 && nwaiting > 0) {
		damage(i, arg);
	} else if (what % 16 == 11 && person[who].room != NULL) {
		(void)room_say(person[who].room, &arg, 1, *now);
	} else if (what == 12 && person[who].room != NULL) {
		must(room_leave(person[who].room, *now) == MP_OK);
	} else if (what % 16 == 13) {
		*now += arg < 240 ? arg * 10 : 61000;
	} else if (what % 16 == 14) { /* all that waits, in order */
		for (size_t n = nwaiting; n > 0; n--) {
			deliver(0, *now);
			forget(0);
		}
	} else {
		*now += 1100;
	}
	for (size_t k = 0; k < PEOPLE; k++)
		if (person[k].room != NULL)
			must(room_tick(person[k].room, *now) == MP_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t now = 1700000000000;

	secret_init();
	nverdicts = 0;
	for (size_t i = 0; i < PEOPLE; i++) {
		struct person *p = &person[i];

		p->cfg = (struct otr_config){.room = "ops",
		    .wait = 60000,
		    .settle = 1000,
		    .life = 86400000,
		    .skew = 300000,
		    .self = &p->id,
		    .sink = {p, on_line, on_note}};
		strcpy(p->cfg.nick, "x");
		must(p256_generate(p->id.secret, p->id.key) == MP_OK &&
		     room_new(&p->room, &p->cfg, now) == MP_OK);
	}
	for (size_t i = 0; i + 1 < size && i < 400; i += 2)
		step(data[i], data[i + 1], &now);
	for (size_t i = 0; i < PEOPLE; i++) {
		room_free(person[i].room);
		person[i].room = NULL;
	}
	while (nwaiting > 0)
		forget(nwaiting - 1);
	return 0;
}
