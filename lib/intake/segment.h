/*
 * A message of Segment's on its way to a draft.
 */
#ifndef ATTRIB_INTAKE_SEGMENT_H
#define ATTRIB_INTAKE_SEGMENT_H

#include "analytics.h"

struct message {
	const struct sender *sender;
	struct attrib_json root;
	int64_t sent_at;      /* by the sender's clock; ATTRIB_NEVER: not said */
	const char *needless; /* why nobody needs it */
};

typedef bool segment_noter(struct message *m, struct draft *draft);

/* Calls and events, by their names; the table ends with a NULL note. */
struct segment_row {
	struct attrib_str name;
	segment_noter *note;
};
/* In either case; NULL = not in the table. */
segment_noter *segment_find(const struct segment_row *rows, struct attrib_str name);

/* The text at a path of the message. */
struct attrib_str segment_text(const struct message *m, const char *path);
/* What messages of all types have: id, time, person and where they came from. */
bool segment_note_common(const struct message *m, struct draft *draft);

/* A track call, by its event. */
segment_noter segment_note_track;

#define SEGMENT_NOTE(message, draft, mappings)                                                     \
	note_mapped(draft, (message)->root, mappings, sizeof(mappings) / sizeof *(mappings))

#endif
