/* Writing and reading back: one start, several starts, several threads. */
#include "fixture.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOW INT64_C(1760000000000000)

static struct attrib_lane *lane_open(struct fixture *f)
{
	struct attrib_lane *lane = NULL;

	assert_int_equal(attrib_lane_open(f->journal, NOW, &lane), 0);
	return lane;
}

static uint64_t read_lane(struct fixture *f, uint32_t lane, uint32_t tag, uint64_t *last)
{
	struct attrib_reader *reader;
	uint64_t stretches, bytes;

	assert_int_equal(attrib_reader_new(f->journal, &reader), 0);
	uint64_t n = read_all(reader, lane, tag, 0, last);
	attrib_reader_damaged(reader, &stretches, &bytes);
	assert_int_equal(stretches, 0);
	attrib_reader_free(reader);
	return n;
}

static void reads_back_what_was_committed(void **state)
{
	struct fixture *f = *state;
	uint64_t last;

	for (int mode = ATTRIB_SYNC_AUTO; mode <= ATTRIB_SYNC_COMPANION; mode++) {
		fixture_open(f);
		uint64_t base = attrib_journal_base(f->journal);
		struct attrib_lane *lane = lane_open(f);
		uint32_t index = attrib_journal_lane_count(f->journal) - 1;
		attrib_lane_set_sync(lane, (enum attrib_lane_sync)mode);
		append_all(lane, 1, 300, 7);
		assert_int_equal(attrib_lane_committed(lane), base + 300);
		assert_int_equal(attrib_journal_committed(f->journal), base + 300);
		assert_int_equal(read_lane(f, index, 1, &last), 300);
		assert_int_equal(last, base + 300);
		assert_int_equal(attrib_lane_close(lane), 0);
		assert_int_equal(read_lane(f, index, 1, &last), 300);
		fixture_close(f);
	}
}

static void shows_nothing_before_the_sync(void **state)
{
	struct fixture *f = *state;
	uint64_t number, last;

	fixture_open(f);
	struct attrib_lane *lane = lane_open(f);
	attrib_lane_set_sync(lane, ATTRIB_SYNC_COMPANION);
	assert_int_equal(attrib_lane_append(lane, ATTRIB_STR("x"), &number), 0);
	assert_int_equal(number, 1);
	fault_hang();
	assert_int_equal(attrib_lane_commit(lane), 0);
	while (fault_called(FAULT_FDATASYNC) < 2) /* one was the head's */
		usleep(1000);
	/* its bytes are in the file by now; a sync that hangs keeps them unknown */
	assert_int_equal(attrib_lane_append(lane, ATTRIB_STR("y"), &number), 0);
	assert_int_equal(attrib_lane_commit(lane), 0);
	assert_int_equal(attrib_lane_committed(lane), 0);
	assert_int_equal(read_lane(f, 0, 1, &last), 0);
	fault_release();
	struct pollfd p = {.fd = attrib_lane_fd(lane), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_int_equal(attrib_lane_reap(lane), 0);
	assert_int_equal(attrib_lane_committed(lane), 1);
	assert_int_equal(attrib_lane_close(lane), 0);
	uint64_t first;
	attrib_journal_lane_range(f->journal, 0, &first, &last);
	assert_int_equal(last, 2);
}

static void refuses_impossible_payloads(void **state)
{
	struct fixture *f = *state;
	static char large[ATTRIB_RECORD_MAX + 1];
	uint64_t number = 99;
	struct attrib_record record;
	struct attrib_reader *reader;
	size_t n;

	fixture_open(f);
	struct attrib_lane *lane = lane_open(f);
	memset(large, 'x', sizeof large);
	assert_int_equal(attrib_lane_append(lane, ATTRIB_STR_NONE, &number), ATTRIB_E_INVALID);
	assert_int_equal(
		attrib_lane_append(lane, (struct attrib_str){large, sizeof large}, &number),
		ATTRIB_E_TOO_LARGE);
	assert_int_equal(number, 99);
	assert_int_equal(
		attrib_lane_append(lane, (struct attrib_str){large, ATTRIB_RECORD_MAX}, &number),
		0);
	assert_int_equal(commit_wait(lane), 0);
	assert_int_equal(attrib_reader_new(f->journal, &reader), 0);
	assert_int_equal(attrib_reader_read(reader, 0, 0, &record, 1, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(record.payload.n, ATTRIB_RECORD_MAX);
	assert_memory_equal(record.payload.p, large, ATTRIB_RECORD_MAX);
	attrib_reader_free(reader);
	assert_int_equal(attrib_lane_close(lane), 0);
}

static void rotates_and_reads_across(void **state)
{
	struct fixture *f = *state;
	struct attrib_journal_report report;
	uint64_t last;

	f->options.segment_size = 16384;
	fixture_open(f);
	struct attrib_lane *lane = lane_open(f);
	append_all(lane, 3, 2000, 11);
	assert_int_equal(read_lane(f, 0, 3, &last), 2000);
	assert_int_equal(attrib_lane_close(lane), 0);
	fixture_close(f);

	assert_int_equal(attrib_journal_verify(f->dir, &report, NULL, NULL), 0);
	assert_true(report.segments > 20);
	assert_int_equal(report.lanes, 1);
	assert_int_equal(report.records, 2000);
	assert_int_equal(report.torn_tails, 0);
	assert_int_equal(report.damaged_stretches, 0);
	fixture_open(f);
	assert_int_equal(attrib_journal_bytes(f->journal), report.bytes);
	assert_int_equal(read_lane(f, 0, 3, &last), 2000);
}

static void follows_a_live_lane(void **state)
{
	struct fixture *f = *state;
	struct attrib_reader *reader;
	uint64_t last = 0;

	f->options.segment_size = 65536;
	fixture_open(f);
	struct attrib_lane *lane = lane_open(f);
	assert_int_equal(attrib_reader_new(f->journal, &reader), 0);
	for (uint64_t i = 1; i <= 200; i++) {
		append_all(lane, 5, i % 9, 4);
		assert_int_equal(read_all(reader, 0, 5, last, &last), i % 9);
		assert_int_equal(last, attrib_lane_committed(lane));
	}
	/* any place may be asked for again */
	uint64_t end;
	assert_int_equal(read_all(reader, 0, 5, last - 100, &end), 100);
	assert_int_equal(read_all(reader, 0, 5, last, &end), 0);
	assert_int_equal(read_all(reader, 0, 5, 0, &end), last);
	attrib_reader_free(reader);
	assert_int_equal(attrib_lane_close(lane), 0);
}

static void numbers_grow_over_starts(void **state)
{
	struct fixture *f = *state;
	uint64_t base = 0, first, last;

	for (uint32_t start = 0; start < 3; start++) {
		fixture_open(f);
		assert_int_equal(attrib_journal_base(f->journal), base);
		assert_int_equal(attrib_journal_committed(f->journal), base);
		struct attrib_lane *a = lane_open(f), *b = lane_open(f);
		append_all(a, 10 + start, 40, 3);
		append_all(b, 20 + start, 25, 25);
		assert_int_equal(attrib_journal_lane_count(f->journal), 2 * start + 2);
		attrib_journal_lane_range(f->journal, 2 * start, &first, &last);
		assert_int_equal(first, base + 1);
		assert_int_equal(last, base + 40);
		/* the count of the instance is above every number, and the next base is the count */
		base += 40 + 25;
		assert_int_equal(attrib_journal_committed(f->journal), base);
		assert_int_equal(attrib_lane_close(a), 0);
		assert_int_equal(attrib_lane_close(b), 0);
		fixture_close(f);
	}
	fixture_open(f);
	attrib_journal_raise_base(f->journal, 5);
	assert_int_equal(attrib_journal_base(f->journal), base);
	attrib_journal_raise_base(f->journal, 1000);
	struct attrib_lane *lane = lane_open(f);
	append_all(lane, 1, 1, 1);
	assert_int_equal(attrib_lane_committed(lane), 1001);
	assert_int_equal(attrib_lane_close(lane), 0);
	fixture_close(f);
	fixture_open(f);
	assert_int_equal(attrib_journal_base(f->journal), 1001);
	uint64_t records = 0;
	for (uint32_t i = 0; i < attrib_journal_lane_count(f->journal); i++) {
		attrib_journal_lane_range(f->journal, i, &first, &last);
		records += last - first + 1;
	}
	assert_int_equal(records, 3 * 65 + 1);
}

static void leaves_other_instances_alone(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	struct attrib_lane *lane = lane_open(f);
	append_all(lane, 1, 10, 10);
	assert_int_equal(attrib_lane_close(lane), 0);
	fixture_close(f);
	f->options.instance.b[0]++;
	fixture_open(f);
	assert_int_equal(attrib_journal_lane_count(f->journal), 0);
	assert_int_equal(attrib_journal_foreign(f->journal), 1);
	assert_int_equal(attrib_journal_base(f->journal), 0);
}

static void removes_half_made_segments(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof path, "%s/00-11.new", f->dir);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	fixture_open(f);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(attrib_journal_lane_count(f->journal), 0);
}

/* -- threads ------------------------------------------------------------------------------------ */

#define WORKERS 3
#define RECORDS 4000

struct worker {
	struct fixture *f;
	uint32_t tag;
	pthread_t thread;
};

static _Atomic unsigned wakes;

static void count_wake(void *arg)
{
	(void)arg;
	atomic_fetch_add(&wakes, 1);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct attrib_lane *lane = lane_open(w->f);

	attrib_lane_set_sync(lane, (enum attrib_lane_sync)(w->tag % 3));
	append_all(lane, 100, RECORDS, 50 + w->tag);
	assert_int_equal(attrib_lane_close(lane), 0);
	return NULL;
}

static void threads_write_while_one_reads(void **state)
{
	struct fixture *f = *state;
	struct worker workers[WORKERS];
	uint64_t last[WORKERS] = {0}, sum = 0;
	struct attrib_reader *reader;

	f->options.segment_size = 200000;
	fixture_open(f);
	atomic_store(&wakes, 0);
	attrib_journal_on_commit(f->journal, count_wake, NULL);
	assert_int_equal(attrib_reader_new(f->journal, &reader), 0);
	for (uint32_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.f = f, .tag = i};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	while (sum < WORKERS * RECORDS) {
		uint32_t lanes = attrib_journal_lane_count(f->journal);
		for (uint32_t i = 0; i < lanes; i++) {
			uint64_t n = read_all(reader, i, 100, last[i], &last[i]);
			sum += n;
		}
		assert_true(attrib_journal_committed(f->journal) >= sum);
		usleep(500);
	}
	for (uint32_t i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	assert_int_equal(sum, WORKERS * RECORDS);
	for (uint32_t i = 0; i < WORKERS; i++)
		assert_int_equal(last[i], RECORDS);
	assert_true(atomic_load(&wakes) >= WORKERS * RECORDS / 60);
	assert_int_equal(attrib_journal_committed(f->journal), WORKERS * RECORDS);
	attrib_reader_free(reader);
}

struct writer {
	struct attrib_lane *lane;
	atomic_bool stop;
};

static void *write_on(void *arg)
{
	struct writer *writer = arg;

	for (int i = 0; i < 4000 && !atomic_load(&writer->stop); i++)
		append_all(writer->lane, 7, 40, 20);
	atomic_store(&writer->stop, true);
	return NULL;
}

/* What is being written while somebody looks is no damage. */
static void a_walk_beside_a_writer_finds_no_damage(void **state)
{
	struct fixture *f = *state;
	struct attrib_journal_report report;
	struct writer writer;
	pthread_t thread;
	int walks = 0;

	fixture_open(f);
	assert_int_equal(attrib_lane_open(f->journal, 0, &writer.lane), 0);
	atomic_init(&writer.stop, false);
	assert_int_equal(pthread_create(&thread, NULL, write_on, &writer), 0);
	for (; walks < 100 && !atomic_load(&writer.stop); walks++) {
		assert_int_equal(attrib_journal_verify(f->dir, &report, NULL, NULL), 0);
		assert_int_equal(report.damaged_stretches, 0);
	}
	atomic_store(&writer.stop, true);
	pthread_join(thread, NULL);
	assert_true(walks > 10);
	assert_int_equal(attrib_lane_close(writer.lane), 0);
	fixture_close(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_back_what_was_committed),
		TEST(shows_nothing_before_the_sync),
		TEST(refuses_impossible_payloads),
		TEST(rotates_and_reads_across),
		TEST(follows_a_live_lane),
		TEST(numbers_grow_over_starts),
		TEST(leaves_other_instances_alone),
		TEST(removes_half_made_segments),
		TEST(threads_write_while_one_reads),
		TEST(a_walk_beside_a_writer_finds_no_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
