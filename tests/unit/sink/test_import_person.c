/*
 * Imports whose rows name persons: what they make of the ledger of new and returning, whose keys
 * creators have, and that nothing of a row is told or kept but its keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pthread.h>

#include <cmocka.h>

#include "attrib/tools.h"
#include "shop.h"

static struct test_pg pg;
static struct shop shop;
static char problems[8192];
static struct attrib_import_result counts;
static uint8_t fingerprint[32];

static int set_up(void **state)
{
	(void)state;
	fingerprint[0] = 7; /* the shop's */
	test_pg_init(&pg, true);
	shop_site(&pg, "partial");
	shop_init(&shop, &pg, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	shop_done(&shop);
	test_pg_done(&pg);
	return 0;
}

/* The key of "7@x" is the shop's key 7: ids are made of the number that a value begins with. */
static bool key_of(void *arg, struct attrib_str site, enum attrib_customer_kind kind,
	struct attrib_str value, struct attrib_customer_key *out)
{
	int number = 0;

	(void)arg;
	assert_true(site.n > 0);
	for (size_t i = 0; i < value.n && value.p[i] >= '0' && value.p[i] <= '9'; i++)
		number = 10 * number + value.p[i] - '0';
	if (number == 0)
		return false;
	*out = (struct attrib_customer_key){.kind = kind};
	memcpy(out->id.b, &number, sizeof number);
	return true;
}

static int import(const char *table, const char *text)
{
	static const struct attrib_str sites[] = {
		{"acme", sizeof "acme" - 1}, {"fresh", sizeof "fresh" - 1}};
	struct attrib_import import = {.conninfo = pg.conninfo,
		.table = table,
		.file = "f.csv",
		.in = fmemopen((void *)text, strlen(text), "r"),
		.sites = sites,
		.site_count = 2,
		.site = sites[0],
		.key = key_of,
		.secret_fingerprint = fingerprint};
	struct attrib_sink_error error;
	struct attrib_buf out;
	int err;

	attrib_buf_init(&out);
	assert_non_null(import.in);
	counts = (struct attrib_import_result){0};
	err = attrib_postgres_import(&import, &counts, &out, &error);
	snprintf(problems, sizeof problems, "%.*s%s", (int)out.n, out.p ? (char *)out.p : "",
		err && err != ATTRIB_E_INVALID ? error.text : "");
	attrib_buf_done(&out);
	fclose(import.in);
	return err;
}

static void taken(const char *table, const char *text, uint64_t added, uint64_t known)
{
	int err = import(table, text);

	if (err)
		fail_msg("%d: %s", err, problems);
	assert_string_equal(problems, "");
	assert_int_equal(counts.added, added);
	assert_int_equal(counts.replaced, known);
	assert_int_equal(counts.rows, added + known);
	shop_check(&shop);
}

static void refused(const char *table, const char *text, const char *expected)
{
	assert_int_equal(import(table, text), ATTRIB_E_INVALID);
	assert_string_equal(problems, expected);
	assert_string_equal(
		test_pg_text(&pg, "SELECT count(*) FROM attrib.customer_key UNION ALL"
				  " SELECT count(*) FROM attrib.creator_customer UNION ALL"
				  " SELECT count(customers_imported_at) FROM attrib.site"),
		"0\n0\n0");
}

/* An order of key `key`, with its number as id, at a minute. */
static void order(int key, int at)
{
	char id[32];

	snprintf(id, sizeof id, "%d-%d", key, at);
	shop_order(&shop, (struct test_order){.id = id,
				  .gross = 1000,
				  .at = at,
				  .key = key,
				  .credits = {{.creator = "lisa", .campaign = "spring"},
					  {.creator = "mia"}}});
}

static const char *kinds(void)
{
	return test_pg_text(&pg, "SELECT string_agg(order_id || ' ' || customer_kind, ', '"
				 " ORDER BY placed_at, order_id) FROM attrib.conversion_status");
}

static void an_import_makes_the_history_complete(void **state)
{
	(void)state;
	order(1, 10);
	order(2, 20);
	shop_order(&shop, (struct test_order){.id = "guest", .gross = 500, .at = 30});
	shop_flush(&shop);
	assert_string_equal(kinds(), "1-10 unknown, 2-20 unknown, guest unknown");
	taken("customers", "email\n2@x\n3@x\n", 1, 1);
	assert_string_equal(kinds(), "1-10 new, 2-20 returning, guest unknown");
	assert_string_equal(test_pg_text(&pg, "SELECT new_customers, unknown_customers FROM"
					      " attrib.cac WHERE campaign = 'spring'"),
		"1|0");
	/* also for whoever comes from now on, and whatever the configuration says */
	test_pg_run(&pg, "SELECT attrib.put_site_v1('acme', 'UTC', 'EUR', 'partial', 1,"
			 " 'direct_cost', '{}')");
	order(3, 40);
	order(4, 50);
	shop_flush(&shop);
	assert_string_equal(
		kinds(), "1-10 new, 2-20 returning, guest unknown, 3-40 returning, 4-50 new");
}

static void an_import_may_come_first(void **state)
{
	(void)state;
	taken("customers", "email\n1@x\n", 1, 0);
	order(1, 10);
	order(2, 20);
	shop_flush(&shop);
	assert_string_equal(kinds(), "1-10 returning, 2-20 new");
}

/* The orders are placed at noon of November 1st, UTC. */
static void the_first_order_is_compared(void **state)
{
	(void)state;
	for (int key = 1; key <= 8; key++)
		order(key, 720);
	shop_flush(&shop);
	taken("customers",
		"email,first_order_at\n"
		"1@x,2026-11-01T11:59:59Z\n"
		"2@x,2026-11-01T12:00:00Z\n"
		"3@x,2026-11-01t13:30:00+02:00\n"
		"4@x,2026-11-01T12:00:01Z\n"
		"5@x,2026-10-31\n"
		"6@x,2026-11-01\n"
		"7@x,\n",
		0, 7);
	assert_string_equal(kinds(),
		"1-720 returning, 2-720 new, 3-720 returning, 4-720 new, 5-720 returning,"
		" 6-720 new, 7-720 returning, 8-720 new");
	/* between two of our orders: the later one was returning anyway */
	order(4, 900);
	shop_flush(&shop);
	assert_string_equal(test_pg_text(&pg, "SELECT customer_kind FROM attrib.conversion_status"
					      " WHERE order_id = '4-900'"),
		"returning");
}

static void a_date_is_a_day_of_the_site(void **state)
{
	(void)state;
	test_pg_run(&pg, "SELECT attrib.put_site_v1('acme', 'America/New_York', 'EUR', 'partial',"
			 " 1, 'direct_cost', '{}')");
	order(1, 3 * 60); /* still October 31st there */
	order(2, 5 * 60);
	shop_flush(&shop);
	taken("customers", "email,first_order_at\n1@x,2026-10-31\n2@x,2026-10-31\n", 0, 2);
	assert_string_equal(kinds(), "1-180 new, 2-300 returning");
}

static void the_earliest_first_order_stays(void **state)
{
	static const char *const dates[] = {"2026-11-05", "2026-11-03", "2026-11-04"};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
		snprintf(text, sizeof text, "email,first_order_at\n1@x,%s\n", dates[i]);
		taken("customers", text, i == 0, i > 0);
	}
	assert_string_equal(test_pg_text(&pg, "SELECT first_ordered_at FROM attrib.customer"),
		"2026-11-03 23:59:59.999999+00");
	taken("customers", "email\n1@x\n", 0, 1);
	assert_string_equal(
		test_pg_text(&pg, "SELECT first_ordered_at FROM attrib.customer"), "-infinity");
}

/* Two lines with one phone, and what the ledger knew of each, are one person. */
static void keys_of_a_line_are_one_customer(void **state)
{
	(void)state;
	test_pg_run(&pg, "UPDATE attrib.site SET customer_history = 'complete'");
	order(1, 10);
	order(2, 20);
	order(3, 30);
	shop_flush(&shop);
	assert_string_equal(kinds(), "1-10 new, 2-20 new, 3-30 new");
	taken("customers",
		"email,phone,customer_id,first_order_at\n"
		"1@x,55555,,2027-01-01\n"
		"2@x,55555,,2027-01-02\n"
		",,77,2027-01-03\n",
		3, 0);
	assert_string_equal(kinds(), "1-10 new, 2-20 returning, 3-30 new");
	taken("customers", "email,customer_id,first_order_at\n3@x,77,2026-10-01\n", 0, 1);
	assert_string_equal(kinds(), "1-10 new, 2-20 returning, 3-30 returning");
	assert_string_equal(test_pg_text(&pg, "SELECT count(*) FROM attrib.customer"), "2");
}

static void twice_is_once(void **state)
{
	static const char all[] =
		"SELECT (SELECT string_agg(t::text || xmin, ' ' ORDER BY id) FROM attrib.customer "
		"t),"
		" (SELECT string_agg(t::text || xmin, ' ' ORDER BY key) FROM attrib.customer_key "
		"t),"
		" (SELECT string_agg(t::text || xmin, ' ' ORDER BY order_id)"
		"  FROM attrib.customer_order t),"
		" (SELECT string_agg(t::text || xmin, ' ' ORDER BY t) FROM attrib.rollup_money t),"
		" (SELECT customers_imported_at FROM attrib.site)";
	static const char text[] = "email,phone,first_order_at\n1@x,55555,\n2@x,,2026-10-01\n"
				   "2@x,,2026-10-01\n9@x,,\n";
	char before[16384];

	(void)state;
	order(1, 10);
	order(2, 20);
	order(2, 25);
	order(3, 30);
	shop_flush(&shop);
	taken("customers", text, 2, 2);
	snprintf(before, sizeof before, "%s", test_pg_text(&pg, all));
	taken("customers", text, 0, 4);
	assert_string_equal(test_pg_text(&pg, all), before);
}

static void *import_late(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)import("customers", "email\n1@x\n3@x\n");
}

static void *flush_late(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)shop_try_flush(&shop);
}

static void start(pthread_t *thread, void *(*run)(void *arg), const char *waiting)
{
	static const char sql[] =
		"SELECT pg_stat_clear_snapshot(); SELECT count(*) FROM pg_stat_activity WHERE "
		"wait_event_type = 'Lock'"
		" AND application_name = 'attribd' AND datname = current_database()";

	assert_int_equal(pthread_create(thread, NULL, run, NULL), 0);
	for (int i = 0; i < 2000 && strcmp(test_pg_text(&pg, sql), waiting) != 0; i++)
		usleep(5000);
	assert_string_equal(test_pg_text(&pg, sql), waiting);
}

/* Import and flush meet at the site's row: whoever comes second sees what the first one wrote. */
static void meet(void *(*first)(void *arg), void *(*second)(void *arg))
{
	pthread_t threads[2];
	void *err;

	order(2, 20);
	shop_flush(&shop);
	order(1, 10);
	order(2, 15);
	order(3, 30);
	order(4, 40);
	test_pg_run(&pg, "BEGIN; SELECT FROM attrib.site FOR UPDATE");
	start(&threads[0], first, "1");
	start(&threads[1], second, "2");
	test_pg_run(&pg, "COMMIT");
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &err);
		assert_null(err);
	}
	shop_check(&shop);
	assert_string_equal(
		kinds(), "1-10 returning, 2-15 new, 2-20 returning, 3-30 returning, 4-40 new");
}

static void an_import_waits_for_a_flush(void **state)
{
	(void)state;
	meet(flush_late, import_late);
}

static void a_flush_waits_for_an_import(void **state)
{
	(void)state;
	meet(import_late, flush_late);
}

static void only_the_sites_of_the_file_are_complete(void **state)
{
	(void)state;
	test_pg_run(&pg, "SELECT attrib.put_site_v1('fresh', 'UTC', 'EUR', 'partial', 1,"
			 " 'direct_cost', '{}')");
	taken("customers", "site,email\nfresh,1@x\n", 1, 0);
	order(1, 10);
	shop_flush(&shop);
	assert_string_equal(kinds(), "1-10 unknown");
	assert_string_equal(test_pg_text(&pg, "SELECT name, customer_history,"
					      " customers_imported_at IS NULL FROM attrib.site"
					      " ORDER BY 1"),
		"acme|partial|t\nfresh|complete|f");
}

static void many_are_one_transaction(void **state)
{
	const int n = 5000;
	struct attrib_buf text;

	(void)state;
	order(17, 10);
	order(n + 1, 20);
	shop_flush(&shop);
	attrib_buf_init(&text);
	attrib_buf_str(&text, ATTRIB_STR("email,phone\n"));
	for (int i = 1; i <= n; i++)
		attrib_buf_printf(&text, "%d@x,%d\n", i, 100000 + i / 2);
	attrib_buf_char(&text, 0);
	taken("customers", (char *)text.p, (uint64_t)n, 0);
	assert_string_equal(kinds(), "17-10 returning, 5001-20 new");
	assert_string_equal(test_pg_text(&pg, "SELECT count(*) FROM attrib.customer"), "2502");
	attrib_buf_done(&text);
}

static void mistakes_have_line_and_column_and_no_value(void **state)
{
	(void)state;
	refused("customers",
		"email,phone,customer_id,first_order_at\n"
		"1@x,55555,4,2026-10-01\n"
		"ann-example.com,55555,,\n"
		"2@x,call me,,yesterday\n"
		",,,2026-10-01\n"
		"0,,0,\n"
		"3@x,,,2026-02-30\n"
		"4@x,,\n",
		"f.csv:3: email: expected an address such as ann@example.com, got something else\n"
		"f.csv:4: phone: expected a number of five digits or more, got something else\n"
		"f.csv:4: first_order_at: expected a date such as 2026-11-01 or an instant such as"
		" 2026-11-01T12:30:00Z, got something else\n"
		"f.csv:5: expected an email, phone or customer_id, got none of them\n"
		"f.csv:6: expected an email, phone or customer_id, got none of them\n"
		"f.csv:7: first_order_at: expected a date such as 2026-11-01 or an instant such as"
		" 2026-11-01T12:30:00Z, got something else\n"
		"f.csv:8: expected 4 fields as in the header, got 3\n");
	refused("customers", "ann@example.com\n",
		"f.csv:1: header: expected columns of customers (site, email, phone, customer_id,"
		" first_order_at), got something else\n"
		"f.csv:1: header: expected email, phone or customer_id, got none of them\n");
	refused("customers", "site,first_order_at\nacme,2026-10-01\n",
		"f.csv:1: header: expected email, phone or customer_id, got none of them\n");
	refused("customers", "site,email\nann@example.com,1@x\n,1@x\n",
		"f.csv:2: site: expected a site of the configuration, got something else\n");
	refused("creator_customer", "creator,email\nann,1@x\n,2@x\nbob,\n",
		"f.csv:3: creator: expected a value, got nothing\n"
		"f.csv:4: expected an email, phone or customer_id, got none of them\n");
	refused("creator_customer", "email\n1@x\n",
		"f.csv:1: creator: expected this column, got none\n");
}

static void a_site_that_the_database_does_not_know(void **state)
{
	(void)state;
	refused("customers", "site,email\nacme,1@x\nfresh,1@x\nfresh,2@x\n",
		"f.csv:3: site: expected a site that the database knows, got a new one: run"
		" `attribd migrate` first\n");
}

static void another_secret_is_refused(void **state)
{
	(void)state;
	fingerprint[0] = 8;
	assert_int_equal(import("customers", "email\n1@x\n"), ATTRIB_E_CONFIG);
	assert_non_null(strstr(problems, "another secret"));
	assert_int_equal(import("creator_customer", "creator,email\nann,1@x\n"), ATTRIB_E_CONFIG);
	assert_string_equal(test_pg_text(&pg, "SELECT count(*) FROM attrib.customer_key"), "0");
	assert_string_equal(test_pg_text(&pg, "SELECT count(*) FROM attrib.creator_customer"), "0");
}

/* Before the first daemon: the import's secret is the database's, unless it failed. */
static void the_first_secret_decides(void **state)
{
	(void)state;
	test_pg_run(&pg, "DELETE FROM attrib.secret");
	fingerprint[0] = 8;
	assert_int_equal(import("customers", "email\nnobody\n"), ATTRIB_E_INVALID);
	assert_string_equal(test_pg_text(&pg, "SELECT count(*) FROM attrib.secret"), "0");
	fingerprint[0] = 7;
	taken("customers", "email\n1@x\n", 1, 0);
	assert_int_equal(shop.sink->ops->attach(shop.sink, &shop.attach), 0);
}

static bool is_creators(const char *creator, int number)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_id key = {{0}};
	struct attrib_sink_error error;
	struct attrib_catalog *catalog;
	uint64_t version;
	bool is;

	memcpy(key.b, &number, sizeof number);
	assert_int_equal(attrib_postgres_load_catalog(pg.conninfo, builder, &version, &error), 0);
	assert_int_equal(attrib_catalog_build(builder, version, &catalog), 0);
	is = attrib_catalog_is_creators(
		catalog, ATTRIB_STR("acme"), attrib_str_of(creator), &key, 1, ATTRIB_FOREVER);
	attrib_catalog_unref(catalog);
	return is;
}

static void creators_have_keys(void **state)
{
	static const char version[] = "SELECT version FROM attrib.catalog_state";
	char before[32];

	(void)state;
	snprintf(before, sizeof before, "%s", test_pg_text(&pg, version));
	taken("creator_customer", "creator,email,phone\nlisa,1@x,55555\nmia,2@x,\n", 2, 0);
	assert_string_not_equal(test_pg_text(&pg, version), before);
	assert_true(is_creators("lisa", 1));
	assert_true(is_creators("lisa", 55555));
	assert_true(is_creators("mia", 2));
	assert_false(is_creators("lisa", 2));
	/* again: nothing new, and the daemon has nothing to do */
	snprintf(before, sizeof before, "%s", test_pg_text(&pg, version));
	taken("creator_customer", "creator,email\nmia,2@x\nmia,3@x\nlisa,1@x\n", 1, 2);
	assert_string_not_equal(test_pg_text(&pg, version), before);
	snprintf(before, sizeof before, "%s", test_pg_text(&pg, version));
	taken("creator_customer", "creator,email\nmia,2@x\nmia,3@x\nlisa,1@x\n", 0, 3);
	assert_string_equal(test_pg_text(&pg, version), before);
	/* what is taken back was known for a while */
	test_pg_run(&pg, "DELETE FROM attrib.creator_customer WHERE creator = 'mia'");
	assert_string_not_equal(test_pg_text(&pg, version), before);
	assert_false(is_creators("mia", 2));
	assert_string_equal(test_pg_text(&pg, "SELECT creator, key_kind, superseded_at = 'infinity'"
					      " FROM attrib.creator_customer_history"
					      " ORDER BY creator, key_kind, key"),
		"lisa|1|t\nlisa|2|t\nmia|1|f\nmia|1|f");
	/* customers are not touched by it */
	assert_string_equal(test_pg_text(&pg, "SELECT count(*) FROM attrib.customer_key"), "0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_import_makes_the_history_complete),
		TEST(an_import_may_come_first),
		TEST(the_first_order_is_compared),
		TEST(a_date_is_a_day_of_the_site),
		TEST(the_earliest_first_order_stays),
		TEST(keys_of_a_line_are_one_customer),
		TEST(twice_is_once),
		TEST(an_import_waits_for_a_flush),
		TEST(a_flush_waits_for_an_import),
		TEST(only_the_sites_of_the_file_are_complete),
		TEST(many_are_one_transaction),
		TEST(mistakes_have_line_and_column_and_no_value),
		TEST(a_site_that_the_database_does_not_know),
		TEST(another_secret_is_refused),
		TEST(the_first_secret_decides),
		TEST(creators_have_keys),
	};

	return cmocka_run_group_tests_name("import of persons", tests, NULL, NULL);
}
