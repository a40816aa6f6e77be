/*
 * How far each lane of an instance is in the database, and the arrays that a flush names them with.
 */
#ifndef ATTRIB_SINK_PG_POSITIONS_H
#define ATTRIB_SINK_PG_POSITIONS_H

#include "attrib/buf.h"
#include "pg_conn.h"

#define PG_ID_TEXT (2 * 16 + 3)
/* An id as a bytea literal. */
void pg_id(const struct attrib_id *id, char out[PG_ID_TEXT]);

struct pg_positions {
	struct attrib_position *p; /* owned */
	size_t count, given_up;    /* as in attrib_positions */
};
void pg_positions_done(struct pg_positions *positions);
/* Locks the instance's row, if there is one, and reads. The connection is in a transaction. */
int pg_positions_read(PGconn *conn, const struct attrib_id *instance, struct pg_positions *out,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
struct attrib_positions pg_positions_view(const struct pg_positions *positions);
/* 0 for a lane that is not among them. */
uint64_t pg_positions_of(const struct pg_positions *positions, const struct attrib_id *lane);
/* Notes what a batch has confirmed. ATTRIB_E_NOMEM. */
int pg_positions_raise(
	struct pg_positions *positions, const struct attrib_batch_view *batch) ATTRIB_MUST_CHECK;
/* True when each lane of `older` is at least as far in `newer`. */
bool pg_positions_cover(const struct pg_positions *newer, const struct pg_positions *older);

/* A batch's targets as array literals; `from` is where they begin. */
struct pg_targets {
	struct attrib_buf lanes, from, numbers;
};
int pg_targets_init(struct pg_targets *targets, const struct attrib_batch_view *batch,
	const struct pg_positions *from) ATTRIB_MUST_CHECK;
void pg_targets_done(struct pg_targets *targets);

#endif
