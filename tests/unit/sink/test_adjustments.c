/*
 * Refunds, voids and cancels by their own dates, and from whose credit they took what. The numbers
 * are computed by hand; that adjustments always add up to the state is asked after every flush.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "one_shop.h"

#define DAY 1440

static const char *adjustments(const char *order)
{
	return test_pg_text(&pg,
		"SELECT adjustment_id, type, to_char(occurred_at, 'DD HH24:MI'), amount, "
		"refunded_after"
		" FROM attrib.adjustment WHERE order_id = '%s'",
		order);
}

/* Of one creator under one model, in the order of the adjustments. */
static const char *taken(const char *model, const char *creator)
{
	return test_pg_text(&pg,
		"SELECT string_agg(amount::text, ' ' ORDER BY occurred_at) FROM "
		"attrib.adjustment_credit"
		" WHERE model = '%s' AND creator = '%s'",
		model, creator);
}

static void put_order(const char *id, int64_t gross, const char *currency)
{
	shop_order(&shop, (struct test_order){.id = id,
				  .gross = gross,
				  .currency = currency,
				  .credits = {{.creator = "lisa"}, {.creator = "mia"}}});
}

static void ten_refunds_over_three_creators(void **state)
{
	static const int arrival[] = {7, 2, 9, 0, 4, 1, 8, 5, 3, 6};
	char id[8];

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		snprintf(id, sizeof id, "r%d", arrival[i]);
		shop_refund(&shop,
			(struct test_refund){
				.order = "1", .id = id, .amount = 1000, .at = 600 + arrival[i]});
		if (i == 4)
			shop_order(&shop, (struct test_order){.id = "1",
						  .gross = 10000,
						  .credits = {{.creator = "lisa"},
							  {.creator = "mia"}, {.creator = "tom"}}});
		shop_flush(&shop);
	}
	/* 33.34, 33.33, 33.33; of 20.00: 6.668, 6.666, 6.666; of 30.00: 10.002, 9.999, 9.999 ... */
	assert_string_equal(
		taken("linear", "lisa"), "3.34 3.33 3.33 3.34 3.33 3.33 3.34 3.33 3.33 3.34");
	assert_string_equal(
		taken("linear", "mia"), "3.33 3.34 3.33 3.33 3.34 3.33 3.33 3.34 3.33 3.33");
	assert_string_equal(
		taken("time_decay", "tom"), "3.33 3.33 3.34 3.33 3.33 3.34 3.33 3.33 3.34 3.33");
	assert_string_equal(taken("policy", "lisa"),
		"10.00 10.00 10.00 10.00 10.00 10.00 10.00 10.00 10.00 10.00");
	assert_string_equal(taken("last_touch", "lisa"), "");
	expect("6|10|10.00|10.00|100.00|100.00",
		"SELECT count(*), min(n), min(least), max(most), min(sum), max(sum) FROM ("
		" SELECT model, count(*) AS n, min(amount) AS least, max(amount) AS most, "
		"sum(amount) AS sum FROM ("
		"  SELECT model, adjustment_id, sum(amount) AS amount FROM "
		"attrib.adjustment_credit GROUP BY 1, 2) a"
		" GROUP BY model) m");
	expect("", "SELECT k.creator, k.model FROM attrib.order_credit k"
		   " LEFT JOIN (SELECT model, creator, sum(amount) AS amount, max(refunded_after) "
		   "AS after"
		   "  FROM attrib.adjustment_credit GROUP BY 1, 2) a USING (model, creator)"
		   " WHERE k.net <> 0 OR a.amount <> k.refunded OR a.after <> k.refunded");
}

static void currencies_without_and_with_three_decimals(void **state)
{
	(void)state;
	put_order("yen", 1000, "JPY");
	put_order("dinar", 10001, "KWD");
	shop_refund(&shop,
		(struct test_refund){
			.order = "yen", .id = "a", .amount = 333, .currency = "JPY", .at = 1});
	/* without a currency: 1.00 with the two decimals of the site's euro */
	shop_refund(&shop, (struct test_refund){.order = "yen", .id = "b", .amount = 100, .at = 2});
	shop_refund(&shop,
		(struct test_refund){
			.order = "dinar", .id = "c", .amount = 1000, .currency = "KWD", .at = 1});
	shop_refund(&shop,
		(struct test_refund){
			.order = "dinar", .id = "d", .amount = 500, .currency = "EUR", .at = 2});
	shop_flush(&shop);
	expect("dinar|c|1.000|1.000|KWD\nyen|a|333|333|JPY\nyen|b|1|334|JPY",
		"SELECT order_id, adjustment_id, amount, refunded_after, currency FROM "
		"attrib.adjustment");
	/* 166.5 each, the odd yen to the earlier; 5.001 and 5.000: 0.50005 and 0.49995 */
	expect("dinar|c|lisa|0.500\ndinar|c|mia|0.500\nyen|a|lisa|167\nyen|a|mia|166\nyen|b|mia|1",
		"SELECT order_id, adjustment_id, creator, amount FROM attrib.adjustment_credit "
		"WHERE model = 'linear'");
}

static void void_has_its_own_date(void **state)
{
	(void)state;
	put_order("1", 1000, NULL);
	shop_refund(
		&shop, (struct test_refund){
			       .order = "1", .id = "a", .event = "a1", .amount = 300, .at = DAY});
	shop_flush(&shop);
	shop_refund(&shop,
		(struct test_refund){
			.order = "1", .id = "a", .event = "a2", .at = 3 * DAY, .voided = true});
	shop_refund(&shop,
		(struct test_refund){
			.order = "1", .id = "b", .event = "b1", .at = 2 * DAY, .voided = true});
	shop_refund(&shop,
		(struct test_refund){
			.order = "1", .id = "b", .event = "b2", .amount = 500, .at = 4 * DAY});
	shop_flush(&shop);
	assert_string_equal(
		adjustments("1"), "a|refund|02 00:00|3.00|3.00\na|void|04 00:00|-3.00|0.00");
	assert_string_equal(taken("linear", "mia"), "1.50 -1.50");
	expect("a|3.00", "SELECT adjustment_id, amount FROM attrib.adjustment_between('acme', "
			 "'2026-11-01', '2026-11-03')");
	expect("a|-3.00", "SELECT adjustment_id, amount FROM attrib.adjustment_between(NULL, "
			  "'2026-11-04', '2026-11-30')");
}

static void correction_is_the_difference(void **state)
{
	(void)state;
	put_order("1", 1000, NULL);
	shop_refund(
		&shop, (struct test_refund){
			       .order = "1", .id = "a", .event = "a2", .amount = 100, .at = 20});
	shop_refund(
		&shop, (struct test_refund){
			       .order = "1", .id = "a", .event = "a1", .amount = 700, .at = 10});
	shop_flush(&shop);
	assert_string_equal(
		adjustments("1"), "a|refund|01 00:10|7.00|7.00\na|refund|01 00:20|-6.00|1.00");
	assert_string_equal(taken("policy", "lisa"), "7.00 -6.00");
}

static void second_source_adds_what_it_knows_more(void **state)
{
	(void)state;
	put_order("1", 1000, NULL);
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "a", .amount = 300, .at = 1});
	shop_refund(&shop, (struct test_refund){.order = "1",
				   .id = "s1",
				   .amount = 300,
				   .at = 2,
				   .source = "stripe",
				   .cumulative = true});
	shop_refund(&shop, (struct test_refund){.order = "1",
				   .id = "s2",
				   .amount = 500,
				   .at = 3,
				   .source = "stripe",
				   .cumulative = true});
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "b", .amount = 400, .at = 4});
	shop_flush(&shop);
	assert_string_equal(adjustments("1"), "a|refund|01 00:01|3.00|3.00\ns2|refund|01 "
					      "00:03|2.00|5.00\nb|refund|01 00:04|2.00|7.00");
}

static void cancel_takes_the_rest_and_uncancel_gives_it_back(void **state)
{
	(void)state;
	put_order("1", 1000, NULL);
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "a", .amount = 301, .at = 1});
	shop_cancel(&shop, "1", 10, false);
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "b", .amount = 200, .at = 11});
	shop_flush(&shop);
	assert_string_equal(adjustments("1"),
		"a|refund|01 00:01|3.01|3.01\ncancel-10-0|cancel|01 00:10|6.99|10.00");
	shop_cancel(&shop, "1", 12, true);
	shop_flush(&shop);
	assert_string_equal(adjustments("1"),
		"a|refund|01 00:01|3.01|3.01\ncancel-10-0|cancel|01 00:10|6.99|10.00\n"
		"cancel-12-1|uncancel|01 00:12|-4.99|5.01");
	/* 3.01: 1.51 and 1.50; 10.00: 5.00 each; 5.01: 2.51 and 2.50 */
	assert_string_equal(taken("linear", "lisa"), "1.51 3.49 -2.49");
	assert_string_equal(taken("linear", "mia"), "1.50 3.50 -2.50");
}

static void nothing_is_refunded_beyond_the_total(void **state)
{
	(void)state;
	put_order("1", 1000, NULL);
	for (int i = 0; i < 3; i++)
		shop_refund(&shop, (struct test_refund){.order = "1",
					   .id = (const char *[]){"a", "b", "c"}[i],
					   .amount = 600,
					   .at = i});
	shop_flush(&shop);
	assert_string_equal(
		adjustments("1"), "a|refund|01 00:00|6.00|6.00\nb|refund|01 00:01|4.00|10.00");
	/* of a total with tax and shipping: 8.403, 16.807, the rest */
	shop_order(&shop, (struct test_order){.id = "2",
				  .gross = 10000,
				  .total = 11900,
				  .credits = {{.creator = "lisa"}}});
	shop_refund(&shop, (struct test_refund){.order = "2", .id = "a", .amount = 1000, .at = 1});
	shop_refund(&shop, (struct test_refund){.order = "2", .id = "b", .amount = 1000, .at = 2});
	shop_refund(&shop, (struct test_refund){.order = "2", .id = "c", .amount = 9900, .at = 3});
	shop_flush(&shop);
	assert_string_equal(adjustments("2"), "a|refund|01 00:01|8.40|8.40\nb|refund|01 "
					      "00:02|8.41|16.81\nc|refund|01 00:03|83.19|100.00");
}

static void absorbed_and_uncounted_orders(void **state)
{
	(void)state;
	put_order("1", 1000, NULL);
	put_order("pi_1", 1000, NULL);
	shop_refund(&shop, (struct test_refund){.order = "pi_1", .id = "a", .amount = 400});
	shop_order(&shop, (struct test_order){.id = "2",
				  .gross = 1000,
				  .status = ATTRIB_STATUS_PENDING,
				  .credits = {{.creator = "tom"}}});
	shop_refund(&shop, (struct test_refund){.order = "2", .id = "b", .amount = 100});
	shop_refund(&shop, (struct test_refund){.order = "9", .id = "c", .amount = 100});
	shop_flush(&shop);
	shop_order(&shop, (struct test_order){.id = "pi_1", .ticket = 2, .merged_into = "1"});
	shop_flush(&shop);
	expect("1|a|4.00|t\n2|b|1.00|f",
		"SELECT order_id, adjustment_id, amount, counted FROM attrib.adjustment");
	expect("1", "SELECT DISTINCT order_id FROM attrib.adjustment_credit");
}

static const char *money(const char *days, const char *by)
{
	return test_pg_text(&pg,
		"SELECT creator, conversions, gross, refunded, net FROM "
		"attrib.creator_money_between("
		"'acme', %s, NULL, '%s') ORDER BY creator",
		days, by);
}

/* Touched on the 1st, ordered on the 1st and 2nd, refunded on the 3rd. */
static void two_orders_and_a_refund(void)
{
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 10000,
				  .at = DAY - 60,
				  .credits = {{.creator = "lisa"}, {.creator = "mia"}}});
	shop_order(&shop, (struct test_order){.id = "2",
				  .gross = 5000,
				  .at = DAY + 30,
				  .credits = {{.creator = "lisa"}}});
	shop_refund(&shop,
		(struct test_refund){.order = "1", .id = "r", .amount = 3000, .at = 3 * DAY - 30});
	shop_flush(&shop);
}

static void money_by_the_date_that_is_asked_for(void **state)
{
	(void)state;
	two_orders_and_a_refund();
	assert_string_equal(
		money("'2026-11-01', '2026-11-01'", "order"), "lisa|1|100.00|30.00|70.00");
	assert_string_equal(
		money("'2026-11-02', '2026-11-02'", "order"), "lisa|1|50.00|0.00|50.00");
	assert_string_equal(money("'2026-11-03', '2026-11-03'", "order"), "");
	assert_string_equal(
		money("'2026-11-01', '2026-11-01'", "touch"), "lisa|2|150.00|30.00|120.00");
	assert_string_equal(money("'2026-11-02', '2026-11-30'", "touch"), "");
	assert_string_equal(
		money("'2026-11-01', '2026-11-01'", "refund"), "lisa|1|100.00|0.00|100.00");
	assert_string_equal(
		money("'2026-11-02', '2026-11-02'", "refund"), "lisa|1|50.00|0.00|50.00");
	assert_string_equal(
		money("'2026-11-03', '2026-11-03'", "refund"), "lisa|0|0.00|30.00|-30.00");
	for (int i = 0; i < 3; i++)
		assert_string_equal(money("'2026-11-01', '2026-11-03'",
					    (const char *[]){"order", "touch", "refund"}[i]),
			"lisa|2|150.00|30.00|120.00");
	expect("lisa|linear|1.5|100.00|15.00|85.00\nmia|linear|0.5|50.00|15.00|35.00",
		"SELECT creator, model, conversions, gross, refunded, net FROM attrib.creator_money"
		" WHERE model = 'linear' ORDER BY creator");
	assert_string_equal(
		test_pg_state(&pg,
			"SELECT * FROM attrib.creator_money_between('acme', '2026-11-01',"
			" '2026-11-01', NULL, 'mood')"),
		"22023");
}

static void days_of_refunds_are_the_sites_own(void **state)
{
	(void)state;
	two_orders_and_a_refund();
	test_pg_run(&pg, "SELECT attrib.put_site_v1('acme', 'Europe/Berlin', 'EUR', 'complete', 1, "
			 "'none', '{}')");
	assert_string_equal(money("'2026-11-03', '2026-11-03'", "refund"), "");
	assert_string_equal(
		money("'2026-11-04', '2026-11-04'", "refund"), "lisa|0|0.00|30.00|-30.00");
	expect("r", "SELECT adjustment_id FROM attrib.adjustment_credit_between('acme', "
		    "'2026-11-04', '2026-11-04')");
	expect("", "SELECT * FROM attrib.adjustment_credit_between('acme', '2026-11-03', "
		   "'2026-11-03')");
}

static void roi_takes_the_dating_too(void **state)
{
	(void)state;
	two_orders_and_a_refund();
	test_pg_run(&pg, "INSERT INTO attrib.cost (site, cost_id, creator, kind, amount, currency, "
			 "incurred_on)"
			 " VALUES ('acme', 'a', 'lisa', 'fee', 60, 'EUR', '2026-11-03')");
	expect("60.00|0.00|30.00|-30.00|-1.50",
		"SELECT cost, gross, refunded, net, round(roi, 2) FROM attrib.roi_between('acme', "
		"'2026-11-03', '2026-11-03',"
		" 'policy', 'net', by => 'refund')");
	expect("60.00|150.00|120.00|2|1.00", "SELECT cost, gross, net, conversions, round(roi, 2) "
					     "FROM attrib.roi_between('acme', '2026-11-01',"
					     " '2026-11-03', by => 'touch')");
	expect("60.00|0.00|-1.00", "SELECT cost, net, round(roi, 2) FROM "
				   "attrib.roi_between('acme', '2026-11-03', '2026-11-03')");
}

/* The check must be able to fail. */
static void what_does_not_add_up_is_found(void **state)
{
	(void)state;
	two_orders_and_a_refund();
	test_pg_run(&pg, "UPDATE attrib.credit SET refunded[4] = refunded[4] + 1 WHERE order_id = "
			 "'1' AND n = 2");
	expect("adjustment_credit|[\"acme\", \"1\", 2, 4]|1501|1500",
		"SELECT * FROM attrib.check_adjustments()");
	test_pg_run(&pg, "UPDATE attrib.credit SET refunded[4] = refunded[4] - 1 WHERE order_id = "
			 "'1' AND n = 2");
	test_pg_run(&pg, "UPDATE attrib.conversion SET refunded = 0 WHERE order_id = '1'");
	expect("adjustment|[\"acme\", \"1\"]|0|3000", "SELECT * FROM attrib.check_adjustments()");
	test_pg_run(&pg, "UPDATE attrib.conversion SET refunded = 3000 WHERE order_id = '1'");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, shop_open, shop_close)
	const struct CMUnitTest tests[] = {
		CASE(ten_refunds_over_three_creators),
		CASE(currencies_without_and_with_three_decimals),
		CASE(void_has_its_own_date),
		CASE(correction_is_the_difference),
		CASE(second_source_adds_what_it_knows_more),
		CASE(cancel_takes_the_rest_and_uncancel_gives_it_back),
		CASE(nothing_is_refunded_beyond_the_total),
		CASE(absorbed_and_uncounted_orders),
		CASE(money_by_the_date_that_is_asked_for),
		CASE(days_of_refunds_are_the_sites_own),
		CASE(roi_takes_the_dating_too),
		CASE(what_does_not_add_up_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
