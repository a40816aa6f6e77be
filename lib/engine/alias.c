/*
 * Which aliases an order holds. A source knows its own orders apart: when two of them state one alias
 * (kind and value), it belongs to the one whose statement was received first, then to the smaller id;
 * to the others it is nothing. Orders of different sources share it and are one.
 */
#include "alias.h"

#include "unique.h"

struct claim {
	bool found;
	int64_t received_at;
	struct attrib_str order_id;
};

static struct attrib_id alias_entity(const struct attrib_event *event, size_t k)
{
	return attrib_order_entity(&event->order->aliases[k].id, event->type == ATTRIB_EVENT_LEAD);
}

static size_t stated(const struct attrib_observation *o)
{
	return o->event.trust == ATTRIB_TRUST_SIGNED ? o->event.order->alias_count : 0;
}

static bool is_same(const struct attrib_alias *a, const struct attrib_alias *b)
{
	return attrib_id_eq(&a->id, &b->id) && attrib_str_eq(a->kind, b->kind);
}

/* When the order first stated the alias from this source. */
static struct claim claim_of(
	const struct attrib_node *order, struct attrib_str source, const struct attrib_alias *alias)
{
	struct claim claim = {0};

	for (size_t i = 0; i < order->observation_count; i++) {
		const struct attrib_observation *o = &order->observations[i];
		if (!attrib_str_eq(o->event.source, source))
			continue;
		for (size_t k = 0; k < stated(o); k++) {
			if (!is_same(&o->event.order->aliases[k], alias) ||
				(claim.found && claim.received_at <= o->fact->received_at))
				continue;
			claim = (struct claim){true, o->fact->received_at, o->event.order->id};
		}
	}
	return claim;
}

static int claim_cmp(const struct claim *a, const struct claim *b)
{
	int order = attrib_int_cmp(a->received_at, b->received_at);

	return order ? order : attrib_str_cmp(a->order_id, b->order_id);
}

/* Whether another order of the source was first. An order that has the alias as its id is the alias. */
static bool is_anothers(struct attrib_closure *closure, const struct attrib_node *order,
	const struct attrib_observation *o, size_t k)
{
	const struct attrib_alias *alias = &o->event.order->aliases[k];
	struct attrib_id id = alias_entity(&o->event, k);
	const struct attrib_node *name = attrib_closure_want(closure, ATTRIB_ENTITY_ORDER, &id);
	struct claim mine = claim_of(order, o->event.source, alias);
	const struct attrib_fact *edge;

	for (size_t i = 0;
		name != order && (edge = attrib_node_edge(name, ATTRIB_EDGE_ORDER, &i));) {
		const struct attrib_node *other =
			attrib_closure_want(closure, ATTRIB_ENTITY_ORDER, &edge->id);
		struct claim theirs;
		if (other == order || other == name)
			continue;
		theirs = claim_of(other, o->event.source, alias);
		if (theirs.found && claim_cmp(&theirs, &mine) < 0)
			return true;
	}
	return false;
}

/* Loads the names that the order states, and whoever else states them. */
static int load_rivals(struct attrib_closure *closure, const struct attrib_node *order,
	struct attrib_nodes *rivals)
{
	struct attrib_nodes names = {0};
	const struct attrib_fact *edge;
	int err = 0;

	for (size_t i = 0; i < order->observation_count && err == 0; i++)
		for (size_t k = 0; k < stated(&order->observations[i]) && err == 0; k++) {
			struct attrib_id id = alias_entity(&order->observations[i].event, k);
			struct attrib_node *name =
				attrib_closure_want(closure, ATTRIB_ENTITY_ORDER, &id);
			err = name ? attrib_nodes_add(&names, name, closure->arena)
				   : ATTRIB_E_NOMEM;
		}
	if (err == 0)
		err = attrib_closure_load(closure);
	for (size_t n = 0; n < names.n && err == 0; n++)
		for (size_t i = 0;
			err == 0 && (edge = attrib_node_edge(names.p[n], ATTRIB_EDGE_ORDER, &i));) {
			struct attrib_node *rival =
				attrib_closure_want(closure, ATTRIB_ENTITY_ORDER, &edge->id);
			err = rival ? attrib_nodes_add(rivals, rival, closure->arena)
				    : ATTRIB_E_NOMEM;
		}
	return err ? err : attrib_closure_load(closure);
}

int attrib_node_judge_aliases(struct attrib_closure *closure, struct attrib_node *order)
{
	struct attrib_nodes rivals = {0};
	int err;

	if (order->judged)
		return 0;
	err = attrib_node_decode(order, closure->arena);
	if (err == 0)
		err = load_rivals(closure, order, &rivals);
	for (size_t i = 0; i < rivals.n && err == 0; i++)
		err = attrib_node_decode(rivals.p[i], closure->arena);
	if (err)
		return err;
	for (size_t i = 0; i < order->observation_count; i++) {
		struct attrib_observation *o = &order->observations[i];
		for (size_t k = 0; k < stated(o); k++)
			if (is_anothers(closure, order, o, k))
				o->foreign_aliases |= 1u << k;
	}
	order->judged = true;
	return 0;
}

bool attrib_node_next_alias(
	const struct attrib_node *order, size_t *at, struct attrib_held_alias *out)
{
	while (*at < order->observation_count * ATTRIB_ALIASES_MAX) {
		const struct attrib_observation *o = &order->observations[*at / ATTRIB_ALIASES_MAX];
		size_t k = (*at)++ % ATTRIB_ALIASES_MAX;
		if (k >= stated(o) || o->foreign_aliases & 1u << k)
			continue;
		*out = (struct attrib_held_alias){
			o, o->event.order->aliases[k].kind, alias_entity(&o->event, k)};
		return true;
	}
	return false;
}
