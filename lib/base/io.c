/* See attrib/io.h. */
#include "attrib/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PAGE 4096u

static int system_open(int dir, const char *name, int flags, mode_t mode)
{
	return openat(dir, name, flags | O_CLOEXEC, mode);
}

static int system_rename(int dir, const char *from, const char *to)
{
	return renameat(dir, from, dir, to);
}

static int system_unlink(int dir, const char *name)
{
	return unlinkat(dir, name, 0);
}

/* Unknown is enough: the write itself will tell. */
static uint64_t system_room(int fd)
{
	struct statvfs fs;

	return fstatvfs(fd, &fs) ? UINT64_MAX : (uint64_t)fs.f_bavail * fs.f_frsize;
}

const struct attrib_io attrib_io_system = {
	.open = system_open,
	.pread = pread,
	.pwrite = pwrite,
	.fdatasync = fdatasync,
	.fsync = fsync,
	.truncate = ftruncate,
	.rename = system_rename,
	.unlink = system_unlink,
	.room = system_room,
};

int attrib_io_error(void)
{
	return errno == ENOSPC || errno == EDQUOT ? ATTRIB_E_NO_SPACE : ATTRIB_E_IO;
}

int attrib_io_write(
	const struct attrib_io *io, int fd, const void *p, size_t n, uint64_t at, size_t *done)
{
	size_t sum = 0;
	int err = 0;

	while (sum < n && !err) {
		ssize_t got = io->pwrite(fd, (const uint8_t *)p + sum, n - sum, (off_t)(at + sum));
		if (got > 0)
			sum += (size_t)got;
		else if (got == 0)
			err = ATTRIB_E_IO;
		else if (errno != EINTR)
			err = attrib_io_error();
	}
	if (done)
		*done = sum;
	return err;
}

/* One read; EIO is narrowed to the page that causes it, which then reads as zeros. */
static ssize_t read_some(const struct attrib_io *io, int fd, uint8_t *p, size_t n, uint64_t at)
{
	ssize_t got = io->pread(fd, p, n, (off_t)at);
	if (got >= 0 || errno != EIO)
		return got;
	size_t page = PAGE - at % PAGE;
	if (page > n)
		page = n;
	got = io->pread(fd, p, page, (off_t)at);
	if (got >= 0 || errno != EIO)
		return got;
	memset(p, 0, page);
	return (ssize_t)page;
}

int attrib_io_read(const struct attrib_io *io, int fd, void *p, size_t n, uint64_t at, size_t *got)
{
	size_t sum = 0;

	while (sum < n) {
		ssize_t more = read_some(io, fd, (uint8_t *)p + sum, n - sum, at + sum);
		if (more == 0)
			break;
		if (more > 0)
			sum += (size_t)more;
		else if (errno != EINTR)
			return ATTRIB_E_IO;
	}
	*got = sum;
	return 0;
}

static int sync_parent(const struct attrib_io *io, int fd)
{
	int parent = io->open(fd, "..", O_RDONLY | O_DIRECTORY, 0);
	if (parent < 0)
		return ATTRIB_E_IO;
	int err = io->fsync(parent) ? ATTRIB_E_IO : 0;
	close(parent);
	return err;
}

int attrib_io_open_dir(const struct attrib_io *io, const char *path, bool make, int *fd)
{
	if (make)
		(void)!mkdir(path, 0700);
	int dir = io->open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);

	if (dir < 0)
		return errno == ENOENT ? ATTRIB_E_NOT_FOUND : ATTRIB_E_IO;
	/* also when it was there: whoever made it may have ended before this */
	int err = make ? sync_parent(io, dir) : 0;
	if (err)
		close(dir);
	else
		*fd = dir;
	return err;
}

int attrib_io_each_name(
	const struct attrib_io *io, int fd, int (*visit)(void *arg, const char *name), void *arg)
{
	struct dirent *item;
	int err = 0;
	/* a descriptor of its own: closedir closes it, and the place in the listing is not shared */
	int copy = io->open(fd, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir) {
		if (copy >= 0)
			close(copy);
		return ATTRIB_E_IO;
	}
	while (!err && (errno = 0, item = readdir(dir)) != NULL)
		err = visit(arg, item->d_name);
	if (!err && errno)
		err = ATTRIB_E_IO;
	closedir(dir);
	return err;
}
