/*
 * Which renewals earn: renewals = none | all | months:N of the rules.
 */
#include "world.h"

#define FIRST (START + 29 * DAYS) /* 30 November 2026, 00:00 in UTC */

static int64_t instant(const char *text)
{
	int64_t at = 0;

	assert_int_equal(attrib_time_parse(attrib_str_of(text), &at), 0);
	return at;
}

static void shop(struct world *w, int months)
{
	world_init(w);
	world_tracker(w, ATTRIB_TRACKER_CODE, "ADA10", "ada");
	w->site.policy.renewals = ATTRIB_RENEWALS_MONTHS;
	w->site.policy.renewal_months = months;
}

static struct attrib_event *renewal_at(struct world *w, const char *id, int64_t at)
{
	struct attrib_event *event = world_order(w, id, "v", "ADA10");

	event->order->kind = ATTRIB_STR("renewal");
	event_at(event, at);
	return event;
}

static void check_earns(struct world *w, const char *id, bool earns)
{
	const struct attrib_decision *d = world_decision(w, id);

	assert_true(d->counted);
	if (earns) {
		check_winner(d, "ada", CODE);
		assert_int_equal(d->reason, ATTRIB_REASON_NONE);
	} else {
		check_winner(d, "", UNATTRIBUTED);
		assert_int_equal(d->reason, ATTRIB_REASON_RENEWAL);
		assert_int_equal(d->steps[0].reason, ATTRIB_REASON_RENEWAL);
	}
}

/* Before the local time N calendar months after the first order. */
static void test_the_months_end_on_the_shops_calendar(void **unused)
{
	static const struct {
		const char *zone;
		int months;
		const char *end;
	} cases[] = {
		{"UTC", 1, "2026-12-30T00:00:00Z"},
		{"UTC", 3, "2027-02-28T00:00:00Z"},
		{"UTC", 15, "2028-02-29T00:00:00Z"},
		/* 19:00 of the day before, and in summer */
		{"America/New_York", 3, "2027-03-01T00:00:00Z"},
		{"America/New_York", 5, "2027-04-29T23:00:00Z"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		int64_t end = instant(cases[i].end);
		shop(&w, cases[i].months);
		attrib_zone_free((struct attrib_zone *)w.site.zone);
		w.site.zone = attrib_zone_load(cases[i].zone);
		world_open(&w);
		event_at(world_order(&w, "first", "v", NULL), FIRST);
		renewal_at(&w, "last", end - 1);
		renewal_at(&w, "over", end);
		check_earns(&w, "last", true);
		check_earns(&w, "over", false);
		world_done(&w);
	}
}

/* Where none earns, months that were set before say nothing. */
static void test_no_renewal_earns_where_none_does(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w, 12);
	w.site.policy.renewals = ATTRIB_RENEWALS_NONE;
	world_open(&w);
	renewal_at(&w, "r", FIRST);
	check_earns(&w, "r", false);
	world_done(&w);
}

/* An old subscription whose first orders nobody told: it begins with what is known. */
static void test_a_renewal_may_be_the_first_order(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w, 1);
	world_open(&w);
	renewal_at(&w, "r1", FIRST);
	renewal_at(&w, "r2", instant("2026-12-29T23:59:59.999999Z"));
	renewal_at(&w, "r3", instant("2026-12-30T00:00:00Z"));
	check_earns(&w, "r1", true);
	check_earns(&w, "r2", true);
	check_earns(&w, "r3", false);
	world_done(&w);
}

/* The first order may be heard of last; what does not count, is another's or a lead is none. */
static void test_the_first_order_is_the_persons_first_counted_one(void **unused)
{
	static const struct {
		bool pending, lead, others, after_lock;
		bool over;
	} cases[] = {
		{.over = true},
		{.pending = true},
		{.lead = true},
		{.others = true},
		{.after_lock = true},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		struct attrib_event *event;
		shop(&w, 1);
		world_open(&w);
		event = renewal_at(&w, "r", T0);
		event_customer(&w, event, "m");
		event_click_id(&w, event, "k"); /* a link that others were sent, too */
		check_earns(&w, "r", true);
		event = cases[i].lead ? world_lead(&w, "first", NULL, START)
				      : world_order(&w, "first", NULL, NULL);
		event_customer(&w, event, cases[i].others ? "n" : "m");
		event_click_id(&w, event, "k");
		if (!cases[i].lead)
			event_at(event, START);
		if (cases[i].pending)
			event->order->status = ATTRIB_ORDER_PENDING;
		event->received_at = T0 + 30 * DAYS + cases[i].after_lock;
		check_earns(&w, "r", !cases[i].over);
		world_apply(&w);
		renewal_at(&w, "r", T0)->order->total = 9000;
		check_earns(&w, "r", !cases[i].over);
		world_done(&w);
	}
}

/* repeat_orders = first: what an earlier renewal could not earn by, it has not used. */
static void test_a_renewal_that_is_over_uses_nothing_up(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w, 1);
	world_tracker(&w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	w.site.policy.repeat_first = true;
	world_open(&w);
	event_at(world_order(&w, "first", "v", NULL), START);
	world_click(&w, "c", "v", "l-ada", T0 - 2 * DAYS);
	event = world_order(&w, "over", "v", NULL);
	event->order->kind = ATTRIB_STR("renewal");
	event_at(event, T0 - DAYS);
	world_order(&w, "o", "v", NULL);
	check_winner(world_decision(&w, "over"), "", UNATTRIBUTED);
	check_winner(world_decision(&w, "o"), "ada", LINK);
	world_done(&w);
}

/* -- any order ------------------------------------------------------------------------------------ */

static void open_shop(struct world *w)
{
	shop(w, 1);
	world_open(w);
}

static void history(struct world *w)
{
	struct attrib_event *event;

	event = world_order(w, "first", NULL, NULL);
	event_customer(w, event, "m");
	event_at(event, START);
	event = world_order(w, "second", "v", NULL);
	event_at(event, START + 20 * DAYS);
	event_customer(w, renewal_at(w, "r1", START + 30 * DAYS - 1), "m");
	event_customer(w, renewal_at(w, "r2", START + 30 * DAYS), "m2");
	renewal_at(w, "r3", START + 50 * DAYS);
	event = world_event(w, ATTRIB_EVENT_IDENTIFY, "i", START + 40 * DAYS);
	event_customer(w, event, "m");
	event_customer(w, event, "m2");
}

static void test_any_order_grouping_and_repeats_give_the_same(void **unused)
{
	(void)unused;
	check_any_order(open_shop, history, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_months_end_on_the_shops_calendar),
		cmocka_unit_test(test_no_renewal_earns_where_none_does),
		cmocka_unit_test(test_a_renewal_may_be_the_first_order),
		cmocka_unit_test(test_the_first_order_is_the_persons_first_counted_one),
		cmocka_unit_test(test_a_renewal_that_is_over_uses_nothing_up),
		cmocka_unit_test(test_any_order_grouping_and_repeats_give_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
