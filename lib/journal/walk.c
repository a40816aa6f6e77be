/*
 * Reads the segments of a directory and says what it found: verify and dump. Touches nothing, so it
 * may run beside a daemon; a commit that is under way looks like a torn tail then.
 */
#include <stdio.h>
#include <unistd.h>

#include "attrib/buf.h"
#include "attrib/journal.h"
#include "directory.h"
#include "scan.h"

struct walk {
	int dir;
	struct journal_window window;
	const struct attrib_journal_range *range;
	const struct attrib_journal_visit *visit;
	struct attrib_journal_report sum;
	bool ended; /* the visitor wants no more */
};

/* What one segment holds. */
struct finding {
	const struct journal_entry *entry;
	uint64_t next_first; /* first number of the lane's next segment; UINT64_MAX = none */
	uint64_t records, first, last;
	uint64_t stretches, bytes; /* of damage */
	bool headless, torn;
};

static void line(const struct walk *walk, void (*hear)(void *arg, const char *text),
	const char *name, const char *text)
{
	char sentence[ATTRIB_DAMAGE_TEXT + JOURNAL_NAME + 8];

	if (!hear)
		return;
	snprintf(sentence, sizeof sentence, "%s: %s", name, text);
	hear(walk->visit->arg, sentence);
}

static void segment_name(const struct finding *finding, char out[JOURNAL_NAME])
{
	journal_name_format(out, &finding->entry->lane, finding->entry->first, ".seg");
}

static void found_damage(struct walk *walk, struct finding *finding, uint64_t offset,
	uint64_t length, uint64_t from, uint64_t to)
{
	struct attrib_damage damage = {.lane = finding->entry->lane,
		.segment = finding->entry->first,
		.offset = offset,
		.length = length,
		.from = from,
		.to = to};
	char name[JOURNAL_NAME], text[ATTRIB_DAMAGE_TEXT];

	finding->stretches++;
	finding->bytes += length;
	segment_name(finding, name);
	attrib_damage_text(&damage, text);
	line(walk, walk->visit->trouble, name, text);
}

static void found_record(struct walk *walk, struct finding *finding,
	const struct journal_scan *scan, const struct journal_found *found)
{
	const struct attrib_journal_range *range = walk->range;
	struct attrib_journal_place place = {.lane = finding->entry->lane,
		.number = found->number,
		.segment = finding->entry->first,
		.offset = scan->at,
		.payload = found->payload};

	finding->first = finding->records++ ? finding->first : found->number;
	finding->last = found->number;
	if (found->number >= range->from && found->number <= range->to && walk->visit->record)
		walk->ended = !walk->visit->record(walk->visit->arg, &place);
}

/* Does a record stand there now? A daemon may have written it since the block before was read. */
static int look_again(struct journal_scan *scan, bool *record)
{
	struct journal_found found;
	enum journal_peek what;

	scan->window->owner = NULL;
	int err = journal_scan_peek(scan, true, &what, &found);
	*record = !err && what == JOURNAL_PEEK_RECORD;
	return err;
}

static int step_over(struct walk *walk, struct finding *finding, struct journal_scan *scan,
	enum journal_tail *tail)
{
	const struct journal_scan before = *scan;
	struct journal_damage damage = {0};
	bool written = false;
	int err = journal_scan_skip(scan, UINT64_MAX, &damage, tail);

	if (!err && damage.stretches && scan->next_first == UINT64_MAX) {
		const struct journal_scan behind = *scan;
		*scan = before;
		err = look_again(scan, &written);
		if (!written)
			*scan = behind;
	}
	if (err || written)
		return err;
	if (damage.stretches)
		found_damage(walk, finding, damage.at, damage.length, damage.from, damage.to);
	/* skipped but not counted: part of a commit that may never have ended */
	else if (*tail != JOURNAL_TAIL_END)
		finding->torn = scan->next_first == UINT64_MAX;
	return 0;
}

static int walk_records(struct walk *walk, struct finding *finding, struct journal_scan *scan)
{
	struct journal_found found;
	enum journal_tail tail = JOURNAL_TAIL_RECORD;
	enum journal_peek what;
	int err = 0;

	while (tail == JOURNAL_TAIL_RECORD && !err && !walk->ended) {
		err = journal_scan_peek(scan, true, &what, &found);
		if (err)
			break;
		if (what == JOURNAL_PEEK_RECORD) {
			found_record(walk, finding, scan, &found);
			journal_scan_pass(scan, &found);
		} else {
			err = step_over(walk, finding, scan, &tail);
		}
	}
	return err;
}

static void say(const struct walk *walk, const struct finding *f)
{
	char name[JOURNAL_NAME];
	struct attrib_buf text;

	attrib_buf_init(&text);
	if (f->headless)
		attrib_buf_printf(
			&text, "no readable head, %llu bytes lost", (unsigned long long)f->bytes);
	else if (f->records)
		attrib_buf_printf(&text, "%llu records, %llu to %llu",
			(unsigned long long)f->records, (unsigned long long)f->first,
			(unsigned long long)f->last);
	else
		attrib_buf_printf(&text, "no records");
	if (!f->headless && f->stretches)
		attrib_buf_printf(&text, ", %llu damaged stretches (%llu bytes)",
			(unsigned long long)f->stretches, (unsigned long long)f->bytes);
	if (f->torn)
		attrib_buf_printf(&text, ", torn tail");
	attrib_buf_char(&text, '\0');
	segment_name(f, name);
	if (!text.err)
		line(walk, walk->visit->segment, name, (const char *)text.p);
	attrib_buf_done(&text);
}

static void add(struct walk *walk, const struct finding *finding, uint64_t size)
{
	struct attrib_journal_report *sum = &walk->sum;

	sum->segments++;
	sum->bytes += size;
	sum->records += finding->records;
	sum->torn_tails += finding->torn;
	sum->damaged_stretches += finding->stretches;
	sum->damaged_bytes += finding->bytes;
	say(walk, finding);
}

static void say_newer(const struct walk *walk, const char *name, uint32_t version)
{
	char text[ATTRIB_DAMAGE_TEXT];

	journal_newer_text(name, version, text, sizeof text);
	if (walk->visit->trouble)
		walk->visit->trouble(walk->visit->arg, text);
}

static int walk_segment(struct walk *walk, struct finding *finding)
{
	struct journal_scan scan;
	char name[JOURNAL_NAME];
	uint64_t size = 0, first = finding->entry->first;

	segment_name(finding, name);
	int err =
		journal_scan_open(&scan, &attrib_io_system, walk->dir, name, &walk->window, &size);
	if (err == ATTRIB_E_NOT_FOUND) /* a daemon removed it since the directory was read */
		return 0;
	if (err == ATTRIB_E_VERSION)
		say_newer(walk, name, scan.version);
	if (err == ATTRIB_E_CORRUPT) {
		finding->headless = true;
		found_damage(walk, finding, 0, size, first,
			finding->next_first == UINT64_MAX ? UINT64_MAX : finding->next_first - 1);
		err = 0;
	} else if (!err) {
		scan.next_first = finding->next_first;
		if (scan.head_damage != UINT64_MAX)
			found_damage(walk, finding, scan.head_damage, JOURNAL_HEAD_BYTES, 1, 0);
		err = walk_records(walk, finding, &scan);
		journal_scan_close(&scan);
	}
	if (!err)
		add(walk, finding, size);
	return err;
}

static bool wanted(const struct walk *walk, const struct finding *finding)
{
	const struct attrib_journal_range *range = walk->range;
	char lane[33] = {0};

	attrib_hex(finding->entry->lane.b, sizeof finding->entry->lane.b, lane);
	return range->lane.n < sizeof lane && memcmp(lane, range->lane.p, range->lane.n) == 0 &&
	       finding->entry->first <= range->to && finding->next_first > range->from;
}

static int walk_lane(struct walk *walk, const struct journal_entry *entries, size_t n)
{
	uint64_t before = walk->sum.segments;
	int err = 0;

	for (size_t i = 0; i < n && !err && !walk->ended; i++) {
		struct finding finding = {.entry = &entries[i],
			.next_first = i + 1 < n ? entries[i + 1].first : UINT64_MAX};
		if (wanted(walk, &finding))
			err = walk_segment(walk, &finding);
	}
	walk->sum.lanes += walk->sum.segments > before;
	return err;
}

int attrib_journal_walk(const char *dir, const struct attrib_journal_range *range,
	const struct attrib_journal_visit *visit, struct attrib_journal_report *report)
{
	struct walk walk = {.range = range, .visit = visit};
	struct journal_directory directory = {0};
	int err = attrib_io_open_dir(&attrib_io_system, dir, false, &walk.dir);

	if (err)
		return err;
	err = journal_directory_list(&attrib_io_system, walk.dir, false, &directory);
	for (size_t i = 0, end; i < directory.count && !err && !walk.ended; i = end) {
		end = journal_directory_lane(&directory, i);
		err = walk_lane(&walk, &directory.entries[i], end - i);
	}
	journal_directory_done(&directory);
	journal_window_done(&walk.window);
	close(walk.dir);
	if (!err)
		*report = walk.sum;
	return err;
}

int attrib_journal_verify(const char *dir, struct attrib_journal_report *report,
	void (*hear)(void *arg, const char *text), void *arg)
{
	const struct attrib_journal_range all = {.lane = ATTRIB_STR(""), .to = UINT64_MAX};
	const struct attrib_journal_visit visit = {.segment = hear, .trouble = hear, .arg = arg};

	return attrib_journal_walk(dir, &all, &visit, report);
}
