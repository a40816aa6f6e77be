/*
 * Other names of orders that two orders of one source state: whose they are.
 */
#include "world.h"

static void shop(struct world *w)
{
	world_init(w);
	world_tracker(w, ATTRIB_TRACKER_CODE, "ADA10", "ada");
	world_open(w);
}

static struct attrib_event *states(
	struct world *w, const char *order_id, const char *name, int64_t received_at)
{
	struct attrib_event *event = world_order(w, order_id, NULL, "ADA10");

	event_alias(w, event, "name", name);
	event->received_at = received_at;
	return event;
}

static void check_holder(struct world *w, const char *holder, const char *other)
{
	const struct attrib_decision *d = world_decision(w, holder);

	check_str(d->merged_into, "");
	assert_false(d->aliases[d->alias_count - 1].conflict);
	d = world_decision(w, other);
	check_str(d->merged_into, "");
	assert_true(d->aliases[d->alias_count - 1].conflict);
}

/* What counts is when the order first stated this name, not when it stated another. */
static void test_each_name_is_claimed_by_itself(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	states(&w, "a", "#1", T0);
	states(&w, "b", "#2", T0 + 1);
	states(&w, "a", "#2", T0 + 2);
	check_holder(&w, "b", "a");
	world_done(&w);
}

/* A repeat of the statement takes nothing away, and gives nothing. */
static void test_the_first_statement_counts(void **unused)
{
	(void)unused;
	for (int turn = 0; turn < 2; turn++) {
		struct world w;
		shop(&w);
		states(&w, "a", "#1", T0 + 1);
		states(&w, "b", "#1", T0 + 2);
		states(&w, "a", "#1", T0 + 4)->order->updated_at = turn ? T0 + 3 : T0 - 3;
		states(&w, "b", "#1", T0 + 3)->order->updated_at = turn ? T0 - 3 : T0 + 3;
		check_holder(&w, "a", "b");
		world_done(&w);
	}
}

/* A walk decides order by order. */
static void new_owner(struct world *w)
{
	bool left = true;

	attrib_batch_reset(w->batch);
	w->trackers[0].creator = ATTRIB_STR("cleo");
	world_swap(w, 2);
	while (left)
		assert_int_equal(attrib_engine_redecide(w->engine, 1, w->batch, &left), 0);
}

/* An order holds each of its names, up to the last one that an event may state, or does not: those that
 * it does not hold unite nothing, the others do. */
static void test_every_name_of_an_order_is_judged(void **unused)
{
	const char *const names[ATTRIB_ALIASES_MAX] = {
		"#0", "#1", "#2", "#3", "#4", "#5", "#6", "#7"};
	const char *const tills[ATTRIB_ALIASES_MAX] = {
		"t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"};

	(void)unused;
	for (size_t first = 0; first < ATTRIB_ALIASES_MAX; first++) {
		struct attrib_event *event;
		struct world w;
		shop(&w);
		states(&w, "a", names[first], T0);
		event = world_order(&w, "b", NULL, "ADA10");
		event->received_at = T0 + 1;
		for (size_t k = 0; k < ATTRIB_ALIASES_MAX; k++)
			event_alias(&w, event, "name", names[k]);
		for (size_t k = 0; k < ATTRIB_ALIASES_MAX; k++) {
			event = states(&w, tills[k], names[k], T0 + 2);
			event->source = ATTRIB_STR("till");
		}
		for (size_t k = 0; k < ATTRIB_ALIASES_MAX; k++)
			check_str(
				world_decision(&w, tills[k])->merged_into, k == first ? "a" : "b");
		for (size_t k = 0; k < ATTRIB_ALIASES_MAX; k++)
			assert_int_equal(world_decision(&w, "b")->aliases[k].conflict, k == first);
		new_owner(&w); /* decided by itself it holds the same */
		for (size_t k = 0; k < ATTRIB_ALIASES_MAX; k++)
			assert_int_equal(world_decision(&w, "b")->aliases[k].conflict, k == first);
		world_done(&w);
	}
}

/* Who decides one of them alone, asks the other, too: in a walk, order by order. */
static void test_a_walk_keeps_the_holder(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	states(&w, "a", "#1", T0);
	states(&w, "b", "#1", T0 + 1);
	check_holder(&w, "a", "b");
	new_owner(&w);
	check_winner(world_decision(&w, "a"), "cleo", CODE);
	check_holder(&w, "a", "b");
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_name_is_claimed_by_itself),
		cmocka_unit_test(test_the_first_statement_counts),
		cmocka_unit_test(test_every_name_of_an_order_is_judged),
		cmocka_unit_test(test_a_walk_keeps_the_holder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
