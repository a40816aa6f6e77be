/*
 * Views of bytes: comparing, cutting, and telling text from other bytes.
 */
#include "attrib/str.h"

#include <openssl/crypto.h>

#include "utf8.h"

int attrib_str_cmp(struct attrib_str a, struct attrib_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

static inline unsigned char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : (unsigned char)c;
}

bool attrib_str_ieq_bytes(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}

static inline bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct attrib_str attrib_str_trim(struct attrib_str s)
{
	while (s.n && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct attrib_str attrib_str_split(struct attrib_str s, char sep, struct attrib_str *rest)
{
	const char *at = s.n ? memchr(s.p, sep, s.n) : NULL;
	size_t before;

	if (!at) {
		*rest = ATTRIB_STR_NONE;
		return s;
	}
	before = (size_t)(at - s.p);
	*rest = (struct attrib_str){at + 1, s.n - before - 1};
	return (struct attrib_str){s.p, before};
}

bool attrib_str_eq_secret(struct attrib_str a, struct attrib_str b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

/* Eight bytes at once: the usual case is a long run of plain ASCII. */
static size_t ascii_run(const uint8_t *p, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t w;
		memcpy(&w, p + i, sizeof w);
		/* (w - ones) sets a top bit under every zero byte; a false one only above a real one */
		if ((w | (w - ones)) & tops)
			break;
	}
	return i;
}

bool attrib_str_is_text(struct attrib_str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t i = 0;

	while (i < s.n) {
		size_t len;

		i += ascii_run(p + i, s.n - i);
		if (i == s.n)
			break;
		if (p[i] == 0 || !utf8_step(p + i, s.n - i, &len))
			return false;
		i += len;
	}
	return true;
}
