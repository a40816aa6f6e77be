/*
 * Orders that are no sales by the site's own rules: tests, gifts, the till, replacements.
 */
#include "group.h"

static bool has_tag(struct attrib_str tags, struct attrib_str tag)
{
	while (tags.n)
		if (attrib_str_eq(attrib_str_split(tags, ',', &tags), tag))
			return true;
	return false;
}

/* What one item of policy.exclude says of the order. */
static enum attrib_reason ask(const struct attrib_merged *order, struct attrib_str item)
{
	struct attrib_str name, what = attrib_str_split(item, ':', &name);

	if (attrib_str_eq(what, ATTRIB_STR("test")))
		return order->test ? ATTRIB_REASON_TEST : ATTRIB_REASON_NONE;
	if (attrib_str_eq(what, ATTRIB_STR("zero_total")))
		return order->total == 0 ? ATTRIB_REASON_ZERO_TOTAL : ATTRIB_REASON_NONE;
	if (attrib_str_eq(what, ATTRIB_STR("source")))
		return attrib_str_ieq(order->order_source, name) ? ATTRIB_REASON_SOURCE
								 : ATTRIB_REASON_NONE;
	if (attrib_str_eq(what, ATTRIB_STR("kind")))
		return attrib_str_ieq(order->order_kind, name) ? ATTRIB_REASON_KIND
							       : ATTRIB_REASON_NONE;
	return has_tag(order->tags, name) ? ATTRIB_REASON_TAG : ATTRIB_REASON_NONE;
}

enum attrib_reason attrib_order_exclusion(
	const struct attrib_merged *order, const struct attrib_policy *policy)
{
	struct attrib_str rest = policy->exclude;
	enum attrib_reason reason = ATTRIB_REASON_NONE;

	if (order->kind == ATTRIB_CONVERSION_LEAD)
		return reason;
	while (rest.n && !reason)
		reason = ask(order, attrib_str_split(rest, ',', &rest));
	return reason;
}
