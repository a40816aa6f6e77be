/*
 * The outbox: decided conversions that wait in PostgreSQL for their receivers. A merge writes them in
 * the transaction of what they tell of; here is how those who send share them. Who claims an event
 * alone tries it, until the claim runs out; what became of it is marked. Events of one conversion go
 * one after the other, all others side by side.
 */
#ifndef ATTRIB_OUTBOX_H
#define ATTRIB_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "attrib/error.h"
#include "attrib/id.h"
#include "attrib/sink.h"
#include "attrib/str.h"

struct attrib_outbox; /* one connection; used by one thread */

struct attrib_outbox_event {
	int64_t id;
	int claim;                          /* names this try */
	int tries;                          /* with this one; since it was written or retried */
	int64_t begun_us;                   /* since the first of them */
	struct attrib_str webhook_id, body; /* borrowed for the call */
};

enum attrib_outbox_outcome {
	ATTRIB_OUTBOX_SENT,
	ATTRIB_OUTBOX_AGAIN,    /* failed; after wait_us another try */
	ATTRIB_OUTBOX_DEAD,     /* failed, and given up */
	ATTRIB_OUTBOX_RELEASED, /* not tried after all; counts as no try */
};
struct attrib_outbox_mark {
	int64_t id;
	int claim;
	enum attrib_outbox_outcome outcome;
	int64_t wait_us;
	const char *error; /* one line of text; NULL = none */
};

struct attrib_outbox_queue {
	int64_t waiting, dead;
	int64_t oldest_us; /* age of the oldest that waits; 0 = none */
};

/* first: a former process of this instance may have ended in the middle; what it had claimed is due at
 * once. ATTRIB_E_UNAVAILABLE, ATTRIB_E_SCHEMA, ATTRIB_E_NOMEM. After any error of another call close it
 * and open it again. */
int attrib_outbox_open(const char *conninfo, const struct attrib_id *instance, bool first,
	struct attrib_outbox **out, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
void attrib_outbox_close(struct attrib_outbox *outbox); /* NULL is fine */
/* Takes up to `most` events of a site that are due, for lease_us; event() hears of each. */
int attrib_outbox_claim(struct attrib_outbox *outbox, const char *site, int most, int64_t lease_us,
	void (*event)(void *arg, const struct attrib_outbox_event *event), void *arg,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* *held false: the claim had run out, and nothing was changed. */
int attrib_outbox_mark(struct attrib_outbox *outbox, const struct attrib_outbox_mark *mark,
	bool *held, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
int attrib_outbox_queue(struct attrib_outbox *outbox, const char *const *sites, size_t n,
	struct attrib_outbox_queue *out, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* Deletes some `most` events that were sent, and as many that were given up, longer ago than that. */
int attrib_outbox_trim(struct attrib_outbox *outbox, int64_t sent_us, int64_t dead_us, int most,
	int64_t *deleted, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

#endif
