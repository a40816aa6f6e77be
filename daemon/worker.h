/*
 * A worker: one thread with its event loop, its connections, its journal lane and its keys. Nothing
 * of a request leaves it but the record.
 *
 * A pass of the loop: every readable connection is read, every complete request is answered into
 * memory and journaled into memory; then one commit makes all of it durable, and the answers go out.
 * The admin listener is a worker without lane.
 */
#ifndef ATTRIBD_WORKER_H
#define ATTRIBD_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "attrib/arena.h"
#include "attrib/buf.h"
#include "attrib/id.h"
#include "attrib/journal.h"
#include "bell.h"
#include "connection.h"
#include "flood.h"
#include "raw_keys.h"
#include "progress.h"
#include "route.h"
#include "snapshot.h"

#define ATTRIBD_READ_SIZE    ((size_t)64 * 1024) /* bytes read at once */
#define ATTRIBD_READ_PADDING ((size_t)64)        /* readable bytes behind a body (intake.h) */
#define ATTRIBD_STOP_US      5000000             /* what is in flight at the stop gets this long */

struct attribd_errands;

TAILQ_HEAD(attribd_connections, attribd_connection);

struct attribd_handed {
	int fd;
	struct attribd_peer peer;
};

struct attribd_worker {
	/* any thread */
	struct attribd_bell bell;
	pthread_mutex_t lock;
	struct attribd_handed *inbox; /* under lock; owned */
	size_t inbox_n, inbox_cap;    /* under lock */
	atomic_int load;              /* connections, with those in the inbox */
	atomic_bool stop;

	/* set before the thread runs */
	pthread_t thread;
	bool started;
	const struct attribd_route *routes;
	struct attribd_snapshots *snapshots;
	struct attribd_progress *progress;
	struct attribd_flood *flood; /* borrowed; of all workers; NULL = nothing is a flood */
	const struct attribd_raw_keys *raw_keys; /* borrowed; NULL = nothing is kept raw */
	atomic_size_t *request_bytes; /* borrowed; held by connections of all workers; NULL = nobody
					 counts */
	struct attribd_errands *errands; /* borrowed; NULL = its handlers send none */
	void *context;                   /* borrowed; for handlers of its routes */

	/* own thread */
	struct event_base *base;
	struct event bell_event, lane_event, tick;
	struct attrib_lane *lane; /* owned; NULL = nothing is recorded */
	struct attrib_keys *keys;
	struct attribd_snapshot *snapshot;
	struct attrib_arena arena; /* of the request at hand */
	struct attrib_buf payload; /* an event being encoded */
	struct attrib_buf text;    /* a body being written */
	struct attrib_buf gif;     /* the pixel's answer, written once; empty before */
	struct attrib_http_request request;
	char *read_buffer; /* READ_SIZE and padding */
	struct attribd_connections waits[ATTRIBD_WAIT_COUNT], ready, waiting, spare;
	unsigned spare_n;
	int64_t now, mono;        /* clocks of this pass; 0 = not read yet */
	int64_t lag_us, ended_at; /* how long the last pass took, and its end (monotonic) */
	int64_t oldest_flight,
		oldest_batch; /* monotonic; first record of commit and next one; or 0 */
	uint64_t committed;   /* as of the last release */
	bool lane_failed, lane_full;
	int64_t stop_at; /* monotonic; when stopping: stragglers are cut */
	bool tick_fast;
};

struct attribd_worker_options {
	struct attribd_snapshots *snapshots;
	struct attribd_progress *progress;
	const uint8_t *secret;
	const struct attribd_route *routes;
	struct attrib_lane *lane; /* taken over on success; or NULL */
	struct attribd_flood *flood;
	const struct attribd_raw_keys *raw_keys; /* or NULL */
	atomic_size_t *request_bytes;            /* or NULL */
	struct attribd_errands *errands;         /* or NULL */
	void *context;
};
int attribd_worker_init(struct attribd_worker *worker,
	const struct attribd_worker_options *options) ATTRIB_MUST_CHECK;
void attribd_worker_done(struct attribd_worker *worker);
int attribd_worker_start(struct attribd_worker *worker) ATTRIB_MUST_CHECK;
/* Any thread: hands a connected socket over. It is closed when memory is out. */
void attribd_worker_hand(struct attribd_worker *worker, int fd, const struct attribd_peer *peer);
/* Any thread: answer what is in flight, commit, end. */
void attribd_worker_stop(struct attribd_worker *worker);
void attribd_worker_join(struct attribd_worker *worker);

/* -- for its connections and handlers ----------------------------------------------------------- */

/* The clocks of this pass. */
void attribd_worker_clock(struct attribd_worker *worker);
/* Appends one record; its number, or an error of the lane. */
int attribd_worker_append(
	struct attribd_worker *worker, const struct attrib_event *event, uint64_t *number);
int attribd_worker_append_bytes(
	struct attribd_worker *worker, struct attrib_str payload, uint64_t *number);
/* Puts a connection on the list for its state. */
void attribd_worker_set_wait(struct attribd_connection *connection, enum attribd_wait wait);
void attribd_worker_set_work(struct attribd_connection *connection, int work);
/* Since when it waits for what it waits for now; monotonic. */
int64_t attribd_worker_waits_since(const struct attribd_connection *connection);
/* How long the oldest record that is not durable waits by now, or the loop is behind. */
int64_t attribd_worker_queue_age(const struct attribd_worker *worker);
bool attribd_worker_stopping(const struct attribd_worker *worker);

#endif
