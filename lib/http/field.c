/*
 * What single headers mean: one row per field that decides where the request ends, who is asked and
 * what happens to the connection. Whatever could be read in two ways is refused here; every other
 * header is only kept. Below, looking up headers and cookies.
 */
#include "field.h"

#include "chars.h"

static struct attrib_str trim_blanks(struct attrib_str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (struct attrib_str){s.p + 1, s.n - 1};
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static bool all_digits(struct attrib_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return true;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

/* A name or address with an optional port. Narrower than RFC 3986 (no percent-encoding, no
 * sub-delimiters): no such host exists, and others cut them differently. */
static bool is_host(struct attrib_str s)
{
	bool literal = s.n && s.p[0] == '[';
	size_t i = literal ? 1 : 0, start = i;

	while (i < s.n && (is_name_char(s.p[i]) || (literal && s.p[i] == ':')))
		i++;
	if (i == start)
		return false;
	if (literal && (i == s.n || s.p[i++] != ']'))
		return false;
	if (i == s.n)
		return true;
	return s.p[i] == ':' && s.n - i <= 6 &&
	       all_digits((struct attrib_str){s.p + i + 1, s.n - i - 1});
}

static int read_host(struct attrib_http_request *request, struct attrib_str value)
{
	if (request->host.p || !is_host(value))
		return -400;
	request->host = value;
	return 0;
}

static int read_length(struct attrib_http_request *request, struct attrib_str value)
{
	uint64_t length = 0;

	if (request->has_length || request->chunked || value.n == 0 || !all_digits(value))
		return -400;
	for (size_t i = 0; i < value.n; i++) {
		length = length * 10 + (uint64_t)(value.p[i] - '0');
		if (length > INT64_MAX / 16)
			break;
	}
	request->has_length = true;
	request->content_length = length > INT64_MAX / 16 ? INT64_MAX : length;
	return 0;
}

/* An HTTP/1.0 intermediary would not know the header and see another end of the body. */
static int read_encoding(struct attrib_http_request *request, struct attrib_str value)
{
	if (request->has_length || request->chunked || request->minor == 0 || value.n == 0)
		return -400;
	if (!attrib_str_ieq(value, ATTRIB_STR("chunked")))
		return -501;
	request->chunked = true;
	return 0;
}

/* "close" wins whatever else is said, before or after. */
static int read_connection(struct attrib_http_request *request, struct attrib_str value)
{
	while (value.n) {
		struct attrib_str option = trim_blanks(attrib_str_split(value, ',', &value));
		if (attrib_str_ieq(option, ATTRIB_STR("close")))
			request->closing = true;
		else if (attrib_str_ieq(option, ATTRIB_STR("keep-alive")))
			request->keep_alive = true;
	}
	request->keep_alive = request->keep_alive && !request->closing;
	return 0;
}

/* HTTP/1.0 clients cannot read the interim answer. */
static int read_expect(struct attrib_http_request *request, struct attrib_str value)
{
	if (request->minor >= 1 && attrib_str_ieq(value, ATTRIB_STR("100-continue")))
		request->expect_continue = true;
	return 0;
}

static const struct {
	struct attrib_str name;
	int (*read)(struct attrib_http_request *request, struct attrib_str value);
} fields[] = {
	{ATTRIB_STR("host"), read_host},
	{ATTRIB_STR("connection"), read_connection},
	{ATTRIB_STR("content-length"), read_length},
	{ATTRIB_STR("transfer-encoding"), read_encoding},
	{ATTRIB_STR("expect"), read_expect},
};

int attrib_http_field(struct attrib_http_request *request, const struct attrib_http_header *header)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (attrib_str_ieq(header->name, fields[i].name))
			return fields[i].read(request, header->value);
	}
	return 0;
}

struct attrib_str attrib_http_header(
	const struct attrib_http_request *request, struct attrib_str name)
{
	for (size_t i = 0; i < request->header_count; i++) {
		if (attrib_str_ieq(request->headers[i].name, name))
			return request->headers[i].value;
	}
	return ATTRIB_STR_NONE;
}

static struct attrib_str cookie_in(struct attrib_str cookies, struct attrib_str name)
{
	while (cookies.n) {
		struct attrib_str pair = trim_blanks(attrib_str_split(cookies, ';', &cookies));
		struct attrib_str value, found = attrib_str_split(pair, '=', &value);
		if (value.p && attrib_str_eq(found, name))
			return value;
	}
	return ATTRIB_STR_NONE;
}

struct attrib_str attrib_http_cookie(
	const struct attrib_http_request *request, struct attrib_str name)
{
	for (size_t i = 0; i < request->header_count; i++) {
		struct attrib_str value;
		if (!attrib_str_ieq(request->headers[i].name, ATTRIB_STR("cookie")))
			continue;
		value = cookie_in(request->headers[i].value, name);
		if (value.p)
			return value;
	}
	return ATTRIB_STR_NONE;
}
