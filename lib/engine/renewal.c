/*
 * Which renewals of a subscription earn: all, none, or those of its first months.
 */
#include "history.h"

/* Whether the order was placed too long after the person's first one, which it may be itself. */
static int is_over(
	struct attrib_decider *decider, const struct attrib_order_group *group, bool *over)
{
	const struct attrib_site *site = group->site;
	int64_t first_at = group->order.placed_at;
	struct attrib_history orders;
	int err = attrib_history_find(decider, ATTRIB_EDGE_ORDER, ATTRIB_HISTORY_OWN, &orders);

	if (err)
		return err;
	if (orders.n && orders.rows[0].order.placed_at < first_at)
		first_at = orders.rows[0].order.placed_at;
	/* orders are remembered for as long as months are counted from them (forget.c) */
	*over = orders.forgotten ||
		group->order.placed_at >=
			attrib_zone_add_months(site->zone, first_at, site->policy.renewal_months);
	return 0;
}

int attrib_path_renewal(struct attrib_decider *decider, struct attrib_path *path)
{
	const struct attrib_order_group *group = path->group;

	if (!attrib_str_eq(group->order.order_kind, ATTRIB_STR("renewal")))
		return 0;
	switch (group->site->policy.renewals) {
	case ATTRIB_RENEWALS_ALL:
		break;
	case ATTRIB_RENEWALS_NONE:
		path->renewal = true;
		break;
	case ATTRIB_RENEWALS_MONTHS:
		return is_over(decider, group, &path->renewal);
	}
	return 0;
}
