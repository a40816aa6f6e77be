/*
 * An index over rows that somebody else owns: open addressing, hash and row number, never deletes.
 * The batch and the closure find their rows with it; both compare the row itself.
 */
#ifndef ATTRIB_ENGINE_TABLE_H
#define ATTRIB_ENGINE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "attrib/error.h"

struct attrib_table_slot {
	uint64_t hash;
	uint32_t row; /* row number + 1; 0 = free */
};
struct attrib_table {
	struct attrib_table_slot *slots; /* owned */
	size_t size;                     /* a power of two, or 0 */
	size_t used;
};

void attrib_table_done(struct attrib_table *table);
/* Forgets the rows, keeps the memory. */
void attrib_table_clear(struct attrib_table *table);
/* Room for `more` rows. */
int attrib_table_reserve(struct attrib_table *table, size_t more) ATTRIB_MUST_CHECK;
/* Walks the rows of that hash: *at starts at the hash; false at the end. */
static inline bool attrib_table_next(
	const struct attrib_table *table, uint64_t hash, uint64_t *at, size_t *row)
{
	while (table->size) {
		const struct attrib_table_slot *slot = &table->slots[*at & (table->size - 1)];
		if (!slot->row)
			break;
		++*at;
		if (slot->hash == hash) {
			*row = slot->row - 1;
			return true;
		}
	}
	return false;
}
/* Brings near what a walk will read first. */
static inline void attrib_table_prefetch(const struct attrib_table *table, uint64_t hash)
{
	if (table->size)
		__builtin_prefetch(&table->slots[hash & (table->size - 1)]);
}
/* After a reserve. */
void attrib_table_put(struct attrib_table *table, uint64_t hash, size_t row);

#endif
