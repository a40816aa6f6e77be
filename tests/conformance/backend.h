/*
 * The backends that the suite runs over, and how a test speaks about the one at hand.
 *
 * A test reads `backend` and opens what it needs from it; main runs every test once per backend. A
 * new backend is a new row of the table in backend.c.
 */
#ifndef ATTRIB_CONFORMANCE_BACKEND_H
#define ATTRIB_CONFORMANCE_BACKEND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attrib/state.h"

struct backend_options {
	uint64_t max_bytes, first_ticket;
};

struct backend {
	const char *name;
	/* A state without facts in it; fails the test when there is none to be had. */
	struct attrib_state *(*open)(const struct backend_options *options);
	/* Another state over the same facts, as another instance has; NULL: there can be none. */
	struct attrib_state *(*join)(void);
	uint64_t pair_bytes[2]; /* between which a visitor with one touch and an id take together */
	uint64_t left_bytes;    /* of such a pair at most, once it is forgotten */
	uint64_t share;         /* of the random histories it gets one in so many: it is slower */
};

extern const struct backend backends[];
extern const size_t backend_count;
extern const struct backend *backend; /* the one at hand */

/* Fails the test, the backend's name first, unless the condition holds. */
#define CHECK(condition, ...)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			print_error("%s: %s: ", backend->name, #condition);                        \
			print_error(__VA_ARGS__);                                                  \
			print_error("\n");                                                         \
			fail();                                                                    \
		}                                                                                  \
	} while (0)

/* A clean state with the usual options; closed by its own free. */
struct attrib_state *backend_open(void);

/* Adds one fact and returns what became of it. */
struct attrib_added backend_add(struct attrib_state *state, const struct attrib_fact *fact);
/* Loads one entity. */
struct attrib_loaded backend_load(
	struct attrib_state *state, const struct attrib_entity *entity, struct attrib_arena *arena);

struct attrib_id id_of_number(uint64_t number);

#endif
