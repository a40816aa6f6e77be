/*
 * Random histories of facts, and two states compared by everything that they can be asked.
 */
#ifndef TEST_STATE_HISTORY_H
#define TEST_STATE_HISTORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attrib/checkpoint.h"

struct history {
	struct attrib_fact *facts; /* owned */
	size_t n;
};

uint64_t random_next(uint64_t *rng);
uint64_t random_below(uint64_t *rng, uint64_t n);

/* n facts about few entities, many ids and a handful of entities whose caps overflow; fact i is told by record
 * i + 1 of one of three lanes. */
struct history history_make(size_t n, uint64_t seed);
void history_done(struct history *history);

struct attrib_state *state_open(void);
/* Adds facts from..to-1 in groups. */
void history_add(const struct history *history, struct attrib_state *state, size_t from, size_t to);
/* NULL, or what differs between two states that hold facts of the history. `exact`: also what they remember of
 * links that are gone. Adds everything once more to both. */
const char *history_differs(
	const struct history *history, struct attrib_state *a, struct attrib_state *b, bool exact);

/* A directory of its own for a test, and what it needs to be emptied again. */
struct place {
	char dir[64], checkpoints[96];
	char told[4096]; /* all notes, one a line */
};
void place_make(struct place *place);
void place_remove(struct place *place);
struct attrib_checkpoints *place_open(struct place *place, const struct attrib_io *io);
int place_try(struct place *place, const struct attrib_io *io, struct attrib_checkpoints **out);

/* Copies a whole state into a file that is complete but not published. */
int checkpoint_make(struct attrib_checkpoints *checkpoints, struct attrib_state *state,
	uint64_t applied, struct attrib_checkpoint_file **out);
void checkpoint_publish(
	struct attrib_checkpoints *checkpoints, struct attrib_state *state, uint64_t applied);
struct attrib_state *checkpoint_load(struct attrib_checkpoints *checkpoints, size_t i);

#endif
