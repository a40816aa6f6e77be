/*
 * A batch that was refused for its data, merged without the rows that are at fault.
 */
#ifndef ATTRIB_SINK_PG_ISOLATE_H
#define ATTRIB_SINK_PG_ISOLATE_H

#include "attrib/batch.h"
#include "pg_conn.h"

/* Within the flush's transaction and after begin_v1: merges the batch's rows, but not its positions;
 * *refused rows were set aside in attrib.quarantine. ATTRIB_E_INVALID, with a text for the log: more
 * were refused than can be the rows' own fault. Other errors are the server's. After an error the
 * transaction has to be rolled back. */
int pg_isolate(PGconn *conn, const struct attrib_batch_view *batch, uint64_t *refused,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

#endif
