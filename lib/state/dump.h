/*
 * The facts of a whole state as blocks of bytes: reading them back. The writing side is in
 * attrib/checkpoint.h.
 *
 * A block is a series of runs: u32 kind, u32 count, then so many entities: id (16), then for an ENTITY_ID
 * its claim as in memory.h (12), for the others the facts as in facts.h. The end block: u64 entities of
 * kinds 1 to 4, u64 copies, u64 number of lanes, then their ids by number, beginning with number 1.
 */
#ifndef ATTRIB_STATE_DUMP_H
#define ATTRIB_STATE_DUMP_H

#include "attrib/checkpoint.h"

struct state_loading {
	struct attrib_state *state; /* owned until the end */
	uint16_t *lanes;            /* owned; new number by old one */
	size_t lane_count;
	uint64_t entities[5]; /* that are still to come */
	uint64_t facts;       /* copies that there should be at the end */
};

/* An empty state, wide enough for what the end block says. ATTRIB_E_CORRUPT, ATTRIB_E_NOMEM. */
int state_loading_begin(struct state_loading *loading, const struct attrib_checkpoint_load *load,
	const uint8_t *end, size_t n) ATTRIB_MUST_CHECK;
int state_loading_block(
	struct state_loading *loading, const uint8_t *block, size_t n) ATTRIB_MUST_CHECK;
/* Gives the state out when all has come, else ATTRIB_E_CORRUPT. */
int state_loading_end(struct state_loading *loading, struct attrib_state **out) ATTRIB_MUST_CHECK;
/* Gives up; also to be called after the end. */
void state_loading_done(struct state_loading *loading);

#endif
