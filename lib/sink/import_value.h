/*
 * What a field of an imported file may hold, checked before the database sees it: the database would
 * name neither line nor column.
 */
#ifndef ATTRIB_SINK_IMPORT_VALUE_H
#define ATTRIB_SINK_IMPORT_VALUE_H

#include <stdbool.h>
#include "attrib/buf.h"
#include "attrib/str.h"

enum import_kind {
	IMPORT_TEXT,
	IMPORT_INTEGER, /* 64 bits */
	IMPORT_DECIMAL,
	IMPORT_BOOL,
	IMPORT_DATE,       /* 2026-11-01 */
	IMPORT_LOCAL_TIME, /* 2026-11-01 or 2026-11-01 12:30[:00]; the site's own time, no zone */
	IMPORT_INSTANT,    /* 2026-11-01, or RFC 3339 with its offset */
	IMPORT_DURATION,
	IMPORT_CURRENCY,
	IMPORT_URL,
	IMPORT_OTHER, /* the database knows */
};

/* By the column's name and its type's name in PostgreSQL. */
enum import_kind import_kind_of(const char *column, const char *type);
bool import_value_ok(enum import_kind kind, struct attrib_str value);
/* Completes "expected ...". */
const char *import_expected(enum import_kind kind);

#endif
