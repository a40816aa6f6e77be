/*
 * Bringing the records of a copied directory into this one.
 *
 * One process wrote each lane, so two directories that have it have beginnings of one and the same
 * sequence of bytes, and the longer one holds the shorter one. Everything is read and compared before the
 * first byte is copied. Then segments come in rising order, each whole and durable before the next one:
 * a lane that is adopted in part ends early, which is normal, and has no hole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "survey.h"

static int copy_bytes(struct journal_survey *s, int there, int here, uint64_t n)
{
	int err = 0;

	for (uint64_t at = 0; at < n && !err; at += SURVEY_BLOCK) {
		size_t got = 0;
		err = attrib_io_read(s->journal->io, there, s->block,
			n - at < SURVEY_BLOCK ? n - at : SURVEY_BLOCK, at, &got);
		if (!err)
			err = attrib_io_write(s->journal->io, here, s->block, got, at, NULL);
		journal_survey_advance(s, got);
	}
	if (!err && s->journal->io->fdatasync(here))
		err = ATTRIB_E_IO;
	return err;
}

static int copy_file(struct journal_survey *s, const struct journal_piece *piece, const char *name,
	const char *temporary)
{
	int there = s->journal->io->open(s->from, name, O_RDONLY, 0), err = 0;

	if (there < 0)
		return ATTRIB_E_IO;
	int here =
		s->journal->io->open(s->journal->dir, temporary, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (here < 0)
		err = attrib_io_error();
	else
		err = copy_bytes(s, there, here, piece->entry->size);
	int kept = errno;
	if (here >= 0)
		close(here);
	close(there);
	errno = kept;
	return err;
}

/* What the disk gave the second time need not be what it gave the first time. */
static int check_copy(
	struct journal_survey *s, const struct journal_piece *piece, const char *temporary)
{
	struct journal_content copied;
	int err = journal_content_read(s, s->journal->dir, temporary, UINT64_MAX, &copied);

	if (err)
		return err;
	if (copied.records == piece->content.records && copied.last == piece->content.last)
		return 0;
	journal_survey_say(
		s, piece->entry, "was read differently when it was copied: look at the disk");
	return ATTRIB_E_CORRUPT;
}

static int copy(struct journal_survey *s, const struct journal_piece *piece)
{
	char name[JOURNAL_NAME], temporary[JOURNAL_NAME];

	journal_name_format(name, &piece->entry->lane, piece->entry->first, ".seg");
	journal_name_format(temporary, &piece->entry->lane, piece->entry->first, ".new");
	int err = copy_file(s, piece, name, temporary);
	if (!err)
		err = check_copy(s, piece, temporary);
	if (!err && s->journal->io->rename(s->journal->dir, temporary, name))
		err = attrib_io_error();
	if (!err && s->journal->io->fsync(s->journal->dir))
		err = ATTRIB_E_IO;
	if (err) {
		int kept = errno;
		s->journal->io->unlink(s->journal->dir, temporary);
		errno = kept;
	}
	return err;
}

static void say_lane(
	const struct journal_survey *s, const struct attrib_id *id, uint64_t records, uint64_t last)
{
	char text[ATTRIB_DAMAGE_TEXT], lane[33] = {0};

	if (!s->what->line)
		return;
	attrib_hex(id->b, sizeof id->b, lane);
	snprintf(text, sizeof text, "lane %s: %llu record%s up to %llu adopted", lane,
		(unsigned long long)records, records == 1 ? "" : "s", (unsigned long long)last);
	s->what->line(s->what->arg, text);
}

static int copy_lane(struct journal_survey *s, size_t from, size_t to, struct attrib_adopted *sum)
{
	uint64_t records = 0, last = 0;
	int err = 0;

	for (size_t i = from; i < to && !err; i++) {
		const struct journal_piece *piece = &s->pieces[i];
		if (!piece->wanted)
			continue;
		err = copy(s, piece);
		if (err)
			break;
		records += piece->news;
		last = piece->content.last;
		sum->segments++;
		sum->bytes += piece->entry->size;
	}
	if (records)
		say_lane(s, &s->pieces[from].entry->lane, records, last);
	sum->lanes += records > 0;
	sum->records += records;
	return err;
}

static int copy_all(struct journal_survey *s, struct attrib_adopted *sum)
{
	/* before a segment has records that are newer than what the ledger says of it */
	int err = s->replaces ? journal_write_ledger(s->journal) : 0;

	for (size_t i = 0, end; i < s->directory.count && !err; i = end) {
		end = journal_directory_lane(&s->directory, i);
		err = copy_lane(s, i, end, sum);
	}
	return err;
}

int attrib_journal_adopt(
	struct attrib_journal *journal, const struct attrib_adopt *what, struct attrib_adopted *out)
{
	struct attrib_adopted sum = {0};
	struct journal_survey survey;
	int err = journal_survey_make(&survey, journal, what);

	if (!err)
		err = copy_all(&survey, &sum);
	int kept = errno;
	journal_survey_done(&survey);
	errno = kept;
	*out = sum;
	return err;
}
