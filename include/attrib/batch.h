/*
 * A batch: everything that one flush carries to the sink. The engine fills it, seals it and hands it
 * to the flush thread, which owns it until it is confirmed. All memory is the batch's own arena.
 */
#ifndef ATTRIB_BATCH_H
#define ATTRIB_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "attrib/arena.h"
#include "attrib/catalog.h"
#include "attrib/event.h"
#include "attrib/id.h"

/* Shares are integers out of 10^12; those of a model sum to it. */
#define ATTRIB_SHARE_ONE ((int64_t)1000000000000)

enum attrib_conversion_kind { ATTRIB_CONVERSION_ORDER = 1, ATTRIB_CONVERSION_LEAD = 2 };

/* Why a step of the path is (not) eligible, or why a conversion is as it is: the reasons that
 * path_step and explain show. X(NAME, "text") */
#define ATTRIB_REASONS(X)                                                                          \
	X(NONE, "")                                                                                \
	X(ELIGIBLE, "eligible")                                                                    \
	X(COLLAPSED, "eligible: collapsed into a newer touch of the same creator")                 \
	X(NO_OWNER, "nobody owned this key")                                                       \
	X(GENERIC, "generic key: never earns")                                                     \
	X(BEFORE_WINDOW, "older than the window")                                                  \
	X(AFTER_ORDER, "after the order was placed")                                               \
	X(LATE, "received after the order was locked")                                             \
	X(CHANNEL_OFF, "the window of this channel is 0")                                          \
	X(BOT, "invalid: bot or preview")                                                          \
	X(PREFETCH, "invalid: prefetch")                                                           \
	X(HEAD, "invalid: HEAD request")                                                           \
	X(OWN_SITE, "invalid: own-site referrer")                                                  \
	X(SELF_REFERRAL, "invalid: self-referral")                                                 \
	X(OTHER_CUSTOMER, "belongs to another customer")                                           \
	X(GRACE, "eligible: within the code's grace")                                              \
	X(ENDED, "the code's period had ended")                                                    \
	X(USED, "already used by an earlier order")                                                \
	X(RENEWAL, "renewal")                                                                      \
	X(TEST, "test")                                                                            \
	X(ZERO_TOTAL, "zero total")                                                                \
	X(SOURCE, "excluded source")                                                               \
	X(KIND, "excluded kind")                                                                   \
	X(TAG, "excluded tag")                                                                     \
	X(UNCONFIRMED, "no signed source confirmed it")                                            \
	X(UNPAID, "not paid")                                                                      \
	X(ORDER_LATE, "first received after lock_after")                                           \
	X(MERGED, "merged into another order")                                                     \
	X(KEPT_BY_LEAD, "eligible: kept by its lead")
enum attrib_reason {
#define X(name, text) ATTRIB_REASON_##name,
	ATTRIB_REASONS(X)
#undef X
		ATTRIB_REASON_COUNT
};
const char *attrib_reason_text(enum attrib_reason reason); /* stored in PostgreSQL as it is */

/* Which rule decided: shown by explain. */
#define ATTRIB_RULES(X)                                                                            \
	X(NONE, "none")                                                                            \
	X(CODE, "code")                                                                            \
	X(LAST_TOUCH, "last owned touch")                                                          \
	X(OTHER, "unowned utm")                                                                    \
	X(UNATTRIBUTED, "unattributed")
enum attrib_rule {
#define X(name, text) ATTRIB_RULE_##name,
	ATTRIB_RULES(X)
#undef X
};
const char *attrib_rule_text(enum attrib_rule rule);

/* One touch considered for a conversion, in (occurred_at, id) order; step = index + 1. */
struct attrib_step {
	enum attrib_channel channel;
	struct attrib_str key;    /* raw: as first sent; utm: attrib_utm_key of the raw parts */
	struct attrib_str folded; /* what the catalog was asked for */
	struct attrib_str creator, campaign, placement; /* empty = none */
	struct attrib_str tracker; /* the owning tracker's key as written; else empty */
	int64_t occurred_at;
	int64_t window_ends_at; /* occurred_at + window; ATTRIB_NEVER for codes and unowned ones */
	bool eligible;
	uint32_t flags;   /* verdicts, invalid and suspect ones (event.h) */
	int64_t discount; /* of a code, minor units of the order; 0 when not told */
	bool by_click_id; /* came by a click id on the order */
	bool view;
	enum attrib_reason reason;
	int credit;                 /* index into credits that it was collapsed into, or -1 */
	struct attrib_str event_id; /* the tie-break; for explain */
};

/* Who gets what: one row per touch of the collapsed path, or the one row of nobody (channel OTHER or
 * UNATTRIBUTED, creator empty). In every model the shares sum to ATTRIB_SHARE_ONE and the amounts to
 * the conversion's gross, over all credits of the decision. */
struct attrib_credit {
	enum attrib_channel channel;
	struct attrib_str creator, campaign, placement, tracker;
	int64_t touched_at; /* the anchor's time; of nobody: the order's T */
	int64_t share[ATTRIB_MODEL_COUNT];
	int64_t amount[ATTRIB_MODEL_COUNT]; /* minor units */
};

enum attrib_base_status {
	ATTRIB_STATUS_PROVISIONAL = 1,
	ATTRIB_STATUS_PENDING,
	ATTRIB_STATUS_PAID,
	ATTRIB_STATUS_EXCLUDED
};

/* Another name of an order. */
struct attrib_order_name {
	struct attrib_str kind, value;
	bool conflict; /* stated, but another order of the same source holds it */
};

/* A decision: the whole truth about one conversion, replaced as a unit by a higher ticket. */
struct attrib_decision {
	struct attrib_str site;
	enum attrib_conversion_kind kind;
	struct attrib_str order_id;    /* canonical */
	struct attrib_str merged_into; /* not empty: another's alias, nothing else counts */
	uint64_t ticket;
	enum attrib_base_status status; /* before refunds and cancels, which SQL applies */
	enum attrib_reason reason;      /* of status, late or renewal; NONE otherwise */
	bool counted;       /* goes into sums (unless cancelled: then refunded = gross) */
	bool late;          /* first received after T + lock_after: never replaces a path */
	bool signed_source; /* some signed source has spoken */
	char currency[4];
	int exponent;
	int64_t gross, total; /* minor units; total: what refunds are a part of */
	int64_t placed_at;    /* T */
	int64_t lock_at;      /* T + lock_after: what was received later is not on the path */
	int64_t counted_at;   /* date of revenue; ATTRIB_NEVER when not counted */
	int64_t first_received_at;
	struct attrib_str order_kind, order_source, source; /* one_off.., web.., shopify.. */
	enum attrib_rule rule;
	/* The one owned code that was asked, and by which rule; empty and INHERIT without one. */
	struct attrib_str code;
	enum attrib_code_rule code_rule;
	uint32_t policy_version;
	uint64_t catalog_version;
	size_t key_count;
	const struct attrib_customer_key *keys; /* customer keys of the order; none = unknown */
	size_t alias_count;
	const struct attrib_order_name *aliases; /* from signed sources */
	size_t step_count;
	const struct attrib_step *steps;
	size_t credit_count; /* >= 1 unless merged_into */
	const struct attrib_credit *credits;
};

/* Facts for SQL, which keys them and takes the latest by (occurred_at, event_id): idempotent. */
struct attrib_refund_fact {
	struct attrib_str site, source, order_id, refund_id, event_id;
	char currency[4];              /* empty = the order's */
	int64_t amount, tax, shipping; /* minor units of currency (of the order's when empty) */
	bool has_parts, cumulative, voided;
	int64_t occurred_at, received_at;
};
struct attrib_cancel_fact {
	struct attrib_str site, source, order_id, event_id;
	bool reversed;
	int64_t occurred_at, received_at;
};
/* Keys that one signed event named together: one customer. */
struct attrib_customer_link {
	struct attrib_str site;
	size_t count; /* >= 1 */
	const struct attrib_customer_key *keys;
};

/* A sketch of distinct visitors is a bit for each (slot, rank) that one of them has: a visitor has one of 1,024
 * slots, and rank r with probability 2^-r. The sketch of a union is the OR of the sketches, so repeats, replays
 * and the order of arrival change nothing; how many they are is estimated in SQL (schema/functions/visitors.sql). */
#define ATTRIB_SKETCH_SLOTS 1024
#define ATTRIB_SKETCH_RANKS 24
#define ATTRIB_SKETCH_BITS  (ATTRIB_SKETCH_SLOTS * ATTRIB_SKETCH_RANKS)
struct attrib_mark {
	const struct attrib_mark *next;
	uint16_t bit; /* slot + ATTRIB_SKETCH_SLOTS * (rank - 1) */
};

/* Traffic: counts to add. Owner and local day are resolved by views. */
struct attrib_traffic {
	struct attrib_str site;
	int64_t bucket_at;           /* start of its 15 minutes, UTC */
	enum attrib_channel channel; /* LINK AFFILIATE UTM CODE VIEW DIRECT */
	struct attrib_str key;       /* folded; "" for DIRECT, "(other)" on overflow */
	enum attrib_event_type type; /* CLICK VISIT VIEW CODE_APPLIED CART CHECKOUT LEAD */
	uint32_t verdicts;           /* 0 = valid */
	int64_t count;
	int64_t uniques; /* first valid click of (local day, tracker, visitor) */
	/* Whom the row counts, where that is asked: in any order, the same bit perhaps several times. */
	const struct attrib_mark *marks;
};

struct attrib_position {
	struct attrib_id lane;
	uint64_t number; /* every record up to it is in this or an earlier batch */
};

struct attrib_batch;
struct attrib_batch *attrib_batch_new(void); /* or NULL */
void attrib_batch_free(struct attrib_batch *batch);
void attrib_batch_reset(struct attrib_batch *batch);
struct attrib_arena *attrib_batch_arena(struct attrib_batch *batch);

/* Each put copies into the batch. A decision replaces an earlier one of the same conversion; a
 * traffic row adds its counts and marks to one with the same key. 0 or ATTRIB_E_NOMEM. */
int attrib_batch_put_decision(struct attrib_batch *batch, const struct attrib_decision *decision);
int attrib_batch_put_refund(struct attrib_batch *batch, const struct attrib_refund_fact *refund);
int attrib_batch_put_cancel(struct attrib_batch *batch, const struct attrib_cancel_fact *cancel);
int attrib_batch_put_link(struct attrib_batch *batch, const struct attrib_customer_link *link);
int attrib_batch_put_traffic(struct attrib_batch *batch, const struct attrib_traffic *traffic);
/* Raises the position of a lane. */
int attrib_batch_set_position(
	struct attrib_batch *batch, const struct attrib_id *lane, uint64_t number);
/* Records applied into this batch, rows or not. */
void attrib_batch_count_records(struct attrib_batch *batch, uint64_t n);

struct attrib_batch_view {
	const struct attrib_decision *const *decisions; /* by (site, kind, order_id) bytes */
	size_t decision_count;
	const struct attrib_refund_fact *refunds;
	size_t refund_count;
	const struct attrib_cancel_fact *cancels;
	size_t cancel_count;
	const struct attrib_customer_link *links;
	size_t link_count;
	const struct attrib_traffic *const *traffic;
	size_t traffic_count;
	const struct attrib_position *positions;
	size_t position_count;
	uint64_t records;
};
/* Valid until the next put or reset. Sorts what the merge wants in key order. */
void attrib_batch_seal(struct attrib_batch *batch, struct attrib_batch_view *out);

#endif
