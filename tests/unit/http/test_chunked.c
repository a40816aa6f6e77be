/*
 * Chunked bodies: a table, each case decoded whole, split at every byte, byte by byte, and with the
 * next request right behind it.
 */
#include "check.h"

#include "attrib/http.h"

#define BODY_MAX 20

struct chunked_case {
	struct attrib_str bytes;
	int status; /* 0 or minus a status */
	const char *body;
};

#define GOOD(bytes, body)                                                                          \
	{                                                                                          \
		ATTRIB_STR(bytes), 0, body                                                         \
	}
#define BAD(bytes, status)                                                                         \
	{                                                                                          \
		ATTRIB_STR(bytes), -(status), ""                                                   \
	}

static const struct chunked_case cases[] = {
	GOOD("0\r\n\r\n", ""),
	GOOD("5\r\nhello\r\n0\r\n\r\n", "hello"),
	GOOD("5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n", "hello world"),
	GOOD("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
	GOOD("000a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n", "01234567890123456789"),
	GOOD("0000000000000001\r\nx\r\n0\r\n\r\n", "x"),
	GOOD("1;a=b;c=\"d e\"\r\nx\r\n0;last\r\n\r\n", "x"),
	GOOD("1\r\nx\r\n0\r\nA: b\r\nC:\r\nD:\t\xff \r\n\r\n", "x"),
	BAD("\r\n", 400),
	BAD("\n", 400),
	BAD(";x\r\n", 400),
	BAD("+3\r\nabc\r\n0\r\n\r\n", 400),
	BAD("-3\r\nabc\r\n0\r\n\r\n", 400),
	BAD("0x3\r\nabc\r\n0\r\n\r\n", 400),
	BAD(" 3\r\nabc\r\n0\r\n\r\n", 400),
	BAD("3 \r\nabc\r\n0\r\n\r\n", 400),
	BAD("3\t;x\r\nabc\r\n0\r\n\r\n", 400),
	BAD("g\r\n", 400),
	BAD("3\nabc\r\n0\r\n\r\n", 400),
	BAD("3\rabc\r\n0\r\n\r\n", 400),
	BAD("3;x\nabc\r\n0\r\n\r\n", 400),
	BAD("3;x\rabc\r\n", 400),
	BAD("3;x\0\r\nabc\r\n0\r\n\r\n", 400),
	BAD("3;\xff\r\nabc\r\n0\r\n\r\n", 400),
	BAD("3\r\nabcd\r\n0\r\n\r\n", 400),
	BAD("3\r\nabc\n0\r\n\r\n", 400),
	BAD("3\r\nabc\r0\r\n\r\n", 400),
	BAD("3\r\nabc0\r\n\r\n", 400),
	BAD("4\r\nabc\r\n0\r\n\r\n", 400),
	BAD("00000000000000001\r\nx", 400),
	BAD("0\r\n\n", 400),
	BAD("0\r\n\rX", 400),
	BAD("0\r\n A: b\r\n\r\n", 400),
	BAD("0\r\nA : b\r\n\r\n", 400),
	BAD("0\r\n: b\r\n\r\n", 400),
	BAD("0\r\nA: b\n\r\n", 400),
	BAD("0\r\nA: b\r\r\n\r\n", 400),
	BAD("0\r\nA: b\r\n c\r\n\r\n", 400),
	BAD("0\r\nA: \0\r\n\r\n", 400),
	BAD("0\r\nA\r\n\r\n", 400),
	BAD("15\r\n", 413),
	BAD("14\r\n01234567890123456789\r\n1\r\n", 413),
	BAD("ffffffffffffffff\r\n", 413),
	BAD("1\r\nx\r\nffffffffffffffff\r\n", 413),
	BAD("8000000000000000;x\r\n", 413),
};

/* One connection's body area: pieces are appended behind what is left over. */
struct feed {
	struct attrib_http_chunked chunked;
	char *p; /* of exactly the size that was fed, so that overruns are seen */
	size_t n;
	int status;
};

static void feed_init(struct feed *feed)
{
	*feed = (struct feed){.p = malloc(1), .status = ATTRIB_HTTP_MORE};
	attrib_http_chunked_init(&feed->chunked);
}

static void feed_bytes(struct feed *feed, const char *bytes, size_t n)
{
	if (feed->status != ATTRIB_HTTP_MORE)
		return;
	feed->p = realloc(feed->p, feed->n + n + 1);
	memcpy(feed->p + feed->n, bytes, n);
	feed->n += n;
	feed->status = attrib_http_chunked_decode(&feed->chunked, feed->p, &feed->n, BODY_MAX);
}

static void feed_check(struct feed *feed, const struct chunked_case *c, size_t tail)
{
	if (feed->status != c->status)
		fail_msg("%d instead of %d for:\n%.*s", feed->status, c->status, (int)c->bytes.n,
			c->bytes.p);
	if (c->status == 0) {
		assert_int_equal(feed->chunked.body_n, strlen(c->body));
		assert_memory_equal(feed->p, c->body, strlen(c->body));
		assert_int_equal(feed->n, strlen(c->body) + tail);
	}
	free(feed->p);
}

static void whole_bodies_are_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct feed feed;
		feed_init(&feed);
		feed_bytes(&feed, cases[i].bytes.p, cases[i].bytes.n);
		feed_check(&feed, &cases[i], 0);
	}
}

static void splits_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t at = 0; at <= cases[i].bytes.n; at++) {
			struct feed feed;
			feed_init(&feed);
			feed_bytes(&feed, cases[i].bytes.p, at);
			assert_true(feed.status || at == cases[i].bytes.n);
			feed_bytes(&feed, cases[i].bytes.p + at, cases[i].bytes.n - at);
			feed_check(&feed, &cases[i], 0);
		}
	}
}

static void single_bytes_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct feed feed;
		feed_init(&feed);
		for (size_t at = 0; at < cases[i].bytes.n; at++)
			feed_bytes(&feed, cases[i].bytes.p + at, 1);
		feed_check(&feed, &cases[i], 0);
	}
}

static void the_next_request_is_left_over(void **state)
{
	static const char next[] = "0\r\n\r\nGET / HTTP/1.1\r\n";
	char bytes[200];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct feed feed;
		size_t n = cases[i].bytes.n;
		memcpy(bytes, cases[i].bytes.p, n);
		memcpy(bytes + n, next, sizeof next);
		feed_init(&feed);
		feed_bytes(&feed, bytes, n + sizeof next);
		if (cases[i].status == 0)
			assert_memory_equal(feed.p + feed.chunked.body_n, next, sizeof next);
		feed_check(&feed, &cases[i], sizeof next);
	}
}

static void a_finished_body_stays_finished(void **state)
{
	struct feed feed;

	(void)state;
	feed_init(&feed);
	feed_bytes(&feed, "1\r\nx\r\n0\r\n\r\nGET", 14);
	assert_int_equal(feed.status, 0);
	assert_int_equal(feed.n, 4);
	assert_int_equal(attrib_http_chunked_decode(&feed.chunked, feed.p, &feed.n, BODY_MAX), 0);
	assert_int_equal(feed.n, 4);
	assert_memory_equal(feed.p, "xGET", 4);
	free(feed.p);
}

/* Feeds `n` times the same byte after `start`; returns the status. */
static int feed_long(const char *start, char byte, size_t n, const char *end)
{
	struct feed feed;

	feed_init(&feed);
	feed_bytes(&feed, start, strlen(start));
	for (size_t i = 0; i < n; i++)
		feed_bytes(&feed, &byte, 1);
	feed_bytes(&feed, end, strlen(end));
	free(feed.p);
	return feed.status;
}

static void lines_have_limits(void **state)
{
	(void)state;
	assert_int_equal(feed_long("0;", 'x', 255, "\r\n\r\n"), 0);
	assert_int_equal(feed_long("0;", 'x', 256, "\r\n\r\n"), -400);
	assert_int_equal(feed_long("0\r\nA:", 'x', ATTRIB_HTTP_HEAD_MAX - 6, "\r\n\r\n"), 0);
	assert_int_equal(feed_long("0\r\nA:", 'x', ATTRIB_HTTP_HEAD_MAX - 5, "\r\n\r\n"), -431);
}

/* Random bodies in random chunks, fed in random pieces, come out as they went in. */
static void bodies_survive_any_chunks_and_pieces(void **state)
{
	char body[BODY_MAX], coded[400];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t size = test_random() % (BODY_MAX + 1), n = 0, at = 0;
		struct feed feed;

		for (size_t i = 0; i < size; i++)
			body[i] = "\r\n0a;"[test_random() % 5];
		while (at < size) {
			size_t chunk = 1 + test_random() % (size - at);
			n += (size_t)sprintf(coded + n, "%zx\r\n", chunk);
			memcpy(coded + n, body + at, chunk);
			n += chunk;
			at += chunk;
			n += (size_t)sprintf(coded + n, "\r\n");
		}
		n += (size_t)sprintf(coded + n, "0\r\n\r\n");
		feed_init(&feed);
		for (at = 0; at < n;) {
			size_t piece = 1 + test_random() % (n - at);
			feed_bytes(&feed, coded + at, piece);
			at += piece;
		}
		assert_int_equal(feed.status, 0);
		assert_int_equal(feed.n, size);
		assert_memory_equal(feed.p, body, size);
		free(feed.p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_bodies_are_decoded),
		cmocka_unit_test(splits_change_nothing),
		cmocka_unit_test(single_bytes_change_nothing),
		cmocka_unit_test(the_next_request_is_left_over),
		cmocka_unit_test(a_finished_body_stays_finished),
		cmocka_unit_test(lines_have_limits),
		cmocka_unit_test(bodies_survive_any_chunks_and_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
