/*
 * A group that is being added to Redis: its facts by entity, and what each entity makes of them. Nothing
 * here speaks to the server: what stands there is read into redis->fold by the caller.
 */
#ifndef ATTRIB_STATE_REDIS_GROUP_H
#define ATTRIB_STATE_REDIS_GROUP_H

#include "redis.h"

/* A claim on a touch's id that was left behind. */
struct redis_left {
	bool is;
	struct attrib_claimer claimer;
};

/* One that has to be left behind. */
struct redis_leaf {
	struct attrib_id id;
	struct attrib_claimer claimer;
	uint32_t received_at;
};

/* What was asked for an entity and is not answered yet. */
enum redis_asked {
	REDIS_ASKED_NOTHING,
	REDIS_ASKED_SET,
	REDIS_ASKED_SET_TOGETHER, /* with others, all or none */
	REDIS_ASKED_APPEND,       /* behind `leaves_asked`, and its life when `ages` */
};

/* The facts of one entity in a group, and what became of them. */
struct redis_run {
	size_t from, n;           /* of what is sorted */
	redisReply *before;       /* owned: what stood there; NULL: nothing */
	redisReply *now;          /* owned: what stands there, of one that was read again */
	size_t bytes_at, bytes_n; /* what is sent */
	size_t length;            /* of the value, once that was appended; 0: it was not */
	size_t leaves_at, leaves_n, leaves_asked;
	enum redis_asked asked;
	bool planned; /* what is sent fits what stood there */
	bool asks;    /* its touches' claims may have been left behind */
	bool lasting; /* never expires */
	bool ages;    /* its life begins anew with what is sent */
	bool goes;    /* what stood there may just now come to its end */
	bool left;    /* its leaves are sent */
	bool mixed;   /* what was read again has the own copies, nobody knows behind which */
	/* counted once it is done */
	bool made;
	int64_t copies;
	uint64_t refused, refused_full;
};

struct redis_group {
	struct redis *redis;
	struct redis_adding *adding;
	const struct attrib_fact *facts;
	struct attrib_added *results;
	uint64_t replaced; /* values, by anybody, when the first was read */
	uint64_t ticket;   /* that was told last */
	bool full;
	bool reads;      /* every value again that was appended to */
	bool one_by_one; /* is set what is new and lasts: of all together some were there */
	bool listed;     /* its orders are, for the walk */
};

static inline const struct attrib_fact *redis_fact_of(
	const struct redis_group *g, const struct redis_run *run, size_t i)
{
	return g->adding->sorted[run->from + i].fact;
}

static inline struct attrib_added *redis_result_of(
	const struct redis_group *g, const struct redis_run *run, size_t i)
{
	return &g->results[redis_fact_of(g, run, i) - g->facts];
}

static inline const struct attrib_entity *redis_entity_of(
	const struct redis_group *g, const struct redis_run *run)
{
	return &redis_fact_of(g, run, 0)->entity;
}

static inline bool redis_is_id(const struct redis_group *g, const struct redis_run *run)
{
	return redis_entity_of(g, run)->kind == ATTRIB_ENTITY_ID;
}

static inline struct attrib_str redis_bytes_of(
	const struct redis_group *g, const struct redis_run *run)
{
	return (struct attrib_str){(const char *)g->adding->bytes.p + run->bytes_at, run->bytes_n};
}

/* Makes a run of each entity's facts. */
int redis_group_sort(struct redis_group *g, size_t n);
/* Adds a run's facts to what has been read: results, and what is counted. sends: what has an effect there
 * is what will be sent. Of a mixed run what the results call new, from the first look, was so when its claim
 * stands first. */
int redis_run_facts(struct redis_group *g, struct redis_run *run, bool sends);
/* Likewise for a remembered id: the first claim stays, the least receipt counts. before: NULL: none. */
void redis_run_claims(
	struct redis_group *g, struct redis_run *run, const struct redis_claim *before);

#endif
