/*
 * The list of lanes with their segments, and what may be asked about them. A lane stays in the list for
 * life, also when all its segments are gone: an index never changes, and how far it went is known.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include "format.h"

/* -- lanes by id ------------------------------------------------------------------------------- */

/* Every start adds lanes, and all that there ever were are looked up at each: a table of twice the room of the list,
 * a power of two, of indexes + 1; 0 = free. All of it under lock, or during the open. */

/* The slot of the lane, or the free one where it belongs. */
static uint32_t *slot_of(const struct attrib_journal *journal, const struct attrib_id *id)
{
	size_t mask = 2 * journal->cap - 1, at = attrib_hash64(id->b, sizeof id->b, 0) & mask;

	while (journal->slots[at] && !attrib_id_eq(&journal->lanes[journal->slots[at] - 1]->id, id))
		at = (at + 1) & mask;
	return &journal->slots[at];
}

static void fill_slots(struct attrib_journal *journal)
{
	memset(journal->slots, 0, 2 * journal->cap * sizeof *journal->slots);
	for (size_t i = 0; i < journal->count; i++)
		*slot_of(journal, &journal->lanes[i]->id) = (uint32_t)i + 1;
}

/* -- the list of lanes ------------------------------------------------------------------------- */

static int lanes_room(struct attrib_journal *journal)
{
	if (journal->count < journal->cap)
		return 0;
	size_t cap = journal->cap ? 2 * journal->cap : 16;
	uint32_t *slots = calloc(2 * cap, sizeof *slots);
	void *p = slots ? realloc(journal->lanes, cap * sizeof *journal->lanes) : NULL;
	if (!p) {
		free(slots);
		return ATTRIB_E_NOMEM;
	}
	free(journal->slots);
	journal->slots = slots;
	journal->lanes = p;
	journal->cap = cap;
	fill_slots(journal);
	return 0;
}

struct journal_lane *journal_lane_add(
	struct attrib_journal *journal, const struct attrib_id *id, bool own)
{
	struct journal_lane *lane = calloc(1, sizeof *lane);

	if (!lane)
		return NULL;
	lane->id = *id;
	lane->own = own;
	lane->base = lane->known = journal->base;
	atomic_init(&lane->first, journal->base + 1);
	atomic_init(&lane->last, journal->base);
	pthread_mutex_lock(&journal->lock);
	if (lanes_room(journal)) {
		free(lane);
		lane = NULL;
	} else {
		journal->lanes[journal->count++] = lane;
		*slot_of(journal, id) = (uint32_t)journal->count;
	}
	pthread_mutex_unlock(&journal->lock);
	return lane;
}

void journal_lanes_reorder(
	struct attrib_journal *journal, int (*compare)(const void *, const void *))
{
	if (!journal->count)
		return;
	qsort(journal->lanes, journal->count, sizeof *journal->lanes, compare);
	fill_slots(journal);
}

struct journal_lane *journal_lane_at(struct attrib_journal *journal, uint32_t index)
{
	pthread_mutex_lock(&journal->lock);
	struct journal_lane *lane = index < journal->count ? journal->lanes[index] : NULL;
	pthread_mutex_unlock(&journal->lock);
	return lane;
}

int64_t journal_ran(const struct attrib_journal *journal)
{
	return journal->ran_before + (journal_monotonic_ns() - journal->opened_ns) / 1000;
}

int journal_lane_room(struct attrib_journal *journal, struct journal_lane *lane)
{
	int err = 0;

	pthread_mutex_lock(&journal->lock);
	if (lane->count == lane->cap) {
		size_t cap = lane->cap ? 2 * lane->cap : 8;
		void *p = realloc(lane->parts, cap * sizeof *lane->parts);
		if (p) {
			lane->parts = p;
			lane->cap = cap;
		} else {
			err = ATTRIB_E_NOMEM;
		}
	}
	pthread_mutex_unlock(&journal->lock);
	return err;
}

void journal_lane_segment(
	struct attrib_journal *journal, struct journal_lane *lane, uint64_t first, uint64_t before)
{
	pthread_mutex_lock(&journal->lock);
	if (lane->count) {
		lane->parts[lane->count - 1].bytes = before;
		lane->parts[lane->count - 1].ended = journal_ran(journal);
	}
	lane->parts[lane->count++] = (struct journal_part){.first = first, .ended = JOURNAL_OPEN};
	pthread_mutex_unlock(&journal->lock);
}

bool journal_lane_find(struct attrib_journal *journal, struct journal_lane *lane, uint64_t number,
	uint64_t *first, uint64_t *next_first)
{
	pthread_mutex_lock(&journal->lock);
	size_t i = lane->count;
	while (i > 1 && lane->parts[i - 1].first > number)
		i--;
	if (i > 0) {
		*first = lane->parts[i - 1].first;
		*next_first = i < lane->count ? lane->parts[i].first : UINT64_MAX;
	}
	pthread_mutex_unlock(&journal->lock);
	return i > 0;
}

/* -- questions --------------------------------------------------------------------------------- */

uint64_t attrib_journal_base(const struct attrib_journal *journal)
{
	return journal->base;
}

void attrib_journal_raise_base(struct attrib_journal *journal, uint64_t base)
{
	pthread_mutex_lock(&journal->lock);
	if (base > journal->base)
		journal->base = base;
	pthread_mutex_unlock(&journal->lock);
}

void attrib_journal_on_commit(struct attrib_journal *journal, void (*wake)(void *arg), void *arg)
{
	journal->wake = wake;
	journal->wake_arg = arg;
}

uint64_t attrib_journal_committed(struct attrib_journal *journal)
{
	uint64_t sum = journal->base;

	pthread_mutex_lock(&journal->lock);
	for (size_t i = 0; i < journal->count; i++) {
		const struct journal_lane *lane = journal->lanes[i];
		if (lane->own)
			sum += atomic_load_explicit(&lane->last, memory_order_acquire) - lane->base;
	}
	pthread_mutex_unlock(&journal->lock);
	return sum;
}

uint64_t attrib_journal_bytes(struct attrib_journal *journal)
{
	return atomic_load_explicit(&journal->bytes, memory_order_relaxed);
}

uint64_t attrib_journal_segments(struct attrib_journal *journal)
{
	uint64_t sum = 0;

	pthread_mutex_lock(&journal->lock);
	for (size_t i = 0; i < journal->count; i++)
		sum += journal->lanes[i]->count;
	pthread_mutex_unlock(&journal->lock);
	return sum;
}

uint64_t attrib_journal_foreign(const struct attrib_journal *journal)
{
	return journal->foreign;
}

uint32_t attrib_journal_lane_count(struct attrib_journal *journal)
{
	pthread_mutex_lock(&journal->lock);
	uint32_t count = (uint32_t)journal->count;
	pthread_mutex_unlock(&journal->lock);
	return count;
}

struct attrib_id attrib_journal_lane_id(struct attrib_journal *journal, uint32_t lane)
{
	struct journal_lane *at = journal_lane_at(journal, lane);
	return at ? at->id : (struct attrib_id){{0}};
}

void attrib_journal_lane_range(
	struct attrib_journal *journal, uint32_t lane, uint64_t *first, uint64_t *last)
{
	struct journal_lane *at = journal_lane_at(journal, lane);

	*first = at ? at->first : 0;
	*last = at ? atomic_load_explicit(&at->last, memory_order_acquire) : 0;
}

bool attrib_journal_lane_find(
	struct attrib_journal *journal, const struct attrib_id *id, uint32_t *out)
{
	pthread_mutex_lock(&journal->lock);
	uint32_t slot = journal->slots ? *slot_of(journal, id) : 0;
	pthread_mutex_unlock(&journal->lock);
	if (slot)
		*out = slot - 1;
	return slot > 0;
}

void attrib_journal_lane_look(
	struct attrib_journal *journal, uint32_t lane, struct attrib_lane_view *out)
{
	pthread_mutex_lock(&journal->lock);
	const struct journal_lane *at = journal->lanes[lane];
	*out = (struct attrib_lane_view){.id = at->id,
		.own = at->own,
		.begins = at->base + 1,
		.first = at->first,
		.last = atomic_load_explicit(&at->last, memory_order_acquire),
		.torn = at->torn / JOURNAL_RECORD_MIN};
	out->known = at->known > out->last ? at->known : out->last;
	pthread_mutex_unlock(&journal->lock);
}
