/*
 * Stripe: checkout sessions and refunds, out of signed events that say their type. An order is the
 * payment intent of its session, so that refunds find it; a session without one is its own order.
 */
#include "vendor.h"

struct reading {
	const struct sender *sender;
	struct attrib_json event, object;
	int64_t created_at; /* of the event */
};

static struct attrib_str text(const struct reading *r, const char *path)
{
	return pick_text(r->sender->intake->arena, r->object, path);
}

/* An id that stands as a text, or inside of the object that it names. */
static struct attrib_str id_at(
	const struct reading *r, struct attrib_json object, const char *path, const char *inside)
{
	struct attrib_str id = pick_text(r->sender->intake->arena, object, path);

	return id.n ? id : pick_text(r->sender->intake->arena, object, inside);
}

static void read_seconds(struct attrib_json object, const char *path, int64_t *at)
{
	int64_t seconds;

	if (pick_int(object, path, &seconds) && seconds >= 0 && seconds < (int64_t)1 << 37)
		*at = seconds * ATTRIB_US_PER_S;
}

/* -- money ------------------------------------------------------------------------------------------ */

/* Stripe counts in minor units, which are those of ISO 4217 but for a few currencies that it kept
 * compatible with older ones. */
static int stripe_exponent(const struct reading *r)
{
	static const struct {
		struct attrib_str currency;
		int exponent;
	} others[] = {{ATTRIB_STR("isk"), 2}, {ATTRIB_STR("ugx"), 2}, {ATTRIB_STR("mga"), 0}};
	struct attrib_str currency = text(r, "currency");

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (attrib_str_ieq(others[i].currency, currency))
			return others[i].exponent;
	}
	return exponent_of(r->sender, currency);
}

/* Notes an integer amount; false, refused, when there is something else. */
static bool note_minor(
	const struct reading *r, struct draft *draft, enum field_id field, const char *path)
{
	struct attrib_json value;
	int64_t amount;

	if (!pick(r->object, path, &value))
		return true;
	if (!pick_int(r->object, path, &amount))
		return draft_refuse(draft, &fields[field]);
	note_amount(draft, field, amount, stripe_exponent(r));
	return true;
}

/* Shipping without its tax: that is among the taxes already. */
static bool note_shipping(const struct reading *r, struct draft *draft)
{
	int64_t total, tax = 0;

	if (!pick_int(r->object, "shipping_cost.amount_total", &total))
		return note_minor(r, draft, FIELD_ORDER_SHIPPING, "total_details.amount_shipping");
	pick_int(r->object, "shipping_cost.amount_tax", &tax);
	note_amount(draft, FIELD_ORDER_SHIPPING, total - tax, stripe_exponent(r));
	return true;
}

static bool note_money(const struct reading *r, struct draft *draft)
{
	note_text(draft, FIELD_ORDER_CURRENCY, text(r, "currency"));
	return note_minor(r, draft, FIELD_ORDER_TOTAL, "amount_total") &&
	       note_minor(r, draft, FIELD_ORDER_TAX, "total_details.amount_tax") &&
	       note_minor(r, draft, FIELD_ORDER_DISCOUNT, "total_details.amount_discount") &&
	       note_shipping(r, draft);
}

/* -- a session -------------------------------------------------------------------------------------- */

static const struct mapping person_fields[] = {
	{"customer", FIELD_CUSTOMER_ID, false},
	{"customer.id", FIELD_CUSTOMER_ID, false},
	{"customer_details.email", FIELD_EMAIL, false},
	{"customer_email", FIELD_EMAIL, false},
	{"customer_details.phone", FIELD_PHONE, false},
};

/* Metadata is an object: its names are the names. */
static void note_carriers(const struct reading *r, struct draft *draft)
{
	struct carriers carriers;
	struct attrib_json metadata, value;
	struct attrib_json_walk walk;
	struct attrib_str name;

	carriers_init(&carriers, r->sender);
	if (pick(r->object, "metadata", &metadata) &&
		attrib_json_kind(metadata) == ATTRIB_JSON_OBJECT) {
		attrib_json_walk(metadata, &walk);
		while (attrib_json_next(&walk, &name, &value))
			carriers_take(
				&carriers, name, json_text(r->sender->intake->arena, value, true));
	}
	carriers_take(&carriers, ATTRIB_STR("attr_click"), text(r, "client_reference_id"));
	carriers_note(&carriers, draft);
}

/* A promotion code is named by Stripe's id, which the catalog knows (code_alias), or by itself where the
 * event was made with it inside; a coupon without one by its id. Only of a single one is the amount
 * known. */
static void note_codes(const struct reading *r, struct draft *draft)
{
	struct attrib_arena *arena = r->sender->intake->arena;
	struct attrib_json_walk walk;
	struct attrib_json discount;
	struct attrib_str none, code, amount = ATTRIB_STR_NONE;
	size_t n = pick_items(r->object, "discounts", &walk);

	if (n == 1 && draft_sent(draft, BIT(ORDER_DISCOUNT)))
		amount = draft->noted[FIELD_ORDER_DISCOUNT];
	draft_note(draft, &fields[FIELD_ORDER_CODES], ATTRIB_STR_NONE);
	while (attrib_json_next(&walk, &none, &discount)) {
		code = pick_text(arena, discount, "promotion_code.code");
		if (code.n == 0)
			code = id_at(r, discount, "promotion_code", "promotion_code.id");
		if (code.n == 0)
			code = id_at(r, discount, "coupon", "coupon.id");
		note_code_if_fits(draft, code, amount);
	}
}

/* Who has the shop's own order number in the metadata names the order by it, too. */
static void note_names(const struct reading *r, struct draft *draft)
{
	struct attrib_str session = text(r, "id");
	struct attrib_str intent = id_at(r, r->object, "payment_intent", "payment_intent.id");

	note_text(draft, FIELD_ORDER_KEY, intent.n ? intent : session);
	note_alias_if_fits(draft, "session", session);
	note_alias_if_fits(draft, "order_id", text(r, "metadata.order_id"));
	note_alias_if_fits(draft, "name", text(r, "metadata.order_name"));
}

/* An order without anything to pay is complete, too. */
static void note_status(const struct reading *r, struct draft *draft)
{
	struct attrib_str status = text(r, "payment_status");
	bool paid = attrib_str_eq(status, ATTRIB_STR("paid")) ||
		    attrib_str_eq(status, ATTRIB_STR("no_payment_required"));

	note_text(draft, FIELD_ORDER_STATUS, paid ? ATTRIB_STR("paid") : ATTRIB_STR("pending"));
	if (paid)
		note_instant(draft, FIELD_ORDER_PAID_AT, r->created_at);
	note_instant(draft, FIELD_OCCURRED_AT, r->created_at);
	note_instant(draft, FIELD_ORDER_UPDATED_AT, r->created_at);
}

static bool note_session(const struct reading *r, struct draft *draft)
{
	struct attrib_json live;

	note_text(draft, FIELD_TYPE, ATTRIB_STR("purchase"));
	note_names(r, draft);
	note_status(r, draft);
	note_carriers(r, draft);
	if (pick(r->event, "livemode", &live) && !attrib_json_bool(live))
		note_text(draft, FIELD_ORDER_TEST, ATTRIB_STR("true"));
	if (attrib_str_eq(text(r, "mode"), ATTRIB_STR("subscription")))
		note_text(draft, FIELD_ORDER_KIND, ATTRIB_STR("first"));
	if (!note_mapped(draft, r->object, person_fields,
		    sizeof person_fields / sizeof *person_fields) ||
		!note_money(r, draft))
		return false;
	note_codes(r, draft);
	return true;
}

/* -- refunds ---------------------------------------------------------------------------------------- */

static void note_refunded_order(const struct reading *r, struct draft *draft, const char *charge)
{
	struct attrib_str intent = id_at(r, r->object, "payment_intent", "payment_intent.id");

	note_text(draft, FIELD_TYPE, ATTRIB_STR("refund"));
	note_text(draft, FIELD_REFUND_ORDER, intent.n ? intent : text(r, charge));
	note_text(draft, FIELD_REFUND_KEY, text(r, "id"));
	note_text(draft, FIELD_REFUND_CURRENCY, text(r, "currency"));
}

/* All that was refunded of a charge so far; the latest word on a charge stands. */
static bool note_charge(const struct reading *r, struct draft *draft)
{
	note_refunded_order(r, draft, "id");
	note_text(draft, FIELD_REFUND_CUMULATIVE, ATTRIB_STR("true"));
	note_instant(draft, FIELD_OCCURRED_AT, r->created_at);
	return note_minor(r, draft, FIELD_REFUND_AMOUNT, "amount_refunded");
}

static bool has_failed(const struct reading *r)
{
	struct attrib_str status = text(r, "status");

	return attrib_str_eq(status, ATTRIB_STR("failed")) ||
	       attrib_str_eq(status, ATTRIB_STR("canceled"));
}

/* A single refund counts from when it was made. Its own time is the same in every event about it. */
static bool note_refund(const struct reading *r, struct draft *draft)
{
	int64_t at = r->created_at;

	note_refunded_order(r, draft, "charge");
	read_seconds(r->object, "created", &at);
	note_instant(draft, FIELD_OCCURRED_AT, at);
	return note_minor(r, draft, FIELD_REFUND_AMOUNT, "amount");
}

/* What fails is taken back, when that is told. */
static bool note_failure(const struct reading *r, struct draft *draft)
{
	note_refunded_order(r, draft, "charge");
	note_text(draft, FIELD_REFUND_STATUS, ATTRIB_STR("void"));
	note_instant(draft, FIELD_OCCURRED_AT, r->created_at);
	return note_minor(r, draft, FIELD_REFUND_AMOUNT, "amount");
}

/* -- a body ----------------------------------------------------------------------------------------- */

typedef bool noter(const struct reading *r, struct draft *draft);

static const struct {
	struct attrib_str type;
	noter *note;
} types[] = {
	{ATTRIB_STR("checkout.session.completed"), note_session},
	{ATTRIB_STR("checkout.session.async_payment_succeeded"), note_session},
	{ATTRIB_STR("checkout.session.async_payment_failed"), note_session},
	{ATTRIB_STR("charge.refunded"), note_charge},
	{ATTRIB_STR("refund.created"), note_refund},
	{ATTRIB_STR("refund.updated"), note_refund},
	{ATTRIB_STR("refund.failed"), note_refund},
	{ATTRIB_STR("charge.refund.updated"), note_refund},
};

static noter *noter_of(const struct reading *r)
{
	struct attrib_str type = pick_text(r->sender->intake->arena, r->event, "type");
	size_t i = 0;

	while (i < sizeof types / sizeof *types && !attrib_str_eq(types[i].type, type))
		i++;
	if (i == sizeof types / sizeof *types)
		return NULL;
	/* a session that only keeps a card is no order, a refund that waits for its receiver none yet */
	if (attrib_str_eq(text(r, "mode"), ATTRIB_STR("setup")) ||
		attrib_str_eq(text(r, "status"), ATTRIB_STR("requires_action")))
		return NULL;
	return types[i].note;
}

static int take(const struct reading *r, struct attrib_intake_result *out, noter *note)
{
	struct draft draft;

	draft_init(&draft, r->sender, out->accepted + out->reject_count);
	return result_take(out, &draft, !note(r, &draft));
}

int stripe_read(
	const struct sender *sender, struct attrib_str body, struct attrib_intake_result *out)
{
	struct reading r = {.sender = sender, .created_at = ATTRIB_NEVER};
	noter *note;
	int err = vendor_object(sender, body, out, &r.event);

	if (!err)
		err = result_open(sender, 2, out);
	if (err || !pick(r.event, "data.object", &r.object))
		return err;
	note = noter_of(&r);
	if (!note)
		return 0;
	read_seconds(r.event, "created", &r.created_at);
	err = take(&r, out, note);
	/* when it was made as well: a running total of the charge may have held it */
	if (!err && out->accepted && note == note_refund && has_failed(&r))
		err = take(&r, out, note_failure);
	return err;
}
