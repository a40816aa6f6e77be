/* Time zones: known offsets, and libc's opinion about the same zones. */
#include "check.h"

#include <time.h>

#include "attrib/time.h"
#include "zone_rule.h"

static int64_t instant(const char *text)
{
	int64_t at;

	if (attrib_time_parse(attrib_str_of(text), &at))
		fail_msg("%s is no time", text);
	return at;
}

static void offsets_are_known(void **state)
{
	static const struct {
		const char *zone, *at;
		int32_t offset_s;
	} cases[] = {
		{"UTC", "2026-07-01T00:00:00Z", 0},
		{"Etc/UTC", "2026-07-01T00:00:00Z", 0},
		{"Europe/Berlin", "2026-01-15T12:00:00Z", 3600},
		{"Europe/Berlin", "2026-07-15T12:00:00Z", 7200},
		{"Europe/Berlin", "2026-03-29T00:59:59.999999Z", 3600},
		{"Europe/Berlin", "2026-03-29T01:00:00Z", 7200},
		{"Europe/Berlin", "2026-10-25T00:59:59.999999Z", 7200},
		{"Europe/Berlin", "2026-10-25T01:00:00Z", 3600},
		{"Europe/Berlin", "2045-03-26T00:59:59Z", 3600},
		{"Europe/Berlin", "2045-03-26T01:00:00Z", 7200},
		{"Europe/Berlin", "9999-07-01T00:00:00Z", 7200},
		{"Europe/Berlin", "1970-06-01T00:00:00Z", 3600},
		{"Asia/Kathmandu", "2026-07-15T12:00:00Z", 5 * 3600 + 45 * 60},
		{"Asia/Kathmandu", "2126-07-15T12:00:00Z", 5 * 3600 + 45 * 60},
		{"America/New_York", "2026-01-15T12:00:00Z", -5 * 3600},
		{"America/New_York", "2026-03-08T06:59:59Z", -5 * 3600},
		{"America/New_York", "2026-03-08T07:00:00Z", -4 * 3600},
		{"America/New_York", "2099-11-01T05:59:59Z", -4 * 3600},
		{"America/New_York", "2099-11-01T06:00:00Z", -5 * 3600},
		{"America/St_Johns", "2026-07-15T12:00:00Z", -(2 * 3600 + 30 * 60)},
		{"Australia/Sydney", "2026-01-15T12:00:00Z", 11 * 3600},
		{"Australia/Sydney", "2050-07-15T12:00:00Z", 10 * 3600},
		{"Australia/Sydney", "2050-12-31T23:59:59Z", 11 * 3600},
		{"Australia/Lord_Howe", "2060-01-15T12:00:00Z", 11 * 3600},
		{"Australia/Lord_Howe", "2060-07-15T12:00:00Z", 10 * 3600 + 1800},
		{"Pacific/Kiritimati", "2026-07-15T12:00:00Z", 14 * 3600},
		{"Pacific/Niue", "2026-07-15T12:00:00Z", -11 * 3600},
		{"America/Nuuk", "2070-07-15T12:00:00Z", -3600},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attrib_zone *zone = attrib_zone_load(cases[i].zone);
		int32_t offset_s;
		assert_non_null(zone);
		offset_s = attrib_zone_offset(zone, instant(cases[i].at));
		if (offset_s != cases[i].offset_s)
			fail_msg("%s at %s: %d", cases[i].zone, cases[i].at, offset_s);
		attrib_zone_free(zone);
	}
}

static void days_are_local(void **state)
{
	struct attrib_zone *berlin = attrib_zone_load("Europe/Berlin");
	struct attrib_zone *utc = attrib_zone_load("UTC");

	(void)state;
	assert_int_equal(attrib_zone_day(utc, 0), 0);
	assert_int_equal(attrib_zone_day(utc, -1), -1);
	assert_int_equal(attrib_zone_day(utc, ATTRIB_US_PER_DAY - 1), 0);
	assert_int_equal(attrib_zone_day(berlin, instant("2026-10-31T22:59:59.999999Z")), 20757);
	assert_int_equal(attrib_zone_day(berlin, instant("2026-10-31T23:00:00Z")), 20758);
	assert_int_equal(attrib_zone_day(berlin, instant("2026-07-01T21:59:59Z")), 20635);
	assert_int_equal(attrib_zone_day(berlin, instant("2026-07-01T22:00:00Z")), 20636);
	attrib_zone_free(berlin);
	attrib_zone_free(utc);
}

static void the_ends_of_time_are_defined(void **state)
{
	static const char *const names[] = {"UTC", "Europe/Berlin", "Asia/Kathmandu"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct attrib_zone *zone = attrib_zone_load(names[i]);
		assert_true(attrib_zone_day(zone, ATTRIB_NEVER) < -100000000);
		assert_true(attrib_zone_day(zone, ATTRIB_FOREVER) > 100000000);
		attrib_zone_free(zone);
	}
}

/* The clock shows the same time again, on the last day where a month is too short. */
static void months_are_added_to_the_local_time(void **state)
{
	static const struct {
		const char *zone, *at;
		int months;
		const char *later;
	} cases[] = {
		{"UTC", "2026-01-15T12:34:56.789012Z", 0, "2026-01-15T12:34:56.789012Z"},
		{"UTC", "2026-01-15T12:34:56.789012Z", 1, "2026-02-15T12:34:56.789012Z"},
		{"UTC", "2026-01-31T23:59:59.999999Z", 1, "2026-02-28T23:59:59.999999Z"},
		{"UTC", "2026-01-31T00:00:00Z", 3, "2026-04-30T00:00:00Z"},
		{"UTC", "2027-11-30T00:00:00Z", 3, "2028-02-29T00:00:00Z"},
		{"UTC", "2028-02-29T10:00:00Z", 12, "2029-02-28T10:00:00Z"},
		{"UTC", "2028-02-29T10:00:00Z", 48, "2032-02-29T10:00:00Z"},
		{"UTC", "2099-12-31T00:00:00Z", 2, "2100-02-28T00:00:00Z"},
		{"UTC", "2026-12-31T00:00:00Z", 120, "2036-12-31T00:00:00Z"},
		/* across the change of the clocks */
		{"Europe/Berlin", "2026-01-15T11:00:00Z", 6, "2026-07-15T10:00:00Z"},
		{"Europe/Berlin", "2026-08-15T10:00:00Z", 3, "2026-11-15T11:00:00Z"},
		/* the local day decides, not that of UTC: 1 February 00:30 */
		{"Europe/Berlin", "2026-01-31T23:30:00Z", 1, "2026-02-28T23:30:00Z"},
		{"America/New_York", "2026-02-01T03:00:00Z", 1, "2026-03-01T03:00:00Z"},
		/* 02:30 is skipped on 29 March: an hour later ... */
		{"Europe/Berlin", "2026-02-28T01:30:00Z", 1, "2026-03-28T01:30:00Z"},
		{"Europe/Berlin", "2026-01-29T01:30:00Z", 2, "2026-03-29T01:30:00Z"},
		{"Europe/Berlin", "2026-01-29T00:59:59.999999Z", 2, "2026-03-29T00:59:59.999999Z"},
		{"Europe/Berlin", "2026-01-29T02:00:00Z", 2, "2026-03-29T01:00:00Z"},
		/* ... and comes twice on 25 October: the first */
		{"Europe/Berlin", "2026-09-25T00:30:00Z", 1, "2026-10-25T00:30:00Z"},
		{"Europe/Berlin", "2026-11-25T01:30:00Z", 11, "2027-10-25T00:30:00Z"},
		{"Europe/Berlin", "2026-12-25T01:30:00Z", 10, "2027-10-25T00:30:00Z"},
		{"Europe/Berlin", "2024-12-27T01:30:00Z", 10, "2025-10-27T01:30:00Z"},
		{"Europe/Berlin", "2025-12-25T01:30:00Z", 10, "2026-10-25T00:30:00Z"},
		{"America/New_York", "2026-02-08T07:30:00Z", 1, "2026-03-08T07:30:00Z"},
		{"America/New_York", "2026-10-01T05:30:00Z", 1, "2026-11-01T05:30:00Z"},
		/* a whole day is skipped */
		{"Pacific/Apia", "2011-11-30T22:00:00Z", 1, "2011-12-30T22:00:00Z"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attrib_zone *zone = attrib_zone_load(cases[i].zone);
		int64_t later = attrib_zone_add_months(zone, instant(cases[i].at), cases[i].months);
		char text[32];
		if (later != instant(cases[i].later)) {
			attrib_time_format(later, text);
			fail_msg("%s + %d in %s: %s", cases[i].at, cases[i].months, cases[i].zone,
				text);
		}
		attrib_zone_free(zone);
	}
}

static void names_cannot_leave_the_directory(void **state)
{
	static const char *const names[] = {"", ".", "..", "../zoneinfo/UTC", "/etc/localtime",
		"Europe/../UTC", "Europe", "Europe/", "Europe/Nowhere", "zone.tab",
		"Europe/Berlin ", "Europe\\Berlin", "right/Europe/Berlin",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		if (attrib_zone_load(names[i]))
			fail_msg("\"%s\" was loaded", names[i]);
	}
}

static int32_t rule_at(const char *text, const char *at)
{
	struct zone_rule rule = {0};

	if (!zone_rule_read(&rule, text) || !rule.present)
		fail_msg("%s is no rule", text);
	return zone_rule_offset(&rule, instant(at) / ATTRIB_US_PER_S);
}

/* Forms that few zones of today use. */
static void rare_rules_are_followed(void **state)
{
	const char *const julian = "AAA0BBB,J60/0,J61/0", *const zero_based = "AAA0BBB,59/0,60/0";
	const char *const always = "XXX3EDT4,0/0,J365/23";

	(void)state;
	assert_int_equal(rule_at("<+0545>-5:45", "2100-01-01T00:00:00Z"), 20700);
	assert_int_equal(rule_at("ABC12:30:15", "2100-01-01T00:00:00Z"), -45015);
	/* J60 is 1 March in every year, 59 is 29 February in a leap year */
	assert_int_equal(rule_at(julian, "2101-03-01T12:00:00Z"), 3600);
	assert_int_equal(rule_at(julian, "2104-02-29T12:00:00Z"), 0);
	assert_int_equal(rule_at(julian, "2104-03-01T12:00:00Z"), 3600);
	assert_int_equal(rule_at(julian, "2104-03-02T12:00:00Z"), 0);
	assert_int_equal(rule_at(zero_based, "2104-02-29T12:00:00Z"), 3600);
	assert_int_equal(rule_at(zero_based, "2101-03-01T12:00:00Z"), 3600);
	/* daylight saving time all year, also at its seams */
	assert_int_equal(rule_at(always, "2100-07-01T00:00:00Z"), -4 * 3600);
	assert_int_equal(rule_at(always, "2100-01-01T02:59:59Z"), -4 * 3600);
	assert_int_equal(rule_at(always, "2100-01-01T03:00:00Z"), -4 * 3600);
	assert_int_equal(rule_at(always, "2100-12-31T23:59:59Z"), -4 * 3600);
}

static void broken_rules_are_refused(void **state)
{
	static const char *const rules[] = {"A", "AB1", "CET", "CET-", "CET-1CEST,",
		"CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M0.5.0,M10.5.0", "CET-1CEST,J0,J5",
		"CET-1CEST,J366,J5", "CET-1CEST,366,5", "CET-1CEST,M3.5.0/,M10.5.0",
		"CET-1CEST,M3.5.0,M10.5.0x", "<+01", "CET-168", "CET-1:60"};
	struct zone_rule rule;

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		rule = (struct zone_rule){0};
		if (zone_rule_read(&rule, rules[i]))
			fail_msg("\"%s\" was read", rules[i]);
	}
	rule = (struct zone_rule){0};
	assert_true(zone_rule_read(&rule, ""));
	assert_false(rule.present);
}

/* libc reads the same files with code of its own; its zone is the process's TZ. */
static void offsets_equal_libc(void **state)
{
	static const char *const names[] = {"Europe/Berlin", "Europe/London", "Europe/Dublin",
		"America/New_York", "America/Sao_Paulo", "America/Santiago", "America/St_Johns",
		"Africa/Casablanca", "Africa/Cairo", "Asia/Kathmandu", "Asia/Tehran", "Asia/Gaza",
		"Asia/Jerusalem", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham",
		"Pacific/Apia", "Antarctica/Troll", "America/Nuuk", "Etc/GMT+12"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct attrib_zone *zone = attrib_zone_load(names[i]);
		assert_non_null(zone);
		assert_int_equal(setenv("TZ", names[i], 1), 0);
		tzset();
		for (int k = 0; k < 3000; k++) {
			/* 1900 .. 2300 */
			time_t t = (time_t)(test_random() % 12622780800u) - 2208988800;
			struct tm tm;
			localtime_r(&t, &tm);
			if (attrib_zone_offset(zone, t * ATTRIB_US_PER_S) != tm.tm_gmtoff)
				fail_msg("%s at %lld", names[i], (long long)t);
		}
		attrib_zone_free(zone);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_are_known),
		cmocka_unit_test(days_are_local),
		cmocka_unit_test(the_ends_of_time_are_defined),
		cmocka_unit_test(months_are_added_to_the_local_time),
		cmocka_unit_test(names_cannot_leave_the_directory),
		cmocka_unit_test(rare_rules_are_followed),
		cmocka_unit_test(broken_rules_are_refused),
		cmocka_unit_test(offsets_equal_libc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
