/*
 * The batch's insides: batch.c fills it, batch_seal.c puts it into order.
 */
#ifndef ATTRIB_ENGINE_BATCH_ROWS_H
#define ATTRIB_ENGINE_BATCH_ROWS_H

#include "attrib/batch.h"

#include "table.h"

/* A growing array of rows on the heap. */
struct rows {
	void *p; /* owned */
	size_t n, cap;
};

struct attrib_batch {
	struct attrib_arena arena;
	struct attrib_table decision_index, traffic_index;
	struct rows decisions; /* struct attrib_decision * */
	struct rows traffic;   /* struct attrib_traffic * */
	struct rows refunds, cancels, links, positions;
	struct rows sorted_decisions,
		sorted_traffic; /* what seal hands out; rows keep their numbers */
	struct attrib_str site; /* that of the last row of traffic, kept */
	uint64_t records;
};

/* By its key, in the order in which a sealed batch has them. */
int attrib_batch_decision_cmp(const struct attrib_decision *a, const struct attrib_decision *b);

#endif
