/*
 * A connection: bytes in, requests one after the other, answers in the same order.
 *
 * Bytes are read into the worker's own buffer and requests are served from there; only what is left
 * of an incomplete one is copied to the connection, so an idle connection holds no memory but itself and
 * two small empty buffers.
 * Answers gather in `out`. One that waits for a record leaves a mark where it begins; nothing from
 * the first mark on is sent. All fields belong to the worker's thread.
 */
#ifndef ATTRIBD_CONNECTION_H
#define ATTRIBD_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include "attrib/buf.h"
#include "attrib/http.h"
#include "proxy.h"
#include "route.h"

struct attribd_errand;
struct attribd_worker;

/* What a connection is waited for; each has a list ordered by deadline and one length of time. */
enum attribd_wait {
	ATTRIBD_WAIT_FIRST,  /* the first byte at all */
	ATTRIBD_WAIT_IDLE,   /* the next request */
	ATTRIBD_WAIT_HEAD,   /* the rest of a head: 408 */
	ATTRIBD_WAIT_BODY,   /* the rest of a body: 408 */
	ATTRIBD_WAIT_SEND,   /* the peer to take its answer */
	ATTRIBD_WAIT_LINGER, /* the peer to close, after an answer that ended the connection */
	ATTRIBD_WAIT_COUNT
};

/* Pipelined answers that may wait for their records at once; then reading pauses. */
#define ATTRIBD_MARKS 16
struct attribd_mark {
	uint64_t number;
	size_t start;        /* offset in out */
	int64_t deadline_at; /* monotonic */
	enum attribd_unconfirmed unconfirmed;
};

struct attribd_connection {
	TAILQ_ENTRY(attribd_connection) by_deadline; /* on worker->waits[wait] */
	TAILQ_ENTRY(attribd_connection) by_work;     /* on worker->ready or worker->waiting */
	struct attribd_worker *worker;               /* borrowed */
	int fd;                                      /* owned */
	struct event read, write;
	enum attribd_wait wait;
	int64_t deadline_at; /* monotonic */
	enum { ATTRIBD_WORK_NONE, ATTRIBD_WORK_READY, ATTRIBD_WORK_WAITING } work;
	bool reading; /* the read event is armed */
	bool blocked; /* the write event is armed */
	bool ending;  /* no further request is read; closes when out is empty */
	bool hurry;   /* and without lingering: the peer has closed, or gets no answer */

	struct attrib_buf in; /* an incomplete request */
	size_t scanned;       /* of it by attrib_http_head */
	bool has_head;        /* the head was read, its body is awaited */
	bool continued;       /* 100 Continue was written */
	size_t head_size;
	uint64_t body_n; /* content length */
	size_t body_max;
	bool chunked;
	struct attrib_http_chunked chunks;

	struct attrib_buf out;
	size_t sent; /* bytes of out */
	size_t held; /* bytes of in and out, as worker->request_bytes counts them */
	struct attribd_mark marks[ATTRIBD_MARKS];
	unsigned mark_first, mark_count;
	struct attribd_errand *errand; /* brings the answer of the last request; else NULL */

	struct attribd_peer peer;
};

/* Answers that a peer has not taken; then reading pauses. */
#define ATTRIBD_OUT_MAX ((size_t)256 * 1024)

/* Takes the descriptor over; NULL when memory is out (the descriptor is closed). */
struct attribd_connection *attribd_connection_new(
	struct attribd_worker *worker, int fd, const struct attribd_peer *peer);
void attribd_connection_free(struct attribd_connection *connection);
/* Sends what is durable, pauses, resumes, ends: called at the end of a pass for each one that has
 * work. May free the connection. */
void attribd_connection_work(struct attribd_connection *connection);
/* The records of all marks are in doubt, or (with a time) those whose deadline has come. */
void attribd_connection_unconfirmed(struct attribd_connection *connection, int64_t mono);
/* The deadline of its wait has come. May free it. */
void attribd_connection_timeout(struct attribd_connection *connection);
/* The daemon stops: takes a last look for a request, then ends when nothing is in flight. May free
 * it. */
void attribd_connection_stop(struct attribd_connection *connection);

/* -- request.c ---------------------------------------------------------------------------------- */

struct attribd_span {
	char *p;
	size_t n;
};
/* The errand is back: answers, and the next request may be read. */
void attribd_connection_deliver(struct attribd_connection *connection);
/* Serves all complete requests at the start of *in and moves *in behind them. */
void attribd_connection_serve(struct attribd_connection *connection, struct attribd_span *in);
/* The request could not be read, so what follows it can't be either: answers and ends. */
void attribd_connection_refuse(struct attribd_connection *connection, int status);
/* No further request; what was answered is still sent. hurry: without lingering. */
void attribd_connection_end(struct attribd_connection *connection, bool hurry);
/* Too much waits to be sent or confirmed, or an errand is on its way. */
bool attribd_connection_paused(const struct attribd_connection *connection);

/* -- request_memory.c --------------------------------------------------------------------------- */

/* An empty buffer of a connection is given back when it is larger. */
#define ATTRIBD_KEEP_MAX ((size_t)1024)
/* Counts what the connection holds by now. */
void attribd_connection_count(struct attribd_connection *connection);
/* The same once it has grown or waits for its peer: beyond `request_memory` connections of its worker are given up, those first
 * that wait longest for their peer, perhaps the connection itself. They answer 503 when a request was not
 * complete and end; none is freed. */
void attribd_connection_weigh(struct attribd_connection *connection);

#endif
