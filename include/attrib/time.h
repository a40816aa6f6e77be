/*
 * Instants are int64_t microseconds since 1970-01-01T00:00:00Z ("..._at"); durations are int64_t
 * microseconds as well and carry their unit in the name ("..._us"). 0 is a valid instant; a missing
 * one is ATTRIB_NEVER. Nothing in the library reads the clock: `now` is an argument.
 */
#ifndef ATTRIB_TIME_H
#define ATTRIB_TIME_H

#include <stdint.h>
#include "attrib/error.h"
#include "attrib/str.h"

#define ATTRIB_NEVER       INT64_MIN
#define ATTRIB_FOREVER     INT64_MAX
#define ATTRIB_US_PER_S    ((int64_t)1000000)
#define ATTRIB_US_PER_MIN  (60 * ATTRIB_US_PER_S)
#define ATTRIB_US_PER_HOUR (60 * ATTRIB_US_PER_MIN)
#define ATTRIB_US_PER_DAY  (24 * ATTRIB_US_PER_HOUR)

/* RFC 3339 with any offset and up to 9 fraction digits (beyond 6 truncated), years 1970..9999;
 * a leap second (23:59:60 UTC) reads as the next second. ATTRIB_E_BAD_TIME. */
int attrib_time_parse(struct attrib_str s, int64_t *out_at) ATTRIB_MUST_CHECK;
/* "2026-11-01T12:00:00.000000Z" (27 bytes and a NUL) into out[32]; returns the length.
 * Instants outside the years 1..9999 (ATTRIB_NEVER ...) read as the nearest end of them. */
int attrib_time_format(int64_t at, char *out);
/* "30d", "12h", "45m", "10s", "250ms", "0"; ATTRIB_E_INVALID. Never negative. */
int attrib_duration_parse(struct attrib_str s, int64_t *out_us) ATTRIB_MUST_CHECK;

/* An IANA time zone, read once (from the system's zone files) and then pure. */
struct attrib_zone;
/* NULL when the name is unknown; the caller owns it. "UTC" always works. */
struct attrib_zone *attrib_zone_load(const char *name);
void attrib_zone_free(struct attrib_zone *zone);
/* Seconds east of UTC at that instant. */
int32_t attrib_zone_offset(const struct attrib_zone *zone, int64_t at);
/* Days since 1970-01-01 of the local calendar day that holds the instant. */
int32_t attrib_zone_day(const struct attrib_zone *zone, int64_t at);
/* The same local time so many (>= 0) calendar months later; where that month has no such day, on its
 * last one. A local time that the zone skips or has twice is read by the offset before the change. */
int64_t attrib_zone_add_months(const struct attrib_zone *zone, int64_t at, int months);

#endif
