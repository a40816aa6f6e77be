/* See records.h. */
#include "records.h"

#include <stdlib.h>
#include <string.h>

#include "measure.h"

#define LINKS     2000
#define AFFILIATE 500
#define CAMPAIGNS 100
#define START     (INT64_C(1793491200000000)) /* 2026-11-01T00:00:00Z */
#define STEP      INT64_C(5000)               /* us */

static const struct attrib_str sites[] = {
	ATTRIB_STR("shop"), ATTRIB_STR("outlet"), ATTRIB_STR("fr")};
#define SITES (sizeof sites / sizeof *sites)

void *bench_room(size_t n, size_t size)
{
	void *p = calloc(n, size);

	bench_must(p ? 0 : ATTRIB_E_NOMEM, "room");
	return p;
}

/* The same numbers in every run. */
static uint64_t draw(uint64_t *seed, uint64_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (*seed >> 33) % below;
}

/* -- catalog ------------------------------------------------------------------------------------ */

static struct attrib_str text(struct attrib_arena *arena, const char *format, uint64_t number)
{
	char buf[64];
	int n = snprintf(buf, sizeof buf, format, number);
	struct attrib_str s = attrib_arena_str(arena, (struct attrib_str){buf, (size_t)n});

	bench_must(s.p ? 0 : ATTRIB_E_NOMEM, "text");
	return s;
}

static void add_trackers(struct attrib_catalog_builder *builder, struct attrib_arena *arena,
	struct attrib_str site, enum attrib_tracker_kind kind, const char *format, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct attrib_tracker tracker = {.kind = kind,
			.site = site,
			.key = text(arena, format, i),
			.creator = text(arena, "creator-%" PRIu64, i % 300),
			.valid_from = ATTRIB_NEVER,
			.valid_to = ATTRIB_FOREVER,
			.window_us = ATTRIB_WINDOW_INHERIT,
			.recorded_at = ATTRIB_NEVER,
			.superseded_at = ATTRIB_FOREVER};
		bench_must(attrib_catalog_add_tracker(builder, &tracker), "tracker");
	}
}

struct attrib_catalog *bench_catalog(struct attrib_arena *arena)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_catalog *catalog;

	bench_must(builder ? 0 : ATTRIB_E_NOMEM, "builder");
	for (size_t i = 0; i < SITES; i++) {
		struct attrib_site site = {.name = sites[i],
			.time_zone = ATTRIB_STR("Europe/Berlin"),
			.zone = attrib_zone_load("Europe/Berlin")};
		bench_must(site.zone ? 0 : ATTRIB_E_INVALID, "zone");
		attrib_policy_defaults(&site.policy);
		bench_must(attrib_catalog_add_site(builder, &site), "site");
		add_trackers(builder, arena, site.name, ATTRIB_TRACKER_LINK, "l%" PRIu64, LINKS);
		add_trackers(builder, arena, site.name, ATTRIB_TRACKER_AFFILIATE,
			"partner-%" PRIu64, AFFILIATE);
		add_trackers(
			builder, arena, site.name, ATTRIB_TRACKER_CODE, "SAVE%" PRIu64, AFFILIATE);
	}
	bench_must(attrib_catalog_build(builder, 1, &catalog), "catalog");
	return catalog;
}

/* -- records ------------------------------------------------------------------------------------ */

static void take_order(struct bench_maker *maker, struct attrib_event *event, uint64_t visitor)
{
	struct attrib_order *order = attrib_arena_alloc(maker->arena, sizeof *order);
	struct attrib_str mail = text(maker->arena, "c%" PRIu64 "@example.net", visitor);

	bench_must(order ? 0 : ATTRIB_E_NOMEM, "order");
	event->type = ATTRIB_EVENT_PURCHASE;
	event->order = order;
	order->id = text(maker->arena, "10%" PRIu64, ++maker->orders);
	order->key = attrib_id_of(maker->keys, ATTRIB_ID_ORDER, event->site, order->id);
	order->has_amounts = order->has_total = order->has_status = true;
	order->total = 2000 + (int64_t)draw(&maker->seed, 20000);
	memcpy(order->currency, "EUR", 4);
	order->status = ATTRIB_ORDER_PAID;
	order->placed_at = order->paid_at = event->occurred_at;
	order->updated_at = event->occurred_at;
	order->has_codes = draw(&maker->seed, 3) == 0;
	if (order->has_codes)
		order->codes[order->code_count++].code =
			text(maker->arena, "save%" PRIu64, draw(&maker->seed, AFFILIATE));
	event->key_count = 2;
	event->keys[0] = (struct attrib_customer_key){
		ATTRIB_KEY_EMAIL, attrib_id_of(maker->keys, ATTRIB_ID_EMAIL, event->site, mail)};
	event->keys[1] = (struct attrib_customer_key){ATTRIB_KEY_CUSTOMER,
		attrib_id_of(maker->keys, ATTRIB_ID_CUSTOMER, event->site, mail)};
}

static void take_refund(struct bench_maker *maker, struct attrib_event *event, uint64_t number)
{
	struct attrib_refund *refund = attrib_arena_alloc(maker->arena, sizeof *refund);

	bench_must(refund ? 0 : ATTRIB_E_NOMEM, "refund");
	event->type = ATTRIB_EVENT_REFUND;
	event->visitor = (struct attrib_id){{0}};
	event->refund = refund;
	refund->id = text(maker->arena, "r%" PRIu64, number);
	refund->order_id =
		text(maker->arena, "10%" PRIu64, 1 + draw(&maker->seed, maker->orders + 1));
	refund->amount = 500;
	refund->status = ATTRIB_REFUND_DONE;
}

static struct attrib_id click_id(
	struct bench_maker *maker, const struct attrib_event *event, uint64_t of)
{
	return attrib_id_of(maker->keys, ATTRIB_ID_CLICK, event->site,
		text(maker->arena, "click-%020" PRIu64, of));
}

static void take_landing(
	struct bench_maker *maker, struct attrib_event *event, struct bench_visitor *visitor)
{
	event->type = ATTRIB_EVENT_VISIT;
	if (visitor->click)
		event->click = click_id(maker, event, visitor->click);
	visitor->click = 0;
	event->referrer_host = ATTRIB_STR("www.instagram.com");
}

static void take_key(struct bench_maker *maker, struct attrib_event *event)
{
	if (draw(&maker->seed, 2)) {
		event->affiliate =
			text(maker->arena, "partner-%" PRIu64, draw(&maker->seed, AFFILIATE));
		return;
	}
	event->has_utm = true;
	event->utm = (struct attrib_utm){.source = ATTRIB_STR("newsletter"),
		.medium = ATTRIB_STR("email"),
		.campaign = text(maker->arena, "autumn-%" PRIu64, draw(&maker->seed, CAMPAIGNS))};
}

static void make_event(struct bench_maker *maker, uint64_t number, struct attrib_event *event)
{
	uint64_t who = draw(&maker->seed, maker->visitor_count), kind = draw(&maker->seed, 100);
	bool is_signed = kind >= 99 - maker->share;

	*event =
		(struct attrib_event){.type = kind < 90 ? ATTRIB_EVENT_CART : ATTRIB_EVENT_CHECKOUT,
			.trust = is_signed ? ATTRIB_TRUST_SIGNED : ATTRIB_TRUST_STRANGER,
			.site = sites[who % SITES],
			.source = is_signed ? ATTRIB_STR("shopify") : ATTRIB_STR("pixel"),
			.received_at = START + (int64_t)number * STEP,
			.occurred_at = START + (int64_t)number * STEP,
			.event_id = text(maker->arena, "%022" PRIu64, number * 7919)};
	event->id = attrib_id_of(maker->keys, is_signed ? ATTRIB_ID_EVENT : ATTRIB_ID_EVENT_OPEN,
		event->site, event->event_id);
	event->visitor = attrib_id_of(
		maker->keys, ATTRIB_ID_VISITOR, event->site, text(maker->arena, "%" PRIu64, who));
	if (kind < 25) {
		event->type = ATTRIB_EVENT_CLICK;
		event->link = text(maker->arena, "l%" PRIu64, draw(&maker->seed, LINKS));
		maker->visitors[who].click = number;
		event->click = click_id(maker, event, number);
	} else if (kind < 85) {
		take_landing(maker, event, &maker->visitors[who]);
		if (kind < 55)
			take_key(maker, event);
	} else if (kind == 99) {
		take_refund(maker, event, number);
	} else if (is_signed) {
		take_order(maker, event, who);
	}
}

void bench_maker_init(struct bench_maker *maker, struct attrib_keys *keys, uint64_t visitors)
{
	*maker = (struct bench_maker){.keys = keys,
		.arena = bench_room(1, sizeof *maker->arena),
		.visitors = bench_room(visitors, sizeof(struct bench_visitor)),
		.visitor_count = visitors,
		.seed = 1,
		.share = BENCH_ORDERS};
	attrib_arena_init(maker->arena, 1u << 16);
	attrib_buf_init(&maker->buf);
}

struct attrib_str bench_maker_next(struct bench_maker *maker)
{
	struct attrib_event event;

	attrib_arena_reset(maker->arena);
	attrib_buf_clear(&maker->buf);
	make_event(maker, ++maker->number, &event);
	attrib_event_encode(&event, &maker->buf);
	bench_must(maker->buf.err, "encode");
	return attrib_buf_view(&maker->buf);
}

void bench_maker_done(struct bench_maker *maker)
{
	attrib_buf_done(&maker->buf);
	attrib_arena_done(maker->arena);
	free(maker->arena);
	free(maker->visitors);
}
