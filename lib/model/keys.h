/*
 * Numbers for keys of four words: the first new key is 0, the next 1.
 */
#ifndef ATTRIB_MODEL_KEYS_H
#define ATTRIB_MODEL_KEYS_H

#include <stddef.h>
#include <stdint.h>

#define MODEL_KEY_WORDS 4
#define MODEL_KEY_NONE  UINT32_MAX

struct model_keys {
	uint32_t (*keys)[MODEL_KEY_WORDS]; /* owned; by number */
	uint32_t *slots;                   /* owned; number + 1, 0 = free */
	size_t n, slot_count; /* slot_count is a power of two, keys has room for half */
};

void model_keys_done(struct model_keys *keys);
/* The number of a key, a new one when it is new; MODEL_KEY_NONE when memory is out. */
uint32_t model_keys_put(struct model_keys *keys, const uint32_t key[MODEL_KEY_WORDS]);

#endif
