/*
 * Values with a unit: durations, sizes, counts, the number of workers, the currency, the time zone
 * and which renewals count.
 */
#include "config_table.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "attrib/money.h"

#define WORKERS_AUTO_MAX   64
#define RENEWAL_MONTHS_MAX 120

struct unit {
	const char *suffix;
	int64_t size;
};
static const struct unit time_units[] = {{"d", ATTRIB_US_PER_DAY}, {"h", ATTRIB_US_PER_HOUR},
	{"m", ATTRIB_US_PER_MIN}, {"s", ATTRIB_US_PER_S}, {"ms", 1000}};
static const struct unit size_units[] = {{"T", (int64_t)1 << 40}, {"G", (int64_t)1 << 30},
	{"M", (int64_t)1 << 20}, {"K", (int64_t)1 << 10}};

static void put_units(struct attrib_buf *out, int64_t value, const struct unit *units, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (value && value % units[i].size == 0) {
			attrib_buf_printf(
				out, "%lld%s", (long long)(value / units[i].size), units[i].suffix);
			return;
		}
	}
	attrib_buf_printf(out, "%lld", (long long)value);
}

void config_put_duration(struct attrib_buf *out, int64_t us)
{
	put_units(out, us, time_units, sizeof time_units / sizeof *time_units);
}

/* Digits only, no sign, no blank. */
static int parse_number(struct attrib_str s, int64_t *out)
{
	int64_t value = 0;

	if (s.n == 0)
		return ATTRIB_E_INVALID;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return ATTRIB_E_INVALID;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, s.p[i] - '0', &value))
			return ATTRIB_E_OVERFLOW;
	}
	*out = value;
	return 0;
}

static int64_t *number_at(const struct config_setting *setting, void *record)
{
	return (int64_t *)((char *)record + setting->at);
}

static int64_t number_of(const struct config_setting *setting, const void *record)
{
	return *(const int64_t *)((const char *)record + setting->at);
}

static int store(const struct config_setting *setting, int64_t value, void *record)
{
	if (value < setting->min || value > setting->max)
		return ATTRIB_E_OVERFLOW;
	*number_at(setting, record) = value;
	return 0;
}

/* -- durations, sizes, counts ------------------------------------------------------------------- */

static int parse_duration(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	int64_t us;
	int err = attrib_duration_parse(text, &us);

	(void)arena;
	return err ? err : store(setting, us, record);
}

static void print_duration(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	config_put_duration(out, number_of(setting, record));
}

const struct config_type config_type_duration = {.parse = parse_duration, .print = print_duration};

static int parse_size(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	int64_t value, factor = 1;
	int err;

	(void)arena;
	for (size_t i = 0; text.n && i < sizeof size_units / sizeof *size_units; i++) {
		if (text.p[text.n - 1] == *size_units[i].suffix)
			factor = size_units[i].size;
	}
	text.n -= factor > 1;
	err = parse_number(text, &value);
	if (err)
		return err;
	return __builtin_mul_overflow(value, factor, &value) ? ATTRIB_E_OVERFLOW
							     : store(setting, value, record);
}

static void print_size(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	put_units(out, number_of(setting, record), size_units,
		sizeof size_units / sizeof *size_units);
}

const struct config_type config_type_size = {.parse = parse_size, .print = print_size};

static int parse_count(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	int64_t value;
	int err = parse_number(text, &value);

	(void)arena;
	return err ? err : store(setting, value, record);
}

static void print_count(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	attrib_buf_printf(out, "%lld", (long long)number_of(setting, record));
}

const struct config_type config_type_count = {.parse = parse_count, .print = print_count};

/* The cores that this process may use, which in a container are fewer than the machine has. */
static int auto_workers(void)
{
	cpu_set_t cores;
	int n = 1;

	if (sched_getaffinity(0, sizeof cores, &cores) == 0)
		n = CPU_COUNT(&cores);
	return n > WORKERS_AUTO_MAX ? WORKERS_AUTO_MAX : n;
}

static int parse_workers(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	int *out = (int *)((char *)record + setting->at);
	int64_t value;
	int err;

	(void)arena;
	if (attrib_str_eq(text, ATTRIB_STR("auto"))) {
		*out = auto_workers();
		return 0;
	}
	err = parse_number(text, &value);
	if (err || value < setting->min || value > setting->max)
		return ATTRIB_E_INVALID;
	*out = (int)value;
	return 0;
}

static void print_workers(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	attrib_buf_printf(out, "%d", *(const int *)((const char *)record + setting->at));
}

const struct config_type config_type_workers = {.expected = "auto or a number from 1 to 256",
	.parse = parse_workers,
	.print = print_workers};

/* -- currency, time zone, renewals -------------------------------------------------------------- */

static int parse_currency(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	char *out = (char *)record + setting->at;

	(void)arena;
	if (text.n != 3 || attrib_currency_exponent(text) < 0)
		return ATTRIB_E_BAD_CURRENCY;
	memcpy(out, text.p, text.n);
	out[text.n] = 0;
	return 0;
}

static void print_currency(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	attrib_buf_str(out, attrib_str_of((const char *)record + setting->at));
}

const struct config_type config_type_currency = {
	.expected = "an ISO 4217 currency code such as EUR",
	.parse = parse_currency,
	.print = print_currency};

/* Zones outlive configurations: catalogs borrow them, and a reload must not pull one away. */
struct zone_entry {
	struct attrib_zone *zone;
	char *name;
	struct zone_entry *next;
};

static const struct attrib_zone *zone_for_ever(const char *name)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct zone_entry *known;
	struct zone_entry *entry;
	const struct attrib_zone *zone = NULL;

	pthread_mutex_lock(&lock);
	for (entry = known; entry && strcmp(entry->name, name) != 0; entry = entry->next)
		;
	if (!entry && (entry = calloc(1, sizeof *entry))) {
		entry->name = strdup(name);
		entry->zone = entry->name ? attrib_zone_load(name) : NULL;
		if (entry->zone) {
			entry->next = known;
			known = entry;
		} else {
			free(entry->name);
			free(entry);
			entry = NULL;
		}
	}
	if (entry)
		zone = entry->zone;
	pthread_mutex_unlock(&lock);
	return zone;
}

static int parse_zone(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	struct attrib_site *site = (struct attrib_site *)((char *)record + setting->at);
	struct attrib_str name = attrib_arena_str(arena, text);
	const struct attrib_zone *zone;

	if (!name.p)
		return ATTRIB_E_NOMEM;
	zone = name.n ? zone_for_ever(name.p) : NULL;
	if (!zone)
		return ATTRIB_E_INVALID;
	site->zone = zone;
	site->time_zone = name;
	return 0;
}

static void print_zone(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	attrib_buf_str(
		out, ((const struct attrib_site *)((const char *)record + setting->at))->time_zone);
}

const struct config_type config_type_zone = {.expected = "an IANA time zone such as Europe/Berlin",
	.parse = parse_zone,
	.print = print_zone};

static int parse_renewals(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	struct attrib_policy *policy = (struct attrib_policy *)((char *)record + setting->at);
	struct attrib_str number;
	int64_t months = 0;

	(void)arena;
	if (attrib_str_eq(text, ATTRIB_STR("none"))) {
		policy->renewals = ATTRIB_RENEWALS_NONE;
	} else if (attrib_str_eq(text, ATTRIB_STR("all"))) {
		policy->renewals = ATTRIB_RENEWALS_ALL;
	} else {
		if (!attrib_str_eq(attrib_str_split(text, ':', &number), ATTRIB_STR("months")) ||
			parse_number(number, &months) || months < 1 || months > RENEWAL_MONTHS_MAX)
			return ATTRIB_E_INVALID;
		policy->renewals = ATTRIB_RENEWALS_MONTHS;
	}
	policy->renewal_months = (int)months;
	return 0;
}

static void print_renewals(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	const struct attrib_policy *policy =
		(const struct attrib_policy *)((const char *)record + setting->at);

	switch (policy->renewals) {
	case ATTRIB_RENEWALS_NONE:
		attrib_buf_str(out, ATTRIB_STR("none"));
		break;
	case ATTRIB_RENEWALS_ALL:
		attrib_buf_str(out, ATTRIB_STR("all"));
		break;
	case ATTRIB_RENEWALS_MONTHS:
		attrib_buf_printf(out, "months:%d", policy->renewal_months);
		break;
	}
}

const struct config_type config_type_renewals = {
	.expected = "none, all or months:N with N from 1 to 120",
	.parse = parse_renewals,
	.print = print_renewals};

/* -- what a row expects --------------------------------------------------------------------------*/

static void expected_words(const struct config_setting *setting, struct attrib_buf *out)
{
	const struct config_word *w = setting->words;

	for (; w->text; w++) {
		if (w != setting->words)
			attrib_buf_str(out, w[1].text ? ATTRIB_STR(", ") : ATTRIB_STR(" or "));
		attrib_buf_str(out, attrib_str_of(w->text));
	}
}

static void expected_bounds(const struct config_setting *setting, struct attrib_buf *out)
{
	const struct unit *units = NULL;
	size_t n = 0;

	if (setting->type == &config_type_duration) {
		attrib_buf_str(out, ATTRIB_STR("a duration such as 30d, 12h, 45m, 10s or 250ms"));
		units = time_units;
		n = sizeof time_units / sizeof *time_units;
	} else if (setting->type == &config_type_size) {
		attrib_buf_str(out, ATTRIB_STR("a size such as 64M or 2G"));
		units = size_units;
		n = sizeof size_units / sizeof *size_units;
	} else {
		attrib_buf_str(out, ATTRIB_STR("a number"));
	}
	attrib_buf_str(out, ATTRIB_STR(" from "));
	put_units(out, setting->min, units, n);
	attrib_buf_str(out, ATTRIB_STR(" to "));
	put_units(out, setting->max, units, n);
}

void config_expected(const struct config_setting *setting, struct attrib_buf *out)
{
	if (setting->type->expected)
		attrib_buf_str(out, attrib_str_of(setting->type->expected));
	else if (setting->words)
		expected_words(setting, out);
	else if (setting->type->secret)
		attrib_buf_str(out,
			setting->max == 1 ? ATTRIB_STR("one secret of printable characters")
					  : ATTRIB_STR("one secret, or two separated by a comma"));
	else
		expected_bounds(setting, out);
}
