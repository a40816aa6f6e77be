/*
 * One order's decision, from its group to the row that the sink writes.
 */
#ifndef ATTRIB_ENGINE_DECIDE_H
#define ATTRIB_ENGINE_DECIDE_H

#include "path.h"

struct attrib_decider {
	struct attrib_closure *closure; /* borrowed */
	const struct attrib_catalog *catalog;
	uint32_t searches;         /* in histories, so far */
	struct attrib_path *leads; /* those that the last decision looked at, in the arena */
	size_t lead_count;
	int64_t complete_from; /* orders placed earlier may have lost facts: they keep their path */
	bool cut;              /* the last decision hit a bound */
	struct attrib_person person; /* scratch, from order to order: large, last */
};

/* Fills *out; what it points to lives in the closure's arena. The ticket is the caller's. */
int attrib_decide(struct attrib_decider *decider, struct attrib_order_group *group,
	struct attrib_decision *out) ATTRIB_MUST_CHECK;

/* Turns path and outcome into credit rows: shares and money of every model. */
int attrib_credits(const struct attrib_path *path, const struct attrib_outcome *outcome,
	struct attrib_arena *arena, struct attrib_decision *out) ATTRIB_MUST_CHECK;

/* Person and touches, not yet judged; the decider then holds that person. */
int attrib_path_find(struct attrib_decider *decider, const struct attrib_order_group *group,
	struct attrib_path *path) ATTRIB_MUST_CHECK;
/* Sets path->renewal; the decider holds the person. */
int attrib_path_renewal(struct attrib_decider *decider, struct attrib_path *path) ATTRIB_MUST_CHECK;

/* The order's own history; these reuse the person, what they need of it was taken before. */
struct attrib_history;
/* Leads of the person keep their creators' touches for it, when it is the first order since: they are
 * added to what is to be judged. */
int attrib_path_keep_leads(struct attrib_decider *decider, struct attrib_path *path,
	const struct attrib_history *leads, const struct attrib_history *orders) ATTRIB_MUST_CHECK;
/* repeat_orders = first: touches that an earlier one of these orders could use are used up. */
int attrib_path_use_up(struct attrib_decider *decider, struct attrib_path *path,
	const struct attrib_history *orders) ATTRIB_MUST_CHECK;

#endif
