/*
 * Bytes as text and back: base64url without padding, hex, and what others write in base64. Decoders
 * take exactly one spelling (hex: either case), so that one id never has two names in a cookie.
 */
#include "attrib/id.h"

static const char alphabet64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t attrib_base64url(const void *p, size_t n, char *out)
{
	const uint8_t *bytes = p;
	uint32_t bits = 0;
	int have = 0;
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | bytes[i];
		for (have += 8; have >= 6; have -= 6)
			out[at++] = alphabet64[bits >> (have - 6) & 63];
	}
	if (have)
		out[at++] = alphabet64[bits << (6 - have) & 63];
	return at;
}

static int value64(char c, const char last[2])
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == last[0] ? 62 : c == last[1] ? 63 : -1;
}

static int url64(char c)
{
	return value64(c, "-_");
}

/* The bits of the last character beyond the last byte must be zero: anything else is a second
 * spelling of the same bytes. */
static bool is_base64url(struct attrib_str s, size_t n)
{
	int spare = (int)(n % 3 == 0 ? 0 : n % 3 == 1 ? 4 : 2);

	if (s.n != n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (url64(s.p[i]) < 0)
			return false;
	}
	return s.n == 0 || (url64(s.p[s.n - 1]) & ((1 << spare) - 1)) == 0;
}

int attrib_base64url_decode(struct attrib_str s, void *out, size_t n)
{
	uint8_t *bytes = out;
	uint32_t bits = 0;
	int have = 0;

	if (!is_base64url(s, n))
		return ATTRIB_E_INVALID;
	for (size_t i = 0; i < s.n; i++) {
		bits = bits << 6 | (uint32_t)url64(s.p[i]);
		have += 6;
		if (have >= 8) {
			have -= 8;
			*bytes++ = (uint8_t)(bits >> have);
		}
	}
	return 0;
}

static bool is_base64(struct attrib_str s, size_t padding)
{
	unsigned spare = (1u << 2 * padding) - 1;

	for (size_t i = 0; i < s.n - padding; i++) {
		if (value64(s.p[i], "+/") < 0)
			return false;
	}
	return ((unsigned)value64(s.p[s.n - padding - 1], "+/") & spare) == 0;
}

int attrib_base64_decode(struct attrib_str s, void *out, size_t max)
{
	size_t padding = s.n && s.p[s.n - 1] == '=' ? 1 + (s.n > 1 && s.p[s.n - 2] == '=') : 0;
	size_t size = s.n / 4 * 3 - padding;
	uint8_t *bytes = out;
	uint32_t bits = 0;

	if (s.n == 0 || s.n % 4 || size > max || !is_base64(s, padding))
		return ATTRIB_E_INVALID;
	for (size_t i = 0, n = 0; i < s.n; i++) {
		bits = bits << 6 | (i < s.n - padding ? (uint32_t)value64(s.p[i], "+/") : 0);
		for (int shift = 16; i % 4 == 3 && shift >= 0 && n < size; shift -= 8)
			bytes[n++] = (uint8_t)(bits >> shift);
	}
	return (int)size;
}

void attrib_hex(const void *p, size_t n, char *out)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
}

int attrib_hex_decode(struct attrib_str s, void *out, size_t n)
{
	uint8_t *bytes = out;

	if (s.n / 2 != n || s.n % 2)
		return ATTRIB_E_INVALID;
	for (size_t i = 0; i < s.n; i++) {
		if (attrib_hex_digit(s.p[i]) < 0)
			return ATTRIB_E_INVALID;
	}
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(attrib_hex_digit(s.p[2 * i]) << 4 |
				     attrib_hex_digit(s.p[2 * i + 1]));
	return 0;
}
