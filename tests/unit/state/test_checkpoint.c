/*
 * A copy answers as the state that it was made of, also when the state went on while it was made.
 *
 * The seed is printed; ATTRIB_SEED=<number> runs that one again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "history.h"
#include "memory.h"

#define RUNS 12
/* of what version 1 writes of one history */
#define BLOCKS_HASH 0xbd5967a7f14435e6u
#define END_HASH    0x7dfadc06a5b4ff5eu

static uint64_t first_seed;

/* How a copy is made, and from where the rest is added again. */
enum way {
	RIGHT,
	IDS_FIRST,    /* wrong: a claim that is left behind meanwhile is in neither */
	NOTED_AT_END, /* wrong: what came meanwhile may be missing */
};

struct copy {
	struct attrib_buf blocks, end; /* `blocks` as one block */
	size_t noted;                  /* facts that were added when it began, or so it says */
};

/* One step of a dump in the wrong order: ids, then the rest. */
static int step_ids_first(
	struct attrib_state *state, struct attrib_dump *dump, struct attrib_buf *block, bool *ids)
{
	int err;

	if (*ids)
		dump->part = 3;
	err = attrib_state_memory_dump(state, dump, block);
	if (!*ids)
		dump->done = dump->part == 3;
	else if (dump->done)
		*ids = dump->done = false, dump->part = 0;
	return err;
}

/* Copies a state that has the first `begin` facts, while all others are added. */
static struct copy copy_while_adding(const struct history *history, struct attrib_state *state,
	size_t begin, enum way way, uint64_t *rng)
{
	struct attrib_dump dump = ATTRIB_DUMP_START;
	struct copy copy = {.noted = begin};
	size_t at = begin;
	bool ids = way == IDS_FIRST;

	attrib_buf_init(&copy.blocks);
	attrib_buf_init(&copy.end);
	while (!dump.done) {
		size_t more = random_below(rng, 1 + (history->n - begin) / 12);

		more = more < history->n - at ? more : history->n - at;
		if (way == IDS_FIRST)
			assert_int_equal(step_ids_first(state, &dump, &copy.blocks, &ids), 0);
		else
			assert_int_equal(attrib_state_memory_dump(state, &dump, &copy.blocks), 0);
		if (!dump.done) {
			history_add(history, state, at, at + more);
			at += more;
		}
	}
	assert_int_equal(attrib_state_memory_dump_end(state, &dump, &copy.end), 0);
	if (way == NOTED_AT_END)
		copy.noted = at;
	history_add(history, state, at, history->n);
	return copy;
}

static struct attrib_state *load_copy(struct copy *copy)
{
	struct attrib_checkpoint_load load = {.memory = {.hash_seed = 0x5eed}};
	struct state_loading loading;
	struct attrib_state *state;

	assert_int_equal(state_loading_begin(&loading, &load, copy->end.p, copy->end.n), 0);
	assert_int_equal(state_loading_block(&loading, copy->blocks.p, copy->blocks.n), 0);
	assert_int_equal(state_loading_end(&loading, &state), 0);
	state_loading_done(&loading);
	attrib_buf_done(&copy->blocks);
	attrib_buf_done(&copy->end);
	return state;
}

/* What differs between a state and its copy, after all that came later was added again. */
static const char *play(uint64_t seed, enum way way)
{
	uint64_t rng = seed;
	struct history history = history_make(400 + random_below(&rng, 6000), random_next(&rng));
	struct attrib_state *state = state_open(), *loaded;
	size_t begin = random_below(&rng, history.n);
	const char *differs;
	struct copy copy;

	history_add(&history, state, 0, begin);
	copy = copy_while_adding(&history, state, begin, way, &rng);
	begin = copy.noted;
	loaded = load_copy(&copy);
	history_add(&history, loaded, begin, history.n);
	differs = history_differs(&history, state, loaded, false);
	state->ops->free(state);
	loaded->ops->free(loaded);
	history_done(&history);
	return differs;
}

static void test_copy_while_adding(void **arg)
{
	(void)arg;
	for (uint64_t seed = first_seed; seed < first_seed + RUNS; seed++) {
		const char *differs = play(seed, RIGHT);

		if (differs)
			fail_msg("seed %llu: %s", (unsigned long long)seed, differs);
	}
}

static void must_be_caught(enum way way)
{
	size_t caught = 0;

	for (uint64_t seed = first_seed; seed < first_seed + RUNS; seed++)
		caught += play(seed, way) != NULL;
	assert_true(caught > 0);
}

static void test_ids_first_is_caught(void **arg)
{
	(void)arg;
	must_be_caught(IDS_FIRST);
}

static void test_positions_of_the_end_are_caught(void **arg)
{
	(void)arg;
	must_be_caught(NOTED_AT_END);
}

/* Nothing came in between: everything is equal, and forgetting takes the same from both. */
static void test_copy_at_rest(void **arg)
{
	struct history history = history_make(5000, first_seed);
	struct attrib_state *state = state_open(), *loaded;
	struct copy copy;
	uint64_t rng = 1;
	const char *differs;
	int64_t before = history.facts[0].received_at;

	(void)arg;
	history_add(&history, state, 0, history.n);
	copy = copy_while_adding(&history, state, history.n, RIGHT, &rng);
	loaded = load_copy(&copy);
	differs = history_differs(&history, state, loaded, true);
	if (differs)
		fail_msg("seed %llu: %s", (unsigned long long)first_seed, differs);
	assert_int_equal(state->ops->forget(state, before, before), 0);
	assert_int_equal(loaded->ops->forget(loaded, before, before), 0);
	differs = history_differs(&history, state, loaded, false);
	if (differs)
		fail_msg("after forgetting: %s", differs);
	state->ops->free(state);
	loaded->ops->free(loaded);
	history_done(&history);
}

static void test_empty_state(void **arg)
{
	struct history history = history_make(1, 1);
	struct attrib_state *state = state_open(), *loaded;
	uint64_t rng = 1;
	struct copy copy;

	(void)arg;
	history.n = 0;
	copy = copy_while_adding(&history, state, 0, RIGHT, &rng);
	loaded = load_copy(&copy);
	assert_null(history_differs(&history, state, loaded, true));
	state->ops->free(state);
	loaded->ops->free(loaded);
	history_done(&history);
}

static bool is_first_lane(void *arg, const struct attrib_id *lane)
{
	return attrib_id_eq(arg, lane);
}

/* Claims of a lane that is gone are nobody's, and its number is free for another. */
static void test_lanes_that_are_gone(void **arg)
{
	struct history history = history_make(200, 5);
	struct attrib_id lane = history.facts[0].claimer.lane;
	struct attrib_checkpoint_load load = {
		.memory = {.hash_seed = 1}, .keeps = is_first_lane, .keeps_arg = &lane};
	struct attrib_state *state = state_open(), *loaded;
	struct attrib_dump dump = ATTRIB_DUMP_START;
	struct state_loading loading;
	struct attrib_buf block, end;
	struct attrib_arena arena;

	(void)arg;
	attrib_buf_init(&block);
	attrib_buf_init(&end);
	attrib_arena_init(&arena, 4096);
	history_add(&history, state, 0, history.n);
	while (!dump.done)
		assert_int_equal(attrib_state_memory_dump(state, &dump, &block), 0);
	assert_int_equal(attrib_state_memory_dump_end(state, &dump, &end), 0);
	assert_int_equal(state_loading_begin(&loading, &load, end.p, end.n), 0);
	assert_int_equal(state_loading_block(&loading, block.p, block.n), 0);
	assert_int_equal(state_loading_end(&loading, &loaded), 0);
	state_loading_done(&loading);
	assert_int_equal(memory_of(state)->lane_count, 4);
	assert_int_equal(memory_of(loaded)->lane_count, 2);
	for (size_t i = 0; i < history.n; i++) {
		struct attrib_loaded was, is;

		state->ops->load(state, &history.facts[i].entity, 1, &arena, &was);
		loaded->ops->load(loaded, &history.facts[i].entity, 1, &arena, &is);
		assert_int_equal(was.count, is.count);
		for (size_t k = 0; k < was.count; k++) {
			struct attrib_id claimer = was.facts[k].claimer.lane;
			struct attrib_id expected =
				attrib_id_eq(&claimer, &lane) ? lane : (struct attrib_id){{0}};
			assert_true(attrib_id_eq(&is.facts[k].claimer.lane, &expected));
		}
	}
	state->ops->free(state);
	loaded->ops->free(loaded);
	attrib_arena_done(&arena);
	attrib_buf_done(&block);
	attrib_buf_done(&end);
	history_done(&history);
}

/* What a released version has written must be read by the next: a layout that changed shows here. */
static void test_bytes_of_version_1(void **arg)
{
	struct history history = history_make(300, 4711);
	struct attrib_state *state = state_open();
	uint64_t rng = 1;
	uint64_t blocks, end;
	struct copy copy;

	(void)arg;
	history_add(&history, state, 0, history.n);
	copy = copy_while_adding(&history, state, history.n, RIGHT, &rng);
	blocks = attrib_hash64(copy.blocks.p, copy.blocks.n, 0);
	end = attrib_hash64(copy.end.p, copy.end.n, 0);
	attrib_buf_done(&copy.blocks);
	attrib_buf_done(&copy.end);
	state->ops->free(state);
	history_done(&history);
	assert_int_equal(blocks, BLOCKS_HASH);
	assert_int_equal(end, END_HASH);
}

int main(void)
{
	const char *seed = getenv("ATTRIB_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_at_rest),
		cmocka_unit_test(test_copy_while_adding),
		cmocka_unit_test(test_ids_first_is_caught),
		cmocka_unit_test(test_positions_of_the_end_are_caught),
		cmocka_unit_test(test_empty_state),
		cmocka_unit_test(test_lanes_that_are_gone),
		cmocka_unit_test(test_bytes_of_version_1),
	};

	attrib_random(&first_seed, sizeof first_seed);
	first_seed = seed ? strtoull(seed, NULL, 10) : first_seed >> 8;
	printf("ATTRIB_SEED=%llu\n", (unsigned long long)first_seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
