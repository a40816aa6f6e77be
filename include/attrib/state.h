/*
 * The state seam: sets of facts that only grow, held by entities. Two calls carry the daily work:
 * add facts, load entities. No locks, no compare-and-set, no merge of blobs: two instances that add
 * before they read cannot miss each other.
 *
 * Entities are named by kind and keyed id (id.h); the site is part of what the id was made of.
 * A click id is a VISITOR of its own (domain CLICK), an order alias the ORDER of that id, or one of
 * its own (domain ALIAS), so following either is following an edge.
 *
 * Every backend passes tests/conformance. The engine is its only caller; one thread.
 */
#ifndef ATTRIB_STATE_H
#define ATTRIB_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include "attrib/arena.h"
#include "attrib/error.h"
#include "attrib/id.h"
#include "attrib/str.h"

enum attrib_entity_kind {
	ATTRIB_ENTITY_VISITOR = 1,
	ATTRIB_ENTITY_CUSTOMER = 2,
	ATTRIB_ENTITY_ORDER = 3,
	/* a remembered id: claimed once, expires by dedupe; loads as one SEEN fact of which only the
	 * claimer and received_at are kept, the latter in whole seconds, rounded down */
	ATTRIB_ENTITY_ID = 4,
};

struct attrib_entity {
	enum attrib_entity_kind kind;
	struct attrib_id id;
};

enum attrib_fact_type {
	ATTRIB_FACT_SEEN = 1,  /* ENTITY_ID, and only there: nothing but its claim */
	ATTRIB_FACT_TOUCH = 2, /* VISITOR: something that can earn credit (engine/facts.h: body) */
	ATTRIB_FACT_EDGE = 3,  /* any: body names the other entity; written on both sides */
	ATTRIB_FACT_ORDER = 4, /* ORDER: one observation; body is the encoded event */
};

/* Who first brought a fact or id: on replay only the claimer counts traffic again. */
struct attrib_claimer {
	struct attrib_id lane; /* none = nobody: never the claimer afterwards */
	uint64_t number;       /* below 2^48 */
};

struct attrib_fact {
	struct attrib_entity entity;
	enum attrib_fact_type type;
	uint8_t sub;   /* second part of the fact's name: channel of a touch, kind of an edge */
	uint8_t trust; /* enum attrib_trust */
	uint8_t cap;   /* which cap counts it: enum attrib_cap */
	struct attrib_id id;   /* (entity, type, sub, id) names the fact */
	int64_t at;            /* occurred_at, edge time or updated_at: orders facts under a cap */
	int64_t received_at;   /* merged: the minimum over copies */
	uint64_t content_hash; /* of body; merged: greatest trust, least at, greatest hash */
	/* Borrowed by add (copied; never a view from a load of the same state), borrowed from load until
	 * the next add or forget. Below 16 MiB. Copies with equal (trust, at, hash) have equal bodies. */
	struct attrib_str body;
	struct attrib_claimer claimer;
};

/* Caps per entity: keep the `newest` facts by (at, id) and, where `first`, the oldest one. The kept
 * set is a function of all facts ever added, whatever their order.
 *
 * Copies of a fact that differ in cap, trust, at or content_hash count one by one under their cap:
 * were the merged fact counted, a copy could move it past one that is gone already. A load merges the
 * copies that are left; a fact without any is gone. Its claimer is gone, too, but for a touch, which
 * leaves its claim behind as the remembered id that its own id names, unless that is there already;
 * so does one that is not even let in. An entity that has dropped a touch asks there before it takes
 * another one for new. */
enum attrib_cap {
	ATTRIB_CAP_TOUCH,    /* 256 newest and the first */
	ATTRIB_CAP_FILTERED, /* invalid touches: 16 newest */
	ATTRIB_CAP_EDGE,     /* 256 newest and the first */
	ATTRIB_CAP_ORDER,    /* observations of one order: 64 newest and the first */
	ATTRIB_CAP_IDENTITY, /* edges that tell who is who: 256 newest and the first; lasting */
	ATTRIB_CAP_COUNT
};
struct attrib_cap_limit {
	uint16_t newest;
	bool first;
	bool lasting; /* never forgotten */
};
extern const struct attrib_cap_limit attrib_cap_limits[ATTRIB_CAP_COUNT];

struct attrib_added {
	bool added;   /* the fact was not there */
	bool changed; /* it was there, and received_at or content changed; or a cap dropped another */
	/* The fact's claimer is the one that this call gave, as far as the state can tell: also for a touch
	 * that a cap kept out (its claim is remembered, see attrib_cap), and for what the memory limit
	 * kept out, of which it can tell nothing. */
	bool mine;
	bool refused;  /* the cap or the memory limit kept it out */
	uint8_t links; /* attrib_fact_link of all facts of the entity, this one added; what a cap has
			  dropped may still be in it */
};

/* One bit for what leads on from an entity: the sub of an edge (7: all from there on), 0 for orders. */
static inline uint8_t attrib_fact_link(enum attrib_fact_type type, uint8_t sub)
{
	if (type == ATTRIB_FACT_EDGE)
		return (uint8_t)(1u << (sub < 7 ? sub : 7));
	return type == ATTRIB_FACT_ORDER;
}

struct attrib_loaded {
	struct attrib_entity entity;
	const struct attrib_fact *facts; /* by (type, at, id, sub); in the caller's arena */
	size_t count;                    /* 0: unknown entity */
};

struct attrib_state_stats {
	uint64_t entities[5];  /* by kind */
	uint64_t facts;        /* copies; ids not counted */
	uint64_t bytes;        /* of memory */
	uint64_t refused;      /* copies, by cap */
	uint64_t refused_full; /* ids and copies, by the memory limit */
	uint64_t forgotten;    /* entities and ids */
};

struct attrib_state {
	const struct attrib_state_ops *ops;
};

struct attrib_state_ops {
	const char *name;
	/* Adds a group of facts; results[i] tells what happened to facts[i]. *ticket is taken after
	 * adding: it is greater than that of every add that had been seen by a load before. After an
	 * error the group may be in there in part; adding it again is safe. ATTRIB_E_INVALID for a fact
	 * that fits no entity or cap, ATTRIB_E_TOO_LARGE, ATTRIB_E_OVERFLOW. */
	int (*add)(struct attrib_state *state, const struct attrib_fact *facts, size_t n,
		struct attrib_added *results, uint64_t *ticket);
	/* Loads the facts of n entities into out[0..n), in the given order. */
	int (*load)(struct attrib_state *state, const struct attrib_entity *entities, size_t n,
		struct attrib_arena *arena, struct attrib_loaded *out);
	/* Walks all ORDER entities: fills out with up to max (> 0), *cursor starts at 0 and ends at 0;
	 * *n may be 0 before the end. Adds may come in between: an order that was there at the start
	 * and is not forgotten is met exactly once, one that came later perhaps. */
	int (*orders)(struct attrib_state *state, uint64_t *cursor, struct attrib_entity *out,
		size_t max, size_t *n);
	/* Forgets ids whose received_at lies before ids_before, and the facts of an entity once all of
	 * them were received before facts_before: every copy of every fact but the lasting ones, which
	 * neither go nor hold the others back. An entity of which nothing is left is gone. Both are
	 * watermarks (data), never clock readings; ATTRIB_NEVER forgets nothing. */
	int (*forget)(struct attrib_state *state, int64_t ids_before, int64_t facts_before);
	void (*stats)(struct attrib_state *state, struct attrib_state_stats *out);
	void (*free)(struct attrib_state *state);
};

struct attrib_memory_options {
	uint64_t hash_seed;
	uint64_t max_bytes;    /* 0 = none; above it strangers create no new entities */
	uint64_t first_ticket; /* tickets of this process start above it (from PostgreSQL: epoch) */
};
int attrib_state_memory_new(
	const struct attrib_memory_options *options, struct attrib_state **out) ATTRIB_MUST_CHECK;
/* Raises the ticket counter (memory only): used once PostgreSQL has given the epoch. */
void attrib_state_memory_raise_ticket(struct attrib_state *state, uint64_t above);

#endif
