/*
 * WooCommerce: orders of its REST webhooks, version 3 of the API. There is one kind of body: the order as
 * it stands now, or {"id":..} alone once it is in the trash. What changed is not said, so each body states
 * everything again: the order, whether it is cancelled, and all that was refunded.
 */
#include <stdio.h>

#include "vendor.h"

#define REFUNDS "refunds" /* the one id under which an order's refunds are stated together */

/* -- states ----------------------------------------------------------------------------------------- */

/* In the order in which an order goes through them: of two in one second the further one is later. */
static const struct state {
	struct attrib_str name;
	enum meaning { DRAFT, UNPAID, PAID, CANCELLED } meaning;
} states[] = {
	{ATTRIB_STR("auto-draft"), DRAFT},
	{ATTRIB_STR("checkout-draft"), DRAFT},
	{ATTRIB_STR("pending"), UNPAID},
	{ATTRIB_STR("failed"), UNPAID},
	{ATTRIB_STR("on-hold"), UNPAID},
	{ATTRIB_STR("processing"), PAID},
	{ATTRIB_STR("completed"), PAID},
	{ATTRIB_STR("refunded"), PAID},
	{ATTRIB_STR("cancelled"), CANCELLED},
	{ATTRIB_STR("trash"), CANCELLED},
};
#define STATES (sizeof states / sizeof *states)

struct reading {
	const struct sender *sender;
	struct attrib_json order;
	enum meaning meaning;
	int64_t modified_at; /* or ATTRIB_NEVER */
	struct attrib_intake_result *out;
};

static int64_t instant(const struct reading *r, const char *path)
{
	/* times end in _gmt and name no zone */
	return pick_instant(r->sender->intake->arena, r->order, path, "Z");
}

/* What the site says of a state; *out is left as it is when it says nothing. */
static void read_site_meaning(const struct reading *r, struct attrib_str name, enum meaning *out)
{
	static const struct state meanings[] = {{ATTRIB_STR("paid"), PAID},
		{ATTRIB_STR("unpaid"), UNPAID}, {ATTRIB_STR("cancelled"), CANCELLED}};
	struct attrib_str list = r->sender->intake->site->woocommerce_states;

	while (list.n) {
		struct attrib_str meaning, item = attrib_str_split(list, ',', &list);
		if (!attrib_str_ieq(attrib_str_split(item, ':', &meaning), name))
			continue;
		for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
			if (attrib_str_eq(meanings[i].name, meaning))
				*out = meanings[i].meaning;
		}
		return;
	}
}

/* A state that an extension made, and of which the site says nothing, is paid when the order has a date of
 * payment. */
static void read_state(struct reading *r)
{
	struct attrib_str name = pick_text(r->sender->intake->arena, r->order, "status");
	size_t i = 0;

	while (i < STATES && !attrib_str_eq(states[i].name, name))
		i++;
	if (i < STATES)
		r->meaning = states[i].meaning;
	else
		r->meaning = instant(r, "date_paid_gmt") == ATTRIB_NEVER ? UNPAID : PAID;
	read_site_meaning(r, name, &r->meaning);
	r->modified_at = instant(r, "date_modified_gmt");
	if (r->modified_at != ATTRIB_NEVER)
		r->modified_at += (int64_t)i * VENDOR_STEP_US;
}

/* -- the order -------------------------------------------------------------------------------------- */

static const struct mapping order_fields[] = {
	{"id", FIELD_ORDER_KEY, true},
	{"currency", FIELD_ORDER_CURRENCY, true},
	{"total", FIELD_ORDER_TOTAL, true},
	{"total_tax", FIELD_ORDER_TAX, true},
	{"shipping_total", FIELD_ORDER_SHIPPING, true},
	{"discount_total", FIELD_ORDER_DISCOUNT, true},
	{"customer_id", FIELD_CUSTOMER_ID, false},
	{"billing.email", FIELD_EMAIL, false},
	{"billing.phone", FIELD_PHONE, false},
};

#define ATTRIBUTION "_wc_order_attribution_"

/* The value of an order's meta data by its key. */
static struct attrib_str meta(const struct reading *r, const char *key)
{
	struct attrib_arena *arena = r->sender->intake->arena;
	struct attrib_json_walk walk;
	struct attrib_json item;
	struct attrib_str none;

	pick_items(r->order, "meta_data", &walk);
	while (attrib_json_next(&walk, &none, &item)) {
		if (attrib_str_eq(pick_text(arena, item, "key"), attrib_str_of(key)))
			return pick_text(arena, item, "value");
	}
	return ATTRIB_STR_NONE;
}

/* WooCommerce keeps the last campaign before an order itself. What it calls by another type than utm (a
 * search, a typed address) has none. */
static void note_attribution(
	const struct reading *r, struct draft *draft, struct carriers *carriers)
{
	static const char *const parts[] = {
		"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"};
	struct attrib_str type = meta(r, ATTRIBUTION "source_type");
	char key[64];

	note_if_fits(draft, FIELD_URL, meta(r, ATTRIBUTION "session_entry"));
	note_if_fits(draft, FIELD_REFERRER, meta(r, ATTRIBUTION "referrer"));
	if (type.n && !attrib_str_eq(type, ATTRIB_STR("utm")))
		return;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		snprintf(key, sizeof key, ATTRIBUTION "%s", parts[i]);
		carriers_take(carriers, attrib_str_of(parts[i]), meta(r, key));
	}
}

static void note_carriers(const struct reading *r, struct draft *draft)
{
	struct carriers carriers;

	carriers_init(&carriers, r->sender);
	carriers_take_items(&carriers, r->sender, r->order, "meta_data", "key");
	note_attribution(r, draft, &carriers);
	carriers_note(&carriers, draft);
}

static void note_times(const struct reading *r, struct draft *draft)
{
	int64_t created_at = instant(r, "date_created_gmt"), paid_at = instant(r, "date_paid_gmt");
	bool paid = r->meaning == PAID || (r->meaning == CANCELLED && paid_at != ATTRIB_NEVER);

	note_text(draft, FIELD_ORDER_STATUS, paid ? ATTRIB_STR("paid") : ATTRIB_STR("pending"));
	note_instant(draft, FIELD_OCCURRED_AT, created_at);
	note_instant(draft, FIELD_ORDER_PLACED_AT, created_at);
	note_instant(draft, FIELD_ORDER_UPDATED_AT, r->modified_at);
	if (paid)
		note_instant(draft, FIELD_ORDER_PAID_AT, paid_at);
}

static void note_origin(const struct reading *r, struct draft *draft)
{
	static const struct {
		struct attrib_str via, source;
	} ways[] = {
		{ATTRIB_STR("checkout"), ATTRIB_STR("web")},
		{ATTRIB_STR("store-api"), ATTRIB_STR("web")},
		{ATTRIB_STR("pos-rest-api"), ATTRIB_STR("pos")},
	};
	struct attrib_str via = pick_text(r->sender->intake->arena, r->order, "created_via");

	if (attrib_str_eq(via, ATTRIB_STR("subscription")) || meta(r, "_subscription_renewal").n)
		note_text(draft, FIELD_ORDER_KIND, ATTRIB_STR("renewal"));
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		if (attrib_str_eq(ways[i].via, via))
			via = ways[i].source;
	}
	note_if_fits(draft, FIELD_ORDER_SOURCE, via);
}

static void note_codes(const struct reading *r, struct draft *draft)
{
	struct attrib_arena *arena = r->sender->intake->arena;
	struct attrib_json_walk walk;
	struct attrib_json line;
	struct attrib_str none;

	draft_note(draft, &fields[FIELD_ORDER_CODES], ATTRIB_STR_NONE);
	pick_items(r->order, "coupon_lines", &walk);
	while (attrib_json_next(&walk, &none, &line))
		note_code_if_fits(
			draft, pick_text(arena, line, "code"), pick_text(arena, line, "discount"));
}

static void note_aliases(const struct reading *r, struct draft *draft)
{
	struct attrib_arena *arena = r->sender->intake->arena;

	note_alias_if_fits(draft, "number", pick_text(arena, r->order, "number"));
	note_alias_if_fits(draft, "order_key", pick_text(arena, r->order, "order_key"));
	note_alias_if_fits(draft, "transaction_id", pick_text(arena, r->order, "transaction_id"));
	note_alias_if_fits(draft, "payment_intent", meta(r, "_stripe_intent_id"));
}

static bool note_order(const struct reading *r, struct draft *draft)
{
	note_text(draft, FIELD_TYPE, ATTRIB_STR("purchase"));
	if (!note_mapped(draft, r->order, order_fields, sizeof order_fields / sizeof *order_fields))
		return false;
	note_carriers(r, draft);
	note_times(r, draft);
	note_origin(r, draft);
	note_codes(r, draft);
	note_aliases(r, draft);
	return true;
}

/* -- what happened to it ---------------------------------------------------------------------------- */

static const struct mapping cancel_fields[] = {{"id", FIELD_ORDER_ID, true}};
static const struct mapping refund_fields[] = {{"id", FIELD_REFUND_ORDER, true}};

static bool note_cancel(const struct reading *r, struct draft *draft)
{
	note_text(draft, FIELD_TYPE, ATTRIB_STR("cancel"));
	if (r->meaning != CANCELLED)
		note_text(draft, FIELD_REVERSED, ATTRIB_STR("true"));
	note_instant(draft, FIELD_OCCURRED_AT, r->modified_at);
	return note_mapped(draft, r->order, cancel_fields, 1);
}

/* All refunds that stand, as one: a refund that was taken back is no longer among them, and by the later
 * word it is reversed. */
static bool note_refunds(const struct reading *r, struct draft *draft)
{
	struct purse purse = {.arena = r->sender->intake->arena,
		.exponent = exponent_at(r->sender, r->order, "currency")};
	int64_t amount = -pick_sum(&purse, r->order, REFUNDS, "total");

	note_text(draft, FIELD_TYPE, ATTRIB_STR("refund"));
	if (purse.err || amount < 0)
		return draft_refuse_as(draft, purse.err ? purse.err : ATTRIB_E_BAD_AMOUNT,
			"refunds: expected negative decimal amounts as their totals");
	note_text(draft, FIELD_REFUND_KEY, ATTRIB_STR(REFUNDS));
	note_text(draft, FIELD_REFUND_CURRENCY,
		pick_text(r->sender->intake->arena, r->order, "currency"));
	note_amount(draft, FIELD_REFUND_AMOUNT, amount, purse.exponent);
	note_instant(draft, FIELD_OCCURRED_AT, r->modified_at);
	return note_mapped(draft, r->order, refund_fields, 1);
}

/* -- a body ----------------------------------------------------------------------------------------- */

static int take(const struct reading *r, bool note(const struct reading *r, struct draft *draft),
	size_t index)
{
	struct draft draft;

	draft_init(&draft, r->sender, index);
	return result_take(r->out, &draft, !note(r, &draft));
}

/* Nothing happened to an order yet that is as it was created. */
static bool is_new(const struct reading *r)
{
	int64_t created_at = instant(r, "date_created_gmt");

	return created_at != ATTRIB_NEVER && r->modified_at >= created_at &&
	       r->modified_at < created_at + ATTRIB_US_PER_S;
}

static int take_order(struct reading *r)
{
	struct attrib_json_walk walk;
	struct attrib_json list;
	bool has_refunds = pick_items(r->order, REFUNDS, &walk) > 0;
	int err;

	read_state(r);
	if (r->meaning == DRAFT)
		return 0;
	err = take(r, note_order, 0);
	if (!err && (r->meaning == CANCELLED || !is_new(r)))
		err = take(r, note_cancel, 1);
	if (!err && pick(r->order, REFUNDS, &list) && (has_refunds || !is_new(r)))
		err = take(r, note_refunds, 2);
	return err;
}

static size_t member_count(struct attrib_json object)
{
	struct attrib_json_walk walk;
	struct attrib_json value;
	struct attrib_str name;
	size_t n = 0;

	attrib_json_walk(object, &walk);
	while (attrib_json_next(&walk, &name, &value))
		n++;
	return n;
}

/* An order in the trash has nothing but its id. */
static int take_trashed(struct reading *r)
{
	r->meaning = CANCELLED;
	r->modified_at = ATTRIB_NEVER;
	return take(r, note_cancel, 0);
}

int woocommerce_read(
	const struct sender *sender, struct attrib_str body, struct attrib_intake_result *out)
{
	struct reading r = {.sender = sender, .out = out};
	struct attrib_json part;
	int err = vendor_object(sender, body, out, &r.order);

	if (!err)
		err = result_open(sender, 3, out);
	if (err || !pick(r.order, "id", &part))
		return err;
	if (pick(r.order, "total", &part) || pick(r.order, "order_key", &part))
		return take_order(&r);
	return member_count(r.order) == 1 ? take_trashed(&r) : 0;
}
