/*
 * Open addressing over a list of keys. What is numbered here are our own small integers: nobody outside
 * chooses them, so a fixed mix of their bits is enough.
 */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS ((size_t)64)

void model_keys_done(struct model_keys *keys)
{
	free(keys->keys);
	free(keys->slots);
	*keys = (struct model_keys){0};
}

static size_t mix(const uint32_t key[MODEL_KEY_WORDS])
{
	uint64_t h = 0;

	for (int i = 0; i < MODEL_KEY_WORDS; i++) {
		h = (h ^ key[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return (size_t)h;
}

static uint32_t *find_slot(const struct model_keys *keys, const uint32_t key[MODEL_KEY_WORDS])
{
	size_t mask = keys->slot_count - 1;

	for (size_t i = mix(key) & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &keys->slots[i];
		if (*slot == 0 || memcmp(keys->keys[*slot - 1], key, sizeof *keys->keys) == 0)
			return slot;
	}
}

static int grow(struct model_keys *keys)
{
	struct model_keys wider = *keys;

	wider.slot_count = keys->slot_count ? 2 * keys->slot_count : FIRST_SLOTS;
	wider.keys = realloc(keys->keys, wider.slot_count / 2 * sizeof *wider.keys);
	if (!wider.keys)
		return -1;
	keys->keys = wider.keys;
	wider.slots = calloc(wider.slot_count, sizeof *wider.slots);
	if (!wider.slots)
		return -1;
	for (size_t i = 0; i < wider.n; i++)
		*find_slot(&wider, wider.keys[i]) = (uint32_t)i + 1;
	free(keys->slots);
	*keys = wider;
	return 0;
}

uint32_t model_keys_put(struct model_keys *keys, const uint32_t key[MODEL_KEY_WORDS])
{
	uint32_t *slot;

	if (keys->n == keys->slot_count / 2 && (keys->n == MODEL_KEY_NONE - 1 || grow(keys)))
		return MODEL_KEY_NONE;
	slot = find_slot(keys, key);
	if (*slot == 0) {
		memcpy(keys->keys[keys->n], key, sizeof *keys->keys);
		*slot = (uint32_t)++keys->n;
	}
	return *slot - 1;
}
