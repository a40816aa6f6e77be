/*
 * Bytes as text and back: base64url without padding, and hex. Decoders take exactly one spelling of
 * the given number of bytes (hex: either case), so that one id never has two names in a cookie.
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

static int value64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* The bits of the last character beyond the last byte must be zero: anything else is a second
 * spelling of the same bytes. */
static bool is_base64url(struct attrib_str s, size_t n)
{
	int spare = (int)(n % 3 == 0 ? 0 : n % 3 == 1 ? 4 : 2);

	if (s.n != n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (value64(s.p[i]) < 0)
			return false;
	}
	return s.n == 0 || (value64(s.p[s.n - 1]) & ((1 << spare) - 1)) == 0;
}

int attrib_base64url_decode(struct attrib_str s, void *out, size_t n)
{
	uint8_t *bytes = out;
	uint32_t bits = 0;
	int have = 0;

	if (!is_base64url(s, n))
		return ATTRIB_E_INVALID;
	for (size_t i = 0; i < s.n; i++) {
		bits = bits << 6 | (uint32_t)value64(s.p[i]);
		have += 6;
		if (have >= 8) {
			have -= 8;
			*bytes++ = (uint8_t)(bits >> have);
		}
	}
	return 0;
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
