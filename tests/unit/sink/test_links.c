/* Links that are handed out, against a real database: what is added, what is refused and with which
 * words, and the tables that they come from and go to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attrib/tools.h"
#include "pg.h"

#define SITES                                                                                      \
	"{\"default\":\"acme\",\"sites\":{\"acme\":{\"public_url\":true,\"affiliate\":true},"      \
	"\"bare\":{\"public_url\":false,\"affiliate\":false}}}"
#define TRACKERS                                                                                   \
	"SELECT site, kind, key, creator, campaign, placement, destination, valid_from, "          \
	"valid_to, \"window\", code_rule FROM attrib.tracker ORDER BY tracker_id"

static struct test_pg pg;
static char told[16384];

static int set_up(void **state)
{
	(void)state;
	test_pg_init(&pg, true);
	test_pg_run(&pg,
		"INSERT INTO attrib.creator (site, handle) VALUES ('acme', 'ann'), ('acme', "
		"'bob'), "
		"('bare', 'ann');"
		"INSERT INTO attrib.campaign (site, name) VALUES ('acme', 'spring');"
		"INSERT INTO attrib.placement (site, name, creator, campaign) VALUES "
		"('acme', 'reel', 'ann', 'spring'), ('acme', 'free', NULL, NULL)");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_pg_done(&pg);
	return 0;
}

/* "<item> <key>" of what is there, "<item> <field>: <problem>" of what is not. */
static void note(void *arg, const struct attrib_link_row *row)
{
	size_t n = strlen(told);

	(void)arg;
	if (row->problem)
		snprintf(told + n, sizeof told - n, "%zu %s: %s\n", row->item,
			row->field ? row->field : "-", row->problem);
	else
		snprintf(told + n, sizeof told - n, "%zu %.*s\n", row->item, (int)row->link.key.n,
			row->link.key.p);
}

static int add(const char *items, bool all)
{
	struct attrib_link_adder adder = {.conninfo = pg.conninfo,
		.items = attrib_str_of(items),
		.sites = ATTRIB_STR(SITES),
		.all = all,
		.hurry = true,
		.row = note};
	struct attrib_sink_error error;

	told[0] = '\0';
	return attrib_postgres_add_links(&adder, &error);
}

static void added(const char *items, const char *expected)
{
	assert_int_equal(add(items, false), 0);
	assert_string_equal(told, expected);
}

/* Of an item of site acme whose other fields are as they have to be. */
static void refused(const char *fields, const char *expected)
{
	char items[1024], before[4096];

	snprintf(before, sizeof before, "%s", test_pg_text(&pg, TRACKERS));
	snprintf(items, sizeof items, "{%s}", fields);
	added(items, expected);
	assert_string_equal(test_pg_text(&pg, TRACKERS), before);
}

static void every_field_arrives(void **state)
{
	(void)state;
	added("[{\"kind\":\"code\",\"key\":\" Ann10 \",\"creator\":\"ann\",\"campaign\":\"spring\","
	      "\"destination\":\"https://s.example/{key}\",\"valid_from\":\"2026-11-01\","
	      "\"valid_to\":\"2026-12-01 12:30\",\"window\":\"14d\",\"code_rule\":\"fallback\","
	      "\"sub\":\"x\"},"
	      "{\"site\":\"acme\",\"key\":\"a\",\"placement\":\"reel\",\"creator\":null,"
	      "\"campaign\":\"\",\"destination\":\"HTTPS://s.example:8443/?a=%20#b\"},"
	      "{\"key\":\"b\",\"placement\":\"free\",\"creator\":\"bob\","
	      "\"destination\":\"http://s.example\"}]",
		"0  Ann10 \n1 a\n2 b\n");
	assert_string_equal(test_pg_text(&pg, TRACKERS),
		"acme|code| Ann10 |ann|spring||https://s.example/{key}|2026-11-01 00:00:00|"
		"2026-12-01 12:30:00|14 days|fallback\n"
		"acme|link|a|ann|spring|reel|HTTPS://s.example:8443/?a=%20#b||||\n"
		"acme|link|b|bob||free|http://s.example||||");
	assert_string_equal(test_pg_text(&pg, "SELECT folded FROM attrib.tracker WHERE key = ' "
					      "Ann10 '"),
		"ann10");
}

static void made_keys_are_new(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(add("[{\"creator\":\"ann\",\"destination\":\"https://s.example\"},"
				     "{\"kind\":\"code\",\"creator\":\"ann\"}]",
					 true),
			0);
	assert_string_equal(
		test_pg_text(&pg, "SELECT count(DISTINCT folded), bool_and(key ~ CASE kind WHEN "
				  "'code' THEN '^[2-9B-DF-HJKMNP-TV-XZ]{8}$' ELSE "
				  "'^[2-9b-df-hjkmnp-tv-xz]{8}$' END) FROM attrib.tracker"),
		"6|t");
}

static void the_same_again_is_no_mistake(void **state)
{
	static const char item[] = "{\"key\":\"%s\",\"creator\":\"ann\",\"destination\":\"https://"
				   "s.example\",\"valid_from\":\"2026-11-01\"}";
	char items[512];

	(void)state;
	snprintf(items, sizeof items, item, "Once");
	added(items, "0 Once\n");
	snprintf(items, sizeof items, item, "once");
	added(items, "0 Once\n");
	assert_string_equal(test_pg_text(&pg, "SELECT count(*) FROM attrib.tracker"), "1");
}

static void a_taken_key_is_named(void **state)
{
	(void)state;
	added("[{\"kind\":\"code\",\"key\":\"TEN\",\"creator\":\"ann\",\"valid_to\":\"2026-06-01\"}"
	      ",{\"kind\":\"code\",\"key\":\"ten\",\"creator\":\"bob\",\"valid_from\":\"2026-06-"
	      "01\"}"
	      ",{\"kind\":\"affiliate\",\"key\":\"ten\",\"creator\":\"bob\",\"destination\":"
	      "\"https://s.example\"}"
	      ",{\"kind\":\"utm\",\"key\":\"ig/x\",\"creator\":\"bob\",\"destination\":"
	      "\"https://s.example\"}"
	      ",{\"key\":\"ten\",\"creator\":\"bob\",\"destination\":\"https://s.example\"}]",
		"0 TEN\n1 ten\n2 ten\n3 ig/x\n4 ten\n");
	refused("\"kind\":\"code\",\"key\":\"Ten\",\"creator\":\"bob\",\"valid_from\":\"2026-05-"
		"31\","
		"\"valid_to\":\"2026-06-01\"",
		"0 key: expected a key that is free from 2026-05-31 00:00:00 to 2026-06-01 "
		"00:00:00, got "
		"\"TEN\", which is ann's from ever to 2026-06-01 00:00:00\n");
	refused("\"kind\":\"utm\",\"key\":\"IG/x/*\",\"creator\":\"ann\",\"destination\":\"https://"
		"s.example\"",
		"0 key: expected a key that is free for ever, got \"ig/x\", which is bob's for "
		"ever\n");
	test_pg_run(&pg, "INSERT INTO attrib.tracker (site, kind, key, valid_to) VALUES "
			 "('bare', 'link', 'Theirs', '2020-01-01')");
	refused("\"key\":\"theirs\",\"creator\":\"ann\",\"destination\":\"https://s.example\"",
		"0 key: expected a key that no other site has, got \"Theirs\" of site bare\n");
	/* of two of one request the second comes too late */
	added("[{\"kind\":\"code\",\"key\":\"two\",\"creator\":\"ann\"},{\"kind\":\"code\",\"key\":"
	      "\"TWO\",\"creator\":\"bob\"}]",
		"0 two\n1 key: expected a key that is free for ever, got \"two\", which is ann's "
		"for ever\n");
}

static void names_that_nobody_has(void **state)
{
	(void)state;
	refused("\"kind\":\"code\"",
		"0 creator: expected a creator, or a placement that has one, got none\n");
	refused("\"kind\":\"code\",\"creator\":\"an\\\"n\",\"campaign\":\"x\",\"placement\":\"y\"",
		"0 creator: expected a creator of site acme, got \"an\\\"n\"\n"
		"0 campaign: expected a campaign of site acme, got \"x\"\n"
		"0 placement: expected a placement of site acme, got \"y\"\n");
	refused("\"kind\":\"code\",\"creator\":\"bob\",\"placement\":\"reel\"",
		"0 creator: expected \"ann\", whose placement \"reel\" is, got \"bob\"\n");
	refused("\"kind\":\"code\",\"site\":\"other\",\"creator\":\"bob\"",
		"0 site: expected a site of the configuration, got \"other\"\n");
	refused("\"site\":\"bare\",\"creator\":\"ann\",\"destination\":\"https://s.example\"",
		"0 kind: expected the setting public_url of the site, which links begin with; it "
		"is not "
		"set\n");
	refused("\"kind\":\"affiliate\",\"site\":\"bare\",\"creator\":\"ann\",\"destination\":"
		"\"https://s.example\"",
		"0 kind: expected the setting affiliate_params of the site, which names the "
		"parameter; it is empty\n");
}

static void texts_that_are_none(void **state)
{
	static const struct {
		const char *fields, *expected;
	} cases[] = {
		{"\"destination\":\"s.example\"",
			"destination: expected an absolute http or https URL, got \"s.example\""},
		{"\"destination\":\"javascript:alert(1)\"",
			"destination: expected an absolute http or https URL, got "
			"\"javascript:alert(1)\""},
		{"\"destination\":\"https://s.example\\\\@e.example/\"",
			"destination: expected an absolute http or https URL, got "
			"\"https://s.example\\\\@e.example/\""},
		{"\"destination\":\"https://s.example/a b\"",
			"destination: expected an absolute http or https URL, got "
			"\"https://s.example/a b\""},
		{"\"kind\":\"link\"",
			"destination: expected an absolute http or https URL, got nothing"},
		{"\"kind\":\"Code\"", "kind: expected link, affiliate, code or utm, got \"Code\""},
		{"\"kind\":\"code\",\"key\":7",
			"key: expected at most 200 characters without control characters, got 7"},
		{"\"kind\":\"code\",\"key\":\"a\\nb\"",
			"key: expected at most 200 characters without control characters, got "
			"\"a\\nb\""},
		{"\"kind\":\"code\",\"key\":\"  \"", "key: expected a key, got blanks"},
		{"\"kind\":\"utm\",\"key\":\"*/*\",\"destination\":\"https://s.example\"",
			"key: expected source/medium/campaign/term/content, got \"*/*\""},
		{"\"kind\":\"code\",\"valid_from\":\"2026-02-30\"",
			"valid_from: expected a date or a local time such as 2026-11-01 12:30, "
			"without zone, got \"2026-02-30\""},
		{"\"kind\":\"code\",\"valid_from\":\"now\"",
			"valid_from: expected a date or a local time such as 2026-11-01 12:30, "
			"without zone, got \"now\""},
		{"\"kind\":\"code\",\"valid_from\":\"2026-02-03\",\"valid_to\":\"2026-02-03\"",
			"valid_to: expected a time after valid_from, got \"2026-02-03\""},
		{"\"kind\":\"code\",\"window\":\"a week\"",
			"window: expected a duration such as 30d, 12h or 45m, got \"a week\""},
		{"\"kind\":\"code\",\"code_rule\":\"sometimes\"",
			"code_rule: expected always, fallback, if_involved, if_winner or never, "
			"got "
			"\"sometimes\""},
		{"\"kind\":\"code\",\"sub\":\"x\"",
			"sub: expected a destination that carries it, got none"},
		{"\"kind\":\"code\",\"destination\":\"https://s.example/\"",
			"destination: expected {key} where the shop takes the code, such as "
			"https://shop.example/discount/{key}?redirect=/, got "
			"\"https://s.example/\""},
		{"\"kind\":\"code\",\"followers\":\"7\"",
			"followers: expected one of site, kind, key, creator, campaign, placement, "
			"destination, valid_from, valid_to, window, code_rule, sub, got "
			"\"followers\""},
	};
	char fields[512], expected[512];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(fields, sizeof fields, "\"creator\":\"ann\",%s", cases[i].fields);
		snprintf(expected, sizeof expected, "0 %s\n", cases[i].expected);
		refused(fields, expected);
	}
	added("[7,[]]", "0 -: expected an object, got 7\n1 -: expected an object, got []\n");
	added("[]", "");
}

static void all_or_nothing_when_asked(void **state)
{
	static const char items[] = "[{\"kind\":\"code\",\"key\":\"good\",\"creator\":\"ann\"},"
				    "{\"kind\":\"code\",\"creator\":\"carl\"}]";

	(void)state;
	assert_int_equal(add(items, true), ATTRIB_E_INVALID);
	assert_string_equal(
		told, "0 good\n1 creator: expected a creator of site acme, got \"carl\"\n");
	assert_string_equal(test_pg_text(&pg, "SELECT count(*) FROM attrib.tracker"), "0");
	assert_int_equal(add(items, false), 0);
	assert_string_equal(test_pg_text(&pg, "SELECT key FROM attrib.tracker"), "good");
	assert_int_equal(add("[{", false), ATTRIB_E_INVALID);
	assert_int_equal(add("[\"\xff\"]", false), ATTRIB_E_INVALID);
	assert_int_equal(add("{\"creator\":\"\\u0000\"}", false), ATTRIB_E_INVALID);
	assert_string_equal(told, "");
}

static void those_that_there_are(void **state)
{
	struct attrib_link_lister lister = {
		.conninfo = pg.conninfo, .site = "acme", .limit = 2, .row = note};
	struct attrib_sink_error error;

	(void)state;
	test_pg_run(&pg, "INSERT INTO attrib.tracker (site, kind, key, creator) VALUES "
			 "('acme', 'code', 'a', 'ann'), ('acme', 'code', 'b', 'bob'), "
			 "('acme', 'code', 'c', 'ann'), ('acme', 'code', 'd', NULL), "
			 "('bare', 'code', 'e', 'ann')");
	told[0] = '\0';
	assert_int_equal(attrib_postgres_list_links(&lister, &error), 0);
	assert_string_equal(told, "0 c\n0 b\n");
	lister.creator = "ann";
	told[0] = '\0';
	assert_int_equal(attrib_postgres_list_links(&lister, &error), 0);
	assert_string_equal(told, "0 c\n0 a\n");
}

static int read_csv(const char *text, char *items, char *problems, size_t size, uint64_t *last_line)
{
	FILE *in = fmemopen((void *)text, strlen(text), "r");
	struct attrib_buf out, lines, bad;
	int err;

	assert_non_null(in);
	attrib_buf_init(&out);
	attrib_buf_init(&lines);
	attrib_buf_init(&bad);
	err = attrib_links_read_csv(in, "f.csv", &out, &lines, &bad);
	snprintf(items, size, "%.*s", (int)out.n, (char *)out.p);
	snprintf(problems, size, "%.*s", (int)bad.n, bad.n ? (char *)bad.p : "");
	if (lines.n)
		memcpy(last_line, lines.p + lines.n - sizeof *last_line, sizeof *last_line);
	attrib_buf_done(&out);
	attrib_buf_done(&lines);
	attrib_buf_done(&bad);
	fclose(in);
	return err;
}

static void tables_in_and_out(void **state)
{
	static const struct {
		const char *text, *problems;
	} bad[] = {
		{"", "f.csv:1: header: expected column names, got nothing\n"},
		{"kind,kind\n", "f.csv:1: kind: expected one such column, got two\n"},
		{"kind,\n", "f.csv:1: header: expected the name of a field in each column\n"},
		{"kind,key\ncode\nlink,a\nlink\n", "f.csv:2: expected 2 fields as in the header, "
						   "got 1\n"
						   "f.csv:4: expected 2 fields as in the header, "
						   "got 1\n"},
		{"kind,key\ncode,\xff\n", "f.csv:2: expected UTF-8 text, got other bytes\n"},
	};
	struct attrib_link link = {.site = ATTRIB_STR("acme"), .key = ATTRIB_STR("a,\"b\"")};
	char items[1024], problems[1024];
	struct attrib_buf out;
	uint64_t line = 0;

	(void)state;
	assert_int_equal(read_csv("kind, key\r\ncode,\"a\nb\"\r\n\r\nlink, \"\"\"q\"\n", items,
				 problems, sizeof items, &line),
		ATTRIB_E_INVALID); /* a quote behind a blank */
	assert_int_equal(read_csv("kind, key\r\ncode,\"a\nb\"\r\n\r\nlink,\"\"\"q\"\n", items,
				 problems, sizeof items, &line),
		0);
	assert_string_equal(items,
		"[{\"kind\":\"code\",\"key\":\"a\\nb\"},{\"kind\":\"link\",\"key\":\"\\\"q\"}]");
	assert_int_equal(line, 5);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(read_csv(bad[i].text, items, problems, sizeof items, &line),
			ATTRIB_E_INVALID);
		assert_string_equal(problems, bad[i].problems);
	}
	attrib_buf_init(&out);
	attrib_links_put_csv(&out, NULL, ATTRIB_STR_NONE);
	attrib_links_put_csv(&out, &link, ATTRIB_STR("https://x"));
	attrib_buf_char(&out, 0);
	assert_string_equal((char *)out.p,
		"site,kind,key,creator,campaign,placement,destination,valid_from,valid_to,sub,url\n"
		"acme,,\"a,\"\"b\"\"\",,,,,,,,https://x\n");
	attrib_buf_done(&out);
}

/* A database of the release before: what to run is said. */
static void a_database_without_the_function(void **state)
{
	struct attrib_link_adder adder = {.conninfo = pg.conninfo,
		.items = ATTRIB_STR("[]"),
		.sites = ATTRIB_STR(SITES),
		.row = note};
	struct attrib_sink_error error;

	(void)state;
	test_pg_run(&pg, "DROP FUNCTION attrib.add_links_v1(jsonb, jsonb)");
	assert_int_equal(attrib_postgres_add_links(&adder, &error), ATTRIB_E_SCHEMA);
	assert_string_equal(error.text,
		"the database does not know attrib.add_links_v1 yet: run 'attribd migrate'");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(every_field_arrives),
		T(made_keys_are_new),
		T(the_same_again_is_no_mistake),
		T(a_taken_key_is_named),
		T(names_that_nobody_has),
		T(texts_that_are_none),
		T(all_or_nothing_when_asked),
		T(those_that_there_are),
		T(tables_in_and_out),
		T(a_database_without_the_function),
	};

	return cmocka_run_group_tests_name("links", tests, NULL, NULL);
}
