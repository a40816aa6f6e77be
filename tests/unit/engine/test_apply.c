/*
 * Groups of records: order, grouping and repeats change nothing; traffic is counted once; what is
 * for SQL alone passes; a new catalog decides again what it touches.
 */
#include "world.h"

static void open_shop(struct world *w, bool repeat_first)
{
	world_init(w);
	w->site.policy.repeat_first = repeat_first;
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_tracker(w, ATTRIB_TRACKER_AFFILIATE, "bea", "bea");
	world_tracker(w, ATTRIB_TRACKER_CODE, "ADA10", "ada");
	world_open(w);
}

static void shop(struct world *w)
{
	open_shop(w, true);
}

static void shop_of_repeats(struct world *w)
{
	open_shop(w, false);
}

/* A history in which most things depend on each other. */
static void history(struct world *w)
{
	struct attrib_event *event;

	event = world_click(w, "c1", "phone", "l-ada", T0 - 3 * DAYS);
	event_click_id(w, event, "k1");
	world_landing(w, "v1", "laptop", "bea", "instagram", "story", T0 - 2 * DAYS);
	event = world_event(w, ATTRIB_EVENT_VISIT, "v2", T0 - DAYS);
	event_visitor(w, event, "laptop");
	event_click_id(w, event, "k1");
	event = world_event(w, ATTRIB_EVENT_IDENTIFY, "i1", T0 - DAYS);
	event_visitor(w, event, "phone");
	event_customer(w, event, "m1");
	event_customer(w, event, "m2");
	event = world_order(w, "o1", "laptop", "ADA10");
	event_customer(w, event, "m2");
	event_alias(w, event, "name", "#1");
	event = world_order(w, "o1b", NULL, NULL);
	event->order->updated_at = T0 + 1;
	event->source = ATTRIB_STR("other");
	event->order->total = 9900;
	event_alias(w, event, "name", "#1");
	event = world_order(w, "o2", "phone", NULL);
	event->order->placed_at = T0 + HOUR;
	event = world_order(w, "o3", "laptop", NULL);
	event->trust = ATTRIB_TRUST_STRANGER;
	event->order->placed_at = T0 - HOUR;
}

static void test_any_order_grouping_and_repeats_give_the_same(void **unused)
{
	(void)unused;
	check_any_order(shop, history, 300);
	check_any_order(shop_of_repeats, history, 300);
}

static int64_t traffic_sum(struct world *w, bool uniques)
{
	const struct attrib_batch_view *v = world_view(w);
	int64_t sum = 0;

	for (size_t i = 0; i < v->traffic_count; i++)
		sum += uniques ? v->traffic[i]->uniques : v->traffic[i]->count;
	return sum;
}

static void test_traffic_is_counted_once(void **unused)
{
	struct world w;
	struct attrib_engine_stats stats;

	(void)unused;
	shop(&w);
	for (int i = 0; i < 3; i++) {
		world_click(&w, "c1", "v", "L-ada", START + 16 * MIN);
		world_landing(&w, "v1", "v", NULL, NULL, NULL, START);
		world_click(&w, "bot", "b", "l-ada", START)->verdicts = ATTRIB_VERDICT_BOT;
		world_apply(&w);
	}
	world_view(&w);
	assert_int_equal(traffic_sum(&w, false), 3);
	assert_int_equal(traffic_sum(&w, true), 1);
	attrib_engine_get_stats(w.engine, &stats);
	assert_int_equal(stats.duplicates, 6);
	assert_int_equal(stats.records, 9);
	assert_int_equal(stats.events, 9);
	/* the row of the click: folded key, its quarter of an hour */
	assert_int_equal(w.view.traffic_count, 4);
	check_str(w.view.traffic[3]->key, "l-ada");
	assert_int_equal(w.view.traffic[3]->bucket_at, START + 15 * MIN);
	assert_int_equal(w.view.records, 9);
	assert_int_equal(w.view.position_count, 1);
	assert_int_equal(w.view.positions[0].number, 9);
	world_done(&w);
}

/* A visitor keeps 257 touches; the claims of the others are remembered beside it. */
static void test_clicks_beyond_the_cap_are_counted_once(void **unused)
{
	struct world w;
	const struct attrib_batch_view *view;
	char name[16];
	int64_t count = 0;

	(void)unused;
	world_init(&w);
	world_open(&w);
	for (int i = 0; i < 900; i++) {
		int which = i < 300 ? i * 7 % 300 : i * 11 % 300;
		snprintf(name, sizeof name, "c%d", which);
		world_click(&w, name, "v", "ann", START + which * MIN);
		if (i % 64 == 63)
			world_apply(&w);
	}
	world_apply(&w);
	view = world_view(&w);
	for (size_t i = 0; i < view->traffic_count; i++)
		count += view->traffic[i]->count;
	assert_int_equal(count, 300);
	world_done(&w);
}

/* An older first touch takes the place of the one that a full visitor kept as its first. */
static void test_a_changed_capped_set_decides_its_open_orders_again(void **unused)
{
	struct world w;
	const struct attrib_decision *d;
	char name[16];

	(void)unused;
	world_init(&w);
	world_tracker(&w, ATTRIB_TRACKER_LINK, "ann", "ann");
	world_tracker(&w, ATTRIB_TRACKER_LINK, "bea", "bea");
	world_open(&w);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "c%d", i);
		world_click(&w, name, "v", "ann", T0 - 20 * DAYS + i * HOUR);
		if (i % 64 == 63)
			world_apply(&w);
	}
	world_order(&w, "1", "v", NULL);
	d = world_decision(&w, "1");
	assert_int_equal(d->step_count, 257);
	check_str(credit_of(d, ATTRIB_MODEL_FIRST_TOUCH)->creator, "ann");
	attrib_batch_reset(w.batch);
	world_click(&w, "c-first", "v", "bea", T0 - 21 * DAYS)->received_at = T0 + DAYS;
	d = world_decision(&w, "1");
	assert_int_equal(d->step_count, 257);
	check_str(credit_of(d, ATTRIB_MODEL_FIRST_TOUCH)->creator, "bea");
	world_done(&w);
}

static void test_the_claimer_counts_again_a_repeat_does_not(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	world_click(&w, "c1", "v", "l-ada", START);
	world_order(&w, "o", "v", NULL);
	world_apply(&w);
	attrib_batch_reset(w.batch);
	w.number = 0; /* the same records once more: a crash before the flush */
	world_click(&w, "c1", "v", "l-ada", START);
	world_order(&w, "o", "v", NULL);
	world_apply(&w);
	assert_int_equal(traffic_sum(&w, false), 1);
	assert_int_equal(traffic_sum(&w, true), 1);
	assert_int_equal(world_view(&w)->decision_count, 1);
	attrib_batch_reset(w.batch);
	world_click(&w, "c1", "v", "l-ada", START); /* the same event in another record */
	world_apply(&w);
	assert_int_equal(traffic_sum(&w, false), 0);
	world_done(&w);
}

static void test_an_order_told_again_is_no_new_fact(void **unused)
{
	struct world w;
	struct attrib_state_stats before, after;

	(void)unused;
	shop(&w);
	world_order(&w, "o", "v", "ADA10");
	world_apply(&w);
	w.state->ops->stats(w.state, &before);
	for (int i = 1; i <= 3; i++) {
		struct attrib_event *event = world_order(&w, "o", "v", "ADA10");
		event->received_at += i;
		event->verdicts = ATTRIB_VERDICT_FLOOD;
		event_id(&w, event, i == 1 ? "x" : i == 2 ? "y" : "z");
		world_apply(&w);
	}
	w.state->ops->stats(w.state, &after);
	assert_int_equal(after.facts, before.facts);
	assert_int_equal(world_decision(&w, "o")->first_received_at, T0);
	world_done(&w);
}

static void test_uniques_are_by_local_day_and_visitor(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w);
	attrib_zone_free((struct attrib_zone *)w.site.zone);
	w.site.zone = attrib_zone_load("Europe/Berlin");
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_open(&w);
	world_click(&w, "c1", "v", "l-ada", START + 22 * HOUR);
	world_click(&w, "c2", "v", "l-ada", START + 22 * HOUR + 59 * MIN);
	world_click(&w, "c3", "v", "l-ada", START + 23 * HOUR); /* midnight in Berlin */
	world_click(&w, "c4", "u", "l-ada", START + 23 * HOUR);
	world_click(&w, "c5", NULL, "l-ada", START + 23 * HOUR);
	world_apply(&w);
	assert_int_equal(traffic_sum(&w, false), 5);
	assert_int_equal(traffic_sum(&w, true), 3);
	world_view(&w);
	for (size_t i = 0; i < w.view.traffic_count; i++)
		if (w.view.traffic[i]->uniques)
			assert_true(w.view.traffic[i]->bucket_at == START - HOUR ||
				    w.view.traffic[i]->bucket_at == START + 23 * HOUR);
	world_done(&w);
}

/* The day on which clocks go back begins by the offset of its midnight, not of its end. */
static void test_uniques_of_a_day_of_25_hours(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w);
	attrib_zone_free((struct attrib_zone *)w.site.zone);
	w.site.zone = attrib_zone_load("Europe/Berlin");
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_open(&w);
	world_click(&w, "c1", "v", "l-ada", START - 7 * DAYS - 2 * HOUR); /* 25 October, 0:00 */
	world_click(&w, "c2", "v", "l-ada", START - 6 * DAYS - HOUR - 1); /* and its last moment */
	world_apply(&w);
	assert_int_equal(traffic_sum(&w, true), 1);
	for (size_t i = 0; i < world_view(&w)->traffic_count; i++)
		if (w.view.traffic[i]->uniques)
			assert_int_equal(w.view.traffic[i]->bucket_at, START - 7 * DAYS - 2 * HOUR);
	world_done(&w);
}

/* Where the clocks leap over midnight, the day begins at one o'clock. */
static void test_uniques_of_a_day_without_midnight(void **unused)
{
	const int64_t leap = INT64_C(1772946000000000); /* 2026-03-08T05:00:00Z = 01:00 in Havana */
	struct world w;

	(void)unused;
	world_init(&w);
	attrib_zone_free((struct attrib_zone *)w.site.zone);
	w.site.zone = attrib_zone_load("America/Havana");
	assert_non_null(w.site.zone);
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_open(&w);
	world_click(&w, "c1", "v", "l-ada", leap - MIN);
	world_click(&w, "c2", "v", "l-ada", leap);
	world_click(&w, "c3", "v", "l-ada", leap + 10 * HOUR);
	world_apply(&w);
	world_view(&w);
	assert_int_equal(traffic_sum(&w, true), 2);
	for (size_t i = 0; i < w.view.traffic_count; i++)
		if (w.view.traffic[i]->uniques)
			assert_true(w.view.traffic[i]->bucket_at == leap ||
				    w.view.traffic[i]->bucket_at == leap - DAYS);
	world_done(&w);
}

/* It is taken, and nothing is erased yet. */
static void test_erase_says_nothing_to_the_engine(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	event = world_event(&w, ATTRIB_EVENT_ERASE, "x", START);
	event_visitor(&w, event, "v");
	event_customer(&w, event, "k1");
	event_customer(&w, event, "k2");
	world_apply(&w);
	assert_int_equal(world_view(&w)->records, 1);
	assert_int_equal(w.view.traffic_count + w.view.decision_count + w.view.link_count, 0);
	world_click(&w, "c", "v", "l-ada", T0 - HOUR);
	event_customer(&w, world_order(&w, "o", NULL, NULL), "k1");
	check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
	world_done(&w);
}

static void test_traffic_keys(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	event = world_landing(&w, "a", "v", "Bea", "X", "Y", START);
	event = world_landing(&w, "b", "v", NULL, "A/b", NULL, START);
	event = world_event(&w, ATTRIB_EVENT_CODE_APPLIED, "c", START);
	event->code = ATTRIB_STR(" ada10");
	event = world_event(&w, ATTRIB_EVENT_CART, "d", START);
	event = world_click(&w, "e", "v", "l-ada", START);
	event->verdicts = ATTRIB_VERDICT_OVERFLOW | ATTRIB_VERDICT_NO_CONSENT;
	world_apply(&w);
	world_view(&w);
	assert_int_equal(w.view.traffic_count, 5);
	check_str(w.view.traffic[0]->key, "(other)");
	assert_int_equal(w.view.traffic[0]->uniques, 1);
	assert_int_equal(w.view.traffic[0]->verdicts, 0);
	world_done(&w);
}

static void test_refunds_and_cancels_pass_for_signed_sources(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	for (int is_signed = 0; is_signed < 2; is_signed++) {
		struct attrib_event *event = world_event(&w, ATTRIB_EVENT_REFUND, "r", T0);
		event->trust = is_signed ? ATTRIB_TRUST_SIGNED : ATTRIB_TRUST_STRANGER;
		event->refund = attrib_arena_alloc(&w.arena, sizeof *event->refund);
		event->refund->id = ATTRIB_STR("r1");
		event->refund->order_id = is_signed ? ATTRIB_STR("o") : ATTRIB_STR("strange");
		event->refund->amount = 500;
		event->refund->status = ATTRIB_REFUND_VOID;
		event = world_event(&w, ATTRIB_EVENT_CANCEL, "x", T0);
		event->trust = is_signed ? ATTRIB_TRUST_SIGNED : ATTRIB_TRUST_STRANGER;
		event->cancel_order_id = is_signed ? ATTRIB_STR("o") : ATTRIB_STR("strange");
		event->cancel_reversed = true;
	}
	world_apply(&w);
	world_view(&w);
	assert_int_equal(w.view.refund_count, 1);
	check_str(w.view.refunds[0].order_id, "o");
	assert_true(w.view.refunds[0].voided);
	assert_int_equal(w.view.refunds[0].amount, 500);
	assert_int_equal(w.view.cancel_count, 1);
	check_str(w.view.cancels[0].order_id, "o");
	assert_true(w.view.cancels[0].reversed);
	assert_int_equal(w.view.decision_count, 0);
	world_done(&w);
}

static void test_what_cannot_be_used_is_counted(void **unused)
{
	struct world w;
	struct attrib_engine_stats stats;
	struct attrib_engine_record bad = {.number = 77, .payload = ATTRIB_STR("\x01nonsense")};

	(void)unused;
	shop(&w);
	world_click(&w, "c", "v", "l-ada", START)->site = ATTRIB_STR("elsewhere");
	world_apply(&w);
	assert_int_equal(attrib_engine_apply(w.engine, &bad, 1, false, w.batch), 0);
	attrib_engine_get_stats(w.engine, &stats);
	assert_int_equal(stats.unknown_sites, 1);
	assert_int_equal(stats.bad_payloads, 1);
	assert_int_equal(world_view(&w)->position_count, 2); /* the stream goes on behind them */
	assert_int_equal(w.view.traffic_count, 0);
	world_done(&w);
}

/* One site's events among those of others, which nobody knows: each by its own name. */
static void test_events_of_many_sites(void **unused)
{
	struct world w;
	struct attrib_engine_stats stats;

	(void)unused;
	shop(&w);
	for (int i = 0; i < 5; i++) {
		const char *id = attrib_arena_printf(&w.arena, "c%d", i).p;
		struct attrib_event *event = world_click(&w, id, "v", "l-ada", START);
		event->received_at = START + (i == 2 ? 2 : 1) * HOUR;
		if (i % 2)
			event->site = ATTRIB_STR("elsewhere");
	}
	world_apply(&w);
	attrib_engine_get_stats(w.engine, &stats);
	assert_int_equal(stats.unknown_sites, 2);
	assert_int_equal(stats.events, 3);
	assert_int_equal(stats.touches, 3);
	assert_int_equal(stats.newest_received_at, START + 2 * HOUR);
	assert_int_equal(traffic_sum(&w, false), 3);
	world_done(&w);
}

/* Of what is filtered few touches are kept, and still each click counts once. */
static void test_a_robots_clicks_are_counted_once(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < 40; i++) {
			struct attrib_str id = attrib_arena_printf(&w.arena, "bot%d", i);
			world_click(&w, id.p, "robot", "l-ada", START + i)->verdicts =
				ATTRIB_VERDICT_BOT;
		}
		world_apply(&w);
	}
	assert_int_equal(traffic_sum(&w, false), 40);
	world_done(&w);
}

/* Lanes take turns in a group: each is at its own last record. */
static void test_every_lane_has_its_position(void **unused)
{
	static const uint8_t lanes[] = {1, 2, 2, 1, 3};
	const size_t n = sizeof lanes;
	struct attrib_engine_record taken[WORLD_ROWS_MAX], *records = malloc(n * sizeof *records);
	struct world w;

	(void)unused;
	shop(&w);
	assert_non_null(records);
	for (size_t i = 0; i < n; i++)
		world_click(&w, "c", "v", "l-ada", START);
	assert_int_equal(world_records(&w, taken), n);
	memcpy(records, taken, n * sizeof *records);
	for (size_t i = 0; i < n; i++)
		records[i].lane = (struct attrib_id){{lanes[i]}};
	assert_int_equal(attrib_engine_apply(w.engine, records, n, false, w.batch), 0);
	free(records);
	world_view(&w);
	assert_int_equal(w.view.position_count, 3);
	assert_int_equal(w.view.positions[0].number, 4);
	assert_int_equal(w.view.positions[1].number, 3);
	assert_int_equal(w.view.positions[2].number, 5);
	world_done(&w);
}

/* What was seen in silence is seen: a click of then was the first of its day. */
static void test_a_silent_click_was_the_first_of_its_day(void **unused)
{
	(void)unused;
	for (int silent = 0; silent < 2; silent++) {
		struct attrib_engine_record records[WORLD_ROWS_MAX];
		struct world w;
		size_t n;
		shop(&w);
		world_click(&w, "c1", "v", "l-ada", T0 - HOUR);
		n = world_records(&w, records);
		w.pending_count = 0;
		if (silent)
			assert_int_equal(attrib_engine_apply(w.engine, records, n, true, NULL), 0);
		world_click(&w, "c2", "v", "l-ada", T0 - MIN);
		world_apply(&w);
		assert_int_equal(traffic_sum(&w, false), 1);
		assert_int_equal(traffic_sum(&w, true), !silent);
		world_done(&w);
	}
}

static void test_silent_builds_state_only(void **unused)
{
	struct world w;
	struct attrib_engine_record records[WORLD_ROWS_MAX];
	size_t n;

	(void)unused;
	shop(&w);
	world_click(&w, "c", "v", "l-ada", T0 - HOUR);
	world_landing(&w, "l", "v", NULL, "news", "mail", T0 - 2 * HOUR);
	n = world_records(&w, records);
	w.pending_count = 0;
	assert_int_equal(attrib_engine_apply(w.engine, records, n, true, NULL), 0);
	assert_int_equal(world_view(&w)->traffic_count, 0);
	world_order(&w, "o", "v", NULL);
	assert_int_equal(world_decision(&w, "o")->step_count, 2);
	check_winner(world_decision(&w, "o"), "ada", LINK);
	world_done(&w);
}

/* What a checkpoint keeps of an engine beside its state is all that a start can't learn from the state. */
static void test_another_engine_goes_on_from_the_marks(void **unused)
{
	struct attrib_engine_record bad = {.number = 1, .payload = ATTRIB_STR("no event")};
	struct attrib_engine_marks marks, again;
	struct world w, next;

	(void)unused;
	shop(&w);
	shop(&next);
	world_click(&w, "c", "v", "l-ada", T0 - HOUR);
	world_click(&w, "elsewhere", "v", "l-ada", T0)->site = ATTRIB_STR("nowhere");
	world_apply(&w);
	assert_int_equal(attrib_engine_apply(w.engine, &bad, 1, false, w.batch), 0);
	attrib_engine_get_marks(w.engine, &marks);
	assert_int_equal(marks.newest_received_at, T0 - HOUR);
	assert_int_equal(marks.bad_payloads, 1);
	assert_int_equal(marks.unknown_sites, 1);
	attrib_engine_get_marks(next.engine, &again);
	assert_int_not_equal(again.newest_received_at, T0 - HOUR);
	marks.complete_from = T0 - DAYS;
	attrib_engine_resume(next.engine, &marks);
	attrib_engine_get_marks(next.engine, &again);
	assert_int_equal(again.newest_received_at, T0 - HOUR);
	assert_int_equal(again.complete_from, T0 - DAYS);
	assert_int_equal(again.bad_payloads, 1);
	assert_int_equal(again.unknown_sites, 1);
	world_done(&next);
	world_done(&w);
}

static void test_new_catalog_heals_the_orders_that_carry_its_keys(void **unused)
{
	struct world w;
	struct attrib_tracker *late;

	(void)unused;
	shop(&w);
	world_order(&w, "with", "v", "NEW");
	world_order(&w, "without", "v", "ADA10");
	world_order(&w, "old", "v", "NEW")->order->placed_at = T0 - 20 * DAYS;
	world_apply(&w);
	attrib_batch_reset(w.batch);
	late = world_tracker(&w, ATTRIB_TRACKER_CODE, "new", "cyd");
	late->recorded_at = T0 + 15 * DAYS; /* behind the lock of the old one */
	world_reopen(&w, 2);
	check_winner(world_decision(&w, "with"), "cyd", CODE);
	assert_int_equal(world_decision(&w, "with")->catalog_version, 2);
	check_winner(world_decision(&w, "old"), "", UNATTRIBUTED);
	for (size_t i = 0; i < w.view.decision_count; i++)
		assert_false(attrib_str_eq(w.view.decisions[i]->order_id, ATTRIB_STR("without")));
	world_done(&w);
}

static void test_a_walk_comes_by_every_order(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < 200; i++)
			world_order(&w, attrib_arena_printf(&w.arena, "o%d", i).p, NULL, "ADA10");
		world_apply(&w);
		w.trackers[2].creator = turn ? ATTRIB_STR("dan") : ATTRIB_STR("cleo");
		attrib_batch_reset(w.batch);
		world_reopen(&w, (uint64_t)turn + 2);
		assert_int_equal(world_view(&w)->decision_count, 200);
		for (size_t i = 0; i < 200; i++)
			check_winner(w.view.decisions[i], turn ? "dan" : "cleo", CODE);
	}
	world_done(&w);
}

/* Where a touch earns once, orders that share a click id depend on each other, also when one of them moves
 * and says nothing of its click: whichever of the catalog's shops has such settings. */
static void test_an_order_that_moves_uses_up_the_click_of_another(void **unused)
{
	static const char *const names[] = {"", "annex", "zoo"};

	(void)unused;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct world w;
		struct attrib_event *event;
		world_init(&w);
		world_tracker(&w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
		w.neighbour = w.site;
		w.neighbour.name = attrib_str_of(names[i]);
		w.site.policy.repeat_first = true;
		world_open(&w);
		event_click_id(&w, world_click(&w, "c", NULL, "l-ada", T0 - HOUR), "k");
		event = world_order(&w, "later", NULL, NULL);
		event_click_id(&w, event, "k");
		event = world_order(&w, "o", NULL, NULL);
		event_click_id(&w, event, "k");
		event->order->placed_at = T0 + MIN;
		check_winner(world_decision(&w, "later"), "ada", LINK);
		check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
		world_order(&w, "o", NULL, NULL)->order->placed_at = T0 - MIN;
		check_winner(world_decision(&w, "o"), "ada", LINK);
		check_winner(world_decision(&w, "later"), "", UNATTRIBUTED);
		world_done(&w);
	}
}

static void test_new_policy_decides_all_orders_of_the_site(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	world_landing(&w, "l", "v", "bea", NULL, NULL, T0 - HOUR);
	world_order(&w, "o", "v", "ADA10");
	world_apply(&w);
	attrib_batch_reset(w.batch);
	w.site.policy.version = 2;
	w.site.policy.code_rule = ATTRIB_CODE_RULE_FALLBACK;
	world_reopen(&w, 2);
	check_winner(world_decision(&w, "o"), "bea", AFFILIATE);
	assert_int_equal(world_decision(&w, "o")->policy_version, 2);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order_grouping_and_repeats_give_the_same),
		cmocka_unit_test(test_traffic_is_counted_once),
		cmocka_unit_test(test_clicks_beyond_the_cap_are_counted_once),
		cmocka_unit_test(test_a_changed_capped_set_decides_its_open_orders_again),
		cmocka_unit_test(test_the_claimer_counts_again_a_repeat_does_not),
		cmocka_unit_test(test_an_order_told_again_is_no_new_fact),
		cmocka_unit_test(test_uniques_are_by_local_day_and_visitor),
		cmocka_unit_test(test_uniques_of_a_day_of_25_hours),
		cmocka_unit_test(test_uniques_of_a_day_without_midnight),
		cmocka_unit_test(test_erase_says_nothing_to_the_engine),
		cmocka_unit_test(test_traffic_keys),
		cmocka_unit_test(test_refunds_and_cancels_pass_for_signed_sources),
		cmocka_unit_test(test_what_cannot_be_used_is_counted),
		cmocka_unit_test(test_events_of_many_sites),
		cmocka_unit_test(test_a_robots_clicks_are_counted_once),
		cmocka_unit_test(test_every_lane_has_its_position),
		cmocka_unit_test(test_a_silent_click_was_the_first_of_its_day),
		cmocka_unit_test(test_silent_builds_state_only),
		cmocka_unit_test(test_another_engine_goes_on_from_the_marks),
		cmocka_unit_test(test_new_catalog_heals_the_orders_that_carry_its_keys),
		cmocka_unit_test(test_a_walk_comes_by_every_order),
		cmocka_unit_test(test_an_order_that_moves_uses_up_the_click_of_another),
		cmocka_unit_test(test_new_policy_decides_all_orders_of_the_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
