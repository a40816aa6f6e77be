/* The growing buffer and its JSON strings. */
#include "check.h"

#include "attrib/buf.h"

static void appends_grow(void **state)
{
	struct attrib_buf buf;

	(void)state;
	attrib_buf_init(&buf);
	assert_int_equal(attrib_buf_view(&buf).n, 0);
	for (int i = 0; i < 10000; i++)
		attrib_buf_char(&buf, (char)('a' + i % 26));
	attrib_buf_str(&buf, ATTRIB_STR_NONE);
	assert_int_equal(buf.err, 0);
	assert_int_equal(buf.n, 10000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(buf.p[i], 'a' + i % 26);
	attrib_buf_clear(&buf);
	assert_int_equal(buf.n, 0);
	attrib_buf_done(&buf);
}

static void printf_fits_any_length(void **state)
{
	struct attrib_buf buf;

	(void)state;
	for (int width = 1; width < 1200; width++) {
		attrib_buf_init(&buf);
		attrib_buf_printf(&buf, "%*d", width, 7);
		attrib_buf_printf(&buf, "|%d", 8);
		assert_int_equal(buf.n, width + 2);
		assert_int_equal(buf.p[width - 1], '7');
		assert_int_equal(buf.p[width + 1], '8');
		attrib_buf_done(&buf);
	}
}

static void the_first_error_sticks(void **state)
{
	struct attrib_buf buf;

	(void)state;
	attrib_buf_init(&buf);
	attrib_buf_char(&buf, 'a');
	assert_int_equal(attrib_buf_reserve(&buf, SIZE_MAX), ATTRIB_E_NOMEM);
	attrib_buf_char(&buf, 'b');
	attrib_buf_printf(&buf, "c");
	check_str(attrib_buf_view(&buf), "a");
	assert_int_equal(buf.err, ATTRIB_E_NOMEM);
	attrib_buf_clear(&buf);
	attrib_buf_char(&buf, 'd');
	check_str(attrib_buf_view(&buf), "d");
	attrib_buf_done(&buf);
}

static void json_strings_are_valid_json(void **state)
{
	static const struct {
		struct attrib_str in;
		const char *out;
	} cases[] = {
		{ATTRIB_STR(""), "\"\""},
		{ATTRIB_STR("plain"), "\"plain\""},
		{ATTRIB_STR("a\"b\\c"), "\"a\\\"b\\\\c\""},
		{ATTRIB_STR("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
		{ATTRIB_STR("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\""},
		{ATTRIB_STR("Gr\xc3\xbc\xc3\x9f"), "\"Gr\xc3\xbc\xc3\x9f\""},
		{ATTRIB_STR("\xf0\x9f\x8e\x89!"), "\"\xf0\x9f\x8e\x89!\""},
		{ATTRIB_STR("\xff"), "\"\xef\xbf\xbd\""},
		{ATTRIB_STR("x\xc3"), "\"x\xef\xbf\xbd\""},
		{ATTRIB_STR("\xed\xa0\x80y"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdy\""},
	};
	struct attrib_buf buf;

	(void)state;
	attrib_buf_init(&buf);
	for (size_t i = 0; i < COUNT(cases); i++) {
		attrib_buf_clear(&buf);
		attrib_buf_json(&buf, cases[i].in);
		attrib_buf_char(&buf, '\0');
		assert_string_equal((char *)buf.p, cases[i].out);
	}
	attrib_buf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_grow),
		cmocka_unit_test(printf_fits_any_length),
		cmocka_unit_test(the_first_error_sticks),
		cmocka_unit_test(json_strings_are_valid_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
