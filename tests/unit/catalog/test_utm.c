/*
 * UTM rules: what a key states, which rule wins, how keys are written.
 */
#include "rows.h"

#include <string.h>
#include <time.h>

#include "internal.h"

static void test_what_a_key_states(void **unused)
{
	static const char *const cases[][2] = {
		{"instagram", "instagram/*/*/*/*"},
		{"instagram/social", "instagram/social/*/*/*"},
		{"instagram/social/*/*/*", "instagram/social/*/*/*"},
		{"instagram//spring", "instagram/*/spring/*/*"},
		{"instagram/social/", "instagram/social/*/*/*"},
		{" Instagram / SOCIAL ", "instagram/social/*/*/*"},
		{"*/*/Spring", "*/*/spring/*/*"},
		{"a%2Fb/c%2fd/e%25f", "a%2Fb/c%2Fd/e%25f/*/*"},
		{"100%/50%2/x%41%", "100%25/50%252/x%2541%25/*/*"},
		{"a/b/c/d/e/f/g", "a/b/c/d/e%2Ff%2Fg"},
		{"Stra\xc3\x9f"
		 "e",
			"strasse/*/*/*/*"},
		{"a\xef\xbc\x8f"
		 "b",
			"a%2Fb/*/*/*/*"}, /* U+FF0F folds to a slash within the part */
		{"*", "*/*/*/*/*"},
	};
	struct attrib_arena arena;
	struct utm_parts parts;

	(void)unused;
	attrib_arena_init(&arena, 1024);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attrib_str text;

		assert_int_equal(catalog_utm_parse(&arena, attrib_str_of(cases[i][0]), &parts), 0);
		text = catalog_utm_canonical(&arena, &parts);
		if (!attrib_str_eq(text, attrib_str_of(cases[i][1])))
			fail_msg("%s states %.*s", cases[i][0], (int)text.n, text.p);
		/* and its own spelling states the same */
		assert_int_equal(catalog_utm_parse(&arena, text, &parts), 0);
		text = catalog_utm_canonical(&arena, &parts);
		assert_true(attrib_str_eq(text, attrib_str_of(cases[i][1])));
	}
	attrib_arena_done(&arena);
}

/* The parts of a landing (folded) and whose it is; "" = nobody's. */
struct landing {
	const char *parts[5];
	const char *creator;
};

static void check_landings(
	const struct attrib_tracker *rules, size_t n, const struct landing *landings, size_t count)
{
	struct attrib_catalog *catalog = build(rules, n);

	for (size_t i = 0; i < count; i++) {
		const char *const *p = landings[i].parts;
		struct attrib_utm utm = {attrib_str_of(p[0]), attrib_str_of(p[1]),
			attrib_str_of(p[2]), attrib_str_of(p[3]), attrib_str_of(p[4])};

		check_creator(
			i, attrib_catalog_utm(catalog, ACME, &utm, 5, 5), landings[i].creator);
	}
	attrib_catalog_unref(catalog);
}

static void test_the_most_specific_rule_wins(void **unused)
{
	const struct attrib_tracker rules[] = {
		row(ATTRIB_TRACKER_UTM, "instagram", "one"),
		row(ATTRIB_TRACKER_UTM, "Instagram/social", "two"),
		row(ATTRIB_TRACKER_UTM, "instagram/*/spring", "leftmost"),
		row(ATTRIB_TRACKER_UTM, "*/social/spring", "right"),
		row(ATTRIB_TRACKER_UTM, "instagram/social/spring/*/lisa", "four"),
		row(ATTRIB_TRACKER_UTM, "*/*/*/*/mia", "content"),
		row(ATTRIB_TRACKER_UTM, "a%2Fb/50%25", "escaped"),
		row(ATTRIB_TRACKER_UTM, "a%252Fb", "twice"),
	};
	static const struct landing landings[] = {
		{{"instagram", "", "", "", ""}, "one"},
		{{"instagram", "cpc", "summer", "x", "y"}, "one"},
		{{"instagram", "social", "", "", ""}, "two"},
		{{"instagram", "", "spring", "", ""}, "leftmost"},
		/* two parts each: social (2nd) is left of spring (3rd) */
		{{"instagram", "social", "spring", "", ""}, "two"},
		{{"instagram", "social", "spring", "", "lisa"}, "four"},
		{{"instagram", "social", "spring", "term", "lisa"}, "four"},
		{{"tiktok", "social", "spring", "", ""}, "right"},
		{{"tiktok", "social", "", "", ""}, ""},
		{{"tiktok", "", "", "", "mia"}, "content"},
		{{"instagram", "", "", "", "mia"}, "one"},
		{{"", "", "", "", "mia"}, "content"},
		{{"", "", "", "", ""}, ""},
		{{"instagrams", "", "", "", ""}, ""},
		{{"insta", "gram", "", "", ""}, ""},
		{{"a/b", "50%", "", "", ""}, "escaped"},
		{{"a", "b", "50%", "", ""}, ""},
		{{"a%2fb", "50%", "", "", ""}, "twice"},
		{{"*", "social", "spring", "", ""}, "right"},
		{{"*", "", "", "", ""}, ""},
	};

	(void)unused;
	check_landings(rules, COUNT(rules), landings, COUNT(landings));
}

static void test_a_rule_for_everything(void **unused)
{
	const struct attrib_tracker rules[] = {
		row(ATTRIB_TRACKER_UTM, "*", "all"),
		row(ATTRIB_TRACKER_UTM, "*/*/*/*/x", "x"),
	};
	static const struct landing landings[] = {
		{{"a", "b", "c", "d", "e"}, "all"},
		{{"", "", "", "", ""}, "all"},
		{{"a", "b", "c", "d", "x"}, "x"},
		{{"*", "*", "*", "*", "*"}, "all"},
	};

	(void)unused;
	check_landings(rules, COUNT(rules), landings, COUNT(landings));
}

static void test_spellings_of_one_rule_are_its_versions(void **unused)
{
	struct attrib_tracker rules[] = {
		row(ATTRIB_TRACKER_UTM, "instagram/social", "lisa"),
		row(ATTRIB_TRACKER_UTM, "Instagram/Social/*", "mia"),
	};
	const struct attrib_utm utm = {
		.source = ATTRIB_STR("instagram"), .medium = ATTRIB_STR("social")};
	struct attrib_catalog *catalog;

	(void)unused;
	rules[0].valid_to = rules[1].valid_from = 100;
	catalog = build(rules, 2);
	check_creator(0, attrib_catalog_utm(catalog, ACME, &utm, 99, 5), "lisa");
	check_creator(1, attrib_catalog_utm(catalog, ACME, &utm, 100, 5), "mia");
	attrib_catalog_unref(catalog);
}

static void test_a_rule_that_is_not_valid_leaves_room(void **unused)
{
	struct attrib_tracker rules[] = {
		row(ATTRIB_TRACKER_UTM, "instagram", "wide"),
		row(ATTRIB_TRACKER_UTM, "instagram/social", "narrow"),
	};
	const struct attrib_utm utm = {
		.source = ATTRIB_STR("instagram"), .medium = ATTRIB_STR("social")};
	struct attrib_catalog *catalog;

	(void)unused;
	rules[1].valid_from = 100;
	rules[1].valid_to = 200;
	rules[1].recorded_at = 1000;
	catalog = build(rules, 2);
	check_creator(0, attrib_catalog_utm(catalog, ACME, &utm, 99, 1000), "wide");
	check_creator(1, attrib_catalog_utm(catalog, ACME, &utm, 100, 1000), "narrow");
	check_creator(2, attrib_catalog_utm(catalog, ACME, &utm, 100, 999), "wide");
	check_creator(3, attrib_catalog_utm(catalog, ACME, &utm, 200, 1000), "wide");
	check_creator(4, attrib_catalog_utm(catalog, ATTRIB_STR("other"), &utm, 5, 5), "");
	attrib_catalog_unref(catalog);
}

/* The rulings put plainly: of the rules that match, the one with the most parts, then the leftmost. */
static const char *scan(const char *stated[][5], char keys[][64], size_t n, const char *parts[5])
{
	const char *best = "";
	unsigned best_rank = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned rank = 1;
		bool matches = true;

		for (size_t j = 0; j < 5; j++) {
			if (!stated[i][j][0])
				continue;
			matches &= strcmp(stated[i][j], parts[j]) == 0;
			rank += 64 + (16u >> j);
		}
		if (matches && rank > best_rank) {
			best_rank = rank;
			best = keys[i];
		}
	}
	return best;
}

static void test_against_a_scan(void **unused)
{
	static const char *const words[] = {"", "a", "b", "a/b"};
	static struct landing landings[3000];
	struct attrib_tracker rules[40];
	const char *stated[40][5];
	char keys[40][64];
	unsigned seed = (unsigned)time(NULL);

	(void)unused;
	if (getenv("TEST_SEED"))
		seed = (unsigned)strtoul(getenv("TEST_SEED"), NULL, 10);
	printf("TEST_SEED=%u\n", seed);
	srand(seed);
	for (size_t i = 0; i < COUNT(rules); i++) {
		char *p = keys[i];

		for (size_t j = 0; j < 5; j++) {
			stated[i][j] = words[rand() % 4];
			p += sprintf(p, "%s%s", j ? "/" : "",
				!stated[i][j][0]       ? "*"
				: stated[i][j][1] != 0 ? "a%2Fb"
						       : stated[i][j]);
		}
		rules[i] = row(ATTRIB_TRACKER_UTM, keys[i], keys[i]);
	}
	for (size_t n = 0; n < COUNT(landings); n++) {
		for (size_t j = 0; j < 5; j++)
			landings[n].parts[j] = words[rand() % 4];
		landings[n].creator = scan(stated, keys, COUNT(rules), landings[n].parts);
	}
	check_landings(rules, COUNT(rules), landings, COUNT(landings));
}

static void test_keys_of_traffic(void **unused)
{
	static const struct {
		const char *parts[5], *key;
	} cases[] = {
		{{"instagram", "social", "spring", "term", "content"},
			"instagram/social/spring/term/content"},
		{{"instagram", "social", "", "", ""}, "instagram/social"},
		{{"instagram", "", "spring", "", ""}, "instagram//spring"},
		{{"", "", "", "", "x"}, "////x"},
		{{"", "", "", "", ""}, ""},
		{{"a/b", "50%", "%2F", "", ""}, "a%2Fb/50%25/%252F"},
	};
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 1024);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *const *p = cases[i].parts;
		struct attrib_utm utm = {attrib_str_of(p[0]), attrib_str_of(p[1]),
			attrib_str_of(p[2]), attrib_str_of(p[3]), attrib_str_of(p[4])};
		struct attrib_str key = attrib_utm_key(&arena, &utm);

		assert_non_null(key.p);
		if (!attrib_str_eq(key, attrib_str_of(cases[i].key)))
			fail_msg("%.*s, not %s", (int)key.n, key.p, cases[i].key);
	}
	attrib_arena_done(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_key_states),
		cmocka_unit_test(test_the_most_specific_rule_wins),
		cmocka_unit_test(test_a_rule_for_everything),
		cmocka_unit_test(test_spellings_of_one_rule_are_its_versions),
		cmocka_unit_test(test_a_rule_that_is_not_valid_leaves_room),
		cmocka_unit_test(test_against_a_scan),
		cmocka_unit_test(test_keys_of_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
