/*
 * The catalog as bytes: what comes back, and what is refused.
 */
#include <string.h>

#include "rows.h"

static struct attrib_catalog *sample(bool backwards)
{
	struct attrib_tracker rows[] = {
		row(ATTRIB_TRACKER_LINK, "Spring-Link", "lisa"),
		row(ATTRIB_TRACKER_AFFILIATE, "lisa", "lisa"),
		row(ATTRIB_TRACKER_UTM, "instagram/social", "mia"),
		row(ATTRIB_TRACKER_CODE, "LISA10", "lisa"),
		row(ATTRIB_TRACKER_CODE, "LISA10", "mia"),
		row(ATTRIB_TRACKER_CODE, "MIA10", "mia"),
	};
	const struct attrib_campaign campaign = {ACME, ATTRIB_STR("spring"), 5 * ATTRIB_US_PER_DAY,
		ATTRIB_CODE_RULE_FALLBACK, 3, ATTRIB_FOREVER};
	struct attrib_creator_key keys[] = {
		creator_key("lisa", 1), creator_key("mia", 2), creator_key("lisa", 3)};

	rows[0].destination = ATTRIB_STR("https://shop.example/");
	rows[0].placement = ATTRIB_STR("post 1");
	rows[0].campaign = ATTRIB_STR("spring");
	rows[0].window_us = 7;
	rows[1].generic = true;
	rows[3].valid_from = -5;
	rows[3].valid_to = rows[4].valid_from = 1000;
	rows[3].code_rule = ATTRIB_CODE_RULE_NEVER;
	rows[4].recorded_at = 11;
	rows[4].superseded_at = 99;
	rows[5].alias = ATTRIB_STR("promo_1Mia");
	keys[1].recorded_at = 11;
	keys[2].superseded_at = 99;
	keys[2].key.kind = ATTRIB_KEY_PHONE;
	for (size_t i = 0; backwards && i < COUNT(rows) / 2; i++) {
		struct attrib_tracker t = rows[i];

		rows[i] = rows[COUNT(rows) - 1 - i];
		rows[COUNT(rows) - 1 - i] = t;
	}
	if (backwards) {
		struct attrib_creator_key k = keys[0];

		keys[0] = keys[2];
		keys[2] = k;
	}
	return build_all(rows, COUNT(rows), &campaign, 1, keys, COUNT(keys));
}

static struct attrib_buf encoded(const struct attrib_catalog *catalog)
{
	struct attrib_buf bytes;

	attrib_buf_init(&bytes);
	attrib_catalog_encode(catalog, &bytes);
	assert_int_equal(bytes.err, 0);
	return bytes;
}

static int decode(struct attrib_str bytes, struct attrib_catalog **out)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	uint64_t version = 4711;
	int err = attrib_catalog_decode(bytes, builder, &version);

	if (err) {
		assert_int_equal(version, 4711);
		attrib_catalog_builder_free(builder);
		return err;
	}
	return attrib_catalog_build(builder, version, out);
}

static void test_round_trip(void **unused)
{
	struct attrib_catalog *catalog = sample(false), *copy = NULL;
	struct attrib_buf bytes = encoded(catalog), again;
	const struct attrib_tracker *t;
	struct attrib_customer_key k;

	(void)unused;
	assert_int_equal(decode(attrib_buf_view(&bytes), &copy), 0);
	assert_int_equal(attrib_catalog_version(copy), 7);
	again = encoded(copy);
	assert_true(attrib_str_eq(attrib_buf_view(&bytes), attrib_buf_view(&again)));
	t = attrib_catalog_owner(copy, ACME, ATTRIB_TRACKER_LINK, ATTRIB_STR("spring-link"), 5, 5);
	assert_non_null(t);
	assert_true(attrib_str_eq(t->destination, ATTRIB_STR("https://shop.example/")));
	assert_true(attrib_str_eq(t->placement, ATTRIB_STR("post 1")));
	assert_true(attrib_str_eq(t->key, ATTRIB_STR("Spring-Link")));
	assert_int_equal(t->window_us, 7);
	t = attrib_catalog_owner(copy, ACME, ATTRIB_TRACKER_AFFILIATE, ATTRIB_STR("lisa"), 5, 5);
	assert_true(t && t->generic);
	t = attrib_catalog_owner(copy, ACME, ATTRIB_TRACKER_CODE, ATTRIB_STR("lisa10"), 5, 5);
	assert_true(t && t->code_rule == ATTRIB_CODE_RULE_NEVER && t->valid_from == -5);
	t = attrib_catalog_owner(copy, ACME, ATTRIB_TRACKER_CODE, ATTRIB_STR("promo_1mia"), 5, 5);
	assert_true(t && attrib_str_eq(t->key, ATTRIB_STR("MIA10")));
	assert_null(
		attrib_catalog_owner(copy, ACME, ATTRIB_TRACKER_CODE, ATTRIB_STR("mia10"), 5, 5));
	assert_non_null(attrib_catalog_campaign(copy, ACME, ATTRIB_STR("spring"), 3));
	k = (struct attrib_customer_key){ATTRIB_KEY_PHONE, {{3}}};
	assert_true(attrib_catalog_is_creators(copy, ACME, ATTRIB_STR("lisa"), &k.id, 1, 98));
	assert_false(attrib_catalog_is_creators(copy, ACME, ATTRIB_STR("lisa"), &k.id, 1, 99));
	attrib_buf_done(&bytes);
	attrib_buf_done(&again);
	attrib_catalog_unref(catalog);
	attrib_catalog_unref(copy);
}

static void test_rows_in_any_order_are_the_same_bytes(void **unused)
{
	struct attrib_catalog *a = sample(false), *b = sample(true);
	struct attrib_buf x = encoded(a), y = encoded(b);

	(void)unused;
	assert_true(attrib_str_eq(attrib_buf_view(&x), attrib_buf_view(&y)));
	attrib_buf_done(&x);
	attrib_buf_done(&y);
	attrib_catalog_unref(a);
	attrib_catalog_unref(b);
}

static void test_nothing_in_it(void **unused)
{
	struct attrib_catalog *catalog = build(NULL, 0), *copy = NULL;
	struct attrib_buf bytes = encoded(catalog);

	(void)unused;
	assert_int_equal(decode(attrib_buf_view(&bytes), &copy), 0);
	attrib_buf_done(&bytes);
	attrib_catalog_unref(catalog);
	attrib_catalog_unref(copy);
}

static void test_damage_is_refused(void **unused)
{
	struct attrib_catalog *catalog = sample(false), *copy = NULL;
	struct attrib_buf bytes = encoded(catalog);

	(void)unused;
	for (size_t n = 0; n < bytes.n; n++)
		assert_int_equal(decode((struct attrib_str){(const char *)bytes.p, n}, &copy),
			ATTRIB_E_CORRUPT);
	for (size_t i = 0; i < bytes.n; i++) {
		int err;

		bytes.p[i] ^= 0x10;
		err = decode(attrib_buf_view(&bytes), &copy);
		assert_int_equal(err, i == 7 ? ATTRIB_E_VERSION : ATTRIB_E_CORRUPT);
		bytes.p[i] ^= 0x10;
	}
	attrib_buf_put(&bytes, "x", 1);
	assert_int_equal(decode(attrib_buf_view(&bytes), &copy), ATTRIB_E_CORRUPT);
	attrib_buf_done(&bytes);
	attrib_catalog_unref(catalog);
}

/* A right checksum over wrong rows: only another program writes that, but reading stays in bounds. */
static void test_lies_under_a_right_checksum(void **unused)
{
	struct attrib_catalog *catalog = sample(false), *copy = NULL;
	struct attrib_buf bytes = encoded(catalog);

	(void)unused;
	for (size_t i = 8; i < bytes.n - 8; i++) {
		for (int bit = 0; bit < 8; bit += 7) {
			uint64_t sum;
			int err;

			bytes.p[i] ^= (uint8_t)(1 << bit);
			sum = attrib_hash64(bytes.p, bytes.n - 8, 2);
			for (int b = 0; b < 8; b++)
				bytes.p[bytes.n - 8 + (size_t)b] = (uint8_t)(sum >> (8 * b));
			err = decode(attrib_buf_view(&bytes), &copy);
			assert_true(err == 0 || err == ATTRIB_E_CORRUPT);
			if (!err)
				attrib_catalog_unref(copy);
			bytes.p[i] ^= (uint8_t)(1 << bit);
		}
	}
	attrib_buf_done(&bytes);
	attrib_catalog_unref(catalog);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_rows_in_any_order_are_the_same_bytes),
		cmocka_unit_test(test_nothing_in_it),
		cmocka_unit_test(test_damage_is_refused),
		cmocka_unit_test(test_lies_under_a_right_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
