/* Lists of objects as CSV. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attrib/rows.h"

static struct attrib_rows_problem problem;
static char csv[1024], lines[256], blamed[64];

static int rows(const char *json)
{
	struct attrib_arena arena;
	struct attrib_buf out, begins;
	size_t n = strlen(json);
	char *padded = calloc(1, n + 64);
	int err;

	memcpy(padded, json, n);
	attrib_arena_init(&arena, 1024);
	attrib_buf_init(&out);
	attrib_buf_init(&begins);
	err = attrib_rows_csv(&arena, (struct attrib_str){padded, n}, &out, &begins, &problem);
	snprintf(csv, sizeof csv, "%.*s", (int)out.n, out.p ? (char *)out.p : "");
	lines[0] = '\0';
	for (size_t i = 0; i < begins.n / sizeof(uint64_t); i++)
		sprintf(lines + strlen(lines), "%d ", (int)((uint64_t *)begins.p)[i]);
	snprintf(blamed, sizeof blamed, "%.*s", (int)problem.name.n,
		problem.name.p ? problem.name.p : "");
	attrib_buf_done(&out);
	attrib_buf_done(&begins);
	attrib_arena_done(&arena);
	free(padded);
	return err;
}

static void objects_become_lines(void **state)
{
	(void)state;
	assert_int_equal(rows("[{\"a\":\"x, "
			      "\\\"y\\\"\",\"b\":1.50},{\"c\":true,\"a\":\"two\\nlines\"},{\"b\":"
			      "null,\"a\":12}]"),
		0);
	assert_string_equal(csv,
		"\"a\",\"b\",\"c\"\n\"x, "
		"\"\"y\"\"\",\"1.5\",\"\"\n\"two\nlines\",\"\",\"true\"\n\"12\",\"\",\"\"\n");
	assert_string_equal(lines, "2 3 5 ");
	assert_int_equal(rows("{\"a\":\"one\"}"), 0);
	assert_string_equal(csv, "\"a\"\n\"one\"\n");
}

static void what_is_no_table_is_told(void **state)
{
	static const struct {
		const char *json;
		int64_t index;
		const char *name, *message;
	} bad[] = {
		{"[]", -1, "", "got none with a member"},
		{"[{}]", -1, "", "got none with a member"},
		{"[{\"a\":1},5]", 1, "", "expected an object"},
		{"\"text\"", 0, "", "expected an object"},
		{"[{\"a\":1},{\"a\":[1]}]", 1, "a", "a list or an object"},
		{"[{\"a\":1,\"b\":{}}]", 0, "b", "a list or an object"},
		{"[{\"a\":1,\"a\":2}]", 0, "a", "got it twice"},
		{"[{\"a\":null,\"a\":2}]", 0, "a", "got it twice"},
		{"[{\"a\":0.1234567890123456789}]", 0, "a", "15 digits"},
		{"[{\"a\":\"\\u0000\"}]", 0, "a", "NUL"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		print_message("%s\n", bad[i].json);
		assert_int_equal(rows(bad[i].json), ATTRIB_E_INVALID);
		assert_int_equal(problem.index, bad[i].index);
		assert_string_equal(blamed, bad[i].name);
		assert_non_null(strstr(problem.message, bad[i].message));
	}
	assert_int_equal(rows("[{]"), ATTRIB_E_BAD_JSON);
}

static void there_are_as_many_names_as_csv_takes(void **state)
{
	char json[8192] = "[{";

	(void)state;
	for (int i = 0; i < 256; i++)
		sprintf(json + strlen(json), "%s\"n%d\":1", i ? "," : "", i);
	strcat(json, "}]");
	assert_int_equal(rows(json), 0);
	strcpy(json + strlen(json) - 2, ",\"more\":1}]");
	assert_int_equal(rows(json), ATTRIB_E_INVALID);
	assert_string_equal(blamed, "more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_become_lines),
		cmocka_unit_test(what_is_no_table_is_told),
		cmocka_unit_test(there_are_as_many_names_as_csv_takes),
	};

	return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
