/*
 * Facts in the state that this version can't read: a newer version wrote them. They are as if they had
 * not been sent.
 */
#include "world.h"

static void shop(struct world *w)
{
	world_init(w);
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_open(w);
}

static void put(struct world *w, struct attrib_fact *fact)
{
	struct attrib_added added;
	uint64_t ticket;

	fact->trust = ATTRIB_TRUST_SIGNED;
	fact->at = fact->received_at = T0 - HOUR;
	fact->content_hash = fact->body.n + 1;
	assert_int_equal(w->state->ops->add(w->state, fact, 1, &added, &ticket), 0);
	assert_true(added.added);
}

/* Every beginning of a touch's body, and the whole of it. */
static void test_a_touch_that_is_cut_is_none(void **unused)
{
	static const char body[] = {
		ATTRIB_EVENT_CLICK, 0, 0, 0, 0, 6, 5, 0, 'l', '-', 'a', 'd', 'a', 1, 0, 'x'};

	(void)unused;
	for (size_t n = 0; n <= sizeof body; n++) {
		struct world w;
		struct attrib_event *order;
		shop(&w);
		order = world_order(&w, "o", "v", NULL);
		put(&w, &(struct attrib_fact){.entity = {ATTRIB_ENTITY_VISITOR, order->visitor},
				.type = ATTRIB_FACT_TOUCH,
				.cap = ATTRIB_CAP_TOUCH,
				.id = {{1}},
				.body = {body, n}});
		assert_int_equal(world_decision(&w, "o")->step_count, n == sizeof body ? 2 : 0);
		if (n == sizeof body)
			check_winner(world_decision(&w, "o"), "ada", LINK);
		world_done(&w);
	}
}

static void test_an_observation_that_cannot_be_read_says_nothing(void **unused)
{
	struct world w;
	struct attrib_event *order, *click;
	struct attrib_buf buf;

	(void)unused;
	shop(&w);
	order = world_order(&w, "o", "v", NULL);
	put(&w, &(struct attrib_fact){.entity = {ATTRIB_ENTITY_ORDER, order->order->key},
			.type = ATTRIB_FACT_ORDER,
			.cap = ATTRIB_CAP_ORDER,
			.id = {{1}},
			.body = ATTRIB_STR("\x7f")});
	/* nor does one that speaks of no order */
	attrib_buf_init(&buf);
	click = world_click(&w, "c", "v", "l-ada", T0 + DAYS);
	attrib_event_encode(click, &buf);
	put(&w, &(struct attrib_fact){.entity = {ATTRIB_ENTITY_ORDER, order->order->key},
			.type = ATTRIB_FACT_ORDER,
			.cap = ATTRIB_CAP_ORDER,
			.id = {{2}},
			.body = attrib_buf_view(&buf)});
	attrib_buf_done(&buf);
	assert_int_equal(world_decision(&w, "o")->gross, 10000);
	assert_int_equal(world_decision(&w, "o")->first_received_at, T0);
	world_done(&w);
}

/* An entity of which nothing can be read is no order. */
static void test_an_order_of_which_nothing_can_be_read_is_not_decided(void **unused)
{
	struct world w;
	struct attrib_event *order;

	(void)unused;
	shop(&w);
	order = world_order(&w, "o", "v", NULL);
	w.pending_count = 0;
	put(&w, &(struct attrib_fact){.entity = {ATTRIB_ENTITY_ORDER, order->order->key},
			.type = ATTRIB_FACT_ORDER,
			.cap = ATTRIB_CAP_ORDER,
			.id = {{1}},
			.body = ATTRIB_STR("\x7f")});
	put(&w, &(struct attrib_fact){.entity = {ATTRIB_ENTITY_VISITOR, order->visitor},
			.type = ATTRIB_FACT_EDGE,
			.sub = 1,
			.cap = ATTRIB_CAP_EDGE,
			.id = order->order->key});
	world_click(&w, "c", "v", "l-ada", T0);
	world_apply(&w);
	assert_int_equal(world_view(&w)->decision_count, 0);
	world_reopen(&w, 2);
	assert_int_equal(world_view(&w)->decision_count, 0);
	world_done(&w);
}

/* Who told that visitor and customer belong together may be gone, or what is left of it was received behind
 * the lock: then the edge has a time of its own. */
static void test_an_edge_that_a_lost_order_told_counts_at_its_own_time(void **unused)
{
	static const struct {
		int64_t before; /* the touch, before T */
		size_t steps;
	} cases[] = {{2 * HOUR, 0}, {30 * MIN, 1}};

	(void)unused;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		int64_t before = cases[i / 2].before;
		struct world w;
		struct attrib_event *order, *other;
		struct attrib_id ends[2] = {{{0}}, {{0x77}}};
		shop(&w);
		other = world_event(&w, ATTRIB_EVENT_IDENTIFY, "i", T0 - 9 * DAYS);
		event_customer(&w, other, "theirs");
		ends[0] = other->keys[0].id;
		if (i & 1) {
			order = world_order(&w, "theirs", NULL, NULL);
			event_at(order, T0 + 31 * DAYS);
			ends[1] = order->order->key;
		}
		world_click(&w, "c", "v", "l-ada", T0 - before);
		order = world_order(&w, "o", "v", NULL);
		event_customer(&w, order, "mine");
		put(&w, &(struct attrib_fact){.entity = {ATTRIB_ENTITY_VISITOR, order->visitor},
				.type = ATTRIB_FACT_EDGE,
				.sub = 2,
				.cap = ATTRIB_CAP_EDGE,
				.id = {{1}},
				.body = {(const char *)ends, sizeof ends}});
		assert_int_equal(world_decision(&w, "o")->step_count, cases[i / 2].steps);
		world_done(&w);
	}
}

/* Of keys that were named together one may have lost its word of that: the other's will do. */
static void test_either_side_of_a_lost_edge_makes_one_customer(void **unused)
{
	(void)unused;
	for (int side = 0; side < 2; side++) {
		struct world w;
		struct attrib_event *order, *phone;
		shop(&w);
		phone = world_click(&w, "c", "phone", "l-ada", T0 - HOUR);
		event_customer(&w, phone, "theirs");
		order = world_order(&w, "o", NULL, NULL);
		event_customer(&w, order, "mine");
		event_visitor(&w, order, side ? "phone" : NULL);
		put(&w, &(struct attrib_fact){.entity = {ATTRIB_ENTITY_CUSTOMER,
						      side ? phone->keys[0].id : order->keys[0].id},
				.type = ATTRIB_FACT_EDGE,
				.sub = 2,
				.cap = ATTRIB_CAP_IDENTITY,
				.id = side ? order->keys[0].id : phone->keys[0].id});
		check_winner(world_decision(&w, "o"), "ada", LINK);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_touch_that_is_cut_is_none),
		cmocka_unit_test(test_an_observation_that_cannot_be_read_says_nothing),
		cmocka_unit_test(test_an_order_of_which_nothing_can_be_read_is_not_decided),
		cmocka_unit_test(test_an_edge_that_a_lost_order_told_counts_at_its_own_time),
		cmocka_unit_test(test_either_side_of_a_lost_edge_makes_one_customer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
