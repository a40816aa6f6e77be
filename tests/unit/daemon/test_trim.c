/*
 * The thread that deletes segments: what the settings amount to, that it needs the word of both holders,
 * and that a journal at its quota takes records again by itself.
 */
#include "files.h"

#include <unistd.h>

#include "attrib/time.h"
#include "metrics.h"
#include "trim.h"

#define SEGMENT 16384
#define PAYLOAD 200

struct world {
	struct attrib_journal *journal;
	struct attrib_lane *lane;
	struct attribd_trim trim;
};

static struct attrib_trim rule_of(int64_t quota, int64_t retain_bytes)
{
	const struct attribd_config config = {.journal_retain_us = 7,
		.journal_quota = quota,
		.journal_retain_bytes = retain_bytes};

	return attribd_trim_rule(&config);
}

static void short_of_the_quota_there_is_room(void **state)
{
	(void)state;
	assert_int_equal(rule_of(0, 0).max_bytes, 0);
	assert_int_equal(rule_of(0, 500).max_bytes, 500);
	assert_int_equal(rule_of(800, 0).max_bytes, 700);
	assert_int_equal(rule_of(800, 500).max_bytes, 500);
	assert_int_equal(rule_of(800, 900).max_bytes, 700);
	assert_int_equal(rule_of(1, 1).retain_us, 7);
}

static void on_commit(void *arg)
{
	attribd_trim_look(arg);
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	/* kept for long: only the quota makes anything go */
	const struct attribd_config config = {
		.journal_retain_us = ATTRIB_US_PER_DAY, .journal_quota = 8 * SEGMENT};
	struct attrib_journal_options options = {.instance = {{7}},
		.segment_size = SEGMENT,
		.quota = (uint64_t)config.journal_quota};

	assert_int_equal(files_begin(state), 0);
	options.dir = files_path("journal");
	assert_int_equal(attrib_journal_open(&options, &w->journal), 0);
	assert_int_equal(attribd_trim_init(&w->trim, w->journal, &config), 0);
	attrib_journal_on_commit(w->journal, on_commit, &w->trim);
	assert_int_equal(attrib_lane_open(w->journal, 0, &w->lane), 0);
	attrib_lane_set_sync(w->lane, ATTRIB_SYNC_IN_PLACE);
	assert_int_equal(attribd_trim_start(&w->trim), 0);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	attribd_trim_stop(&w->trim);
	pthread_join(w->trim.thread, NULL);
	attribd_trim_done(&w->trim);
	assert_int_equal(attrib_lane_close(w->lane), 0);
	attrib_journal_close(w->journal);
	free(w);
	return files_end(state);
}

static int append(struct world *w)
{
	static const char payload[PAYLOAD] = "payload";
	uint64_t number;
	int err = attrib_lane_append(w->lane, (struct attrib_str){payload, PAYLOAD}, &number);

	return err ? err : attrib_lane_commit(w->lane);
}

static void fill(struct world *w)
{
	int err = 0;

	for (int i = 0; i < 100000 && !err; i++)
		err = append(w);
	assert_int_equal(err, ATTRIB_E_NO_SPACE);
}

static int64_t deleted_since(int64_t before)
{
	return attribd_metric_value(ATTRIBD_METRIC_JOURNAL_DELETED) - before;
}

static void the_quota_is_held_until_both_let_go(void **state)
{
	struct world *w = *state;
	int64_t before = attribd_metric_value(ATTRIBD_METRIC_JOURNAL_DELETED);

	for (int round = 0; round < 3; round++) {
		/* until what was let go before is gone, too */
		do {
			fill(w);
			usleep(20000);
		} while (append(w) == 0);
		const struct attrib_position all = {
			attrib_lane_id(w->lane), attrib_lane_committed(w->lane)};
		attribd_trim_confirmed(w->journal, &all, 1);
		usleep(20000);
		assert_int_equal(append(w), ATTRIB_E_NO_SPACE);
		attrib_journal_release(w->journal, ATTRIB_HOLDER_STATE, &all.lane, all.number);
		int err = ATTRIB_E_NO_SPACE;
		for (int i = 0; i < 5000 && err; i++) {
			usleep(2000);
			err = append(w);
		}
		assert_int_equal(err, 0);
		/* it is counted after it was done */
		for (int i = 0; i < 5000 && deleted_since(before) <= round; i++)
			usleep(2000);
		assert_true(deleted_since(before) > round);
		/* no more than was needed */
		assert_true(attrib_journal_bytes(w->journal) > 6 * SEGMENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_of_the_quota_there_is_room),
		cmocka_unit_test_setup_teardown(the_quota_is_held_until_both_let_go, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
