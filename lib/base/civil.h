/*
 * The proleptic Gregorian calendar as arithmetic on days since 1970-01-01, private to this room.
 * Years are counted from March inside, so that the leap day is the last day of a year, and in eras
 * of 400 years (146,097 days), so that every division has a non-negative operand.
 */
#ifndef ATTRIB_BASE_CIVIL_H
#define ATTRIB_BASE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#define CIVIL_FIRST_AT INT64_C(-62135596800000000) /* 0001-01-01T00:00:00Z */
#define CIVIL_LAST_AT  INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */

static inline int64_t civil_floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static inline bool civil_is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline int civil_month_days(int64_t year, int month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && civil_is_leap(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01 of a date with month 1..12. */
static inline int64_t civil_to_days(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = civil_floor_div(y, 400);
	int64_t in_era = y - era * 400, from_march = month > 2 ? month - 3 : month + 9;
	int64_t in_year = (153 * from_march + 2) / 5 + day - 1;

	return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static inline void civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t z = days + 719468, era = civil_floor_div(z, 146097), in_era = z - era * 146097;
	int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
	int from_march = (int)((5 * in_year + 2) / 153);

	*day = (int)(in_year - (153 * from_march + 2) / 5) + 1;
	*month = from_march < 10 ? from_march + 3 : from_march - 9;
	*year = y + era * 400 + (*month <= 2);
}

#endif
