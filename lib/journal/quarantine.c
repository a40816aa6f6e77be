/*
 * Copies of what damage looked like, for a person who wants to know what was lost. The segment stays
 * as it is: nothing here is a repair.
 *
 * A copy is written under another name, synced, renamed, and the directory is synced: whoever finds
 * a file finds all of it. The name says which stretch it is, so a later start that meets the same
 * damage finds it done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attrib/buf.h"
#include "directory.h"
#include "internal.h"
#include "scan.h"

#define COPY_BLOCK (64u * 1024)
#define NAME_BYTES (32 + 3 * 17 + sizeof ".bad.new")

struct attrib_quarantine {
	struct attrib_journal *journal; /* borrowed */
	const struct attrib_io *io;     /* borrowed */
	int dir;                        /* owned */
	uint64_t max_files, max_bytes;
	uint64_t files, bytes; /* that the directory holds */
	uint8_t block[COPY_BLOCK];
};

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);
	return n > m && strcmp(name + n - m, suffix) == 0;
}

static int count_file(void *arg, const char *name)
{
	struct attrib_quarantine *q = arg;
	struct stat st;

	if (ends_with(name, ".bad.new")) { /* of a copy that a crash cut short */
		q->io->unlink(q->dir, name);
	} else if (ends_with(name, ".bad") && fstatat(q->dir, name, &st, 0) == 0) {
		q->files++;
		q->bytes += (uint64_t)st.st_size;
	}
	return 0;
}

int attrib_quarantine_open(struct attrib_journal *journal,
	const struct attrib_quarantine_options *options, struct attrib_quarantine **out)
{
	struct attrib_quarantine *q = calloc(1, sizeof *q);

	if (!q)
		return ATTRIB_E_NOMEM;
	q->journal = journal;
	q->io = journal->io;
	q->max_files = options->max_files;
	q->max_bytes = options->max_bytes;
	q->dir = -1;
	int err = attrib_io_open_dir(q->io, options->dir, true, &q->dir);
	if (!err)
		err = attrib_io_each_name(q->io, q->dir, count_file, q);
	if (err) {
		int kept = errno;
		attrib_quarantine_close(q);
		errno = kept;
		return err;
	}
	*out = q;
	return 0;
}

void attrib_quarantine_close(struct attrib_quarantine *q)
{
	if (!q)
		return;
	if (q->dir >= 0)
		close(q->dir);
	free(q);
}

uint64_t attrib_quarantine_files(const struct attrib_quarantine *q)
{
	return q->files;
}

static void name_of(const struct attrib_damage *damage, const char *suffix, char out[NAME_BYTES])
{
	char lane[33] = {0};

	attrib_hex(damage->lane.b, sizeof damage->lane.b, lane);
	snprintf(out, NAME_BYTES, "%s-%016llx-%016llx-%016llx%s", lane,
		(unsigned long long)damage->segment, (unsigned long long)damage->offset,
		(unsigned long long)damage->length, suffix);
}

static int copy_bytes(
	struct attrib_quarantine *q, int from, int to, const struct attrib_damage *damage)
{
	uint64_t done = 0;
	size_t got = 0;
	int err = 0;

	while (done < damage->length && !err) {
		uint64_t n = damage->length - done;
		if (n > COPY_BLOCK)
			n = COPY_BLOCK;
		err = attrib_io_read(q->io, from, q->block, n, damage->offset + done, &got);
		if (!err && got < n)
			err = ATTRIB_E_IO; /* segments don't shrink */
		if (!err)
			err = attrib_io_write(q->io, to, q->block, got, done, NULL);
		done += got;
	}
	return err;
}

static int write_copy(
	struct attrib_quarantine *q, const char *name, const struct attrib_damage *damage)
{
	char segment[JOURNAL_NAME];
	int err = 0;

	journal_name_format(segment, &damage->lane, damage->segment, ".seg");
	int from = q->io->open(q->journal->dir, segment, O_RDONLY, 0);
	if (from < 0)
		return ATTRIB_E_IO;
	int to = q->io->open(q->dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (to < 0)
		err = attrib_io_error();
	if (!err)
		err = copy_bytes(q, from, to, damage);
	if (!err && q->io->fdatasync(to))
		err = ATTRIB_E_IO;
	int kept = errno;
	if (to >= 0)
		close(to);
	close(from);
	errno = kept;
	return err;
}

static int copy(struct attrib_quarantine *q, const struct attrib_damage *damage, const char *name)
{
	char temporary[NAME_BYTES];

	name_of(damage, ".bad.new", temporary);
	int err = write_copy(q, temporary, damage);
	if (!err && q->io->rename(q->dir, temporary, name))
		err = attrib_io_error();
	if (!err && q->io->fsync(q->dir))
		err = ATTRIB_E_IO;
	if (err) {
		int kept = errno;
		q->io->unlink(q->dir, temporary);
		errno = kept;
		return err;
	}
	q->files++;
	q->bytes += damage->length;
	return 0;
}

int attrib_quarantine_keep(struct attrib_quarantine *q, const struct attrib_damage *damage)
{
	char name[NAME_BYTES];

	if (damage->length == 0)
		return 0;
	name_of(damage, ".bad", name);
	/* an earlier start that could not sync the name left it to this one */
	if (faccessat(q->dir, name, F_OK, 0) == 0)
		return q->io->fsync(q->dir) == 0 ? 0 : ATTRIB_E_IO;
	if (q->files >= q->max_files || q->bytes >= q->max_bytes ||
		damage->length > q->max_bytes - q->bytes)
		return ATTRIB_E_TOO_MANY;
	return copy(q, damage, name);
}

static void put_place(const struct attrib_damage *damage, struct attrib_buf *out)
{
	unsigned long long length = damage->length, offset = damage->offset;

	if (length)
		attrib_buf_printf(out, "%llu bytes at offset %llu are damaged", length, offset);
	else
		attrib_buf_printf(out, "the bytes from offset %llu on are gone", offset);
}

static void put_missing(const struct attrib_damage *damage, struct attrib_buf *out)
{
	unsigned long long from = damage->from, to = damage->to;

	if (to < from)
		attrib_buf_printf(out, ", no record is missing");
	else if (damage->to == UINT64_MAX)
		attrib_buf_printf(out, ", all records from %llu on are missing", from);
	else if (to == from)
		attrib_buf_printf(out, ", record %llu is missing between %llu and %llu", from,
			from - 1, to + 1);
	else
		attrib_buf_printf(out, ", records %llu to %llu are missing between %llu and %llu",
			from, to, from - 1, to + 1);
}

void attrib_damage_text(const struct attrib_damage *damage, char out[ATTRIB_DAMAGE_TEXT])
{
	struct attrib_buf text;

	attrib_buf_init(&text);
	put_place(damage, &text);
	put_missing(damage, &text);
	snprintf(out, ATTRIB_DAMAGE_TEXT, "%.*s", (int)text.n, (const char *)text.p);
	attrib_buf_done(&text);
}
