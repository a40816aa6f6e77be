/* The exports of tests/data/presets against a real database: what they become, that the key figures are theirs,
 * and what is refused with which words. */
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
static char problems[16384];
static struct attrib_import_result counts;

static int set_up(void **state)
{
	struct shop shop;

	(void)state;
	test_pg_init(&pg, true);
	shop_site(&pg, "complete");
	shop_init(&shop, &pg, 1);
	test_pg_run(&pg,
		"INSERT INTO attrib.creator (site, handle) VALUES ('acme', 'lisa');"
		"INSERT INTO attrib.campaign (site, name) VALUES ('acme', 'spring'), ('acme', "
		"'autumn');"
		"INSERT INTO attrib.placement (site, name, campaign, creator, platform, url) VALUES"
		" ('acme', 'tt-1', 'spring', 'lisa', 'tiktok', "
		"'https://www.tiktok.com/@lisa/video/7400000000000000001'),"
		" ('acme', 'tt-2', 'spring', 'lisa', 'tiktok', "
		"'https://m.tiktok.com/@lisa/video/7400000000000000002?x=1'),"
		" ('acme', 'ig-1', 'autumn', 'lisa', 'instagram', "
		"'https://instagram.com/p/DAbc_123-X'),"
		" ('acme', 'ig-2', 'autumn', 'lisa', 'instagram', NULL),"
		" ('acme', 'ig-s', 'autumn', 'lisa', 'instagram', "
		"'https://www.instagram.com/stories/lisa.lang/3400000000000000001/'),"
		" ('acme', 'yt-1', 'autumn', 'lisa', 'youtube', "
		"'https://www.youtube.com/watch?app=x&v=dQw4w9WgXcQ'),"
		" ('acme', 'yt-2', 'autumn', 'lisa', 'youtube', "
		"'https://youtube.com/shorts/aBcDeFgHiJk'),"
		" ('other', 'yt-9', 'autumn', 'lisa', 'youtube', 'https://youtu.be/aBcDeFgHiJk');"
		"UPDATE attrib.placement SET paid = true WHERE name = 'tt-1';"
		"INSERT INTO attrib.ad_map (site, platform, ad_id, placement) VALUES"
		" ('acme', 'tiktok', '1790000000000001', 'tt-1'), ('acme', 'tiktok', "
		"'1790000000000002', 'tt-1'),"
		" ('acme', 'facebook', '120200000000000001', 'elsewhere'), ('acme', 'instagram', "
		"'120200000000000001', 'ig-1'),"
		" ('acme', 'instagram', '18011000000000002', 'ig-2')");
	shop_order(&shop, (struct test_order){.id = "1001",
				  .gross = 300000,
				  .at = 60,
				  .key = 1,
				  .credits = {{.creator = "lisa",
					  .campaign = "spring",
					  .tracker = "l",
					  .placement = "tt-1"}}});
	shop_flush(&shop);
	shop_done(&shop);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_pg_done(&pg);
	return 0;
}

static int import_from(FILE *in, const char *table, struct attrib_import import)
{
	static const struct attrib_str sites[] = {{"acme", sizeof "acme" - 1}};
	struct attrib_sink_error error = {0};
	struct attrib_buf out;
	int err;

	attrib_buf_init(&out);
	assert_non_null(in);
	import.in = in;
	import.conninfo = pg.conninfo;
	import.table = table;
	import.file = "f.csv";
	import.sites = sites;
	import.site_count = 1;
	import.site = sites[0];
	counts = (struct attrib_import_result){0};
	err = attrib_postgres_import(&import, &counts, &out, &error);
	if (err && err != ATTRIB_E_INVALID)
		print_error("%s %s\n", error.sqlstate, error.text);
	snprintf(problems, sizeof problems, "%.*s", (int)out.n, out.p ? (char *)out.p : "");
	attrib_buf_done(&out);
	fclose(in);
	return err;
}

static FILE *sample(const char *preset)
{
	char path[512];

	snprintf(path, sizeof path, "%s/presets/%s.csv", DATA_DIR, preset);
	return fopen(path, "r");
}

/* The sample comes in; once more it changes nothing and leaves no history. */
static void taken(
	const char *table, const char *preset, const char *on, uint64_t rows, uint64_t added)
{
	const struct attrib_import how = {.preset = preset, .on = on};
	char *before;

	if (import_from(sample(preset), table, how))
		fail_msg("%s: %s", preset, problems);
	assert_string_equal(problems, "");
	assert_int_equal(counts.rows, rows);
	assert_int_equal(counts.added, added);
	assert_int_equal(counts.replaced, 0);
	before = strdup(
		test_pg_text(&pg, "SELECT t::text FROM attrib.%s_history t ORDER BY t", table));
	assert_int_equal(import_from(sample(preset), table, how), 0);
	assert_int_equal(counts.added, 0);
	assert_int_equal(counts.replaced, added);
	assert_string_equal(before,
		test_pg_text(&pg, "SELECT t::text FROM attrib.%s_history t ORDER BY t", table));
	free(before);
}

static void refused(const char *table, const char *text, struct attrib_import how, const char *want)
{
	char *before = strdup(test_pg_text(&pg, "SELECT count(*) FROM attrib.post_metrics UNION "
						"ALL SELECT count(*) FROM attrib.cost"));

	assert_int_equal(import_from(fmemopen((void *)text, strlen(text), "r"), table, how),
		ATTRIB_E_INVALID);
	if (!strstr(problems, want))
		fail_msg("%s\nis not in\n%s", want, problems);
	assert_string_equal(
		before, test_pg_text(&pg, "SELECT count(*) FROM attrib.post_metrics UNION ALL "
					  "SELECT count(*) FROM attrib.cost"));
	free(before);
}

/* want: lines, each with its end. */
static void rows_are(const char *got, const char *want)
{
	size_t n = strlen(want) - 1;

	if (strlen(got) != n || memcmp(got, want, n) != 0)
		fail_msg("expected:\n%sgot:\n%s", want, got);
}

#define METRICS                                                                                    \
	"SELECT placement, taken_at::date, scope, mode, impressions, reach, likes, comments, "     \
	"shares, saves, "                                                                          \
	"reactions, clicks, views, views_6s, views_completed, watch_seconds, new_followers "       \
	"FROM attrib.post_metrics WHERE placement LIKE '%s%%' AND scope LIKE '%s%%' ORDER BY 1, 2"

static void each_sample_is_what_it_says(void **state)
{
	(void)state;
	taken("post_metrics", "tiktok-ads", NULL, 3, 2);
	rows_are(test_pg_text(&pg, METRICS, "tt", "paid"),
		"tt-1|2026-11-02|paid|delta|39100|30050|600|40|25|||460|35600|7000|2600||17\n"
		"tt-1|2026-11-03|paid|delta|200000|150000|3000|200|150|||2500|180000|36000|13000||"
		"90\n");
	taken("post_metrics", "tiktok-analytics", "2026-11-30", 2, 2);
	rows_are(test_pg_text(&pg, METRICS, "tt", "total"),
		"tt-1|2026-11-30|total|cumulative|||1200|48|31|310|||18400||4600|211600.5|\n"
		"tt-2|2026-11-30|total|cumulative|||640|12|9||||9100||||\n");
	taken("post_metrics", "instagram-posts", "2026-11-30", 2, 2);
	taken("post_metrics", "instagram-stories", "2026-11-30", 1, 1);
	rows_are(test_pg_text(&pg, METRICS, "ig", "total"),
		"ig-1|2026-11-30|total|cumulative||9100|610|57|88|230|||12400||||41\n"
		"ig-2|2026-11-30|total|cumulative||640|40|3||12|||||||0\n"
		"ig-s|2026-11-30|total|cumulative||2100|95|7|14|||120|2500||||3\n");
	taken("post_metrics", "meta-ads", NULL, 2, 2);
	rows_are(test_pg_text(&pg, METRICS, "ig", "paid"),
		"ig-1|2026-11-02|paid|delta|22105|15100||22|12|60|310|480|9300||1200||9\n"
		"ig-1|2026-11-03|paid|delta|22907|16000||25|14|66|330|500|9900||1300||11\n");
	taken("post_metrics", "youtube-studio", "2026-11-30", 2, 2);
	rows_are(test_pg_text(&pg, METRICS, "yt", "total"),
		"yt-1|2026-11-30|total|cumulative|120000|7900|168|40|20||||8542|||2392200.000|50\n"
		"yt-2|2026-11-30|total|cumulative|18912|300|28|1|2||||858|||64800.000|2\n");
}

static void what_ads_cost_is_a_row_for_each_ad_and_day(void **state)
{
	(void)state;
	taken("cost", "tiktok-ads", NULL, 3, 3);
	taken("cost", "meta-ads", NULL, 2, 2);
	rows_are(test_pg_text(&pg, "SELECT cost_id, placement, campaign, kind, amount, "
				   "currency, incurred_on, covers_from, covers_to"
				   " FROM attrib.cost ORDER BY 1"),
		"meta-ads:120200000000000001:2026-11-02|ig-1||paid_media|600.06|EUR|2026-11-02|"
		"2026-11-02|2026-11-02\n"
		"meta-ads:120200000000000001:2026-11-03|ig-1||paid_media|634.50|EUR|2026-11-03|"
		"2026-11-03|2026-11-03\n"
		"tiktok-ads:1790000000000001:2026-11-02|tt-1||paid_media|120.50|EUR|2026-11-02|"
		"2026-11-02|2026-11-02\n"
		"tiktok-ads:1790000000000001:2026-11-03|tt-1||paid_media|1000.00|EUR|2026-11-03|"
		"2026-11-03|2026-11-03\n"
		"tiktok-ads:1790000000000002:2026-11-02|tt-1||paid_media|79.50|EUR|2026-11-02|2026-"
		"11-02|2026-11-02\n");
}

/* Key figures of a post are the sample's: totals, which have the paid part in them; what is only told of ads; and
 * what the ads cost is what money is returned on. */
static void key_figures_are_the_samples(void **state)
{
	(void)state;
	rows_are(test_pg_text(&pg, "SELECT placement, impressions, views, likes, comments, shares, "
				   "new_followers FROM attrib.kpi_placement"
				   " WHERE placement IS NOT NULL ORDER BY 1"),
		"ig-1|45012|12400|610|57|88|41\n"
		"ig-2|||40|3||0\n"
		"ig-s||2500|95|7|14|3\n"
		"tt-1|239100|18400|1200|48|31|107\n"
		"tt-2||9100|640|12|9|\n"
		"yt-1|120000|8542|168|40|20|50\n"
		"yt-2|18912|858|28|1|2|2\n");
	rows_are(test_pg_text(&pg,
			 "SELECT campaign, trim_scale(cost_paid_media), trim_scale(revenue), "
			 "trim_scale(roas_ads) FROM attrib.kpi_campaign"
			 " WHERE campaign IS NOT NULL ORDER BY 1"),
		"autumn|1234.56|0|0\nspring|1200|3000|2.5\n");
}

static void ads_that_nobody_knows_are_named(void **state)
{
	static const char ads[] = "Day,Ad ID,Ad name,Amount spent (EUR),Impressions\n"
				  "2026-12-01,120200000000000001,known,10.00,100\n"
				  "2026-12-01,77,\"new, one\",5.00,50\n"
				  "2026-12-02,77,\"new, one\",6.00,60\n"
				  "2026-12-02,78,,7.00,70\n";
	const struct attrib_import skip = {.preset = "meta-ads", .skip_unmatched = true};

	(void)state;
	refused("post_metrics", ads, (struct attrib_import){.preset = "meta-ads"},
		"f.csv:3: expected an ad that ad_map has, got \"77\", named \"new, one\"\n"
		"f.csv:5: expected an ad that ad_map has, got \"78\"\n");
	assert_int_equal(import_from(fmemopen((void *)ads, strlen(ads), "r"), "cost", skip), 0);
	assert_string_equal(problems,
		"f.csv:3: expected an ad that ad_map has, got \"77\", named \"new, one\"; skipped\n"
		"f.csv:5: expected an ad that ad_map has, got \"78\"; skipped\n");
	assert_int_equal(counts.rows, 1);
	assert_int_equal(counts.added, 1);
	assert_int_equal(counts.skipped, 3);
	rows_are(test_pg_text(&pg, "SELECT amount FROM attrib.cost WHERE incurred_on > "
				   "'2026-12-01'::date - 1"),
		"10.00\n");
}

static void an_address_of_two_posts_is_that_of_neither(void **state)
{
	static const char posts[] = "Content,Video title,Views\nzzzzzzzzzzz,twice,5\n";

	(void)state;
	test_pg_run(&pg, "INSERT INTO attrib.placement (site, name, platform, url) VALUES"
			 " ('acme', 'z1', 'youtube', 'https://youtu.be/zzzzzzzzzzz'), ('acme', "
			 "'z2', 'youtube', 'https://youtu.be/zzzzzzzzzzz?t=1')");
	refused("post_metrics", posts,
		(struct attrib_import){.preset = "youtube-studio", .on = "2026-11-30"},
		"f.csv:2: expected the address of one placement, or an id that ad_map has, got "
		"\"zzzzzzzzzzz\", named \"twice\"\n");
	test_pg_run(&pg, "DELETE FROM attrib.placement WHERE name = 'z2'");
	assert_int_equal(
		import_from(fmemopen((void *)posts, strlen(posts), "r"), "post_metrics",
			(struct attrib_import){.preset = "youtube-studio", .on = "2026-11-30"}),
		0);
}

/* By day or at once, organic or not: what the file says goes before the preset, what is said before both. */
static void what_numbers_are_can_be_said(void **state)
{
	static const char by_day[] =
		"Date,Content,Video "
		"title,Views\n2026-10-01,dQw4w9WgXcQ,x,10\n2026-10-02,dQw4w9WgXcQ,x,20\n";
	struct attrib_import how = {.preset = "youtube-studio"};

	(void)state;
	assert_int_equal(
		import_from(fmemopen((void *)by_day, strlen(by_day), "r"), "post_metrics", how), 0);
	rows_are(test_pg_text(&pg, "SELECT taken_at::date, scope, mode, views FROM "
				   "attrib.post_metrics WHERE taken_at < '2026-10-15' ORDER BY 1"),
		"2026-10-01|total|delta|10\n2026-10-02|total|delta|20\n");
	how.as = "organic, cumulative";
	assert_int_equal(
		import_from(fmemopen((void *)by_day, strlen(by_day), "r"), "post_metrics", how), 0);
	rows_are(test_pg_text(&pg, "SELECT scope, mode, count(*) FROM attrib.post_metrics WHERE "
				   "taken_at < '2026-10-15' GROUP BY 1, 2 ORDER BY 1"),
		"organic|cumulative|2\ntotal|delta|2\n");
	how.as = "organic,paid";
	refused("post_metrics", by_day, how,
		"f.csv:1: as: expected one of organic, paid, total, one of cumulative, delta, or "
		"both, got organic,paid\n");
	how.as = "daily";
	refused("post_metrics", by_day, how, "f.csv:1: as: expected one of organic");
	how = (struct attrib_import){.preset = "youtube-studio", .on = "30.11."};
	refused("post_metrics", by_day, how,
		"f.csv:1: on: expected a day such as 2026-11-01, got 30.11.\n");
}

static void what_is_no_such_export_is_told(void **state)
{
	const struct attrib_import ads = {.preset = "tiktok-ads"},
				   posts = {.preset = "instagram-posts", .on = "2026-11-30"};

	(void)state;
	refused("post_metrics", "a,b\n1,2\n", ads,
		"f.csv:1: Ad ID: expected this column of tiktok-ads (or Anzeigen-ID), got none\n"
		"f.csv:1: Impressions: expected this column of tiktok-ads (or Impression) (or "
		"Impressionen), got none\n");
	refused("cost", "Ad ID,Day\n1790000000000001,2026-11-02\n", ads,
		"f.csv:1: Cost: expected this column of tiktok-ads");
	refused("post_metrics", "", ads,
		"f.csv:1: header: expected headings of an export, got nothing\n");
	refused("cost", "a\n", posts,
		"f.csv:1: preset: expected tiktok-ads or meta-ads for the table cost, got "
		"instagram-posts\n");
	refused("creator", "a\n", posts,
		"f.csv:1: preset: expected the table post_metrics or cost, got creator\n");
	refused("post_metrics", "Ad ID,Impressions\n1790000000000001,5\n", ads,
		"f.csv:2: expected a day in a column such as Day or Date");
	refused("post_metrics",
		"Post ID,Permalink,Reach\n1,https://www.instagram.com/p/DAbc_123-X/,5\n",
		(struct attrib_import){.preset = "instagram-posts"},
		"f.csv:2: expected the option on, the day of the numbers");
	refused("post_metrics",
		"Ad "
		"ID,Day,Impressions\n1790000000000001,2026-11-02,\"1,5\"\n1790000000000001,2026-31-"
		"02,1\n1790000000000001,2026-11-02\n",
		ads,
		"f.csv:2: Impressions: expected a whole number such as 12400 or 12,400, got "
		"\"1,5\"\n"
		"f.csv:3: Day: expected a day such as 2026-11-01, 11/01/2026 or 01.11.2026, got "
		"\"2026-31-02\"\n"
		"f.csv:4: expected 3 fields as in the header, got 2\n");
	refused("cost", "Ad ID,Day,Cost\n1790000000000001,2026-11-02,\"1,234\"\n", ads,
		"f.csv:2: Cost: expected an amount such as 1,234.50 or 1.234,50 that can be read "
		"in one way, got \"1,234\"\n");
	refused("post_metrics",
		"Post "
		"ID,Permalink,Reach\n1,https://www.instagram.com/p/DAbc_123-X/,5\n2,https://"
		"www.instagram.com/reel/DAbc_123-X/,6\n",
		posts, "expected a key that no other line has");
	assert_int_equal(import_from(fmemopen((void *)"a\n", 2, "r"), "cost",
				 (struct attrib_import){.preset = "myspace"}),
		ATTRIB_E_NOT_FOUND);
}

/* Columns in any order and case, tabs, a currency that nobody says, a period instead of a day. */
static void exports_differ_and_say_the_same(void **state)
{
	static const char ads[] =
		"IMPRESSIONS\tReporting ends\treporting starts\tAd ID\tAmount spent\tSomething "
		"else\r\n"
		"1000\t2026-09-30\t2026-09-24\t120200000000000001\t12.34\tx\r\n"
		"500\t2026-09-30\t2026-09-24\t120200000000000001\t0\tbreakdown\r\n";

	(void)state;
	if (import_from(fmemopen((void *)ads, strlen(ads), "r"), "cost",
		    (struct attrib_import){.preset = "meta-ads"}))
		fail_msg("%s", problems);
	rows_are(test_pg_text(&pg, "SELECT cost_id, amount, currency, covers_from, covers_to FROM "
				   "attrib.cost WHERE incurred_on < '2026-10-01'"),
		"meta-ads:120200000000000001:2026-09-24..2026-09-30|12.34|EUR|2026-09-24|2026-09-"
		"30\n");
	assert_int_equal(import_from(fmemopen((void *)ads, strlen(ads), "r"), "post_metrics",
				 (struct attrib_import){.preset = "meta-ads"}),
		0);
	rows_are(test_pg_text(&pg, "SELECT taken_at::date, impressions FROM "
				   "attrib.post_metrics WHERE taken_at < '2026-10-01'"),
		"2026-09-30|1500\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_sample_is_what_it_says),
		cmocka_unit_test(what_ads_cost_is_a_row_for_each_ad_and_day),
		cmocka_unit_test(key_figures_are_the_samples),
		cmocka_unit_test(ads_that_nobody_knows_are_named),
		cmocka_unit_test(an_address_of_two_posts_is_that_of_neither),
		cmocka_unit_test(what_numbers_are_can_be_said),
		cmocka_unit_test(what_is_no_such_export_is_told),
		cmocka_unit_test(exports_differ_and_say_the_same),
	};

	return cmocka_run_group_tests_name("import_preset", tests, set_up, tear_down);
}
