/* See preset_value.h. */
#include "preset_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import_value.h"

#define NUMBER_MAX       32 /* characters of a number */
#define SECONDS_PER_HOUR 3600

/* -- nothing -------------------------------------------------------------------------------------- */

static bool is_nothing(struct attrib_str value)
{
	static const char *const words[] = {"-", "--", "\xe2\x80\x93", "\xe2\x80\x94", "n/a",
		"null", "lifetime", "gesamte laufzeit",
		("vital\xc3\xad"
		 "cio")};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (attrib_str_ieq(value, attrib_str_of(words[i])))
			return true;
	}
	return value.n == 0;
}

/* -- numbers -------------------------------------------------------------------------------------- */

struct number {
	char text[NUMBER_MAX + 1]; /* sign, digits, marks; nothing else */
	size_t n, commas, points;
	char last;     /* of the marks */
	size_t behind; /* digits behind the last mark */
	size_t before; /* digits before the first mark */
};

/* Blanks and apostrophes part thousands, too, and mean nothing else. */
static size_t gap(const char *p, size_t n)
{
	static const char *const gaps[] = {
		" ", "'", "\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x89", "\xe2\x80\x99"};

	for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
		size_t length = strlen(gaps[i]);
		if (length <= n && memcmp(p, gaps[i], length) == 0)
			return length;
	}
	return 0;
}

static bool scan(struct attrib_str value, struct number *out)
{
	size_t skipped;

	*out = (struct number){0};
	for (size_t i = 0; i < value.n; i += skipped ? skipped : 1) {
		char c = value.p[i];
		skipped = gap(value.p + i, value.n - i);
		if (skipped)
			continue;
		if (out->n == NUMBER_MAX || (c == '-' && out->n))
			return false;
		out->commas += c == ',';
		out->points += c == '.';
		if (c == ',' || c == '.') {
			out->last = c;
			out->behind = 0;
		} else if (c >= '0' && c <= '9') {
			out->behind++;
			out->before += !out->last;
		} else if (c != '-') {
			return false;
		}
		out->text[out->n++] = c;
	}
	return out->before > 0 && (!out->last || out->behind > 0);
}

/* Which mark is that of decimals: ',', '.', 0 = none; -1 = that can't be told. whole: a mark before three
 * digits parts thousands; point: alone, a point is that of decimals. */
static int decimal_mark(const struct number *number, bool whole, bool point)
{
	size_t of_last = number->last == ',' ? number->commas : number->points;

	if (!number->last)
		return 0;
	if (number->commas && number->points)
		return of_last == 1 ? number->last : -1;
	if (of_last > 1)
		return 0;
	if (number->behind != 3 || number->text[number->text[0] == '-'] == '0' ||
		number->before > 3)
		return number->last;
	if (whole)
		return 0;
	return point && number->last == '.' ? '.' : -1;
}

/* Every mark of thousands has three digits behind it. */
static bool thousands_fit(const struct number *number, int mark)
{
	size_t since = 0;
	bool parted = false;

	for (size_t i = number->n; i-- > 0;) {
		char c = number->text[i];
		if (c == ',' || c == '.') {
			if (c != mark && since != 3)
				return false;
			parted |= c != mark;
			since = 0;
		} else if (c != '-') {
			since++;
		}
	}
	return !parted || (since >= 1 && since <= 3);
}

static bool read_number(struct attrib_str value, bool whole, bool point, char out[NUMBER_MAX + 1])
{
	struct number number;
	size_t n = 0;
	int mark;

	if (!scan(value, &number))
		return false;
	mark = decimal_mark(&number, whole, point);
	if (mark < 0 || !thousands_fit(&number, mark))
		return false;
	for (size_t i = 0; i < number.n; i++) {
		char c = number.text[i];
		if (c == ',' || c == '.') {
			if (c != mark)
				continue;
			c = '.';
		}
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

static bool read_count(struct attrib_str value, char out[NUMBER_MAX + 1])
{
	char *fraction;

	if (!read_number(value, true, false, out) || out[0] == '-')
		return false;
	fraction = strchr(out, '.');
	if (fraction && strspn(fraction + 1, "0") != strlen(fraction + 1))
		return false;
	if (fraction)
		*fraction = '\0';
	return true;
}

static bool read_rate(struct attrib_str value, char out[NUMBER_MAX + 1])
{
	bool percent = value.n && value.p[value.n - 1] == '%';
	long double rate;

	value.n -= percent;
	if (!read_number(value, false, true, out))
		return false;
	rate = strtold(out, NULL) / (percent ? 100 : 1);
	if (rate < 0 || rate > 1)
		return false;
	snprintf(out, NUMBER_MAX + 1, "%.6Lf", rate);
	return true;
}

/* -- days ----------------------------------------------------------------------------------------- */

static int month_of(const char *name)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *at;
	char key[4] = {0};

	memcpy(key, name, 3);
	at = strstr(names, key);
	return at && (at - names) % 3 == 0 ? (int)(at - names) / 3 + 1 : 0;
}

/* Whatever follows is a time of that day. */
static bool read_day(struct attrib_str value, char out[NUMBER_MAX + 1])
{
	int year = 0, month = 0, day = 0, end = 0;
	char text[64], name[16];

	if (value.n >= sizeof text)
		return false;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 &&
		sscanf(text, "%2d/%2d/%4d%n", &month, &day, &year, &end) != 3 &&
		sscanf(text, "%2d.%2d.%4d%n", &day, &month, &year, &end) != 3) {
		if (sscanf(text, "%15[A-Za-z]%*[. ]%2d, %4d%n", name, &day, &year, &end) != 3 ||
			strlen(name) < 3)
			return false;
		month = month_of(name);
	}
	if (text[end] && !strchr(" T,", text[end]))
		return false;
	if (year < 1000 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	snprintf(out, NUMBER_MAX + 1, "%04d-%02d-%02d", year, month, day);
	return import_value_ok(IMPORT_DATE, attrib_str_of(out));
}

/* -- all of them ---------------------------------------------------------------------------------- */

static bool read_hours(struct attrib_str value, char out[NUMBER_MAX + 1])
{
	if (!read_number(value, false, true, out))
		return false;
	snprintf(out, NUMBER_MAX + 1, "%.3Lf", strtold(out, NULL) * SECONDS_PER_HOUR);
	return true;
}

bool preset_value(struct attrib_arena *arena, enum preset_kind kind, struct attrib_str value,
	struct attrib_str *out)
{
	char text[NUMBER_MAX + 1];
	bool good = false;

	value = attrib_str_trim(value);
	*out = ATTRIB_STR_NONE;
	if (is_nothing(value))
		return true;
	switch (kind) {
	case PRESET_TEXT:
		*out = value;
		return true;
	case PRESET_COUNT:
		good = read_count(value, text);
		break;
	case PRESET_SECONDS:
		good = read_number(value, false, true, text);
		break;
	case PRESET_HOURS:
		good = read_hours(value, text);
		break;
	case PRESET_MONEY:
		good = read_number(value, false, false, text);
		break;
	case PRESET_RATE_OF_VIEWS:
		good = read_rate(value, text);
		break;
	case PRESET_DAY:
		good = read_day(value, text);
		break;
	}
	if (good)
		*out = attrib_arena_str(arena, attrib_str_of(text));
	return good && out->p;
}

const char *preset_expected(enum preset_kind kind)
{
	switch (kind) {
	case PRESET_TEXT:
		break;
	case PRESET_COUNT:
		return "a whole number such as 12400 or 12,400";
	case PRESET_SECONDS:
	case PRESET_HOURS:
		return "a number such as 230.5";
	case PRESET_MONEY:
		return "an amount such as 1,234.50 or 1.234,50 that can be read in one way";
	case PRESET_RATE_OF_VIEWS:
		return "a share such as 31% or 0.31";
	case PRESET_DAY:
		return "a day such as 2026-11-01, 11/01/2026 or 01.11.2026";
	}
	return "a value";
}
