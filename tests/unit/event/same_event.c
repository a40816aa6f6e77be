#include "random_event.h"

/* Written member by member, not over the codec's own tables: a row that is missing there shows. */
#define SAME(member)                                                                               \
	if (a->member != b->member)                                                                \
	return #member
#define SAME_TEXT(member)                                                                          \
	if (!attrib_str_eq(a->member, b->member))                                                  \
	return #member
#define SAME_ID(member)                                                                            \
	if (!attrib_id_eq(&a->member, &b->member))                                                 \
	return #member

static const char *order_difference(const struct attrib_order *a, const struct attrib_order *b)
{
	SAME_TEXT(id);
	SAME_ID(key);
	SAME_TEXT(name);
	SAME_TEXT(kind);
	SAME_TEXT(source);
	SAME(test);
	SAME(has_amounts);
	if (strcmp(a->currency, b->currency) != 0)
		return "order.currency";
	SAME(has_total);
	SAME(has_subtotal);
	SAME(total);
	SAME(subtotal);
	SAME(tax);
	SAME(shipping);
	SAME(discount);
	SAME(has_status);
	SAME(status);
	SAME(placed_at);
	SAME(paid_at);
	SAME(updated_at);
	SAME(has_codes);
	SAME(code_count);
	for (size_t i = 0; i < a->code_count; i++) {
		SAME_TEXT(codes[i].code);
		SAME(codes[i].amount);
		SAME(codes[i].has_amount);
	}
	SAME(alias_count);
	for (size_t i = 0; i < a->alias_count; i++) {
		SAME_TEXT(aliases[i].kind);
		SAME_TEXT(aliases[i].value);
		SAME_ID(aliases[i].id);
	}
	return NULL;
}

static const char *refund_difference(const struct attrib_refund *a, const struct attrib_refund *b)
{
	SAME_TEXT(id);
	SAME_TEXT(order_id);
	SAME(amount);
	if (strcmp(a->currency, b->currency) != 0)
		return "refund.currency";
	SAME(has_parts);
	SAME(tax);
	SAME(shipping);
	SAME(cumulative);
	SAME(status);
	return NULL;
}

const char *event_difference(const struct attrib_event *a, const struct attrib_event *b)
{
	SAME(type);
	SAME(trust);
	SAME_TEXT(site);
	SAME_TEXT(source);
	SAME(received_at);
	SAME(occurred_at);
	SAME(verdicts);
	SAME_TEXT(event_id);
	SAME_ID(id);
	SAME_ID(visitor);
	SAME_ID(click);
	SAME_ID(cart_token);
	SAME_ID(checkout_token);
	SAME(key_count);
	for (size_t i = 0; i < a->key_count; i++) {
		SAME(keys[i].kind);
		SAME_ID(keys[i].id);
	}
	SAME_TEXT(link);
	SAME_TEXT(affiliate);
	SAME_TEXT(code);
	SAME_TEXT(utm.source);
	SAME_TEXT(utm.medium);
	SAME_TEXT(utm.campaign);
	SAME_TEXT(utm.term);
	SAME_TEXT(utm.content);
	SAME(has_utm);
	SAME(ad_clicks);
	SAME_TEXT(referrer_host);
	SAME_TEXT(country);
	SAME_TEXT(cancel_order_id);
	SAME(cancel_reversed);
	if (!a->order != !b->order || !a->refund != !b->refund)
		return "object";
	if (a->order && order_difference(a->order, b->order))
		return order_difference(a->order, b->order);
	return a->refund ? refund_difference(a->refund, b->refund) : NULL;
}
