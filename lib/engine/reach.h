/*
 * Which orders may be decided differently because these entities got facts: everything that a walk
 * over the edges finds. Too many is harmless, too few is not.
 */
#ifndef ATTRIB_ENGINE_REACH_H
#define ATTRIB_ENGINE_REACH_H

#include "closure.h"

/* starts: the facts that were added, and what became of them: entities from which nothing leads on are
 * not even loaded. received_at: of the oldest of those facts; a key that everybody took for a hub before then joins nobody now.
 * clicks: orders that carry one click id depend on each other, too (repeat_orders = first).
 * *orders: ORDER nodes, each once. *cut: the walk hit its bound. */
int attrib_reach_orders(struct attrib_closure *closure, const struct attrib_fact *starts,
	const struct attrib_added *added, size_t n, int64_t received_at, bool clicks,
	struct attrib_nodes *orders, bool *cut) ATTRIB_MUST_CHECK;

#endif
