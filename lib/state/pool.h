/*
 * Memory for many small pieces of known size: the facts of millions of entities. A piece has no head,
 * sizes differ by 16 bytes, and all of it is given back at once, without a walk over the pieces. What
 * is freed alone is kept for the next piece of its size.
 */
#ifndef ATTRIB_STATE_POOL_H
#define ATTRIB_STATE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "sheet.h"

#define STATE_POOL_STEP  16
#define STATE_POOL_SMALL 256 /* beyond it pieces come from the heap, one by one */

struct state_pool_large;
struct state_pool {
	struct state_sheets *sheets; /* borrowed: where small pieces come from, and go with */
	unsigned char *rest;         /* of the sheet that is being cut ... */
	size_t left;                 /* ... and its bytes */
	void *free[STATE_POOL_SMALL / STATE_POOL_STEP + 1]; /* lists by size / step */
	struct state_pool_large *large;                     /* owned */
	uint64_t bytes;                                     /* of the pieces in use */
};

void state_pool_init(struct state_pool *pool, struct state_sheets *sheets);
/* Small pieces go with their sheets. */
void state_pool_done(struct state_pool *pool);
/* What a piece of so many bytes takes: the caller keeps the size in mind, not the pool. */
size_t state_pool_room(size_t size);
/* Aligned to 16 bytes; NULL when memory is out. */
void *state_pool_alloc(struct state_pool *pool, size_t size);
void state_pool_free(struct state_pool *pool, void *p, size_t size);

#endif
