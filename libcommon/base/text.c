#include "base/text.h"
#include "base/err.h"

#include <sodium.h>
#include <string.h>

size_t text_next(const uint8_t *p, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len;

	if (n == 0)
		return 0;
	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len > n)
		return 0;
	*cp = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (p[i] & 0x3f);
	}
	/* overlong, surrogate, beyond Unicode */
	if (*cp < least[len] || (*cp >= 0xd800 && *cp < 0xe000) || *cp > 0x10ffff)
		return 0;
	return len;
}

bool text_unsafe(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x61c || cp == 0x200e ||
	       cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

#define RUN 64

/* True when a byte of the run is no printable ASCII character, or is a backslash. Compilers make
 * vectors of it. */
static bool special_run(const uint8_t p[static RUN])
{
	uint8_t bad = 0;

	for (int i = 0; i < RUN; i++)
		bad |= (uint8_t)(((uint8_t)(p[i] - 0x20) >= 0x5f) | (p[i] == '\\'));
	return bad != 0;
}

size_t text_plain(const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t i = 0, slow = 0;

	while (i < len) {
		uint32_t cp;
		size_t n;

		if (len - i >= RUN && i >= slow) {
			if (!special_run(p + i)) {
				i += RUN;
				continue;
			}
			slow = i + RUN; /* no run is looked at twice */
		}
		n = text_next(p + i, len - i, &cp);
		if (n == 0 || cp == '\\' || text_unsafe(cp))
			break;
		i += n;
	}
	return i;
}

/* One byte as an escape at to; three digits always, for %b would take a digit that follows. */
static uint8_t *put_escape(uint8_t *to, uint8_t c)
{
	*to++ = '\\';
	switch (c) {
	case '\\':
		*to++ = '\\';
		break;
	case '\n':
		*to++ = 'n';
		break;
	case '\t':
		*to++ = 't';
		break;
	case '\r':
		*to++ = 'r';
		break;
	default:
		*to++ = '0';
		*to++ = (uint8_t)('0' + (c >> 6));
		*to++ = (uint8_t)('0' + (c >> 3 & 7));
		*to++ = (uint8_t)('0' + (c & 7));
	}
	return to;
}

enum { KEEP_BACKSLASH = 1, KEEP_NEWLINE = 2 };

/* Adds escapes for what stands at p, as far as it needs them; returns how many bytes that were. */
static size_t add_escapes(struct buf *out, const uint8_t *p, size_t len, int keep, int *rc)
{
	uint8_t text[400], *to = text;
	size_t at = 0;

	while (at < len && to + 4 * 5 <= text + sizeof(text)) {
		uint32_t cp;
		size_t n = text_next(p + at, len - at, &cp);

		if (n != 0 && cp != '\\' && !text_unsafe(cp))
			break;
		if ((p[at] == '\\' && (keep & KEEP_BACKSLASH)) ||
		    (p[at] == '\n' && (keep & KEEP_NEWLINE))) {
			*to++ = p[at++];
			continue;
		}
		for (n += n == 0; n > 0; n--)
			to = put_escape(to, p[at++]);
	}
	*rc = buf_add(out, text, (size_t)(to - text));
	return at;
}

static int escape(struct buf *out, const uint8_t *p, size_t len, int keep)
{
	size_t before = out->len, at = 0;
	int rc = 0;

	while (rc == 0 && at < len) {
		size_t run = text_plain(p + at, len - at);

		rc = buf_add(out, p + at, run);
		at += run;
		if (rc == 0 && at < len)
			at += add_escapes(out, p + at, len - at, keep, &rc);
	}
	if (rc != 0)
		out->len = before;
	return rc;
}

int text_escape(struct buf *out, const void *data, size_t len)
{
	if (len == 1 && *(const char *)data == '-')
		return buf_adds(out, "\\055");
	return escape(out, data, len, 0);
}

int text_display(struct buf *out, const void *data, size_t len, int flags)
{
	return escape(out, data, len, KEEP_BACKSLASH | (flags & TEXT_LINES ? KEEP_NEWLINE : 0));
}

/* The escape at s, behind its backslash: its byte, and how many characters it took, or -1. */
static int read_escape(const char *s, size_t len, size_t *used)
{
	static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
	const char *at;
	int v = 0;

	if (len == 0)
		return -1;
	*used = 1;
	if (*s == '0') {
		for (; *used < len && *used < 4 && s[*used] >= '0' && s[*used] <= '7'; ++*used)
			v = v * 8 + (s[*used] - '0');
		return v > 255 ? -1 : v;
	}
	if (*s == '\0' || (at = strchr(letters, *s)) == NULL)
		return -1;
	return (unsigned char)values[at - letters];
}

int text_unescape(struct buf *out, const char *s, size_t len)
{
	size_t before = out->len, used;
	int rc = buf_reserve(out, 0);

	while (rc == 0 && len > 0) {
		const char *slash = memchr(s, '\\', len);
		size_t run = slash == NULL ? len : (size_t)(slash - s);
		int c;

		if ((rc = buf_add(out, s, run)) != 0 || slash == NULL)
			break;
		s += run + 1;
		len -= run + 1;
		if ((c = read_escape(s, len, &used)) < 0) {
			rc = err_set(MP_EBAD, "bad escape '\\%.*s'", (int)(len < 4 ? len : 4), s);
			break;
		}
		rc = buf_addc(out, c);
		s += used;
		len -= used;
	}
	if (rc != 0)
		out->len = before;
	return rc;
}

bool text_utf8(const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len;) {
		uint32_t cp;
		size_t n;

		i += text_plain(p + i, len - i);
		if (i == len)
			break;
		if ((n = text_next(p + i, len - i, &cp)) == 0)
			return false;
		i += n;
	}
	return true;
}

bool text_name_ok(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n >= 1 && n <= NAME_MAX_LEN && s[n] == '\0' && strchr("._-", s[0]) == NULL;
}

void text_filename(char out[static 208], const char *name, size_t len)
{
	const char *slash = memrchr(name, '/', len);
	size_t at = 0, n;

	if (slash != NULL) {
		len -= (size_t)(slash + 1 - name);
		name = slash + 1;
	}
	while (len > 0 && (*name == '.' || *name == '-')) {
		name++;
		len--;
	}
	for (; len > 0; name += n, len -= n) {
		uint32_t cp;
		size_t width;

		n = text_next((const uint8_t *)name, len, &cp);
		width = n == 0 || text_unsafe(cp) ? 1 : n;
		if (at + width > 200)
			break;
		if (n == 0 || text_unsafe(cp))
			out[at] = '_';
		else
			memcpy(out + at, name, n);
		at += width;
		if (n == 0)
			n = 1;
	}
	out[at] = '\0';
	if (at == 0)
		strcpy(out, "file");
}

void hex_encode(char *out, const uint8_t *data, size_t n)
{
	sodium_bin2hex(out, 2 * n + 1, data, n);
}

int hex_decode(uint8_t *out, size_t n, const char *hex)
{
	size_t len = strlen(hex), got;

	if (len != 2 * n || sodium_hex2bin(out, n, hex, len, NULL, &got, NULL) != 0 || got != n)
		return -1;
	return 0;
}
