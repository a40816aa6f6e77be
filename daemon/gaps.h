/*
 * Does a state directory fit what PostgreSQL says of it? One that was restored from a backup lacks
 * records that were flushed since; deciding without them would replace better decisions. A database that
 * was restored may lack records whose segments are deleted; and without a checkpoint so does the state.
 */
#ifndef ATTRIBD_GAPS_H
#define ATTRIBD_GAPS_H

#include "attrib/checkpoint.h"
#include "attrib/journal.h"
#include "attrib/sink.h"

/* What a state directory holds. */
struct attribd_held {
	struct attrib_journal *journal;
	/* owned: the records that every kept checkpoint has, from any of which the state can begin; none
	 * without one */
	struct attrib_position *state;
	size_t state_count;
	bool shared; /* the state is in Redis: what it lacks is told by Redis alone */
};

/* Takes the positions of the checkpoints, and tells the journal what they know of it, before its first lane
 * is opened. ATTRIB_E_NOMEM. */
int attribd_held_take(
	struct attribd_held *held, const struct attrib_checkpoints *checkpoints) ATTRIB_MUST_CHECK;
void attribd_held_done(struct attribd_held *held);

/* Up to which record of a lane the checkpoint has everything; 0 = not at all. */
uint64_t attribd_held_state(const struct attribd_held *held, const struct attrib_id *lane);

enum attribd_gap_kind {
	ATTRIBD_GAP_FLUSHED, /* PostgreSQL has the records, the journal has not */
	ATTRIBD_GAP_LOST,    /* neither has them */
	ATTRIBD_GAP_STATE,   /* PostgreSQL has them, but neither journal nor checkpoint */
};

struct attribd_gap {
	struct attrib_position lane; /* the number up to which no record is to be expected */
	uint64_t from, to;           /* what is missing */
	enum attribd_gap_kind kind;
};

struct attribd_gaps {
	struct attribd_gap *p; /* owned */
	size_t count;
};

/* Compares; at most one gap a lane. Lanes that were given up are no gaps, nor is what a damaged end may
 * have held. ATTRIB_E_NOMEM. */
int attribd_gaps_find(const struct attribd_held *held, const struct attrib_positions *positions,
	struct attribd_gaps *out) ATTRIB_MUST_CHECK;
void attribd_gaps_done(struct attribd_gaps *gaps);
#define ATTRIBD_GAP_TEXT 192
void attribd_gap_text(const struct attribd_gap *gap, char out[ATTRIBD_GAP_TEXT]);

/* For attrib_postgres_options: logs each gap and says what to do. `arg` is a struct attribd_held. */
bool attribd_gaps_fits(
	void *arg, const struct attrib_positions *positions, struct attrib_sink_error *error);

#endif
