/*
 * Values as exports of social networks write them: numbers with marks of thousands and decimals after
 * several customs, percents, days in several orders. What can be read in two ways is refused.
 */
#ifndef ATTRIB_SINK_PRESET_VALUE_H
#define ATTRIB_SINK_PRESET_VALUE_H

#include <stdbool.h>
#include "attrib/arena.h"
#include "attrib/str.h"

enum preset_kind {
	PRESET_TEXT,
	PRESET_COUNT,         /* 12400; "12,400" "12.400" "12 400" "12400.00" */
	PRESET_SECONDS,       /* a decimal; "1,234.5" "12,5" */
	PRESET_HOURS,         /* the same; becomes seconds */
	PRESET_MONEY,         /* a decimal; "1,234.50" "1.234,50" */
	PRESET_RATE_OF_VIEWS, /* "31%" or 0.31; becomes a fraction */
	PRESET_DAY, /* 2026-11-01, 11/01/2026, 01.11.2026, Nov 1, 2026, with or without a time */
};

/* *out is the value as attribd import takes it, in the arena; empty for what says that there is none (nothing,
 * -, N/A, Lifetime). False: it can't be read, or in two ways. */
bool preset_value(struct attrib_arena *arena, enum preset_kind kind, struct attrib_str value,
	struct attrib_str *out);
/* Completes "expected ...". */
const char *preset_expected(enum preset_kind kind);

#endif
