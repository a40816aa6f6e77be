/*
 * The session that a connection had in the server, and what becomes of it when the connection was
 * given up. The server may not have heard of that: the session holds our row as long as its
 * transaction lasts, and in the middle of a COPY no timeout of the server ends it.
 */
#ifndef ATTRIB_SINK_PG_SESSION_H
#define ATTRIB_SINK_PG_SESSION_H

#include <libpq-fe.h>

#include "attrib/sink.h"

struct pg_session {
	char pid[16];     /* empty = none */
	char started[48]; /* pids come again */
};

/* Who we are in the server; stays empty when it does not say. */
int pg_session_know(
	PGconn *conn, struct pg_session *out, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* Terminates it when it is still in a transaction, and forgets it. What fails here is tried again the
 * next time. */
void pg_session_end(PGconn *conn, struct pg_session *former);

#endif
