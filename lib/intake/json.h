/*
 * JSON, read once into a tree and then walked. The only way to simdjson, which is C++.
 *
 * Strict: UTF-8 (no lone surrogates), at most 32 levels, nothing behind the value. The tree belongs
 * to the thread: it lives until the next attrib_json_parse of the same thread, and its memory is
 * used again. Integers that no machine word holds do not break the document: they are kept as text.
 */
#ifndef ATTRIB_INTAKE_JSON_H
#define ATTRIB_INTAKE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "attrib/arena.h"
#include "attrib/error.h"
#include "attrib/str.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ATTRIB_JSON_DEPTH_MAX   32
#define ATTRIB_JSON_DECIMAL_MAX 24 /* bytes of a number's decimal text */

enum attrib_json_kind {
	ATTRIB_JSON_NULL,
	ATTRIB_JSON_BOOL,
	ATTRIB_JSON_NUMBER,
	ATTRIB_JSON_STRING,
	ATTRIB_JSON_ARRAY,
	ATTRIB_JSON_OBJECT,
};

struct attrib_json { /* a place in the tree */
	uint64_t word[2];
};
struct attrib_json_walk { /* over the members of an object or the items of an array */
	uint64_t here[2], end[2];
	bool object;
};

/* 64 readable bytes follow the text; what they hold does not matter. The arena is used only for
 * texts with very large integers. ATTRIB_E_BAD_JSON, ATTRIB_E_NOMEM. */
int attrib_json_parse(struct attrib_arena *arena, struct attrib_str text,
	struct attrib_json *root) ATTRIB_MUST_CHECK;
enum attrib_json_kind attrib_json_kind(struct attrib_json value);
/* Of a STRING; it may contain U+0000. */
struct attrib_str attrib_json_string(struct attrib_json value);
/* Of a BOOL. */
bool attrib_json_bool(struct attrib_json value);
/* The plain decimal of a NUMBER ("119", "0.5", "-3") into out; integer tells whether it was written
 * as one. Returns its length, or 0 when the number is not exact in 15 digits (integers: in 64
 * bits). */
size_t attrib_json_decimal(
	struct attrib_json value, char out[ATTRIB_JSON_DECIMAL_MAX], bool *integer);
/* The same rounded to 15 digits, for numbers that programs calculated: 0.30000000000000004 is 0.3. 0 when
 * it has more than 15 before the point, or for what is no number. */
size_t attrib_json_nearest(struct attrib_json value, char out[ATTRIB_JSON_DECIMAL_MAX]);
/* Members of an OBJECT or items of an ARRAY, in order. */
void attrib_json_walk(struct attrib_json value, struct attrib_json_walk *walk);
/* False at the end. name is empty in arrays. A name that stands twice is met twice. */
bool attrib_json_next(
	struct attrib_json_walk *walk, struct attrib_str *name, struct attrib_json *value);

#ifdef __cplusplus
}
#endif
#endif
