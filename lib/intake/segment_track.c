/*
 * The events of Segment's track calls that attribution needs: those of its e-commerce specification about
 * orders, and what leads to them.
 */
#include "segment.h"

#define NO_USE "nothing that attribution needs"

static bool note_money(
	const struct message *m, struct draft *draft, const struct mapping *amounts, size_t n)
{
	return note_amounts(
		draft, m->root, amounts, n, exponent_at(m->sender, m->root, "properties.currency"));
}

/* -- orders ----------------------------------------------------------------------------------------- */

static const struct mapping order_fields[] = {
	{"properties.order_id", FIELD_ORDER_KEY, true},
	{"properties.currency", FIELD_ORDER_CURRENCY, true},
};

/* The revenue is read where there is no total: programs disagree about the discount in it. */
static const struct mapping order_amounts[] = {
	{"properties.total", FIELD_ORDER_TOTAL, true},
	{"properties.tax", FIELD_ORDER_TAX, true},
	{"properties.shipping", FIELD_ORDER_SHIPPING, true},
	{"properties.discount", FIELD_ORDER_DISCOUNT, true},
	{"properties.subtotal", FIELD_ORDER_SUBTOTAL, true},
};
static const struct mapping order_revenue = {"properties.revenue", FIELD_ORDER_SUBTOTAL, true};

static bool note_order_money(const struct message *m, struct draft *draft)
{
	return note_money(m, draft, order_amounts, sizeof order_amounts / sizeof *order_amounts) &&
	       (draft_sent(draft, BIT(ORDER_TOTAL)) || note_money(m, draft, &order_revenue, 1));
}

static void note_aliases(const struct message *m, struct draft *draft)
{
	static const struct {
		const char *kind, *path;
	} aliases[] = {
		{"name", "properties.order_name"},
		{"number", "properties.order_number"},
		{"checkout_token", "properties.checkout_id"},
		{"transaction_id", "properties.transaction_id"},
		{"payment_intent", "properties.payment_intent"},
	};

	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		note_alias_if_fits(draft, aliases[i].kind, segment_text(m, aliases[i].path));
}

static bool note_order(struct message *m, struct draft *draft)
{
	note_text(draft, FIELD_TYPE, ATTRIB_STR("purchase"));
	note_text(draft, FIELD_ORDER_STATUS, ATTRIB_STR("paid"));
	if (!segment_note_common(m, draft) || !SEGMENT_NOTE(m, draft, order_fields) ||
		!note_order_money(m, draft))
		return false;
	note_coupons(draft, m->root, "properties.coupon", "properties.products", "coupon");
	drop_loose_amounts(draft);
	note_aliases(m, draft);
	return true;
}

/* Only servers can take money back. Their clocks are right, and sent again later it was still then. */
static bool note_cancel(struct message *m, struct draft *draft)
{
	static const struct mapping order = {"properties.order_id", FIELD_ORDER_ID, true};

	note_text(draft, FIELD_TYPE, ATTRIB_STR("cancel"));
	m->sent_at = ATTRIB_NEVER;
	return segment_note_common(m, draft) && note_mapped(draft, m->root, &order, 1);
}

static const struct mapping refund_fields[] = {
	{"properties.order_id", FIELD_REFUND_ORDER, true},
	{"properties.currency", FIELD_REFUND_CURRENCY, true},
};
static const struct mapping refund_amounts[] = {
	{"properties.total", FIELD_REFUND_AMOUNT, true},
	{"properties.revenue", FIELD_REFUND_AMOUNT, true},
	{"properties.tax", FIELD_REFUND_TAX, true},
	{"properties.shipping", FIELD_REFUND_SHIPPING, true},
};

/* A refund has no name of its own but that of the message. */
static bool note_refund(struct message *m, struct draft *draft)
{
	note_text(draft, FIELD_TYPE, ATTRIB_STR("refund"));
	m->sent_at = ATTRIB_NEVER;
	note_text(draft, FIELD_REFUND_KEY, segment_text(m, "messageId"));
	return segment_note_common(m, draft) && SEGMENT_NOTE(m, draft, refund_fields) &&
	       note_money(m, draft, refund_amounts, sizeof refund_amounts / sizeof *refund_amounts);
}

/* -- other events ----------------------------------------------------------------------------------- */

static const struct mapping tokens[] = {
	{"properties.cart_id", FIELD_CART_TOKEN, false},
	{"properties.checkout_id", FIELD_CHECKOUT_TOKEN, false},
};

static bool note_cart(struct message *m, struct draft *draft)
{
	note_text(draft, FIELD_TYPE, ATTRIB_STR("cart"));
	return segment_note_common(m, draft) && SEGMENT_NOTE(m, draft, tokens);
}

static bool note_checkout(struct message *m, struct draft *draft)
{
	note_text(draft, FIELD_TYPE, ATTRIB_STR("checkout"));
	return segment_note_common(m, draft) && SEGMENT_NOTE(m, draft, tokens);
}

static bool note_code(struct message *m, struct draft *draft)
{
	static const struct mapping code[] = {
		{"properties.coupon", FIELD_CODE, true},
		{"properties.coupon_id", FIELD_CODE, true},
		{"properties.coupon_name", FIELD_CODE, true},
	};

	note_text(draft, FIELD_TYPE, ATTRIB_STR("code_applied"));
	return segment_note_common(m, draft) && SEGMENT_NOTE(m, draft, code) &&
	       SEGMENT_NOTE(m, draft, tokens);
}

static bool note_lead(struct message *m, struct draft *draft)
{
	static const struct mapping currency = {"properties.currency", FIELD_LEAD_CURRENCY, true};
	static const struct mapping value = {"properties.value", FIELD_LEAD_VALUE, true};

	note_text(draft, FIELD_TYPE, ATTRIB_STR("lead"));
	note_text(draft, FIELD_LEAD_KEY, segment_text(m, "messageId"));
	note_text(draft, FIELD_LEAD_NAME, ATTRIB_STR("Signed Up"));
	return segment_note_common(m, draft) && note_mapped(draft, m->root, &currency, 1) &&
	       note_money(m, draft, &value, 1);
}

/* -- by name ------------------------------------------------------------------------------------ */

bool segment_note_track(struct message *m, struct draft *draft)
{
	static const struct segment_row events[] = {
		{ATTRIB_STR("Product Added"), note_cart},
		{ATTRIB_STR("Checkout Started"), note_checkout},
		{ATTRIB_STR("Coupon Applied"), note_code},
		{ATTRIB_STR("Order Completed"), note_order},
		{ATTRIB_STR("Order Updated"), note_order},
		{ATTRIB_STR("Order Refunded"), note_refund},
		{ATTRIB_STR("Order Cancelled"), note_cancel},
		{ATTRIB_STR("Signed Up"), note_lead},
		{{0}, NULL},
	};
	struct attrib_str event = segment_text(m, "event");
	segment_noter *note = segment_find(events, event);

	if (event.n == 0)
		return draft_refuse_as(
			draft, ATTRIB_E_MISSING_FIELD, "event: is missing, a track call needs it");
	if (!note)
		m->needless = NO_USE;
	return !note || note(m, draft);
}
