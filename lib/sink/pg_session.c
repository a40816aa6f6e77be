/* See pg_session.h. */
#include "pg_session.h"

#include <stdio.h>

#include "pg_conn.h"

int pg_session_know(PGconn *conn, struct pg_session *out, struct attrib_sink_error *error)
{
	PGresult *result = NULL;
	int err = pg_query(conn,
		"SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()", 0,
		NULL, &result, error);

	if (err)
		return err;
	if (PQntuples(result)) {
		snprintf(out->pid, sizeof out->pid, "%s", PQgetvalue(result, 0, 0));
		snprintf(out->started, sizeof out->started, "%s", PQgetvalue(result, 0, 1));
	}
	PQclear(result);
	return 0;
}

void pg_session_end(PGconn *conn, struct pg_session *former)
{
	const char *params[] = {former->pid, former->started};
	struct attrib_sink_error ignored;

	if (former->pid[0] &&
		!pg_run(conn,
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
			"pid = $1::int AND backend_start = $2::timestamptz AND xact_start IS NOT "
			"NULL",
			2, params, &ignored))
		*former = (struct pg_session){0};
}
