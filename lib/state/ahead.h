/*
 * Looking ahead: a state is larger than any cache, and to find an entity's facts four misses lie one
 * behind the other: its place in the directory, the bucket, the record, the facts. So entities are
 * looked up while those before them are still being worked on, a step of the four at a time, and when
 * their turn comes everything is near.
 */
#ifndef ATTRIB_STATE_AHEAD_H
#define ATTRIB_STATE_AHEAD_H

#include "attrib/state.h"
#include "table.h"

#define STATE_AHEAD_STRIDE 6 /* entities between two steps of one */
#define STATE_AHEAD_STEPS  4
#define STATE_AHEAD_RING   32 /* a power of two, more than are under way */

/* What is known of an entity that is about to be looked up. */
struct state_seen {
	const struct state_table *table; /* NULL: of no kind that there is */
	const struct attrib_id *id;
	uint64_t hash;
	struct state_glance glance;
};

struct state_ahead {
	const struct state_table *tables; /* by kind */
	const struct attrib_entity *first;
	size_t stride, n; /* bytes from one entity to the next, entities */
	struct state_seen seen[STATE_AHEAD_RING];
};

/* Begins with the first of n entities that lie `stride` bytes apart. */
void state_ahead_begin(struct state_ahead *ahead, const struct state_table *tables,
	const struct attrib_entity *first, size_t stride, size_t n);
/* What is known of the i-th, whose turn it is: each is asked for once, in order. Valid until the next
 * call; the table may grow in between, and must not be swept. */
const struct state_seen *state_ahead_next(struct state_ahead *ahead, size_t i);

static inline void *state_seen_find(const struct state_seen *seen)
{
	return state_table_find_seen(seen->table, seen->hash, seen->id, &seen->glance);
}

#endif
