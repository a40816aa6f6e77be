/*
 * By which customer keys a creator is known: when, on which site, and what it makes differ.
 */
#include "rows.h"

#define LISA ATTRIB_STR("lisa")
#define MIA  ATTRIB_STR("mia")

static bool is_creators(
	const struct attrib_catalog *catalog, struct attrib_str creator, uint8_t id, int64_t as_of)
{
	const struct attrib_id key = {{id}};

	return attrib_catalog_is_creators(catalog, ACME, creator, &key, 1, as_of);
}

static void test_whose_key_it_is(void **unused)
{
	const struct attrib_creator_key keys[] = {
		creator_key("lisa", 1), creator_key("mia", 2), creator_key("lisa", 3)};
	struct attrib_catalog *catalog = build_all(NULL, 0, NULL, 0, keys, COUNT(keys));
	const struct attrib_id some[] = {{{8}}, {{9}}, {{3}}};

	(void)unused;
	assert_true(is_creators(catalog, LISA, 1, 5));
	assert_true(is_creators(catalog, LISA, 3, 5));
	assert_true(is_creators(catalog, MIA, 2, 5));
	assert_false(is_creators(catalog, LISA, 2, 5));
	assert_false(is_creators(catalog, ATTRIB_STR("Lisa"), 1, 5));
	assert_false(
		attrib_catalog_is_creators(catalog, ATTRIB_STR("other"), LISA, &some[2], 1, 5));
	/* one of several is enough, none of none is */
	assert_true(attrib_catalog_is_creators(catalog, ACME, LISA, some, 3, 5));
	assert_false(attrib_catalog_is_creators(catalog, ACME, LISA, some, 2, 5));
	assert_false(attrib_catalog_is_creators(catalog, ACME, LISA, NULL, 0, 5));
	attrib_catalog_unref(catalog);
}

static void test_what_was_known_when(void **unused)
{
	static const struct {
		int64_t as_of;
		bool is;
	} cases[] = {{99, false}, {100, true}, {199, true}, {200, false}, {299, false}, {300, true},
		{ATTRIB_FOREVER, true}};
	struct attrib_creator_key keys[] = {creator_key("lisa", 1), creator_key("lisa", 1)};
	struct attrib_catalog *catalog;

	(void)unused;
	keys[0].recorded_at = 300;
	keys[1].recorded_at = 100;
	keys[1].superseded_at = 200;
	catalog = build_all(NULL, 0, NULL, 0, keys, COUNT(keys));
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (is_creators(catalog, LISA, 1, cases[i].as_of) != cases[i].is)
			fail_msg("case %zu", i);
	}
	attrib_catalog_unref(catalog);
}

/* Trackers of a creator whose keys changed differ, in any version of the tracker; others do not. */
static void test_what_differs(void **unused)
{
	struct attrib_tracker rows[] = {row(ATTRIB_TRACKER_CODE, "lisa10", "lisa"),
		row(ATTRIB_TRACKER_CODE, "mia10", "mia"), row(ATTRIB_TRACKER_LINK, "l", "lisa"),
		row(ATTRIB_TRACKER_UTM, "instagram", "mia")};
	struct attrib_creator_key keys[] = {creator_key("mia", 1), creator_key("lisa", 2)};
	struct attrib_catalog *before = build_all(rows, COUNT(rows), NULL, 0, keys, 1), *after;

	(void)unused;
	for (int change = 0; change < 3; change++) {
		if (change == 1)
			keys[1].superseded_at = 50;
		if (change == 2)
			keys[1].key.id.b[15] = 1;
		after = build_all(rows, COUNT(rows), NULL, 0, keys, 2);
		assert_true(attrib_catalog_key_differs(
			before, after, ACME, ATTRIB_TRACKER_CODE, ATTRIB_STR("lisa10")));
		assert_true(attrib_catalog_key_differs(
			before, after, ACME, ATTRIB_TRACKER_LINK, ATTRIB_STR("l")));
		assert_int_equal(change == 1, attrib_catalog_key_differs(before, after, ACME,
						      ATTRIB_TRACKER_CODE, ATTRIB_STR("mia10")));
		assert_int_equal(change == 1, attrib_catalog_key_differs(before, after, ACME,
						      ATTRIB_TRACKER_UTM, ATTRIB_STR_NONE));
		attrib_catalog_unref(before);
		before = after;
		if (!change)
			keys[0].recorded_at = 1;
	}
	after = build(rows, COUNT(rows));
	assert_true(attrib_catalog_key_differs(
		before, after, ACME, ATTRIB_TRACKER_UTM, ATTRIB_STR_NONE));
	attrib_catalog_unref(before);
	attrib_catalog_unref(after);
}

static void test_rows_that_are_refused(void **unused)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_creator_key key = creator_key("lisa", 0);
	struct attrib_catalog *catalog;

	(void)unused;
	assert_int_equal(attrib_catalog_add_creator_key(builder, &key), ATTRIB_E_INVALID);
	key = creator_key("", 1);
	assert_int_equal(attrib_catalog_add_creator_key(builder, &key), ATTRIB_E_INVALID);
	key = creator_key("lisa", 1);
	key.site = ATTRIB_STR_NONE;
	assert_int_equal(attrib_catalog_add_creator_key(builder, &key), ATTRIB_E_INVALID);
	assert_int_equal(attrib_catalog_build(builder, 1, &catalog), 0);
	assert_false(is_creators(catalog, LISA, 1, 5));
	attrib_catalog_unref(catalog);
}

static void test_many_creators(void **unused)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_catalog *catalog;
	char name[32];

	(void)unused;
	for (int i = 0; i < 5000; i++) {
		struct attrib_creator_key key;

		snprintf(name, sizeof name, "creator-%d", i);
		key = creator_key(name, (uint8_t)(1 + i % 255));
		assert_int_equal(attrib_catalog_add_creator_key(builder, &key), 0);
	}
	assert_int_equal(attrib_catalog_build(builder, 1, &catalog), 0);
	for (int i = 0; i < 5000; i++) {
		uint8_t id = (uint8_t)(1 + i % 255);

		snprintf(name, sizeof name, "creator-%d", i);
		assert_true(is_creators(catalog, attrib_str_of(name), id, 5));
		assert_false(is_creators(catalog, attrib_str_of(name), (uint8_t)(id ^ 0x80), 5));
	}
	attrib_catalog_unref(catalog);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_key_it_is),
		cmocka_unit_test(test_what_was_known_when),
		cmocka_unit_test(test_what_differs),
		cmocka_unit_test(test_rows_that_are_refused),
		cmocka_unit_test(test_many_creators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
