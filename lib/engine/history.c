/*
 * The walk of history.h: from what the person is known by (keys, clicks, visitors and the clicks that
 * these came with) to the conversions that name it.
 */
#include "history.h"

#include <stdlib.h>

static int add(struct attrib_decider *decider, enum attrib_entity_kind kind,
	const struct attrib_id *id, struct attrib_nodes *out)
{
	struct attrib_node *node = attrib_closure_want(decider->closure, kind, id);

	return node ? attrib_nodes_add(out, node, decider->closure->arena) : ATTRIB_E_NOMEM;
}

/* Adds what the edges of one kind lead to. */
static int follow(struct attrib_decider *decider, const struct attrib_node *from,
	enum attrib_edge sub, enum attrib_entity_kind kind, struct attrib_nodes *out)
{
	const struct attrib_fact *edge;
	int err = 0;

	for (size_t i = 0; err == 0 && (edge = attrib_node_edge(from, sub, &i));)
		if (attrib_person_sees(&decider->person, edge))
			err = add(decider, kind, &edge->id, out);
	return err;
}

static int find_names(struct attrib_decider *decider, struct attrib_nodes *out)
{
	const struct attrib_person *person = &decider->person;
	struct attrib_arena *arena = decider->closure->arena;
	int err = 0;

	for (size_t i = 0; i < person->key_count && err == 0; i++)
		err = attrib_nodes_add(out, person->keys[i].node, arena);
	for (size_t i = 0; i < person->click_count && err == 0; i++)
		err = attrib_nodes_add(out, person->clicks[i].node, arena);
	for (size_t i = 0; i < person->visitor_count && err == 0; i++) {
		struct attrib_node *visitor = person->visitors[i].node;
		err = attrib_nodes_add(out, visitor, arena);
		if (err == 0)
			err = follow(
				decider, visitor, ATTRIB_EDGE_CARRIES, ATTRIB_ENTITY_VISITOR, out);
	}
	return err ? err : attrib_closure_load(decider->closure);
}

static int find_conversions(
	struct attrib_decider *decider, enum attrib_edge sub, struct attrib_nodes *out)
{
	struct attrib_nodes names = {0};
	int err = find_names(decider, &names);

	for (size_t i = 0; i < names.n && err == 0; i++)
		err = follow(decider, names.p[i], sub, ATTRIB_ENTITY_ORDER, out);
	return err ? err : attrib_closure_load(decider->closure);
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
	err = attrib_group_as_of(*out, decider->person.lock_at, closure->arena, out);
	if (err == 0 && *out && !attrib_order_is_counted(&(*out)->order, &(*out)->site->policy))
		*out = NULL;
	return err;
}

bool attrib_order_is_before(const struct attrib_merged *a, const struct attrib_merged *b)
{
	if (a->placed_at != b->placed_at)
		return a->placed_at < b->placed_at;
	return attrib_str_cmp(a->order_id, b->order_id) < 0;
}

static int by_time(const void *left, const void *right)
{
	const struct attrib_order_group *a = left, *b = right;

	return attrib_order_is_before(&a->order, &b->order) ? -1 : 1;
}

int attrib_history_find(struct attrib_decider *decider, enum attrib_edge sub,
	enum attrib_history_of which, struct attrib_history *out)
{
	struct attrib_person *person = &decider->person;
	struct attrib_nodes nodes = {0};
	int err = find_conversions(decider, sub, &nodes);

	*out = (struct attrib_history){0};
	if (err || nodes.n == 0)
		return err;
	out->rows = attrib_arena_raw(decider->closure->arena, nodes.n * sizeof *out->rows);
	if (!out->rows)
		return ATTRIB_E_NOMEM;
	decider->searches++;
	for (size_t i = 0; i < nodes.n && err == 0; i++) {
		struct attrib_order_group *group;
		bool wanted = true;
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
