/*
 * Which master of a shared state decides: schema/functions/master_v1.sql.
 */
#ifndef ATTRIB_SINK_PG_MASTER_H
#define ATTRIB_SINK_PG_MASTER_H

#include "attrib/master.h"
#include "attrib/sink.h"
#include "pg_conn.h"

/* ATTRIB_E_SUPERSEDED with a text when it is one whose place another has taken. */
int pg_master_meet(PGconn *conn, const struct attrib_id *instance,
	const struct attrib_master *master, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* Makes it the one that decides; `former` is told which one did, "" = no other. */
int pg_master_take(PGconn *conn, const struct attrib_id *instance,
	const struct attrib_master *master, char former[ATTRIB_MASTER_ID + 1],
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

#endif
