/*
 * GA4's Measurement Protocol: up to 25 events of one client. The value of an order is without tax and
 * shipping: what is noted is the revenue itself, with both beside it.
 */
#include "analytics.h"

#include "attrib/analytics.h"

#define NOT_JSON   "the body is not one JSON object"
#define NO_CLIENT  "client_id: is missing"
#define NO_EVENTS  "events: expected a list of events"
#define TOO_MANY   "events: more than 25"
#define NO_USE     "nothing that attribution needs"
#define NO_ADDRESS "no page_location and no campaign: nothing that attribution needs"

/* Before 2001 is a number of milliseconds or seconds. */
#define MICROS_MIN ((int64_t)1000000000000000)
#define MICROS_MAX ((int64_t)253402300800000000) /* the year 10000 */

struct item {
	const struct sender *sender;
	struct attrib_json body, event;
	const char *needless; /* why nobody needs it */
};

static struct attrib_str text(const struct item *i, const char *path)
{
	return pick_text(i->sender->intake->arena, i->event, path);
}

static const char *const names[FIELD_COUNT] = {
	[FIELD_OCCURRED_AT] = "timestamp_micros",
	[FIELD_URL] = "params.page_location",
	[FIELD_ORDER_KEY] = "params.transaction_id",
	[FIELD_ORDER_CURRENCY] = "params.currency",
	[FIELD_ORDER_SUBTOTAL] = "params.value",
	[FIELD_ORDER_TAX] = "params.tax",
	[FIELD_ORDER_SHIPPING] = "params.shipping",
	[FIELD_LEAD_CURRENCY] = "params.currency",
	[FIELD_LEAD_VALUE] = "params.value",
	[FIELD_REFUND_ORDER] = "params.transaction_id",
	[FIELD_REFUND_CURRENCY] = "params.currency",
	[FIELD_REFUND_AMOUNT] = "params.value",
	[FIELD_REFUND_TAX] = "params.tax",
	[FIELD_REFUND_SHIPPING] = "params.shipping",
};

#define NOTE(draft, object, mappings)                                                              \
	note_mapped(draft, object, mappings, sizeof(mappings) / sizeof *(mappings))

/* -- what every event has --------------------------------------------------------------------------- */

static const struct mapping who[] = {
	{"params.attr_vid", FIELD_VISITOR_ID, false},
	{"params.attr_visitor", FIELD_VISITOR_ID, false},
	{"params.attr_click", FIELD_CLICK_ID, false},
	{"params.affiliate_id", FIELD_AFFILIATE_ID, false},
	{"params.page_location", FIELD_URL, false},
	{"params.page_referrer", FIELD_REFERRER, false},
};
static const struct mapping client[] = {
	{"client_id", FIELD_VISITOR_ID, false},
	{"app_instance_id", FIELD_VISITOR_ID, false},
	{"user_id", FIELD_CUSTOMER_ID, false},
};

/* Microseconds as a number or as its digits; empty when there are none. */
static struct attrib_str micros(const struct item *i)
{
	struct attrib_str own = text(i, "timestamp_micros");

	return own.n ? own : pick_text(i->sender->intake->arena, i->body, "timestamp_micros");
}

/* 0 for what is no such instant. */
static int64_t instant_of(struct attrib_str digits)
{
	int64_t at = 0;

	for (size_t i = 0; i < digits.n; i++) {
		if (digits.n > 18 || digits.p[i] < '0' || digits.p[i] > '9')
			return 0;
		at = at * 10 + (digits.p[i] - '0');
	}
	return at < MICROS_MIN || at >= MICROS_MAX ? 0 : at;
}

static bool note_time(const struct item *i, struct draft *draft)
{
	struct attrib_str digits = micros(i);

	if (digits.n && !instant_of(digits))
		return draft_refuse_as(draft, ATTRIB_E_BAD_TIME,
			"timestamp_micros: expected microseconds since 1970");
	if (digits.n)
		note_instant(draft, FIELD_OCCURRED_AT, instant_of(digits));
	return true;
}

static bool note_common(const struct item *i, struct draft *draft)
{
	return note_time(i, draft) && NOTE(draft, i->event, who) && NOTE(draft, i->body, client);
}

static int exponent(const struct item *i)
{
	return exponent_at(i->sender, i->event, "params.currency");
}

/* -- events ----------------------------------------------------------------------------------------- */

static bool note_page(struct item *i, struct draft *draft)
{
	static const struct mapping campaign[] = {
		{"params.source", FIELD_UTM_SOURCE, false},
		{"params.medium", FIELD_UTM_MEDIUM, false},
		{"params.campaign", FIELD_UTM_CAMPAIGN, false},
		{"params.term", FIELD_UTM_TERM, false},
		{"params.content", FIELD_UTM_CONTENT, false},
	};

	note_text(draft, FIELD_TYPE, ATTRIB_STR("visit"));
	if (!note_common(i, draft) || !NOTE(draft, i->event, campaign))
		return false;
	if (!note_landing(draft))
		i->needless = NO_ADDRESS;
	return true;
}

static bool note_cart(struct item *i, struct draft *draft)
{
	note_text(draft, FIELD_TYPE, ATTRIB_STR("cart"));
	return note_common(i, draft);
}

static bool note_checkout(struct item *i, struct draft *draft)
{
	note_text(draft, FIELD_TYPE, ATTRIB_STR("checkout"));
	return note_common(i, draft);
}

/* A lead has no name here: its moment, where it is told, and its client make one. */
static bool note_lead(struct item *i, struct draft *draft)
{
	static const struct mapping fields_of[] = {
		{"params.lead_id", FIELD_LEAD_KEY, false},
		{"name", FIELD_LEAD_NAME, false},
		{"params.currency", FIELD_LEAD_CURRENCY, true},
	};
	static const struct mapping value = {"params.value", FIELD_LEAD_VALUE, true};

	note_text(draft, FIELD_TYPE, ATTRIB_STR("lead"));
	if (!note_common(i, draft) || !NOTE(draft, i->event, fields_of))
		return false;
	if (!draft_sent(draft, BIT(LEAD_KEY))) {
		struct attrib_str parts[] = {text(i, "name"), micros(i),
			pick_text(i->sender->intake->arena, i->body, "client_id")};
		note_text(draft, FIELD_LEAD_KEY,
			derived_name(i->sender, parts, sizeof parts / sizeof *parts));
	}
	return note_amounts(draft, i->event, &value, 1, exponent(i));
}

static bool note_purchase(struct item *i, struct draft *draft)
{
	static const struct mapping fields_of[] = {
		{"params.transaction_id", FIELD_ORDER_KEY, true},
		{"params.currency", FIELD_ORDER_CURRENCY, true},
	};
	static const struct mapping amounts[] = {
		{"params.value", FIELD_ORDER_SUBTOTAL, true},
		{"params.tax", FIELD_ORDER_TAX, true},
		{"params.shipping", FIELD_ORDER_SHIPPING, true},
	};

	note_text(draft, FIELD_TYPE, ATTRIB_STR("purchase"));
	note_text(draft, FIELD_ORDER_STATUS, ATTRIB_STR("paid"));
	if (!note_common(i, draft) || !NOTE(draft, i->event, fields_of) ||
		!note_amounts(
			draft, i->event, amounts, sizeof amounts / sizeof *amounts, exponent(i)))
		return false;
	note_coupons(draft, i->event, "params.coupon", "params.items", "coupon");
	drop_loose_amounts(draft);
	return true;
}

/* The refund of an order, and of an order at some moment, where it has no name of its own. */
static void note_refund_name(const struct item *i, struct draft *draft)
{
	struct attrib_str order = text(i, "params.transaction_id"), at = micros(i);

	if (draft_sent(draft, BIT(REFUND_KEY)) || order.n == 0)
		return;
	note_text(draft, FIELD_REFUND_KEY,
		attrib_arena_printf(i->sender->intake->arena, "%.*s%s%.*s", (int)order.n, order.p,
			at.n ? "@" : "", (int)at.n, at.n ? at.p : ""));
}

/* As of an order, the value is what its goods were: tax and shipping come on top. */
static bool note_refund_money(const struct item *i, struct draft *draft)
{
	static const struct mapping amounts[] = {
		{"params.value", FIELD_REFUND_AMOUNT, true},
		{"params.tax", FIELD_REFUND_TAX, true},
		{"params.shipping", FIELD_REFUND_SHIPPING, true},
	};
	struct purse purse = {.exponent = exponent(i)};
	struct attrib_json value;
	int64_t total = 0, part;

	for (size_t n = 0; n < sizeof amounts / sizeof *amounts; n++) {
		if (!read_amount(draft, i->event, &amounts[n], purse.exponent, &part))
			return false;
		purse_add(&purse, &total, part);
		if (n)
			note_amount(draft, amounts[n].field, part, purse.exponent);
	}
	if (purse.err)
		return draft_refuse(draft, &fields[FIELD_REFUND_AMOUNT]);
	if (pick(i->event, "params.value", &value))
		note_amount(draft, FIELD_REFUND_AMOUNT, total, purse.exponent);
	return true;
}

static bool note_refund(struct item *i, struct draft *draft)
{
	static const struct mapping fields_of[] = {
		{"params.refund_id", FIELD_REFUND_KEY, true},
		{"params.transaction_id", FIELD_REFUND_ORDER, true},
		{"params.currency", FIELD_REFUND_CURRENCY, true},
	};

	note_text(draft, FIELD_TYPE, ATTRIB_STR("refund"));
	if (!note_common(i, draft) || !NOTE(draft, i->event, fields_of))
		return false;
	note_refund_name(i, draft);
	return note_refund_money(i, draft);
}

typedef bool noter(struct item *i, struct draft *draft);

static noter *noter_of(struct attrib_str name)
{
	static const struct {
		struct attrib_str name;
		noter *note;
	} events[] = {
		{ATTRIB_STR("page_view"), note_page},
		{ATTRIB_STR("campaign_details"), note_page},
		{ATTRIB_STR("add_to_cart"), note_cart},
		{ATTRIB_STR("begin_checkout"), note_checkout},
		{ATTRIB_STR("generate_lead"), note_lead},
		{ATTRIB_STR("sign_up"), note_lead},
		{ATTRIB_STR("purchase"), note_purchase},
		{ATTRIB_STR("refund"), note_refund},
	};

	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		if (attrib_str_eq(events[i].name, name))
			return events[i].note;
	}
	return NULL;
}

/* -- a body ----------------------------------------------------------------------------------------- */

static bool note_event(struct item *i, struct draft *draft)
{
	struct attrib_str name = text(i, "name");
	noter *note = noter_of(name);

	if (attrib_json_kind(i->event) != ATTRIB_JSON_OBJECT)
		return draft_refuse_as(draft, ATTRIB_E_BAD_FIELD, "event: expected an object");
	if (name.n == 0)
		return draft_refuse_as(draft, ATTRIB_E_MISSING_FIELD, "name: is missing");
	if (!note)
		i->needless = NO_USE;
	return !note || note(i, draft);
}

static int take_event(const struct sender *sender, struct attrib_json body,
	struct attrib_json event, size_t index, struct attrib_intake_result *out)
{
	struct item item = {.sender = sender, .body = body, .event = event};
	struct draft draft;
	bool noted;

	draft_init(&draft, sender, index);
	noted = note_event(&item, &draft);
	if (noted && item.needless)
		return result_ignore(sender, out, index, item.needless);
	return result_take(out, &draft, !noted);
}

static int take_body(
	const struct sender *sender, struct attrib_str body, struct attrib_intake_result *out)
{
	struct attrib_arena *arena = sender->intake->arena;
	struct attrib_json_walk walk;
	struct attrib_json root, event;
	struct attrib_str none;
	size_t index = 0, n;
	int err = attrib_json_parse(arena, body, &root);

	if (err == ATTRIB_E_BAD_JSON || (err == 0 && attrib_json_kind(root) != ATTRIB_JSON_OBJECT))
		return result_refuse(sender, out, 0, ATTRIB_E_BAD_JSON, NOT_JSON);
	if (err)
		return err;
	if (pick_text(arena, root, "client_id").n == 0 &&
		pick_text(arena, root, "app_instance_id").n == 0)
		return result_refuse(sender, out, 0, ATTRIB_E_MISSING_FIELD, NO_CLIENT);
	n = pick_items(root, "events", &walk);
	if (n == 0)
		return result_refuse(sender, out, 0, ATTRIB_E_MISSING_FIELD, NO_EVENTS);
	if (n > ATTRIB_GA4_EVENTS_MAX)
		return result_refuse(sender, out, 0, ATTRIB_E_TOO_MANY, TOO_MANY);
	err = result_open(sender, n, out);
	while (err == 0 && attrib_json_next(&walk, &none, &event))
		err = take_event(sender, root, event, index++, out);
	return err;
}

int attrib_intake_ga4(const struct attrib_intake *intake, enum attrib_trust trust,
	struct attrib_str body, struct attrib_intake_result *out)
{
	struct sender sender = {.intake = intake,
		.trust = trust,
		.source = ATTRIB_STR("ga4"),
		.visit = trust == ATTRIB_TRUST_STRANGER ? intake->visit : NULL,
		.names = names};
	int err;

	*out = (struct attrib_intake_result){0};
	err = take_body(&sender, body, out);
	return intake->arena->failed ? ATTRIB_E_NOMEM : err;
}
