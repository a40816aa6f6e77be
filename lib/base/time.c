/*
 * Instants and durations as text. The proleptic Gregorian calendar is computed here instead of by
 * libc: timegm() is not pure (it may read TZ), and tm_year carries no promise beyond 2038 on all
 * platforms.
 */
#include "attrib/time.h"

#include <stdbool.h>

#include "civil.h"

/* Reads exactly `digits` digits of s at *at and moves on; -1 when they are not there. */
static int take_number(struct attrib_str s, size_t *at, int digits)
{
	int value = 0;

	if (s.n - *at < (size_t)digits)
		return -1;
	for (int i = 0; i < digits; i++) {
		char c = s.p[*at + (size_t)i];
		if (c < '0' || c > '9')
			return -1;
		value = value * 10 + (c - '0');
	}
	*at += (size_t)digits;
	return value;
}

static bool take_char(struct attrib_str s, size_t *at, char upper)
{
	if (*at >= s.n || (s.p[*at] != upper && s.p[*at] != (upper | 0x20)))
		return false;
	++*at;
	return true;
}

/* "YYYY-MM-DD" to days; false when there is no such day. */
static bool take_date(struct attrib_str s, size_t *at, int64_t *days)
{
	int year = take_number(s, at, 4), month, day;

	if (year < 1970 || !take_char(s, at, '-'))
		return false;
	month = take_number(s, at, 2);
	if (month < 1 || month > 12 || !take_char(s, at, '-'))
		return false;
	day = take_number(s, at, 2);
	if (day < 1 || day > civil_month_days(year, month))
		return false;
	*days = civil_to_days(year, month, day);
	return true;
}

/* "HH:MM:SS[.fraction]"; second may be 60. */
static bool take_clock(struct attrib_str s, size_t *at, int *second, int64_t *us)
{
	int hour = take_number(s, at, 2), minute, digits = 0;
	int64_t unit = ATTRIB_US_PER_S / 10;

	if (hour < 0 || hour > 23 || !take_char(s, at, ':'))
		return false;
	minute = take_number(s, at, 2);
	if (minute < 0 || minute > 59 || !take_char(s, at, ':'))
		return false;
	*second = take_number(s, at, 2);
	if (*second < 0 || *second > 60)
		return false;
	*us = hour * ATTRIB_US_PER_HOUR + minute * ATTRIB_US_PER_MIN + *second * ATTRIB_US_PER_S;
	if (*at >= s.n || s.p[*at] != '.')
		return true;
	for (++*at; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; ++*at, digits++) {
		*us += (s.p[*at] - '0') * unit;
		unit /= 10;
	}
	return digits >= 1 && digits <= 9;
}

/* "Z" or "+HH:MM" or "-HH:MM" to microseconds east of UTC. */
static bool take_offset(struct attrib_str s, size_t *at, int64_t *east_us)
{
	int hour, minute, sign;

	*east_us = 0;
	if (take_char(s, at, 'Z'))
		return true;
	if (*at >= s.n || (s.p[*at] != '+' && s.p[*at] != '-'))
		return false;
	sign = s.p[(*at)++] == '-' ? -1 : 1;
	hour = take_number(s, at, 2);
	if (hour < 0 || hour > 23 || *at >= s.n || s.p[(*at)++] != ':')
		return false;
	minute = take_number(s, at, 2);
	if (minute < 0 || minute > 59)
		return false;
	*east_us = sign * (hour * ATTRIB_US_PER_HOUR + minute * ATTRIB_US_PER_MIN);
	return true;
}

/* The last representable instant and the first are given by the range of years; an offset may move
 * a written year out of it. A second 60 is one only where UTC has leap seconds: before midnight. */
int attrib_time_parse(struct attrib_str s, int64_t *out_at)
{
	int64_t days, us, east_us, at_us;
	int second;
	size_t at = 0;

	if (!take_date(s, &at, &days))
		return ATTRIB_E_BAD_TIME;
	if (!take_char(s, &at, 'T') && !take_char(s, &at, ' '))
		return ATTRIB_E_BAD_TIME;
	if (!take_clock(s, &at, &second, &us) || !take_offset(s, &at, &east_us) || at != s.n)
		return ATTRIB_E_BAD_TIME;
	at_us = days * ATTRIB_US_PER_DAY + us - east_us;
	if (at_us < 0 || at_us > CIVIL_LAST_AT)
		return ATTRIB_E_BAD_TIME;
	if (second == 60 && at_us % ATTRIB_US_PER_DAY >= ATTRIB_US_PER_S)
		return ATTRIB_E_BAD_TIME;
	*out_at = at_us;
	return 0;
}

static char *put_number(char *out, int64_t value, int digits)
{
	for (int i = digits - 1; i >= 0; i--, value /= 10)
		out[i] = (char)('0' + value % 10);
	return out + digits;
}

/* Four digits of a year are all there is room for: what lies outside reads as the nearest end. */
int attrib_time_format(int64_t at, char *out)
{
	int64_t us, year;
	int month, day;
	char *p = out;

	at = at < CIVIL_FIRST_AT ? CIVIL_FIRST_AT : at > CIVIL_LAST_AT ? CIVIL_LAST_AT : at;
	civil_from_days(civil_floor_div(at, ATTRIB_US_PER_DAY), &year, &month, &day);
	us = at - civil_floor_div(at, ATTRIB_US_PER_DAY) * ATTRIB_US_PER_DAY;
	p = put_number(p, year, 4);
	*p++ = '-';
	p = put_number(p, month, 2);
	*p++ = '-';
	p = put_number(p, day, 2);
	*p++ = 'T';
	p = put_number(p, us / ATTRIB_US_PER_HOUR, 2);
	*p++ = ':';
	p = put_number(p, us / ATTRIB_US_PER_MIN % 60, 2);
	*p++ = ':';
	p = put_number(p, us / ATTRIB_US_PER_S % 60, 2);
	*p++ = '.';
	p = put_number(p, us % ATTRIB_US_PER_S, 6);
	*p++ = 'Z';
	*p = '\0';
	return (int)(p - out);
}

static const struct {
	struct attrib_str suffix;
	int64_t us;
} units[] = {
	{ATTRIB_STR("d"), ATTRIB_US_PER_DAY},
	{ATTRIB_STR("h"), ATTRIB_US_PER_HOUR},
	{ATTRIB_STR("m"), ATTRIB_US_PER_MIN},
	{ATTRIB_STR("s"), ATTRIB_US_PER_S},
	{ATTRIB_STR("ms"), ATTRIB_US_PER_S / 1000},
};

int attrib_duration_parse(struct attrib_str s, int64_t *out_us)
{
	struct attrib_str suffix;
	int64_t value = 0;
	size_t digits = 0;

	for (; digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9'; digits++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, s.p[digits] - '0', &value))
			return ATTRIB_E_INVALID;
	}
	if (digits == 0)
		return ATTRIB_E_INVALID;
	suffix = (struct attrib_str){s.p + digits, s.n - digits};
	if (suffix.n == 0 && value == 0) {
		*out_us = 0;
		return 0;
	}
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (!attrib_str_eq(suffix, units[i].suffix))
			continue;
		if (__builtin_mul_overflow(value, units[i].us, &value))
			return ATTRIB_E_INVALID;
		*out_us = value;
		return 0;
	}
	return ATTRIB_E_INVALID;
}
