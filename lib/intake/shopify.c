/*
 * Shopify: orders and refunds as its webhooks send them, in the shop's currency.
 *
 * An order carries its refunds, so a refund whose own webhook was lost comes with the next update;
 * told twice it is the same event. Times have whole seconds only: of two states of one second the one
 * that is further on is made the later one.
 */
#include "shopify.h"

#include "attrib/money.h"

/* -- what an order cost ----------------------------------------------------------------------------- */

/* Lines of an order added up, after discounts. Prices hold the tax when the shop says so. */
struct basket {
	int64_t goods; /* without tax */
	int64_t other; /* gift cards and tips: paid, and no revenue */
	int64_t tax;
};

bool shopify_is_goods(struct attrib_json line)
{
	struct attrib_json tip;

	return !pick_flag(line, "gift_card") && !pick(line, "tip", &tip);
}

static void add_line(
	struct purse *purse, struct attrib_json line, bool tax_included, struct basket *out)
{
	int64_t price = pick_amount(purse, line, "price"), quantity = 1;
	int64_t tax = pick_sum(purse, line, "tax_lines", "price");
	int64_t discount = pick_sum(purse, line, "discount_allocations", "amount");
	int64_t sum;

	pick_int(line, "quantity", &quantity);
	if (__builtin_mul_overflow(price, quantity, &sum) || sum > ATTRIB_MONEY_MAX ||
		sum < -ATTRIB_MONEY_MAX) {
		purse->err = ATTRIB_E_OVERFLOW;
		return;
	}
	sum -= discount + (tax_included ? tax : 0);
	purse_add(purse, &out->tax, tax);
	purse_add(purse, shopify_is_goods(line) ? &out->goods : &out->other, sum);
}

static int64_t shipping_tax(struct purse *purse, struct attrib_json order)
{
	struct attrib_json_walk walk;
	struct attrib_json line;
	struct attrib_str none;
	int64_t tax = 0;

	pick_items(order, "shipping_lines", &walk);
	while (attrib_json_next(&walk, &none, &line))
		purse_add(purse, &tax, pick_sum(purse, line, "tax_lines", "price"));
	return tax;
}

/* Goods after discounts and without tax. The lines say it, as long as their taxes add up to the order's;
 * else its totals do. */
static int64_t goods_of(struct purse *purse, struct attrib_json order)
{
	bool included = pick_flag(order, "taxes_included");
	int64_t tax = pick_amount(purse, order, "total_tax");
	int64_t shipped_tax = shipping_tax(purse, order);
	struct basket basket = {0};
	struct attrib_json_walk walk;
	struct attrib_json line;
	struct attrib_str none;
	size_t lines = pick_items(order, "line_items", &walk);

	while (attrib_json_next(&walk, &none, &line))
		add_line(purse, line, included, &basket);
	if (lines && basket.tax + shipped_tax == tax)
		return basket.goods;
	if (pick(order, "subtotal_price", &line))
		return pick_amount(purse, order, "subtotal_price") -
		       (included ? tax - shipped_tax : 0) - basket.other;
	return pick_amount(purse, order, "total_price") - tax - basket.other -
	       pick_amount(purse, order, "total_shipping_price_set.shop_money.amount") +
	       (included ? shipped_tax : 0);
}

/* What was paid and is neither goods nor tax counts as shipping: it is no revenue. */
static bool note_goods(struct draft *draft, struct attrib_json order)
{
	struct purse purse = {.arena = draft->sender->intake->arena,
		.exponent = exponent_at(draft->sender, order, "currency")};
	int64_t total = pick_amount(&purse, order, "total_price");
	int64_t tax = pick_amount(&purse, order, "total_tax");
	int64_t goods = goods_of(&purse, order);

	if (!draft_sent(draft, BIT(ORDER_TOTAL)))
		return true;
	if (purse.err)
		return draft_refuse_as(draft, purse.err,
			"order: expected decimal amounts of its currency in totals and lines");
	if (goods < 0)
		goods = 0;
	if (goods > total - tax)
		goods = total > tax ? total - tax : 0;
	note_amount(draft, FIELD_ORDER_SUBTOTAL, goods, purse.exponent);
	note_amount(
		draft, FIELD_ORDER_SHIPPING, total > tax ? total - tax - goods : 0, purse.exponent);
	return true;
}

/* -- an order --------------------------------------------------------------------------------------- */

static const struct mapping order_fields[] = {
	{"id", FIELD_ORDER_KEY, true},
	{"currency", FIELD_ORDER_CURRENCY, true},
	{"total_price", FIELD_ORDER_TOTAL, true},
	{"total_tax", FIELD_ORDER_TAX, true},
	{"total_discounts", FIELD_ORDER_DISCOUNT, true},
	{"test", FIELD_ORDER_TEST, true},
	{"tags", FIELD_ORDER_TAGS, false},
	{"customer.id", FIELD_CUSTOMER_ID, false},
	{"email", FIELD_EMAIL, false},
	{"contact_email", FIELD_EMAIL, false},
	{"customer.email", FIELD_EMAIL, false},
	{"phone", FIELD_PHONE, false},
	{"customer.phone", FIELD_PHONE, false},
	{"landing_site", FIELD_URL, false},
	{"referring_site", FIELD_REFERRER, false},
};

/* By how far the order is; refunds and its end are events of their own. A paid order to which something was
 * added is partially_paid, and a sale as before. */
static const struct {
	struct attrib_str name;
	bool paid;
} payments[] = {
	{ATTRIB_STR("pending"), false},
	{ATTRIB_STR("expired"), false},
	{ATTRIB_STR("authorized"), false},
	{ATTRIB_STR("partially_paid"), true},
	{ATTRIB_STR("paid"), true},
	{ATTRIB_STR("partially_refunded"), true},
	{ATTRIB_STR("refunded"), true},
	{ATTRIB_STR("voided"), false},
};
#define PAYMENTS (sizeof payments / sizeof *payments)

/* A state that nobody knows is noted as it is, and refused by its name. */
static void note_payment(struct draft *draft, struct attrib_json order)
{
	struct attrib_arena *arena = draft->sender->intake->arena;
	struct attrib_str state = pick_text(arena, order, "financial_status");
	int64_t updated_at = pick_instant(arena, order, "updated_at", "");
	size_t i = 0;

	if (state.n == 0)
		state = payments[0].name;
	while (i < PAYMENTS && !attrib_str_eq(payments[i].name, state))
		i++;
	if (i < PAYMENTS)
		state = payments[i].paid ? ATTRIB_STR("paid") : ATTRIB_STR("pending");
	note_text(draft, FIELD_ORDER_STATUS, state);
	if (updated_at != ATTRIB_NEVER)
		note_instant(
			draft, FIELD_ORDER_UPDATED_AT, updated_at + (int64_t)i * VENDOR_STEP_US);
}

static bool has_tag(struct attrib_str tags, struct attrib_str wanted)
{
	while (tags.n) {
		if (attrib_str_ieq(attrib_str_trim(attrib_str_split(tags, ',', &tags)), wanted))
			return true;
	}
	return false;
}

/* Renewals are made by Shopify from a contract, or by the app that owns the subscription, which says
 * so in a tag. */
static void note_origin(struct draft *draft, struct attrib_json order)
{
	struct attrib_arena *arena = draft->sender->intake->arena;
	struct attrib_str source = pick_text(arena, order, "source_name");
	struct attrib_str tags = pick_text(arena, order, "tags");

	if (attrib_str_eq(source, ATTRIB_STR("subscription_contract")) ||
		attrib_str_eq(source, ATTRIB_STR("subscription_contract_checkout_one")) ||
		has_tag(tags, ATTRIB_STR("Subscription Recurring Order")))
		note_text(draft, FIELD_ORDER_KIND, ATTRIB_STR("renewal"));
	if (attrib_str_eq(source, ATTRIB_STR("shopify_draft_order")))
		source = ATTRIB_STR("draft");
	note_if_fits(draft, FIELD_ORDER_SOURCE, source);
}

static void note_codes(struct draft *draft, struct attrib_json order)
{
	struct attrib_arena *arena = draft->sender->intake->arena;
	struct attrib_json_walk walk;
	struct attrib_json code;
	struct attrib_str none;

	draft_note(draft, &fields[FIELD_ORDER_CODES], ATTRIB_STR_NONE);
	pick_items(order, "discount_codes", &walk);
	while (attrib_json_next(&walk, &none, &code))
		note_code_if_fits(
			draft, pick_text(arena, code, "code"), pick_text(arena, code, "amount"));
}

static void note_aliases(struct draft *draft, struct attrib_json order)
{
	struct attrib_arena *arena = draft->sender->intake->arena;

	note_alias_if_fits(draft, "name", pick_text(arena, order, "name"));
	note_alias_if_fits(draft, "number", pick_text(arena, order, "order_number"));
	note_alias_if_fits(draft, "checkout_token", pick_text(arena, order, "checkout_token"));
	note_alias_if_fits(draft, "cart_token", pick_text(arena, order, "cart_token"));
}

static void note_placed(struct draft *draft, struct attrib_json order)
{
	struct attrib_arena *arena = draft->sender->intake->arena;
	int64_t at = pick_instant(arena, order, "processed_at", "");

	if (at == ATTRIB_NEVER)
		at = pick_instant(arena, order, "created_at", "");
	note_instant(draft, FIELD_ORDER_PLACED_AT, at);
	note_instant(draft, FIELD_OCCURRED_AT, at);
}

static bool note_order(struct draft *draft, struct attrib_json order)
{
	struct carriers carriers;

	note_text(draft, FIELD_TYPE, ATTRIB_STR("purchase"));
	if (!note_mapped(draft, order, order_fields, sizeof order_fields / sizeof *order_fields))
		return false;
	carriers_init(&carriers, draft->sender);
	carriers_take_items(&carriers, draft->sender, order, "note_attributes", "name");
	carriers_note(&carriers, draft);
	note_placed(draft, order);
	note_payment(draft, order);
	note_origin(draft, order);
	note_codes(draft, order);
	note_aliases(draft, order);
	return note_goods(draft, order);
}

/* -- a body ----------------------------------------------------------------------------------------- */

static bool note_cancel(struct draft *draft, struct attrib_json order)
{
	static const struct mapping mappings[] = {
		{"id", FIELD_ORDER_ID, true},
		{"cancelled_at", FIELD_OCCURRED_AT, true},
	};

	note_text(draft, FIELD_TYPE, ATTRIB_STR("cancel"));
	return note_mapped(draft, order, mappings, sizeof mappings / sizeof *mappings);
}

static int take_order(
	const struct sender *sender, struct attrib_json order, struct attrib_intake_result *out)
{
	struct attrib_json_walk walk;
	struct attrib_json item;
	struct attrib_str none;
	size_t refunds = pick_items(order, "refunds", &walk);
	struct draft draft;
	int err = result_open(sender, refunds + 2, out);

	if (err)
		return err;
	draft_init(&draft, sender, 0);
	err = result_take(out, &draft, !note_order(&draft, order));
	for (size_t i = 1; !err && attrib_json_next(&walk, &none, &item); i++) {
		draft_init(&draft, sender, i);
		err = result_take(out, &draft, !shopify_note_refund(&draft, item, order));
	}
	if (err || !pick(order, "cancelled_at", &item))
		return err;
	draft_init(&draft, sender, refunds + 1);
	return result_take(out, &draft, !note_cancel(&draft, order));
}

static int take_refund(
	const struct sender *sender, struct attrib_json refund, struct attrib_intake_result *out)
{
	struct draft draft;
	int err = result_open(sender, 1, out);

	draft_init(&draft, sender, 0);
	return err ? err : result_take(out, &draft, !shopify_note_refund(&draft, refund, refund));
}

/* customers/redact: the shop has to forget a customer. */
static int take_redaction(
	const struct sender *sender, struct attrib_json body, struct attrib_intake_result *out)
{
	static const struct mapping mappings[] = {
		{"customer.id", FIELD_CUSTOMER_ID, false},
		{"customer.email", FIELD_EMAIL, false},
		{"customer.phone", FIELD_PHONE, false},
	};
	struct draft draft;
	int err = result_open(sender, 1, out);

	if (err)
		return err;
	draft_init(&draft, sender, 0);
	note_text(&draft, FIELD_TYPE, ATTRIB_STR("erase"));
	return result_take(out, &draft,
		!note_mapped(&draft, body, mappings, sizeof mappings / sizeof *mappings));
}

/* What a body is stands in its own members: the topic is a header, and headers are not signed. */
int shopify_read(
	const struct sender *sender, struct attrib_str body, struct attrib_intake_result *out)
{
	struct attrib_json root, part;
	int err = vendor_object(sender, body, out, &root);

	if (err)
		return err;
	if (pick(root, "order_id", &part) &&
		(pick(root, "refund_line_items", &part) || pick(root, "transactions", &part)))
		return take_refund(sender, root, out);
	if (pick(root, "financial_status", &part) || pick(root, "order_number", &part))
		return take_order(sender, root, out);
	if (pick(root, "orders_to_redact", &part))
		return take_redaction(sender, root, out);
	return 0;
}
