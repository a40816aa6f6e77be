/* Values of exports: what is read, as what, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "preset.h"

#define BAD NULL

struct sample {
	const char *value, *want; /* BAD = refused, "" = nothing */
};

static void check(enum preset_kind kind, const struct sample *samples, size_t n)
{
	struct attrib_arena arena;
	struct attrib_str out;

	attrib_arena_init(&arena, 1024);
	for (size_t i = 0; i < n; i++) {
		bool good = preset_value(&arena, kind, attrib_str_of(samples[i].value), &out);

		print_message("\"%s\"\n", samples[i].value);
		assert_int_equal(good, samples[i].want != BAD);
		if (good)
			assert_string_equal(
				out.n ? attrib_arena_str(&arena, out).p : "", samples[i].want);
	}
	attrib_arena_done(&arena);
}
#define CHECK(kind, samples) check(kind, samples, sizeof samples / sizeof *samples)

static void counts(void **state)
{
	static const struct sample samples[] = {
		{"12400", "12400"},
		{"12,400", "12400"},
		{"12.400", "12400"},
		{"1,234,567", "1234567"},
		{"12 400", "12400"},
		{"12\xc2\xa0"
		 "400",
			"12400"},
		{"12\xe2\x80\xaf"
		 "400",
			"12400"},
		{"12'400", "12400"},
		{"0", "0"},
		{"12400.00", "12400"},
		{"12.400,00", "12400"},
		{" 7 ", "7"},
		{"", ""},
		{"-", ""},
		{"--", ""},
		{"N/A", ""},
		{"\xe2\x80\x94", ""},
		{"1.5", BAD},
		{"-5", BAD},
		{"1,23,456", BAD},
		{"12,40", BAD},
		{"1.2K", BAD},
		{"abc", BAD},
		{",5", BAD},
		{"5,", BAD},
		{"1,234.567.890", BAD},
		{"1234,567.0", BAD},
		{"7%", BAD},
		{"111111111111111111111111111111111111", BAD},
	};

	(void)state;
	CHECK(PRESET_COUNT, samples);
}

/* What two people would read as two amounts is no amount. */
static void money(void **state)
{
	static const struct sample samples[] = {
		{"12.50", "12.50"},
		{"12,50", "12.50"},
		{"1,234.56", "1234.56"},
		{"1.234,56", "1234.56"},
		{"1 234,56", "1234.56"},
		{"1'234.56", "1234.56"},
		{"1,234,567", "1234567"},
		{"0", "0"},
		{"-3.10", "-3.10"},
		{"0.123", "0.123"},
		{"0,123", "0.123"},
		{"1234.567", "1234.567"},
		{"7", "7"},
		{"7.5", "7.5"},
		{"-", ""},
		{"1,234", BAD},
		{"1.234", BAD},
		{"-1.234", BAD},
		{"EUR 5", BAD},
		{"$5", BAD},
		{"1.2.3", BAD},
		{"1,234.5,6", BAD},
	};

	(void)state;
	CHECK(PRESET_MONEY, samples);
}

static void times_and_shares(void **state)
{
	static const struct sample hours[] = {{"664.5", "2392200.000"}, {"0.5", "1800.000"},
		{"1.234", "4442.400"}, {"42,600.6525", "153362349.000"}, {"1,234", BAD},
		{"0:16:02", BAD}};
	static const struct sample shares[] = {{"25%", "0.250000"}, {"31.5 %", "0.315000"},
		{"0.31", "0.310000"}, {"100%", "1.000000"}, {"0", "0.000000"}, {"31", BAD},
		{"101%", BAD}, {"-1%", BAD}, {"-", ""}};

	(void)state;
	CHECK(PRESET_HOURS, hours);
	CHECK(PRESET_RATE_OF_VIEWS, shares);
}

static void days(void **state)
{
	static const struct sample samples[] = {
		{"2026-11-01", "2026-11-01"},
		{"2026-11-01 12:30:00", "2026-11-01"},
		{"2026-11-01T12:30:00Z", "2026-11-01"},
		{"11/01/2026", "2026-11-01"},
		{"11/01/2026 14:05", "2026-11-01"},
		{"1/2/2026", "2026-01-02"},
		{"01.11.2026 18:00", "2026-11-01"},
		{"Nov 1, 2026", "2026-11-01"},
		{"November 1, 2026", "2026-11-01"},
		{"Lifetime", ""},
		{"Gesamte Laufzeit", ""},
		{"", ""},
		{"13/01/2026", BAD},
		{"2026-02-30", BAD},
		{"2026-11-011", BAD},
		{"Nov 2026", BAD},
		{"N 1, 2026", BAD},
		{"yesterday", BAD},
		{"26-11-01", BAD},
		{"anNo 1, 2026", BAD},
	};

	(void)state;
	CHECK(PRESET_DAY, samples);
}

static void sums_are_told(void **state)
{
	static const char *const sums[] = {"Total", "total of 3 results", "Gesamt",
		"Total:", " TOTALS "},
				 *const rows[] = {"Totally new", "", "1790", "Gesamtkunstwerk",
					 "dQw4w9WgXcQ"};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_true(preset_is_total(attrib_str_of(sums[i])));
		assert_false(preset_is_total(attrib_str_of(rows[i])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(money),
		cmocka_unit_test(times_and_shares),
		cmocka_unit_test(days),
		cmocka_unit_test(sums_are_told),
	};

	return cmocka_run_group_tests_name("preset_value", tests, NULL, NULL);
}
