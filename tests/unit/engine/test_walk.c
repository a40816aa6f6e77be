/*
 * New facts, and a new catalog: which orders are decided again, and which are left alone.
 */
#include "world.h"

static void shop(struct world *w)
{
	world_init(w);
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_tracker(w, ATTRIB_TRACKER_AFFILIATE, "cleo", "cleo");
	world_open(w);
}

static bool is_decided(struct world *w, const char *order_id)
{
	const struct attrib_batch_view *v = world_view(w);

	for (size_t i = 0; i < v->decision_count; i++)
		if (attrib_str_eq(v->decisions[i]->order_id, attrib_str_of(order_id)))
			return true;
	return false;
}

/* -- new facts ------------------------------------------------------------------------------------ */

/* A click leads nowhere before its visitor orders or is known. Its id leads to who came back with it where
 * a touch earns for one order alone. */
static void test_what_leads_nowhere_is_not_loaded(void **unused)
{
	(void)unused;
	for (int first = 0; first < 2; first++) {
		struct world w;
		struct attrib_event *event;
		world_init(&w);
		w.site.policy.repeat_first = first;
		world_open(&w);
		event_click_id(&w, world_click(&w, "c1", "v", "l-ada", T0 - DAYS), "k");
		assert_int_equal(world_loads(&w), 0);
		event = world_event(&w, ATTRIB_EVENT_VISIT, "l1", T0 - HOUR);
		event_visitor(&w, event, "v");
		event_click_id(&w, event, "k");
		assert_int_equal(world_loads(&w), first ? 2 : 0);
		world_click(&w, "c2", "v", "l-ada", T0 - MIN);
		assert_int_equal(world_loads(&w), 0);
		world_order(&w, "o", "v", NULL);
		assert_int_not_equal(world_loads(&w), 0);
		world_click(&w, "c3", "v", "l-ada", T0 - MIN);
		assert_int_not_equal(world_loads(&w), 0);
		world_done(&w);
	}
}

static uint64_t decisions(struct world *w)
{
	struct attrib_engine_stats before, after;

	attrib_engine_get_stats(w->engine, &before);
	world_apply(w);
	attrib_engine_get_stats(w->engine, &after);
	return after.decisions - before.decisions;
}

/* What somebody does who has a key that everybody has is nothing to the others. */
static void test_a_hub_leads_to_nobody(void **unused)
{
	(void)unused;
	for (int n = HUB - 1; n <= HUB; n++) {
		struct world w;
		shop(&w);
		world_shared(&w, "info", n, T0 - DAYS);
		for (int i = 0; i < n; i++) {
			const char *id = attrib_arena_printf(&w.arena, "info-%d", i).p;
			world_order(&w, id, id, NULL);
		}
		world_apply(&w);
		world_click(&w, "c", "info-0", "l-ada", T0 - HOUR);
		assert_int_equal(decisions(&w), n == HUB ? 1 : n);
		world_done(&w);
	}
}

/* A click id joins nobody: neither those who came with it, nor the orders that carry it. */
static void test_a_click_id_leads_to_nobody_else(void **unused)
{
	static const char *const visitors[] = {"v", "u"};
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	event_click_id(&w, world_click(&w, "c", NULL, "l-ada", T0 - DAYS), "k");
	for (size_t i = 0; i < 2; i++) {
		event = world_event(&w, ATTRIB_EVENT_VISIT, visitors[i], T0 - HOUR);
		event_visitor(&w, event, visitors[i]);
		event_click_id(&w, event, "k");
		world_order(&w, visitors[i], visitors[i], NULL);
		event = world_order(&w, i ? "o1" : "o2", NULL, NULL);
		event_click_id(&w, event, "k");
	}
	world_apply(&w);
	world_click(&w, "c2", "v", "l-ada", T0 - HOUR);
	assert_int_equal(decisions(&w), 1);
	world_order(&w, "o1", NULL, NULL)->order->total = 1;
	assert_int_equal(decisions(&w), 1);
	world_done(&w);
}

/* An order's time is that of all its names. When one of them moves it, a touch of a visitor whom another
 * one names may belong to somebody else, and so to another order. */
static void test_a_moved_order_decides_those_of_its_other_names(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	world_init(&w);
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	w.site.policy.order_source = ATTRIB_STR("native");
	world_open(&w);
	event = world_order(&w, "b", "pc", NULL);
	event->source = ATTRIB_STR("till");
	event_customer(&w, event, "other");
	event_alias(&w, event, "name", "#1");
	event = world_order(&w, "a", NULL, NULL);
	event->order->placed_at = T0 - 3 * HOUR;
	event_alias(&w, event, "cart_token", "tok");
	event_alias(&w, event, "name", "#1");
	world_click(&w, "c", "pc", "l-ada", T0 - 4 * HOUR);
	event_customer(&w, world_order(&w, "o", "pc", NULL), "me");
	assert_int_equal(world_decision(&w, "o")->step_count, 0);
	world_order(&w, "a", NULL, NULL)->order->placed_at = T0 - 5 * HOUR;
	assert_int_equal(world_decision(&w, "o")->step_count, 1);
	world_done(&w);
}

/* A touch that earns once is used by the first order of its person: also when that is found by the last of
 * its keys alone, for everybody has the others. */
static void test_an_order_that_moves_decides_those_of_each_of_its_keys(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	world_init(&w);
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	w.site.policy.repeat_first = true;
	world_open(&w);
	for (int k = 1; k < ATTRIB_CUSTOMER_KEYS_MAX; k++)
		world_shared(&w, attrib_arena_printf(&w.arena, "info%d", k).p, HUB, T0 - DAYS);
	event = world_order(&w, "moves", NULL, NULL);
	event_at(event, T0 + HOUR);
	for (int k = 1; k < ATTRIB_CUSTOMER_KEYS_MAX; k++)
		event_customer(&w, event, attrib_arena_printf(&w.arena, "info%d", k).p);
	event_customer(&w, event, "own");
	world_click(&w, "c", "pc", "l-ada", T0 - 4 * HOUR);
	event_customer(&w, world_order(&w, "o", "pc", NULL), "own");
	check_winner(world_decision(&w, "o"), "ada", LINK);
	event = world_order(&w, "moves", NULL, NULL);
	event->order->updated_at = T0 + 2 * HOUR;
	event->order->placed_at = T0 - HOUR;
	check_winner(world_decision(&w, "moves"), "ada", LINK);
	check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
	world_done(&w);
}

/* -- a new catalog -------------------------------------------------------------------------------- */

/* The lead's key is not on the order's path any more, but its winner is another. */
static void test_a_key_of_the_lead_that_is_gone_decides_the_order(void **unused)
{
	struct world w;
	int64_t lead_at = T0 - 45 * DAYS;

	(void)unused;
	shop(&w);
	world_click(&w, "c", "v", "l-ada", lead_at - DAYS);
	world_lead(&w, "L", "v", lead_at)->affiliate = ATTRIB_STR("cleo");
	world_order(&w, "o", "v", NULL);
	check_winner(world_decision(&w, "o"), "cleo", AFFILIATE);
	attrib_batch_reset(w.batch);
	w.tracker_count--;
	world_reopen(&w, 2);
	check_winner(world_decision(&w, "o"), "ada", LINK);
	world_done(&w);
}

/* So it is with the key of a lead behind which another came. */
static void test_a_key_of_an_older_lead_that_is_gone_decides_the_order(void **unused)
{
	struct world w;
	int64_t lead_at = T0 - 45 * DAYS;

	(void)unused;
	shop(&w);
	world_lead(&w, "L1", "v", lead_at)->affiliate = ATTRIB_STR("cleo");
	world_lead(&w, "L2", "v", lead_at + DAYS);
	world_order(&w, "o", "v", NULL);
	check_winner(world_decision(&w, "o"), "cleo", AFFILIATE);
	w.tracker_count--;
	world_reopen(&w, 2);
	check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
	world_done(&w);
}

static void apply_some(struct world *w)
{
	for (int i = 0; i < 12; i++) {
		struct attrib_str id = attrib_arena_printf(&w->arena, "o%02d", i);
		world_order(w, id.p, NULL, i % 2 ? "ONE" : "TWO");
	}
	world_apply(w);
	attrib_batch_reset(w->batch);
}

static void walk_on(struct world *w, size_t max, bool expected)
{
	bool left;

	assert_int_equal(attrib_engine_redecide(w->engine, max, w->batch, &left), 0);
	assert_int_equal(left, expected);
}

/* A change in the middle of a walk: what the first one changed is not forgotten. */
static void test_a_change_during_a_walk_is_compared_with_its_beginning(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	apply_some(&w);
	world_tracker(&w, ATTRIB_TRACKER_CODE, "one", "ada");
	world_swap(&w, 2);
	walk_on(&w, 3, true);
	world_tracker(&w, ATTRIB_TRACKER_CODE, "two", "bea");
	world_swap(&w, 3);
	for (int i = 0; i < 3; i++)
		walk_on(&w, 4, i < 2);
	assert_int_equal(world_view(&w)->decision_count, 12);
	for (int i = 0; i < 12; i++) {
		struct attrib_str id = attrib_arena_printf(&w.arena, "o%02d", i);
		check_winner(world_decision(&w, id.p), i % 2 ? "ada" : "bea", CODE);
	}
	walk_on(&w, 4, false); /* nothing is left */
	world_done(&w);
}

/* `all`: after a start nobody knows what the orders in PostgreSQL were decided by. */
static void test_all_decides_what_does_not_differ(void **unused)
{
	(void)unused;
	for (int all = 0; all < 2; all++) {
		struct world w;
		shop(&w);
		apply_some(&w);
		assert_int_equal(attrib_engine_set_catalog(w.engine, w.catalog, all), 0);
		walk_on(&w, 100, false);
		assert_int_equal(world_view(&w)->decision_count, all ? 12 : 0);
		/* the next change is one of its own */
		attrib_batch_reset(w.batch);
		world_tracker(&w, ATTRIB_TRACKER_CODE, "one", "ada");
		world_swap(&w, 2);
		walk_on(&w, 100, false);
		assert_int_equal(world_view(&w)->decision_count, 6);
		assert_true(is_decided(&w, "o01"));
		assert_false(is_decided(&w, "o02"));
		world_done(&w);
	}
}

/* Both names of an order are met by the walk, and it is written once. */
static void test_an_order_of_two_names_is_decided_once(void **unused)
{
	struct world w;
	struct attrib_event *event;
	struct attrib_engine_stats before, after;

	(void)unused;
	shop(&w);
	event_alias(&w, world_order(&w, "a", NULL, "ONE"), "name", "#1");
	event = world_order(&w, "b", NULL, "ONE");
	event->source = ATTRIB_STR("other");
	event_alias(&w, event, "name", "#1");
	world_apply(&w);
	attrib_batch_reset(w.batch);
	attrib_engine_get_stats(w.engine, &before);
	world_tracker(&w, ATTRIB_TRACKER_CODE, "one", "ada");
	world_swap(&w, 2);
	walk_on(&w, 100, false);
	attrib_engine_get_stats(w.engine, &after);
	assert_int_equal(after.decisions, before.decisions + 1);
	assert_int_equal(world_view(&w)->decision_count, 2);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_leads_nowhere_is_not_loaded),
		cmocka_unit_test(test_a_hub_leads_to_nobody),
		cmocka_unit_test(test_a_click_id_leads_to_nobody_else),
		cmocka_unit_test(test_a_moved_order_decides_those_of_its_other_names),
		cmocka_unit_test(test_an_order_that_moves_decides_those_of_each_of_its_keys),
		cmocka_unit_test(test_a_key_of_the_lead_that_is_gone_decides_the_order),
		cmocka_unit_test(test_a_key_of_an_older_lead_that_is_gone_decides_the_order),
		cmocka_unit_test(test_a_change_during_a_walk_is_compared_with_its_beginning),
		cmocka_unit_test(test_all_decides_what_does_not_differ),
		cmocka_unit_test(test_an_order_of_two_names_is_decided_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
