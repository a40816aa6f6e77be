/*
 * What a group has loaded so far: every entity once, in rounds of one load call each.
 * Nothing is added to the state while a closure lives, so what was loaded stays true.
 */
#ifndef ATTRIB_ENGINE_CLOSURE_H
#define ATTRIB_ENGINE_CLOSURE_H

#include "attrib/arena.h"
#include "attrib/event.h"
#include "attrib/state.h"

#include "facts.h"
#include "table.h"

/* One order decision, and one search for orders, look at no more entities than this. */
#define ATTRIB_CLOSURE_MAX 512
/* A key linked to more others than this is no key: info@, the shop's own phone. */
#define ATTRIB_HUB_DEGREE 20

struct attrib_observation {
	struct attrib_event event;
	const struct attrib_fact *fact;
	unsigned foreign_aliases; /* a bit for each that another order holds: alias.h */
};

struct attrib_order_group;
struct attrib_node {
	struct attrib_entity entity;
	const struct attrib_fact *facts; /* by (type, at, id, sub) */
	size_t count;
	bool reached, listed; /* by the search for orders: expanded; among its results */
	uint32_t stamp;       /* last decision that looked at it ... */
	uint32_t slot;        /* ... and its place there */
	uint32_t searched;    /* last search for conversions that came by */
	struct attrib_observation *observations; /* ORDER: decoded once */
	size_t observation_count;
	bool decoded, judged;
	struct attrib_order_group *group; /* ORDER: see group.h */
};

struct attrib_closure {
	struct attrib_state *state; /* borrowed */
	struct attrib_arena *arena; /* borrowed */
	struct attrib_table index;
	struct attrib_node **nodes; /* owned array, nodes in the arena */
	size_t n, cap;
	size_t unloaded; /* nodes from here on are not loaded yet */
	uint32_t stamp;  /* of the decision that is being made */
};

void attrib_closure_init(
	struct attrib_closure *closure, struct attrib_state *state, struct attrib_arena *arena);
void attrib_closure_done(struct attrib_closure *closure);
/* Forgets everything; before the arena is reset. */
void attrib_closure_clear(struct attrib_closure *closure);

/* The node of an entity; it is loaded with the next attrib_closure_load. NULL: out of memory. */
struct attrib_node *attrib_closure_want(
	struct attrib_closure *closure, enum attrib_entity_kind kind, const struct attrib_id *id);
int attrib_closure_load(struct attrib_closure *closure) ATTRIB_MUST_CHECK;

/* Decodes the observations of a loaded order. */
int attrib_node_decode(struct attrib_node *node, struct attrib_arena *arena) ATTRIB_MUST_CHECK;
/* Walks the edges of one kind: *i starts at 0; NULL at the end. */
const struct attrib_fact *attrib_node_edge(
	const struct attrib_node *node, enum attrib_edge sub, size_t *i);
/* Whether the customer key or visitor, by edges received before `before`, is linked to more than
 * ATTRIB_HUB_DEGREE others: then it links nobody. */
int attrib_node_is_hub(const struct attrib_node *node, int64_t before, struct attrib_arena *arena,
	bool *hub) ATTRIB_MUST_CHECK;

/* A growing list of nodes. */
struct attrib_nodes {
	struct attrib_node **p; /* in an arena */
	size_t n, cap;
};
int attrib_nodes_add(struct attrib_nodes *nodes, struct attrib_node *node,
	struct attrib_arena *arena) ATTRIB_MUST_CHECK;

#endif
