/*
 * A lock is a flock(2): it dies with its process, so a crash leaves nothing to clean up. The file
 * stays.
 */
#include "statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int take_lock(const char *dir, int flags, int *fd)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/lock", dir);
	int lock = open(path, flags | O_CLOEXEC, 0600);
	if (lock < 0)
		return ATTRIB_E_IO;
	if (flock(lock, LOCK_EX | LOCK_NB)) {
		int kept = errno;
		close(lock);
		errno = kept;
		return kept == EWOULDBLOCK ? ATTRIB_E_UNAVAILABLE : ATTRIB_E_IO;
	}
	*fd = lock;
	return 0;
}

int attribd_statedir_lock(const char *dir, int *fd)
{
	if (mkdir(dir, 0700) && errno != EEXIST)
		return ATTRIB_E_IO;
	return take_lock(dir, O_RDWR | O_CREAT, fd);
}

int attribd_statedir_lock_copy(const char *dir, int *fd)
{
	int err = take_lock(dir, O_RDONLY, fd);

	if (err != ATTRIB_E_IO || errno != ENOENT)
		return err;
	*fd = -1;
	return 0;
}

/* Names that an earlier start made may not be on the disk yet, if it ended before it could see to
 * that. Records below a name that a power cut takes back would be lost. */
static int sync_names(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), parent = -1;
	int err = fd < 0 || fsync(fd) ? ATTRIB_E_IO : 0;

	if (!err)
		parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* a parent that may not be read is somebody else's, and was there before */
	if (parent >= 0 && fsync(parent))
		err = ATTRIB_E_IO;
	if (parent >= 0)
		close(parent);
	if (fd >= 0)
		close(fd);
	return err;
}

/* 32 hex digits. */
static int read_id(int fd, struct attrib_id *out)
{
	char text[33];
	ssize_t n = read(fd, text, sizeof text);

	if (n < 0)
		return ATTRIB_E_IO;
	if (n < 32 || (n == 33 && text[32] != '\n') ||
		attrib_hex_decode((struct attrib_str){text, 32}, out, sizeof *out))
		return ATTRIB_E_CORRUPT;
	return 0;
}

static int read_file(const char *path, struct attrib_id *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? ATTRIB_E_NOT_FOUND : ATTRIB_E_IO;
	int err = read_id(fd, out);
	close(fd);
	return err;
}

/* Renamed into place when it is whole and on the disk. */
static int write_file(const char *path, const struct attrib_id *id)
{
	char temporary[4096 + 32], text[33];
	int err = 0;

	attrib_hex(id, sizeof *id, text);
	text[32] = '\n';
	snprintf(temporary, sizeof temporary, "%s.tmp", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return ATTRIB_E_IO;
	if (write(fd, text, sizeof text) != sizeof text || fsync(fd) || rename(temporary, path))
		err = ATTRIB_E_IO;
	close(fd);
	return err;
}

int attribd_statedir_instance(const char *dir, struct attrib_id *out)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/instance", dir);
	int err = read_file(path, out);
	if (err == ATTRIB_E_NOT_FOUND) {
		attrib_random(out, sizeof *out);
		err = write_file(path, out);
	}
	return err ? err : sync_names(dir);
}

int attribd_statedir_shared(const char *dir, struct attrib_id *out)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/shared_state", dir);
	return read_file(path, out);
}

int attribd_statedir_keep_shared(const char *dir, const struct attrib_id *id)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/shared_state", dir);
	int err = write_file(path, id);
	return err ? err : sync_names(dir);
}
