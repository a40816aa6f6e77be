/*
 * Free lists by size over sheets that are cut from the front. What is not in use is poisoned.
 */
#include "pool.h"

#include <stdlib.h>
#include <string.h>

#include "poison.h"

#define COARSE      1024 /* larger pieces grow in larger steps */
#define COARSE_STEP 256

struct state_pool_large {
	struct state_pool_large *next, **from;
	_Alignas(STATE_POOL_STEP) unsigned char data[];
};

void state_pool_init(struct state_pool *pool, struct state_sheets *sheets)
{
	*pool = (struct state_pool){.sheets = sheets};
}

void state_pool_done(struct state_pool *pool)
{
	while (pool->large) {
		struct state_pool_large *next = pool->large->next;
		free(pool->large);
		pool->large = next;
	}
	state_pool_init(pool, pool->sheets);
}

size_t state_pool_room(size_t size)
{
	size_t step = size <= COARSE ? STATE_POOL_STEP : COARSE_STEP;

	return (size + step - 1) / step * step;
}

static void *large_alloc(struct state_pool *pool, size_t room)
{
	struct state_pool_large *large = malloc(sizeof *large + room);

	if (!large)
		return NULL;
	large->next = pool->large;
	large->from = &pool->large;
	if (large->next)
		large->next->from = &large->next;
	pool->large = large;
	pool->bytes += sizeof *large + room;
	return large->data;
}

static void large_free(struct state_pool *pool, void *p, size_t room)
{
	struct state_pool_large *large =
		(void *)((unsigned char *)p - offsetof(struct state_pool_large, data));

	*large->from = large->next;
	if (large->next)
		large->next->from = large->from;
	pool->bytes -= sizeof *large + room;
	free(large);
}

/* The rest of a sheet that is too short for this piece serves a smaller one. */
static void keep_rest(struct state_pool *pool)
{
	size_t list = pool->left / STATE_POOL_STEP;

	if (!pool->left)
		return;
	UNPOISON(pool->rest, sizeof(void *));
	memcpy(pool->rest, &pool->free[list], sizeof(void *));
	POISON(pool->rest, sizeof(void *));
	pool->free[list] = pool->rest;
}

static void *cut(struct state_pool *pool, size_t room)
{
	unsigned char *p;

	if (pool->left < room) {
		p = state_sheet_take(pool->sheets);
		if (!p)
			return NULL;
		keep_rest(pool);
		POISON(p, STATE_SHEET_BYTES);
		pool->rest = p;
		pool->left = STATE_SHEET_BYTES;
	}
	p = pool->rest;
	pool->rest += room;
	pool->left -= room;
	return p;
}

void *state_pool_alloc(struct state_pool *pool, size_t size)
{
	size_t room = state_pool_room(size);
	void **list, *p;

	if (room > STATE_POOL_SMALL)
		return large_alloc(pool, room);
	list = &pool->free[room / STATE_POOL_STEP];
	p = *list;
	if (p) {
		UNPOISON(p, room);
		memcpy(list, p, sizeof *list);
	} else {
		p = cut(pool, room);
		if (!p)
			return NULL;
		UNPOISON(p, room);
	}
	pool->bytes += room;
	return p;
}

void state_pool_free(struct state_pool *pool, void *p, size_t size)
{
	size_t room = state_pool_room(size);
	void **list;

	if (room > STATE_POOL_SMALL) {
		large_free(pool, p, room);
		return;
	}
	list = &pool->free[room / STATE_POOL_STEP];
	memcpy(p, list, sizeof *list);
	*list = p;
	POISON(p, room);
	pool->bytes -= room;
}
