/*
 * The installation's secret on disk. It is made once, by whoever comes first: a complete, synced
 * file is linked to its final name, which fails when another process was faster, and then theirs is
 * read. A torn or half-written secret can't appear under the name.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_secret(const char *file, uint8_t secret[ATTRIB_SECRET_BYTES])
{
	uint8_t bytes[ATTRIB_SECRET_BYTES + 1];
	int fd = open(file, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return ATTRIB_E_IO;
	n = fstat(fd, &st) ? -1 : read(fd, bytes, sizeof bytes);
	if (n < 0)
		err = ATTRIB_E_IO;
	else if (n != ATTRIB_SECRET_BYTES || (st.st_mode & S_IRWXO))
		err = ATTRIB_E_CONFIG;
	else
		memcpy(secret, bytes, ATTRIB_SECRET_BYTES);
	explicit_bzero(bytes, sizeof bytes);
	close(fd);
	return err;
}

static int sync_directory(const char *file)
{
	char *copy = strdup(file);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int err = fd < 0 || fsync(fd) ? ATTRIB_E_IO : 0;

	if (fd >= 0)
		close(fd);
	free(copy);
	return err;
}

/* What root makes in somebody's directory is theirs: a command that runs before the daemon may make
 * the secret that the daemon has to read. */
static int give_to_owner(int fd, const char *file)
{
	char *copy = strdup(file);
	struct stat st;
	int err = copy && stat(dirname(copy), &st) == 0 ? 0 : ATTRIB_E_IO;

	free(copy);
	if (!err && geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid))
		err = ATTRIB_E_IO;
	return err;
}

static int write_secret(const char *temporary)
{
	uint8_t bytes[ATTRIB_SECRET_BYTES];
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), err = 0;

	if (fd < 0)
		return ATTRIB_E_IO;
	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes ||
		write(fd, bytes, sizeof bytes) != sizeof bytes || give_to_owner(fd, temporary) ||
		fsync(fd))
		err = ATTRIB_E_IO;
	explicit_bzero(bytes, sizeof bytes);
	if (close(fd))
		err = ATTRIB_E_IO;
	return err;
}

static int make_secret(const char *file)
{
	uint64_t unique;
	char *temporary;
	int err;

	/* no process id: in a container it is always the same, and a crash may leave the file */
	attrib_random(&unique, sizeof unique);
	if (asprintf(&temporary, "%s.%016" PRIx64 ".new", file, unique) < 0)
		return ATTRIB_E_NOMEM;
	err = write_secret(temporary);
	if (!err && link(temporary, file) && errno != EEXIST)
		err = ATTRIB_E_IO;
	int saved = errno;
	unlink(temporary);
	if (!err)
		err = sync_directory(file);
	else
		errno = saved;
	free(temporary);
	return err;
}

int attribd_secret_load(const char *file, uint8_t secret[ATTRIB_SECRET_BYTES])
{
	int err = read_secret(file, secret);

	if (err != ATTRIB_E_IO || errno != ENOENT)
		return err;
	err = make_secret(file);
	return err ? err : read_secret(file, secret);
}
