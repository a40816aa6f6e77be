/*
 * Statements whose answer somebody waits for, and no longer than he has patience. The server's own
 * statement_timeout is of no use when the server, or something on the way to it, has stopped and
 * keeps the connection open; libpq would wait for ever then, to send as well as to receive.
 */
#ifndef ATTRIB_SINK_PG_WAIT_H
#define ATTRIB_SINK_PG_WAIT_H

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "attrib/error.h"

/* Every later call on this connection gives up after so many milliseconds without a byte; -1 = never. And when
 * *stop becomes true, which is looked at several times a second; NULL = it never does.
 * A connection that was given up is CONNECTION_BAD. ATTRIB_E_NOMEM. */
int pg_wait_init(PGconn *conn, int patience_ms, const atomic_bool *stop) ATTRIB_MUST_CHECK;
/* 0, or after how many milliseconds the connection was given up. */
int pg_wait_gave_up(const PGconn *conn);

/* As PQexec and PQexecParams with texts; of several results the last one, or the first that failed.
 * The caller clears it; NULL as there. */
PGresult *pg_wait_exec(PGconn *conn, const char *sql, int n, const char *const *params);
/* As PQgetResult. */
PGresult *pg_wait_result(PGconn *conn);
/* Sends what PQputCopyData and its like have queued; false when the connection is gone. */
bool pg_wait_sent(PGconn *conn);

#endif
