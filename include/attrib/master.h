/*
 * A master of a state that instances share: one server's data from the moment that it became the master. Two of them
 * can hold the same state (a replica was promoted, and somebody is still connected to the one before), so it takes
 * more than the state's id to say by what something was decided.
 */
#ifndef ATTRIB_MASTER_H
#define ATTRIB_MASTER_H

#include "attrib/id.h"

#define ATTRIB_MASTER_ID 40 /* hexadecimal digits */

struct attrib_master {
	struct attrib_id state;            /* none = nobody's: what was decided by a memory */
	char id[ATTRIB_MASTER_ID + 1];     /* another one whenever a server becomes a master */
	char former[ATTRIB_MASTER_ID + 1]; /* whose data it went on with; "" = not known */
};

static inline bool attrib_master_none(const struct attrib_master *master)
{
	return attrib_id_none(&master->state);
}
static inline bool attrib_master_eq(const struct attrib_master *a, const struct attrib_master *b)
{
	return attrib_id_eq(&a->state, &b->state) && !strcmp(a->id, b->id);
}

#endif
