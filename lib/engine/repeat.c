/*
 * repeat_orders = first: a touch earns for its first counted order only.
 *
 * An earlier order has a touch's first claim when the touch is eligible for it; whether an even
 * earlier one took it does not matter, either way it is used. So no order waits for another's result.
 */
#include "decide.h"

static int orders_of(struct attrib_closure *closure, const struct attrib_node *node,
	int64_t lock_at, struct attrib_nodes *out)
{
	const struct attrib_fact *edge;
	int err = 0;

	for (size_t i = 0; err == 0 && (edge = attrib_node_edge(node, ATTRIB_EDGE_ORDER, &i));) {
		struct attrib_node *order;
		if (edge->received_at > lock_at)
			continue;
		order = attrib_closure_want(closure, ATTRIB_ENTITY_ORDER, &edge->id);
		err = order ? attrib_nodes_add(out, order, closure->arena) : ATTRIB_E_NOMEM;
	}
	return err;
}

/* Every order that could share a touch with this one. */
static int find_orders(struct attrib_decider *decider, int64_t lock_at, struct attrib_nodes *out)
{
	struct attrib_person *person = &decider->person;
	struct attrib_closure *closure = decider->closure;
	const struct attrib_fact *edge;
	int err = 0;

	for (size_t i = 0; i < person->key_count && err == 0; i++)
		err = orders_of(closure, person->keys[i].node, lock_at, out);
	for (size_t i = 0; i < person->click_count && err == 0; i++)
		err = orders_of(closure, person->clicks[i].node, lock_at, out);
	for (size_t i = 0; i < person->visitor_count && err == 0; i++) {
		const struct attrib_node *visitor = person->visitors[i].node;
		err = orders_of(closure, visitor, lock_at, out);
		for (size_t k = 0;
			err == 0 && (edge = attrib_node_edge(visitor, ATTRIB_EDGE_CARRIES, &k));) {
			struct attrib_node *click =
				attrib_closure_want(closure, ATTRIB_ENTITY_VISITOR, &edge->id);
			err = click ? orders_of(closure, click, lock_at, out) : ATTRIB_E_NOMEM;
		}
	}
	return err;
}

static bool is_earlier(const struct attrib_merged *a, const struct attrib_merged *b)
{
	if (a->placed_at != b->placed_at)
		return a->placed_at < b->placed_at;
	return attrib_str_cmp(a->order_id, b->order_id) < 0;
}

static void use_up(struct attrib_path *path, const struct attrib_path *earlier)
{
	for (size_t i = 0; i < earlier->n; i++) {
		const struct attrib_candidate *used = &earlier->candidates[i];
		if ((!used->step.eligible && !used->unowned) || !used->fact)
			continue;
		for (size_t k = 0; k < path->n; k++) {
			struct attrib_candidate *c = &path->candidates[k];
			if (!c->fact || !attrib_id_eq(&c->id, &used->id) ||
				c->listed != used->listed)
				continue;
			if (c->step.eligible)
				c->step.reason = ATTRIB_REASON_USED;
			c->step.eligible = c->unowned = false;
		}
	}
}

int attrib_path_use_up(struct attrib_decider *decider, struct attrib_path *path)
{
	const struct attrib_merged *order = &path->group->order;
	struct attrib_closure *closure = decider->closure;
	struct attrib_nodes found = {0};
	int err = find_orders(decider, order->lock_at, &found);

	if (err == 0)
		err = attrib_closure_load(closure);
	for (size_t i = 0; i < found.n && err == 0; i++) {
		struct attrib_order_group *group;
		struct attrib_path earlier;
		err = attrib_group_of(closure, decider->catalog, found.p[i], &group);
		if (err || !group || group == path->group || group->order.kind != order->kind)
			continue;
		err = attrib_group_as_of(group, order->lock_at, closure->arena, &group);
		if (err || !group || !is_earlier(&group->order, order) ||
			!attrib_order_is_counted(&group->order, &group->site->policy))
			continue;
		err = attrib_person_find(&decider->person, closure, decider->catalog, group);
		if (err == 0)
			err = attrib_path_gather(&earlier, &decider->person, group);
		if (err == 0)
			err = attrib_path_judge(&earlier, decider->catalog, closure->arena);
		if (err == 0)
			use_up(path, &earlier);
	}
	return err;
}
