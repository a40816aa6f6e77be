/*
 * The end of a batch: rows in the order in which SQL will lock them, and what came twice dropped.
 */
#include <stdlib.h>

#include "batch_rows.h"
#include "unique.h"

int attrib_batch_decision_cmp(const struct attrib_decision *a, const struct attrib_decision *b)
{
	int order = attrib_str_cmp(a->site, b->site);

	if (order == 0)
		order = attrib_int_cmp(a->kind, b->kind);
	return order ? order : attrib_str_cmp(a->order_id, b->order_id);
}

static int traffic_cmp(const struct attrib_traffic *a, const struct attrib_traffic *b)
{
	int order = a->site.p == b->site.p && a->site.n == b->site.n
			    ? 0
			    : attrib_str_cmp(a->site, b->site);

	if (order == 0)
		order = attrib_int_cmp(a->bucket_at, b->bucket_at);
	if (order == 0)
		order = attrib_int_cmp(a->channel, b->channel);
	if (order == 0)
		order = attrib_str_cmp(a->key, b->key);
	if (order == 0)
		order = attrib_int_cmp(a->type, b->type);
	return order ? order : attrib_int_cmp(a->verdicts, b->verdicts);
}

static int by_decision(const void *a, const void *b)
{
	return attrib_batch_decision_cmp(*(const struct attrib_decision *const *)a,
		*(const struct attrib_decision *const *)b);
}

static int by_traffic(const void *a, const void *b)
{
	return traffic_cmp(
		*(const struct attrib_traffic *const *)a, *(const struct attrib_traffic *const *)b);
}

static int by_amounts(const struct attrib_refund_fact *a, const struct attrib_refund_fact *b)
{
	int order = memcmp(a->currency, b->currency, sizeof a->currency);

	if (order == 0)
		order = attrib_int_cmp(a->amount, b->amount);
	if (order == 0)
		order = attrib_int_cmp(a->tax, b->tax);
	if (order == 0)
		order = attrib_int_cmp(a->shipping, b->shipping);
	if (order == 0)
		order = attrib_int_cmp(a->has_parts, b->has_parts);
	if (order == 0)
		order = attrib_int_cmp(a->cumulative, b->cumulative);
	return order ? order : attrib_int_cmp(a->voided, b->voided);
}

static int by_refund(const void *left, const void *right)
{
	const struct attrib_refund_fact *a = left, *b = right;
	int order = attrib_str_cmp(a->site, b->site);

	if (order == 0)
		order = attrib_str_cmp(a->order_id, b->order_id);
	if (order == 0)
		order = attrib_str_cmp(a->source, b->source);
	if (order == 0)
		order = attrib_str_cmp(a->refund_id, b->refund_id);
	if (order == 0)
		order = attrib_int_cmp(a->occurred_at, b->occurred_at);
	if (order == 0)
		order = attrib_str_cmp(a->event_id, b->event_id);
	if (order == 0)
		order = attrib_int_cmp(a->received_at, b->received_at);
	return order ? order : by_amounts(a, b);
}

static int by_cancel(const void *left, const void *right)
{
	const struct attrib_cancel_fact *a = left, *b = right;
	int order = attrib_str_cmp(a->site, b->site);

	if (order == 0)
		order = attrib_str_cmp(a->order_id, b->order_id);
	if (order == 0)
		order = attrib_str_cmp(a->source, b->source);
	if (order == 0)
		order = attrib_int_cmp(a->occurred_at, b->occurred_at);
	if (order == 0)
		order = attrib_str_cmp(a->event_id, b->event_id);
	if (order == 0)
		order = attrib_int_cmp(a->received_at, b->received_at);
	return order ? order : attrib_int_cmp(a->reversed, b->reversed);
}

static int by_link(const void *left, const void *right)
{
	const struct attrib_customer_link *a = left, *b = right;
	int order = attrib_str_cmp(a->site, b->site);

	for (size_t i = 0; order == 0 && i < a->count && i < b->count; i++)
		order = attrib_customer_key_cmp(&a->keys[i], &b->keys[i]);
	return order ? order : attrib_int_cmp((int64_t)a->count, (int64_t)b->count);
}

static int by_lane(const void *left, const void *right)
{
	const struct attrib_position *a = left, *b = right;

	return attrib_id_cmp(&a->lane, &b->lane);
}

static void rows_sort(struct rows *rows, size_t size, int (*cmp)(const void *, const void *))
{
	if (rows->n)
		qsort(rows->p, rows->n, size, cmp);
}

/* Rows keep their numbers for the index, so it is a copy that is sorted: its room came with them. */
static const void *sorted_pointers(
	const struct rows *rows, struct rows *sorted, int (*cmp)(const void *, const void *))
{
	sorted->n = rows->n;
	if (rows->n)
		memcpy(sorted->p, rows->p, rows->n * sizeof(void *));
	rows_sort(sorted, sizeof(void *), cmp);
	return sorted->p;
}

/* Sorted, and what came twice once: a group that was applied again, an event that was sent again. */
static void sort_unique(struct rows *rows, size_t size, int (*cmp)(const void *, const void *))
{
	rows->n = attrib_sort_unique(rows->p, rows->n, size, cmp);
}

void attrib_batch_seal(struct attrib_batch *batch, struct attrib_batch_view *out)
{
	sort_unique(&batch->refunds, sizeof(struct attrib_refund_fact), by_refund);
	sort_unique(&batch->cancels, sizeof(struct attrib_cancel_fact), by_cancel);
	sort_unique(&batch->links, sizeof(struct attrib_customer_link), by_link);
	rows_sort(&batch->positions, sizeof(struct attrib_position), by_lane);
	*out = (struct attrib_batch_view){
		.decisions =
			sorted_pointers(&batch->decisions, &batch->sorted_decisions, by_decision),
		.decision_count = batch->decisions.n,
		.refunds = batch->refunds.p,
		.refund_count = batch->refunds.n,
		.cancels = batch->cancels.p,
		.cancel_count = batch->cancels.n,
		.links = batch->links.p,
		.link_count = batch->links.n,
		.traffic = sorted_pointers(&batch->traffic, &batch->sorted_traffic, by_traffic),
		.traffic_count = batch->traffic.n,
		.positions = batch->positions.p,
		.position_count = batch->positions.n,
		.records = batch->records,
	};
}
