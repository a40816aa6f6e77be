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

/* The length of the JSON number at i, and whether simdjson could find it too large; 0 = none. */
static size_t number_length(struct attrib_str s, size_t i, bool *large)
{
	size_t start = i, n;

	i += s.p[i] == '-';
	n = digits(s, i);
	if (n == 0 || (n > 1 && s.p[i] == '0'))
		return 0;
	*large = n > 18;
	i += n;
	if (i < s.n && s.p[i] == '.') {
		n = digits(s, i + 1);
		if (n == 0)
			return 0;
		i += 1 + n;
	}
	if (i < s.n && (s.p[i] | 0x20) == 'e') {
		i++;
		i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
		n = digits(s, i);
		if (n == 0)
			return 0;
		i += n;
		*large = *large || n > 2; /* 18 digits and e99 still fit a double */
	}
	*large = *large && !is_name(s, i);
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
	size_t n = 0;

	if (s.p[i] == '"')
		return string_length(s, i);
	if (is_digit(s.p[i]) || s.p[i] == '-')
		n = number_length(s, i, large);
	return n ? n : 1;
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
