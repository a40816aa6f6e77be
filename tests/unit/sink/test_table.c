/* Reports written for people, for spreadsheets and for programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "table.h"

static const struct table_column columns[] = {
	{"creator", TABLE_TEXT}, {"net", TABLE_NUMBER}, {"paid", TABLE_BOOL}, {"note", TABLE_TEXT}};

#define NONE       ATTRIB_STR_NONE
#define CELL(text) ATTRIB_STR(text)

static const struct attrib_str rows[][4] = {
	{CELL("ann"), CELL("100.00"), CELL("true"), CELL("a,b \"c\"")},
	{CELL("Zo\xc3\xab"), CELL("-7.5"), CELL("false"), CELL("")},
	{NONE, NONE, NONE, NONE},
	{CELL("\xe5\xb1\xb1"), CELL("NaN"), CELL("true"), CELL("x\x1b[31m\ny\xc2\x9bz")},
};

static void writes(enum attrib_report_format format, size_t row_count, const char *expected)
{
	struct table table;

	table_init(&table, format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < row_count; i++)
		table_add(&table, rows[i]);
	assert_int_equal(table_end(&table), 0);
	attrib_buf_char(&table.out, 0);
	assert_string_equal((char *)table.out.p, expected);
	table_done(&table);
}

static void for_people(void **state)
{
	(void)state;
	writes(ATTRIB_REPORT_TABLE, 0, "creator  net  paid  note\n(0 rows)\n");
	writes(ATTRIB_REPORT_TABLE, 1,
		"creator     net  paid  note\n"
		"ann      100.00  true  a,b \"c\"\n"
		"(1 row)\n");
	/* wide letters take two columns, NULL is a dash, control characters never get out */
	writes(ATTRIB_REPORT_TABLE, 4,
		"creator     net  paid   note\n"
		"ann      100.00  true   a,b \"c\"\n"
		"Zo\xc3\xab        -7.5  false\n"
		"-             -  -      -\n"
		"\xe5\xb1\xb1          NaN  true   x?[31m?y?z\n"
		"(4 rows)\n");
}

/* Ratios are rounded for people, and for them only; money is not. */
static void ratios_are_rounded_for_people(void **state)
{
	static const struct {
		struct attrib_str number;
		const char *shown;
	} cases[] = {
		{CELL("-1.00000000000000000000"), "-1.0000"},
		{CELL("0.42857142857142857143"), "0.4286"},
		{CELL("0.00004999999999999999"), "0.0000"},
		{CELL("-0.00000000000000000001"), "0.0000"},
		{CELL("123456789012.34561"), "123456789012.3456"},
		{CELL("1234567890123456789.123456"), "1234567890123456789.123456"},
		{CELL("12.3456"), "12.3456"},
		{CELL("1e20"), "1e20"},
	};
	static const struct table_column column = {"n", TABLE_NUMBER};
	char expected[128];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct table table;
		table_init(&table, ATTRIB_REPORT_TABLE, &column, 1);
		table_add(&table, &cases[i].number);
		assert_int_equal(table_end(&table), 0);
		attrib_buf_char(&table.out, 0);
		snprintf(expected, sizeof expected, "%*s\n%s\n(1 row)\n",
			(int)strlen(cases[i].shown), "n", cases[i].shown);
		assert_string_equal((char *)table.out.p, expected);
		table_done(&table);
		table_init(&table, ATTRIB_REPORT_CSV, &column, 1);
		table_add(&table, &cases[i].number);
		assert_int_equal(table_end(&table), 0);
		assert_memory_equal(table.out.p + 2, cases[i].number.p, cases[i].number.n);
		table_done(&table);
	}
}

static void for_spreadsheets(void **state)
{
	(void)state;
	writes(ATTRIB_REPORT_CSV, 0, "creator,net,paid,note\n");
	writes(ATTRIB_REPORT_CSV, 3,
		"creator,net,paid,note\n"
		"ann,100.00,true,\"a,b \"\"c\"\"\"\n"
		"Zo\xc3\xab,-7.5,false,\n"
		",,,\n");
}

static void for_programs(void **state)
{
	(void)state;
	writes(ATTRIB_REPORT_JSON, 0, "[]\n");
	writes(ATTRIB_REPORT_JSON, 4,
		"[\n"
		"{\"creator\":\"ann\",\"net\":100.00,\"paid\":true,\"note\":\"a,b \\\"c\\\"\"},\n"
		"{\"creator\":\"Zo\xc3\xab\",\"net\":-7.5,\"paid\":false,\"note\":\"\"},\n"
		"{\"creator\":null,\"net\":null,\"paid\":null,\"note\":null},\n"
		"{\"creator\":\"\xe5\xb1\xb1\",\"net\":\"NaN\",\"paid\":true,"
		"\"note\":\"x\\u001b[31m\\ny\xc2\x9bz\"}\n"
		"]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(for_people),
		cmocka_unit_test(ratios_are_rounded_for_people),
		cmocka_unit_test(for_spreadsheets),
		cmocka_unit_test(for_programs),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
