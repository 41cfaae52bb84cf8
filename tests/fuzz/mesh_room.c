/* fuzz/mesh_room: a room's requests and answers; and the bytes as a sealed line and as what is in
 * one. */
#include "fuzz/mesh.h"
#include "mesh/visit.h"

static void requests(const json_t *o, int (*read)(struct visit *v, const json_t *o),
    int (*write)(json_t **out, const struct visit *v))
{
	struct visit v, again;
	json_t *copy;

	visit_init(&v);
	visit_init(&again);
	if (verdict(read(&v, o)) == 0) {
		must(write(&copy, &v) == 0 && read(&again, copy) == 0);
		must(v.n == again.n && v.lines.len == again.lines.len &&
		     memcmp(v.room, again.room, DOOR_ID) == 0 && v.cursor == again.cursor);
		must(v.n == 0 || memcmp(v.lines.data, again.lines.data, v.lines.len) == 0);
		json_decref(copy);
	}
	visit_free(&v);
	visit_free(&again);
}

static void line(const uint8_t *data, size_t size)
{
	struct door d = {.id = {0}, .key = {0}};
	struct buf sealed = BUF_INIT(DOOR_SEALED), plain = BUF_INIT(DOOR_SEALED);
	const uint8_t *text;
	size_t len;

	must(door_open(&text, &len, &plain, &d, data, size) == MP_EBAD);
	if (size <= DOOR_LINE) {
		must(door_seal(&sealed, &d, data, size) == 0);
		if (verdict(door_open(&text, &len, &plain, &d, sealed.data, sealed.len)) == 0)
			must(len == size && memcmp(text, data, size) == 0);
		else
			must(memchr(data, '\n', size) != NULL);
	}
	buf_free(&sealed);
	buf_free(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *o;

	line(data, size);
	if (json_read(&o, (const char *)data, size) != 0)
		return 0;
	requests(o, visit_post_read, visit_post_write);
	requests(o, visit_read_read, visit_read_write);
	requests(o, visit_answer_read, visit_answer_write);
	json_decref(o);
	return 0;
}
