/*
 * The fields of the native form: one table for every way in. JSON and query strings are brought to
 * the same shape first (which field, what text), and one set of setters turns the texts into an
 * event. What a field is called, what it takes and where it goes is said here and nowhere else.
 */
#ifndef ATTRIB_INTAKE_FIELD_H
#define ATTRIB_INTAKE_FIELD_H

#include "attrib/event.h"
#include "attrib/str.h"

enum group { GROUP_TOP, GROUP_UTM, GROUP_ORDER, GROUP_LEAD, GROUP_REFUND, GROUP_COUNT };

/* What a field's text must be, and which setter takes it (field.c has a row for each). */
enum form {
	FORM_TEXT,
	FORM_ID,
	FORM_TOKEN, /* an id under which an order may be known */
	FORM_AMOUNT,
	FORM_INSTANT,
	FORM_FLAG,
	FORM_CURRENCY,
	FORM_TYPE,
	FORM_SITE,
	FORM_ORDER_STATUS,
	FORM_REFUND_STATUS,
	FORM_CODES,   /* a list of its own: draft.codes */
	FORM_ALIASES, /* likewise: draft.aliases */
	FORM_TAGS,    /* a list or a text: one text, separated by commas */
	FORM_OBJECT,  /* holds the fields of another group */
	FORM_COUNT
};

/* X(NAME, group, "name", form, most bytes, member of the group's struct). A currency stands before
 * the amounts that need it; type stands first. */
#define FIELDS(X)                                                                                  \
	X(TYPE, TOP, "type", TYPE, 32, event.type)                                                 \
	X(SITE, TOP, "site", SITE, 128, event.site)                                                \
	X(EVENT_ID, TOP, "event_id", ID, 128, event.event_id)                                      \
	X(OCCURRED_AT, TOP, "occurred_at", INSTANT, 64, event.occurred_at)                         \
	X(VISITOR_ID, TOP, "visitor_id", ID, 255, visitor_id)                                      \
	X(CUSTOMER_ID, TOP, "customer_id", ID, 255, customer_id)                                   \
	X(EMAIL, TOP, "email", TEXT, 320, email)                                                   \
	X(PHONE, TOP, "phone", TEXT, 64, phone)                                                    \
	X(CLICK_ID, TOP, "click_id", ID, 128, click_id)                                            \
	X(CART_TOKEN, TOP, "cart_token", TOKEN, 255, event.cart_token)                             \
	X(CHECKOUT_TOKEN, TOP, "checkout_token", TOKEN, 255, event.checkout_token)                 \
	X(AFFILIATE_ID, TOP, "affiliate_id", TEXT, 512, event.affiliate)                           \
	X(LINK, TOP, "link", TEXT, 512, event.link)                                                \
	X(CODE, TOP, "code", TEXT, 128, event.code)                                                \
	X(URL, TOP, "url", TEXT, 8192, url)                                                        \
	X(REFERRER, TOP, "referrer", TEXT, 8192, referrer)                                         \
	X(ORDER_ID, TOP, "order_id", ID, 255, event.cancel_order_id)                               \
	X(REVERSED, TOP, "reversed", FLAG, 8, event.cancel_reversed)                               \
	X(CONSENT, TOP, "consent", FLAG, 8, consent)                                               \
	X(UTM, TOP, "utm", OBJECT, GROUP_UTM, event)                                               \
	X(ORDER, TOP, "order", OBJECT, GROUP_ORDER, event)                                         \
	X(LEAD, TOP, "lead", OBJECT, GROUP_LEAD, event)                                            \
	X(REFUND, TOP, "refund", OBJECT, GROUP_REFUND, event)                                      \
	X(UTM_SOURCE, UTM, "source", TEXT, 512, event.utm.source)                                  \
	X(UTM_MEDIUM, UTM, "medium", TEXT, 512, event.utm.medium)                                  \
	X(UTM_CAMPAIGN, UTM, "campaign", TEXT, 512, event.utm.campaign)                            \
	X(UTM_TERM, UTM, "term", TEXT, 512, event.utm.term)                                        \
	X(UTM_CONTENT, UTM, "content", TEXT, 512, event.utm.content)                               \
	X(ORDER_KEY, ORDER, "id", ID, 255, id)                                                     \
	X(ORDER_CURRENCY, ORDER, "currency", CURRENCY, 3, currency)                                \
	X(ORDER_TOTAL, ORDER, "total", AMOUNT, 64, total)                                          \
	X(ORDER_SUBTOTAL, ORDER, "subtotal", AMOUNT, 64, subtotal)                                 \
	X(ORDER_TAX, ORDER, "tax", AMOUNT, 64, tax)                                                \
	X(ORDER_SHIPPING, ORDER, "shipping", AMOUNT, 64, shipping)                                 \
	X(ORDER_DISCOUNT, ORDER, "discount", AMOUNT, 64, discount)                                 \
	X(ORDER_CODES, ORDER, "codes", CODES, 128, codes)                                          \
	X(ORDER_STATUS, ORDER, "status", ORDER_STATUS, 32, status)                                 \
	X(ORDER_KIND, ORDER, "kind", TEXT, 64, kind)                                               \
	X(ORDER_SOURCE, ORDER, "source", TEXT, 64, source)                                         \
	X(ORDER_TAGS, ORDER, "tags", TAGS, 2048, tags)                                             \
	X(ORDER_TEST, ORDER, "test", FLAG, 8, test)                                                \
	X(ORDER_PLACED_AT, ORDER, "placed_at", INSTANT, 64, placed_at)                             \
	X(ORDER_PAID_AT, ORDER, "paid_at", INSTANT, 64, paid_at)                                   \
	X(ORDER_UPDATED_AT, ORDER, "updated_at", INSTANT, 64, updated_at)                          \
	X(ORDER_ALIASES, ORDER, "aliases", ALIASES, 255, aliases)                                  \
	X(LEAD_KEY, LEAD, "id", ID, 255, id)                                                       \
	X(LEAD_NAME, LEAD, "name", TEXT, 512, name)                                                \
	X(LEAD_CURRENCY, LEAD, "currency", CURRENCY, 3, currency)                                  \
	X(LEAD_VALUE, LEAD, "value", AMOUNT, 64, total)                                            \
	X(REFUND_KEY, REFUND, "id", ID, 255, id)                                                   \
	X(REFUND_ORDER, REFUND, "order_id", ID, 255, order_id)                                     \
	X(REFUND_CURRENCY, REFUND, "currency", CURRENCY, 3, currency)                              \
	X(REFUND_AMOUNT, REFUND, "amount", AMOUNT, 64, amount)                                     \
	X(REFUND_TAX, REFUND, "tax", AMOUNT, 64, tax)                                              \
	X(REFUND_SHIPPING, REFUND, "shipping", AMOUNT, 64, shipping)                               \
	X(REFUND_CUMULATIVE, REFUND, "cumulative", FLAG, 8, cumulative)                            \
	X(REFUND_STATUS, REFUND, "status", REFUND_STATUS, 32, status)

enum field_id {
#define X(name, group, text, form, max, member) FIELD_##name,
	FIELDS(X)
#undef X
		FIELD_COUNT
};
_Static_assert(FIELD_COUNT <= 64, "draft.sent has one bit for each");
#define BIT(name) ((uint64_t)1 << FIELD_##name)

struct field {
	struct attrib_str name;
	uint16_t max;    /* bytes; OBJECT: the group that it holds */
	uint16_t offset; /* of the member in draft, order or refund, by group */
	uint8_t group;   /* enum group */
	uint8_t form;    /* enum form */
};
extern const struct field fields[FIELD_COUNT];

/* The field of that name in a group; NULL = we do not know it. */
const struct field *field_find(enum group group, struct attrib_str name);
/* By its dotted name ("order.id"). */
const struct field *field_find_path(struct attrib_str path);
/* Its dotted name. */
struct attrib_str field_path(struct attrib_arena *arena, const struct field *field);
static inline enum field_id field_id(const struct field *field)
{
	return (enum field_id)(field - fields);
}

#endif
