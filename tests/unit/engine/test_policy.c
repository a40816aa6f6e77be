/*
 * Who wins, and what the models share out: "Rules" and "Money" of the rules.
 */
#include "world.h"

static void two_creators(struct world *w, enum attrib_code_rule rule)
{
	world_init(w);
	w->site.policy.code_rule = rule;
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-bea", "bea");
	world_tracker(w, ATTRIB_TRACKER_CODE, "ADA10", "ada");
	world_tracker(w, ATTRIB_TRACKER_CODE, "BEA10", "bea");
}

/* Who else touched before the order with ada's code. */
enum others { NOBODY, ADA, BEA, ADA_THEN_BEA, BEA_THEN_ADA };

static void touch(struct world *w, enum others others)
{
	if (others == ADA || others == ADA_THEN_BEA)
		world_click(w, "a", "v", "l-ada", T0 - 5 * HOUR);
	if (others == BEA || others == BEA_THEN_ADA)
		world_click(w, "b", "v", "l-bea", T0 - 4 * HOUR);
	if (others == BEA_THEN_ADA)
		world_click(w, "a", "v", "l-ada", T0 - 3 * HOUR);
	if (others == ADA_THEN_BEA)
		world_click(w, "b", "v", "l-bea", T0 - 2 * HOUR);
}

static void test_code_rules(void **unused)
{
	static const struct {
		enum attrib_code_rule rule;
		enum others others;
		const char *winner;
		enum attrib_rule decided;
	} cases[] = {
		{ATTRIB_CODE_RULE_ALWAYS, NOBODY, "ada", ATTRIB_RULE_CODE},
		{ATTRIB_CODE_RULE_ALWAYS, BEA, "ada", ATTRIB_RULE_CODE},
		{ATTRIB_CODE_RULE_FALLBACK, NOBODY, "ada", ATTRIB_RULE_CODE},
		{ATTRIB_CODE_RULE_FALLBACK, ADA, "ada", ATTRIB_RULE_CODE},
		{ATTRIB_CODE_RULE_FALLBACK, BEA_THEN_ADA, "ada", ATTRIB_RULE_LAST_TOUCH},
		{ATTRIB_CODE_RULE_FALLBACK, BEA, "bea", ATTRIB_RULE_LAST_TOUCH},
		{ATTRIB_CODE_RULE_IF_INVOLVED, NOBODY, "", ATTRIB_RULE_UNATTRIBUTED},
		{ATTRIB_CODE_RULE_IF_INVOLVED, BEA, "bea", ATTRIB_RULE_LAST_TOUCH},
		{ATTRIB_CODE_RULE_IF_INVOLVED, ADA_THEN_BEA, "ada", ATTRIB_RULE_CODE},
		{ATTRIB_CODE_RULE_IF_WINNER, NOBODY, "", ATTRIB_RULE_UNATTRIBUTED},
		{ATTRIB_CODE_RULE_IF_WINNER, ADA_THEN_BEA, "bea", ATTRIB_RULE_LAST_TOUCH},
		{ATTRIB_CODE_RULE_IF_WINNER, BEA_THEN_ADA, "ada", ATTRIB_RULE_CODE},
		{ATTRIB_CODE_RULE_NEVER, NOBODY, "", ATTRIB_RULE_UNATTRIBUTED},
		{ATTRIB_CODE_RULE_NEVER, ADA, "ada", ATTRIB_RULE_LAST_TOUCH},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		const struct attrib_decision *d;
		two_creators(&w, cases[i].rule);
		world_open(&w);
		touch(&w, cases[i].others);
		world_order(&w, "o", "v", "ADA10");
		d = world_decision(&w, "o");
		check_str(credit_of(d, ATTRIB_MODEL_POLICY)->creator, cases[i].winner);
		assert_int_equal(d->rule, cases[i].decided);
		/* whatever its rule, the code is a claim and on the other models' path */
		assert_true(step_of(d, "ADA10")->eligible);
		check_str(credit_of(d, ATTRIB_MODEL_LAST_TOUCH)->creator, "ada");
		world_done(&w);
	}
}

static void test_rule_of_tracker_beats_campaign_beats_site(void **unused)
{
	(void)unused;
	for (int level = 0; level < 3; level++) {
		struct world w;
		two_creators(&w, ATTRIB_CODE_RULE_ALWAYS);
		world_campaign(&w, "spring")->code_rule =
			level > 0 ? ATTRIB_CODE_RULE_NEVER : ATTRIB_CODE_RULE_INHERIT;
		w.trackers[2].campaign = ATTRIB_STR("spring");
		if (level == 2)
			w.trackers[2].code_rule = ATTRIB_CODE_RULE_ALWAYS;
		world_open(&w);
		world_order(&w, "o", "v", "ADA10");
		assert_int_equal(world_decision(&w, "o")->rule,
			level == 1 ? ATTRIB_RULE_UNATTRIBUTED : ATTRIB_RULE_CODE);
		world_done(&w);
	}
}

static void test_several_codes_larger_discount_then_first(void **unused)
{
	static const struct {
		int64_t discount[2];
		const char *winner;
	} cases[] = {{{0, 0}, "ada"}, {{5, 5}, "ada"}, {{5, 6}, "bea"}, {{6, 5}, "ada"}};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		struct attrib_order *order;
		two_creators(&w, ATTRIB_CODE_RULE_ALWAYS);
		world_open(&w);
		order = world_order(&w, "o", "v", "NOBODYS")->order;
		order->codes[1].code = ATTRIB_STR("ADA10");
		order->codes[2].code = ATTRIB_STR("BEA10");
		order->codes[3].code = ATTRIB_STR(" ada10");
		order->code_count = 4;
		order->codes[0].has_amount = order->codes[1].has_amount = true;
		order->codes[2].has_amount = true;
		order->codes[0].amount = 99;
		order->codes[1].amount = cases[i].discount[0];
		order->codes[2].amount = cases[i].discount[1];
		check_winner(world_decision(&w, "o"), cases[i].winner, CODE);
		assert_int_equal(world_decision(&w, "o")->step_count, 3); /* typed twice: once */
		/* in listed order, the last is the newest */
		check_str(credit_of(world_decision(&w, "o"), ATTRIB_MODEL_LAST_TOUCH)->creator,
			"bea");
		world_done(&w);
	}
}

static void test_winners_source_is_its_newest_of_the_strongest(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	two_creators(&w, ATTRIB_CODE_RULE_ALWAYS);
	w.trackers[0].placement = ATTRIB_STR("post 7");
	world_open(&w);
	touch(&w, ADA_THEN_BEA);
	world_order(&w, "o", "v", "ADA10");
	d = world_decision(&w, "o");
	check_winner(d, "ada", LINK);
	check_str(credit_of(d, ATTRIB_MODEL_POLICY)->placement, "post 7");
	assert_int_equal(credit_of(d, ATTRIB_MODEL_POLICY)->touched_at, T0 - 5 * HOUR);
	assert_int_equal(credit_of(d, ATTRIB_MODEL_LAST_TOUCH)->channel, ATTRIB_CHANNEL_CODE);
	assert_int_equal(d->credit_count, 3);
	world_done(&w);
}

static void test_unowned_utm(void **unused)
{
	(void)unused;
	for (int all = 0; all < 2; all++) {
		struct world w;
		const struct attrib_decision *d;
		two_creators(&w, ATTRIB_CODE_RULE_ALWAYS);
		w.site.policy.scope_all = all;
		world_open(&w);
		world_landing(&w, "l0", "v", NULL, "Old", "mail", T0 - 30 * DAYS);
		world_landing(&w, "l1", "v", NULL, "News", "Mail", T0 - 9 * DAYS);
		world_landing(&w, "l2", "v", NULL, "google", "cpc", T0 - 8 * DAYS);
		world_order(&w, "o", "v", "NOBODYS");
		d = world_decision(&w, "o");
		check_winner(d, "", OTHER);
		check_str(credit_of(d, ATTRIB_MODEL_POLICY)->tracker, "google/cpc");
		assert_int_equal(d->rule, ATTRIB_RULE_OTHER);
		if (all) {
			assert_int_equal(d->credit_count, 2);
			check_str(credit_of(d, ATTRIB_MODEL_FIRST_TOUCH)->tracker, "news/mail");
		} else {
			assert_int_equal(credit_of(d, ATTRIB_MODEL_LAST_TOUCH)->channel,
				ATTRIB_CHANNEL_UNATTRIBUTED);
		}
		world_done(&w);
	}
}

static void test_an_owned_touch_beats_newer_unowned_utm(void **unused)
{
	struct world w;

	(void)unused;
	two_creators(&w, ATTRIB_CODE_RULE_ALWAYS);
	world_open(&w);
	world_click(&w, "a", "v", "l-ada", T0 - 5 * HOUR);
	world_landing(&w, "l", "v", NULL, "news", "mail", T0 - HOUR);
	world_order(&w, "o", "v", NULL);
	check_winner(world_decision(&w, "o"), "ada", LINK);
	world_done(&w);
}

static void test_nobody(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	two_creators(&w, ATTRIB_CODE_RULE_ALWAYS);
	world_open(&w);
	world_order(&w, "o", NULL, NULL);
	d = world_decision(&w, "o");
	assert_int_equal(d->credit_count, 1);
	check_winner(d, "", UNATTRIBUTED);
	assert_int_equal(d->credits[0].touched_at, T0);
	world_done(&w);
}

/* -- models --------------------------------------------------------------------------------------- */

/* n creators, one click each, an hour apart; the last an hour before the order. */
static void row_of_creators(struct world *w, int n)
{
	static const char *const links[] = {"l0", "l1", "l2", "l3", "l4"};
	static const char *const names[] = {"c0", "c1", "c2", "c3", "c4"};

	world_init(w);
	for (int i = 0; i < n; i++)
		world_tracker(w, ATTRIB_TRACKER_LINK, links[i], names[i]);
	world_open(w);
	for (int i = 0; i < n; i++)
		world_click(w, names[i], "v", links[i], T0 - (n - i) * HOUR);
}

static void test_models_to_the_cent(void **unused)
{
	static const struct {
		int n;
		int64_t gross;
		int64_t linear[5], position[5];
	} cases[] = {
		{1, 10001, {10001}, {10001}},
		{2, 10001, {5001, 5000}, {5001, 5000}},
		{3, 10001, {3334, 3334, 3333}, {4001, 2000, 4000}},
		{4, 10003, {2501, 2501, 2501, 2500}, {4001, 1001, 1000, 4001}},
		{5, 100, {20, 20, 20, 20, 20}, {40, 7, 7, 6, 40}},
		{3, 0, {0, 0, 0}, {0, 0, 0}},
		{3, 1, {1, 0, 0}, {1, 0, 0}},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		const struct attrib_decision *d;
		row_of_creators(&w, cases[i].n);
		world_order(&w, "o", "v", NULL)->order->total = cases[i].gross;
		d = world_decision(&w, "o");
		assert_int_equal(d->credit_count, cases[i].n);
		for (int k = 0; k < cases[i].n; k++) {
			const struct attrib_credit *c = &d->credits[k];
			assert_int_equal(c->amount[ATTRIB_MODEL_LINEAR], cases[i].linear[k]);
			assert_int_equal(c->amount[ATTRIB_MODEL_POSITION], cases[i].position[k]);
			assert_int_equal(
				c->share[ATTRIB_MODEL_FIRST_TOUCH], k == 0 ? ATTRIB_SHARE_ONE : 0);
			assert_int_equal(c->share[ATTRIB_MODEL_LAST_TOUCH],
				k == cases[i].n - 1 ? ATTRIB_SHARE_ONE : 0);
		}
		world_done(&w);
	}
}

static void test_time_decay_halves_with_its_half_life(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	world_init(&w);
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l0", "c0");
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l1", "c1");
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l2", "c2");
	world_open(&w);
	world_click(&w, "a", "v", "l0", T0 - 14 * DAYS);
	world_click(&w, "b", "v", "l1", T0 - 7 * DAYS);
	world_click(&w, "c", "v", "l2", T0);
	world_order(&w, "o", "v", NULL)->order->total = 7000;
	d = world_decision(&w, "o");
	assert_int_equal(d->credits[0].amount[ATTRIB_MODEL_TIME_DECAY], 1000);
	assert_int_equal(d->credits[1].amount[ATTRIB_MODEL_TIME_DECAY], 2000);
	assert_int_equal(d->credits[2].amount[ATTRIB_MODEL_TIME_DECAY], 4000);
	world_done(&w);
}

/* However old: a touch weighs 1 of 2^32 at least, and no less than it weighs. */
static void test_time_decay_leaves_a_share_to_every_touch(void **unused)
{
	static const struct {
		int64_t before;
		int64_t share; /* 10^12 / (2^32 + weight) x weight, to the next integer */
	} cases[] = {{300 * DAYS, 233}, {224 * DAYS, 233}, {218 * DAYS + 18 * HOUR, 466}};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		const struct attrib_decision *d;
		world_init(&w);
		w.site.policy.window_us[ATTRIB_CHANNEL_LINK] = 365 * DAYS;
		world_tracker(&w, ATTRIB_TRACKER_LINK, "l0", "c0");
		world_tracker(&w, ATTRIB_TRACKER_LINK, "l1", "c1");
		world_open(&w);
		world_click(&w, "a", "v", "l0", T0 - cases[i].before);
		world_click(&w, "b", "v", "l1", T0);
		world_order(&w, "o", "v", NULL);
		d = world_decision(&w, "o");
		assert_int_equal(d->credits[0].share[ATTRIB_MODEL_TIME_DECAY], cases[i].share);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_code_rules),
		cmocka_unit_test(test_rule_of_tracker_beats_campaign_beats_site),
		cmocka_unit_test(test_several_codes_larger_discount_then_first),
		cmocka_unit_test(test_winners_source_is_its_newest_of_the_strongest),
		cmocka_unit_test(test_unowned_utm),
		cmocka_unit_test(test_an_owned_touch_beats_newer_unowned_utm),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_models_to_the_cent),
		cmocka_unit_test(test_time_decay_halves_with_its_half_life),
		cmocka_unit_test(test_time_decay_leaves_a_share_to_every_touch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
