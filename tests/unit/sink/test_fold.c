/*
 * attrib.fold() and attrib_fold() are one function in two languages: compared over every code point,
 * and over random texts, where the order of combining marks and what trimming sees may differ.
 * What fold.sql names as exceptions is not drawn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "attrib/arena.h"
#include "attrib/id.h"
#include "attrib/text.h"
#include "pg.h"

static struct test_pg pg;

static int setup(void **state)
{
	(void)state;
	test_pg_init(&pg, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_pg_done(&pg);
	return 0;
}

static size_t put_point(unsigned c, char *out)
{
	if (c < 0x80)
		return (size_t)(out[0] = (char)c, 1);
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

static void copy_hex(PGconn *conn, const char *label, struct attrib_str s, struct attrib_str folded)
{
	char hex[2048], line[4096];
	int n;

	attrib_hex(s.p, s.n, hex);
	n = snprintf(line, sizeof line, "%s\t\\\\x%.*s", label, (int)(2 * s.n), hex);
	attrib_hex(folded.p, folded.n, hex);
	n += snprintf(line + n, sizeof line - (size_t)n, "\t\\\\x%.*s\n", (int)(2 * folded.n), hex);
	assert_int_equal(PQputCopyData(conn, line, n), 1);
}

static void copy_begin(void)
{
	PGresult *result;

	test_pg_run(&pg, "CREATE TEMP TABLE f (label text, raw bytea, folded bytea)");
	result = PQexec(pg.conn, "COPY f FROM STDIN");
	assert_int_equal(PQresultStatus(result), PGRES_COPY_IN);
	PQclear(result);
}

static void copy_end(void)
{
	PGresult *result;

	assert_int_equal(PQputCopyEnd(pg.conn, NULL), 1);
	while ((result = PQgetResult(pg.conn)) != NULL) {
		assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
		PQclear(result);
	}
}

static const char *differences(void)
{
	return test_pg_text(&pg,
		"SELECT label, raw, folded, convert_to(sql, 'UTF8') FROM (SELECT f.*,"
		" attrib.fold(convert_from(raw, 'UTF8')) AS sql FROM f) g"
		" WHERE convert_to(sql, 'UTF8') <> folded ORDER BY label LIMIT 40");
}

static void every_code_point_folds_alike(void **state)
{
	(void)state;
	struct attrib_arena arena;
	char text[8], label[16];

	attrib_arena_init(&arena, 65536);
	copy_begin();
	for (unsigned c = 1; c < 0x110000; c++) {
		if ((c >= 0xd800 && c < 0xe000) || (c >= 0x1e030 && c <= 0x1e06d))
			continue;
		struct attrib_str s = {text, put_point(c, text)};

		snprintf(label, sizeof label, "%06x", c);
		attrib_arena_reset(&arena);
		copy_hex(pg.conn, label, s, attrib_fold(&arena, s));
	}
	copy_end();
	attrib_arena_done(&arena);
	assert_string_equal(differences(), "");
}

static void random_texts_fold_alike(void **state)
{
	(void)state;
	static const unsigned ranges[][2] = {{1, 0x7f}, {0x80, 0x24f}, {0x300, 0x344},
		{0x346, 0x36f}, {0x386, 0x5ff}, {0x1e00, 0x1f7f}, {0x2000, 0x21ff},
		{0xac00, 0xad00}, {0x1100, 0x11a6}, {0x11a8, 0x11ff}, {0xfb00, 0xfb4f},
		{0xff00, 0xffef}, {0x1f600, 0x1f64f}, {0x900, 0x9ff}};
	struct attrib_arena arena;
	unsigned seed = (unsigned)time(NULL);
	char text[64], label[16];

	print_message("seed %u\n", seed);
	srand(seed);
	attrib_arena_init(&arena, 65536);
	copy_begin();
	for (int i = 0; i < 20000; i++) {
		struct attrib_str s = {text, 0};

		for (int n = 1 + rand() % 8; n > 0; n--) {
			const unsigned *r =
				ranges[(size_t)rand() % (sizeof ranges / sizeof *ranges)];

			s.n += put_point(r[0] + (unsigned)rand() % (r[1] - r[0] + 1), text + s.n);
		}
		snprintf(label, sizeof label, "%d", i);
		attrib_arena_reset(&arena);
		copy_hex(pg.conn, label, s, attrib_fold(&arena, s));
	}
	copy_end();
	attrib_arena_done(&arena);
	assert_string_equal(differences(), "");
}

static void utm_rules_have_one_form(void **state)
{
	(void)state;
	assert_string_equal(
		test_pg_text(&pg, "SELECT attrib.fold_utm('Insta%%2FG/SOCIAL//*'),"
				  " attrib.fold_utm('a'), attrib.fold_utm('a/b/c/d/e/f%%25'),"
				  " attrib.fold_utm('')"),
		"insta%2Fg/social/*/*/*|a/*/*/*/*|a/b/c/d/e%2Ff%25|*/*/*/*/*");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(every_code_point_folds_alike),
		CASE(random_texts_fold_alike),
		CASE(utm_rules_have_one_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
