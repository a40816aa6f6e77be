/*
 * A list of flat JSON objects as a table of texts: what brings rows by JSON goes the way of CSV from there on.
 */
#ifndef ATTRIB_ROWS_H
#define ATTRIB_ROWS_H

#include <stdint.h>
#include "attrib/arena.h"
#include "attrib/buf.h"
#include "attrib/error.h"
#include "attrib/str.h"

#define ATTRIB_ROWS_NAMES_MAX 256

/* What is wrong with the list itself. */
struct attrib_rows_problem {
	int64_t index;          /* of the object; -1 = of the whole */
	struct attrib_str name; /* of the member, in the arena; or empty */
	const char *message;    /* "expected ..., got ..." */
};
/* Appends CSV (RFC 4180, line feeds) whose columns are the names of all objects, in the order in which they are met; and to
 * *lines the line (uint64_t, from 1) on which each object begins. One object is a list of one; null is an empty field. 64
 * readable bytes follow the text. ATTRIB_E_BAD_JSON; ATTRIB_E_INVALID with *problem; ATTRIB_E_NOMEM. */
int attrib_rows_csv(struct attrib_arena *arena, struct attrib_str json, struct attrib_buf *csv,
	struct attrib_buf *lines, struct attrib_rows_problem *problem) ATTRIB_MUST_CHECK;

#endif
