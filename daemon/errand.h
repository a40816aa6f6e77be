/*
 * Errands: requests whose answer has to be waited for. A handler of a worker that has them writes down
 * what is asked and sends it off; one of a few threads does the waiting. The connection stays as it is and
 * is not read meanwhile, the loop goes on with the others, and when the errand is back the worker
 * answers. So a report that takes long hides nothing else, and there are never more of them at
 * the database than threads.
 */
#ifndef ATTRIBD_ERRAND_H
#define ATTRIBD_ERRAND_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>
#include "attrib/arena.h"
#include "attrib/buf.h"
#include "attrib/http.h"
#include "attrib/tools.h"
#include "bell.h"
#include "route.h"
#include "snapshot.h"

#define ATTRIBD_ERRAND_THREADS 2
#define ATTRIBD_ERRANDS_MAX    8 /* that wait for a thread; further ones are told to come later */

struct attribd_connection;
struct attribd_errand;
typedef void attribd_errand_run(struct attribd_errand *errand);

struct attribd_errand {
	TAILQ_ENTRY(attribd_errand) link;
	/* the handler's, then the errand's thread's, then the worker's */
	attribd_errand_run *run;
	void *what;                        /* in the arena: what was asked */
	void *context;                     /* borrowed; the worker's */
	struct attrib_arena arena;         /* owned */
	struct attribd_snapshot *snapshot; /* owned reference; what was asked borrows of this one */
	struct attrib_patience patience;   /* for whatever is asked */
	struct attrib_buf text;            /* owned; the body of the answer */
	struct attrib_http_response response; /* headers are in the arena */

	/* the worker's thread only */
	struct attribd_connection *connection; /* that waits for it; NULL = it is gone */
	enum attrib_http_method method;
	int minor;
	bool keep_alive;
};
TAILQ_HEAD(attribd_errand_list, attribd_errand);

struct attribd_errands {
	pthread_t threads[ATTRIBD_ERRAND_THREADS];
	bool started[ATTRIBD_ERRAND_THREADS];
	struct attribd_bell *bell; /* borrowed; rung when one is back */
	pthread_mutex_t lock;
	pthread_cond_t some;
	struct attribd_errand_list waiting, back; /* under lock */
	int waiting_n;                            /* under lock */
	atomic_bool stop;
};

void attribd_errands_init(struct attribd_errands *errands, struct attribd_bell *bell);
int attribd_errands_start(struct attribd_errands *errands) ATTRIB_MUST_CHECK;
/* Any thread: those that run give up, those that wait are answered 503. */
void attribd_errands_stop(struct attribd_errands *errands);
/* Once its threads and the worker have ended. */
void attribd_errands_done(struct attribd_errands *errands);

/* -- for handlers --------------------------------------------------------------------------------- */

/* A new one for this request. NULL: memory is out, and it is answered. */
struct attribd_errand *attribd_errand_new(
	struct attribd_exchange *exchange, attribd_errand_run *run, size_t what_size);
/* Decodes a part of the query into the errand. False: memory is out, and it is answered. */
bool attribd_errand_keep(
	struct attribd_exchange *exchange, struct attribd_errand *errand, struct attrib_str *part);
/* Instead of an answer. When too many wait it is given back, and 503 the answer. */
void attribd_errand_send(struct attribd_exchange *exchange, struct attribd_errand *errand);
void attribd_errand_free(struct attribd_errand *errand);

/* -- for run() ------------------------------------------------------------------------------------ */

/* 200 with what stands in errand->text. */
void attribd_errand_answer(struct attribd_errand *errand, const char *content_type);
/* As attribd_answer_refusal. */
void attribd_errand_refuse(
	struct attribd_errand *errand, int err, const char *parameter, const char *message);

/* -- for the worker ------------------------------------------------------------------------------- */

/* Answers those that are back. */
void attribd_errands_deliver(struct attribd_errands *errands);

#endif
