/* Who follows which session, and which init requests wait for an answer. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "node/hubstate.h"

static struct room *room_of(struct hub *h, uint64_t sid)
{
	struct room *room = map_get(&h->rooms, sid);

	if (room != NULL || (room = calloc(1, sizeof(*room))) == NULL)
		return room;
	room->sid = sid;
	if (map_put(&h->rooms, sid, room) != 0) {
		free(room);
		return NULL;
	}
	return room;
}

struct follower *hub_following(struct hub_conn *c, uint64_t sid)
{
	struct follower *f = c->following;

	while (f != NULL && f->room->sid != sid)
		f = f->next_of_conn;
	return f;
}

int hub_follow(struct hub *h, struct hub_conn *c, uint64_t sid, uint64_t after)
{
	struct follower *f = hub_following(c, sid);

	if (f == NULL) {
		if (c->follows >= CHATD_ROOMS)
			return err_set(MP_EBAD, "follows too much");
		if ((f = calloc(1, sizeof(*f))) == NULL || (f->room = room_of(h, sid)) == NULL) {
			free(f);
			return err_set(MP_ENOMEM, "out of memory");
		}
		f->conn = c;
		f->next_of_conn = c->following;
		c->following = f;
		c->follows++;
		f->next_of_room = f->room->followers;
		f->room->followers = f;
	}
	f->cursor = after;
	f->lagging = c->pulling = h->pull = true;
	h->ops.wake(h->ctx);
	/* What he has, he has. */
	f->confirmed = after;
	f->unsaved = after > 0;
	return 0;
}

static void leave_room(struct hub *h, struct follower *f)
{
	struct follower **at = &f->room->followers;

	while (*at != f)
		at = &(*at)->next_of_room;
	*at = f->next_of_room;
	if (f->room->followers == NULL) {
		map_remove(&h->rooms, f->room->sid);
		free(f->room);
	}
}

void hub_unfollow(struct hub *h, struct hub_conn *c)
{
	struct follower *f;

	while ((f = c->following) != NULL) {
		c->following = f->next_of_conn;
		leave_room(h, f);
		free(f);
	}
	c->follows = 0;
}

void hub_forget_room(struct hub *h, uint64_t sid)
{
	struct room *room = map_get(&h->rooms, sid);

	while (room != NULL) {
		struct follower *f = room->followers, **at = &f->conn->following;
		bool last = f->next_of_room == NULL;

		while (*at != f)
			at = &(*at)->next_of_conn;
		*at = f->next_of_conn;
		f->conn->follows--;
		leave_room(h, f);
		free(f);
		if (last)
			room = NULL;
	}
}

static int save_one(struct hub *h, struct hub_conn *c)
{
	int rc = 0;

	for (struct follower *f = c->following; rc == 0 && f != NULL; f = f->next_of_conn) {
		if (!f->unsaved)
			continue;
		f->unsaved = false;
		if ((rc = hub_begin(h)) == 0)
			rc = chatd_confirm(h->s, f->room->sid, c->user->uid, f->confirmed);
	}
	return rc;
}

int hub_save(struct hub *h, struct hub_conn *c)
{
	int rc = 0;

	if (c != NULL)
		return save_one(h, c);
	for (c = h->conns; rc == 0 && c != NULL; c = c->next)
		rc = save_one(h, c);
	return rc;
}

static int opened(struct hub *h, struct opening *o)
{
	struct opening **at = &h->openings;
	struct buf text = BUF_INIT(64);
	int rc = response_write(&text, "OK");

	if (rc == 0)
		rc = hub_tell(h, o->conn, FRAME_INIT_RES, o->sid, 0, &text);
	buf_free(&text);
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	free(o);
	return rc;
}

int hub_answered(struct hub *h, uint64_t sid, uint64_t uid)
{
	struct opening *o, *next;
	int rc = 0;

	for (o = h->openings; rc == 0 && o != NULL; o = next) {
		next = o->next;
		if (sid != 0 && o->sid != sid)
			continue;
		for (size_t i = 0; i < o->n; i++)
			if (o->waiting[i] == uid)
				o->waiting[i] = o->waiting[--o->n];
		if (o->n == 0)
			rc = opened(h, o);
	}
	return rc;
}

int hub_open_timeouts(struct hub *h, int64_t now)
{
	struct opening *o, *next;
	int rc = 0;

	for (o = h->openings; rc == 0 && o != NULL; o = next) {
		next = o->next;
		if (now >= o->until)
			rc = opened(h, o);
	}
	return rc;
}
