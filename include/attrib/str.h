/*
 * A view of bytes: pointer and length, borrowed, not NUL-terminated.
 */
#ifndef ATTRIB_STR_H
#define ATTRIB_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct attrib_str {
	const char *p; /* borrowed; NULL only when n is 0 */
	size_t n;      /* bytes */
};

#define ATTRIB_STR(literal) ((struct attrib_str){(literal), sizeof(literal) - 1})
#define ATTRIB_STR_NONE     ((struct attrib_str){NULL, 0})

static inline struct attrib_str attrib_str_of(const char *cstr)
{
	return (struct attrib_str){cstr, cstr ? strlen(cstr) : 0};
}

static inline bool attrib_str_eq(struct attrib_str a, struct attrib_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Byte order, a shorter prefix first: <0, 0, >0. */
int attrib_str_cmp(struct attrib_str a, struct attrib_str b);
/* ASCII case-insensitive equality; the usual answer is that lengths or first letters differ. */
bool attrib_str_ieq_bytes(const char *a, const char *b, size_t n);
static inline bool attrib_str_ieq(struct attrib_str a, struct attrib_str b)
{
	if (a.n != b.n || a.n == 0)
		return a.n == b.n;
	return !((a.p[0] ^ b.p[0]) & ~0x20) && attrib_str_ieq_bytes(a.p, b.p, a.n);
}
/* Without leading and trailing ASCII white space. */
struct attrib_str attrib_str_trim(struct attrib_str s);
/* Splits at the first `sep`: returns what stands before it and leaves the rest in *rest
 * (ATTRIB_STR_NONE with p NULL when there was no separator). */
struct attrib_str attrib_str_split(struct attrib_str s, char sep, struct attrib_str *rest);
/* Constant-time equality for secrets; the length is not secret. */
bool attrib_str_eq_secret(struct attrib_str a, struct attrib_str b);
/* True for well-formed UTF-8 without U+0000 (PostgreSQL text cannot hold it). */
bool attrib_str_is_text(struct attrib_str s);

#endif
