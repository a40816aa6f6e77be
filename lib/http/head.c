/*
 * The request head, read from left to right. Every function below either moves the reader past what
 * it has read, or says MORE at the end of the bytes, or fails because of the bytes up to there. So a
 * head that comes in pieces meets the same error as one that comes whole: a prefix is simply read
 * again from its start.
 */
#include "attrib/http.h"

#include "chars.h"
#include "field.h"

/* A head of up to EAGER bytes is read again whenever some came. A longer one is only after a line
 * end or after STRIDE more bytes, so that a client that sends single bytes makes each of them be
 * read a bounded number of times. */
#define EAGER  1024
#define STRIDE 128

struct reader {
	const char *p, *end;
};

const uint8_t attrib_http_token[256] = {
	['0' ... '9'] = 1,
	['A' ... 'Z'] = 1,
	['a' ... 'z'] = 1,
	['!'] = 1,
	['#'] = 1,
	['$'] = 1,
	['%'] = 1,
	['&'] = 1,
	['\''] = 1,
	['*'] = 1,
	['+'] = 1,
	['-'] = 1,
	['.'] = 1,
	['^'] = 1,
	['_'] = 1,
	['`'] = 1,
	['|'] = 1,
	['~'] = 1,
};

static int read_line_end(struct reader *r)
{
	if (r->p == r->end)
		return ATTRIB_HTTP_MORE;
	if (r->p[0] != '\r')
		return -400;
	if (r->end - r->p < 2)
		return ATTRIB_HTTP_MORE;
	if (r->p[1] != '\n')
		return -400;
	r->p += 2;
	return 0;
}

/* A token and the one character that must follow it. */
static int read_token(struct reader *r, char delimiter, struct attrib_str *out)
{
	const char *start = r->p;

	while (r->p < r->end && is_token(*r->p))
		r->p++;
	if (r->p == r->end)
		return ATTRIB_HTTP_MORE;
	if (r->p == start || *r->p != delimiter)
		return -400;
	*out = (struct attrib_str){start, (size_t)(r->p - start)};
	r->p++;
	return 0;
}

static int read_target(struct reader *r, struct attrib_str *out)
{
	const char *start = r->p;

	r->p = skip_target(r->p, r->end);
	if (r->p - start > ATTRIB_HTTP_TARGET_MAX)
		return -414;
	if (r->p == r->end)
		return ATTRIB_HTTP_MORE;
	if (r->p == start || *r->p != ' ')
		return -400;
	*out = (struct attrib_str){start, (size_t)(r->p - start)};
	r->p++;
	return 0;
}

/* "HTTP/1.1"; d stands for any digit. */
static int read_version(struct reader *r, int *minor)
{
	static const char form[] = "HTTP/d.d";
	const char *start = r->p;
	int status;

	for (const char *f = form; *f; f++, r->p++) {
		if (r->p == r->end)
			return ATTRIB_HTTP_MORE;
		if (*f == 'd' ? *r->p < '0' || *r->p > '9' : *r->p != *f)
			return -400;
	}
	status = read_line_end(r);
	if (status)
		return status;
	if (start[5] != '1' || start[7] > '1')
		return -505;
	*minor = start[7] - '0';
	return 0;
}

static enum attrib_http_method method_of(struct attrib_str text)
{
	static const struct {
		struct attrib_str text;
		enum attrib_http_method method;
	} methods[] = {
		{ATTRIB_STR("GET"), ATTRIB_HTTP_GET},
		{ATTRIB_STR("POST"), ATTRIB_HTTP_POST},
		{ATTRIB_STR("HEAD"), ATTRIB_HTTP_HEAD},
		{ATTRIB_STR("OPTIONS"), ATTRIB_HTTP_OPTIONS},
	};

	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		if (attrib_str_eq(text, methods[i].text))
			return methods[i].method;
	}
	return ATTRIB_HTTP_OTHER;
}

static bool starts_with(struct attrib_str s, struct attrib_str prefix)
{
	return s.n >= prefix.n && attrib_str_ieq((struct attrib_str){s.p, prefix.n}, prefix);
}

/* Cuts an absolute target into its authority and the rest, which begins with '/' or '?'. */
static int cut_authority(struct attrib_str *rest, struct attrib_str *authority)
{
	size_t scheme = starts_with(*rest, ATTRIB_STR("http://"))    ? 7
			: starts_with(*rest, ATTRIB_STR("https://")) ? 8
								     : 0;
	size_t n = scheme;

	if (scheme == 0)
		return -400;
	while (n < rest->n && rest->p[n] != '/' && rest->p[n] != '?')
		n++;
	*authority = (struct attrib_str){rest->p + scheme, n - scheme};
	*rest = (struct attrib_str){rest->p + n, rest->n - n};
	return authority->n ? 0 : -400;
}

/* The forms of a target (RFC 9112, section 3.2) without the one for proxies. A fragment is not part
 * of any: some would cut it off, some would not. */
static int split_target(struct attrib_http_request *out, struct attrib_str *authority)
{
	struct attrib_str rest = out->target;
	int status = 0;

	*authority = ATTRIB_STR_NONE;
	out->query = ATTRIB_STR_NONE;
	if (memchr(rest.p, '#', rest.n))
		return -400;
	if (attrib_str_eq(rest, ATTRIB_STR("*"))) {
		out->path = rest;
		return out->method == ATTRIB_HTTP_OPTIONS ? 0 : -400;
	}
	if (rest.p[0] != '/')
		status = cut_authority(&rest, authority);
	if (status)
		return status;
	out->path = attrib_str_split(rest, '?', &out->query);
	if (out->path.n == 0)
		out->path = ATTRIB_STR("/");
	return 0;
}

static int read_request_line(
	struct reader *r, struct attrib_http_request *out, struct attrib_str *authority)
{
	int status = read_token(r, ' ', &out->method_text);

	if (status)
		return status;
	status = read_target(r, &out->target);
	if (status)
		return status;
	status = read_version(r, &out->minor);
	if (status)
		return status;
	out->method = method_of(out->method_text);
	return split_target(out, authority);
}

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int read_header(struct reader *r, struct attrib_http_header *out)
{
	const char *start, *end;
	int status = read_token(r, ':', &out->name);

	if (status)
		return status;
	start = r->p;
	end = r->p = skip_value(r->p, r->end);
	status = read_line_end(r);
	if (status)
		return status;
	while (start < end && is_blank(*start))
		start++;
	while (start < end && is_blank(end[-1]))
		end--;
	out->value = (struct attrib_str){start, (size_t)(end - start)};
	return 0;
}

/* All headers and the empty line. A folded line fails as a header whose name is empty. */
static int read_headers(struct reader *r, struct attrib_http_request *out)
{
	while (r->p < r->end && *r->p != '\r') {
		struct attrib_http_header *header = &out->headers[out->header_count];
		int status;

		if (out->header_count == ATTRIB_HTTP_HEADERS_MAX)
			return -431;
		status = read_header(r, header);
		if (status)
			return status;
		out->header_count++;
		status = attrib_http_field(out, header);
		if (status)
			return status;
	}
	return read_line_end(r);
}

static void request_init(struct attrib_http_request *out)
{
	out->host = ATTRIB_STR_NONE;
	out->keep_alive = out->closing = out->chunked = false;
	out->expect_continue = out->has_length = false;
	out->content_length = 0;
	out->header_count = 0;
}

static int read_head(struct reader *r, struct attrib_http_request *out)
{
	struct attrib_str authority;
	int status = 0;

	request_init(out);
	if (r->p < r->end && *r->p == '\r')
		status = read_line_end(r);
	if (!status)
		status = read_request_line(r, out, &authority);
	if (status)
		return status;
	out->keep_alive = out->minor >= 1;
	status = read_headers(r, out);
	if (status)
		return status;
	if (!out->host.p && out->minor >= 1)
		return -400;
	if (authority.p && !attrib_str_ieq(authority, out->host))
		return -400;
	return ATTRIB_HTTP_DONE;
}

static bool is_worth_reading(const char *p, size_t n, size_t scanned)
{
	return n <= EAGER || n < scanned || n - scanned >= STRIDE || n >= ATTRIB_HTTP_HEAD_MAX ||
	       memchr(p + scanned, '\n', n - scanned);
}

int attrib_http_head(const char *p, size_t n, size_t *scanned, struct attrib_http_request *out,
	size_t *head_size)
{
	struct reader r = {p, p + (n < ATTRIB_HTTP_HEAD_MAX ? n : ATTRIB_HTTP_HEAD_MAX)};
	int status;

	if (!is_worth_reading(p, n, *scanned))
		return ATTRIB_HTTP_MORE;
	status = read_head(&r, out);
	if (status == ATTRIB_HTTP_MORE && n >= ATTRIB_HTTP_HEAD_MAX)
		return -431;
	*scanned = status == ATTRIB_HTTP_MORE ? n : 0;
	if (status == ATTRIB_HTTP_DONE)
		*head_size = (size_t)(r.p - p);
	return status;
}
