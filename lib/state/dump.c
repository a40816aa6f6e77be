/*
 * Copying the memory backend out and in again. Out: bucket by bucket, in small steps between which facts
 * may be added. In: into tables that have their final width from the start, in the order of their buckets,
 * so that every bucket is written while it is near.
 */
#include "dump.h"

#include <stdlib.h>

#include "memory.h"

#define EMPTY_MAX 256 /* buckets without a record that one step passes over */
#define END_HEAD  (6 * sizeof(uint64_t))

/* What drops touches comes before the ids, as which their claims are left behind. */
static const enum attrib_entity_kind order[] = {
	ATTRIB_ENTITY_VISITOR, ATTRIB_ENTITY_CUSTOMER, ATTRIB_ENTITY_ORDER, ATTRIB_ENTITY_ID};
#define PARTS (sizeof order / sizeof *order)

struct run_head {
	uint32_t kind, count;
};

/* -- out ---------------------------------------------------------------------------------------- */

static const struct state_facts *facts_of(const struct state_records *records, size_t i)
{
	struct handle handle;

	memcpy(&handle, state_records_value(records, i), sizeof handle);
	return handle.facts;
}

/* Bytes of a bucket's run; brings near what will be copied. */
static size_t run_size(enum attrib_entity_kind kind, const struct state_records *records)
{
	size_t size = sizeof(struct run_head) + records->n * sizeof(struct attrib_id);

	if (kind == ATTRIB_ENTITY_ID)
		return size + records->n * sizeof(struct claim);
	for (size_t i = 0; i < records->n; i++) {
		const char *facts = (const char *)facts_of(records, i);

		__builtin_prefetch(facts);
		__builtin_prefetch(facts + 64);
	}
	for (size_t i = 0; i < records->n; i++)
		size += state_facts_size(facts_of(records, i));
	return size;
}

static void put_run(struct attrib_dump *dump, enum attrib_entity_kind kind,
	const struct state_records *records, uint8_t *out)
{
	struct run_head head = {(uint32_t)kind, (uint32_t)records->n};

	memcpy(out, &head, sizeof head);
	out += sizeof head;
	for (size_t i = 0; i < records->n; i++) {
		struct attrib_id id = state_records_id(records, i);

		memcpy(out, &id, sizeof id);
		out += sizeof id;
		if (kind == ATTRIB_ENTITY_ID) {
			memcpy(out, state_records_value(records, i), sizeof(struct claim));
			out += sizeof(struct claim);
		} else {
			state_facts_copy(facts_of(records, i), out);
			dump->facts += state_facts_count(facts_of(records, i));
			out += state_facts_size(facts_of(records, i));
		}
	}
	dump->entities[kind] += records->n;
}

static void move_on(const struct state_table *table, struct attrib_dump *dump)
{
	dump->cursor = state_table_after(table, dump->cursor);
	if (dump->cursor == 0)
		dump->done = ++dump->part == PARTS;
}

int attrib_state_memory_dump(
	struct attrib_state *state, struct attrib_dump *dump, struct attrib_buf *block)
{
	for (int empty = 0; !dump->done && empty < EMPTY_MAX; empty++) {
		enum attrib_entity_kind kind = order[dump->part];
		const struct state_table *table = &memory_of(state)->tables[kind];
		struct state_records records = state_table_records(table, dump->cursor);
		size_t size = records.n ? run_size(kind, &records) : 0;

		if (attrib_buf_reserve(block, size)) {
			block->err = 0;
			return ATTRIB_E_NOMEM;
		}
		if (records.n)
			put_run(dump, kind, &records, block->p + block->n);
		block->n += size;
		move_on(table, dump);
		if (records.n)
			break;
	}
	return 0;
}

int attrib_state_memory_dump_end(
	struct attrib_state *state, const struct attrib_dump *dump, struct attrib_buf *block)
{
	const struct memory *memory = memory_of(state);
	uint64_t lanes = memory->lane_count - 1;

	attrib_buf_clear(block);
	attrib_buf_put(block, &dump->entities[1], 4 * sizeof dump->entities[1]);
	attrib_buf_put(block, &dump->facts, sizeof dump->facts);
	attrib_buf_put(block, &lanes, sizeof lanes);
	attrib_buf_put(block, memory->lanes + 1, lanes * sizeof *memory->lanes);
	return block->err;
}

/* -- in ----------------------------------------------------------------------------------------- */

/* Lanes whose claims nobody will ask for lose their number: there are not many. */
static int take_lanes(struct state_loading *loading, const struct attrib_checkpoint_load *load,
	const uint8_t *ids)
{
	struct memory *memory = memory_of(loading->state);
	int err = 0;

	loading->lanes = calloc(loading->lane_count, sizeof *loading->lanes);
	if (!loading->lanes)
		return ATTRIB_E_NOMEM;
	for (size_t i = 1; i < loading->lane_count && !err; i++) {
		struct attrib_id lane;

		memcpy(&lane, ids + (i - 1) * sizeof lane, sizeof lane);
		if (!load->keeps || load->keeps(load->keeps_arg, &lane))
			err = memory_lane_add(memory, &lane, &loading->lanes[i]);
	}
	return err;
}

int state_loading_begin(struct state_loading *loading, const struct attrib_checkpoint_load *load,
	const uint8_t *end, size_t n)
{
	uint64_t lanes;
	int err;

	*loading = (struct state_loading){0};
	if (n < END_HEAD)
		return ATTRIB_E_CORRUPT;
	memcpy(&loading->entities[1], end, 4 * sizeof loading->entities[1]);
	memcpy(&loading->facts, end + 4 * sizeof(uint64_t), sizeof loading->facts);
	memcpy(&lanes, end + 5 * sizeof(uint64_t), sizeof lanes);
	if (lanes > LANES_MAX || n != END_HEAD + lanes * sizeof(struct attrib_id))
		return ATTRIB_E_CORRUPT;
	loading->lane_count = lanes + 1;
	err = attrib_state_memory_new(&load->memory, &loading->state);
	if (!err)
		err = take_lanes(loading, load, end + END_HEAD);
	for (int kind = 1; kind < KINDS && !err; kind++)
		state_table_expect(
			&memory_of(loading->state)->tables[kind], loading->entities[kind]);
	return err;
}

static int load_id(struct state_loading *loading, const uint8_t *p, size_t n, struct claim *claim,
	size_t *size)
{
	if (n < sizeof *claim)
		return ATTRIB_E_CORRUPT;
	memcpy(claim, p, sizeof *claim);
	if (claim->lane >= loading->lane_count)
		return ATTRIB_E_CORRUPT;
	claim->lane = loading->lanes[claim->lane];
	*size = sizeof *claim;
	return 0;
}

static int load_facts(struct state_loading *loading, const uint8_t *p, size_t n,
	struct handle *handle, size_t *size)
{
	struct memory *memory = memory_of(loading->state);
	struct state_facts *facts;
	int64_t newest;
	int err = state_facts_restore(
		&memory->pool, p, n, loading->lanes, loading->lane_count, &facts, size, &newest);

	if (err)
		return err;
	memory->facts += state_facts_count(facts);
	*handle = (struct handle){.facts = facts, .newest = state_seconds(newest)};
	return 0;
}

/* One entity at the beginning of p; *size is what it has taken. */
static int load_entity(struct state_loading *loading, enum attrib_entity_kind kind,
	const uint8_t *p, size_t n, size_t *size)
{
	struct memory *memory = memory_of(loading->state);
	struct state_table *table = &memory->tables[kind];
	struct handle handle = {0};
	struct claim claim;
	struct attrib_id id;
	void *place;
	int err;

	if (n < sizeof id)
		return ATTRIB_E_CORRUPT;
	memcpy(&id, p, sizeof id);
	if (kind == ATTRIB_ENTITY_ID)
		err = load_id(loading, p + sizeof id, n - sizeof id, &claim, size);
	else
		err = load_facts(loading, p + sizeof id, n - sizeof id, &handle, size);
	if (err)
		return err;
	place = state_table_insert(table, state_table_hash(table, &id), &id);
	if (!place) {
		state_facts_free(&memory->pool, handle.facts);
		return ATTRIB_E_NOMEM;
	}
	if (kind == ATTRIB_ENTITY_ID)
		memcpy(place, &claim, sizeof claim);
	else
		memcpy(place, &handle, sizeof handle);
	*size += sizeof id;
	return 0;
}

int state_loading_block(struct state_loading *loading, const uint8_t *block, size_t n)
{
	struct run_head head;
	size_t size;
	int err;

	while (n) {
		if (n < sizeof head)
			return ATTRIB_E_CORRUPT;
		memcpy(&head, block, sizeof head);
		if (head.kind == 0 || head.kind >= KINDS ||
			head.count > loading->entities[head.kind])
			return ATTRIB_E_CORRUPT;
		loading->entities[head.kind] -= head.count;
		block += sizeof head;
		n -= sizeof head;
		for (uint32_t i = 0; i < head.count; i++) {
			err = load_entity(
				loading, (enum attrib_entity_kind)head.kind, block, n, &size);
			if (err)
				return err;
			block += size;
			n -= size;
		}
	}
	return 0;
}

int state_loading_end(struct state_loading *loading, struct attrib_state **out)
{
	for (int kind = 1; kind < KINDS; kind++)
		if (loading->entities[kind])
			return ATTRIB_E_CORRUPT;
	if (memory_of(loading->state)->facts != loading->facts)
		return ATTRIB_E_CORRUPT;
	*out = loading->state;
	loading->state = NULL;
	return 0;
}

void state_loading_done(struct state_loading *loading)
{
	if (loading->state)
		loading->state->ops->free(loading->state);
	free(loading->lanes);
	*loading = (struct state_loading){0};
}
