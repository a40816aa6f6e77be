/*
 * A bump allocator for what lives as long as one request, group or batch.
 * Nothing in it is freed alone; attrib_arena_reset keeps the first block.
 */
#ifndef ATTRIB_ARENA_H
#define ATTRIB_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include "attrib/str.h"

/* Under AddressSanitizer what was not handed out is poisoned, and so is a gap behind every piece: who
 * reads beyond it is told. */
#if defined(__SANITIZE_ADDRESS__)
#define ATTRIB_ARENA_GAPS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ATTRIB_ARENA_GAPS 1
#endif
#endif

struct attrib_arena_block;
struct attrib_arena {
	struct attrib_arena_block *head; /* owned: the one that is being filled */
	unsigned char *at;               /* the rest of it ... */
	size_t left;                     /* ... and its bytes */
	size_t block_size;               /* bytes of a normal block */
	size_t used;                     /* bytes handed out since the last reset */
	bool failed;                     /* some piece could not be had since the last reset */
};

void attrib_arena_init(struct attrib_arena *arena, size_t block_size);
void attrib_arena_done(struct attrib_arena *arena);
void attrib_arena_reset(struct attrib_arena *arena);
/* When the block at hand has no room, and always under AddressSanitizer. */
void *attrib_arena_more(struct attrib_arena *arena, size_t size);
/* Memory aligned to 16 bytes whose bytes are undefined, or NULL when memory is out. In line: the engine
 * asks for a dozen pieces a record. */
static inline void *attrib_arena_raw(struct attrib_arena *arena, size_t size)
{
#ifndef ATTRIB_ARENA_GAPS
	size_t room = (size + 15) & ~(size_t)15;

	if (size - 1 < arena->left) { /* not none; what is left is a multiple of 16 */
		void *p = arena->at;
		arena->at += room;
		arena->left -= room;
		arena->used += room;
		return p;
	}
#endif
	return attrib_arena_more(arena, size);
}
/* Zeroed. */
static inline void *attrib_arena_alloc(struct attrib_arena *arena, size_t size)
{
	void *p = attrib_arena_raw(arena, size);

	if (p)
		memset(p, 0, size);
	return p;
}
/* A copy, NUL-terminated beyond .n; p is NULL when memory is out. */
struct attrib_str attrib_arena_str(struct attrib_arena *arena, struct attrib_str s);
/* printf into the arena; p is NULL when memory is out. */
struct attrib_str attrib_arena_printf(struct attrib_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
