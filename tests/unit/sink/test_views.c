/*
 * What people read: the worked examples of the KPI definitions with exactly their numbers, periods,
 * cost spreading, traffic, unknown keys, and that everything says what it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "one_shop.h"

static void cost(
	const char *id, const char *campaign, const char *creator, const char *kind, int amount)
{
	test_pg_run(&pg,
		"INSERT INTO attrib.cost (site, cost_id, campaign, creator, kind, amount, "
		"currency, incurred_on)"
		" VALUES ('acme', '%s', nullif('%s', ''), nullif('%s', ''), '%s', %d, 'EUR', "
		"'2026-11-01')",
		id, campaign, creator, kind, amount);
}

/* Lisa: fee 3,000, revenue 9,000; Mia 1,000 and 1,000; agency 2,000. */
static void lisa_and_mia(void)
{
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 900000,
				  .key = 1,
				  .credits = {{.creator = "lisa", .campaign = "spring"}}});
	shop_order(&shop, (struct test_order){.id = "2",
				  .gross = 100000,
				  .key = 2,
				  .credits = {{.creator = "mia", .campaign = "spring"}}});
	shop_flush(&shop);
	cost("a", "spring", "lisa", "fee", 3000);
	cost("b", "spring", "mia", "fee", 1000);
	cost("c", "spring", "", "agency", 2000);
}

static void roi_of_the_worked_example(void **state)
{
	(void)state;
	lisa_and_mia();
	expect("lisa|3000.00|1500.00|4500.00|9000.00|1.00|2.00|2.00\n"
	       "mia|1000.00|500.00|1500.00|1000.00|-0.33|0.67|0.00",
		"SELECT creator, cost_direct, cost_shared, cost, net, round(roi, 2),"
		" round(revenue_cost_ratio, 2), round(roi_direct, 2)"
		" FROM attrib.roi WHERE model = 'policy' ORDER BY creator");
	expect("0.67", "SELECT round((sum(net) - sum(cost)) / sum(cost), 2) FROM attrib.roi"
		       " WHERE model = 'policy' AND campaign = 'spring'");
	expect("spring|6000.00|2|0|3000.00",
		"SELECT campaign, cost, new_customers, unknown_customers,"
		" round(cac, 2) FROM attrib.cac");
	expect("3.00", "SELECT round(roas_total, 2) FROM attrib.roi WHERE model = 'policy' AND "
		       "creator = 'lisa'");
}

static void other_ways_of_spreading(void **state)
{
	(void)state;
	static const char *const ways[][2] = {{"equal", "lisa|1000.00\nmia|1000.00"},
		{"revenue", "lisa|1800.00\nmia|200.00"}, {"none", "lisa|0.00\nmia|0.00\n|2000.00"}};

	lisa_and_mia();
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		test_pg_run(&pg, "UPDATE attrib.site SET cost_spread = '%s'", ways[i][0]);
		expect(ways[i][1],
			"SELECT creator, cost_shared FROM attrib.roi WHERE model = 'policy'"
			" ORDER BY creator");
		expect("6000.00", "SELECT sum(cost) FROM attrib.roi WHERE model = 'policy'");
	}
}

static void odd_cent_goes_to_the_first_handle(void **state)
{
	(void)state;
	test_pg_run(&pg, "INSERT INTO attrib.placement (site, name, campaign, creator) VALUES"
			 " ('acme', 'p1', 'spring', 'zoe'), ('acme', 'p2', 'spring', 'Zoe'),"
			 " ('acme', 'p3', 'spring', 'adam')");
	cost("c", "spring", "", "agency", 100);
	expect("Zoe|33.34|-1.00||\nadam|33.33|-1.00||\nzoe|33.33|-1.00||",
		"SELECT creator, cost_shared, round(roi, 2), cpa, cac FROM attrib.roi"
		" WHERE model = 'linear' ORDER BY creator COLLATE \"C\"");
}

static void cost_without_sale_is_shown(void **state)
{
	(void)state;
	cost("c", "silent", "", "agency", 100);
	cost("d", "", "", "other", 7);
	expect("shared|silent|100.00|-1.00||",
		"SELECT row_kind, campaign, cost, round(roi, 2), cpa, cac"
		" FROM attrib.roi WHERE model = 'policy' AND campaign = 'silent'");
	expect("shared||7.00", "SELECT row_kind, campaign, cost FROM attrib.roi"
			       " WHERE model = 'policy' AND campaign IS NULL");
	expect("silent|100.00|0|", "SELECT campaign, cost, new_customers, cac FROM attrib.cac "
				   "WHERE campaign IS NOT NULL");
}

static void periods_add_up(void **state)
{
	(void)state;
	test_pg_run(&pg,
		"INSERT INTO attrib.cost (site, cost_id, campaign, creator, kind, amount, currency,"
		" incurred_on, covers_from, covers_to) VALUES ('acme', 'a', 'spring', 'lisa', "
		"'fee',"
		" 100, 'EUR', '2026-11-01', '2026-11-01', '2026-11-07')");
	expect("100.00",
		"SELECT sum(cost) FROM generate_series(date '2026-11-01', '2026-11-07', '1 day') d,"
		" attrib.roi_between('acme', d::date, d::date)");
	expect("14.29|42.86",
		"SELECT (SELECT cost FROM attrib.roi_between('acme', '2026-11-01', '2026-11-01')),"
		" (SELECT cost FROM attrib.roi_between('acme', '2026-11-05', '2026-12-31'))");
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 1000,
				  .at = 23 * 60 + 59,
				  .credits = {{.creator = "lisa", .campaign = "spring"}}});
	shop_order(&shop, (struct test_order){.id = "2",
				  .gross = 500,
				  .at = 24 * 60,
				  .credits = {{.creator = "lisa", .campaign = "spring"}}});
	shop_refund(&shop, (struct test_refund){.order = "2", .id = "r", .amount = 100});
	shop_flush(&shop);
	expect("10.00", "SELECT net FROM attrib.roi_between('acme', '2026-11-01', '2026-11-01')");
	expect("4.00|-0.72", "SELECT net, round(roi, 2) FROM attrib.roi_between('acme', "
			     "'2026-11-02', '2026-11-02', 'linear', 'net')");
	expect("-0.65", "SELECT round(roi, 2) FROM attrib.roi_between('acme', '2026-11-02', "
			"'2026-11-02', 'policy', 'gross')");
	expect("0", "SELECT count(*) FROM attrib.roi_between('acme', '2026-11-09', '2026-11-10')");
	assert_string_equal(test_pg_state(&pg, "SELECT * FROM attrib.roi_between('acme', "
					       "'2026-11-02', '2026-11-02', 'luck')"),
		"22023");
}

static void days_are_the_sites_own(void **state)
{
	(void)state;
	test_pg_run(&pg, "SELECT attrib.put_site_v1('acme', 'Europe/Berlin', 'EUR', 'complete', 1, "
			 "'none', '{}')");
	shop_order(&shop,
		(struct test_order){
			.id = "1", .gross = 1000, .at = 23 * 60, .credits = {{.creator = "lisa"}}});
	shop_flush(&shop);
	expect("2026-11-02", "SELECT day FROM attrib.rollup_money");
}

static void double_counting_is_shown(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 1000,
				  .credits = {{.creator = "lisa", .channel = ATTRIB_CHANNEL_CODE},
					  {.creator = "lisa", .channel = ATTRIB_CHANNEL_LINK},
					  {.creator = "mia", .channel = ATTRIB_CHANNEL_AFFILIATE},
					  {.creator = "mia", .channel = ATTRIB_CHANNEL_UTM}}});
	shop_order(&shop, (struct test_order){.id = "2", .gross = 500});
	shop_flush(&shop);
	expect("acme|EUR|2|2|20.00|10.00|1|10.00", "SELECT * FROM attrib.double_count");
	expect("acme|EUR|2|4|40.00|10.00|3|30.00", "SELECT * FROM attrib.double_count_by_channel");
	shop_cancel(&shop, "1", 10, false);
	shop_flush(&shop);
	expect("acme|EUR|2|2|20.00|10.00|1|10.00",
		"SELECT * FROM attrib.double_count_between('acme', '2026-11-01', '2026-11-01')");
	expect("", "SELECT * FROM attrib.double_count_by_channel_between('acme', '2026-11-02', "
		   "'2026-11-02')");
}

static void traffic(enum attrib_channel channel, const char *key, enum attrib_event_type type,
	uint32_t verdicts, int count)
{
	struct attrib_traffic t = {.site = ATTRIB_STR("acme"),
		.bucket_at = shop_at(60),
		.channel = channel,
		.key = attrib_str_of(key),
		.type = type,
		.verdicts = verdicts,
		.count = count,
		.uniques = type == ATTRIB_EVENT_CLICK ? 1 : 0};

	assert_int_equal(attrib_batch_put_traffic(shop.batch, &t), 0);
}

static void traffic_finds_its_owner(void **state)
{
	(void)state;
	traffic(ATTRIB_CHANNEL_LINK, "abc", ATTRIB_EVENT_CLICK, 0, 5);
	traffic(ATTRIB_CHANNEL_LINK, "abc", ATTRIB_EVENT_CLICK, ATTRIB_VERDICT_FLOOD, 2);
	traffic(ATTRIB_CHANNEL_LINK, "abc", ATTRIB_EVENT_CLICK, ATTRIB_VERDICT_BOT, 3);
	traffic(ATTRIB_CHANNEL_UTM, "instagram/social/x", ATTRIB_EVENT_VISIT, 0, 4);
	traffic(ATTRIB_CHANNEL_DIRECT, "", ATTRIB_EVENT_VISIT, 0, 9);
	shop_flush(&shop);
	expect("link|abc|10\nutm|instagram/social/x|4",
		"SELECT kind, key, touches FROM attrib.unknown_tracker ORDER BY kind");
	test_pg_run(&pg,
		"INSERT INTO attrib.tracker (site, kind, key, creator, campaign, valid_to) VALUES"
		" ('acme', 'link', ' ABC', 'lisa', 'spring', '2026-11-01 01:00:01'),"
		" ('acme', 'utm', '*/Social', 'tom', NULL, NULL),"
		" ('acme', 'utm', 'Instagram', 'mia', NULL, NULL),"
		" ('acme', 'utm', 'Instagram/*/y', 'zoe', NULL, NULL)");
	expect("2026-11-01|spring|lisa|link| ABC|7|2|0|3\n2026-11-01||mia|utm|Instagram|0|0|4|0\n"
	       "2026-11-01|||direct||0|0|9|0",
		"SELECT day, campaign, creator, channel, tracker, clicks, unique_clicks, visits, "
		"filtered"
		" FROM attrib.traffic_daily ORDER BY creator");
	expect("", "SELECT * FROM attrib.unknown_tracker");
}

static void everything_has_a_comment(void **state)
{
	(void)state;
	expect("",
		"SELECT c.oid::regclass, a.attname FROM pg_class c"
		" JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0 AND NOT attisdropped"
		" WHERE c.relnamespace = 'attrib'::regnamespace AND c.relkind IN ('r', 'v', 'p', "
		"'m')"
		" AND coalesce(col_description(c.oid, a.attnum), '') = ''");
	expect("", "SELECT c.oid::regclass FROM pg_class c"
		   " WHERE c.relnamespace = 'attrib'::regnamespace AND c.relkind IN ('r', 'v', "
		   "'p', 'm')"
		   " AND coalesce(obj_description(c.oid, 'pg_class'), '') = ''");
	expect("", "SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = "
		   "'attrib'::regnamespace"
		   " AND coalesce(obj_description(p.oid, 'pg_proc'), '') = ''");
	expect("t", "SELECT count(*) > 30 FROM pg_class WHERE relnamespace = "
		    "'attrib'::regnamespace AND relkind = 'r'");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, shop_open, shop_close)
	const struct CMUnitTest tests[] = {
		CASE(roi_of_the_worked_example),
		CASE(other_ways_of_spreading),
		CASE(odd_cent_goes_to_the_first_handle),
		CASE(cost_without_sale_is_shown),
		CASE(periods_add_up),
		CASE(days_are_the_sites_own),
		CASE(double_counting_is_shown),
		CASE(traffic_finds_its_owner),
		CASE(everything_has_a_comment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
