/*
 * A new catalog: every order is looked at once more, and those that carry a key whose owner differs,
 * or that another version of the site's settings decides, are decided by it. There is no index from
 * keys to orders: a change of the catalog is rare, an index would cost every order.
 *
 * While a walk runs, orders that new facts touch are decided by the new catalog anyway. A change in
 * the middle of a walk starts it again, still compared with what the first one began from.
 */
#include "internal.h"

static enum attrib_tracker_kind kind_of(enum attrib_channel channel)
{
	return channel == ATTRIB_CHANNEL_VIEW ? ATTRIB_TRACKER_LINK
					      : (enum attrib_tracker_kind)channel;
}

static bool version_differs(
	const struct attrib_engine *engine, const struct attrib_order_group *group)
{
	const struct attrib_site *newest = attrib_catalog_site(engine->base, group->site->name);

	return !newest ||
	       !attrib_site_same_version(group->site,
		       attrib_deciding_site(newest, group->observations, group->observation_count));
}

static bool key_differs(
	const struct attrib_engine *engine, struct attrib_str site, const struct attrib_step *step)
{
	return attrib_catalog_key_differs(
		engine->base, engine->catalog, site, kind_of(step->channel), step->folded);
}

/* A lead may have another winner by a key that the order itself has not. */
static bool lead_differs(const struct attrib_engine *engine, struct attrib_str site)
{
	const struct attrib_decider *decider = &engine->decider;

	for (size_t i = 0; i < decider->lead_count; i++)
		for (size_t k = 0; k < decider->leads[i].n; k++)
			if (key_differs(engine, site, &decider->leads[i].candidates[k].step))
				return true;
	return false;
}

static bool differs(const struct attrib_engine *engine, const struct attrib_order_group *group,
	const struct attrib_decision *decision)
{
	if (engine->walk_all || version_differs(engine, group))
		return true;
	for (size_t i = 0; i < decision->step_count; i++)
		if (key_differs(engine, decision->site, &decision->steps[i]))
			return true;
	return lead_differs(engine, decision->site);
}

static bool any_repeat_first(const struct attrib_catalog *catalog)
{
	const struct attrib_site *sites;
	size_t n = attrib_catalog_sites(catalog, &sites);

	for (size_t i = 0; i < n; i++)
		for (const struct attrib_site *site = &sites[i]; site; site = site->before)
			if (site->policy.repeat_first)
				return true;
	return false;
}

void attrib_engine_use_catalog(struct attrib_engine *engine, struct attrib_catalog *catalog)
{
	engine->catalog = attrib_catalog_ref(catalog);
	engine->decider.catalog = engine->catalog;
	memset(engine->sites, 0, sizeof engine->sites);
	engine->repeat_first = any_repeat_first(engine->catalog);
}

int attrib_engine_set_catalog(
	struct attrib_engine *engine, struct attrib_catalog *catalog, bool all)
{
	struct attrib_catalog *old = engine->catalog;

	attrib_engine_use_catalog(engine, catalog);
	if (engine->base)
		attrib_catalog_unref(old);
	else
		engine->base = old;
	engine->walk_all |= all;
	engine->walk_cursor = 0;
	return 0;
}

static int look_at(struct attrib_engine *engine, struct attrib_node *node, uint64_t ticket,
	struct attrib_batch *batch)
{
	struct attrib_order_group *group;
	struct attrib_decision decision;
	int err = attrib_group_of(&engine->closure, engine->catalog, node, &group);

	if (err || !group || group->decided)
		return err;
	group->decided = true;
	err = attrib_engine_decide(engine, group, ticket, &decision);
	if (err || !differs(engine, group, &decision))
		return err;
	return attrib_engine_put(batch, group, &decision);
}

static int look_at_all(struct attrib_engine *engine, const struct attrib_entity *entities, size_t n,
	struct attrib_batch *batch)
{
	struct attrib_nodes nodes = {0};
	uint64_t ticket;
	int err = engine->state->ops->add(engine->state, NULL, 0, NULL, &ticket);

	for (size_t i = 0; i < n && err == 0; i++) {
		struct attrib_node *node =
			attrib_closure_want(&engine->closure, entities[i].kind, &entities[i].id);
		err = node ? attrib_nodes_add(&nodes, node, &engine->arena) : ATTRIB_E_NOMEM;
	}
	if (err == 0)
		err = attrib_closure_load(&engine->closure);
	for (size_t i = 0; i < nodes.n && err == 0; i++)
		err = look_at(engine, nodes.p[i], ticket, batch);
	return err;
}

static void walk_end(struct attrib_engine *engine)
{
	attrib_catalog_unref(engine->base);
	engine->base = NULL;
	engine->walk_all = false;
}

int attrib_engine_redecide(
	struct attrib_engine *engine, size_t max, struct attrib_batch *batch, bool *left)
{
	struct attrib_entity *entities;
	uint64_t cursor = engine->walk_cursor;
	size_t n;
	int err;

	*left = false;
	if (!engine->base)
		return 0;
	attrib_engine_clear(engine);
	entities = attrib_arena_raw(&engine->arena, max * sizeof *entities);
	if (!entities)
		return ATTRIB_E_NOMEM;
	err = engine->state->ops->orders(engine->state, &cursor, entities, max, &n);
	if (err == 0)
		err = look_at_all(engine, entities, n, batch);
	if (err)
		return err;
	engine->walk_cursor = cursor;
	*left = cursor != 0;
	if (!*left)
		walk_end(engine);
	return 0;
}
