/* Reports against a real database: every one of them answers, in every form, also over a period. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attrib/tools.h"
#include "shop.h"

static struct test_pg pg;
static struct attrib_buf out;
static struct attrib_sink_error error;

static int keep(void *arg, struct attrib_str text)
{
	(void)arg;
	attrib_buf_str(&out, text);
	return out.err;
}

static int ask(struct attrib_report report)
{
	int err;

	report.conninfo = pg.conninfo;
	report.write = keep;
	attrib_buf_clear(&out);
	err = attrib_postgres_report(&report, &error);
	if (err)
		print_message("%d: %s\n", err, error.text);
	attrib_buf_char(&out, 0);
	return err;
}

static int set_up(void **state)
{
	struct shop shop;

	(void)state;
	attrib_buf_init(&out);
	test_pg_init(&pg, true);
	shop_site(&pg, "complete");
	shop_init(&shop, &pg, 1);
	test_pg_run(&pg,
		"INSERT INTO attrib.creator (site, handle) VALUES ('acme', 'ann'), ('acme', 'bob');"
		"INSERT INTO attrib.campaign (site, name) VALUES ('acme', 'spring');"
		"INSERT INTO attrib.cost (site, cost_id, campaign, creator, kind, amount, currency,"
		" incurred_on) VALUES ('acme', '1', 'spring', 'ann', 'fee', 50, 'EUR', "
		"'2026-11-01')");
	shop_order(&shop,
		(struct test_order){.id = "1001",
			.gross = 10000,
			.at = 60,
			.key = 1,
			.credits = {{.creator = "ann", .campaign = "spring", .tracker = "l"}}});
	shop_order(&shop,
		(struct test_order){.id = "1002",
			.gross = 2050,
			.at = 3 * 1440,
			.key = 2,
			.credits = {{.creator = "bob", .campaign = "spring", .tracker = "m"}}});
	shop_flush(&shop);
	shop_done(&shop);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_pg_done(&pg);
	attrib_buf_done(&out);
	return 0;
}

static void holds(const char *part)
{
	if (!strstr((char *)out.p, part))
		fail_msg("%s is not in:\n%s", part, (char *)out.p);
}

static void lacks(const char *part)
{
	if (strstr((char *)out.p, part))
		fail_msg("%s is in:\n%s", part, (char *)out.p);
}

/* The form has no part in the question, so each question has one. */
static void every_report_answers_in_every_form(void **state)
{
	const struct attrib_report_kind *kind;

	(void)state;
	for (size_t i = 0; (kind = attrib_report_kind(i)); i++) {
		struct attrib_report report = {.name = kind->name, .format = ATTRIB_REPORT_TABLE};
		print_message("%s\n", kind->name);
		assert_int_equal(ask(report), 0);
		assert_true(out.n > 2);
		report.format = ATTRIB_REPORT_CSV;
		report.site = "acme";
		if (kind->takes & ATTRIB_REPORT_TAKES_MODEL)
			report.model = "policy";
		assert_int_equal(ask(report), 0);
		report.format = ATTRIB_REPORT_JSON;
		if (kind->takes & ATTRIB_REPORT_TAKES_PERIOD)
			report.from = report.to = "2026-11-01";
		assert_int_equal(ask(report), 0);
	}
}

/* The columns of the contract, in its order, in front of any further ones. */
static void columns_are_those_of_the_contract(void **state)
{
	static const struct {
		const char *name, *columns;
	} heads[] = {
		{"order_credit",
			"site,kind,order_id,model,creator,campaign,placement,channel,tracker,"
			"share,gross,refunded,net,currency,placed_at,counted_at,touched_at"},
		{"conversion_status",
			"site,kind,order_id,status,reason,customer_kind,gross,refunded,net,"
			"currency,placed_at,counted_at"},
		{"path_step",
			"site,kind,order_id,step,channel,tracker,creator,occurred_at,eligible,"
			"reason"},
		{"roi", "site,row_kind,campaign,creator,model,currency,cost,gross,refunded,net,"
			"conversions,new_customers,roi,revenue_cost_ratio,roas_total,cpa,cac"},
		{"cac", "site,campaign,currency,cost,new_customers,unknown_customers,cac"},
		{"double_count", "site,currency,orders,claims,claimed_revenue,credited_revenue,"
				 "avoided_claims,avoided_revenue"},
		{"double_count_by_channel", "site,currency,orders,claims,claimed_revenue,"
					    "credited_revenue,avoided_claims,avoided_revenue"},
		{"traffic_daily", "site,day,campaign,creator,channel,tracker,clicks,unique_clicks,"
				  "visits,carts,checkouts,leads,filtered"},
		{"unknown_tracker", "site,kind,key,first_seen_at,touches,orders,gross,currency"},
	};
	const struct attrib_report_kind *kind;

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		struct attrib_report report = {.name = heads[i].name, .format = ATTRIB_REPORT_CSV};
		assert_int_equal(ask(report), 0);
		assert_memory_equal(out.p, heads[i].columns, strlen(heads[i].columns));
		for (size_t k = 0; (kind = attrib_report_kind(k)); k++) {
			if (strcmp(kind->name, heads[i].name) != 0 ||
				!(kind->takes & ATTRIB_REPORT_TAKES_PERIOD))
				continue;
			report.site = "acme";
			report.from = report.to = "2026-11-01";
			assert_int_equal(ask(report), 0);
			assert_memory_equal(out.p, heads[i].columns, strlen(heads[i].columns));
		}
	}
}

static void numbers_are_the_databases_own(void **state)
{
	(void)state;
	assert_int_equal(
		ask((struct attrib_report){
			.name = "order_credit", .model = "policy", .format = ATTRIB_REPORT_JSON}),
		0);
	holds("\"order_id\":\"1001\",\"model\":\"policy\",\"creator\":\"ann\",\"campaign\":"
	      "\"spring\"");
	holds("\"gross\":100.00,\"refunded\":0.00,\"net\":100.00,\"currency\":\"EUR\"");
	holds("\"order_id\":\"1002\"");
	lacks("linear");
	assert_int_equal(ask((struct attrib_report){.name = "order_credit", .site = "nobody"}), 0);
	holds("(0 rows)");
}

static void a_period_is_of_local_days(void **state)
{
	(void)state;
	assert_int_equal(ask((struct attrib_report){.name = "conversion_status",
				 .from = "2026-11-01",
				 .to = "2026-11-03",
				 .format = ATTRIB_REPORT_CSV}),
		0);
	holds("1001");
	lacks("1002");
	assert_int_equal(ask((struct attrib_report){.name = "roi",
				 .site = "acme",
				 .from = "2026-11-04",
				 .to = "2026-11-04",
				 .model = "policy",
				 .format = ATTRIB_REPORT_CSV}),
		0);
	holds("bob");
	lacks("linear");
}

/* Each report that has a column creator or campaign takes it, and no other one does. */
static void rows_of_one_creator_or_campaign(void **state)
{
	const struct attrib_report_kind *kind;

	(void)state;
	for (size_t i = 0; (kind = attrib_report_kind(i)); i++) {
		const char *columns = test_pg_text(&pg,
			"SELECT count(*) FILTER (WHERE attname = 'creator'),"
			" count(*) FILTER (WHERE attname = 'campaign') FROM pg_attribute"
			" WHERE attrelid = to_regclass('attrib.%s')",
			kind->name);
		print_message("%s\n", kind->name);
		assert_int_equal(columns[0] == '1', !!(kind->takes & ATTRIB_REPORT_TAKES_CREATOR));
		assert_int_equal(columns[2] == '1', !!(kind->takes & ATTRIB_REPORT_TAKES_CAMPAIGN));
		assert_int_equal(ask((struct attrib_report){.name = kind->name, .creator = "ann"}),
			columns[0] == '1' ? 0 : ATTRIB_E_INVALID);
		assert_int_equal(
			ask((struct attrib_report){.name = kind->name, .campaign = "spring"}),
			columns[2] == '1' ? 0 : ATTRIB_E_INVALID);
	}
	assert_int_equal(ask((struct attrib_report){.name = "order_credit", .creator = "ann"}), 0);
	holds("1001");
	lacks("1002");
	assert_int_equal(ask((struct attrib_report){.name = "kpi_creator",
				 .site = "acme",
				 .from = "2026-11-01",
				 .to = "2026-11-30",
				 .creator = "bob"}),
		0);
	holds("bob");
	lacks("ann");
	assert_int_equal(ask((struct attrib_report){.name = "roi", .campaign = "autumn"}), 0);
	holds("(0 rows)");
}

static void what_a_report_does_not_take_is_said(void **state)
{
	(void)state;
	assert_int_equal(ask((struct attrib_report){.name = "nonsense"}), ATTRIB_E_NOT_FOUND);
	assert_int_equal(
		ask((struct attrib_report){.name = "cac", .model = "policy"}), ATTRIB_E_INVALID);
	assert_string_equal(error.text, "cac has no model to choose");
	assert_string_equal(error.column, "model");
	assert_int_equal(
		ask((struct attrib_report){
			.name = "cac", .by = "touch", .from = "2026-11-01", .to = "2026-11-01"}),
		ATTRIB_E_INVALID);
	assert_string_equal(error.text, "cac has one date only");
	assert_int_equal(
		ask((struct attrib_report){.name = "roi", .by = "touch"}), ATTRIB_E_INVALID);
	assert_string_equal(error.text, "roi needs a period to go by another date");
	assert_int_equal(
		ask((struct attrib_report){.name = "roi", .from = "2026-11-01"}), ATTRIB_E_INVALID);
	assert_string_equal(error.text, "roi needs both ends of the period");
	assert_int_equal(ask((struct attrib_report){
				 .name = "path_step", .from = "2026-11-01", .to = "2026-11-01"}),
		ATTRIB_E_INVALID);
	assert_string_equal(error.text, "path_step has no period");
	assert_int_equal(
		ask((struct attrib_report){
			.name = "traffic_daily", .from = "2026-11-01", .to = "2026-11-31"}),
		ATTRIB_E_INVALID);
	assert_string_equal(error.text, "expected dates such as 2026-11-01, got \"2026-11-31\"");
	assert_int_equal(
		ask((struct attrib_report){
			.name = "traffic_daily", .from = "2026-11-02", .to = "2026-11-01"}),
		ATTRIB_E_INVALID);
	assert_string_equal(error.text, "the period of traffic_daily ends before it begins");
}

static void a_period_without_a_site_is_that_of_every_site(void **state)
{
	const struct attrib_report_kind *kind;

	(void)state;
	for (size_t i = 0; (kind = attrib_report_kind(i)); i++) {
		if (kind->takes & ATTRIB_REPORT_TAKES_PERIOD)
			assert_int_equal(ask((struct attrib_report){.name = kind->name,
						 .from = "2026-11-01",
						 .to = "2026-11-01"}),
				0);
	}
}

static void a_period_may_go_by_another_date(void **state)
{
	struct attrib_report report = {.name = "creator_money",
		.site = "acme",
		.from = "2026-10-31",
		.to = "2026-10-31",
		.format = ATTRIB_REPORT_CSV};

	(void)state;
	assert_int_equal(ask(report), 0);
	lacks("ann");
	report.by = "touch"; /* 100 minutes before the order */
	assert_int_equal(ask(report), 0);
	holds("acme,spring,ann,policy,EUR,1,100.00,0.00,100.00");
	report.name = "roi";
	assert_int_equal(ask(report), 0);
	holds("acme,creator,spring,ann,policy,EUR,0.00,100.00");
}

/* Page by page, by one row each, comes what comes at once. */
static void pages_together_are_the_report(void **state)
{
	const struct attrib_report_kind *kind;
	size_t pages = 0;

	(void)state;
	for (size_t i = 0; (kind = attrib_report_kind(i)); i++) {
		struct attrib_report_page whole = {.limit = 1000, .bytes_max = 1 << 20},
					  page = {.limit = 1, .bytes_max = 1 << 20};
		struct attrib_report report = {
			.name = kind->name, .format = ATTRIB_REPORT_CSV, .page = &whole};
		struct attrib_buf sum;
		char *all;

		/* some of them are ages, which grow while they are asked for */
		if (strncmp(kind->name, "kpi_", 4) == 0)
			continue;
		assert_int_equal(ask(report), 0);
		assert_false(whole.more);
		all = strdup((char *)out.p);
		attrib_buf_init(&sum);
		report.page = &page;
		do {
			char *line;
			assert_int_equal(ask(report), 0);
			line = strchr((char *)out.p, '\n') + 1;
			attrib_buf_str(
				&sum, attrib_str_of(page.offset == 0 ? (char *)out.p : line));
			assert_int_equal(page.rows, whole.rows > 0);
			page.offset += page.rows;
			pages++;
		} while (page.more);
		attrib_buf_char(&sum, 0);
		assert_int_equal(page.offset, whole.rows);
		assert_string_equal((char *)sum.p, all);
		attrib_buf_done(&sum);
		free(all);
	}
	assert_true(pages > 50); /* some have several */
}

static void a_page_ends_by_its_bytes(void **state)
{
	struct attrib_report_page page = {.limit = 1000, .bytes_max = 1};
	struct attrib_report report = {
		.name = "order_credit", .format = ATTRIB_REPORT_JSON, .page = &page};

	(void)state;
	assert_int_equal(ask(report), 0);
	assert_int_equal(page.rows, 1);
	assert_true(page.more);
	assert_string_equal((char *)out.p + out.n - 5, "}\n]\n");
}

static void who_is_told_to_stop_gives_up(void **state)
{
	atomic_bool stop = false;
	struct attrib_patience patience = {.timeout_ms = 30000, .stop = &stop};
	struct attrib_report report = {.name = "cac", .patience = &patience};

	(void)state;
	assert_int_equal(ask(report), 0);
	atomic_store(&stop, true);
	assert_int_equal(ask(report), ATTRIB_E_UNAVAILABLE);
	atomic_store(&stop, false);
	patience.timeout_ms = 100;
	test_pg_run(&pg, "BEGIN; LOCK TABLE attrib.cost IN ACCESS EXCLUSIVE MODE");
	assert_int_equal(ask(report), ATTRIB_E_UNAVAILABLE);
	assert_string_equal(error.sqlstate, "57014");
	test_pg_run(&pg, "COMMIT");
}

static int refuse_to_write(void *arg, struct attrib_str text)
{
	(void)arg;
	(void)text;
	return ATTRIB_E_IO;
}

static void a_reader_that_went_away_ends_the_report(void **state)
{
	struct attrib_report report = {.conninfo = pg.conninfo,
		.name = "order_credit",
		.write = refuse_to_write,
		.format = ATTRIB_REPORT_JSON};

	(void)state;
	assert_int_equal(attrib_postgres_report(&report, &error), ATTRIB_E_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_report_answers_in_every_form),
		cmocka_unit_test(columns_are_those_of_the_contract),
		cmocka_unit_test(numbers_are_the_databases_own),
		cmocka_unit_test(a_period_is_of_local_days),
		cmocka_unit_test(rows_of_one_creator_or_campaign),
		cmocka_unit_test(what_a_report_does_not_take_is_said),
		cmocka_unit_test(a_period_without_a_site_is_that_of_every_site),
		cmocka_unit_test(a_period_may_go_by_another_date),
		cmocka_unit_test(pages_together_are_the_report),
		cmocka_unit_test(a_page_ends_by_its_bytes),
		cmocka_unit_test(who_is_told_to_stop_gives_up),
		cmocka_unit_test(a_reader_that_went_away_ends_the_report),
	};

	return cmocka_run_group_tests_name("report", tests, set_up, tear_down);
}
