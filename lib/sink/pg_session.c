/*
 * Connecting and asking, for commands that people run: the daemon's own connections live elsewhere
 * and have to survive outages; here a failure is told and that is that.
 */
#include "pg_session.h"

#include <stdio.h>
#include <string.h>

void pg_session_fail(PGconn *conn, const PGresult *result, struct attrib_sink_error *error)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	if (!text)
		text = PQerrorMessage(conn);
	snprintf(error->sqlstate, sizeof error->sqlstate, "%s", state ? state : "");
	snprintf(error->text, sizeof error->text, "%s", text);
	for (char *p = error->text; *p; p++) {
		if (*p == '\n')
			*p = p[1] ? ' ' : 0;
	}
}

/* By SET and not by connection options, which poolers refuse and which may be the user's own. */
static int prepare(PGconn *conn, struct attrib_sink_error *error)
{
	return pg_session_do(conn,
		"SELECT set_config('search_path', 'pg_catalog', false), "
		"set_config('datestyle', 'ISO, YMD', false), "
		"set_config('client_min_messages', 'warning', false)",
		error);
}

/* What stands before dbname gives way to the connection string. */
PGconn *pg_session_open(const char *conninfo, struct attrib_sink_error *error)
{
	static const char *const names[] = {
		"connect_timeout", "fallback_application_name", "dbname", "client_encoding", NULL};
	const char *const values[] = {"5", "attribd", conninfo, "UTF8", NULL};
	PGconn *conn = PQconnectdbParams(names, values, 1);

	*error = (struct attrib_sink_error){0};
	if (PQstatus(conn) != CONNECTION_OK)
		pg_session_fail(conn, NULL, error);
	else if (prepare(conn, error) == 0)
		return conn;
	PQfinish(conn);
	return NULL;
}

PGresult *pg_session_run(PGconn *conn, const char *sql, int n, const char *const *params,
	struct attrib_sink_error *error)
{
	PGresult *result = PQexecParams(conn, sql, n, NULL, params, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_COPY_IN)
		return result;
	pg_session_fail(conn, result, error);
	PQclear(result);
	return NULL;
}

int pg_session_do(PGconn *conn, const char *sql, struct attrib_sink_error *error)
{
	PGresult *result = pg_session_run(conn, sql, 0, NULL, error);

	PQclear(result);
	return result ? 0 : pg_session_code(error);
}

int pg_session_code(const struct attrib_sink_error *error)
{
	/* undefined function, column, table; invalid schema name */
	static const char *const schema[] = {"42883", "42703", "42P01", "3F000"};

	for (size_t i = 0; i < sizeof schema / sizeof *schema; i++) {
		if (strcmp(error->sqlstate, schema[i]) == 0)
			return ATTRIB_E_SCHEMA;
	}
	return ATTRIB_E_UNAVAILABLE;
}
