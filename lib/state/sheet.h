/*
 * Memory in sheets of one size, cut from blocks that are a huge page each: a state is larger than what
 * pages of 4 KiB map without a walk, and the kernel gives larger ones to whoever asks. What is given
 * back serves again; all of it goes to the system at the end.
 */
#ifndef ATTRIB_STATE_SHEET_H
#define ATTRIB_STATE_SHEET_H

#include <stddef.h>

#define STATE_SHEET_BYTES ((size_t)32 << 10)

struct state_sheet_block;
struct state_sheets {
	struct state_sheet_block *blocks; /* owned; the first is being cut */
	size_t left;                      /* sheets at the end of the first */
	void *free;                       /* list */
};

/* All zero is an empty one. Whatever lies in a sheet goes with it. */
void state_sheets_done(struct state_sheets *sheets);
/* Bytes are undefined, aligned to a page; NULL when memory is out. */
void *state_sheet_take(struct state_sheets *sheets);
void state_sheet_give(struct state_sheets *sheets, void *sheet);

#endif
