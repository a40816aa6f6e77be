/*
 * How many records a second the engine takes on one core, from memory: encoded events in groups of
 * 512, a new batch every 20,000 records. The thread that flushes seals it, so that is told apart. Then
 * the same records into an empty state, silently, as after a restart. Fastest of three rounds.
 *
 *   engine_bench [records, default 1000000] [visitors, default a third of them] [orders of 100, default 4]
 */
#include <stdlib.h>

#include "measure.h"
#include "records.h"

#define GROUP  512
#define BATCH  20000
#define ROUNDS 3

struct figures {
	double seconds, sealing, slowest_ms; /* groups and resets; seals; the slowest group */
	uint64_t decisions, rows;
};

static struct attrib_engine_record *make_records(struct attrib_keys *keys, uint64_t n,
	uint64_t visitors, uint64_t share, struct attrib_arena *arena)
{
	struct attrib_engine_record *records = bench_room(n, sizeof *records);
	struct bench_maker maker;

	bench_maker_init(&maker, keys, visitors);
	maker.share = share;
	for (uint64_t i = 0; i < n; i++) {
		records[i] = (struct attrib_engine_record){
			{{1}}, i + 1, attrib_arena_str(arena, bench_maker_next(&maker))};
		bench_must(records[i].payload.p ? 0 : ATTRIB_E_NOMEM, "record");
	}
	bench_maker_done(&maker);
	return records;
}

/* -- runs --------------------------------------------------------------------------------------- */

static struct figures apply(struct attrib_engine *engine,
	const struct attrib_engine_record *records, uint64_t n, struct attrib_batch *batch)
{
	struct figures f = {0};
	struct attrib_batch_view view;
	uint64_t in_batch = 0;
	double began = bench_us(CLOCK_PROCESS_CPUTIME_ID);

	for (uint64_t i = 0; i < n; i += GROUP) {
		size_t group = n - i < GROUP ? n - i : GROUP;
		double start = bench_us(CLOCK_PROCESS_CPUTIME_ID), took;

		bench_must(attrib_engine_apply(engine, records + i, group, !batch, batch), "apply");
		took = (bench_us(CLOCK_PROCESS_CPUTIME_ID) - start) / 1e3;
		f.slowest_ms = took > f.slowest_ms ? took : f.slowest_ms;
		in_batch += group;
		if (!batch || (in_batch < BATCH && i + group < n))
			continue;
		start = bench_us(CLOCK_PROCESS_CPUTIME_ID);
		attrib_batch_seal(batch, &view);
		f.sealing += (bench_us(CLOCK_PROCESS_CPUTIME_ID) - start) / 1e6;
		f.decisions += view.decision_count;
		f.rows += view.traffic_count;
		attrib_batch_reset(batch);
		in_batch = 0;
	}
	f.seconds = (bench_us(CLOCK_PROCESS_CPUTIME_ID) - began) / 1e6 - f.sealing;
	return f;
}

/* Into an empty state; its bytes in *bytes. */
static struct figures round_of(struct attrib_keys *keys, struct attrib_catalog *catalog,
	const struct attrib_engine_record *records, uint64_t n, bool silent, uint64_t *bytes)
{
	struct attrib_memory_options options = {.hash_seed = attrib_keys_hash_seed(keys)};
	struct attrib_batch *batch = silent ? NULL : attrib_batch_new();
	struct attrib_state_stats stats;
	struct attrib_state *state;
	struct attrib_engine *engine;
	struct figures f;

	bench_must(silent || batch ? 0 : ATTRIB_E_NOMEM, "batch");
	bench_must(attrib_state_memory_new(&options, &state), "state");
	bench_must(attrib_engine_new(state, keys, catalog, &engine), "engine");
	f = apply(engine, records, n, batch);
	state->ops->stats(state, &stats);
	*bytes = stats.bytes;
	attrib_engine_free(engine);
	state->ops->free(state);
	attrib_batch_free(batch);
	return f;
}

static void run(const char *what, struct attrib_keys *keys, struct attrib_catalog *catalog,
	const struct attrib_engine_record *records, uint64_t n, bool silent)
{
	struct figures best = {.seconds = 1e9}, f;
	uint64_t bytes = 0;

	for (int i = 0; i < ROUNDS; i++) {
		f = round_of(keys, catalog, records, n, silent, &bytes);
		if (f.seconds < best.seconds)
			best = f;
	}
	printf("%-8s %7.0f k records/s   slowest group %.2f ms   %.0f bytes of state per record\n",
		what, (double)n / best.seconds / 1e3, best.slowest_ms, (double)bytes / (double)n);
	if (!silent)
		printf("%-8s %7.0f decisions/s (%" PRIu64 ")   %" PRIu64
		       " rows of traffic   %.1f ms to seal a batch\n",
			"", (double)best.decisions / best.seconds, best.decisions, best.rows,
			best.sealing / ((double)n / BATCH) * 1e3);
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	uint64_t visitors = argc > 2 ? strtoull(argv[2], NULL, 10) : n / 3;
	uint64_t share = argc > 3 ? strtoull(argv[3], NULL, 10) : BENCH_ORDERS;
	uint8_t secret[ATTRIB_SECRET_BYTES] = {1};
	struct attrib_engine_record *records;
	struct attrib_catalog *catalog;
	struct attrib_keys *keys = attrib_keys_new(secret);
	struct attrib_arena arena;
	size_t before;

	bench_must(n && visitors && share <= BENCH_ORDERS_MAX ? 0 : ATTRIB_E_INVALID, "arguments");
	bench_must(keys ? 0 : ATTRIB_E_NOMEM, "keys");
	attrib_arena_init(&arena, 1u << 20);
	catalog = bench_catalog(&arena);
	before = arena.used;
	records = make_records(keys, n, visitors, share, &arena);
	printf("%" PRIu64 " records of %.0f bytes, %" PRIu64 " visitors, %" PRIu64
	       " orders in 100 records\n",
		n, (double)(arena.used - before) / (double)n, visitors, share);
	run("applied", keys, catalog, records, n, false);
	run("silent", keys, catalog, records, n, true);
	free(records);
	attrib_catalog_unref(catalog);
	attrib_arena_done(&arena);
	attrib_keys_free(keys);
	return 0;
}
