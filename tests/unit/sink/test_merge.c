/*
 * The merge, case by case: what counts once, what a refund takes from whom, who is a new customer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "one_shop.h"

static const char *status_of(const char *order)
{
	return test_pg_text(&pg,
		"SELECT status, gross, refunded, net, customer_kind FROM attrib.conversion_status"
		" WHERE order_id = '%s'",
		order);
}

static void counts_an_order(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 10001,
				  .at = 500,
				  .key = 1,
				  .credits = {{.creator = "lisa", .campaign = "spring"},
					  {.creator = "mia"}, {.creator = "tom"}}});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "paid|100.01|0.00|100.01|new");
	expect("lisa|spring|1.0000|100.01", "SELECT creator, campaign, round(share, 4), gross"
					    " FROM attrib.order_credit WHERE model = 'policy'");
	expect("lisa|33.34\nmia|33.34\ntom|33.33", "SELECT creator, gross FROM attrib.order_credit"
						   " WHERE model = 'linear' ORDER BY creator");
	expect("1|3|1", "SELECT orders, creator_claims, channel_claims FROM attrib.rollup_claim");
}

static void same_batch_twice_counts_once(void **state)
{
	(void)state;
	struct attrib_traffic traffic = {.site = ATTRIB_STR("acme"),
		.bucket_at = shop_at(0),
		.channel = ATTRIB_CHANNEL_LINK,
		.key = ATTRIB_STR("lisa"),
		.type = ATTRIB_EVENT_CLICK,
		.count = 3,
		.uniques = 2};

	shop_order(&shop,
		(struct test_order){.id = "1", .gross = 1000, .credits = {{.creator = "lisa"}}});
	assert_int_equal(attrib_batch_put_traffic(shop.batch, &traffic), 0);
	shop_flush_keep(&shop);
	shop_check(&shop);
	expect("1000", "SELECT sum(gross[1]) FROM attrib.rollup_money");
	expect("3|2", "SELECT count, uniques FROM attrib.traffic");
}

static void positionless_batch_may_be_repeated(void **state)
{
	(void)state;
	struct attrib_batch_view view;

	shop_order(&shop,
		(struct test_order){.id = "1", .gross = 1000, .credits = {{.creator = "lisa"}}});
	attrib_batch_seal(shop.batch, &view);
	assert_int_equal(shop.sink->ops->flush(shop.sink, &view, 1), 0);
	assert_int_equal(shop.sink->ops->flush(shop.sink, &view, 1), 0);
	shop_check(&shop);
	expect("1", "SELECT orders FROM attrib.rollup_claim");
}

static void stale_ticket_is_ignored(void **state)
{
	(void)state;
	shop_order(&shop,
		(struct test_order){
			.id = "1", .ticket = 5, .gross = 1000, .credits = {{.creator = "lisa"}}});
	shop_flush(&shop);
	shop_order(&shop,
		(struct test_order){
			.id = "1", .ticket = 4, .gross = 9900, .credits = {{.creator = "mia"}}});
	shop_flush(&shop);
	expect("lisa|10.00",
		"SELECT creator, gross FROM attrib.order_credit WHERE model = 'policy'");
	shop_order(&shop,
		(struct test_order){
			.id = "1", .ticket = 6, .gross = 9900, .credits = {{.creator = "mia"}}});
	shop_flush(&shop);
	expect("mia|99.00",
		"SELECT creator, gross FROM attrib.order_credit WHERE model = 'policy'");
	expect("0|1000000000000", "SELECT sum(conversions[1]) FILTER (WHERE creator = 'lisa'),"
				  " sum(conversions[1]) FILTER (WHERE creator = 'mia')"
				  " FROM attrib.rollup_money");
}

static void uncounted_orders_are_in_no_sum(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 1000,
				  .status = ATTRIB_STATUS_PENDING,
				  .key = 1,
				  .credits = {{.creator = "lisa"}}});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "pending|10.00|0.00|10.00|unknown");
	expect("", "SELECT * FROM attrib.order_credit");
	expect("", "SELECT * FROM attrib.rollup_money");
	shop_order(&shop, (struct test_order){.id = "1",
				  .ticket = 2,
				  .gross = 1000,
				  .key = 1,
				  .credits = {{.creator = "lisa"}}});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "paid|10.00|0.00|10.00|new");
}

static void ten_refunds_end_at_zero_for_everyone(void **state)
{
	(void)state;
	char id[8];

	shop_order(&shop,
		(struct test_order){.id = "1",
			.gross = 10000,
			.at = 500,
			.credits = {{.creator = "lisa"}, {.creator = "mia"}, {.creator = "tom"}}});
	shop_flush(&shop);
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof id, "r%d", i);
		shop_refund(&shop, (struct test_refund){
					   .order = "1", .id = id, .amount = 1000, .at = 600 + i});
		shop_flush(&shop);
		expect("0", "SELECT count(*) FROM attrib.order_credit WHERE net < 0");
	}
	assert_string_equal(status_of("1"), "refunded|100.00|100.00|0.00|unknown");
	expect("0.00|0.00", "SELECT min(net), max(net) FROM attrib.order_credit");
}

static void partial_refund_is_split_by_largest_remainder(void **state)
{
	(void)state;
	shop_order(&shop,
		(struct test_order){.id = "1",
			.gross = 10000,
			.at = 500,
			.credits = {{.creator = "lisa"}, {.creator = "mia"}, {.creator = "tom"}}});
	shop_refund(
		&shop, (struct test_refund){.order = "1", .id = "r", .amount = 1000, .at = 600});
	shop_flush(&shop);
	/* 33.34, 33.33, 33.33: 3.334, 3.333, 3.333 */
	expect("lisa|3.34\nmia|3.33\ntom|3.33", "SELECT creator, refunded FROM attrib.order_credit"
						" WHERE model = 'linear' ORDER BY 1");
	/* 1000.2, 999.9, 999.9: the later two have the larger remainders */
	shop_refund(
		&shop, (struct test_refund){.order = "1", .id = "r2", .amount = 2000, .at = 700});
	shop_flush(&shop);
	expect("lisa|10.00\nmia|10.00\ntom|10.00",
		"SELECT creator, refunded FROM attrib.order_credit"
		" WHERE model = 'linear' ORDER BY 1");
}

static void refund_is_brought_to_the_basis(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1", .gross = 10000, .total = 11900});
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "a", .amount = 1000, .at = 1});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "partially_refunded|100.00|8.40|91.60|unknown");
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "b", .amount = 10900, .at = 2});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "refunded|100.00|100.00|0.00|unknown");
	/* parts say it better, when every refund has them */
	shop_order(&shop, (struct test_order){.id = "2", .gross = 10000, .total = 12495});
	shop_refund(&shop, (struct test_refund){.order = "2",
				   .id = "a",
				   .amount = 5950,
				   .tax = 950,
				   .has_parts = true,
				   .at = 1});
	shop_flush(&shop);
	assert_string_equal(status_of("2"), "partially_refunded|100.00|50.00|50.00|unknown");
	shop_refund(&shop, (struct test_refund){.order = "2", .id = "b", .amount = 595, .at = 2});
	shop_flush(&shop);
	assert_string_equal(status_of("2"), "partially_refunded|100.00|52.38|47.62|unknown");
}

static void refund_before_its_order_waits(void **state)
{
	(void)state;
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "r", .amount = 400});
	shop_cancel(&shop, "2", 5, false);
	shop_flush(&shop);
	expect("", "SELECT * FROM attrib.conversion_status");
	shop_order(&shop,
		(struct test_order){.id = "1", .gross = 1000, .credits = {{.creator = "lisa"}}});
	shop_order(&shop,
		(struct test_order){.id = "2", .gross = 1000, .credits = {{.creator = "lisa"}}});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "partially_refunded|10.00|4.00|6.00|unknown");
	assert_string_equal(status_of("2"), "cancelled|10.00|10.00|0.00|unknown");
}

static void refund_by_an_alias_finds_its_order(void **state)
{
	(void)state;
	shop_refund(&shop, (struct test_refund){.order = "pi_1", .id = "r", .amount = 400});
	shop_flush(&shop);
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1000, .alias = "pi_1"});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "partially_refunded|10.00|4.00|6.00|unknown");
	shop_refund(&shop, (struct test_refund){.order = "pi_1", .id = "r2", .amount = 100});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "partially_refunded|10.00|5.00|5.00|unknown");
}

static void absorbed_order_counts_nowhere(void **state)
{
	(void)state;
	shop_order(&shop,
		(struct test_order){
			.id = "1", .gross = 1000, .key = 1, .credits = {{.creator = "lisa"}}});
	shop_order(&shop,
		(struct test_order){
			.id = "pi_1", .gross = 1000, .key = 1, .credits = {{.creator = "lisa"}}});
	shop_refund(&shop, (struct test_refund){.order = "pi_1", .id = "r", .amount = 400});
	shop_flush(&shop);
	expect("2", "SELECT sum(orders) FROM attrib.rollup_claim");
	shop_order(&shop, (struct test_order){.id = "pi_1", .ticket = 2, .merged_into = "1"});
	shop_order(&shop, (struct test_order){.id = "1",
				  .ticket = 2,
				  .gross = 1000,
				  .key = 1,
				  .credits = {{.creator = "lisa"}}});
	shop_flush(&shop);
	expect("1", "SELECT sum(orders) FROM attrib.rollup_claim");
	expect("1|partially_refunded|4.00|new",
		"SELECT order_id, status, refunded, customer_kind FROM attrib.conversion_status");
	shop_refund(&shop, (struct test_refund){.order = "pi_1", .id = "r3", .amount = 100});
	shop_flush(&shop);
	expect("5.00", "SELECT refunded FROM attrib.conversion_status");
}

static void alias_conflict_is_quarantined(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1000, .alias = "pi_1"});
	shop_flush(&shop);
	shop_order(&shop, (struct test_order){.id = "2", .gross = 1000, .alias = "pi_1"});
	shop_flush(&shop);
	expect("alias_conflict|2|1",
		"SELECT reason, order_id, detail->>'names' FROM attrib.quarantine");
	/* decided again together: the engine has found that 2 was first */
	shop_order(&shop, (struct test_order){.id = "1",
				  .ticket = 2,
				  .gross = 1000,
				  .alias = "pi_1",
				  .alias_conflict = true});
	shop_order(
		&shop, (struct test_order){.id = "2", .ticket = 2, .gross = 1000, .alias = "pi_1"});
	shop_refund(&shop, (struct test_refund){.order = "pi_1", .id = "r", .amount = 100});
	shop_flush(&shop);
	expect("alias_conflict|1|2",
		"SELECT reason, order_id, detail->>'names' FROM attrib.quarantine");
	expect("1|0.00;2|1.00",
		"SELECT string_agg(order_id || '|' || refunded, ';' ORDER BY order_id) FROM "
		"attrib.conversion_status");
}

/* What the engine has forgotten it can't unite: the database knows the names. */
static void another_name_of_a_forgotten_order_counts_nothing(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1000, .alias = "pi_1", .key = 1});
	shop_flush(&shop);
	for (int times = 0; times < 2; times++) { /* and again, when it is known as absorbed */
		uint64_t ticket = 2 + (uint64_t)times;
		shop_order(
			&shop, (struct test_order){.id = "pi_1", .ticket = ticket, .gross = 500});
		shop_order(&shop, (struct test_order){.id = "ch_1",
					  .ticket = ticket,
					  .gross = 600,
					  .key = 1,
					  .source = "stripe",
					  .alias = "pi_1"});
		shop_order(&shop, (struct test_order){.id = "9",
					  .ticket = ticket,
					  .gross = 700,
					  .source = "stripe",
					  .alias = "1",
					  .credits = {{.creator = "lisa"}}});
		shop_flush(&shop);
		expect("1|1000", "SELECT sum(orders), sum(gross) FROM attrib.rollup_claim");
		expect("9>1 ch_1>1 pi_1>1",
			"SELECT string_agg(order_id || '>' || merged_into, ' ' ORDER BY order_id) "
			"FROM attrib.conversion WHERE merged_into <> ''");
		expect("0", "SELECT count(*) FROM attrib.quarantine");
	}
	shop_refund(&shop, (struct test_refund){.order = "ch_1", .id = "r", .amount = 100});
	shop_flush(&shop);
	expect("1.00", "SELECT refunded FROM attrib.conversion_status");
	/* another order of the same source with that alias is a conflict, and an order */
	shop_order(
		&shop, (struct test_order){.id = "2", .ticket = 4, .gross = 50, .alias = "pi_1"});
	shop_flush(&shop);
	expect("2|1050", "SELECT sum(orders), sum(gross) FROM attrib.rollup_claim");
	expect("alias_conflict|2", "SELECT reason, order_id FROM attrib.quarantine");
}

static void sources_report_the_same_money(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1000});
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "a", .amount = 200, .at = 1});
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "b", .amount = 100, .at = 2});
	shop_refund(&shop, (struct test_refund){.order = "1",
				   .id = "c",
				   .amount = 200,
				   .at = 1,
				   .source = "stripe",
				   .cumulative = true});
	shop_refund(&shop, (struct test_refund){.order = "1",
				   .id = "d",
				   .amount = 500,
				   .at = 2,
				   .source = "stripe",
				   .cumulative = true});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "partially_refunded|10.00|5.00|5.00|unknown");
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "e", .amount = 400, .at = 3});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "partially_refunded|10.00|7.00|3.00|unknown");
}

/* Put one after the other, and in one batch. */
static void undated_word_keeps_its_first_arrival(void **state)
{
	static const struct test_refund first = {
		.order = "1", .id = "a", .event = "x", .amount = 300, .at = 1, .undated = true};
	struct test_refund retry = first, dated = first;

	(void)state;
	retry.at = 9;
	dated.at = 5;
	dated.undated = false;
	shop_order(&shop,
		(struct test_order){.id = "1", .gross = 1000, .credits = {{.creator = "lisa"}}});
	shop_refund(&shop, retry);
	shop_refund(&shop, first);
	shop_flush(&shop);
	shop_refund(&shop, retry);
	shop_flush(&shop);
	expect("00:01", "SELECT to_char(occurred_at AT TIME ZONE 'UTC', 'HH24:MI') FROM "
			"attrib.refund_fact");
	for (int i = 0; i < 2; i++) {
		shop_refund(&shop, i ? first : dated);
		shop_flush(&shop);
		expect("00:05", "SELECT to_char(occurred_at AT TIME ZONE 'UTC', 'HH24:MI') FROM "
				"attrib.refund_fact");
	}
}

static void void_takes_a_refund_back(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 1000,
				  .credits = {{.creator = "lisa"}, {.creator = "mia"}}});
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "a", .amount = 300, .at = 1});
	shop_flush(&shop);
	shop_refund(
		&shop, (struct test_refund){
			       .order = "1", .id = "a", .amount = 300, .at = 2, .voided = true});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "paid|10.00|0.00|10.00|unknown");
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "a", .amount = 300, .at = 1});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "paid|10.00|0.00|10.00|unknown");
}

/* A void holds whenever it was told and whenever it happened; otherwise the latest word counts. */
static void words_of_a_refund_are_kept(void **state)
{
	(void)state;
	shop_order(&shop,
		(struct test_order){.id = "1", .gross = 1000, .credits = {{.creator = "lisa"}}});
	shop_refund(&shop, (struct test_refund){
				   .order = "1", .id = "a", .event = "v", .at = 1, .voided = true});
	shop_refund(&shop, (struct test_refund){
				   .order = "1", .id = "a", .event = "r", .amount = 300, .at = 2});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "paid|10.00|0.00|10.00|unknown");
	shop_refund(&shop, (struct test_refund){
				   .order = "1", .id = "b", .event = "b2", .amount = 200, .at = 4});
	shop_flush(&shop);
	shop_refund(&shop, (struct test_refund){
				   .order = "1", .id = "b", .event = "b1", .amount = 700, .at = 3});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "partially_refunded|10.00|2.00|8.00|unknown");
	expect("a|r\na|v\nb|b1\nb|b2",
		"SELECT refund_id, event_id FROM attrib.refund_fact ORDER BY 1, 2");
	expect("taken back\ntaken back\na later word of this refund decides\n",
		"SELECT a->>'reason' FROM jsonb_array_elements("
		"attrib.explain('acme', 'order', '1')->'adjustments') a");
}

/* What waits in quarantine is the latest word, not one that was corrected since. */
static void corrected_currency_leaves_the_quarantine(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1000});
	shop_refund(&shop, (struct test_refund){.order = "1",
				   .id = "a",
				   .event = "a1",
				   .amount = 300,
				   .currency = "USD",
				   .at = 1});
	shop_flush(&shop);
	expect("a", "SELECT detail->>'refund_id' FROM attrib.quarantine");
	shop_refund(&shop, (struct test_refund){.order = "1",
				   .id = "a",
				   .event = "a2",
				   .amount = 200,
				   .currency = "EUR",
				   .at = 2});
	shop_flush(&shop);
	expect("", "SELECT * FROM attrib.quarantine");
	assert_string_equal(status_of("1"), "partially_refunded|10.00|2.00|8.00|unknown");
}

static void refund_by_two_names_counts_once(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1000, .alias = "pi_1"});
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "r", .amount = 400});
	shop_refund(&shop, (struct test_refund){.order = "pi_1", .id = "r", .amount = 400});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "partially_refunded|10.00|4.00|6.00|unknown");
}

static void refund_is_clamped_and_flagged(void **state)
{
	(void)state;
	shop_order(&shop,
		(struct test_order){.id = "1", .gross = 1000, .credits = {{.creator = "lisa"}}});
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "a", .amount = 1001});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "refunded|10.00|10.00|0.00|unknown");
	expect("t", "SELECT over_refund FROM attrib.conversion_status");
}

static void refund_in_another_currency_is_quarantined(void **state)
{
	(void)state;
	shop_refund(&shop,
		(struct test_refund){.order = "1", .id = "a", .amount = 500, .currency = "USD"});
	shop_flush(&shop);
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1000});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "paid|10.00|0.00|10.00|unknown");
	expect("refund_currency|1|USD",
		"SELECT reason, order_id, detail->>'currency' FROM attrib.quarantine");
}

static void cancel_and_uncancel(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 1000,
				  .key = 1,
				  .credits = {{.creator = "lisa"}, {.creator = "mia"}}});
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "a", .amount = 300, .at = 1});
	shop_cancel(&shop, "1", 10, false);
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "cancelled|10.00|10.00|0.00|unknown");
	shop_cancel(&shop, "1", 9, true);
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "cancelled|10.00|10.00|0.00|unknown");
	shop_cancel(&shop, "1", 11, true);
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "partially_refunded|10.00|3.00|7.00|new");
}

static void late_copy_updates_status_and_keeps_the_path(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 1001,
				  .status = ATTRIB_STATUS_PENDING,
				  .credits = {{.creator = "lisa"}, {.creator = "mia"}}});
	shop_flush(&shop);
	shop_order(&shop, (struct test_order){.id = "1", .ticket = 2, .gross = 901, .late = true});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "paid|9.01|0.00|9.01|unknown");
	expect("lisa|4.51\nmia|4.50",
		"SELECT creator, gross FROM attrib.order_credit WHERE model = 'linear' ORDER BY 1");
	shop_order(&shop, (struct test_order){.id = "1",
				  .ticket = 3,
				  .gross = 1,
				  .late = true,
				  .stranger = true,
				  .status = ATTRIB_STATUS_PROVISIONAL});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "paid|9.01|0.00|9.01|unknown");
}

/* A word that places the order earlier makes it late without anything being forgotten. */
static void an_order_that_becomes_late_loses_its_path(void **state)
{
	const int days = 24 * 60;

	(void)state;
	shop_order(&shop, (struct test_order){.id = "1",
				  .at = 60 * days,
				  .gross = 1000,
				  .credits = {{.creator = "lisa"}}});
	shop_flush(&shop);
	shop_order(&shop, (struct test_order){.id = "1",
				  .ticket = 2,
				  .at = days,
				  .received = 60 * days,
				  .gross = 1000,
				  .late = true});
	shop_flush(&shop);
	expect("|unattributed",
		"SELECT creator, channel FROM attrib.order_credit WHERE model = 'policy'");
}

/* The memory was lost on the first day: what was stored before and is heard of again is known better here,
 * what the memory knows from the first word on is decided by it. */
static void what_a_lost_memory_hears_again_keeps_its_path(void **state)
{
	const int day = 24 * 60;

	(void)state;
	for (int i = 1; i <= 3; i++)
		shop_order(&shop, (struct test_order){.id = i == 1   ? "1"
							    : i == 2 ? "2"
								     : "3",
					  .at = i == 3 ? 2 * day : 0,
					  .gross = 1000,
					  .credits = {{.creator = "lisa"}}});
	shop_flush(&shop);
	test_pg_run(&pg, "INSERT INTO attrib.instance (id, epoch) VALUES (decode(repeat('07', 16), "
			 "'hex'), 0)");
	test_pg_run(&pg,
		"INSERT INTO attrib.site_state (site, instance, lost_at) SELECT name, "
		"decode(repeat('07', 16), 'hex'), "
		"(SELECT min(first_received_at) FROM attrib.conversion) + interval '1 day' "
		"FROM attrib.site");
	for (int i = 1; i <= 3; i++)
		shop_order(&shop, (struct test_order){.id = i == 1   ? "1"
							    : i == 2 ? "2"
								     : "3",
					  .ticket = 2,
					  .at = i == 1   ? 3 * day
						: i == 2 ? 0
							 : 2 * day,
					  .gross = 900,
					  .credits = {{.creator = "cyd"}}});
	shop_flush(&shop);
	expect("1|lisa|9.00\n2|cyd|9.00\n3|cyd|9.00",
		"SELECT order_id, creator, gross FROM attrib.order_credit WHERE model = 'policy' "
		"ORDER BY 1");
}

/* The engine had forgotten it, and its new copy names no placed_at: it looks like an order of today. */
static void a_forgotten_order_keeps_its_path_and_its_time(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 1001,
				  .credits = {{.creator = "lisa"}, {.creator = "mia"}}});
	shop_order(&shop, (struct test_order){.id = "2", .gross = 1000, .late = true});
	shop_flush(&shop);
	for (int i = 1; i <= 2; i++)
		shop_order(&shop, (struct test_order){.id = i == 1 ? "1" : "2",
					  .ticket = 2,
					  .gross = 901,
					  .at = 61 * 24 * 60,
					  .credits = {{.creator = "cyd"}}});
	shop_flush(&shop);
	expect("1|lisa|4.51\n1|mia|4.50\n2||9.01",
		"SELECT order_id, creator, gross FROM attrib.order_credit WHERE model = 'linear' "
		"ORDER BY 1, 2");
	expect("1|2026-11-01|901\n2|2026-11-01|901",
		"SELECT order_id, placed_at::date, gross FROM attrib.conversion ORDER BY 1");
}

/* What was received first may have been another's that an alias united: no reason to keep the path. */
static void an_order_that_parted_from_another_is_decided_again(void **state)
{
	(void)state;
	shop_order(&shop,
		(struct test_order){.id = "1", .gross = 1000, .credits = {{.creator = "lisa"}}});
	shop_flush(&shop);
	shop_order(&shop, (struct test_order){.id = "1",
				  .ticket = 2,
				  .gross = 900,
				  .at = 60,
				  .credits = {{.creator = "mia"}}});
	shop_flush(&shop);
	expect("mia|9.00",
		"SELECT creator, gross FROM attrib.order_credit WHERE model = 'linear' ORDER BY 1");
}

static void zero_gross_is_fine(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 0,
				  .key = 1,
				  .credits = {{.creator = "lisa"}, {.creator = "mia"}}});
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "a", .amount = 300});
	shop_flush(&shop);
	assert_string_equal(status_of("1"), "paid|0.00|0.00|0.00|new");
	expect("2", "SELECT count(*) FROM attrib.order_credit WHERE model = 'linear'");
}

/* Nothing but the flag tells that there was a refund. */
static void void_of_a_refund_of_nothing_takes_its_flag_along(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1", .gross = 0});
	shop_refund(&shop, (struct test_refund){
				   .order = "1", .id = "a", .event = "a1", .amount = 300, .at = 1});
	shop_flush(&shop);
	expect("0.00|t", "SELECT refunded, over_refund FROM attrib.conversion_status");
	shop_refund(
		&shop, (struct test_refund){
			       .order = "1", .id = "a", .event = "a2", .at = 2, .voided = true});
	shop_flush(&shop);
	expect("0.00|f", "SELECT refunded, over_refund FROM attrib.conversion_status");
}

static const char *kinds(void)
{
	return test_pg_text(&pg,
		"SELECT string_agg(order_id || ':' || customer_kind, ' ' ORDER BY order_id)"
		" FROM attrib.conversion_status");
}

static void older_order_moves_the_flag(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "b", .gross = 1000, .at = 50, .key = 1});
	shop_order(&shop, (struct test_order){.id = "c", .gross = 1000, .at = 60, .key = 1});
	shop_flush(&shop);
	assert_string_equal(kinds(), "b:new c:returning");
	shop_order(&shop, (struct test_order){.id = "a", .gross = 1000, .at = 50, .key = 1});
	shop_flush(&shop);
	assert_string_equal(kinds(), "a:new b:returning c:returning");
	shop_refund(&shop, (struct test_refund){.order = "a", .id = "r", .amount = 1000});
	shop_flush(&shop);
	assert_string_equal(kinds(), "a:unknown b:new c:returning");
}

static void keys_unite_customers(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "a", .gross = 1000, .at = 1, .key = 1});
	shop_order(&shop, (struct test_order){.id = "b", .gross = 1000, .at = 2, .key = 2});
	shop_order(&shop, (struct test_order){.id = "c", .gross = 1000, .at = 3, .key = 3});
	shop_flush(&shop);
	assert_string_equal(kinds(), "a:new b:new c:new");
	shop_link(&shop, 3, 4);
	shop_link(&shop, 4, 2);
	shop_flush(&shop);
	assert_string_equal(kinds(), "a:new b:new c:returning");
	shop_order(
		&shop, (struct test_order){.id = "d", .gross = 1000, .at = 4, .key = 1, .key2 = 3});
	shop_flush(&shop);
	assert_string_equal(kinds(), "a:new b:returning c:returning d:returning");
	expect("1|4", "SELECT count(DISTINCT customer), count(*) FROM attrib.customer_key");
	expect("1", "SELECT count(*) FROM attrib.customer");
}

static void partial_history_proves_returning_only(void **state)
{
	(void)state;
	shop_site(&pg, "partial");
	shop_order(&shop, (struct test_order){.id = "a", .gross = 1000, .at = 1, .key = 1});
	shop_order(&shop, (struct test_order){.id = "b", .gross = 1000, .at = 2, .key = 1});
	shop_order(&shop, (struct test_order){.id = "c", .gross = 1000, .at = 2});
	shop_flush(&shop);
	assert_string_equal(kinds(), "a:unknown b:returning c:unknown");
	shop_site(&pg, "complete");
	shop_check(&shop);
	assert_string_equal(kinds(), "a:new b:returning c:unknown");
}

/* A reload writes all sites in one transaction. */
static void histories_of_two_sites_change_at_once(void **state)
{
	(void)state;
	test_pg_run(&pg, "SELECT attrib.put_site_v1('beta', 'UTC', 'EUR', 'complete', 1,"
			 " 'direct_cost', '{}')");
	shop_order(&shop,
		(struct test_order){
			.id = "1", .gross = 1000, .key = 1, .credits = {{.creator = "lisa"}}});
	shop_flush(&shop);
	test_pg_run(&pg, "BEGIN; SELECT attrib.put_site_v1('acme', 'UTC', 'EUR', 'partial', 1,"
			 " 'direct_cost', '{}'), attrib.put_site_v1('beta', 'UTC', 'EUR',"
			 " 'partial', 1, 'direct_cost', '{}'); COMMIT");
	shop_check(&shop);
	assert_string_equal(status_of("1"), "paid|10.00|0.00|10.00|unknown");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, shop_open, shop_close)
	const struct CMUnitTest tests[] = {
		CASE(counts_an_order),
		CASE(same_batch_twice_counts_once),
		CASE(positionless_batch_may_be_repeated),
		CASE(stale_ticket_is_ignored),
		CASE(uncounted_orders_are_in_no_sum),
		CASE(ten_refunds_end_at_zero_for_everyone),
		CASE(partial_refund_is_split_by_largest_remainder),
		CASE(refund_is_brought_to_the_basis),
		CASE(refund_before_its_order_waits),
		CASE(refund_by_an_alias_finds_its_order),
		CASE(absorbed_order_counts_nowhere),
		CASE(alias_conflict_is_quarantined),
		CASE(another_name_of_a_forgotten_order_counts_nothing),
		CASE(sources_report_the_same_money),
		CASE(void_takes_a_refund_back),
		CASE(undated_word_keeps_its_first_arrival),
		CASE(words_of_a_refund_are_kept),
		CASE(corrected_currency_leaves_the_quarantine),
		CASE(refund_by_two_names_counts_once),
		CASE(refund_is_clamped_and_flagged),
		CASE(refund_in_another_currency_is_quarantined),
		CASE(cancel_and_uncancel),
		CASE(late_copy_updates_status_and_keeps_the_path),
		CASE(an_order_that_becomes_late_loses_its_path),
		CASE(a_forgotten_order_keeps_its_path_and_its_time),
		CASE(what_a_lost_memory_hears_again_keeps_its_path),
		CASE(an_order_that_parted_from_another_is_decided_again),
		CASE(zero_gross_is_fine),
		CASE(void_of_a_refund_of_nothing_takes_its_flag_along),
		CASE(older_order_moves_the_flag),
		CASE(keys_unite_customers),
		CASE(partial_history_proves_returning_only),
		CASE(histories_of_two_sites_change_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
