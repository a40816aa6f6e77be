/*
 * A word is the tag of its pair (28 bits), the second at which its minute began (24 bits, which come
 * round after half a year), and the clicks since then (12 bits, 0 = an empty place). The
 * numbers stand alone: no order among them matters, so all of it is relaxed.
 */
#include "flood.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/id.h"
#include "attrib/time.h"

#define WAYS       8
#define SETS       ((size_t)1 << 13)
#define WINDOW_S   60
#define COUNT_BITS 12
#define TIME_BITS  24
#define COUNT_MAX  (((uint64_t)1 << COUNT_BITS) - 1)
#define TIME_MASK  (((uint32_t)1 << TIME_BITS) - 1)

struct attribd_flood {
	_Alignas(64) _Atomic uint64_t words[SETS][WAYS];
	uint64_t seed;
};

struct attribd_flood *attribd_flood_new(void)
{
	struct attribd_flood *flood = aligned_alloc(64, sizeof *flood);

	if (!flood)
		return NULL;
	memset(flood, 0, sizeof *flood);
	attrib_random(&flood->seed, sizeof flood->seed);
	return flood;
}

void attribd_flood_free(struct attribd_flood *flood)
{
	free(flood);
}

/* -- a word ------------------------------------------------------------------------------------- */

static uint64_t count_of(uint64_t word)
{
	return word & COUNT_MAX;
}

static uint64_t tag_of(uint64_t word)
{
	return word >> (COUNT_BITS + TIME_BITS);
}

/* Seconds since the word's minute began; negative when another worker's clock was read later. */
static int32_t age_of(uint64_t word, uint32_t second)
{
	uint32_t began = (uint32_t)(word >> COUNT_BITS) & TIME_MASK;
	uint32_t age = (second - began) & TIME_MASK;

	return age > TIME_MASK / 2 ? (int32_t)age - (int32_t)TIME_MASK - 1 : (int32_t)age;
}

static bool is_current(uint64_t word, uint32_t second)
{
	int32_t age = age_of(word, second);

	return count_of(word) && age < WINDOW_S && age > -WINDOW_S;
}

static uint64_t next_word(uint64_t word, uint64_t tag, uint32_t second)
{
	if (tag_of(word) == tag && is_current(word, second))
		return count_of(word) < COUNT_MAX ? word + 1 : word;
	return tag << (COUNT_BITS + TIME_BITS) | (uint64_t)second << COUNT_BITS | 1;
}

/* -- a place ------------------------------------------------------------------------------------ */

/* A free place is older than any minute; one of a clock that was set back is not worth keeping. */
static uint32_t staleness(uint64_t word, uint32_t second)
{
	return is_current(word, second) ? (uint32_t)(age_of(word, second) + WINDOW_S) : UINT32_MAX;
}

/* The place of the tag, else the one that is forgotten for it. */
static int find(_Atomic uint64_t *line, uint64_t tag, uint32_t second, uint64_t *word)
{
	int best = 0;

	for (int i = 0; i < WAYS; i++) {
		uint64_t seen = atomic_load_explicit(&line[i], memory_order_relaxed);
		bool mine = count_of(seen) && tag_of(seen) == tag;
		if (mine || i == 0 || staleness(seen, second) > staleness(*word, second)) {
			best = i;
			*word = seen;
		}
		if (mine)
			break;
	}
	return best;
}

static uint64_t hash(const struct attribd_flood *flood, const uint8_t address[16],
	struct attrib_str site, struct attrib_str link)
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
	size_t n = memcmp(address, v4, sizeof v4) == 0 ? 16 : 8;
	uint64_t h = attrib_hash64(address, n, flood->seed);

	h = attrib_hash64(site.p, site.n, h);
	return attrib_hash64(link.p, link.n, h);
}

bool attribd_flood_click(struct attribd_flood *flood, const uint8_t address[16],
	struct attrib_str site, struct attrib_str link, int64_t now, int64_t most)
{
	static const uint8_t none[16];
	uint64_t key = hash(flood, address, site, link), tag = tag_of(key), word, next;
	uint32_t second = (uint32_t)(now / ATTRIB_US_PER_S) & TIME_MASK;
	_Atomic uint64_t *line = flood->words[key % SETS], *place;

	if (memcmp(address, none, sizeof none) == 0)
		return false;
	do {
		place = &line[find(line, tag, second, &word)];
		next = next_word(word, tag, second);
	} while (!atomic_compare_exchange_weak_explicit(
		place, &word, next, memory_order_relaxed, memory_order_relaxed));
	return (int64_t)count_of(next) > most;
}
