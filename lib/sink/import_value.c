#include "import_value.h"

#include <stdio.h>

#include "attrib/money.h"
#include "attrib/time.h"

#define DECIMAL_MAX 40 /* characters */

enum import_kind import_kind_of(const char *column, const char *type)
{
	static const struct {
		const char *column, *type; /* NULL = any */
		enum import_kind kind;
	} kinds[] = {
		{"currency", "text", IMPORT_CURRENCY},
		{"base", "text", IMPORT_CURRENCY},
		{"quote", "text", IMPORT_CURRENCY},
		{"destination", "text", IMPORT_URL},
		{NULL, "text", IMPORT_TEXT},
		{NULL, "int8", IMPORT_INTEGER},
		{NULL, "numeric", IMPORT_DECIMAL},
		{NULL, "bool", IMPORT_BOOL},
		{NULL, "date", IMPORT_DATE},
		{NULL, "timestamp", IMPORT_LOCAL_TIME},
		{NULL, "interval", IMPORT_DURATION},
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(type, kinds[i].type) == 0 &&
			(!kinds[i].column || strcmp(column, kinds[i].column) == 0))
			return kinds[i].kind;
	}
	return IMPORT_OTHER;
}

static size_t digits(struct attrib_str s, size_t from)
{
	size_t n = 0;

	while (from + n < s.n && s.p[from + n] >= '0' && s.p[from + n] <= '9')
		n++;
	return n;
}

static bool is_integer(struct attrib_str s)
{
	size_t sign = s.n && s.p[0] == '-', n = digits(s, sign);
	int64_t value = 0;

	if (n == 0 || sign + n != s.n)
		return false;
	for (size_t i = sign; i < s.n; i++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, s.p[i] - '0', &value))
			return false;
	}
	return true;
}

static bool is_decimal(struct attrib_str s)
{
	size_t sign = s.n && s.p[0] == '-', whole = digits(s, sign), at = sign + whole, fraction;

	if (whole == 0 || s.n > DECIMAL_MAX)
		return false;
	if (at == s.n)
		return true;
	fraction = digits(s, at + 1);
	return s.p[at] == '.' && fraction > 0 && at + 1 + fraction == s.n;
}

static bool is_bool(struct attrib_str s)
{
	return attrib_str_ieq(s, ATTRIB_STR("true")) || attrib_str_ieq(s, ATTRIB_STR("false"));
}

/* The library's strict reader of instants knows the calendar: it gets what is missing. */
static bool is_time(struct attrib_str date, struct attrib_str clock)
{
	char text[64];
	int64_t at;
	int n = snprintf(
		text, sizeof text, "%.*sT%.*sZ", (int)date.n, date.p, (int)clock.n, clock.p);

	return n > 0 && (size_t)n < sizeof text &&
	       attrib_time_parse((struct attrib_str){text, (size_t)n}, &at) == 0;
}

static bool is_date(struct attrib_str s)
{
	return s.n == 10 && is_time(s, ATTRIB_STR("00:00:00"));
}

static bool is_local_time(struct attrib_str s)
{
	struct attrib_str date = {s.p, 10}, clock;
	char full[64];

	if (s.n <= 10)
		return is_date(s);
	clock = (struct attrib_str){s.p + 11, s.n - 11};
	if ((s.p[10] != ' ' && s.p[10] != 'T') || clock.n > 15 || clock.n < 5)
		return false;
	snprintf(full, sizeof full, clock.n == 5 ? "%.*s:00" : "%.*s", (int)clock.n, clock.p);
	return is_time(date, attrib_str_of(full)) && strncmp(full + 6, "60", 2) != 0;
}

static bool is_url(struct attrib_str s)
{
	struct attrib_str scheme = {s.p, 7}, secure = {s.p, 8};

	return (s.n > 7 && attrib_str_ieq(scheme, ATTRIB_STR("http://"))) ||
	       (s.n > 8 && attrib_str_ieq(secure, ATTRIB_STR("https://")));
}

bool import_value_ok(enum import_kind kind, struct attrib_str value)
{
	int64_t us, at;

	switch (kind) {
	case IMPORT_TEXT:
	case IMPORT_OTHER:
		return true;
	case IMPORT_INTEGER:
		return is_integer(value);
	case IMPORT_DECIMAL:
		return is_decimal(value);
	case IMPORT_BOOL:
		return is_bool(value);
	case IMPORT_DATE:
		return is_date(value);
	case IMPORT_LOCAL_TIME:
		return is_local_time(value);
	case IMPORT_INSTANT:
		return is_date(value) || attrib_time_parse(value, &at) == 0;
	case IMPORT_DURATION:
		return attrib_duration_parse(value, &us) == 0;
	case IMPORT_CURRENCY:
		return value.n == 3 && attrib_currency_exponent(value) >= 0;
	case IMPORT_URL:
		return is_url(value);
	}
	return false;
}

const char *import_expected(enum import_kind kind)
{
	switch (kind) {
	case IMPORT_TEXT:
	case IMPORT_OTHER:
		return "a value";
	case IMPORT_INTEGER:
		return "a whole number such as 85000";
	case IMPORT_DECIMAL:
		return "a decimal number such as 1500.00";
	case IMPORT_BOOL:
		return "true or false";
	case IMPORT_DATE:
		return "a date such as 2026-11-01";
	case IMPORT_LOCAL_TIME:
		return "a date or a local time such as 2026-11-01 12:30, without zone";
	case IMPORT_INSTANT:
		return "a date such as 2026-11-01 or an instant such as 2026-11-01T12:30:00Z";
	case IMPORT_DURATION:
		return "a duration such as 30d, 12h or 45m";
	case IMPORT_CURRENCY:
		return "an ISO 4217 currency code such as EUR";
	case IMPORT_URL:
		return "an absolute http or https URL";
	}
	return "a value";
}
