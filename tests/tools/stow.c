/*
 * stow: puts records into the store as if they had come: `in` and `event` new, `was` sent.
 *   stow < records            an id of `-` is a random one
 *   stow -n COUNT NAME        COUNT messages from NAME that are read already
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "store/contact.h"
#include "store/message.h"

static int add(struct store *s, struct record *rec)
{
	struct contact c = {.row = 0};
	enum message_dir dir = rec->class == CLASS_IN ? DIR_IN : DIR_OUT;
	enum message_state state = rec->class == CLASS_IN ? MESSAGE_NEW : MESSAGE_SENT;
	int r;

	if (rec->class == CLASS_EVENT) {
		dir = DIR_EVENT;
		state = MESSAGE_NEW;
	}
	if (rec->contact[0] != '\0' && (r = contact_get(s, &c, rec->contact)) != MP_OK)
		return r;
	if (!rec->has_id)
		randombytes_buf(rec->id, sizeof(rec->id));
	rec->has_id = true;
	return message_add(s, c.row, dir, state, rec, clock_now());
}

static int add_stream(struct store *s)
{
	struct record_reader reader;
	struct record *rec;
	int n, r = MP_OK;

	record_reader_init(&reader, STDIN_FILENO, "standard input");
	while (r == MP_OK && (n = record_read(&reader, &rec)) != 0)
		r = n < 0 ? n : add(s, rec);
	record_reader_free(&reader);
	return r;
}

static int add_many(struct store *s, int64_t count, const char *name)
{
	struct contact c;
	struct record rec;
	int r = contact_get(s, &c, name);

	record_init(&rec);
	strcpy(rec.kind, "message");
	rec.has_id = rec.has_body = true;
	rec.time = clock_now();
	for (; r == MP_OK && count > 0; count--) {
		randombytes_buf(rec.id, sizeof(rec.id));
		buf_clear(&rec.body);
		if ((r = buf_addf(&rec.body, "message %lld of many, as long as such texts are",
		         (long long)count)) == MP_OK)
			r = message_add(s, c.row, DIR_IN, MESSAGE_READ, &rec, rec.time);
	}
	record_free(&rec);
	return r;
}

int main(int argc, char **argv)
{
	struct store *s = NULL;
	int r;

	cmd_begin("stow", "stow [-n count name]");
	if ((r = store_open(&s)) != MP_OK || (r = store_begin(s)) != MP_OK)
		return err_print(r);
	if (argc == 4 && strcmp(argv[1], "-n") == 0)
		r = add_many(s, atoll(argv[2]), argv[3]);
	else
		r = add_stream(s);
	if (r == MP_OK && (r = store_commit(s)) == MP_OK)
		store_wake_inbox();
	if (r != MP_OK)
		err_print(r);
	store_close(s);
	return err_status(r);
}
