/*
 * One connection for one command: opened, used, closed. Failures are put into words once, here.
 */
#ifndef ATTRIB_SINK_PG_SESSION_H
#define ATTRIB_SINK_PG_SESSION_H

#include <libpq-fe.h>
#include "attrib/sink.h"

/* NULL with *error set (ATTRIB_E_UNAVAILABLE). The session speaks UTF-8 and ISO dates, and its search
 * path is pg_catalog only. */
PGconn *pg_session_open(const char *conninfo, struct attrib_sink_error *error);
/* Runs one statement with text parameters. NULL with *error set when it failed. */
PGresult *pg_session_run(PGconn *conn, const char *sql, int n, const char *const *params,
	struct attrib_sink_error *error);
/* The same for statements whose rows nobody wants: 0, or pg_session_code(). */
int pg_session_do(PGconn *conn, const char *sql, struct attrib_sink_error *error);
/* Fills *error from a failed result, or from the connection when there is none. */
void pg_session_fail(PGconn *conn, const PGresult *result, struct attrib_sink_error *error);
/* ATTRIB_E_UNAVAILABLE, or ATTRIB_E_SCHEMA when the statement met a schema that it does not know. */
int pg_session_code(const struct attrib_sink_error *error);

#endif
