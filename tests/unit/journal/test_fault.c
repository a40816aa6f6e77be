/*
 * A write, a sync or a directory operation fails: nothing that failed is acknowledged or tried
 * again, nothing that was withdrawn comes back, and what was acknowledged stays.
 */
#include "fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "lane.h"

#define TAG 9

static struct attrib_lane *lane_open(struct fixture *f)
{
	struct attrib_lane *lane = NULL;

	if (!f->journal)
		fixture_open(f);
	assert_int_equal(attrib_lane_open(f->journal, 0, &lane), 0);
	return lane;
}

static int append(struct attrib_lane *lane)
{
	uint8_t bytes[512];
	uint64_t number;

	return attrib_lane_append(
		lane, payload_of(TAG, attrib_lane_appended(lane) + 1, bytes), &number);
}

/* What a later start finds in the only lane. */
static uint64_t found_by_next_start(struct fixture *f)
{
	struct attrib_reader *reader;
	uint64_t last, stretches, bytes;

	fixture_close(f);
	fault_reset();
	fixture_open(f);
	assert_int_equal(attrib_reader_new(f->journal, &reader), 0);
	uint64_t n = read_all(reader, 0, TAG, 0, &last);
	attrib_reader_damaged(reader, &stretches, &bytes);
	assert_int_equal(stretches, 0);
	assert_int_equal(n, last);
	attrib_reader_free(reader);
	return n;
}

/* A start while the disk is full: the lane is there, says so, and goes on when there is room. */
static void a_lane_opens_on_a_full_disk(void **state)
{
	struct fixture *f = *state;
	uint64_t base = 0;

	for (int mode = ATTRIB_SYNC_IN_PLACE; mode <= ATTRIB_SYNC_COMPANION; mode++) {
		fixture_open(f);
		base = attrib_journal_base(f->journal);
		fault_set(FAULT_PWRITE, ENOSPC, 0, 1000);
		struct attrib_lane *lane = lane_open(f);
		attrib_lane_set_sync(lane, (enum attrib_lane_sync)mode);
		assert_int_equal(append(lane), ATTRIB_E_NO_SPACE);
		assert_int_equal(attrib_lane_commit(lane), 0);
		assert_true(fault_fired() > 1);
		fault_reset();
		append_all(lane, TAG, 5, 2);
		assert_int_equal(attrib_lane_close(lane), 0);
		assert_int_equal(attrib_journal_committed(f->journal), base + 5);
		fixture_close(f);
	}
	fixture_open(f);
	assert_int_equal(attrib_journal_base(f->journal), base + 5);
	fault_set(FAULT_PWRITE, ENOSPC, 0, 1000);
	assert_int_equal(attrib_lane_close(lane_open(f)), 0);
	fixture_close(f);
	fixture_open(f);
	assert_int_equal(attrib_journal_base(f->journal), base + 5);
}

static void a_failed_sync_is_for_good(void **state)
{
	struct fixture *f = *state;

	for (int mode = ATTRIB_SYNC_IN_PLACE; mode <= ATTRIB_SYNC_COMPANION; mode++) {
		struct attrib_lane *lane = lane_open(f);
		uint64_t base = attrib_journal_base(f->journal);
		attrib_lane_set_sync(lane, (enum attrib_lane_sync)mode);
		append_all(lane, TAG, 5, 5);
		fault_set(FAULT_FDATASYNC, EIO, 0, 1);
		assert_int_equal(append(lane), 0);
		assert_int_equal(commit_wait(lane), ATTRIB_E_IO);
		assert_int_equal(attrib_lane_committed(lane), base + 5);
		/* the disk works again, and nobody asks it */
		unsigned syncs = fault_called(FAULT_FDATASYNC), writes = fault_called(FAULT_PWRITE);
		assert_int_equal(append(lane), ATTRIB_E_IO);
		assert_int_equal(attrib_lane_commit(lane), ATTRIB_E_IO);
		assert_int_equal(attrib_lane_reap(lane), ATTRIB_E_IO);
		assert_int_equal(attrib_lane_close(lane), ATTRIB_E_IO);
		assert_int_equal(fault_called(FAULT_FDATASYNC), syncs);
		assert_int_equal(fault_called(FAULT_PWRITE), writes);
		assert_int_equal(attrib_journal_committed(f->journal), base + 5);
		fixture_close(f);
	}
}

/* Control: the same run without the fault acknowledges the record. */
static void a_sound_sync_is_acknowledged(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane = lane_open(f);

	append_all(lane, TAG, 5, 5);
	assert_int_equal(append(lane), 0);
	assert_int_equal(commit_wait(lane), 0);
	assert_int_equal(attrib_lane_committed(lane), 6);
	assert_int_equal(attrib_lane_close(lane), 0);
	assert_int_equal(fault_fired(), 0);
}

static void a_failed_write_is_for_good(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane = lane_open(f);

	append_all(lane, TAG, 5, 5);
	fault_set(FAULT_PWRITE, EIO, 0, 1);
	assert_int_equal(append(lane), 0);
	assert_int_equal(commit_wait(lane), ATTRIB_E_IO);
	assert_int_equal(attrib_lane_committed(lane), 5);
	assert_int_equal(append(lane), ATTRIB_E_IO);
	assert_int_equal(attrib_lane_close(lane), ATTRIB_E_IO);
	assert_int_equal(found_by_next_start(f), 5);
}

/* Only this lane's io table fails; its neighbour goes on. */
static void lanes_fail_alone(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *a = lane_open(f), *b = lane_open(f);

	journal_lane_set_io(b, &attrib_io_system);
	fault_set(FAULT_FDATASYNC, EIO, 0, 1000);
	assert_int_equal(append(a), 0);
	assert_int_equal(append(b), 0);
	assert_int_equal(commit_wait(a), ATTRIB_E_IO);
	assert_int_equal(commit_wait(b), 0);
	assert_int_equal(attrib_lane_committed(b), 1);
	assert_int_equal(attrib_lane_close(a), ATTRIB_E_IO);
	assert_int_equal(attrib_lane_close(b), 0);
}

static void a_full_disk_withdraws_and_resumes(void **state)
{
	struct fixture *f = *state;

	for (int mode = ATTRIB_SYNC_IN_PLACE; mode <= ATTRIB_SYNC_COMPANION; mode++) {
		struct attrib_lane *lane = lane_open(f);
		uint64_t base = attrib_journal_base(f->journal), last = 0;
		uint32_t index = attrib_journal_lane_count(f->journal) - 1;
		attrib_lane_set_sync(lane, (enum attrib_lane_sync)mode);
		append_all(lane, TAG, 5, 5);
		for (int i = 0; i < 10; i++)
			assert_int_equal(append(lane), 0);
		/* half of the commit is written before the space ends */
		fault_short(1000);
		fault_set(FAULT_PWRITE, ENOSPC, 1, 1000000);
		assert_int_equal(commit_wait(lane), ATTRIB_E_NO_SPACE);
		assert_int_equal(attrib_lane_committed(lane), base + 5);
		assert_int_equal(attrib_lane_appended(lane), base + 5);
		for (int i = 0; i < 3; i++)
			assert_int_equal(append(lane), ATTRIB_E_NO_SPACE);
		assert_int_equal(commit_wait(lane), 0);
		assert_true(fault_fired() > 0);
		/* space returns: the numbers go on without a gap */
		fault_set(FAULT_PWRITE, 0, 0, 0);
		append_all(lane, TAG, 20, 4);
		assert_int_equal(attrib_lane_committed(lane), base + 25);
		struct attrib_reader *reader;
		assert_int_equal(attrib_reader_new(f->journal, &reader), 0);
		assert_int_equal(read_all(reader, index, TAG, 0, &last), 25);
		attrib_reader_free(reader);
		assert_int_equal(attrib_lane_close(lane), 0);
		fixture_close(f);
		fault_reset();
	}
}

/* What was appended while the failing commit ran goes with it, so that numbers have no gap. */
static void a_full_disk_withdraws_what_came_since(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane = lane_open(f);
	struct pollfd p = {.fd = attrib_lane_fd(lane), .events = POLLIN};

	attrib_lane_set_sync(lane, ATTRIB_SYNC_COMPANION);
	assert_int_equal(append(lane), 0);
	fault_set(FAULT_PWRITE, ENOSPC, 0, 1);
	assert_int_equal(attrib_lane_commit(lane), 0);
	assert_int_equal(append(lane), 0);
	assert_int_equal(append(lane), 0);
	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_int_equal(attrib_lane_reap(lane), ATTRIB_E_NO_SPACE);
	assert_int_equal(attrib_lane_reap(lane), 0);
	assert_int_equal(attrib_lane_appended(lane), 0);
	append_all(lane, TAG, 4, 4);
	assert_int_equal(attrib_lane_committed(lane), 4);
	assert_int_equal(attrib_lane_close(lane), 0);
	assert_int_equal(found_by_next_start(f), 4);
}

static void what_was_withdrawn_stays_away(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane = lane_open(f);

	append_all(lane, TAG, 5, 5);
	for (int i = 0; i < 50; i++)
		assert_int_equal(append(lane), 0);
	fault_short(700);
	fault_set(FAULT_PWRITE, ENOSPC, 8, 1000000);
	assert_int_equal(commit_wait(lane), ATTRIB_E_NO_SPACE);
	assert_int_equal(attrib_lane_close(lane), 0);
	assert_int_equal(found_by_next_start(f), 5);
}

static void the_quota_refuses_before_anything_is_kept(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;

	f->options.quota = 100000;
	f->options.segment_size = 30000;
	struct attrib_lane *lane = lane_open(f);
	while (append(lane) == 0) {
		n++;
		if (n % 3 == 0)
			assert_int_equal(commit_wait(lane), 0);
		assert_true(n < 10000);
	}
	assert_int_equal(append(lane), ATTRIB_E_NO_SPACE);
	assert_int_equal(commit_wait(lane), 0);
	assert_int_equal(attrib_lane_committed(lane), n);
	assert_int_equal(attrib_lane_close(lane), 0);
	assert_in_range(attrib_journal_bytes(f->journal), 90000, 110000);
	assert_int_equal(found_by_next_start(f), n);
}

static void short_and_interrupted_writes_go_on(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane = lane_open(f);

	fault_short(333);
	fault_set(FAULT_PWRITE, EINTR, 2, 5);
	append_all(lane, TAG, 100, 10);
	assert_int_equal(fault_fired(), 5);
	assert_int_equal(attrib_lane_close(lane), 0);
	assert_int_equal(found_by_next_start(f), 100);
}

static void a_hanging_sync_blocks_no_append(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane = lane_open(f);
	static char large[ATTRIB_RECORD_MAX];
	uint64_t number;
	int err = 0;

	attrib_lane_set_sync(lane, ATTRIB_SYNC_COMPANION);
	assert_int_equal(append(lane), 0);
	fault_hang();
	assert_int_equal(attrib_lane_commit(lane), 0);
	memset(large, 1, sizeof large);
	/* memory stays bounded however long it hangs */
	for (int i = 0; i < 40 && !err; i++) {
		err = attrib_lane_append(lane, (struct attrib_str){large, sizeof large}, &number);
		assert_int_equal(attrib_lane_commit(lane), 0);
	}
	assert_int_equal(err, ATTRIB_E_NO_SPACE);
	assert_int_equal(attrib_lane_committed(lane), 0);
	fault_release();
	assert_int_equal(attrib_lane_close(lane), 0);
	assert_int_equal(attrib_journal_committed(f->journal), number);
}

/* The loop waits for a disk that was fast, and not for one that hangs all the same. */
static void a_fast_disk_may_hang(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane = lane_open(f);

	append_all(lane, TAG, 1, 1);
	journal_companion_wait(lane);
	lane->commit_ns = 0;
	fault_hang();
	assert_int_equal(append(lane), 0);
	assert_int_equal(attrib_lane_commit(lane), 0);
	assert_int_equal(attrib_lane_committed(lane), 1);
	assert_int_equal(append(lane), 0);
	fault_release();
	assert_int_equal(commit_wait(lane), 0);
	assert_int_equal(commit_wait(lane), 0);
	assert_int_equal(attrib_lane_committed(lane), 3);
	assert_int_equal(attrib_lane_close(lane), 0);
}

/* -- every call of a workload fails once -------------------------------------------------------- */

#define COMMITS 24
#define GROUP   5

struct run {
	int error;      /* the worst that the writer saw */
	uint64_t acked; /* what it was told is durable */
};

static void note(struct run *run, int err)
{
	if (err && run->error != ATTRIB_E_IO)
		run->error = err;
}

/* Writes until the lane fails or all commits were tried; rotates on the way. */
static struct run workload(struct fixture *f)
{
	struct run run = {0};
	struct attrib_lane *lane;

	run.error = journal_open(&f->options, &fault_io, &f->journal);
	if (!run.error)
		run.error = attrib_lane_open(f->journal, 0, &lane);
	if (run.error)
		return run;
	attrib_lane_set_sync(lane, ATTRIB_SYNC_IN_PLACE);
	for (unsigned i = 0; i < COMMITS && run.error != ATTRIB_E_IO; i++) {
		for (unsigned k = 0; k < GROUP; k++)
			note(&run, append(lane));
		note(&run, attrib_lane_commit(lane));
	}
	note(&run, attrib_lane_close(lane));
	run.acked = attrib_journal_committed(f->journal);
	return run;
}

/* One run with a fault at call number `skip`, or from there on; false when it did not fire. */
static bool run_with(enum fault_call call, int error, unsigned skip, unsigned count)
{
	void *state;

	assert_int_equal(fixture_setup(&state), 0);
	struct fixture *f = state;
	f->options.segment_size = 9000;
	fault_set(call, error, skip, count);
	struct run run = workload(f);
	bool fired = fault_fired() > 0;
	fault_reset();
	fixture_close(f);
	fixture_open(f);
	uint64_t found = attrib_journal_lane_count(f->journal) ? found_by_next_start(f) : 0;
	/* after a failed write or sync what its commit held is in doubt; else nothing is */
	if (run.error == ATTRIB_E_IO)
		assert_in_range(found, run.acked, run.acked + GROUP);
	else
		assert_int_equal(found, run.acked);
	if (!run.error)
		assert_int_equal(found, COMMITS * GROUP);
	else
		assert_true(fired);
	fixture_teardown(&state);
	return fired;
}

static void any_call_may_fail(void **state)
{
	static const int errors[] = {EIO, ENOSPC};
	static const unsigned counts[] = {1, 1000000};

	(void)state;
	/* writing deletes nothing but what it could not finish */
	for (unsigned call = 0; call < FAULT_UNLINK; call++) {
		unsigned fired = 0;
		for (unsigned i = 0; i < 4; i++) {
			unsigned skip = 0;
			while (run_with((enum fault_call)call, errors[i / 2], skip, counts[i % 2]))
				skip++;
			fired += skip;
		}
		print_message("call %u: %u faults fired\n", call, fired);
		assert_true(fired > 20);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lane_opens_on_a_full_disk),
		TEST(a_failed_sync_is_for_good),
		TEST(a_sound_sync_is_acknowledged),
		TEST(a_failed_write_is_for_good),
		TEST(lanes_fail_alone),
		TEST(a_full_disk_withdraws_and_resumes),
		TEST(a_full_disk_withdraws_what_came_since),
		TEST(what_was_withdrawn_stays_away),
		TEST(the_quota_refuses_before_anything_is_kept),
		TEST(short_and_interrupted_writes_go_on),
		TEST(a_hanging_sync_blocks_no_append),
		TEST(a_fast_disk_may_hang),
		TEST(any_call_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
