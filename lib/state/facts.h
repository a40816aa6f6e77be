/*
 * The facts of one entity, packed into one piece of memory: a head, then one record per copy in load
 * order. An entity with one touch is the common case by far and the memory of the daemon, so there
 * is no list, no slack and no pointer in it.
 */
#ifndef ATTRIB_STATE_FACTS_H
#define ATTRIB_STATE_FACTS_H

#include "pool.h"
#include "rules.h"

struct state_facts; /* the packed copies of one entity */

/* Who claimed something: the lane by its number in the backend, 0 = nobody's. */
struct state_claim {
	uint16_t lane;
	uint64_t number;
};

/* A touch of which no copy is left here. */
struct state_dropped {
	bool is;
	struct attrib_id id;
	struct state_claim claim;
	int64_t received_at;
};

struct state_facts_result {
	struct attrib_added added; /* without the memory limit's refusals */
	struct state_claim first;  /* whose the name is */
	int64_t newest_received_at; /* of all copies that are left but the lasting; INT64_MIN: none */
	struct state_dropped dropped;
	int facts;   /* by how many the number of copies has changed: -1, 0, 1 */
	bool stored; /* what is there has changed in any way */
};

/* Adds a copy to *facts (NULL = none yet), which may move. left: the claim on its id that was left behind,
 * or NULL. ATTRIB_E_NOMEM leaves everything as it was. */
int state_facts_add(struct state_pool *pool, struct state_facts **facts,
	const struct attrib_fact *fact, const struct state_claim *claim,
	const struct state_claim *left, struct state_facts_result *result);
/* Whether a cap has ever dropped a touch of theirs: then its claim may have been left behind. */
bool state_facts_have_dropped(const struct state_facts *facts);
/* Whether some of them are never forgotten. */
bool state_facts_have_lasting(const struct state_facts *facts);

/* How many copies; an upper bound of what a load yields. */
size_t state_facts_count(const struct state_facts *facts);
/* Fills out (room for the count above) with the merged facts in load order, bodies as views, claimer
 * lanes by `lanes`. Returns how many. */
size_t state_facts_load(const struct state_facts *facts, const struct attrib_entity *entity,
	const struct attrib_id *lanes, struct attrib_fact *out);
/* Takes out all that is not lasting, when all of that was received before `before`. *facts may move,
 * and is NULL when nothing is left; returns how many copies went. Without memory they stay. */
size_t state_facts_forget(struct state_pool *pool, struct state_facts **facts, int64_t before);
/* Copying all of it. The bytes are those of memory: little endian, and another layout of them is another
 * version of the checkpoint format (checkpoint_format.h). */
size_t state_facts_size(const struct state_facts *facts);
void state_facts_copy(const struct state_facts *facts, uint8_t *out);
/* From a copy at the beginning of p: a new piece in *out, how many bytes the copy has in *size, the
 * newest received_at as above. lanes: the new number of each of lane_count. ATTRIB_E_CORRUPT: no such
 * facts were ever copied; ATTRIB_E_NOMEM. */
int state_facts_restore(struct state_pool *pool, const uint8_t *p, size_t n, const uint16_t *lanes,
	size_t lane_count, struct state_facts **out, size_t *size, int64_t *newest_received_at);
void state_facts_free(struct state_pool *pool, struct state_facts *facts);

#endif
