/* The folder of chatd.h. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"
#include "node/chatd.h"

const char *chatd_file(const char *name)
{
	static char ring[4][PATH_MAX];
	static unsigned at;
	const char *dir = getenv("MP_CHATD");
	char *out = ring[at++ % 4];

	if (dir == NULL || *dir == '\0')
		dir = home_file("chatd");
	if (snprintf(out, PATH_MAX, "%s%s%s", dir, *name != '\0' ? "/" : "", name) >= PATH_MAX)
		abort();
	return out;
}

static int make_key(struct serverkey **key)
{
	struct buf pem = BUF_INIT(16384);
	int rc = serverkey_new(key);

	if (rc == 0 && (rc = serverkey_write(&pem, *key)) == 0)
		rc = file_write(chatd_file("key.pem"), pem.data, pem.len, 0600, false);
	buf_free(&pem);
	if (rc != 0) {
		serverkey_free(*key);
		*key = NULL;
	}
	return rc;
}

static int read_key(struct serverkey **key)
{
	struct buf pem = BUF_INIT(16384);
	int rc = file_read_secret(chatd_file("key.pem"), &pem);

	if (rc == 0 && (rc = serverkey_read(key, &pem)) != 0)
		rc = err_set(rc, "'%s': %s", chatd_file("key.pem"), err_detail());
	buf_free(&pem);
	return rc;
}

/* Two that start at once make one key: who comes second reads the first one's. */
static int get_key(struct serverkey **key)
{
	int rc = read_key(key);

	if (rc == MP_ENONE && (rc = make_key(key)) == MP_EEXIST)
		rc = read_key(key);
	return rc;
}

int chatd_prepare(struct store **s, struct serverkey **key)
{
	int rc = dir_make(chatd_file(""));

	*s = NULL;
	if (key != NULL)
		*key = NULL;
	if (rc == 0 && key != NULL)
		rc = get_key(key);
	return rc == 0 ? chatd_open(s, chatd_file("chatd.db")) : rc;
}
