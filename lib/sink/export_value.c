/*
 * Forms of values in exports; see export.h.
 */
#include <stdio.h>

#include "export.h"

static bool digits(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
	}
	return true;
}

/* The zone behind date and time as RFC 3339 has it: "", "Z", "UTC", "+0100", "+01:00". */
static int put_zone(char *out, size_t size, struct attrib_str zone)
{
	if (zone.n == 0 || attrib_str_eq(zone, ATTRIB_STR("UTC")))
		return snprintf(out, size, "Z");
	if (zone.n == 5 && (*zone.p == '+' || *zone.p == '-') && digits(zone.p + 1, 4))
		return snprintf(out, size, "%.3s:%.2s", zone.p, zone.p + 3);
	return snprintf(out, size, "%.*s", (int)zone.n, zone.p);
}

/* A local time as if it were UTC to the instant that it is in the zone. */
static int64_t from_local(const struct attrib_zone *zone, int64_t naive)
{
	int64_t at = naive - attrib_zone_offset(zone, naive) * ATTRIB_US_PER_S;

	return naive - attrib_zone_offset(zone, at) * ATTRIB_US_PER_S;
}

/* Where "12:00", "12:00:00" or "12:00:00.25" ends. */
static size_t time_end(struct attrib_str s)
{
	size_t n = 0;

	while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == ':' || s.p[n] == '.'))
		n++;
	return n;
}

bool export_time(struct attrib_str text, const struct attrib_zone *zone, int64_t *out)
{
	struct attrib_str time = {text.p + 11, text.n > 11 ? text.n - 11 : 0};
	size_t end = time_end(time);
	struct attrib_str rest = attrib_str_trim((struct attrib_str){time.p + end, time.n - end});
	char form[80];
	int n;

	if (text.n < 10 || text.n > 60 || (text.n > 10 && text.p[10] != ' ' && text.p[10] != 'T'))
		return false;
	n = snprintf(form, sizeof form, "%.10sT%.*s%s", text.p, (int)end, time.n ? time.p : "",
		time.n == 0 ? "00:00:00"
		: end == 5  ? ":00"
			    : "");
	n += put_zone(form + n, sizeof form - (size_t)n, rest);
	if (attrib_time_parse((struct attrib_str){form, (size_t)n}, out))
		return false;
	if (rest.n == 0 && zone)
		*out = from_local(zone, *out);
	return true;
}

struct attrib_str export_coupon(struct attrib_str text)
{
	static const struct attrib_str mark = ATTRIB_STR("code:");
	struct attrib_str rest;

	if (text.n < mark.n || memcmp(text.p, mark.p, mark.n) != 0)
		return text;
	text = (struct attrib_str){text.p + mark.n, text.n - mark.n};
	return attrib_str_trim(attrib_str_split(text, '|', &rest));
}

void export_notes(
	struct attrib_str notes, struct attrib_str *click_id, struct attrib_str *visitor_id)
{
	while (notes.n) {
		struct attrib_str value, name, line = attrib_str_split(notes, '\n', &notes);
		name = attrib_str_trim(attrib_str_split(line, ':', &value));
		value = attrib_str_trim(value);
		if (attrib_str_eq(name, ATTRIB_STR("attr_click")))
			*click_id = value;
		else if (attrib_str_eq(name, ATTRIB_STR("attr_vid")))
			*visitor_id = value;
	}
}
