/*
 * What a backend of the state takes for a visitor with one touch and for a remembered id, in bytes of
 * resident memory, and how fast facts go in and come out.
 *
 *   state_bench [visitors and ids, default 1000000] [bytes of a touch's body, default 40] [URL of a Redis]
 *
 * With a URL the state is in that Redis, which must be empty; then bytes are its own count, and the commands
 * that each took are told.
 */
#include <inttypes.h>
#include <string.h>

#include "attrib/state.h"
#include "attrib/state_redis.h"
#include "attrib/time.h"
#include "measure.h"

#define GROUP 256

/* Ids as the keyed hash makes them: spread evenly. */
static struct attrib_id id_of(uint64_t domain, uint64_t number)
{
	uint64_t halves[2] = {attrib_hash64(&number, sizeof number, domain),
		attrib_hash64(&number, sizeof number, domain + 1000)};
	struct attrib_id id;

	memcpy(id.b, halves, sizeof id.b);
	return id;
}

static struct attrib_fact touch(uint64_t visitor, uint64_t number, struct attrib_str body)
{
	return (struct attrib_fact){
		.entity = {ATTRIB_ENTITY_VISITOR, id_of(1, visitor)},
		.type = ATTRIB_FACT_TOUCH,
		.cap = ATTRIB_CAP_TOUCH,
		.id = id_of(2, number),
		.at = (int64_t)number * 1000,
		.received_at = (int64_t)number * 1000 + 7,
		.content_hash = number,
		.body = body,
		.claimer = {id_of(3, visitor & 3), number},
	};
}

static struct attrib_fact seen(uint64_t number, uint64_t unused, struct attrib_str body)
{
	(void)unused;
	(void)body;
	return (struct attrib_fact){
		.entity = {ATTRIB_ENTITY_ID, id_of(4, number)},
		.type = ATTRIB_FACT_SEEN,
		.received_at = (int64_t)number * 1000,
		.claimer = {id_of(3, number & 3), number},
	};
}

typedef struct attrib_fact make_fn(uint64_t entity, uint64_t number, struct attrib_str body);

struct figures {
	double us, worst_us; /* in all; of one group */
};

/* Adds n facts in groups; the time is that of the calls alone. */
static struct figures add(struct attrib_state *state, make_fn *make, uint64_t first, uint64_t n,
	uint64_t entities, struct attrib_str body)
{
	static struct attrib_fact facts[GROUP];
	static struct attrib_added results[GROUP];
	struct figures f = {0};
	uint64_t ticket;

	for (uint64_t i = 0; i < n; i += GROUP) {
		size_t group = n - i < GROUP ? n - i : GROUP;
		double start, took;

		for (size_t j = 0; j < group; j++)
			facts[j] = make((i + j) % entities, first + i + j, body);
		start = bench_us(CLOCK_MONOTONIC);
		bench_must(state->ops->add(state, facts, group, results, &ticket), "add");
		took = bench_us(CLOCK_MONOTONIC) - start;
		f.us += took;
		f.worst_us = took > f.worst_us ? took : f.worst_us;
	}
	return f;
}

static struct figures load(struct attrib_state *state, uint64_t n, uint64_t entities)
{
	static struct attrib_entity names[GROUP];
	static struct attrib_loaded loaded[GROUP];
	struct attrib_arena arena;
	struct figures f = {0};

	attrib_arena_init(&arena, 1 << 20);
	for (uint64_t i = 0; i < n; i += GROUP) {
		size_t group = n - i < GROUP ? n - i : GROUP;
		double start;

		for (size_t j = 0; j < group; j++)
			names[j] = (struct attrib_entity){
				ATTRIB_ENTITY_VISITOR, id_of(1, (i + j) * 7919 % entities)};
		attrib_arena_reset(&arena);
		start = bench_us(CLOCK_MONOTONIC);
		bench_must(state->ops->load(state, names, group, &arena, loaded), "load");
		f.us += bench_us(CLOCK_MONOTONIC) - start;
	}
	attrib_arena_done(&arena);
	return f;
}

static bool shared;
static uint64_t told; /* commands */

static uint64_t bytes_of(struct attrib_state *state)
{
	struct attrib_state_stats stats;

	if (!shared)
		return bench_resident();
	state->ops->stats(state, &stats);
	return stats.bytes;
}

static void tell_commands(const struct attrib_state *state, uint64_t n)
{
	struct attrib_redis_stats cost;

	if (!shared)
		return;
	attrib_state_redis_stats(state, &cost);
	printf("%-34s %9.2f commands each\n", "", (double)(cost.commands - told) / (double)n);
	told = cost.commands;
}

static struct attrib_state *open_state(const char *url)
{
	struct attrib_memory_options memory = {.hash_seed = 42};
	struct attrib_redis_options redis = {
		.url = url, .ids_ttl_s = 100000, .facts_ttl_s = 100000, .timeout_ms = 60000};
	struct attrib_state *state;

	shared = url != NULL;
	bench_must(url ? attrib_state_redis_new(&redis, &state)
		       : attrib_state_memory_new(&memory, &state),
		"new");
	return state;
}

static void line(const char *what, uint64_t n, struct figures f, uint64_t bytes)
{
	printf("%-34s %9" PRIu64 " %8.0f k/s", what, n, (double)n / f.us * 1e3);
	if (bytes)
		printf(" %7.1f bytes each", (double)bytes / (double)n);
	if (f.worst_us > 0)
		printf("   slowest group %.2f ms", f.worst_us / 1e3);
	printf("\n");
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000, before;
	size_t body_size = argc > 2 ? strtoul(argv[2], NULL, 10) : 40;
	struct attrib_str body = {calloc(1, body_size + 1), body_size};
	struct attrib_state_stats stats;
	struct attrib_state *state;
	struct figures f;
	double start;

	bench_must(n && body.p ? 0 : ATTRIB_E_INVALID, "arguments");
	state = open_state(argc > 3 ? argv[3] : NULL);
	before = bytes_of(state);
	f = add(state, touch, 0, n, n, body);
	line("visitors with one touch", n, f, bytes_of(state) - before);
	tell_commands(state, n);
	before = bytes_of(state);
	f = add(state, seen, 0, n, n, body);
	line("remembered ids", n, f, bytes_of(state) - before);
	tell_commands(state, n);
	state->ops->stats(state, &stats);
	printf("%-34s %9" PRIu64 " bytes by its own count\n", "both", stats.bytes);
	line("ids again", n, add(state, seen, 0, n, n, body), 0);
	tell_commands(state, n);
	line("loads of one touch", n, load(state, n, n), 0);
	tell_commands(state, n);
	before = bytes_of(state);
	f = add(state, touch, n, n / 10 * 20, n / 10, body);
	line("20 touches more for a tenth", n / 10 * 20, f, bytes_of(state) - before);
	tell_commands(state, n / 10 * 20);
	line("loads of 21 touches", n / 10, load(state, n / 10, n / 10), 0);
	start = bench_us(CLOCK_MONOTONIC);
	bench_must(state->ops->forget(state, (int64_t)n * 500, ATTRIB_NEVER), "forget");
	printf("%-34s %9" PRIu64 " %8.1f ms\n", "forgetting half of the ids", n / 2,
		(bench_us(CLOCK_MONOTONIC) - start) / 1e3);
	start = bench_us(CLOCK_MONOTONIC);
	state->ops->free(state);
	printf("%-34s %9" PRIu64 " %8.1f ms\n", "free", n,
		(bench_us(CLOCK_MONOTONIC) - start) / 1e3);
	free((void *)(uintptr_t)body.p);
	return 0;
}
