/* Imports against a real database: what comes in, what is refused and with which words, and that a
 * refused file leaves no trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attrib/tools.h"
#include "pg.h"

static struct test_pg pg;
static char problems[8192];
static struct attrib_import_result counts;

static int set_up(void **state)
{
	(void)state;
	test_pg_init(&pg, true);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_pg_done(&pg);
	return 0;
}

static int import_as(const char *table, const char *site, const char *text)
{
	static const struct attrib_str sites[] = {
		{"acme", sizeof "acme" - 1}, {"other", sizeof "other" - 1}};
	struct attrib_import import = {.conninfo = pg.conninfo,
		.table = table,
		.file = "f.csv",
		.in = fmemopen((void *)text, strlen(text), "r"),
		.sites = sites,
		.site_count = 2,
		.site = attrib_str_of(site)};
	struct attrib_sink_error error;
	struct attrib_buf out;
	int err;

	attrib_buf_init(&out);
	assert_non_null(import.in);
	counts = (struct attrib_import_result){0};
	err = attrib_postgres_import(&import, &counts, &out, &error);
	if (err && err != ATTRIB_E_INVALID)
		print_error("%s %s\n", error.sqlstate, error.text);
	snprintf(problems, sizeof problems, "%.*s", (int)out.n, out.p ? (char *)out.p : "");
	attrib_buf_done(&out);
	fclose(import.in);
	return err;
}

static void taken(const char *table, const char *text, uint64_t added, uint64_t replaced)
{
	int err = import_as(table, "acme", text);

	if (err)
		print_error("%s", problems);
	assert_int_equal(err, 0);
	assert_string_equal(problems, "");
	assert_int_equal(counts.added, added);
	assert_int_equal(counts.replaced, replaced);
	assert_int_equal(counts.rows, added + replaced);
}

static void refused(const char *table, const char *text, const char *expected)
{
	char before[4096];
	const char *sql = "SELECT * FROM attrib.%s ORDER BY 1, 2, 3";

	snprintf(before, sizeof before, "%s", test_pg_text(&pg, sql, table));
	assert_int_equal(import_as(table, "acme", text), ATTRIB_E_INVALID);
	assert_string_equal(problems, expected);
	assert_int_equal(counts.rows, 0);
	assert_string_equal(test_pg_text(&pg, sql, table), before);
}

static void columns_in_any_order_and_defaults(void **state)
{
	(void)state;
	taken("creator", "name,handle,followers\r\n\"Ann, A.\",ann,10\r\nBob,bob,\r\n", 2, 0);
	assert_string_equal(test_pg_text(&pg, "SELECT site, handle, name, platform, followers FROM "
					      "attrib.creator ORDER BY handle"),
		"acme|ann|Ann, A.||10\nacme|bob|Bob||");
	taken("creator_account", "creator,platform,handle,valid_from\nann,tiktok,ann_t,\n", 1, 0);
	assert_string_equal(
		test_pg_text(&pg, "SELECT valid_from FROM attrib.creator_account"), "-infinity");
	taken("tracker", "kind,key,window,generic\ncode, Ann10 ,12h,TRUE\nlink,x,,\n", 2, 0);
	assert_string_equal(test_pg_text(&pg, "SELECT kind, key, folded, \"window\", generic FROM "
					      "attrib.tracker ORDER BY kind"),
		"code|Ann10|ann10|12:00:00|t\nlink|x|x||f");
	taken("exchange_rate", "base,quote,rate,valid_on\nEUR,USD,1.0834,2026-11-01\n", 1, 0);
	taken("campaign", "name,budget,starts_on\nspring,1500.50,2026-03-01\n", 1, 0);
}

/* One line for each table of the contract, with every column that the contract names. */
static void every_table_of_the_contract(void **state)
{
	static const struct {
		const char *table, *text;
	} files[] = {
		{"creator", "site,handle,name,platform,tier,followers\nacme,a,A,tiktok,mid,1\n"},
		{"creator_account", "site,creator,platform,handle,tier,valid_from\nacme,a,x,h,mid,"
				    "2026-01-01\n"},
		{"campaign", "site,name,goal,starts_on,ends_on,currency,budget,window,code_rule\n"
			     "acme,c,awareness,2026-01-01,2026-01-02,EUR,1.50,30d,fallback\n"},
		{"placement", "site,name,campaign,creator,platform,content_type,posted_at,url,paid,"
			      "length_seconds\nacme,p,c,a,x,reel,2026-01-01 "
			      "10:00,https://x,true,12.5\n"},
		{"tracker",
			"site,kind,key,creator,campaign,placement,destination,valid_from,valid_to,"
			"window,code_rule,generic\nacme,link,k,a,c,p,https://x/"
			"y,2026-01-01,2026-02-01T12:30,45m,never,false\n"},
		{"cost", "site,cost_id,campaign,creator,placement,kind,amount,currency,incurred_on,"
			 "covers_from,covers_to\nacme,1,c,a,p,fee,-3.25,EUR,2026-01-01,2026-01-01,"
			 "2026-01-31\n"},
		{"post_metrics",
			"site,placement,taken_at,scope,mode,impressions,reach,likes,comments,"
			"shares,"
			"saves,reactions,clicks,views,views_6s,views_completed,watch_seconds,"
			"new_followers\nacme,p,2026-01-01,paid,delta,1,2,3,4,5,6,7,8,9,10,11,12.5,"
			"13\n"},
		{"follower_count",
			"site,owner,creator,platform,counted_on,followers\nacme,brand,,x,"
			"2026-01-01,5\n"},
		{"rate_card", "site,platform,action,value,currency,valid_from\nacme,x,cpm,5.0,EUR,"
			      "2026-01-01\n"},
		{"exchange_rate", "base,quote,rate,valid_on\nEUR,JPY,160.1,2026-01-01\n"},
		{"kpi_target",
			"site,metric,scope,scope_key,target,direction,primary,deadline\nacme,"
			"cac,campaign,c,20,down,true,2026-12-31\n"},
		{"order_claim",
			"site,order_id,platform,creator,amount,currency\nacme,1001,meta,a,119.00,"
			"EUR\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		taken(files[i].table, files[i].text, 1, 0);
		taken(files[i].table, files[i].text, 0, 1);
		assert_string_equal(
			test_pg_text(&pg, "SELECT count(*) FROM attrib.%s", files[i].table), "1");
	}
}

static void an_existing_key_is_replaced_as_a_whole(void **state)
{
	(void)state;
	taken("creator", "handle,name,followers\nann,Ann,10\nbob,Bob,5\n", 2, 0);
	taken("creator", "handle,name\nann,Anna\ncid,Cid\n", 1, 1);
	assert_string_equal(
		test_pg_text(&pg, "SELECT handle, name, followers FROM attrib.creator ORDER BY 1"),
		"ann|Anna|\nbob|Bob|5\ncid|Cid|");
	assert_string_equal(
		test_pg_text(&pg, "SELECT name, superseded_at = 'infinity' FROM "
				  "attrib.creator_history WHERE handle = 'ann' ORDER BY "
				  "recorded_at"),
		"Ann|f\nAnna|t");
}

/* The key of a tracker is the folded one, with its beginning. */
static void trackers_are_found_by_their_folded_key(void **state)
{
	(void)state;
	taken("tracker", "kind,key,creator,valid_from,valid_to\ncode,ANN10,ann,,2026-02-01\n", 1,
		0);
	taken("tracker",
		"kind,key,creator,valid_from,valid_to\ncode, ann10,ann,,2026-03-01\n"
		"code,Ann10,bob,2026-03-01,\n",
		1, 1);
	assert_string_equal(test_pg_text(&pg, "SELECT key, creator, valid_from, valid_to FROM "
					      "attrib.tracker ORDER BY valid_from NULLS FIRST"),
		"ann10|ann||2026-03-01 00:00:00\nAnn10|bob|2026-03-01 00:00:00|");
	refused("tracker", "kind,key,creator,valid_from\ncode,OK,x,\ncode,aNN10,cid,2026-02-01\n",
		"f.csv:3: site, kind, folded: expected a period that overlaps with no other one of "
		"the same key, got one that does\n");
	refused("tracker", "kind,key,creator\nutm,a/b,x\ncode,n,y\nutm,A/B/*,z\n",
		"f.csv:4: expected a key that no other line has, got that of line 2\n");
}

/* A key is handed over from one day on: whatever the order of the lines, the old period ends first. */
static void a_key_is_handed_over_in_one_file(void **state)
{
	(void)state;
	taken("tracker", "kind,key,creator\ncode,A,ann\n", 1, 0);
	taken("tracker",
		"kind,key,creator,valid_from,valid_to\ncode,A,bob,2026-02-01,\n"
		"code,A,ann,,2026-02-01\n",
		1, 1);
	assert_string_equal(test_pg_text(&pg, "SELECT creator, valid_from, valid_to FROM "
					      "attrib.tracker ORDER BY valid_from NULLS FIRST"),
		"ann||2026-02-01 00:00:00\nbob|2026-02-01 00:00:00|");
}

static void every_mistake_has_its_line_and_column(void **state)
{
	(void)state;
	refused("cost", "cost_id,kind,amount,curency\n",
		"f.csv:1: header: expected columns of cost (site, cost_id, campaign, creator, "
		"placement, kind, amount, currency, incurred_on, covers_from, covers_to), got "
		"\"curency\"\n"
		"f.csv:1: currency: expected this column, got none\n");
	refused("cost", "cost_id,kind,kind,amount,currency\n",
		"f.csv:1: kind: expected one such column, got two\n");
	refused("cost", "", "f.csv:1: header: expected column names, got nothing\n");
	refused("cost",
		"site,cost_id,kind,amount,currency,incurred_on\n"
		"acme,1,fees,ten,eur,2026-13-01\n"
		"acme,,,,,\n"
		"nobody,3,fee,1,EUR,2026-01-01\n"
		"acme,4,fee,1\n"
		"acme,5,fee,1,EUR,2026-01-01\n",
		"f.csv:2: kind: expected fee, product_retail, product_cogs, paid_media, agency, "
		"commission or other, got \"fees\"\n"
		"f.csv:2: amount: expected a decimal number such as 1500.00, got \"ten\"\n"
		"f.csv:2: currency: expected an ISO 4217 currency code such as EUR, got \"eur\"\n"
		"f.csv:2: incurred_on: expected a date such as 2026-11-01, got \"2026-13-01\"\n"
		"f.csv:3: cost_id: expected a value, got nothing\n"
		"f.csv:3: kind: expected fee, product_retail, product_cogs, paid_media, agency, "
		"commission or other, got nothing\n"
		"f.csv:3: amount: expected a decimal number such as 1500.00, got nothing\n"
		"f.csv:3: currency: expected an ISO 4217 currency code such as EUR, got nothing\n"
		"f.csv:4: site: expected a site of the configuration, got \"nobody\"\n"
		"f.csv:5: expected 6 fields as in the header, got 4\n");
	refused("cost", "cost_id,kind,amount,currency\n1,fee,1,EUR\n2,\"fee,1,EUR\n",
		"f.csv:3: expected a closing quote, got the end of the file\n");
}

/* What only the database knows: constraints over several columns, and of values. */
static void the_tables_own_rules_are_told_by_line(void **state)
{
	(void)state;
	refused("cost",
		"cost_id,kind,amount,currency,covers_from,covers_to\n"
		"1,fee,1,EUR,2026-02-01,2026-01-01\n"
		"2,fee,1,EUR,2026-01-01,2026-01-01\n"
		"3,fee,1,EUR,2026-03-01,2026-01-01\n",
		"f.csv:2: covers_to, covers_from: expected a row with covers_to >= covers_from, "
		"got "
		"one without\n"
		"f.csv:4: covers_to, covers_from: expected a row with covers_to >= covers_from, "
		"got "
		"one without\n");
	refused("exchange_rate", "base,quote,rate,valid_on\nEUR,USD,0,2026-01-01\n",
		"f.csv:2: rate: expected a row with rate > 0, got one without\n");
}

static void problems_end_at_twenty(void **state)
{
	char text[4096] = "handle,followers\n";
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 30; i++)
		strcat(text, "x,many\n");
	assert_int_equal(import_as("creator", "acme", text), ATTRIB_E_INVALID);
	for (const char *p = problems; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 20);
}

static void the_site_must_be_known(void **state)
{
	(void)state;
	assert_int_equal(import_as("creator", "", "handle\nann\n"), ATTRIB_E_INVALID);
	assert_string_equal(problems,
		"f.csv:1: site: expected this column (or the option --site NAME), got none\n");
	assert_int_equal(import_as("creator", "other", "handle\nann\n"), 0);
	assert_int_equal(import_as("creator", "other", "site,handle\nacme,ann\n,bob\n"), 0);
	assert_string_equal(
		test_pg_text(&pg, "SELECT site, handle FROM attrib.creator ORDER BY 1, 2"),
		"acme|ann\nother|ann\nother|bob");
}

static void texts_come_through_as_they_are(void **state)
{
	(void)state;
	taken("creator", "handle,name\na,\"tab\tback\\slash\nline \"\"q\"\" \\N\"\nb,\\N\n", 2, 0);
	assert_string_equal(test_pg_text(&pg, "SELECT name FROM attrib.creator ORDER BY handle"),
		"tab\tback\\slash\nline \"q\" \\N\n\\N");
}

static void many_rows_are_one_transaction(void **state)
{
	const int n = 4000;
	struct attrib_buf text;

	(void)state;
	attrib_buf_init(&text);
	attrib_buf_str(&text, ATTRIB_STR("kind,key,creator\n"));
	for (int i = 0; i < n; i++)
		attrib_buf_printf(&text, "code,CODE%d,creator%d\n", i, i % 100);
	attrib_buf_char(&text, 0);
	taken("tracker", (char *)text.p, (uint64_t)n, 0);
	taken("tracker", (char *)text.p, 0, (uint64_t)n);
	attrib_buf_done(&text);
}

static void a_database_that_is_not_ready(void **state)
{
	struct test_pg bare;
	struct attrib_sink_error error;
	struct attrib_buf out;
	struct attrib_import import = {.table = "creator", .file = "f"};

	(void)state;
	test_pg_init(&bare, false);
	attrib_buf_init(&out);
	import.conninfo = bare.conninfo;
	import.in = fmemopen((void *)"handle\n", 7, "r");
	assert_int_equal(attrib_postgres_import(&import, &counts, &out, &error), ATTRIB_E_SCHEMA);
	assert_non_null(strstr(error.text, "attribd migrate"));
	import.conninfo = "host=/nowhere dbname=x";
	assert_int_equal(
		attrib_postgres_import(&import, &counts, &out, &error), ATTRIB_E_UNAVAILABLE);
	import.table = "order_credit";
	assert_int_equal(
		attrib_postgres_import(&import, &counts, &out, &error), ATTRIB_E_NOT_FOUND);
	fclose(import.in);
	attrib_buf_done(&out);
	test_pg_done(&bare);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(columns_in_any_order_and_defaults),
		TEST(every_table_of_the_contract),
		TEST(an_existing_key_is_replaced_as_a_whole),
		TEST(trackers_are_found_by_their_folded_key),
		TEST(a_key_is_handed_over_in_one_file),
		TEST(every_mistake_has_its_line_and_column),
		TEST(the_tables_own_rules_are_told_by_line),
		TEST(problems_end_at_twenty),
		TEST(the_site_must_be_known),
		TEST(texts_come_through_as_they_are),
		TEST(many_rows_are_one_transaction),
		TEST(a_database_that_is_not_ready),
	};

	return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
