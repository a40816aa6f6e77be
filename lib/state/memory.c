/*
 * The embedded backend: everything in this process, for one engine thread.
 *
 * Four tables, one per kind of entity, so that the walk over orders meets nothing else and a
 * remembered id costs nothing but itself: its record is all there is of it. The other kinds keep a
 * pointer to their packed facts and, for forgetting without a look at each of them, a coarse
 * received_at of the newest one.
 *
 * Nothing is ever evicted. Above max_bytes strangers make no new entities; what is known grows on.
 */
#include <stdlib.h>

#include "attrib/event.h"
#include "ahead.h"
#include "memory.h"

static uint64_t bytes_of(const struct memory *memory)
{
	uint64_t bytes = memory->pool.bytes + memory->lane_numbers.bytes +
			 memory->lane_room * sizeof *memory->lanes;

	for (int kind = 1; kind < KINDS; kind++)
		bytes += memory->tables[kind].bytes;
	return bytes;
}

/* -- lanes ------------------------------------------------------------------------------------- */

int memory_lane_add(struct memory *memory, const struct attrib_id *lane, uint16_t *number)
{
	size_t room = memory->lane_room * 2;
	struct attrib_id *lanes;
	void *value;

	if (memory->lane_count == memory->lane_room) {
		lanes = realloc(memory->lanes, room * sizeof *lanes);
		if (!lanes)
			return ATTRIB_E_NOMEM;
		memory->lanes = lanes;
		memory->lane_room = room;
	}
	value = state_table_insert(
		&memory->lane_numbers, state_table_hash(&memory->lane_numbers, lane), lane);
	if (!value)
		return ATTRIB_E_NOMEM;
	*number = (uint16_t)memory->lane_count;
	memcpy(value, number, sizeof *number);
	memory->lanes[memory->lane_count++] = *lane;
	return 0;
}

static int lane_number(struct memory *memory, const struct attrib_id *lane, uint16_t *number)
{
	const void *value;
	int err;

	if (attrib_id_eq(lane, &memory->last_lane)) {
		*number = memory->last_lane_number;
		return 0;
	}
	value = state_table_find(
		&memory->lane_numbers, state_table_hash(&memory->lane_numbers, lane), lane);
	if (value) {
		memcpy(number, value, sizeof *number);
	} else if (memory->lane_count > LANES_MAX) {
		*number = LANE_NOBODY;
		return 0;
	} else {
		err = memory_lane_add(memory, lane, number);
		if (err)
			return err;
	}
	memory->last_lane = *lane;
	memory->last_lane_number = *number;
	return 0;
}

/* -- add --------------------------------------------------------------------------------------- */

static bool is_full(const struct memory *memory)
{
	return memory->max_bytes && bytes_of(memory) > memory->max_bytes;
}

/* True when the memory limit keeps a fact out that would make a new entity. */
static bool refuses(
	struct memory *memory, const struct attrib_fact *fact, struct attrib_added *result)
{
	if (fact->trust != ATTRIB_TRUST_STRANGER || !is_full(memory))
		return false;
	result->refused = result->mine = true;
	memory->refused_full++;
	return true;
}

static int add_id(struct memory *memory, const struct attrib_fact *fact,
	const struct state_seen *seen, uint16_t lane, struct attrib_added *result)
{
	struct state_table *table = &memory->tables[ATTRIB_ENTITY_ID];
	void *value = state_seen_find(seen);
	uint32_t received_at = state_seconds(fact->received_at);
	struct claim claim;

	if (value) {
		memcpy(&claim, value, sizeof claim);
		result->mine = lane != LANE_NOBODY && claim.lane == lane &&
			       claim.number == fact->claimer.number;
		result->changed = received_at < claim.received_at;
		if (result->changed)
			claim.received_at = received_at;
	} else {
		if (refuses(memory, fact, result))
			return 0;
		value = state_table_insert(table, seen->hash, &fact->entity.id);
		if (!value)
			return ATTRIB_E_NOMEM;
		claim.lane = lane;
		claim.number = fact->claimer.number & STATE_NUMBER_MAX;
		claim.received_at = received_at;
		result->added = result->mine = true;
	}
	memcpy(value, &claim, sizeof claim);
	return 0;
}

/* The claim that a touch of that id left behind; false: none. */
static bool find_left(
	const struct memory *memory, const struct attrib_fact *fact, struct state_claim *left)
{
	const struct state_table *table = &memory->tables[ATTRIB_ENTITY_ID];
	const void *value;
	struct claim claim;

	value = state_table_find(table, state_table_hash(table, &fact->id), &fact->id);
	if (!value)
		return false;
	memcpy(&claim, value, sizeof claim);
	*left = (struct state_claim){claim.lane, claim.number};
	return true;
}

/* Leaves behind what was dropped; a stranger's not when memory is full. */
static int leave(
	struct memory *memory, const struct attrib_fact *fact, const struct state_dropped *dropped)
{
	struct state_table *table = &memory->tables[ATTRIB_ENTITY_ID];
	uint64_t hash = state_table_hash(table, &dropped->id);
	struct claim claim = {.lane = dropped->claim.lane,
		.number = dropped->claim.number & STATE_NUMBER_MAX,
		.received_at = state_seconds(dropped->received_at)};
	void *value;

	if (state_table_find(table, hash, &dropped->id) ||
		(is_full(memory) && fact->trust == ATTRIB_TRUST_STRANGER))
		return 0;
	value = state_table_insert(table, hash, &dropped->id);
	if (!value)
		return ATTRIB_E_NOMEM;
	memcpy(value, &claim, sizeof claim);
	return 0;
}

static int add_entity(struct memory *memory, const struct attrib_fact *fact,
	const struct state_seen *seen, uint16_t lane, struct attrib_added *result)
{
	struct state_table *table = &memory->tables[fact->entity.kind];
	void *value = state_seen_find(seen);
	struct state_claim claim = {lane, fact->claimer.number}, left;
	struct state_facts *facts = NULL;
	struct state_facts_result r;
	struct handle handle;
	bool asked = false;
	int err;

	if (value) {
		memcpy(&handle, value, sizeof handle);
		facts = handle.facts;
		asked = fact->type == ATTRIB_FACT_TOUCH && state_facts_have_dropped(facts) &&
			find_left(memory, fact, &left);
	} else if (refuses(memory, fact, result)) {
		return 0;
	}
	err = state_facts_add(&memory->pool, &facts, fact, &claim, asked ? &left : NULL, &r);
	if (err)
		return err;
	if (!value)
		value = state_table_insert(table, seen->hash, &fact->entity.id);
	if (!value) {
		state_facts_free(&memory->pool, facts);
		return ATTRIB_E_NOMEM;
	}
	handle.facts = facts;
	handle.newest = state_seconds(r.newest_received_at);
	memcpy(value, &handle, sizeof handle);
	memory->facts += (uint64_t)r.facts;
	memory->refused += r.added.refused;
	*result = r.added;
	return r.dropped.is ? leave(memory, fact, &r.dropped) : 0;
}

static int add_one(struct memory *memory, const struct attrib_fact *fact,
	const struct state_seen *seen, struct attrib_added *result)
{
	uint16_t lane = 0;
	int err = state_check_fact(fact);

	*result = (struct attrib_added){0};
	if (!err)
		err = lane_number(memory, &fact->claimer.lane, &lane);
	if (err)
		return err;
	return fact->entity.kind == ATTRIB_ENTITY_ID ? add_id(memory, fact, seen, lane, result)
						     : add_entity(memory, fact, seen, lane, result);
}

static int memory_add(struct attrib_state *state, const struct attrib_fact *facts, size_t n,
	struct attrib_added *results, uint64_t *ticket)
{
	struct memory *memory = memory_of(state);
	struct state_ahead ahead;
	int err = 0;

	state_ahead_begin(&ahead, memory->tables, n ? &facts->entity : NULL, sizeof *facts, n);
	for (size_t i = 0; i < n && !err; i++)
		err = add_one(memory, &facts[i], state_ahead_next(&ahead, i), &results[i]);
	if (err)
		return err;
	*ticket = ++memory->ticket;
	return 0;
}

/* -- load and walk ----------------------------------------------------------------------------- */

static int load_id(const struct memory *memory, const void *value, struct attrib_arena *arena,
	struct attrib_loaded *out)
{
	struct attrib_fact *fact = attrib_arena_alloc(arena, sizeof *fact);
	struct claim claim;

	if (!fact)
		return ATTRIB_E_NOMEM;
	memcpy(&claim, value, sizeof claim);
	fact->entity = out->entity;
	fact->type = ATTRIB_FACT_SEEN;
	fact->id = out->entity.id;
	fact->at = fact->received_at = claim.received_at * ATTRIB_US_PER_S;
	fact->claimer = (struct attrib_claimer){memory->lanes[claim.lane], claim.number};
	out->facts = fact;
	out->count = 1;
	return 0;
}

static int load_one(const struct memory *memory, const struct state_seen *seen,
	struct attrib_arena *arena, struct attrib_loaded *out)
{
	struct attrib_fact *facts;
	struct handle handle;
	const void *value;

	if (!seen->table)
		return ATTRIB_E_INVALID;
	value = state_seen_find(seen);
	if (!value)
		return 0;
	if (out->entity.kind == ATTRIB_ENTITY_ID)
		return load_id(memory, value, arena, out);
	memcpy(&handle, value, sizeof handle);
	facts = attrib_arena_raw(arena, state_facts_count(handle.facts) * sizeof *facts);
	if (!facts)
		return ATTRIB_E_NOMEM;
	out->count = state_facts_load(handle.facts, &out->entity, memory->lanes, facts);
	out->facts = facts;
	return 0;
}

static int memory_load(struct attrib_state *state, const struct attrib_entity *entities, size_t n,
	struct attrib_arena *arena, struct attrib_loaded *out)
{
	const struct memory *memory = memory_of(state);
	struct state_ahead ahead;
	int err = 0;

	state_ahead_begin(&ahead, memory->tables, entities, sizeof *entities, n);
	for (size_t i = 0; i < n && !err; i++) {
		out[i] = (struct attrib_loaded){.entity = entities[i]};
		err = load_one(memory, state_ahead_next(&ahead, i), arena, &out[i]);
	}
	return err;
}

static int memory_orders(struct attrib_state *state, uint64_t *cursor, struct attrib_entity *out,
	size_t max, size_t *n)
{
	const struct state_table *table = &memory_of(state)->tables[ATTRIB_ENTITY_ORDER];
	struct attrib_id ids[256];
	size_t part, room = sizeof ids / sizeof *ids;

	if (!max)
		return ATTRIB_E_INVALID;
	*n = 0;
	do {
		part = max - *n < room ? max - *n : room;
		part = state_table_walk(table, cursor, ids, part);
		for (size_t i = 0; i < part; i++)
			out[(*n)++] = (struct attrib_entity){ATTRIB_ENTITY_ORDER, ids[i]};
	} while (*cursor && *n < max);
	return 0;
}

/* -- forgetting, figures, life ----------------------------------------------------------------- */

struct forgetting {
	struct memory *memory;
	int64_t before;
};

static bool forget_id(void *arg, void *value)
{
	struct forgetting *f = arg;
	struct claim claim;

	memcpy(&claim, value, sizeof claim);
	if (claim.received_at * ATTRIB_US_PER_S >= f->before)
		return false;
	f->memory->forgotten++;
	return true;
}

static bool forget_entity(void *arg, void *value)
{
	struct forgetting *f = arg;
	struct state_facts *facts;
	struct handle handle;

	memcpy(&handle, value, sizeof handle);
	if (handle.newest > state_seconds(f->before))
		return false;
	facts = handle.facts;
	f->memory->facts -= state_facts_forget(&f->memory->pool, &facts, f->before);
	f->memory->forgotten += !facts;
	handle.facts = facts;
	memcpy(value, &handle, sizeof handle);
	return !facts;
}

static int memory_forget(struct attrib_state *state, int64_t ids_before, int64_t facts_before)
{
	struct memory *memory = memory_of(state);
	struct forgetting ids = {memory, ids_before}, entities = {memory, facts_before};

	state_table_sweep(&memory->tables[ATTRIB_ENTITY_ID], forget_id, &ids);
	for (int kind = ATTRIB_ENTITY_VISITOR; kind <= ATTRIB_ENTITY_ORDER; kind++)
		state_table_sweep(&memory->tables[kind], forget_entity, &entities);
	return 0;
}

static void memory_stats(struct attrib_state *state, struct attrib_state_stats *out)
{
	const struct memory *memory = memory_of(state);

	*out = (struct attrib_state_stats){
		.facts = memory->facts,
		.bytes = bytes_of(memory),
		.refused = memory->refused,
		.refused_full = memory->refused_full,
		.forgotten = memory->forgotten,
	};
	for (int kind = 1; kind < KINDS; kind++)
		out->entities[kind] = memory->tables[kind].entries;
}

static void memory_free(struct attrib_state *state)
{
	struct memory *memory = memory_of(state);

	for (int kind = 1; kind < KINDS; kind++)
		state_table_done(&memory->tables[kind]);
	state_pool_done(&memory->pool);
	state_table_done(&memory->lane_numbers);
	state_sheets_done(&memory->sheets);
	free(memory->lanes);
	free(memory);
}

static const struct attrib_state_ops memory_ops = {
	.name = "memory",
	.add = memory_add,
	.load = memory_load,
	.orders = memory_orders,
	.forget = memory_forget,
	.stats = memory_stats,
	.free = memory_free,
};

int attrib_state_memory_new(const struct attrib_memory_options *options, struct attrib_state **out)
{
	struct memory *memory = calloc(1, sizeof *memory);
	int err = 0;

	if (!memory)
		return ATTRIB_E_NOMEM;
	memory->state.ops = &memory_ops;
	state_pool_init(&memory->pool, &memory->sheets);
	memory->max_bytes = options->max_bytes;
	memory->ticket = options->first_ticket;
	memory->lane_room = 16;
	memory->lane_count = 1;
	memory->lanes = calloc(memory->lane_room, sizeof *memory->lanes);
	if (!memory->lanes)
		err = ATTRIB_E_NOMEM;
	for (int kind = 1; kind < KINDS && !err; kind++)
		err = state_table_init(&memory->tables[kind],
			kind == ATTRIB_ENTITY_ID ? sizeof(struct claim) : sizeof(struct handle),
			options->hash_seed, &memory->sheets);
	if (!err)
		err = state_table_init(&memory->lane_numbers, sizeof(uint16_t), options->hash_seed,
			&memory->sheets);
	if (err) {
		memory_free(&memory->state);
		return err;
	}
	*out = &memory->state;
	return 0;
}

void attrib_state_memory_raise_ticket(struct attrib_state *state, uint64_t above)
{
	struct memory *memory = memory_of(state);

	if (memory->ticket < above)
		memory->ticket = above;
}
