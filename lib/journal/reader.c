/*
 * The reading end: one cursor per lane over its segments, one window for all of them.
 *
 * A read never moves the window once it has handed out a view into it, so a batch ends where the
 * block ends; blocks grow while a lane is being caught up with and are small behind a live one.
 */
#include "internal.h"

#include <stdlib.h>

#include "scan.h"

struct cursor {
	struct journal_lane *lane; /* borrowed */
	struct journal_scan scan;  /* fd -1 = no segment is open */
	bool placed;
	uint64_t returned; /* the last number handed out, or the place that was asked for */
	uint64_t number;   /* the next number to look for while no segment is open */
	uint64_t told_segment, told_end; /* damage below it was told */
};

struct attrib_reader {
	struct attrib_journal *journal; /* borrowed */
	struct journal_window window;
	struct journal_damage damage;
	struct cursor **cursors; /* owned; by lane index; they don't move: scans own the window */
	size_t count;
	void (*tell)(void *arg, const struct attrib_damage *damage);
	void *tell_arg;
};

int attrib_reader_new(struct attrib_journal *journal, struct attrib_reader **out)
{
	struct attrib_reader *reader = calloc(1, sizeof *reader);

	if (!reader)
		return ATTRIB_E_NOMEM;
	reader->journal = journal;
	*out = reader;
	return 0;
}

static void cursor_close(struct cursor *cursor)
{
	if (cursor->scan.fd >= 0)
		journal_scan_close(&cursor->scan);
}

void attrib_reader_free(struct attrib_reader *reader)
{
	if (!reader)
		return;
	for (size_t i = 0; i < reader->count; i++) {
		cursor_close(reader->cursors[i]);
		free(reader->cursors[i]);
	}
	free(reader->cursors);
	journal_window_done(&reader->window);
	free(reader);
}

static int cursor_add(struct attrib_reader *reader)
{
	struct cursor *cursor = calloc(1, sizeof *cursor);
	void *p = realloc(reader->cursors, (reader->count + 1) * sizeof *reader->cursors);

	if (p)
		reader->cursors = p;
	if (!p || !cursor) {
		free(cursor);
		return ATTRIB_E_NOMEM;
	}
	cursor->scan.fd = -1;
	cursor->lane = journal_lane_at(reader->journal, (uint32_t)reader->count);
	reader->cursors[reader->count++] = cursor;
	return 0;
}

static int cursor_get(struct attrib_reader *reader, uint32_t lane, struct cursor **out)
{
	if (lane >= attrib_journal_lane_count(reader->journal))
		return ATTRIB_E_NOT_FOUND;
	while (reader->count <= lane) {
		int err = cursor_add(reader);
		if (err)
			return err;
	}
	*out = reader->cursors[lane];
	return 0;
}

static void place(struct cursor *cursor, uint64_t after)
{
	cursor_close(cursor);
	cursor->placed = true;
	cursor->returned = after;
	cursor->number = after < cursor->lane->first ? cursor->lane->first : after + 1;
}

/* The number of the record that would come next. */
static uint64_t cursor_number(const struct cursor *cursor)
{
	return cursor->scan.fd < 0 ? cursor->number : cursor->scan.number;
}

static void leave(struct cursor *cursor, uint64_t number)
{
	cursor_close(cursor);
	cursor->number = number;
}

static void tell(struct attrib_reader *reader, const struct attrib_damage *damage)
{
	reader->damage.stretches++;
	reader->damage.bytes += damage->length;
	if (reader->tell)
		reader->tell(reader->tell_arg, damage);
}

/* A place that is met again, after an error or by another start of reading, is no news. */
static void tell_once(
	struct attrib_reader *reader, struct cursor *cursor, const struct attrib_damage *damage)
{
	uint64_t end = damage->offset + damage->length + 1; /* so that 0 bytes are a place, too */

	if (damage->segment < cursor->told_segment ||
		(damage->segment == cursor->told_segment && end <= cursor->told_end))
		return;
	cursor->told_segment = damage->segment;
	cursor->told_end = end;
	tell(reader, damage);
}

/* The head is gone, and with it the seed: the whole segment is one stretch of damage. */
static struct attrib_damage headless(
	const struct journal_lane *lane, uint64_t first, uint64_t next_first, uint64_t size)
{
	return (struct attrib_damage){.lane = lane->id,
		.segment = first,
		.length = size,
		.from = first,
		.to = next_first == UINT64_MAX ? UINT64_MAX : next_first - 1};
}

static void tell_half_head(struct attrib_reader *reader, struct cursor *cursor)
{
	const struct journal_scan *scan = &cursor->scan;
	struct attrib_damage damage = {.lane = cursor->lane->id,
		.segment = scan->head.first,
		.offset = scan->head_damage,
		.length = JOURNAL_HEAD_BYTES,
		.from = 1};

	if (scan->head_damage != UINT64_MAX)
		tell_once(reader, cursor, &damage);
}

static void tell_stretch(
	struct attrib_reader *reader, struct cursor *cursor, const struct journal_damage *found)
{
	struct attrib_damage damage = {.lane = cursor->lane->id,
		.segment = cursor->scan.head.first,
		.offset = found->at,
		.length = found->length,
		.from = found->from,
		.to = found->to};

	if (found->stretches)
		tell_once(reader, cursor, &damage);
}

/* Opens the segment that has the cursor's number. *more false: there is none to read. */
static int enter(struct attrib_reader *reader, struct cursor *cursor, bool *more)
{
	struct attrib_journal *journal = reader->journal;
	uint64_t first, next_first, size = 0;
	char name[JOURNAL_NAME];

	*more = journal_lane_find(journal, cursor->lane, cursor->number, &first, &next_first);
	if (!*more)
		return 0;
	journal_name_format(name, &cursor->lane->id, first, ".seg");
	int err = journal_scan_open(
		&cursor->scan, journal->io, journal->dir, name, &reader->window, &size);
	/* The open refuses a lane of a newer format, and a lane has one format. */
	if (err == ATTRIB_E_CORRUPT || err == ATTRIB_E_VERSION) {
		struct attrib_damage damage = headless(cursor->lane, first, next_first, size);
		tell_once(reader, cursor, &damage);
		*more = next_first != UINT64_MAX;
		if (*more)
			cursor->number = next_first;
		return 0;
	}
	if (err)
		return err;
	cursor->scan.next_first = next_first;
	cursor->scan.settled = cursor->lane->own;
	tell_half_head(reader, cursor);
	return 0;
}

/* No valid record stands where the next one should: the lane went on in another segment, or this is
 * damage. *more false: there is nothing to read behind it. */
static int go_on(struct attrib_reader *reader, struct cursor *cursor, uint64_t limit, bool *more)
{
	struct journal_scan *scan = &cursor->scan;
	struct journal_damage damage = {0};
	enum journal_tail tail;
	uint64_t first;

	*more = journal_lane_find(
		reader->journal, cursor->lane, scan->number, &first, &scan->next_first);
	if (*more && first > scan->head.first) {
		leave(cursor, scan->number);
		return 0;
	}
	int err = journal_scan_skip(scan, limit, &damage, &tail);
	if (err)
		return err;
	bool ends = tail != JOURNAL_TAIL_RECORD;
	uint64_t next = ends ? scan->next_first : scan->number;
	/* what lies before the place that was asked for is no news */
	if (next > cursor->returned + 1)
		tell_stretch(reader, cursor, &damage);
	*more = !ends || scan->next_first != UINT64_MAX;
	if (ends && *more)
		leave(cursor, scan->next_first);
	return 0;
}

/* One step towards the next record above `returned`. *more false: the batch ends here. */
static int step(struct attrib_reader *reader, struct cursor *cursor, uint64_t limit, bool first,
	struct journal_found *found, bool *got, bool *more)
{
	enum journal_peek what;

	*got = false;
	*more = cursor_number(cursor) <= limit && (cursor->scan.fd >= 0 || first);
	if (!*more)
		return 0;
	if (cursor->scan.fd < 0)
		return enter(reader, cursor, more);
	int err = journal_scan_peek(&cursor->scan, first, &what, found);
	if (err)
		return err;
	switch (what) {
	case JOURNAL_PEEK_RECORD:
		journal_scan_pass(&cursor->scan, found);
		*got = found->number > cursor->returned;
		return 0;
	case JOURNAL_PEEK_NONE:
		*more = first;
		return first ? go_on(reader, cursor, limit, more) : 0;
	case JOURNAL_PEEK_FILL:
		*more = false;
		return 0;
	}
	return 0;
}

int attrib_reader_read(struct attrib_reader *reader, uint32_t lane, uint64_t after,
	struct attrib_record *out, size_t max, size_t *n)
{
	struct cursor *cursor;
	struct journal_found found;
	bool got, more = true;
	size_t count = 0;
	int err = cursor_get(reader, lane, &cursor);

	if (err)
		return err;
	if (!cursor->placed || cursor->returned != after)
		place(cursor, after);
	/* acquire: what is below was written before, see write_out() in commit.c */
	uint64_t limit = atomic_load_explicit(&cursor->lane->last, memory_order_acquire);
	reader->window.fresh = false;
	while (count < max && more && !err) {
		err = step(reader, cursor, limit, count == 0, &found, &got, &more);
		if (err || !got)
			continue;
		out[count++] = (struct attrib_record){lane, found.number, found.payload};
		cursor->returned = found.number;
	}
	if (err) {
		cursor->placed = false;
		return err;
	}
	if (!cursor->lane->own && cursor_number(cursor) > limit && count == 0)
		leave(cursor, cursor_number(cursor));
	*n = count;
	return 0;
}

/* A last segment whose head is gone lies behind the last record of its lane: no read gets there. */
static void tell_headless_ends(struct attrib_reader *reader)
{
	uint32_t lanes = attrib_journal_lane_count(reader->journal);

	for (uint32_t i = 0; i < lanes; i++) {
		const struct journal_lane *lane = journal_lane_at(reader->journal, i);
		struct attrib_damage damage =
			headless(lane, lane->headless, UINT64_MAX, lane->torn);
		if (lane->headless)
			tell(reader, &damage);
	}
}

void attrib_reader_on_damage(struct attrib_reader *reader,
	void (*hear)(void *arg, const struct attrib_damage *damage), void *arg)
{
	reader->tell = hear;
	reader->tell_arg = arg;
	tell_headless_ends(reader);
}

void attrib_reader_damaged(const struct attrib_reader *reader, uint64_t *stretches, uint64_t *bytes)
{
	*stretches = reader->damage.stretches;
	*bytes = reader->damage.bytes;
}
