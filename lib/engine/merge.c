/*
 * Observations to one order. Each group of fields comes from the best observation that has it: the
 * greater (source, updated_at, content). Source: a signed one beats strangers, the site's
 * order_source beats other signed ones.
 */
#include <stdlib.h>

#include "attrib/money.h"
#include "group.h"
#include "unique.h"

#define FUTURE_US (5 * ATTRIB_US_PER_MIN)

/* A sum of amounts stays far inside of int64. */
static int64_t clamp_money(int64_t amount)
{
	if (amount < 0)
		return 0;
	return amount > ATTRIB_MONEY_MAX ? ATTRIB_MONEY_MAX : amount;
}

static int source_rank(const struct attrib_event *event, const struct attrib_policy *policy)
{
	if (event->trust != ATTRIB_TRUST_SIGNED)
		return 0;
	return policy->order_source.n && attrib_str_eq(event->source, policy->order_source) ? 2 : 1;
}

static int64_t updated_at(const struct attrib_observation *o)
{
	int64_t stated = o->event.order->updated_at;
	int64_t at = stated == ATTRIB_NEVER ? o->event.occurred_at : stated;
	int64_t latest = o->fact->received_at + FUTURE_US;

	return at > latest ? latest : at;
}

static int by_rank(const void *left, const void *right, void *arg)
{
	const struct attrib_observation *a = *(const struct attrib_observation *const *)left;
	const struct attrib_observation *b = *(const struct attrib_observation *const *)right;
	int order = source_rank(&b->event, arg) - source_rank(&a->event, arg);

	if (order == 0)
		order = attrib_int_cmp(updated_at(b), updated_at(a));
	if (order == 0)
		order = attrib_int_cmp(b->event.occurred_at, a->event.occurred_at);
	return order ? order : attrib_id_cmp(&b->fact->id, &a->fact->id);
}

int64_t attrib_placed_at(const struct attrib_observation *const *observations, size_t n,
	const struct attrib_policy *policy)
{
	int64_t stated = ATTRIB_FOREVER, occurred = ATTRIB_FOREVER;
	int best = 0;

	for (size_t i = 0; i < n; i++) {
		int rank = source_rank(&observations[i]->event, policy);
		best = rank > best ? rank : best;
	}
	for (size_t i = 0; i < n; i++) {
		const struct attrib_event *event = &observations[i]->event;
		if (source_rank(event, policy) != best)
			continue;
		if (event->order->placed_at != ATTRIB_NEVER && event->order->placed_at < stated)
			stated = event->order->placed_at;
		if (event->occurred_at < occurred)
			occurred = event->occurred_at;
	}
	return stated != ATTRIB_FOREVER ? stated : occurred;
}

int attrib_order_cmp(const struct attrib_merged *a, const struct attrib_merged *b)
{
	int order = attrib_int_cmp(a->placed_at, b->placed_at);

	return order ? order : attrib_str_cmp(a->order_id, b->order_id);
}

static int64_t net_of(const struct attrib_order *order)
{
	if (order->has_total)
		return order->total - order->tax - order->shipping;
	return order->subtotal;
}

static int64_t gross_of(const struct attrib_order *order, enum attrib_revenue_basis basis)
{
	switch (basis) {
	case ATTRIB_BASIS_NET_OF_TAX_AND_SHIPPING:
		break;
	case ATTRIB_BASIS_TOTAL:
		return order->has_total ? order->total
					: order->subtotal + order->tax + order->shipping;
	case ATTRIB_BASIS_SUBTOTAL:
		return order->has_subtotal ? order->subtotal : net_of(order);
	}
	return net_of(order);
}

static void merge_amounts(const struct attrib_observation **observations, size_t n,
	const struct attrib_policy *policy, struct attrib_merged *out)
{
	const struct attrib_order *order = NULL;
	const char *currency = policy->currency;

	for (size_t i = 0; i < n && !order; i++)
		if (observations[i]->event.order->has_amounts)
			order = observations[i]->event.order;
	if (order && order->currency[0])
		currency = order->currency;
	memcpy(out->currency, currency, sizeof out->currency);
	out->exponent = attrib_currency_exponent(attrib_str_of(out->currency));
	if (out->exponent < 0)
		out->exponent = 2;
	if (!order)
		return;
	out->gross = clamp_money(gross_of(order, policy->revenue_basis));
	out->total = clamp_money(gross_of(order, ATTRIB_BASIS_TOTAL));
}

static void merge_status(
	const struct attrib_observation **observations, size_t n, struct attrib_merged *out)
{
	const struct attrib_order *order = NULL;

	for (size_t i = 0; i < n && !order; i++)
		if (observations[i]->event.order->has_status)
			order = observations[i]->event.order;
	out->status = order ? order->status : ATTRIB_ORDER_PAID;
	out->paid_at = order ? order->paid_at : ATTRIB_NEVER;
	for (size_t i = 0; i < n && out->paid_at == ATTRIB_NEVER; i++)
		out->paid_at = observations[i]->event.order->paid_at;
}

/* Codes are part of the path: a list that came after the lock is not seen. */
static void merge_codes(
	const struct attrib_observation **observations, size_t n, struct attrib_merged *out)
{
	for (size_t i = 0; i < n && !out->codes; i++)
		if (observations[i]->event.order->has_codes &&
			observations[i]->fact->received_at <= out->lock_at)
			out->codes = observations[i]->event.order;
}

/* How many of the sorted observations say what an order is: strangers do not beside the shop. They
 * exclude no order, make none a renewal and none unpaid. */
static size_t believed(const struct attrib_observation **observations, size_t n)
{
	enum attrib_trust best = observations[0]->event.trust;
	size_t kept = 1;

	while (kept < n && observations[kept]->event.trust == best)
		kept++;
	return kept;
}

static void merge_kinds(
	const struct attrib_observation **observations, size_t n, struct attrib_merged *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct attrib_event *event = &observations[i]->event;
		if (!out->order_kind.n)
			out->order_kind = event->order->kind;
		if (!out->order_source.n)
			out->order_source = event->order->source;
		if (!out->tags.n)
			out->tags = event->order->tags;
	}
	if (!out->order_kind.n)
		out->order_kind = ATTRIB_STR("one_off");
}

/* What stands outside of the groups. A test stays one. */
static void merge_attributes(const struct attrib_observation **observations, size_t n,
	const struct attrib_policy *policy, struct attrib_merged *out)
{
	int best = source_rank(&observations[0]->event, policy);

	out->order_id = observations[0]->event.order->id;
	out->source = observations[0]->event.source;
	out->signed_source = observations[0]->event.trust == ATTRIB_TRUST_SIGNED;
	out->first_received_at = ATTRIB_FOREVER;
	for (size_t i = 0; i < n; i++) {
		const struct attrib_event *event = &observations[i]->event;
		if (event->order->test && source_rank(event, policy) == best)
			out->test = true;
		if (observations[i]->fact->received_at < out->first_received_at)
			out->first_received_at = observations[i]->fact->received_at;
	}
	merge_kinds(observations, believed(observations, n), out);
}

void attrib_merge(const struct attrib_observation **observations, size_t n,
	const struct attrib_policy *policy, struct attrib_merged *out)
{
	*out = (struct attrib_merged){0};
	if (n > 1)
		qsort_r(observations, n, sizeof(struct attrib_observation *), by_rank,
			(void *)policy);
	out->kind = observations[0]->event.type == ATTRIB_EVENT_LEAD ? ATTRIB_CONVERSION_LEAD
								     : ATTRIB_CONVERSION_ORDER;
	out->placed_at = attrib_placed_at(observations, n, policy);
	out->lock_at = out->placed_at + policy->lock_after_us;
	merge_attributes(observations, n, policy, out);
	merge_amounts(observations, n, policy, out);
	merge_status(observations, believed(observations, n), out);
	merge_codes(observations, n, out);
}
