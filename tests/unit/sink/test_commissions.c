/*
 * Commissions: which rule, how much, when it may be paid, and what happens to it when the order changes
 * before and after that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "attrib/tools.h"
#include "one_shop.h"

#define LONG_AGO (-2600000) /* minutes: late in 2021, so that any usual time of holding is over */

/* Columns of commission_rule behind the site, as SQL. */
static void rule(const char *values)
{
	test_pg_run(&pg,
		"INSERT INTO attrib.commission_rule (site, campaign, creator, kind, rate, amount, "
		"currency, cap, hold_days, valid_from, valid_to) VALUES ('acme', %s)",
		values);
	shop_check(&shop);
}

static struct test_order sold(const char *id, const char *creator)
{
	return (struct test_order){.id = id,
		.gross = 10000,
		.total = 11900,
		.at = LONG_AGO,
		.credits = {{.creator = creator, .campaign = "spring"}, {.creator = "tom"}}};
}

static void sell(const char *id, const char *creator)
{
	shop_order(&shop, sold(id, creator));
	shop_flush(&shop);
}

static void refund(const char *order, const char *id, int64_t amount)
{
	shop_refund(
		&shop, (struct test_refund){.order = order, .id = id, .amount = amount, .at = 600});
	shop_flush(&shop);
}

static const char *earned(void)
{
	return test_pg_text(&pg, "SELECT order_id, creator, rule, commission, status, reason"
				 " FROM attrib.commission_status ORDER BY 1, 2, 3");
}

static const char *statement(void)
{
	return test_pg_text(&pg, "SELECT row_kind, commission, status, payout FROM attrib.statement"
				 " ORDER BY row_kind, payout NULLS LAST, line, status");
}

/* The amounts of the payouts that a run makes. */
static const char *pay(void)
{
	static char made[256];

	snprintf(made, sizeof made, "%s",
		test_pg_text(&pg, "SELECT creator, attrib.major(amount, currency), currency, lines"
				  " FROM attrib.payout_create_v1('acme', NULL, NULL, NULL)"));
	shop_check(&shop);
	return made;
}

#define same(text, got) assert_string_equal(text, got)

/* -- what is earned -------------------------------------------------------------------------------- */

static void a_percentage_of_net_goes_to_whom_the_policy_credits(void **state)
{
	(void)state;
	rule("'', '', 'percent', 0.125, NULL, '', NULL, 30, DEFAULT, NULL");
	sell("1", "lisa");
	same("1|lisa|percent|12.50|approved|", earned());
	refund("1", "r", 3967); /* 33.34 of the basis: what is left earns 8.3325 */
	same("1|lisa|percent|8.33|approved|", earned());
	expect("3334|66.66", "SELECT c.refunded, basis FROM attrib.conversion c,"
			     " attrib.commission_status LIMIT 1");
	refund("1", "r2", 7933);
	same("1|lisa|percent|0.00|reversed|refunded", earned());
	expect("", "SELECT * FROM attrib.rollup_commission WHERE earned <> 0");
}

static void the_most_specific_scope_decides(void **state)
{
	(void)state;
	rule("'', '', 'percent', 0.01, NULL, '', NULL, 30, DEFAULT, NULL");
	sell("1", "lisa");
	same("1|lisa|percent|1.00|approved|", earned());
	rule("'spring', '', 'percent', 0.02, NULL, '', NULL, 30, DEFAULT, NULL");
	same("1|lisa|percent|2.00|approved|", earned());
	rule("'', 'lisa', 'percent', 0.03, NULL, '', NULL, 30, DEFAULT, NULL");
	same("1|lisa|percent|3.00|approved|", earned());
	rule("'spring', 'lisa', 'percent', 0.04, NULL, '', NULL, 30, DEFAULT, NULL");
	same("1|lisa|percent|4.00|approved|", earned());
	rule("'spring', 'mia', 'percent', 0.5, NULL, '', NULL, 30, DEFAULT, NULL");
	rule("'summer', 'lisa', 'percent', 0.5, NULL, '', NULL, 30, DEFAULT, NULL");
	rule("'spring', 'lisa', 'percent', 0.5, NULL, 'USD', NULL, 30, DEFAULT, NULL");
	rule("'spring', 'lisa', 'per_lead', NULL, 5, 'EUR', NULL, 30, DEFAULT, NULL");
	same("1|lisa|percent|4.00|approved|", earned());
	rule("'spring', 'lisa', 'percent', 0.05, NULL, 'EUR', NULL, 30, DEFAULT, NULL");
	same("1|lisa|percent|5.00|approved|", earned());
	test_pg_run(&pg,
		"DELETE FROM attrib.commission_rule WHERE creator = 'lisa' AND currency <> 'USD'");
	shop_check(&shop);
	same("1|lisa|percent|2.00|approved|", earned());
	test_pg_run(&pg, "UPDATE attrib.commission_rule SET rate = 0 WHERE campaign = 'spring' AND "
			 "creator = ''");
	shop_check(&shop);
	same("1|lisa|percent|0.00|reversed|no_rule", earned());
	test_pg_run(&pg, "TRUNCATE attrib.commission_rule");
	shop_check(&shop);
	same("1|lisa|percent|0.00|reversed|no_rule", earned());
}

static void rules_of_one_scope_add_up(void **state)
{
	(void)state;
	struct test_order order = sold("1", "lisa");

	rule("'', '', 'percent', 0.1, NULL, 'EUR', 7.5, 30, DEFAULT, NULL");
	rule("'', '', 'per_order', NULL, 2, 'USD', NULL, 30, DEFAULT, NULL");
	rule("'', '', 'per_order', NULL, 300, 'JPY', NULL, 30, DEFAULT, NULL");
	rule("'', '', 'per_new_customer', NULL, 10, 'EUR', NULL, 60, DEFAULT, NULL");
	order.key = 1;
	shop_order(&shop, order);
	order.id = "2"; /* of the same customer, later */
	order.at++;
	shop_order(&shop, order);
	shop_flush(&shop);
	expect("1|per_new_customer|10.00|EUR\n1|per_order|300|JPY\n1|percent|7.50|EUR\n"
	       "2|per_order|300|JPY\n2|percent|7.50|EUR",
		"SELECT order_id, rule, commission, currency FROM attrib.commission_status ORDER "
		"BY 1, 2");
	refund("1", "r", 5950); /* half of it */
	expect("per_new_customer|5.00\nper_order|150\npercent|5.00",
		"SELECT rule, commission FROM attrib.commission_status WHERE order_id = '1' ORDER "
		"BY 1");
	shop_cancel(&shop, "1", 700, false); /* now the second is the first */
	shop_flush(&shop);
	expect("1|per_new_customer|0.00|cancelled\n1|per_order|0|cancelled\n1|percent|0.00|"
	       "cancelled\n"
	       "2|per_new_customer|10.00|\n2|per_order|300|\n2|percent|7.50|",
		"SELECT order_id, rule, commission, reason FROM attrib.commission_status ORDER BY "
		"1, 2");
	shop_cancel(&shop, "1", 800, true);
	shop_flush(&shop);
	expect("1|per_new_customer|5.00|\n2|per_new_customer|0.00|no_rule",
		"SELECT order_id, rule, commission, reason FROM attrib.commission_status"
		" WHERE rule = 'per_new_customer' ORDER BY 1");
}

static void a_rule_holds_for_the_time_of_the_order(void **state)
{
	(void)state;
	test_pg_run(&pg, "UPDATE attrib.site SET time_zone = 'Asia/Kathmandu'"); /* +05:45 */
	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, '2026-11-01 05:45', '2026-11-01 06:45'");
	for (int i = 0; i < 3; i++) {
		struct test_order order = sold((const char *[]){"1", "2", "3"}[i], "lisa");

		order.at = (const int[]){-1, 0, 60}[i];
		shop_order(&shop, order);
	}
	shop_flush(&shop);
	expect("2|2026-11-01|2026-12-01 00:00:00+00",
		"SELECT order_id, day, hold_until FROM attrib.commission_status");
}

static void a_lead_earns_by_its_own_rule(void **state)
{
	(void)state;
	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	rule("'', '', 'per_lead', NULL, 1.5, 'EUR', NULL, 30, DEFAULT, NULL");
	shop_order(&shop,
		(struct test_order){
			.id = "l", .lead = true, .at = LONG_AGO, .credits = {{.creator = "lisa"}}});
	shop_flush(&shop);
	same("l|lisa|per_lead|1.50|approved|", earned());
}

/* Not a merge of orders, but what makes their customers new. */
static void a_history_that_is_told_later_makes_new_customers(void **state)
{
	(void)state;
	struct test_order order = sold("1", "lisa");

	test_pg_run(&pg, "UPDATE attrib.site SET customer_history = 'partial'");
	rule("'', '', 'per_new_customer', NULL, 10, 'EUR', NULL, 30, DEFAULT, NULL");
	order.key = 1;
	shop_order(&shop, order);
	shop_flush(&shop);
	same("", earned());
	test_pg_run(&pg, "UPDATE attrib.site SET customer_history = 'complete'");
	test_pg_run(&pg, "SELECT attrib.rekind_v1('acme')");
	shop_check(&shop);
	same("1|lisa|per_new_customer|10.00|approved|", earned());
}

static void what_does_not_count_earns_nothing(void **state)
{
	(void)state;
	struct test_order order = sold("1", "lisa");

	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	order.status = ATTRIB_STATUS_PENDING;
	shop_order(&shop, order);
	shop_flush(&shop);
	same("", earned());
	order.status = ATTRIB_STATUS_PAID;
	order.ticket = 2;
	shop_order(&shop, order);
	shop_flush(&shop);
	same("1|lisa|percent|10.00|approved|", earned());
	order.status = ATTRIB_STATUS_EXCLUDED;
	order.ticket = 3;
	shop_order(&shop, order);
	shop_flush(&shop);
	same("1|lisa|percent|0.00|reversed|not_counted", earned());
	sell("2", "lisa");
	order = sold("2", "lisa");
	order.ticket = 2;
	order.merged_into = "1";
	shop_order(&shop, order);
	shop_flush(&shop);
	same("1|lisa|percent|0.00|reversed|not_counted\n2|lisa|percent|0.00|reversed|merged",
		earned());
}

static void rules_that_are_not_whole_are_refused(void **state)
{
	static const char *const bad[] = {"'percent', NULL, 5, 'EUR', NULL",
		"'percent', 1.5, NULL, '', NULL", "'per_order', 0.1, NULL, 'EUR', NULL",
		"'per_order', NULL, 5, '', NULL", "'percent', 0.1, NULL, '', 5",
		"'per_order', NULL, 5, 'EUR', 5", "'bonus', NULL, 5, 'EUR', NULL"};
	char sql[256];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(sql, sizeof sql,
			"INSERT INTO attrib.commission_rule (site, kind, rate, amount, currency, "
			"cap)"
			" VALUES ('acme', %s)",
			bad[i]);
		assert_string_equal(test_pg_state(&pg, sql), "23514");
	}
}

/* -- what is paid ---------------------------------------------------------------------------------- */

static void holding_is_read_from_the_clock(void **state)
{
	(void)state;
	rule("'', '', 'percent', 0.1, NULL, '', NULL, 3650, DEFAULT, NULL");
	sell("1", "lisa");
	same("1|lisa|percent|10.00|pending|", earned());
	same("", pay());
	test_pg_run(&pg, "UPDATE attrib.commission_rule SET hold_days = 30");
	same("1|lisa|percent|10.00|approved|", earned());
	same("lisa|10.00|EUR|1", pay());
	same("1|lisa|percent|10.00|approved|", earned());
	expect("paid|ref",
		"SELECT state, reference FROM attrib.payout_paid_v1('acme', 1, 'ref', NULL)");
	same("1|lisa|percent|10.00|paid|", earned());
	same("", pay());
	same("line|10.00|paid|1\nsum|10.00|paid|\ntotal|10.00||", statement());
}

static void what_is_lost_after_payment_is_taken_back_with_the_next(void **state)
{
	(void)state;
	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	sell("1", "lisa");
	sell("2", "lisa");
	same("lisa|20.00|EUR|2", pay());
	test_pg_run(&pg, "SELECT attrib.payout_paid_v1('acme', 1, 'ref', NULL)");
	refund("1", "r", 1190);
	same("1|lisa|percent|9.00|approved|\n2|lisa|percent|10.00|paid|", earned());
	same("", pay()); /* less than nothing waits */
	sell("3", "lisa");
	same("lisa|9.00|EUR|2", pay());
	refund("1", "r2", 10710);
	refund("3", "r", 11900);
	same("line|10.00|paid|1\nline|10.00|paid|1\nline|-1.00|approved|2\n"
	     "line|10.00|approved|2\nline|-9.00|reversed|\nline|-10.00|reversed|\n"
	     "sum|-19.00|reversed|\nsum|9.00|approved|\nsum|20.00|paid|\ntotal|10.00||",
		test_pg_text(&pg,
			"SELECT row_kind, commission, status, payout FROM attrib.statement"
			" ORDER BY row_kind, payout NULLS LAST, payout IS NULL AND"
			" row_kind = 'line' AND commission = -10, commission"));
	sell("4", "lisa");
	sell("5", "lisa");
	same("lisa|1.00|EUR|4", pay());
	shop_refund(
		&shop, (struct test_refund){
			       .order = "3", .id = "r", .event = "v", .voided = true, .at = 900});
	shop_flush(&shop);
	same("lisa|10.00|EUR|1", pay());
	expect("t", "SELECT count(*) = 1 AND sum(amount) = 4000 FROM (SELECT creator, sum(amount) "
		    "AS amount"
		    " FROM attrib.payout GROUP BY 1) p");
}

/* However new the order is that it comes of. */
static void what_is_taken_back_waits_for_no_day(void **state)
{
	(void)state;
	struct test_order newer = sold("1", "lisa");

	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	newer.at += 60 * 24 * 40;
	shop_order(&shop, newer);
	shop_flush(&shop);
	same("lisa|10.00|EUR|1", pay());
	refund("1", "r", 1190);
	sell("2", "lisa");
	expect("900|2", "SELECT p.amount, p.lines FROM attrib.payout_create_v1('acme', NULL,"
			" (SELECT min(day) FROM attrib.commission), NULL) p");
	shop_check(&shop);
}

static void credit_that_moves_takes_its_commission_along(void **state)
{
	(void)state;
	struct test_order order = sold("1", "mia");

	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	sell("1", "lisa");
	sell("2", "lisa");
	same("lisa|20.00|EUR|2", pay());
	order.ticket = 2; /* a touch of hers was heard of late */
	shop_order(&shop, order);
	shop_flush(&shop);
	same("1|lisa|percent|0.00|reversed|credit_moved\n1|mia|percent|10.00|approved|\n"
	     "2|lisa|percent|10.00|approved|",
		earned());
	same("mia|10.00|EUR|1", pay());
	expect("lisa|-10.00", "SELECT creator, due FROM attrib.commission_status WHERE due <> 0");
	expect("lisa|spring|10.00\nmia|spring|10.00",
		"SELECT creator, campaign, attrib.major(earned, currency) FROM "
		"attrib.rollup_commission"
		" WHERE earned <> 0 ORDER BY 1");
}

static void new_rules_do_not_change_what_was_paid(void **state)
{
	(void)state;
	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	sell("1", "lisa");
	same("lisa|10.00|EUR|1", pay());
	sell("2", "lisa");
	test_pg_run(&pg, "UPDATE attrib.commission_rule SET rate = 0.2");
	rule("'', 'lisa', 'per_order', NULL, 3, 'EUR', NULL, 30, DEFAULT, NULL");
	same("1|lisa|percent|10.00|approved|\n2|lisa|per_order|3.00|approved|\n"
	     "2|lisa|percent|0.00|reversed|no_rule",
		earned());
	refund("1", "r", 5950); /* by the rule that it was paid by */
	expect("5.00|0.1",
		"SELECT commission, rate FROM attrib.commission_status WHERE order_id = '1'");
	test_pg_run(&pg, "DELETE FROM attrib.commission_rule");
	shop_check(&shop);
	expect("1|5.00\n2|0.00\n2|0.00",
		"SELECT order_id, commission FROM attrib.commission_status ORDER BY 1");
}

static void a_cancelled_payout_was_none(void **state)
{
	(void)state;
	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	sell("1", "lisa");
	same("lisa|10.00|EUR|1", pay());
	test_pg_run(&pg, "UPDATE attrib.commission_rule SET rate = 0.2");
	expect("cancelled", "SELECT state FROM attrib.payout_cancel_v1('acme', 1)");
	expect("cancelled", "SELECT state FROM attrib.payout_cancel_v1('acme', 1)"); /* again */
	shop_check(&shop);
	same("1|lisa|percent|20.00|approved|", earned());
	same("line|20.00|approved|\nsum|20.00|approved|\ntotal|20.00||", statement());
	same("lisa|20.00|EUR|1", pay());
	expect("paid", "SELECT state FROM attrib.payout_paid_v1('acme', 2, 'x', '2026-01-02')");
	expect("paid|2026-01-02",
		"SELECT state, paid_on FROM attrib.payout_paid_v1('acme', 2, 'x', NULL)");
	assert_string_equal(
		test_pg_state(&pg, "SELECT attrib.payout_paid_v1('acme', 2, 'y', NULL)"), "55000");
	assert_string_equal(
		test_pg_state(&pg, "SELECT attrib.payout_cancel_v1('acme', 2)"), "55000");
	assert_string_equal(
		test_pg_state(&pg, "SELECT attrib.payout_paid_v1('acme', 1, 'x', NULL)"), "55000");
	assert_string_equal(
		test_pg_state(&pg, "SELECT attrib.payout_cancel_v1('acme', 9)"), "55000");
	assert_string_equal(
		test_pg_state(&pg, "SELECT attrib.payout_cancel_v1('other', 1)"), "55000");
}

static void a_run_takes_what_it_is_asked_for(void **state)
{
	(void)state;
	struct test_order order = sold("3", "mia");

	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	sell("1", "lisa");
	sell("2", "mia");
	order.at += 60 * 24 * 40;
	order.currency = "USD";
	shop_order(&shop, order);
	shop_flush(&shop);
	expect("", "SELECT creator FROM attrib.payout_create_v1('acme', 'tom', NULL, NULL)");
	expect("", "SELECT creator FROM attrib.payout_create_v1('acme', NULL, NULL, 10.01)");
	expect("", "SELECT creator FROM attrib.payout_create_v1('acme', NULL, '2021-01-01', NULL)");
	expect("mia|EUR", "SELECT creator, currency FROM attrib.payout_create_v1('acme', 'mia',"
			  " (SELECT min(day) FROM attrib.commission), 10)");
	same("lisa|10.00|EUR|1\nmia|10.00|USD|1", pay());
}

/* One makes payouts and has not ended, another one begins. */
static void two_runs_pay_once(void **state)
{
	PGconn *other = PQconnectdb(pg.conninfo);
	PGresult *result;

	(void)state;
	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	sell("1", "lisa");
	test_pg_run(&pg, "BEGIN");
	expect("1000", "SELECT amount FROM attrib.payout_create_v1('acme', NULL, NULL, NULL)");
	assert_int_equal(
		PQsendQuery(other,
			"SELECT amount FROM attrib.payout_create_v1('acme', NULL, NULL, NULL)"),
		1);
	while (strcmp(test_pg_text(&pg, "SELECT count(*) FROM pg_locks WHERE NOT granted"), "1") !=
		0)
		;
	test_pg_run(&pg, "COMMIT");
	result = PQgetResult(other);
	assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
	assert_int_equal(PQntuples(result), 0);
	PQclear(result);
	PQfinish(other);
	expect("1|1000", "SELECT count(*), sum(amount) FROM attrib.payout_line");
}

/* A merge between a change of rules and its end goes by the old ones; the end comes after it. */
static void rules_and_merges_do_not_miss_each_other(void **state)
{
	(void)state;
	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	sell("1", "lisa");
	test_pg_run(&pg, "BEGIN; UPDATE attrib.commission_rule SET rate = 0.2");
	shop_order(&shop, sold("2", "lisa"));
	assert_int_equal(shop_try_flush(&shop), 0);
	test_pg_run(&pg, "COMMIT");
	shop_check(&shop);
	same("1|lisa|percent|20.00|approved|\n2|lisa|percent|20.00|approved|", earned());
	expect("0", "SELECT count(*) FROM attrib.commission_stale");
}

/* -- what else looks at it ------------------------------------------------------------------------- */

static void commissions_are_a_cost(void **state)
{
	(void)state;
	rule("'', '', 'percent', 0.25, NULL, '', NULL, 30, DEFAULT, NULL");
	sell("1", "lisa");
	test_pg_run(&pg,
		"INSERT INTO attrib.cost (site, cost_id, campaign, creator, kind, amount, currency,"
		" incurred_on) VALUES ('acme', 'f', 'spring', 'lisa', 'fee', 15, 'EUR', "
		"'2021-01-01'),"
		" ('acme', 'c', 'spring', 'lisa', 'commission', 10, 'EUR', '2021-01-01')");
	expect("50.00|100.00|1.0000", "SELECT cost, net, round(roi, 4) FROM attrib.roi"
				      " WHERE model = 'policy' AND creator = 'lisa'");
	expect("50.00", "SELECT cost FROM attrib.kpi_creator WHERE creator = 'lisa'");
	expect("25.00|3.0",
		"SELECT r.cost, round(r.roi, 1) FROM attrib.commission c CROSS JOIN LATERAL"
		" attrib.roi_between('acme', c.day, c.day) r WHERE r.creator = 'lisa' AND model = "
		"'policy'");
	expect("0", "SELECT count(*) FROM attrib.commission c CROSS JOIN LATERAL"
		    " attrib.roi_between('acme', c.day + 1, c.day + 1) r");
	rule("'', '', 'per_order', NULL, 4, 'USD', NULL, 30, DEFAULT, NULL");
	expect("commission|USD|4.00|t",
		"SELECT what, currency, amount, first_on = last_on FROM attrib.kpi_unconverted");
	refund("1", "r", 11900);
	expect("", "SELECT * FROM attrib.kpi_unconverted");
	expect("25.00", "SELECT cost FROM attrib.roi WHERE model = 'policy' AND creator = 'lisa'");
}

static void a_statement_says_nothing_of_the_order(void **state)
{
	(void)state;
	struct test_order order = sold("order-secret", "lisa");

	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	order.key = 1;
	shop_order(&shop, order);
	shop_flush(&shop);
	assert_null(strstr(test_pg_text(&pg, "SELECT * FROM attrib.statement"), "secret"));
	assert_non_null(
		strstr(test_pg_text(&pg, "SELECT * FROM attrib.commission_status"), "secret"));
	expect("t", "SELECT line ~ '^[0-9a-f]{16}$' FROM attrib.commission");
}

/* Each way in which what is stored can be wrong is found. */
static void lies_are_found(void **state)
{
	static const char *const lies[] = {"UPDATE attrib.commission SET earned = earned + 1",
		"UPDATE attrib.commission SET creator = 'mia'",
		"DELETE FROM attrib.commission WHERE order_id = '2'",
		"UPDATE attrib.commission SET hold_until = hold_until + interval '1 day'",
		"UPDATE attrib.rollup_commission SET earned = earned - 1",
		"DELETE FROM attrib.rollup_commission",
		"UPDATE attrib.rollup_commission_month SET earned = earned + 1",
		"UPDATE attrib.payout_line SET amount = amount + 1",
		"UPDATE attrib.payout SET amount = amount + 1",
		"UPDATE attrib.payout SET state = 'cancelled'",
		"UPDATE attrib.commission SET ruled_at = NULL"};

	(void)state;
	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	sell("1", "lisa");
	same("lisa|10.00|EUR|1", pay());
	sell("2", "lisa");
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		test_pg_run(&pg, "BEGIN; %s", lies[i]);
		assert_string_not_equal(
			test_pg_text(&pg, "SELECT what FROM attrib.check_commissions()"), "");
		test_pg_run(&pg, "ROLLBACK");
	}
}

static void ignore(void *arg, const struct attrib_payout *payout)
{
	(void)payout;
	++*(int *)arg;
}

static void commands_refuse_what_is_none(void **state)
{
	int rows = 0;
	struct attrib_sink_error error;
	struct attrib_payout_asked asked = {.conninfo = pg.conninfo,
		.act = ATTRIB_PAYOUT_CREATE,
		.site = "acme",
		.row = ignore,
		.arg = &rows};

	(void)state;
	rule("'', '', 'percent', 0.1, NULL, '', NULL, 30, DEFAULT, NULL");
	sell("1", "lisa");
	asked.day = "yesterday";
	assert_int_equal(attrib_postgres_payout(&asked, &error), ATTRIB_E_INVALID);
	same("expected a date such as 2026-11-30, got \"yesterday\"", error.text);
	asked.day = NULL;
	asked.min = "-1";
	assert_int_equal(attrib_postgres_payout(&asked, &error), ATTRIB_E_INVALID);
	same("expected an amount such as 50.00, got \"-1\"", error.text);
	asked.min = "1";
	assert_int_equal(attrib_postgres_payout(&asked, &error), 0);
	assert_int_equal(rows, 1);
	asked.act = ATTRIB_PAYOUT_CANCEL;
	asked.number = "one";
	assert_int_equal(attrib_postgres_payout(&asked, &error), ATTRIB_E_INVALID);
	same("expected the number of a payout, got \"one\"", error.text);
	asked.number = "7";
	assert_int_equal(attrib_postgres_payout(&asked, &error), ATTRIB_E_INVALID);
	assert_non_null(strstr(error.text, "there is no payout 7"));
	asked.number = "1";
	assert_int_equal(attrib_postgres_payout(&asked, &error), 0);
	assert_int_equal(rows, 2);
}

/* One database for all: making one takes longer than most tests. */
static int shop_clear(void **state)
{
	(void)state;
	test_pg_run(&pg,
		"SET session_replication_role = replica;" /* no triggers: nothing is to be computed */
		" DO $$ DECLARE name text; BEGIN"
		" FOR name IN SELECT c.oid::regclass FROM pg_class c"
		" WHERE c.relnamespace = 'attrib'::regnamespace AND c.relkind = 'r'"
		" AND (c.relname IN ('customer', 'rollup_claim') OR EXISTS (SELECT FROM "
		"pg_attribute a"
		" WHERE a.attrelid = c.oid AND a.attname IN ('order_id', 'creator', 'customer', "
		"'payout')))"
		" LOOP EXECUTE 'DELETE FROM ' || name; END LOOP; END $$;"
		" SET session_replication_role = origin;"
		" ALTER TABLE attrib.payout ALTER id RESTART;"
		" UPDATE attrib.site SET time_zone = 'UTC', customer_history = 'complete'");
	return 0;
}

#define each(name) cmocka_unit_test_setup(name, shop_clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		each(a_percentage_of_net_goes_to_whom_the_policy_credits),
		each(the_most_specific_scope_decides),
		each(rules_of_one_scope_add_up),
		each(a_rule_holds_for_the_time_of_the_order),
		each(a_lead_earns_by_its_own_rule),
		each(a_history_that_is_told_later_makes_new_customers),
		each(what_does_not_count_earns_nothing),
		each(rules_that_are_not_whole_are_refused),
		each(holding_is_read_from_the_clock),
		each(what_is_lost_after_payment_is_taken_back_with_the_next),
		each(what_is_taken_back_waits_for_no_day),
		each(credit_that_moves_takes_its_commission_along),
		each(new_rules_do_not_change_what_was_paid),
		each(a_cancelled_payout_was_none),
		each(a_run_takes_what_it_is_asked_for),
		each(two_runs_pay_once),
		each(rules_and_merges_do_not_miss_each_other),
		each(commissions_are_a_cost),
		each(a_statement_says_nothing_of_the_order),
		each(lies_are_found),
		each(commands_refuse_what_is_none),
	};

	return cmocka_run_group_tests(tests, shop_open, shop_close);
}
