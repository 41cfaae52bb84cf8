#include "node/otr_person.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"

#define COMMENT "untrusted comment: "
#define ALGORITHM "P2"
#define RAW (2 + P256_SECRET)
#define PEOPLE "otr/people"

static const char *person_file(const char *name)
{
	char rest[sizeof(PEOPLE) + 1 + NAME_MAX_LEN + 1];

	snprintf(rest, sizeof(rest), PEOPLE "/%.32s", name);
	return home_file(rest);
}

static int make_folders(void)
{
	int r = home_path() == NULL ? MP_ESYS : dir_make(home_path());

	if (r == MP_OK)
		r = dir_make(home_file("otr"));
	return r == MP_OK ? dir_make(home_file(PEOPLE)) : r;
}

int person_fresh(struct otr_identity **out)
{
	int r;

	*out = secret_alloc(sizeof(**out));
	if ((r = p256_generate((*out)->secret, (*out)->key)) != MP_OK)
		secret_free(*out);
	return r;
}

static int write_key(const struct otr_identity *id)
{
	struct buf text = BUF_INIT(4096);
	char print[OTR_FINGERPRINT];
	uint8_t raw[RAW];
	int r;

	memcpy(raw, ALGORITHM, 2);
	memcpy(raw + 2, id->secret, P256_SECRET);
	if ((r = otr_fingerprint(print, id->key)) == MP_OK &&
	    (r = buf_addf(&text, COMMENT "mp-otr key, fingerprint %s\n", print)) == MP_OK &&
	    (r = base64_secret_encode(&text, raw, sizeof(raw))) == MP_OK &&
	    (r = buf_addc(&text, '\n')) == MP_OK && (r = make_folders()) == MP_OK)
		r = file_write(home_file("otr/key"), text.data, text.len, 0600, false);
	secret_wipe(raw, sizeof(raw));
	buf_free(&text);
	return r;
}

static int read_key(struct otr_identity *id)
{
	struct buf file = BUF_INIT(4096);
	uint8_t raw[RAW];
	const char *line;
	size_t n;
	int r = file_read_secret(home_file("otr/key"), &file);

	if (r != MP_OK || (r = buf_terminate(&file)) != MP_OK)
		goto out;
	r = MP_EBAD;
	line = memchr(file.data, '\n', file.len);
	if (line == NULL || strncmp((const char *)file.data, COMMENT, sizeof(COMMENT) - 1) != 0)
		goto out;
	n = file.len - (size_t)(++line - (const char *)file.data);
	if (n == 0 || line[n - 1] != '\n' ||
	    base64_secret_decode(raw, sizeof(raw), line, n - 1) != MP_OK ||
	    memcmp(raw, ALGORITHM, 2) != 0)
		goto out;
	memcpy(id->secret, raw + 2, P256_SECRET);
	r = p256_public(id->key, id->secret);
out:
	secret_wipe(raw, sizeof(raw));
	buf_free(&file);
	return r == MP_EBAD ? err_set(r, "'%s' is no key file", home_file("otr/key")) : r;
}

/* Of two who make one at once the second takes the first's. */
int person_identity(struct otr_identity **out)
{
	struct otr_identity *id;
	int r;

	if (home_path() == NULL)
		return MP_ESYS;
	id = secret_alloc(sizeof(*id));
	if ((r = read_key(id)) == MP_ENONE && (r = p256_generate(id->secret, id->key)) == MP_OK &&
	    (r = write_key(id)) == MP_EEXIST)
		r = read_key(id);
	if (r != MP_OK) {
		secret_free(id);
		return r;
	}
	*out = id;
	return MP_OK;
}

/* As otr_fingerprint() writes it. */
static int normal(char out[static OTR_FINGERPRINT], const char *text)
{
	char digits[41];
	uint8_t raw[20];
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (*text == ' ' || *text == '\t' || *text == '\n')
			continue;
		if (n == 40)
			return MP_EBAD;
		digits[n++] = (char)tolower((unsigned char)*text);
	}
	digits[n] = '\0';
	if (hex_decode(raw, sizeof(raw), digits) != 0)
		return MP_EBAD;
	for (size_t i = 0; i < 10; i++) {
		memcpy(out + 5 * i, digits + 4 * i, 4);
		out[5 * i + 4] = i < 9 ? ' ' : '\0';
	}
	return MP_OK;
}

int person_trust(const char *name, const char *text)
{
	char print[OTR_FINGERPRINT], line[OTR_FINGERPRINT + 1];
	int r;

	if (!text_name_ok(name))
		return err_set(MP_EUSAGE, "'%.80s' is no name", name);
	if (normal(print, text) != MP_OK)
		return err_set(MP_EBAD, "a fingerprint is 40 hexadecimal digits");
	if ((r = make_folders()) != MP_OK)
		return r;
	snprintf(line, sizeof(line), "%s\n", print);
	r = file_write(person_file(name), line, strlen(line), 0600, false);
	return r == MP_EEXIST ? err_set(r, "there is a key for '%s' already", name) : r;
}

int person_forget(const char *name)
{
	if (!text_name_ok(name))
		return err_set(MP_EUSAGE, "'%.80s' is no name", name);
	if (home_path() == NULL)
		return MP_ESYS;
	if (unlink(person_file(name)) == 0)
		return MP_OK;
	return errno == ENOENT ? err_set(MP_ENONE, "no key for '%s'", name)
	                       : err_sys("cannot remove '%s'", person_file(name));
}

int person_each(int (*each)(void *ctx, const char *name, const char *fingerprint), void *ctx)
{
	struct dirent *e;
	int r = MP_OK;
	DIR *d;

	if (home_path() == NULL)
		return MP_ESYS;
	if ((d = opendir(home_file(PEOPLE))) == NULL)
		return errno == ENOENT ? MP_OK : err_sys("cannot read '%s'", home_file(PEOPLE));
	while (r == MP_OK && (e = readdir(d)) != NULL) {
		struct buf file = BUF_INIT(256);
		char print[OTR_FINGERPRINT];

		if (!text_name_ok(e->d_name))
			continue;
		r = file_read(person_file(e->d_name), &file);
		if (r == MP_OK && (r = buf_terminate(&file)) == MP_OK &&
		    normal(print, (const char *)file.data) != MP_OK)
			r = err_set(MP_EBAD, "'%s' is no fingerprint", person_file(e->d_name));
		if (r == MP_OK)
			r = each(ctx, e->d_name, print);
		else if (r == MP_ENONE)
			r = MP_OK; /* forgotten meanwhile */
		buf_free(&file);
	}
	closedir(d);
	return r;
}

struct search {
	char print[OTR_FINGERPRINT];
	char *name;
};

static int compare(void *ctx, const char *name, const char *fingerprint)
{
	struct search *s = ctx;

	if (strcmp(fingerprint, s->print) != 0)
		return MP_OK;
	strcpy(s->name, name);
	return 1;
}

int person_name(char name[static 33], const uint8_t key[static P256_PUBLIC])
{
	struct search s = {.name = name};
	int r = otr_fingerprint(s.print, key);

	name[0] = '\0';
	return r == MP_OK ? person_each(compare, &s) : r;
}
