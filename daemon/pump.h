/*
 * The engine thread: reads committed records of all lanes, applies them in groups, and hands sealed
 * batches to the flush thread. While that one is busy the other batch fills up to a bound; then
 * reading stops, and the journal is the queue.
 *
 * It begins when the sink has told what it holds: records up to there are applied silently, which
 * builds the state, and everything behind them is applied and emitted by the same code that takes
 * live records.
 */
#ifndef ATTRIBD_PUMP_H
#define ATTRIBD_PUMP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "attrib/engine.h"
#include "attrib/journal.h"
#include "attrib/state.h"
#include "attrib/state_redis.h"
#include "bell.h"
#include "checkpoint.h"
#include "flush.h"
#include "gaps.h"
#include "progress.h"
#include "snapshot.h"

#define ATTRIBD_GROUP 512 /* records applied at once */

struct attribd_pump_lane {
	struct attrib_id id;
	uint64_t after; /* applied up to this number */
	uint64_t ends;  /* last record of a lane of an earlier start; 0 = it still grows */
	uint64_t state; /* the state was loaded with everything up to this number */
	int64_t received_at; /* of the last applied record, or the first to be; 0 = not known. Of a state in Redis */
	uint64_t forgotten; /* what had been applied when something was last forgotten */
};

/* The checkpoint that is being made. */
struct attribd_pump_copy {
	enum {
		ATTRIBD_COPY_NONE,
		ATTRIBD_COPY_STEPS,  /* the state is being copied */
		ATTRIBD_COPY_WRITING /* the copy is complete, or given up; the other thread has it */
	} phase;
	struct attrib_dump dump;
	struct attrib_buf *block;   /* of the writing thread; being filled */
	int64_t due_at;             /* monotonic: of the next one */
	int64_t began_at;           /* monotonic, as the next two */
	int64_t busy_at, rested_at; /* the last record; before when no step while they come */
	int64_t longest_us;         /* of its steps */
	uint64_t records;           /* applied when it began */
	uint64_t upto;              /* applied when it ended: nothing later is in it */
	uint64_t saved;             /* applied when the last good one began */
};

/* What a state in Redis waits for. Instants are monotonic where nothing else is said. */
struct attribd_pump_marks {
	/* real: what comes into filling, and what the sink is given, was received then or later */
	int64_t from[2];
	int64_t own;        /* real: as it was last said; 0 = not yet */
	bool late;          /* facts that records of it want may be gone: nobody waited */
	uint64_t decisions; /* made when that was last looked at */
	bool walking;
	int64_t walk_at;                       /* no walk begins earlier */
	int64_t rested_at;                     /* no page is walked earlier while records come */
	int64_t warned_at, late_at, failed_at; /* of the last warning of each kind; 0 = none */
};

struct attribd_pump {
	pthread_t thread;
	bool started;
	struct attribd_bell
		bell; /* rung by commits, the flush thread, a new catalog and the stop */
	atomic_bool stop;

	/* borrowed */
	struct attrib_journal *journal;
	struct attribd_flush *flush;
	struct attribd_snapshots *snapshots;
	struct attribd_progress *progress;
	struct attribd_checkpoint *checkpoint; /* NULL = none is read or made */
	const struct attribd_held *held;       /* what the start was allowed with */

	struct attrib_memory_options memory; /* of the state */
	_Atomic int fatal;                   /* the daemon has to end, as of the flush thread */
	_Atomic int64_t stop_at;             /* monotonic: when the stop was asked for */

	/* own thread */
	struct attribd_pump_copy copy;
	bool loaded; /* the state began with a checkpoint */
	bool anew; /* what was applied and is not in the sink has to be applied again: begin again */
	bool again;                  /* it has begun before */
	struct attrib_master master; /* that decides; none = the memory does */
	uint64_t ticket;             /* the greatest of the state before; 0 = none */
	uint64_t unsure; /* decisions of before that Redis was not known to lack nothing for */
	int away;        /* why the state in Redis does not answer, as it was told; 0 = it does */
	struct attrib_redis_stats redis_counted; /* what the metrics have */
	/* what follows from records that were added again, of which others may have decided without */
	enum {
		ATTRIBD_OWED_NOTHING,
		ATTRIBD_OWED_DECISIONS, /* every order is being decided again */
		ATTRIBD_OWED_FLUSH,     /* filling has the last of it */
		ATTRIBD_OWED_ANSWER     /* the sink has, or is being given, all of it */
	} owed;
	struct attribd_pump_marks marks;
	uint32_t lanes_met;       /* of how many of the lanes Redis has heard */
	int64_t redis_looked_at;  /* monotonic: when it was last asked without records */
	uint64_t redis_sure;      /* decisions made before Redis was last known to lack nothing */
	uint64_t redis_confirmed; /* how often it was, by then */
	struct attrib_keys *keys;
	struct attrib_state *state;
	struct attrib_engine *engine;
	struct attrib_reader *reader;
	struct attribd_snapshot *snapshot;
	struct attrib_arena arena; /* of a look into one record */
	struct attrib_batch *batches[2], *filling;
	bool dirty;               /* filling holds something that the sink does not */
	bool redeciding;          /* the engine still has orders to decide again */
	uint64_t unsettled;       /* catalog change that filling settles; 0 = none */
	int64_t oldest_at[2];     /* received_at of the first record in filling, and at the sink */
	int64_t offered_at;       /* monotonic */
	int64_t forgotten_before; /* ids received before it are forgotten */
	uint64_t refused;         /* facts that the memory limit kept out, as the metrics have it */
	int64_t full_at;          /* monotonic: of the last warning of it; 0 = none */
	uint64_t decided_version; /* what every decision in the sink has seen */
	uint64_t records;         /* applied, on the scale of attrib_journal_committed */
	uint64_t filling_from;    /* records when filling was empty */
	struct attribd_pump_lane *lanes; /* owned; by index of the journal */
	uint32_t lane_count;
	struct attrib_engine_stats counted; /* what the metrics have */
};

/* Makes the bell, which journal and flush thread borrow before the rest can be made. */
int attribd_pump_prepare(struct attribd_pump *pump) ATTRIB_MUST_CHECK;

struct attribd_pump_options {
	struct attrib_journal *journal;
	struct attribd_flush *flush;
	struct attribd_snapshots *snapshots;
	struct attribd_progress *progress;
	struct attribd_checkpoint *checkpoint; /* may be NULL */
	const struct attribd_held *held;
	const uint8_t *secret;
	uint64_t memory_limit; /* bytes; 0 = none */
};
/* `bell` is ready before, see attribd_pump_prepare. */
int attribd_pump_init(
	struct attribd_pump *pump, const struct attribd_pump_options *options) ATTRIB_MUST_CHECK;
int attribd_pump_start(struct attribd_pump *pump) ATTRIB_MUST_CHECK;
/* The lanes are closed: apply what is left, wait until it is in the sink, then end; at once when the
 * flush thread has ended. */
void attribd_pump_stop(struct attribd_pump *pump);
void attribd_pump_join(struct attribd_pump *pump);
void attribd_pump_done(struct attribd_pump *pump);

#endif
