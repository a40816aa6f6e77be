/*
 * Which touches are on a path, which are eligible, and what is one touch: "Path" of the rules.
 */
#include "world.h"

static void one_creator(struct world *w)
{
	world_init(w);
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_tracker(w, ATTRIB_TRACKER_AFFILIATE, "bea", "bea");
	world_tracker(w, ATTRIB_TRACKER_UTM, "instagram/story", "bea");
	world_tracker(w, ATTRIB_TRACKER_CODE, "ADA10", "ada");
}

static void test_window_ends_at_the_microsecond(void **unused)
{
	static const struct {
		int64_t window, before;
		bool eligible;
	} cases[] = {{30 * DAYS, 30 * DAYS, false}, {30 * DAYS, 30 * DAYS - 1, true},
		{30 * DAYS, 0, true}, {30 * DAYS, -1, false}, {1, 1, false}, {1, 0, true}};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		const struct attrib_step *step;
		one_creator(&w);
		w.site.policy.window_us[ATTRIB_CHANNEL_LINK] = cases[i].window;
		world_open(&w);
		world_click(&w, "c1", "v", "l-ada", T0 - cases[i].before);
		world_order(&w, "o", "v", NULL);
		step = step_of(world_decision(&w, "o"), "l-ada");
		assert_int_equal(step->eligible, cases[i].eligible);
		assert_int_equal(step->window_ends_at, T0 - cases[i].before + cases[i].window);
		if (cases[i].before == -1)
			assert_int_equal(step->reason, ATTRIB_REASON_AFTER_ORDER);
		world_done(&w);
	}
}

static void test_window_of_tracker_beats_campaign_beats_site(void **unused)
{
	struct world w;
	struct attrib_tracker *a, *b;

	(void)unused;
	world_init(&w);
	world_campaign(&w, "spring")->window_us = 5 * DAYS;
	a = world_tracker(&w, ATTRIB_TRACKER_LINK, "a", "ada");
	b = world_tracker(&w, ATTRIB_TRACKER_LINK, "b", "bea");
	a->campaign = b->campaign = ATTRIB_STR("spring");
	b->window_us = 10 * DAYS;
	world_open(&w);
	world_click(&w, "c1", "v", "a", T0 - 7 * DAYS);
	world_click(&w, "c2", "v", "b", T0 - 7 * DAYS);
	world_order(&w, "o", "v", NULL);
	assert_int_equal(
		step_of(world_decision(&w, "o"), "a")->reason, ATTRIB_REASON_BEFORE_WINDOW);
	assert_true(step_of(world_decision(&w, "o"), "b")->eligible);
	world_done(&w);
}

static void test_views_are_off_by_default_and_lose_to_clicks(void **unused)
{
	struct world w;
	struct attrib_event *view;

	(void)unused;
	for (int on = 0; on < 2; on++) {
		one_creator(&w);
		world_tracker(&w, ATTRIB_TRACKER_LINK, "l-bea", "bea");
		w.site.policy.window_us[ATTRIB_CHANNEL_VIEW] = on ? DAYS : 0;
		world_open(&w);
		world_click(&w, "c1", "v", "l-ada", T0 - 2 * HOUR);
		view = world_event(&w, ATTRIB_EVENT_VIEW, "w1", T0 - HOUR);
		event_visitor(&w, view, "v");
		view->link = ATTRIB_STR("l-bea");
		world_order(&w, "o", "v", NULL);
		assert_int_equal(step_of(world_decision(&w, "o"), "l-bea")->reason,
			on ? ATTRIB_REASON_ELIGIBLE : ATTRIB_REASON_CHANNEL_OFF);
		check_winner(world_decision(&w, "o"), "ada", LINK);
		world_done(&w);
	}
}

static void test_landing_is_two_touches_utm_first(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	one_creator(&w);
	w.site.policy.collapse_us = 0;
	world_open(&w);
	world_landing(&w, "l1", "v", "BEA ", "Instagram", "story", T0 - HOUR);
	world_order(&w, "o", "v", NULL);
	d = world_decision(&w, "o");
	assert_int_equal(d->step_count, 2);
	assert_int_equal(d->steps[0].channel, ATTRIB_CHANNEL_UTM);
	check_str(d->steps[0].key, "Instagram/story");
	check_str(d->steps[0].folded, "instagram/story");
	check_str(d->steps[1].key, "BEA ");
	check_str(d->steps[1].tracker, "bea");
	check_winner(d, "bea", AFFILIATE);
	world_done(&w);
}

static void test_equal_times_are_ordered_by_id_bytes(void **unused)
{
	static const char *const ids[][2] = {{"a", "b"}, {"b", "a"}, {"B", "a"}, {"a", "aa"}};

	(void)unused;
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		struct world w;
		one_creator(&w);
		world_open(&w);
		world_click(&w, ids[i][0], "v", "l-ada", T0 - HOUR);
		world_landing(&w, ids[i][1], "v", "bea", NULL, NULL, T0 - HOUR);
		world_order(&w, "o", "v", NULL);
		check_str(credit_of(world_decision(&w, "o"), ATTRIB_MODEL_LAST_TOUCH)->creator,
			strcmp(ids[i][0], ids[i][1]) > 0 ? "ada" : "bea");
		world_done(&w);
	}
}

/* A link of the shop's own newsletter is nobody's; a name of one letter is somebody. */
static void test_whose_key_it_is(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	world_init(&w);
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l-own", "");
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l-x", "x");
	world_open(&w);
	world_click(&w, "c", "v", "l-x", T0 - 2 * HOUR);
	world_click(&w, "d", "v", "l-own", T0 - HOUR);
	world_order(&w, "o", "v", NULL);
	d = world_decision(&w, "o");
	assert_int_equal(step_of(d, "l-own")->reason, ATTRIB_REASON_NO_OWNER);
	check_winner(d, "x", LINK);
	world_done(&w);
}

static void test_invalid_touches_stay_with_their_reason(void **unused)
{
	static const struct {
		uint32_t verdicts;
		enum attrib_reason reason;
		uint32_t flags;
	} cases[] = {{ATTRIB_VERDICT_BOT, ATTRIB_REASON_BOT, ATTRIB_VERDICT_BOT},
		{ATTRIB_VERDICT_PREFETCH, ATTRIB_REASON_PREFETCH, ATTRIB_VERDICT_PREFETCH},
		{ATTRIB_VERDICT_HEAD, ATTRIB_REASON_HEAD, ATTRIB_VERDICT_HEAD},
		{ATTRIB_VERDICT_OWN_SITE, ATTRIB_REASON_OWN_SITE, ATTRIB_VERDICT_OWN_SITE},
		{ATTRIB_VERDICT_FLOOD, ATTRIB_REASON_ELIGIBLE, ATTRIB_VERDICT_FLOOD},
		{ATTRIB_VERDICT_PAID_AD, ATTRIB_REASON_ELIGIBLE, ATTRIB_VERDICT_PAID_AD},
		{ATTRIB_VERDICT_NO_CONSENT, ATTRIB_REASON_ELIGIBLE, 0}};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		const struct attrib_step *step;
		one_creator(&w);
		world_open(&w);
		world_click(&w, "c", "v", "l-ada", T0 - HOUR)->verdicts = cases[i].verdicts;
		world_order(&w, "o", "v", NULL);
		step = step_of(world_decision(&w, "o"), "l-ada");
		assert_int_equal(step->reason, cases[i].reason);
		assert_int_equal(step->flags, cases[i].flags);
		assert_int_equal(step->eligible, cases[i].reason == ATTRIB_REASON_ELIGIBLE);
		world_done(&w);
	}
}

static void test_an_order_right_behind_a_touch_makes_it_suspect(void **unused)
{
	static const struct {
		int64_t before;
		uint32_t flags;
	} cases[] = {{0, ATTRIB_VERDICT_TOO_FAST},
		{5 * ATTRIB_US_PER_S - 1, ATTRIB_VERDICT_TOO_FAST}, {5 * ATTRIB_US_PER_S, 0},
		{-1, 0}};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		const struct attrib_decision *d;
		one_creator(&w);
		world_open(&w);
		world_click(&w, "c", "v", "l-ada", T0 - cases[i].before);
		world_order(&w, "o", "v", "ADA10");
		d = world_decision(&w, "o");
		assert_int_equal(step_of(d, "l-ada")->flags, cases[i].flags);
		assert_int_equal(step_of(d, "ADA10")->flags, 0);
		world_done(&w);
	}
}

static void test_creators_earn_nothing_from_themselves(void **unused)
{
	struct world w;
	struct attrib_creator_key *key;
	const struct attrib_decision *d;

	(void)unused;
	one_creator(&w);
	key = world_creator_key(&w, "ada", "ada-herself");
	key->recorded_at = T0;
	world_open(&w);
	world_click(&w, "c", "v", "l-ada", T0 - HOUR);
	world_landing(&w, "d", "v", "bea", NULL, NULL, T0 - 2 * HOUR);
	event_customer(&w, world_order(&w, "own", "v", "ADA10"), "ada-herself");
	d = world_decision(&w, "own");
	assert_int_equal(step_of(d, "l-ada")->reason, ATTRIB_REASON_SELF_REFERRAL);
	assert_int_equal(step_of(d, "ADA10")->reason, ATTRIB_REASON_SELF_REFERRAL);
	check_winner(d, "bea", AFFILIATE);
	/* any key of that customer tells it */
	event_customer(&w, world_order(&w, "other", "x", "ADA10"), "ada-at-work");
	world_event(&w, ATTRIB_EVENT_IDENTIFY, "i", T0);
	event_customer(&w, w.pending[w.pending_count - 1], "ada-at-work");
	event_customer(&w, w.pending[w.pending_count - 1], "ada-herself");
	d = world_decision(&w, "other");
	assert_int_equal(step_of(d, "ADA10")->reason, ATTRIB_REASON_SELF_REFERRAL);
	world_done(&w);
}

/* What was recorded after the lock changes nothing; what is recorded before heals open orders. */
static void test_self_referral_as_of_the_lock(void **unused)
{
	(void)unused;
	for (int late = 0; late < 2; late++) {
		struct world w;
		const struct attrib_decision *d;
		one_creator(&w);
		world_open(&w);
		event_customer(&w, world_order(&w, "o", "v", "ADA10"), "ada-herself");
		check_winner(world_decision(&w, "o"), "ada", CODE);
		world_creator_key(&w, "ada", "ada-herself")->recorded_at =
			T0 + w.site.policy.lock_after_us + late;
		world_reopen(&w, 2);
		d = world_decision(&w, "o");
		assert_int_equal(step_of(d, "ADA10")->reason,
			late ? ATTRIB_REASON_ELIGIBLE : ATTRIB_REASON_SELF_REFERRAL);
		world_done(&w);
	}
}

static void test_click_id_on_a_signed_order_lifts_the_bot_verdict(void **unused)
{
	(void)unused;
	for (int is_signed = 0; is_signed < 2; is_signed++) {
		struct world w;
		struct attrib_event *click, *order;
		one_creator(&w);
		w.site.policy.browser_orders = ATTRIB_BROWSER_COUNT;
		world_open(&w);
		click = world_click(&w, "c", NULL, "l-ada", T0 - HOUR);
		click->verdicts = ATTRIB_VERDICT_BOT;
		event_click_id(&w, click, "k1");
		order = world_order(&w, "o", NULL, NULL);
		event_click_id(&w, order, "k1");
		order->trust = is_signed ? ATTRIB_TRUST_SIGNED : ATTRIB_TRUST_STRANGER;
		assert_int_equal(step_of(world_decision(&w, "o"), "l-ada")->eligible, is_signed);
		assert_true(step_of(world_decision(&w, "o"), "l-ada")->by_click_id);
		world_done(&w);
	}
}

static void test_owner_at_the_time_of_the_touch_code_at_T(void **unused)
{
	struct world w;
	struct attrib_tracker *t;

	(void)unused;
	world_init(&w);
	t = world_tracker(&w, ATTRIB_TRACKER_AFFILIATE, "x", "ada");
	t->valid_to = T0 - HOUR;
	t = world_tracker(&w, ATTRIB_TRACKER_AFFILIATE, "x", "bea");
	t->valid_from = T0 - HOUR;
	t = world_tracker(&w, ATTRIB_TRACKER_CODE, "X", "ada");
	t->valid_to = T0;
	t = world_tracker(&w, ATTRIB_TRACKER_CODE, "X", "bea");
	t->valid_from = T0;
	world_open(&w);
	world_landing(&w, "l1", "v", "x", NULL, NULL, T0 - HOUR - 1);
	world_landing(&w, "l2", "v", "x", NULL, NULL, T0 - HOUR);
	world_order(&w, "o", "v", "X");
	check_str(world_decision(&w, "o")->steps[0].creator, "ada");
	check_str(world_decision(&w, "o")->steps[1].creator, "bea");
	check_str(step_of(world_decision(&w, "o"), "X")->creator, "bea");
	world_done(&w);
}

static void test_grace_is_half_open(void **unused)
{
	static const struct {
		int64_t ended; /* before T */
		enum attrib_reason reason;
	} cases[] = {{30 * DAYS - 1, ATTRIB_REASON_GRACE}, {30 * DAYS, ATTRIB_REASON_ENDED},
		{0, ATTRIB_REASON_GRACE}, {-1, ATTRIB_REASON_ELIGIBLE}};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		world_init(&w);
		world_tracker(&w, ATTRIB_TRACKER_CODE, "ADA10", "ada")->valid_to =
			T0 - cases[i].ended;
		world_open(&w);
		world_order(&w, "o", NULL, "ada10");
		assert_int_equal(
			step_of(world_decision(&w, "o"), "ada10")->reason, cases[i].reason);
		world_done(&w);
	}
}

static void test_generic_and_unowned_keys_never_earn(void **unused)
{
	struct world w;

	(void)unused;
	one_creator(&w);
	world_tracker(&w, ATTRIB_TRACKER_CODE, "WELCOME", "ada")->generic = true;
	world_open(&w);
	world_click(&w, "c", "v", "l-nobody", T0 - HOUR);
	world_order(&w, "o", "v", "welcome");
	assert_int_equal(
		step_of(world_decision(&w, "o"), "welcome")->reason, ATTRIB_REASON_GENERIC);
	assert_int_equal(
		step_of(world_decision(&w, "o"), "l-nobody")->reason, ATTRIB_REASON_NO_OWNER);
	check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
	world_done(&w);
}

static void test_touches_are_clamped_to_received_plus_five_minutes(void **unused)
{
	struct world w;

	(void)unused;
	one_creator(&w);
	world_open(&w);
	world_click(&w, "c", "v", "l-ada", T0)->received_at = T0 - HOUR;
	world_order(&w, "o", "v", NULL);
	assert_int_equal(
		step_of(world_decision(&w, "o"), "l-ada")->occurred_at, T0 - HOUR + 5 * MIN);
	world_done(&w);
}

static void test_what_the_order_carries_is_a_touch_at_T(void **unused)
{
	struct world w;
	struct attrib_event *order;

	(void)unused;
	one_creator(&w);
	world_open(&w);
	world_click(&w, "c", "v", "l-ada", T0 - HOUR);
	order = world_order(&w, "o", "v", NULL);
	order->affiliate = ATTRIB_STR("bea");
	order = world_order(&w, "o", "v", NULL); /* told again a little later */
	order->affiliate = ATTRIB_STR("Bea");
	order->occurred_at += HOUR;
	assert_int_equal(world_decision(&w, "o")->step_count, 2);
	check_winner(world_decision(&w, "o"), "bea", AFFILIATE);
	world_done(&w);
}

/* As far as it was told by the lock, which is the last moment that counts. */
static void test_what_the_order_carries_was_told_by_its_lock(void **unused)
{
	(void)unused;
	for (int after = 0; after < 2; after++) {
		struct world w;
		struct attrib_event *order;
		one_creator(&w);
		world_open(&w);
		world_order(&w, "o", "v", NULL);
		order = world_order(&w, "o", "v", NULL);
		order->affiliate = ATTRIB_STR("bea");
		order->received_at = T0 + 30 * DAYS + after;
		assert_int_equal(world_decision(&w, "o")->step_count, !after);
		world_done(&w);
	}
}

/* As many codes as an order can have are all on its path. */
static void test_every_code_of_an_order_is_a_touch(void **unused)
{
	struct world w;
	struct attrib_order *order;

	(void)unused;
	one_creator(&w);
	world_open(&w);
	order = world_order(&w, "o", "v", "NONE0")->order;
	for (size_t i = 1; i < ATTRIB_ORDER_CODES_MAX; i++)
		order->codes[order->code_count++].code =
			i == ATTRIB_ORDER_CODES_MAX - 1
				? ATTRIB_STR("ADA10")
				: attrib_arena_printf(&w.arena, "NONE%zu", i);
	assert_int_equal(world_decision(&w, "o")->step_count, ATTRIB_ORDER_CODES_MAX);
	check_winner(world_decision(&w, "o"), "ada", CODE);
	world_done(&w);
}

/* -- collapse ------------------------------------------------------------------------------------- */

static void test_collapse_is_anchored_not_chained(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	one_creator(&w);
	world_open(&w);
	world_click(&w, "c1", "v", "l-ada", T0 - 50 * MIN); /* 40 before the anchor: its own */
	world_click(&w, "c2", "v", "l-ada", T0 - 30 * MIN); /* 20 before the anchor */
	world_click(&w, "c3", "v", "l-ada", T0 - 10 * MIN);
	world_order(&w, "o", "v", NULL);
	d = world_decision(&w, "o");
	assert_int_equal(d->credit_count, 2);
	assert_int_equal(d->credits[0].touched_at, T0 - 50 * MIN);
	assert_int_equal(d->credits[1].touched_at, T0 - 10 * MIN);
	assert_int_equal(d->steps[1].reason, ATTRIB_REASON_COLLAPSED);
	assert_true(d->steps[1].eligible);
	assert_int_equal(d->steps[1].credit, 1);
	assert_int_equal(d->credits[1].amount[ATTRIB_MODEL_POLICY], 10000);
	world_done(&w);
}

static void test_collapse_border_is_exclusive(void **unused)
{
	(void)unused;
	for (int inside = 0; inside < 2; inside++) {
		struct world w;
		one_creator(&w);
		world_open(&w);
		world_click(&w, "c1", "v", "l-ada", T0 - 30 * MIN - HOUR + inside);
		world_click(&w, "c2", "v", "l-ada", T0 - HOUR);
		world_order(&w, "o", "v", NULL);
		assert_int_equal(world_decision(&w, "o")->credit_count, inside ? 1 : 2);
		world_done(&w);
	}
}

static void test_code_absorbs_its_owners_click(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	one_creator(&w);
	world_open(&w);
	world_click(&w, "c1", "v", "l-ada", T0 - 10 * MIN);
	world_order(&w, "o", "v", "ADA10");
	d = world_decision(&w, "o");
	assert_int_equal(d->credit_count, 1);
	assert_int_equal(d->credits[0].touched_at, T0);
	check_winner(d, "ada", LINK);
	check_str(d->credits[0].tracker, "l-ada");
	assert_int_equal(d->rule, ATTRIB_RULE_CODE);
	world_done(&w);
}

static void test_strongest_evidence_names_the_row(void **unused)
{
	struct world w;
	struct attrib_event *click, *order;

	(void)unused;
	one_creator(&w);
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l-bea", "bea")->placement = ATTRIB_STR("post");
	world_open(&w);
	click = world_click(&w, "c1", "v", "l-bea", T0 - 10 * MIN);
	event_click_id(&w, click, "k");
	world_landing(&w, "l1", "v", "bea", "instagram", "story", T0 - 5 * MIN);
	order = world_order(&w, "o", "v", NULL);
	check_winner(world_decision(&w, "o"), "bea", AFFILIATE); /* affiliate > link > utm */
	order = world_order(&w, "o", "v", NULL);
	event_click_id(&w, order, "k");
	check_winner(world_decision(&w, "o"), "bea", LINK); /* click id > affiliate */
	check_str(world_decision(&w, "o")->credits[0].placement, "post");
	world_done(&w);
}

static void test_the_newest_of_equal_evidence_names_the_row(void **unused)
{
	struct world w;

	(void)unused;
	one_creator(&w);
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l-new", "ada")->placement = ATTRIB_STR("new");
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l-old", "ada")->placement = ATTRIB_STR("old");
	world_open(&w);
	world_click(&w, "c1", "v", "l-old", T0 - 20 * MIN);
	world_click(&w, "c2", "v", "l-new", T0 - 10 * MIN);
	world_order(&w, "o", "v", "ADA10");
	assert_int_equal(world_decision(&w, "o")->credit_count, 1);
	check_str(world_decision(&w, "o")->credits[0].placement, "new");
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_ends_at_the_microsecond),
		cmocka_unit_test(test_window_of_tracker_beats_campaign_beats_site),
		cmocka_unit_test(test_views_are_off_by_default_and_lose_to_clicks),
		cmocka_unit_test(test_landing_is_two_touches_utm_first),
		cmocka_unit_test(test_equal_times_are_ordered_by_id_bytes),
		cmocka_unit_test(test_whose_key_it_is),
		cmocka_unit_test(test_invalid_touches_stay_with_their_reason),
		cmocka_unit_test(test_an_order_right_behind_a_touch_makes_it_suspect),
		cmocka_unit_test(test_creators_earn_nothing_from_themselves),
		cmocka_unit_test(test_self_referral_as_of_the_lock),
		cmocka_unit_test(test_click_id_on_a_signed_order_lifts_the_bot_verdict),
		cmocka_unit_test(test_owner_at_the_time_of_the_touch_code_at_T),
		cmocka_unit_test(test_grace_is_half_open),
		cmocka_unit_test(test_generic_and_unowned_keys_never_earn),
		cmocka_unit_test(test_touches_are_clamped_to_received_plus_five_minutes),
		cmocka_unit_test(test_what_the_order_carries_is_a_touch_at_T),
		cmocka_unit_test(test_what_the_order_carries_was_told_by_its_lock),
		cmocka_unit_test(test_every_code_of_an_order_is_a_touch),
		cmocka_unit_test(test_collapse_is_anchored_not_chained),
		cmocka_unit_test(test_collapse_border_is_exclusive),
		cmocka_unit_test(test_code_absorbs_its_owners_click),
		cmocka_unit_test(test_strongest_evidence_names_the_row),
		cmocka_unit_test(test_the_newest_of_equal_evidence_names_the_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
