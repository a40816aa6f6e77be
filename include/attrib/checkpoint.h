/*
 * Checkpoints: copies of the memory state on disk, from which a start goes on instead of reading the
 * journal from its beginning.
 *
 * A copy is fuzzy: it is made in small steps while records go on being applied. That is enough because
 * facts only grow: it holds every fact of the records up to the positions that were noted before the
 * first step, perhaps some of later ones, and whoever loads it applies all records behind those
 * positions again. What a cap has dropped leaves its claim behind as a remembered id, so the ids are
 * copied after everything that can drop a touch; and nothing may be forgotten between the first step and
 * the last.
 *
 * Directory: <state_dir>/checkpoint/<sequence, 16 hex digits>.ckpt; bytes in lib/state/checkpoint_format.h.
 * The two newest that are whole are kept, and no segment of the journal may be deleted that the older one
 * still needs. A copy is written under another name, synced, renamed, and the directory is synced.
 *
 * The dump and the load belong to the thread that owns the state; a file to one thread at a time.
 */
#ifndef ATTRIB_CHECKPOINT_H
#define ATTRIB_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include "attrib/buf.h"
#include "attrib/error.h"
#include "attrib/id.h"
#include "attrib/io.h"
#include "attrib/state.h"

struct attrib_checkpoint_lane {
	struct attrib_id lane;
	uint64_t applied; /* every record up to this number is in the copy */
	uint64_t
		forgotten; /* ... up to this one was applied when something was last forgotten; 0 = never */
};

struct attrib_checkpoint_head {
	struct attrib_id instance;
	uint64_t sequence; /* grows with every checkpoint of a directory */
	int64_t made_at;   /* wall clock, for people */
	uint64_t base;     /* of the journal (attrib_journal_base) */
	/* what engine and daemon know beside the facts, as of the positions */
	int64_t newest_received_at, complete_from, forgotten_before;
	uint64_t bad_payloads, unknown_sites;
	struct attrib_checkpoint_lane *lanes;
	uint32_t lane_count;
};

/* NULL: the lane is not in it. */
const struct attrib_checkpoint_lane *attrib_checkpoint_find_lane(
	const struct attrib_checkpoint_head *head, const struct attrib_id *lane);

/* -- dumping: the owner of the state -------------------------------------------------------------- */

struct attrib_dump {
	unsigned part;        /* which kind of entity comes next */
	uint64_t cursor;      /* in its table */
	uint64_t entities[5]; /* copied so far, by kind */
	uint64_t facts;       /* ... copies of facts */
	bool done;
};
#define ATTRIB_DUMP_START ((struct attrib_dump){0})
/* A block is handed on when it has this many bytes. */
#define ATTRIB_DUMP_BLOCK ((size_t)256 * 1024)

/* Appends the next few dozen entities to a block, or sets done. ATTRIB_E_NOMEM: the block is as it was. */
int attrib_state_memory_dump(struct attrib_state *state, struct attrib_dump *dump,
	struct attrib_buf *block) ATTRIB_MUST_CHECK;
/* After the last step: the totals, and the lanes that claims speak of. The last block of a file. */
int attrib_state_memory_dump_end(struct attrib_state *state, const struct attrib_dump *dump,
	struct attrib_buf *block) ATTRIB_MUST_CHECK;

/* -- the directory -------------------------------------------------------------------------------- */

enum attrib_checkpoint_note {
	ATTRIB_CHECKPOINT_NEWER,   /* a newer format, because of which the open fails */
	ATTRIB_CHECKPOINT_FOREIGN, /* of another instance: left alone */
	ATTRIB_CHECKPOINT_DAMAGED, /* passed over; removed when the next one is published */
};

struct attrib_checkpoints_options {
	const char *dir; /* made when absent */
	struct attrib_id instance;
	const struct attrib_io *io; /* NULL = the system's */
	/* called with a sentence that names the file; NULL = nobody */
	void (*note)(void *arg, enum attrib_checkpoint_note what, const char *text);
	void *note_arg;
};

struct attrib_checkpoints;
/* Lists what is there, removes what a crash left half written. Only head and end of each file are read:
 * damage between them is found by the load. ATTRIB_E_VERSION, ATTRIB_E_IO with errno, ATTRIB_E_NOT_FOUND
 * (the parent), ATTRIB_E_NOMEM. */
int attrib_checkpoints_open(const struct attrib_checkpoints_options *options,
	struct attrib_checkpoints **out) ATTRIB_MUST_CHECK;
void attrib_checkpoints_close(struct attrib_checkpoints *checkpoints);

/* Those that can be loaded, newest first. Valid until the next publish or damage. */
size_t attrib_checkpoints_count(const struct attrib_checkpoints *checkpoints);
const struct attrib_checkpoint_head *attrib_checkpoints_head(
	const struct attrib_checkpoints *checkpoints, size_t i);
uint64_t attrib_checkpoints_bytes(const struct attrib_checkpoints *checkpoints, size_t i);

/* A new state from the i-th. keeps: whether claims of a lane can still be asked for (NULL = all can); the
 * others become nobody's. ATTRIB_E_CORRUPT: it is damaged, told to `note`, and no longer in the list.
 * ATTRIB_E_IO, ATTRIB_E_NOMEM. */
struct attrib_checkpoint_load {
	struct attrib_memory_options memory;
	bool (*keeps)(void *arg, const struct attrib_id *lane);
	void *keeps_arg;
};
int attrib_checkpoints_load(struct attrib_checkpoints *checkpoints, size_t i,
	const struct attrib_checkpoint_load *load, struct attrib_state **out) ATTRIB_MUST_CHECK;

/* -- writing: one file at a time ------------------------------------------------------------------ */

struct attrib_checkpoint_file;
/* Begins a file under a name that no start reads; the head's instance and sequence are filled in. All that
 * may be written: ATTRIB_E_NO_SPACE (also when less than `leave` bytes would be free afterwards),
 * ATTRIB_E_IO with errno, ATTRIB_E_NOMEM. */
int attrib_checkpoint_create(struct attrib_checkpoints *checkpoints,
	const struct attrib_checkpoint_head *head, uint64_t leave,
	struct attrib_checkpoint_file **out) ATTRIB_MUST_CHECK;
int attrib_checkpoint_write(
	struct attrib_checkpoint_file *file, const struct attrib_buf *block) ATTRIB_MUST_CHECK;
/* The last block; then everything is synced. */
int attrib_checkpoint_finish(
	struct attrib_checkpoint_file *file, const struct attrib_buf *end) ATTRIB_MUST_CHECK;
uint64_t attrib_checkpoint_bytes(const struct attrib_checkpoint_file *file);
/* Gives it its name, durably, and removes all but the two newest that are whole. The file is gone whatever
 * the result. */
int attrib_checkpoint_publish(struct attrib_checkpoint_file *file) ATTRIB_MUST_CHECK;
/* Gives up: the file is removed. */
void attrib_checkpoint_drop(struct attrib_checkpoint_file *file);

#endif
