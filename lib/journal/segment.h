/*
 * The segment that a lane writes. One thread at a time.
 *
 * Room is written as zeros before it is needed: an fdatasync into bytes that exist costs the disk
 * write alone, on a growing or merely allocated file it costs a transaction of the file system as
 * well. It also means that a full disk shows while zeros are written, before any record is.
 */
#ifndef JOURNAL_SEGMENT_H
#define JOURNAL_SEGMENT_H

#include "format.h"
#include "attrib/io.h"

struct journal_segment {
	int fd; /* owned; -1 = none */
	struct journal_head head;
	uint64_t end;      /* where the next record goes */
	uint64_t reserved; /* zeros or records are written up to here: the size of the file */
};

/* Makes a segment with room for `room` bytes of records: head and room are synced under a
 * temporary name, then it is renamed and the directory synced. ATTRIB_E_NO_SPACE leaves nothing
 * behind; ATTRIB_E_IO. */
int journal_segment_create(const struct attrib_io *io, int dir, const struct journal_head *head,
	uint64_t room, struct journal_segment *out) ATTRIB_MUST_CHECK;
/* Writes zeros up to the offset `upto`. ATTRIB_E_NO_SPACE keeps what could be written. */
int journal_segment_reserve(const struct attrib_io *io, struct journal_segment *segment,
	uint64_t upto) ATTRIB_MUST_CHECK;
/* Writes the records of one commit at the end and syncs. ATTRIB_E_NO_SPACE: nothing of them is in
 * the file, durably; ATTRIB_E_IO: in doubt, the caller never writes here again. */
int journal_segment_commit(const struct attrib_io *io, struct journal_segment *segment,
	const uint8_t *records, size_t n) ATTRIB_MUST_CHECK;
/* Gives back the room that was not used (if the file is sound) and closes. */
void journal_segment_finish(
	const struct attrib_io *io, struct journal_segment *segment, bool sound);

#endif
