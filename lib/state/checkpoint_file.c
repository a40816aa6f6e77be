/*
 * Writing one checkpoint. It is synced every few MiB, so that the sync at the end finds little to do and
 * the commits of the journal, which lie on the same disk, never wait behind all of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint.h"

#define SYNC_BYTES ((uint64_t)8 << 20)

struct attrib_checkpoint_file {
	struct attrib_checkpoints *checkpoints; /* borrowed */
	const struct attrib_io *io;
	int fd;
	struct checkpoint_entry entry; /* what the list will have of it; lanes owned */
	uint64_t leave;
	uint64_t at, synced; /* bytes written, and how many of them are durable */
	uint32_t index;      /* of the next block */
};

static int sync_file(struct attrib_checkpoint_file *file)
{
	if (file->io->fdatasync(file->fd))
		return attrib_io_error();
	file->synced = file->at;
	return file->io->room(file->fd) < file->leave ? ATTRIB_E_NO_SPACE : 0;
}

static int put(struct attrib_checkpoint_file *file, const void *p, size_t n)
{
	int err = attrib_io_write(file->io, file->fd, p, n, file->at, NULL);

	if (!err)
		file->at += n;
	return err;
}

static int put_head(struct attrib_checkpoint_file *file)
{
	struct attrib_buf buf;
	int err;

	attrib_buf_init(&buf);
	err = checkpoint_head_encode(&file->entry.head, file->entry.seed, &buf);
	if (!err)
		err = put(file, buf.p, buf.n);
	attrib_buf_done(&buf);
	return err;
}

static void file_free(struct attrib_checkpoint_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->entry.head.lanes);
	free(file);
}

/* A file that is not open yet; NULL when memory is out. */
static struct attrib_checkpoint_file *file_new(
	struct attrib_checkpoints *checkpoints, const struct attrib_checkpoint_head *head)
{
	struct attrib_checkpoint_file *file = calloc(1, sizeof *file);
	struct attrib_checkpoint_lane *lanes;

	if (!file)
		return NULL;
	file->checkpoints = checkpoints;
	file->io = checkpoints->io;
	file->fd = -1;
	lanes = calloc(head->lane_count + 1, sizeof *lanes);
	if (!lanes) {
		free(file);
		return NULL;
	}
	if (head->lane_count)
		memcpy(lanes, head->lanes, head->lane_count * sizeof *lanes);
	file->entry.head = *head;
	file->entry.head.lanes = lanes;
	file->entry.head.instance = checkpoints->instance;
	file->entry.head.sequence = checkpoints->next++;
	attrib_random(&file->entry.seed, sizeof file->entry.seed);
	return file;
}

int attrib_checkpoint_create(struct attrib_checkpoints *checkpoints,
	const struct attrib_checkpoint_head *head, uint64_t leave,
	struct attrib_checkpoint_file **out)
{
	struct attrib_checkpoint_file *file = file_new(checkpoints, head);
	char name[CHECKPOINT_NAME];
	int err;

	if (!file)
		return ATTRIB_E_NOMEM;
	file->leave = leave;
	checkpoint_name_format(name, file->entry.head.sequence, ".ckpt.new");
	file->fd = file->io->open(checkpoints->dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (file->fd < 0) {
		err = attrib_io_error();
		file_free(file);
		return err;
	}
	err = file->io->room(file->fd) < leave ? ATTRIB_E_NO_SPACE : put_head(file);
	if (err) {
		attrib_checkpoint_drop(file);
		return err;
	}
	*out = file;
	return 0;
}

static int put_block(struct attrib_checkpoint_file *file, const struct attrib_buf *block, bool last,
	uint8_t head[CHECKPOINT_BLOCK_HEAD])
{
	int err;

	if (block->n > CHECKPOINT_BLOCK_MAX)
		return ATTRIB_E_TOO_LARGE;
	checkpoint_block_encode(file->entry.seed, file->at, last ? 0 : file->index++, last,
		block->p, (uint32_t)block->n, head);
	err = put(file, head, CHECKPOINT_BLOCK_HEAD);
	return err ? err : put(file, block->p, block->n);
}

int attrib_checkpoint_write(struct attrib_checkpoint_file *file, const struct attrib_buf *block)
{
	uint8_t head[CHECKPOINT_BLOCK_HEAD];
	int err = put_block(file, block, false, head);

	return !err && file->at - file->synced >= SYNC_BYTES ? sync_file(file) : err;
}

int attrib_checkpoint_finish(struct attrib_checkpoint_file *file, const struct attrib_buf *end)
{
	uint8_t head[CHECKPOINT_BLOCK_HEAD], tail[CHECKPOINT_TAIL];
	uint64_t last = file->at;
	int err = put_block(file, end, true, head);

	checkpoint_tail_encode(file->entry.seed, last, head, tail);
	if (!err)
		err = put(file, tail, sizeof tail);
	file->entry.last = last;
	file->entry.bytes = file->at;
	return err ? err : sync_file(file);
}

uint64_t attrib_checkpoint_bytes(const struct attrib_checkpoint_file *file)
{
	return file->at;
}

void attrib_checkpoint_drop(struct attrib_checkpoint_file *file)
{
	char name[CHECKPOINT_NAME];
	int kept = errno;

	checkpoint_name_format(name, file->entry.head.sequence, ".ckpt.new");
	file->io->unlink(file->checkpoints->dir, name);
	file_free(file);
	errno = kept;
}

static bool is_wanted(const struct attrib_checkpoints *checkpoints, uint64_t sequence)
{
	for (size_t i = 0; i < checkpoints->count && i < CHECKPOINT_KEPT; i++)
		if (checkpoints->entries[i].head.sequence == sequence)
			return true;
	for (size_t i = 0; i < checkpoints->foreign_count; i++)
		if (checkpoints->foreign[i] == sequence)
			return true;
	return false;
}

static int remove_unwanted(void *arg, const char *name)
{
	struct attrib_checkpoints *checkpoints = arg;
	uint64_t sequence;

	if (checkpoint_name_parse(name, &sequence) && !is_wanted(checkpoints, sequence))
		checkpoints->io->unlink(checkpoints->dir, name);
	return 0;
}

/* What could not be removed is removed by the next one. */
static void prune(struct attrib_checkpoints *checkpoints)
{
	while (checkpoints->count > CHECKPOINT_KEPT)
		checkpoint_entry_remove(checkpoints, checkpoints->count - 1);
	(void)!attrib_io_each_name(checkpoints->io, checkpoints->dir, remove_unwanted, checkpoints);
}

int attrib_checkpoint_publish(struct attrib_checkpoint_file *file)
{
	struct attrib_checkpoints *checkpoints = file->checkpoints;
	char from[CHECKPOINT_NAME], to[CHECKPOINT_NAME];
	int err = checkpoint_entry_room(checkpoints);

	checkpoint_name_format(from, file->entry.head.sequence, ".ckpt.new");
	checkpoint_name_format(to, file->entry.head.sequence, ".ckpt");
	if (!err && file->io->rename(checkpoints->dir, from, to))
		err = attrib_io_error();
	if (err) {
		attrib_checkpoint_drop(file);
		return err;
	}
	if (file->io->fsync(checkpoints->dir)) {
		err = ATTRIB_E_IO;
	} else {
		checkpoint_entry_add(checkpoints, &file->entry);
		file->entry.head.lanes = NULL;
		prune(checkpoints);
	}
	file_free(file);
	return err;
}
