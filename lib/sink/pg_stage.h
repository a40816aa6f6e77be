/*
 * A batch into the staging tables of attrib.stage_v1().
 */
#ifndef ATTRIB_SINK_PG_STAGE_H
#define ATTRIB_SINK_PG_STAGE_H

#include "attrib/batch.h"
#include "pg_conn.h"

int pg_stage_batch(PGconn *conn, const struct attrib_batch_view *batch,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

/* The same rows, table by table, as COPY would read them. 0 or ATTRIB_E_NOMEM. */
typedef void (*pg_stage_take)(void *arg, const char *table, struct attrib_str rows);
int pg_stage_capture(
	const struct attrib_batch_view *batch, pg_stage_take take, void *arg) ATTRIB_MUST_CHECK;

#endif
