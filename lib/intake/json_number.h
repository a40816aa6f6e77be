/* The second try for documents whose numbers simdjson refuses. */
#ifndef ATTRIB_INTAKE_JSON_NUMBER_H
#define ATTRIB_INTAKE_JSON_NUMBER_H

#include "attrib/arena.h"
#include "attrib/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A copy of a JSON text, 64 bytes behind it, in which numbers of more than 18 digits or with an
 * exponent of more than 2 stand in quotes when they follow JSON's grammar. p is NULL when memory is
 * out. */
struct attrib_str attrib_json_quote_numbers(struct attrib_arena *arena, struct attrib_str text);

#ifdef __cplusplus
}
#endif
#endif
