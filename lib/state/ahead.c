/*
 * A pipeline of single entities: whenever the turn of one comes, one more begins, and those in between
 * go one step further every STATE_AHEAD_STRIDE turns.
 */
#include "ahead.h"

#include <string.h>

static struct state_seen *place(struct state_ahead *ahead, size_t i)
{
	return &ahead->seen[i % STATE_AHEAD_RING];
}

static void begin(struct state_ahead *ahead, size_t i)
{
	const struct attrib_entity *entity =
		(const void *)((const char *)ahead->first + i * ahead->stride);
	struct state_seen *seen = place(ahead, i);

	*seen = (struct state_seen){.id = &entity->id};
	if (entity->kind < ATTRIB_ENTITY_VISITOR || entity->kind > ATTRIB_ENTITY_ID)
		return;
	seen->table = &ahead->tables[entity->kind];
	seen->hash = state_table_hash(seen->table, seen->id);
	state_table_prefetch(seen->table, seen->hash);
}

/* The facts behind the value that will probably be found: head and first record. It may be another
 * entity's, of which nothing is read. */
static void prefetch_facts(const struct state_ahead *ahead, const struct state_seen *seen)
{
	const void *value = seen->table == &ahead->tables[ATTRIB_ENTITY_ID]
				    ? NULL
				    : state_table_peek(seen->table, seen->hash, &seen->glance);
	const char *facts;

	if (!value)
		return;
	memcpy(&facts, value, sizeof facts); /* they begin the handle */
	__builtin_prefetch(facts, 1);
	__builtin_prefetch(facts + 64, 1);
}

/* The one that began so many strides before the i-th, if there is one. */
static inline struct state_seen *under_way(struct state_ahead *ahead, size_t i, size_t strides)
{
	size_t before = i - strides * STATE_AHEAD_STRIDE; /* none: greater than any n */

	return before < ahead->n && place(ahead, before)->table ? place(ahead, before) : NULL;
}

/* The turn in which the i-th begins. */
static void turn(struct state_ahead *ahead, size_t i)
{
	struct state_seen *seen;

	if (i < ahead->n)
		begin(ahead, i);
	if ((seen = under_way(ahead, i, 1)))
		state_table_prefetch_bucket(seen->table, seen->hash);
	if ((seen = under_way(ahead, i, 2)))
		state_table_glance(seen->table, seen->hash, seen->id, &seen->glance);
	if ((seen = under_way(ahead, i, 3)))
		prefetch_facts(ahead, seen);
}

#define LEAD ((size_t)STATE_AHEAD_STRIDE * STATE_AHEAD_STEPS)
_Static_assert(LEAD < STATE_AHEAD_RING, "one that is under way keeps its place");

void state_ahead_begin(struct state_ahead *ahead, const struct state_table *tables,
	const struct attrib_entity *first, size_t stride, size_t n)
{
	ahead->tables = tables;
	ahead->first = first;
	ahead->stride = stride;
	ahead->n = n;
	for (size_t i = 0; i < LEAD; i++)
		turn(ahead, i);
}

const struct state_seen *state_ahead_next(struct state_ahead *ahead, size_t i)
{
	turn(ahead, i + LEAD);
	return place(ahead, i);
}
