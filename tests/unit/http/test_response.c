/* Responses: exact bytes, and that what could split one stops the process. */
#include "check.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attrib/http.h"

static const struct attrib_http_request keep = {.minor = 1, .keep_alive = true};
static const struct attrib_http_request closing = {.minor = 1};
static const struct attrib_http_request old_keep = {.minor = 0, .keep_alive = true};
static const struct attrib_http_request old = {.minor = 0};

static void responses_have_exact_bytes(void **state)
{
	static const struct {
		const struct attrib_http_request *request;
		struct attrib_http_response response;
		const char *bytes;
	} cases[] = {
		{&keep, {.status = 200, .content_type = "text/plain", .body = ATTRIB_STR("hi")},
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "
			"2\r\n\r\nhi"},
		{&keep,
			{.status = 200,
				.content_type = "image/gif",
				.body = ATTRIB_STR("GIF"),
				.head_only = true},
			"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: 3\r\n\r\n"},
		{&keep, {.status = 302, .headers = ATTRIB_STR("Location: /x\r\nA:\r\n")},
			"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /x\r\nA:\r\n\r\n"},
		{&keep, {.status = 204}, "HTTP/1.1 204 No Content\r\n\r\n"},
		{&keep, {.status = 304, .headers = ATTRIB_STR("ETag: \"a\"\r\n")},
			"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"},
		{&keep, {.status = 204, .content_type = "text/plain", .body = ATTRIB_STR("hi")},
			"HTTP/1.1 204 No Content\r\n\r\n"},
		{&closing, {.status = 100}, "HTTP/1.1 100 Continue\r\n\r\n"},
		{&keep, {.status = 400, .close = true},
			"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: "
			"close\r\n\r\n"},
		{NULL, {.status = 431, .close = true},
			"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n"
			"Connection: close\r\n\r\n"},
		{NULL, {.status = 299}, "HTTP/1.1 299 Unknown\r\nContent-Length: 0\r\n\r\n"},
		{&closing, {.status = 204}, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"},
		{&old, {.status = 204}, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"},
		{&old_keep, {.status = 204},
			"HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n"},
		{&old_keep, {.status = 204, .close = true},
			"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"},
	};
	struct attrib_buf out;

	(void)state;
	attrib_buf_init(&out);
	for (size_t i = 0; i < COUNT(cases); i++) {
		attrib_buf_clear(&out);
		attrib_http_write(&out, cases[i].request, &cases[i].response);
		attrib_buf_char(&out, '\0');
		assert_int_equal(out.err, 0);
		assert_string_equal((char *)out.p, cases[i].bytes);
	}
	attrib_buf_done(&out);
}

static void responses_are_appended(void **state)
{
	struct attrib_http_response response = {.status = 204};
	struct attrib_buf out;

	(void)state;
	attrib_buf_init(&out);
	attrib_http_write(&out, &keep, &response);
	attrib_http_write(&out, &keep, &response);
	check_str(attrib_buf_view(&out),
		"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
	attrib_buf_done(&out);
}

/* True when writing the response aborts; tried in a child. */
static bool stops(const struct attrib_http_response *response)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct attrib_buf out;
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		signal(SIGABRT, SIG_DFL);
		attrib_buf_init(&out);
		attrib_http_write(&out, &keep, response);
		attrib_buf_done(&out);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void what_could_split_a_response_stops_the_process(void **state)
{
	static const struct attrib_str bad[] = {ATTRIB_STR("A: x"), ATTRIB_STR("A: x\n"),
		ATTRIB_STR("A: x\r"), ATTRIB_STR("A: x\r\n\r\n"), ATTRIB_STR("\r\n"),
		ATTRIB_STR("A: x\ry\r\n"), ATTRIB_STR("A: x\ny\r\n"), ATTRIB_STR("A: x\0y\r\n"),
		ATTRIB_STR("A x\r\n"), ATTRIB_STR(": x\r\n"), ATTRIB_STR("A : x\r\n"),
		ATTRIB_STR("A: x\r\n B: y\r\n")};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (!stops(&(struct attrib_http_response){.status = 200, .headers = bad[i]}))
			fail_msg("case %zu was written", i);
	}
	assert_true(stops(&(struct attrib_http_response){
		.status = 200, .content_type = "text/plain\r\nA: b"}));
	assert_false(stops(&(struct attrib_http_response){
		.status = 200, .headers = ATTRIB_STR("A: \xff\tb\r\n")}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(responses_have_exact_bytes),
		cmocka_unit_test(responses_are_appended),
		cmocka_unit_test(what_could_split_a_response_stops_the_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
