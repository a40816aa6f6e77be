/*
 * The forward thread: sends decided conversions from the outbox in PostgreSQL to the receivers of their
 * sites, signed. It has a connection of its own, claims what is due, keeps some posts a site on their
 * way, and marks what became of them. Several daemons share one outbox. A receiver that does not answer
 * costs its own site time, nobody else; PostgreSQL away costs time, no event.
 */
#ifndef ATTRIBD_FORWARD_H
#define ATTRIBD_FORWARD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "attrib/outbox.h"
#include "bell.h"
#include "forward_post.h"
#include "snapshot.h"

#define ATTRIBD_FORWARD_POSTS 8 /* of a site at once */

struct attribd_forward_site; /* a receiver and its posts */
struct attribd_forward {
	pthread_t thread;
	bool started;
	bool made;                /* init has come to its end */
	struct attribd_bell bell; /* stop */
	_Atomic int64_t stop_at;  /* monotonic: ends by then; 0 = goes on */
	struct attribd_snapshots *snapshots;
	struct attrib_id instance;

	/* own thread */
	struct attribd_poster poster;
	struct attribd_snapshot *snapshot;
	struct attrib_outbox *outbox;                   /* owned; NULL while PostgreSQL is away */
	struct attribd_forward_site *sites;             /* owned; a list */
	bool attached;                                  /* a former process's claims were let go */
	bool told_away;                                 /* this outage was logged */
	int64_t retry_us;                               /* between tries to connect */
	int64_t connect_at, claim_at, look_at, trim_at; /* monotonic: not before */
};

int attribd_forward_init(struct attribd_forward *forward, struct attribd_snapshots *snapshots,
	const struct attrib_id *instance,
	const uint8_t secret[ATTRIB_SECRET_BYTES]) ATTRIB_MUST_CHECK;
int attribd_forward_start(struct attribd_forward *forward) ATTRIB_MUST_CHECK;
/* What is due goes on being sent until nothing is, or until that time (monotonic); nobody waits for a
 * receiver that fails. What has not ended by then is due again at the next start. */
void attribd_forward_stop(struct attribd_forward *forward, int64_t until);
void attribd_forward_done(struct attribd_forward *forward);

#endif
