/*
 * Putting a group into Redis: what each entity makes of what stands there, at once for each of which that is known, and
 * the answers.
 */
#ifndef ATTRIB_STATE_REDIS_PUT_H
#define ATTRIB_STATE_REDIS_PUT_H

#include "redis_ask.h"

/* Of an entity of which is known what stands there: asks for what is new to be put there. */
int redis_put_run(struct redis_group *g, struct redis_run *run);
/* Asks for the rest, and takes the answers; likewise for those of which others have put something there in between. */
int redis_put(struct redis_group *g);
/* Asks for the claims that a run leaves behind, unless they are there; as many answers, texts or nil. */
size_t redis_ask_leaves(struct redis_group *g, struct redis_run *run);

#endif
