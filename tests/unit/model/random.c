/*
 * SplitMix64.
 */
#include "random.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t state;

uint64_t random_begin(void)
{
	const char *given = getenv("ATTRIB_SEED");

	state = given ? strtoull(given, NULL, 10) : 1;
	printf("# ATTRIB_SEED=%llu\n", (unsigned long long)state);
	return state;
}

uint64_t random_next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t random_below(uint32_t n)
{
	return (uint32_t)(random_next() % n);
}

double random_part(void)
{
	return (double)(random_next() >> 11) * 0x1p-53;
}

void random_paths(struct path *paths, size_t n, uint32_t players, uint32_t min)
{
	for (size_t i = 0; i < n; i++) {
		struct path *p = &paths[i];
		p->n = min + random_below(PATH_TOUCHES + 1 - min);
		p->times = 1 + random_below(5);
		p->gross = random_below(8) ? random_below(1000) : 0;
		p->refunded = p->gross ? random_below((uint32_t)p->gross + 1) : 0;
		for (size_t k = 0; k < p->n; k++)
			p->touches[k] = random_below(players);
	}
}
