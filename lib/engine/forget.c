/*
 * What can't matter any more. From the watermark on an order is either late, or was placed at most
 * lock_after before it; so a fact matters only when it was received within what such an order may look
 * back at. A touch lies inside the longest window of any site, campaign or tracker. A lead may lie
 * lead_window before its order, its touches a window before that. What months of renewals are counted
 * from may lie that many months back; whoever ordered earlier still is over them, see renewal.c.
 * repeat_orders = first wants no more: an earlier order that used a touch lies inside its window. Nor do
 * code_grace, which asks the catalog, and max_late, which dates events back, but not their receipt.
 */
#include "internal.h"

#define MONTH_US  (32 * ATTRIB_US_PER_DAY) /* with what clocks are moved in it */
#define FUTURE_US (5 * ATTRIB_US_PER_MIN)  /* events may be dated ahead of their receipt */

static int64_t max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

struct attrib_memory_span attrib_memory_span_of(const struct attrib_catalog *catalog)
{
	const struct attrib_site *sites, *site;
	size_t n = attrib_catalog_sites(catalog, &sites);
	int64_t before = 0;
	struct attrib_memory_span span = {0};

	for (size_t i = 0; i < n; i++)
		for (site = &sites[i]; site; site = site->before) {
			const struct attrib_policy *policy = &site->policy;
			span.lock_after_us = max(span.lock_after_us, policy->lock_after_us);
			before = max(before, policy->lead_window_us);
			if (policy->renewals == ATTRIB_RENEWALS_MONTHS)
				before = max(before, policy->renewal_months * MONTH_US);
		}
	span.facts_us =
		span.lock_after_us + before + attrib_catalog_longest_window(catalog) + FUTURE_US;
	return span;
}

int attrib_engine_forget(struct attrib_engine *engine, int64_t ids_before, int64_t watermark)
{
	struct attrib_memory_span span = attrib_memory_span_of(engine->catalog);
	int64_t *complete_from = &engine->decider.complete_from;

	*complete_from = max(*complete_from, watermark - span.lock_after_us);
	return engine->state->ops->forget(engine->state, ids_before, watermark - span.facts_us);
}
