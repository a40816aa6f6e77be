/*
 * The POSIX TZ form of a zone ("CET-1CEST,M3.5.0,M10.5.0/3", RFC 8536 section 3.3), private to this
 * room: it says what holds after the last change that a zone file lists.
 */
#ifndef ATTRIB_BASE_ZONE_RULE_H
#define ATTRIB_BASE_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#define ZONE_DAY_S 86400

/* When daylight saving time starts or ends within a year. */
struct zone_change {
	enum { JULIAN_NO_LEAP, DAY_OF_YEAR, WEEKDAY_OF_MONTH } form;
	int month, week, day;
	int32_t time_s; /* local seconds after that day's midnight; may be negative */
};

struct zone_rule {
	bool present, has_dst;
	int32_t standard_s, daylight_s; /* seconds east of UTC */
	struct zone_change start, end;
};

/* Reads a NUL-terminated rule; the empty one is valid and leaves `present` false. */
bool zone_rule_read(struct zone_rule *rule, const char *p);
/* Seconds east of UTC at t seconds since 1970; the rule is present. */
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t t);

#endif
