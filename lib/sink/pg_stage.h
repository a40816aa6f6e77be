/*
 * A batch into the staging tables of attrib.stage_v1().
 */
#ifndef ATTRIB_SINK_PG_STAGE_H
#define ATTRIB_SINK_PG_STAGE_H

#include "attrib/batch.h"
#include "pg_conn.h"

int pg_stage_batch(PGconn *conn, const struct attrib_batch_view *batch,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

#endif
