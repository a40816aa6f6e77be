/*
 * Another try for what was refused: each unit in a transaction of its own, by the merge that had
 * refused it. What belongs together is known to schema/functions/refused_v1.sql.
 */
#include "attrib/tools.h"

#include <stdlib.h>
#include <string.h>

#include "pg_conn.h"

#define STATEMENT_MS   600000
#define CONFLICT_TRIES 6

static const char units_sql[] =
	"SELECT q.site, attrib.refused_unit(q) FROM attrib.quarantine q"
	" WHERE q.reason = 'refused' AND ($1::text IS NULL OR q.site = $1)"
	" AND ($2::text[] IS NULL OR q.key = ANY ($2) OR q.order_id = ANY ($2))"
	" GROUP BY 1, 2 ORDER BY min(q.seen_at), 1, 2";

static void tell(const struct attrib_retry *retry, const char *site, const PGresult *result)
{
	for (int i = 0; i < PQntuples(result); i++) {
		struct attrib_retry_row row = {site, PQgetvalue(result, i, 0),
			PQgetvalue(result, i, 1), PQgetvalue(result, i, 2),
			PQgetvalue(result, i, 3)};

		retry->row(retry->arg, &row);
	}
}

static int retry_unit(PGconn *conn, const struct attrib_retry *retry, const char *site,
	const char *unit, struct attrib_sink_error *error)
{
	const char *params[] = {site, unit};
	PGresult *result = NULL;
	int err = ATTRIB_E_UNAVAILABLE;

	for (int try = 0; try < CONFLICT_TRIES; try++) {
		err = pg_query(
			conn, "SELECT * FROM attrib.retry_v1($1, $2)", 2, params, &result, error);
		if (!err || !pg_conflict(error))
			break;
	}
	if (err)
		return err;
	tell(retry, site, result);
	PQclear(result);
	return 0;
}

static int retry_units(
	PGconn *conn, const struct attrib_retry *retry, struct attrib_sink_error *error)
{
	PGresult *units = NULL;
	int err = pg_query_retry(conn, units_sql, retry, &units, error);

	if (!err && PQntuples(units) == 0)
		err = ATTRIB_E_NOT_FOUND;
	for (int i = 0; !err && i < PQntuples(units); i++)
		err = retry_unit(
			conn, retry, PQgetvalue(units, i, 0), PQgetvalue(units, i, 1), error);
	PQclear(units);
	return err;
}

int attrib_postgres_retry(const struct attrib_retry *retry, struct attrib_sink_error *error)
{
	static const struct pg_timeouts timeouts = {.statement_ms = STATEMENT_MS};
	PGconn *conn;
	int err;

	*error = (struct attrib_sink_error){0};
	err = pg_connect(retry->conninfo, &timeouts, &conn, error);
	if (err)
		return err;
	err = pg_check_schema(conn, error);
	if (!err)
		err = retry_units(conn, retry, error);
	/* refused again is an outcome; this is about the question */
	if (err == ATTRIB_E_INVALID)
		err = ATTRIB_E_UNAVAILABLE;
	PQfinish(conn);
	return err;
}
