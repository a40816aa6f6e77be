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

int attribd_statedir_lock(const char *dir, int *fd)
{
	char path[4096];

	if (mkdir(dir, 0700) && errno != EEXIST)
		return ATTRIB_E_IO;
	snprintf(path, sizeof path, "%s/lock", dir);
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
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

static int read_instance(int fd, struct attrib_id *out)
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

/* Renamed into place when it is whole and on the disk, and the name is synced, too: an instance that
 * had written records under a name that a power cut takes back would be a stranger to PostgreSQL. */
static int make_instance(const char *dir, const char *path, struct attrib_id *out)
{
	struct attrib_id id;
	char temporary[4096 + 8], text[33];
	int err = 0;

	attrib_random(&id, sizeof id);
	attrib_hex(&id, sizeof id, text);
	text[32] = '\n';
	snprintf(temporary, sizeof temporary, "%s.tmp", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return ATTRIB_E_IO;
	if (write(fd, text, sizeof text) != sizeof text || fsync(fd) || rename(temporary, path))
		err = ATTRIB_E_IO;
	close(fd);
	int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 || fsync(dir_fd))
		err = ATTRIB_E_IO;
	if (dir_fd >= 0)
		close(dir_fd);
	if (!err)
		*out = id;
	return err;
}

int attribd_statedir_instance(const char *dir, struct attrib_id *out)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/instance", dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? make_instance(dir, path, out) : ATTRIB_E_IO;
	int err = read_instance(fd, out);
	close(fd);
	return err;
}
