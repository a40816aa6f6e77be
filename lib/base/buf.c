/*
 * The growing byte buffer. A failed append leaves the buffer as it was and is remembered, so that a
 * writer of many small pieces checks once.
 */
#include "attrib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "utf8.h"

#define FIRST_CAP ((size_t)256)

void attrib_buf_init(struct attrib_buf *buf)
{
	*buf = (struct attrib_buf){0};
}

void attrib_buf_done(struct attrib_buf *buf)
{
	free(buf->p);
	*buf = (struct attrib_buf){0};
}

int attrib_buf_reserve(struct attrib_buf *buf, size_t more)
{
	size_t cap = buf->cap ? buf->cap : FIRST_CAP;
	uint8_t *p;

	if (more <= buf->cap - buf->n && buf->p)
		return 0;
	if (more > SIZE_MAX / 4 - buf->n)
		return buf->err = ATTRIB_E_NOMEM;
	while (cap < buf->n + more)
		cap *= 2;
	p = realloc(buf->p, cap);
	if (!p)
		return buf->err = ATTRIB_E_NOMEM;
	buf->p = p;
	buf->cap = cap;
	return 0;
}

void attrib_buf_put(struct attrib_buf *buf, const void *bytes, size_t n)
{
	if (n == 0 || buf->err || attrib_buf_reserve(buf, n))
		return;
	memcpy(buf->p + buf->n, bytes, n);
	buf->n += n;
}

void attrib_buf_str(struct attrib_buf *buf, struct attrib_str s)
{
	attrib_buf_put(buf, s.p, s.n);
}

void attrib_buf_char(struct attrib_buf *buf, char c)
{
	attrib_buf_put(buf, &c, 1);
}

void attrib_buf_printf(struct attrib_buf *buf, const char *format, ...)
{
	va_list args;
	int n;

	if (buf->err || attrib_buf_reserve(buf, 1))
		return;
	va_start(args, format);
	n = vsnprintf((char *)buf->p + buf->n, buf->cap - buf->n, format, args);
	va_end(args);
	if (n < 0) {
		buf->err = ATTRIB_E_INVALID;
		return;
	}
	if ((size_t)n >= buf->cap - buf->n) {
		if (attrib_buf_reserve(buf, (size_t)n + 1))
			return;
		va_start(args, format);
		vsnprintf((char *)buf->p + buf->n, buf->cap - buf->n, format, args);
		va_end(args);
	}
	buf->n += (size_t)n;
}

/* The letter of a two-character escape, or 0. */
static char short_escape(uint8_t c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	}
	return 0;
}

static void put_escape(struct attrib_buf *buf, uint8_t c)
{
	char letter = short_escape(c);

	if (letter)
		attrib_buf_put(buf, (char[]){'\\', letter}, 2);
	else
		attrib_buf_printf(buf, "\\u%04x", c);
}

/* What is not UTF-8 becomes U+FFFD: the output is valid JSON whatever came in. */
void attrib_buf_json(struct attrib_buf *buf, struct attrib_str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t start = 0, i = 0, len;

	attrib_buf_char(buf, '"');
	while (i < s.n) {
		bool valid = utf8_step(p + i, s.n - i, &len);
		if (valid && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\') {
			i += len;
			continue;
		}
		attrib_buf_put(buf, p + start, i - start);
		if (valid)
			put_escape(buf, p[i]);
		else
			attrib_buf_put(buf, "\xef\xbf\xbd", 3);
		i += len;
		start = i;
	}
	if (s.n)
		attrib_buf_put(buf, p + start, s.n - start);
	attrib_buf_char(buf, '"');
}
