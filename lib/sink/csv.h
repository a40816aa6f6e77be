/*
 * A strict reader of RFC 4180: commas (or another delimiter), double quotes, CRLF or LF, an optional byte order mark. One
 * record is in memory at a time.
 */
#ifndef ATTRIB_SINK_CSV_H
#define ATTRIB_SINK_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "attrib/buf.h"
#include "attrib/str.h"

#define CSV_FIELDS_MAX 256
#define CSV_RECORD_MAX ((size_t)1 << 20) /* bytes */

struct csv {
	FILE *in;                                 /* borrowed */
	char delimiter;                           /* ',' unless somebody sets another */
	struct attrib_buf text;                   /* of the record at hand */
	struct attrib_str fields[CSV_FIELDS_MAX]; /* views of text */
	size_t field_count;
	uint64_t line; /* where the record begins, from 1 */
	uint64_t next_line;
	const char *problem; /* "expected ..., got ..." for a bad record */
};

void csv_init(struct csv *csv, FILE *in);
void csv_done(struct csv *csv);
/* Reads the next record, passing over empty lines. False at the end of the file, or with problem set:
 * then the record can't be told apart and reading is over. A read error is ferror(in). */
bool csv_next(struct csv *csv);

/* Appends a field as RFC 4180 wants it: quoted only when it must be. */
void csv_put(struct attrib_buf *out, struct attrib_str field);

#endif
