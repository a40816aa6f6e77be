/* See survey.h. */
#include "survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void journal_survey_say(
	const struct journal_survey *s, const struct journal_entry *entry, const char *text)
{
	char name[JOURNAL_NAME], sentence[JOURNAL_NAME + ATTRIB_DAMAGE_TEXT + 8];

	if (!s->what->line)
		return;
	journal_name_format(name, &entry->lane, entry->first, ".seg");
	snprintf(sentence, sizeof sentence, "%s: %s", name, text);
	s->what->line(s->what->arg, sentence);
}

void journal_survey_advance(struct journal_survey *s, uint64_t bytes)
{
	s->done += bytes;
	if (s->what->progress)
		s->what->progress(s->what->arg, s->done, s->total);
}

/* -- reading one segment ------------------------------------------------------------------------- */

static int walk(
	struct journal_scan *scan, struct journal_content *out, struct journal_damage *damage)
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

int journal_content_read(struct journal_survey *s, int dir, const char *name, uint64_t next_first,
	struct journal_content *out)
{
	struct journal_damage damage = {0};
	struct journal_scan scan;
	uint64_t size = 0;

	*out = (struct journal_content){0};
	int err = journal_scan_open(&scan, s->journal->io, dir, name, &s->window, &size);
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

static int refuse_foreign(const struct journal_survey *s, const struct journal_piece *piece)
{
	char text[ATTRIB_DAMAGE_TEXT], owner[33] = {0};

	attrib_hex(piece->content.head.instance.b, sizeof piece->content.head.instance.b, owner);
	snprintf(text, sizeof text, "is of instance %s, not of the one here", owner);
	journal_survey_say(s, piece->entry, text);
	return ATTRIB_E_INVALID;
}

static int refuse_damaged(const struct journal_survey *s, const struct journal_piece *piece)
{
	char text[ATTRIB_DAMAGE_TEXT];

	attrib_damage_text(&piece->content.damage, text);
	journal_survey_say(s, piece->entry, text);
	return ATTRIB_E_CORRUPT;
}

static int read_piece(struct journal_survey *s, size_t i)
{
	struct journal_piece *piece = &s->pieces[i];
	const struct journal_directory *d = &s->directory;
	char name[JOURNAL_NAME];
	bool lane_goes_on =
		i + 1 < d->count && attrib_id_eq(&d->entries[i + 1].lane, &d->entries[i].lane);

	piece->entry = &d->entries[i];
	journal_name_format(name, &piece->entry->lane, piece->entry->first, ".seg");
	int err = journal_content_read(s, s->from, name,
		lane_goes_on ? d->entries[i + 1].first : UINT64_MAX, &piece->content);
	if (err == ATTRIB_E_VERSION)
		journal_survey_say(s, piece->entry, "was written by a newer version of attribd");
	if (err)
		return err;
	journal_survey_advance(s, piece->entry->size);
	if (piece->content.damaged)
		return refuse_damaged(s, piece);
	return attrib_id_eq(&piece->content.head.instance, &s->journal->options.instance)
		       ? 0
		       : refuse_foreign(s, piece);
}

static int read_there(struct journal_survey *s)
{
	int err = attrib_io_open_dir(s->journal->io, s->what->from, false, &s->from);

	if (!err)
		err = journal_directory_list(s->journal->io, s->from, false, &s->directory);
	if (err)
		return err;
	for (size_t i = 0; i < s->directory.count; i++)
		s->total += s->directory.entries[i].size;
	s->pieces = calloc(s->directory.count + 1, sizeof *s->pieces);
	if (!s->pieces)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < s->directory.count && !err; i++)
		err = read_piece(s, i);
	return err;
}

/* -- what of it is news -------------------------------------------------------------------------- */

static int refuse_other(
	const struct journal_survey *s, const struct journal_piece *piece, uint64_t at)
{
	char text[ATTRIB_DAMAGE_TEXT];

	snprintf(text, sizeof text,
		"differs from what is here at offset %llu: neither is a copy of the other",
		(unsigned long long)at);
	journal_survey_say(s, piece->entry, text);
	return ATTRIB_E_INVALID;
}

static int compare_files(struct journal_survey *s, int here, int there, uint64_t n,
	const struct journal_piece *piece)
{
	for (uint64_t at = 0; at < n; at += SURVEY_BLOCK) {
		size_t want = n - at < SURVEY_BLOCK ? n - at : SURVEY_BLOCK, got = 0, more = 0;
		int err = attrib_io_read(s->journal->io, here, s->block, want, at, &got);
		if (!err)
			err = attrib_io_read(s->journal->io, there, s->other, want, at, &more);
		if (err)
			return err;
		if (got != want || more != want || memcmp(s->block, s->other, want) != 0)
			return refuse_other(s, piece, at);
	}
	return 0;
}

/* The one there begins with all that the one here holds. */
static int compare(struct journal_survey *s, const struct journal_piece *piece)
{
	struct journal_content ours;
	char name[JOURNAL_NAME];

	journal_name_format(name, &piece->entry->lane, piece->entry->first, ".seg");
	int err = journal_content_read(s, s->journal->dir, name, UINT64_MAX, &ours);
	if (err)
		return err;
	int here = s->journal->io->open(s->journal->dir, name, O_RDONLY, 0);
	int there = s->journal->io->open(s->from, name, O_RDONLY, 0);
	err = here < 0 || there < 0 ? ATTRIB_E_IO : compare_files(s, here, there, ours.end, piece);
	int kept = errno;
	if (here >= 0)
		close(here);
	if (there >= 0)
		close(there);
	errno = kept;
	return err;
}

/* The lane is here, and the piece ends behind what was ever here of it. */
static int judge_longer(
	struct journal_survey *s, struct journal_piece *piece, struct journal_lane *lane)
{
	struct journal_part *tail = lane->count ? &lane->parts[lane->count - 1] : NULL;

	if (!tail || piece->entry->first > atomic_load(&lane->last))
		return 0;
	if (piece->entry->first != tail->first)
		return refuse_other(s, piece, 0);
	/* nobody knows yet when it ended, see journal_part */
	tail->ended = JOURNAL_OPEN;
	s->replaces = true;
	return compare(s, piece);
}

/* The other one has deleted records that were never here: it is the one to go on with. */
static int refuse_hole(
	const struct journal_survey *s, const struct journal_piece *piece, uint64_t from)
{
	char text[ATTRIB_DAMAGE_TEXT];

	snprintf(text, sizeof text,
		"records %llu to %llu of its lane are deleted there and were never here: go on "
		"with "
		"that directory, and adopt this one there",
		(unsigned long long)from, (unsigned long long)piece->entry->first - 1);
	journal_survey_say(s, piece->entry, text);
	return ATTRIB_E_INVALID;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static int judge(struct journal_survey *s, struct journal_piece *piece, bool begins)
{
	const struct journal_content *content = &piece->content;
	struct attrib_lane_view view = {.known = content->head.base};
	uint32_t index;
	bool here = attrib_journal_lane_find(s->journal, &piece->entry->lane, &index);

	if (here)
		attrib_journal_lane_look(s->journal, index, &view);
	piece->wanted = content->records && content->last > view.known;
	if (!piece->wanted)
		return 0;
	piece->news = content->last - max(view.known, piece->entry->first - 1);
	if (begins && piece->entry->first > view.known + 1)
		return refuse_hole(s, piece, view.known + 1);
	return here ? judge_longer(s, piece, journal_lane_at(s->journal, index)) : 0;
}

static int choose(struct journal_survey *s)
{
	int err = 0;

	s->block = malloc(SURVEY_BLOCK);
	s->other = malloc(SURVEY_BLOCK);
	if (!s->block || !s->other)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < s->directory.count && !err; i++) {
		const struct journal_entry *entry = &s->directory.entries[i];
		err = judge(
			s, &s->pieces[i], i == 0 || !attrib_id_eq(&entry->lane, &entry[-1].lane));
		if (s->pieces[i].wanted)
			s->total += s->pieces[i].entry->size;
	}
	return err;
}

int journal_survey_make(
	struct journal_survey *s, struct attrib_journal *journal, const struct attrib_adopt *what)
{
	*s = (struct journal_survey){.journal = journal, .what = what, .from = -1};
	int err = read_there(s);

	return err ? err : choose(s);
}

void journal_survey_done(struct journal_survey *s)
{
	if (s->from >= 0)
		close(s->from);
	journal_directory_done(&s->directory);
	journal_window_done(&s->window);
	free(s->pieces);
	free(s->block);
	free(s->other);
}
