/* Fields of imported files: a good value, and the ones that look almost like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "import_value.h"

static const struct {
	enum import_kind kind;
	const char *good, *bad; /* separated by '|' */
} cases[] = {
	{IMPORT_TEXT, "x|\"|;", ""},
	{IMPORT_INTEGER, "0|-1|85000|9223372036854775807",
		"1.0|+1|1e3|--1|-|9223372036854775808|1 000|0x1|x"},
	{IMPORT_DECIMAL, "0|-1|1500.00|0.5|12345678901234567890",
		".5|5.|+1|1e3|1,5|1.2.3|-|NaN|infinity|12345678901234567890123456789012345678901"},
	{IMPORT_BOOL, "true|false|TRUE", "t|yes|1|truth"},
	{IMPORT_DATE, "2026-11-01|2024-02-29",
		"2026-02-29|2026-13-01|2026-1-1|01.11.2026|2026-11-01 |2026-11-01 12:00|26-11-01"},
	{IMPORT_LOCAL_TIME, "2026-11-01|2026-11-01 12:30|2026-11-01T12:30:59|2026-11-01 00:00:00.5",
		"2026-02-30|2026-11-01 24:00|2026-11-01 12|2026-11-01 12:60|2026-11-01 23:59:60|"
		"2026-11-01 12:30Z|2026-11-01 12:30+01:00|2026-11-01_12:30|2026-11-01 12:30:00Z"},
	{IMPORT_DURATION, "30d|12h|45m|10s|250ms|0", "30|d|-1d|1 day|30 d|1.5h"},
	{IMPORT_CURRENCY, "EUR|JPY|KWD", "eur|EURO|E|ZZZ"},
	{IMPORT_URL, "http://a|https://a/b?c|HTTPS://a",
		"ftp://a|//a|/a|https://|javascript:x|http:/a"},
};

static void each(const char *list, enum import_kind kind, bool expected)
{
	struct attrib_str rest = attrib_str_of(list);

	while (rest.n) {
		struct attrib_str value = attrib_str_split(rest, '|', &rest);
		if (import_value_ok(kind, value) != expected)
			fail_msg("%s: %.*s is %s", import_expected(kind), (int)value.n, value.p,
				expected ? "refused" : "taken");
	}
}

static void good_values_are_taken_and_bad_ones_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		each(cases[i].good, cases[i].kind, true);
		each(cases[i].bad, cases[i].kind, false);
	}
}

static void kinds_come_from_types_and_names(void **state)
{
	(void)state;
	assert_int_equal(import_kind_of("amount", "numeric"), IMPORT_DECIMAL);
	assert_int_equal(import_kind_of("currency", "text"), IMPORT_CURRENCY);
	assert_int_equal(import_kind_of("name", "text"), IMPORT_TEXT);
	assert_int_equal(import_kind_of("valid_from", "timestamp"), IMPORT_LOCAL_TIME);
	assert_int_equal(import_kind_of("valid_from", "date"), IMPORT_DATE);
	assert_int_equal(import_kind_of("settings", "jsonb"), IMPORT_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_values_are_taken_and_bad_ones_refused),
		cmocka_unit_test(kinds_come_from_types_and_names),
	};

	return cmocka_run_group_tests_name("import_value", tests, NULL, NULL);
}
