/*
 * The tables of the codec. A tag is never used again for something else; a new member takes a free
 * tag, which older readers skip.
 */
#include "fields.h"

#include <stddef.h>

/* clang-format off: X(tag within its struct, form, member) */
#define EVENT_FIELDS(X)                                                                            \
	X(1, SMALL, type) /* first of all: it tells whether an order or a refund is to come */     \
	X(2, SMALL, trust)                                                                         \
	X(3, TEXT, site)                                                                           \
	X(4, TEXT, source)                                                                         \
	X(5, INSTANT, received_at)                                                                 \
	X(6, AFTER, occurred_at)                                                                   \
	X(7, SMALL, verdicts)                                                                      \
	X(8, TEXT, event_id)                                                                       \
	X(9, ID, id)                                                                               \
	X(10, ID, visitor)                                                                         \
	X(11, ID, click)                                                                           \
	X(12, KEYS, keys)                                                                          \
	X(13, ID, cart_token)                                                                      \
	X(14, ID, checkout_token)                                                                  \
	X(16, TEXT, link)                                                                          \
	X(17, TEXT, affiliate)                                                                     \
	X(18, TEXT, code)                                                                          \
	X(20, FLAG, has_utm)                                                                       \
	X(21, TEXT, utm.source)                                                                    \
	X(22, TEXT, utm.medium)                                                                    \
	X(23, TEXT, utm.campaign)                                                                  \
	X(24, TEXT, utm.term)                                                                      \
	X(25, TEXT, utm.content)                                                                   \
	X(32, SMALL, ad_clicks)                                                                    \
	X(33, TEXT, referrer_host)                                                                 \
	X(34, TEXT, country)                                                                       \
	X(40, TEXT, cancel_order_id)                                                               \
	X(41, FLAG, cancel_reversed)

#define ORDER_FIELDS(X)                                                                            \
	X(0, TEXT, id)                                                                             \
	X(1, ID, key)                                                                              \
	X(2, TEXT, name)                                                                           \
	X(3, TEXT, kind)                                                                           \
	X(4, TEXT, source)                                                                         \
	X(5, FLAG, test)                                                                           \
	X(6, TEXT, tags)                                                                           \
	X(8, FLAG, has_amounts)                                                                    \
	X(9, CURRENCY, currency)                                                                   \
	X(10, FLAG, has_total)                                                                     \
	X(11, FLAG, has_subtotal)                                                                  \
	X(12, AMOUNT, total)                                                                       \
	X(13, AMOUNT, subtotal)                                                                    \
	X(14, AMOUNT, tax)                                                                         \
	X(15, AMOUNT, shipping)                                                                    \
	X(16, AMOUNT, discount)                                                                    \
	X(24, FLAG, has_status)                                                                    \
	X(25, SMALL, status)                                                                       \
	X(26, INSTANT, placed_at)                                                                  \
	X(27, INSTANT, paid_at)                                                                    \
	X(28, INSTANT, updated_at)                                                                 \
	X(32, FLAG, has_codes)                                                                     \
	X(33, CODES, codes)                                                                        \
	X(40, ALIASES, aliases)

#define REFUND_FIELDS(X)                                                                           \
	X(0, TEXT, id)                                                                             \
	X(1, TEXT, order_id)                                                                       \
	X(2, AMOUNT, amount)                                                                       \
	X(3, CURRENCY, currency)                                                                   \
	X(4, FLAG, has_parts)                                                                      \
	X(5, AMOUNT, tax)                                                                          \
	X(6, AMOUNT, shipping)                                                                     \
	X(7, FLAG, cumulative)                                                                     \
	X(8, SMALL, status)

/* clang-format on */

#define ROW(base, tag, form, type, member)                                                         \
	{                                                                                          \
		(base) + (tag), form, offsetof(struct type, member)                                \
	}
#define EVENT_ROW(tag, form, member)  ROW(0, tag, form, attrib_event, member),
#define ORDER_ROW(tag, form, member)  ROW(ORDER_TAGS, tag, form, attrib_order, member),
#define REFUND_ROW(tag, form, member) ROW(REFUND_TAGS, tag, form, attrib_refund, member),

const struct field event_fields[] = {EVENT_FIELDS(EVENT_ROW){0}};
const struct field order_fields[] = {ORDER_FIELDS(ORDER_ROW){0}};
const struct field refund_fields[] = {REFUND_FIELDS(REFUND_ROW){0}};

#define EVENT_SLOT(tag, form, member)  [tag] = EVENT_ROW(tag, form, member)
#define ORDER_SLOT(tag, form, member)  [ORDER_TAGS + (tag)] = ORDER_ROW(tag, form, member)
#define REFUND_SLOT(tag, form, member) [REFUND_TAGS + (tag)] = REFUND_ROW(tag, form, member)

const struct field fields_by_tag[256] = {
	EVENT_FIELDS(EVENT_SLOT) ORDER_FIELDS(ORDER_SLOT) REFUND_FIELDS(REFUND_SLOT)};
