/*
 * Rows for COPY ... FROM STDIN in text form. Errors are kept inside until pg_copy_end, so that
 * writers of rows need not look.
 */
#ifndef ATTRIB_SINK_PG_COPY_H
#define ATTRIB_SINK_PG_COPY_H

#include "attrib/buf.h"
#include "pg_conn.h"

struct pg_copy {
	PGconn *conn; /* NULL = rows stay in buf */
	struct attrib_buf buf;
	bool in_row; /* a column was written: the next one needs a tab */
	bool failed; /* the connection took no more */
};

int pg_copy_begin(struct pg_copy *copy, PGconn *conn, const char *table,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* Rows are only kept in copy->buf, as COPY would read them; the caller frees it. */
void pg_copy_capture(struct pg_copy *copy);
void pg_copy_text(struct pg_copy *copy, struct attrib_str s);
void pg_copy_text_or_null(struct pg_copy *copy, struct attrib_str s); /* empty = NULL */
void pg_copy_int(struct pg_copy *copy, int64_t value);
void pg_copy_bool(struct pg_copy *copy, bool value);
void pg_copy_time(struct pg_copy *copy, int64_t at); /* NEVER and FOREVER = NULL */
void pg_copy_id(struct pg_copy *copy, const struct attrib_id *id);
void pg_copy_ints(struct pg_copy *copy, const int64_t *values, size_t n); /* an array */
void pg_copy_null(struct pg_copy *copy);
void pg_copy_row(struct pg_copy *copy); /* ends the row */
/* Ends the COPY: its errors surface here at the latest. */
int pg_copy_end(struct pg_copy *copy, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

#endif
