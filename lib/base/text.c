/*
 * Folding and percent-coding. Three quarters of the keys that arrive are lower-case ASCII already:
 * those are returned as they are, and only the others cost memory.
 */
#include "attrib/text.h"

#include <utf8proc.h>

#include "attrib/id.h"
#include "utf8.h"

/* Not IGNORE: it would drop default-ignorable characters, which SQL's normalize() keeps. */
#define FOLD_OPTIONS (UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD)

static inline bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* What stands in a text, found in one pass. */
struct content {
	bool ascii, upper;
};

static struct content content_of(struct attrib_str s)
{
	unsigned char all = 0, upper = 0;

	for (size_t i = 0; i < s.n; i++) {
		all |= (unsigned char)s.p[i];
		upper |= (unsigned char)((unsigned char)s.p[i] - 'A') < 26;
	}
	return (struct content){all < 0x80, upper};
}

static struct attrib_str lower_ascii(struct attrib_arena *arena, struct attrib_str s)
{
	char *p = attrib_arena_raw(arena, s.n);

	if (!p)
		return ATTRIB_STR_NONE;
	for (size_t i = 0; i < s.n; i++)
		p[i] = is_upper(s.p[i]) ? (char)(s.p[i] | 0x20) : s.p[i];
	return (struct attrib_str){p, s.n};
}

/* utf8proc works on code points in place: the arena holds them, and the result overwrites them. */
static struct attrib_str fold_unicode(struct attrib_arena *arena, struct attrib_str s)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s.p;
	utf8proc_ssize_t n = utf8proc_decompose(p, (utf8proc_ssize_t)s.n, NULL, 0, FOLD_OPTIONS);
	utf8proc_int32_t *points;

	if (n < 0)
		return s;
	points = attrib_arena_raw(arena, ((size_t)n + 1) * sizeof *points);
	if (!points)
		return ATTRIB_STR_NONE;
	n = utf8proc_decompose(p, (utf8proc_ssize_t)s.n, points, n, FOLD_OPTIONS);
	n = n < 0 ? n : utf8proc_reencode(points, n, FOLD_OPTIONS);
	if (n < 0)
		return s;
	return attrib_str_trim((struct attrib_str){(const char *)points, (size_t)n});
}

struct attrib_str attrib_fold(struct attrib_arena *arena, struct attrib_str s)
{
	struct content content = content_of(s);

	if (s.n == 0)
		return ATTRIB_STR("");
	if (!content.ascii)
		return fold_unicode(arena, s);
	s = attrib_str_trim(s);
	return content.upper ? lower_ascii(arena, s) : s;
}

/* ASCII that stands for itself in a form. */
static const uint8_t plain[256] = {
	[1 ... '%' - 1] = 1, ['%' + 1 ... '+' - 1] = 1, ['+' + 1 ... 127] = 1};

static inline size_t plain_run(struct attrib_str s)
{
	size_t i = 0;

	while (i < s.n && plain[(unsigned char)s.p[i]])
		i++;
	return i;
}

/* The byte that the escape at s.p[i] stands for, or -1 when it is none. */
static inline int escaped(struct attrib_str s, size_t i)
{
	int high, low;

	if (s.p[i] != '%' || s.n - i < 3)
		return -1;
	high = attrib_hex_digit(s.p[i + 1]);
	low = attrib_hex_digit(s.p[i + 2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* The bytes that the escapes stand for, from the first one at `i` on; *ascii tells whether all of
 * them are ASCII without U+0000, which is text. */
static struct attrib_str unescape(
	struct attrib_arena *arena, struct attrib_str s, size_t i, bool *ascii)
{
	char *p = attrib_arena_raw(arena, s.n);
	size_t n = i;

	if (!p)
		return ATTRIB_STR_NONE;
	memcpy(p, s.p, i);
	*ascii = true;
	while (i < s.n) {
		if (plain[(unsigned char)s.p[i]]) {
			p[n++] = s.p[i++];
			continue;
		}
		int byte = escaped(s, i);
		char c = byte >= 0 ? (char)byte : s.p[i] == '+' ? ' ' : s.p[i];
		i += byte >= 0 ? 3 : 1;
		*ascii &= c && (unsigned char)c < 0x80;
		p[n++] = c;
	}
	return (struct attrib_str){p, n};
}

/* Every NUL and every broken sequence becomes one U+FFFD. */
static struct attrib_str make_text(struct attrib_arena *arena, struct attrib_str s)
{
	const uint8_t *in = (const uint8_t *)s.p;
	char *p = s.n < SIZE_MAX / 3 ? attrib_arena_raw(arena, 3 * s.n) : NULL;
	size_t n = 0, len;

	if (!p)
		return ATTRIB_STR_NONE;
	for (size_t i = 0; i < s.n; i += len) {
		bool keep = utf8_step(in + i, s.n - i, &len) && in[i] != 0;
		size_t width = keep ? len : 3;
		memcpy(p + n, keep ? (const char *)in + i : "\xef\xbf\xbd", width);
		n += width;
	}
	return (struct attrib_str){p, n};
}

struct attrib_str attrib_form_decode(struct attrib_arena *arena, struct attrib_str s)
{
	size_t run = plain_run(s);
	bool ascii = false;

	if (s.n == 0)
		return ATTRIB_STR("");
	if (run == s.n)
		return s;
	s = unescape(arena, s, run, &ascii);
	return ascii || attrib_str_is_text(s) ? s : make_text(arena, s);
}

static inline bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

struct attrib_str attrib_percent_encode(struct attrib_arena *arena, struct attrib_str s)
{
	size_t reserved = 0, n = 0;
	char *p;

	for (size_t i = 0; i < s.n; i++)
		reserved += !is_unreserved(s.p[i]);
	if (reserved == 0)
		return s.n ? s : ATTRIB_STR("");
	p = attrib_arena_raw(arena, s.n + 2 * reserved);
	if (!p)
		return ATTRIB_STR_NONE;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t byte = (uint8_t)s.p[i];
		if (is_unreserved(s.p[i])) {
			p[n++] = s.p[i];
			continue;
		}
		p[n++] = '%';
		p[n++] = "0123456789ABCDEF"[byte >> 4];
		p[n++] = "0123456789ABCDEF"[byte & 15];
	}
	return (struct attrib_str){p, n};
}
