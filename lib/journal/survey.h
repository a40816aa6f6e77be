/*
 * What another directory of the same instance holds, and what of it is not here: everything that has to be
 * known before the first byte is copied.
 */
#ifndef JOURNAL_SURVEY_H
#define JOURNAL_SURVEY_H

#include "directory.h"
#include "format.h"
#include "internal.h"
#include "scan.h"

#define SURVEY_BLOCK 1048576u

/* A segment from its first byte to its last. */
struct journal_content {
	struct journal_head head;
	uint64_t last;    /* number of the last record; first - 1 when there is none */
	uint64_t end;     /* offset behind it */
	uint64_t records; /* that can be read */
	struct attrib_damage damage;
	bool damaged;
};

struct journal_piece {
	const struct journal_entry *entry; /* borrowed from the directory */
	struct journal_content content;
	bool wanted;
	uint64_t news; /* records that are not here */
};

struct journal_survey {
	struct attrib_journal *journal;  /* borrowed; ours */
	const struct attrib_adopt *what; /* borrowed */
	int from;                        /* owned; the other directory; -1 = not open */
	struct journal_directory directory;
	struct journal_piece *pieces; /* owned; one for each entry of the directory */
	struct journal_window window;
	uint8_t *block, *other; /* owned; SURVEY_BLOCK bytes each */
	bool replaces;          /* a segment that is here will be replaced by a longer one */
	uint64_t done, total;   /* bytes */
};

/* Reads all there is and decides what is wanted; errors as of attrib_journal_adopt. */
int journal_survey_make(struct journal_survey *survey, struct attrib_journal *journal,
	const struct attrib_adopt *what) ATTRIB_MUST_CHECK;
void journal_survey_done(struct journal_survey *survey);

int journal_content_read(struct journal_survey *survey, int dir, const char *name,
	uint64_t next_first, struct journal_content *out) ATTRIB_MUST_CHECK;
/* A sentence about a segment, and how far the whole has come. */
void journal_survey_say(
	const struct journal_survey *survey, const struct journal_entry *entry, const char *text);
void journal_survey_advance(struct journal_survey *survey, uint64_t bytes);

#endif
