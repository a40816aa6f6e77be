/*
 * What one key of Redis holds. Values only grow, by APPEND: what an entity is is told by reading its
 * bytes from the start, as if each copy were added to memory in that order. So who came first is who
 * stands first, for everybody who reads them.
 *
 * A value that has grown is packed now and then: what it amounts to stands at its head, in the form that
 * checkpoints have, and copies go on behind it.
 */
#ifndef ATTRIB_STATE_REDIS_VALUE_H
#define ATTRIB_STATE_REDIS_VALUE_H

#include "attrib/buf.h"
#include "facts.h"

/* -- keys ----------------------------------------------------------------------------------------- */

#define REDIS_PREFIX     "at1:" /* 1: the layout of all that is here */
#define REDIS_KEY_BYTES  (sizeof REDIS_PREFIX + sizeof(struct attrib_id))
#define REDIS_ORDERS_KEY REDIS_PREFIX "#orders" /* sorted set of ids: what a walk goes by */
#define REDIS_TICKET_KEY REDIS_PREFIX "#ticket"
#define REDIS_REPLACED_KEY                                                                         \
	REDIS_PREFIX "#replaced"              /* how often a value was replaced: all else grows */
#define REDIS_LANES_KEY REDIS_PREFIX "#lanes" /* hash: how far each lane was added */
#define REDIS_EVICTED_KEY                                                                          \
	REDIS_PREFIX "#evicted" /* run id and evicted_keys: these are added again */
#define REDIS_COUNTS_KEY                                                                           \
	REDIS_PREFIX "#counts"              /* hash: how many entities of each kind, and copies */
#define REDIS_GONE_KEY REDIS_PREFIX "#gone" /* hash: what may be gone, and what walks were for */

/* "at1:", a letter for the kind, and the id's 16 bytes. */
struct attrib_str redis_key(const struct attrib_entity *entity, char out[REDIS_KEY_BYTES]);
/* The other way round; false: the key is none of an entity. */
bool redis_key_entity(struct attrib_str key, struct attrib_entity *out);

/* -- visitors, customers, orders ------------------------------------------------------------------ */

/* Where values are read into, one after the other. */
struct redis_fold {
	struct state_sheets sheets;
	struct state_pool pool;
	struct state_facts *facts;  /* NULL: nothing */
	int64_t newest_received_at; /* of those that are not lasting; INT64_MIN: none */
	struct attrib_id *lanes;    /* by number, of this value; [0]: nobody */
	size_t lane_count, lane_room;
};

int redis_fold_init(struct redis_fold *fold);
void redis_fold_done(struct redis_fold *fold);
void redis_fold_clear(struct redis_fold *fold);
/* Clears, and reads a value. ATTRIB_E_CORRUPT: it is none of ours. */
int redis_fold_read(struct redis_fold *fold, struct attrib_str value);
/* Adds a copy in the name of a claimer. left: the claim on its id that was left behind, or NULL. */
int redis_fold_add(struct redis_fold *fold, const struct attrib_fact *fact,
	const struct attrib_claimer *claimer, const struct attrib_claimer *left,
	struct state_facts_result *result);
/* The merged facts, bodies included, in the arena. */
int redis_fold_load(
	const struct redis_fold *fold, struct attrib_arena *arena, struct attrib_loaded *out);
/* Appends the packed value of all that is there. */
int redis_fold_pack(const struct redis_fold *fold, struct attrib_buf *out);

/* Appends a copy as it stands in a value. */
void redis_value_put(struct attrib_buf *out, const struct attrib_fact *fact,
	const struct attrib_claimer *claimer);
/* Whether so much stands behind the head, with so many bytes more, that it is worth packing. */
bool redis_value_is_long(struct attrib_str value, size_t more);

/* -- remembered ids ------------------------------------------------------------------------------- */

/* A claim, and behind it any number of earlier receipts. */
struct redis_claim {
	struct attrib_claimer claimer;
	uint32_t received_at; /* state_seconds(), the least */
};

void redis_claim_put(
	struct attrib_buf *out, const struct attrib_claimer *claimer, uint32_t received_at);
void redis_claim_put_earlier(struct attrib_buf *out, uint32_t received_at);
int redis_claim_read(struct attrib_str value, struct redis_claim *out);

#endif
