/*
 * Events for property tests: any value that the struct can hold, most members empty now and then.
 */
#ifndef ATTRIB_TEST_RANDOM_EVENT_H
#define ATTRIB_TEST_RANDOM_EVENT_H

#include "attrib/event.h"

uint64_t random_next(uint64_t *seed);
void random_event(uint64_t *seed, struct attrib_arena *arena, struct attrib_event *out);

/* The name of the first member that differs, or NULL. Texts compare by bytes. */
const char *event_difference(const struct attrib_event *a, const struct attrib_event *b);

#endif
