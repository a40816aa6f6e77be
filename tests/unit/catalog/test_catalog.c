/*
 * Who owns what, when, and by what was known when.
 */
#include <string.h>

#include "rows.h"

#include "attrib/text.h"

#define CODE ATTRIB_TRACKER_CODE

/* LISA10 was Lisa's until 100, Mia's from 200 to 300, then Nora's from 300. */
static const struct {
	int64_t from, to;
	const char *creator;
} periods[] = {
	{ATTRIB_NEVER, 100, "lisa"},
	{200, 300, "mia"},
	{300, ATTRIB_FOREVER, "nora"},
};

static struct attrib_catalog *build_periods(size_t n)
{
	struct attrib_tracker rows[COUNT(periods)];

	for (size_t i = 0; i < n; i++) {
		rows[i] = row(CODE, "Lisa10", periods[i].creator);
		rows[i].valid_from = periods[i].from;
		rows[i].valid_to = periods[i].to;
	}
	return build(rows, n);
}

static void test_ownership_over_time(void **unused)
{
	static const struct {
		int64_t at;
		const char *creator;
	} cases[] = {
		{INT64_MIN, "lisa"},
		{0, "lisa"},
		{99, "lisa"},
		{100, ""},
		{199, ""},
		{200, "mia"},
		{299, "mia"},
		{300, "nora"},
		{INT64_MAX - 1, "nora"},
		{INT64_MAX, "nora"},
	};
	struct attrib_catalog *catalog = build_periods(3);

	(void)unused;
	for (size_t i = 0; i < COUNT(cases); i++)
		check_creator(i,
			attrib_catalog_owner(
				catalog, ACME, CODE, ATTRIB_STR("lisa10"), cases[i].at, 0),
			cases[i].creator);
	attrib_catalog_unref(catalog);
}

static void test_keys_are_apart(void **unused)
{
	const struct attrib_tracker rows[] = {
		row(CODE, "lisa", "by code"),
		row(ATTRIB_TRACKER_AFFILIATE, "lisa", "by affiliate id"),
		row(ATTRIB_TRACKER_LINK, "lisa", "by link"),
		row(ATTRIB_TRACKER_UTM, "lisa", "by utm"),
	};
	struct attrib_catalog *catalog = build(rows, COUNT(rows));
	struct attrib_str lisa = ATTRIB_STR("lisa");

	(void)unused;
	for (size_t i = 0; i < 3; i++)
		assert_true(attrib_str_eq(
			attrib_catalog_owner(catalog, ACME, rows[i].kind, lisa, 5, 5)->creator,
			rows[i].creator));
	assert_null(attrib_catalog_owner(catalog, ATTRIB_STR("other"), CODE, lisa, 5, 5));
	assert_null(attrib_catalog_owner(catalog, ACME, CODE, ATTRIB_STR("lis"), 5, 5));
	assert_null(attrib_catalog_owner(catalog, ACME, CODE, ATTRIB_STR("Lisa"), 5, 5));
	assert_null(attrib_catalog_owner(catalog, ACME, CODE, ATTRIB_STR_NONE, 5, 5));
	attrib_catalog_unref(catalog);
}

static void test_grace(void **unused)
{
	static const struct {
		size_t rows;
		int64_t at, grace;
		const char *creator;
		bool in_grace;
	} cases[] = {
		{3, 99, 50, "lisa", false},
		{3, 100, 50, "lisa", true},
		{3, 149, 50, "lisa", true},
		{3, 150, 50, "", false}, /* half open */
		{3, 100, 0, "", false},
		{3, 100, 1, "lisa", true},
		{3, 200, 500, "mia", false}, /* somebody owns it */
		{3, 250, 500, "mia", false},
		{3, 300, 500, "nora", false}, /* the next owner begins where the last ends */
		{2, 300, 500, "mia", true},   /* of several ended ones the latest */
		{2, 350, 50, "", false},
		{2, 349, 50, "mia", true},
		{2, 400, INT64_MAX, "mia", true},
		{1, INT64_MAX, INT64_MAX, "lisa", true},
		{2, 0, 50, "lisa", false},
	};

	(void)unused;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attrib_catalog *catalog = build_periods(cases[i].rows);
		bool in_grace = !cases[i].in_grace;

		check_creator(i,
			attrib_catalog_code(catalog, ACME, ATTRIB_STR("lisa10"), cases[i].at, 0,
				cases[i].grace, &in_grace),
			cases[i].creator);
		assert_int_equal(in_grace, cases[i].in_grace);
		attrib_catalog_unref(catalog);
	}
}

static void test_grace_of_a_period_that_never_was(void **unused)
{
	struct attrib_tracker rows[] = {row(CODE, "x", "empty"), row(CODE, "x", "later")};
	struct attrib_catalog *catalog;
	bool in_grace = true;

	(void)unused;
	rows[0].valid_from = rows[0].valid_to = 100;
	rows[1].valid_from = 500;
	catalog = build(rows, 2);
	assert_null(attrib_catalog_code(catalog, ACME, ATTRIB_STR("x"), 100, 0, 50, &in_grace));
	assert_false(in_grace);
	assert_null(attrib_catalog_code(catalog, ACME, ATTRIB_STR("y"), 100, 0, 50, &in_grace));
	attrib_catalog_unref(catalog);
}

/*
 * One row over the time of recording: at 1000 it was Lisa's for ever; at 2000 that was corrected to
 * end at 100, and a row of Mia's from 100 came in; at 3000 Mia's was deleted.
 */
static void test_what_was_known_when(void **unused)
{
	static const struct {
		int64_t at, as_of;
		const char *creator, *with_grace;
	} cases[] = {
		{50, 999, "", ""},
		{50, 1000, "lisa", "lisa"},
		{150, 1999, "lisa", "lisa"},
		{150, 2000, "mia", "mia"},
		{50, 2000, "lisa", "lisa"},
		{150, 2999, "mia", "mia"},
		{150, 3000, "", "lisa"},
		{150, INT64_MAX, "", "lisa"},
		{50, INT64_MAX, "lisa", "lisa"},
	};
	struct attrib_tracker rows[] = {
		row(CODE, "k", "lisa"), row(CODE, "k", "lisa"), row(CODE, "k", "mia")};
	struct attrib_catalog *catalog;
	bool in_grace;

	(void)unused;
	rows[0].recorded_at = 1000;
	rows[0].superseded_at = 2000;
	rows[1].recorded_at = 2000;
	rows[1].valid_to = 100;
	rows[2].recorded_at = 2000;
	rows[2].superseded_at = 3000;
	rows[2].valid_from = 100;
	catalog = build(rows, COUNT(rows));
	for (size_t i = 0; i < COUNT(cases); i++) {
		check_creator(i,
			attrib_catalog_owner(
				catalog, ACME, CODE, ATTRIB_STR("k"), cases[i].at, cases[i].as_of),
			cases[i].creator);
		check_creator(i,
			attrib_catalog_code(catalog, ACME, ATTRIB_STR("k"), cases[i].at,
				cases[i].as_of, 1000, &in_grace),
			cases[i].with_grace);
	}
	attrib_catalog_unref(catalog);
}

static void test_overlapping_rows_answer_by_recording(void **unused)
{
	struct attrib_tracker rows[] = {
		row(CODE, "k", "new"), row(CODE, "k", "old"), row(CODE, "k", "begins later")};
	struct attrib_catalog *catalog;

	(void)unused;
	rows[0].recorded_at = 200;
	rows[1].recorded_at = 100;
	rows[2].recorded_at = 100;
	rows[2].valid_from = 10;
	catalog = build(rows, COUNT(rows));
	check_creator(
		0, attrib_catalog_owner(catalog, ACME, CODE, ATTRIB_STR("k"), 50, 250), "new");
	check_creator(1, attrib_catalog_owner(catalog, ACME, CODE, ATTRIB_STR("k"), 50, 150),
		"begins later");
	check_creator(2, attrib_catalog_owner(catalog, ACME, CODE, ATTRIB_STR("k"), 5, 150), "old");
	attrib_catalog_unref(catalog);
}

static void test_keys_are_folded(void **unused)
{
	static const char *const cases[][2] = {
		{"LISA10", "lisa10"}, {"  Lisa10\t", " LISA10"},
		{"STRASSE", "stra\xc3\x9f"
			    "e"},                         /* sharp s */
		{"\xef\xbc\xac\xef\xbc\xa9SA", "lisa"},   /* full width */
		{"cafe\xcc\x81", "CAF\xc3\x89"},          /* combining accent */
		{"\xce\x9f\xce\xa3", "\xce\xbf\xcf\x82"}, /* final sigma */
		{"\xe2\x84\xaa"
		 "1",
			"K1"}, /* Kelvin sign */
	};
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 1024);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attrib_tracker rows[] = {row(CODE, cases[i][0], "lisa")};
		struct attrib_catalog *catalog = build(rows, 1);
		struct attrib_str folded = attrib_fold(&arena, attrib_str_of(cases[i][1]));
		const struct attrib_tracker *t =
			attrib_catalog_owner(catalog, ACME, CODE, folded, 5, 5);

		check_creator(i, t, "lisa");
		assert_true(attrib_str_eq(t->key, rows[0].key));
		assert_true(attrib_str_eq(t->folded, folded));
		attrib_catalog_unref(catalog);
	}
	attrib_arena_done(&arena);
}

static void test_rows_that_are_refused(void **unused)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_tracker bad = row(CODE, "   ", "lisa");
	struct attrib_campaign campaign = {.site = ACME};
	struct attrib_site site = {.name = ACME};
	struct attrib_catalog *catalog = NULL;

	(void)unused;
	assert_int_equal(attrib_catalog_add_tracker(builder, &bad), ATTRIB_E_INVALID);
	bad = row(CODE, "", "lisa");
	assert_int_equal(attrib_catalog_add_tracker(builder, &bad), ATTRIB_E_INVALID);
	bad = row(ATTRIB_TRACKER_UTM, "", "lisa");
	assert_int_equal(attrib_catalog_add_tracker(builder, &bad), ATTRIB_E_INVALID);
	bad = row((enum attrib_tracker_kind)ATTRIB_CHANNEL_VIEW, "k", "lisa");
	assert_int_equal(attrib_catalog_add_tracker(builder, &bad), ATTRIB_E_INVALID);
	bad = row(CODE, "k", "lisa");
	bad.site = ATTRIB_STR_NONE;
	assert_int_equal(attrib_catalog_add_tracker(builder, &bad), ATTRIB_E_INVALID);
	assert_int_equal(attrib_catalog_add_campaign(builder, &campaign), ATTRIB_E_INVALID);
	assert_int_equal(attrib_catalog_add_site(builder, &site), 0);
	assert_int_equal(attrib_catalog_add_site(builder, &site), 0);
	assert_int_equal(attrib_catalog_build(builder, 1, &catalog), ATTRIB_E_INVALID);
	assert_null(catalog);
}

static void test_sites(void **unused)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_zone *zone = attrib_zone_load("UTC");
	struct attrib_catalog *catalog;
	const struct attrib_site *sites, *found;
	char name[] = "shop", source[] = "shopify";
	struct attrib_site site = {.name = {name, 4}, .zone = zone, .time_zone = ATTRIB_STR("UTC")};

	(void)unused;
	attrib_policy_defaults(&site.policy);
	site.policy.order_source = (struct attrib_str){source, 7};
	assert_int_equal(attrib_catalog_add_site(builder, &site), 0);
	name[0] = source[0] = 'x'; /* the builder has its own copies */
	site.name = ACME;
	assert_int_equal(attrib_catalog_add_site(builder, &site), 0);
	assert_int_equal(attrib_catalog_build(builder, 99, &catalog), 0);
	assert_int_equal(attrib_catalog_version(catalog), 99);
	assert_int_equal(attrib_catalog_sites(catalog, &sites), 2);
	found = attrib_catalog_site(catalog, ATTRIB_STR("shop"));
	assert_non_null(found);
	assert_true(attrib_str_eq(found->policy.order_source, ATTRIB_STR("shopify")));
	assert_ptr_equal(found->zone, zone);
	assert_ptr_equal(attrib_catalog_site(catalog, ACME), &sites[0]);
	assert_null(attrib_catalog_site(catalog, ATTRIB_STR("shopp")));
	assert_null(attrib_catalog_site(catalog, ATTRIB_STR_NONE));
	attrib_catalog_unref(catalog);
	attrib_zone_free(zone);
}

/* The catalog has its own copy of every version, linked newest first. */
static void test_history_of_a_site(void **unused)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	char source[] = "till";
	struct attrib_site first = {.name = ACME}, second = first, third = first;
	struct attrib_catalog *catalog;
	const struct attrib_site *site;

	(void)unused;
	attrib_policy_defaults(&first.policy);
	second.policy = third.policy = first.policy;
	second.policy.version = 2;
	second.policy.recorded_at = 200;
	second.policy.order_source = (struct attrib_str){source, 4};
	second.before = &first;
	third.policy.version = 3;
	third.before = &second;
	assert_int_equal(attrib_catalog_add_site(builder, &third), 0);
	second = (struct attrib_site){0};
	source[0] = 'x';
	assert_int_equal(attrib_catalog_build(builder, 1, &catalog), 0);
	site = attrib_catalog_site(catalog, ACME);
	assert_int_equal(site->policy.version, 3);
	site = site->before;
	assert_int_equal(site->policy.version, 2);
	assert_int_equal(site->policy.recorded_at, 200);
	assert_true(attrib_str_eq(site->policy.order_source, ATTRIB_STR("till")));
	assert_true(attrib_str_eq(site->before->name, ACME));
	assert_int_equal(site->before->policy.version, 1);
	assert_null(site->before->before);
	attrib_catalog_unref(catalog);
}

static void test_campaigns(void **unused)
{
	const struct attrib_campaign campaigns[] = {
		{ACME, ATTRIB_STR("spring"), 2, ATTRIB_CODE_RULE_NEVER, 200, ATTRIB_FOREVER},
		{ACME, ATTRIB_STR("spring"), 1, ATTRIB_CODE_RULE_INHERIT, 100, 200},
		{ATTRIB_STR("other"), ATTRIB_STR("spring"), 3, ATTRIB_CODE_RULE_INHERIT, 0, 150},
	};
	struct attrib_catalog *catalog = build_with(NULL, 0, campaigns, COUNT(campaigns));
	struct attrib_str spring = ATTRIB_STR("spring");

	(void)unused;
	assert_null(attrib_catalog_campaign(catalog, ACME, spring, 99));
	assert_int_equal(attrib_catalog_campaign(catalog, ACME, spring, 100)->window_us, 1);
	assert_int_equal(attrib_catalog_campaign(catalog, ACME, spring, 199)->window_us, 1);
	assert_int_equal(attrib_catalog_campaign(catalog, ACME, spring, 200)->window_us, 2);
	assert_int_equal(attrib_catalog_campaign(catalog, ACME, spring, INT64_MAX)->window_us, 2);
	assert_null(attrib_catalog_campaign(catalog, ATTRIB_STR("other"), spring, 150));
	assert_null(attrib_catalog_campaign(catalog, ACME, ATTRIB_STR("Spring"), 150));
	attrib_catalog_unref(catalog);
}

static void test_links_for_redirects(void **unused)
{
	static const struct {
		int64_t now;
		const char *creator;
	} cases[] = {
		{50, "first"},  /* not begun: the first that will */
		{150, "first"}, /* valid */
		{250, "first"}, /* expired: the last that began */
		{350, "second"},
		{450, "second"},
		{9999, "second"},
	};
	struct attrib_tracker rows[] = {
		row(ATTRIB_TRACKER_LINK, "Go", "first"),
		row(ATTRIB_TRACKER_LINK, "go", "second"),
		row(ATTRIB_TRACKER_LINK, "go", "deleted"),
		row(CODE, "go", "a code"),
	};
	struct attrib_catalog *catalog;

	(void)unused;
	rows[0].valid_from = 100;
	rows[0].valid_to = 200;
	rows[1].valid_from = 300;
	rows[1].valid_to = 400;
	rows[2].superseded_at = 5;
	rows[2].site = ATTRIB_STR("aaa"); /* where the link had been before it moved */
	catalog = build(rows, COUNT(rows));
	for (size_t i = 0; i < COUNT(cases); i++)
		check_creator(i, attrib_catalog_link(catalog, ATTRIB_STR("go"), cases[i].now),
			cases[i].creator);
	assert_null(attrib_catalog_link(catalog, ATTRIB_STR("gone"), 5));
	attrib_catalog_unref(catalog);
	rows[0].recorded_at = 9; /* which of them was recorded last plays no part */
	catalog = build(rows, COUNT(rows));
	for (size_t i = 0; i < COUNT(cases); i++)
		check_creator(i, attrib_catalog_link(catalog, ATTRIB_STR("go"), cases[i].now),
			cases[i].creator);
	attrib_catalog_unref(catalog);
}

/* What differs between two catalogs of two codes, a rule and a campaign when one thing changes. */
enum change {
	NOTHING,
	OTHER_CODE,
	CREATOR,
	VALID_TO,
	RECORDED,
	WINDOW,
	GENERIC,
	SPELLING,
	ONE_MORE,
	GONE,
	CAMPAIGN,
	OTHER_CAMPAIGN,
	RULE
};

static struct attrib_catalog *build_changed(enum change change)
{
	struct attrib_tracker rows[] = {
		row(CODE, "other", "mia"),
		row(ATTRIB_TRACKER_UTM, "instagram", "mia"),
		row(CODE, "Lisa10", "lisa"),
		row(CODE, "lisa10", "mia"),
	};
	struct attrib_campaign campaigns[] = {
		{ACME, ATTRIB_STR("spring"), 1, ATTRIB_CODE_RULE_INHERIT, 0, ATTRIB_FOREVER},
		{ACME, ATTRIB_STR("summer"), 1, ATTRIB_CODE_RULE_INHERIT, 0, ATTRIB_FOREVER},
	};
	struct attrib_tracker *lisa = &rows[2];
	size_t n = change == GONE ? 2 : change == ONE_MORE ? 4 : 3;

	lisa->campaign = ATTRIB_STR("spring");
	rows[3].valid_from = 100;
	switch (change) {
	case OTHER_CODE:
		rows[0].creator = ATTRIB_STR("nora");
		break;
	case CREATOR:
		lisa->creator = ATTRIB_STR("nora");
		break;
	case VALID_TO:
		lisa->valid_to = 100;
		break;
	case RECORDED:
		lisa->recorded_at = 5;
		break;
	case WINDOW:
		lisa->window_us = 5;
		break;
	case GENERIC:
		lisa->generic = true;
		break;
	case SPELLING:
		lisa->key = ATTRIB_STR("LISA10");
		break;
	case CAMPAIGN:
		campaigns[0].code_rule = ATTRIB_CODE_RULE_NEVER;
		break;
	case OTHER_CAMPAIGN:
		campaigns[1].code_rule = ATTRIB_CODE_RULE_NEVER;
		break;
	case RULE:
		rows[1].key = ATTRIB_STR("instagram/social");
		break;
	case NOTHING:
	case ONE_MORE:
	case GONE:
		break;
	}
	return build_with(rows, n, campaigns, 2);
}

static void test_what_differs(void **unused)
{
	static const struct {
		enum change change;
		bool code, utm;
	} cases[] = {
		{NOTHING, false, false},
		{OTHER_CODE, false, false},
		{CREATOR, true, false},
		{VALID_TO, true, false},
		{RECORDED, true, false},
		{WINDOW, true, false},
		{GENERIC, true, false},
		{SPELLING, true, false},
		{ONE_MORE, true, false},
		{GONE, true, false},
		{CAMPAIGN, true, false},
		{OTHER_CAMPAIGN, false, false},
		{RULE, false, true},
	};
	struct attrib_catalog *before = build_changed(NOTHING);

	(void)unused;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attrib_catalog *after = build_changed(cases[i].change);
		struct attrib_str key = ATTRIB_STR("lisa10"), none = ATTRIB_STR_NONE;
		bool code = attrib_catalog_key_differs(before, after, ACME, CODE, key);
		bool back = attrib_catalog_key_differs(after, before, ACME, CODE, key);
		bool utm =
			attrib_catalog_key_differs(before, after, ACME, ATTRIB_TRACKER_UTM, none);

		if (code != cases[i].code || back != cases[i].code || utm != cases[i].utm)
			fail_msg("case %zu", i);
		assert_false(attrib_catalog_key_differs(before, after, ATTRIB_STR("x"), CODE, key));
		assert_false(attrib_catalog_key_differs(
			before, after, ATTRIB_STR("x"), ATTRIB_TRACKER_UTM, none));
		attrib_catalog_unref(after);
	}
	attrib_catalog_unref(before);
}

static void test_many_trackers(void **unused)
{
	const size_t n = 100000;
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_catalog *catalog;
	char key[32], creator[32];

	(void)unused;
	for (size_t i = 0; i < n; i++) {
		struct attrib_tracker t;

		snprintf(key, sizeof key, "Key-%zu", i);
		snprintf(creator, sizeof creator, "creator-%zu", i % 1000);
		t = row((enum attrib_tracker_kind)(1 + i % 4), key, creator);
		assert_int_equal(attrib_catalog_add_tracker(builder, &t), 0);
	}
	assert_int_equal(attrib_catalog_build(builder, 1, &catalog), 0);
	for (size_t i = 0; i < n; i++) {
		enum attrib_tracker_kind kind = (enum attrib_tracker_kind)(1 + i % 4);
		struct attrib_str folded = {key, (size_t)snprintf(key, sizeof key, "key-%zu", i)};
		struct attrib_utm utm = {.source = folded};

		snprintf(creator, sizeof creator, "creator-%zu", i % 1000);
		check_creator(i,
			kind == ATTRIB_TRACKER_UTM
				? attrib_catalog_utm(catalog, ACME, &utm, 5, 5)
				: attrib_catalog_owner(catalog, ACME, kind, folded, 5, 5),
			creator);
	}
	attrib_catalog_unref(catalog);
}

static void test_references(void **unused)
{
	const struct attrib_tracker rows[] = {row(CODE, "k", "lisa")};
	struct attrib_catalog *catalog = build(rows, 1), *second = attrib_catalog_ref(catalog);

	(void)unused;
	assert_ptr_equal(second, catalog);
	attrib_catalog_unref(catalog);
	check_creator(0, attrib_catalog_owner(second, ACME, CODE, ATTRIB_STR("k"), 5, 5), "lisa");
	attrib_catalog_unref(second);
	attrib_catalog_unref(NULL);
	attrib_catalog_builder_free(NULL);
	attrib_catalog_builder_free(attrib_catalog_builder_new());
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ownership_over_time),
		cmocka_unit_test(test_keys_are_apart),
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_grace_of_a_period_that_never_was),
		cmocka_unit_test(test_what_was_known_when),
		cmocka_unit_test(test_overlapping_rows_answer_by_recording),
		cmocka_unit_test(test_keys_are_folded),
		cmocka_unit_test(test_rows_that_are_refused),
		cmocka_unit_test(test_sites),
		cmocka_unit_test(test_history_of_a_site),
		cmocka_unit_test(test_campaigns),
		cmocka_unit_test(test_links_for_redirects),
		cmocka_unit_test(test_what_differs),
		cmocka_unit_test(test_many_trackers),
		cmocka_unit_test(test_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
