/*
 * simdjson refuses a whole document for one integer above 64 bits or one number above 1e308. Both are
 * JSON, and one field of one event must not cost the other 2,499: such numbers are read as texts,
 * which every field but an id then rejects by its own name. Whatever else was wrong still is.
 */
#include "json_number.h"

#include <stdbool.h>

#define PADDING 64

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digits(struct attrib_str s, size_t i)
{
	size_t n = 0;

	while (i + n < s.n && is_digit(s.p[i + n]))
		n++;
	return n;
}

/* In quotes, a number before a colon would become the name that it must not be. */
static bool is_name(struct attrib_str s, size_t i)
{
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\n' || s.p[i] == '\r'))
		i++;
	return i < s.n && s.p[i] == ':';
}

/* The length of what begins like a number at i, and whether it is one that simdjson could find too large.
 * What turns out to be none is passed over in one piece, so that no byte is looked at again. */
static size_t number_length(struct attrib_str s, size_t i, bool *large)
{
	size_t start = i, whole, n, exponent = 0;
	bool good;

	i += s.p[i] == '-';
	whole = digits(s, i);
	good = whole == 1 || (whole > 1 && s.p[i] != '0');
	i += whole;
	if (i < s.n && s.p[i] == '.') {
		n = digits(s, i + 1);
		good = good && n;
		i += 1 + n;
	}
	if (i < s.n && (s.p[i] | 0x20) == 'e') {
		i++;
		i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
		exponent = digits(s, i);
		good = good && exponent;
		i += exponent;
	}
	/* 18 digits and e99 still fit a double */
	*large = good && (whole > 18 || exponent > 2) && !is_name(s, i);
	return i - start;
}

/* The length of the string that begins with the quote at i; up to the end when it is not closed. */
static size_t string_length(struct attrib_str s, size_t i)
{
	size_t start = i++;

	while (i < s.n && s.p[i] != '"')
		i += s.p[i] == '\\' ? 2 : 1;
	return i < s.n ? i + 1 - start : s.n - start;
}

/* The length of what cannot be split at i. */
static size_t token_length(struct attrib_str s, size_t i, bool *large)
{
	if (s.p[i] == '"')
		return string_length(s, i);
	return is_digit(s.p[i]) || s.p[i] == '-' ? number_length(s, i, large) : 1;
}

struct attrib_str attrib_json_quote_numbers(struct attrib_arena *arena, struct attrib_str text)
{
	/* two quotes for a token that has at least two characters */
	char *p = attrib_arena_raw(arena, 2 * text.n + PADDING), *out = p;

	if (!p)
		return ATTRIB_STR_NONE;
	for (size_t i = 0, n; i < text.n; i += n) {
		bool large = false;
		n = token_length(text, i, &large);
		if (large)
			*out++ = '"';
		memcpy(out, text.p + i, n);
		out += n;
		if (large)
			*out++ = '"';
	}
	memset(out, ' ', PADDING);
	return (struct attrib_str){p, (size_t)(out - p)};
}
