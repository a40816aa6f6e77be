/*
 * The bound on what connections hold: requests that drip in and answers that nobody takes end before it is passed,
 * the slowest first, and who is quick is served.
 */
#include "edge.h"

#include <pthread.h>

#include "metrics.h"

#define LIMIT (16 << 20)
#define BODY  150000      /* of a body that announces more */
#define HOLDS (256 << 10) /* what a connection takes for it */
#define MANY  200         /* three times what fits */

const char config_text[] = "[attribd]\n"
			   "state_dir = /tmp\n"
			   "postgres = host=/nowhere\n"
			   "request_memory = 16M\n"
			   "head_timeout = 60s\n"
			   "body_timeout = 60s\n"
			   "[site acme]\n"
			   "write_key = a-secret-write-key\n";

static void echo(struct attribd_exchange *exchange)
{
	exchange->response = (struct attrib_http_response){
		.status = 200, .content_type = "text/plain", .body = exchange->body};
}

static void big(struct attribd_exchange *exchange)
{
	static char text[200000];

	memset(text, 't', sizeof text);
	exchange->response = (struct attrib_http_response){.status = 200,
		.content_type = "text/plain",
		.body = (struct attrib_str){text, sizeof text}};
}

const struct attribd_route routes[] = {
	{"/echo", false, ATTRIB_HTTP_POST, false, 200000, ATTRIBD_METRIC_REQUESTS_OTHER, echo,
		NULL},
	{"/big", false, ATTRIB_HTTP_GET, true, 0, ATTRIBD_METRIC_REQUESTS_OTHER, big, NULL},
	{.path = NULL},
};

static char body[BODY];

/* All but the last byte of a request. */
static int begin_request(void)
{
	char head[128];
	int fd = dial();

	memset(body, 'b', sizeof body);
	snprintf(head, sizeof head,
		"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
		BODY + 1);
	put(fd, head, strlen(head));
	put(fd, body, sizeof body);
	return fd;
}

static void wait_until_held(size_t least, size_t most)
{
	for (int i = 0; i < 5000; i++) {
		size_t held = atomic_load(&request_bytes);
		if (held >= least && held <= most)
			return;
		usleep(1000);
	}
	fail_msg("%zu bytes are held", atomic_load(&request_bytes));
}

static int64_t given_up(void)
{
	return attribd_metric_value(ATTRIBD_METRIC_REQUESTS_GIVEN_UP);
}

/* The control: as many as there is room for may take their time. */
static void what_fits_is_left_alone(void **state)
{
	int fds[LIMIT / HOLDS], count = LIMIT / HOLDS;
	int64_t before = given_up();

	(void)state;
	for (int i = 0; i < count; i++)
		fds[i] = begin_request();
	wait_until_held((size_t)count * HOLDS, LIMIT);
	for (int i = 0; i < count; i++) {
		put(fds[i], "e", 1);
		get_end(fds[i]);
		assert_non_null(strstr(answer, "HTTP/1.1 200 "));
	}
	wait_until_held(0, 0);
	assert_int_equal(given_up(), before);
}

static void beyond_it_the_slowest_go(void **state)
{
	int fds[MANY], refused = 0;
	int64_t before = given_up();

	(void)state;
	for (int i = 0; i < MANY; i++) {
		fds[i] = begin_request();
		assert_in_range(atomic_load(&request_bytes), 0, LIMIT + HOLDS);
	}
	wait_until_held(LIMIT - HOLDS, LIMIT);
	/* the last ones are there, the first ones were told why not */
	for (int i = MANY - 1; i >= 0; i--) {
		bool refused_one = i < MANY - LIMIT / HOLDS;
		if (!refused_one)
			put(fds[i], "e", 1);
		get_end(fds[i]);
		assert_non_null(strstr(answer, refused_one ? "HTTP/1.1 503 " : "HTTP/1.1 200 "));
		assert_true(!refused_one || strstr(answer, "Retry-After: 1\r\n"));
		refused += refused_one;
	}
	wait_until_held(0, 0);
	assert_int_equal(given_up() - before, refused);
	assert_int_equal(attribd_metric_value(ATTRIBD_METRIC_REQUEST_BYTES), 0);
}

static void quick_ones_are_served_meanwhile(void **state)
{
	int fds[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		fds[i] = begin_request();
		int fd = begin_request();
		put(fd, "e", 1);
		get_end(fd);
		assert_non_null(strstr(answer, "HTTP/1.1 200 "));
	}
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	wait_until_held(0, 0);
}

/* Nobody has to be told: their answers stand in the way. */
static void answers_that_nobody_takes_go_too(void **state)
{
	int fds[MANY];
	int64_t before = given_up();

	(void)state;
	for (int i = 0; i < MANY; i++) {
		fds[i] = dial();
		put(fds[i], GET("/big") GET("/big"), 2 * (sizeof GET("/big") - 1));
	}
	for (int i = 0; i < 5000 && given_up() - before < MANY / 4; i++)
		usleep(1000);
	assert_true(given_up() - before >= MANY / 4);
	wait_until_held(1, LIMIT);
	get_end(fds[0]);
	assert_true(strlen(answer) < 400000);
	get(fds[MANY - 1], "Content-Length");
	for (int i = 1; i < MANY; i++)
		close(fds[i]);
	wait_until_held(0, 0);
}

/* As another worker whose connections come and go: at any moment it may be too much. */
static void *another_worker(void *arg)
{
	atomic_bool *stop = arg;

	while (!atomic_load(stop)) {
		atomic_fetch_add(&request_bytes, LIMIT);
		usleep(50);
		atomic_fetch_sub(&request_bytes, LIMIT);
		usleep(50);
	}
	return NULL;
}

static void whoever_is_given_up_hears_of_it(void **state)
{
	static const char head[] = "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
				   "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
	atomic_bool stop = false;
	int64_t before = given_up();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, another_worker, &stop), 0);
	for (int i = 0; i < 1000; i++) {
		int fd = dial();
		put(fd, head, sizeof head - 1);
		get(fd, "\r\n\r\n");
		(void)!send(fd, "ok", 2, MSG_NOSIGNAL);
		bool refused = strstr(answer, " 503 ");
		get_end(fd);
		assert_true(refused || strstr(answer, " 200 ") || strstr(answer, " 503 "));
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	assert_true(given_up() > before);
	wait_until_held(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_left_alone),
		cmocka_unit_test(beyond_it_the_slowest_go),
		cmocka_unit_test(quick_ones_are_served_meanwhile),
		cmocka_unit_test(answers_that_nobody_takes_go_too),
		cmocka_unit_test(whoever_is_given_up_hears_of_it),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}
