/*
 * A state directory against the positions that PostgreSQL holds of it: an older copy, lost segments, a
 * damaged end, lanes that are gone, and what was given up.
 */
#include "files.h"

#include <dirent.h>

#include "gaps.h"

#define RECORDS 200
#define PAYLOAD 100

struct world {
	struct attrib_journal *journal;
	struct attribd_held held;
	struct attrib_position state;
	struct attrib_id lane;
	struct attrib_position positions[4];
	struct attrib_positions known;
	struct attribd_gaps gaps;
};

static void open_journal(struct world *w)
{
	struct attrib_journal_options options = {
		.dir = files_path("journal"), .instance = {{7}}, .segment_size = 8192};

	assert_int_equal(attrib_journal_open(&options, &w->journal), 0);
	w->held.journal = w->journal;
}

static void close_journal(struct world *w)
{
	attribd_gaps_done(&w->gaps);
	attrib_journal_close(w->journal);
	w->journal = NULL;
}

/* One lane of RECORDS records in several segments. */
static int begin(void **state)
{
	static const char payload[PAYLOAD] = "payload";
	struct world *w = calloc(1, sizeof *w);
	struct attrib_lane *lane;
	uint64_t number;

	assert_int_equal(files_begin(state), 0);
	open_journal(w);
	assert_int_equal(attrib_lane_open(w->journal, 0, &lane), 0);
	w->lane = attrib_lane_id(lane);
	for (int i = 0; i < RECORDS; i++) {
		assert_int_equal(
			attrib_lane_append(lane, (struct attrib_str){payload, PAYLOAD}, &number),
			0);
		attrib_lane_set_sync(lane, ATTRIB_SYNC_IN_PLACE);
		if (i % 10 == 9)
			assert_int_equal(attrib_lane_commit(lane), 0);
	}
	assert_int_equal(attrib_lane_close(lane), 0);
	close_journal(w);
	w->known.p = w->positions;
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	close_journal(w);
	free(w);
	return files_end(state);
}

static void know(struct world *w, struct attrib_id lane, uint64_t number)
{
	w->positions[w->known.count++] = (struct attrib_position){lane, number};
}

static size_t find(struct world *w)
{
	attribd_gaps_done(&w->gaps);
	assert_int_equal(attribd_gaps_find(&w->held, &w->known, &w->gaps), 0);
	return w->gaps.count;
}

static void expect_gap(const struct world *w, uint64_t from, uint64_t to, const char *text)
{
	char got[ATTRIBD_GAP_TEXT];

	assert_int_equal(w->gaps.count, 1);
	assert_int_equal(w->gaps.p[0].from, from);
	assert_int_equal(w->gaps.p[0].to, to);
	attribd_gap_text(&w->gaps.p[0], got);
	assert_non_null(strstr(got, text));
}

static void checkpoint(struct world *w, uint64_t number)
{
	w->state = (struct attrib_position){w->lane, number};
	w->held.state = &w->state;
	w->held.state_count = 1;
}

/* Deletes all segments up to a record, and reads the directory anew. */
static void trim(struct world *w, uint64_t upto)
{
	const struct attrib_trim at_once = {0};
	struct attrib_trimmed sum = {0};

	attrib_journal_release(w->journal, ATTRIB_HOLDER_SINK, &w->lane, upto);
	attrib_journal_release(w->journal, ATTRIB_HOLDER_STATE, &w->lane, upto);
	for (int i = 0; i < 20; i++)
		assert_int_equal(attrib_journal_trim(w->journal, &at_once, &sum), 0);
	assert_true(sum.segments > 0);
	close_journal(w);
	open_journal(w);
}

/* Names of the segments in order. */
static int segments(struct dirent ***names)
{
	int n = scandir(files_path("journal"), names, NULL, alphasort);

	assert_true(n > 5); /* with . and .. */
	return n;
}

static void what_fits_has_no_gap(void **state)
{
	struct world *w = *state;

	open_journal(w);
	assert_int_equal(find(w), 0); /* an unknown instance: all of it will be written */
	know(w, w->lane, 40);         /* an older database */
	assert_int_equal(find(w), 0);
	w->positions[0].number = RECORDS;
	assert_int_equal(find(w), 0);
	struct attrib_sink_error error = {0};
	assert_true(attribd_gaps_fits(&w->held, &w->known, &error));
	assert_string_equal(error.text, "");
}

static void an_older_copy_lacks_the_end_and_later_lanes(void **state)
{
	struct world *w = *state;
	struct attrib_sink_error error = {0};

	open_journal(w);
	know(w, w->lane, RECORDS + 7);
	assert_int_equal(find(w), 1);
	expect_gap(w, RECORDS + 1, RECORDS + 7,
		"records 201 to 207 that PostgreSQL has are not in this journal");
	assert_int_equal(w->gaps.p[0].kind, ATTRIBD_GAP_FLUSHED);
	w->positions[0] = (struct attrib_position){{{1, 2}}, 300};
	assert_int_equal(find(w), 1);
	expect_gap(w, 1, 300, "PostgreSQL has records up to 300, this journal has none");
	know(w, w->lane, RECORDS + 1);
	assert_false(attribd_gaps_fits(&w->held, &w->known, &error));
	assert_non_null(strstr(error.text, "2 lanes"));
	assert_non_null(strstr(error.text, "attribd take-over"));
	/* given up: the last ones of the array */
	w->known.given_up = 1;
	assert_int_equal(find(w), 1);
	w->known.given_up = 2;
	assert_true(attribd_gaps_fits(&w->held, &w->known, &error));
}

static void a_damaged_end_is_no_older_copy(void **state)
{
	struct world *w = *state;
	struct dirent **names;
	char path[400];

	int n = segments(&names);
	snprintf(path, sizeof path, "%s/%s", files_path("journal"), names[n - 1]->d_name);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	/* the last record of the lane: its commit may look torn, PostgreSQL knows better */
	FILE *file = fopen(path, "r+");
	fseek(file, -(PAYLOAD + 20), SEEK_END);
	fwrite("damage", 1, 6, file);
	fclose(file);
	open_journal(w);
	know(w, w->lane, RECORDS);
	assert_int_equal(find(w), 0);
	/* but it can't have held that many */
	w->positions[0].number = RECORDS + 100;
	assert_int_equal(find(w), 1);
}

static void a_lost_beginning_is_named_when_nobody_has_it(void **state)
{
	struct world *w = *state;
	struct dirent **names;
	char path[400];
	unsigned long long second;

	int n = segments(&names);
	snprintf(path, sizeof path, "%s/%s", files_path("journal"), names[2]->d_name);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(sscanf(names[3]->d_name + 33, "%16llx", &second), 1);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	open_journal(w);
	assert_int_equal(find(w), 1);
	expect_gap(w, 1, second - 1, "are neither in PostgreSQL nor in this journal");
	assert_int_equal(w->gaps.p[0].kind, ATTRIBD_GAP_LOST);
	know(w, w->lane, second - 3);
	assert_int_equal(find(w), 1);
	expect_gap(w, second - 2, second - 1, "are neither in PostgreSQL nor in this journal");
	/* PostgreSQL has it all; but what the state would be built from is not here */
	w->positions[0].number = RECORDS;
	assert_int_equal(find(w), 1);
	expect_gap(w, 1, second - 1, "are neither in a checkpoint nor in this journal");
	assert_int_equal(w->gaps.p[0].kind, ATTRIBD_GAP_STATE);
	checkpoint(w, second - 2);
	assert_int_equal(find(w), 1);
	expect_gap(w, second - 1, second - 1, "are neither in a checkpoint nor in this journal");
	checkpoint(w, second - 1);
	assert_int_equal(find(w), 0);
	w->positions[0].number = second - 1;
	assert_int_equal(find(w), 0);
	w->positions[0].number = second - 3;
	w->known.given_up = 1;
	assert_int_equal(find(w), 0);
}

static void a_lane_that_is_gone_is_no_older_copy(void **state)
{
	struct world *w = *state;
	struct attrib_sink_error error = {0};

	open_journal(w);
	trim(w, RECORDS);
	checkpoint(w, RECORDS);
	know(w, w->lane, RECORDS);
	assert_int_equal(find(w), 0);
	assert_true(attribd_gaps_fits(&w->held, &w->known, &error));
	/* but it went no further than that */
	w->positions[0].number = RECORDS + 1;
	assert_int_equal(find(w), 1);
	expect_gap(w, RECORDS + 1, RECORDS + 1, "that PostgreSQL has are not in this journal");
}

static void a_database_older_than_what_is_retained_is_refused(void **state)
{
	struct world *w = *state;
	struct attrib_sink_error error = {0};

	open_journal(w);
	trim(w, RECORDS);
	checkpoint(w, RECORDS);
	know(w, w->lane, RECORDS - 10);
	assert_int_equal(find(w), 1);
	expect_gap(w, RECORDS - 9, RECORDS, "are neither in PostgreSQL nor in this journal");
	assert_false(attribd_gaps_fits(&w->held, &w->known, &error));
	assert_non_null(strstr(error.text, "the database is older than what this journal has "
					   "retained (1 lane, see above): restore a newer"));
	/* one that has never heard of the lane lacks all of it */
	w->known.count = 0;
	assert_int_equal(find(w), 1);
	expect_gap(w, 1, RECORDS, "are neither in PostgreSQL nor in this journal");
	know(w, w->lane, RECORDS - 10);
	w->known.given_up = 1;
	assert_int_equal(find(w), 0);
}

static void without_a_checkpoint_the_state_cannot_be_rebuilt(void **state)
{
	struct world *w = *state;
	struct attrib_sink_error error = {0};

	open_journal(w);
	trim(w, RECORDS);
	know(w, w->lane, RECORDS);
	assert_int_equal(find(w), 1);
	expect_gap(w, 1, RECORDS, "are neither in a checkpoint nor in this journal");
	assert_false(attribd_gaps_fits(&w->held, &w->known, &error));
	assert_non_null(strstr(error.text, "no usable checkpoint"));
	assert_non_null(strstr(error.text, "'attribd take-over'"));
	w->known.given_up = 1;
	assert_int_equal(find(w), 0);
}

/* Only the checkpoint knows the lane: the ledger was damaged. */
static void what_a_checkpoint_knows_counts(void **state)
{
	struct world *w = *state;

	open_journal(w);
	trim(w, RECORDS);
	close_journal(w);
	assert_int_equal(unlink(files_path("journal/ledger")), 0);
	open_journal(w);
	know(w, w->lane, RECORDS);
	assert_int_equal(find(w), 1);
	expect_gap(w, 1, RECORDS, "this journal has none");
	checkpoint(w, RECORDS);
	assert_int_equal(attrib_journal_knew(w->journal, &w->lane, RECORDS), 0);
	assert_int_equal(find(w), 0);
	w->positions[0].number = RECORDS - 10;
	assert_int_equal(find(w), 1);
	expect_gap(w, RECORDS - 9, RECORDS, "are neither in PostgreSQL nor in this journal");
}

/* Somebody brought back the first segments of a lane, and not all. */
static void a_lane_that_came_back_in_part_lacks_the_rest(void **state)
{
	struct world *w = *state;
	char command[1024];
	struct attrib_lane_view view;
	uint32_t index;

	snprintf(command, sizeof command, "cp -r %s %s", files_path("journal"), files_path("kept"));
	assert_int_equal(system(command), 0);
	open_journal(w);
	trim(w, RECORDS);
	close_journal(w);
	snprintf(command, sizeof command, "cp $(ls %s/*.seg | head -n 2) %s", files_path("kept"),
		files_path("journal"));
	assert_int_equal(system(command), 0);
	open_journal(w);
	assert_true(attrib_journal_lane_find(w->journal, &w->lane, &index));
	attrib_journal_lane_look(w->journal, index, &view);
	assert_true(view.first == 1 && view.last < RECORDS);
	checkpoint(w, RECORDS);
	know(w, w->lane, 1);
	assert_int_equal(find(w), 1);
	expect_gap(w, view.last + 1, RECORDS, "are neither in PostgreSQL nor in this journal");
	w->positions[0].number = RECORDS;
	assert_int_equal(find(w), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_fits_has_no_gap),
		TEST(an_older_copy_lacks_the_end_and_later_lanes),
		TEST(a_damaged_end_is_no_older_copy),
		TEST(a_lost_beginning_is_named_when_nobody_has_it),
		TEST(a_lane_that_is_gone_is_no_older_copy),
		TEST(a_database_older_than_what_is_retained_is_refused),
		TEST(without_a_checkpoint_the_state_cannot_be_rebuilt),
		TEST(what_a_checkpoint_knows_counts),
		TEST(a_lane_that_came_back_in_part_lacks_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
