/*
 * Who claims the same orders: creators, channels, and outside platforms with imported claims. The
 * numbers are added up by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "one_shop.h"

#define AFFILIATE ATTRIB_CHANNEL_AFFILIATE
#define UTM       ATTRIB_CHANNEL_UTM
#define CODE      ATTRIB_CHANNEL_CODE

static void eight_orders(void)
{
	static const struct test_order orders[] = {
		{.id = "1",
			.gross = 1000,
			.alias = "pi_1",
			.credits = {{.creator = "lisa"}, {.creator = "mia", .channel = AFFILIATE}}},
		{.id = "2",
			.gross = 500,
			.at = 1440,
			.credits = {{.creator = "mia", .channel = CODE},
				{.creator = "lisa", .channel = CODE}}},
		{.id = "3",
			.gross = 700,
			.credits = {{.creator = "tom", .channel = UTM}, {.creator = "lisa"},
				{.creator = "mia"}}},
		{.id = "4",
			.gross = 2000,
			.currency = "USD",
			.credits = {{.creator = "lisa"}, {.creator = "mia"}}},
		{.id = "5",
			.gross = 300,
			.credits = {{.creator = "lisa", .channel = CODE}, {.creator = "lisa"}}},
		{.id = "6", .gross = 900},
		{.id = "7",
			.gross = 1100,
			.status = ATTRIB_STATUS_PENDING,
			.credits = {{.creator = "lisa"}, {.creator = "mia"}}},
		{.id = "8", .gross = 400, .credits = {{.creator = "lisa"}, {.creator = "mia"}}},
	};

	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
		shop_order(&shop, orders[i]);
	shop_cancel(&shop, "8", 10, false);
	shop_flush(&shop);
}

static void pairs_of_creators(void **state)
{
	(void)state;
	eight_orders();
	expect("EUR|lisa|mia|4|26.00|2|14.00|1|5.00|1|7.00\n"
	       "EUR|lisa|tom|1|7.00|0|0.00|1|7.00|0|0.00\n"
	       "EUR|mia|tom|1|7.00|0|0.00|1|7.00|0|0.00\n"
	       "USD|lisa|mia|1|20.00|1|20.00|0|0.00|0|0.00",
		"SELECT currency, creator_a, creator_b, orders, gross, credited_a, "
		"credited_a_gross,"
		" credited_b, credited_b_gross, credited_neither, credited_neither_gross"
		" FROM attrib.overlap_creators ORDER BY 1, 2, 3");
	expect("acme|EUR|lisa|mia|1|5.00|0|0.00|1|5.00|0|0.00",
		"SELECT * FROM attrib.overlap_creators_between('acme', '2026-11-02', "
		"'2026-11-02')");
}

static void first_of_a_pair_by_bytes(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 100,
				  .credits = {{.creator = "adam"}, {.creator = "Zoe"}}});
	shop_flush(&shop);
	expect("Zoe|adam|0|1",
		"SELECT creator_a, creator_b, credited_a, credited_b FROM attrib.overlap_creators");
}

static void pairs_of_channels(void **state)
{
	(void)state;
	eight_orders();
	expect("EUR|affiliate|link|1|10.00|0|0.00|1|10.00|0|0.00\n"
	       "EUR|code|link|1|3.00|1|3.00|0|0.00|0|0.00\n"
	       "EUR|link|utm|1|7.00|0|0.00|1|7.00|0|0.00",
		"SELECT currency, channel_a, channel_b, orders, gross, credited_a, "
		"credited_a_gross,"
		" credited_b, credited_b_gross, credited_neither, credited_neither_gross"
		" FROM attrib.overlap_channels ORDER BY 1, 2, 3");
	expect("",
		"SELECT * FROM attrib.overlap_channels_between(NULL, '2026-11-02', '2026-11-30')");
}

static void each_creators_own_report(void **state)
{
	(void)state;
	eight_orders();
	expect("EUR|lisa|5|29.00|3|17.00|2|12.00\n"
	       "EUR|mia|4|26.00|1|5.00|3|21.00\n"
	       "EUR|tom|1|7.00|1|7.00|0|0.00\n"
	       "USD|lisa|1|20.00|1|20.00|0|0.00\n"
	       "USD|mia|1|20.00|0|0.00|1|20.00",
		"SELECT currency, creator, claims, claimed_revenue, credited_orders, "
		"credited_revenue,"
		" overstated_orders, overstated_revenue FROM attrib.double_count_by_creator ORDER "
		"BY 1, 2");
	expect("EUR|6|10|62.00|29.00|5|33.00\nUSD|1|2|40.00|20.00|1|20.00",
		"SELECT currency, orders, claims, claimed_revenue, credited_revenue, "
		"avoided_claims,"
		" avoided_revenue FROM attrib.double_count ORDER BY 1");
	expect("lisa|1|5.00|0|0.00|1|5.00\nmia|1|5.00|1|5.00|0|0.00",
		"SELECT creator, claims, claimed_revenue, credited_orders, credited_revenue, "
		"overstated_orders,"
		" overstated_revenue FROM attrib.double_count_by_creator_between('acme', "
		"'2026-11-02', '2026-11-02') ORDER BY 1");
}

static void claims_of_platforms(void)
{
	eight_orders();
	test_pg_run(&pg, "INSERT INTO attrib.order_claim (site, platform, order_id, creator, "
			 "amount, currency) VALUES"
			 " ('acme', 'instagram', '1', 'lisa', 10.00, 'EUR'), ('acme', 'instagram', "
			 "'1', 'mia', 10.00, 'EUR'),"
			 " ('acme', 'instagram', '2', 'lisa', 6.00, 'EUR'), ('acme', 'instagram', "
			 "'6', 'lisa', NULL, NULL),"
			 " ('acme', 'instagram', '7', 'lisa', 5.00, 'EUR'), ('acme', 'instagram', "
			 "'99', 'lisa', 8.00, NULL),"
			 " ('acme', 'tiktok', 'pi_1', '', NULL, NULL), ('acme', 'tiktok', '4', "
			 "'lisa', 22.00, 'EUR'),"
			 " ('acme', 'tiktok', '4', 'mia', 25.00, 'USD')");
}

static void what_was_decided_of_each_claim(void **state)
{
	(void)state;
	claims_of_platforms();
	expect("instagram|1|lisa|10.00|EUR|1|same creator|lisa|instagram/mia, tiktok\n"
	       "instagram|1|mia|10.00|EUR|1|another creator: lisa|lisa|instagram/lisa, tiktok\n"
	       "instagram|2|lisa|6.00|EUR|2|another creator: mia|mia|\n"
	       "instagram|6|lisa|9.00|EUR|6|unattributed||\n"
	       "instagram|7|lisa|5.00|EUR|7|not counted: pending|lisa|\n"
	       "instagram|99|lisa|8.00|EUR||unknown order||\n"
	       "tiktok|4|lisa|22.00|EUR|4|same creator|lisa|tiktok/mia\n"
	       "tiktok|4|mia|25.00|USD|4|another creator: lisa|lisa|tiktok/lisa\n"
	       "tiktok|pi_1||10.00|EUR|1|creator not said: lisa|lisa|instagram/lisa, instagram/mia",
		"SELECT platform, order_id, creator, amount, currency, matched_order, verdict, "
		"credited_creator,"
		" also_claimed_by FROM attrib.outside_claim ORDER BY 1, 2, 3");
	expect("2|5.00|paid", "SELECT matched_order, gross, status FROM "
			      "attrib.outside_claim_between('acme', '2026-11-02', '2026-11-02')");
}

static void claims_of_platforms_added_up(void **state)
{
	(void)state;
	claims_of_platforms();
	expect("EUR|instagram|6|48.00|3|1|2|0|1|1|1|1|10.00|5|38.00\n"
	       "EUR|tiktok|2|32.00|2|1|0|1|0|0|0|2|10.00|0|0.00\n"
	       "EUR||8|80.00|4|2|2|1|1|1|1|2|10.00|6|48.00\n"
	       "USD|tiktok|1|25.00|1|0|1|0|0|0|0|0|0.00|1|25.00\n"
	       "USD||1|25.00|1|0|1|0|0|0|0|0|0.00|1|25.00",
		"SELECT currency, platform, claims, claimed_revenue, orders, same_creator, "
		"another_creator,"
		" creator_not_said, unattributed, not_counted, unknown_orders, confirmed_orders, "
		"confirmed_revenue,"
		" overstated_orders, overstated_revenue FROM attrib.double_count_outside ORDER BY "
		"1, 2");
	expect("instagram|1|6.00|1|1|0|0.00|1|6.00\n|1|6.00|1|1|0|0.00|1|6.00",
		"SELECT platform, claims, claimed_revenue, orders, another_creator, "
		"confirmed_orders, confirmed_revenue,"
		" overstated_orders, overstated_revenue FROM "
		"attrib.double_count_outside_between('acme', '2026-11-02',"
		" '2026-11-02') ORDER BY 1");
}

static void claim_of_an_absorbed_order_is_of_its_heir(void **state)
{
	(void)state;
	shop_order(&shop,
		(struct test_order){.id = "1", .gross = 1000, .credits = {{.creator = "lisa"}}});
	shop_order(&shop, (struct test_order){.id = "cs_1", .gross = 1000});
	shop_flush(&shop);
	test_pg_run(&pg, "INSERT INTO attrib.order_claim (site, platform, order_id, creator) "
			 "VALUES ('acme', 'x', 'cs_1', 'lisa')");
	expect("cs_1|unattributed", "SELECT matched_order, verdict FROM attrib.outside_claim");
	shop_order(&shop, (struct test_order){.id = "cs_1", .ticket = 2, .merged_into = "1"});
	shop_flush(&shop);
	expect("1|same creator", "SELECT matched_order, verdict FROM attrib.outside_claim");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, shop_open, shop_close)
	const struct CMUnitTest tests[] = {
		CASE(pairs_of_creators),
		CASE(first_of_a_pair_by_bytes),
		CASE(pairs_of_channels),
		CASE(each_creators_own_report),
		CASE(what_was_decided_of_each_claim),
		CASE(claims_of_platforms_added_up),
		CASE(claim_of_an_absorbed_order_is_of_its_heir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
