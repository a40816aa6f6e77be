/* See directory.h. */
#include "directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"

static int sync_parent(const struct journal_io *io, int fd)
{
	int parent = io->open(fd, "..", O_RDONLY | O_DIRECTORY, 0);
	if (parent < 0)
		return ATTRIB_E_IO;
	int err = io->fsync(parent) ? ATTRIB_E_IO : 0;
	close(parent);
	return err;
}

int journal_directory_open(const struct journal_io *io, const char *path, bool make, int *fd)
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

static int add(struct journal_directory *directory, const struct journal_entry *entry)
{
	if (directory->count == directory->cap) {
		size_t cap = directory->cap ? 2 * directory->cap : 64;
		void *p = realloc(directory->entries, cap * sizeof *entry);
		if (!p)
			return ATTRIB_E_NOMEM;
		directory->entries = p;
		directory->cap = cap;
	}
	directory->entries[directory->count++] = *entry;
	return 0;
}

static int compare(const void *pa, const void *pb)
{
	const struct journal_entry *a = pa, *b = pb;
	int lanes = attrib_id_cmp(&a->lane, &b->lane);

	return lanes ? lanes : (a->first > b->first) - (a->first < b->first);
}

static bool is_leftover(const char *name)
{
	size_t n = strlen(name);
	return n > 4 && strcmp(name + n - 4, ".new") == 0;
}

static int visit(const struct journal_io *io, int fd, const char *name, bool tidy,
	struct journal_directory *out)
{
	struct journal_entry entry;
	struct stat st;

	if (tidy && is_leftover(name))
		io->unlink(fd, name);
	if (!journal_name_parse(name, &entry.lane, &entry.first))
		return 0;
	if (fstatat(fd, name, &st, 0))
		return ATTRIB_E_IO;
	entry.size = (uint64_t)st.st_size;
	return add(out, &entry);
}

int journal_directory_list(
	const struct journal_io *io, int fd, bool tidy, struct journal_directory *out)
{
	struct journal_directory list = {0};
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
		err = visit(io, fd, item->d_name, tidy, &list);
	if (!err && errno)
		err = ATTRIB_E_IO;
	closedir(dir);
	if (err) {
		journal_directory_done(&list);
		return err;
	}
	if (list.count)
		qsort(list.entries, list.count, sizeof *list.entries, compare);
	*out = list;
	return 0;
}

void journal_directory_done(struct journal_directory *directory)
{
	free(directory->entries);
	*directory = (struct journal_directory){0};
}

size_t journal_directory_lane(const struct journal_directory *directory, size_t i)
{
	size_t end = i + 1;

	while (end < directory->count &&
		attrib_id_eq(&directory->entries[end].lane, &directory->entries[i].lane))
		end++;
	return end;
}
