/*
 * What the files of this room share about a journal: the list of lanes and what may be read by whom.
 *
 * Threads: workers add segments and raise `last`, the engine reads both, the admin listener sums
 * up. `lock` guards the list of lanes and their segments; it is taken once per batch or per new
 * segment, never per record. `last` and `bytes` are atomics.
 */
#ifndef JOURNAL_INTERNAL_H
#define JOURNAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include "attrib/journal.h"
#include "attrib/io.h"

#define JOURNAL_OPEN (-1) /* `ended` of the segment that is being written */

struct journal_part {
	uint64_t first; /* number of its first record, as in its name */
	uint64_t bytes; /* that attrib_journal.bytes has of it */
	int64_t ended; /* journal_ran() when it was known that nothing more will be written to it */
};

struct journal_lane {
	struct attrib_id id;
	bool own; /* opened at this start */
	uint64_t base;
	_Atomic uint64_t first; /* number of the first record that may be there; it only rises */
	_Atomic uint64_t last;  /* highest durable number; first - 1 when there is none */
	uint64_t known; /* of an earlier start: highest number that the directory ever had */
	uint64_t torn;  /* of an earlier start: bytes at its end that are no record */
	uint64_t
		headless; /* ... and first number of its last segment if that has no head; else 0 */
	struct journal_part *parts;        /* owned; its segments, rising; under lock */
	size_t count, cap;                 /* under lock */
	uint64_t released[ATTRIB_HOLDERS]; /* under lock */
};

struct attrib_journal {
	struct attrib_journal_options options; /* dir is NULL: `dir` below is what counts */
	const struct attrib_io *io;            /* borrowed; lanes take it when they open */
	int dir;                               /* owned */
	uint64_t base;
	uint64_t foreign;        /* segments of other instances */
	_Atomic uint64_t bytes;  /* of all segment files */
	int64_t ran_before;      /* what the ledger said of earlier starts */
	int64_t opened_ns;       /* the monotonic clock at the open */
	int64_t ledger_at;       /* trimming thread: journal_ran() of the last ledger written */
	bool unsynced;           /* trimming thread: names are gone, and perhaps not on the disk */
	void (*wake)(void *arg); /* set before the first lane is opened */
	void *wake_arg;
	pthread_mutex_t lock;
	struct journal_lane **lanes; /* owned; pointers stay, the array moves; under lock */
	size_t count, cap;           /* under lock */
	uint32_t *slots;             /* owned; see lanes.c; under lock */
};

/* Like attrib_journal_open with another way to reach files (tests). */
int journal_open(const struct attrib_journal_options *options, const struct attrib_io *io,
	struct attrib_journal **out) ATTRIB_MUST_CHECK;
/* For how long daemons have run on this directory, in microseconds: the clock by which segments grow
 * old. It stands still while none runs, and no step of the wall clock moves it. */
int64_t journal_ran(const struct attrib_journal *journal);
int64_t journal_monotonic_ns(void);
/* Adds an empty lane; the journal owns it. NULL when memory is out. */
struct journal_lane *journal_lane_add(
	struct attrib_journal *journal, const struct attrib_id *id, bool own);
/* During the open, once the list has another order: lanes are found again. */
void journal_lanes_reorder(
	struct attrib_journal *journal, int (*compare)(const void *, const void *));
struct journal_lane *journal_lane_at(struct attrib_journal *journal, uint32_t index);
/* Room for one more segment, so that the add after the file exists cannot fail. */
int journal_lane_room(struct attrib_journal *journal, struct journal_lane *lane) ATTRIB_MUST_CHECK;
/* Adds the segment that begins with `first`: the one before it has ended, with `before` bytes. */
void journal_lane_segment(
	struct attrib_journal *journal, struct journal_lane *lane, uint64_t first, uint64_t before);
/* The segment that holds `number` (or the first one, when all begin above it) and the first number
 * of the one behind it (UINT64_MAX: none). False when the lane has no segment. */
bool journal_lane_find(struct attrib_journal *journal, struct journal_lane *lane, uint64_t number,
	uint64_t *first, uint64_t *next_first);
/* Writes down what the journal knows beside its segments, see ledger.h. */
int journal_write_ledger(struct attrib_journal *journal) ATTRIB_MUST_CHECK;
/* Companion to attrib_lane_open for tests: the io table of one lane; no commit may be running. */
void journal_lane_set_io(struct attrib_lane *lane, const struct attrib_io *io);

#endif
