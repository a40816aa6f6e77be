/*
 * Rows of a report, written as an aligned table for people, as CSV with line feeds (as psql does), or
 * as a JSON array of objects.
 */
#ifndef ATTRIB_SINK_TABLE_H
#define ATTRIB_SINK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include "attrib/arena.h"
#include "attrib/buf.h"
#include "attrib/tools.h"

enum table_kind { TABLE_TEXT, TABLE_NUMBER, TABLE_BOOL };

struct table_column {
	const char *name; /* borrowed until table_done */
	enum table_kind kind;
};

struct table {
	enum attrib_report_format format;
	const struct table_column *columns; /* borrowed until table_done */
	size_t column_count;
	struct attrib_buf out; /* what is written so far; the caller may take it and clear it */
	size_t row_count;
	/* the table for people waits for its last row to know how wide it is */
	struct attrib_arena arena;
	struct table_row *first, **last;
	int err; /* sticky; check after table_end */
};

void table_init(struct table *table, enum attrib_report_format format,
	const struct table_column *columns, size_t column_count);
void table_done(struct table *table);
/* One cell per column; p NULL = NULL. Numbers as the database prints them, bools true or false. */
void table_add(struct table *table, const struct attrib_str *cells);
/* ATTRIB_E_NOMEM */
int table_end(struct table *table) ATTRIB_MUST_CHECK;

#endif
