/*
 * A directory of checkpoints, as its two halves share it: checkpoint.c lists and loads,
 * checkpoint_file.c writes.
 */
#ifndef STATE_CHECKPOINT_H
#define STATE_CHECKPOINT_H

#include "checkpoint_format.h"

#define CHECKPOINT_KEPT 2

struct checkpoint_entry {
	struct attrib_checkpoint_head head; /* lanes owned */
	uint64_t seed, bytes, last;         /* size of the file; offset of its last block */
};

struct attrib_checkpoints {
	const struct attrib_io *io;
	struct attrib_id instance;
	int dir;                          /* owned */
	char *path;                       /* owned; for sentences */
	uint64_t next;                    /* sequence of the next file */
	struct checkpoint_entry *entries; /* owned; newest first */
	size_t count, cap;
	uint64_t *foreign; /* owned; sequences of files that are not ours to touch */
	size_t foreign_count, foreign_cap;
	void (*note)(void *arg, enum attrib_checkpoint_note what, const char *text);
	void *note_arg;
};

/* Makes room for one more entry. ATTRIB_E_NOMEM. */
int checkpoint_entry_room(struct attrib_checkpoints *checkpoints) ATTRIB_MUST_CHECK;
/* Takes an entry over, in its place; there is room. */
void checkpoint_entry_add(struct attrib_checkpoints *checkpoints, struct checkpoint_entry *entry);
void checkpoint_entry_remove(struct attrib_checkpoints *checkpoints, size_t i);

#endif
