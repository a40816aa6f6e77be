/*
 * Every call by which durable files are touched, in one table.
 *
 * What the journal and the checkpoints promise is about what happens when one of these calls fails,
 * hangs or is the last one before the power goes: so nothing there calls the system past the table,
 * and a test replaces the entry that it wants to fail.
 */
#ifndef ATTRIB_IO_H
#define ATTRIB_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "attrib/error.h"

struct attrib_io {
	int (*open)(int dir, const char *name, int flags, mode_t mode);
	ssize_t (*pread)(int fd, void *p, size_t n, off_t at);
	ssize_t (*pwrite)(int fd, const void *p, size_t n, off_t at);
	int (*fdatasync)(int fd);
	int (*fsync)(int fd); /* directories */
	int (*truncate)(int fd, off_t size);
	int (*rename)(int dir, const char *from, const char *to);
	int (*unlink)(int dir, const char *name);
	uint64_t (*room)(int fd); /* bytes that may still be written to its file system */
};

extern const struct attrib_io attrib_io_system;

/* Writes all n bytes: short writes go on, EINTR is tried again, nothing else is. 0,
 * ATTRIB_E_NO_SPACE (no space or quota of the file system) or ATTRIB_E_IO. *done (may be NULL) is
 * how many bytes were written, also on failure. */
int attrib_io_write(
	const struct attrib_io *io, int fd, const void *p, size_t n, uint64_t at, size_t *done);
/* Reads up to n bytes; *got < n only at the end of the file. A sector that can't be read comes back
 * as zeros, so that it costs the records in it and not the rest of the segment. */
int attrib_io_read(const struct attrib_io *io, int fd, void *p, size_t n, uint64_t at, size_t *got);
/* Opens a directory, made with its entry synced when absent and `make` is set. ATTRIB_E_NOT_FOUND,
 * ATTRIB_E_IO. */
int attrib_io_open_dir(
	const struct attrib_io *io, const char *path, bool make, int *fd) ATTRIB_MUST_CHECK;
/* Calls visit for each name of an open directory until it fails; its error, or ATTRIB_E_IO. */
int attrib_io_each_name(const struct attrib_io *io, int dir,
	int (*visit)(void *arg, const char *name), void *arg) ATTRIB_MUST_CHECK;
/* What errno means after a failed open or write. */
int attrib_io_error(void);

#endif
