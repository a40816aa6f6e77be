/* Metrics: sums over threads, and a text that Prometheus reads. */
#include "files.h"

#include <ctype.h>
#include <pthread.h>

#include "metrics.h"

#define THREADS 6
#define ROUNDS  100000

static void *count(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		attribd_metric_add(ATTRIBD_METRIC_EVENTS_ACCEPTED, 2);
		attribd_metric_add(ATTRIBD_METRIC_CONNECTIONS, i % 2 ? -1 : 1);
	}
	return NULL;
}

/* Also when the threads have ended: a counter never falls. */
static void threads_add_up(void **state)
{
	pthread_t threads[THREADS];
	int64_t before = attribd_metric_value(ATTRIBD_METRIC_EVENTS_ACCEPTED), seen = before;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
	for (int i = 0; i < 1000; i++) {
		int64_t now = attribd_metric_value(ATTRIBD_METRIC_EVENTS_ACCEPTED);
		assert_true(now >= seen);
		seen = now;
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(attribd_metric_value(ATTRIBD_METRIC_EVENTS_ACCEPTED) - before,
		(int64_t)2 * THREADS * ROUNDS);
	assert_int_equal(attribd_metric_value(ATTRIBD_METRIC_CONNECTIONS), 0);
}

static void a_gauge_keeps_the_last_value(void **state)
{
	(void)state;
	attribd_metric_set(ATTRIBD_METRIC_LAG_MS, 1500);
	attribd_metric_set(ATTRIBD_METRIC_LAG_MS, 20);
	assert_int_equal(attribd_metric_value(ATTRIBD_METRIC_LAG_MS), 20);
}

/* One line: a family's head, or a sample of the family whose head came last. */
static void check_line(char *line, char family[128])
{
	char name[128], kind[16], *value;

	if (sscanf(line, "# HELP %127s", name) == 1) {
		assert_string_not_equal(name, family);
		strcpy(family, name);
		assert_true(strlen(line) > strlen("# HELP  ") + strlen(name));
		return;
	}
	if (sscanf(line, "# TYPE %127s %15s", name, kind) == 2) {
		assert_string_equal(name, family);
		assert_true(strcmp(kind, "counter") == 0 || strcmp(kind, "gauge") == 0);
		assert_int_equal(strcmp(kind, "counter") == 0,
			strcmp(name + strlen(name) - strlen("_total"), "_total") == 0);
		return;
	}
	assert_int_equal(strncmp(line, family, strlen(family)), 0);
	line += strlen(family);
	if (*line == '{') {
		line = strchr(line, '}');
		assert_non_null(line);
		line++;
	}
	assert_int_equal(*line, ' ');
	(void)strtoll(line + 1, &value, 10);
	assert_true(value > line + 1 && *value == 0);
}

static void the_text_is_well_formed(void **state)
{
	struct attrib_buf out;
	char family[128] = "", *line, *rest;
	int heads = 0, lines = 0;

	(void)state;
	attrib_buf_init(&out);
	attribd_metric_add(ATTRIBD_METRIC_REQUESTS_PIXEL, 3);
	attribd_metrics_write(&out);
	attrib_buf_char(&out, 0);
	assert_int_equal(out.err, 0);
	assert_non_null(strstr((char *)out.p, "\nattribd_requests_total{route=\"pixel\"} 3\n"));
	for (line = strtok_r((char *)out.p, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest)) {
		lines++;
		heads += strncmp(line, "# HELP", 6) == 0;
		check_line(line, family);
	}
	assert_int_equal(lines, 2 * heads + ATTRIBD_METRIC_COUNT);
	attrib_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_add_up),
		cmocka_unit_test(a_gauge_keeps_the_last_value),
		cmocka_unit_test(the_text_is_well_formed),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
