/*
 * An open lane from the inside: what lane.c (the worker's side), commit.c (records to the disk) and
 * companion.c (the thread that can wait for it) share.
 *
 * The worker appends to one buffer while a commit carries the other one to the disk. A commit runs
 * either in the worker (in place) or in the companion; whoever runs it owns the full buffer and the
 * segment, and `wanted` says who that is: not 0 = the companion.
 */
#ifndef JOURNAL_LANE_H
#define JOURNAL_LANE_H

#include "attrib/buf.h"
#include "internal.h"
#include "segment.h"

#define FAST_SYNC_NS 200000  /* commits below this are worth waiting for */
#define WAIT_SYNC_NS 1000000 /* ... but no longer than this: any disk may hang */

enum { WANT_COMMIT = 1, WANT_FILL = 2, WANT_STOP = 4 };

struct attrib_lane {
	struct attrib_journal *journal; /* borrowed */
	const struct attrib_io *io;     /* borrowed */
	struct journal_lane *shared;    /* owned by the journal: what other threads see */
	int64_t opened_at;
	int64_t opened_ns; /* the monotonic clock at that moment */

	/* the worker's own */
	enum attrib_lane_sync mode;
	uint64_t appended;
	struct attrib_buf *filling; /* one of buffers */
	bool full;                  /* the last commit found no space */
	int event;                  /* owned; eventfd */

	/* of whoever commits */
	struct attrib_buf *writing; /* the other one */
	uint64_t writing_first;     /* number of its first record */
	struct journal_segment segment;
	uint64_t counted;  /* bytes of segment that journal->bytes has */
	int64_t commit_ns; /* moving average of what commits took */

	_Atomic bool failed;
	_Atomic uint64_t slack; /* reserved bytes of the segment that hold no record yet */

	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	unsigned wanted; /* under lock; bits stay until the work is done */
	bool awaited;    /* under lock; the worker waits and needs no eventfd */
	bool finished;   /* under lock; a commit of the companion that was not reaped */
	int outcome;     /* under lock; its result */
	pthread_t companion;
	struct attrib_buf buffers[2]; /* owned */
};

/* -- commit.c: for whoever owns the segment ---------------------------------------------------- */

/* Makes the segment that begins with record `first`, with room for `need` bytes, and leaves the one
 * before. */
int journal_commit_rotate(struct attrib_lane *lane, uint64_t first, size_t need) ATTRIB_MUST_CHECK;
/* True when n more bytes need no other segment. */
bool journal_commit_fits(const struct attrib_lane *lane, size_t n);
/* Carries the full buffer to the disk and publishes how far the lane goes now. */
int journal_commit_run(struct attrib_lane *lane) ATTRIB_MUST_CHECK;
/* True when more zeros should be written ahead of the records; fill writes and syncs them. */
bool journal_commit_low(const struct attrib_lane *lane);
int journal_commit_fill(struct attrib_lane *lane) ATTRIB_MUST_CHECK;
/* Writes zeros although the disk was full a moment ago: 0 when there is space again. */
int journal_commit_probe(struct attrib_lane *lane) ATTRIB_MUST_CHECK;
/* Publishes how large the segment is now. */
void journal_commit_account(struct attrib_lane *lane);
void journal_wake(const struct attrib_lane *lane);

/* -- companion.c: for the worker --------------------------------------------------------------- */

int journal_companion_start(struct attrib_lane *lane) ATTRIB_MUST_CHECK;
void journal_companion_stop(struct attrib_lane *lane);
void journal_companion_want(struct attrib_lane *lane, unsigned what);
/* Wants a commit and waits for it, but not for longer. True: it is done, and its outcome is there. False:
 * the eventfd will tell. */
bool journal_companion_commit(struct attrib_lane *lane, int64_t at_most_ns);
void journal_companion_wait(struct attrib_lane *lane);
bool journal_companion_idle(struct attrib_lane *lane);

#endif
