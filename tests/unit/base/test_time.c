/* RFC 3339, durations; the calendar is compared with libc's over its whole range. */
#include "check.h"

#include <time.h>

#include "attrib/time.h"

static void times_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t at;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01T00:00:00.000001Z", 1},
		{"2026-11-01T12:00:00Z", 1793534400000000},
		{"2026-11-01t12:00:00z", 1793534400000000},
		{"2026-11-01 12:00:00Z", 1793534400000000},
		{"2026-11-01T13:00:00+01:00", 1793534400000000},
		{"2026-11-01T17:45:00+05:45", 1793534400000000},
		{"2026-10-31T20:30:00-15:30", 1793534400000000},
		{"2026-11-01T12:00:00-00:00", 1793534400000000},
		{"2026-11-01T12:00:00.5Z", 1793534400500000},
		{"2026-11-01T12:00:00.123456Z", 1793534400123456},
		{"2026-11-01T12:00:00.123456999Z", 1793534400123456},
		{"2024-02-29T00:00:00Z", 1709164800000000},
		{"2038-01-19T03:14:08Z", 2147483648000000},
		{"2016-12-31T23:59:60Z", 1483228800000000},
		{"2016-12-31T23:59:60.25Z", 1483228800250000},
		{"2017-01-01T00:59:60+01:00", 1483228800000000},
		{"9999-12-31T23:59:59.999999999Z", 253402300799999999},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t at = -1;
		int err = attrib_time_parse(attrib_str_of(cases[i].text), &at);
		if (err || at != cases[i].at)
			fail_msg("%s: %d, %lld", cases[i].text, err, (long long)at);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const cases[] = {"", "2026", "2026-11-01", "2026-11-01T12:00:00",
		"2026-11-01T12:00Z", "2026-11-01T12:00:00+01", "2026-11-01T12:00:00+0100",
		"2026-11-01T12:00:00+1:00", "2026-11-01T12:00:00.Z", "2026-11-01T12:00:00,5Z",
		"2026-11-01T12:00:00.1234567890Z", "2026-13-01T12:00:00Z", "2026-00-01T12:00:00Z",
		"2026-02-29T12:00:00Z", "2100-02-29T12:00:00Z", "2026-04-31T12:00:00Z",
		"2026-11-00T12:00:00Z", "2026-11-01T24:00:00Z", "2026-11-01T12:60:00Z",
		"2026-11-01T12:00:61Z", "2026-11-01T12:00:60Z", "2026-11-01T23:59:60+01:00",
		"2026-11-01T12:00:00+24:00", "2026-11-01T12:00:00+01:60", " 2026-11-01T12:00:00Z",
		"2026-11-01T12:00:00Z ", "2026-11-01T12:00:00Zjunk", "+026-11-01T12:00:00Z",
		"2026-1-01T12:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01", "10000-01-01T00:00:00Z", "2026-11-01X12:00:00Z",
		"2026-11-01T12.00.00Z", "2026/11/01T12:00:00Z", "2026-11-01T-1:00:00Z", "now"};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t at = 77;
		int err = attrib_time_parse(attrib_str_of(cases[i]), &at);
		if (err != ATTRIB_E_BAD_TIME || at != 77)
			fail_msg("%s was taken", cases[i]);
	}
}

/* Every byte replaced by every other one: the result is an error or reads back as a valid time. */
static void damaged_times_never_confuse(void **state)
{
	const char *const good = "2026-11-01T12:34:56.789+01:30";
	char text[40], back[32];

	(void)state;
	for (size_t i = 0; i < strlen(good); i++) {
		for (int byte = 0; byte < 256; byte++) {
			int64_t at, again;
			strcpy(text, good);
			text[i] = (char)byte;
			if (attrib_time_parse((struct attrib_str){text, strlen(good)}, &at))
				continue;
			attrib_time_format(at, back);
			assert_int_equal(attrib_time_parse(attrib_str_of(back), &again), 0);
			assert_true(at == again);
		}
	}
}

static void formats_equal_libc(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		int64_t at = (int64_t)(test_random() % 253402300800000000u), back;
		time_t seconds = (time_t)(at / ATTRIB_US_PER_S);
		char ours[32], theirs[48], whole[32];
		struct tm tm;

		gmtime_r(&seconds, &tm);
		strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(theirs, sizeof theirs, "%s.%06dZ", whole, (int)(at % ATTRIB_US_PER_S));
		assert_int_equal(attrib_time_format(at, ours), 27);
		assert_string_equal(ours, theirs);
		assert_int_equal(attrib_time_parse(attrib_str_of(ours), &back), 0);
		assert_true(back == at);
	}
}

static void formats_stay_in_their_room(void **state)
{
	char out[32];

	(void)state;
	assert_int_equal(attrib_time_format(ATTRIB_NEVER, out), 27);
	assert_string_equal(out, "0001-01-01T00:00:00.000000Z");
	assert_int_equal(attrib_time_format(ATTRIB_FOREVER, out), 27);
	assert_string_equal(out, "9999-12-31T23:59:59.999999Z");
	attrib_time_format(-1, out);
	assert_string_equal(out, "1969-12-31T23:59:59.999999Z");
}

static void durations_have_a_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t us; /* -1: refused */
	} cases[] = {
		{"30d", 30 * ATTRIB_US_PER_DAY},
		{"12h", 12 * ATTRIB_US_PER_HOUR},
		{"45m", 45 * ATTRIB_US_PER_MIN},
		{"10s", 10 * ATTRIB_US_PER_S},
		{"250ms", 250000},
		{"0", 0},
		{"0d", 0},
		{"007s", 7 * ATTRIB_US_PER_S},
		{"", -1},
		{"d", -1},
		{"5", -1},
		{"-5s", -1},
		{"+5s", -1},
		{"5 s", -1},
		{" 5s", -1},
		{"5S", -1},
		{"5us", -1},
		{"1.5h", -1},
		{"1h30m", -1},
		{"106751991d", 106751991 * ATTRIB_US_PER_DAY},
		{"106751992d", -1},
		{"99999999999999999999s", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t us = -1;
		int err = attrib_duration_parse(attrib_str_of(cases[i].text), &us);
		if ((err != 0) != (cases[i].us < 0) || us != cases[i].us)
			fail_msg("\"%s\": %d, %lld", cases[i].text, err, (long long)us);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(damaged_times_never_confuse),
		cmocka_unit_test(formats_equal_libc),
		cmocka_unit_test(formats_stay_in_their_room),
		cmocka_unit_test(durations_have_a_unit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
