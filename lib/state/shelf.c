/*
 * A stack of pieces on a stack of sheets.
 */
#include "shelf.h"

#include <stdlib.h>

#include "attrib/error.h"
#include "poison.h"

#define FIRST_ROOM 4

static char *place(const struct state_shelf *shelf, size_t i)
{
	return (char *)shelf->sheets[shelf->count - 1] + i * shelf->size;
}

static int sheet_add(struct state_shelf *shelf, struct state_sheets *store)
{
	size_t room = shelf->room ? shelf->room * 2 : FIRST_ROOM;
	void **sheets = shelf->sheets, *sheet;

	if (shelf->count == shelf->room) {
		sheets = realloc(sheets, room * sizeof *sheets);
		if (!sheets)
			return ATTRIB_E_NOMEM;
		shelf->sheets = sheets;
		shelf->room = room;
	}
	sheet = state_sheet_take(store);
	if (!sheet)
		return ATTRIB_E_NOMEM;
	POISON(sheet, STATE_SHEET_BYTES);
	sheets[shelf->count++] = sheet;
	shelf->left = shelf->each;
	return 0;
}

void *state_shelf_take(struct state_shelf *shelf, struct state_sheets *store, size_t size)
{
	char *p;

	if (!shelf->size) {
		shelf->size = size;
		shelf->each = STATE_SHEET_BYTES / size;
	}
	if (!shelf->left && sheet_add(shelf, store) != 0)
		return NULL;
	p = place(shelf, shelf->each - shelf->left--);
	UNPOISON(p, size);
	return p;
}

void *state_shelf_last(const struct state_shelf *shelf)
{
	return place(shelf, shelf->each - shelf->left - 1);
}

void state_shelf_drop_last(struct state_shelf *shelf, struct state_sheets *store)
{
	POISON(state_shelf_last(shelf), shelf->size);
	if (++shelf->left < shelf->each)
		return;
	state_sheet_give(store, shelf->sheets[--shelf->count]);
	shelf->left = 0; /* the sheet before is full */
}

void state_shelf_done(struct state_shelf *shelf, struct state_sheets *store)
{
	for (size_t i = 0; i < shelf->count; i++)
		state_sheet_give(store, shelf->sheets[i]);
	free(shelf->sheets);
	*shelf = (struct state_shelf){0};
}
