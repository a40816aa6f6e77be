/*
 * One order from many observations: "One order" of the rules.
 */
#include "world.h"

static void shop(struct world *w)
{
	world_init(w);
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_tracker(w, ATTRIB_TRACKER_CODE, "ADA10", "ada");
}

static struct attrib_event *stranger(struct attrib_event *event)
{
	event->trust = ATTRIB_TRUST_STRANGER;
	event->source = ATTRIB_STR("pixel");
	return event;
}

static void test_strangers_order_is_provisional_until_confirmed(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	stranger(world_order(&w, "o", "v", "ADA10"));
	d = world_decision(&w, "o");
	assert_int_equal(d->status, ATTRIB_STATUS_PROVISIONAL);
	assert_int_equal(d->reason, ATTRIB_REASON_UNCONFIRMED);
	assert_false(d->counted);
	assert_int_equal(d->counted_at, ATTRIB_NEVER);
	check_winner(d, "ada", CODE); /* decided and shown */
	world_order(&w, "o", NULL, NULL)->order->total = 9000;
	d = world_decision(&w, "o");
	assert_int_equal(d->status, ATTRIB_STATUS_PAID);
	assert_true(d->counted);
	assert_int_equal(d->gross, 9000);
	assert_int_equal(d->counted_at, T0);
	assert_int_equal(world_view(&w)->decision_count, 1);
	world_done(&w);
}

static void test_browser_orders_count_and_ignore(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	w.site.policy.browser_orders = ATTRIB_BROWSER_COUNT;
	world_open(&w);
	stranger(world_order(&w, "o", "v", NULL));
	assert_true(world_decision(&w, "o")->counted);
	world_done(&w);
	shop(&w);
	w.site.policy.browser_orders = ATTRIB_BROWSER_IGNORE;
	world_open(&w);
	/* the edge takes no more of them; one that came before is in no sum any more */
	stranger(world_order(&w, "o", "v", NULL));
	assert_int_equal(world_decision(&w, "o")->status, ATTRIB_STATUS_PROVISIONAL);
	assert_false(world_decision(&w, "o")->counted);
	world_done(&w);
}

/* A signed order that states no status is paid, whatever a browser says of it. */
static void test_a_stranger_makes_no_order_unpaid(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	world_open(&w);
	event = world_order(&w, "o", "v", NULL);
	event->order->has_status = false;
	event = stranger(world_order(&w, "o", "v", NULL));
	event->order->status = ATTRIB_ORDER_PENDING;
	event->order->paid_at = T0 - DAYS;
	assert_int_equal(world_decision(&w, "o")->status, ATTRIB_STATUS_PAID);
	assert_int_equal(world_decision(&w, "o")->counted_at, T0);
	world_done(&w);
}

static void test_a_stranger_changes_nothing(void **unused)
{
	struct world w;
	struct attrib_event *event;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	world_order(&w, "o", "v", "ADA10");
	event = stranger(world_order(&w, "o", "v", "NOBODYS"));
	event->order->total = 1;
	event->order->placed_at = T0 - DAYS;
	event->order->status = ATTRIB_ORDER_PENDING;
	event->order->updated_at = T0 + DAYS;
	event->order->test = true;
	event_customer(&w, event, "k");
	event_alias(&w, event, "name", "#1");
	d = world_decision(&w, "o");
	assert_int_equal(d->gross, 10000);
	assert_int_equal(d->placed_at, T0);
	assert_int_equal(d->status, ATTRIB_STATUS_PAID);
	assert_int_equal(d->key_count + d->alias_count, 0);
	check_winner(d, "ada", CODE);
	world_done(&w);
}

static void test_groups_come_from_the_latest_that_has_them(void **unused)
{
	struct world w;
	struct attrib_event *old, *new;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	old = world_order(&w, "o", "v", "ADA10");
	old->order->status = ATTRIB_ORDER_PENDING;
	new = world_order(&w, "o", "v", NULL); /* no codes: does not compete for them */
	new->order->updated_at = T0 + HOUR;
	new->received_at = T0 + HOUR;
	new->order->total = 12000;
	new->order->tax = 1900;
	new->order->shipping = 100;
	new->order->paid_at = T0 + 2 * HOUR;
	d = world_decision(&w, "o");
	assert_int_equal(d->gross, 10000);
	assert_int_equal(d->total, 12000);
	assert_int_equal(d->status, ATTRIB_STATUS_PAID);
	assert_int_equal(d->counted_at, T0 + 2 * HOUR);
	assert_int_equal(d->placed_at, T0);
	check_winner(d, "ada", CODE);
	new = world_order(&w, "o", "v", NULL); /* an empty list does */
	new->order->updated_at = T0 + 2 * HOUR;
	new->received_at = T0 + 2 * HOUR;
	new->order->has_codes = true;
	check_winner(world_decision(&w, "o"), "", UNATTRIBUTED);
	world_done(&w);
}

static void test_of_one_update_the_later_word_counts(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	for (int later = 0; later < 2; later++) {
		shop(&w);
		world_open(&w);
		for (int i = 0; i < 2; i++) {
			event = world_order(&w, "o", "v", NULL);
			event->order->updated_at = T0;
			event->order->total = 100 + i;
			event->occurred_at = T0 + (i == later ? HOUR : 0);
			event->received_at = T0 + HOUR;
		}
		assert_int_equal(world_decision(&w, "o")->gross, 100 + later);
		world_done(&w);
	}
}

/* To five minutes behind, as clocks differ. */
static void test_updated_at_is_clamped_to_received(void **unused)
{
	(void)unused;
	for (int after = -1; after <= 1; after += 2) {
		struct world w;
		struct attrib_event *event;
		shop(&w);
		world_open(&w);
		event = world_order(&w, "o", "v", NULL);
		event->order->total = 1;
		event->order->updated_at = T0 + 99 * DAYS;
		event = world_order(&w, "o", "v", NULL);
		event->order->updated_at = event->received_at = T0 + 5 * MIN + after;
		assert_int_equal(world_decision(&w, "o")->gross, after > 0 ? 10000 : 1);
		world_done(&w);
	}
}

static void test_order_source_is_the_authority(void **unused)
{
	struct world w;
	struct attrib_event *event;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	w.site.policy.order_source = ATTRIB_STR("shopify");
	world_open(&w);
	event = world_order(&w, "o", "v", NULL);
	event->source = ATTRIB_STR("shopify");
	event = world_order(&w, "o", "v", "ADA10");
	event->source = ATTRIB_STR("stripe");
	event->order->updated_at = event->received_at = T0 + HOUR;
	event->order->total = 1;
	event->order->placed_at = T0 - HOUR;
	d = world_decision(&w, "o");
	assert_int_equal(d->gross, 10000);
	assert_int_equal(d->placed_at, T0);
	check_str(d->source, "shopify");
	check_winner(d, "ada", CODE); /* the others enrich */
	world_done(&w);
}

static void test_revenue_basis(void **unused)
{
	static const struct {
		enum attrib_revenue_basis basis;
		bool has_total, has_subtotal;
		int64_t gross, total;
	} cases[] = {
		{ATTRIB_BASIS_NET_OF_TAX_AND_SHIPPING, true, true, 8000, 10000},
		{ATTRIB_BASIS_NET_OF_TAX_AND_SHIPPING, false, true, 7900, 9900},
		{ATTRIB_BASIS_NET_OF_TAX_AND_SHIPPING, false, false, 0, 2000},
		{ATTRIB_BASIS_TOTAL, true, true, 10000, 10000},
		{ATTRIB_BASIS_TOTAL, false, true, 9900, 9900},
		{ATTRIB_BASIS_SUBTOTAL, true, true, 7900, 10000},
		{ATTRIB_BASIS_SUBTOTAL, true, false, 8000, 10000},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		struct attrib_order *order;
		shop(&w);
		w.site.policy.revenue_basis = cases[i].basis;
		world_open(&w);
		order = world_order(&w, "o", "v", NULL)->order;
		order->has_total = cases[i].has_total;
		order->has_subtotal = cases[i].has_subtotal;
		order->total = cases[i].has_total ? 10000 : 0;
		order->subtotal = cases[i].has_subtotal ? 7900 : 0;
		order->tax = 1500;
		order->shipping = 500;
		assert_int_equal(world_decision(&w, "o")->gross, cases[i].gross);
		assert_int_equal(world_decision(&w, "o")->total, cases[i].total);
		world_done(&w);
	}
}

static void test_pending_test_and_renewal(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	world_order(&w, "pending", "v", "ADA10")->order->status = ATTRIB_ORDER_PENDING;
	d = world_decision(&w, "pending");
	assert_int_equal(d->status, ATTRIB_STATUS_PENDING);
	assert_int_equal(d->reason, ATTRIB_REASON_UNPAID);
	assert_false(d->counted);
	check_winner(d, "ada", CODE);
	world_order(&w, "test", "v", "ADA10")->order->test = true;
	d = world_decision(&w, "test");
	assert_int_equal(d->status, ATTRIB_STATUS_EXCLUDED);
	assert_int_equal(d->reason, ATTRIB_REASON_TEST);
	assert_false(d->counted);
	world_order(&w, "again", "v", "ADA10")->order->kind = ATTRIB_STR("renewal");
	d = world_decision(&w, "again");
	assert_true(d->counted);
	assert_int_equal(d->reason, ATTRIB_REASON_RENEWAL);
	assert_int_equal(d->steps[0].reason, ATTRIB_REASON_RENEWAL);
	check_winner(d, "", UNATTRIBUTED);
	world_done(&w);
}

static void test_exclusions_by_the_sites_rules(void **unused)
{
	static const struct {
		const char *exclude, *tags, *source, *kind;
		int64_t total;
		bool test;
		enum attrib_reason reason;
	} cases[] = {
		{"", "", "", "", 0, true, ATTRIB_REASON_NONE},
		{"test", "", "", "", 0, false, ATTRIB_REASON_NONE},
		{"zero_total,test", "", "", "", 0, true, ATTRIB_REASON_ZERO_TOTAL},
		{"test,zero_total", "", "", "", 0, true, ATTRIB_REASON_TEST},
		{"zero_total", "", "", "", 1, false, ATTRIB_REASON_NONE},
		{"source:pos", "", "POS", "", 1, false, ATTRIB_REASON_SOURCE},
		{"source:pos", "", "web", "", 1, false, ATTRIB_REASON_NONE},
		{"kind:draft", "", "", "draft", 1, false, ATTRIB_REASON_KIND},
		{"kind:one_off", "", "", "", 1, false, ATTRIB_REASON_KIND},
		{"tag:gift", "vip,gift", "", "", 1, false, ATTRIB_REASON_TAG},
		{"tag:gift", "gifts", "", "", 1, false, ATTRIB_REASON_NONE},
		{"tag:a,tag:b", "b", "", "", 1, false, ATTRIB_REASON_TAG},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		struct attrib_order *order;
		const struct attrib_decision *d;
		shop(&w);
		w.site.policy.exclude = attrib_str_of(cases[i].exclude);
		world_open(&w);
		order = world_order(&w, "o", "v", "ADA10")->order;
		order->total = cases[i].total;
		order->test = cases[i].test;
		order->tags = attrib_str_of(cases[i].tags);
		order->source = attrib_str_of(cases[i].source);
		order->kind = attrib_str_of(cases[i].kind);
		d = world_decision(&w, "o");
		assert_int_equal(d->reason, cases[i].reason);
		assert_int_equal(d->counted, !cases[i].reason);
		assert_int_equal(
			d->status, cases[i].reason ? ATTRIB_STATUS_EXCLUDED : ATTRIB_STATUS_PAID);
		check_winner(d, "ada", CODE); /* decided and shown all the same */
		world_done(&w);
	}
}

static void test_strangers_exclude_no_order_of_the_shop(void **unused)
{
	struct world w;
	struct attrib_event *event;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	w.site.policy.exclude = ATTRIB_STR("tag:gift,source:pos");
	world_open(&w);
	world_order(&w, "o", "v", "ADA10");
	event = stranger(world_order(&w, "o", "v", NULL));
	event->order->tags = ATTRIB_STR("gift");
	event->order->source = ATTRIB_STR("pos");
	event->order->kind = ATTRIB_STR("renewal");
	d = world_decision(&w, "o");
	assert_int_equal(d->status, ATTRIB_STATUS_PAID);
	check_str(d->order_kind, "one_off");
	check_winner(d, "ada", CODE);
	world_done(&w);
}

static void test_a_lead_is_never_excluded(void **unused)
{
	struct world w;
	struct attrib_event *lead;

	(void)unused;
	shop(&w);
	w.site.policy.exclude = ATTRIB_STR("zero_total,kind:one_off");
	world_open(&w);
	lead = world_order(&w, "l", "v", NULL);
	lead->type = ATTRIB_EVENT_LEAD;
	lead->order->total = 0;
	assert_int_equal(world_decision(&w, "l")->status, ATTRIB_STATUS_PAID);
	world_done(&w);
}

static void test_count_at_created_and_renewals_all(void **unused)
{
	struct world w;
	struct attrib_order *order;

	(void)unused;
	shop(&w);
	w.site.policy.count_at_created = true;
	w.site.policy.renewals = ATTRIB_RENEWALS_ALL;
	world_open(&w);
	order = world_order(&w, "o", "v", "ADA10")->order;
	order->status = ATTRIB_ORDER_PENDING;
	order->kind = ATTRIB_STR("renewal");
	order->paid_at = T0 + DAYS;
	assert_int_equal(world_decision(&w, "o")->status, ATTRIB_STATUS_PENDING);
	assert_true(world_decision(&w, "o")->counted);
	assert_int_equal(world_decision(&w, "o")->counted_at, T0);
	check_winner(world_decision(&w, "o"), "ada", CODE);
	world_done(&w);
}

/* paid_at is that of the best that states one, whoever states the status. */
static void test_the_best_stated_payment_counts(void **unused)
{
	(void)unused;
	for (int turn = 0; turn < 2; turn++) {
		struct world w;
		struct attrib_order *order;
		shop(&w);
		world_open(&w);
		for (int i = 0; i < 3; i++) { /* the last one is the best */
			order = world_order(&w, "o", "v", NULL)->order;
			order->updated_at = T0 - 3 * MIN + i * MIN;
			order->has_status = i == 1;
			order->paid_at =
				i == 1 || (turn && i == 2) ? ATTRIB_NEVER : T0 + (i + 1) * HOUR;
		}
		assert_int_equal(
			world_decision(&w, "o")->counted_at, turn ? T0 + HOUR : T0 + 3 * HOUR);
		world_done(&w);
	}
}

/* Its keys stay: whose order it was is asked by the ledger of customers. */
static void test_late_order_has_no_path(void **unused)
{
	(void)unused;
	for (int late = 0; late < 2; late++) {
		struct world w;
		struct attrib_event *event;
		struct attrib_engine_stats stats;
		const struct attrib_decision *d;
		shop(&w);
		world_open(&w);
		world_click(&w, "c", "v", "l-ada", T0 - HOUR);
		event = world_order(&w, "o", "v", "ADA10");
		event->received_at = T0 + 30 * DAYS + late;
		event_customer(&w, event, "k");
		d = world_decision(&w, "o");
		assert_int_equal(d->late, late);
		assert_true(d->counted);
		assert_int_equal(d->step_count, late ? 0 : 2);
		assert_int_equal(d->key_count, 1);
		attrib_engine_get_stats(w.engine, &stats);
		assert_int_equal(stats.late_orders, late);
		assert_int_equal(d->reason, late ? ATTRIB_REASON_ORDER_LATE : ATTRIB_REASON_NONE);
		assert_string_equal(credit_of(d, ATTRIB_MODEL_POLICY)->creator.n ? "ada" : "",
			late ? "" : "ada");
		world_done(&w);
	}
}

static void test_late_copy_changes_status_not_the_path(void **unused)
{
	struct world w;
	struct attrib_event *event;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	world_order(&w, "o", "v", NULL)->order->status = ATTRIB_ORDER_PENDING;
	event = world_order(&w, "o", "v", "ADA10");
	event->received_at = event->order->updated_at = T0 + 31 * DAYS;
	event->order->total = 5000;
	d = world_decision(&w, "o");
	assert_int_equal(d->status, ATTRIB_STATUS_PAID);
	assert_int_equal(d->gross, 5000);
	check_winner(d, "", UNATTRIBUTED);
	world_done(&w);
}

static void test_orders_and_leads_of_one_id_are_two(void **unused)
{
	struct world w;
	struct attrib_event *lead;

	(void)unused;
	shop(&w);
	world_open(&w);
	world_order(&w, "7", "v", NULL);
	lead = world_order(&w, "7", "v", NULL);
	lead->type = ATTRIB_EVENT_LEAD;
	lead->order->total = 0;
	world_apply(&w);
	assert_int_equal(world_view(&w)->decision_count, 2);
	assert_int_equal(w.view.decisions[0]->kind, ATTRIB_CONVERSION_ORDER);
	assert_int_equal(w.view.decisions[1]->kind, ATTRIB_CONVERSION_LEAD);
	assert_int_equal(w.view.decisions[1]->gross, 0);
	world_done(&w);
}

static struct attrib_event *named(
	struct world *w, const char *order_id, const char *source, int64_t received_at)
{
	struct attrib_event *event = world_order(w, order_id, NULL, NULL);

	event->source = attrib_str_of(source);
	event->received_at = received_at;
	event_alias(w, event, "name", "#7");
	return event;
}

/* A source knows its own orders apart: the alias is the one's that stated it first, whoever is heard
 * first, and other sources mean that one by it. */
static void test_an_alias_belongs_to_one_order_of_a_source(void **unused)
{
	(void)unused;
	for (int turn = 0; turn < 6; turn++) {
		static const int turns[6][3] = {
			{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
		struct world w;
		const struct attrib_decision *d;
		shop(&w);
		w.site.policy.order_source = ATTRIB_STR("shopify");
		world_open(&w);
		for (int i = 0; i < 3; i++) {
			if (turns[turn][i] == 0)
				named(&w, "b", "shopify", T0 + 1);
			else if (turns[turn][i] == 1)
				named(&w, "a", "shopify", T0 + 2);
			else
				named(&w, "pi", "stripe", T0 + 3);
			world_apply(&w);
		}
		d = world_decision(&w, "b");
		check_str(d->merged_into, "");
		assert_int_equal(d->alias_count, 1);
		assert_false(d->aliases[0].conflict);
		d = world_decision(&w, "a");
		check_str(d->merged_into, "");
		assert_true(d->counted);
		assert_int_equal(d->alias_count, 1);
		assert_true(d->aliases[0].conflict);
		check_str(world_decision(&w, "pi")->merged_into, "b");
		world_done(&w);
	}
}

static void test_an_alias_changes_hands_when_an_older_word_arrives(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	world_open(&w);
	named(&w, "a", "shopify", T0 + 2);
	world_apply(&w);
	named(&w, "b", "shopify", T0 + 2);
	assert_true(world_decision(&w, "b")->aliases[0].conflict); /* the smaller id */
	named(&w, "b", "shopify", T0 + 1);
	assert_false(world_decision(&w, "b")->aliases[0].conflict);
	assert_true(world_decision(&w, "a")->aliases[0].conflict);
	world_done(&w);
}

/* As intake makes it: an alias is the order of that id, whatever its kind. */
static void called(struct world *w, struct attrib_event *event, const char *kind, const char *value)
{
	event_alias(w, event, kind, value);
	event->order->aliases[event->order->alias_count - 1].id =
		attrib_id_of(w->keys, ATTRIB_ID_ORDER, w->site.name, attrib_str_of(value));
}

/* One text of two kinds is two aliases; an order that has it as its id is meant by both. */
static void test_an_alias_is_of_its_kind(void **unused)
{
	struct world w;

	(void)unused;
	shop(&w);
	world_open(&w);
	called(&w, world_order(&w, "a", "v", NULL), "name", "77");
	called(&w, world_order(&w, "b", "u", NULL), "transaction_id", "77");
	world_apply(&w);
	check_str(world_decision(&w, "a")->merged_into, "");
	check_str(world_decision(&w, "b")->merged_into, "");
	assert_true(world_decision(&w, "b")->counted);
	world_order(&w, "77", NULL, NULL);
	check_str(world_decision(&w, "a")->merged_into, "");
	check_str(world_decision(&w, "b")->merged_into, "a");
	check_str(world_decision(&w, "77")->merged_into, "a");
	world_done(&w);
}

static void test_aliases_unite_in_any_order(void **unused)
{
	(void)unused;
	for (int turn = 0; turn < 2; turn++) {
		struct world w;
		struct attrib_event *event;
		const struct attrib_decision *d;
		shop(&w);
		w.site.policy.order_source = ATTRIB_STR("shopify");
		world_open(&w);
		for (int i = 0; i < 2; i++) {
			bool stripe = (i == 0) == (turn == 0);
			event = world_order(
				&w, stripe ? "pi_1" : "1001", stripe ? "v" : NULL, NULL);
			event->source = stripe ? ATTRIB_STR("stripe") : ATTRIB_STR("shopify");
			event->order->placed_at = stripe ? T0 - HOUR : T0;
			event_customer(&w, event, "k");
			event_alias(&w, event, "checkout_token", "t");
			world_apply(&w);
		}
		world_click(&w, "c", "v", "l-ada", T0 - HOUR);
		d = world_decision(&w, "1001");
		check_str(d->merged_into, "");
		assert_int_equal(d->alias_count, 1);
		check_winner(d, "ada", LINK);
		d = world_decision(&w, "pi_1");
		check_str(d->merged_into, "1001");
		assert_false(d->counted);
		assert_int_equal(d->key_count + d->alias_count, 0);
		assert_int_equal(d->step_count + d->credit_count, 0);
		world_done(&w);
	}
}

static void test_repeat_orders_first(void **unused)
{
	(void)unused;
	for (int first = 0; first < 2; first++) {
		struct world w;
		struct attrib_event *event;
		shop(&w);
		world_tracker(&w, ATTRIB_TRACKER_LINK, "l-bea", "bea");
		w.site.policy.repeat_first = first;
		world_open(&w);
		world_click(&w, "c", "v", "l-bea", T0 - 3 * DAYS);
		event = world_order(&w, "second", "v", "ADA10");
		world_apply(&w);
		event = world_order(&w, "unpaid", "v", NULL); /* uses nothing up */
		event->order->placed_at = T0 - 2 * DAYS;
		event->order->status = ATTRIB_ORDER_PENDING;
		assert_true(step_of(world_decision(&w, "second"), "l-bea")->eligible);
		event = world_order(&w, "first", "v", NULL);
		event->order->placed_at = T0 - DAYS;
		world_apply(&w);
		assert_true(step_of(world_decision(&w, "first"), "l-bea")->eligible);
		assert_int_equal(step_of(world_decision(&w, "second"), "l-bea")->reason,
			first ? ATTRIB_REASON_USED : ATTRIB_REASON_ELIGIBLE);
		assert_true(step_of(world_decision(&w, "second"), "ADA10")->eligible);
		world_done(&w);
	}
}

/* An order by another device of the customer whose touch it was then. */
static void test_repeat_orders_first_across_devices(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	w.site.policy.repeat_first = true;
	w.site.policy.lock_after_us = DAYS;
	world_open(&w);
	for (int laptop = 0; laptop < 2; laptop++) {
		event = world_event(
			&w, ATTRIB_EVENT_IDENTIFY, laptop ? "i1" : "i2", T0 - 20 * DAYS);
		event_visitor(&w, event, laptop ? "laptop" : "phone");
		event_customer(&w, event, "mia");
	}
	world_click(&w, "c", "laptop", "l-ada", T0 - 10 * DAYS);
	event_at(world_order(&w, "first", "phone", NULL), T0 - 8 * DAYS);
	event = world_order(&w, "second", "laptop", NULL);
	event_customer(&w, event, "noa");
	check_winner(world_decision(&w, "first"), "ada", LINK);
	assert_int_equal(
		step_of(world_decision(&w, "second"), "l-ada")->reason, ATTRIB_REASON_USED);
	world_done(&w);
}

/* Nor is it asked whether an order names its visitor itself or by its cart alone. */
static void test_repeat_orders_first_by_carts(void **unused)
{
	(void)unused;
	for (int before = 0; before < 2; before++) {
		struct world w;
		struct attrib_event *cart, *order;
		shop(&w);
		w.site.policy.repeat_first = true;
		world_open(&w);
		if (before)
			event_at(world_order(&w, "before", "pc", NULL), T0 - 5 * DAYS);
		order = world_order(&w, "first", NULL, NULL);
		order->order->placed_at = T0 - MIN;
		event_alias(&w, order, "cart_token", "tok");
		cart = world_event(&w, ATTRIB_EVENT_CART, "t", T0 - 2 * MIN);
		event_visitor(&w, cart, "pc");
		cart->cart_token = order->order->aliases[0].id;
		world_click(&w, "c", "pc", "l-ada", T0 - HOUR);
		world_order(&w, "second", "pc", NULL);
		check_winner(world_decision(&w, "first"), "ada", LINK);
		assert_int_equal(world_decision(&w, "second")->steps[0].reason, ATTRIB_REASON_USED);
		world_done(&w);
	}
}

/* A click id came back with two visitors, or on two orders: its touch earns for the first of them, also when
 * it is not the only one that the later order carries. */
static void test_repeat_orders_first_by_clicks(void **unused)
{
	(void)unused;
	for (int carried = 0; carried < 4; carried++) {
		struct world w;
		struct attrib_event *event;
		struct attrib_engine_stats stats;
		shop(&w);
		w.site.policy.repeat_first = true;
		world_open(&w);
		event_click_id(&w, world_click(&w, "c", NULL, "l-ada", T0 - HOUR), "k");
		for (int later = 0; later < 2; later++) {
			const char *visitor = later ? "v" : "u";
			event = world_event(&w, ATTRIB_EVENT_VISIT, visitor, T0 - 30 * MIN);
			event_visitor(&w, event, visitor);
			if (carried == 0)
				event_click_id(&w, event, "k");
			event = world_order(&w, later ? "second" : "first",
				carried == 0 ? visitor : NULL, NULL);
			event->order->placed_at = T0 + later;
			if (carried > 0)
				event_click_id(&w, event, "k");
			if (!later || carried < 2)
				continue;
			event = world_order(&w, "second", NULL, NULL);
			event->order->placed_at = T0 + later;
			event->order->updated_at = carried == 2 ? T0 + HOUR : T0 - HOUR;
			event_click_id(&w, event, "other");
		}
		check_winner(world_decision(&w, "first"), "ada", LINK);
		assert_int_equal(world_decision(&w, "second")->steps[0].reason, ATTRIB_REASON_USED);
		attrib_engine_get_stats(w.engine, &stats);
		assert_int_equal(stats.closures_cut, 0);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strangers_order_is_provisional_until_confirmed),
		cmocka_unit_test(test_browser_orders_count_and_ignore),
		cmocka_unit_test(test_a_stranger_makes_no_order_unpaid),
		cmocka_unit_test(test_a_stranger_changes_nothing),
		cmocka_unit_test(test_groups_come_from_the_latest_that_has_them),
		cmocka_unit_test(test_of_one_update_the_later_word_counts),
		cmocka_unit_test(test_updated_at_is_clamped_to_received),
		cmocka_unit_test(test_order_source_is_the_authority),
		cmocka_unit_test(test_revenue_basis),
		cmocka_unit_test(test_pending_test_and_renewal),
		cmocka_unit_test(test_exclusions_by_the_sites_rules),
		cmocka_unit_test(test_strangers_exclude_no_order_of_the_shop),
		cmocka_unit_test(test_a_lead_is_never_excluded),
		cmocka_unit_test(test_count_at_created_and_renewals_all),
		cmocka_unit_test(test_the_best_stated_payment_counts),
		cmocka_unit_test(test_late_order_has_no_path),
		cmocka_unit_test(test_late_copy_changes_status_not_the_path),
		cmocka_unit_test(test_orders_and_leads_of_one_id_are_two),
		cmocka_unit_test(test_an_alias_is_of_its_kind),
		cmocka_unit_test(test_aliases_unite_in_any_order),
		cmocka_unit_test(test_an_alias_belongs_to_one_order_of_a_source),
		cmocka_unit_test(test_an_alias_changes_hands_when_an_older_word_arrives),
		cmocka_unit_test(test_repeat_orders_first),
		cmocka_unit_test(test_repeat_orders_first_across_devices),
		cmocka_unit_test(test_repeat_orders_first_by_carts),
		cmocka_unit_test(test_repeat_orders_first_by_clicks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
