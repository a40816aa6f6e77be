/*
 * A bump allocator for what lives as long as one request, group or batch.
 * Nothing in it is freed alone; attrib_arena_reset keeps the first block.
 */
#ifndef ATTRIB_ARENA_H
#define ATTRIB_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include "attrib/str.h"

struct attrib_arena_block;
struct attrib_arena {
	struct attrib_arena_block *head; /* owned */
	size_t block_size;               /* bytes of a normal block */
	size_t used;                     /* bytes handed out since the last reset */
	bool failed;                     /* some piece could not be had since the last reset */
};

void attrib_arena_init(struct attrib_arena *arena, size_t block_size);
void attrib_arena_done(struct attrib_arena *arena);
void attrib_arena_reset(struct attrib_arena *arena);
/* Zeroed memory aligned to 16 bytes, or NULL when memory is out. */
void *attrib_arena_alloc(struct attrib_arena *arena, size_t size);
/* Like alloc, but the bytes are undefined. */
void *attrib_arena_raw(struct attrib_arena *arena, size_t size);
/* A copy, NUL-terminated beyond .n; p is NULL when memory is out. */
struct attrib_str attrib_arena_str(struct attrib_arena *arena, struct attrib_str s);
/* printf into the arena; p is NULL when memory is out. */
struct attrib_str attrib_arena_printf(struct attrib_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
