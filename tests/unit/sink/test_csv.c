/* The CSV reader: what RFC 4180 allows comes through, everything else is refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "csv.h"

/* All records of a text as "[line:field|field]", then the problem, if any. */
static char *read_all(const char *text, size_t n)
{
	FILE *in = fmemopen((void *)text, n, "r");
	struct attrib_buf out;
	struct csv csv;

	assert_non_null(in);
	attrib_buf_init(&out);
	csv_init(&csv, in);
	while (csv_next(&csv)) {
		attrib_buf_printf(&out, "[%llu:", (unsigned long long)csv.line);
		for (size_t i = 0; i < csv.field_count; i++) {
			if (i)
				attrib_buf_char(&out, '|');
			attrib_buf_str(&out, csv.fields[i]);
		}
		attrib_buf_char(&out, ']');
	}
	if (csv.problem)
		attrib_buf_printf(&out, "%llu: %s", (unsigned long long)csv.line, csv.problem);
	attrib_buf_char(&out, 0);
	csv_done(&csv);
	fclose(in);
	return (char *)out.p;
}

static void reads(const char *text, const char *expected)
{
	char *got = read_all(text, strlen(text));

	assert_string_equal(got, expected);
	free(got);
}

static void plain_records(void **state)
{
	(void)state;
	reads("a,b\n1,2\n", "[1:a|b][2:1|2]");
	reads("a,b\r\n1,2\r\n", "[1:a|b][2:1|2]");
	reads("a,b\n1,2", "[1:a|b][2:1|2]");
	reads("a,\n,b\n,\n", "[1:a|][2:|b][3:|]");
	reads("\xef\xbb\xbf"
	      "a\n",
		"[1:a]");
	reads("\n\na\n\n\nb\n\n", "[3:a][6:b]");
	reads(" a , b\n", "[1: a | b]");
	reads("gr\xc3\xbc\xc3\x9f,\xe2\x82\xac\n", "[1:gr\xc3\xbc\xc3\x9f|\xe2\x82\xac]");
	reads("\n", "");
}

static void quoted_fields(void **state)
{
	(void)state;
	reads("\"a\",\"b,c\"\n", "[1:a|b,c]");
	reads("\"a\"\"b\",\"\"\"\"\n", "[1:a\"b|\"]");
	reads("\"\",x\n", "[1:|x]");
	reads("\"two\nlines\",x\nnext,y\n", "[1:two\nlines|x][3:next|y]");
	reads("\"two\r\nlines\"\r\nnext\r\n", "[1:two\r\nlines][3:next]");
	reads("\"end\"", "[1:end]");
	reads("\"\"\n", ""); /* a line of one empty field is an empty line */
}

static void what_others_guess_about_is_refused(void **state)
{
	(void)state;
	reads("a\nx\"y\n", "[1:a]2: expected quotes around the whole field, got one inside");
	reads("a\n\"x\"y\n", "[1:a]2: expected a comma or the end of the line behind a closing "
			     "quote, got other text");
	reads("a\n\"x\" ,y\n", "[1:a]2: expected a comma or the end of the line behind a closing "
			       "quote, got other text");
	reads("a\n\"x\ny\n", "[1:a]2: expected a closing quote, got the end of the file");
	reads("a\rb\n", "1: expected a line feed behind a carriage return, got none");
	reads("a\nb\xff\n", "[1:a]2: expected UTF-8 text, got other bytes");
	reads("\xef\xbbxa\n", "1: expected UTF-8 text, got other bytes");
}

static void a_zero_byte_is_no_text(void **state)
{
	char *got = read_all("a\0b\n", 4);

	(void)state;
	assert_string_equal(got, "1: expected UTF-8 text, got other bytes");
	free(got);
}

static void sizes_are_bounded(void **state)
{
	size_t n = CSV_RECORD_MAX + 10;
	char *text = malloc(n), *got;

	(void)state;
	memset(text, 'x', n);
	got = read_all(text, n);
	assert_string_equal(got, "1: expected at most 1 MiB in a line, got more");
	free(got);
	text[0] = '"';
	got = read_all(text, n);
	assert_string_equal(got, "1: expected a closing quote, got none within 1 MiB");
	free(got);
	memset(text, ',', CSV_FIELDS_MAX);
	got = read_all(text, CSV_FIELDS_MAX);
	assert_string_equal(got, "1: expected at most 256 columns, got more");
	free(got);
	got = read_all(text, CSV_FIELDS_MAX - 1);
	assert_int_equal(strlen(got), strlen("[1:]") + CSV_FIELDS_MAX - 1);
	free(got);
	free(text);
}

/* What csv_put writes, csv_next reads, whatever the bytes. */
static void random_fields_survive(void **state)
{
	static const char letters[] = "a,\"\n\r ;\t";
	unsigned seed = 20261101;

	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 5000; round++) {
		struct attrib_buf text, expected;
		char *got;

		attrib_buf_init(&text);
		attrib_buf_init(&expected);
		attrib_buf_str(&expected, ATTRIB_STR("[1:x"));
		attrib_buf_char(&text, 'x');
		for (int f = rand_r(&seed) % 4; f > 0; f--) {
			char field[8];
			size_t n = (size_t)rand_r(&seed) % sizeof field;
			for (size_t i = 0; i < n; i++)
				field[i] = letters[(size_t)rand_r(&seed) % (sizeof letters - 1)];
			attrib_buf_char(&text, ',');
			csv_put(&text, (struct attrib_str){field, n});
			attrib_buf_char(&expected, '|');
			attrib_buf_put(&expected, field, n);
		}
		attrib_buf_str(&expected, ATTRIB_STR("]"));
		attrib_buf_char(&expected, 0);
		attrib_buf_char(&text, '\n');
		got = read_all((char *)text.p, text.n);
		assert_string_equal(got, (char *)expected.p);
		free(got);
		attrib_buf_done(&text);
		attrib_buf_done(&expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_records),
		cmocka_unit_test(quoted_fields),
		cmocka_unit_test(what_others_guess_about_is_refused),
		cmocka_unit_test(a_zero_byte_is_no_text),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(random_fields_survive),
	};

	return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
