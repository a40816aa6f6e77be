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
#include "scan.h"

/* -- the list of lanes ------------------------------------------------------------------------- */

static int lanes_room(struct attrib_journal *journal)
{
	if (journal->count < journal->cap)
		return 0;
	size_t cap = journal->cap ? 2 * journal->cap : 16;
	void *p = realloc(journal->lanes, cap * sizeof *journal->lanes);
	if (!p)
		return ATTRIB_E_NOMEM;
	journal->lanes = p;
	journal->cap = cap;
	return 0;
}

struct journal_lane *journal_lane_add(
	struct attrib_journal *journal, const struct attrib_id *id, bool own)
{
	struct journal_lane *lane = calloc(1, sizeof *lane);

	if (!lane)
		return NULL;
	lane->id = *id;
	lane->own = own;
	lane->base = journal->base;
	lane->first = journal->base + 1;
	atomic_init(&lane->last, journal->base);
	pthread_mutex_lock(&journal->lock);
	if (lanes_room(journal)) {
		free(lane);
		lane = NULL;
	} else {
		journal->lanes[journal->count++] = lane;
	}
	pthread_mutex_unlock(&journal->lock);
	return lane;
}

struct journal_lane *journal_lane_at(struct attrib_journal *journal, uint32_t index)
{
	pthread_mutex_lock(&journal->lock);
	struct journal_lane *lane = index < journal->count ? journal->lanes[index] : NULL;
	pthread_mutex_unlock(&journal->lock);
	return lane;
}

int journal_lane_room(struct attrib_journal *journal, struct journal_lane *lane)
{
	int err = 0;

	pthread_mutex_lock(&journal->lock);
	if (lane->count == lane->cap) {
		size_t cap = lane->cap ? 2 * lane->cap : 8;
		void *p = realloc(lane->segments, cap * sizeof *lane->segments);
		if (p) {
			lane->segments = p;
			lane->cap = cap;
		} else {
			err = ATTRIB_E_NOMEM;
		}
	}
	pthread_mutex_unlock(&journal->lock);
	return err;
}

void journal_lane_segment(struct attrib_journal *journal, struct journal_lane *lane, uint64_t first)
{
	pthread_mutex_lock(&journal->lock);
	lane->segments[lane->count++] = first;
	pthread_mutex_unlock(&journal->lock);
}

bool journal_lane_find(struct attrib_journal *journal, struct journal_lane *lane, uint64_t number,
	uint64_t *first, uint64_t *next_first)
{
	pthread_mutex_lock(&journal->lock);
	size_t i = lane->count;
	while (i > 1 && lane->segments[i - 1] > number)
		i--;
	if (i > 0) {
		*first = lane->segments[i - 1];
		*next_first = i < lane->count ? lane->segments[i] : UINT64_MAX;
	}
	pthread_mutex_unlock(&journal->lock);
	return i > 0;
}

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

static int add_lane(struct attrib_journal *journal, const struct journal_entry *entries, size_t n,
	uint64_t base, const struct lane_end *end)
{
	struct journal_lane *lane = journal_lane_add(journal, &entries[0].lane, false);
	int err = lane ? 0 : ATTRIB_E_NOMEM;

	for (size_t i = 0; i < n && !err; i++) {
		err = journal_lane_room(journal, lane);
		if (!err)
			journal_lane_segment(journal, lane, entries[i].first);
	}
	if (!err) {
		lane->base = base;
		lane->first = entries[0].first;
		lane->torn = end->torn;
		lane->headless = end->headless ? entries[n - 1].first : 0;
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
static int load_lane(struct attrib_journal *journal, struct journal_window *window,
	const struct journal_entry *entries, size_t n)
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
	return err ? err : add_lane(journal, entries, n, head.base, &end);
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

	if (journal->count)
		qsort(journal->lanes, journal->count, sizeof *journal->lanes, by_base);
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

static int load(struct attrib_journal *journal)
{
	struct journal_directory directory;
	struct journal_window window = {0};
	int err = journal_directory_list(journal->io, journal->dir, true, &directory);

	if (err)
		return err;
	for (size_t i = 0, end; i < directory.count && !err; i = end) {
		end = journal_directory_lane(&directory, i);
		err = load_lane(journal, &window, &directory.entries[i], end - i);
	}
	if (!err)
		find_base(journal);
	journal_window_done(&window);
	journal_directory_done(&directory);
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
		free(journal->lanes[i]->segments);
		free(journal->lanes[i]);
	}
	free(journal->lanes);
	if (journal->dir >= 0)
		close(journal->dir);
	pthread_mutex_destroy(&journal->lock);
	free(journal);
}

/* -- questions --------------------------------------------------------------------------------- */

uint64_t attrib_journal_base(const struct attrib_journal *journal)
{
	return journal->base;
}

void attrib_journal_raise_base(struct attrib_journal *journal, uint64_t base)
{
	pthread_mutex_lock(&journal->lock);
	if (base > journal->base)
		journal->base = base;
	pthread_mutex_unlock(&journal->lock);
}

void attrib_journal_on_commit(struct attrib_journal *journal, void (*wake)(void *arg), void *arg)
{
	journal->wake = wake;
	journal->wake_arg = arg;
}

uint64_t attrib_journal_committed(struct attrib_journal *journal)
{
	uint64_t sum = journal->base;

	pthread_mutex_lock(&journal->lock);
	for (size_t i = 0; i < journal->count; i++) {
		const struct journal_lane *lane = journal->lanes[i];
		if (lane->own)
			sum += atomic_load_explicit(&lane->last, memory_order_acquire) - lane->base;
	}
	pthread_mutex_unlock(&journal->lock);
	return sum;
}

uint64_t attrib_journal_bytes(struct attrib_journal *journal)
{
	return atomic_load_explicit(&journal->bytes, memory_order_relaxed);
}

uint64_t attrib_journal_foreign(const struct attrib_journal *journal)
{
	return journal->foreign;
}

uint32_t attrib_journal_lane_count(struct attrib_journal *journal)
{
	pthread_mutex_lock(&journal->lock);
	uint32_t count = (uint32_t)journal->count;
	pthread_mutex_unlock(&journal->lock);
	return count;
}

struct attrib_id attrib_journal_lane_id(struct attrib_journal *journal, uint32_t lane)
{
	struct journal_lane *at = journal_lane_at(journal, lane);
	return at ? at->id : (struct attrib_id){{0}};
}

void attrib_journal_lane_range(
	struct attrib_journal *journal, uint32_t lane, uint64_t *first, uint64_t *last)
{
	struct journal_lane *at = journal_lane_at(journal, lane);

	*first = at ? at->first : 0;
	*last = at ? atomic_load_explicit(&at->last, memory_order_acquire) : 0;
}

bool attrib_journal_lane_find(
	struct attrib_journal *journal, const struct attrib_id *id, uint32_t *out)
{
	bool found = false;

	pthread_mutex_lock(&journal->lock);
	for (size_t i = 0; i < journal->count && !found; i++) {
		found = attrib_id_eq(&journal->lanes[i]->id, id);
		if (found)
			*out = (uint32_t)i;
	}
	pthread_mutex_unlock(&journal->lock);
	return found;
}

void attrib_journal_lane_look(
	struct attrib_journal *journal, uint32_t lane, struct attrib_lane_view *out)
{
	struct journal_lane *at = journal_lane_at(journal, lane);

	*out = (struct attrib_lane_view){.id = at->id,
		.own = at->own,
		.begins = at->base + 1,
		.first = at->first,
		.last = atomic_load_explicit(&at->last, memory_order_acquire),
		.torn = at->torn / JOURNAL_RECORD_MIN};
}
