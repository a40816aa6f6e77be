/*
 * How many records a second the engine takes on one core, from memory: encoded events in groups of
 * 512, a new batch every 20,000 records. The thread that flushes seals it, so that is told apart. Then
 * the same records into an empty state, silently, as after a restart. Fastest of three rounds.
 *
 *   engine_bench [records, default 1000000] [visitors, default a third of them]
 *
 * Of 100 records 25 are clicks on links, each with a click id that its visitor's next landing
 * carries; 30 are landings with an affiliate id or utm, 30 without a key, 10 carts and checkouts,
 * 4 signed orders of a customer with two keys, 1 a refund. 5 ms lie between two records.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attrib/engine.h"

#define GROUP     512
#define BATCH     20000
#define ROUNDS    3
#define LINKS     2000
#define AFFILIATE 500
#define CAMPAIGNS 100
#define START     (INT64_C(1793491200000000)) /* 2026-11-01T00:00:00Z */
#define STEP      INT64_C(5000)               /* us */

struct figures {
	double seconds, sealing, slowest_ms; /* groups and resets; seals; the slowest group */
	uint64_t decisions, rows;
};

static const struct attrib_str sites[] = {
	ATTRIB_STR("shop"), ATTRIB_STR("outlet"), ATTRIB_STR("fr")};
#define SITES (sizeof sites / sizeof *sites)

/* Of the processor: what else runs on the machine disturbs it less than a clock. */
static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int err, const char *what)
{
	if (err) {
		fprintf(stderr, "%s: %s\n", what, attrib_error_text(err));
		exit(1);
	}
}

static void *room(size_t n, size_t size)
{
	void *p = calloc(n, size);

	must(p ? 0 : ATTRIB_E_NOMEM, "room");
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

	must(s.p ? 0 : ATTRIB_E_NOMEM, "text");
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
		must(attrib_catalog_add_tracker(builder, &tracker), "tracker");
	}
}

static struct attrib_catalog *make_catalog(struct attrib_arena *arena)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_catalog *catalog;

	must(builder ? 0 : ATTRIB_E_NOMEM, "builder");
	for (size_t i = 0; i < SITES; i++) {
		struct attrib_site site = {.name = sites[i],
			.time_zone = ATTRIB_STR("Europe/Berlin"),
			.zone = attrib_zone_load("Europe/Berlin")};
		must(site.zone ? 0 : ATTRIB_E_INVALID, "zone");
		attrib_policy_defaults(&site.policy);
		must(attrib_catalog_add_site(builder, &site), "site");
		add_trackers(builder, arena, site.name, ATTRIB_TRACKER_LINK, "l%" PRIu64, LINKS);
		add_trackers(builder, arena, site.name, ATTRIB_TRACKER_AFFILIATE,
			"partner-%" PRIu64, AFFILIATE);
		add_trackers(
			builder, arena, site.name, ATTRIB_TRACKER_CODE, "SAVE%" PRIu64, AFFILIATE);
	}
	must(attrib_catalog_build(builder, 1, &catalog), "catalog");
	return catalog;
}

/* -- records ------------------------------------------------------------------------------------ */

struct visitor {
	uint64_t click; /* number of the click that its next landing carries; 0 = none */
};

struct maker {
	struct attrib_keys *keys;
	struct attrib_arena *arena; /* of one event */
	struct visitor *visitors;
	uint64_t visitor_count, seed, orders;
};

static void take_order(struct maker *maker, struct attrib_event *event, uint64_t visitor)
{
	struct attrib_order *order = attrib_arena_alloc(maker->arena, sizeof *order);
	struct attrib_str mail = text(maker->arena, "c%" PRIu64 "@example.net", visitor);

	must(order ? 0 : ATTRIB_E_NOMEM, "order");
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

static void take_refund(struct maker *maker, struct attrib_event *event, uint64_t number)
{
	struct attrib_refund *refund = attrib_arena_alloc(maker->arena, sizeof *refund);

	must(refund ? 0 : ATTRIB_E_NOMEM, "refund");
	event->type = ATTRIB_EVENT_REFUND;
	event->visitor = (struct attrib_id){{0}};
	event->refund = refund;
	refund->id = text(maker->arena, "r%" PRIu64, number);
	refund->order_id =
		text(maker->arena, "10%" PRIu64, 1 + draw(&maker->seed, maker->orders + 1));
	refund->amount = 500;
	refund->status = ATTRIB_REFUND_DONE;
}

static struct attrib_id click_id(struct maker *maker, const struct attrib_event *event, uint64_t of)
{
	return attrib_id_of(maker->keys, ATTRIB_ID_CLICK, event->site,
		text(maker->arena, "click-%020" PRIu64, of));
}

static void take_landing(struct maker *maker, struct attrib_event *event, struct visitor *visitor)
{
	event->type = ATTRIB_EVENT_VISIT;
	if (visitor->click)
		event->click = click_id(maker, event, visitor->click);
	visitor->click = 0;
	event->referrer_host = ATTRIB_STR("www.instagram.com");
}

static void take_key(struct maker *maker, struct attrib_event *event)
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

static void make_event(struct maker *maker, uint64_t number, struct attrib_event *event)
{
	uint64_t who = draw(&maker->seed, maker->visitor_count), kind = draw(&maker->seed, 100);
	bool is_signed = kind >= 95;

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

static struct attrib_engine_record *make_records(
	struct attrib_keys *keys, uint64_t n, uint64_t visitors, struct attrib_arena *arena)
{
	struct attrib_engine_record *records = room(n, sizeof *records);
	struct attrib_arena scratch;
	struct maker maker = {.keys = keys,
		.arena = &scratch,
		.visitors = room(visitors, sizeof(struct visitor)),
		.visitor_count = visitors,
		.seed = 1};
	struct attrib_event event;
	struct attrib_buf buf;

	attrib_arena_init(&scratch, 1u << 16);
	attrib_buf_init(&buf);
	for (uint64_t i = 0; i < n; i++) {
		attrib_arena_reset(&scratch);
		attrib_buf_clear(&buf);
		make_event(&maker, i + 1, &event);
		attrib_event_encode(&event, &buf);
		must(buf.err, "encode");
		records[i] = (struct attrib_engine_record){
			{{1}}, i + 1, attrib_arena_str(arena, attrib_buf_view(&buf))};
		must(records[i].payload.p ? 0 : ATTRIB_E_NOMEM, "record");
	}
	attrib_buf_done(&buf);
	attrib_arena_done(&scratch);
	free(maker.visitors);
	return records;
}

/* -- runs --------------------------------------------------------------------------------------- */

static struct figures apply(struct attrib_engine *engine,
	const struct attrib_engine_record *records, uint64_t n, struct attrib_batch *batch)
{
	struct figures f = {0};
	struct attrib_batch_view view;
	uint64_t in_batch = 0;
	double began = now_s();

	for (uint64_t i = 0; i < n; i += GROUP) {
		size_t group = n - i < GROUP ? n - i : GROUP;
		double start = now_s(), took;

		must(attrib_engine_apply(engine, records + i, group, !batch, batch), "apply");
		took = (now_s() - start) * 1e3;
		f.slowest_ms = took > f.slowest_ms ? took : f.slowest_ms;
		in_batch += group;
		if (!batch || (in_batch < BATCH && i + group < n))
			continue;
		start = now_s();
		attrib_batch_seal(batch, &view);
		f.sealing += now_s() - start;
		f.decisions += view.decision_count;
		f.rows += view.traffic_count;
		attrib_batch_reset(batch);
		in_batch = 0;
	}
	f.seconds = now_s() - began - f.sealing;
	return f;
}

/* Into an empty state; its bytes in *bytes. */
static struct figures round_of(struct attrib_keys *keys, struct attrib_catalog *catalog,
	const struct attrib_engine_record *records, uint64_t n, bool silent, uint64_t *bytes)
{
	struct attrib_memory_options options = {.hash_seed = attrib_keys_hash_seed(keys)};
	struct attrib_batch *batch = silent ? NULL : attrib_batch_new();
	struct attrib_state_stats stats;
	struct attrib_state *state;
	struct attrib_engine *engine;
	struct figures f;

	must(silent || batch ? 0 : ATTRIB_E_NOMEM, "batch");
	must(attrib_state_memory_new(&options, &state), "state");
	must(attrib_engine_new(state, keys, catalog, &engine), "engine");
	f = apply(engine, records, n, batch);
	state->ops->stats(state, &stats);
	*bytes = stats.bytes;
	attrib_engine_free(engine);
	state->ops->free(state);
	attrib_batch_free(batch);
	return f;
}

static void run(const char *what, struct attrib_keys *keys, struct attrib_catalog *catalog,
	const struct attrib_engine_record *records, uint64_t n, bool silent)
{
	struct figures best = {.seconds = 1e9}, f;
	uint64_t bytes = 0;

	for (int i = 0; i < ROUNDS; i++) {
		f = round_of(keys, catalog, records, n, silent, &bytes);
		if (f.seconds < best.seconds)
			best = f;
	}
	printf("%-8s %7.0f k records/s   slowest group %.2f ms   %.0f bytes of state per record\n",
		what, (double)n / best.seconds / 1e3, best.slowest_ms, (double)bytes / (double)n);
	if (!silent)
		printf("%-8s %7.0f decisions/s (%" PRIu64 ")   %" PRIu64
		       " rows of traffic   %.1f ms to seal a batch\n",
			"", (double)best.decisions / best.seconds, best.decisions, best.rows,
			best.sealing / ((double)n / BATCH) * 1e3);
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	uint64_t visitors = argc > 2 ? strtoull(argv[2], NULL, 10) : n / 3;
	uint8_t secret[ATTRIB_SECRET_BYTES] = {1};
	struct attrib_engine_record *records;
	struct attrib_catalog *catalog;
	struct attrib_keys *keys = attrib_keys_new(secret);
	struct attrib_arena arena;
	size_t before;

	must(n && visitors ? 0 : ATTRIB_E_INVALID, "arguments");
	must(keys ? 0 : ATTRIB_E_NOMEM, "keys");
	attrib_arena_init(&arena, 1u << 20);
	catalog = make_catalog(&arena);
	before = arena.used;
	records = make_records(keys, n, visitors, &arena);
	printf("%" PRIu64 " records of %.0f bytes, %" PRIu64 " visitors\n", n,
		(double)(arena.used - before) / (double)n, visitors);
	run("applied", keys, catalog, records, n, false);
	run("silent", keys, catalog, records, n, true);
	free(records);
	attrib_catalog_unref(catalog);
	attrib_arena_done(&arena);
	attrib_keys_free(keys);
	return 0;
}
