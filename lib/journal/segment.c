/* See segment.h. */
#include "segment.h"

#include <fcntl.h>
#include <unistd.h>

static const uint8_t zeros[64 * 1024];

int journal_segment_reserve(
	const struct attrib_io *io, struct journal_segment *segment, uint64_t upto)
{
	int err = 0;

	while (segment->reserved < upto && !err) {
		uint64_t n = upto - segment->reserved;
		size_t done;
		if (n > sizeof zeros)
			n = sizeof zeros;
		err = attrib_io_write(io, segment->fd, zeros, n, segment->reserved, &done);
		segment->reserved += done;
	}
	return err;
}

static int sync_data(const struct attrib_io *io, int fd)
{
	return io->fdatasync(fd) == 0 ? 0 : ATTRIB_E_IO;
}

static int write_head(const struct attrib_io *io, struct journal_segment *segment, uint64_t room)
{
	uint8_t bytes[JOURNAL_HEAD];

	journal_head_encode(&segment->head, bytes);
	int err = attrib_io_write(io, segment->fd, bytes, sizeof bytes, 0, NULL);
	if (err)
		return err;
	segment->reserved = segment->end = sizeof bytes;
	err = journal_segment_reserve(io, segment, sizeof bytes + room);
	return err ? err : sync_data(io, segment->fd);
}

static int publish(const struct attrib_io *io, int dir, const char *from, const char *to)
{
	if (io->rename(dir, from, to))
		return attrib_io_error();
	return io->fsync(dir) == 0 ? 0 : ATTRIB_E_IO;
}

int journal_segment_create(const struct attrib_io *io, int dir, const struct journal_head *head,
	uint64_t room, struct journal_segment *out)
{
	struct journal_segment made = {.fd = -1, .head = *head};
	char temporary[JOURNAL_NAME], name[JOURNAL_NAME];

	journal_name_format(temporary, &head->lane, head->first, ".new");
	journal_name_format(name, &head->lane, head->first, ".seg");
	made.fd = io->open(dir, temporary, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (made.fd < 0)
		return attrib_io_error();
	int err = write_head(io, &made, room);
	if (!err)
		err = publish(io, dir, temporary, name);
	if (err) {
		io->unlink(dir, temporary);
		close(made.fd);
		return err;
	}
	*out = made;
	return 0;
}

/* Room was there and the write still ran out of it (a copy-on-write file system): what was written
 * must not be found by a later start, so the cut is synced before anybody is told. */
static int withdraw(const struct attrib_io *io, struct journal_segment *segment)
{
	if (io->truncate(segment->fd, (off_t)segment->end) || sync_data(io, segment->fd))
		return ATTRIB_E_IO;
	segment->reserved = segment->end;
	return ATTRIB_E_NO_SPACE;
}

int journal_segment_commit(const struct attrib_io *io, struct journal_segment *segment,
	const uint8_t *records, size_t n)
{
	int err = journal_segment_reserve(io, segment, segment->end + n);
	if (!err) {
		err = attrib_io_write(io, segment->fd, records, n, segment->end, NULL);
		if (err == ATTRIB_E_NO_SPACE)
			err = withdraw(io, segment);
	}
	if (!err)
		err = sync_data(io, segment->fd);
	if (!err)
		segment->end += n;
	return err;
}

void journal_segment_finish(const struct attrib_io *io, struct journal_segment *segment, bool sound)
{
	if (segment->fd < 0)
		return;
	/* only tidy: a tail of zeros that stays is read as the end just the same */
	if (sound && io->truncate(segment->fd, (off_t)segment->end) == 0)
		segment->reserved = segment->end;
	close(segment->fd);
	segment->fd = -1;
}
