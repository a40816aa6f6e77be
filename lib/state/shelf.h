/*
 * Pieces of one size, side by side without a gap, in the order in which they were taken. Only the last
 * one is ever put back: who frees another moves the last one into its place, so however many pieces of a
 * size come and go, none of their memory lies waiting for that size to be wanted again.
 */
#ifndef ATTRIB_STATE_SHELF_H
#define ATTRIB_STATE_SHELF_H

#include "sheet.h"

struct state_shelf {
	void **sheets; /* owned array; the sheets are the common store's */
	size_t count, room;
	size_t size, each; /* bytes of a piece, pieces on a sheet; 0 = none was ever taken */
	size_t left;       /* places behind the last piece, on the last sheet */
};

/* All zero is an empty one. size: the same for all pieces. NULL when memory is out. */
void *state_shelf_take(struct state_shelf *shelf, struct state_sheets *store, size_t size);
/* The last piece; there is one. */
void *state_shelf_last(const struct state_shelf *shelf);
void state_shelf_drop_last(struct state_shelf *shelf, struct state_sheets *store);
/* Gives all sheets back. */
void state_shelf_done(struct state_shelf *shelf, struct state_sheets *store);

#endif
