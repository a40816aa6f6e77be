/*
 * The flush thread: attaches to the sink, takes a sealed batch, and flushes that same batch until it
 * is confirmed, however long that takes. It holds one batch; the engine fills the other.
 */
#ifndef ATTRIBD_FLUSH_H
#define ATTRIBD_FLUSH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "attrib/batch.h"
#include "attrib/sink.h"
#include "bell.h"
#include "progress.h"

/* A batch on its way: the flush thread owns it from the offer until `busy` falls. Without a batch it is a question:
 * whether that master decides. */
struct attribd_sealed {
	struct attrib_batch *batch;
	struct attrib_master master; /* that has decided it; none = a memory */
	uint64_t catalog_version;
	uint64_t records; /* value of progress->flushed once it is in */
	uint64_t settles; /* value of progress->catalog_settled once it is in; 0 = as it is */
};

enum attribd_attach { ATTRIBD_ATTACH_TRYING, ATTRIBD_ATTACH_FAILED, ATTRIBD_ATTACH_DONE };

struct attribd_flush {
	pthread_t thread;
	bool started;
	struct attrib_sink *sink; /* owned; flush thread only */
	struct attribd_progress *progress;
	struct attribd_bell bell;    /* a batch was offered, or stop */
	struct attribd_bell *engine; /* borrowed; rung when attached and after each batch */
	struct attribd_bell
		*owner; /* borrowed; rung when the first attempt is over, and by `fatal` */
	/* set before the start; flush thread: the database has these positions for good */
	void (*confirmed)(void *arg, const struct attrib_position *positions, size_t n);
	void *confirmed_arg;
	struct attrib_master met; /* flush thread only: the sink has been told of it */
	int64_t backoff_us;       /* flush thread only */
	int told;   /* flush thread only: the error that was logged of this outage; 0 = none */
	bool stuck; /* flush thread only: the batch at hand did not get in yet */

	atomic_bool stop;
	atomic_bool ended;
	atomic_bool up;        /* the last thing that was tried has worked */
	_Atomic int attach;    /* enum attribd_attach */
	_Atomic int fatal;     /* FENCED, SCHEMA, CONFIG: the daemon has to end */
	_Atomic uint64_t base; /* of the first attach: highest record the sink has seen */

	pthread_mutex_t lock;
	bool busy;                    /* under lock */
	bool given_back;              /* under lock: the last offer was not taken */
	struct attribd_sealed sealed; /* under lock; constant while busy */
	struct attrib_sink_attach
		first; /* under lock; of the attach that the engine begins by, positions owned */
};

/* Takes the sink over. */
int attribd_flush_init(struct attribd_flush *flush, struct attrib_sink *sink,
	struct attribd_progress *progress, struct attribd_bell *engine,
	struct attribd_bell *owner) ATTRIB_MUST_CHECK;
int attribd_flush_start(struct attribd_flush *flush) ATTRIB_MUST_CHECK;
/* Ends after the batch at hand, or soon when there is no connection. */
void attribd_flush_stop(struct attribd_flush *flush);
/* True once the thread has left its loop. */
bool attribd_flush_ended(struct attribd_flush *flush);
void attribd_flush_join(struct attribd_flush *flush);
void attribd_flush_done(struct attribd_flush *flush);

/* Engine thread: what the first attach told, or the one behind the last batch that was given back (positions are
 * borrowed until a batch is); false before it. */
bool attribd_flush_attached(struct attribd_flush *flush, struct attrib_sink_attach *out);
bool attribd_flush_busy(struct attribd_flush *flush);
/* Engine thread, when not busy: what was offered last was decided by a master that decides no more, or asked for one.
 * It is not in the sink, and never will be. Until the next offer. */
bool attribd_flush_given_back(struct attribd_flush *flush);
/* Engine thread, only when not busy. */
void attribd_flush_offer(struct attribd_flush *flush, const struct attribd_sealed *sealed);

#endif
