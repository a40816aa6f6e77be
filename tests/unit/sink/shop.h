/*
 * A shop for the sink's tests: a database, a sink that is attached to it, and a batch that is filled
 * in a line per fact. Times are minutes after 2026-11-01 00:00 UTC.
 */
#ifndef ATTRIB_TEST_SINK_SHOP_H
#define ATTRIB_TEST_SINK_SHOP_H

#include "attrib/batch.h"
#include "attrib/sink.h"
#include "pg.h"

struct shop {
	struct test_pg *pg;
	struct attrib_sink *sink;
	struct attrib_batch *batch;
	struct attrib_sink_attach attach;
	struct attrib_id lane;
	uint64_t number; /* the lane's last record */
};

/* Several shops may share a database: each is an instance of its own. */
void shop_init(struct shop *shop, struct test_pg *pg, int instance);
/* Stops the test when adjustments do not add up to what is refunded. */
void shop_done(struct shop *shop);
void shop_site(struct test_pg *pg, const char *history); /* site acme, UTC, EUR; forwards all */

struct test_credit {
	const char *creator, *campaign, *tracker;
	enum attrib_channel channel; /* 0 = link */
	uint32_t flags;              /* verdicts on its touch */
	const char *placement;       /* NULL = none */
};
#define TEST_CREDITS_MAX 6
struct test_order {
	const char *id;
	uint64_t ticket;                /* 0 = 1 */
	int64_t gross;                  /* minor units */
	int64_t total;                  /* 0 = gross */
	int at;                         /* minutes */
	int received;                   /* minutes, of its first word; 0 = at */
	int key, key2;                  /* customer keys; 0 = none */
	const char *currency;           /* NULL = EUR */
	enum attrib_base_status status; /* 0 = paid */
	bool late, stranger, lead;
	const char *merged_into;
	const char *source;                           /* NULL = shopify */
	const char *alias;                            /* a payment_intent */
	bool alias_conflict;                          /* another order holds it */
	struct test_credit credits[TEST_CREDITS_MAX]; /* the first wins; linear splits evenly */
};
int64_t shop_at(int minutes);
void shop_order(struct shop *shop, struct test_order order);

struct test_refund {
	const char *order, *id;
	int64_t amount;
	int at;
	const char *source, *currency; /* NULL = shopify, the order's */
	const char *event;             /* id of this word of it; NULL = the refund's */
	bool cumulative, voided, has_parts;
	bool undated; /* told without its time: it has that of its receipt */
	int64_t tax, shipping;
};
void shop_refund(struct shop *shop, struct test_refund refund);
void shop_cancel(struct shop *shop, const char *order, int at, bool reversed);
void shop_link(struct shop *shop, int key, int key2);

/* Flushes what was put, as the next record of the lane, and empties the batch. */
int shop_try_flush(struct shop *shop);
void shop_flush(struct shop *shop);
/* Flushes the same batch and position again instead of emptying it. */
void shop_flush_keep(struct shop *shop);

/* Stops the test when rollups differ from rows, or what was told from what is so; prints the differences. */
void shop_check(struct shop *shop);

#endif
