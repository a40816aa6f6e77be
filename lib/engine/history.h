/*
 * The other conversions of the person behind an order, as the order may see them: by what was
 * received before its lock.
 */
#ifndef ATTRIB_ENGINE_HISTORY_H
#define ATTRIB_ENGINE_HISTORY_H

#include "decide.h"

/* Which conversions: those that could share a touch with the order, or only those of its person. */
enum attrib_history_of { ATTRIB_HISTORY_SHARING, ATTRIB_HISTORY_OWN };

struct attrib_history {
	struct attrib_order_group *rows; /* counted ones as of the order's lock; by (T, id) */
	size_t n;
	bool forgotten; /* there was another one, too long ago to be known */
};

/* The other counted orders (ATTRIB_EDGE_ORDER) or leads (ATTRIB_EDGE_LEAD) of the order whose person the
 * decider holds. No lock of a row is later than the order's. In the closure's arena. */
int attrib_history_find(struct attrib_decider *decider, enum attrib_edge sub,
	enum attrib_history_of which, struct attrib_history *out) ATTRIB_MUST_CHECK;

#endif
