/*
 * The stages of a decision in their order; lib/engine/README.md tells them as a story.
 */
#include "history.h"

#include <stdlib.h>

#include "unique.h"

static enum attrib_base_status status_of(
	const struct attrib_merged *order, const struct attrib_policy *policy)
{
	if (attrib_order_exclusion(order, policy))
		return ATTRIB_STATUS_EXCLUDED;
	if (!order->signed_source && policy->browser_orders != ATTRIB_BROWSER_COUNT)
		return ATTRIB_STATUS_PROVISIONAL;
	return order->status == ATTRIB_ORDER_PENDING ? ATTRIB_STATUS_PENDING : ATTRIB_STATUS_PAID;
}

bool attrib_order_is_counted(const struct attrib_merged *order, const struct attrib_policy *policy)
{
	switch (status_of(order, policy)) {
	case ATTRIB_STATUS_EXCLUDED:
	case ATTRIB_STATUS_PROVISIONAL:
		break;
	case ATTRIB_STATUS_PENDING:
		return policy->count_at_created;
	case ATTRIB_STATUS_PAID:
		return true;
	}
	return false;
}

/* First received behind its lock, or so long ago that what its path was made of may be forgotten: the
 * sink keeps the path that it has. */
static bool is_late(const struct attrib_merged *order, int64_t complete_from)
{
	return order->first_received_at > order->lock_at || order->placed_at < complete_from;
}

static enum attrib_reason reason_of(const struct attrib_decision *d, const struct attrib_path *path)
{
	switch (d->status) {
	case ATTRIB_STATUS_EXCLUDED:
		return attrib_order_exclusion(&path->group->order, &path->site->policy);
	case ATTRIB_STATUS_PROVISIONAL:
		return ATTRIB_REASON_UNCONFIRMED;
	case ATTRIB_STATUS_PENDING:
		return ATTRIB_REASON_UNPAID;
	case ATTRIB_STATUS_PAID:
		break;
	}
	if (d->late)
		return ATTRIB_REASON_ORDER_LATE;
	return path->renewal ? ATTRIB_REASON_RENEWAL : ATTRIB_REASON_NONE;
}

static void describe(const struct attrib_decider *decider, const struct attrib_order_group *group,
	struct attrib_decision *out)
{
	const struct attrib_merged *order = &group->order;
	const struct attrib_policy *policy = &group->site->policy;
	int64_t paid_at = order->paid_at != ATTRIB_NEVER ? order->paid_at : order->placed_at;

	*out = (struct attrib_decision){
		.site = group->site->name,
		.kind = order->kind,
		.order_id = order->order_id,
		.status = status_of(order, policy),
		.counted = attrib_order_is_counted(order, policy),
		.late = is_late(order, decider->complete_from),
		.signed_source = order->signed_source,
		.exponent = order->exponent,
		.gross = order->gross,
		.total = order->total,
		.placed_at = order->placed_at,
		.lock_at = order->lock_at,
		.counted_at = ATTRIB_NEVER,
		.first_received_at = order->first_received_at,
		.order_kind = order->order_kind,
		.order_source = order->order_source,
		.source = order->source,
		.policy_version = policy->version,
		.catalog_version = attrib_catalog_version(decider->catalog),
	};
	memcpy(out->currency, order->currency, sizeof out->currency);
	if (out->counted)
		out->counted_at = policy->count_at_created ? order->placed_at : paid_at;
}

/* -- keys and aliases ----------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	return attrib_customer_key_cmp(a, b);
}

static int by_alias(const void *left, const void *right)
{
	const struct attrib_order_name *a = left, *b = right;
	int order = attrib_str_cmp(a->kind, b->kind);

	if (order == 0)
		order = attrib_str_cmp(a->value, b->value);
	return order ? order : attrib_int_cmp(a->conflict, b->conflict);
}

/* Each name once: what one statement of it holds is no conflict of the order. */
static size_t unique_aliases(struct attrib_order_name *aliases, size_t n)
{
	size_t kept = 0;

	if (n > 1)
		qsort(aliases, n, sizeof *aliases, by_alias);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !attrib_str_eq(aliases[kept - 1].kind, aliases[i].kind) ||
			!attrib_str_eq(aliases[kept - 1].value, aliases[i].value))
			aliases[kept++] = aliases[i];
	return kept;
}

/* A key that too many share would make them all one customer in the ledger. */
static bool is_hub(const struct attrib_person *person, const struct attrib_id *id)
{
	for (size_t i = 0; i < person->key_count; i++)
		if (attrib_id_eq(&person->keys[i].node->entity.id, id))
			return person->keys[i].hub;
	return false;
}

static int names_of(const struct attrib_order_group *group, const struct attrib_person *person,
	struct attrib_arena *arena, struct attrib_decision *out)
{
	size_t n = group->observation_count, keys_n = 0, aliases_n = 0;
	struct attrib_customer_key *keys =
		attrib_arena_raw(arena, n * ATTRIB_CUSTOMER_KEYS_MAX * sizeof *keys);
	struct attrib_order_name *aliases =
		attrib_arena_raw(arena, n * ATTRIB_ALIASES_MAX * sizeof *aliases);

	if (!keys || !aliases)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct attrib_event *event = &group->observations[i]->event;
		if (event->trust != ATTRIB_TRUST_SIGNED)
			continue;
		for (size_t k = 0; k < event->key_count; k++)
			if (!is_hub(person, &event->keys[k].id))
				keys[keys_n++] = event->keys[k];
		for (size_t k = 0; k < event->order->alias_count; k++)
			aliases[aliases_n++] = (struct attrib_order_name){
				event->order->aliases[k].kind, event->order->aliases[k].value,
				group->observations[i]->foreign_aliases & 1u << k};
	}
	out->keys = keys;
	out->key_count = attrib_sort_unique(keys, keys_n, sizeof *keys, by_key);
	out->aliases = aliases;
	out->alias_count = unique_aliases(aliases, aliases_n);
	return 0;
}

/* -- stages --------------------------------------------------------------------------------------- */

static int steps_of(
	const struct attrib_path *path, struct attrib_arena *arena, struct attrib_decision *out)
{
	struct attrib_step *steps = attrib_arena_raw(arena, path->n * sizeof *steps);

	if (!steps)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < path->n; i++) {
		steps[i] = path->candidates[i].step;
		if (path->candidates[i].row != ATTRIB_NO_ROW)
			steps[i].credit = (int)path->candidates[i].row;
	}
	out->steps = steps;
	out->step_count = path->n;
	return 0;
}

int attrib_path_find(struct attrib_decider *decider, const struct attrib_order_group *group,
	struct attrib_path *path)
{
	struct attrib_closure *closure = decider->closure;
	int err = attrib_person_find(&decider->person, closure, decider->catalog, group);

	decider->cut |= decider->person.cut;
	if (err == 0)
		err = attrib_path_gather(path, &decider->person, group);
	if (err == 0)
		err = attrib_path_renewal(decider, path);
	return err;
}

/* What the person's other conversions do to an order's path, before and after it is judged. */
static int judge_order(struct attrib_decider *decider, struct attrib_path *path)
{
	struct attrib_history leads, orders = {0}, sharing = {0};
	bool first = path->site->policy.repeat_first;
	int err = attrib_history_find(decider, ATTRIB_EDGE_LEAD, ATTRIB_HISTORY_OWN, &leads);

	if (err == 0 && leads.n)
		err = attrib_history_find(decider, ATTRIB_EDGE_ORDER, ATTRIB_HISTORY_OWN, &orders);
	if (err == 0 && first)
		err = attrib_history_find(
			decider, ATTRIB_EDGE_ORDER, ATTRIB_HISTORY_SHARING, &sharing);
	if (err == 0)
		err = attrib_path_keep_leads(decider, path, &leads, &orders);
	if (err)
		return err;
	attrib_path_judge(path, decider->catalog, decider->closure->arena);
	return attrib_path_use_up(decider, path, &sharing);
}

static int find_path(struct attrib_decider *decider, struct attrib_order_group *group,
	struct attrib_path *path, struct attrib_decision *out)
{
	struct attrib_arena *arena = decider->closure->arena;
	int err = attrib_path_find(decider, group, path);

	if (err == 0)
		err = names_of(group, &decider->person, arena, out);
	if (err)
		return err;
	if (out->kind == ATTRIB_CONVERSION_ORDER)
		err = judge_order(decider, path);
	else
		attrib_path_judge(path, decider->catalog, arena);
	if (err == 0)
		err = attrib_path_collapse(path, arena);
	return err ? err : steps_of(path, arena, out);
}

/* A late order has no path, whatever memory holds: it may have forgotten some of it. */
static int no_path(struct attrib_decider *decider, struct attrib_order_group *group,
	struct attrib_path *path, struct attrib_decision *out)
{
	decider->person.key_count = 0;
	*path = (struct attrib_path){.site = group->site, .group = group};
	return names_of(group, &decider->person, decider->closure->arena, out);
}

int attrib_decide(struct attrib_decider *decider, struct attrib_order_group *group,
	struct attrib_decision *out)
{
	struct attrib_outcome outcome;
	struct attrib_path path;
	int err;

	decider->cut = false;
	decider->lead_count = 0;
	describe(decider, group, out);
	err = out->late ? no_path(decider, group, &path, out)
			: find_path(decider, group, &path, out);
	if (err)
		return err;
	out->reason = reason_of(out, &path);
	attrib_path_policy(&path, decider->catalog, &outcome);
	out->rule = outcome.rule;
	if (outcome.code) {
		out->code = outcome.code->step.tracker;
		out->code_rule = outcome.code_rule;
	}
	return attrib_credits(&path, &outcome, decider->closure->arena, out);
}
