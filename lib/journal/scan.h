/*
 * Walking over the records of one segment file: what the reader, the scan at open and verify share.
 *
 * Two steps: peek parses the record at the scan's place, skip looks for the next valid one behind
 * bytes that are none. Which bytes count as damage is decided here and only here: a bad stretch
 * counts when a later commit begins behind it. If none does, it lies in the last commit, which may
 * never have been acknowledged: a power cut may keep any part of it, so that is a torn tail.
 */
#ifndef JOURNAL_SCAN_H
#define JOURNAL_SCAN_H

#include "format.h"
#include "attrib/io.h"

/* A block of the file in memory; one per reader, used by one scan at a time. */
struct journal_window {
	uint8_t *p;        /* owned */
	size_t cap, n;     /* bytes allocated, bytes filled */
	uint64_t at;       /* file offset of p[0] */
	const void *owner; /* the scan that filled it; NULL = empty */
	bool fresh;        /* filled since the owner of the window last cleared this */
};

struct journal_damage {
	uint64_t stretches, bytes;
	/* the last of them: its place and the numbers that are missing (to < from: none) */
	uint64_t at, length, from, to;
};

struct journal_scan {
	const struct attrib_io *io;    /* borrowed */
	struct journal_window *window; /* borrowed */
	int fd;                        /* owned; -1 = closed */
	struct journal_head head;
	uint64_t at;          /* offset of the next record */
	uint64_t number;      /* the number that it should have */
	uint64_t next_first;  /* first number of the lane's next segment; UINT64_MAX = none */
	size_t block;         /* bytes to read at once; grows while reading goes on */
	bool settled;         /* everything behind a bad stretch was acknowledged: it is damage */
	uint64_t head_damage; /* where a damaged copy of the head stands; UINT64_MAX: nowhere */
	uint32_t version;     /* of the format, as the head says; set on ATTRIB_E_VERSION, too */
	uint64_t torn;        /* bytes of the torn tail that was met */
};

struct journal_found {
	uint64_t number;
	struct attrib_str payload; /* in the window */
	size_t size;               /* with head and padding */
	bool starts;
};

void journal_window_done(struct journal_window *window);

/* Opens the segment by its name and reads the head. ATTRIB_E_CORRUPT: no readable head, or that of
 * a segment with another name; *size is still set; ATTRIB_E_VERSION; ATTRIB_E_IO; ATTRIB_E_NOT_FOUND. */
int journal_scan_open(struct journal_scan *scan, const struct attrib_io *io, int dir,
	const char *name, struct journal_window *window, uint64_t *size) ATTRIB_MUST_CHECK;
void journal_scan_close(struct journal_scan *scan);

enum journal_peek {
	JOURNAL_PEEK_RECORD, /* *out is the record; journal_scan_pass goes on behind it */
	JOURNAL_PEEK_NONE,   /* no valid record stands here */
	JOURNAL_PEEK_FILL,   /* the window must move first, and may_fill was false */
};
int journal_scan_peek(struct journal_scan *scan, bool may_fill, enum journal_peek *what,
	struct journal_found *out) ATTRIB_MUST_CHECK;
void journal_scan_pass(struct journal_scan *scan, const struct journal_found *found);

enum journal_tail {
	JOURNAL_TAIL_RECORD, /* the scan stands at a valid record again */
	JOURNAL_TAIL_END,    /* nothing but zeros, or the end of the file */
	JOURNAL_TAIL_TORN,   /* bytes that are no record, and no record behind them */
};
/* Moves the scan to the next valid record numbered up to `last`, adding what is damage. */
int journal_scan_skip(struct journal_scan *scan, uint64_t last, struct journal_damage *damage,
	enum journal_tail *tail) ATTRIB_MUST_CHECK;
/* Reads to the end: *last = number of the last valid record (first - 1 when there is none), *torn =
 * bytes behind it that are no record. */
int journal_scan_last(struct journal_scan *scan, uint64_t *last, uint64_t *torn) ATTRIB_MUST_CHECK;
void journal_damage_add(
	struct journal_damage *damage, uint64_t at, uint64_t length, uint64_t from, uint64_t to);

#endif
