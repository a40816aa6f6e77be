/*
 * Quality of traffic: raw = valid + suspect + filtered, each event under one reason; and which credit
 * rests on suspect touches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "one_shop.h"

static void traffic(
	enum attrib_channel channel, const char *key, int minute, uint32_t verdicts, int count)
{
	struct attrib_traffic t = {.site = ATTRIB_STR("acme"),
		.bucket_at = shop_at(minute),
		.channel = channel,
		.key = attrib_str_of(key),
		.type = channel == ATTRIB_CHANNEL_LINK ? ATTRIB_EVENT_CLICK : ATTRIB_EVENT_VISIT,
		.verdicts = verdicts,
		.count = count,
		.uniques = 1};

	assert_int_equal(attrib_batch_put_traffic(shop.batch, &t), 0);
}

static void two_days_of_clicks(void)
{
	test_pg_run(&pg, "INSERT INTO attrib.tracker (site, kind, key, creator, campaign) VALUES "
			 "('acme', 'link', 'Abc', 'lisa', 'spring')");
	traffic(ATTRIB_CHANNEL_LINK, "abc", 60, 0, 5);
	traffic(ATTRIB_CHANNEL_LINK, "abc", 75, ATTRIB_VERDICT_NO_CONSENT, 2);
	traffic(ATTRIB_CHANNEL_LINK, "abc", 60, ATTRIB_VERDICT_FLOOD, 2);
	traffic(ATTRIB_CHANNEL_LINK, "abc", 60, ATTRIB_VERDICT_BOT, 3);
	traffic(ATTRIB_CHANNEL_LINK, "abc", 60, ATTRIB_VERDICT_BOT | ATTRIB_VERDICT_FLOOD, 1);
	traffic(ATTRIB_CHANNEL_LINK, "abc", 90, ATTRIB_VERDICT_HEAD | ATTRIB_VERDICT_OWN_SITE, 4);
	traffic(ATTRIB_CHANNEL_LINK, "(other)", 60, ATTRIB_VERDICT_OVERFLOW, 7);
	traffic(ATTRIB_CHANNEL_AFFILIATE, "who", 1440,
		ATTRIB_VERDICT_PAID_AD | ATTRIB_VERDICT_FLOOD, 6);
	traffic(ATTRIB_CHANNEL_AFFILIATE, "who", 1440, ATTRIB_VERDICT_PREFETCH, 8);
	traffic(ATTRIB_CHANNEL_AFFILIATE, "empty", 1440, 0, 0);
	shop_flush(&shop);
}

static void raw_is_valid_suspect_and_filtered(void **state)
{
	(void)state;
	two_days_of_clicks();
	expect("2026-11-01|||link|(other)|click|7|7|0|0\n"
	       "2026-11-01|spring|lisa|link|Abc|click|17|7|2|8\n"
	       "2026-11-02|||affiliate|who|visit|14|0|6|8",
		"SELECT day, campaign, creator, channel, tracker, type, raw, valid, suspect, "
		"filtered"
		" FROM attrib.traffic_quality ORDER BY day, tracker COLLATE \"C\"");
	expect("who", "SELECT tracker FROM attrib.traffic_quality_between('acme', '2026-11-02', "
		      "'2026-11-02')");
	expect("Abc|9|2|8", "SELECT tracker, clicks, suspect_clicks, filtered"
			    " FROM attrib.traffic_daily_between('acme', '2026-11-01', "
			    "'2026-11-01') WHERE creator = 'lisa'");
}

static void each_event_has_one_reason(void **state)
{
	(void)state;
	two_days_of_clicks();
	expect("2026-11-01|lisa|Abc|click|filtered|bot|4\n"
	       "2026-11-01|lisa|Abc|click|filtered|head|4\n"
	       "2026-11-01|lisa|Abc|click|suspect|flood|2\n"
	       "2026-11-02||who|visit|filtered|prefetch|8\n"
	       "2026-11-02||who|visit|suspect|flood|6",
		"SELECT day, creator, tracker, type, class, reason, events FROM "
		"attrib.traffic_reason"
		" ORDER BY day, class, reason");
	expect("flood|6\nprefetch|8",
		"SELECT reason, events FROM attrib.traffic_reason_between(NULL, '2026-11-02',"
		" '2026-11-09') ORDER BY 1");
	expect("", "SELECT q.* FROM attrib.traffic_quality q LEFT JOIN (SELECT day, tracker, type,"
		   "  sum(events) FILTER (WHERE class = 'suspect') AS suspect,"
		   "  sum(events) FILTER (WHERE class = 'filtered') AS filtered"
		   "  FROM attrib.traffic_reason GROUP BY 1, 2, 3) r USING (day, tracker, type)"
		   " WHERE raw <> valid + q.suspect + q.filtered OR q.suspect <> "
		   "coalesce(r.suspect, 0)"
		   "  OR q.filtered <> coalesce(r.filtered, 0)");
}

static void days_of_traffic_are_the_sites_own(void **state)
{
	(void)state;
	test_pg_run(&pg, "SELECT attrib.put_site_v1('acme', 'America/New_York', 'EUR', 'complete', "
			 "1, 'none', '{}')");
	traffic(ATTRIB_CHANNEL_LINK, "abc", 239, 0,
		1); /* 03:59 UTC: until four it is yesterday there */
	traffic(ATTRIB_CHANNEL_LINK, "abc", 360, 0, 2);
	shop_flush(&shop);
	expect("2026-10-31|1", "SELECT day, raw FROM attrib.traffic_quality_between('acme', "
			       "'2026-10-31', '2026-10-31')");
	expect("2026-11-01|2", "SELECT day, clicks FROM attrib.traffic_daily_between('acme', "
			       "'2026-11-01', '2026-11-01')");
}

static void credit_that_rests_on_suspect_touches(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 1000,
				  .credits = {{.creator = "lisa", .flags = ATTRIB_VERDICT_FLOOD}}});
	shop_order(&shop,
		(struct test_order){.id = "2",
			.gross = 700,
			.credits = {{.creator = "lisa",
				.flags = ATTRIB_VERDICT_TOO_FAST | ATTRIB_VERDICT_PAID_AD}}});
	shop_order(&shop, (struct test_order){.id = "3",
				  .gross = 300,
				  .at = 1440,
				  .credits = {{.creator = "lisa", .flags = ATTRIB_VERDICT_FLOOD}}});
	shop_order(&shop, (struct test_order){.id = "4",
				  .gross = 90,
				  .credits = {{.creator = "mia"},
					  {.creator = "lisa", .flags = ATTRIB_VERDICT_FLOOD}}});
	/* a bot's verdict that a signed order lifted */
	shop_order(&shop, (struct test_order){.id = "5",
				  .gross = 80,
				  .credits = {{.creator = "mia", .flags = ATTRIB_VERDICT_BOT}}});
	shop_order(&shop, (struct test_order){.id = "6",
				  .gross = 70,
				  .status = ATTRIB_STATUS_PENDING,
				  .credits = {{.creator = "mia", .flags = ATTRIB_VERDICT_FLOOD}}});
	shop_order(
		&shop, (struct test_order){.id = "7",
			       .gross = 60,
			       .currency = "USD",
			       .credits = {{.creator = "mia", .flags = ATTRIB_VERDICT_TOO_FAST}}});
	shop_refund(&shop, (struct test_refund){.order = "2", .id = "r", .amount = 200});
	shop_flush(&shop);
	/* an absorbed touch of order 1 that nothing is wrong with */
	test_pg_run(&pg, "INSERT INTO attrib.path_row (site, kind, order_id, step, channel, key, "
			 "folded, creator, campaign,"
			 " placement, tracker, occurred_at, eligible, by_click_id, viewed, reason, "
			 "credit, event_id)"
			 " SELECT site, kind, order_id, 9, channel, key, folded, creator, "
			 "campaign, placement, tracker,"
			 " occurred_at, eligible, by_click_id, viewed, reason, credit, 'e9'"
			 " FROM attrib.path_row WHERE order_id = '1'");
	expect("EUR|lisa|flood|2|13.00|0.00|13.00|1\n"
	       "EUR|lisa|paid_ad|1|7.00|2.00|5.00|1\n"
	       "USD|mia|too_fast|1|0.60|0.00|0.60|1",
		"SELECT currency, creator, reason, orders, gross, refunded, net, only_suspect"
		" FROM attrib.suspect_credit ORDER BY 1, 2, 3");
	expect("acme|EUR|lisa|flood|1|3.00|0.00|3.00|1",
		"SELECT * FROM attrib.suspect_credit_between('acme', '2026-11-02', '2026-11-30')");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, shop_open, shop_close)
	const struct CMUnitTest tests[] = {
		CASE(raw_is_valid_suspect_and_filtered),
		CASE(each_event_has_one_reason),
		CASE(days_of_traffic_are_the_sites_own),
		CASE(credit_that_rests_on_suspect_touches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
