/*
 * A small shop for intake's tests: site "acme", EUR, two affiliate parameters, one link.
 */
#ifndef ATTRIB_TEST_INTAKE_WORLD_H
#define ATTRIB_TEST_INTAKE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "attrib/intake.h"

#define NOW ((int64_t)1793534400000000) /* 2026-11-01T12:00:00Z */

struct world {
	struct attrib_arena arena;
	struct attrib_keys *keys;
	struct attrib_bots *bots; /* the built-in list */
	struct attrib_site site;
	struct attrib_intake_site intake_site;
	struct attrib_intake intake;
	struct attrib_tracker link;
	struct attrib_http_request request;
	struct attrib_visit visit;
	struct attrib_intake_result result;
	char *body; /* the last padded body */
};

int world_setup(void **state);
int world_teardown(void **state);

/* Native JSON from a signed sender or a stranger; the result is in world->result. */
int take_native(struct world *w, enum attrib_trust trust, const char *body);
int take_lines(struct world *w, const char *body);
/* The only event of a body that must be accepted; the only reject of one that must not. */
const struct attrib_event *one_event(struct world *w, enum attrib_trust trust, const char *body);
const struct attrib_reject *one_reject(struct world *w, enum attrib_trust trust, const char *body);
/* Bytes with 64 unreadable-looking bytes behind them. */
struct attrib_str pad(struct world *w, const char *bytes, size_t n);

/* A browser's GET with this query; headers by world_header. */
void world_request(struct world *w, const char *query);
void world_header(struct world *w, const char *name, const char *value);

void assert_text(struct attrib_str actual, const char *expected);
struct attrib_id id_of(struct world *w, enum attrib_id_domain domain, const char *text);
#define assert_id(actual, expected)                                                                \
	do {                                                                                       \
		struct attrib_id actual_id = (actual), expected_id = (expected);                   \
		assert_memory_equal(actual_id.b, expected_id.b, 16);                               \
	} while (0)

#endif
