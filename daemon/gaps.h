/*
 * Does a journal fit what PostgreSQL says of it? A state directory that was restored from a backup
 * lacks records that were flushed since; deciding without them would replace better decisions.
 */
#ifndef ATTRIBD_GAPS_H
#define ATTRIBD_GAPS_H

#include "attrib/journal.h"
#include "attrib/sink.h"

struct attribd_gap {
	struct attrib_position lane; /* the number up to which no record is to be expected */
	uint64_t from, to;           /* what is missing */
	bool flushed;                /* PostgreSQL has them; else nobody has */
};

struct attribd_gaps {
	struct attribd_gap *p; /* owned */
	size_t count;
};

/* Compares; lanes that were given up are no gaps, nor is what a damaged end may have held.
 * ATTRIB_E_NOMEM. */
int attribd_gaps_find(struct attrib_journal *journal, const struct attrib_positions *positions,
	struct attribd_gaps *out) ATTRIB_MUST_CHECK;
void attribd_gaps_done(struct attribd_gaps *gaps);
#define ATTRIBD_GAP_TEXT 192
void attribd_gap_text(const struct attribd_gap *gap, char out[ATTRIBD_GAP_TEXT]);

/* For attrib_postgres_options: logs each gap and says what to do. `arg` is the journal. */
bool attribd_gaps_fits(
	void *arg, const struct attrib_positions *positions, struct attrib_sink_error *error);

#endif
