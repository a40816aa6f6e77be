/*
 * Whose touches an order sees: "Whose touch" and "Customers" of the rules, and the lock.
 */
#include "world.h"

static void creators(struct world *w)
{
	world_init(w);
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-bea", "bea");
	world_open(w);
}

static struct attrib_event *identify(
	struct world *w, const char *id, const char *visitor, const char *key, int64_t at)
{
	struct attrib_event *event = world_event(w, ATTRIB_EVENT_IDENTIFY, id, at);

	event_visitor(w, event, visitor);
	event_customer(w, event, key);
	return event;
}

static void test_a_customer_brings_the_touches_of_another_device(void **unused)
{
	struct world w;

	(void)unused;
	creators(&w);
	world_click(&w, "c", "phone", "l-ada", T0 - DAYS);
	identify(&w, "i", "phone", "k", T0 + HOUR); /* an edge after T still brings a touch */
	event_customer(&w, world_order(&w, "o", "laptop", NULL), "k");
	check_winner(world_decision(&w, "o"), "ada", LINK);
	world_done(&w);
}

static void test_late_identify_decides_again(void **unused)
{
	struct world w;

	(void)unused;
	creators(&w);
	world_click(&w, "c", "phone", "l-ada", T0 - DAYS);
	event_customer(&w, world_order(&w, "o", "laptop", NULL), "k");
	check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
	attrib_batch_reset(w.batch);
	identify(&w, "i", "phone", "k", T0 + HOUR);
	check_winner(world_decision(&w, "o"), "ada", LINK);
	world_done(&w);
}

static void test_strangers_move_no_identity(void **unused)
{
	struct world w;

	(void)unused;
	creators(&w);
	world_click(&w, "c", "phone", "l-ada", T0 - DAYS);
	identify(&w, "i", "phone", "k", T0 - HOUR)->trust = ATTRIB_TRUST_STRANGER;
	event_customer(&w, world_order(&w, "o", "laptop", NULL), "k");
	check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
	world_done(&w);
}

static void test_keys_of_one_signed_event_are_one_customer(void **unused)
{
	struct world w;

	(void)unused;
	creators(&w);
	world_click(&w, "c", "phone", "l-ada", T0 - DAYS);
	identify(&w, "i1", "phone", "k1", T0 - HOUR);
	event_customer(&w, identify(&w, "i2", NULL, "k1", T0 - HOUR), "k2");
	event_customer(&w, identify(&w, "i3", NULL, "k2", T0 - HOUR), "k3");
	event_customer(&w, world_order(&w, "o", "laptop", NULL), "k3");
	check_winner(world_decision(&w, "o"), "ada", LINK);
	assert_int_equal(world_view(&w)->link_count, 2);
	assert_int_equal(w.view.links[0].count + w.view.links[1].count, 4);
	world_done(&w);
}

static void test_shared_device_merges_nobody(void **unused)
{
	static const struct {
		int64_t click, other_edge; /* before T; the order's own edge is at T */
		bool mine;
	} cases[] = {
		{3 * HOUR, 2 * HOUR, false}, /* the other logged in between */
		{2 * HOUR, 3 * HOUR, true},  /* the other was there before */
		{2 * HOUR, 2 * HOUR, false}, /* at the touch's own time counts as after */
		{2 * HOUR, -HOUR, true},     /* the other came later than the order */
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		creators(&w);
		world_click(&w, "c", "pc", "l-ada", T0 - cases[i].click);
		identify(&w, "i", "pc", "other", T0 - cases[i].other_edge);
		event_customer(&w, world_order(&w, "o", "pc", NULL), "me");
		/* what belongs to another is not on the path at all */
		assert_int_equal(world_decision(&w, "o")->step_count, cases[i].mine);
		world_done(&w);
	}
}

static void test_touch_after_the_last_edge_belongs_to_the_latest(void **unused)
{
	struct world w;
	struct attrib_event *order;

	(void)unused;
	creators(&w);
	identify(&w, "i1", "pc", "me", T0 - 9 * HOUR);
	identify(&w, "i2", "pc", "other", T0 - 8 * HOUR);
	world_click(&w, "c", "pc", "l-ada", T0 - HOUR);
	order = world_order(&w, "o", NULL, NULL);
	event_customer(&w, order, "me");
	assert_int_equal(world_decision(&w, "o")->step_count, 0);
	order = world_order(&w, "o2", NULL, NULL);
	event_customer(&w, order, "other");
	assert_int_equal(world_decision(&w, "o2")->step_count, 1);
	world_done(&w);
}

/* A visitor without touches has brought a click id along: whose that was is asked of its first customer,
 * too. */
static void test_a_carried_click_belongs_like_a_touch(void **unused)
{
	static const struct {
		const char *buyer;
		size_t steps;
	} cases[] = {{"first", 1}, {"second", 0}};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		struct attrib_event *event;
		creators(&w);
		event_click_id(&w, world_click(&w, "c", NULL, "l-ada", T0 - 11 * HOUR), "k");
		event = world_event(&w, ATTRIB_EVENT_VISIT, "l", T0 - 8 * HOUR);
		event_visitor(&w, event, "pc");
		event_click_id(&w, event, "k");
		identify(&w, "i1", "pc", "first", T0 - 10 * HOUR);
		identify(&w, "i2", "pc", "second", T0 - 6 * HOUR);
		event_customer(&w, world_order(&w, "o", NULL, NULL), cases[i].buyer);
		assert_int_equal(world_decision(&w, "o")->step_count, cases[i].steps);
		world_done(&w);
	}
}

/* A hub is nobody: what came before it belongs to who came next. */
static void test_a_hub_owns_no_touch_of_a_shared_device(void **unused)
{
	struct world w;

	(void)unused;
	creators(&w);
	world_shared(&w, "info", HUB, T0 - DAYS);
	identify(&w, "i1", "pc", "other", T0 - 9 * HOUR);
	world_click(&w, "c", "pc", "l-ada", T0 - 8 * HOUR);
	identify(&w, "i2", "pc", "info", T0 - 7 * HOUR);
	identify(&w, "i3", "pc", "me", T0 - 6 * HOUR);
	event_customer(&w, world_order(&w, "o", "pc", NULL), "me");
	check_winner(world_decision(&w, "o"), "ada", LINK);
	world_done(&w);
}

static void test_order_without_key(void **unused)
{
	struct world w;

	(void)unused;
	creators(&w);
	/* one customer: the order is that customer's, with all devices */
	identify(&w, "i1", "pc", "k", T0 - 9 * HOUR);
	identify(&w, "i2", "phone", "k", T0 - 9 * HOUR);
	world_click(&w, "c", "phone", "l-ada", T0 - HOUR);
	world_order(&w, "one", "pc", NULL);
	check_winner(world_decision(&w, "one"), "ada", LINK);
	/* several: only what belongs to nobody */
	identify(&w, "i3", "pc", "k2", T0 - 8 * HOUR);
	world_click(&w, "c2", "pc", "l-bea", T0 - HOUR);
	world_order(&w, "several", "pc", NULL);
	assert_int_equal(world_decision(&w, "several")->step_count, 0);
	/* none: everything of the visitor */
	world_click(&w, "c3", "tv", "l-bea", T0 - HOUR);
	world_order(&w, "none", "tv", NULL);
	check_winner(world_decision(&w, "none"), "bea", LINK);
	world_done(&w);
}

static void test_click_id_credits_the_order_and_links_nobody(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	creators(&w);
	world_click(&w, "c0", "sender", "l-bea", T0 - 2 * HOUR);
	event = world_click(&w, "c1", "sender", "l-ada", T0 - 3 * HOUR);
	event_click_id(&w, event, "k");
	event = world_order(&w, "o", "friend", NULL);
	event_click_id(&w, event, "k");
	check_winner(world_decision(&w, "o"), "ada", LINK);
	assert_int_equal(world_decision(&w, "o")->step_count, 1);
	world_done(&w);
}

/* Two sources of an order may know of two clicks. */
static void test_an_order_has_all_its_click_ids(void **unused)
{
	static const char *const ids[] = {"k1", "k2", "k3"};
	struct world w;
	struct attrib_event *event;

	(void)unused;
	creators(&w);
	for (size_t i = 0; i < 3; i++) {
		event = world_click(&w, ids[i], "sender", i ? "l-ada" : "l-bea", T0 - 3 * HOUR);
		event_click_id(&w, event, ids[i]);
		event = world_order(&w, "o", "friend", NULL);
		event->order->updated_at = T0 + (int64_t)i;
		event_click_id(&w, event, ids[i]);
	}
	assert_int_equal(world_decision(&w, "o")->step_count, 3);
	world_done(&w);
}

static void test_click_id_on_a_landing_joins_the_visitors_path(void **unused)
{
	(void)unused;
	for (int landing_last = 0; landing_last < 2; landing_last++) {
		struct world w;
		struct attrib_event *event;
		creators(&w);
		event = world_click(&w, "c1", NULL, "l-ada", T0 - 3 * HOUR);
		event_click_id(&w, event, "k");
		world_order(&w, "o", "v", NULL);
		if (landing_last)
			world_apply(&w);
		event = world_event(&w, ATTRIB_EVENT_VISIT, "l1", T0 - 2 * HOUR);
		event_visitor(&w, event, "v");
		event_click_id(&w, event, "k");
		check_winner(world_decision(&w, "o"), "ada", LINK);
		assert_false(world_decision(&w, "o")->steps[0].by_click_id);
		world_done(&w);
	}
}

static void test_one_click_by_two_ways_is_one_touch(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	creators(&w);
	event = world_click(&w, "c1", "v", "l-ada", T0 - 3 * HOUR);
	event_click_id(&w, event, "k");
	event = world_order(&w, "o", "v", NULL);
	event_click_id(&w, event, "k");
	assert_int_equal(world_decision(&w, "o")->step_count, 1);
	assert_true(world_decision(&w, "o")->steps[0].by_click_id);
	world_done(&w);
}

static void test_hub_keys_link_nobody(void **unused)
{
	(void)unused;
	for (int others = 19; others <= 20; others++) {
		struct world w;
		creators(&w);
		world_click(&w, "c", "phone", "l-ada", T0 - DAYS);
		identify(&w, "i", "phone", "info", T0 - HOUR);
		event_customer(&w, world_order(&w, "o", NULL, NULL), "info");
		check_winner(world_decision(&w, "o"), "ada", LINK);
		world_shared(&w, "info", others, T0 - HOUR);
		/* the phone is one of them: twenty others are allowed, twenty-one are not */
		world_apply(&w);
		check_str(credit_of(world_decision(&w, "o"), ATTRIB_MODEL_POLICY)->creator,
			others < 20 ? "ada" : "");
		world_done(&w);
	}
}

static void test_lock(void **unused)
{
	static const struct {
		int64_t after; /* received after T + lock_after */
		bool counts;
	} cases[] = {{0, true}, {1, false}};

	(void)unused;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		bool one_group = i & 1;
		bool counts = cases[i / 2].counts;
		int64_t received = T0 + 30 * DAYS + cases[i / 2].after;
		struct world w;
		creators(&w);
		world_order(&w, "o", "v", NULL);
		event_customer(&w, world_order(&w, "o2", NULL, NULL), "k");
		if (!one_group)
			world_apply(&w);
		world_click(&w, "c", "v", "l-ada", T0 - HOUR)->received_at = received;
		identify(&w, "i", "v", "k", T0 - HOUR)->received_at = received;
		assert_int_equal(world_decision(&w, "o")->step_count, counts);
		assert_int_equal(world_decision(&w, "o2")->step_count, counts);
		world_done(&w);
	}
}

/* A hub is no customer, so it is no second one either. */
static void test_a_hub_key_leaves_a_visitor_its_only_customer(void **unused)
{
	struct world w;

	(void)unused;
	creators(&w);
	world_click(&w, "c", "v", "l-ada", T0 - DAYS);
	identify(&w, "i", "v", "own", T0 - HOUR);
	identify(&w, "i2", "v", "hub", T0 - HOUR);
	world_shared(&w, "hub", HUB - 1, T0 - HOUR);
	world_order(&w, "o", "v", NULL);
	check_winner(world_decision(&w, "o"), "ada", LINK);
	world_done(&w);
}

/* Nor does it lead to the key that one of them gave with it. */
static void test_a_hub_key_leads_to_no_other_key(void **unused)
{
	struct world w;

	(void)unused;
	creators(&w);
	world_shared(&w, "info", HUB, T0 - DAYS);
	event_customer(&w, identify(&w, "i", NULL, "info", T0 - DAYS), "own");
	identify(&w, "i2", "phone", "own", T0 - DAYS);
	world_click(&w, "c", "phone", "l-ada", T0 - HOUR);
	event_customer(&w, world_order(&w, "o", NULL, NULL), "info");
	assert_int_equal(world_decision(&w, "o")->step_count, 0);
	world_done(&w);
}

/* The order knows its cart, a stranger's event knows who filled it: in any order of arrival. */
static void test_a_cart_leads_to_the_visitor_who_filled_it(void **unused)
{
	static const struct {
		const char *kind;
		int64_t heard_after_lock;
		enum attrib_trust trust;
		bool found;
	} cases[] = {{"cart_token", 0, ATTRIB_TRUST_SIGNED, true},
		{"checkout_token", 0, ATTRIB_TRUST_SIGNED, true},
		{"cart_token", 1, ATTRIB_TRUST_SIGNED, false},
		{"cart_token", 0, ATTRIB_TRUST_STRANGER, false}, /* anybody can state an alias */
		{"name", 0, ATTRIB_TRUST_SIGNED, false}};        /* anybody can guess it */

	(void)unused;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		bool order_first = i & 1;
		struct world w;
		struct attrib_event *cart, *order;
		creators(&w);
		if (!order_first) {
			world_click(&w, "c", "phone", "l-ada", T0 - HOUR);
			world_apply(&w);
		}
		order = world_order(&w, "o", "laptop", NULL);
		order->trust = cases[i / 2].trust;
		event_alias(&w, order, cases[i / 2].kind, "tok");
		if (order_first)
			world_apply(&w);
		cart = world_event(&w, ATTRIB_EVENT_CART, "t", T0 - MIN);
		cart->trust = ATTRIB_TRUST_STRANGER;
		cart->received_at = T0 + 30 * DAYS + cases[i / 2].heard_after_lock;
		event_visitor(&w, cart, "phone");
		if (strcmp(cases[i / 2].kind, "checkout_token") == 0)
			cart->checkout_token = order->order->aliases[0].id;
		else
			cart->cart_token = order->order->aliases[0].id;
		if (order_first) {
			world_apply(&w);
			world_click(&w, "c", "phone", "l-ada", T0 - HOUR);
		}
		assert_int_equal(world_decision(&w, "o")->step_count, cases[i / 2].found);
		world_done(&w);
	}
}

/* Whichever of the order's names knows the cart. */
static void test_the_cart_of_another_name_leads_to_its_visitor(void **unused)
{
	(void)unused;
	for (int by_first = 0; by_first < 2; by_first++) {
		struct world w;
		struct attrib_event *cart, *order;
		creators(&w);
		world_click(&w, "c", "phone", "l-ada", T0 - HOUR);
		order = world_order(&w, by_first ? "a" : "b", NULL, NULL);
		event_alias(&w, order, "cart_token", "tok");
		event_alias(&w, order, "name", "#1");
		cart = world_event(&w, ATTRIB_EVENT_CART, "t", T0 - MIN);
		event_visitor(&w, cart, "phone");
		cart->cart_token = order->order->aliases[0].id;
		order = world_order(&w, by_first ? "b" : "a", NULL, NULL);
		order->source = ATTRIB_STR("till");
		event_alias(&w, order, "name", "#1");
		check_winner(world_decision(&w, "a"), "ada", LINK);
		check_str(world_decision(&w, "b")->merged_into, "a");
		world_done(&w);
	}
}

/* An order of three keys. */
static void many(struct world *w)
{
	struct attrib_event *event = world_order(w, "many", NULL, NULL);

	event->order->updated_at = T0 + MIN;
	event_customer(w, event, "a");
	event = world_order(w, "many", NULL, NULL);
	event_customer(w, event, "b");
	event_customer(w, event, "c");
}

/* Orders of one group are decided one behind another: whose keys are one for the one says nothing about
 * those of the other, nor does it make it somebody's that is nobody's. */
static void test_one_persons_keys_are_not_the_nexts(void **unused)
{
	(void)unused;
	for (int turn = 0; turn < 4; turn++) {
		struct world w;
		struct attrib_event *event;
		creators(&w);
		if (turn & 1)
			many(&w);
		event = world_order(&w, "o", "pc", NULL);
		if (turn & 2)
			identify(&w, "i1", "pc", "me", T0 - 3 * HOUR);
		else
			event_customer(&w, event, "me");
		world_click(&w, "c1", "pc", "l-ada", T0 - 2 * HOUR);
		identify(&w, "i2", "pc", "other", T0 - HOUR);
		if (turn & 2)
			world_click(&w, "c2", "pc", "l-ada", T0 - 4 * HOUR);
		if (!(turn & 1))
			many(&w);
		assert_int_equal(world_decision(&w, "o")->step_count, 0);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_customer_brings_the_touches_of_another_device),
		cmocka_unit_test(test_late_identify_decides_again),
		cmocka_unit_test(test_strangers_move_no_identity),
		cmocka_unit_test(test_keys_of_one_signed_event_are_one_customer),
		cmocka_unit_test(test_shared_device_merges_nobody),
		cmocka_unit_test(test_touch_after_the_last_edge_belongs_to_the_latest),
		cmocka_unit_test(test_a_carried_click_belongs_like_a_touch),
		cmocka_unit_test(test_a_hub_owns_no_touch_of_a_shared_device),
		cmocka_unit_test(test_order_without_key),
		cmocka_unit_test(test_click_id_credits_the_order_and_links_nobody),
		cmocka_unit_test(test_an_order_has_all_its_click_ids),
		cmocka_unit_test(test_click_id_on_a_landing_joins_the_visitors_path),
		cmocka_unit_test(test_one_click_by_two_ways_is_one_touch),
		cmocka_unit_test(test_hub_keys_link_nobody),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_a_hub_key_leads_to_no_other_key),
		cmocka_unit_test(test_a_hub_key_leaves_a_visitor_its_only_customer),
		cmocka_unit_test(test_a_cart_leads_to_the_visitor_who_filled_it),
		cmocka_unit_test(test_one_persons_keys_are_not_the_nexts),
		cmocka_unit_test(test_the_cart_of_another_name_leads_to_its_visitor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
