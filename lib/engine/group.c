/*
 * Which entities are one order. Aliases that an order holds are followed whenever they were told: two
 * names of one order stay two names of it, and no lock makes them two orders.
 */
#include "group.h"

#include <stdlib.h>

#include "alias.h"
#include "unique.h"

/* Whether the order holds the name as an alias of this kind; NULL: of any. */
static bool holds(const struct attrib_node *order, const struct attrib_node *name,
	const struct attrib_str *kind)
{
	struct attrib_held_alias held;

	for (size_t at = 0; attrib_node_next_alias(order, &at, &held);)
		if (attrib_id_eq(&held.entity, &name->entity.id) &&
			(!kind || attrib_str_eq(held.kind, *kind)))
			return true;
	return false;
}

/* The orders that hold a loaded name. */
static int want_holders(struct attrib_closure *closure, const struct attrib_node *name,
	const struct attrib_str *kind, struct attrib_nodes *found)
{
	const struct attrib_fact *edge;
	int err = 0;

	for (size_t i = 0; err == 0 && (edge = attrib_node_edge(name, ATTRIB_EDGE_ORDER, &i));) {
		struct attrib_node *order =
			attrib_closure_want(closure, ATTRIB_ENTITY_ORDER, &edge->id);
		if (!order)
			return ATTRIB_E_NOMEM;
		err = attrib_closure_load(closure);
		if (err == 0)
			err = attrib_node_judge_aliases(closure, order);
		if (err == 0 && holds(order, name, kind))
			err = attrib_nodes_add(found, order, closure->arena);
	}
	return err;
}

/* What a judged order's aliases name, and who shares one: those names were loaded to judge it. */
static int want_aliases(
	struct attrib_closure *closure, struct attrib_node *order, struct attrib_nodes *found)
{
	struct attrib_held_alias held;
	int err = 0;

	for (size_t at = 0; err == 0 && attrib_node_next_alias(order, &at, &held);) {
		struct attrib_node *name =
			attrib_closure_want(closure, ATTRIB_ENTITY_ORDER, &held.entity);
		err = name ? attrib_nodes_add(found, name, closure->arena) : ATTRIB_E_NOMEM;
		if (err == 0)
			err = want_holders(closure, name, &held.kind, found);
	}
	return err;
}

/* Every order that aliases connect with the first. A name of which nothing was observed connects those
 * alone that hold it by one kind: a cart's token is no order number, whatever its text. */
static int find_members(
	struct attrib_closure *closure, struct attrib_node *first, struct attrib_order_group *group)
{
	struct attrib_nodes found = {0};
	int err = attrib_nodes_add(&found, first, closure->arena);

	for (size_t i = 0; i < found.n && i < ATTRIB_CLOSURE_MAX && err == 0; i++) {
		struct attrib_node *node = found.p[i];
		if (node->group)
			continue;
		err = attrib_closure_load(closure);
		if (err)
			break;
		err = attrib_node_judge_aliases(closure, node);
		if (err || node->observation_count == 0)
			continue;
		node->group = group;
		err = want_aliases(closure, node, &found);
		if (err == 0)
			err = want_holders(closure, node, NULL, &found);
		if (err == 0)
			err = attrib_nodes_add(&group->members, node, closure->arena);
	}
	return err;
}

static void find_site(const struct attrib_catalog *catalog, struct attrib_order_group *group)
{
	if (group->members.n)
		group->newest = attrib_catalog_site(
			catalog, group->members.p[0]->observations[0].event.site);
}

static size_t collect(
	const struct attrib_node *node, int64_t as_of, const struct attrib_observation **out)
{
	size_t n = 0;

	for (size_t i = 0; i < node->observation_count; i++)
		if (node->observations[i].fact->received_at <= as_of)
			out[n++] = &node->observations[i];
	return n;
}

const struct attrib_site *attrib_deciding_site(const struct attrib_site *newest,
	const struct attrib_observation *const *observations, size_t n)
{
	const struct attrib_site *site = newest;

	while (!attrib_site_reaches(site, attrib_placed_at(observations, n, &site->policy)))
		site = site->before;
	return site;
}

/* What the members said by `as_of`, merged by the version that decides it: `newest` or one before. */
static int merge_observations(struct attrib_order_group *group, const struct attrib_site *newest,
	int64_t as_of, struct attrib_arena *arena)
{
	size_t n = 0;

	for (size_t i = 0; i < group->members.n; i++)
		n += group->members.p[i]->observation_count;
	group->observations = attrib_arena_raw(arena, n * sizeof(struct attrib_observation *));
	if (!group->observations)
		return ATTRIB_E_NOMEM;
	n = 0;
	for (size_t i = 0; i < group->members.n; i++)
		n += collect(group->members.p[i], as_of, group->observations + n);
	group->observation_count = n;
	if (n == 0)
		return 0;
	group->site = attrib_deciding_site(newest, group->observations, n);
	attrib_merge(group->observations, n, &group->site->policy, &group->order);
	return 0;
}

/* A member's claim to give the order its name. */
struct member {
	struct attrib_node *node;
	struct attrib_merged order;
	bool authority;
	bool alias; /* another member has it as an alias */
};

static int by_name_claim(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	int order = attrib_int_cmp(b->authority, a->authority);

	if (order == 0)
		order = attrib_int_cmp(a->alias, b->alias);
	return order ? order : attrib_order_cmp(&a->order, &b->order);
}

static void member_init(struct member *m, struct attrib_node *node,
	const struct attrib_policy *policy, const struct attrib_observation **room)
{
	size_t n = collect(node, ATTRIB_FOREVER, room);

	*m = (struct member){.node = node};
	attrib_merge(room, n, policy, &m->order);
	m->authority = m->order.signed_source && policy->order_source.n &&
		       attrib_str_eq(m->order.source, policy->order_source);
}

static bool is_alias(const struct attrib_node *node, const struct attrib_nodes *members)
{
	for (size_t i = 0; i < members->n; i++)
		if (members->p[i] != node && holds(members->p[i], node, NULL))
			return true;
	return false;
}

/* The order has the name of the member with the best claim to give it: that is the first one. */
static int name_order(struct attrib_closure *closure, struct attrib_order_group *group)
{
	size_t n = group->members.n, most = 0;
	struct member *members = attrib_arena_raw(closure->arena, n * sizeof *members);
	const struct attrib_observation **room;

	for (size_t i = 0; i < n; i++)
		if (group->members.p[i]->observation_count > most)
			most = group->members.p[i]->observation_count;
	room = attrib_arena_raw(closure->arena, most * sizeof(struct attrib_observation *));
	if (!members || !room)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		member_init(&members[i], group->members.p[i], &group->site->policy, room);
		members[i].alias = is_alias(group->members.p[i], &group->members);
	}
	qsort(members, n, sizeof *members, by_name_claim);
	for (size_t i = 0; i < n; i++)
		group->members.p[i] = members[i].node;
	group->order.order_id = members[0].order.order_id;
	return 0;
}

static int merge_members(struct attrib_closure *closure, struct attrib_order_group *group)
{
	int err = merge_observations(group, group->newest, ATTRIB_FOREVER, closure->arena);

	/* most orders have one name: they have it already */
	return err || group->members.n < 2 ? err : name_order(closure, group);
}

int attrib_group_of(struct attrib_closure *closure, const struct attrib_catalog *catalog,
	struct attrib_node *node, struct attrib_order_group **out)
{
	struct attrib_order_group *group = node->group;

	if (!group) {
		int err;
		group = attrib_arena_alloc(closure->arena, sizeof *group);
		if (!group)
			return ATTRIB_E_NOMEM;
		err = find_members(closure, node, group);
		if (err)
			return err;
		find_site(catalog, group);
		err = group->newest ? merge_members(closure, group) : 0;
		if (err)
			return err;
	}
	*out = group->observation_count ? group : NULL;
	return 0;
}

int attrib_group_named(
	struct attrib_closure *closure, struct attrib_node *name, struct attrib_nodes *orders)
{
	int err = attrib_node_judge_aliases(closure, name);

	return err || name->observation_count ? err : want_holders(closure, name, NULL, orders);
}

int attrib_group_as_seen(struct attrib_order_group *group, const struct attrib_order_group *viewer,
	struct attrib_arena *arena, struct attrib_order_group **out)
{
	struct attrib_order_group *seen = attrib_arena_raw(arena, sizeof *seen);
	int64_t lock_at = viewer->order.lock_at;
	int err;

	if (!seen)
		return ATTRIB_E_NOMEM;
	*seen = *group;
	err = merge_observations(seen, viewer->site, lock_at, arena);
	seen->order.order_id = group->order.order_id;
	if (seen->order.lock_at > lock_at)
		seen->order.lock_at = lock_at;
	*out = seen->observation_count ? seen : NULL;
	return err;
}
