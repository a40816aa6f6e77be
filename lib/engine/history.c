/*
 * The walk of history.h: from what the person is known by to the conversions that name it; for those
 * that could share a touch on through customers and clicks, because an order sees the touches of all
 * visitors of its customer, whichever of them it was placed by.
 */
#include "history.h"

#include <stdlib.h>

static int add(struct attrib_decider *decider, struct attrib_node *node, struct attrib_nodes *out)
{
	if (!node)
		return ATTRIB_E_NOMEM;
	if (node->searched == decider->searches)
		return 0;
	node->searched = decider->searches;
	return attrib_nodes_add(out, node, decider->closure->arena);
}

/* Adds what the edges of one kind lead to. */
static int follow(struct attrib_decider *decider, const struct attrib_node *from,
	enum attrib_edge sub, enum attrib_entity_kind kind, struct attrib_nodes *out)
{
	const struct attrib_fact *edge;
	int err = 0;

	for (size_t i = 0; err == 0 && (edge = attrib_node_edge(from, sub, &i));) {
		struct attrib_edge_end end = attrib_edge_end(edge);
		if (attrib_person_sees(&decider->person, edge))
			err = add(decider, attrib_closure_want(decider->closure, kind, &end.other),
				out);
	}
	return err;
}

static int person_names(struct attrib_decider *decider, struct attrib_nodes *out)
{
	const struct attrib_person *person = &decider->person;
	int err = 0;

	for (size_t i = 0; i < person->key_count && err == 0; i++)
		err = add(decider, person->keys[i].node, out);
	for (size_t i = 0; i < person->visitor_count && err == 0; i++)
		err = add(decider, person->visitors[i].node, out);
	for (size_t i = 0; i < person->click_count && err == 0; i++)
		err = add(decider, person->clicks[i].node, out);
	return err;
}

/* From a name to those whose orders see the same touches: by a customer, by a click. */
static int follow_touches(
	struct attrib_decider *decider, const struct attrib_node *node, struct attrib_nodes *out)
{
	static const struct {
		enum attrib_edge sub;
		enum attrib_entity_kind kind;
	} ways[] = {{ATTRIB_EDGE_CUSTOMER, ATTRIB_ENTITY_CUSTOMER},
		{ATTRIB_EDGE_VISITOR, ATTRIB_ENTITY_VISITOR},
		{ATTRIB_EDGE_CARRIES, ATTRIB_ENTITY_VISITOR},
		{ATTRIB_EDGE_CARRIER, ATTRIB_ENTITY_VISITOR}};
	int64_t before = decider->person.lock_at + 1;
	bool hub;
	int err = attrib_node_is_hub(node, before, decider->closure->arena, &hub);

	for (size_t i = 0; i < sizeof ways / sizeof *ways && err == 0 && !hub; i++)
		err = follow(decider, node, ways[i].sub, ways[i].kind, out);
	return err;
}

static int find_names(
	struct attrib_decider *decider, enum attrib_history_of which, struct attrib_nodes *out)
{
	int err = person_names(decider, out);

	for (size_t i = 0; which == ATTRIB_HISTORY_SHARING && i < out->n && err == 0; i++) {
		if (out->n >= ATTRIB_CLOSURE_MAX) {
			decider->cut = true;
			break;
		}
		err = attrib_closure_load(decider->closure);
		if (err == 0)
			err = follow_touches(decider, out->p[i], out);
	}
	return err;
}

static int find_conversions(struct attrib_decider *decider, enum attrib_edge sub,
	enum attrib_history_of which, struct attrib_nodes *out)
{
	struct attrib_nodes names = {0};
	int err = find_names(decider, which, &names);

	for (size_t i = 0; i < names.n && err == 0; i++)
		err = follow(decider, names.p[i], sub, ATTRIB_ENTITY_ORDER, out);
	if (err == 0)
		err = attrib_closure_load(decider->closure);
	for (size_t i = 0; i < out->n && err == 0; i++) /* from a cart to its order */
		err = attrib_group_named(decider->closure, out->p[i], out);
	return err;
}

/* The conversion of an entity, unless this search has it already, as of the order's lock: *out, or
 * NULL. */
static int group_of(
	struct attrib_decider *decider, struct attrib_node *node, struct attrib_order_group **out)
{
	struct attrib_closure *closure = decider->closure;
	int err = attrib_group_of(closure, decider->catalog, node, out);

	if (err || !*out)
		return err;
	if ((*out)->listed == decider->searches || attrib_group_same(*out, decider->person.group)) {
		*out = NULL;
		return 0;
	}
	(*out)->listed = decider->searches;
	err = attrib_group_as_seen(*out, decider->person.group, closure->arena, out);
	if (err == 0 && *out && !attrib_order_is_counted(&(*out)->order, &(*out)->site->policy))
		*out = NULL;
	return err;
}

static int by_time(const void *left, const void *right)
{
	const struct attrib_order_group *a = left, *b = right;

	return attrib_order_cmp(&a->order, &b->order);
}

int attrib_history_find(struct attrib_decider *decider, enum attrib_edge sub,
	enum attrib_history_of which, struct attrib_history *out)
{
	struct attrib_person *person = &decider->person;
	struct attrib_nodes nodes = {0};
	int err;

	decider->searches++;
	*out = (struct attrib_history){0};
	err = find_conversions(decider, sub, which, &nodes);
	out->rows = attrib_arena_raw(decider->closure->arena, nodes.n * sizeof *out->rows);
	if (!out->rows)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < nodes.n && err == 0; i++) {
		struct attrib_order_group *group;
		bool wanted = true;
		out->forgotten |= nodes.p[i]->count == 0;
		err = group_of(decider, nodes.p[i], &group);
		if (err || !group)
			continue;
		if (which == ATTRIB_HISTORY_OWN)
			err = attrib_person_made(person, group, &wanted);
		if (err || !wanted)
			continue;
		out->rows[out->n++] = *group;
	}
	if (out->n)
		qsort(out->rows, out->n, sizeof *out->rows, by_time);
	return err;
}
