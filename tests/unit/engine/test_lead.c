/*
 * A lead keeps its creator for the person's first order: "Leads" of the rules.
 */
#include "world.h"

#define LEAD (T0 - 45 * DAYS) /* when most leads are made: any touch before is too old at T0 */
#define TO   (90 * DAYS)      /* the default lead_window */

static void shop(struct world *w)
{
	world_init(w);
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-bea", "bea");
	world_tracker(w, ATTRIB_TRACKER_AFFILIATE, "bea", "bea");
	world_tracker(w, ATTRIB_TRACKER_CODE, "BEA10", "bea");
}

/* A visitor whom ada's click brought makes a lead. */
static void adas_lead(struct world *w)
{
	shop(w);
	world_open(w);
	world_click(w, "c", "v", "l-ada", LEAD - DAYS);
	world_lead(w, "L", "v", LEAD);
}

static void test_its_touches_are_eligible_for_the_first_order(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	adas_lead(&w);
	world_order(&w, "first", "v", NULL);
	event_at(world_order(&w, "second", "v", NULL), T0 + DAYS);
	d = world_decision(&w, "L");
	assert_int_equal(d->kind, ATTRIB_CONVERSION_LEAD);
	assert_int_equal(d->steps[0].reason, ATTRIB_REASON_ELIGIBLE);
	d = world_decision(&w, "first");
	check_winner(d, "ada", LINK);
	assert_int_equal(d->rule, ATTRIB_RULE_LAST_TOUCH);
	assert_int_equal(d->step_count, 1);
	assert_int_equal(d->steps[0].reason, ATTRIB_REASON_KEPT_BY_LEAD);
	assert_true(d->steps[0].eligible);
	assert_int_equal(d->steps[0].occurred_at, LEAD - DAYS);
	assert_int_equal(d->steps[0].window_ends_at, LEAD + TO);
	d = world_decision(&w, "second");
	check_winner(d, "", UNATTRIBUTED);
	assert_int_equal(d->steps[0].reason, ATTRIB_REASON_BEFORE_WINDOW);
	world_done(&w);
}

/* [T of the lead, + lead_window); of a touch that the lead itself carries. */
static void test_the_window_is_half_open(void **unused)
{
	static const struct {
		int64_t window, after;
		bool kept;
	} cases[] = {
		{TO, -1, false},
		{TO, 0, true},
		{TO, TO - 1, true},
		{TO, TO, false},
		{0, 0, false},
		{1, 0, true},
		{1, 1, false},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		const struct attrib_decision *d;
		shop(&w);
		w.site.policy.lead_window_us = cases[i].window;
		world_open(&w);
		world_lead(&w, "L", "v", LEAD)->affiliate = ATTRIB_STR("bea");
		event_at(world_order(&w, "o", "v", NULL), LEAD + cases[i].after);
		d = world_decision(&w, "o");
		assert_int_equal(d->step_count, cases[i].kept);
		if (cases[i].kept)
			check_winner(d, "bea", AFFILIATE);
		world_done(&w);
	}
}

static void test_what_its_own_window_allows_stays_as_it_is(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	adas_lead(&w);
	event_at(world_order(&w, "o", "v", NULL), LEAD + 29 * DAYS - 1);
	d = world_decision(&w, "o");
	assert_int_equal(d->steps[0].reason, ATTRIB_REASON_ELIGIBLE);
	assert_int_equal(d->steps[0].window_ends_at, LEAD + 29 * DAYS);
	world_done(&w);
}

/* What the lead has and the order has not, at its own time. */
static void test_what_only_the_lead_has_comes_along(void **unused)
{
	struct world w;
	struct attrib_event *event;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	event = world_lead(&w, "L", NULL, LEAD);
	event_customer(&w, event, "m");
	event_click_id(&w, event, "k");
	event->affiliate = ATTRIB_STR("bea");
	event = world_order(&w, "o", NULL, NULL);
	event_customer(&w, event, "m");
	d = world_decision(&w, "o");
	assert_int_equal(d->step_count, 1);
	check_winner(d, "bea", AFFILIATE);
	assert_int_equal(d->steps[0].occurred_at, LEAD);
	assert_int_equal(d->steps[0].reason, ATTRIB_REASON_KEPT_BY_LEAD);
	assert_int_equal(credit_of(d, ATTRIB_MODEL_LINEAR)->touched_at, LEAD);
	/* the click of the lead is heard of at last: it reaches the order through the lead */
	event = world_click(&w, "c", NULL, "l-bea", LEAD - DAYS);
	event_click_id(&w, event, "k");
	event->received_at = T0 - 20 * DAYS;
	d = world_decision(&w, "o");
	assert_int_equal(d->step_count, 2);
	check_winner(d, "bea", AFFILIATE);
	assert_true(step_of(d, "l-bea")->eligible);
	assert_false(step_of(d, "l-bea")->by_click_id); /* the order did not carry it */
	assert_int_equal(step_of(d, "l-bea")->occurred_at, LEAD - DAYS);
	world_done(&w);
}

/* One click with an affiliate id behind a link: both stand on the path, as they would on the lead's. */
static void test_an_event_comes_along_as_a_whole(void **unused)
{
	struct world w;
	struct attrib_event *event;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	event = world_click(&w, "c", NULL, "l-bea", LEAD - DAYS);
	event->affiliate = ATTRIB_STR("bea");
	event_click_id(&w, event, "k");
	event = world_lead(&w, "L", NULL, LEAD);
	event_customer(&w, event, "m");
	event_click_id(&w, event, "k");
	event = world_order(&w, "o", NULL, NULL);
	event_customer(&w, event, "m");
	d = world_decision(&w, "o");
	assert_int_equal(d->step_count, 2);
	assert_true(step_of(d, "bea")->eligible);
	assert_true(step_of(d, "l-bea")->eligible);
	check_winner(d, "bea", AFFILIATE);
	world_done(&w);
}

/* The lead knows a newer content of a click that the order has, too: one event is one content on a path. */
static void test_another_content_of_what_the_order_has_stays_away(void **unused)
{
	struct world w;
	struct attrib_event *event;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	world_click(&w, "x", "v", "l-bea", LEAD - DAYS);
	event = world_click(&w, "x", NULL, "l-bea", LEAD - DAYS + MIN);
	event->affiliate = ATTRIB_STR("bea");
	event_click_id(&w, event, "k");
	event_click_id(&w, world_lead(&w, "L", "v", LEAD), "k");
	world_order(&w, "o", "v", NULL);
	assert_int_equal(world_decision(&w, "L")->step_count, 2);
	d = world_decision(&w, "o");
	assert_int_equal(d->step_count, 1);
	assert_int_equal(d->steps[0].occurred_at, LEAD - DAYS);
	world_done(&w);
}

static void test_only_the_winners_touches_come(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	adas_lead(&w);
	world_click(&w, "loser", "v", "l-bea", LEAD - 2 * DAYS);
	world_click(&w, "older", "v", "l-ada", LEAD - 3 * DAYS);
	world_click(&w, "collapsed", "v", "l-ada", LEAD - DAYS - MIN);
	world_click(&w, "bot", "v", "l-ada", LEAD - HOUR)->verdicts = ATTRIB_VERDICT_BOT;
	world_click(&w, "nobody", "v", "l-nobody", LEAD - HOUR);
	world_order(&w, "o", "v", NULL);
	d = world_decision(&w, "o");
	assert_int_equal(d->step_count, 6);
	assert_int_equal(d->credit_count, 2);
	assert_int_equal(d->steps[0].reason, ATTRIB_REASON_KEPT_BY_LEAD);
	check_str(d->steps[1].creator, "bea");
	assert_int_equal(d->steps[1].reason, ATTRIB_REASON_BEFORE_WINDOW);
	assert_int_equal(d->steps[2].reason, ATTRIB_REASON_COLLAPSED);
	assert_int_equal(d->steps[3].reason, ATTRIB_REASON_KEPT_BY_LEAD);
	assert_int_equal(step_of(d, "l-nobody")->reason, ATTRIB_REASON_NO_OWNER);
	check_str(d->steps[4].event_id, "bot");
	assert_int_equal(d->steps[4].reason, ATTRIB_REASON_BOT);
	world_done(&w);
}

static void test_it_competes_with_what_the_order_has(void **unused)
{
	struct world w;

	(void)unused;
	adas_lead(&w);
	event_at(world_order(&w, "by code", "v", "BEA10"), T0 - 2 * DAYS);
	check_winner(world_decision(&w, "by code"), "bea", CODE);
	assert_int_equal(world_decision(&w, "by code")->credit_count, 2);
	world_done(&w);
	adas_lead(&w);
	world_click(&w, "later", "v", "l-bea", T0 - DAYS);
	world_order(&w, "by click", "v", NULL);
	check_winner(world_decision(&w, "by click"), "bea", LINK);
	world_done(&w);
}

static void test_a_lead_that_is_no_lead_keeps_nobody(void **unused)
{
	enum { PROVISIONAL, LATE, AFTER_LOCK, UNOWNED, CASES };

	(void)unused;
	for (int i = 0; i < CASES; i++) {
		struct world w;
		struct attrib_event *lead;
		adas_lead(&w);
		lead = w.pending[1];
		if (i == PROVISIONAL)
			lead->trust = ATTRIB_TRUST_STRANGER;
		if (i == LATE)
			lead->received_at = LEAD + 30 * DAYS + 1;
		if (i == AFTER_LOCK) {
			lead->occurred_at = T0 - DAYS; /* as a signed source may say later */
			lead->received_at = T0 + 30 * DAYS + 1;
		}
		if (i == UNOWNED) {
			w.pending[0]->link = ATTRIB_STR_NONE;
			w.pending[0]->has_utm = true;
			w.pending[0]->utm.source = ATTRIB_STR("nobody");
		}
		world_order(&w, "o", "v", NULL);
		check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
		world_done(&w);
	}
}

/* Which orders came before: the first one is the first counted one, whenever it is heard of. */
static void test_an_earlier_order_is_the_first(void **unused)
{
	static const struct {
		int64_t at;
		bool pending, test;
		bool first; /* takes it from the order */
	} cases[] = {
		{LEAD - 1, false, false, false},
		{LEAD, false, false, true},
		{T0 - 1, false, false, true},
		{T0, false, false, true}, /* the smaller id */
		{T0 + 1, false, false, false},
		{T0 - DAYS, true, false, false},
		{T0 - DAYS, false, true, false},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		struct attrib_event *other;
		adas_lead(&w);
		world_order(&w, "o", "v", NULL);
		check_winner(world_decision(&w, "o"), "ada", LINK);
		other = world_order(&w, "another", "v", NULL);
		event_at(other, cases[i].at);
		other->order->test = cases[i].test;
		if (cases[i].pending)
			other->order->status = ATTRIB_ORDER_PENDING;
		other->received_at = T0 + 2 * DAYS;
		if (cases[i].first)
			check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
		else
			check_winner(world_decision(&w, "o"), "ada", LINK);
		world_done(&w);
	}
}

/* An order whose credit is frozen stays as it is, whatever comes after its lock. */
static void test_what_comes_after_the_lock_is_not_seen(void **unused)
{
	struct world w;
	struct attrib_event *other;

	(void)unused;
	adas_lead(&w);
	world_order(&w, "o", "v", NULL);
	world_apply(&w);
	other = world_order(&w, "another", "v", NULL);
	event_at(other, T0 - DAYS);
	other->received_at = T0 + 30 * DAYS + 1;
	world_apply(&w);
	world_order(&w, "o", "v", NULL)->order->total = 9000;
	check_winner(world_decision(&w, "o"), "ada", LINK);
	assert_int_equal(world_decision(&w, "o")->gross, 9000);
	world_done(&w);
}

/* A lead that its own version of the settings locks later than the order's. */
static void test_the_orders_lock_is_the_leads_too(void **unused)
{
	(void)unused;
	for (int late = 0; late < 2; late++) {
		struct world w;
		struct attrib_site before;
		shop(&w);
		w.site.policy.lock_after_us = 60 * DAYS;
		before = w.site;
		w.site.before = &before;
		w.site.policy.version = 2;
		w.site.policy.recorded_at = LEAD + 2 * DAYS;
		w.site.policy.lock_after_us = DAYS;
		world_open(&w);
		world_click(&w, "c", "v", "l-ada", LEAD - DAYS);
		world_lead(&w, "L", "v", LEAD);
		world_order(&w, "o", "v", NULL);
		world_apply(&w);
		world_click(&w, "c2", "v", "l-bea", LEAD - HOUR)->received_at = T0 + DAYS + late;
		check_winner(world_decision(&w, "L"), "bea", LINK);
		world_order(&w, "o", "v", NULL)->order->total = 9000;
		check_winner(world_decision(&w, "o"), late ? "ada" : "bea", LINK);
		world_done(&w);
	}
}

/* What is told of the lead after its own lock moves its T, and with it the time of its edge. */
static void test_a_lead_as_the_order_knows_it(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	world_open(&w);
	world_click(&w, "c", "v", "l-ada", LEAD - 3 * DAYS);
	event_customer(&w, world_lead(&w, "L", "v", LEAD), "mia");
	event = world_event(&w, ATTRIB_EVENT_IDENTIFY, "i", LEAD - DAYS);
	event_visitor(&w, event, "v");
	event_customer(&w, event, "noa");
	event = world_order(&w, "o", NULL, NULL);
	event_customer(&w, event, "mia");
	check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
	event = world_lead(&w, "L", "v", LEAD - 2 * DAYS);
	event->received_at = T0 - 5 * DAYS;
	check_winner(world_decision(&w, "L"), "ada", LINK);
	check_winner(world_decision(&w, "o"), "ada", LINK);
	world_done(&w);
}

/* The lead names the visitor, the order only the customer; or the other way round. */
static void test_the_person_is_found_by_visitor_and_by_key(void **unused)
{
	enum { ORDER_BY_KEY, LEAD_BY_KEY, NOT_LINKED, CASES };

	(void)unused;
	for (int i = 0; i < CASES; i++) {
		struct world w;
		struct attrib_event *lead, *order, *identify;
		shop(&w);
		world_open(&w);
		world_click(&w, "c", "v", "l-ada", LEAD - DAYS);
		lead = world_lead(&w, "L", i == LEAD_BY_KEY ? NULL : "v", LEAD);
		order = world_order(&w, "o", i == LEAD_BY_KEY ? "v" : NULL, NULL);
		event_customer(&w, i == LEAD_BY_KEY ? lead : order, "m");
		if (i != NOT_LINKED) {
			identify = world_event(&w, ATTRIB_EVENT_IDENTIFY, "i", T0 - 40 * DAYS);
			event_visitor(&w, identify, "v");
			event_customer(&w, identify, "m");
		}
		if (i == NOT_LINKED)
			check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
		else
			check_winner(world_decision(&w, "o"), "ada", LINK);
		world_done(&w);
	}
}

/* Two customers on one tablet: the lead is of whom it names, else of who was on it then. */
static void test_a_shared_device_keeps_it_for_the_leads_person(void **unused)
{
	(void)unused;
	for (int named = 0; named < 2; named++) {
		struct world w;
		struct attrib_event *event;
		adas_lead(&w);
		if (named)
			event_customer(&w, w.pending[1], "mia");
		event = world_event(&w, ATTRIB_EVENT_IDENTIFY, "i1", LEAD + 1);
		event_visitor(&w, event, "v");
		event_customer(&w, event, named ? "noa" : "mia");
		event = world_event(&w, ATTRIB_EVENT_IDENTIFY, "i2", LEAD + 31 * DAYS);
		event_visitor(&w, event, "v");
		event_customer(&w, event, "noa");
		event = world_order(&w, "noas", "v", NULL);
		event_customer(&w, event, "noa");
		event_at(event, T0 - DAYS);
		event = world_order(&w, "mias", NULL, NULL);
		event_customer(&w, event, "mia");
		check_winner(world_decision(&w, "mias"), "ada", LINK);
		check_winner(world_decision(&w, "noas"), "", UNATTRIBUTED);
		world_done(&w);
	}
}

/* A key that everybody has is nobody's: what names only that is found by its visitor. */
static void test_a_hub_is_no_key(void **unused)
{
	struct world w;

	(void)unused;
	adas_lead(&w);
	event_customer(&w, w.pending[1], "info");
	world_shared(&w, "info", HUB, LEAD);
	world_order(&w, "o", "v", NULL);
	check_winner(world_decision(&w, "o"), "ada", LINK);
	world_done(&w);
}

/* A stranger can name anybody: whose lead it is, its visitor tells. */
static void test_the_keys_of_a_strangers_lead_are_nobodys(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	w.site.policy.browser_orders = ATTRIB_BROWSER_COUNT;
	world_open(&w);
	world_click(&w, "c", "v", "l-ada", LEAD - DAYS);
	event = world_lead(&w, "L", "v", LEAD);
	event->trust = ATTRIB_TRUST_STRANGER;
	event_customer(&w, event, "other");
	event = world_order(&w, "o", "v", NULL);
	event_customer(&w, event, "me");
	check_winner(world_decision(&w, "o"), "ada", LINK);
	world_done(&w);
}

/* The first order since, whatever was ordered before. */
static void test_it_is_kept_for_one_order_of_many(void **unused)
{
	struct world w;

	(void)unused;
	adas_lead(&w);
	event_at(world_order(&w, "before", "v", NULL), LEAD - 2 * DAYS);
	event_at(world_order(&w, "first", "v", NULL), T0 - DAYS);
	event_at(world_order(&w, "second", "v", NULL), T0);
	check_winner(world_decision(&w, "before"), "", UNATTRIBUTED);
	check_winner(world_decision(&w, "first"), "ada", LINK);
	check_winner(world_decision(&w, "second"), "", UNATTRIBUTED);
	world_done(&w);
}

/* Each of its keys is asked, and all that was told of it: its keys before its visitor. */
static void test_whose_a_lead_is(void **unused)
{
	static const struct {
		const char *keys[2]; /* "info" is everybody's */
		bool by_visitor, kept;
	} cases[] = {
		{{"me"}, false, true},
		{{"info", "me"}, false, true},
		{{"info", "other"}, false, false},
		{{NULL}, true, true},
		{{"info"}, true, true},
		{{"other"}, true, false},
		{{"other", "info"}, true, false},
	};

	(void)unused;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		struct world w;
		struct attrib_event *event;
		shop(&w);
		world_open(&w);
		world_shared(&w, "info", HUB, LEAD - DAYS);
		event = world_lead(&w, "L", NULL, LEAD);
		event->affiliate = ATTRIB_STR("bea");
		event->order->updated_at = i & 1 ? LEAD - HOUR : LEAD + HOUR;
		for (size_t k = 0; k < 2 && cases[i / 2].keys[k]; k++)
			event_customer(&w, event, cases[i / 2].keys[k]);
		world_lead(&w, "L", cases[i / 2].by_visitor ? "v" : NULL, LEAD);
		event = world_order(&w, "o", "v", NULL);
		event_customer(&w, event, "me");
		check_str(credit_of(world_decision(&w, "o"), ATTRIB_MODEL_POLICY)->creator,
			cases[i / 2].kept ? "bea" : "");
		world_done(&w);
	}
}

/* Which it is by what was known at the lock of the order that asks: until then the lead is of whom its
 * key names, and not of who bought there. */
static void test_a_hub_is_one_as_of_the_orders_lock(void **unused)
{
	(void)unused;
	for (int after = 0; after < 2; after++) {
		struct world w;
		struct attrib_event *event;
		char name[16];
		adas_lead(&w);
		event_customer(&w, w.pending[1], "info");
		for (int i = 0; i < 20; i++) { /* and v */
			snprintf(name, sizeof name, "n%d", i);
			event = world_event(&w, ATTRIB_EVENT_IDENTIFY, name, LEAD);
			event_visitor(&w, event, name);
			event_customer(&w, event, "info");
		}
		event->received_at = T0 + 30 * DAYS + after;
		event = world_event(&w, ATTRIB_EVENT_IDENTIFY, "i", LEAD - 2 * DAYS);
		event_visitor(&w, event, "v");
		event_customer(&w, event, "me");
		event_customer(&w, world_order(&w, "o", "v", NULL), "me");
		check_str(credit_of(world_decision(&w, "o"), ATTRIB_MODEL_POLICY)->creator,
			after ? "" : "ada");
		world_done(&w);
	}
}

/* One touch kept by two leads is one touch, as long as the later one keeps it. */
static void test_two_leads(void **unused)
{
	struct world w;
	struct attrib_event *order;
	const struct attrib_decision *d;

	(void)unused;
	adas_lead(&w);
	world_lead(&w, "L2", "v", LEAD + DAYS)->affiliate = ATTRIB_STR("bea");
	world_lead(&w, "L3", "v", LEAD + HOUR);
	order = world_order(&w, "o", "v", NULL);
	d = world_decision(&w, "o");
	assert_int_equal(d->step_count, 2);
	assert_int_equal(step_of(d, "l-ada")->window_ends_at, LEAD + HOUR + TO);
	check_winner(d, "bea", AFFILIATE); /* the later touch */
	world_done(&w);

	adas_lead(&w);
	world_lead(&w, "L3", "v", LEAD + HOUR);
	order = world_order(&w, "between", "v", NULL);
	event_at(order, LEAD + MIN); /* the first one's first order, not the other's */
	world_order(&w, "o", "v", NULL);
	d = world_decision(&w, "o");
	check_winner(d, "ada", LINK);
	assert_int_equal(d->steps[0].window_ends_at, LEAD + HOUR + TO);
	world_done(&w);
}

/* More leads than a decision looks at: the newest. */
static void test_of_many_leads_the_newest_keep(void **unused)
{
	struct world w;
	struct attrib_engine_stats stats;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	for (int i = 0; i < 65; i++) {
		struct attrib_str id = attrib_arena_printf(&w.arena, "L%d", i);
		world_lead(&w, id.p, "v", LEAD + i * HOUR)->affiliate = ATTRIB_STR("bea");
	}
	world_apply(&w);
	attrib_engine_get_stats(w.engine, &stats);
	assert_int_equal(stats.closures_cut, 0);
	world_order(&w, "o", "v", NULL);
	d = world_decision(&w, "o");
	assert_int_equal(d->step_count, 64);
	assert_int_equal(d->steps[0].occurred_at, LEAD + HOUR);
	attrib_engine_get_stats(w.engine, &stats);
	assert_int_equal(stats.closures_cut, 1);
	world_done(&w);
}

/* What leads and order carry at one time: by the leads' ids, and the order's own is the newest. */
static void test_ties_of_what_is_carried(void **unused)
{
	(void)unused;
	for (int own = 0; own < 2; own++) {
		struct world w;
		struct attrib_event *order;
		shop(&w);
		world_tracker(&w, ATTRIB_TRACKER_AFFILIATE, "ada", "ada");
		world_tracker(&w, ATTRIB_TRACKER_AFFILIATE, "cleo", "cleo");
		world_open(&w);
		world_lead(&w, "L1", "v", LEAD)->affiliate = ATTRIB_STR("ada");
		world_lead(&w, "L2", "v", LEAD)->affiliate = ATTRIB_STR("bea");
		order = world_order(&w, "o", "v", NULL);
		event_at(order, LEAD);
		if (own)
			order->affiliate = ATTRIB_STR("cleo");
		check_winner(world_decision(&w, "o"), own ? "cleo" : "bea", AFFILIATE);
		world_done(&w);
	}
}

static void test_an_order_with_the_leads_id_is_another(void **unused)
{
	struct world w;

	(void)unused;
	adas_lead(&w);
	world_apply(&w);
	world_order(&w, "L", "v", NULL);
	world_apply(&w);
	assert_int_equal(world_view(&w)->decision_count, 2);
	for (size_t i = 0; i < 2; i++)
		check_winner(w.view.decisions[i], "ada", LINK);
	world_done(&w);
}

/* repeat_orders = first: a lead lifts the window, nothing else. */
static void test_a_touch_that_was_used_stays_used(void **unused)
{
	(void)unused;
	for (int first = 0; first < 2; first++) {
		struct world w;
		shop(&w);
		w.site.policy.repeat_first = first;
		world_open(&w);
		world_click(&w, "c", "v", "l-ada", LEAD - 2 * DAYS);
		event_at(world_order(&w, "before", "v", NULL), LEAD - DAYS);
		world_lead(&w, "L", "v", LEAD);
		world_order(&w, "o", "v", NULL);
		assert_int_equal(world_decision(&w, "o")->steps[0].reason,
			first ? ATTRIB_REASON_USED : ATTRIB_REASON_KEPT_BY_LEAD);
		world_done(&w);
	}
}

static void test_a_renewal_that_earns_nobody_anything_keeps_nobody(void **unused)
{
	struct world w;

	(void)unused;
	adas_lead(&w);
	world_order(&w, "o", "v", NULL)->order->kind = ATTRIB_STR("renewal");
	check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
	assert_int_equal(world_decision(&w, "o")->step_count, 1);
	world_done(&w);
}

/* A key was registered for the wrong creator: the lead is frozen, the open order is credited right. */
static void test_its_touches_are_judged_as_the_order_sees_them(void **unused)
{
	(void)unused;
	for (int carried = 0; carried < 2; carried++) {
		struct world w;
		shop(&w);
		for (int i = 0; i < 2; i++) {
			w.trackers[i * 2].superseded_at = T0 - DAYS; /* l-ada, then bea */
			world_tracker(&w, i ? ATTRIB_TRACKER_AFFILIATE : ATTRIB_TRACKER_LINK,
				i ? "bea" : "l-ada", "cleo")
				->recorded_at = T0 - DAYS;
		}
		world_open(&w);
		if (carried) {
			world_lead(&w, "L", "v", LEAD)->affiliate = ATTRIB_STR("bea");
		} else {
			world_click(&w, "c", "v", "l-ada", LEAD - DAYS);
			world_lead(&w, "L", "v", LEAD);
		}
		world_order(&w, "o", "v", NULL);
		check_str(credit_of(world_decision(&w, "L"), ATTRIB_MODEL_POLICY)->creator,
			carried ? "bea" : "ada");
		check_str(credit_of(world_decision(&w, "o"), ATTRIB_MODEL_POLICY)->creator, "cleo");
		world_done(&w);
	}
}

/* A key that only the lead has gets an owner: the lead has another winner, and so has the order. */
static void test_a_late_registered_key_of_the_lead_heals_the_order(void **unused)
{
	struct world w;

	(void)unused;
	adas_lead(&w);
	w.pending[1]->affiliate = ATTRIB_STR("cleo");
	world_order(&w, "o", "v", NULL);
	check_winner(world_decision(&w, "o"), "ada", LINK);
	world_tracker(&w, ATTRIB_TRACKER_AFFILIATE, "cleo", "cleo");
	world_reopen(&w, 2);
	check_winner(world_decision(&w, "L"), "cleo", AFFILIATE);
	check_winner(world_decision(&w, "o"), "cleo", AFFILIATE);
	world_done(&w);
}

/* What the state has forgotten keeps nobody, and hinders nobody. */
static void test_a_forgotten_lead(void **unused)
{
	struct world w;

	(void)unused;
	adas_lead(&w);
	world_click(&w, "later", "v", "l-nobody", T0 - DAYS);
	world_apply(&w);
	assert_int_equal(w.state->ops->forget(w.state, ATTRIB_NEVER, LEAD + 1), 0);
	world_order(&w, "o", "v", NULL);
	check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
	world_done(&w);
}

/* -- any order ------------------------------------------------------------------------------------ */

static void open_first(struct world *w)
{
	shop(w);
	w->site.policy.repeat_first = true;
	world_open(w);
}

static void open_all(struct world *w)
{
	shop(w);
	world_open(w);
}

/* Leads by visitor, click and key; orders before, at and after them; a customer who is told late. */
static void history(struct world *w)
{
	struct attrib_event *event;

	event = world_click(w, "c1", "phone", "l-ada", LEAD - DAYS);
	event_click_id(w, event, "k1");
	event = world_click(w, "c2", NULL, "l-bea", LEAD - 2 * DAYS);
	event_click_id(w, event, "k2");
	event = world_lead(w, "L1", "phone", LEAD);
	event_customer(w, event, "m1");
	event = world_lead(w, "L2", NULL, LEAD + HOUR);
	event_customer(w, event, "m2");
	event_click_id(w, event, "k2");
	event_alias(w, event, "name", "form");
	event = world_lead(w, "L2b", "laptop", LEAD);
	event_alias(w, event, "name", "form");
	event->source = ATTRIB_STR("other");
	event->affiliate = ATTRIB_STR("bea");
	event = world_event(w, ATTRIB_EVENT_IDENTIFY, "i1", LEAD + 20 * DAYS);
	event_customer(w, event, "m1");
	event_customer(w, event, "m2");
	event = world_order(w, "o1", NULL, NULL);
	event_customer(w, event, "m2");
	event = world_order(w, "o2", "phone", "BEA10");
	event_at(event, LEAD + 30 * MIN);
	event->order->status = ATTRIB_ORDER_PENDING;
	event = world_order(w, "o2", "phone", NULL);
	event->order->placed_at = LEAD + 30 * MIN;
	event->order->updated_at = T0 - 30 * DAYS;
	event->received_at = T0 - 20 * DAYS;
	event = world_order(w, "o3", "laptop", NULL);
	event->order->placed_at = T0 - DAYS;
}

static void test_any_order_grouping_and_repeats_give_the_same(void **unused)
{
	(void)unused;
	check_any_order(open_all, history, 300);
	check_any_order(open_first, history, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_its_touches_are_eligible_for_the_first_order),
		cmocka_unit_test(test_the_window_is_half_open),
		cmocka_unit_test(test_what_its_own_window_allows_stays_as_it_is),
		cmocka_unit_test(test_what_only_the_lead_has_comes_along),
		cmocka_unit_test(test_an_event_comes_along_as_a_whole),
		cmocka_unit_test(test_another_content_of_what_the_order_has_stays_away),
		cmocka_unit_test(test_only_the_winners_touches_come),
		cmocka_unit_test(test_it_competes_with_what_the_order_has),
		cmocka_unit_test(test_a_lead_that_is_no_lead_keeps_nobody),
		cmocka_unit_test(test_an_earlier_order_is_the_first),
		cmocka_unit_test(test_what_comes_after_the_lock_is_not_seen),
		cmocka_unit_test(test_the_orders_lock_is_the_leads_too),
		cmocka_unit_test(test_a_lead_as_the_order_knows_it),
		cmocka_unit_test(test_the_person_is_found_by_visitor_and_by_key),
		cmocka_unit_test(test_a_shared_device_keeps_it_for_the_leads_person),
		cmocka_unit_test(test_a_hub_is_no_key),
		cmocka_unit_test(test_the_keys_of_a_strangers_lead_are_nobodys),
		cmocka_unit_test(test_it_is_kept_for_one_order_of_many),
		cmocka_unit_test(test_whose_a_lead_is),
		cmocka_unit_test(test_a_hub_is_one_as_of_the_orders_lock),
		cmocka_unit_test(test_two_leads),
		cmocka_unit_test(test_of_many_leads_the_newest_keep),
		cmocka_unit_test(test_ties_of_what_is_carried),
		cmocka_unit_test(test_an_order_with_the_leads_id_is_another),
		cmocka_unit_test(test_a_touch_that_was_used_stays_used),
		cmocka_unit_test(test_a_renewal_that_earns_nobody_anything_keeps_nobody),
		cmocka_unit_test(test_its_touches_are_judged_as_the_order_sees_them),
		cmocka_unit_test(test_a_late_registered_key_of_the_lead_heals_the_order),
		cmocka_unit_test(test_a_forgotten_lead),
		cmocka_unit_test(test_any_order_grouping_and_repeats_give_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
