/*
 * How far each stage has come, on the scale of attrib_journal_committed. Each number has one writer;
 * any thread reads. Readers take flushed before applied before committed, so that a stage never seems
 * ahead of the one before it.
 *
 * A change of the catalog makes work without a record: it is counted in catalog_wanted when it is
 * noticed, and in catalog_settled when its last new decision is in the sink.
 */
#ifndef ATTRIBD_PROGRESS_H
#define ATTRIBD_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "attrib/journal.h"

struct attribd_progress {
	_Atomic uint64_t applied;        /* engine thread */
	_Atomic uint64_t flushed;        /* flush thread */
	_Atomic uint64_t catalog_wanted; /* catalog thread */
	_Atomic uint64_t
		catalog_settled;   /* flush thread, or engine thread when nothing had to be done */
	_Atomic int64_t oldest_at; /* received_at of the oldest record in a batch; 0 = none */
	_Atomic int64_t behind_at; /* since when there is something unflushed; 0 = nothing */
	_Atomic uint64_t damaged;  /* stretches of the journal that could not be read */
	_Atomic uint64_t bad_records; /* records that the engine could not use */
	_Atomic uint64_t refused;     /* facts that the sink set aside, such as a refund in another
					 currency: they wait in attrib.quarantine */
	_Atomic uint64_t replayed, to_replay; /* engine thread: records that rebuild the state */
	atomic_bool attached;                 /* the sink has told its positions */
	atomic_bool state_away;               /* the state is in Redis, which does not answer */
	atomic_uint failed_lanes;             /* lanes that a failed write or sync closed */
	/* set before threads run; what was told before this start, see told.h */
	uint64_t applied_floor;
	uint64_t flushed_floor; /* until `attached`: then the sink knows better */
};

struct attribd_progress_view {
	uint64_t committed, applied, flushed, quarantined;
	int64_t lag_us;
};

/* The greater of a count and what was told of it, but never more than there is. */
static inline uint64_t attribd_progress_floor(uint64_t count, uint64_t told, uint64_t committed)
{
	return told <= count ? count : told < committed ? told : committed;
}

static inline struct attribd_progress_view attribd_progress_read(
	struct attribd_progress *progress, struct attrib_journal *journal, int64_t now)
{
	struct attribd_progress_view view;
	uint64_t settled = atomic_load(&progress->catalog_settled);
	int64_t since = atomic_load(&progress->oldest_at);

	view.flushed = atomic_load(&progress->flushed);
	view.applied = atomic_load(&progress->applied);
	view.committed = attrib_journal_committed(journal);
	view.applied =
		attribd_progress_floor(view.applied, progress->applied_floor, view.committed);
	if (!atomic_load(&progress->attached))
		view.flushed = attribd_progress_floor(
			view.flushed, progress->flushed_floor, view.committed);
	view.quarantined = atomic_load(&progress->damaged) + atomic_load(&progress->bad_records) +
			   atomic_load(&progress->refused);
	/* everything is in, but not as the present catalog has it: not quiet yet */
	if (settled != atomic_load(&progress->catalog_wanted) && view.flushed == view.committed &&
		view.flushed > 0)
		view.flushed--;
	if (since == 0)
		since = atomic_load(&progress->behind_at);
	view.lag_us = view.flushed < view.committed && since && since < now ? now - since : 0;
	return view;
}

#endif
