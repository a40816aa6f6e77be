/*
 * What a body may be before anybody asks what it says: promises.md, "JSON".
 */
#include "json.h"
#include "world.h"

static int parse(struct world *w, const char *text, size_t n)
{
	struct attrib_json root;

	return attrib_json_parse(&w->arena, pad(w, text, n), &root);
}

static void test_syntax(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"{}", true},
		{" [1, 2.5e3, \"\\u00e4\", true, null] \r\n", true},
		{"5", true},
		{"\"\\ud83d\\ude00\"", true},
		{"{\"a\":18446744073709551615}", true},
		{"{\"a\":123456789012345678901234567890,\"b\":-1e999}", true},
		{"[1e400,\"\\\\\\\"1e400\"]", true},
		{"", false},
		{" ", false},
		{"{", false},
		{"{}{}", false},
		{"{} x", false},
		{"[1,]", false},
		{"[,1]", false},
		{"{\"a\":1,}", false},
		{"{a:1}", false},
		{"{'a':1}", false},
		{"{\"a\" 1}", false},
		{"[01]", false},
		{"[1.]", false},
		{"[.5]", false},
		{"[+1]", false},
		{"[1e]", false},
		{"[-]", false},
		{"[0x10]", false},
		{"[NaN]", false},
		{"[Infinity]", false},
		{"[tru]", false},
		{"[\"\\x\"]", false},
		{"[\"\\u12\"]", false},
		{"[\"\n\"]", false},
		{"[\"\t\"]", false},
		{"[\"", false},
		{"[\"\\", false},
		{"\"\\ud800\"", false},
		{"\"\\udc00\"", false},
		{"\"\xc3\"", false},
		{"\"\xc0\x80\"", false},
		{"\"\xed\xa0\x80\"", false},
		{"\"\xf4\x90\x80\x80\"", false},
		{"\"\xff\"", false},
		{"\xef\xbb\xbf{}", false},
		{"// no\n{}", false},
		{"[1e400,01]", false},
		{"[1e400", false},
		{"{\"a\":1e400,1e400:2}", false},
		{"{\"a\":1e400, 12345678901234567890 : 2}", false},
		{"[1e400 1e400]", false},
		{"[1e400\"x\"]", false},
		{"[-1e400-]", false},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int err = parse(w, cases[i].text, strlen(cases[i].text));
		if (err != (cases[i].good ? 0 : ATTRIB_E_BAD_JSON))
			fail_msg("%s: %d", cases[i].text, err);
	}
	assert_int_equal(parse(w, "{}\0", 3), ATTRIB_E_BAD_JSON);
	assert_int_equal(parse(w, "\"a\0b\"", 5), ATTRIB_E_BAD_JSON);
}

static int parse_nested(struct world *w, int depth, const char *open, const char *close)
{
	struct attrib_buf buf;
	int err;

	attrib_buf_init(&buf);
	for (int i = 0; i < depth; i++)
		attrib_buf_str(&buf, attrib_str_of(open));
	attrib_buf_str(&buf, ATTRIB_STR("1"));
	for (int i = 0; i < depth; i++)
		attrib_buf_str(&buf, attrib_str_of(close));
	err = parse(w, (const char *)buf.p, buf.n);
	attrib_buf_done(&buf);
	return err;
}

static void test_depth(void **state)
{
	struct world *w = *state;

	assert_int_equal(parse_nested(w, ATTRIB_JSON_DEPTH_MAX, "[", "]"), 0);
	assert_int_equal(parse_nested(w, ATTRIB_JSON_DEPTH_MAX + 1, "[", "]"), ATTRIB_E_BAD_JSON);
	assert_int_equal(parse_nested(w, ATTRIB_JSON_DEPTH_MAX, "{\"a\":", "}"), 0);
	assert_int_equal(
		parse_nested(w, ATTRIB_JSON_DEPTH_MAX + 1, "{\"a\":", "}"), ATTRIB_E_BAD_JSON);
	assert_int_equal(
		parse_nested(w, 100000, "[", "]"), ATTRIB_E_BAD_JSON); /* the parser grows */
	assert_int_equal(parse_nested(w, ATTRIB_JSON_DEPTH_MAX + 1, "[", "]"), ATTRIB_E_BAD_JSON);
	assert_int_equal(parse_nested(w, ATTRIB_JSON_DEPTH_MAX, "[", "]"), 0);
}

static void test_decimals(void **state)
{
	static const struct {
		const char *number, *decimal; /* "" = not exact */
		bool integer;
	} cases[] = {
		{"0", "0", true},
		{"-5", "-5", true},
		{"9223372036854775807", "9223372036854775807", true},
		{"18446744073709551615", "18446744073709551615", true},
		{"119.00", "119", false},
		{"0.1", "0.1", false},
		{"1e2", "100", false},
		{"12345.6789012345", "12345.6789012345", false},
		{"123456789012345.0", "123456789012345", false},
		{"0.000001", "0.000001", false},
		{"-0.5", "-0.5", false},
		{"0.30000000000000004", "", false},
		{"1e15", "", false},
		{"1e300", "", false},
		{"1e-9", "", false},
		{"0.1234567890123456", "", false},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[ATTRIB_JSON_DECIMAL_MAX];
		struct attrib_json root;
		bool integer;
		size_t n;
		assert_int_equal(attrib_json_parse(&w->arena,
					 pad(w, cases[i].number, strlen(cases[i].number)), &root),
			0);
		n = attrib_json_decimal(root, out, &integer);
		assert_text((struct attrib_str){out, n}, cases[i].decimal);
		assert_int_equal(integer, cases[i].integer);
	}
}

/* A number at the body's very end must not go on in the bytes behind it (pad() puts digits there). */
static void test_end_of_body(void **state)
{
	struct world *w = *state;
	char out[ATTRIB_JSON_DECIMAL_MAX];
	struct attrib_json root;
	bool integer;

	assert_int_equal(attrib_json_parse(&w->arena, pad(w, "12", 2), &root), 0);
	assert_text((struct attrib_str){out, attrib_json_decimal(root, out, &integer)}, "12");
}

/* What begins like a large number and is none stays as it is, in the memory that is there for it; a body
 * full of it is read once, not once for each of its bytes. */
static void test_broken_large_numbers_are_refused(void **state)
{
	static const char *const ends[] = {"e", "e+", ".", ".e1", "1.e", "-", "e1x", "e999x"};
	struct world *w = *state;
	size_t most = 1 << 20;
	char *text = malloc(most + 8);

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		for (size_t n = 16; n <= most; n *= 16) {
			memset(text, '2', n);
			strcpy(text + n, ends[i]);
			attrib_arena_reset(&w->arena);
			assert_int_equal(parse(w, text, strlen(text)), ATTRIB_E_BAD_JSON);
		}
	}
	free(text);
}

static void test_large_numbers_become_text(void **state)
{
	struct world *w = *state;
	struct attrib_json root, value;
	struct attrib_json_walk walk;
	struct attrib_str name;
	const char *text =
		"{\"a\":99999999999999999999,\"b\":\"9\\\"99999999999999999999\",\"c\":7}";

	assert_int_equal(attrib_json_parse(&w->arena, pad(w, text, strlen(text)), &root), 0);
	attrib_json_walk(root, &walk);
	assert_true(attrib_json_next(&walk, &name, &value));
	assert_text(attrib_json_string(value), "99999999999999999999");
	assert_true(attrib_json_next(&walk, &name, &value));
	assert_text(attrib_json_string(value), "9\"99999999999999999999");
	assert_true(attrib_json_next(&walk, &name, &value));
	assert_text(name, "c");
	assert_int_equal(attrib_json_kind(value), ATTRIB_JSON_NUMBER);
	assert_false(attrib_json_next(&walk, &name, &value));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_syntax),
		TEST(test_depth),
		TEST(test_decimals),
		TEST(test_end_of_body),
		TEST(test_large_numbers_become_text),
		TEST(test_broken_large_numbers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
