/*
 * A decision, and the walk to the orders that a fact changes, look at so many entities and no more:
 * then they are counted as cut, and the order is decided by what was found.
 */
#include "world.h"

static void shop(struct world *w)
{
	world_init(w);
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_open(w);
}

static uint64_t cut(const struct world *w)
{
	struct attrib_engine_stats stats;

	attrib_engine_get_stats(w->engine, &stats);
	return stats.closures_cut;
}

static const char *name(struct world *w, const char *kind, int i)
{
	return attrib_arena_printf(&w->arena, "%s%d", kind, i).p;
}

/* An order that is told often, each time of another visitor, click and seven customer keys; the oldest word
 * may have no click. */
static void test_a_decision_looks_at_512_entities(void **unused)
{
	static const struct {
		int words;
		bool last_click;
		bool cut, last_visitor;
	} cases[] = {
		{56, true, false, true},  /* 504 */
		{57, false, false, true}, /* 512 */
		{57, true, true, true},
		{58, true, true, false},
	};
	struct world w;

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		shop(&w);
		for (int word = 0; word < cases[i].words; word++) {
			struct attrib_event *event =
				world_order(&w, "o", name(&w, "v", word), NULL);
			event->order->updated_at = T0 + word;
			if (word || cases[i].last_click)
				event_click_id(&w, event, name(&w, "k", word));
			for (int k = 0; k < 7; k++)
				event_customer(&w, event, name(&w, "c", 7 * word + k));
		}
		world_click(&w, "c", "v0", "l-ada", T0 - HOUR);
		assert_int_equal(world_decision(&w, "o")->step_count, cases[i].last_visitor);
		assert_int_equal(cut(&w) > 0, cases[i].cut);
		world_done(&w);
	}
}

/* A visitor with 20 customers, each with 20 visitors, each of whom has another customer. */
static void family(struct world *w)
{
	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < 20; k++) {
			struct attrib_event *event = world_event(
				w, ATTRIB_EVENT_IDENTIFY, name(w, "i", 20 * i + k), T0 - 2 * DAYS);
			event_visitor(w, event, k ? name(w, "v", 20 * i + k) : "v");
			event_customer(w, event, name(w, "c", i));
			if (!k)
				continue;
			event = world_event(
				w, ATTRIB_EVENT_IDENTIFY, name(w, "j", 20 * i + k), T0 - 2 * DAYS);
			event_visitor(w, event, name(w, "v", 20 * i + k));
			event_customer(w, event, name(w, "d", 20 * i + k));
		}
		world_apply(w);
	}
}

static void test_a_walk_looks_at_512_more_than_it_starts_from(void **unused)
{
	struct world w;
	uint64_t before;

	(void)unused;
	shop(&w);
	family(&w);
	world_order(&w, "o", "v", NULL);
	world_apply(&w);
	before = cut(&w);
	world_click(&w, "x", "elsewhere", "l-ada", T0 - HOUR);
	world_apply(&w);
	assert_int_equal(cut(&w), before);
	attrib_batch_reset(w.batch);
	world_click(&w, "c", "v", "l-ada", T0 - HOUR);
	world_apply(&w);
	assert_true(cut(&w) > before);
	check_sums(world_decision(&w, "o")); /* what is near is found first */
	world_done(&w);
}

/* Visitors and keys in turn, each linked to the next. */
static void chain(struct world *w, int visitors)
{
	for (int i = 0; i < 2 * visitors; i++) {
		struct attrib_event *event =
			world_event(w, ATTRIB_EVENT_IDENTIFY, name(w, "i", i), T0 - DAYS);
		event_visitor(w, event, name(w, "v", (i + 1) / 2));
		event_customer(w, event, name(w, "c", i / 2));
		if (i % 200 == 0)
			world_apply(w);
	}
}

/* The last one that is reached is the 512th beyond the first. */
static void test_a_walk_ends_behind_the_512th(void **unused)
{
	struct world w;
	struct attrib_engine_stats before, after;

	(void)unused;
	shop(&w);
	chain(&w, 260);
	world_order(&w, "last", name(&w, "v", 256), NULL);
	world_order(&w, "beyond", name(&w, "v", 257), NULL);
	world_apply(&w);
	attrib_engine_get_stats(w.engine, &before);
	world_landing(&w, "l", "v0", "ada", NULL, NULL, T0 - HOUR);
	world_apply(&w);
	attrib_engine_get_stats(w.engine, &after);
	assert_int_equal(after.decisions - before.decisions, 1);
	world_done(&w);
}

/* Orders that see the same touches are looked for among so many names. */
static void test_used_touches_are_looked_for_among_512_names(void **unused)
{
	(void)unused;
	for (int first = 0; first < 2; first++) {
		struct world w;
		uint64_t before;
		world_init(&w);
		w.site.policy.repeat_first = first;
		world_open(&w);
		family(&w);
		before = cut(&w);
		world_order(&w, "o", "v", NULL);
		check_sums(world_decision(&w, "o"));
		assert_int_equal(
			cut(&w) - before, 1 + first); /* the walk to the order, and its decision */
		world_done(&w);
	}
}

/* A browser that more than 20 customers share is nobody's, whoever's order names it, by what was known at
 * the order's lock. */
static void test_a_browser_of_21_customers_brings_nothing(void **unused)
{
	static const struct {
		int customers;
		const char *buyer;
		size_t steps;
		int64_t last_received_at;
	} cases[] = {{0, NULL, 1, T0}, {1, NULL, 1, T0}, {20, "c19", 1, T0}, {21, NULL, 0, T0},
		{21, "c20", 0, T0}, {21, "c0", 0, T0 + 30 * DAYS},
		{21, "c0", 1, T0 + 30 * DAYS + 1}};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		struct attrib_event *event;
		shop(&w);
		world_click(&w, "c", "kiosk", "l-ada", T0 - HOUR);
		for (int k = 0; k < cases[i].customers; k++) {
			event = world_event(
				&w, ATTRIB_EVENT_IDENTIFY, name(&w, "i", k), T0 - DAYS + k);
			event_visitor(&w, event, "kiosk");
			event_customer(&w, event, name(&w, "c", k));
			event->received_at = T0;
			if (k == 20)
				event->received_at = cases[i].last_received_at;
		}
		event = world_order(&w, "o", "kiosk", NULL);
		if (cases[i].buyer)
			event_customer(&w, event, cases[i].buyer);
		assert_int_equal(world_decision(&w, "o")->step_count, cases[i].steps);
		world_done(&w);
	}
}

/* Nor does it make an order somebody's: that is still the only customer of its other browser. */
static void test_a_browser_of_21_customers_is_no_customers(void **unused)
{
	static const char *const own[] = {"phone", "laptop"};
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	world_click(&w, "c", "laptop", "l-ada", T0 - HOUR);
	for (int k = 0; k < 23; k++) {
		event = world_event(&w, ATTRIB_EVENT_IDENTIFY, name(&w, "i", k), T0 - DAYS + k);
		event_visitor(&w, event, k < 21 ? "kiosk" : own[k - 21]);
		event_customer(&w, event, k < 21 ? name(&w, "c", k) : "own");
	}
	world_order(&w, "o", "kiosk", NULL);
	world_order(&w, "o", "phone", NULL);
	assert_int_equal(world_decision(&w, "o")->step_count, 1);
	world_done(&w);
}

/* Names that may share a touch are no more than that, either. */
static void test_names_are_found_step_by_step(void **unused)
{
	struct world w;

	(void)unused;
	world_init(&w);
	w.site.policy.repeat_first = true;
	world_open(&w);
	chain(&w, 400);
	world_apply(&w);
	world_order(&w, "o", "v0", NULL);
	assert_int_equal(world_loads(&w), 515);
	world_done(&w);
}

/* How many others there are counts, not how often they were told. */
static void test_a_key_that_is_told_often_is_no_hub(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	world_click(&w, "c", "v3", "l-ada", T0 - HOUR);
	for (int k = 0; k < 36; k++) {
		event = world_event(&w, ATTRIB_EVENT_IDENTIFY, name(&w, "i", k), T0 - DAYS + k);
		event_visitor(&w, event, name(&w, "v", k % 18));
		event_customer(&w, event, "info");
	}
	event_customer(&w, world_order(&w, "o", NULL, NULL), "info");
	assert_int_equal(world_decision(&w, "o")->step_count, 1);
	world_done(&w);
}

/* In the ledger a key that too many share would make them all one customer. It is a hub by what was
 * known at the order's lock. */
static void test_a_hub_is_no_key_of_the_order(void **unused)
{
	static const struct {
		int others;
		int64_t last_received_at;
		size_t keys;
	} cases[] = {
		{20, T0, 1}, {21, T0, 0}, {21, T0 + 30 * DAYS, 0}, {21, T0 + 30 * DAYS + 1, 1}};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		struct attrib_event *event = NULL;
		shop(&w);
		for (int k = 0; k < cases[i].others; k++) {
			event = world_event(
				&w, ATTRIB_EVENT_IDENTIFY, name(&w, "i", k), T0 - DAYS + k);
			event_visitor(&w, event, name(&w, "v", k));
			event_customer(&w, event, "info");
		}
		event->received_at = cases[i].last_received_at;
		event = world_order(&w, "o", NULL, NULL);
		event_customer(&w, event, "own");
		event_customer(&w, event, "info");
		assert_int_equal(world_decision(&w, "o")->key_count, 1 + cases[i].keys);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_decision_looks_at_512_entities),
		cmocka_unit_test(test_a_walk_looks_at_512_more_than_it_starts_from),
		cmocka_unit_test(test_a_walk_ends_behind_the_512th),
		cmocka_unit_test(test_used_touches_are_looked_for_among_512_names),
		cmocka_unit_test(test_a_browser_of_21_customers_brings_nothing),
		cmocka_unit_test(test_a_browser_of_21_customers_is_no_customers),
		cmocka_unit_test(test_names_are_found_step_by_step),
		cmocka_unit_test(test_a_key_that_is_told_often_is_no_hub),
		cmocka_unit_test(test_a_hub_is_no_key_of_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
