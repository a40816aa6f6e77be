/*
 * A growing byte buffer on the heap.
 */
#ifndef ATTRIB_BUF_H
#define ATTRIB_BUF_H

#include <stdint.h>
#include "attrib/error.h"
#include "attrib/str.h"

struct attrib_buf {
	uint8_t *p; /* owned */
	size_t n;   /* bytes used */
	size_t cap; /* bytes allocated */
	int err;    /* sticky: the first failed append; check once, at the end */
};

void attrib_buf_init(struct attrib_buf *buf);
void attrib_buf_done(struct attrib_buf *buf);
static inline void attrib_buf_clear(struct attrib_buf *buf)
{
	buf->n = 0;
	buf->err = 0;
}
/* Room for `more` bytes; returns 0 or ATTRIB_E_NOMEM (also kept in buf->err). */
int attrib_buf_reserve(struct attrib_buf *buf, size_t more);
void attrib_buf_put(struct attrib_buf *buf, const void *bytes, size_t n);
void attrib_buf_str(struct attrib_buf *buf, struct attrib_str s);
void attrib_buf_char(struct attrib_buf *buf, char c);
void attrib_buf_printf(struct attrib_buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Appends s as a quoted JSON string. */
void attrib_buf_json(struct attrib_buf *buf, struct attrib_str s);
static inline struct attrib_str attrib_buf_view(const struct attrib_buf *buf)
{
	return (struct attrib_str){(const char *)buf->p, buf->n};
}

#endif
