/* Views of bytes. is_text is compared with an independent, table-free reading of UTF-8. */
#include "check.h"

#include "attrib/str.h"

static void order_is_by_bytes(void **state)
{
	(void)state;
	assert_true(attrib_str_cmp(ATTRIB_STR("a"), ATTRIB_STR("b")) < 0);
	assert_true(attrib_str_cmp(ATTRIB_STR("a"), ATTRIB_STR("ab")) < 0);
	assert_true(attrib_str_cmp(ATTRIB_STR("\xff"), ATTRIB_STR("a")) > 0);
	assert_true(attrib_str_cmp(ATTRIB_STR_NONE, ATTRIB_STR("a")) < 0);
	assert_int_equal(attrib_str_cmp(ATTRIB_STR_NONE, ATTRIB_STR("")), 0);
	assert_int_equal(attrib_str_cmp(ATTRIB_STR("x\0y"), ATTRIB_STR("x\0y")), 0);
}

static void equality_without_case_is_for_ascii_letters_only(void **state)
{
	(void)state;
	assert_true(attrib_str_ieq(ATTRIB_STR("Content-Length"), ATTRIB_STR("cONTENT-lENGTH")));
	assert_false(attrib_str_ieq(ATTRIB_STR("a"), ATTRIB_STR("ab")));
	assert_false(attrib_str_ieq(ATTRIB_STR("["), ATTRIB_STR("{")));
	assert_false(attrib_str_ieq(ATTRIB_STR("@"), ATTRIB_STR("`")));
	assert_false(attrib_str_ieq(ATTRIB_STR("\xc3\x84"), ATTRIB_STR("\xc3\xa4")));
	assert_true(attrib_str_ieq(ATTRIB_STR_NONE, ATTRIB_STR("")));
}

static void trim_takes_all_ascii_blanks(void **state)
{
	(void)state;
	check_str(attrib_str_trim(ATTRIB_STR(" \t\r\n\v\fa b\f\v\n\r\t ")), "a b");
	check_str(attrib_str_trim(ATTRIB_STR("   ")), "");
	check_str(attrib_str_trim(ATTRIB_STR_NONE), "");
	check_str(attrib_str_trim(ATTRIB_STR("\x1f x\x0e")), "\x1f x\x0e");
}

static void split_cuts_at_the_first(void **state)
{
	struct attrib_str rest;

	(void)state;
	check_str(attrib_str_split(ATTRIB_STR("a=b=c"), '=', &rest), "a");
	check_str(rest, "b=c");
	check_str(attrib_str_split(ATTRIB_STR("a="), '=', &rest), "a");
	assert_non_null(rest.p);
	assert_int_equal(rest.n, 0);
	check_str(attrib_str_split(ATTRIB_STR("a"), '=', &rest), "a");
	assert_null(rest.p);
	check_str(attrib_str_split(ATTRIB_STR_NONE, '=', &rest), "");
	assert_null(rest.p);
}

static void secrets_compare_like_bytes(void **state)
{
	(void)state;
	assert_true(attrib_str_eq_secret(ATTRIB_STR("key"), ATTRIB_STR("key")));
	assert_false(attrib_str_eq_secret(ATTRIB_STR("key"), ATTRIB_STR("kez")));
	assert_false(attrib_str_eq_secret(ATTRIB_STR("key"), ATTRIB_STR("keys")));
	assert_true(attrib_str_eq_secret(ATTRIB_STR_NONE, ATTRIB_STR("")));
}

/* Decodes by arithmetic and re-encodes: text is what comes back unchanged. */
static bool is_text_naive(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		unsigned lead = p[i];
		size_t len = lead < 0x80       ? 1
			     : lead >> 5 == 6  ? 2
			     : lead >> 4 == 14 ? 3
			     : lead >> 3 == 30 ? 4
					       : 0;
		uint32_t point = len == 1 ? lead : lead & (0xffu >> (len + 1));

		if (len == 0 || i + len > n)
			return false;
		for (size_t k = 1; k < len; k++) {
			if (p[i + k] >> 6 != 2)
				return false;
			point = point << 6 | (p[i + k] & 63u);
		}
		if (point == 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
			return false;
		if (len != (point < 0x80 ? 1u : point < 0x800 ? 2u : point < 0x10000 ? 3u : 4u))
			return false;
		i += len;
	}
	return true;
}

static void check_text(const unsigned char *p, size_t n)
{
	assert_int_equal(
		attrib_str_is_text((struct attrib_str){(const char *)p, n}), is_text_naive(p, n));
}

static void text_is_what_a_naive_reader_takes(void **state)
{
	static const unsigned char pool[] = {0, 'a', 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
		0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5,
		0xff};
	unsigned char p[40];

	(void)state;
	for (unsigned two = 0; two < 65536; two++) {
		p[0] = (unsigned char)(two >> 8);
		p[1] = (unsigned char)two;
		check_text(p, 2);
	}
	for (int round = 0; round < 200000; round++) {
		uint64_t bits = test_random();
		for (size_t i = 0; i < 4; i++, bits >>= 8)
			p[i] = pool[(bits & 255) % COUNT(pool)];
		check_text(p, 3);
		check_text(p, 4);
	}
}

static void one_bad_byte_anywhere_is_seen(void **state)
{
	unsigned char p[40];

	(void)state;
	for (size_t n = 1; n <= sizeof p; n++) {
		for (size_t i = 0; i < n; i++) {
			memset(p, 'a' + (int)(n % 26), n);
			check_text(p, n);
			p[i] = 0;
			check_text(p, n);
			p[i] = 0x80;
			check_text(p, n);
			p[i] = 1;
			check_text(p, n);
		}
	}
	assert_true(attrib_str_is_text(ATTRIB_STR_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_by_bytes),
		cmocka_unit_test(equality_without_case_is_for_ascii_letters_only),
		cmocka_unit_test(trim_takes_all_ascii_blanks),
		cmocka_unit_test(split_cuts_at_the_first),
		cmocka_unit_test(secrets_compare_like_bytes),
		cmocka_unit_test(text_is_what_a_naive_reader_takes),
		cmocka_unit_test(one_bad_byte_anywhere_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
