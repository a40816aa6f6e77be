/*
 * Chunked bodies, one byte at a time between the data and whole runs inside it. All state is in the
 * struct and every byte is consumed at once, so that it does not matter how the bytes were split.
 */
#include "attrib/http.h"

#include "attrib/id.h"
#include "chars.h"

#define SIZE_DIGITS_MAX 16
#define SIZE_LINE_MAX   256 /* with extensions, which nobody sends and everybody must skip */

enum state {
	SIZE_FIRST, /* the first digit of a size */
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_FIRST, /* the first byte of a trailer or of the empty line */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	END_LF,
	END,
};

void attrib_http_chunked_init(struct attrib_http_chunked *chunked)
{
	*chunked = (struct attrib_http_chunked){.state = SIZE_FIRST};
}

static int to(struct attrib_http_chunked *chunked, enum state state)
{
	chunked->state = state;
	return 0;
}

static int add_digit(struct attrib_http_chunked *chunked, char c)
{
	int digit = attrib_hex_digit(c);

	if (digit < 0 || ++chunked->line_n > SIZE_DIGITS_MAX)
		return -400;
	chunked->left = chunked->left << 4 | (uint64_t)digit;
	return to(chunked, SIZE);
}

static int on_size_first(struct attrib_http_chunked *chunked, char c)
{
	chunked->left = 0;
	chunked->line_n = 0;
	return add_digit(chunked, c);
}

static int on_size(struct attrib_http_chunked *chunked, char c)
{
	if (c == '\r')
		return to(chunked, SIZE_LF);
	if (c == ';')
		return to(chunked, EXTENSION);
	return add_digit(chunked, c);
}

static int on_extension(struct attrib_http_chunked *chunked, char c)
{
	if (c == '\r')
		return to(chunked, SIZE_LF);
	if (!is_target(c) && c != ' ' && c != '\t')
		return -400;
	return ++chunked->line_n > SIZE_LINE_MAX ? -400 : 0;
}

static int on_size_lf(struct attrib_http_chunked *chunked, char c)
{
	if (c != '\n')
		return -400;
	return to(chunked, chunked->left ? DATA : TRAILER_FIRST);
}

static int on_data_cr(struct attrib_http_chunked *chunked, char c)
{
	return c == '\r' ? to(chunked, DATA_LF) : -400;
}

static int on_data_lf(struct attrib_http_chunked *chunked, char c)
{
	return c == '\n' ? to(chunked, SIZE_FIRST) : -400;
}

static int on_trailer_first(struct attrib_http_chunked *chunked, char c)
{
	if (c == '\r')
		return to(chunked, END_LF);
	return is_token(c) ? to(chunked, TRAILER_NAME) : -400;
}

static int on_trailer_name(struct attrib_http_chunked *chunked, char c)
{
	if (c == ':')
		return to(chunked, TRAILER_VALUE);
	return is_token(c) ? 0 : -400;
}

static int on_trailer_value(struct attrib_http_chunked *chunked, char c)
{
	if (c == '\r')
		return to(chunked, TRAILER_LF);
	return is_value(c) ? 0 : -400;
}

static int on_trailer_lf(struct attrib_http_chunked *chunked, char c)
{
	return c == '\n' ? to(chunked, TRAILER_FIRST) : -400;
}

static int on_end_lf(struct attrib_http_chunked *chunked, char c)
{
	return c == '\n' ? to(chunked, END) : -400;
}

static int (*const on_byte[])(struct attrib_http_chunked *chunked, char c) = {
	[SIZE_FIRST] = on_size_first,
	[SIZE] = on_size,
	[EXTENSION] = on_extension,
	[SIZE_LF] = on_size_lf,
	[DATA_CR] = on_data_cr,
	[DATA_LF] = on_data_lf,
	[TRAILER_FIRST] = on_trailer_first,
	[TRAILER_NAME] = on_trailer_name,
	[TRAILER_VALUE] = on_trailer_value,
	[TRAILER_LF] = on_trailer_lf,
	[END_LF] = on_end_lf,
};

/* Moves what is there of the chunk's data down to the body; returns how much that was. */
static size_t take_data(struct attrib_http_chunked *chunked, char *p, size_t at, size_t n)
{
	size_t size = n - at < chunked->left ? n - at : (size_t)chunked->left;

	memmove(p + chunked->body_n, p + at, size);
	chunked->body_n += size;
	chunked->left -= size;
	if (chunked->left == 0)
		chunked->state = DATA_CR;
	return size;
}

static int take_byte(struct attrib_http_chunked *chunked, char c, size_t body_max)
{
	bool trailer = chunked->state >= TRAILER_FIRST;
	int status = on_byte[chunked->state](chunked, c);

	if (status)
		return status;
	if (chunked->state == DATA && chunked->left > body_max - chunked->body_n)
		return -413;
	chunked->trailer_n += trailer;
	return chunked->trailer_n > ATTRIB_HTTP_HEAD_MAX ? -431 : 0;
}

int attrib_http_chunked_decode(
	struct attrib_http_chunked *chunked, char *p, size_t *n, size_t body_max)
{
	size_t at = chunked->body_n, rest;

	while (at < *n && chunked->state != END) {
		int status;

		if (chunked->state == DATA) {
			at += take_data(chunked, p, at, *n);
			continue;
		}
		status = take_byte(chunked, p[at++], body_max);
		if (status)
			return status;
	}
	rest = *n - at;
	memmove(p + chunked->body_n, p + at, rest);
	*n = chunked->body_n + rest;
	return chunked->state == END ? ATTRIB_HTTP_DONE : ATTRIB_HTTP_MORE;
}
