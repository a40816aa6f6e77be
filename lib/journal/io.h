/*
 * Every call by which the journal touches files, in one table.
 *
 * The promises of the journal are about what happens when one of these calls fails, hangs or is the
 * last one before the power goes: so nothing in this room calls the system past the table, and a
 * test replaces the entry that it wants to fail.
 */
#ifndef JOURNAL_IO_H
#define JOURNAL_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct journal_io {
	int (*open)(int dir, const char *name, int flags, mode_t mode);
	ssize_t (*pread)(int fd, void *p, size_t n, off_t at);
	ssize_t (*pwrite)(int fd, const void *p, size_t n, off_t at);
	int (*fdatasync)(int fd);
	int (*fsync)(int fd); /* directories */
	int (*truncate)(int fd, off_t size);
	int (*rename)(int dir, const char *from, const char *to);
	int (*unlink)(int dir, const char *name);
};

extern const struct journal_io journal_io_system;

/* Writes all n bytes: short writes go on, EINTR is tried again, nothing else is. 0,
 * ATTRIB_E_NO_SPACE (no space or quota of the file system) or ATTRIB_E_IO. *done (may be NULL) is
 * how many bytes were written, also on failure. */
int journal_io_write(
	const struct journal_io *io, int fd, const void *p, size_t n, uint64_t at, size_t *done);
/* Reads up to n bytes; *got < n only at the end of the file. A sector that can't be read comes back
 * as zeros, so that it costs the records in it and not the rest of the segment. */
int journal_io_read(
	const struct journal_io *io, int fd, void *p, size_t n, uint64_t at, size_t *got);
/* What errno means after a failed open or write. */
int journal_io_error(void);

#endif
