/*
 * The aliases of orders, and which of them an order holds.
 */
#ifndef ATTRIB_ENGINE_ALIAS_H
#define ATTRIB_ENGINE_ALIAS_H

#include "closure.h"

/* Decodes a loaded order and marks those of its aliases that belong to another order of the same
 * source; loads what that takes. Once per closure. */
int attrib_node_judge_aliases(
	struct attrib_closure *closure, struct attrib_node *order) ATTRIB_MUST_CHECK;

/* An alias that an order holds, by one of the observations that state it. */
struct attrib_held_alias {
	const struct attrib_observation *by;
	struct attrib_str kind;
	struct attrib_id entity;
};
/* Walks the aliases that a judged order holds, perhaps some twice: *at starts at 0; false at the
 * end. */
bool attrib_node_next_alias(
	const struct attrib_node *order, size_t *at, struct attrib_held_alias *out);

#endif
