/*
 * The tables of the codec. A tag is never used again for something else; a new member takes a free
 * tag, which older readers skip.
 */
#include "fields.h"

#include <stddef.h>

#define EVENT(tag, form, member)                                                                   \
	{                                                                                          \
		tag, form, offsetof(struct attrib_event, member)                                   \
	}
const struct field event_fields[] = {
	EVENT(1, SMALL, type), /* first of all: it tells whether an order or a refund is to come */
	EVENT(2, SMALL, trust),
	EVENT(3, TEXT, site),
	EVENT(4, TEXT, source),
	EVENT(5, INSTANT, received_at),
	EVENT(6, AFTER, occurred_at),
	EVENT(7, SMALL, verdicts),
	EVENT(8, TEXT, event_id),
	EVENT(9, ID, id),
	EVENT(10, ID, visitor),
	EVENT(11, ID, click),
	EVENT(12, KEYS, keys),
	EVENT(16, TEXT, link),
	EVENT(17, TEXT, affiliate),
	EVENT(18, TEXT, code),
	EVENT(20, FLAG, has_utm),
	EVENT(21, TEXT, utm.source),
	EVENT(22, TEXT, utm.medium),
	EVENT(23, TEXT, utm.campaign),
	EVENT(24, TEXT, utm.term),
	EVENT(25, TEXT, utm.content),
	EVENT(32, SMALL, ad_clicks),
	EVENT(33, TEXT, referrer_host),
	EVENT(34, TEXT, country),
	EVENT(40, TEXT, cancel_order_id),
	EVENT(41, FLAG, cancel_reversed),
	{0},
};

#define ORDER(tag, form, member)                                                                   \
	{                                                                                          \
		ORDER_TAGS + (tag), form, offsetof(struct attrib_order, member)                    \
	}
const struct field order_fields[] = {
	ORDER(0, TEXT, id),
	ORDER(1, ID, key),
	ORDER(2, TEXT, name),
	ORDER(3, TEXT, kind),
	ORDER(4, TEXT, source),
	ORDER(5, FLAG, test),
	ORDER(6, TEXT, tags),
	ORDER(8, FLAG, has_amounts),
	ORDER(9, CURRENCY, currency),
	ORDER(10, FLAG, has_total),
	ORDER(11, FLAG, has_subtotal),
	ORDER(12, AMOUNT, total),
	ORDER(13, AMOUNT, subtotal),
	ORDER(14, AMOUNT, tax),
	ORDER(15, AMOUNT, shipping),
	ORDER(16, AMOUNT, discount),
	ORDER(24, FLAG, has_status),
	ORDER(25, SMALL, status),
	ORDER(26, INSTANT, placed_at),
	ORDER(27, INSTANT, paid_at),
	ORDER(28, INSTANT, updated_at),
	ORDER(32, FLAG, has_codes),
	ORDER(33, CODES, codes),
	ORDER(40, ALIASES, aliases),
	{0},
};

#define REFUND(tag, form, member)                                                                  \
	{                                                                                          \
		REFUND_TAGS + (tag), form, offsetof(struct attrib_refund, member)                  \
	}
const struct field refund_fields[] = {
	REFUND(0, TEXT, id),
	REFUND(1, TEXT, order_id),
	REFUND(2, AMOUNT, amount),
	REFUND(3, CURRENCY, currency),
	REFUND(4, FLAG, has_parts),
	REFUND(5, AMOUNT, tax),
	REFUND(6, AMOUNT, shipping),
	REFUND(7, FLAG, cumulative),
	REFUND(8, SMALL, status),
	{0},
};
