/*
 * One order: the entities that aliases unite, and what their observations say together.
 */
#ifndef ATTRIB_ENGINE_GROUP_H
#define ATTRIB_ENGINE_GROUP_H

#include "attrib/batch.h"
#include "attrib/catalog.h"

#include "closure.h"

/* The merge of a set of observations; texts are views of their bodies. */
struct attrib_merged {
	enum attrib_conversion_kind kind;
	struct attrib_str order_id, order_kind, order_source, source, tags;
	bool signed_source; /* some signed source has spoken */
	bool test;
	char currency[4];
	int exponent;
	int64_t gross, total;
	enum attrib_order_status status;
	int64_t placed_at; /* T */
	int64_t paid_at;   /* as stated; ATTRIB_NEVER */
	int64_t first_received_at;
	int64_t lock_at; /* T + lock_after: what was received later takes no part */
	const struct attrib_order *codes; /* the order whose codes count; NULL: no list was sent */
};

/* By (T, id). */
int attrib_order_cmp(const struct attrib_merged *a, const struct attrib_merged *b);

struct attrib_order_group {
	const struct attrib_site *site;   /* the version of its settings that decides this order */
	const struct attrib_site *newest; /* of the catalog */
	struct attrib_nodes members;      /* ORDER entities with observations; canonical first */
	const struct attrib_observation **observations; /* of all members */
	size_t observation_count;                       /* 0: there is no order (yet) */
	struct attrib_merged order;
	bool decided;    /* in this closure */
	uint32_t listed; /* the last search for conversions that found it */
};
/* Whether two are one conversion, perhaps as of different times. */
static inline bool attrib_group_same(
	const struct attrib_order_group *a, const struct attrib_order_group *b)
{
	return a->members.p[0] == b->members.p[0];
}

/* The group of an order, once per closure; loads what it needs. *out is NULL when the site is unknown
 * or nothing was observed of it itself: a name may be an alias of several, see attrib_group_named. */
int attrib_group_of(struct attrib_closure *closure, const struct attrib_catalog *catalog,
	struct attrib_node *node, struct attrib_order_group **out) ATTRIB_MUST_CHECK;

/* Adds the orders that hold a loaded name of which nothing was observed itself; nothing for an order. */
int attrib_group_named(struct attrib_closure *closure, struct attrib_node *name,
	struct attrib_nodes *orders) ATTRIB_MUST_CHECK;

/* T of n > 0 observations: the earliest stated placed_at, else the earliest occurred_at, of the best
 * source. */
int64_t attrib_placed_at(const struct attrib_observation *const *observations, size_t n,
	const struct attrib_policy *policy);

/* The version of the site's settings that decides an order of n > 0 observations: the newest that was
 * recorded by T + its own lock_after, with T as that version merges it; else the oldest. Whether a
 * version takes an order depends on no other version, so a new one takes some and leaves all others
 * as they were. Each is asked once, newest first: T needs no version to be known before. */
const struct attrib_site *attrib_deciding_site(const struct attrib_site *newest,
	const struct attrib_observation *const *observations, size_t n);

/* Merges n > 0 observations; they are sorted by rank on the way: best first. */
void attrib_merge(const struct attrib_observation **observations, size_t n,
	const struct attrib_policy *policy, struct attrib_merged *out);

/* The group as another order of its site sees it: by what was received before that one's lock, which
 * is its own lock at the latest, and by that one's version of the settings or one before. So what an
 * order sees changes with its own facts and version alone. *out is NULL when there was none. */
int attrib_group_as_seen(struct attrib_order_group *group, const struct attrib_order_group *viewer,
	struct attrib_arena *arena, struct attrib_order_group **out) ATTRIB_MUST_CHECK;

/* Why the site does not count it as a sale; NONE: it does. */
enum attrib_reason attrib_order_exclusion(
	const struct attrib_merged *order, const struct attrib_policy *policy);
/* Whether it goes into sums. */
bool attrib_order_is_counted(const struct attrib_merged *order, const struct attrib_policy *policy);

#endif
