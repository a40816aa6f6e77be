/*
 * Listing and loading: checkpoint.h. Damage is no error of the directory: a file that can't be used is
 * named and passed over, and the next publish removes it.
 */
#include "checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump.h"

#define TEXT 512

const struct attrib_checkpoint_lane *attrib_checkpoint_find_lane(
	const struct attrib_checkpoint_head *head, const struct attrib_id *lane)
{
	for (uint32_t i = 0; i < head->lane_count; i++)
		if (attrib_id_eq(&head->lanes[i].lane, lane))
			return &head->lanes[i];
	return NULL;
}

/* -- sentences ----------------------------------------------------------------------------------- */

static void tell(const struct attrib_checkpoints *checkpoints, enum attrib_checkpoint_note what,
	uint64_t sequence, const char *why)
{
	char name[CHECKPOINT_NAME], text[TEXT];

	if (!checkpoints->note)
		return;
	checkpoint_name_format(name, sequence, ".ckpt");
	snprintf(text, sizeof text, "%s/%s %s", checkpoints->path, name, why);
	checkpoints->note(checkpoints->note_arg, what, text);
}

static void tell_newer(
	const struct attrib_checkpoints *checkpoints, uint64_t sequence, uint32_t version)
{
	char why[96];

	snprintf(why, sizeof why, "has format version %u, this attribd reads up to %u", version,
		CHECKPOINT_VERSION);
	tell(checkpoints, ATTRIB_CHECKPOINT_NEWER, sequence, why);
}

/* -- head and end of a file ------------------------------------------------------------------------ */

struct source {
	const struct attrib_io *io;
	int fd;
	uint64_t bytes;
};

/* All n bytes, or ATTRIB_E_CORRUPT: the file is shorter. */
static int read_at(const struct source *source, uint64_t at, void *p, size_t n)
{
	size_t got;
	int err = attrib_io_read(source->io, source->fd, p, n, at, &got);

	return err ? err : got < n ? ATTRIB_E_CORRUPT : 0;
}

static int source_open(
	const struct attrib_checkpoints *checkpoints, uint64_t sequence, struct source *out)
{
	char name[CHECKPOINT_NAME];
	struct stat st;

	checkpoint_name_format(name, sequence, ".ckpt");
	*out = (struct source){.io = checkpoints->io};
	out->fd = checkpoints->io->open(checkpoints->dir, name, O_RDONLY, 0);
	if (out->fd < 0)
		return ATTRIB_E_IO;
	if (fstat(out->fd, &st)) {
		close(out->fd);
		return ATTRIB_E_IO;
	}
	out->bytes = (uint64_t)st.st_size;
	return 0;
}

static int read_head(const struct source *source, struct checkpoint_entry *out, uint32_t *version)
{
	uint8_t start[CHECKPOINT_START], *p;
	uint32_t bytes;
	int err = read_at(source, 0, start, sizeof start);

	if (!err)
		err = checkpoint_start_decode(start, version, &bytes);
	if (err || bytes > source->bytes)
		return err ? err : ATTRIB_E_CORRUPT;
	p = malloc(bytes);
	if (!p)
		return ATTRIB_E_NOMEM;
	err = read_at(source, 0, p, bytes);
	if (!err)
		err = checkpoint_head_decode(p, bytes, &out->head, &out->seed);
	free(p);
	return err;
}

static int read_tail(const struct source *source, struct checkpoint_entry *out)
{
	uint8_t tail[CHECKPOINT_TAIL], head[CHECKPOINT_BLOCK_HEAD];
	struct checkpoint_block block;
	uint64_t end = source->bytes - CHECKPOINT_TAIL, sum;
	int err = source->bytes > CHECKPOINT_TAIL ? 0 : ATTRIB_E_CORRUPT;

	if (!err)
		err = read_at(source, end, tail, sizeof tail);
	if (!err)
		err = checkpoint_tail_decode(tail, out->seed, &out->last, &sum);
	if (!err && (end < sizeof head || out->last > end - sizeof head))
		err = ATTRIB_E_CORRUPT;
	if (!err)
		err = read_at(source, out->last, head, sizeof head);
	if (err)
		return err;
	checkpoint_block_decode(head, &block);
	if (!block.last || block.checksum != sum || block.length != end - sizeof head - out->last)
		return ATTRIB_E_CORRUPT;
	out->bytes = source->bytes;
	return 0;
}

static int entry_read(const struct attrib_checkpoints *checkpoints, uint64_t sequence,
	struct checkpoint_entry *out, uint32_t *version)
{
	struct checkpoint_entry entry = {0};
	struct source source;
	int err = source_open(checkpoints, sequence, &source);

	if (err)
		return err;
	err = read_head(&source, &entry, version);
	if (!err && entry.head.sequence != sequence)
		err = ATTRIB_E_CORRUPT;
	if (!err)
		err = read_tail(&source, &entry);
	close(source.fd);
	if (err)
		free(entry.head.lanes);
	else
		*out = entry;
	return err;
}

/* -- the list -------------------------------------------------------------------------------------- */

int checkpoint_entry_room(struct attrib_checkpoints *checkpoints)
{
	size_t cap = checkpoints->cap ? 2 * checkpoints->cap : 4;
	void *p;

	if (checkpoints->count < checkpoints->cap)
		return 0;
	p = realloc(checkpoints->entries, cap * sizeof *checkpoints->entries);
	if (!p)
		return ATTRIB_E_NOMEM;
	checkpoints->entries = p;
	checkpoints->cap = cap;
	return 0;
}

void checkpoint_entry_add(struct attrib_checkpoints *checkpoints, struct checkpoint_entry *entry)
{
	size_t i = 0;

	while (i < checkpoints->count &&
		checkpoints->entries[i].head.sequence > entry->head.sequence)
		i++;
	memmove(checkpoints->entries + i + 1, checkpoints->entries + i,
		(checkpoints->count++ - i) * sizeof *entry);
	checkpoints->entries[i] = *entry;
}

void checkpoint_entry_remove(struct attrib_checkpoints *checkpoints, size_t i)
{
	free(checkpoints->entries[i].head.lanes);
	checkpoints->count--;
	memmove(checkpoints->entries + i, checkpoints->entries + i + 1,
		(checkpoints->count - i) * sizeof *checkpoints->entries);
}

static int add_foreign(struct attrib_checkpoints *checkpoints, uint64_t sequence)
{
	if (checkpoints->foreign_count == checkpoints->foreign_cap) {
		size_t cap = checkpoints->foreign_cap ? 2 * checkpoints->foreign_cap : 4;
		void *p = realloc(checkpoints->foreign, cap * sizeof sequence);
		if (!p)
			return ATTRIB_E_NOMEM;
		checkpoints->foreign = p;
		checkpoints->foreign_cap = cap;
	}
	checkpoints->foreign[checkpoints->foreign_count++] = sequence;
	return 0;
}

static int take_file(struct attrib_checkpoints *checkpoints, uint64_t sequence)
{
	struct checkpoint_entry entry;
	uint32_t version = 0;
	int err = entry_read(checkpoints, sequence, &entry, &version);

	if (sequence >= checkpoints->next)
		checkpoints->next = sequence + 1;
	if (err == ATTRIB_E_VERSION)
		tell_newer(checkpoints, sequence, version);
	if (err == ATTRIB_E_CORRUPT) {
		tell(checkpoints, ATTRIB_CHECKPOINT_DAMAGED, sequence,
			"is damaged or incomplete: it is passed over");
		return 0;
	}
	if (err)
		return err;
	if (attrib_id_eq(&entry.head.instance, &checkpoints->instance)) {
		err = checkpoint_entry_room(checkpoints);
		if (!err) {
			checkpoint_entry_add(checkpoints, &entry);
			return 0;
		}
	} else {
		tell(checkpoints, ATTRIB_CHECKPOINT_FOREIGN, sequence,
			"is of another instance: neither read nor touched");
		err = add_foreign(checkpoints, sequence);
	}
	free(entry.head.lanes);
	return err;
}

static int visit(void *arg, const char *name)
{
	struct attrib_checkpoints *checkpoints = arg;
	size_t n = strlen(name);
	uint64_t sequence;

	if (n > 9 && strcmp(name + n - 9, ".ckpt.new") == 0)
		checkpoints->io->unlink(checkpoints->dir, name);
	return checkpoint_name_parse(name, &sequence) ? take_file(checkpoints, sequence) : 0;
}

int attrib_checkpoints_open(
	const struct attrib_checkpoints_options *options, struct attrib_checkpoints **out)
{
	struct attrib_checkpoints *checkpoints = calloc(1, sizeof *checkpoints);
	int err, kept;

	if (!checkpoints)
		return ATTRIB_E_NOMEM;
	checkpoints->io = options->io ? options->io : &attrib_io_system;
	checkpoints->instance = options->instance;
	checkpoints->note = options->note;
	checkpoints->note_arg = options->note_arg;
	checkpoints->next = 1;
	checkpoints->dir = -1;
	checkpoints->path = strdup(options->dir);
	err = checkpoints->path ? 0 : ATTRIB_E_NOMEM;
	if (!err)
		err = attrib_io_open_dir(checkpoints->io, options->dir, true, &checkpoints->dir);
	if (!err)
		err = attrib_io_each_name(checkpoints->io, checkpoints->dir, visit, checkpoints);
	if (err) {
		kept = errno;
		attrib_checkpoints_close(checkpoints);
		errno = kept;
		return err;
	}
	*out = checkpoints;
	return 0;
}

void attrib_checkpoints_close(struct attrib_checkpoints *checkpoints)
{
	if (!checkpoints)
		return;
	while (checkpoints->count)
		checkpoint_entry_remove(checkpoints, checkpoints->count - 1);
	if (checkpoints->dir >= 0)
		close(checkpoints->dir);
	free(checkpoints->entries);
	free(checkpoints->foreign);
	free(checkpoints->path);
	free(checkpoints);
}

size_t attrib_checkpoints_count(const struct attrib_checkpoints *checkpoints)
{
	return checkpoints->count;
}

const struct attrib_checkpoint_head *attrib_checkpoints_head(
	const struct attrib_checkpoints *checkpoints, size_t i)
{
	return &checkpoints->entries[i].head;
}

uint64_t attrib_checkpoints_bytes(const struct attrib_checkpoints *checkpoints, size_t i)
{
	return checkpoints->entries[i].bytes;
}

/* -- loading --------------------------------------------------------------------------------------- */

/* Reads and verifies the block at *at and moves on; *block is heap that grows. */
static int read_block(const struct source *source, const struct checkpoint_entry *entry,
	uint64_t *at, uint32_t index, struct attrib_buf *buf)
{
	struct checkpoint_block block;
	bool last = *at == entry->last;
	int err;

	attrib_buf_clear(buf);
	if (attrib_buf_reserve(buf, CHECKPOINT_BLOCK_HEAD))
		return ATTRIB_E_NOMEM;
	err = read_at(source, *at, buf->p, CHECKPOINT_BLOCK_HEAD);
	if (err)
		return err;
	checkpoint_block_decode(buf->p, &block);
	if (block.last != last || (!last && block.index != index) ||
		block.length > source->bytes - *at - CHECKPOINT_BLOCK_HEAD)
		return ATTRIB_E_CORRUPT;
	if (attrib_buf_reserve(buf, CHECKPOINT_BLOCK_HEAD + (size_t)block.length))
		return ATTRIB_E_NOMEM;
	buf->n = CHECKPOINT_BLOCK_HEAD + (size_t)block.length;
	err = read_at(
		source, *at + CHECKPOINT_BLOCK_HEAD, buf->p + CHECKPOINT_BLOCK_HEAD, block.length);
	if (err)
		return err;
	if (!checkpoint_block_holds(buf->p, entry->seed, *at))
		return ATTRIB_E_CORRUPT;
	*at += buf->n;
	return 0;
}

static int load_blocks(const struct source *source, const struct checkpoint_entry *entry,
	struct state_loading *loading, struct attrib_buf *buf)
{
	uint64_t at = CHECKPOINT_HEAD_FIXED + (uint64_t)entry->head.lane_count * 32 + 8;
	int err = 0;

	for (uint32_t index = 0; at < entry->last && !err; index++) {
		err = read_block(source, entry, &at, index, buf);
		if (!err)
			err = state_loading_block(loading, buf->p + CHECKPOINT_BLOCK_HEAD,
				buf->n - CHECKPOINT_BLOCK_HEAD);
	}
	return !err && at != entry->last ? ATTRIB_E_CORRUPT : err;
}

static int load_file(const struct source *source, const struct checkpoint_entry *entry,
	const struct attrib_checkpoint_load *load, struct attrib_state **out)
{
	struct state_loading loading = {0};
	struct attrib_buf buf;
	uint64_t at = entry->last;
	int err;

	attrib_buf_init(&buf);
	err = read_block(source, entry, &at, 0, &buf);
	if (!err)
		err = state_loading_begin(&loading, load, buf.p + CHECKPOINT_BLOCK_HEAD,
			buf.n - CHECKPOINT_BLOCK_HEAD);
	if (!err)
		err = load_blocks(source, entry, &loading, &buf);
	if (!err)
		err = state_loading_end(&loading, out);
	state_loading_done(&loading);
	attrib_buf_done(&buf);
	return err;
}

int attrib_checkpoints_load(struct attrib_checkpoints *checkpoints, size_t i,
	const struct attrib_checkpoint_load *load, struct attrib_state **out)
{
	const struct checkpoint_entry *entry = &checkpoints->entries[i];
	struct source source;
	int err = source_open(checkpoints, entry->head.sequence, &source);

	if (err)
		return err;
	err = source.bytes == entry->bytes ? load_file(&source, entry, load, out)
					   : ATTRIB_E_CORRUPT;
	close(source.fd);
	if (err == ATTRIB_E_CORRUPT) {
		tell(checkpoints, ATTRIB_CHECKPOINT_DAMAGED, entry->head.sequence,
			"is damaged: it is passed over");
		checkpoint_entry_remove(checkpoints, i);
	}
	return err;
}
