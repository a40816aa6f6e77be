/*
 * The thread that writes checkpoints. The engine thread fills blocks with a copy of the state and hands
 * them over; this thread does what may wait for the disk. There are a few blocks and no more: when all are
 * on their way, the engine goes on with its records and comes back later.
 *
 * A checkpoint gets its name when the engine thread says so, which is when PostgreSQL has confirmed all
 * that may be in it. So a copy never holds a claim of a record whose traffic is not counted yet, and a
 * start from an older copy, or from none, counts what this process would have counted.
 */
#ifndef ATTRIBD_CHECKPOINT_H
#define ATTRIBD_CHECKPOINT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "attrib/checkpoint.h"
#include "attrib/journal.h"
#include "bell.h"

#define ATTRIBD_CHECKPOINT_BLOCKS 4

enum attribd_checkpoint_phase {
	ATTRIBD_CHECKPOINT_NONE,    /* nothing is being written */
	ATTRIBD_CHECKPOINT_OPEN,    /* takes blocks */
	ATTRIBD_CHECKPOINT_CLOSING, /* the last one was handed over */
	ATTRIBD_CHECKPOINT_WRITTEN, /* complete and durable, without its name */
	ATTRIBD_CHECKPOINT_NAMING,
	ATTRIBD_CHECKPOINT_DONE,   /* ... the engine thread has not heard of it yet */
	ATTRIBD_CHECKPOINT_FAILED, /* ... nor of this */
};

struct attribd_checkpoint {
	pthread_t thread;
	bool started;
	struct attrib_checkpoints *files; /* owned; this thread's, while it runs */
	struct attrib_journal *journal;   /* borrowed; hears what the kept ones no longer need */
	struct attribd_bell *engine; /* borrowed; rung when a block is free and with each phase */
	struct attrib_buf blocks[ATTRIBD_CHECKPOINT_BLOCKS]; /* whoever they are with */
	int64_t warned_at; /* monotonic: of the last line about a failure; 0 = none */

	_Atomic int64_t made_at; /* wall clock: the newest that has its name; 0 = none */
	_Atomic uint64_t bytes;  /* ... and its size */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under lock */
	enum attribd_checkpoint_phase phase;
	struct attrib_checkpoint_head head; /* of the one that begins; lanes owned */
	unsigned free;                      /* bits of blocks that nobody has */
	unsigned queue[ATTRIBD_CHECKPOINT_BLOCKS], queued;
	bool stop, abandon; /* abandon: what is being written is not wanted any more */
};

/* Opens <state_dir>/checkpoint. What it holds is told to the log. ATTRIB_E_VERSION, ATTRIB_E_IO,
 * ATTRIB_E_NOMEM. */
int attribd_checkpoint_init(struct attribd_checkpoint *checkpoint, const char *state_dir,
	const struct attrib_id *instance, struct attrib_journal *journal,
	struct attribd_bell *engine) ATTRIB_MUST_CHECK;
/* Until then `files` is the caller's: a load at start. */
int attribd_checkpoint_start(struct attribd_checkpoint *checkpoint) ATTRIB_MUST_CHECK;
/* Asks the thread to end: what has no name yet is dropped. The caller joins. */
void attribd_checkpoint_stop(struct attribd_checkpoint *checkpoint);
void attribd_checkpoint_done(struct attribd_checkpoint *checkpoint);

/* -- the engine thread --------------------------------------------------------------------------- */

/* Takes the lanes of the head over. Only in phase NONE. */
void attribd_checkpoint_begin(
	struct attribd_checkpoint *checkpoint, const struct attrib_checkpoint_head *head);
/* An empty block, or NULL: all are on their way. */
struct attrib_buf *attribd_checkpoint_block(struct attribd_checkpoint *checkpoint);
/* last: the end of the dump. */
void attribd_checkpoint_put(
	struct attribd_checkpoint *checkpoint, struct attrib_buf *block, bool last);
/* What was written may have its name. */
void attribd_checkpoint_name(struct attribd_checkpoint *checkpoint);
/* DONE and FAILED turn into NONE by being told. */
enum attribd_checkpoint_phase attribd_checkpoint_look(struct attribd_checkpoint *checkpoint);
/* What is under way is dropped; FAILED follows. `block` (may be NULL) is given back. */
void attribd_checkpoint_abandon(struct attribd_checkpoint *checkpoint, struct attrib_buf *block);

#endif
