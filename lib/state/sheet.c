/*
 * Blocks of 2 MiB at places that a huge page can map, and the sheets in them.
 */
#include "sheet.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "attrib/error.h"
#include "poison.h"

#define BLOCK_BYTES ((size_t)2 << 20) /* a huge page of x86-64; of others some smaller ones */

struct state_sheet_block {
	struct state_sheet_block *next;
	char *p;
};

/* Mapped with room for the next multiple of its size, of which the rest is given back: blocks end up side
 * by side, as one mapping. Where there are no huge pages it is memory all the same. */
static char *block_map(void)
{
	char *p = mmap(
		NULL, 2 * BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t lead;

	if (p == MAP_FAILED)
		return NULL;
	lead = -(uintptr_t)p % BLOCK_BYTES;
	if (lead)
		munmap(p, lead);
	munmap(p + lead + BLOCK_BYTES, BLOCK_BYTES - lead);
	madvise(p + lead, BLOCK_BYTES, MADV_HUGEPAGE);
	POISON(p + lead, BLOCK_BYTES);
	return p + lead;
}

static int block_add(struct state_sheets *sheets)
{
	struct state_sheet_block *block = malloc(sizeof *block);

	if (!block)
		return ATTRIB_E_NOMEM;
	block->p = block_map();
	if (!block->p) {
		free(block);
		return ATTRIB_E_NOMEM;
	}
	block->next = sheets->blocks;
	sheets->blocks = block;
	sheets->left = BLOCK_BYTES / STATE_SHEET_BYTES;
	return 0;
}

void state_sheets_done(struct state_sheets *sheets)
{
	while (sheets->blocks) {
		struct state_sheet_block *block = sheets->blocks;
		sheets->blocks = block->next;
		UNPOISON(block->p, BLOCK_BYTES);
		munmap(block->p, BLOCK_BYTES);
		free(block);
	}
	*sheets = (struct state_sheets){0};
}

void *state_sheet_take(struct state_sheets *sheets)
{
	char *sheet = sheets->free;

	if (sheet) {
		UNPOISON(sheet, sizeof sheets->free);
		memcpy(&sheets->free, sheet, sizeof sheets->free);
	} else {
		if (!sheets->left && block_add(sheets) != 0)
			return NULL;
		sheet = sheets->blocks->p + BLOCK_BYTES - sheets->left-- * STATE_SHEET_BYTES;
	}
	UNPOISON(sheet, STATE_SHEET_BYTES);
	return sheet;
}

void state_sheet_give(struct state_sheets *sheets, void *sheet)
{
	UNPOISON(sheet, sizeof sheets->free);
	memcpy(sheet, &sheets->free, sizeof sheets->free);
	sheets->free = sheet;
	POISON(sheet, STATE_SHEET_BYTES);
}
