/*
 * A bell wakes one waiting thread. Ringing one that rings already is an atomic exchange and nothing
 * else, so workers may ring the engine with every commit.
 */
#ifndef ATTRIBD_BELL_H
#define ATTRIBD_BELL_H

#include <stdatomic.h>
#include <stdint.h>
#include "attrib/error.h"

struct attribd_bell {
	int fd; /* owned; an eventfd, readable while it rings */
	atomic_bool rung;
};

int attribd_bell_init(struct attribd_bell *bell) ATTRIB_MUST_CHECK;
void attribd_bell_done(struct attribd_bell *bell);
/* Any thread. What the waiter shall find has to be stored before. */
void attribd_bell_ring(struct attribd_bell *bell);
/* The waiting thread: silences the bell. Look at the conditions after it, never before. */
void attribd_bell_clear(struct attribd_bell *bell);
/* Waits until it rings or the time is over (negative: for ever), and silences it. */
void attribd_bell_wait(struct attribd_bell *bell, int64_t timeout_us);

#endif
