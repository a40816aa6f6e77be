/*
 * Bringing the records of a copied directory into this one.
 *
 * One process wrote each lane, so two directories that have it have beginnings of one and the same
 * sequence of bytes, and the longer one holds the shorter one. Everything is read and compared before the
 * first byte is copied. Then segments come in rising order, each whole and durable before the next one:
 * a lane that is adopted in part ends early, which is normal, and has no hole.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "directory.h"
#include "format.h"
#include "scan.h"

#define BLOCK 1048576u

/* A segment from its first byte to its last. */
struct content {
	struct journal_head head;
	uint64_t last;    /* number of the last record; first - 1 when there is none */
	uint64_t end;     /* offset behind it */
	uint64_t records; /* that can be read */
	struct attrib_damage damage;
	bool damaged;
};

struct piece {
	const struct journal_entry *entry;
	struct content content;
	bool wanted;
	uint64_t news; /* records that are not here */
};

struct adoption {
	struct attrib_journal *journal;
	const struct attrib_io *io;
	const struct attrib_adopt *what;
	int from;
	struct journal_directory directory;
	struct journal_window window;
	struct piece *pieces;          /* owned; one for each entry of the directory */
	uint8_t *block, *other;        /* owned */
	struct journal_part *replaced; /* borrowed from the lane: the segment to be replaced */
	uint64_t done, total;
	struct attrib_adopted sum;
};

static void say(const struct adoption *a, const struct journal_entry *entry, const char *text)
{
	char name[JOURNAL_NAME], sentence[JOURNAL_NAME + ATTRIB_DAMAGE_TEXT + 8];

	if (!a->what->line)
		return;
	journal_name_format(name, &entry->lane, entry->first, ".seg");
	snprintf(sentence, sizeof sentence, "%s: %s", name, text);
	a->what->line(a->what->arg, sentence);
}

static void advance(struct adoption *a, uint64_t bytes)
{
	a->done += bytes;
	if (a->what->progress)
		a->what->progress(a->what->arg, a->done, a->total);
}

/* -- reading one segment ------------------------------------------------------------------------- */

static int walk(struct journal_scan *scan, struct content *out, struct journal_damage *damage)
{
	enum journal_tail tail = JOURNAL_TAIL_RECORD;
	struct journal_found found;
	enum journal_peek what;
	int err = 0;

	while (tail == JOURNAL_TAIL_RECORD && !err) {
		err = journal_scan_peek(scan, true, &what, &found);
		if (!err && what == JOURNAL_PEEK_RECORD) {
			journal_scan_pass(scan, &found);
			out->records++;
		} else if (!err) {
			err = journal_scan_skip(scan, UINT64_MAX, damage, &tail);
		}
	}
	out->last = scan->number - 1;
	out->end = scan->at;
	return err;
}

static int read_content(
	struct adoption *a, int dir, const char *name, uint64_t next_first, struct content *out)
{
	struct journal_damage damage = {0};
	struct journal_scan scan;
	uint64_t size = 0;

	*out = (struct content){0};
	int err = journal_scan_open(&scan, a->io, dir, name, &a->window, &size);
	if (err == ATTRIB_E_CORRUPT) {
		out->damaged = true;
		out->damage = (struct attrib_damage){.length = size, .from = 1};
		return 0;
	}
	if (err)
		return err;
	scan.next_first = next_first;
	out->head = scan.head;
	err = walk(&scan, out, &damage);
	journal_scan_close(&scan);
	out->damaged = damage.stretches > 0;
	out->damage = (struct attrib_damage){
		.offset = damage.at, .length = damage.length, .from = damage.from, .to = damage.to};
	return err;
}

/* -- what is there ------------------------------------------------------------------------------- */

static int refuse_foreign(const struct adoption *a, const struct piece *piece)
{
	char text[ATTRIB_DAMAGE_TEXT], owner[33] = {0};

	attrib_hex(piece->content.head.instance.b, sizeof piece->content.head.instance.b, owner);
	snprintf(text, sizeof text, "is of instance %s, not of the one here", owner);
	say(a, piece->entry, text);
	return ATTRIB_E_INVALID;
}

static int refuse_damaged(const struct adoption *a, const struct piece *piece)
{
	char text[ATTRIB_DAMAGE_TEXT];

	attrib_damage_text(&piece->content.damage, text);
	say(a, piece->entry, text);
	return ATTRIB_E_CORRUPT;
}

static int read_piece(struct adoption *a, size_t i)
{
	struct piece *piece = &a->pieces[i];
	const struct journal_directory *d = &a->directory;
	char name[JOURNAL_NAME];
	bool lane_goes_on =
		i + 1 < d->count && attrib_id_eq(&d->entries[i + 1].lane, &d->entries[i].lane);

	piece->entry = &d->entries[i];
	journal_name_format(name, &piece->entry->lane, piece->entry->first, ".seg");
	int err = read_content(a, a->from, name,
		lane_goes_on ? d->entries[i + 1].first : UINT64_MAX, &piece->content);
	if (err == ATTRIB_E_VERSION)
		say(a, piece->entry, "was written by a newer version of attribd");
	if (err)
		return err;
	advance(a, piece->entry->size);
	if (piece->content.damaged)
		return refuse_damaged(a, piece);
	return attrib_id_eq(&piece->content.head.instance, &a->journal->options.instance)
		       ? 0
		       : refuse_foreign(a, piece);
}

static int read_there(struct adoption *a)
{
	int err = attrib_io_open_dir(a->io, a->what->from, false, &a->from);

	if (!err)
		err = journal_directory_list(a->io, a->from, false, &a->directory);
	if (err)
		return err;
	for (size_t i = 0; i < a->directory.count; i++)
		a->total += a->directory.entries[i].size;
	a->pieces = calloc(a->directory.count + 1, sizeof *a->pieces);
	if (!a->pieces)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < a->directory.count && !err; i++)
		err = read_piece(a, i);
	return err;
}

/* -- what of it is news -------------------------------------------------------------------------- */

static int refuse_other(const struct adoption *a, const struct piece *piece, uint64_t at)
{
	char text[ATTRIB_DAMAGE_TEXT];

	snprintf(text, sizeof text,
		"differs from what is here at offset %llu: neither is a copy of the other",
		(unsigned long long)at);
	say(a, piece->entry, text);
	return ATTRIB_E_INVALID;
}

static int compare_files(
	struct adoption *a, int here, int there, uint64_t n, const struct piece *piece)
{
	for (uint64_t at = 0; at < n; at += BLOCK) {
		size_t want = n - at < BLOCK ? n - at : BLOCK, got = 0, more = 0;
		int err = attrib_io_read(a->io, here, a->block, want, at, &got);
		if (!err)
			err = attrib_io_read(a->io, there, a->other, want, at, &more);
		if (err)
			return err;
		if (got != want || more != want || memcmp(a->block, a->other, want) != 0)
			return refuse_other(a, piece, at);
	}
	return 0;
}

/* The one there begins with all that the one here holds. */
static int compare(struct adoption *a, const struct piece *piece)
{
	struct content ours;
	char name[JOURNAL_NAME];

	journal_name_format(name, &piece->entry->lane, piece->entry->first, ".seg");
	int err = read_content(a, a->journal->dir, name, UINT64_MAX, &ours);
	if (err)
		return err;
	int here = a->io->open(a->journal->dir, name, O_RDONLY, 0);
	int there = a->io->open(a->from, name, O_RDONLY, 0);
	err = here < 0 || there < 0 ? ATTRIB_E_IO : compare_files(a, here, there, ours.end, piece);
	int kept = errno;
	if (here >= 0)
		close(here);
	if (there >= 0)
		close(there);
	errno = kept;
	return err;
}

/* The lane is here, and the piece ends behind what was ever here of it. */
static int judge_longer(struct adoption *a, struct piece *piece, struct journal_lane *lane)
{
	struct journal_part *tail = lane->count ? &lane->parts[lane->count - 1] : NULL;

	if (!tail || piece->entry->first > atomic_load(&lane->last))
		return 0;
	if (piece->entry->first != tail->first)
		return refuse_other(a, piece, 0);
	/* nobody knows yet when it ended, see journal_part */
	tail->ended = JOURNAL_OPEN;
	a->replaced = tail;
	return compare(a, piece);
}

static int judge(struct adoption *a, struct piece *piece)
{
	const struct content *content = &piece->content;
	uint64_t known = piece->entry->first - 1;
	uint32_t index;
	int err = 0;

	if (attrib_journal_lane_find(a->journal, &piece->entry->lane, &index)) {
		struct attrib_lane_view view;
		attrib_journal_lane_look(a->journal, index, &view);
		if (content->last > view.known && content->records)
			err = judge_longer(a, piece, journal_lane_at(a->journal, index));
		if (view.known > known)
			known = view.known;
	}
	piece->wanted = content->records && content->last > known;
	piece->news = piece->wanted ? content->last - known : 0;
	return err;
}

static int choose(struct adoption *a)
{
	int err = 0;

	a->block = malloc(BLOCK);
	a->other = malloc(BLOCK);
	if (!a->block || !a->other)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < a->directory.count && !err; i++) {
		err = judge(a, &a->pieces[i]);
		if (a->pieces[i].wanted)
			a->total += a->pieces[i].entry->size;
	}
	return err;
}

/* -- copying ------------------------------------------------------------------------------------- */

static int copy_bytes(struct adoption *a, int there, int here, uint64_t n)
{
	int err = 0;

	for (uint64_t at = 0; at < n && !err; at += BLOCK) {
		size_t got = 0;
		err = attrib_io_read(
			a->io, there, a->block, n - at < BLOCK ? n - at : BLOCK, at, &got);
		if (!err)
			err = attrib_io_write(a->io, here, a->block, got, at, NULL);
		advance(a, got);
	}
	if (!err && a->io->fdatasync(here))
		err = ATTRIB_E_IO;
	return err;
}

static int copy_file(
	struct adoption *a, const struct piece *piece, const char *name, const char *temporary)
{
	int there = a->io->open(a->from, name, O_RDONLY, 0), err = 0;

	if (there < 0)
		return ATTRIB_E_IO;
	int here = a->io->open(a->journal->dir, temporary, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (here < 0)
		err = attrib_io_error();
	else
		err = copy_bytes(a, there, here, piece->entry->size);
	int kept = errno;
	if (here >= 0)
		close(here);
	close(there);
	errno = kept;
	return err;
}

/* What the disk gave the second time need not be what it gave the first time. */
static int check_copy(struct adoption *a, const struct piece *piece, const char *temporary)
{
	struct content copied;
	int err = read_content(a, a->journal->dir, temporary, UINT64_MAX, &copied);

	if (err)
		return err;
	if (copied.records == piece->content.records && copied.last == piece->content.last)
		return 0;
	say(a, piece->entry, "was read differently when it was copied: look at the disk");
	return ATTRIB_E_CORRUPT;
}

static int copy(struct adoption *a, const struct piece *piece)
{
	char name[JOURNAL_NAME], temporary[JOURNAL_NAME];

	journal_name_format(name, &piece->entry->lane, piece->entry->first, ".seg");
	journal_name_format(temporary, &piece->entry->lane, piece->entry->first, ".new");
	int err = copy_file(a, piece, name, temporary);
	if (!err)
		err = check_copy(a, piece, temporary);
	if (!err && a->io->rename(a->journal->dir, temporary, name))
		err = attrib_io_error();
	if (!err && a->io->fsync(a->journal->dir))
		err = ATTRIB_E_IO;
	if (err) {
		int kept = errno;
		a->io->unlink(a->journal->dir, temporary);
		errno = kept;
	}
	return err;
}

static void say_lane(
	const struct adoption *a, const struct attrib_id *id, uint64_t records, uint64_t last)
{
	char text[ATTRIB_DAMAGE_TEXT], lane[33] = {0};

	if (!a->what->line)
		return;
	attrib_hex(id->b, sizeof id->b, lane);
	snprintf(text, sizeof text, "lane %s: %llu record%s up to %llu adopted", lane,
		(unsigned long long)records, records == 1 ? "" : "s", (unsigned long long)last);
	a->what->line(a->what->arg, text);
}

static int copy_lane(struct adoption *a, size_t from, size_t to)
{
	uint64_t records = 0, last = 0;
	int err = 0;

	for (size_t i = from; i < to && !err; i++) {
		const struct piece *piece = &a->pieces[i];
		if (!piece->wanted)
			continue;
		err = copy(a, piece);
		if (err)
			break;
		records += piece->news;
		last = piece->content.last;
		a->sum.segments++;
		a->sum.bytes += piece->entry->size;
	}
	if (records)
		say_lane(a, &a->pieces[from].entry->lane, records, last);
	a->sum.lanes += records > 0;
	a->sum.records += records;
	return err;
}

static int copy_all(struct adoption *a)
{
	/* before a segment has records that are newer than what the ledger says of it */
	int err = a->replaced ? journal_write_ledger(a->journal) : 0;

	for (size_t i = 0, end; i < a->directory.count && !err; i = end) {
		end = journal_directory_lane(&a->directory, i);
		err = copy_lane(a, i, end);
	}
	return err;
}

int attrib_journal_adopt(
	struct attrib_journal *journal, const struct attrib_adopt *what, struct attrib_adopted *out)
{
	struct adoption a = {.journal = journal, .io = journal->io, .what = what, .from = -1};
	int err = read_there(&a);

	if (!err)
		err = choose(&a);
	if (!err)
		err = copy_all(&a);
	int kept = errno;
	if (a.from >= 0)
		close(a.from);
	journal_directory_done(&a.directory);
	journal_window_done(&a.window);
	free(a.pieces);
	free(a.block);
	free(a.other);
	errno = kept;
	*out = a.sum;
	return err;
}
