/*
 * The walk of reach.h, in rounds: expand the frontier, load what it found, go on. Orders are where
 * it ends, except for those that it began with: a new observation may move T, and T is the time of
 * the edges between the visitors and customers that the order names. Leads are gone through: what a
 * lead is credited by, an order of its person may be.
 */
#include "reach.h"

struct walk {
	struct attrib_closure *closure;
	struct attrib_nodes frontier, next;
	struct attrib_nodes *orders;
	int64_t received_at;
	size_t room; /* entities that may still be reached */
	bool clicks;
	bool cut;
};

static int go_on(struct walk *walk, enum attrib_entity_kind kind, const struct attrib_id *id)
{
	struct attrib_node *node = attrib_closure_want(walk->closure, kind, id);

	if (!node)
		return ATTRIB_E_NOMEM;
	if (node->reached)
		return 0;
	if (walk->room == 0) {
		walk->cut = true;
		return 0;
	}
	walk->room--;
	node->reached = true;
	return attrib_nodes_add(&walk->next, node, walk->closure->arena);
}

static int end_at(struct walk *walk, struct attrib_node *node)
{
	if (!node)
		return ATTRIB_E_NOMEM;
	if (node->listed)
		return 0;
	node->listed = true;
	return attrib_nodes_add(walk->orders, node, walk->closure->arena);
}

static enum attrib_entity_kind leads_to(enum attrib_edge sub)
{
	switch (sub) {
	case ATTRIB_EDGE_ORDER:
	case ATTRIB_EDGE_LEAD:
		return ATTRIB_ENTITY_ORDER;
	case ATTRIB_EDGE_CUSTOMER:
		return ATTRIB_ENTITY_CUSTOMER;
	case ATTRIB_EDGE_VISITOR:
	case ATTRIB_EDGE_CARRIER:
	case ATTRIB_EDGE_CARRIES:
		break;
	}
	return ATTRIB_ENTITY_VISITOR;
}

static int follow_edges(struct walk *walk, const struct attrib_node *node)
{
	int err = 0;

	for (size_t i = 0; i < node->count && err == 0; i++) {
		const struct attrib_fact *fact = &node->facts[i];
		struct attrib_edge_end end;
		if (fact->type != ATTRIB_FACT_EDGE)
			continue;
		end = attrib_edge_end(fact);
		/* a click joins no visitors: its touch goes to them, nothing comes back. It comes with the next round,
		 * because one load of many is quicker than one for each order that is credited by some. */
		if (fact->sub == ATTRIB_EDGE_CARRIES)
			err = attrib_closure_want(walk->closure, ATTRIB_ENTITY_VISITOR, &end.other)
				      ? 0
				      : ATTRIB_E_NOMEM;
		else if (fact->sub == ATTRIB_EDGE_ORDER && node->entity.kind != ATTRIB_ENTITY_ORDER)
			err = end_at(walk, attrib_closure_want(
						   walk->closure, ATTRIB_ENTITY_ORDER, &end.other));
		else
			err = go_on(walk, leads_to((enum attrib_edge)fact->sub), &end.other);
	}
	return err;
}

static int follow_observation(struct walk *walk, const struct attrib_event *event)
{
	int err = 0;

	if (!attrib_id_none(&event->visitor))
		err = go_on(walk, ATTRIB_ENTITY_VISITOR, &event->visitor);
	if (err == 0 && walk->clicks && !attrib_id_none(&event->click))
		err = go_on(walk, ATTRIB_ENTITY_VISITOR, &event->click);
	if (event->trust != ATTRIB_TRUST_SIGNED)
		return err;
	for (size_t i = 0; i < event->key_count && err == 0; i++)
		err = go_on(walk, ATTRIB_ENTITY_CUSTOMER, &event->keys[i].id);
	for (size_t i = 0; i < event->order->alias_count && err == 0; i++) {
		struct attrib_id id = attrib_order_entity(
			&event->order->aliases[i].id, event->type == ATTRIB_EVENT_LEAD);
		err = go_on(walk, ATTRIB_ENTITY_ORDER, &id);
	}
	return err;
}

static int expand_order(struct walk *walk, struct attrib_node *node)
{
	int err = end_at(walk, node);

	if (err == 0)
		err = attrib_node_decode(node, walk->closure->arena);
	for (size_t i = 0; i < node->observation_count && err == 0; i++)
		err = follow_observation(walk, &node->observations[i].event);
	return err ? err : follow_edges(walk, node);
}

static int expand(struct walk *walk, struct attrib_node *node)
{
	bool hub;
	int err;

	if (node->entity.kind == ATTRIB_ENTITY_ORDER)
		return expand_order(walk, node);
	err = attrib_node_is_hub(node, walk->received_at, walk->closure->arena, &hub);
	if (err || hub)
		return err;
	return follow_edges(walk, node);
}

#define LINK(sub) (1u << (sub))

/* Whether a walk has to begin at the fact's entity. What the group adds to it later is a start of its
 * own, so the links of that moment will do. A new carrier is nothing to the click itself, nor to those
 * who carried it before, unless orders that share a click depend on each other. Only edges have a sub. */
static bool leads_on(const struct attrib_fact *fact, const struct attrib_added *added, bool clicks)
{
	unsigned links = added->links & ~LINK(ATTRIB_EDGE_CARRIES);

	if (!clicks && fact->sub == ATTRIB_EDGE_CARRIER)
		links &= ~LINK(ATTRIB_EDGE_CARRIER);
	return links != 0;
}

int attrib_reach_orders(struct attrib_closure *closure, const struct attrib_fact *starts,
	const struct attrib_added *added, size_t n, int64_t received_at, bool clicks,
	struct attrib_nodes *orders, bool *cut)
{
	struct walk walk = {.closure = closure,
		.orders = orders,
		.received_at = received_at,
		.clicks = clicks,
		.room = n + ATTRIB_CLOSURE_MAX};
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++)
		if (leads_on(&starts[i], &added[i], clicks))
			err = go_on(&walk, starts[i].entity.kind, &starts[i].entity.id);
	while (err == 0 && walk.next.n) {
		struct attrib_nodes swap = walk.frontier;
		walk.frontier = walk.next;
		walk.next = swap;
		walk.next.n = 0;
		err = attrib_closure_load(closure);
		for (size_t i = 0; i < walk.frontier.n && err == 0; i++)
			err = expand(&walk, walk.frontier.p[i]);
	}
	*cut = walk.cut;
	return err;
}
