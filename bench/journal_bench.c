/*
 * What a commit costs by group size and by who syncs, and how fast a lane is read back.
 *
 *   journal_bench DIR [seconds per line, default 1]
 *
 * DIR must not exist; it is left for inspection. The loop is a worker's: append a group, commit,
 * wait for the outcome, as clients that wait for their answers would make it.
 */
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "attrib/journal.h"
#include "measure.h"

#define PAYLOAD 300
#define SAMPLES 1000000

static double samples[SAMPLES];

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void commit(struct attrib_lane *lane)
{
	bench_must(attrib_lane_commit(lane), "commit");
	while (attrib_lane_committed(lane) < attrib_lane_appended(lane)) {
		struct pollfd p = {.fd = attrib_lane_fd(lane), .events = POLLIN};
		poll(&p, 1, -1);
		bench_must(attrib_lane_reap(lane), "reap");
	}
}

static void write_group(struct attrib_lane *lane, unsigned group)
{
	static char payload[PAYLOAD];
	uint64_t number;

	for (unsigned i = 0; i < group; i++) {
		memset(payload, 'a' + (int)(i % 26), sizeof payload);
		bench_must(attrib_lane_append(
				   lane, (struct attrib_str){payload, sizeof payload}, &number),
			"append");
	}
	commit(lane);
}

static void bench_commits(
	struct attrib_journal *journal, enum attrib_lane_sync mode, unsigned group, double seconds)
{
	static const char *const names[] = {"auto", "in place", "companion"};
	struct attrib_lane *lane;
	size_t n = 0;

	bench_must(attrib_lane_open(journal, 0, &lane), "lane");
	attrib_lane_set_sync(lane, mode);
	double began = bench_us(CLOCK_MONOTONIC), last = began;
	while (last - began < seconds * 1e6 && n < SAMPLES) {
		double start = last;
		write_group(lane, group);
		last = bench_us(CLOCK_MONOTONIC);
		samples[n++] = last - start;
	}
	bench_must(attrib_lane_close(lane), "close");
	qsort(samples, n, sizeof *samples, by_size);
	printf("%-9s %5u %9.0f %11.0f %8.0f %8.0f %8.0f\n", names[mode], group,
		n / (last - began) * 1e6, n * group / (last - began) * 1e6, samples[n / 2],
		samples[n * 99 / 100], samples[n - 1]);
	fflush(stdout);
}

/* Fills one lane and reads it three times; the best is the reader's, not the disk's. */
static void bench_reader(struct attrib_journal *journal)
{
	enum { RECORDS = 2000000, GROUP = 10000 };
	static struct attrib_record records[1024];
	struct attrib_lane *lane;
	double best = 0;

	bench_must(attrib_lane_open(journal, 0, &lane), "lane");
	uint32_t index = attrib_journal_lane_count(journal) - 1;
	for (unsigned i = 0; i < RECORDS / GROUP; i++)
		write_group(lane, GROUP);
	bench_must(attrib_lane_close(lane), "close");
	for (int round = 0; round < 3; round++) {
		struct attrib_reader *reader;
		uint64_t after = 0, sum = 0;
		size_t n;
		bench_must(attrib_reader_new(journal, &reader), "reader");
		double began = bench_us(CLOCK_MONOTONIC);
		do {
			bench_must(attrib_reader_read(reader, index, after, records, 1024, &n),
				"read");
			if (n)
				after = records[n - 1].number;
			sum += n;
		} while (n);
		double rate = sum / (bench_us(CLOCK_MONOTONIC) - began) * 1e6;
		best = rate > best ? rate : best;
		attrib_reader_free(reader);
	}
	printf("reader: %.2f M records/s of %d bytes, %.2f GB/s\n", best / 1e6, PAYLOAD,
		best * PAYLOAD / 1e9);
}

int main(int argc, char **argv)
{
	static const unsigned groups[] = {1, 4, 16, 64, 256, 1024};
	double seconds = argc > 2 ? atof(argv[2]) : 1;
	struct attrib_journal_options options = {
		.dir = argc > 1 ? argv[1] : "journal_bench.dir", .instance = {{1}}};
	struct attrib_journal *journal;

	bench_must(attrib_journal_open(&options, &journal), "open");
	printf("sync      group commits/s   records/s   p50 us   p99 us   max us\n");
	for (int mode = ATTRIB_SYNC_AUTO; mode <= ATTRIB_SYNC_COMPANION; mode++)
		for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
			bench_commits(journal, (enum attrib_lane_sync)mode, groups[i], seconds);
	bench_reader(journal);
	attrib_journal_close(journal);
	return 0;
}
