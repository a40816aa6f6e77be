/*
 * Deleting segments: only what both holders have let go of and what was kept long enough or is too much,
 * whatever fails and wherever the process ends. And what is known of lanes that are gone.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "format.h"
#include "ledger.h"

#define SEGMENT  16384
#define GROUP    30
#define RECORDS  600 /* of a lane: some ten segments */
#define AT_ONCE  ((struct attrib_trim){0})
#define HOUR     INT64_C(3600000000)
#define FOR_LONG (7 * 24 * HOUR)

static const struct attrib_trim long_kept = {.retain_us = FOR_LONG};

static int setup(void **state)
{
	int err = fixture_setup_in_memory(state);
	struct fixture *f = *state;

	f->options.segment_size = SEGMENT;
	return err;
}

/* Lanes of a start of their own; they are closed, the journal stays open. */
static void write_lanes(struct fixture *f, struct attrib_id *ids, uint32_t count, uint64_t records)
{
	struct attrib_lane *lanes[4];

	fixture_open(f);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(attrib_lane_open(f->journal, 0, &lanes[i]), 0);
		attrib_lane_set_sync(lanes[i], ATTRIB_SYNC_IN_PLACE);
		ids[i] = attrib_lane_id(lanes[i]);
	}
	for (uint32_t i = 0; i < count; i++) {
		append_all(lanes[i], i, records, GROUP);
		assert_int_equal(attrib_lane_close(lanes[i]), 0);
	}
}

static void reopen(struct fixture *f)
{
	fixture_close(f);
	fixture_open(f);
}

static struct attrib_lane_view look(struct fixture *f, const struct attrib_id *id)
{
	struct attrib_lane_view view;
	uint32_t index;

	assert_true(attrib_journal_lane_find(f->journal, id, &index));
	attrib_journal_lane_look(f->journal, index, &view);
	return view;
}

static void release_both(struct fixture *f, const struct attrib_id *id, uint64_t upto)
{
	attrib_journal_release(f->journal, ATTRIB_HOLDER_SINK, id, upto);
	attrib_journal_release(f->journal, ATTRIB_HOLDER_STATE, id, upto);
}

/* Trims until nothing goes any more; how many segments went. */
static uint64_t trim(struct fixture *f, const struct attrib_trim *rule)
{
	struct attrib_trimmed sum = {0};
	uint64_t before, bytes = attrib_journal_bytes(f->journal);

	do {
		before = sum.segments;
		assert_int_equal(attrib_journal_trim(f->journal, rule, &sum), 0);
	} while (sum.segments > before);
	assert_int_equal(attrib_journal_bytes(f->journal), bytes - sum.bytes);
	return sum.segments;
}

static uint64_t trim_all(struct fixture *f)
{
	return trim(f, &AT_ONCE);
}

static int files(const struct fixture *f)
{
	char **names;
	int n = segment_names(f->dir, &names);

	segment_names_free(names, n);
	return n;
}

/* Number of the first record of segment i of the only lane, as its name says. */
static uint64_t first_of(const struct fixture *f, int i)
{
	unsigned long long first;
	char **names;
	int n = segment_names(f->dir, &names);

	assert_true(i < n);
	assert_int_equal(sscanf(names[i] + 33, "%16llx", &first), 1);
	segment_names_free(names, n);
	return first;
}

/* -- what may go -------------------------------------------------------------------------------- */

static void both_holders_have_to_let_go(void **state)
{
	struct fixture *f = *state;
	struct attrib_id id, stranger = {{9}};

	write_lanes(f, &id, 1, RECORDS);
	reopen(f);
	int n = files(f);
	assert_true(n > 5);
	assert_int_equal(trim_all(f), 0);
	attrib_journal_release(f->journal, ATTRIB_HOLDER_SINK, &id, RECORDS);
	assert_int_equal(trim_all(f), 0);
	/* the last record of the first segment is missing, then it isn't */
	attrib_journal_release(f->journal, ATTRIB_HOLDER_STATE, &id, first_of(f, 1) - 2);
	assert_int_equal(trim_all(f), 0);
	attrib_journal_release(f->journal, ATTRIB_HOLDER_STATE, &id, first_of(f, 1) - 1);
	attrib_journal_release(f->journal, ATTRIB_HOLDER_STATE, &id, 1);
	attrib_journal_release(f->journal, ATTRIB_HOLDER_STATE, &stranger, RECORDS);
	assert_int_equal(trim_all(f), 1);
	assert_int_equal(look(f, &id).first, first_of(f, 0));
	attrib_journal_release(f->journal, ATTRIB_HOLDER_STATE, &id, RECORDS - 1);
	assert_int_equal(trim_all(f), n - 2);
	attrib_journal_release(f->journal, ATTRIB_HOLDER_STATE, &id, RECORDS);
	assert_int_equal(trim_all(f), 1);
	assert_int_equal(files(f), 0);
	assert_int_equal(attrib_journal_bytes(f->journal), 0);
	assert_int_equal(attrib_journal_segments(f->journal), 0);
}

static void the_segment_that_is_written_stays(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane;
	uint64_t last;

	fixture_open(f);
	assert_int_equal(attrib_lane_open(f->journal, 0, &lane), 0);
	struct attrib_id id = attrib_lane_id(lane);
	append_all(lane, 0, RECORDS, GROUP);
	int n = files(f);
	release_both(f, &id, RECORDS);
	assert_int_equal(trim_all(f), n - 1);
	assert_int_equal(files(f), 1);
	append_all(lane, 0, RECORDS, GROUP);
	release_both(f, &id, UINT64_MAX);
	trim_all(f);
	assert_int_equal(files(f), 1);
	uint64_t first = look(f, &id).first;
	assert_int_equal(first, first_of(f, 0));
	assert_int_equal(attrib_lane_close(lane), 0);
	reopen(f);
	struct attrib_reader *reader;
	assert_int_equal(attrib_reader_new(f->journal, &reader), 0);
	assert_int_equal(read_all(reader, 0, 0, 0, &last), 2 * RECORDS - first + 1);
	assert_int_equal(last, 2 * RECORDS);
	attrib_reader_free(reader);
}

static void a_reader_reads_on_in_a_segment_that_is_gone(void **state)
{
	struct attrib_record records[8];
	struct attrib_reader *reader;
	struct fixture *f = *state;
	struct attrib_id id;
	uint64_t last;
	size_t n;

	write_lanes(f, &id, 1, RECORDS);
	reopen(f);
	assert_int_equal(attrib_reader_new(f->journal, &reader), 0);
	uint64_t second = first_of(f, 1), after = second - 20;
	assert_int_equal(attrib_reader_read(reader, 0, after, records, 8, &n), 0);
	assert_int_equal(n, 8);
	/* somebody who breaks the contract to show that it would be harmless */
	release_both(f, &id, second - 1);
	assert_int_equal(trim_all(f), 1);
	assert_int_equal(read_all(reader, 0, 0, after + 8, &last), RECORDS - after - 8);
	/* and at the very end of the lane, when nothing of it is left */
	release_both(f, &id, RECORDS);
	trim_all(f);
	assert_int_equal(files(f), 0);
	assert_int_equal(read_all(reader, 0, 0, RECORDS, &last), 0);
	assert_int_equal(last, RECORDS);
	attrib_reader_free(reader);
}

/* A name that is gone when it is looked at, as beside a daemon that deletes: a link to nothing. */
static void a_segment_that_is_deleted_meanwhile_is_none(void **state)
{
	struct attrib_journal_report report;
	struct fixture *f = *state;
	struct attrib_id id;
	char path[256];

	write_lanes(f, &id, 1, 10);
	snprintf(path, sizeof path, "%s/%032x-%016x.seg", f->dir, 1, 1);
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	assert_int_equal(attrib_journal_verify(f->dir, &report, NULL, NULL), 0);
	assert_int_equal(report.segments, 1);
	assert_int_equal(report.records, 10);
}

/* -- how long ----------------------------------------------------------------------------------- */

static void age_is_time_run(void **state)
{
	struct fixture *f = *state;
	struct attrib_id id;

	write_lanes(f, &id, 1, RECORDS);
	reopen(f);
	int n = files(f);
	release_both(f, &id, RECORDS);
	assert_int_equal(trim(f, &long_kept), 0);
	f->journal->ran_before += FOR_LONG - HOUR;
	assert_int_equal(trim(f, &long_kept), 0); /* and the ledger is written */
	/* years may pass while nobody runs; what has run is remembered */
	reopen(f);
	release_both(f, &id, RECORDS);
	assert_int_equal(trim(f, &long_kept), 0);
	f->journal->ran_before += HOUR;
	assert_int_equal(trim(f, &long_kept), n);
}

/* A segment is as old as its newest record: it was ended when the next one was begun. */
static void segments_of_an_open_lane_grow_old_one_by_one(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane;

	fixture_open(f);
	assert_int_equal(attrib_lane_open(f->journal, 0, &lane), 0);
	struct attrib_id id = attrib_lane_id(lane);
	for (int i = 0; i < 4; i++) {
		append_all(lane, 0, RECORDS / 4, GROUP);
		f->journal->ran_before += HOUR;
	}
	release_both(f, &id, RECORDS);
	const struct attrib_trim rule = {.retain_us = 7 * HOUR / 2};
	uint64_t old = trim(f, &rule);
	assert_true(old > 0 && look(f, &id).first > RECORDS / 8);
	assert_true(look(f, &id).first <= RECORDS / 4 + 1);
	f->journal->ran_before += HOUR;
	assert_true(trim(f, &rule) > 0);
	assert_true(look(f, &id).first > RECORDS / 4 + 1);
	assert_true(look(f, &id).first <= RECORDS / 2 + 1);
	assert_int_equal(attrib_lane_close(lane), 0);
}

/* The ledger says nothing of a segment that is being written: after a crash it ends when it is found. */
static void an_open_segment_has_no_age(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane;

	fixture_open(f);
	assert_int_equal(attrib_lane_open(f->journal, 0, &lane), 0);
	struct attrib_id id = attrib_lane_id(lane);
	append_all(lane, 0, 10, GROUP);
	f->journal->ran_before += FOR_LONG;
	assert_int_equal(trim(f, &long_kept), 0);
	assert_int_equal(attrib_lane_close(lane), 0);
	reopen(f);
	release_both(f, &id, 10);
	assert_int_equal(trim(f, &long_kept), 0);
	f->journal->ran_before += FOR_LONG;
	assert_int_equal(trim(f, &long_kept), 1);
}

static void too_many_bytes_delete_the_oldest_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct attrib_id ids[2], later;

	write_lanes(f, ids, 2, RECORDS);
	reopen(f);
	fixture_close(f);
	write_lanes(f, &later, 1, RECORDS);
	uint64_t bytes = attrib_journal_bytes(f->journal);
	struct attrib_trim rule = {.retain_us = FOR_LONG, .max_bytes = bytes - 3 * SEGMENT};
	assert_int_equal(trim(f, &rule), 0); /* nobody has let go */
	release_both(f, &ids[0], RECORDS);
	release_both(f, &ids[1], RECORDS);
	release_both(f, &later, 2 * RECORDS + RECORDS);
	uint64_t went = trim(f, &rule);
	assert_in_range(went, 3, 4);
	assert_true(attrib_journal_bytes(f->journal) <= rule.max_bytes);
	assert_true(attrib_journal_bytes(f->journal) > rule.max_bytes - SEGMENT);
	assert_int_equal(look(f, &later).first, look(f, &later).begins);
	/* of equal age each lane loses its first ones */
	rule.max_bytes = 1;
	trim(f, &rule);
	assert_int_equal(look(f, &ids[0]).first, RECORDS + 1);
	assert_int_equal(look(f, &ids[1]).first, RECORDS + 1);
	assert_int_equal(files(f), 1);
}

static void at_the_quota_there_is_room_again(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane;
	uint8_t bytes[512];
	uint64_t number;
	int err = 0;

	f->options.quota = 8 * SEGMENT;
	fixture_open(f);
	assert_int_equal(attrib_lane_open(f->journal, 0, &lane), 0);
	attrib_lane_set_sync(lane, ATTRIB_SYNC_IN_PLACE);
	struct attrib_id id = attrib_lane_id(lane);
	while (!err) {
		err = attrib_lane_append(
			lane, payload_of(0, attrib_lane_appended(lane) + 1, bytes), &number);
		if (!err)
			assert_int_equal(commit_wait(lane), 0);
	}
	assert_int_equal(err, ATTRIB_E_NO_SPACE);
	const struct attrib_trim rule = {.retain_us = FOR_LONG, .max_bytes = 7 * SEGMENT};
	assert_int_equal(trim(f, &rule), 0);
	release_both(f, &id, attrib_lane_committed(lane));
	assert_in_range(trim(f, &rule), 1, 2);
	append_all(lane, 0, 20, GROUP);
	assert_int_equal(attrib_lane_close(lane), 0);
}

/* -- lanes that are gone ------------------------------------------------------------------------- */

static void what_is_gone_is_known(void **state)
{
	struct fixture *f = *state;
	struct attrib_id ids[3], idle, again;

	write_lanes(f, ids, 3, RECORDS);
	fixture_close(f);
	write_lanes(f, &idle, 1, 0);
	reopen(f);
	uint64_t base = attrib_journal_base(f->journal);
	assert_int_equal(base, 3 * RECORDS);
	release_both(f, &ids[0], RECORDS);
	release_both(f, &ids[2], RECORDS + 4); /* more than is here: it lay in a damaged end */
	trim_all(f);
	/* a lane that never had a record needs nobody's word */
	assert_int_equal(look(f, &ids[1]).first, 1);
	for (int i = 0; i < 3; i++) {
		struct attrib_lane_view view = look(f, &ids[0]);
		assert_int_equal(view.begins, 1);
		assert_int_equal(view.first, RECORDS + 1);
		assert_int_equal(view.last, RECORDS);
		assert_int_equal(view.known, RECORDS);
		assert_int_equal(look(f, &ids[2]).known, RECORDS + 4);
		assert_true(attrib_journal_base(f->journal) >= base);
		reopen(f);
	}
	uint32_t index;
	assert_false(attrib_journal_lane_find(f->journal, &idle, &index));
	release_both(f, &ids[1], RECORDS);
	trim_all(f);
	assert_int_equal(files(f), 0);
	fixture_close(f);
	/* numbers go on where they were */
	write_lanes(f, &again, 1, 10);
	assert_true(look(f, &again).begins > base);
	assert_true(attrib_journal_committed(f->journal) >= base + 10);
}

static void note_into(void *arg, enum attrib_journal_note what, const char *text)
{
	(void)text;
	assert_int_equal(what, ATTRIB_JOURNAL_LEDGER);
	++*(int *)arg;
}

/* Their ids in an order of no meaning. */
static void each_of_many_lanes_is_found(void **state)
{
	enum { LANES = 3000 };
	struct fixture *f = *state;
	struct journal_ledger ledger = {.instance = f->options.instance};
	struct attrib_id id = {{0xee}};
	uint32_t index;

	fixture_open(f);
	fixture_close(f);
	assert_int_equal(journal_ledger_init(&ledger, LANES, 0), 0);
	for (uint32_t i = 0; i < LANES; i++) {
		uint64_t drawn = attrib_hash64(&i, sizeof i, 1);
		ledger.gone[i] = (struct journal_row){.from = 1, .value = drawn % 1000 + 1};
		memcpy(ledger.gone[i].lane.b, &drawn, sizeof drawn);
	}
	int dir = open(f->dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(journal_ledger_write(&attrib_io_system, dir, &ledger), 0);
	close(dir);
	fixture_open(f);
	assert_int_equal(attrib_journal_lane_count(f->journal), LANES);
	assert_false(attrib_journal_lane_find(f->journal, &id, &index));
	for (uint32_t i = 0; i < LANES; i++)
		assert_int_equal(look(f, &ledger.gone[i].lane).known, ledger.gone[i].value);
	journal_ledger_done(&ledger);
}

static void a_damaged_ledger_costs_only_what_is_in_it(void **state)
{
	struct fixture *f = *state;
	struct attrib_id ids[2];
	char path[256];
	uint32_t index;
	int notes = 0;

	write_lanes(f, ids, 2, RECORDS);
	reopen(f);
	release_both(f, &ids[0], RECORDS);
	trim_all(f);
	fixture_close(f);
	snprintf(path, sizeof path, "%s/" JOURNAL_LEDGER, f->dir);
	uint64_t size = file_size(path);
	f->options.note = note_into;
	f->options.note_arg = &notes;
	/* each byte of it matters */
	for (uint64_t at = 0; at < size; at++) {
		int fd = open(path, O_RDWR);
		uint8_t byte, other;
		assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
		other = byte ^ 0x40;
		assert_int_equal(pwrite(fd, &other, 1, (off_t)at), 1);
		notes = 0;
		fixture_open(f);
		assert_int_equal(notes, 1);
		assert_false(attrib_journal_lane_find(f->journal, &ids[0], &index));
		assert_int_equal(look(f, &ids[1]).last, RECORDS);
		fixture_close(f);
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
		close(fd);
	}
	assert_int_equal(truncate(path, (off_t)size - 1), 0);
	fixture_open(f);
	assert_int_equal(notes, 2);
	/* another one knows better */
	assert_int_equal(attrib_journal_knew(f->journal, &ids[0], RECORDS), 0);
	assert_int_equal(attrib_journal_knew(f->journal, &ids[1], 7), 0);
	assert_int_equal(look(f, &ids[0]).known, RECORDS);
	assert_int_equal(look(f, &ids[1]).known, RECORDS);
	const struct attrib_id stranger = {{9}};
	assert_int_equal(attrib_journal_knew(f->journal, &stranger, 9 * RECORDS), 0);
	assert_int_equal(look(f, &stranger).last, 9 * RECORDS);
	assert_int_equal(attrib_journal_base(f->journal), 9 * RECORDS);
}

static void refuse_newer(void *arg, enum attrib_journal_note what, const char *text)
{
	assert_int_equal(what, ATTRIB_JOURNAL_NEWER);
	assert_non_null(strstr(text, "`ledger` was written by a newer version"));
	++*(int *)arg;
}

static void a_newer_ledger_is_refused(void **state)
{
	static const uint8_t newer[] = {2, 0, 0, 0, 0xfd, 0xff, 0xff, 0xff};
	struct fixture *f = *state;
	struct attrib_id id;
	char path[256];
	int notes = 0;

	write_lanes(f, &id, 1, 10);
	reopen(f);
	release_both(f, &id, 10);
	trim_all(f);
	fixture_close(f);
	snprintf(path, sizeof path, "%s/" JOURNAL_LEDGER, f->dir);
	int fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, newer, sizeof newer, 8), sizeof newer);
	close(fd);
	f->options.note = refuse_newer;
	f->options.note_arg = &notes;
	assert_int_equal(journal_open(&f->options, &fault_io, &f->journal), ATTRIB_E_VERSION);
	assert_int_equal(notes, 1);
}

static void a_ledger_of_another_instance_says_nothing(void **state)
{
	struct fixture *f = *state;
	struct attrib_id id;
	uint32_t index;

	write_lanes(f, &id, 1, RECORDS);
	reopen(f);
	release_both(f, &id, RECORDS);
	trim_all(f);
	fixture_close(f);
	f->options.instance.b[0]++;
	fixture_open(f);
	assert_false(attrib_journal_lane_find(f->journal, &id, &index));
	assert_int_equal(attrib_journal_base(f->journal), 0);
}

/* Somebody brought back the beginning of a lane, and not its end. */
static void a_lane_that_came_back_in_part_is_known_to_lack_the_rest(void **state)
{
	struct fixture *f = *state;
	struct attrib_id id;
	char command[512], **names;

	write_lanes(f, &id, 1, RECORDS);
	reopen(f);
	int n = segment_names(f->dir, &names);
	snprintf(command, sizeof command, "cp %s/%s %s-kept", f->dir, names[0], f->dir);
	assert_int_equal(system(command), 0);
	uint64_t second = first_of(f, 1);
	release_both(f, &id, RECORDS);
	trim_all(f);
	fixture_close(f);
	snprintf(command, sizeof command, "mv %s-kept %s/%s", f->dir, f->dir, names[0]);
	assert_int_equal(system(command), 0);
	segment_names_free(names, n);
	fixture_open(f);
	assert_int_equal(look(f, &id).first, 1);
	assert_int_equal(look(f, &id).last, second - 1);
	assert_int_equal(look(f, &id).known, RECORDS);
}

/* -- what fails ----------------------------------------------------------------------------------- */

static void what_cannot_be_deleted_stays_and_is_tried_again(void **state)
{
	struct fixture *f = *state;
	struct attrib_trimmed sum = {0};
	struct attrib_id ids[2];

	write_lanes(f, ids, 2, RECORDS);
	reopen(f);
	int n = files(f);
	release_both(f, &ids[0], RECORDS - 1);
	release_both(f, &ids[1], RECORDS - 1);
	fault_set(FAULT_UNLINK, EIO, 0, 1);
	assert_int_equal(attrib_journal_trim(f->journal, &AT_ONCE, &sum), ATTRIB_E_IO);
	assert_int_equal(errno, EIO);
	assert_int_equal(fault_fired(), 1);
	/* the other lane lost its first one all the same */
	assert_int_equal(sum.segments, 1);
	assert_int_equal(files(f), n - 1);
	assert_int_equal(attrib_journal_segments(f->journal), n - 1);
	assert_int_equal(trim_all(f), n - 1 - 2);
}

static void what_somebody_else_has_deleted_is_gone(void **state)
{
	struct fixture *f = *state;
	struct attrib_id id;
	char path[256];

	write_lanes(f, &id, 1, 10);
	reopen(f);
	segment_path(f, path);
	assert_int_equal(unlink(path), 0);
	release_both(f, &id, 10);
	assert_int_equal(trim_all(f), 1);
	assert_int_equal(look(f, &id).first, 11);
}

static void after_a_failed_sync_nothing_goes_before_one_that_works(void **state)
{
	struct fixture *f = *state;
	struct attrib_trimmed sum = {0};
	struct attrib_id id;

	write_lanes(f, &id, 1, RECORDS);
	reopen(f);
	int n = files(f);
	release_both(f, &id, RECORDS - 1);
	fault_set(FAULT_FSYNC, EIO, 0, 2);
	assert_int_equal(attrib_journal_trim(f->journal, &AT_ONCE, &sum), ATTRIB_E_IO);
	assert_int_equal(sum.segments, 1);
	assert_int_equal(attrib_journal_trim(f->journal, &AT_ONCE, &sum), ATTRIB_E_IO);
	assert_int_equal(sum.segments, 1);
	assert_int_equal(files(f), n - 1);
	assert_int_equal(fault_fired(), 2);
	assert_int_equal(trim_all(f), n - 2);
}

static void without_a_ledger_no_lane_goes(void **state)
{
	static const enum fault_call calls[] = {
		FAULT_OPEN, FAULT_PWRITE, FAULT_FDATASYNC, FAULT_RENAME, FAULT_FSYNC};
	struct fixture *f = *state;
	struct attrib_trimmed sum = {0};
	struct attrib_id id;

	write_lanes(f, &id, 1, 10);
	reopen(f);
	release_both(f, &id, 10);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		fault_reset();
		fault_set(calls[i], EIO, 0, 1);
		assert_int_equal(attrib_journal_trim(f->journal, &AT_ONCE, &sum), ATTRIB_E_IO);
		assert_int_equal(fault_fired(), 1);
		assert_int_equal(files(f), 1);
	}
	fault_reset();
	fault_set(FAULT_PWRITE, ENOSPC, 0, 1);
	assert_int_equal(attrib_journal_trim(f->journal, &AT_ONCE, &sum), ATTRIB_E_NO_SPACE);
	assert_int_equal(files(f), 1);
	assert_int_equal(trim_all(f), 1);
}

/* A full disk: the ledger finds no room, and the segments that need no word in it make some. */
static void on_a_full_disk_the_first_segments_go(void **state)
{
	struct fixture *f = *state;
	struct attrib_trimmed sum = {0};
	struct attrib_id ids[2];
	uint64_t before;
	int err;

	write_lanes(f, &ids[0], 1, RECORDS);
	fixture_close(f);
	write_lanes(f, &ids[1], 1, 10);
	reopen(f);
	int n = files(f);
	release_both(f, &ids[0], RECORDS);
	release_both(f, &ids[1], RECORDS + 10);
	fault_set(FAULT_PWRITE, ENOSPC, 0, 1000);
	do {
		before = sum.segments;
		err = attrib_journal_trim(f->journal, &AT_ONCE, &sum);
		assert_int_equal(err, ATTRIB_E_NO_SPACE);
		assert_int_equal(errno, ENOSPC);
	} while (sum.segments > before);
	assert_int_equal(sum.segments, n - 2);
	assert_int_equal(files(f), 2);
	fault_reset();
	assert_int_equal(trim_all(f), 2);
}

/* A power cut before the sync: each lane may have its first segment back, and no hole. */
static void names_that_come_back_do_no_harm(void **state)
{
	struct fixture *f = *state;
	struct attrib_trimmed sum = {0};
	struct attrib_id ids[2];
	char command[512];
	uint64_t last;

	write_lanes(f, ids, 2, 100);
	reopen(f);
	int n = files(f);
	for (int round = 0; round < n; round++) {
		int before = files(f);
		release_both(f, &ids[0], 100);
		release_both(f, &ids[1], 100);
		snprintf(command, sizeof command, "cp -r %s %s-before", f->dir, f->dir);
		assert_int_equal(system(command), 0);
		assert_int_equal(attrib_journal_trim(f->journal, &AT_ONCE, &sum), 0);
		assert_true(before - files(f) <= 2);
		fixture_close(f);
		snprintf(command, sizeof command,
			"cp -n %s-before/*.seg %s 2>/dev/null; rm -r %s-before", f->dir, f->dir,
			f->dir);
		assert_int_equal(system(command), 0);
		if (before == 0)
			break;
		fixture_open(f);
		assert_int_equal(files(f), before);
		assert_int_equal(look(f, &ids[0]).known, 100);
		struct attrib_reader *reader;
		assert_int_equal(attrib_reader_new(f->journal, &reader), 0);
		for (uint32_t i = 0; i < attrib_journal_lane_count(f->journal); i++) {
			struct attrib_lane_view view;
			attrib_journal_lane_look(f->journal, i, &view);
			uint32_t tag = attrib_id_eq(&view.id, &ids[1]);
			assert_int_equal(
				read_all(reader, i, tag, 0, &last), view.last - view.first + 1);
		}
		attrib_reader_free(reader);
		release_both(f, &ids[0], 100);
		release_both(f, &ids[1], 100);
		assert_int_equal(attrib_journal_trim(f->journal, &AT_ONCE, &sum), 0);
		reopen(f);
	}
	fixture_open(f);
	assert_int_equal(files(f), 0);
}

static void expect_sound(struct fixture *f, const struct attrib_id *ids, uint64_t base)
{
	struct attrib_reader *reader;
	uint64_t last, stretches, bytes;

	fixture_open(f);
	assert_true(attrib_journal_base(f->journal) >= base);
	assert_int_equal(attrib_reader_new(f->journal, &reader), 0);
	for (uint32_t i = 0; i < 2; i++) {
		struct attrib_lane_view view = look(f, &ids[i]);
		uint32_t index;
		assert_int_equal(view.begins, 1);
		assert_int_equal(view.last, RECORDS / 2);
		assert_int_equal(view.known, RECORDS / 2);
		assert_true(attrib_journal_lane_find(f->journal, &ids[i], &index));
		assert_int_equal(read_all(reader, index, i, 0, &last), view.last - view.first + 1);
	}
	attrib_reader_damaged(reader, &stretches, &bytes);
	assert_int_equal(stretches, 0);
	attrib_reader_free(reader);
	fixture_close(f);
}

static void killed_at_every_call(void **state)
{
	struct fixture *f = *state;
	struct attrib_id ids[2];
	unsigned calls = 0;
	char command[512];
	int left, status;

	write_lanes(f, ids, 2, RECORDS / 2);
	reopen(f);
	uint64_t base = attrib_journal_base(f->journal);
	fixture_close(f);
	snprintf(command, sizeof command, "cp -r %s %s-all", f->dir, f->dir);
	assert_int_equal(system(command), 0);
	do {
		calls++;
		snprintf(command, sizeof command, "rm -r %s; cp -r %s-all %s", f->dir, f->dir,
			f->dir);
		assert_int_equal(system(command), 0);
		pid_t child = fork();
		if (child == 0) {
			fixture_open(f);
			release_both(f, &ids[0], RECORDS / 2);
			release_both(f, &ids[1], RECORDS / 2);
			fault_die(calls);
			trim_all(f);
			_exit(1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		left = files(f);
		if (left)
			expect_sound(f, ids, base);
	} while (WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_int_equal(left, 0);
	assert_true(calls > 15);
	print_message("killed at %u calls\n", calls - 1);
	snprintf(command, sizeof command, "rm -r %s-all", f->dir);
	assert_int_equal(system(command), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_holders_have_to_let_go),
		TEST(the_segment_that_is_written_stays),
		TEST(a_reader_reads_on_in_a_segment_that_is_gone),
		TEST(a_segment_that_is_deleted_meanwhile_is_none),
		TEST(age_is_time_run),
		TEST(segments_of_an_open_lane_grow_old_one_by_one),
		TEST(an_open_segment_has_no_age),
		TEST(too_many_bytes_delete_the_oldest_and_no_more),
		TEST(at_the_quota_there_is_room_again),
		TEST(what_is_gone_is_known),
		TEST(each_of_many_lanes_is_found),
		TEST(a_damaged_ledger_costs_only_what_is_in_it),
		TEST(a_newer_ledger_is_refused),
		TEST(a_ledger_of_another_instance_says_nothing),
		TEST(a_lane_that_came_back_in_part_is_known_to_lack_the_rest),
		TEST(what_cannot_be_deleted_stays_and_is_tried_again),
		TEST(what_somebody_else_has_deleted_is_gone),
		TEST(after_a_failed_sync_nothing_goes_before_one_that_works),
		TEST(without_a_ledger_no_lane_goes),
		TEST(on_a_full_disk_the_first_segments_go),
		TEST(names_that_come_back_do_no_harm),
		TEST(killed_at_every_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
