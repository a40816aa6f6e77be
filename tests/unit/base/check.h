/*
 * What every test of this room includes: cmocka and what it wants before it, views compared with
 * literals, and random numbers from a seed that is printed.
 */
#ifndef ATTRIB_TEST_BASE_CHECK_H
#define ATTRIB_TEST_BASE_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "attrib/str.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define check_str(view, literal)                                                                   \
	do {                                                                                       \
		struct attrib_str got_ = (view);                                                   \
		if (!attrib_str_eq(got_, ATTRIB_STR(literal)))                                     \
			fail_msg("got \"%.*s\", expected \"%s\"", (int)got_.n,                     \
				got_.p ? got_.p : "", (literal));                                  \
	} while (0)

/* xorshift64*; TEST_SEED in the environment repeats a run. */
static inline uint64_t *test_random_state(void)
{
	static uint64_t state;

	if (!state) {
		const char *seed = getenv("TEST_SEED");
		state = seed ? strtoull(seed, NULL, 10) : 0x9e3779b97f4a7c15u ^ (uintptr_t)&state;
		state |= 1;
		print_message("TEST_SEED=%llu\n", (unsigned long long)state);
	}
	return &state;
}

static inline uint64_t test_random(void)
{
	uint64_t *x = test_random_state();

	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return *x * 0x2545f4914f6cdd1du;
}

#endif
