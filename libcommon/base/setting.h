/*
 * setting: files of lines `key = value`, read into a struct by a table (mp-config(5), mp-relay(1)).
 *
 * Each key has a type, a default and bounds; an unknown key, one given twice or a bad value is
 * MP_EBAD with file and line.  An absent file is all defaults.  Plain values, nothing to free.
 */
#ifndef MP_BASE_SETTING_H
#define MP_BASE_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_type { SETTING_COUNT, SETTING_SIZE, SETTING_DURATION, SETTING_TEXT };

struct setting {
	const char *name;
	enum setting_type type;
	size_t offset, room;        /* in the struct; room: of a text, with its NUL */
	int64_t value, least, most; /* of a number, an int64_t */
	const char *text;           /* the default of a text */
	bool (*good)(const char *value);
};

#define SETTING_NUMBER(of, key, type, member, value, least, most)                              \
	{                                                                                      \
		key, SETTING_##type, offsetof(struct of, member), 0, value, least, most, NULL, \
		    NULL                                                                       \
	}
#define SETTING_STRING(of, key, member, value, good)                                              \
	{                                                                                         \
		key, SETTING_TEXT, offsetof(struct of, member), sizeof(((struct of *)0)->member), \
		    0, 0, 0, value, good                                                          \
	}

#define SETTINGS_MAX 32 /* in one table */

/* The defaults, after wiping what is at `to`, of `size` bytes. */
void settings_default(void *to, size_t size, const struct setting *table, size_t n);
/* From bytes; name stands in messages. */
int settings_parse(void *to, const struct setting *table, size_t n, const char *text, size_t len,
    const char *name);
/* From the file, at most 64 KiB. */
int settings_read(void *to, const struct setting *table, size_t n, const char *path);

#endif
