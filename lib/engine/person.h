/*
 * Whose touches an order sees: its visitors and clicks, its customer, and that customer's visitors.
 *
 * Nothing is united for good. Customers here are sets of keys as one order sees them: by edges
 * received before its lock, without hubs.
 */
#ifndef ATTRIB_ENGINE_PERSON_H
#define ATTRIB_ENGINE_PERSON_H

#include "group.h"

struct attrib_person_visitor {
	struct attrib_node *node;
	bool hub; /* linked to too many customers: links nobody, brings nothing */
};
struct attrib_person_key {
	struct attrib_node *node;
	uint32_t parent; /* keys of one customer form a tree; the root is its name */
	bool own;        /* on the order itself */
	bool hub;
};
struct attrib_person_click {
	struct attrib_node *node;
	bool by_signed; /* on a signed observation of the order */
};

/* Reused from order to order. */
struct attrib_person {
	struct attrib_closure *closure;
	const struct attrib_catalog *catalog;
	const struct attrib_order_group *group; /* the order that is decided */
	int64_t lock_at;
	size_t visitor_count, key_count, click_count;
	size_t keys_expanded;
	bool cut; /* the bound was hit */
	struct attrib_person_visitor visitors[ATTRIB_CLOSURE_MAX];
	struct attrib_person_key keys[ATTRIB_CLOSURE_MAX];
	struct attrib_person_click clicks[ATTRIB_CLOSURE_MAX]; /* the order's own */
};

/* Gathers the person behind an order. */
int attrib_person_find(struct attrib_person *person, struct attrib_closure *closure,
	const struct attrib_catalog *catalog,
	const struct attrib_order_group *group) ATTRIB_MUST_CHECK;

/* The keys of the order's customer, hubs left out; none when it has no customer. */
int attrib_person_customer(
	const struct attrib_person *person, struct attrib_id **keys, size_t *n) ATTRIB_MUST_CHECK;

/* Whether the fact was there by the order's lock. */
static inline bool attrib_person_sees(
	const struct attrib_person *person, const struct attrib_fact *fact)
{
	return fact->received_at <= person->lock_at;
}
/* The place of a key in the list; NULL: it is not in there. */
struct attrib_person_key *attrib_person_key_of(
	struct attrib_person *person, const struct attrib_id *id);
/* The key that names the customer of the one at this place ... */
uint32_t attrib_person_root(const struct attrib_person *person, uint32_t key);
/* ... and whether that customer is the order's. */
bool attrib_person_is_own(const struct attrib_person *person, uint32_t customer);

/* The times at which a visitor was which customer. */
struct attrib_belonging {
	struct attrib_belonging_edge {
		int64_t at;
		uint32_t customer;
		struct attrib_id key; /* ties */
	} * edges;                    /* by (at, key); in the closure's arena */
	size_t n;
	bool simple, mine; /* no edge time matters: the answer for every touch */
};
int attrib_belonging_of(struct attrib_person *person, const struct attrib_person_visitor *visitor,
	struct attrib_belonging *out) ATTRIB_MUST_CHECK;
/* Whether a touch of that visitor at `at` is one of this order's person. */
bool attrib_belongs(
	const struct attrib_person *person, const struct attrib_belonging *belonging, int64_t at);
/* Whether another order or lead, as of this order's lock, is of its person: it names a key of that
 * customer, or it has no keys and a touch of its visitor at its T would be that person's. */
int attrib_person_made(struct attrib_person *person, const struct attrib_order_group *other,
	bool *made) ATTRIB_MUST_CHECK;

#endif
