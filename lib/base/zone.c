/*
 * Time zones from the system's TZif files (RFC 8536), read once and then pure. libc's localtime
 * cannot do this: it knows one zone per process and takes a lock.
 *
 * Instants in the table's range are looked up there; later ones follow the rule in the file's footer
 * (the POSIX TZ form, as in "CET-1CEST,M3.5.0,M10.5.0/3"), so that 2038 is a year like any other.
 */
#include "attrib/time.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "civil.h"
#include "zone_rule.h"

#define ZONE_DIR      "/usr/share/zoneinfo/"
#define ZONE_FILE_MAX (64 * 1024) /* the largest real one has under 4 KiB */
#define ZONE_NAME_MAX 64

struct attrib_zone {
	size_t count;
	int64_t *at_s;         /* owned; ascending instants of change, in seconds */
	int32_t *offset_s;     /* owned; the offset from each of them on */
	int32_t first_s;       /* before the first of them */
	struct zone_rule rule; /* after the last of them */
};

/* ---- the file ---- */

static uint64_t read_be(const uint8_t *p, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | p[i];
	return value;
}

struct header {
	uint32_t isut, isstd, leap, time, type, chars;
};

static bool read_header(const uint8_t *p, size_t n, struct header *out)
{
	if (n < 44 || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
		return false;
	out->isut = (uint32_t)read_be(p + 20, 4);
	out->isstd = (uint32_t)read_be(p + 24, 4);
	out->leap = (uint32_t)read_be(p + 28, 4);
	out->time = (uint32_t)read_be(p + 32, 4);
	out->type = (uint32_t)read_be(p + 36, 4);
	out->chars = (uint32_t)read_be(p + 40, 4);
	return out->type >= 1 && out->type <= 256 && out->time <= ZONE_FILE_MAX &&
	       out->leap <= ZONE_FILE_MAX && out->chars <= ZONE_FILE_MAX &&
	       out->isut <= ZONE_FILE_MAX && out->isstd <= ZONE_FILE_MAX;
}

static size_t block_size(const struct header *h, size_t time_size)
{
	return (time_size + 1) * h->time + 6 * (size_t)h->type + h->chars +
	       (time_size + 4) * h->leap + h->isstd + h->isut;
}

static bool read_table(struct attrib_zone *zone, const uint8_t *p, const struct header *h)
{
	const uint8_t *index = p + 8 * (size_t)h->time, *types = index + h->time;

	zone->count = h->time;
	zone->at_s = calloc(h->time + 1, sizeof *zone->at_s);
	zone->offset_s = calloc(h->time + 1, sizeof *zone->offset_s);
	if (!zone->at_s || !zone->offset_s)
		return false;
	zone->first_s = (int32_t)read_be(types, 4);
	for (size_t i = 0; i < h->time; i++) {
		if (index[i] >= h->type)
			return false;
		zone->at_s[i] = (int64_t)read_be(p + 8 * i, 8);
		zone->offset_s[i] = (int32_t)read_be(types + 6 * (size_t)index[i], 4);
		if (i && zone->at_s[i] <= zone->at_s[i - 1])
			return false;
	}
	return true;
}

/* Files that count leap seconds ("right/...") are refused: our instants do not. The file holds the
 * data twice, first with times of 32 bits; only the second is read. The text after it ends with a
 * newline, which becomes the NUL. */
static bool read_file(struct attrib_zone *zone, uint8_t *p, size_t n)
{
	struct header h;
	size_t skip;

	if (n == 0 || p[n - 1] != '\n' || !read_header(p, n, &h))
		return false;
	p[--n] = '\0';
	skip = 44 + block_size(&h, 4);
	if (skip > n || !read_header(p + skip, n - skip, &h) || h.leap)
		return false;
	p += skip + 44;
	n -= skip + 44;
	skip = block_size(&h, 8);
	if (skip >= n || p[skip] != '\n' || !read_table(zone, p, &h))
		return false;
	return zone_rule_read(&zone->rule, (const char *)p + skip + 1);
}

static bool is_zone_name(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789_+-/");

	return n > 0 && n <= ZONE_NAME_MAX && name[n] == '\0' && name[0] != '/';
}

static bool load_file(struct attrib_zone *zone, const char *name)
{
	char path[sizeof ZONE_DIR + ZONE_NAME_MAX];
	uint8_t *bytes = malloc(ZONE_FILE_MAX);
	bool ok = false;
	FILE *file = NULL;
	size_t n;

	if (!bytes)
		goto out;
	snprintf(path, sizeof path, ZONE_DIR "%s", name);
	file = fopen(path, "rbe");
	if (!file)
		goto out;
	n = fread(bytes, 1, ZONE_FILE_MAX, file);
	ok = !ferror(file) && n < ZONE_FILE_MAX && read_file(zone, bytes, n);
out:
	if (file)
		fclose(file);
	free(bytes);
	return ok;
}

struct attrib_zone *attrib_zone_load(const char *name)
{
	struct attrib_zone *zone = is_zone_name(name) ? calloc(1, sizeof *zone) : NULL;

	if (!zone || strcmp(name, "UTC") == 0 || load_file(zone, name))
		return zone;
	attrib_zone_free(zone);
	return NULL;
}

void attrib_zone_free(struct attrib_zone *zone)
{
	if (!zone)
		return;
	free(zone->at_s);
	free(zone->offset_s);
	free(zone);
}

/* ---- asking ---- */

static int32_t offset_at(const struct attrib_zone *zone, int64_t t)
{
	size_t low = 0, high = zone->count; /* changes before `low` are at or before t */

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (zone->at_s[mid] <= t)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == zone->count && zone->rule.present)
		return zone_rule_offset(&zone->rule, t);
	return low ? zone->offset_s[low - 1] : zone->first_s;
}

int32_t attrib_zone_offset(const struct attrib_zone *zone, int64_t at)
{
	return offset_at(zone, civil_floor_div(at, ATTRIB_US_PER_S));
}

int32_t attrib_zone_day(const struct attrib_zone *zone, int64_t at)
{
	int64_t t = civil_floor_div(at, ATTRIB_US_PER_S);

	return (int32_t)civil_floor_div(t + offset_at(zone, t), ZONE_DAY_S);
}

/* The second at which clocks show this local time. */
static int64_t from_local(const struct attrib_zone *zone, int64_t local)
{
	int32_t before = offset_at(zone, local - ZONE_DAY_S), after;

	if (offset_at(zone, local - before) == before)
		return local - before;
	after = offset_at(zone, local + ZONE_DAY_S);
	return offset_at(zone, local - after) == after ? local - after : local - before;
}

int64_t attrib_zone_add_months(const struct attrib_zone *zone, int64_t at, int months)
{
	int64_t t = civil_floor_div(at, ATTRIB_US_PER_S), local = t + offset_at(zone, t);
	int64_t days = civil_floor_div(local, ZONE_DAY_S), year;
	int month, day;

	civil_from_days(days, &year, &month, &day);
	year += (month - 1 + months) / 12;
	month = (month - 1 + months) % 12 + 1;
	if (day > civil_month_days(year, month))
		day = civil_month_days(year, month);
	local += (civil_to_days(year, month, day) - days) * ZONE_DAY_S;
	return at + (from_local(zone, local) - t) * ATTRIB_US_PER_S;
}
