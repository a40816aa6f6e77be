/*
 * A copy of the directory ran elsewhere: what it has and we have not comes here, once, whole or in part
 * from the front, and never when anything about it is doubtful.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "format.h"

#define SEGMENT 16384
#define GROUP   10
#define RECORDS 180

/* Ours, and theirs: the same until they part. */
struct world {
	struct fixture f; /* first: its teardown is ours */
	struct fixture theirs;
	char copy[80], again[256], lines[8192];
	struct attrib_id common, ours, other;
	uint64_t progress, total;
};

static void run(const char *format, const char *a, const char *b)
{
	char command[512];

	snprintf(command, sizeof command, format, a, b);
	assert_int_equal(system(command), 0);
}

static struct attrib_id write_lane(struct fixture *f, uint32_t tag, uint64_t records)
{
	struct attrib_lane *lane;

	fixture_open(f);
	assert_int_equal(attrib_lane_open(f->journal, 0, &lane), 0);
	attrib_lane_set_sync(lane, ATTRIB_SYNC_IN_PLACE);
	struct attrib_id id = attrib_lane_id(lane);
	append_all(lane, tag, records, GROUP);
	assert_int_equal(attrib_lane_close(lane), 0);
	fixture_close(f);
	return id;
}

/* Both have lane `common`: they all of it, we what was on the disk when the copy was made; and each has
 * a lane of its own. */
static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct fixture *f;
	struct attrib_lane *lane;

	fixture_setup_in_memory((void **)&f);
	w->f = *f;
	free(f);
	w->f.options.dir = w->f.dir;
	w->f.options.segment_size = SEGMENT;
	snprintf(w->copy, sizeof w->copy, "%s-theirs", w->f.dir);
	snprintf(w->again, sizeof w->again, "%s-other %s", w->f.dir, w->f.dir);
	w->theirs = w->f;
	w->theirs.options.dir = w->copy;
	assert_int_equal(mkdir(w->copy, 0700), 0);
	fixture_open(&w->theirs);
	assert_int_equal(attrib_lane_open(w->theirs.journal, 0, &lane), 0);
	w->common = attrib_lane_id(lane);
	append_all(lane, 0, RECORDS, GROUP);
	run("cp %s/*.seg %s", w->copy, w->f.dir);
	append_all(lane, 0, RECORDS, GROUP);
	assert_int_equal(attrib_lane_close(lane), 0);
	fixture_close(&w->theirs);
	w->ours = write_lane(&w->f, 1, RECORDS);
	w->other = write_lane(&w->theirs, 2, RECORDS);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	run("rm -rf %s %s-other", w->copy, w->f.dir);
	return fixture_teardown(state);
}

static void hear(void *arg, const char *text)
{
	struct world *w = arg;

	strncat(w->lines, text, sizeof w->lines - strlen(w->lines) - 2);
	strcat(w->lines, "\n");
}

static void see(void *arg, uint64_t done, uint64_t total)
{
	struct world *w = arg;

	assert_true(done >= w->progress && done <= total);
	w->progress = done;
	w->total = total;
}

static int adopt_now(struct world *w, struct attrib_adopted *sum)
{
	const struct attrib_adopt what = {.from = w->copy, .line = hear, .progress = see, .arg = w};

	w->lines[0] = '\0';
	w->progress = w->total = 0;
	fixture_open(&w->f);
	int err = attrib_journal_adopt(w->f.journal, &what, sum);
	int kept = errno;
	fixture_close(&w->f);
	errno = kept;
	return err;
}

/* The names, sizes and bytes of a directory as one number. */
static uint64_t print_of(const char *dir)
{
	char **names, path[256];
	int n = segment_names(dir, &names);
	uint64_t sum = (uint64_t)n;

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		uint64_t size = file_size(path);
		char *bytes = malloc(size + 1);
		FILE *file = fopen(path, "r");
		assert_int_equal(fread(bytes, 1, size, file), size);
		fclose(file);
		sum = attrib_hash64(bytes, size, attrib_hash64(names[i], strlen(names[i]), sum));
		free(bytes);
	}
	segment_names_free(names, n);
	return sum;
}

static uint64_t lane_last(struct world *w, const struct attrib_id *id, uint32_t tag)
{
	struct attrib_reader *reader;
	struct attrib_lane_view view;
	uint64_t stretches, bytes, last;
	uint32_t index;

	if (!attrib_journal_lane_find(w->f.journal, id, &index))
		return 0;
	attrib_journal_lane_look(w->f.journal, index, &view);
	assert_int_equal(attrib_reader_new(w->f.journal, &reader), 0);
	assert_int_equal(read_all(reader, index, tag, 0, &last), view.last - view.first + 1);
	attrib_reader_damaged(reader, &stretches, &bytes);
	assert_int_equal(stretches, 0);
	attrib_reader_free(reader);
	return last;
}

static void expect_all(struct world *w)
{
	fixture_open(&w->f);
	assert_int_equal(lane_last(w, &w->common, 0), 2 * RECORDS);
	assert_int_equal(lane_last(w, &w->ours, 1), RECORDS + RECORDS);
	assert_int_equal(lane_last(w, &w->other, 2), 2 * RECORDS + RECORDS);
	assert_true(attrib_journal_base(w->f.journal) >= 3 * RECORDS);
	fixture_close(&w->f);
}

static void what_they_have_more_comes_here_once(void **state)
{
	struct world *w = *state;
	struct attrib_adopted sum = {0};
	uint64_t before = print_of(w->copy);

	assert_int_equal(adopt_now(w, &sum), 0);
	assert_int_equal(sum.lanes, 2);
	assert_int_equal(sum.records, 2 * RECORDS);
	assert_true(sum.segments > 4);
	assert_true(sum.bytes > 0);
	assert_non_null(strstr(w->lines, ": 180 records up to 360 adopted\n"));
	assert_non_null(strstr(w->lines, ": 180 records up to 540 adopted\n"));
	assert_int_equal(w->progress, w->total);
	expect_all(w);
	uint64_t after = print_of(w->f.dir);
	assert_int_equal(adopt_now(w, &sum), 0);
	assert_int_equal(sum.lanes + sum.records + sum.segments + sum.bytes, 0);
	assert_string_equal(w->lines, "");
	assert_int_equal(print_of(w->f.dir), after);
	assert_int_equal(print_of(w->copy), before);
}

static void a_torn_tail_comes_along(void **state)
{
	struct world *w = *state;
	struct attrib_adopted sum;
	char path[256];

	segment_path(&w->theirs, path);
	FILE *file = fopen(path, "a");
	for (int i = 0; i < 100; i++)
		fputc(i + 1, file);
	fclose(file);
	assert_int_equal(adopt_now(w, &sum), 0);
	expect_all(w);
}

/* What was confirmed and deleted here is no news, what goes beyond it is. */
static void what_was_deleted_here_does_not_come_back(void **state)
{
	struct world *w = *state;
	const struct attrib_trim at_once = {0};
	struct attrib_trimmed trimmed = {0};
	struct attrib_adopted sum;
	struct attrib_lane_view view;
	uint32_t index;

	fixture_open(&w->f);
	attrib_journal_release(w->f.journal, ATTRIB_HOLDER_SINK, &w->common, RECORDS);
	attrib_journal_release(w->f.journal, ATTRIB_HOLDER_STATE, &w->common, RECORDS);
	for (int i = 0; i < 10; i++)
		assert_int_equal(attrib_journal_trim(w->f.journal, &at_once, &trimmed), 0);
	assert_true(trimmed.segments > 2);
	assert_true(attrib_journal_lane_find(w->f.journal, &w->common, &index));
	attrib_journal_lane_look(w->f.journal, index, &view);
	assert_int_equal(view.first, RECORDS + 1);
	fixture_close(&w->f);
	assert_int_equal(adopt_now(w, &sum), 0);
	assert_int_equal(sum.records, 2 * RECORDS);
	fixture_open(&w->f);
	assert_true(attrib_journal_lane_find(w->f.journal, &w->common, &index));
	attrib_journal_lane_look(w->f.journal, index, &view);
	/* the segment in which it went on has some older ones, too */
	assert_in_range(view.first, 2, RECORDS + 1);
	assert_int_equal(lane_last(w, &w->common, 0), 2 * RECORDS);
	fixture_close(&w->f);
	assert_int_equal(adopt_now(w, &sum), 0);
	assert_int_equal(sum.records, 0);
}

static void the_longer_segment_is_as_young_as_what_came_with_it(void **state)
{
	const struct attrib_trim week = {.retain_us = INT64_C(7) * 86400 * 1000000};
	struct attrib_trimmed trimmed = {0};
	struct world *w = *state;
	struct attrib_adopted sum;

	/* long ago our lanes have ended, and the ledger says so */
	fixture_open(&w->f);
	w->f.journal->ran_before += week.retain_us / 2;
	assert_int_equal(attrib_journal_trim(w->f.journal, &week, &trimmed), 0);
	fixture_close(&w->f);
	assert_int_equal(adopt_now(w, &sum), 0);
	fixture_open(&w->f);
	w->f.journal->ran_before += week.retain_us * 3 / 4;
	attrib_journal_release(w->f.journal, ATTRIB_HOLDER_SINK, &w->common, 2 * RECORDS);
	attrib_journal_release(w->f.journal, ATTRIB_HOLDER_STATE, &w->common, 2 * RECORDS);
	for (int i = 0; i < 20; i++)
		assert_int_equal(attrib_journal_trim(w->f.journal, &week, &trimmed), 0);
	assert_int_equal(lane_last(w, &w->common, 0), 2 * RECORDS);
	struct attrib_lane_view view;
	uint32_t index;
	assert_true(attrib_journal_lane_find(w->f.journal, &w->common, &index));
	attrib_journal_lane_look(w->f.journal, index, &view);
	assert_in_range(view.first, 2, RECORDS);
	fixture_close(&w->f);
}

/* -- refusals ------------------------------------------------------------------------------------- */

static void expect_refusal(struct world *w, int error, const char *text)
{
	struct attrib_adopted sum;
	uint64_t before = print_of(w->f.dir);

	assert_int_equal(adopt_now(w, &sum), error);
	assert_non_null(strstr(w->lines, text));
	assert_int_equal(print_of(w->f.dir), before);
	assert_int_equal(sum.segments, 0);
}

static void damage_is_named_and_nothing_is_copied(void **state)
{
	struct world *w = *state;
	char path[256], **names;
	int n = segment_names(w->copy, &names);

	for (int i = 0; i < n; i++) {
		/* in the last commit of a lane it would be a torn tail */
		if (i + 1 == n || strncmp(names[i], names[i + 1], 32) != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", w->copy, names[i]);
		int fd = open(path, O_RDWR);
		uint8_t byte;
		assert_int_equal(pread(fd, &byte, 1, JOURNAL_HEAD + 40), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, JOURNAL_HEAD + 40), 1);
		expect_refusal(w, ATTRIB_E_CORRUPT, "are damaged, record ");
		assert_non_null(strstr(w->lines, names[i]));
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, JOURNAL_HEAD + 40), 1);
		close(fd);
	}
	snprintf(path, sizeof path, "%s/%s", w->copy, names[0]);
	assert_int_equal(truncate(path, 100), 0);
	expect_refusal(w, ATTRIB_E_CORRUPT, "are damaged");
	segment_names_free(names, n);
}

static void lanes_of_another_instance_are_refused(void **state)
{
	struct world *w = *state;

	w->theirs.options.instance.b[0] = 8;
	write_lane(&w->theirs, 5, 3);
	expect_refusal(w, ATTRIB_E_INVALID,
		"is of instance 08000000000000000000000000000000, not of the one here");
}

/* Bytes that can't both have been written by the lane's one writer. */
static void a_lane_that_differs_is_refused(void **state)
{
	struct world *w = *state;
	char **names, path[256], id[33] = {0};
	uint8_t head[JOURNAL_HEAD];
	struct journal_head parsed;

	int n = segment_names(w->f.dir, &names), last = -1;
	attrib_hex(w->common.b, 16, id);
	for (int i = 0; i < n; i++)
		if (strncmp(names[i], id, 32) == 0)
			last = i;
	snprintf(path, sizeof path, "%s/%s", w->f.dir, names[last]);
	int fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, head, sizeof head, 0), sizeof head);
	assert_int_equal(journal_head_decode(head, sizeof head, &parsed), 0);
	parsed.created_at++;
	journal_head_encode(&parsed, head);
	assert_int_equal(pwrite(fd, head, sizeof head, 0), sizeof head);
	close(fd);
	expect_refusal(w, ATTRIB_E_INVALID, "differs from what is here at offset 0");
	segment_names_free(names, n);
}

/* The same lane, cut into segments at other places. */
static void a_lane_of_two_writers_is_refused(void **state)
{
	struct world *w = *state;
	struct attrib_lane *lane;

	run("rm %s/* %s", w->copy, "");
	fixture_open(&w->theirs);
	assert_int_equal(attrib_lane_open(w->theirs.journal, 0, &lane), 0);
	w->theirs.journal->lanes[0]->id = w->common;
	append_all(lane, 7, 3 * RECORDS, GROUP - 1);
	assert_int_equal(attrib_lane_close(lane), 0);
	fixture_close(&w->theirs);
	expect_refusal(w, ATTRIB_E_INVALID, "neither is a copy of the other");
}

/* It ran on for so long that it has deleted what we have never seen. */
static void a_lane_without_its_beginning_is_refused(void **state)
{
	const struct attrib_trim at_once = {0};
	struct attrib_trimmed trimmed = {0};
	struct world *w = *state;
	uint64_t upto[] = {RECORDS + RECORDS / 2, 2 * RECORDS + RECORDS / 2};
	struct attrib_id ids[] = {w->common, w->other};

	run("cp -r %s %s-other", w->copy, w->f.dir);
	for (int i = 0; i < 2; i++) {
		fixture_open(&w->theirs);
		attrib_journal_release(w->theirs.journal, ATTRIB_HOLDER_SINK, &ids[i], upto[i]);
		attrib_journal_release(w->theirs.journal, ATTRIB_HOLDER_STATE, &ids[i], upto[i]);
		for (int k = 0; k < 10; k++)
			assert_int_equal(
				attrib_journal_trim(w->theirs.journal, &at_once, &trimmed), 0);
		fixture_close(&w->theirs);
		expect_refusal(w, ATTRIB_E_INVALID, "are deleted there and were never here");
		run("rm -r %s %s", w->copy, "");
		run("cp -r %s-other %s", w->f.dir, w->copy);
	}
}

static void what_is_not_there_is_refused(void **state)
{
	struct world *w = *state;
	struct attrib_adopted sum;

	strcat(w->copy, "-no");
	assert_int_equal(adopt_now(w, &sum), ATTRIB_E_NOT_FOUND);
}

/* -- what fails ----------------------------------------------------------------------------------- */

static void start_over(const struct world *w)
{
	run("rm -r %s && cp -r %s", w->f.dir, w->again);
}

static void every_fault_leaves_what_the_next_call_completes(void **state)
{
	static const struct {
		enum fault_call call;
		int error, result;
	} faults[] = {
		{FAULT_OPEN, EMFILE, ATTRIB_E_IO},
		{FAULT_PWRITE, EIO, ATTRIB_E_IO},
		{FAULT_PWRITE, ENOSPC, ATTRIB_E_NO_SPACE},
		{FAULT_FDATASYNC, EIO, ATTRIB_E_IO},
		{FAULT_RENAME, EIO, ATTRIB_E_IO},
		{FAULT_FSYNC, EIO, ATTRIB_E_IO},
	};
	struct world *w = *state;
	struct attrib_adopted sum;
	unsigned fired = 0;

	run("cp -r %s %s-other", w->f.dir, w->f.dir);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		bool hit = true;
		for (unsigned skip = 0; hit; skip++) {
			const struct attrib_adopt what = {.from = w->copy};
			start_over(w);
			fixture_open(&w->f);
			fault_reset();
			fault_set(faults[i].call, faults[i].error, skip, 1);
			int err = attrib_journal_adopt(w->f.journal, &what, &sum);
			hit = fault_fired() > 0;
			fired += hit;
			assert_int_equal(err, hit ? faults[i].result : 0);
			fault_reset();
			fixture_close(&w->f);
			assert_int_equal(adopt_now(w, &sum), 0);
			expect_all(w);
		}
	}
	assert_true(fired > 40);
	print_message("%u faults\n", fired);
}

/* A page that can't be read at its first or its second reading, there or here. */
static void what_cannot_be_read_is_never_adopted(void **state)
{
	struct world *w = *state;
	struct attrib_adopted sum;
	unsigned refused = 0;
	bool hit = true;

	run("cp -r %s %s-other", w->f.dir, w->f.dir);
	for (unsigned skip = 0; hit; skip++) {
		const struct attrib_adopt what = {.from = w->copy};
		start_over(w);
		fixture_open(&w->f);
		fault_reset();
		fault_set(FAULT_PREAD, EIO, skip, 2);
		int err = attrib_journal_adopt(w->f.journal, &what, &sum);
		hit = fault_fired() > 0;
		refused += err != 0;
		assert_true(err == 0 || err == ATTRIB_E_CORRUPT || err == ATTRIB_E_INVALID);
		fault_reset();
		fixture_close(&w->f);
		assert_int_equal(adopt_now(w, &sum), 0);
		expect_all(w);
	}
	assert_true(refused > 10);
	print_message("%u refused\n", refused);
}

static void killed_at_every_call(void **state)
{
	struct world *w = *state;
	struct attrib_adopted sum;
	unsigned calls = 0;
	int status;

	run("cp -r %s %s-other", w->f.dir, w->f.dir);
	do {
		calls++;
		start_over(w);
		pid_t child = fork();
		if (child == 0) {
			const struct attrib_adopt what = {.from = w->copy};
			fixture_open(&w->f);
			fault_die(calls);
			_exit(attrib_journal_adopt(w->f.journal, &what, &sum) == 0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		/* a start in between reads what is there, without a hole */
		fixture_open(&w->f);
		assert_in_range(lane_last(w, &w->common, 0), RECORDS, 2 * RECORDS);
		assert_int_equal(lane_last(w, &w->ours, 1), 2 * RECORDS);
		uint64_t last = lane_last(w, &w->other, 2);
		assert_true(last == 0 || (last > 2 * RECORDS && last <= 3 * RECORDS));
		fixture_close(&w->f);
		assert_int_equal(adopt_now(w, &sum), 0);
		expect_all(w);
	} while (WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_true(calls > 15);
	print_message("killed at %u calls\n", calls - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_they_have_more_comes_here_once),
		TEST(a_torn_tail_comes_along),
		TEST(what_was_deleted_here_does_not_come_back),
		TEST(the_longer_segment_is_as_young_as_what_came_with_it),
		TEST(damage_is_named_and_nothing_is_copied),
		TEST(lanes_of_another_instance_are_refused),
		TEST(a_lane_that_differs_is_refused),
		TEST(a_lane_of_two_writers_is_refused),
		TEST(a_lane_without_its_beginning_is_refused),
		TEST(what_is_not_there_is_refused),
		TEST(every_fault_leaves_what_the_next_call_completes),
		TEST(what_cannot_be_read_is_never_adopted),
		TEST(killed_at_every_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
