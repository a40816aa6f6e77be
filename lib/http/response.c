/*
 * Responses as bytes. What could split a response in two stops the process: it is a caller's bug,
 * and a crash is found while a forged answer is not.
 */
#include "attrib/http.h"

#include <stdlib.h>

#include "chars.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{100, "Continue"},
	{200, "OK"},
	{202, "Accepted"},
	{204, "No Content"},
	{207, "Multi-Status"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
};

const char *attrib_http_reason(int status)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Unknown";
}

/* Nothing, or complete header lines: name, colon, value, CRLF. */
static bool are_header_lines(struct attrib_str s)
{
	const char *p = s.p, *end = s.n ? s.p + s.n : s.p;

	while (p < end) {
		const char *name = p;
		while (p < end && is_token(*p))
			p++;
		if (p == name || p == end || *p != ':')
			return false;
		p = skip_value(p, end);
		if (end - p < 2 || p[0] != '\r' || p[1] != '\n')
			return false;
		p += 2;
	}
	return true;
}

static bool is_header_value(struct attrib_str s)
{
	return s.n == 0 || skip_value(s.p, s.p + s.n) == s.p + s.n;
}

static void put_number(struct attrib_buf *out, size_t value)
{
	char digits[24];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	attrib_buf_put(out, digits + at, sizeof digits - at);
}

static void put_line(struct attrib_buf *out, struct attrib_str name, struct attrib_str value)
{
	attrib_buf_str(out, name);
	attrib_buf_str(out, value);
	attrib_buf_put(out, "\r\n", 2);
}

static void put_status_line(struct attrib_buf *out, int status)
{
	attrib_buf_str(out, ATTRIB_STR("HTTP/1.1 "));
	put_number(out, (size_t)status);
	attrib_buf_char(out, ' ');
	put_line(out, ATTRIB_STR_NONE, attrib_str_of(attrib_http_reason(status)));
}

static void put_body_headers(struct attrib_buf *out, const struct attrib_http_response *response)
{
	struct attrib_str type = attrib_str_of(response->content_type);

	if (!is_header_value(type))
		abort();
	if (type.n)
		put_line(out, ATTRIB_STR("Content-Type: "), type);
	attrib_buf_str(out, ATTRIB_STR("Content-Length: "));
	put_number(out, response->body.n);
	attrib_buf_put(out, "\r\n", 2);
}

static void put_connection(struct attrib_buf *out, const struct attrib_http_request *request,
	const struct attrib_http_response *response)
{
	if (response->close || (request && !request->keep_alive))
		attrib_buf_str(out, ATTRIB_STR("Connection: close\r\n"));
	else if (request && request->minor == 0)
		attrib_buf_str(out, ATTRIB_STR("Connection: keep-alive\r\n"));
}

void attrib_http_write(struct attrib_buf *out, const struct attrib_http_request *request,
	const struct attrib_http_response *response)
{
	bool interim = response->status < 200;
	bool bodiless = interim || response->status == 204 || response->status == 304;

	if (!are_header_lines(response->headers))
		abort();
	put_status_line(out, response->status);
	if (!bodiless)
		put_body_headers(out, response);
	if (!interim)
		put_connection(out, request, response);
	attrib_buf_str(out, response->headers);
	attrib_buf_put(out, "\r\n", 2);
	if (!bodiless && !response->head_only)
		attrib_buf_str(out, response->body);
}
