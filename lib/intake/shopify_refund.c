/*
 * Refunds of Shopify. A refund has no total: what counts is the money that went back, its successful
 * transactions; none is a refund of 0. They are in the money of whoever bought, orders are in the
 * shop's. The refund's own lines stand in both, and say at which rate.
 */
#include <stdlib.h>

#include "attrib/money.h"
#include "shopify.h"

/* -- the money that went back ----------------------------------------------------------------------- */

struct payback {
	struct attrib_str currency; /* of the transactions; empty without one */
	int exponent;
	int64_t amount;
	int count; /* transactions that succeeded */
};

static bool is_done_refund(struct attrib_arena *arena, struct attrib_json transaction)
{
	return attrib_str_eq(pick_text(arena, transaction, "kind"), ATTRIB_STR("refund")) &&
	       attrib_str_eq(pick_text(arena, transaction, "status"), ATTRIB_STR("success"));
}

/* All transactions of a refund are in one currency. */
static int sum_payback(const struct sender *sender, struct attrib_json refund, struct payback *out)
{
	struct purse purse = {.arena = sender->intake->arena};
	struct attrib_json_walk walk;
	struct attrib_json transaction;
	struct attrib_str none;

	*out = (struct payback){0};
	pick_items(refund, "transactions", &walk);
	while (attrib_json_next(&walk, &none, &transaction)) {
		if (!is_done_refund(purse.arena, transaction))
			continue;
		out->currency = pick_text(purse.arena, transaction, "currency");
		out->exponent = purse.exponent = exponent_at(sender, transaction, "currency");
		purse_add(&purse, &out->amount, pick_amount(&purse, transaction, "amount"));
		out->count++;
	}
	return purse.err;
}

/* -- its rate --------------------------------------------------------------------------------------- */

/* Money sets: the same amounts in the shop's currency and in the buyer's. */
struct rate {
	struct attrib_str currency; /* the shop's; empty = no set was seen */
	int64_t shop, buyer;
};

static void add_set(const struct sender *sender, struct attrib_json set, struct rate *rate)
{
	struct purse purse = {.arena = sender->intake->arena,
		.exponent = exponent_at(sender, set, "shop_money.currency_code")};

	if (rate->currency.n == 0)
		rate->currency = pick_text(purse.arena, set, "shop_money.currency_code");
	purse_add(&purse, &rate->shop, llabs(pick_amount(&purse, set, "shop_money.amount")));
	purse.exponent = exponent_at(sender, set, "presentment_money.currency_code");
	purse_add(
		&purse, &rate->buyer, llabs(pick_amount(&purse, set, "presentment_money.amount")));
}

static void add_sets(const struct sender *sender, struct attrib_json object, const char *list,
	const char *path, struct rate *rate)
{
	struct attrib_json_walk walk;
	struct attrib_json item, set;
	struct attrib_str none;

	pick_items(object, list, &walk);
	while (attrib_json_next(&walk, &none, &item)) {
		if (pick(item, path, &set))
			add_set(sender, set, rate);
	}
}

static struct rate rate_of(
	const struct sender *sender, struct attrib_json refund, struct attrib_json order)
{
	struct rate rate = {0};
	struct attrib_json set;

	add_sets(sender, refund, "refund_line_items", "subtotal_set", &rate);
	add_sets(sender, refund, "refund_line_items", "total_tax_set", &rate);
	add_sets(sender, refund, "refund_shipping_lines", "subtotal_amount_set", &rate);
	add_sets(sender, refund, "refund_shipping_lines", "tax_amount_set", &rate);
	add_sets(sender, refund, "order_adjustments", "amount_set", &rate);
	if (rate.buyer == 0 && pick(order, "total_price_set", &set))
		add_set(sender, set, &rate);
	if (rate.currency.n == 0)
		rate.currency = pick_text(sender->intake->arena, order, "currency");
	return rate;
}

/* -- its parts -------------------------------------------------------------------------------------- */

struct parts {
	int64_t lines, other; /* other: those of them that are no revenue */
	int64_t shipping;
	int64_t line_tax, shipping_tax;
};

static void add_lines(struct purse *purse, struct attrib_json refund, struct parts *out)
{
	struct attrib_json_walk walk;
	struct attrib_json item, line;
	struct attrib_str none;

	pick_items(refund, "refund_line_items", &walk);
	while (attrib_json_next(&walk, &none, &item)) {
		int64_t subtotal = pick_amount(purse, item, "subtotal");
		purse_add(purse, &out->lines, subtotal);
		purse_add(purse, &out->line_tax, pick_amount(purse, item, "total_tax"));
		if (pick(item, "line_item", &line) && !shopify_is_goods(line))
			purse_add(purse, &out->other, subtotal);
	}
}

/* Refunded shipping stands in lines of its own; before 2024-10 it was an adjustment, with a minus. */
static void add_shipping(struct purse *purse, struct attrib_json refund, struct parts *out)
{
	struct attrib_json_walk walk;
	struct attrib_json item;
	struct attrib_str none, kind;

	out->shipping = pick_sum(
		purse, refund, "refund_shipping_lines", "subtotal_amount_set.shop_money.amount");
	out->shipping_tax = pick_sum(
		purse, refund, "refund_shipping_lines", "tax_amount_set.shop_money.amount");
	if (pick_items(refund, "refund_shipping_lines", &walk))
		return;
	pick_items(refund, "order_adjustments", &walk);
	while (attrib_json_next(&walk, &none, &item)) {
		kind = pick_text(purse->arena, item, "kind");
		if (!attrib_str_eq(kind, ATTRIB_STR("shipping_refund")))
			continue;
		purse_add(purse, &out->shipping, -pick_amount(purse, item, "amount"));
		purse_add(purse, &out->shipping_tax, -pick_amount(purse, item, "tax_amount"));
	}
}

/* Tax and shipping are only told when the parts add up to what went back, with the tax in them or beside
 * them. Money that was agreed upon has no parts. */
static void note_parts(struct draft *draft, struct attrib_json refund, int64_t amount, int exponent)
{
	struct purse purse = {.arena = draft->sender->intake->arena, .exponent = exponent};
	struct parts parts = {0};
	int64_t tax, sum, shipping;

	add_lines(&purse, refund, &parts);
	add_shipping(&purse, refund, &parts);
	tax = parts.line_tax + parts.shipping_tax;
	sum = parts.lines + parts.shipping;
	shipping = parts.shipping + parts.other;
	if (amount == 0)
		tax = shipping = 0;
	else if (amount == sum)
		shipping -= parts.shipping_tax;
	else if (amount != sum + tax)
		return;
	if (purse.err || tax < 0 || shipping < 0)
		return;
	note_amount(draft, FIELD_REFUND_TAX, tax, exponent);
	note_amount(draft, FIELD_REFUND_SHIPPING, shipping, exponent);
}

/* -- the refund ------------------------------------------------------------------------------------- */

/* In the shop's money where the rate is known, else in that of the transactions. */
static void note_money(struct draft *draft, struct attrib_json refund, struct attrib_json order,
	const struct payback *paid)
{
	const struct sender *sender = draft->sender;
	struct rate rate = rate_of(sender, refund, order);
	struct attrib_str currency = paid->currency.n ? paid->currency : rate.currency;
	int64_t amount = paid->amount;

	if (rate.currency.n && rate.buyer > 0 && !attrib_str_ieq(rate.currency, currency)) {
		amount = attrib_money_scale(amount, rate.shop, rate.buyer);
		currency = rate.currency;
	}
	note_text(draft, FIELD_REFUND_CURRENCY, currency);
	note_amount(draft, FIELD_REFUND_AMOUNT, amount, exponent_of(sender, currency));
	note_parts(draft, refund, amount, exponent_of(sender, currency));
}

/* What has more transactions behind it is the later word on one refund. */
static void note_time(struct draft *draft, struct attrib_json refund, int count)
{
	struct attrib_arena *arena = draft->sender->intake->arena;
	int64_t at = pick_instant(arena, refund, "processed_at", "");

	if (at == ATTRIB_NEVER)
		at = pick_instant(arena, refund, "created_at", "");
	if (at != ATTRIB_NEVER)
		note_instant(draft, FIELD_OCCURRED_AT, at + count * VENDOR_STEP_US);
}

bool shopify_note_refund(struct draft *draft, struct attrib_json refund, struct attrib_json order)
{
	static const struct mapping mappings[] = {
		{"id", FIELD_REFUND_KEY, true},
		{"order_id", FIELD_REFUND_ORDER, true},
	};
	struct payback paid;
	int err = sum_payback(draft->sender, refund, &paid);

	note_text(draft, FIELD_TYPE, ATTRIB_STR("refund"));
	if (!note_mapped(draft, refund, mappings, sizeof mappings / sizeof *mappings))
		return false;
	if (!draft_sent(draft, BIT(REFUND_ORDER)))
		note_text(draft, FIELD_REFUND_ORDER,
			pick_text(draft->sender->intake->arena, order, "id"));
	if (err)
		return draft_refuse_as(
			draft, err, "refund.amount: expected decimal amounts in transactions");
	note_money(draft, refund, order, &paid);
	note_time(draft, refund, paid.count);
	return true;
}
