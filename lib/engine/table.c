/*
 * Linear probing at a load of at most three quarters. Hashes are XXH3 over ids that are keyed or
 * over texts of the shop, with a seed that the caller chooses.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 256

void attrib_table_done(struct attrib_table *table)
{
	free(table->slots);
}

void attrib_table_clear(struct attrib_table *table)
{
	if (table->used)
		memset(table->slots, 0, table->size * sizeof *table->slots);
	table->used = 0;
}

static void slot_put(struct attrib_table *table, uint64_t hash, uint32_t row)
{
	size_t i = hash & (table->size - 1);

	while (table->slots[i].row)
		i = (i + 1) & (table->size - 1);
	table->slots[i] = (struct attrib_table_slot){hash, row};
}

int attrib_table_reserve(struct attrib_table *table, size_t more)
{
	struct attrib_table grown = {.size = table->size ? table->size : FIRST_SIZE};

	while ((table->used + more) * 4 > grown.size * 3)
		grown.size *= 2;
	if (grown.size == table->size)
		return 0;
	grown.slots = calloc(grown.size, sizeof *grown.slots);
	if (!grown.slots)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < table->size; i++)
		if (table->slots[i].row)
			slot_put(&grown, table->slots[i].hash, table->slots[i].row);
	grown.used = table->used;
	free(table->slots);
	*table = grown;
	return 0;
}

void attrib_table_put(struct attrib_table *table, uint64_t hash, size_t row)
{
	slot_put(table, hash, (uint32_t)row + 1);
	table->used++;
}
