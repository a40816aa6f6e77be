/*
 * A worker with a real lane and connections over socket pairs: answers in order, only behind their
 * records, however the bytes are cut.
 */
#include "edge.h"

const char config_text[] = "[attribd]\n"
			   "state_dir = /tmp\n"
			   "postgres = host=/nowhere\n"
			   "head_timeout = 300ms\n"
			   "idle_timeout = 60s\n"
			   "[site acme]\n"
			   "write_key = a-secret-write-key\n";

/* -- routes of the test -------------------------------------------------------------------------- */

static void say(struct attribd_exchange *exchange, struct attrib_str text)
{
	exchange->response = (struct attrib_http_response){
		.status = 200, .content_type = "text/plain", .body = text};
}

static void record(struct attribd_exchange *exchange)
{
	struct attrib_event event = {.type = ATTRIB_EVENT_VISIT,
		.site = ATTRIB_STR("acme"),
		.source = ATTRIB_STR("test"),
		.event_id = exchange->request->query,
		.received_at = exchange->worker->now,
		.occurred_at = exchange->worker->now};

	if (attribd_record(exchange, &event, 1))
		say(exchange, exchange->request->query);
	else
		attribd_answer_overload(exchange);
}

static void echo(struct attribd_exchange *exchange)
{
	say(exchange, exchange->body);
}

static void plain(struct attribd_exchange *exchange)
{
	say(exchange, ATTRIB_STR("plain"));
}

const struct attribd_route routes[] = {
	{"/record", false, ATTRIB_HTTP_GET, true, 0, ATTRIBD_METRIC_REQUESTS_OTHER, record, NULL},
	{"/plain", false, ATTRIB_HTTP_GET, true, 0, ATTRIBD_METRIC_REQUESTS_OTHER, plain, NULL},
	{"/echo", false, ATTRIB_HTTP_POST, false, 200000, ATTRIBD_METRIC_REQUESTS_OTHER, echo,
		NULL},
	{"/p.gif", false, ATTRIB_HTTP_GET, true, 0, ATTRIBD_METRIC_REQUESTS_PIXEL,
		attribd_handle_pixel, NULL},
	{.path = NULL},
};

/* -- tests --------------------------------------------------------------------------------------- */

static const char mixed[] = GET("/record?a") GET("/plain") GET("/nothing")
	GET("/record?b") "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz"
			 "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
			 "chunked\r\n\r\n2\r\nuv\r\n1\r\nw\r\n0\r\n\r\n"
			 "POST /plain HTTP/1.1\r\nHost: a\r\n\r\n" LAST("/record?c");

static void pipelined_answers_come_in_order(void **state)
{
	uint64_t before = attrib_journal_committed(journal);
	int fd = dial();

	(void)state;
	put(fd, mixed, sizeof mixed - 1);
	get_end(fd);
	check_bodies("a plain 404 b xyz uvw 405 c");
	assert_int_equal(attrib_journal_committed(journal) - before, 3);
}

/* Cut in two at every byte; the pause lets the worker see the first part alone now and then. */
static void cut_anywhere_it_is_the_same(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < sizeof mixed - 1; cut += 1) {
		int fd = dial();
		put(fd, mixed, cut);
		if (cut % 8 == 0)
			usleep(1000);
		put(fd, mixed + cut, sizeof mixed - 1 - cut);
		get_end(fd);
		check_bodies("a plain 404 b xyz uvw 405 c");
	}
}

static void byte_by_byte_too(void **state)
{
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof mixed - 1; i++)
		put(fd, mixed + i, 1);
	get_end(fd);
	check_bodies("a plain 404 b xyz uvw 405 c");
}

/* More waiting answers than a connection has marks: reading pauses, nothing is lost. */
static void more_than_may_wait_at_once(void **state)
{
	uint64_t before = attrib_journal_committed(journal);
	int fd = dial();

	(void)state;
	for (int i = 0; i < 10 * ATTRIBD_MARKS; i++)
		put(fd, GET("/record?r"), sizeof GET("/record?r") - 1);
	put(fd, LAST("/record?last"), sizeof LAST("/record?last") - 1);
	get(fd, "last");
	close(fd);
	assert_int_equal(attrib_journal_committed(journal) - before, 10 * ATTRIBD_MARKS + 1);
}

/* Whoever has read the answer finds the record: it was durable before. */
static void an_answer_means_a_durable_record(void **state)
{
	int fd = dial();

	(void)state;
	for (int i = 0; i < 200; i++) {
		uint64_t before = attrib_journal_committed(journal);
		put(fd, GET("/record?one"), sizeof GET("/record?one") - 1);
		get(fd, "one");
		assert_int_equal(attrib_journal_committed(journal), before + 1);
	}
	close(fd);
}

static void a_long_body_grows_the_buffer(void **state)
{
	static char body[150000];
	char head[128];
	int fd = dial();

	(void)state;
	memset(body, 'b', sizeof body);
	snprintf(head, sizeof head,
		"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: "
		"%zu\r\n\r\n",
		sizeof body);
	put(fd, head, strlen(head));
	put(fd, body, sizeof body);
	get_end(fd);
	char *got = strstr(answer, "\r\n\r\n");
	assert_non_null(got);
	assert_int_equal(strlen(got + 4), sizeof body);
}

static void too_large_is_refused_at_once(void **state)
{
	static const char request[] = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
				      "Content-Length: 200001\r\n\r\n";
	int fd = dial();

	(void)state;
	put(fd, request, sizeof request - 1);
	get_end(fd);
	assert_non_null(strstr(answer, "HTTP/1.1 413 "));
	assert_null(strstr(answer, "100 Continue"));
}

static void a_body_is_asked_for(void **state)
{
	static const char request[] = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
				      "Connection: close\r\nContent-Length: 2\r\n\r\n";
	int fd = dial();

	(void)state;
	put(fd, request, sizeof request - 1);
	get(fd, "HTTP/1.1 100 Continue\r\n\r\n");
	put(fd, "ok", 2);
	get_end(fd);
	assert_non_null(strstr(answer, "HTTP/1.1 200 "));
}

/* What stands behind an error is not looked at, and the error still arrives. */
static void after_an_error_nothing_is_read(void **state)
{
	static const char request[] =
		"GET /plain HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" GET("/record?smuggled");
	uint64_t before = attrib_journal_committed(journal);
	int fd = dial();

	(void)state;
	put(fd, request, sizeof request - 1);
	get_end(fd);
	check_bodies("400");
	assert_int_equal(attrib_journal_committed(journal), before);
}

static void a_slow_head_is_408_however_it_drips(void **state)
{
	int fd = dial();

	(void)state;
	put(fd, "GET /plain HTTP/1.1\r\n", 21);
	for (int i = 0; i < 200; i++) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		if (poll(&poll_fd, 1, 50))
			break;
		put(fd, "X", 1);
	}
	get_end(fd);
	check_bodies("408");
}

static void a_half_closed_client_gets_its_answer(void **state)
{
	int fd = dial();

	(void)state;
	put(fd, GET("/record?half"), sizeof GET("/record?half") - 1);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	get_end(fd);
	check_bodies("half");
}

static int count_bytes(const char *bytes)
{
	const char *p = answer, *end = answer + sizeof answer;
	int n = 0;

	for (; (p = memmem(p, (size_t)(end - p), bytes, strlen(bytes))); p++)
		n++;
	return n;
}

/* The usual pixel's answer is kept ready; the others say more, or less. */
static void a_pixel_is_answered_as_it_was_asked(void **state)
{
#define PIXEL " /p.gif?site=acme&e=visit&vid=v&url=https://shop.example/ HTTP/1."
	static const char asked[] =
		"GET" PIXEL "1\r\nHost: a\r\n\r\nGET" PIXEL "1\r\nHost: a\r\n\r\n"
		"GET" PIXEL "0\r\nConnection: keep-alive\r\n\r\n"
		"HEAD" PIXEL "1\r\nHost: a\r\n\r\n"
		"GET" PIXEL "1\r\nHost: a\r\nConnection: close\r\n\r\n";
	int fd = dial();

	(void)state;
	memset(answer, 0, sizeof answer);
	put(fd, asked, sizeof asked - 1);
	get_end(fd);
	assert_int_equal(count_bytes("HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\n"
				     "Content-Length: 43\r\n"),
		5);
	assert_int_equal(count_bytes("Cache-Control: no-cache"), 5);
	assert_int_equal(count_bytes("\r\n\r\nGIF89a"), 4);
	assert_int_equal(count_bytes("Connection: keep-alive\r\n"), 1);
	assert_int_equal(count_bytes("Connection: close\r\n"), 1);
#undef PIXEL
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipelined_answers_come_in_order),
		cmocka_unit_test(a_pixel_is_answered_as_it_was_asked),
		cmocka_unit_test(cut_anywhere_it_is_the_same),
		cmocka_unit_test(byte_by_byte_too),
		cmocka_unit_test(more_than_may_wait_at_once),
		cmocka_unit_test(an_answer_means_a_durable_record),
		cmocka_unit_test(a_long_body_grows_the_buffer),
		cmocka_unit_test(too_large_is_refused_at_once),
		cmocka_unit_test(a_body_is_asked_for),
		cmocka_unit_test(after_an_error_nothing_is_read),
		cmocka_unit_test(a_slow_head_is_408_however_it_drips),
		cmocka_unit_test(a_half_closed_client_gets_its_answer),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}
