/*
 * The body of a touch: type, verdicts, event id and the keys as they were sent.
 * Raw keys, because who owns them is asked when an order is decided.
 */
#ifndef ATTRIB_ENGINE_EVIDENCE_H
#define ATTRIB_ENGINE_EVIDENCE_H

#include "attrib/arena.h"
#include "attrib/event.h"

/* Bytes in the arena; p is NULL when memory is out. */
struct attrib_str attrib_evidence_write(
	const struct attrib_event *event, struct attrib_arena *arena);

#endif
