/*
 * The journal as a whole: what the directory held at start, and the list of lanes since.
 *
 * Opening reads the head of every lane's first segment and walks over its last one: the segments
 * between are known by their names. Nothing is repaired or written; older lanes stay as they are.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "directory.h"
#include "format.h"
#include "ledger.h"
#include "scan.h"

/* -- opening ----------------------------------------------------------------------------------- */

static void note(struct attrib_journal *journal, enum attrib_journal_note what, const char *text)
{
	if (journal->options.note)
		journal->options.note(journal->options.note_arg, what, text);
}

static void note_newer(struct attrib_journal *journal, const char *name, uint32_t version)
{
	char text[192];

	journal_newer_text(name, version, text, sizeof text);
	note(journal, ATTRIB_JOURNAL_NEWER, text);
}

/* How far a lane of an earlier start goes. */
struct lane_end {
	uint64_t last;
	uint64_t torn; /* bytes behind it that are no record */
	bool headless; /* they are the whole last segment */
};

/* Reads the head of one segment; with `end` also walks to its end. A head that can't be read makes
 * the segment damage, which is the reader's business: *known is false. */
static int look(struct attrib_journal *journal, struct journal_window *window,
	const struct journal_entry *entry, bool *known, struct journal_head *head,
	struct lane_end *end)
{
	struct journal_scan scan;
	char name[JOURNAL_NAME];
	uint64_t size;

	journal_name_format(name, &entry->lane, entry->first, ".seg");
	int err = journal_scan_open(&scan, journal->io, journal->dir, name, window, &size);
	*known = err == 0;
	if (err == ATTRIB_E_VERSION)
		note_newer(journal, name, scan.version);
	if (err == ATTRIB_E_CORRUPT && end)
		*end = (struct lane_end){entry->first - 1, size, true};
	if (err)
		return err == ATTRIB_E_CORRUPT ? 0 : err;
	*head = scan.head;
	if (end)
		err = journal_scan_last(&scan, &end->last, &end->torn);
	journal_scan_close(&scan);
	return err;
}

/* A segment of an earlier start has ended when that start said so, or else by now. */
static int64_t ended_at(const struct attrib_journal *journal, const struct journal_ledger *ledger,
	const struct journal_entry *entry)
{
	const struct journal_row *row = journal_ledger_ended(ledger, &entry->lane, entry->first);

	return row ? (int64_t)row->value : journal_ran(journal);
}

static int add_lane(struct attrib_journal *journal, const struct journal_ledger *ledger,
	const struct journal_entry *entries, size_t n, uint64_t base, const struct lane_end *end)
{
	struct journal_lane *lane = journal_lane_add(journal, &entries[0].lane, false);
	int err = lane ? 0 : ATTRIB_E_NOMEM;

	for (size_t i = 0; i < n && !err; i++) {
		err = journal_lane_room(journal, lane);
		if (!err)
			lane->parts[lane->count++] =
				(struct journal_part){.first = entries[i].first,
					.bytes = entries[i].size,
					.ended = ended_at(journal, ledger, &entries[i])};
	}
	if (!err) {
		lane->base = base;
		lane->torn = end->torn;
		lane->headless = end->headless ? entries[n - 1].first : 0;
		lane->known = end->last;
		atomic_store(&lane->first, entries[0].first);
		atomic_store(&lane->last, end->last);
	}
	return err;
}

static void note_foreign(struct attrib_journal *journal, const struct journal_entry *entries,
	size_t n, const struct attrib_id *instance)
{
	char text[192], name[JOURNAL_NAME], owner[33] = {0};

	journal->foreign += n;
	journal_name_format(name, &entries[0].lane, entries[0].first, ".seg");
	attrib_hex(instance->b, sizeof instance->b, owner);
	if (n == 1)
		snprintf(text, sizeof text, "%s is of instance %s", name, owner);
	else
		snprintf(text, sizeof text, "%s and %zu more of its lane are of instance %s", name,
			n - 1, owner);
	note(journal, ATTRIB_JOURNAL_FOREIGN, text);
}

/* One lane of an earlier start: who wrote it, and how far it goes. */
static int load_lane(struct attrib_journal *journal, const struct journal_ledger *ledger,
	struct journal_window *window, const struct journal_entry *entries, size_t n)
{
	struct journal_head head = {.instance = journal->options.instance};
	struct journal_head other;
	struct lane_end end = {entries[n - 1].first - 1, 0, false};
	bool known = false, ends;
	int err = 0;

	for (size_t i = 0; i < n; i++)
		atomic_fetch_add(&journal->bytes, entries[i].size);
	head.base = entries[0].first - 1;
	for (size_t i = 0; i < n && !known && !err; i++) {
		err = look(journal, window, &entries[i], &known, &other, NULL);
		if (known)
			head = other;
	}
	if (!err && !attrib_id_eq(&head.instance, &journal->options.instance)) {
		note_foreign(journal, entries, n, &head.instance);
		return 0;
	}
	if (!err)
		err = look(journal, window, &entries[n - 1], &ends, &other, &end);
	return err ? err : add_lane(journal, ledger, entries, n, head.base, &end);
}

static int by_base(const void *pa, const void *pb)
{
	const struct journal_lane *a = *(struct journal_lane *const *)pa;
	const struct journal_lane *b = *(struct journal_lane *const *)pb;

	if (a->base != b->base)
		return a->base < b->base ? -1 : 1;
	return attrib_id_cmp(&a->id, &b->id);
}

/* Lanes of one start share its base. The next base is the highest, over starts, of that base and
 * the records of all its lanes: above every number in use, and the count never falls. */
static void find_base(struct attrib_journal *journal)
{
	uint64_t start = 0, sum = 0;

	journal_lanes_reorder(journal, by_base);
	for (size_t i = 0; i < journal->count; i++) {
		const struct journal_lane *lane = journal->lanes[i];
		uint64_t last = atomic_load(&lane->last);
		if (i == 0 || lane->base != start)
			sum = start = lane->base;
		if (last > lane->base)
			sum += last - lane->base;
		if (sum > journal->base)
			journal->base = sum;
	}
}

/* Lanes of which nothing is left. One that has segments all the same, of a crash before they went or
 * because somebody brought them back, may still lack its end. */
static int load_gone(struct attrib_journal *journal, const struct journal_row *row)
{
	uint32_t index;
	bool found = attrib_journal_lane_find(journal, &row->lane, &index);
	struct journal_lane *lane = found ? journal_lane_at(journal, index)
					  : journal_lane_add(journal, &row->lane, false);

	if (!lane)
		return ATTRIB_E_NOMEM;
	if (!found) {
		lane->base = row->from - 1;
		atomic_store(&lane->first, row->value + 1);
		atomic_store(&lane->last, row->value);
	}
	if (row->value > lane->known)
		lane->known = row->value;
	return 0;
}

static void note_ledger(struct attrib_journal *journal)
{
	note(journal, ATTRIB_JOURNAL_LEDGER,
		"the file `ledger` is damaged: segments are kept for longer, and lanes of which no "
		"segment is left are unknown");
}

static int load_ledger(struct attrib_journal *journal, struct journal_ledger *ledger)
{
	int err = journal_ledger_read(journal->io, journal->dir, ledger);

	if (err == ATTRIB_E_VERSION)
		note(journal, ATTRIB_JOURNAL_NEWER,
			"the file `ledger` was written by a newer version of attribd");
	if (err == ATTRIB_E_CORRUPT) {
		note_ledger(journal);
		err = journal_ledger_init(ledger, 0, 0);
	}
	if (err)
		return err;
	/* the lanes of another instance are no business of ours, nor is how old they are */
	if (!attrib_id_eq(&ledger->instance, &journal->options.instance))
		*ledger = (struct journal_ledger){.gone = ledger->gone};
	journal->ran_before = journal->ledger_at = ledger->ran;
	return 0;
}

static int load(struct attrib_journal *journal)
{
	struct journal_directory directory = {0};
	struct journal_ledger ledger = {0};
	struct journal_window window = {0};
	int err = load_ledger(journal, &ledger);

	if (!err)
		err = journal_directory_list(journal->io, journal->dir, true, &directory);
	for (size_t i = 0, end; i < directory.count && !err; i = end) {
		end = journal_directory_lane(&directory, i);
		err = load_lane(journal, &ledger, &window, &directory.entries[i], end - i);
	}
	for (size_t i = 0; i < ledger.gone_count && !err; i++)
		err = load_gone(journal, &ledger.gone[i]);
	if (!err)
		find_base(journal);
	journal_window_done(&window);
	journal_directory_done(&directory);
	journal_ledger_done(&ledger);
	return err;
}

int journal_open(const struct attrib_journal_options *options, const struct attrib_io *io,
	struct attrib_journal **out)
{
	struct attrib_journal *journal = calloc(1, sizeof *journal);

	if (!journal)
		return ATTRIB_E_NOMEM;
	journal->options = *options;
	journal->options.dir = NULL;
	if (journal->options.segment_size == 0)
		journal->options.segment_size = ATTRIB_SEGMENT_SIZE;
	journal->io = io;
	journal->opened_ns = journal_monotonic_ns();
	journal->dir = -1;
	pthread_mutex_init(&journal->lock, NULL);
	int err = attrib_io_open_dir(io, options->dir, true, &journal->dir);
	if (!err)
		err = load(journal);
	if (err) {
		int kept = errno;
		attrib_journal_close(journal);
		errno = kept;
		return err;
	}
	*out = journal;
	return 0;
}

int attrib_journal_open(const struct attrib_journal_options *options, struct attrib_journal **out)
{
	return journal_open(options, &attrib_io_system, out);
}

void attrib_journal_close(struct attrib_journal *journal)
{
	if (!journal)
		return;
	for (size_t i = 0; i < journal->count; i++) {
		free(journal->lanes[i]->parts);
		free(journal->lanes[i]);
	}
	free(journal->lanes);
	free(journal->slots);
	if (journal->dir >= 0)
		close(journal->dir);
	pthread_mutex_destroy(&journal->lock);
	free(journal);
}
