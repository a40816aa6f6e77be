/*
 * What the programs that measure one room have in common.
 */
#ifndef ATTRIB_BENCH_MEASURE_H
#define ATTRIB_BENCH_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "attrib/error.h"

/* Microseconds of a clock: CLOCK_MONOTONIC, or the processor time of the process or of a thread, which what else runs
 * on the machine disturbs less. */
static inline double bench_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Ends the program with a sentence unless err is 0. */
static inline void bench_must(int err, const char *what)
{
	if (err) {
		fprintf(stderr, "%s: %s\n", what, attrib_error_text(err));
		exit(1);
	}
}

/* Bytes of the process that are in memory. */
static inline uint64_t bench_resident(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		exit(1);
	fclose(f);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

#endif
