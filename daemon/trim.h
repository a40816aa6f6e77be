/*
 * The trim thread: deletes segments of the journal that PostgreSQL has confirmed and that both kept
 * checkpoints hold, when they were retained for long enough or the journal takes too much.
 */
#ifndef ATTRIBD_TRIM_H
#define ATTRIBD_TRIM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "attrib/batch.h"
#include "attrib/journal.h"
#include "bell.h"
#include "config.h"

struct attribd_trim {
	pthread_t thread;
	bool started;
	struct attribd_bell bell; /* the journal has grown too large, or stop */
	atomic_bool stop;
	struct attrib_journal *journal; /* borrowed */
	struct attrib_trim rule;
	int told;          /* own thread: the error that was logged; 0 = none */
	atomic_bool stuck; /* too large, and nothing can go */
};

/* The rule of a configuration: short of the quota there has to be room for what comes meanwhile. */
struct attrib_trim attribd_trim_rule(const struct attribd_config *config);

int attribd_trim_init(struct attribd_trim *trim, struct attrib_journal *journal,
	const struct attribd_config *config) ATTRIB_MUST_CHECK;
int attribd_trim_start(struct attribd_trim *trim) ATTRIB_MUST_CHECK;
/* Ends after the step at hand. */
void attribd_trim_stop(struct attribd_trim *trim);
void attribd_trim_done(struct attribd_trim *trim);

/* Any thread, after a commit. */
void attribd_trim_look(struct attribd_trim *trim);
/* Any thread: the database has confirmed what these positions say (`arg` is the journal, as the flush
 * thread calls it). The checkpoint thread tells the journal itself what the kept copies hold. */
void attribd_trim_confirmed(void *journal, const struct attrib_position *positions, size_t n);
/* Likewise with a state in Redis, of which there are no checkpoints. */
void attribd_trim_confirmed_shared(
	void *journal, const struct attrib_position *positions, size_t n);

#endif
