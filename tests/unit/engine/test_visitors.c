/*
 * Sketches of visitors: whom they hold, where, and that no order, grouping or repeat changes them.
 */
#include "attrib/endian.h"
#include "traffic.h"
#include "world.h"

static void shop(struct world *w)
{
	world_init(w);
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_tracker(w, ATTRIB_TRACKER_AFFILIATE, "Bea", "bea");
	world_open(w);
}

/* How many marks the rows of one channel have, and that they are this visitor's. */
static size_t marks_of(struct world *w, enum attrib_channel channel, const char *visitor)
{
	struct attrib_event event = {.type = ATTRIB_EVENT_CLICK};
	struct attrib_traffic traffic = {.channel = ATTRIB_CHANNEL_LINK};
	uint16_t bit;
	size_t n = 0;

	event_visitor(w, &event, visitor);
	assert_true(attrib_traffic_mark(&event, &traffic, w->keys, &bit));
	world_view(w);
	for (size_t i = 0; i < w->view.traffic_count; i++) {
		const struct attrib_mark *mark = w->view.traffic[i]->marks;
		for (; mark && w->view.traffic[i]->channel == channel; mark = mark->next, n++)
			assert_int_equal(mark->bit, bit);
	}
	return n;
}

static size_t all_marks(struct world *w)
{
	size_t n = 0;

	world_view(w);
	for (size_t i = 0; i < w->view.traffic_count; i++)
		for (const struct attrib_mark *m = w->view.traffic[i]->marks; m; m = m->next)
			n++;
	return n;
}

static void test_clicks_and_landings_with_a_key_bring_visitors(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	world_click(&w, "c", "v", "l-ada", START);
	world_landing(&w, "a", "v", "Bea", NULL, NULL, START);
	world_landing(&w, "u", "v", NULL, "newsletter", "mail", START + HOUR);
	world_apply(&w);
	assert_int_equal(marks_of(&w, ATTRIB_CHANNEL_LINK, "v"), 1);
	assert_int_equal(marks_of(&w, ATTRIB_CHANNEL_AFFILIATE, "v"), 1);
	assert_int_equal(marks_of(&w, ATTRIB_CHANNEL_UTM, "v"), 1);
	assert_int_equal(all_marks(&w), 3);
	world_done(&w);
}

static void test_nobody_else_does(void **unused)
{
	static const uint32_t flaws[] = {ATTRIB_VERDICT_BOT, ATTRIB_VERDICT_PREFETCH,
		ATTRIB_VERDICT_HEAD, ATTRIB_VERDICT_OWN_SITE, ATTRIB_VERDICT_FLOOD,
		ATTRIB_VERDICT_PAID_AD};
	struct attrib_event *event;
	struct world w;

	(void)unused;
	shop(&w);
	for (size_t i = 0; i < sizeof flaws / sizeof *flaws; i++) {
		const char *name = attrib_arena_printf(&w.arena, "c%zu", i).p;
		world_click(&w, name, "v", "l-ada", START)->verdicts = flaws[i];
	}
	world_click(&w, "nobody", NULL, "l-ada", START);
	world_landing(&w, "direct", "v", NULL, NULL, NULL, START);
	event = world_event(&w, ATTRIB_EVENT_VIEW, "view", START);
	event->link = ATTRIB_STR("l-ada");
	event_visitor(&w, event, "v");
	event = world_event(&w, ATTRIB_EVENT_CODE_APPLIED, "code", START);
	event->code = ATTRIB_STR("ada10");
	event_visitor(&w, event, "v");
	event = world_event(&w, ATTRIB_EVENT_CART, "cart", START);
	event_visitor(&w, event, "v");
	world_apply(&w);
	assert_int_equal(all_marks(&w), 0);
	/* a verdict that says nothing about the click */
	world_click(&w, "more", "v", "l-ada", START)->verdicts =
		ATTRIB_VERDICT_OVERFLOW | ATTRIB_VERDICT_NO_CONSENT;
	world_apply(&w);
	assert_int_equal(marks_of(&w, ATTRIB_CHANNEL_LINK, "v"), 1);
	world_done(&w);
}

/* The row is that of the click itself: whose day it is, SQL says. A visitor of two days is one of both. */
static void test_a_mark_stands_where_its_click_does(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	world_click(&w, "c1", "v", "l-ada", START + 23 * HOUR + 59 * MIN);
	world_click(&w, "c2", "v", "l-ada", START + 24 * HOUR + MIN);
	world_click(&w, "c2", "v", "l-ada", START + 24 * HOUR + MIN); /* again */
	world_apply(&w);
	world_view(&w);
	for (size_t i = 0; i < w.view.traffic_count; i++)
		assert_int_equal(w.view.traffic[i]->marks != NULL, w.view.traffic[i]->count == 1);
	assert_int_equal(marks_of(&w, ATTRIB_CHANNEL_LINK, "v"), 2);
	world_done(&w);
}

static void days_of_clicks(struct world *w)
{
	for (int i = 0; i < 40; i++) {
		const char *id = attrib_arena_printf(&w->arena, "c%d", i).p;
		const char *who = attrib_arena_printf(&w->arena, "v%d", i % 17).p;
		if (i % 3)
			world_click(w, id, who, "l-ada", START + i * HOUR)->verdicts =
				i % 5 ? 0 : ATTRIB_VERDICT_FLOOD;
		else
			world_landing(
				w, id, who, i % 2 ? "Bea" : NULL, "news", "mail", START + i * HOUR);
	}
}

static void test_arrival_changes_no_sketch(void **unused)
{
	(void)unused;
	check_any_order(shop, days_of_clicks, 20);
}

/* What is in PostgreSQL goes on after every release: which bit a visitor has is for ever. These were computed by
 * tests/oracle/visitors.mjs. */
static void test_the_bit_of_a_visitor_is_for_ever(void **unused)
{
	static const struct {
		const char *visitor;
		uint16_t bit;
	} known[] = {
		{"visitor-1", 5339}, {"visitor-2", 294}, {"visitor-3", 2922}, {"visitor-4", 1765}};
	uint8_t secret[ATTRIB_SECRET_BYTES] = {1};
	struct attrib_keys *keys = attrib_keys_new(secret);
	struct attrib_event event = {.type = ATTRIB_EVENT_VISIT};
	struct attrib_traffic traffic = {.channel = ATTRIB_CHANNEL_UTM};

	(void)unused;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		uint16_t bit;
		event.visitor = attrib_id_of(keys, ATTRIB_ID_VISITOR, ATTRIB_STR("acme"),
			attrib_str_of(known[i].visitor));
		assert_true(attrib_traffic_mark(&event, &traffic, keys, &bit));
		assert_int_equal(bit, known[i].bit);
	}
	attrib_keys_free(keys);
}

/* Slots alike, each rank half as often as the one before it. */
static void test_visitors_spread_over_slots_and_ranks(void **unused)
{
	enum { VISITORS = 100000 };
	uint8_t secret[ATTRIB_SECRET_BYTES] = {1};
	struct attrib_keys *keys = attrib_keys_new(secret);
	struct attrib_event event = {.type = ATTRIB_EVENT_CLICK};
	struct attrib_traffic traffic = {.channel = ATTRIB_CHANNEL_LINK};
	int slots[ATTRIB_SKETCH_SLOTS] = {0}, ranks[ATTRIB_SKETCH_RANKS] = {0};
	double square = 0;
	char text[16];

	(void)unused;
	for (int i = 0; i < VISITORS; i++) {
		uint16_t bit;
		snprintf(text, sizeof text, "v-%d", i);
		event.visitor = attrib_id_of(
			keys, ATTRIB_ID_VISITOR, ATTRIB_STR("acme"), attrib_str_of(text));
		assert_true(attrib_traffic_mark(&event, &traffic, keys, &bit));
		slots[bit % ATTRIB_SKETCH_SLOTS]++;
		ranks[bit / ATTRIB_SKETCH_SLOTS]++;
	}
	for (int i = 0; i < ATTRIB_SKETCH_SLOTS; i++) {
		double off = slots[i] - (double)VISITORS / ATTRIB_SKETCH_SLOTS;
		square += off * off / ((double)VISITORS / ATTRIB_SKETCH_SLOTS);
	}
	/* chi-square of 1,023 degrees: 5 standard deviations around its mean */
	assert_true(square > 1023 - 5 * 45.2 && square < 1023 + 5 * 45.2);
	for (int rank = 1; rank <= 10; rank++) {
		double mean = (double)VISITORS / (1 << rank), off = ranks[rank - 1] - mean;
		assert_true(off * off < 25 * mean);
	}
	attrib_keys_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clicks_and_landings_with_a_key_bring_visitors),
		cmocka_unit_test(test_nobody_else_does),
		cmocka_unit_test(test_a_mark_stands_where_its_click_does),
		cmocka_unit_test(test_arrival_changes_no_sketch),
		cmocka_unit_test(test_the_bit_of_a_visitor_is_for_ever),
		cmocka_unit_test(test_visitors_spread_over_slots_and_ranks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
