/*
 * A small world for tests of the engine: one site, a catalog, memory state, an engine and a batch.
 * Events are built with defaults that a test overrides; times are offsets from START.
 */
#ifndef ATTRIB_TEST_ENGINE_WORLD_H
#define ATTRIB_TEST_ENGINE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "attrib/engine.h"

#define START (INT64_C(1793491200000000)) /* 2026-11-01T00:00:00Z */
#define MIN   ATTRIB_US_PER_MIN
#define HOUR  ATTRIB_US_PER_HOUR
#define DAYS  ATTRIB_US_PER_DAY
#define T0    (START + 40 * DAYS) /* when most orders are placed */

#define WORLD_ROWS_MAX 256

struct world {
	struct attrib_keys *keys;
	struct attrib_arena arena;
	struct attrib_site site;      /* change the policy before world_open */
	struct attrib_site neighbour; /* another shop of the catalog, once it has a name */
	struct attrib_tracker trackers[64];
	size_t tracker_count;
	struct attrib_campaign campaigns[8];
	size_t campaign_count;
	struct attrib_creator_key creator_keys[8];
	size_t creator_key_count;
	struct attrib_catalog *catalog;
	struct attrib_state *state;
	struct attrib_engine *engine;
	struct attrib_batch *batch;
	struct attrib_batch_view view;
	struct attrib_event *pending[WORLD_ROWS_MAX];
	size_t pending_count;
	uint64_t number;
};

void world_init(struct world *w);
void world_done(struct world *w);
/* Adds to the catalog; the row may be changed until world_open. */
struct attrib_tracker *world_tracker(
	struct world *w, enum attrib_tracker_kind kind, const char *key, const char *creator);
struct attrib_campaign *world_campaign(struct world *w, const char *name);
/* A creator buys under this customer key, too. */
struct attrib_creator_key *world_creator_key(
	struct world *w, const char *creator, const char *customer);
void world_open(struct world *w);
/* The catalog as it is now, under a new version; the orders wait for a walk. */
void world_swap(struct world *w, uint64_t version);
/* The same, and walks all orders. */
void world_reopen(struct world *w, uint64_t version);

/* A signed event that was received when it happened. It waits for world_apply. */
struct attrib_event *world_event(
	struct world *w, enum attrib_event_type type, const char *event_id, int64_t at);
struct attrib_event *world_click(
	struct world *w, const char *event_id, const char *visitor, const char *link, int64_t at);
struct attrib_event *world_landing(struct world *w, const char *event_id, const char *visitor,
	const char *affiliate, const char *source, const char *medium, int64_t at);
/* 100.00 EUR at T0; NULL for what it has not. */
struct attrib_event *world_order(
	struct world *w, const char *order_id, const char *visitor, const char *code);

/* A lead without a value at `at`; as of an order, its id and key are in event->order. */
struct attrib_event *world_lead(
	struct world *w, const char *lead_id, const char *visitor, int64_t at);
/* As many visitors as are told, <key>-0, <key>-1, .., are identified by one customer key; HUB of them make it a hub. */
#define HUB 21
void world_shared(struct world *w, const char *key, int visitors, int64_t at);
/* Moves an order or lead to another T, at which it was received, too. */
void event_at(struct attrib_event *event, int64_t at);

void event_visitor(struct world *w, struct attrib_event *event, const char *visitor);
void event_click_id(struct world *w, struct attrib_event *event, const char *click);
void event_customer(struct world *w, struct attrib_event *event, const char *key);
void event_id(struct world *w, struct attrib_event *event, const char *text);
void event_alias(struct world *w, struct attrib_event *event, const char *kind, const char *value);

/* What waits as the records of one group; they count on from those before. How many they are. */
size_t world_records(struct world *w, struct attrib_engine_record records[WORLD_ROWS_MAX]);
/* Applies what waits as one group. */
void world_apply(struct world *w);
/* The same; how many entities the engine loaded for it. */
size_t world_loads(struct world *w);
/* The sealed batch. */
const struct attrib_batch_view *world_view(struct world *w);
/* Applies, seals and finds; fails the test when there is none. */
const struct attrib_decision *world_decision(struct world *w, const char *order_id);
/* The whole batch as text, but for tickets, positions and numbers of catalogs. The caller frees it. */
char *world_dump(struct world *w);

#define check_str(view_, literal)                                                                  \
	do {                                                                                       \
		struct attrib_str got_ = (view_);                                                  \
		if (!attrib_str_eq(got_, attrib_str_of(literal)))                                  \
			fail_msg("got \"%.*s\", expected \"%s\"", (int)got_.n,                     \
				got_.p ? got_.p : "", (literal));                                  \
	} while (0)

/* The creator of the one credit that has all of a model; fails when it is shared. */
const struct attrib_credit *credit_of(const struct attrib_decision *d, enum attrib_model model);
#define check_winner(d, creator_, channel_)                                                        \
	do {                                                                                       \
		const struct attrib_credit *c_ = credit_of(d, ATTRIB_MODEL_POLICY);                \
		check_str(c_->creator, creator_);                                                  \
		assert_int_equal(c_->channel, ATTRIB_CHANNEL_##channel_);                          \
	} while (0)
/* A history (of events that wait) in many orders, groupings and with repeats: always one result. */
void check_any_order(void (*open)(struct world *w), void (*history)(struct world *w), int turns);
/* The sums that every decision must have. */
void check_sums(const struct attrib_decision *d);
const struct attrib_step *step_of(const struct attrib_decision *d, const char *key);

#endif
