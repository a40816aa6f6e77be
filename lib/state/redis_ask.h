/*
 * The commands of an add: what is asked for one entity, and for all of a group that something is true of. Answers are
 * taken in the order of the questions.
 */
#ifndef ATTRIB_STATE_REDIS_ASK_H
#define ATTRIB_STATE_REDIS_ASK_H

#include "redis_group.h"

typedef bool redis_which_fn(const struct redis_group *g, const struct redis_run *run);
/* `value`, now theirs, is a text, or NULL: there is none. */
typedef int redis_value_fn(struct redis_group *g, struct redis_run *run, redisReply *value);

size_t redis_how_many(const struct redis_group *g, redis_which_fn *which);

/* Sets what is sent where there is none. */
void redis_ask_set(struct redis_group *g, const struct redis_run *run);
void redis_ask_get(struct redis_group *g, const struct redis_run *run);
/* The answer to either: what stood there is `before`, else the entity is `made` if anything was sent. */
int redis_take_set(struct redis_group *g, struct redis_run *run);
/* Sets all that it is true of where there is none of them. The answer is an integer, whether they were set. */
void redis_ask_set_together(struct redis_group *g, redis_which_fn *which);
/* Each is answered by an integer. */
void redis_ask_append(struct redis_group *g, const struct redis_run *run);
void redis_ask_age(struct redis_group *g, const struct redis_run *run); /* its life begins anew */
void redis_ask_age_of(struct redis_group *g, const struct redis_run *run, struct attrib_str value);

/* The next ticket, into the group. */
void redis_ask_ticket(struct redis_group *g);
int redis_take_ticket(struct redis_group *g);
/* How often a value was replaced so far. */
void redis_ask_replaced(struct redis_group *g);
int redis_take_replaced(struct redis_group *g, uint64_t *times);

/* Lists the orders that it is true of, at least one, for the walk; one integer. */
void redis_ask_list(struct redis_group *g, redis_which_fn *which);
/* The values of the first n that it is true of, from the run *next on, as one answer. Returns how many; none at the end. */
size_t redis_ask_page(struct redis_group *g, redis_which_fn *which, size_t n, size_t *next);
/* Gives the values of one answer to those they are of, *next as before; at the end it is the number of runs. */
int redis_take_page(
	struct redis_group *g, redis_which_fn *which, size_t n, size_t *next, redis_value_fn *to);

#endif
