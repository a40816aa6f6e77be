/* See directory.h. */
#include "directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "format.h"

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

struct listing {
	const struct attrib_io *io;
	int fd;
	bool tidy;
	struct journal_directory directory;
};

static int visit(void *arg, const char *name)
{
	struct listing *listing = arg;
	struct journal_entry entry;
	struct stat st;

	if (listing->tidy && is_leftover(name))
		listing->io->unlink(listing->fd, name);
	if (!journal_name_parse(name, &entry.lane, &entry.first))
		return 0;
	/* one that is deleted meanwhile is none: verify may run beside whoever deletes */
	if (fstatat(listing->fd, name, &st, 0))
		return errno == ENOENT ? 0 : ATTRIB_E_IO;
	entry.size = (uint64_t)st.st_size;
	return add(&listing->directory, &entry);
}

int journal_directory_list(
	const struct attrib_io *io, int fd, bool tidy, struct journal_directory *out)
{
	struct listing listing = {.io = io, .fd = fd, .tidy = tidy};
	struct journal_directory *list = &listing.directory;
	int err = attrib_io_each_name(io, fd, visit, &listing);

	if (err) {
		journal_directory_done(list);
		return err;
	}
	if (list->count)
		qsort(list->entries, list->count, sizeof *list->entries, compare);
	*out = *list;
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
