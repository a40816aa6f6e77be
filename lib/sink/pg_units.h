/*
 * A batch cut into units that are merged or refused by themselves. Facts stand alone: they may come
 * before or after their order. Decisions that share a name are one unit, since a name changes hands
 * only between orders that are merged together; within it, orders that are merged into one another
 * are a group, which is never torn apart.
 *
 * Rows are numbered through: decisions by unit, then refunds, cancels, links, traffic.
 */
#ifndef ATTRIB_SINK_PG_UNITS_H
#define ATTRIB_SINK_PG_UNITS_H

#include "attrib/batch.h"
#include "attrib/error.h"

struct pg_units {
	const struct attrib_batch_view *batch;    /* borrowed */
	const struct attrib_decision **decisions; /* owned; by unit, then by group */
	size_t row_count;
	size_t *first; /* owned: first row of each unit, then row_count */
	size_t count;
	bool *joined; /* owned, by decision: it is of the group of the one before it */
};

/* ATTRIB_E_NOMEM; then there is nothing to free. */
int pg_units_init(struct pg_units *units, const struct attrib_batch_view *batch) ATTRIB_MUST_CHECK;
void pg_units_done(struct pg_units *units);
/* The row behind the group that begins at `row`; a fact is a group of one. */
size_t pg_units_group_end(const struct pg_units *units, size_t row);
/* Rows from..to-1 as a batch without positions. */
void pg_units_view(
	const struct pg_units *units, size_t from, size_t to, struct attrib_batch_view *out);

#endif
