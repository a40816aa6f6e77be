/*
 * One step through UTF-8, private to this room: PostgreSQL, JSON and the folding of keys must agree
 * on what well-formed means, so there is one reading of it (Unicode, table 3-7: no overlong forms,
 * no surrogates, nothing above U+10FFFF).
 */
#ifndef ATTRIB_BASE_UTF8_H
#define ATTRIB_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looks at p[0..n), n > 0. True: *len bytes (1..4) are one character. False: *len bytes (1..3) are
 * the longest start of one, to be replaced by a single U+FFFD as browsers do. */
static inline bool utf8_step(const uint8_t *p, size_t n, size_t *len)
{
	uint8_t lead = p[0], low = 0x80, high = 0xbf;
	size_t need;

	*len = 1;
	if (lead < 0x80)
		return true;
	if (lead < 0xc2 || lead > 0xf4)
		return false;
	need = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
	low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : low;
	high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : high;
	for (size_t i = 1; i <= need; i++) {
		if (i >= n || p[i] < low || p[i] > high) {
			*len = i;
			return false;
		}
		low = 0x80;
		high = 0xbf;
	}
	*len = need + 1;
	return true;
}

#endif
