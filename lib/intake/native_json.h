/* JSON items of the native form, for /v1/events and the beacon. */
#ifndef ATTRIB_INTAKE_NATIVE_JSON_H
#define ATTRIB_INTAKE_NATIVE_JSON_H

#include "draft.h"
#include "json.h"

/* Notes the fields of one item; false: it is refused. */
bool note_item(struct draft *draft, struct attrib_json item);
/* The text of a string, a flag or an exact number; p is NULL for what has none. whole: numbers have to
 * be integers. */
struct attrib_str json_text(struct attrib_arena *arena, struct attrib_json value, bool whole);
/* A whole body of one object or an array. */
int take_json(
	const struct sender *sender, struct attrib_str body, struct attrib_intake_result *out);

#endif
