/*
 * An event: one accepted fact, normalised. This is what intake makes, the journal keeps and the
 * engine reads; nothing else travels between them.
 *
 * Texts are UTF-8 without U+0000 and keep what was sent; a field that was not sent is empty
 * (ATTRIB_STR_NONE), an instant that was not sent is ATTRIB_NEVER.
 */
#ifndef ATTRIB_EVENT_H
#define ATTRIB_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include "attrib/arena.h"
#include "attrib/buf.h"
#include "attrib/id.h"
#include "attrib/time.h"

/* X(NAME, "name on the wire", number in the journal: never reused) */
#define ATTRIB_EVENT_TYPES(X)                                                                      \
	X(CLICK, "click", 1)                                                                       \
	X(VISIT, "visit", 2)                                                                       \
	X(VIEW, "view", 3)                                                                         \
	X(CODE_APPLIED, "code_applied", 4)                                                         \
	X(CART, "cart", 5)                                                                         \
	X(CHECKOUT, "checkout", 6)                                                                 \
	X(LEAD, "lead", 7)                                                                         \
	X(PURCHASE, "purchase", 8)                                                                 \
	X(REFUND, "refund", 9)                                                                     \
	X(CANCEL, "cancel", 10)                                                                    \
	X(IDENTIFY, "identify", 11)                                                                \
	X(ERASE, "erase", 12)

enum attrib_event_type {
#define X(name, text, number) ATTRIB_EVENT_##name = number,
	ATTRIB_EVENT_TYPES(X)
#undef X
};
#define ATTRIB_EVENT_TYPE_MAX ATTRIB_EVENT_ERASE
const char *attrib_event_type_name(enum attrib_event_type type);
int attrib_event_type_parse(struct attrib_str s, enum attrib_event_type *out) ATTRIB_MUST_CHECK;

/* Whose word it is: the source class of ids and the trust of facts. */
enum attrib_trust {
	ATTRIB_TRUST_STRANGER = 0, /* pixel, beacon, tag, public keys */
	ATTRIB_TRUST_SIGNED = 1,   /* signed webhooks, secret write keys */
};

/* Verdicts that depend on the moment, written by the worker that accepted the event. */
enum attrib_verdict {
	ATTRIB_VERDICT_BOT = 1 << 0,      /* user agent on the bot or preview list */
	ATTRIB_VERDICT_PREFETCH = 1 << 1, /* Purpose / Sec-Purpose says prefetch or preview */
	ATTRIB_VERDICT_HEAD = 1 << 2,     /* HEAD request */
	ATTRIB_VERDICT_OWN_SITE = 1 << 3, /* the referrer is the shop itself */
	ATTRIB_VERDICT_FLOOD = 1 << 8,    /* suspect: too many from one address on one link */
	ATTRIB_VERDICT_PAID_AD = 1 << 9, /* suspect: an affiliate click with a search-ad click id */
	ATTRIB_VERDICT_OVERFLOW = 1 << 10,   /* key counted under "(other)": the site's daily cap */
	ATTRIB_VERDICT_NO_CONSENT = 1 << 11, /* counted without an id (GPC, DNT, no consent) */
	ATTRIB_VERDICT_TOO_FAST =
		1 << 12, /* suspect, found by the engine: an order right behind it */
};
#define ATTRIB_VERDICTS_INVALID 0x00ff /* these make a touch ineligible */
#define ATTRIB_VERDICTS_SUSPECT 0x1300 /* these only flag it */

enum attrib_customer_kind { ATTRIB_KEY_EMAIL = 1, ATTRIB_KEY_PHONE = 2, ATTRIB_KEY_CUSTOMER = 3 };
struct attrib_customer_key {
	enum attrib_customer_kind kind;
	struct attrib_id id; /* keyed hash of the normalised value */
};
#define ATTRIB_CUSTOMER_KEYS_MAX 8
/* By kind, then by id: <0, 0, >0. */
int attrib_customer_key_cmp(
	const struct attrib_customer_key *a, const struct attrib_customer_key *b);

struct attrib_utm {
	struct attrib_str source, medium, campaign, term, content; /* decoded, not folded */
};

enum attrib_order_status {
	ATTRIB_ORDER_PENDING = 1,
	ATTRIB_ORDER_PAID,
	/* further states of the payment reach us as refunds and cancels */
};

struct attrib_order_code {
	struct attrib_str code; /* as sent */
	int64_t amount;         /* discount in minor units, when has_amount */
	bool has_amount;
};
#define ATTRIB_ORDER_CODES_MAX 16

struct attrib_alias {
	struct attrib_str kind; /* name, number, checkout_token, cart_token, order_key, ... */
	struct attrib_str value;
	struct attrib_id id; /* of the order that has the value as its id; of a number: its own */
};
#define ATTRIB_ALIASES_MAX 8

/* One observation of an order or a lead. Groups that were not sent do not compete in the merge. */
struct attrib_order {
	struct attrib_str id;     /* the source's own id, at most 255 bytes */
	struct attrib_id key;     /* of id, domain ORDER */
	struct attrib_str name;   /* leads: its name; else empty */
	struct attrib_str kind;   /* one_off, first, renewal, ...; empty = one_off */
	struct attrib_str source; /* web, pos, draft, ...: where the shop took it */
	struct attrib_str tags;   /* folded, separated by ','; "," = said to have none */
	bool test;
	/* group: currency and amounts, in minor units of currency */
	bool has_amounts;
	char currency[4]; /* upper case, NUL-terminated; empty = the site's */
	bool has_total, has_subtotal;
	int64_t total, subtotal, tax, shipping, discount;
	/* group: status and times */
	bool has_status;
	enum attrib_order_status status;
	int64_t placed_at, paid_at, updated_at; /* ATTRIB_NEVER when not sent */
	/* group: codes; an empty list that was sent competes */
	bool has_codes;
	size_t code_count;
	struct attrib_order_code codes[ATTRIB_ORDER_CODES_MAX];
	size_t alias_count;
	struct attrib_alias aliases[ATTRIB_ALIASES_MAX];
};

enum attrib_refund_status { ATTRIB_REFUND_DONE = 1, ATTRIB_REFUND_VOID };

struct attrib_refund {
	struct attrib_str id; /* unique within (order, source) */
	struct attrib_str order_id;
	int64_t amount;   /* of the order's total, minor units, >= 0 */
	char currency[4]; /* empty = the order's */
	bool has_parts;   /* tax and shipping are known */
	int64_t tax, shipping;
	bool cumulative; /* amount is all that was refunded so far */
	enum attrib_refund_status status;
};

struct attrib_event {
	enum attrib_event_type type;
	enum attrib_trust trust;
	struct attrib_str site;
	struct attrib_str source;   /* native, pixel, beacon, redirect, shopify, ... */
	int64_t received_at;        /* by the accepting worker's clock */
	int64_t occurred_at;        /* clamped by the rules of "Eligible"; never missing */
	uint32_t verdicts;          /* enum attrib_verdict */
	struct attrib_str event_id; /* as sent or derived; <= 128 bytes; breaks ties as bytes */
	struct attrib_id id;        /* of event_id (domain by trust): idempotence */
	struct attrib_id visitor;   /* none = no visitor */
	struct attrib_id click;     /* the click id that it carries or (CLICK) makes; none = none */
	struct attrib_id cart_token,
		checkout_token; /* as an order's alias of that kind; none = none */
	size_t key_count;
	struct attrib_customer_key keys[ATTRIB_CUSTOMER_KEYS_MAX];
	/* what it can be credited by, as sent */
	struct attrib_str link, affiliate, code;
	struct attrib_utm utm;
	bool has_utm;
	uint32_t ad_clicks; /* bit set of enum attrib_ad_click (intake.h): names only */
	struct attrib_str referrer_host;
	struct attrib_str country; /* empty; reserved */
	/* the type's own object; NULL for the other types */
	struct attrib_order *order;        /* PURCHASE, LEAD */
	struct attrib_refund *refund;      /* REFUND */
	struct attrib_str cancel_order_id; /* CANCEL */
	bool cancel_reversed;
};

/* Instants and amounts lie between this and its negative, so that they can be added and subtracted a few
 * times: in us that is beyond the year 9999, and a hundred times ATTRIB_MONEY_MAX. */
#define ATTRIB_EVENT_NUMBER_MAX (((int64_t)1 << 58) - 1)

/* The journal's payload: a version byte, then fields as (tag, length, bytes). Unknown tags are
 * skipped, so a newer writer may add some; a newer version byte is ATTRIB_E_VERSION.
 * The event has a type and received_at; order is set exactly for PURCHASE and LEAD, refund exactly
 * for REFUND. Out of memory stays in out->err. */
void attrib_event_encode(const struct attrib_event *event, struct attrib_buf *out);
/* Texts of *out are views of payload; order and refund come from the arena.
 * ATTRIB_E_CORRUPT for a payload that no encoder made; *out is nothing then. */
int attrib_event_decode(struct attrib_str payload, struct attrib_arena *arena,
	struct attrib_event *out) ATTRIB_MUST_CHECK;

#endif
