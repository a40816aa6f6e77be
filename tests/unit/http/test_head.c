/*
 * The head reader: a table of heads with the status or the parsed form of each. Every case is read
 * whole, with bytes of a next request behind it, split at every byte, and byte by byte, from copies
 * of the exact size, so that AddressSanitizer sees a read beyond the end.
 */
#include "check.h"

#include "attrib/http.h"

struct head_case {
	struct attrib_str bytes;
	int status;       /* 0 or minus a status */
	const char *form; /* what was understood, see describe() */
};

#define HOST "Host: h\r\n"
#define END  "\r\n"
#define GET  "GET / HTTP/1.1\r\n"
#define BAD(bytes, status)                                                                         \
	{                                                                                          \
		ATTRIB_STR(bytes), -(status), NULL                                                 \
	}
#define GOOD(bytes, form)                                                                          \
	{                                                                                          \
		ATTRIB_STR(bytes), 0, form                                                         \
	}

static const struct head_case cases[] = {
	/* what clients send */
	GOOD(GET HOST END, "GET / h 1.1 keep"),
	GOOD("\r\n" GET HOST END, "GET / h 1.1 keep"),
	GOOD("GET /c/x?a=1&b=%zz?c HTTP/1.1\r\n" HOST END, "GET /c/x ?a=1&b=%zz?c h 1.1 keep"),
	GOOD("GET /? HTTP/1.1\r\n" HOST END, "GET / ? h 1.1 keep"),
	GOOD("HEAD //x HTTP/1.1\r\nhOST:h:8080\r\n" END, "HEAD //x h:8080 1.1 keep"),
	GOOD("POST /v1/events HTTP/1.1\r\n" HOST "Content-Length: 12\r\n" END,
		"POST /v1/events h 1.1 keep length=12"),
	GOOD("POST / HTTP/1.1\r\n" HOST "Content-Length:\t007 \r\n" END,
		"POST / h 1.1 keep length=7"),
	GOOD("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n" END, "POST / h 1.1 keep length=0"),
	GOOD("POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n" END,
		"POST / h 1.1 keep length=9223372036854775807"),
	GOOD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END,
		"POST / h 1.1 keep chunked"),
	GOOD("POST / HTTP/1.1\r\n" HOST "transfer-encoding: \t CHUNKED\t\r\n" END,
		"POST / h 1.1 keep chunked"),
	GOOD("POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nExpect: 100-Continue\r\n" END,
		"POST / h 1.1 keep length=1 continue"),
	GOOD("POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n" END,
		"POST / 1.0 close length=3"),
	GOOD("GET / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n" END, "GET / h 1.1 keep"),
	GOOD("OPTIONS * HTTP/1.1\r\n" HOST END, "OPTIONS * h 1.1 keep"),
	GOOD("DELETE /x HTTP/1.1\r\n" HOST END, "other /x h 1.1 keep"),
	GOOD("get / HTTP/1.1\r\n" HOST END, "other / h 1.1 keep"),
	GOOD("G!#$%&'*+-.^_`|~09 / HTTP/1.1\r\n" HOST END, "other / h 1.1 keep"),
	GOOD("GET /{a}|\"<>\\^`[] HTTP/1.1\r\n" HOST END, "GET /{a}|\"<>\\^`[] h 1.1 keep"),

	/* HTTP/1.0 and the end of the connection */
	GOOD("GET / HTTP/1.0\r\n" END, "GET / 1.0 close"),
	GOOD("GET / HTTP/1.0\r\n" HOST "Connection: Keep-Alive\r\n" END, "GET / h 1.0 keep"),
	GOOD("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n" END, "GET / 1.0 close"),
	GOOD("GET / HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n" END,
		"GET / 1.0 close"),
	GOOD(GET HOST "Connection: close\r\n" END, "GET / h 1.1 close"),
	GOOD(GET HOST "Connection: te ,\t CLOSE\r\n" END, "GET / h 1.1 close"),
	GOOD(GET HOST "Connection: close\r\nConnection: keep-alive\r\n" END, "GET / h 1.1 close"),
	GOOD(GET HOST "Connection: closed, not-close\r\n" END, "GET / h 1.1 keep"),
	GOOD(GET HOST "Connection: upgrade\r\nUpgrade: h2c\r\n" END, "GET / h 1.1 keep"),
	GOOD(GET HOST "Connection:\r\n" END, "GET / h 1.1 keep"),

	/* hosts */
	GOOD(GET "Host: shop.example:443\r\n" END, "GET / shop.example:443 1.1 keep"),
	GOOD(GET "Host: h:\r\n" END, "GET / h: 1.1 keep"),
	GOOD(GET "Host: [2001:db8::1]:80\r\n" END, "GET / [2001:db8::1]:80 1.1 keep"),
	GOOD(GET "Host: xn--a_b~.-\r\n" END, "GET / xn--a_b~.- 1.1 keep"),
	BAD(GET END, 400),
	BAD(GET "Host:\r\n" END, 400),
	BAD(GET HOST HOST END, 400),
	BAD(GET HOST "host: other\r\n" END, 400),
	BAD("GET / HTTP/1.0\r\n" HOST HOST END, 400),
	BAD(GET "Host: a b\r\n" END, 400),
	BAD(GET "Host: a,b\r\n" END, 400),
	BAD(GET "Host: u@h\r\n" END, 400),
	BAD(GET "Host: h/\r\n" END, 400),
	BAD(GET "Host: h:80:80\r\n" END, 400),
	BAD(GET "Host: h:x\r\n" END, 400),
	BAD(GET "Host: h:123456\r\n" END, 400),
	BAD(GET "Host: :80\r\n" END, 400),
	BAD(GET "Host: [::1\r\n" END, 400),
	BAD(GET "Host: []\r\n" END, 400),
	BAD(GET "Host: [::1]x\r\n" END, 400),
	BAD(GET "Host: h\xc3\xa4\r\n" END, 400),
	BAD(GET "Host: h%2e\r\n" END, 400),

	/* absolute targets */
	GOOD("GET http://h/p?q HTTP/1.1\r\n" HOST END, "GET /p ?q h 1.1 keep"),
	GOOD("GET HTTPS://H/p HTTP/1.1\r\n" HOST END, "GET /p h 1.1 keep"),
	GOOD("GET http://h:80 HTTP/1.1\r\nHost: h:80\r\n" END, "GET / h:80 1.1 keep"),
	GOOD("GET http://h?q HTTP/1.1\r\n" HOST END, "GET / ?q h 1.1 keep"),
	BAD("GET http://other/ HTTP/1.1\r\n" HOST END, 400),
	BAD("GET http://h:80/ HTTP/1.1\r\n" HOST END, 400),
	BAD("GET http://u@h/ HTTP/1.1\r\n" HOST END, 400),
	BAD("GET http://h\\x/ HTTP/1.1\r\n" HOST END, 400),
	BAD("GET http:/// HTTP/1.1\r\n" HOST END, 400),
	BAD("GET http:// HTTP/1.1\r\n" HOST END, 400),
	BAD("GET http://h/ HTTP/1.0\r\n" END, 400),
	BAD("GET ftp://h/ HTTP/1.1\r\n" HOST END, 400),
	BAD("GET http:h HTTP/1.1\r\n" HOST END, 400),

	/* the request line */
	BAD("GET * HTTP/1.1\r\n" HOST END, 400),
	BAD("GET x HTTP/1.1\r\n" HOST END, 400),
	BAD("GET ?x HTTP/1.1\r\n" HOST END, 400),
	BAD("CONNECT h:443 HTTP/1.1\r\n" HOST END, 400),
	BAD("GET /a#b HTTP/1.1\r\n" HOST END, 400),
	BAD("GET /\x01 HTTP/1.1\r\n" HOST END, 400),
	BAD("GET /\x7f HTTP/1.1\r\n" HOST END, 400),
	BAD("GET /\xc3\xa4 HTTP/1.1\r\n" HOST END, 400),
	BAD("GET /aaaaaaaaaaaaaaaa\x80 HTTP/1.1\r\n" HOST END, 400),
	BAD("GET /\0 HTTP/1.1\r\n" HOST END, 400),
	BAD("GET /a b HTTP/1.1\r\n" HOST END, 400),
	BAD("GET /\tHTTP/1.1\r\n" HOST END, 400),
	BAD("GET  / HTTP/1.1\r\n" HOST END, 400),
	BAD("GET /  HTTP/1.1\r\n" HOST END, 400),
	BAD("GET / HTTP/1.1 \r\n" HOST END, 400),
	BAD("GET\t/ HTTP/1.1\r\n" HOST END, 400),
	BAD(" GET / HTTP/1.1\r\n" HOST END, 400),
	BAD("\r\n\r\n" GET HOST END, 400),
	BAD("\n" GET HOST END, 400),
	BAD("\r" GET HOST END, 400),
	BAD("G(T / HTTP/1.1\r\n" HOST END, 400),
	BAD("GET:/ HTTP/1.1\r\n" HOST END, 400),
	BAD("GET /\r\n" HOST END, 400),
	BAD("GET\r\n" END, 400),
	BAD("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
	BAD("GET / HTTP/1.1\n" HOST END, 400),
	BAD("GET / HTTP/1.1\r" HOST END, 400),
	BAD("GET / HTTP/1.1\r\r\n" HOST END, 400),
	BAD("GET / http/1.1\r\n" HOST END, 400),
	BAD("GET / HTTP/1\r\n" HOST END, 400),
	BAD("GET / HTTP/1.\r\n" HOST END, 400),
	BAD("GET / HTTP/1.10\r\n" HOST END, 400),
	BAD("GET / HTTP/11.1\r\n" HOST END, 400),
	BAD("GET / HTTP/+1.1\r\n" HOST END, 400),
	BAD("GET / HTTPS/1.1\r\n" HOST END, 400),
	BAD("GET / XTTP/1.1\r\n" HOST END, 400),
	BAD("GET / HTTP/1.9\r\n" HOST END, 505),
	BAD("GET / HTTP/1.2\r\n" HOST END, 505),
	BAD("GET / HTTP/0.9\r\n" HOST END, 505),
	BAD("GET / HTTP/2.0\r\n" HOST END, 505),
	BAD("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),

	/* header lines */
	GOOD(GET HOST "A:\r\nB: \t \r\nC:x\r\n" END, "GET / h 1.1 keep"),
	GOOD(GET HOST "A: \x80\xff\tb \r\n" END, "GET / h 1.1 keep"),
	GOOD(GET HOST "!#$%&'*+-.^_`|~9: x\r\n" END, "GET / h 1.1 keep"),
	BAD(GET "Host : h\r\n" END, 400),
	BAD(GET HOST "A : x\r\n" END, 400),
	BAD(GET HOST "A\t: x\r\n" END, 400),
	BAD(GET HOST ": x\r\n" END, 400),
	BAD(GET HOST "A x\r\n" END, 400),
	BAD(GET HOST "A\r\n" END, 400),
	BAD(GET HOST "A(: x\r\n" END, 400),
	BAD(GET HOST "\xc3\xa4: x\r\n" END, 400),
	BAD(GET HOST "A\0: x\r\n" END, 400),
	BAD(GET HOST "A: x\0y\r\n" END, 400),
	BAD(GET HOST "A: xxxxxxxxxxxxxxxxxxx\x1fy\r\n" END, 400),
	BAD(GET HOST "A: x\x7fy\r\n" END, 400),
	BAD(GET HOST "A: x\x0by\r\n" END, 400),
	BAD(GET HOST "A: x\ry\r\n" END, 400),
	BAD(GET HOST "A: x\ny\r\n" END, 400),
	BAD(GET HOST "A: x\n" END, 400),
	BAD(GET HOST "A: x\r\r\n" END, 400),
	BAD(GET HOST "A: x\r\n y\r\n" END, 400),
	BAD(GET HOST "A: x\r\n\ty\r\n" END, 400),
	BAD(GET HOST "A: x\r\n \r\n" END, 400),
	BAD(GET " " HOST END, 400),
	BAD(GET HOST "\n", 400),
	BAD(GET HOST "\r\r\n", 400),
	BAD(GET HOST "A: x\r\n\rX", 400),

	/* where the body ends */
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\ncontent-length: 4\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 0x3\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 3 3\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 3.0\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: \"3\"\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999x\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" END,
		400),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n" END,
		400),
	BAD("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nTransfer-Encoding: gzip\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
	    "Transfer-Encoding: chunked\r\n" END,
		400),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
	    "Transfer-Encoding: identity\r\n" END,
		400),
	BAD("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b"
	    "chunked\r\n" END,
		400),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n chunked\r\n" END, 400),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n" END, 501),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n" END, 501),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n" END, 501),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n" END, 501),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked;q=1\r\n" END, 501),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n" END, 501),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunke\r\n" END, 501),
	BAD("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: 'chunked'\r\n" END, 501),
};

static void describe(const struct attrib_http_request *r, char *out, size_t size)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "OPTIONS", "other"};
	int n = snprintf(out, size, "%s %.*s", methods[r->method], (int)r->path.n, r->path.p);

	if (r->query.p)
		n += snprintf(out + n, size - (size_t)n, " ?%.*s", (int)r->query.n, r->query.p);
	if (r->host.p)
		n += snprintf(out + n, size - (size_t)n, " %.*s", (int)r->host.n, r->host.p);
	n += snprintf(
		out + n, size - (size_t)n, " 1.%d %s", r->minor, r->keep_alive ? "keep" : "close");
	if (r->has_length)
		n += snprintf(out + n, size - (size_t)n, " length=%llu",
			(unsigned long long)r->content_length);
	snprintf(out + n, size - (size_t)n, "%s%s", r->chunked ? " chunked" : "",
		r->expect_continue ? " continue" : "");
}

/* Reads the first n bytes from a copy of exactly that size and checks a final result. */
static int read_copy(struct attrib_str s, size_t n, size_t *scanned, const char *form)
{
	static struct attrib_http_request request;
	char *copy = malloc(n ? n : 1), text[300];
	size_t head_size = 0;
	int status;

	memcpy(copy, s.p, n);
	memset(&request, 0xa5, sizeof request);
	status = attrib_http_head(copy, n, scanned, &request, &head_size);
	if (status == ATTRIB_HTTP_DONE && form) {
		describe(&request, text, sizeof text);
		assert_string_equal(text, form);
		assert_int_equal(head_size, s.n);
		assert_int_equal(*scanned, 0);
	}
	free(copy);
	return status;
}

static void check_status(const struct head_case *c, int status, const char *how, size_t at)
{
	if (status != c->status)
		fail_msg("%s at %zu: %d instead of %d for:\n%.*s", how, at, status, c->status,
			(int)c->bytes.n, c->bytes.p);
}

static void whole_heads_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t scanned = 0;
		check_status(&cases[i],
			read_copy(cases[i].bytes, cases[i].bytes.n, &scanned, cases[i].form),
			"whole", 0);
	}
}

static void splits_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t at = 0; at < cases[i].bytes.n; at++) {
			size_t scanned = 0;
			int status = read_copy(cases[i].bytes, at, &scanned, NULL);
			if (status == ATTRIB_HTTP_MORE)
				status = read_copy(
					cases[i].bytes, cases[i].bytes.n, &scanned, cases[i].form);
			else if (status == ATTRIB_HTTP_DONE)
				fail_msg("a prefix was taken for a head");
			check_status(&cases[i], status, "split", at);
		}
	}
}

static void single_bytes_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int status = ATTRIB_HTTP_MORE;
		size_t scanned = 0, at;
		for (at = 1; at <= cases[i].bytes.n && status == ATTRIB_HTTP_MORE; at++)
			status = read_copy(cases[i].bytes, at, &scanned, cases[i].form);
		check_status(&cases[i], status, "byte by byte", at);
	}
}

static void what_follows_is_not_looked_at(void **state)
{
	static const struct attrib_str tails[] = {ATTRIB_STR("\0\xff\n\r"), ATTRIB_STR("GET / HTT"),
		ATTRIB_STR(" x\r\n\r\n"), ATTRIB_STR("\r\n\r\n")};
	char bytes[600];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t k = 0; k < COUNT(tails); k++) {
			static struct attrib_http_request request;
			size_t n = cases[i].bytes.n, scanned = 0, head_size = 0;
			memcpy(bytes, cases[i].bytes.p, n);
			memcpy(bytes + n, tails[k].p, tails[k].n);
			check_status(&cases[i],
				attrib_http_head(
					bytes, n + tails[k].n, &scanned, &request, &head_size),
				"with a tail", k);
			if (cases[i].status == 0)
				assert_int_equal(head_size, n);
		}
	}
}

/* An error is told at the line that has it, not at the end of the head. */
static void errors_do_not_wait_for_the_end(void **state)
{
	static const struct {
		const char *prefix;
		int status;
	} early[] = {
		{"\x16", -400},
		{"GET /\x01", -400},
		{"GET  ", -400},
		{"GET / HTTP/1.9\r\n", -505},
		{GET HOST HOST, -400},
		{GET "Content-Length: 3\r\nContent-Length: 3\r\n", -400},
		{GET "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", -400},
		{GET "Transfer-Encoding: gzip\r\n", -501},
		{GET " ", -400},
		{GET "A ", -400},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(early); i++) {
		struct attrib_str bytes = attrib_str_of(early[i].prefix);
		size_t scanned = 0;
		assert_int_equal(read_copy(bytes, bytes.n, &scanned, NULL), early[i].status);
	}
}

/* Builds "GET /aaa HTTP/1.1", Host and `headers` more headers, `size` bytes in all. */
static struct attrib_str build(char *out, size_t target, size_t headers, size_t size)
{
	size_t n = (size_t)sprintf(out, "GET /");

	memset(out + n, 'a', target - 1);
	n += target - 1;
	n += (size_t)sprintf(out + n, " HTTP/1.1\r\n" HOST);
	for (size_t i = 0; i < headers; i++)
		n += (size_t)sprintf(out + n, "A:x\r\n");
	if (size > n + 2) {
		n += (size_t)sprintf(out + n, "P:");
		memset(out + n, 'p', size - n - 4);
		n = size - 4;
		n += (size_t)sprintf(out + n, "\r\n");
	}
	n += (size_t)sprintf(out + n, "\r\n");
	return (struct attrib_str){out, n};
}

static void check_limit(size_t target, size_t headers, size_t size, int status)
{
	static char bytes[3 * ATTRIB_HTTP_HEAD_MAX];
	struct attrib_str s = build(bytes, target, headers, size);
	size_t scanned = 0;
	int got = ATTRIB_HTTP_MORE;

	assert_int_equal(read_copy(s, s.n, &scanned, NULL), status);
	for (size_t at = 1; at <= s.n; at += 1 + at % 61) {
		scanned = 0;
		got = read_copy(s, at, &scanned, NULL);
		assert_true(got == ATTRIB_HTTP_MORE || got == status);
	}
	scanned = 0;
	got = ATTRIB_HTTP_MORE;
	for (size_t at = 1; at <= s.n && got == ATTRIB_HTTP_MORE; at++)
		got = read_copy(s, at, &scanned, NULL);
	assert_int_equal(got, status);
}

static void limits_are_inclusive(void **state)
{
	(void)state;
	check_limit(ATTRIB_HTTP_TARGET_MAX, 0, 0, 0);
	check_limit(ATTRIB_HTTP_TARGET_MAX + 1, 0, 0, -414);
	check_limit(2 * ATTRIB_HTTP_HEAD_MAX, 0, 0, -414);
	check_limit(1, ATTRIB_HTTP_HEADERS_MAX - 1, 0, 0);
	check_limit(1, ATTRIB_HTTP_HEADERS_MAX, 0, -431);
	check_limit(1, 0, ATTRIB_HTTP_HEAD_MAX, 0);
	check_limit(1, 0, ATTRIB_HTTP_HEAD_MAX + 1, -431);
	check_limit(ATTRIB_HTTP_TARGET_MAX, 9, ATTRIB_HTTP_HEAD_MAX, 0);
	check_limit(ATTRIB_HTTP_TARGET_MAX, 9, ATTRIB_HTTP_HEAD_MAX + 1, -431);
	check_limit(1, 0, 2 * ATTRIB_HTTP_HEAD_MAX, -431);
}

static void endless_heads_end_at_the_limit(void **state)
{
	static char bytes[2 * ATTRIB_HTTP_HEAD_MAX];
	struct attrib_str s = {bytes, sizeof bytes};
	size_t scanned = 0;

	(void)state;
	memset(bytes, 'A', sizeof bytes);
	assert_int_equal(read_copy(s, ATTRIB_HTTP_HEAD_MAX - 1, &scanned, NULL), ATTRIB_HTTP_MORE);
	assert_int_equal(read_copy(s, ATTRIB_HTTP_HEAD_MAX, &scanned, NULL), -431);
	scanned = 0;
	assert_int_equal(read_copy(s, s.n, &scanned, NULL), -431);
}

static void pipelined_requests_are_read_one_after_another(void **state)
{
	static const char bytes[] = "GET /1 HTTP/1.1\r\n" HOST END "GET /2 HTTP/1.1\r\n" HOST END
				    "\r\nGET /3 HTTP/1.0\r\n" END "GET /4 HTTP/1.1\r\n\r\nGET /5";
	static const char *const forms[] = {
		"GET /1 h 1.1 keep", "GET /2 h 1.1 keep", "GET /3 1.0 close"};
	static struct attrib_http_request request;
	const char *p = bytes;
	size_t n = sizeof bytes - 1, scanned = 0, head_size = 0;
	char text[100];

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		assert_int_equal(attrib_http_head(p, n, &scanned, &request, &head_size), 0);
		describe(&request, text, sizeof text);
		assert_string_equal(text, forms[i]);
		p += head_size;
		n -= head_size;
	}
	assert_int_equal(attrib_http_head(p, n, &scanned, &request, &head_size), -400);
}

static void headers_and_cookies_are_found(void **state)
{
	static const char bytes[] =
		GET HOST "User-Agent: \t a b \r\nx-a: 1\r\nX-A: 2\r\n"
			 "cookie: a=1; b=\"2\" ;c=x=y; novalue; empty=\r\nX-Empty:\r\n"
			 "Cookie: a=3;d=4;\tattr_vid=abc\r\n" END;
	static struct attrib_http_request r;
	size_t scanned = 0, head_size;

	(void)state;
	assert_int_equal(attrib_http_head(bytes, sizeof bytes - 1, &scanned, &r, &head_size), 0);
	assert_int_equal(r.header_count, 7);
	check_str(r.target, "/");
	check_str(r.method_text, "GET");
	check_str(attrib_http_header(&r, ATTRIB_STR("USER-AGENT")), "a b");
	check_str(attrib_http_header(&r, ATTRIB_STR("X-A")), "1");
	check_str(attrib_http_header(&r, ATTRIB_STR("X-Empty")), "");
	assert_non_null(attrib_http_header(&r, ATTRIB_STR("X-Empty")).p);
	assert_null(attrib_http_header(&r, ATTRIB_STR("X-B")).p);
	check_str(attrib_http_cookie(&r, ATTRIB_STR("a")), "1");
	check_str(attrib_http_cookie(&r, ATTRIB_STR("b")), "\"2\"");
	check_str(attrib_http_cookie(&r, ATTRIB_STR("c")), "x=y");
	check_str(attrib_http_cookie(&r, ATTRIB_STR("d")), "4");
	check_str(attrib_http_cookie(&r, ATTRIB_STR("attr_vid")), "abc");
	assert_non_null(attrib_http_cookie(&r, ATTRIB_STR("empty")).p);
	assert_null(attrib_http_cookie(&r, ATTRIB_STR("novalue")).p);
	assert_null(attrib_http_cookie(&r, ATTRIB_STR("A")).p);
	assert_null(attrib_http_cookie(&r, ATTRIB_STR("vid")).p);
}

/* Every byte at every place of a long target and of a long value: the scans that take eight bytes at
 * once must agree with the rule for one. */
static void each_byte_is_judged_wherever_it_stands(void **state)
{
	char bytes[200];

	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		bool in_target = byte > 0x20 && byte < 0x7f && byte != '#';
		bool in_value = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
		for (size_t at = 0; at < 32; at++) {
			size_t n = (size_t)sprintf(bytes,
				       "GET /%032d HTTP/1.1\r\n" HOST "A:%032d\r\n"
				       "\r\n",
				       0, 0),
			       scanned = 0;
			struct attrib_str s = {bytes, n};
			bytes[5 + at] = (char)byte;
			assert_int_equal(read_copy(s, n, &scanned, NULL), in_target ? 0 : -400);
			bytes[5 + at] = '0';
			bytes[n - 4 - 32 + at] = (char)byte;
			scanned = 0;
			assert_int_equal(read_copy(s, n, &scanned, NULL), in_value ? 0 : -400);
		}
	}
}

/* Damaged heads: whatever they mean, they mean the same whole, in two parts and in single bytes. */
static void damage_is_read_alike_in_any_pieces(void **state)
{
	static const char pool[] = "\r\n\r\n\t :;,/?#*aZ09+-\0\x7f\x80\xff";
	char bytes[400];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		const struct head_case *c = &cases[test_random() % COUNT(cases)];
		struct attrib_str s = {bytes, c->bytes.n};
		size_t scanned = 0, cut;
		int whole, parts;

		memcpy(bytes, c->bytes.p, s.n);
		for (int k = 0; k < 2; k++)
			bytes[test_random() % s.n] = pool[test_random() % sizeof pool];
		whole = read_copy(s, s.n, &scanned, NULL);
		cut = test_random() % s.n;
		scanned = 0;
		parts = read_copy(s, cut, &scanned, NULL);
		if (parts == ATTRIB_HTTP_MORE)
			parts = read_copy(s, s.n, &scanned, NULL);
		assert_int_equal(whole, parts);
		scanned = 0;
		parts = ATTRIB_HTTP_MORE;
		for (size_t at = 1; at <= s.n && parts == ATTRIB_HTTP_MORE; at++)
			parts = read_copy(s, at, &scanned, NULL);
		assert_int_equal(whole, parts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_heads_are_read),
		cmocka_unit_test(splits_change_nothing),
		cmocka_unit_test(single_bytes_change_nothing),
		cmocka_unit_test(what_follows_is_not_looked_at),
		cmocka_unit_test(errors_do_not_wait_for_the_end),
		cmocka_unit_test(limits_are_inclusive),
		cmocka_unit_test(endless_heads_end_at_the_limit),
		cmocka_unit_test(pipelined_requests_are_read_one_after_another),
		cmocka_unit_test(headers_and_cookies_are_found),
		cmocka_unit_test(each_byte_is_judged_wherever_it_stands),
		cmocka_unit_test(damage_is_read_alike_in_any_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
