/*
 * Whose a visitor's touch, or another conversion, was: the second half of person.h.
 */
#include <stdlib.h>

#include "person.h"
#include "unique.h"

/* Whether all of the visitor's edges name one customer: *customer, or none at all: UINT32_MAX. */
static bool one_customer(struct attrib_person *person, const struct attrib_node *visitor,
	uint32_t *customer, size_t *edges)
{
	const struct attrib_fact *edge;
	bool one = true;

	*customer = UINT32_MAX;
	*edges = 0;
	for (size_t i = 0; (edge = attrib_node_edge(visitor, ATTRIB_EDGE_CUSTOMER, &i));) {
		struct attrib_edge_end end = attrib_edge_end(edge);
		struct attrib_person_key *key = attrib_person_key_of(person, &end.other);
		uint32_t root;
		if (!attrib_person_sees(person, edge) || !key || key->hub)
			continue;
		root = attrib_person_root(person, (uint32_t)(key - person->keys));
		if (*customer != UINT32_MAX && *customer != root)
			one = false;
		*customer = root;
		++*edges;
	}
	return one;
}

static int edge_time(struct attrib_person *person, const struct attrib_fact *edge, int64_t *at)
{
	struct attrib_edge_end end = attrib_edge_end(edge);
	struct attrib_order_group *group = NULL;
	struct attrib_node *node;
	int err;

	*at = edge->at;
	if (attrib_id_none(&end.via))
		return 0;
	node = attrib_closure_want(person->closure, ATTRIB_ENTITY_ORDER, &end.via);
	if (!node)
		return ATTRIB_E_NOMEM;
	err = attrib_group_of(person->closure, person->catalog, node, &group);
	if (err || !group)
		return err;
	if (attrib_group_same(group, person->group)) {
		*at = person->group->order.placed_at;
		return 0;
	}
	err = attrib_group_as_seen(group, person->group, person->closure->arena, &group);
	if (err == 0 && group)
		*at = group->order.placed_at;
	return err;
}

static int by_edge_time(const void *left, const void *right)
{
	const struct attrib_belonging_edge *a = left, *b = right;
	int order = attrib_int_cmp(a->at, b->at);

	return order ? order : attrib_id_cmp(&a->key, &b->key);
}

static int timed_edges(struct attrib_person *person, const struct attrib_node *visitor,
	struct attrib_belonging *out)
{
	const struct attrib_fact *edge;
	int err = 0;

	for (size_t i = 0;
		err == 0 && (edge = attrib_node_edge(visitor, ATTRIB_EDGE_CUSTOMER, &i));) {
		struct attrib_edge_end end = attrib_edge_end(edge);
		struct attrib_person_key *key = attrib_person_key_of(person, &end.other);
		struct attrib_belonging_edge *slot = &out->edges[out->n];
		if (!attrib_person_sees(person, edge) || !key || key->hub)
			continue;
		*slot = (struct attrib_belonging_edge){.key = end.other,
			.customer = attrib_person_root(person, (uint32_t)(key - person->keys))};
		err = edge_time(person, edge, &slot->at);
		out->n++;
	}
	if (err == 0)
		qsort(out->edges, out->n, sizeof *out->edges, by_edge_time);
	return err;
}

int attrib_belonging_of(struct attrib_person *person, const struct attrib_person_visitor *visitor,
	struct attrib_belonging *out)
{
	uint32_t customer;
	size_t edges;

	*out = (struct attrib_belonging){0};
	if (visitor->hub) {
		out->simple = true;
		return 0;
	}
	if (one_customer(person, visitor->node, &customer, &edges)) {
		out->simple = true;
		out->mine = customer == UINT32_MAX || attrib_person_is_own(person, customer);
		return 0;
	}
	out->edges = attrib_arena_raw(person->closure->arena, edges * sizeof *out->edges);
	return out->edges ? timed_edges(person, visitor->node, out) : ATTRIB_E_NOMEM;
}

bool attrib_belongs(
	const struct attrib_person *person, const struct attrib_belonging *belonging, int64_t at)
{
	size_t low = 0, high = belonging->n;

	if (belonging->simple)
		return belonging->mine;
	while (low < high) { /* the earliest edge at or after the touch ... */
		size_t middle = (low + high) / 2;
		if (belonging->edges[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == belonging->n) /* ... else the latest before */
		low--;
	return attrib_person_is_own(person, belonging->edges[low].customer);
}

/* -- whose order ---------------------------------------------------------------------------------- */

/* A key that too many share is none. */
static int is_key(struct attrib_person *person, struct attrib_node *node, bool *is)
{
	bool hub = false;
	int err = node ? attrib_closure_load(person->closure) : ATTRIB_E_NOMEM;

	if (err == 0)
		err = attrib_node_is_hub(node, person->lock_at + 1, person->closure->arena, &hub);
	*is = !hub;
	return err;
}

static int names_keys(
	struct attrib_person *person, const struct attrib_order_group *other, bool *any, bool *own)
{
	int err = 0;

	*any = *own = false;
	for (size_t i = 0; i < other->observation_count && err == 0; i++) {
		const struct attrib_event *event = &other->observations[i]->event;
		if (event->trust != ATTRIB_TRUST_SIGNED)
			continue;
		for (size_t k = 0; k < event->key_count && err == 0; k++) {
			struct attrib_person_key *key;
			bool is;
			err = is_key(person,
				attrib_closure_want(person->closure, ATTRIB_ENTITY_CUSTOMER,
					&event->keys[k].id),
				&is);
			if (err || !is)
				continue;
			*any = true;
			key = attrib_person_key_of(person, &event->keys[k].id);
			if (key && attrib_person_is_own(person, (uint32_t)(key - person->keys)))
				*own = true;
		}
	}
	return err;
}

static const struct attrib_person_visitor *visitor_of(
	const struct attrib_person *person, const struct attrib_id *id)
{
	for (size_t i = 0; i < person->visitor_count; i++)
		if (attrib_id_eq(&person->visitors[i].node->entity.id, id))
			return &person->visitors[i];
	return NULL;
}

int attrib_person_made(
	struct attrib_person *person, const struct attrib_order_group *other, bool *made)
{
	bool any;
	int err = names_keys(person, other, &any, made);

	for (size_t i = 0; i < other->observation_count && err == 0 && !any && !*made; i++) {
		const struct attrib_person_visitor *visitor =
			visitor_of(person, &other->observations[i]->event.visitor);
		struct attrib_belonging belonging;
		if (!visitor)
			continue;
		err = attrib_belonging_of(person, visitor, &belonging);
		if (err == 0)
			*made = attrib_belongs(person, &belonging, other->order.placed_at);
	}
	return err;
}
