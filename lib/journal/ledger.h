/*
 * What the names and heads of the segments can't tell, in the file `ledger` beside them: lanes of which
 * no segment is left, how long daemons have run on the directory, and since when each segment has
 * ended. It is replaced as a whole, so a crash leaves the old one or the new one.
 *
 * Nothing in it is needed to read a segment. Without it segments are kept for longer, and a lane that is
 * gone is unknown: whoever compares positions is loud then, not wrong.
 *
 *      0  magic "attribL\n"
 *      8  u32 format version, u32 its complement: a flipped bit is damage, not a newer format
 *     16  instance id (16)
 *     32  i64 time run, microseconds
 *     40  u64 number of lanes that are gone, u64 number of segments that have ended
 *     56  u64 XXH3-64 of the rows, seeded by XXH3-64 of the 56 bytes before
 *     64  rows of 32 bytes: lane id (16), u64, u64; first the lanes, then the segments
 */
#ifndef JOURNAL_LEDGER_H
#define JOURNAL_LEDGER_H

#include <stddef.h>
#include <stdint.h>
#include "attrib/error.h"
#include "attrib/id.h"
#include "attrib/io.h"

#define JOURNAL_LEDGER     "ledger"
#define JOURNAL_LEDGER_NEW "ledger.new" /* an open removes it, as all that a crash left half made */

struct journal_row {
	struct attrib_id lane;
	uint64_t from;  /* gone: its first record ever; ended: first number of the segment */
	uint64_t value; /* gone: the last number that it had; ended: the time run at its end */
};

struct journal_ledger {
	struct attrib_id instance;
	int64_t ran;
	struct journal_row *gone, *ended; /* owned; one allocation, each sorted by lane and from */
	size_t gone_count, ended_count;
};

/* Room for so many rows; the counts are set. ATTRIB_E_NOMEM. */
int journal_ledger_init(struct journal_ledger *ledger, size_t gone, size_t ended) ATTRIB_MUST_CHECK;
void journal_ledger_done(struct journal_ledger *ledger);
/* An absent file reads as an empty ledger of nobody. ATTRIB_E_CORRUPT, ATTRIB_E_VERSION, ATTRIB_E_IO,
 * ATTRIB_E_NOMEM. */
int journal_ledger_read(
	const struct attrib_io *io, int dir, struct journal_ledger *out) ATTRIB_MUST_CHECK;
/* Sorts the rows and replaces the file; it is on the disk when this returns 0. */
int journal_ledger_write(
	const struct attrib_io *io, int dir, struct journal_ledger *ledger) ATTRIB_MUST_CHECK;
/* NULL = there is none. */
const struct journal_row *journal_ledger_ended(
	const struct journal_ledger *ledger, const struct attrib_id *lane, uint64_t first);

#endif
