#include "base/setting.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t *number_at(void *c, const struct setting *k)
{
	return (int64_t *)(void *)((char *)c + k->offset);
}

void settings_default(void *to, size_t size, const struct setting *table, size_t n)
{
	memset(to, 0, size);
	for (size_t i = 0; i < n; i++) {
		if (table[i].type == SETTING_TEXT)
			strcpy((char *)to + table[i].offset, table[i].text);
		else
			*number_at(to, &table[i]) = table[i].value;
	}
}

/* Digits, and for a size K, M or G behind them. */
static int parse_count(int64_t *v, const char *s, bool size)
{
	static const char units[] = "KMG";
	size_t n = strspn(s, "0123456789");
	const char *unit = units;
	int shift = 0;

	if (n == 0 || n > 15)
		return -1;
	*v = strtoll(s, NULL, 10);
	if (s[n] != '\0') {
		if (!size || s[n + 1] != '\0' || (unit = strchr(units, s[n])) == NULL)
			return -1;
		shift = 10 * (int)(unit - units + 1);
	}
	if (*v > INT64_MAX >> shift)
		return -1;
	*v <<= shift;
	return 0;
}

/* NULL, or what the value should have been. */
static const char *set_value(void *c, const struct setting *k, const char *value)
{
	int64_t v;

	if (k->type == SETTING_TEXT) {
		if (strlen(value) >= k->room || !k->good(value))
			return "bad value";
		strcpy((char *)c + k->offset, value);
		return NULL;
	}
	if (k->type == SETTING_DURATION ? duration_parse(&v, value)
	                                : parse_count(&v, value, k->type == SETTING_SIZE))
		return k->type == SETTING_DURATION ? "no duration"
		       : k->type == SETTING_SIZE   ? "no size"
		                                   : "no number";
	if (v < k->least || v > k->most)
		return v < k->least ? "too small" : "too large";
	*number_at(c, k) = v;
	return NULL;
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'); n--)
		s[n - 1] = '\0';
	return s;
}

struct table {
	const struct setting *keys;
	size_t n;
	uint32_t given; /* a bit for each seen so far */
};

/* One line without LF. */
static int parse_line(void *c, struct table *t, char *line, const char *where)
{
	char *name = trim(line), *value = strchr(name, '=');
	const char *problem;
	size_t i;

	if (*name == '\0' || *name == '#')
		return 0;
	if (value == NULL)
		return err_set(MP_EBAD, "%s: not 'key = value'", where);
	*value++ = '\0';
	name = trim(name);
	value = trim(value);
	for (i = 0; i < t->n && strcmp(t->keys[i].name, name) != 0; i++)
		;
	if (i == t->n)
		return err_set(MP_EBAD, "%s: unknown key '%.40s'", where, name);
	if (t->given & 1u << i)
		return err_set(MP_EBAD, "%s: '%s' is given twice", where, name);
	t->given |= 1u << i;
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(MP_EBAD, "%s: control character in '%s'", where, name);
	if ((problem = set_value(c, &t->keys[i], value)) != NULL)
		return err_set(MP_EBAD, "%s: %s: %s '%.80s'", where, name, problem, value);
	return 0;
}

int settings_parse(
    void *to, const struct setting *table, size_t n, const char *text, size_t len, const char *name)
{
	char line[1024], where[300];
	struct table t = {.keys = table, .n = n};
	int rc;

	for (unsigned number = 1; len > 0; number++) {
		const char *lf = memchr(text, '\n', len);
		size_t line_len = lf != NULL ? (size_t)(lf - text) : len;

		snprintf(where, sizeof(where), "%s:%u", name, number);
		if (line_len >= sizeof(line) || memchr(text, '\0', line_len) != NULL)
			return err_set(MP_EBAD, "%s: line too long, or not text", where);
		memcpy(line, text, line_len);
		line[line_len] = '\0';
		if ((rc = parse_line(to, &t, line, where)) != 0)
			return rc;
		line_len += lf != NULL;
		text += line_len;
		len -= line_len;
	}
	return 0;
}

int settings_read(void *to, const struct setting *table, size_t n, const char *path)
{
	struct buf text = BUF_INIT(65536);
	int rc = file_read(path, &text);

	if (rc == 0)
		rc = settings_parse(to, table, n, (const char *)text.data, text.len, path);
	else if (rc == MP_ENONE)
		rc = 0;
	buf_free(&text);
	return rc;
}
