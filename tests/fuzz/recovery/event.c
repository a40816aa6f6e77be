/* See event.h. */
#include "event.h"

#include <string.h>

#define START (INT64_C(1793491200000000)) /* 2026-11-01T00:00:00Z */

static const struct attrib_str site = {"shop", 4};
static const struct attrib_str links[] = {{"a", 1}, {"b", 1}, {"nobody", 6}, {"", 0}};
static const struct attrib_str codes[] = {{"A10", 3}, {"b10", 3}, {"none", 4}};
static const struct attrib_str sources[] = {{"native", 6}, {"shopify", 7}, {"pixel", 5}};
static const struct attrib_str kinds[] = {{"", 0}, {"first", 5}, {"renewal", 7}};
static const struct attrib_str currencies[] = {{"EUR", 3}, {"USD", 3}, {"JPY", 3}};
static const struct attrib_str names[] = {
	{"0", 1}, {"1", 1}, {"2", 1}, {"3", 1}, {"4", 1}, {"5", 1}, {"6", 1}, {"7", 1}};

#define PICK(in, list) (list)[take_below(in, sizeof(list) / sizeof *(list))]

static struct attrib_id id_of(uint8_t domain, uint32_t n)
{
	return (struct attrib_id){{domain, (uint8_t)n, 1}};
}

static bool chance(struct input *in, uint32_t one_in)
{
	return take_below(in, one_in) == 0;
}

/* Mostly of three months; sometimes what only a broken clock would say. */
static int64_t instant(struct input *in)
{
	static const int64_t odd[] = {0, -1, ATTRIB_EVENT_NUMBER_MAX, -ATTRIB_EVENT_NUMBER_MAX};

	if (chance(in, 64))
		return PICK(in, odd);
	return START + (int64_t)take_below(in, 0x10000) * 4 * ATTRIB_US_PER_MIN;
}

/* Mostly small; sometimes as large as the decoder lets through. */
static int64_t amount(struct input *in)
{
	int64_t v = take_below(in, 0x10000);

	return chance(in, 32) ? v * (ATTRIB_EVENT_NUMBER_MAX >> 16) : v;
}

static void put_currency(struct input *in, char out[4])
{
	memcpy(out, PICK(in, currencies).p, 3);
	out[3] = '\0';
}

static void put_codes(struct input *in, struct attrib_order *order)
{
	order->has_codes = true;
	order->code_count = take_below(in, 4);
	for (size_t i = 0; i < order->code_count; i++)
		order->codes[i] = (struct attrib_order_code){.code = PICK(in, codes)};
}

static void put_order(struct input *in, struct attrib_event *event, struct attrib_order *order)
{
	uint32_t n = take_below(in, 8), what = take(in);

	*order = (struct attrib_order){.id = names[n],
		.key = id_of(ATTRIB_ID_ORDER, n),
		.placed_at = ATTRIB_NEVER,
		.paid_at = ATTRIB_NEVER,
		.updated_at = ATTRIB_NEVER};
	if (event->type == ATTRIB_EVENT_LEAD)
		order->name = PICK(in, links);
	order->kind = PICK(in, kinds);
	order->test = (what & 0x70) == 0x70;
	order->has_amounts = what & 1;
	if (order->has_amounts) {
		put_currency(in, order->currency);
		order->has_total = true;
		order->total = amount(in);
		order->tax = chance(in, 2) ? order->total / 5 : 0;
	}
	order->has_status = what & 2;
	if (order->has_status)
		order->status = (enum attrib_order_status)(1 + take_below(in, ATTRIB_ORDER_PAID));
	if (what & 4)
		order->placed_at = instant(in);
	if (what & 8)
		put_codes(in, order);
	if (chance(in, 6)) {
		n = take_below(in, 8);
		order->alias_count = 1;
		order->aliases[0] = (struct attrib_alias){
			ATTRIB_STR("name"), names[n], id_of(ATTRIB_ID_ORDER, n)};
	}
	event->order = order;
}

static void put_refund(struct input *in, struct attrib_event *event, struct attrib_refund *refund)
{
	*refund = (struct attrib_refund){.id = PICK(in, names),
		.order_id = PICK(in, names),
		.amount = amount(in),
		.cumulative = chance(in, 4),
		.status = chance(in, 4) ? ATTRIB_REFUND_VOID : ATTRIB_REFUND_DONE};
	event->refund = refund;
}

static void put_keys(struct input *in, struct attrib_event *event)
{
	event->key_count = take_below(in, 3);
	for (size_t i = 0; i < event->key_count; i++)
		event->keys[i] = (struct attrib_customer_key){
			(enum attrib_customer_kind)(1 + take_below(in, 3)),
			id_of(ATTRIB_ID_CUSTOMER, take_below(in, 5))};
}

static void put_touch(struct input *in, struct attrib_event *event)
{
	switch (take_below(in, 6)) {
	case 0:
	case 1:
		event->link = PICK(in, links);
		break;
	case 2:
		event->affiliate = PICK(in, links);
		break;
	case 3:
		event->code = PICK(in, codes);
		break;
	case 4:
		event->has_utm = true;
		event->utm =
			(struct attrib_utm){.source = PICK(in, links), .medium = PICK(in, names)};
		break;
	default:
		break;
	}
}

static void put_event(struct input *in, struct attrib_event *event)
{
	uint32_t n = take_below(in, 64), visitor = take_below(in, 8);

	*event = (struct attrib_event){
		.type = (enum attrib_event_type)(1 + take_below(in, ATTRIB_EVENT_TYPE_MAX)),
		.trust = chance(in, 3) ? ATTRIB_TRUST_STRANGER : ATTRIB_TRUST_SIGNED,
		.site = chance(in, 32) ? links[2] : site,
		.source = PICK(in, sources),
		.received_at = instant(in),
		.event_id = names[n % 8],
		.id = id_of(ATTRIB_ID_EVENT, n)};
	event->occurred_at = event->received_at;
	if (event->received_at >= START)
		event->occurred_at -= (int64_t)take_below(in, 0x10000) * ATTRIB_US_PER_MIN;
	if (visitor < 6)
		event->visitor = id_of(ATTRIB_ID_VISITOR, visitor);
	if (chance(in, 3))
		event->click = id_of(ATTRIB_ID_CLICK, take_below(in, 8));
	if (chance(in, 8))
		event->verdicts = 1u << take_below(in, 4);
	put_keys(in, event);
	put_touch(in, event);
}

/* What the decoder has to stand: the checksum of the record will fit. */
static void mutate(struct input *in, struct attrib_buf *out, size_t from)
{
	for (uint32_t n = 1 + take_below(in, 4); n > 0; n--)
		out->p[from + take_below(in, (uint32_t)(out->n - from))] = take(in);
}

bool fuzz_payload(struct input *in, struct attrib_buf *out)
{
	struct attrib_event event;
	struct attrib_order order;
	struct attrib_refund refund;
	size_t from = out->n;

	put_event(in, &event);
	if (event.type == ATTRIB_EVENT_PURCHASE || event.type == ATTRIB_EVENT_LEAD)
		put_order(in, &event, &order);
	else if (event.type == ATTRIB_EVENT_REFUND)
		put_refund(in, &event, &refund);
	else if (event.type == ATTRIB_EVENT_CANCEL)
		event.cancel_order_id = PICK(in, names);
	attrib_event_encode(&event, out);
	if (!chance(in, 16))
		return true;
	mutate(in, out, from);
	return false;
}

/* -- the catalog -------------------------------------------------------------------------------- */

static void add_tracker(struct attrib_catalog_builder *builder, enum attrib_tracker_kind kind,
	struct attrib_str key, const char *creator)
{
	struct attrib_tracker tracker = {.kind = kind,
		.site = site,
		.key = key,
		.creator = attrib_str_of(creator),
		.valid_from = ATTRIB_NEVER,
		.valid_to = ATTRIB_FOREVER,
		.window_us = ATTRIB_WINDOW_INHERIT,
		.recorded_at = ATTRIB_NEVER,
		.superseded_at = ATTRIB_FOREVER};

	require(attrib_catalog_add_tracker(builder, &tracker) == 0);
}

struct attrib_catalog *fuzz_catalog(const struct attrib_zone *zone)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_site shop = {.name = site, .time_zone = ATTRIB_STR("UTC"), .zone = zone};
	struct attrib_catalog *catalog;

	require(builder != NULL);
	attrib_policy_defaults(&shop.policy);
	require(attrib_catalog_add_site(builder, &shop) == 0);
	for (size_t i = 0; i < 2; i++) {
		const char *creator = i ? "bob" : "ann";
		add_tracker(builder, ATTRIB_TRACKER_LINK, links[i], creator);
		add_tracker(builder, ATTRIB_TRACKER_AFFILIATE, links[i], creator);
		add_tracker(builder, ATTRIB_TRACKER_CODE, codes[i], creator);
	}
	add_tracker(builder, ATTRIB_TRACKER_UTM, ATTRIB_STR("a/1"), "ann");
	require(attrib_catalog_build(builder, 1, &catalog) == 0);
	return catalog;
}
