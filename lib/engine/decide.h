/*
 * One order's decision, from its group to the row that the sink writes.
 */
#ifndef ATTRIB_ENGINE_DECIDE_H
#define ATTRIB_ENGINE_DECIDE_H

#include "path.h"

struct attrib_decider {
	struct attrib_closure *closure; /* borrowed */
	const struct attrib_catalog *catalog;
	struct attrib_person person; /* scratch, from order to order */
	bool cut;                    /* the last decision hit a bound */
};

/* Fills *out; what it points to lives in the closure's arena. The ticket is the caller's. */
int attrib_decide(struct attrib_decider *decider, struct attrib_order_group *group,
	struct attrib_decision *out) ATTRIB_MUST_CHECK;

/* Turns path and outcome into credit rows: shares and money of every model. */
int attrib_credits(const struct attrib_path *path, const struct attrib_outcome *outcome,
	struct attrib_arena *arena, struct attrib_decision *out) ATTRIB_MUST_CHECK;

/* repeat_orders = first: touches that an earlier counted order could use are used up. Reuses the
 * person: what the path needs of it is taken before. */
int attrib_path_use_up(struct attrib_decider *decider, struct attrib_path *path) ATTRIB_MUST_CHECK;

#endif
