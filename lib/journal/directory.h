/*
 * What the names in a journal directory say: every segment with its lane, first number and size.
 */
#ifndef JOURNAL_DIRECTORY_H
#define JOURNAL_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>
#include "attrib/error.h"
#include "attrib/id.h"
#include "attrib/io.h"

struct journal_entry {
	struct attrib_id lane;
	uint64_t first;
	uint64_t size; /* bytes of the file */
};

struct journal_directory {
	struct journal_entry *entries; /* owned; sorted by lane, then first number */
	size_t count, cap;
};

/* Lists the segments. `tidy` removes what a crash left half made (never a segment). */
int journal_directory_list(const struct attrib_io *io, int fd, bool tidy,
	struct journal_directory *out) ATTRIB_MUST_CHECK;
void journal_directory_done(struct journal_directory *directory);
/* The end of the lane that begins at entry i. */
size_t journal_directory_lane(const struct journal_directory *directory, size_t i);

#endif
