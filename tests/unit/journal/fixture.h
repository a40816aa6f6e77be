/*
 * What the journal's tests share: a directory of their own, payloads that tell which record they
 * are, a reader loop, and faults by number through the io table.
 */
#ifndef JOURNAL_FIXTURE_H
#define JOURNAL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "attrib/journal.h"
#include "internal.h"
#include "attrib/io.h"

struct fixture {
	char dir[64];
	struct attrib_journal_options options;
	struct attrib_journal *journal;
};

int fixture_setup(void **state);
/* The same where a sync costs nothing, for those who do not look at how long one takes. */
int fixture_setup_in_memory(void **state);
int fixture_teardown(void **state); /* closes the journal and removes the directory */
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);

/* The payload of record `number` of stream `tag`: 1 to 400 bytes that follow from both. */
struct attrib_str payload_of(uint32_t tag, uint64_t number, uint8_t out[512]);
bool payload_fits(struct attrib_str payload, uint32_t tag, uint64_t number);

/* Appends n records of stream `tag`, in commits of `group`; all of them must become durable. */
void append_all(struct attrib_lane *lane, uint32_t tag, uint64_t n, uint64_t group);
/* Commits, waits for the companion if it is at work, and returns the outcome. */
int commit_wait(struct attrib_lane *lane);

/* Reads a lane to its end; every payload must fit `tag`. Returns how many; *last the last number. */
uint64_t read_all(
	struct attrib_reader *reader, uint32_t lane, uint32_t tag, uint64_t after, uint64_t *last);

/* Names of all segments of a directory in order, each freed by the caller with the array. */
int segment_names(const char *dir, char ***names);
void segment_names_free(char **names, int n);
/* Path of the only (or the last) segment of the directory. */
void segment_path(const struct fixture *f, char out[256]);
uint64_t file_size(const char *path);

/* -- faults ------------------------------------------------------------------------------------- */

enum fault_call {
	FAULT_PWRITE,
	FAULT_FDATASYNC,
	FAULT_FSYNC,
	FAULT_OPEN,
	FAULT_RENAME,
	FAULT_UNLINK,
	FAULT_PREAD, /* two in a row make a page of zeros */
	FAULT_CALLS
};

/* The io table whose calls fail as said; counts every call and every fault that fired. */
extern const struct attrib_io fault_io;
void fault_reset(void);
/* From now on calls number skip, skip + 1, .. skip + count - 1 of this kind fail with errno. */
void fault_set(enum fault_call call, int error, unsigned skip, unsigned count);
/* Every pwrite writes at most n bytes (0 = all). */
void fault_short(size_t n);
/* The process ends without a word before call number `calls` (0 = never) that changes what is on the
 * disk: a write, a sync, a rename or an unlink. For a child. */
void fault_die(unsigned calls);
/* fdatasync waits until fault_release. */
void fault_hang(void);
void fault_release(void);
unsigned fault_fired(void);
unsigned fault_called(enum fault_call call);

/* A small random generator: the same seed gives the same test. */
uint64_t next_random(uint64_t *state);
uint64_t test_seed(const char *name); /* from JOURNAL_SEED or the system; printed */

#endif
