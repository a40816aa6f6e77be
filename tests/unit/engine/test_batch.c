/*
 * The batch: keys, order, replacement, ownership of what is put into it.
 */
#include "world.h"

static struct attrib_decision decision(const char *order_id, uint64_t ticket, int64_t gross)
{
	return (struct attrib_decision){.site = ATTRIB_STR("shop"),
		.kind = ATTRIB_CONVERSION_ORDER,
		.order_id = attrib_str_of(order_id),
		.ticket = ticket,
		.gross = gross};
}

static void test_a_higher_ticket_replaces(void **unused)
{
	struct attrib_batch *batch = attrib_batch_new();
	struct attrib_decision rows[] = {decision("b", 5, 1), decision("a", 5, 2),
		decision("b", 6, 4), decision("b", 4, 3), decision("a", 5, 5)};
	struct attrib_batch_view view;

	(void)unused;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(attrib_batch_put_decision(batch, &rows[i]), 0);
	attrib_batch_seal(batch, &view);
	assert_int_equal(view.decision_count, 2);
	check_str(view.decisions[0]->order_id, "a");
	assert_int_equal(view.decisions[0]->gross, 5);
	assert_int_equal(view.decisions[1]->gross, 4);
	/* a put after a seal still finds its row */
	rows[0] = decision("b", 7, 9);
	assert_int_equal(attrib_batch_put_decision(batch, &rows[0]), 0);
	attrib_batch_seal(batch, &view);
	assert_int_equal(view.decision_count, 2);
	assert_int_equal(view.decisions[1]->gross, 9);
	attrib_batch_free(batch);
}

static void test_everything_is_copied(void **unused)
{
	struct attrib_batch *batch = attrib_batch_new();
	struct attrib_batch_view view;
	char text[] = "ada";
	struct attrib_str s = {text, 3};
	struct attrib_step step = {.key = s,
		.folded = s,
		.creator = s,
		.campaign = s,
		.placement = s,
		.tracker = s,
		.event_id = s};
	struct attrib_credit credit = {.creator = s, .campaign = s, .placement = s, .tracker = s};
	struct attrib_customer_key key = {.kind = ATTRIB_KEY_EMAIL};
	struct attrib_order_name aliases[2] = {{.kind = s, .value = s}, {.kind = s, .value = s}};
	struct attrib_decision d = {.site = s,
		.order_id = s,
		.merged_into = s,
		.order_kind = s,
		.order_source = s,
		.source = s,
		.key_count = 1,
		.keys = &key,
		.alias_count = 2,
		.aliases = aliases,
		.step_count = 1,
		.steps = &step,
		.credit_count = 1,
		.credits = &credit};
	struct attrib_refund_fact refund = {
		.site = s, .source = s, .order_id = s, .refund_id = s, .event_id = s};
	struct attrib_customer_link link = {.site = s, .count = 1, .keys = &key};
	struct attrib_traffic traffic = {.site = s, .key = s, .count = 1};

	(void)unused;
	assert_int_equal(attrib_batch_put_decision(batch, &d), 0);
	assert_int_equal(attrib_batch_put_refund(batch, &refund), 0);
	assert_int_equal(attrib_batch_put_link(batch, &link), 0);
	assert_int_equal(attrib_batch_put_traffic(batch, &traffic), 0);
	memset(text, 'x', 3);
	memset(&step, 0xff, sizeof step);
	memset(&credit, 0xff, sizeof credit);
	memset(aliases, 0xff, sizeof aliases);
	key.kind = ATTRIB_KEY_PHONE;
	attrib_batch_seal(batch, &view);
	check_str(view.decisions[0]->source, "ada");
	check_str(view.decisions[0]->steps[0].event_id, "ada");
	check_str(view.decisions[0]->credits[0].tracker, "ada");
	check_str(view.decisions[0]->aliases[0].value, "ada");
	check_str(view.decisions[0]->aliases[1].kind, "ada");
	assert_int_equal(view.decisions[0]->keys[0].kind, ATTRIB_KEY_EMAIL);
	check_str(view.refunds[0].refund_id, "ada");
	assert_int_equal(view.links[0].keys[0].kind, ATTRIB_KEY_EMAIL);
	check_str(view.traffic[0]->key, "ada");
	attrib_batch_free(batch);
}

static void test_traffic_adds_up_by_its_whole_key(void **unused)
{
	struct attrib_batch *batch = attrib_batch_new();
	struct attrib_traffic base = {.site = ATTRIB_STR("s"),
		.key = ATTRIB_STR("k"),
		.channel = ATTRIB_CHANNEL_LINK,
		.type = ATTRIB_EVENT_CLICK,
		.count = 2,
		.uniques = 1};
	struct attrib_batch_view view;

	(void)unused;
	for (int i = 0; i < 7; i++) {
		struct attrib_traffic row = base;
		if (i == 1)
			row.site = ATTRIB_STR("t");
		if (i == 2)
			row.key = ATTRIB_STR("l");
		if (i == 3)
			row.channel = ATTRIB_CHANNEL_VIEW;
		if (i == 4)
			row.type = ATTRIB_EVENT_VISIT;
		if (i == 5)
			row.verdicts = 1;
		if (i == 6)
			row.bucket_at = 1;
		assert_int_equal(attrib_batch_put_traffic(batch, &row), 0);
		assert_int_equal(attrib_batch_put_traffic(batch, &row), 0);
	}
	attrib_batch_seal(batch, &view);
	assert_int_equal(view.traffic_count, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(view.traffic[i]->count, 4);
		assert_int_equal(view.traffic[i]->uniques, 2);
	}
	check_str(view.traffic[6]->site, "t");
	attrib_batch_free(batch);
}

/* Keys whose hash is one and the same: the index asks the whole key. */
static void test_rows_of_one_hash_stay_apart(void **unused)
{
	const struct attrib_traffic pairs[][2] = {
		{{.verdicts = 1}, {.bucket_at = INT64_C(1) << 32}},
		{{.type = 1}, {.bucket_at = INT64_C(1) << 48}},
		{{.channel = 1}, {.bucket_at = INT64_C(1) << 56}},
		{{.type = 1}, {.verdicts = 1u << 16}},
		{{.channel = 1}, {.verdicts = 1u << 24}},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct attrib_batch *batch = attrib_batch_new();
		struct attrib_batch_view view;
		for (int k = 0; k < 4; k++) {
			struct attrib_traffic row = pairs[i][k % 2];
			row.site = ATTRIB_STR("s");
			row.key = ATTRIB_STR("k");
			row.count = 1;
			assert_int_equal(attrib_batch_put_traffic(batch, &row), 0);
		}
		attrib_batch_seal(batch, &view);
		assert_int_equal(view.traffic_count, 2);
		assert_int_equal(view.traffic[0]->count, 2);
		attrib_batch_free(batch);
	}
}

static void test_positions_only_rise_and_reset_empties(void **unused)
{
	struct attrib_batch *batch = attrib_batch_new();
	struct attrib_id a = {{1}}, b = {{2}};
	struct attrib_batch_view view;

	(void)unused;
	assert_int_equal(attrib_batch_set_position(batch, &b, 7), 0);
	assert_int_equal(attrib_batch_set_position(batch, &a, 3), 0);
	assert_int_equal(attrib_batch_set_position(batch, &b, 6), 0);
	assert_int_equal(attrib_batch_set_position(batch, &a, 5), 0);
	assert_int_equal(attrib_batch_set_position(batch, &a, 4), 0);
	attrib_batch_count_records(batch, 10);
	attrib_batch_seal(batch, &view);
	assert_int_equal(view.position_count, 2);
	assert_int_equal(view.positions[0].number, 5);
	assert_int_equal(view.positions[1].number, 7);
	assert_int_equal(view.records, 10);
	attrib_batch_reset(batch);
	attrib_batch_seal(batch, &view);
	assert_int_equal(view.position_count + view.records + view.decision_count, 0);
	attrib_batch_free(batch);
}

static void test_many_rows(void **unused)
{
	struct attrib_batch *batch = attrib_batch_new();
	struct attrib_batch_view view;
	char id[16];

	(void)unused;
	for (int turn = 0; turn < 2; turn++)
		for (int i = 0; i < 5000; i++) {
			struct attrib_decision d;
			snprintf(id, sizeof id, "%04d", i * 7919 % 5000);
			d = decision(id, (uint64_t)turn, turn);
			assert_int_equal(attrib_batch_put_decision(batch, &d), 0);
		}
	attrib_batch_seal(batch, &view);
	assert_int_equal(view.decision_count, 5000);
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof id, "%04d", i);
		check_str(view.decisions[i]->order_id, id);
		assert_int_equal(view.decisions[i]->gross, 1);
	}
	attrib_batch_free(batch);
}

/* Facts that differ in one field each, the smaller first. */
static void refund_differs(struct attrib_refund_fact *r, int field)
{
	struct attrib_str *const texts[] = {
		&r->site, &r->order_id, &r->source, &r->refund_id, &r->event_id};
	int64_t *const numbers[] = {
		&r->occurred_at, &r->received_at, &r->amount, &r->tax, &r->shipping};
	bool *const flags[] = {&r->has_parts, &r->cumulative, &r->voided};

	if (field < 5)
		*texts[field] = ATTRIB_STR("b");
	else if (field < 10)
		*numbers[field - 5] = 1;
	else if (field < 13)
		*flags[field - 10] = true;
	else
		memcpy(r->currency, "EUR", 4);
}

static struct attrib_refund_fact refund(void)
{
	return (struct attrib_refund_fact){.site = ATTRIB_STR("a"),
		.source = ATTRIB_STR("a"),
		.order_id = ATTRIB_STR("a"),
		.refund_id = ATTRIB_STR("a"),
		.event_id = ATTRIB_STR("a")};
}

/* A group that is applied again, an event that is sent again: it is there once. */
static void test_a_refund_that_came_twice_is_one(void **unused)
{
	(void)unused;
	for (int field = 0; field < 14; field++) {
		struct attrib_batch *batch = attrib_batch_new();
		struct attrib_refund_fact less = refund(), more = refund();
		struct attrib_batch_view view;
		refund_differs(&more, field);
		for (int turn = 0; turn < 2; turn++) {
			assert_int_equal(attrib_batch_put_refund(batch, &more), 0);
			assert_int_equal(attrib_batch_put_refund(batch, &less), 0);
		}
		attrib_batch_seal(batch, &view);
		assert_int_equal(view.refund_count, 2);
		more = view.refunds[0];
		refund_differs(&more, field);
		assert_int_equal(more.amount, view.refunds[1].amount);
		assert_true(attrib_str_eq(more.event_id, view.refunds[1].event_id));
		assert_int_equal(more.occurred_at, view.refunds[1].occurred_at);
		attrib_batch_free(batch);
	}
}

static void cancel_differs(struct attrib_cancel_fact *c, int field)
{
	struct attrib_str *const texts[] = {&c->site, &c->order_id, &c->source, &c->event_id};

	if (field < 4)
		*texts[field] = ATTRIB_STR("b");
	else if (field == 4)
		c->occurred_at = 1;
	else if (field == 5)
		c->received_at = 1;
	else
		c->reversed = true;
}

static void test_a_cancel_that_came_twice_is_one(void **unused)
{
	(void)unused;
	for (int field = 0; field < 7; field++) {
		struct attrib_batch *batch = attrib_batch_new();
		struct attrib_cancel_fact less = {.site = ATTRIB_STR("a"),
			.source = ATTRIB_STR("a"),
			.order_id = ATTRIB_STR("a"),
			.event_id = ATTRIB_STR("a")};
		struct attrib_cancel_fact more = less;
		struct attrib_batch_view view;
		cancel_differs(&more, field);
		for (int turn = 0; turn < 2; turn++) {
			assert_int_equal(attrib_batch_put_cancel(batch, &more), 0);
			assert_int_equal(attrib_batch_put_cancel(batch, &less), 0);
		}
		attrib_batch_seal(batch, &view);
		assert_int_equal(view.cancel_count, 2);
		less = view.cancels[0];
		cancel_differs(&less, field);
		assert_int_equal(less.reversed, view.cancels[1].reversed);
		assert_int_equal(less.received_at, view.cancels[1].received_at);
		assert_true(attrib_str_eq(less.event_id, view.cancels[1].event_id));
		attrib_batch_free(batch);
	}
}

/* By site, then key by key, then the shorter. */
static void test_links_are_sorted_and_once(void **unused)
{
	struct attrib_batch *batch = attrib_batch_new();
	const struct attrib_customer_key keys[] = {{ATTRIB_KEY_EMAIL, {{1}}},
		{ATTRIB_KEY_EMAIL, {{2}}}, {ATTRIB_KEY_PHONE, {{1}}}, {ATTRIB_KEY_PHONE, {{2}}}};
	const struct attrib_customer_key others[] = {keys[0], keys[2]};
	const struct attrib_customer_link sorted[] = {{ATTRIB_STR("a"), 1, keys},
		{ATTRIB_STR("a"), 2, keys}, {ATTRIB_STR("a"), 2, others},
		{ATTRIB_STR("a"), 1, keys + 1}, {ATTRIB_STR("a"), 2, keys + 1},
		{ATTRIB_STR("a"), 1, keys + 2}, {ATTRIB_STR("b"), 1, keys}};
	const size_t n = sizeof sorted / sizeof *sorted;
	struct attrib_batch_view view;

	(void)unused;
	for (size_t i = 0; i < 2 * n; i++)
		assert_int_equal(attrib_batch_put_link(batch, &sorted[i * 5 % n]), 0);
	attrib_batch_seal(batch, &view);
	assert_int_equal(view.link_count, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(attrib_str_eq(view.links[i].site, sorted[i].site));
		assert_int_equal(view.links[i].count, sorted[i].count);
		assert_memory_equal(view.links[i].keys, sorted[i].keys,
			sorted[i].count * sizeof *sorted[i].keys);
	}
	attrib_batch_free(batch);
}

/* In the order in which SQL locks them: by site, kind and id. */
static void test_decisions_are_sorted_by_site_kind_and_id(void **unused)
{
	struct attrib_batch *batch = attrib_batch_new();
	struct attrib_decision rows[] = {
		decision("b", 1, 0), decision("a", 1, 1), decision("a", 1, 2), decision("a", 1, 3)};
	const int64_t expected[] = {3, 2, 1, 0};
	struct attrib_batch_view view;

	(void)unused;
	rows[0].kind = rows[1].kind = ATTRIB_CONVERSION_LEAD;
	rows[3].site = ATTRIB_STR("outlet");
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(attrib_batch_put_decision(batch, &rows[i]), 0);
	attrib_batch_seal(batch, &view);
	assert_int_equal(view.decision_count, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(view.decisions[i]->gross, expected[i]);
	attrib_batch_free(batch);
}

static void test_traffic_is_sorted_by_its_key(void **unused)
{
	struct attrib_batch *batch = attrib_batch_new();
	const struct attrib_traffic sorted[] = {
		{.site = ATTRIB_STR("a"), .bucket_at = 9, .channel = 9, .key = ATTRIB_STR("z")},
		{.site = ATTRIB_STR("b"), .channel = 9, .key = ATTRIB_STR("z"), .type = 9},
		{.site = ATTRIB_STR("b"), .bucket_at = 1, .key = ATTRIB_STR("z"), .type = 9},
		{.site = ATTRIB_STR("b"),
			.bucket_at = 1,
			.channel = 1,
			.key = ATTRIB_STR("y"),
			.type = 9},
		{.site = ATTRIB_STR("b"),
			.bucket_at = 1,
			.channel = 1,
			.key = ATTRIB_STR("z"),
			.verdicts = 9},
		{.site = ATTRIB_STR("b"),
			.bucket_at = 1,
			.channel = 1,
			.key = ATTRIB_STR("z"),
			.type = 1},
		{.site = ATTRIB_STR("b"),
			.bucket_at = 1,
			.channel = 1,
			.key = ATTRIB_STR("z"),
			.type = 1,
			.verdicts = 1},
	};
	const size_t n = sizeof sorted / sizeof *sorted;
	struct attrib_batch_view view;

	(void)unused;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(attrib_batch_put_traffic(batch, &sorted[i * 3 % n]), 0);
	attrib_batch_seal(batch, &view);
	assert_int_equal(view.traffic_count, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(attrib_str_eq(view.traffic[i]->key, sorted[i].key));
		assert_int_equal(view.traffic[i]->bucket_at, sorted[i].bucket_at);
		assert_int_equal(view.traffic[i]->type, sorted[i].type);
		assert_int_equal(view.traffic[i]->verdicts, sorted[i].verdicts);
	}
	attrib_batch_free(batch);
}

/* PostgreSQL stores them: a number that means nothing has no text, and none has another's. */
static void test_texts_of_reasons_and_rules(void **unused)
{
	(void)unused;
	assert_string_equal(attrib_reason_text(ATTRIB_REASON_NONE), "");
	assert_string_equal(
		attrib_reason_text(ATTRIB_REASON_KEPT_BY_LEAD), "eligible: kept by its lead");
	assert_string_equal(attrib_reason_text(ATTRIB_REASON_COUNT), "");
	assert_string_equal(attrib_rule_text(ATTRIB_RULE_NONE), "none");
	assert_string_equal(attrib_rule_text(ATTRIB_RULE_UNATTRIBUTED), "unattributed");
	assert_string_equal(attrib_rule_text((enum attrib_rule)(ATTRIB_RULE_UNATTRIBUTED + 1)), "");
}

/* What a batch holds tells when it is full. */
static void test_its_arena_holds_what_was_put(void **unused)
{
	struct attrib_batch *batch = attrib_batch_new();
	struct attrib_decision d = decision("a", 1, 1);

	(void)unused;
	assert_int_equal(attrib_batch_arena(batch)->used, 0);
	assert_int_equal(attrib_batch_put_decision(batch, &d), 0);
	assert_true(attrib_batch_arena(batch)->used >= sizeof d);
	attrib_batch_reset(batch);
	assert_int_equal(attrib_batch_arena(batch)->used, 0);
	attrib_batch_free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_higher_ticket_replaces),
		cmocka_unit_test(test_everything_is_copied),
		cmocka_unit_test(test_traffic_adds_up_by_its_whole_key),
		cmocka_unit_test(test_rows_of_one_hash_stay_apart),
		cmocka_unit_test(test_positions_only_rise_and_reset_empties),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_a_refund_that_came_twice_is_one),
		cmocka_unit_test(test_a_cancel_that_came_twice_is_one),
		cmocka_unit_test(test_links_are_sorted_and_once),
		cmocka_unit_test(test_decisions_are_sorted_by_site_kind_and_id),
		cmocka_unit_test(test_traffic_is_sorted_by_its_key),
		cmocka_unit_test(test_texts_of_reasons_and_rules),
		cmocka_unit_test(test_its_arena_holds_what_was_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
