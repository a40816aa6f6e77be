/*
 * A journal directory as the writer leaves it, and what may happen to it afterwards.
 *
 * Faithful: numbers are consecutive and each file is where the writer put it, so of what was written it is
 * known exactly which records must be found again. A forged record (a checksum that fits, a number that no
 * writer would give) or a segment under another name ends that; all else must hold still.
 */
#ifndef FUZZ_DISK_H
#define FUZZ_DISK_H

#include "attrib/buf.h"
#include "format.h"
#include "input.h"

#define DISK_LANES    3
#define DISK_SEGMENTS 12
#define DISK_RECORDS  256

struct disk_record {
	uint32_t segment; /* index */
	uint64_t number;
	size_t offset, size;       /* of the record in its segment */
	struct attrib_str payload; /* view into the segment as it was */
	bool starts;               /* a commit */
};

struct disk_segment {
	struct journal_head head;
	bool foreign; /* of another instance */
	bool last;    /* of its lane, as written */
	struct attrib_buf was, now;
	bool gone;
};

struct disk {
	struct attrib_id instance;
	struct disk_segment segments[DISK_SEGMENTS];
	size_t segment_count;
	struct disk_record records[DISK_RECORDS]; /* lanes one after the other, by number */
	size_t record_count;
	bool faithful;
	bool sane; /* as written, every payload is one of a worker */
	bool junk; /* files that are no segments lie beside them */
};

void disk_init(struct disk *disk);
void disk_done(struct disk *disk);
/* What a writer wrote. */
void disk_write(struct disk *disk, struct input *in);
/* What happened to it. */
void disk_damage(struct disk *disk, struct input *in);
/* Puts it into an empty directory. */
void disk_store(const struct disk *disk, const char *dir);

/* The record is there as it was written, in a segment of which a head can be read. */
bool disk_holds(const struct disk *disk, const struct disk_record *record);
/* Of some segment neither copy of the head is as it was written. */
bool disk_lacks_head(const struct disk *disk);
/* NULL: nobody wrote such a record. */
const struct disk_record *disk_find(
	const struct disk *disk, const struct attrib_id *lane, uint64_t number);

#endif
