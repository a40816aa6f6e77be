/*
 * Which version of a site's settings decides an order, and what a new version decides again.
 */
#include "world.h"

#define LOCK (30 * DAYS) /* lock_after of the defaults */

/* Makes `recorded_at` the beginning of a new version of the world's settings: w->site is the new one
 * from here on, as it was before but for its number. */
static void new_version(struct world *w, int64_t recorded_at)
{
	struct attrib_site *before = attrib_arena_alloc(&w->arena, sizeof *before);

	assert_non_null(before);
	*before = w->site;
	w->site.before = before;
	w->site.policy.version++;
	w->site.policy.recorded_at = recorded_at;
}

/* By the first version ADA's code wins, by those made with this it earns nothing. */
static void new_version_without_codes(struct world *w, int64_t recorded_at)
{
	new_version(w, recorded_at);
	w->site.policy.code_rule = ATTRIB_CODE_RULE_NEVER;
}

static void shop(struct world *w)
{
	world_init(w);
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_tracker(w, ATTRIB_TRACKER_CODE, "ADA10", "ada");
}

static struct attrib_event *order_at(struct world *w, const char *id, int64_t placed_at)
{
	struct attrib_event *event = world_order(w, id, "v", "ADA10");

	event->order->placed_at = event->occurred_at = event->received_at = placed_at;
	return event;
}

static void check_version(const struct attrib_decision *d, uint32_t version, bool code_wins)
{
	assert_int_equal(d->policy_version, version);
	assert_int_equal(d->rule, code_wins ? ATTRIB_RULE_CODE : ATTRIB_RULE_UNATTRIBUTED);
}

static bool is_put(struct world *w, const char *order_id)
{
	const struct attrib_batch_view *view = world_view(w);

	for (size_t i = 0; i < view->decision_count; i++)
		if (attrib_str_eq(view->decisions[i]->order_id, attrib_str_of(order_id)))
			return true;
	return false;
}

/* Recorded at the very end of the lock is in time; a microsecond later is not. */
static void test_the_boundary_is_the_lock_itself(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	new_version_without_codes(&w, T0 + LOCK);
	world_open(&w);
	order_at(&w, "in", T0);
	order_at(&w, "out", T0 - 1);
	check_version(world_decision(&w, "in"), 2, false);
	check_version(world_decision(&w, "out"), 1, true);
	world_done(&w);
}

/* What was placed before all that is known of the settings is decided by the oldest. */
static void test_the_oldest_decides_what_lies_before_it(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	w.site.policy.recorded_at = T0;
	new_version_without_codes(&w, T0 + DAYS);
	world_open(&w);
	order_at(&w, "o", T0 - 100 * DAYS);
	check_version(world_decision(&w, "o"), 1, true);
	world_done(&w);
}

static void test_a_new_version_is_written_for_open_orders_alone(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	world_open(&w);
	order_at(&w, "locked", T0);
	order_at(&w, "open", T0 + DAYS);
	world_apply(&w);
	attrib_batch_reset(w.batch);
	new_version_without_codes(&w, T0 + LOCK + 1);
	world_reopen(&w, 1);
	check_version(world_decision(&w, "open"), 2, false);
	assert_false(is_put(&w, "locked"));
	world_done(&w);
}

/* A word of its own shop, long after the lock: what it earned, and by what, stays. */
static void test_a_late_update_of_a_locked_order_keeps_its_version(void **unused)
{
	struct world w;
	struct attrib_event *update;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	order_at(&w, "o", T0)->order->status = ATTRIB_ORDER_PENDING;
	world_apply(&w);
	attrib_batch_reset(w.batch);
	new_version_without_codes(&w, T0 + 40 * DAYS);
	world_reopen(&w, 1);
	assert_false(is_put(&w, "o"));
	update = order_at(&w, "o", T0);
	update->received_at = update->order->updated_at = T0 + 50 * DAYS;
	d = world_decision(&w, "o");
	check_version(d, 1, true);
	assert_int_equal(d->status, ATTRIB_STATUS_PAID);
	world_done(&w);
}

/* A key that heals walks over locked orders, too: those that carry it are decided by their version. */
static void test_a_new_catalog_decides_a_locked_order_by_its_version(void **unused)
{
	struct world w;
	struct attrib_tracker *tracker;

	(void)unused;
	shop(&w);
	world_open(&w);
	order_at(&w, "o", T0);
	world_apply(&w);
	attrib_batch_reset(w.batch);
	new_version_without_codes(&w, T0 + 40 * DAYS);
	tracker = world_tracker(&w, ATTRIB_TRACKER_CODE, "ADA10", "bea");
	tracker->valid_from = T0 + 45 * DAYS;
	tracker->recorded_at = T0 + 45 * DAYS;
	world_reopen(&w, 2);
	check_version(world_decision(&w, "o"), 1, true);
	check_winner(world_decision(&w, "o"), "ada", CODE);
	world_done(&w);
}

/* A longer lock opens again what lies within it, touches that came meanwhile included. */
static void test_a_longer_lock_opens_what_is_within_it(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	order_at(&w, "within", T0);
	order_at(&w, "beyond", T0 - 1);
	world_click(&w, "c", "v", "l-ada", T0 - HOUR)->received_at = T0 + LOCK + DAYS;
	d = world_decision(&w, "within");
	assert_int_equal(d->step_count, 1);
	attrib_batch_reset(w.batch);
	new_version_without_codes(&w, T0 + 60 * DAYS);
	w.site.policy.lock_after_us = 60 * DAYS;
	world_reopen(&w, 1);
	d = world_decision(&w, "within");
	assert_int_equal(d->policy_version, 2);
	check_winner(d, "ada", LINK); /* received after the old lock, before the new one */
	assert_false(is_put(&w, "beyond"));
	world_done(&w);
}

/* A shorter lock closes nothing that is open by the version before: it takes its own orders alone. */
static void test_a_shorter_lock_closes_nothing(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	new_version_without_codes(&w, T0 + 10 * DAYS);
	w.site.policy.lock_after_us = 5 * DAYS;
	world_open(&w);
	order_at(&w, "old", T0);
	order_at(&w, "new", T0 + 5 * DAYS);
	world_click(&w, "c", "v", "l-ada", T0 - HOUR)->received_at = T0 + 20 * DAYS;
	check_version(world_decision(&w, "old"), 1, true);
	assert_int_equal(world_decision(&w, "old")->step_count, 2);
	assert_int_equal(world_decision(&w, "new")->policy_version, 2);
	assert_int_equal(world_decision(&w, "new")->step_count, 1);
	world_done(&w);
}

static void test_late_is_by_the_lock_of_the_deciding_version(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	world_open(&w);
	order_at(&w, "o", T0)->received_at = T0 + 40 * DAYS;
	assert_true(world_decision(&w, "o")->late);
	new_version(&w, T0 + 50 * DAYS);
	w.site.policy.lock_after_us = 60 * DAYS;
	world_reopen(&w, 1);
	assert_false(world_decision(&w, "o")->late);
	world_done(&w);
}

/* T is asked of each version: which source is believed may move it, and a version that comes later
 * changes nothing of what it does not take itself. */
static void test_every_version_has_its_own_time_of_the_order(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	new_version(&w, T0 + 40 * DAYS);
	w.site.policy.order_source = ATTRIB_STR("till");
	world_open(&w);
	order_at(&w, "o", T0);
	event = order_at(&w, "o", T0 + 20 * DAYS);
	event->source = ATTRIB_STR("till");
	assert_int_equal(world_decision(&w, "o")->policy_version, 2);
	assert_int_equal(world_decision(&w, "o")->placed_at, T0 + 20 * DAYS);
	attrib_batch_reset(w.batch);
	new_version(
		&w, T0 + 90 * DAYS); /* T would be T0 again: too late for it, and for the second */
	w.site.policy.order_source = ATTRIB_STR_NONE;
	world_reopen(&w, 1);
	assert_false(is_put(&w, "o"));
	order_at(&w, "o", T0)->received_at = T0 + 91 * DAYS;
	assert_int_equal(world_decision(&w, "o")->policy_version, 2);
	world_done(&w);
}

/* An earlier order that took the touch is judged by its own settings, not by those of the later one. */
static void test_an_earlier_order_is_judged_by_its_own_version(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	w.site.policy.repeat_first = true;
	w.site.policy.window_us[ATTRIB_CHANNEL_LINK] = HOUR; /* too short for the first order */
	new_version(&w, T0 + LOCK);
	w.site.policy.window_us[ATTRIB_CHANNEL_LINK] = 30 * DAYS;
	world_open(&w);
	world_click(&w, "c", "v", "l-ada", T0 - 2 * HOUR);
	order_at(&w, "first", T0 - HOUR)->order->has_codes = false;
	order_at(&w, "second", T0)->order->has_codes = false;
	assert_int_equal(world_decision(&w, "first")->policy_version, 1);
	check_winner(world_decision(&w, "first"), "", UNATTRIBUTED);
	check_winner(world_decision(&w, "second"), "ada", LINK);
	world_done(&w);
}

/* An order that a click id alone leads to its touch. */
static struct attrib_event *pasted_order_at(struct world *w, const char *id, int64_t placed_at)
{
	struct attrib_event *event = order_at(w, id, placed_at);

	event->order->has_codes = false;
	event_visitor(w, event, NULL);
	event_click_id(w, event, "click");
	return event;
}

/* Of a site that forgets repeat_orders = first, the orders that it decided still depend on each
 * other: what moves the one before the other is looked for with the other. */
static void test_a_setting_that_is_gone_still_holds_for_its_orders(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	w.site.policy.repeat_first = true;
	new_version(&w, T0 + 50 * DAYS);
	w.site.policy.repeat_first = false;
	world_open(&w);
	event_click_id(&w, world_click(&w, "c", "v", "l-ada", T0 - 3 * HOUR), "click");
	pasted_order_at(&w, "a", T0);
	pasted_order_at(&w, "b", T0 + HOUR);
	check_winner(world_decision(&w, "a"), "ada", LINK);
	check_winner(world_decision(&w, "b"), "", UNATTRIBUTED);
	attrib_batch_reset(w.batch);
	pasted_order_at(&w, "b", T0 - HOUR)->click = (struct attrib_id){{0}};
	check_winner(world_decision(&w, "b"), "ada", LINK);
	check_winner(world_decision(&w, "a"), "", UNATTRIBUTED);
	world_done(&w);
}

/* What an order knows of an earlier one ends at its lock: settings that came later and see the earlier
 * one at another time change nothing of it. */
static void test_later_settings_of_an_earlier_order_are_not_seen(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	w.site.policy.repeat_first = true;
	new_version(&w, T0 + 40 * DAYS); /* takes "a" alone, as of its time at the till */
	w.site.policy.order_source = ATTRIB_STR("till");
	world_open(&w);
	world_click(&w, "c", "v", "l-ada", T0 - 2 * HOUR);
	order_at(&w, "a", T0 - HOUR)->order->has_codes = false;
	event = order_at(&w, "a", T0 + 20 * DAYS);
	event->order->has_codes = false;
	event->source = ATTRIB_STR("till");
	order_at(&w, "b", T0)->order->has_codes = false;
	assert_int_equal(world_decision(&w, "a")->policy_version, 2);
	assert_int_equal(world_decision(&w, "b")->policy_version, 1);
	check_winner(world_decision(&w, "b"), "", UNATTRIBUTED); /* "a" was before it */
	world_done(&w);
}

/* An order with a shorter lock than the lead before it knows of the lead what stood by its own. */
static void test_a_longer_lock_of_a_lead_is_cut_at_the_orders(void **unused)
{
	for (int late = 0; late < 2; late++) {
		struct world w;
		(void)unused;
		shop(&w);
		new_version(&w, T0);
		w.site.policy.lock_after_us = 5 * DAYS;
		world_open(&w);
		world_lead(&w, "form", "v", T0 - 10 * DAYS);
		world_click(&w, "c", "v", "l-ada", T0 - 11 * DAYS)->received_at =
			T0 + 5 * DAYS + late;
		order_at(&w, "o", T0)->order->has_codes = false;
		assert_int_equal(world_decision(&w, "form")->policy_version, 1);
		check_winner(world_decision(&w, "form"), "ada", LINK);
		assert_int_equal(world_decision(&w, "o")->policy_version, 2);
		if (late)
			check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
		else
			check_winner(world_decision(&w, "o"), "ada", LINK);
		world_done(&w);
	}
}

/* The same number with other words, as a database that was restored has it, is another version. */
static void test_a_version_is_its_number_and_its_time(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	new_version(&w, T0);
	world_open(&w);
	order_at(&w, "o", T0);
	check_version(world_decision(&w, "o"), 2, true);
	attrib_batch_reset(w.batch);
	w.site.policy.recorded_at = T0 + HOUR;
	w.site.policy.code_rule = ATTRIB_CODE_RULE_NEVER;
	world_reopen(&w, 1);
	check_version(world_decision(&w, "o"), 2, false);
	world_done(&w);
}

/* -- any order ------------------------------------------------------------------------------------ */

#define EVENTS   14
#define VERSIONS 4

/* xorshift: the same histories on every machine. */
static uint32_t roll(uint64_t *dice, uint32_t sides)
{
	*dice ^= *dice << 13;
	*dice ^= *dice >> 7;
	*dice ^= *dice << 17;
	return (uint32_t)(*dice >> 33) % sides;
}

/* Few visitors and orders within ninety days, so that locks of a month separate them. */
static void random_event(struct world *w, uint64_t *dice, int i)
{
	static const char *const visitors[] = {"v", "w"}, *const orders[] = {"a", "b", "c", "d"};
	const char *visitor = visitors[roll(dice, 2)];
	int64_t at = START + roll(dice, 90) * DAYS + roll(dice, 24) * HOUR;
	const char *id = attrib_arena_printf(&w->arena, "e%d", i).p;
	struct attrib_event *event;

	switch (roll(dice, 5)) {
	case 0:
		event = world_lead(w, id, visitor, at);
		break;
	case 1:
	case 2:
		event = world_click(w, "", visitor, roll(dice, 2) ? "l-ada" : "l-bea", at);
		break;
	default:
		event = order_at(w, orders[roll(dice, 4)], at);
		event_visitor(w, event, visitor);
		event->order->has_codes = roll(dice, 2);
		event->order->updated_at = at + roll(dice, 9) * DAYS;
		event->source = roll(dice, 2) ? ATTRIB_STR("till") : ATTRIB_STR("native");
	}
	event_id(w, event, id);
	event->received_at = at + roll(dice, 3) * roll(dice, 25) * DAYS;
}

static void random_version(struct world *w, uint64_t *dice)
{
	struct attrib_policy *policy = &w->site.policy;
	int64_t recorded_at = policy->recorded_at == ATTRIB_NEVER ? START : policy->recorded_at;

	new_version(w, recorded_at + roll(dice, 50) * DAYS);
	policy->code_rule = roll(dice, 2) ? ATTRIB_CODE_RULE_ALWAYS : ATTRIB_CODE_RULE_NEVER;
	policy->lock_after_us = (10 + roll(dice, 40)) * DAYS;
	policy->window_us[ATTRIB_CHANNEL_LINK] = (1 + roll(dice, 60)) * DAYS;
	policy->repeat_first = roll(dice, 2);
	policy->order_source = roll(dice, 2) ? ATTRIB_STR("till") : ATTRIB_STR_NONE;
}

/* A history of events and settings, all at once or piece by piece in an order of its own. */
static char *play(uint64_t seed, uint64_t pieces)
{
	struct attrib_event *events[EVENTS];
	struct attrib_site versions[VERSIONS];
	uint64_t dice = seed, cuts = pieces;
	uint32_t known;
	struct world w;
	char *dump;

	shop(&w);
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l-bea", "bea");
	for (int i = 0; i < EVENTS; i++)
		random_event(&w, &dice, i);
	memcpy(events, w.pending, sizeof events);
	versions[0] = w.site;
	for (int i = 1; i < VERSIONS; i++) {
		random_version(&w, &dice);
		versions[i] = w.site;
	}
	known = pieces ? roll(&cuts, VERSIONS) : VERSIONS - 1;
	w.site = versions[known];
	world_open(&w);
	w.pending_count = 0;
	for (uint32_t left = EVENTS; left;) {
		uint32_t at = pieces ? roll(&cuts, left) : left - 1;
		w.pending[w.pending_count++] = events[at];
		events[at] = events[--left];
		if (pieces && roll(&cuts, 3) == 0)
			world_apply(&w);
		if (known < VERSIONS - 1 && roll(&cuts, 5) == 0) {
			world_apply(&w);
			w.site = versions[++known];
			world_reopen(&w, known + 1);
		}
	}
	world_apply(&w);
	w.site = versions[VERSIONS - 1];
	world_reopen(&w, VERSIONS + 1);
	dump = world_dump(&w);
	world_done(&w);
	return dump;
}

/* Whenever a version comes, between whichever events, what is written last is the same. */
static void test_versions_and_events_in_any_order_give_the_same(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= 160; seed++) {
		char *whole = play(seed * UINT64_C(0x9e3779b97f4a7c15), 0);
		for (uint64_t turn = 1; turn <= 6; turn++) {
			char *pieces =
				play(seed * UINT64_C(0x9e3779b97f4a7c15), seed * 1000 + turn);
			if (strcmp(whole, pieces) != 0)
				fail_msg("seed %llu, turn %llu:\n%s\n-- not --\n%s",
					(unsigned long long)seed, (unsigned long long)turn, pieces,
					whole);
			free(pieces);
		}
		free(whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_boundary_is_the_lock_itself),
		cmocka_unit_test(test_the_oldest_decides_what_lies_before_it),
		cmocka_unit_test(test_a_new_version_is_written_for_open_orders_alone),
		cmocka_unit_test(test_a_late_update_of_a_locked_order_keeps_its_version),
		cmocka_unit_test(test_a_new_catalog_decides_a_locked_order_by_its_version),
		cmocka_unit_test(test_a_longer_lock_opens_what_is_within_it),
		cmocka_unit_test(test_a_shorter_lock_closes_nothing),
		cmocka_unit_test(test_late_is_by_the_lock_of_the_deciding_version),
		cmocka_unit_test(test_every_version_has_its_own_time_of_the_order),
		cmocka_unit_test(test_an_earlier_order_is_judged_by_its_own_version),
		cmocka_unit_test(test_a_setting_that_is_gone_still_holds_for_its_orders),
		cmocka_unit_test(test_later_settings_of_an_earlier_order_are_not_seen),
		cmocka_unit_test(test_versions_and_events_in_any_order_give_the_same),
		cmocka_unit_test(test_a_longer_lock_of_a_lead_is_cut_at_the_orders),
		cmocka_unit_test(test_a_version_is_its_number_and_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
