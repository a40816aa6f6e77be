/*
 * The two clocks. `now` is the time of day in microseconds since 1970 and goes into records; `mono`
 * never steps and measures every deadline.
 */
#ifndef ATTRIBD_CLOCK_H
#define ATTRIBD_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline int64_t attribd_clock_read(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}
static inline int64_t attribd_clock_now(void)
{
	return attribd_clock_read(CLOCK_REALTIME);
}
static inline int64_t attribd_clock_mono(void)
{
	return attribd_clock_read(CLOCK_MONOTONIC);
}

/* Whether it never happened (*last is 0) or at least `every` microseconds ago by `mono`; then now is the
 * last time. For what a log says, or somebody does, at most so often. */
static inline bool attribd_clock_due(int64_t *last, int64_t every)
{
	int64_t mono = attribd_clock_mono();

	if (*last && mono - *last < every)
		return false;
	*last = mono;
	return true;
}

#endif
