/*
 * The insides of the Redis backend, shared by its parts.
 */
#ifndef ATTRIB_STATE_REDIS_H_
#define ATTRIB_STATE_REDIS_H_

#include "attrib/state_redis.h"
#include "redis_link.h"
#include "redis_value.h"

#define KINDS         (ATTRIB_ENTITY_ID + 1)
#define REDIS_AT_ONCE 1000 /* keys of one MGET */
#define REDIS_SLOTS   32   /* of the life of facts */

/* Its key is a part of its entity that tells most apart. */
struct redis_sorted {
	uint64_t key;
	const struct attrib_fact *fact;
};

/* What a group needs while it is added; kept for the next one. */
struct redis_adding {
	struct redis_sorted *sorted; /* by entity, those of one as they came */
	struct redis_left *lefts;    /* by the same index */
	size_t room;
	struct redis_run *runs; /* of one entity each */
	size_t run_count, run_room;
	struct redis_leaf *leaves;
	size_t leaf_count, leaf_room;
	struct attrib_buf bytes; /* what is sent for each run */
};

/* The next record of a lane: as the server was told, as it will be, and behind the group that is being added. */
struct redis_lane {
	struct attrib_id id;
	uint64_t told, reached, adds;
};

struct redis {
	struct attrib_state state;
	struct redis_link link;
	struct redis_fold fold;
	struct redis_adding adding;
	char ids_ttl[24], facts_ttl[24]; /* seconds; of facts a slot more, */
	int64_t slot_us;                 /* in which the life of an entity begins anew once */
	uint64_t max_bytes;
	uint64_t ticket; /* the greatest that is known */
	uint64_t bytes;  /* of the server's memory, when last looked at */
	unsigned looked; /* groups since */
	/* What the server's counts do not say yet: entities by kind, and copies in [0]. */
	int64_t uncounted[KINDS];
	struct attrib_state_stats stats; /* as they were last told */
	struct attrib_redis_stats cost;
	struct redis_lane *lanes; /* that are looked after */
	size_t lane_count, lane_room;
	bool has_lost;
	int64_t again_until;    /* of what is added again; ATTRIB_NEVER: it is new */
	uint64_t evicted;       /* keys that the server has thrown away, when last looked at */
	uint64_t evicted_noted; /* of them, beside the facts */
	bool kept; /* it was looked at since it last confirmed, and has thrown away no more */
	char spoke_to[REDIS_RUN_ID + 1]; /* the process that was told how far lanes were added */
	struct attrib_id identity;       /* all zero = none */
	struct attrib_id instance;
	int64_t lag_us;
	int64_t mark;                    /* told with stats; ATTRIB_NEVER: none */
	struct attrib_redis_marks marks; /* as they were last told */
	struct redis_walk *walk;         /* owned: the one that is under way, or NULL */
	uint64_t met; /* the connection whose server was met, by link.connections; 0: none */
	struct attrib_master stay; /* the only one that is spoken to; its id "" = any */
	bool moved;                /* another one has answered */
};

static inline struct attrib_str redis_id_bytes(const struct attrib_id *id)
{
	return (struct attrib_str){(const char *)id->b, sizeof id->b};
}

static inline struct redis *redis_of(struct attrib_state *state)
{
	return (struct redis *)state;
}

/* A connection to a server that may be used, whose tickets are above all that is known. */
int redis_begin(struct redis *redis);
/* The ticket that INCR told; above all that are known also when the server has lost its own. */
int redis_ticket(struct redis *redis, uint64_t told, uint64_t *ticket);

/* Whether the master of a new connection may be spoken to, and whether that of an old one is still the same. */
int redis_judge_master(struct redis *redis);
int redis_judge_again(struct redis *redis, const redisReply *info);
/* Puts the identity there, or finds it there; ATTRIB_E_CONFIG: another one is. */
int redis_claim(struct redis *redis);

/* Asks for INFO of memory and of what was evicted, and takes the answer. */
void redis_ask_bytes(struct redis *redis);
int redis_take_bytes(struct redis *redis);
/* When the server has thrown facts away since that was last noted: notes it, and lets all instances add again
 * what they have, as if everything was lost. */
int redis_note_evicted(struct redis *redis);
/* Tells the server's counts what they do not say yet; *n commands whose answers are taken by the other. */
void redis_tell_counts(struct redis *redis, size_t *n);
int redis_take_counts(struct redis *redis, size_t n);

/* Puts a count in the place of the one that the server has: of a kind, or of copies (0). One integer. */
void redis_ask_count(struct redis *redis, int kind, int64_t count);

/* Says the mark of this instance, if it has one; *asked: one answer is to be taken. */
void redis_ask_mark(struct redis *redis, bool *asked);
int redis_take_mark(struct redis *redis);

/* Tells how far lanes were added, unless the server knows less than it was told; *asked: one answer is to
 * be taken. */
void redis_ask_lanes(struct redis *redis, bool *asked);
int redis_take_lanes(struct redis *redis);
/* Looks which records a group is of; once all of it is there the server is told of them, in the same call: one that has
 * become the master without the last group, and would be told of it with the next, knew no less than it was told. */
void redis_lanes_begin(struct redis *redis, const struct attrib_fact *facts, size_t n);
void redis_ask_added(struct redis *redis, bool *asked);
int redis_take_added(struct redis *redis);
/* Another process than before has answered: what it was not told it may not have either. */
void redis_doubt_lanes(struct redis *redis);
/* Lets everybody find that all was lost. */
int redis_lose_lanes(struct redis *redis);

/* Asks for the values of entities: one answer, for redis_link_take_values. */
void redis_ask_values(struct redis *redis, const struct attrib_entity *entities, size_t n);

/* Puts `to` in the place of a value, or takes it out when that is empty, unless it has changed since. The
 * one thing that is not an addition, so it is a script: nobody can come in between. An order that is
 * taken out leaves the list of orders. */
void redis_ask_replace(struct redis *redis, const struct attrib_entity *entity,
	struct attrib_str value, struct attrib_str to);
/* A value is none of ours: takes it out and returns ATTRIB_E_CORRUPT. */
int redis_take_out(
	struct redis *redis, const struct attrib_entity *entity, struct attrib_str value);

int redis_add(struct attrib_state *state, const struct attrib_fact *facts, size_t n,
	struct attrib_added *results, uint64_t *ticket);
void redis_adding_done(struct redis_adding *adding);
int redis_orders(struct attrib_state *state, uint64_t *cursor, struct attrib_entity *out,
	size_t max, size_t *n);
int redis_forget(struct attrib_state *state, int64_t ids_before, int64_t facts_before);
/* Of a server that is away it tells what was last known. */
void redis_stats(struct attrib_state *state, struct attrib_state_stats *out);
/* Gives a walk up that is under way. */
void redis_walk_done(struct redis *redis);
/* Where an order stands in the walk: 53 bits, which is what a score of Redis holds. */
uint64_t redis_order_place(const struct attrib_id *id);

#endif
