/*
 * Sketches of visitors in PostgreSQL: by local day and month, the same bytes however batches came; how many visitors
 * they are, and whose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "one_shop.h"

#define DAY 1440 /* minutes */

static void visit(struct shop *s, enum attrib_channel channel, const char *key, int minute, int bit)
{
	const struct attrib_mark mark = {.bit = (uint16_t)bit};
	struct attrib_traffic t = {.site = ATTRIB_STR("acme"),
		.bucket_at = shop_at(minute),
		.channel = channel,
		.key = attrib_str_of(key),
		.type = channel == ATTRIB_CHANNEL_LINK ? ATTRIB_EVENT_CLICK : ATTRIB_EVENT_VISIT,
		.count = 1,
		.marks = &mark};

	assert_int_equal(attrib_batch_put_traffic(s->batch, &t), 0);
}

static void click(const char *key, int minute, int bit)
{
	visit(&shop, ATTRIB_CHANNEL_LINK, key, minute, bit);
}

/* xorshift64*: the bits of a random visitor. */
static int somebody(uint64_t *x)
{
	uint64_t word;

	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	word = *x * UINT64_C(2685821657736338717);
	return (int)(word >> 54) + ATTRIB_SKETCH_SLOTS * __builtin_ctzll(word | 1ull << 23);
}

static void a_sketch_ends_with_its_last_rank(void **state)
{
	(void)state;
	click("a", 0, 0);
	click("a", 15, 1023);
	click("b", 0, 1024);
	click("c", 0, ATTRIB_SKETCH_BITS - 1);
	shop_flush(&shop);
	expect("a|1024|1|1|2\nb|2048|0|0|1\nc|24576|0|0|1",
		"SELECT key, length(marks), get_bit(marks, 0), get_bit(marks, 1023), "
		"bit_count(marks)"
		" FROM attrib.visitor_day ORDER BY 1");
	expect("1|1|1", "SELECT (SELECT get_bit(marks, 1024) FROM attrib.visitor_day WHERE key = "
			"'b'),"
			" (SELECT get_bit(marks, 24575) FROM attrib.visitor_day WHERE key = 'c'),"
			" (SELECT get_bit(marks, 24575) FROM attrib.visitor_month WHERE key = "
			"'c')");
}

static void days_are_the_sites_own(void **state)
{
	(void)state;
	test_pg_run(&pg, "SELECT attrib.put_site_v1('acme', 'America/New_York', 'EUR', 'complete', "
			 "1, 'none', '{}')");
	click("a", 225, 1); /* 03:45 UTC on 1 November: until four it is October there */
	click("a", 240, 2);
	click("a", 240 + DAY, 1); /* who came yesterday as well; and clocks went back */
	click("a", 299 + DAY, 3);
	click("a", 300 + DAY, 1);
	shop_flush(&shop);
	expect("2026-10-31|1\n2026-11-01|3\n2026-11-02|1",
		"SELECT day, bit_count(marks) FROM attrib.visitor_day ORDER BY 1");
	expect("2026-10-01|1\n2026-11-01|3",
		"SELECT month, bit_count(marks) FROM attrib.visitor_month ORDER BY 1");
	/* once, whatever they are added over */
	expect("3", "SELECT visitors FROM attrib.visitors_between('acme', NULL, NULL)");
	expect("1", "SELECT visitors FROM attrib.visitors_between('acme', '2026-10-31', "
		    "'2026-10-31')");
	expect("3", "SELECT visitors FROM attrib.visitors_between('acme', '2026-10-31', "
		    "'2026-11-01')");
	expect("", "SELECT * FROM attrib.check_visitors()");
}

#define VISITS 400
struct seen {
	int key, minute, bit;
};

static void shuffle(struct seen *seen)
{
	for (int i = VISITS - 1; i > 0; i--) {
		int j = rand() % (i + 1);
		struct seen kept = seen[i];
		seen[i] = seen[j];
		seen[j] = kept;
	}
}

/* Two instances, batches of any size, each perhaps again: always the same bytes. */
static void arrival_changes_no_byte(void **state)
{
	static const char *const keys[] = {"a", "b", "c"};
	struct seen seen[VISITS];
	struct shop other;
	uint64_t x = 7;
	char *first = NULL;

	(void)state;
	shop_init(&other, &pg, 2);
	srand(4);
	for (int i = 0; i < VISITS; i++)
		seen[i] = (struct seen){rand() % 3, rand() % 3000 * 15, somebody(&x)};
	for (int round = 0; round < 4; round++) {
		const char *text;
		test_pg_run(&pg, "TRUNCATE attrib.visitor_day, attrib.visitor_month");
		shuffle(seen);
		for (int i = 0; i < VISITS; i++) {
			struct shop *s = rand() % 2 ? &shop : &other;
			for (int n = rand() % 4 ? 1 : 3; n > 0; n--)
				visit(s, ATTRIB_CHANNEL_LINK, keys[seen[i].key], seen[i].minute,
					seen[i].bit);
			if (rand() % 40 == 0)
				shop_flush_keep(s);
			if (rand() % 40 == 0)
				shop_flush(s);
		}
		shop_flush(&shop);
		shop_flush(&other);
		text = test_pg_text(&pg,
			"SELECT 'day', key, day, marks FROM attrib.visitor_day"
			" UNION ALL SELECT 'month', key, month, marks FROM attrib.visitor_month"
			" ORDER BY 1, 2, 3");
		assert_true(strlen(text) > 10000);
		if (first)
			assert_string_equal(text, first);
		else
			first = strdup(text);
		expect("", "SELECT * FROM attrib.check_visitors()");
	}
	free(first);
	shop_done(&other);
}

static void who_is_known_writes_no_row(void **state)
{
	char *before;

	(void)state;
	click("a", 0, 5);
	click("a", 0, 3000);
	shop_flush(&shop);
	before = strdup(test_pg_text(&pg, "SELECT ctid, xmin FROM attrib.visitor_day"
					  " UNION ALL SELECT ctid, xmin FROM "
					  "attrib.visitor_month"));
	click("a", 15, 5);
	shop_flush(&shop);
	assert_string_equal(test_pg_text(&pg, "SELECT ctid, xmin FROM attrib.visitor_day"
					      " UNION ALL SELECT ctid, xmin FROM "
					      "attrib.visitor_month"),
		before);
	free(before);
	click("a", 15, 6);
	shop_flush(&shop);
	expect("3|3", "SELECT (SELECT bit_count(marks) FROM attrib.visitor_day),"
		      " (SELECT bit_count(marks) FROM attrib.visitor_month)");
}

/* As many as there are while they are few; within five standard errors, however many. */
static void how_many_they_are(void **state)
{
	static const int sizes[] = {300, 1000, 3000, 20000, 200000};
	uint64_t x = 3;

	(void)state;
	expect("0", "SELECT attrib.mark_count(0)");
	expect("55", "SELECT count(*) FROM generate_series(1, 55) n WHERE attrib.mark_count(n) = "
		     "n");
	/* every bit of 24,576 but the last: still a number, and never fewer for more bits */
	expect("", "SELECT n FROM (SELECT n, attrib.mark_count(n) AS c, lag(attrib.mark_count(n))"
		   " OVER (ORDER BY n) AS b FROM generate_series(0, 24000, 50) n) s WHERE c <= b");
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char key[16];
		double off;
		snprintf(key, sizeof key, "n%d", sizes[i]);
		for (int n = 0; n < sizes[i]; n++)
			click(key, n % 90 * 480, somebody(&x));
		shop_flush(&shop);
		off = atof(test_pg_text(&pg,
			      "SELECT attrib.mark_count(bit_count(bit_or(marks::bit(24576))))"
			      " FROM attrib.visitor_month WHERE key = '%s'",
			      key)) /
			      sizes[i] -
		      1;
		if (off < -0.11 || off > 0.11 || (sizes[i] <= 1000 && (off < -0.07 || off > 0.07)))
			fail_msg("%d visitors are off by %f", sizes[i], off);
	}
}

static void trackers(void)
{
	test_pg_run(&pg,
		"INSERT INTO attrib.creator (site, handle, tier) VALUES ('acme', 'lisa', 'mid'),"
		" ('acme', 'mia', 'mid'), ('acme', 'noah', 'micro');"
		"INSERT INTO attrib.campaign (site, name) VALUES ('acme', 'spring');"
		"INSERT INTO attrib.tracker (site, kind, key, creator, campaign, valid_from, "
		"valid_to)"
		" VALUES ('acme', 'link', 'L', 'lisa', 'spring', NULL, '2026-11-10'),"
		" ('acme', 'link', 'L', 'mia', 'spring', '2026-11-10', NULL),"
		" ('acme', 'affiliate', 'lis', 'lisa', NULL, NULL, NULL),"
		" ('acme', 'link', 'new', 'noah', NULL, '2026-11-20 10:00', NULL),"
		" ('acme', 'link', 'old', 'noah', NULL, NULL, '2026-12-05 10:00'),"
		" ('acme', 'utm', 'ig/story', 'lisa', NULL, NULL, NULL),"
		" ('acme', 'utm', 'ig/story/x', 'mia', 'spring', '2026-12-01', '2026-12-03')");
}

static void they_are_their_keys_owners(void **state)
{
	(void)state;
	trackers();
	for (int day = 0; day < 40; day++) { /* until 10 December */
		click("l", day * DAY, 100 + day);
		click("nobody", day * DAY, 5000);
	}
	visit(&shop, ATTRIB_CHANNEL_AFFILIATE, "lis", 0, 100); /* who clicked on the link, too */
	click("new", 19 * DAY, 1);
	click("old", 34 * DAY, 2);
	click("old", 35 * DAY, 3);
	visit(&shop, ATTRIB_CHANNEL_UTM, "ig/story/x", 29 * DAY, 200);
	visit(&shop, ATTRIB_CHANNEL_UTM, "ig/story/x", 31 * DAY, 201);
	visit(&shop, ATTRIB_CHANNEL_UTM, "ig/story/x", 33 * DAY, 202);
	shop_flush(&shop);
	/* nine days of November are hers; then it is Mia's. "old" was Noah's when 5 December began */
	expect("lisa|11\nmia|32\nnoah|2\n|2",
		"SELECT cut[1], visitors FROM attrib.visitors_between('acme', NULL, NULL, "
		"'{creator}') ORDER BY 1");
	expect("affiliate|1\nlink|44\nutm|3",
		"SELECT cut[1], visitors FROM attrib.visitors_between(NULL, NULL, NULL, "
		"'{channel}') ORDER BY 1");
	expect("spring|41\n|7",
		"SELECT cut[1], visitors FROM attrib.visitors_between('acme', NULL, NULL, "
		"'{campaign}') ORDER BY 1");
	expect("micro|2\nmid|43\n|2",
		"SELECT cut[1], visitors FROM attrib.visitors_between('acme', NULL, NULL, '{tier}')"
		" ORDER BY 1");
	expect("lisa|6\nmia|3\n|1",
		"SELECT cut[1], visitors FROM attrib.visitors_between('acme', '2026-11-04', "
		"'2026-11-12', '{creator}') ORDER BY 1");
	expect("mia|5\n|1",
		"SELECT cut[1], visitors FROM attrib.visitors_between('acme', '2026-11-29', "
		"'2026-12-02', '{creator}') WHERE cut[1] IS DISTINCT FROM 'lisa' ORDER BY 1");
	expect("", "SELECT * FROM attrib.visitors_between('acme', '2027-01-01', NULL)");
	expect("22023", "SELECT '%s'",
		test_pg_state(&pg, "SELECT * FROM attrib.visitors_between('acme', NULL, NULL, "
				   "'{colour}')"));
}

/* Any period is what its days are together, whichever months it is read from. */
static void a_period_is_the_union_of_its_days(void **state)
{
	uint64_t x = 11;

	(void)state;
	trackers();
	for (int i = 0; i < 3000; i++)
		click(i % 3 ? "l" : "nobody", i % 120 * DAY + i % 7 * 60, somebody(&x));
	shop_flush(&shop);
	expect("", "SELECT f, t FROM (SELECT date '2026-10-25' + 9 * i AS f, date '2026-10-28' + "
		   "11 * j AS t FROM generate_series(0, 8) i, generate_series(0, 13) j) p"
		   " WHERE (SELECT visitors FROM attrib.visitors_between('acme', f, t))"
		   " IS DISTINCT FROM (SELECT "
		   "nullif(attrib.mark_count(bit_count(bit_or(marks::bit(24576)))), 0)"
		   " FROM attrib.visitor_day WHERE day BETWEEN f AND t)");
	expect("", "SELECT f FROM (SELECT date '2026-10-25' + 3 * i AS f FROM generate_series(0, "
		   "20) i)"
		   " p WHERE (SELECT visitors FROM attrib.visitors_between('acme', f, f + 40, "
		   "'{creator}') WHERE cut[1] = 'mia') IS DISTINCT FROM (SELECT "
		   "nullif(attrib.mark_count(bit_count(bit_or(marks::bit(24576)))), 0)"
		   " FROM attrib.visitor_day WHERE key = 'l' AND day >= '2026-11-10'"
		   " AND day BETWEEN f AND f + 40)");
}

static void they_stand_beside_the_key_figures(void **state)
{
	(void)state;
	trackers();
	for (int i = 0; i < 40; i++)
		click("l", i % 5 * DAY, i);
	shop_order(&shop, (struct test_order){.id = "1",
				  .gross = 100,
				  .credits = {{.creator = "lisa", .campaign = "spring"}}});
	shop_flush(&shop);
	expect("lisa|40|1|0.025", "SELECT creator, visitors, click_orders, trim_scale(cvr_visitors)"
				  " FROM attrib.kpi_creator WHERE creator = 'lisa'");
	expect("16", "SELECT visitors FROM attrib.kpi_campaign_between('acme', '2026-11-01', "
		     "'2026-11-02') WHERE campaign = 'spring'");
	expect("40|40|", "SELECT visitors, clicks, (SELECT cvr_visitors FROM attrib.kpi_creator "
			 "WHERE creator = 'noah') FROM attrib.kpi_site");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, shop_open, shop_close)
	const struct CMUnitTest tests[] = {
		CASE(a_sketch_ends_with_its_last_rank),
		CASE(days_are_the_sites_own),
		CASE(arrival_changes_no_byte),
		CASE(who_is_known_writes_no_row),
		CASE(how_many_they_are),
		CASE(they_are_their_keys_owners),
		CASE(a_period_is_the_union_of_its_days),
		CASE(they_stand_beside_the_key_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
