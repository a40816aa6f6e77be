/*
 * Random paths from a printed seed.
 */
#ifndef TEST_MODEL_RANDOM_H
#define TEST_MODEL_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#define PATH_TOUCHES 6
struct path {
	uint32_t touches[PATH_TOUCHES];
	size_t n;
	uint64_t times;
	int64_t gross, refunded;
};

/* ATTRIB_SEED, or 1; printed. */
uint64_t random_begin(void);
uint64_t random_next(void);
uint32_t random_below(uint32_t n); /* 0..n-1 */
double random_part(void);          /* [0, 1) */
/* Paths over so many players, of min..PATH_TOUCHES touches. */
void random_paths(struct path *paths, size_t n, uint32_t players, uint32_t min);

#endif
