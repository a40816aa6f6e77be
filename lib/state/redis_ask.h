/*
 * The commands of an add: what is asked for one entity, and for all of a group that something is true of. Answers are
 * taken in the order of the questions.
 */
#ifndef ATTRIB_STATE_REDIS_ASK_H
#define ATTRIB_STATE_REDIS_ASK_H

#include "redis_group.h"

typedef bool redis_which_fn(const struct redis_group *g, const struct redis_run *run);
typedef void redis_ask_fn(struct redis_group *g, const struct redis_run *run);
/* *value is a text or nil; whoever keeps it puts NULL in its place. */
typedef int redis_value_fn(struct redis_group *g, struct redis_run *run, redisReply **value);

size_t redis_how_many(const struct redis_group *g, redis_which_fn *which);
void redis_ask_each(struct redis_group *g, redis_which_fn *which, redis_ask_fn *ask);

/* Sets what is sent where there is none. */
void redis_ask_set(struct redis_group *g, const struct redis_run *run);
void redis_ask_get(struct redis_group *g, const struct redis_run *run);
/* The answer to either: what stood there is `before`, else the entity is `made` if anything was sent. */
int redis_take_set(struct redis_group *g, struct redis_run *run);
/* Each is answered by an integer. */
void redis_ask_append(struct redis_group *g, const struct redis_run *run);
void redis_ask_age(struct redis_group *g, const struct redis_run *run); /* its life begins anew */
void redis_ask_age_of(struct redis_group *g, const struct redis_run *run, struct attrib_str value);

/* Lists the orders that it is true of, at least one, for the walk; one integer. */
void redis_ask_list(struct redis_group *g, redis_which_fn *which);
/* The values of all that it is true of, in so many answers. */
void redis_ask_values(struct redis_group *g, redis_which_fn *which);
size_t redis_pages(const struct redis_group *g, redis_which_fn *which);
/* Gives the values of one answer to those they are of; *next: the first that may be meant, 0 at the beginning. */
int redis_give_page(struct redis_group *g, redis_which_fn *which, const redisReply *page,
	redis_value_fn *to, size_t *next);

#endif
