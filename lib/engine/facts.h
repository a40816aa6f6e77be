/*
 * Events to facts, and facts back to what a decision reads.
 *
 * Every event becomes at most one touch per entity (all its evidence in one body, so that the better
 * of two copies replaces the other as a whole), edges between entities, and one observation when it
 * speaks of an order. Edges stand on the side from which they are followed: what an order names is in
 * its observations already, so only the way back needs an edge.
 */
#ifndef ATTRIB_ENGINE_FACTS_H
#define ATTRIB_ENGINE_FACTS_H

#include "attrib/arena.h"
#include "attrib/buf.h"
#include "attrib/event.h"
#include "attrib/id.h"
#include "attrib/state.h"

/* The sub of an edge, seen from the entity that holds it. Kept in state: never renumbered. */
enum attrib_edge {
	ATTRIB_EDGE_ORDER = 1,    /* visitor, click, customer key or alias -> order that names it;
				     visitor -> token that the order may have as an alias */
	ATTRIB_EDGE_CUSTOMER = 2, /* visitor or customer key -> customer key */
	ATTRIB_EDGE_VISITOR = 3,  /* customer key, or token of a cart or checkout -> visitor */
	ATTRIB_EDGE_CARRIES = 4,  /* visitor -> click id that it came with */
	ATTRIB_EDGE_CARRIER = 5,  /* click id -> visitor that came with it */
	ATTRIB_EDGE_LEAD = 6,     /* visitor, click or customer key -> lead that names it */
};

/* Where an edge leads. via: the order that told it (its T is the edge's time); none = at counts. */
struct attrib_edge_end {
	struct attrib_id other, via;
};
struct attrib_edge_end attrib_edge_end(const struct attrib_fact *edge);

/* What a touch can be credited by. Texts are views of the fact's body. */
struct attrib_evidence {
	enum attrib_event_type type;
	uint32_t verdicts;
	struct attrib_str event_id, link, affiliate;
	struct attrib_utm utm;
	bool has_utm;
};
/* False for a body that this program did not write. */
bool attrib_evidence_read(const struct attrib_fact *touch, struct attrib_evidence *out);

/* Orders and leads with one id are two: a lead's entity, and its aliases', are told apart here. */
struct attrib_id attrib_order_entity(const struct attrib_id *key, bool lead);

#define ATTRIB_NO_FACT SIZE_MAX

/* The facts of one group, in the order of its records. */
struct attrib_facts {
	struct attrib_keys *keys;   /* borrowed */
	struct attrib_arena *arena; /* borrowed: bodies live here */
	struct attrib_buf scratch;
	struct attrib_fact *rows; /* owned */
	size_t n, cap;
};
void attrib_facts_init(
	struct attrib_facts *facts, struct attrib_keys *keys, struct attrib_arena *arena);
void attrib_facts_done(struct attrib_facts *facts);
void attrib_facts_clear(struct attrib_facts *facts);

/* Adds the facts of one event. *claim: the fact by whose claim its traffic is counted. */
int attrib_facts_add(struct attrib_facts *facts, const struct attrib_event *event,
	const struct attrib_claimer *claimer, size_t *claim) ATTRIB_MUST_CHECK;
/* Adds the claim of a remembered id. */
int attrib_facts_claim(struct attrib_facts *facts, const struct attrib_event *event,
	const struct attrib_id *id, const struct attrib_claimer *claimer,
	size_t *claim) ATTRIB_MUST_CHECK;

#endif
