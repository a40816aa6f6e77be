/*
 * The rule in the footer of a zone file: parsing it, and asking it about an instant.
 */
#include "zone_rule.h"

#include <stddef.h>

#include "civil.h"

/* A run of decimal digits, at most `max`; -1 when there is none. */
static int take_number(const char **p, int max)
{
	int value = 0, digits = 0;

	for (; **p >= '0' && **p <= '9'; ++*p, digits++) {
		value = value * 10 + (**p - '0');
		if (value > max)
			return -1;
	}
	return digits ? value : -1;
}

/* A zone's name: letters, or anything in angle brackets. */
static bool take_name(const char **p)
{
	const char *start = *p;

	if (**p == '<') {
		while (**p && **p != '>')
			++*p;
		return *(*p)++ == '>';
	}
	while ((**p >= 'a' && **p <= 'z') || (**p >= 'A' && **p <= 'Z'))
		++*p;
	return *p - start >= 3;
}

/* "[+-]hh[:mm[:ss]]" in seconds. */
static bool take_time(const char **p, int32_t *out_s)
{
	int sign = **p == '-' ? -1 : 1, unit = 3600;
	int32_t total = 0;

	if (**p == '+' || **p == '-')
		++*p;
	for (int max = 167;; max = 59, ++*p) {
		int value = take_number(p, max);
		if (value < 0)
			return false;
		total += value * unit;
		unit /= 60;
		if (**p != ':' || unit == 0)
			break;
	}
	*out_s = sign * total;
	return true;
}

/* ",M3.5.0/2", ",J60" or ",59/-1". */
static bool take_change(const char **p, struct zone_change *out)
{
	*out = (struct zone_change){.form = DAY_OF_YEAR, .time_s = 2 * 3600};
	if (*(*p)++ != ',')
		return false;
	if (**p == 'M') {
		++*p;
		out->form = WEEKDAY_OF_MONTH;
		out->month = take_number(p, 12);
		if (out->month < 1 || *(*p)++ != '.')
			return false;
		out->week = take_number(p, 5);
		if (out->week < 1 || *(*p)++ != '.')
			return false;
		out->day = take_number(p, 6);
	} else if (**p == 'J') {
		++*p;
		out->form = JULIAN_NO_LEAP;
		out->day = take_number(p, 365);
		if (out->day == 0)
			return false;
	} else {
		out->day = take_number(p, 365);
	}
	if (out->day < 0)
		return false;
	if (**p != '/')
		return true;
	++*p;
	return take_time(p, &out->time_s);
}

/* POSIX counts offsets west of Greenwich; everybody else counts them east. */
bool zone_rule_read(struct zone_rule *rule, const char *p)
{
	rule->present = *p != '\0';
	if (!rule->present)
		return true;
	if (!take_name(&p) || !take_time(&p, &rule->standard_s))
		return false;
	rule->standard_s = -rule->standard_s;
	rule->has_dst = *p != '\0';
	if (!rule->has_dst)
		return true;
	if (!take_name(&p))
		return false;
	rule->daylight_s = rule->standard_s + 3600;
	if (*p != ',') {
		if (!take_time(&p, &rule->daylight_s))
			return false;
		rule->daylight_s = -rule->daylight_s;
	}
	return take_change(&p, &rule->start) && take_change(&p, &rule->end) && *p == '\0';
}

static int64_t change_day(const struct zone_change *change, int64_t year)
{
	int64_t first = civil_to_days(year, change->month ? change->month : 1, 1), weekday, day;

	switch (change->form) {
	case DAY_OF_YEAR:
		return first + change->day;
	case JULIAN_NO_LEAP: /* 1..365, and 29 February does not count */
		return first + change->day - 1 + (civil_is_leap(year) && change->day >= 60);
	case WEEKDAY_OF_MONTH:
		break;
	}
	weekday = first + 4 - civil_floor_div(first + 4, 7) * 7; /* of the 1st; 0 = Sunday */
	day = first + (change->day - weekday + 7) % 7 + 7 * (change->week - 1);
	if (day >= first + civil_month_days(year, change->month))
		day -= 7; /* week 5 is the last one */
	return day;
}

/* The newest change at or before t decides. Changes may lie up to a week beyond their year's ends,
 * so the years around are asked too; of an end and a start at one instant the start counts (that
 * is how the rule spells daylight saving time all year). */
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t t)
{
	int64_t year, newest = INT64_MIN;
	int32_t offset_s = rule->standard_s;
	int month, day;

	if (!rule->has_dst)
		return rule->standard_s;
	civil_from_days(civil_floor_div(t + rule->standard_s, ZONE_DAY_S), &year, &month, &day);
	for (int64_t y = year - 1; y <= year + 1; y++) {
		int64_t start = change_day(&rule->start, y) * ZONE_DAY_S + rule->start.time_s -
				rule->standard_s;
		int64_t end = change_day(&rule->end, y) * ZONE_DAY_S + rule->end.time_s -
			      rule->daylight_s;
		if (end <= t && end > newest) {
			newest = end;
			offset_s = rule->standard_s;
		}
		if (start <= t && start >= newest) {
			newest = start;
			offset_s = rule->daylight_s;
		}
	}
	return offset_s;
}
