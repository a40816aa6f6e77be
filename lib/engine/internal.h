/*
 * The engine's insides, shared by the files that make its public calls.
 */
#ifndef ATTRIB_ENGINE_INTERNAL_H
#define ATTRIB_ENGINE_INTERNAL_H

#include "attrib/engine.h"

#include "decide.h"
#include "facts.h"
#include "reach.h"
#include "traffic.h"

/* A count that waits for the answers of the state. */
struct attrib_count {
	struct attrib_traffic traffic; /* names its row */
	uint64_t key_hash;             /* of the traffic */
	size_t claim;                  /* fact of the group by which its event counts */
	size_t unique_claim; /* ... and by which it is the first of its day: then it counts that */
	struct attrib_traffic *row; /* of the batch; NULL: it counts nothing */
	uint16_t bit;               /* of the visitor, when marked */
	bool marked;
};

/* A refund, cancel or customer link on its way to SQL. */
struct attrib_note {
	enum attrib_event_type type;
	union {
		struct attrib_refund_fact refund;
		struct attrib_cancel_fact cancel;
		struct attrib_customer_link link;
	};
};

/* A site that records name, and the day that they are of. */
struct attrib_known_site {
	const struct attrib_site *site; /* of the catalog; NULL = free */
	struct attrib_day day;
};
#define ATTRIB_KNOWN_SITES 16 /* by length and ends of their names */

struct attrib_engine {
	struct attrib_state *state; /* borrowed, as are the keys */
	struct attrib_keys *keys;
	struct attrib_catalog *catalog;                     /* a reference */
	struct attrib_known_site sites[ATTRIB_KNOWN_SITES]; /* of that catalog */
	struct attrib_engine_stats stats;

	/* of the group at hand */
	struct attrib_arena arena;
	struct attrib_facts facts;
	struct attrib_added *added;
	size_t added_cap;
	struct attrib_count *counts;
	size_t count_n, count_cap;
	struct attrib_note *notes;
	size_t note_n, note_cap;
	int64_t oldest_received_at;
	bool repeat_first; /* some site has repeat_orders = first */
	struct attrib_closure closure;

	/* the walk after a change of the catalog */
	struct attrib_catalog
		*base; /* a reference: what the orders were decided by; NULL = no walk */
	bool walk_all;
	uint64_t walk_cursor;

	struct attrib_decider decider; /* large: last */
};

/* Takes a reference of the catalog, and what follows from it; the old one is the caller's. */
void attrib_engine_use_catalog(struct attrib_engine *engine, struct attrib_catalog *catalog);
/* Forgets the group at hand. */
void attrib_engine_clear(struct attrib_engine *engine);
int attrib_engine_decide(struct attrib_engine *engine, struct attrib_order_group *group,
	uint64_t ticket, struct attrib_decision *decision) ATTRIB_MUST_CHECK;
/* The decision, and the rows of the names that it absorbed. */
int attrib_engine_put(struct attrib_batch *batch, const struct attrib_order_group *group,
	const struct attrib_decision *decision) ATTRIB_MUST_CHECK;

#endif
