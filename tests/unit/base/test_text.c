/* Folding and percent-coding. */
#include "check.h"

#include <utf8proc.h>

#include "attrib/text.h"

static struct attrib_arena arena;

static int setup(void **state)
{
	(void)state;
	attrib_arena_init(&arena, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	attrib_arena_done(&arena);
	return 0;
}

static void keys_fold(void **state)
{
	static const struct {
		struct attrib_str in, out;
	} cases[] = {
		{ATTRIB_STR(""), ATTRIB_STR("")},
		{ATTRIB_STR("lisa10"), ATTRIB_STR("lisa10")},
		{ATTRIB_STR(" LISA10\t"), ATTRIB_STR("lisa10")},
		{ATTRIB_STR("A B"), ATTRIB_STR("a b")},
		{ATTRIB_STR(" \n "), ATTRIB_STR("")},
		{ATTRIB_STR("Stra\xc3\x9f"
			    "e"),
			ATTRIB_STR("strasse")},
		{ATTRIB_STR("\xc3\x84PFEL"), ATTRIB_STR("\xc3\xa4pfel")},
		{ATTRIB_STR("A\xcc\x88pfel"), ATTRIB_STR("\xc3\xa4pfel")},
		{ATTRIB_STR("\xef\xbc\xac\xef\xbc\xa9"), ATTRIB_STR("li")},
		{ATTRIB_STR("\xef\xac\x81t"), ATTRIB_STR("fit")},
		{ATTRIB_STR("\xce\xa3\xcf\x82"), ATTRIB_STR("\xcf\x83\xcf\x83")},
		{ATTRIB_STR("\xe3\x80\x80x\xc2\xa0"), ATTRIB_STR("x")},
		{ATTRIB_STR("\xff"
			    "ABC "),
			ATTRIB_STR("\xff"
				   "ABC ")},
		{ATTRIB_STR("ABC\xc3"), ATTRIB_STR("ABC\xc3")},
		{ATTRIB_STR("\xed\xa0\x80"
			    "A"),
			ATTRIB_STR("\xed\xa0\x80"
				   "A")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attrib_str out = attrib_fold(&arena, cases[i].in);
		if (!out.p || !attrib_str_eq(out, cases[i].out))
			fail_msg("case %zu: \"%.*s\"", i, (int)out.n, out.p);
	}
	assert_non_null(attrib_fold(&arena, ATTRIB_STR_NONE).p);
}

static void plain_keys_cost_nothing(void **state)
{
	struct attrib_str in = ATTRIB_STR("  lisa10 "), out;

	(void)state;
	attrib_arena_reset(&arena);
	out = attrib_fold(&arena, in);
	assert_ptr_equal(out.p, in.p + 2);
	assert_int_equal(arena.used, 0);
}

static struct attrib_str encode(uint32_t point, char *out)
{
	return (struct attrib_str){out,
		(size_t)utf8proc_encode_char((utf8proc_int32_t)point, (utf8proc_uint8_t *)out)};
}

/* A folded key folds to itself, else two spellings of one key would stay two. */
static void folding_is_idempotent_for_every_character(void **state)
{
	char text[8];

	(void)state;
	for (uint32_t point = 1; point < 0x110000; point++) {
		struct attrib_str once, twice;
		if (point >= 0xd800 && point < 0xe000)
			continue;
		attrib_arena_reset(&arena);
		once = attrib_fold(&arena, encode(point, text));
		twice = attrib_fold(&arena, once);
		if (!attrib_str_eq(once, twice))
			fail_msg("U+%04X", point);
	}
}

static void forms_are_decoded(void **state)
{
	static const struct {
		struct attrib_str in, out;
	} cases[] = {
		{ATTRIB_STR(""), ATTRIB_STR("")},
		{ATTRIB_STR("plain"), ATTRIB_STR("plain")},
		{ATTRIB_STR("a+b%20c"), ATTRIB_STR("a b c")},
		{ATTRIB_STR("%41%6a%6A"), ATTRIB_STR("Ajj")},
		{ATTRIB_STR("%"), ATTRIB_STR("%")},
		{ATTRIB_STR("%4"), ATTRIB_STR("%4")},
		{ATTRIB_STR("%zz%4z%z4"), ATTRIB_STR("%zz%4z%z4")},
		{ATTRIB_STR("100%"), ATTRIB_STR("100%")},
		{ATTRIB_STR("%%41"), ATTRIB_STR("%A")},
		{ATTRIB_STR("%2541"), ATTRIB_STR("%41")},
		{ATTRIB_STR("%2B+"), ATTRIB_STR("+ ")},
		{ATTRIB_STR("a%00b"), ATTRIB_STR("a\xef\xbf\xbd"
						 "b")},
		{ATTRIB_STR("a\0b"), ATTRIB_STR("a\xef\xbf\xbd"
						"b")},
		{ATTRIB_STR("%C3%A4"), ATTRIB_STR("\xc3\xa4")},
		{ATTRIB_STR("\xc3\xa4"), ATTRIB_STR("\xc3\xa4")},
		{ATTRIB_STR("%e4"), ATTRIB_STR("\xef\xbf\xbd")},
		{ATTRIB_STR("%F0%9F%8E"), ATTRIB_STR("\xef\xbf\xbd")},
		{ATTRIB_STR("%F0%9F%8Ex"), ATTRIB_STR("\xef\xbf\xbdx")},
		{ATTRIB_STR("%C0%80"), ATTRIB_STR("\xef\xbf\xbd\xef\xbf\xbd")},
		{ATTRIB_STR("\xff%ff+"), ATTRIB_STR("\xef\xbf\xbd\xef\xbf\xbd ")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attrib_str out = attrib_form_decode(&arena, cases[i].in);
		if (!out.p || !attrib_str_eq(out, cases[i].out))
			fail_msg("case %zu: \"%.*s\"", i, (int)out.n, out.p);
	}
}

static void decoding_always_gives_text_and_undoes_encoding(void **state)
{
	static const char pool[] = "%%%%0123456789abcdefABCDEF+&=\xc3\xa4\xf0\x9f\xff\x01z";
	char in[24];

	(void)state;
	for (int round = 0; round < 100000; round++) {
		struct attrib_str s = {in, test_random() % sizeof in}, coded, out;
		for (size_t i = 0; i < s.n; i++)
			in[i] = pool[test_random() % sizeof pool];
		attrib_arena_reset(&arena);
		out = attrib_form_decode(&arena, s);
		assert_non_null(out.p);
		assert_true(attrib_str_is_text(out));
		coded = attrib_percent_encode(&arena, out);
		assert_true(attrib_str_eq(attrib_form_decode(&arena, coded), out));
	}
}

static void all_but_unreserved_is_encoded(void **state)
{
	(void)state;
	check_str(attrib_percent_encode(&arena, ATTRIB_STR("aZ09-._~")), "aZ09-._~");
	check_str(attrib_percent_encode(&arena, ATTRIB_STR("a b/\xc3\xa4?&=#%+\"\r\n")),
		"a%20b%2F%C3%A4%3F%26%3D%23%25%2B%22%0D%0A");
	check_str(attrib_percent_encode(&arena, ATTRIB_STR_NONE), "");
	assert_non_null(attrib_percent_encode(&arena, ATTRIB_STR_NONE).p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_fold),
		cmocka_unit_test(plain_keys_cost_nothing),
		cmocka_unit_test(folding_is_idempotent_for_every_character),
		cmocka_unit_test(forms_are_decoded),
		cmocka_unit_test(decoding_always_gives_text_and_undoes_encoding),
		cmocka_unit_test(all_but_unreserved_is_encoded),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
