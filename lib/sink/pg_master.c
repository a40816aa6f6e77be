/* See pg_master.h. */
#include "pg_master.h"

#include <stdio.h>

#include "pg_positions.h"

int pg_master_meet(PGconn *conn, const struct attrib_id *instance,
	const struct attrib_master *master, struct attrib_sink_error *error)
{
	char id[PG_ID_TEXT], state[PG_ID_TEXT];
	const char *params[] = {id, state, master->id, master->former[0] ? master->former : NULL};
	PGresult *result = NULL;
	int err;

	pg_id(instance, id);
	pg_id(&master->state, state);
	err = pg_query(conn, "SELECT attrib.meet_master_v1($1::bytea, $2::bytea, $3, $4)", 4,
		params, &result, error);
	if (err)
		return err;
	if (!PQgetisnull(result, 0, 0)) {
		pg_say(error, "what decides is master %s", PQgetvalue(result, 0, 0));
		err = ATTRIB_E_SUPERSEDED;
	}
	PQclear(result);
	return err;
}

int pg_master_take(PGconn *conn, const struct attrib_id *instance,
	const struct attrib_master *master, char former[ATTRIB_MASTER_ID + 1],
	struct attrib_sink_error *error)
{
	char id[PG_ID_TEXT], state[PG_ID_TEXT];
	const char *params[] = {id, state, master->id};
	PGresult *result = NULL;
	int err;

	pg_id(instance, id);
	pg_id(&master->state, state);
	err = pg_query(conn, "SELECT attrib.take_master_v1($1::bytea, $2::bytea, $3)", 3, params,
		&result, error);
	if (err)
		return err;
	snprintf(former, ATTRIB_MASTER_ID + 1, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return 0;
}
