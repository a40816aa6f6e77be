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
		decision("b", 4, 3), decision("b", 6, 4), decision("a", 5, 5)};
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
	struct attrib_order_name alias = {.kind = s, .value = s};
	struct attrib_decision d = {.site = s,
		.order_id = s,
		.merged_into = s,
		.order_kind = s,
		.order_source = s,
		.source = s,
		.key_count = 1,
		.keys = &key,
		.alias_count = 1,
		.aliases = &alias,
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
	memset(&alias, 0xff, sizeof alias);
	key.kind = ATTRIB_KEY_PHONE;
	attrib_batch_seal(batch, &view);
	check_str(view.decisions[0]->source, "ada");
	check_str(view.decisions[0]->steps[0].event_id, "ada");
	check_str(view.decisions[0]->credits[0].tracker, "ada");
	check_str(view.decisions[0]->aliases[0].value, "ada");
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

static void test_positions_only_rise_and_reset_empties(void **unused)
{
	struct attrib_batch *batch = attrib_batch_new();
	struct attrib_id a = {{1}}, b = {{2}};
	struct attrib_batch_view view;

	(void)unused;
	assert_int_equal(attrib_batch_set_position(batch, &b, 7), 0);
	assert_int_equal(attrib_batch_set_position(batch, &a, 3), 0);
	assert_int_equal(attrib_batch_set_position(batch, &b, 6), 0);
	attrib_batch_count_records(batch, 10);
	attrib_batch_seal(batch, &view);
	assert_int_equal(view.position_count, 2);
	assert_int_equal(view.positions[0].number, 3);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_higher_ticket_replaces),
		cmocka_unit_test(test_everything_is_copied),
		cmocka_unit_test(test_traffic_adds_up_by_its_whole_key),
		cmocka_unit_test(test_positions_only_rise_and_reset_empties),
		cmocka_unit_test(test_many_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
