/*
 * Forgetting: what an order that is still to come could look back at stays, whatever else goes.
 */
#include "world.h"

#define LOCK   (30 * DAYS) /* the defaults */
#define WINDOW (30 * DAYS)

static void open_shop(struct world *w, int64_t lead_window_us)
{
	world_init(w);
	w->site.policy.lead_window_us = lead_window_us;
	world_tracker(w, ATTRIB_TRACKER_LINK, "ann", "ann");
	world_open(w);
}

static uint64_t count_of(struct world *w, enum attrib_entity_kind kind)
{
	struct attrib_state_stats stats;

	w->state->ops->stats(w->state, &stats);
	return stats.entities[kind];
}

/* The oldest order that may still come, and the oldest touch that it may have. */
static void test_what_an_order_may_look_back_at_stays(void **unused)
{
	struct world w;
	int64_t watermark = START + 400 * DAYS, placed_at = watermark - LOCK;
	struct attrib_event *order;

	(void)unused;
	open_shop(&w, 0);
	world_click(&w, "c1", "v", "ann", placed_at - WINDOW + 1);
	world_click(&w, "c2", "w", "ann", START);
	world_apply(&w);
	assert_int_equal(attrib_engine_forget(w.engine, ATTRIB_NEVER, watermark), 0);
	assert_int_equal(count_of(&w, ATTRIB_ENTITY_VISITOR), 1);
	order = world_order(&w, "1", "v", NULL);
	event_at(order, placed_at);
	order->received_at = watermark;
	check_winner(world_decision(&w, "1"), "ann", LINK);
	world_done(&w);
}

/* The windows of leads reach further. */
static void test_leads_are_looked_back_at(void **unused)
{
	struct world w;
	int64_t watermark = START + 400 * DAYS, placed_at = watermark - LOCK;
	int64_t lead_at = placed_at - 90 * DAYS + MIN;
	struct attrib_event *order;

	(void)unused;
	open_shop(&w, 90 * DAYS);
	world_click(&w, "c1", "v", "ann", lead_at - WINDOW + MIN);
	world_lead(&w, "L", "v", lead_at);
	world_apply(&w);
	assert_int_equal(attrib_engine_forget(w.engine, ATTRIB_NEVER, watermark), 0);
	order = world_order(&w, "1", "v", NULL);
	event_at(order, placed_at);
	check_winner(world_decision(&w, "1"), "ann", LINK);
	world_done(&w);
}

/* So do the months in which renewals earn: whose first order is forgotten is beyond them. */
static void test_first_orders_are_looked_back_at(void **unused)
{
	struct world w;
	int64_t watermark = START + 400 * DAYS, placed_at = watermark - LOCK;
	struct attrib_event *order;

	(void)unused;
	world_init(&w);
	w.site.policy.lead_window_us = 0;
	w.site.policy.renewals = ATTRIB_RENEWALS_MONTHS;
	w.site.policy.renewal_months = 12;
	world_tracker(&w, ATTRIB_TRACKER_CODE, "ANN10", "ann");
	world_open(&w);
	order = world_order(&w, "first", NULL, NULL);
	event_at(order, placed_at - 360 * DAYS);
	event_customer(&w, order, "k");
	world_apply(&w);
	assert_int_equal(attrib_engine_forget(w.engine, ATTRIB_NEVER, watermark), 0);
	order = world_order(&w, "1", NULL, "ANN10");
	event_at(order, placed_at);
	event_customer(&w, order, "k");
	order->order->kind = ATTRIB_STR("renewal");
	check_winner(world_decision(&w, "1"), "ann", CODE);
	world_done(&w);
}

/* The state is one for all shops: the one that looks back furthest is asked. */
static void test_every_shop_is_looked_back_for(void **unused)
{
	static const char *const names[] = {"annex", "zoo"};

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		struct world w;
		int64_t watermark = START + 400 * DAYS;
		world_init(&w);
		w.site.policy.lead_window_us = 0;
		w.neighbour = w.site;
		w.neighbour.name = attrib_str_of(names[i]);
		w.site.policy.lead_window_us = 200 * DAYS;
		world_tracker(&w, ATTRIB_TRACKER_LINK, "ann", "ann");
		world_open(&w);
		world_click(&w, "c", "v", "ann", watermark - 250 * DAYS);
		world_apply(&w);
		assert_int_equal(attrib_engine_forget(w.engine, ATTRIB_NEVER, watermark), 0);
		assert_int_equal(count_of(&w, ATTRIB_ENTITY_VISITOR), 1);
		world_done(&w);
	}
}

static void test_who_is_who_is_not_forgotten(void **unused)
{
	struct world w;
	int64_t now = START + 800 * DAYS;
	struct attrib_event *order, *login;

	(void)unused;
	open_shop(&w, 0);
	login = world_event(&w, ATTRIB_EVENT_IDENTIFY, "i", START);
	event_visitor(&w, login, "v");
	event_customer(&w, login, "mail");
	world_apply(&w);
	assert_int_equal(attrib_engine_forget(w.engine, now, now), 0);
	world_click(&w, "c", "v", "ann", now);
	order = world_order(&w, "1", NULL, NULL);
	event_at(order, now + HOUR);
	event_customer(&w, order, "mail");
	check_winner(world_decision(&w, "1"), "ann", LINK);
	world_done(&w);
}

/* Its path can't be made again: the sink keeps the one that it has. */
static void test_a_locked_order_is_late_once_facts_are_forgotten(void **unused)
{
	struct world w;
	struct attrib_event *order;

	(void)unused;
	open_shop(&w, 0);
	world_click(&w, "c", "v", "ann", T0 - HOUR);
	world_order(&w, "1", "v", NULL);
	assert_false(world_decision(&w, "1")->late);
	assert_int_equal(attrib_engine_forget(w.engine, ATTRIB_NEVER, T0 + LOCK), 0);
	order = world_order(&w, "1", "v", NULL);
	order->order->total = 5000;
	assert_false(world_decision(&w, "1")->late);
	assert_int_equal(attrib_engine_forget(w.engine, ATTRIB_NEVER, T0 + LOCK + 1), 0);
	order = world_order(&w, "1", "v", NULL);
	order->order->total = 6000;
	assert_true(world_decision(&w, "1")->late);
	world_done(&w);
}

static void test_months_of_renewals_are_counted_from_a_forgotten_order(void **unused)
{
	struct world w;
	int64_t now = START + 800 * DAYS;
	struct attrib_event *order;

	(void)unused;
	world_init(&w);
	w.site.policy.renewals = ATTRIB_RENEWALS_MONTHS;
	w.site.policy.renewal_months = 3;
	world_tracker(&w, ATTRIB_TRACKER_LINK, "ann", "ann");
	world_open(&w);
	order = world_order(&w, "1", NULL, NULL);
	event_at(order, START);
	event_customer(&w, order, "mail");
	world_apply(&w);
	assert_int_equal(attrib_engine_forget(w.engine, now, now), 0);
	assert_int_equal(count_of(&w, ATTRIB_ENTITY_ORDER), 0);
	world_click(&w, "c", "v", "ann", now);
	order = world_order(&w, "2", "v", NULL);
	event_at(order, now + HOUR);
	event_customer(&w, order, "mail");
	order->order->kind = ATTRIB_STR("renewal");
	assert_int_equal(world_decision(&w, "2")->reason, ATTRIB_REASON_RENEWAL);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_an_order_may_look_back_at_stays),
		cmocka_unit_test(test_leads_are_looked_back_at),
		cmocka_unit_test(test_first_orders_are_looked_back_at),
		cmocka_unit_test(test_every_shop_is_looked_back_for),
		cmocka_unit_test(test_who_is_who_is_not_forgotten),
		cmocka_unit_test(test_a_locked_order_is_late_once_facts_are_forgotten),
		cmocka_unit_test(test_months_of_renewals_are_counted_from_a_forgotten_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
