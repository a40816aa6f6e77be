/*
 * What a decision costs: orders of visitors with twenty touches each, and one visitor with 5,000 touches
 * and 500 orders, while all of them are open, and in the long run.
 *
 *   order_bench [orders, default 20000]
 *
 * The instructions of a decided order:
 *   valgrind --tool=callgrind --toggle-collect=decide_all order_bench 2000
 */
#include <inttypes.h>
#include <string.h>

#include "attrib/engine.h"
#include "measure.h"

#define GROUP    512
#define TOUCHES  20
#define LINKS    20
#define CREATORS 5
#define START    (INT64_C(1793491200000000)) /* 2026-11-01T00:00:00Z */

static const struct attrib_str site_name = ATTRIB_STR("shop");

struct shop {
	struct attrib_keys *keys;
	struct attrib_catalog *catalog;
	struct attrib_state *state;
	struct attrib_engine *engine;
	struct attrib_batch *batch;
	struct attrib_arena arena; /* of one event */
	struct attrib_arena texts; /* of the catalog, and the group's payloads */
	struct attrib_buf buf;
	struct attrib_engine_record group[GROUP];
	size_t n, group_size;
	uint64_t number;
};

static struct attrib_str text(struct attrib_arena *arena, const char *format, uint64_t number)
{
	struct attrib_str s = attrib_arena_printf(arena, "%s%" PRIu64, format, number);

	bench_must(s.p ? 0 : ATTRIB_E_NOMEM, "text");
	return s;
}

static void open_catalog(struct shop *shop)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_site site = {.name = site_name,
		.time_zone = ATTRIB_STR("Europe/Berlin"),
		.zone = attrib_zone_load("Europe/Berlin")};

	bench_must(builder && site.zone ? 0 : ATTRIB_E_NOMEM, "catalog");
	attrib_policy_defaults(&site.policy);
	bench_must(attrib_catalog_add_site(builder, &site), "site");
	for (uint64_t i = 0; i < LINKS; i++) {
		struct attrib_tracker tracker = {.kind = ATTRIB_TRACKER_LINK,
			.site = site_name,
			.key = text(&shop->texts, "l", i),
			.creator = text(&shop->texts, "creator-", i % CREATORS),
			.valid_from = ATTRIB_NEVER,
			.valid_to = ATTRIB_FOREVER,
			.window_us = ATTRIB_WINDOW_INHERIT,
			.recorded_at = ATTRIB_NEVER,
			.superseded_at = ATTRIB_FOREVER};
		bench_must(attrib_catalog_add_tracker(builder, &tracker), "tracker");
	}
	bench_must(attrib_catalog_build(builder, 1, &shop->catalog), "catalog");
}

static void shop_open(struct shop *shop, size_t group_size)
{
	static const uint8_t secret[ATTRIB_SECRET_BYTES] = {1};
	struct attrib_memory_options options = {.hash_seed = 7};

	*shop = (struct shop){.keys = attrib_keys_new(secret),
		.batch = attrib_batch_new(),
		.group_size = group_size};
	bench_must(shop->keys && shop->batch ? 0 : ATTRIB_E_NOMEM, "keys and batch");
	attrib_arena_init(&shop->arena, 1u << 16);
	attrib_arena_init(&shop->texts, 1u << 20);
	attrib_buf_init(&shop->buf);
	open_catalog(shop);
	bench_must(attrib_state_memory_new(&options, &shop->state), "state");
	bench_must(
		attrib_engine_new(shop->state, shop->keys, shop->catalog, &shop->engine), "engine");
}

static void shop_close(struct shop *shop)
{
	attrib_engine_free(shop->engine);
	shop->state->ops->free(shop->state);
	attrib_batch_free(shop->batch);
	attrib_catalog_unref(shop->catalog);
	attrib_keys_free(shop->keys);
	attrib_buf_done(&shop->buf);
	attrib_arena_done(&shop->texts);
	attrib_arena_done(&shop->arena);
}

static void apply(struct shop *shop)
{
	bench_must(attrib_engine_apply(shop->engine, shop->group, shop->n, false, shop->batch),
		"apply");
	attrib_batch_reset(shop->batch);
	attrib_arena_reset(&shop->texts);
	shop->n = 0;
}

static void put(struct shop *shop, struct attrib_event *event)
{
	attrib_buf_clear(&shop->buf);
	attrib_event_encode(event, &shop->buf);
	bench_must(shop->buf.err, "encode");
	shop->group[shop->n++] = (struct attrib_engine_record){
		{{1}}, ++shop->number, attrib_arena_str(&shop->texts, attrib_buf_view(&shop->buf))};
	attrib_arena_reset(&shop->arena);
	if (shop->n == shop->group_size)
		apply(shop);
}

static struct attrib_event event_of(
	struct shop *shop, enum attrib_event_type type, uint64_t visitor, int64_t at)
{
	struct attrib_event event = {.type = type,
		.trust =
			type == ATTRIB_EVENT_PURCHASE ? ATTRIB_TRUST_SIGNED : ATTRIB_TRUST_STRANGER,
		.site = site_name,
		.source = ATTRIB_STR("native"),
		.received_at = at,
		.occurred_at = at,
		.event_id = text(&shop->arena, "e", shop->number)};

	event.id = attrib_id_of(shop->keys, ATTRIB_ID_EVENT_OPEN, site_name, event.event_id);
	event.visitor = attrib_id_of(
		shop->keys, ATTRIB_ID_VISITOR, site_name, text(&shop->arena, "v", visitor));
	return event;
}

static void put_touch(struct shop *shop, uint64_t visitor, uint64_t link, int64_t at)
{
	struct attrib_event event = event_of(shop, ATTRIB_EVENT_CLICK, visitor, at);

	event.link = text(&shop->arena, "l", link % LINKS);
	put(shop, &event);
}

static void put_order(struct shop *shop, uint64_t visitor, int64_t at)
{
	struct attrib_event event = event_of(shop, ATTRIB_EVENT_PURCHASE, visitor, at);
	struct attrib_order *order = attrib_arena_alloc(&shop->arena, sizeof *order);

	bench_must(order ? 0 : ATTRIB_E_NOMEM, "order");
	event.order = order;
	order->id = text(&shop->arena, "o", shop->number);
	order->key = attrib_id_of(shop->keys, ATTRIB_ID_ORDER, site_name, order->id);
	order->has_amounts = order->has_total = order->has_status = true;
	order->total = 11900;
	order->tax = 1900;
	memcpy(order->currency, "EUR", 4);
	order->status = ATTRIB_ORDER_PAID;
	order->placed_at = order->paid_at = order->updated_at = at;
	put(shop, &event);
}

/* Not inlined: callgrind is told to count in here. */
static void __attribute__((noinline)) decide_all(struct shop *shop, uint64_t orders, int64_t at)
{
	for (uint64_t i = 0; i < orders; i++)
		put_order(shop, i, at);
	if (shop->n)
		apply(shop);
}

static void bench_orders(uint64_t orders)
{
	struct attrib_engine_stats stats;
	struct shop shop;
	double began;

	shop_open(&shop, GROUP);
	for (uint64_t touch = 0; touch < TOUCHES; touch++)
		for (uint64_t i = 0; i < orders; i++)
			put_touch(&shop, i, i + touch, START + (int64_t)touch * ATTRIB_US_PER_HOUR);
	if (shop.n)
		apply(&shop);
	began = bench_us(CLOCK_PROCESS_CPUTIME_ID);
	decide_all(&shop, orders, START + (int64_t)TOUCHES * ATTRIB_US_PER_HOUR);
	began = bench_us(CLOCK_PROCESS_CPUTIME_ID) - began;
	attrib_engine_get_stats(shop.engine, &stats);
	printf("orders with %d touches on the path   %" PRIu64 " decided, %.1f us each\n", TOUCHES,
		stats.decisions, began / (double)stats.decisions);
	shop_close(&shop);
}

/* Ten touches and an order, again and again. */
static void bench_hot(const char *what, uint64_t records, size_t group_size, int64_t step)
{
	struct attrib_engine_stats stats;
	struct shop shop;
	double began, start, slowest = 0;
	int64_t at = START;

	shop_open(&shop, group_size);
	began = bench_us(CLOCK_PROCESS_CPUTIME_ID);
	for (uint64_t i = 0; i < records; i++, at += step) {
		start = bench_us(CLOCK_PROCESS_CPUTIME_ID);
		if (i % 11 < 10)
			put_touch(&shop, 0, i, at);
		else
			put_order(&shop, 0, at);
		start = bench_us(CLOCK_PROCESS_CPUTIME_ID) - start;
		slowest = start > slowest ? start : slowest;
	}
	began = bench_us(CLOCK_PROCESS_CPUTIME_ID) - began;
	attrib_engine_get_stats(shop.engine, &stats);
	printf("%-40s %7" PRIu64 " decisions, %.2f ms a record, slowest group %.1f ms\n", what,
		stats.decisions, began / (double)records / 1e3, slowest / 1e3);
	shop_close(&shop);
}

int main(int argc, char **argv)
{
	uint64_t orders = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;

	bench_must(orders ? 0 : ATTRIB_E_INVALID, "arguments");
	bench_orders(orders);
	if (argc > 2)
		return 0;
	bench_hot("one visitor, in groups, all open", 5500, GROUP, ATTRIB_US_PER_MIN);
	bench_hot("one visitor, in groups, an order a day", 5500, GROUP, ATTRIB_US_PER_DAY / 11);
	bench_hot("one visitor, one by one, all open", 1100, 1, ATTRIB_US_PER_MIN);
	return 0;
}
