#include "chat/login.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "chat/payload.h"

#define PASSWORD_MAX (LOGIN_PASSWORD - 1)

bool login_password_ok(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > PASSWORD_MAX || !text_utf8(s, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return true;
}

int login_write(uint8_t out[static LOGIN_SIZE], const struct login *l)
{
	char random[65];
	int n;

	if (!text_name_ok(l->name))
		return err_set(MP_EUSAGE, "'%.40s' is no name of a user", l->name);
	if (!login_password_ok(l->password))
		return err_set(MP_EUSAGE, "a password is 1 to %d bytes of text", PASSWORD_MAX);
	hex_encode(random, l->random, 32);
	n = snprintf((char *)out, LOGIN_SIZE, "%" PRId64 "\n%s\n%s\n%s\n", l->time, l->name,
	    l->password, random);
	memset(out + n, ' ', LOGIN_SIZE - (size_t)n);
	return 0;
}

int login_read(struct login *l, const uint8_t *p, size_t n)
{
	struct line_reader r = {.p = p, .n = n};
	uint64_t time;

	memset(l, 0, sizeof(*l));
	if (n == LOGIN_SIZE && line_number(&r, &time) && time <= INT64_MAX &&
	    line_text(&r, l->name, sizeof(l->name)) &&
	    line_text(&r, l->password, sizeof(l->password)) && line_hex(&r, l->random, 32) &&
	    text_name_ok(l->name) && login_password_ok(l->password)) {
		l->time = (int64_t)time;
		while (r.at < n && p[r.at] == ' ')
			r.at++;
		if (r.at == n)
			return 0;
	}
	secret_wipe(l, sizeof(*l));
	return err_set(MP_EBAD, "no login");
}

void login_hash(uint8_t out[static 32], const uint8_t *request, size_t n)
{
	crypto_hash_sha256(out, request, n);
}

int login_answer_write(struct buf *out, const struct login_answer *a)
{
	char request[65], random[65];

	hex_encode(request, a->request, 32);
	hex_encode(random, a->random, 32);
	return buf_addf(out, "%s\n%s\n%016" PRIx64 "\n", request, random, a->uid);
}

int login_answer_read(struct login_answer *a, const uint8_t *p, size_t n)
{
	struct line_reader r = {.p = p, .n = n};

	if (line_hex(&r, a->request, 32) && line_hex(&r, a->random, 32) && line_id(&r, &a->uid) &&
	    r.at == n && a->uid != 0)
		return 0;
	return err_set(MP_EBAD, "no answer to a login");
}
