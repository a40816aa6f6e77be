/*
 * The bump allocator. Blocks form a list with the one that is being filled at its head; a request
 * that is larger than a block gets a block of its own behind the head, so that it does not waste
 * the room that is left there.
 */
#include "attrib/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef ATTRIB_ARENA_GAPS
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#define GAP(room)      ((room) < 1024 ? (room) : 1024) /* a row of most arrays */
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define GAP(room)      0
#endif

#define ALIGNMENT ((size_t)16)

struct attrib_arena_block {
	struct attrib_arena_block *next; /* older, or a large one */
	size_t size;                     /* bytes of data */
	_Alignas(16) unsigned char data[];
};

void attrib_arena_init(struct attrib_arena *arena, size_t block_size)
{
	*arena = (struct attrib_arena){
		.block_size = (block_size + ALIGNMENT - 1) & ~(ALIGNMENT - 1)};
}

static void block_free(struct attrib_arena_block *block)
{
	UNPOISON(block->data, block->size);
	free(block);
}

static void blocks_free(struct attrib_arena_block *block)
{
	while (block) {
		struct attrib_arena_block *next = block->next;
		block_free(block);
		block = next;
	}
}

void attrib_arena_done(struct attrib_arena *arena)
{
	blocks_free(arena->head);
	*arena = (struct attrib_arena){.block_size = arena->block_size};
}

/* From its start; NULL: nothing is being filled. */
static void fill(struct attrib_arena *arena, struct attrib_arena_block *block)
{
	arena->head = block;
	arena->at = block ? block->data : NULL;
	arena->left = block ? block->size : 0;
}

void attrib_arena_reset(struct attrib_arena *arena)
{
	struct attrib_arena_block *keep = NULL, *block = arena->head, *next;

	for (; block; block = next) {
		next = block->next;
		if (!keep && block->size == arena->block_size)
			keep = block;
		else
			block_free(block);
	}
	if (keep) {
		keep->next = NULL;
		POISON(keep->data, keep->size);
	}
	fill(arena, keep);
	arena->used = 0;
	arena->failed = false;
}

/* A new block: one for `room` alone when that is large and something else is being filled. */
static struct attrib_arena_block *block_add(struct attrib_arena *arena, size_t room)
{
	bool large = room > arena->block_size;
	size_t bytes = large ? room : arena->block_size;
	struct attrib_arena_block *block = malloc(sizeof *block + bytes);

	if (!block)
		return NULL;
	block->size = bytes;
	POISON(block->data, block->size);
	if (large && arena->head) {
		block->next = arena->head->next;
		arena->head->next = block;
	} else {
		block->next = arena->head;
		fill(arena, block);
	}
	return block;
}

static void *take(struct attrib_arena *arena, size_t room)
{
	struct attrib_arena_block *block;
	void *p = arena->at;

	if (arena->left < room) {
		block = block_add(arena, room);
		if (!block)
			return NULL;
		p = block->data;
		if (block != arena->head)
			return p;
	}
	arena->at += room;
	arena->left -= room;
	return p;
}

void *attrib_arena_more(struct attrib_arena *arena, size_t size)
{
	size_t room = size ? (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1) : ALIGNMENT;
	void *p = NULL;

	room += GAP(room);
	if (size <= SIZE_MAX / 2)
		p = take(arena, room);
	if (!p) {
		arena->failed = true;
		return NULL;
	}
	arena->used += room;
	UNPOISON(p, size);
	return p;
}

struct attrib_str attrib_arena_str(struct attrib_arena *arena, struct attrib_str s)
{
	char *p = attrib_arena_raw(arena, s.n + 1);

	if (!p)
		return ATTRIB_STR_NONE;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct attrib_str){p, s.n};
}

struct attrib_str attrib_arena_printf(struct attrib_arena *arena, const char *format, ...)
{
	va_list args;
	char *p;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	p = n < 0 ? NULL : attrib_arena_raw(arena, (size_t)n + 1);
	if (!p)
		return ATTRIB_STR_NONE;
	va_start(args, format);
	vsnprintf(p, (size_t)n + 1, format, args);
	va_end(args);
	return (struct attrib_str){p, (size_t)n};
}
