/*
 * The fuzzer's bytes as a source of small numbers, from either end: what is written is chosen from the
 * front, what is damaged from the back, so that a mutation of one leaves the other as it was.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct input {
	const uint8_t *p; /* borrowed */
	size_t n;
};

/* 0 when nothing is left. */
static inline uint8_t take(struct input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

static inline uint8_t take_back(struct input *in)
{
	return in->n ? in->p[--in->n] : 0;
}

/* Below `below`, which is not 0. */
static inline uint32_t take_below(struct input *in, uint32_t below)
{
	uint32_t v = take(in);

	if (below > 0x100)
		v = v << 8 | take(in);
	return v % below;
}

static inline uint32_t take_back_below(struct input *in, uint32_t below)
{
	uint32_t v = take_back(in);

	if (below > 0x100)
		v = v << 8 | take_back(in);
	if (below > 0x10000)
		v = v << 8 | take_back(in);
	return v % below;
}

/* What must be true, whatever the input. */
#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
