/*
 * A lead keeps its creator for the first order: what was eligible for the lead's winner is on that
 * order's path, and its own window does not matter there.
 *
 * A lead's path never looks at leads or other orders, so no decision waits for another. Nor is the lead's
 * judgement taken over: its touches are judged once more, as all that the order sees.
 */
#include "history.h"

#define LEADS_MAX 64 /* newest first; each is decided once more */

static bool is_first_since(const struct attrib_merged *lead, const struct attrib_merged *order,
	const struct attrib_history *orders)
{
	for (size_t i = 0; i < orders->n; i++) {
		const struct attrib_merged *other = &orders->rows[i].order;
		if (other->placed_at >= lead->placed_at && attrib_order_cmp(other, order) < 0)
			return false;
	}
	return true;
}

/* [T, T + window) */
static bool is_kept_by(const struct attrib_order_group *lead, const struct attrib_path *path,
	const struct attrib_history *orders)
{
	const struct attrib_merged *order = &path->group->order;
	int64_t age = order->placed_at - lead->order.placed_at;

	return age >= 0 && age < path->site->policy.lead_window_us &&
	       is_first_since(&lead->order, order, orders);
}

/* The same touch on the order's path, or one of another content of its event: of that the path has what
 * counts. */
static struct attrib_candidate *find_touch(
	struct attrib_path *path, const struct attrib_candidate *touch)
{
	struct attrib_candidate *found = NULL;

	for (size_t i = 0; i < path->n && touch->fact; i++) {
		struct attrib_candidate *c = &path->candidates[i];
		if (!c->fact || !attrib_id_eq(&c->id, &touch->id))
			continue;
		if (c->listed == touch->listed)
			return c;
		if (attrib_candidate_cmp_copy(c, touch) != 0)
			found = c;
	}
	return found;
}

/* A touch that only the lead has, as it was before anybody judged it. */
static struct attrib_candidate *bring(struct attrib_path *path,
	const struct attrib_candidate *touch, struct attrib_str lead_id, struct attrib_arena *arena)
{
	struct attrib_candidate *c = attrib_path_add(path, arena);

	if (!c)
		return NULL;
	c->step.channel = touch->step.channel;
	c->step.view = touch->step.view;
	c->step.occurred_at = touch->step.occurred_at;
	c->step.event_id = touch->step.event_id;
	c->step.key = touch->step.key;
	c->step.folded = touch->step.folded;
	c->utm = touch->utm;
	c->verdicts = touch->verdicts;
	c->listed = touch->listed;
	c->id = touch->id;
	c->fact = touch->fact;
	c->lead_id = lead_id;
	return c;
}

static int take_touches(struct attrib_path *path, const struct attrib_path *lead,
	struct attrib_str winner, struct attrib_arena *arena)
{
	const struct attrib_merged *order = &lead->group->order;
	int64_t until = order->placed_at + path->site->policy.lead_window_us;

	for (size_t i = 0; i < lead->n; i++) {
		const struct attrib_candidate *touch = &lead->candidates[i];
		struct attrib_candidate *c;
		if (!touch->step.eligible || !attrib_str_eq(touch->step.creator, winner))
			continue;
		c = find_touch(path, touch);
		if (!c)
			c = bring(path, touch, order->order_id, arena);
		if (!c)
			return ATTRIB_E_NOMEM;
		if (c->listed == touch->listed && c->kept_until < until)
			c->kept_until = until;
	}
	return 0;
}

/* Decides the lead. A late one has no touches, and an unowned winner is nobody to keep. */
static int take_lead(struct attrib_decider *decider, const struct attrib_order_group *lead,
	struct attrib_path *path, struct attrib_path *out)
{
	struct attrib_arena *arena = decider->closure->arena;
	struct attrib_outcome outcome;
	int err = attrib_path_find(decider, lead, out);

	if (err)
		return err;
	attrib_path_judge(out, decider->catalog, arena);
	err = attrib_path_collapse(out, arena);
	if (err)
		return err;
	attrib_path_policy(out, decider->catalog, &outcome);
	if (outcome.row == ATTRIB_NO_ROW || outcome.rule == ATTRIB_RULE_OTHER)
		return 0;
	return take_touches(
		path, out, out->candidates[out->rows[outcome.row].source].step.creator, arena);
}

int attrib_path_keep_leads(struct attrib_decider *decider, struct attrib_path *path,
	const struct attrib_history *leads, const struct attrib_history *orders)
{
	int err = 0;

	if (leads->n == 0)
		return 0;
	decider->leads =
		attrib_arena_raw(decider->closure->arena, LEADS_MAX * sizeof *decider->leads);
	if (!decider->leads)
		return ATTRIB_E_NOMEM;
	for (size_t i = leads->n; i-- > 0 && err == 0;) {
		const struct attrib_order_group *lead = &leads->rows[i];
		if (!is_kept_by(lead, path, orders))
			continue;
		if (decider->lead_count == LEADS_MAX) {
			decider->cut = true;
			break;
		}
		err = take_lead(decider, lead, path, &decider->leads[decider->lead_count]);
		if (err == 0)
			decider->lead_count++;
	}
	attrib_path_sort(path);
	return err;
}
