/*
 * Which bytes may stand where (RFC 9110 section 5.6, RFC 9112), private to this room.
 */
#ifndef ATTRIB_HTTP_CHARS_H
#define ATTRIB_HTTP_CHARS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

extern const uint8_t attrib_http_token[256]; /* 1 for the characters of a token */

static inline bool is_token(char c)
{
	return attrib_http_token[(unsigned char)c];
}

/* Header values: no control characters but the tab. Bytes above 127 are opaque. */
static inline bool is_value(char c)
{
	unsigned char byte = (unsigned char)c;

	return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

/* The target: visible ASCII. */
static inline bool is_target(char c)
{
	return c > 0x20 && c < 0x7f;
}

#define EVERY_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* The two scans below skip eight bytes at once while none of them can be the end; false alarms are
 * left to the byte loop. (w - k) & ~w has a top bit for each byte below k (k <= 128). */
static inline const char *skip_value(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t w, x;
		memcpy(&w, p, 8);
		x = w ^ EVERY_BYTE(0x7f);
		if ((((w - EVERY_BYTE(0x20)) & ~w) | ((x - EVERY_BYTE(1)) & ~x)) & EVERY_BYTE(0x80))
			break;
	}
	while (p < end && is_value(*p))
		p++;
	return p;
}

static inline const char *skip_target(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t w;
		memcpy(&w, p, 8);
		if (((w - EVERY_BYTE(0x21)) | w | (w + EVERY_BYTE(1))) & EVERY_BYTE(0x80))
			break;
	}
	while (p < end && is_target(*p))
		p++;
	return p;
}

#endif
