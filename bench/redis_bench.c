/*
 * One instance's engine over a state in Redis, for bench/redis.mjs, which starts the server, holds each process to a
 * core and asks the server what it was asked.
 *
 *   redis_bench URL [records] [known] [visitors] [orders of 100] [instance, from 0] [of instances]
 *
 * Of the records of engine_bench the first `known` fill the state and are not measured. With more instances each
 * takes one record of so many. When it is ready, and again when the known ones are in, it says so and waits for a
 * line, so that several begin together; then it tells what its share has cost it as one line of JSON.
 *
 * The first instance goes on: behind a line it walks over all that is there, holding it, and behind another one reading
 * what never expires to forget of it; each time it tells the pages and the seconds in one line of JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "attrib/state_redis.h"
#include "measure.h"
#include "records.h"

#define GROUP 512
#define BATCH 20000

struct bench {
	struct attrib_keys *keys;
	struct attrib_catalog *catalog;
	struct attrib_state *state;
	struct attrib_engine *engine;
	struct attrib_batch *batch;
	struct attrib_claimer lane;
	uint64_t in_batch, decisions;
};

struct figures {
	double seconds,
		cpu; /* of groups, without the sealing of batches, which is another thread's in the daemon */
};

static uint64_t argument(int argc, char **argv, int i, uint64_t otherwise)
{
	return argc > i ? strtoull(argv[i], NULL, 10) : otherwise;
}

/* This instance's share of the next n records. */
static struct attrib_engine_record *make_records(const struct bench *bench,
	struct bench_maker *maker, uint64_t n, const uint64_t share[2], struct attrib_arena *arena,
	uint64_t *kept)
{
	struct attrib_engine_record *records = bench_room(n / share[1] + 1, sizeof *records);
	uint64_t first = bench->lane.number;

	*kept = 0;
	for (uint64_t i = 0; i < n; i++) {
		struct attrib_str payload = bench_maker_next(maker);
		if (i % share[1] != share[0])
			continue;
		records[*kept] = (struct attrib_engine_record){
			bench->lane.lane, first + *kept + 1, attrib_arena_str(arena, payload)};
		bench_must(records[*kept].payload.p ? 0 : ATTRIB_E_NOMEM, "record");
		++*kept;
	}
	return records;
}

static void open_all(
	struct bench *bench, const char *url, uint64_t instance, struct attrib_arena *arena)
{
	struct attrib_redis_options options = {.url = url,
		.ids_ttl_s = 700000,
		.facts_ttl_s = 9000000,
		.timeout_ms = 60000,
		.instance = {{(uint8_t)(instance + 1)}}};
	uint8_t secret[ATTRIB_SECRET_BYTES] = {1};

	bench->keys = attrib_keys_new(secret);
	bench->batch = attrib_batch_new();
	bench_must(bench->keys && bench->batch ? 0 : ATTRIB_E_NOMEM, "keys");
	bench->catalog = bench_catalog(arena);
	bench_must(attrib_state_redis_new(&options, &bench->state), "state");
	bench_must(attrib_engine_new(bench->state, bench->keys, bench->catalog, &bench->engine),
		"engine");
	bench->lane.lane = (struct attrib_id){{(uint8_t)(instance + 1)}};
	bench_must(attrib_state_redis_lanes(bench->state, &bench->lane, 1), "lanes");
}

static void close_all(struct bench *bench)
{
	attrib_engine_free(bench->engine);
	bench->state->ops->free(bench->state);
	attrib_catalog_unref(bench->catalog);
	attrib_batch_free(bench->batch);
	attrib_keys_free(bench->keys);
}

static void take_batch(struct bench *bench)
{
	struct attrib_batch_view view;

	attrib_batch_seal(bench->batch, &view);
	bench->decisions += view.decision_count;
	attrib_batch_reset(bench->batch);
	bench->in_batch = 0;
}

/* As the daemon does it: a group, what it has reached, and the figures of each batch. */
static void apply(struct bench *bench, const struct attrib_engine_record *records, size_t n)
{
	struct attrib_state_stats stats;

	bench_must(attrib_engine_apply(bench->engine, records, n, false, bench->batch),
		attrib_state_redis_error(bench->state));
	bench->lane.number = records[n - 1].number;
	bench_must(attrib_state_redis_reached(bench->state, &bench->lane), "reached");
	bench->in_batch += n;
	if (bench->in_batch >= BATCH)
		bench->state->ops->stats(bench->state, &stats);
}

static struct figures run(
	struct bench *bench, const struct attrib_engine_record *records, uint64_t n)
{
	struct figures f = {0};

	for (uint64_t i = 0; i < n; i += GROUP) {
		double clock = bench_us(CLOCK_MONOTONIC), cpu = bench_us(CLOCK_PROCESS_CPUTIME_ID);
		apply(bench, records + i, n - i < GROUP ? n - i : GROUP);
		f.seconds += (bench_us(CLOCK_MONOTONIC) - clock) / 1e6;
		f.cpu += (bench_us(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e6;
		if (bench->in_batch >= BATCH)
			take_batch(bench);
	}
	return f;
}

static void wait_for_line(const char *what)
{
	printf("%s\n", what);
	fflush(stdout);
	while (getchar() != '\n')
		bench_must(feof(stdin) ? ATTRIB_E_INVALID : 0, "a line");
}

/* As the daemon does it, but without a rest between two pages. */
static void walk(struct bench *bench, const struct attrib_redis_walk *what)
{
	double clock = bench_us(CLOCK_MONOTONIC);
	uint64_t pages = 0;
	bool mine, done = false;

	bench_must(attrib_state_redis_walk(bench->state, what, &mine),
		attrib_state_redis_error(bench->state));
	bench_must(mine ? 0 : ATTRIB_E_INVALID, "another instance walks");
	for (; !done; pages++)
		bench_must(attrib_state_redis_step(bench->state, &done),
			attrib_state_redis_error(bench->state));
	printf("{\"pages\":%" PRIu64 ",\"seconds\":%.6f}\n", pages,
		(bench_us(CLOCK_MONOTONIC) - clock) / 1e6);
}

/* Ids have less to live than it is held for; of facts none is old enough to go. */
static void walks(struct bench *bench)
{
	wait_for_line("told");
	walk(bench, &(struct attrib_redis_walk){.hold_s = 800000, .facts_before = ATTRIB_NEVER});
	wait_for_line("held");
	walk(bench, &(struct attrib_redis_walk){.facts_before = 1, .by = 1});
}

int main(int argc, char **argv)
{
	uint64_t n = argument(argc, argv, 2, 300000), known = argument(argc, argv, 3, n);
	uint64_t visitors = argument(argc, argv, 4, (n + known) / 3);
	uint64_t share[2] = {argument(argc, argv, 6, 0), argument(argc, argv, 7, 1)}, kept[2];
	struct attrib_engine_record *records[2];
	struct attrib_redis_stats before, after;
	struct bench bench = {0};
	struct bench_maker maker;
	struct attrib_arena arena;
	struct figures f;

	bench_must(argc > 1 && n && visitors && share[0] < share[1] ? 0 : ATTRIB_E_INVALID,
		"arguments");
	attrib_arena_init(&arena, 1u << 20);
	open_all(&bench, argv[1], share[0], &arena);
	bench_maker_init(&maker, bench.keys, visitors);
	maker.share = argument(argc, argv, 5, BENCH_ORDERS);
	records[0] = make_records(&bench, &maker, known, share, &arena, &kept[0]);
	bench.lane.number = kept[0];
	records[1] = make_records(&bench, &maker, n, share, &arena, &kept[1]);
	wait_for_line("ready");
	run(&bench, records[0], kept[0]);
	wait_for_line("known");
	attrib_state_redis_stats(bench.state, &before);
	bench.decisions = 0;
	f = run(&bench, records[1], kept[1]);
	attrib_state_redis_stats(bench.state, &after);
	take_batch(&bench);
	printf("{\"records\":%" PRIu64 ",\"seconds\":%.6f,\"cpu\":%.6f,\"commands\":%" PRIu64
	       ",\"round_trips\":%" PRIu64 ",\"decisions\":%" PRIu64 ",\"overtaken\":%" PRIu64
	       "}\n",
		kept[1], f.seconds, f.cpu, after.commands - before.commands,
		after.round_trips - before.round_trips, bench.decisions,
		after.overtaken - before.overtaken);
	if (share[0] == 0)
		walks(&bench);
	bench_maker_done(&maker);
	for (int i = 0; i < 2; i++)
		free(records[i]);
	close_all(&bench);
	attrib_arena_done(&arena);
	return 0;
}
