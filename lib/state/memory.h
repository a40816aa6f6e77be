/*
 * The insides of the memory backend, shared by what adds and loads (memory.c) and what copies all of it
 * (dump.c).
 */
#ifndef ATTRIB_STATE_MEMORY_H
#define ATTRIB_STATE_MEMORY_H

#include "attrib/time.h"
#include "facts.h"
#include "table.h"

#define KINDS       (ATTRIB_ENTITY_ID + 1)
#define LANE_NOBODY 0 /* the number of no lane, and of lanes beyond LANES_MAX */
#define LANES_MAX   UINT16_MAX

struct memory {
	struct attrib_state state;
	struct state_sheets sheets;       /* all that is small and many lies there */
	struct state_table tables[KINDS]; /* by kind; [0] unused */
	struct state_table lane_numbers;  /* lane id -> uint16_t */
	struct attrib_id *lanes;          /* by number; [LANE_NOBODY] is no lane */
	size_t lane_count, lane_room;
	struct attrib_id last_lane; /* most facts come from the lane of the one before */
	uint16_t last_lane_number;
	uint64_t ticket, max_bytes;
	struct state_pool pool; /* the facts themselves */
	uint64_t facts, refused, refused_full, forgotten;
};

/* Values of the tables. A claim is copied to disk as it stands: another layout is another version of the
 * checkpoint format. */
struct __attribute__((packed)) claim { /* ENTITY_ID */
	uint16_t lane;
	uint64_t number : 48;
	uint32_t received_at; /* seconds_of() */
};
_Static_assert(sizeof(struct claim) == 12, "a remembered id is 28 bytes");

struct __attribute__((packed)) handle { /* the other kinds */
	struct state_facts *facts;      /* owned */
	uint32_t newest;                /* seconds_of() */
};

static inline struct memory *memory_of(struct attrib_state *state)
{
	return (struct memory *)state;
}

/* Numbers a lane that has none yet. ATTRIB_E_NOMEM. */
int memory_lane_add(struct memory *memory, const struct attrib_id *lane, uint16_t *number);

#endif
