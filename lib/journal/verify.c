/*
 * Reads every segment of a directory and says what it found. Touches nothing, so it may run beside
 * a daemon; a commit that is under way looks like a torn tail then.
 */
#include <stdio.h>
#include <unistd.h>

#include "attrib/buf.h"
#include "attrib/journal.h"
#include "directory.h"
#include "scan.h"

struct verify {
	int dir;
	struct journal_window window;
	struct attrib_journal_report sum;
	void (*line)(void *arg, const char *text);
	void *arg;
};

/* What one segment holds. */
struct finding {
	uint64_t records, first, last;
	bool headless, torn;
	struct journal_damage damage;
};

static int walk(struct journal_scan *scan, struct finding *finding)
{
	struct journal_found found;
	enum journal_tail tail = JOURNAL_TAIL_RECORD;
	enum journal_peek what;
	int err = 0;

	while (tail == JOURNAL_TAIL_RECORD && !err) {
		uint64_t before = finding->damage.stretches;
		err = journal_scan_peek(scan, true, &what, &found);
		if (err)
			break;
		if (what == JOURNAL_PEEK_RECORD) {
			finding->first = finding->records++ ? finding->first : found.number;
			finding->last = found.number;
			journal_scan_pass(scan, &found);
			continue;
		}
		err = journal_scan_skip(scan, UINT64_MAX, &finding->damage, &tail);
		/* skipped but not counted: part of a commit that may never have ended */
		if (tail != JOURNAL_TAIL_END && before == finding->damage.stretches)
			finding->torn = scan->next_first == UINT64_MAX;
	}
	return err;
}

static void say(const struct verify *v, const char *name, const struct finding *f)
{
	struct attrib_buf text;

	if (!v->line)
		return;
	attrib_buf_init(&text);
	attrib_buf_printf(&text, "%s: ", name);
	if (f->headless)
		attrib_buf_printf(&text, "no readable head, %llu bytes lost",
			(unsigned long long)f->damage.bytes);
	else if (f->records)
		attrib_buf_printf(&text, "%llu records, %llu to %llu",
			(unsigned long long)f->records, (unsigned long long)f->first,
			(unsigned long long)f->last);
	else
		attrib_buf_printf(&text, "no records");
	if (!f->headless && f->damage.stretches)
		attrib_buf_printf(&text, ", %llu damaged stretches (%llu bytes)",
			(unsigned long long)f->damage.stretches,
			(unsigned long long)f->damage.bytes);
	if (f->torn)
		attrib_buf_printf(&text, ", torn tail");
	attrib_buf_char(&text, '\0');
	if (!text.err)
		v->line(v->arg, (const char *)text.p);
	attrib_buf_done(&text);
}

static void add(struct attrib_journal_report *sum, const struct finding *finding, uint64_t size)
{
	sum->segments++;
	sum->bytes += size;
	sum->records += finding->records;
	sum->torn_tails += finding->torn;
	sum->damaged_stretches += finding->damage.stretches;
	sum->damaged_bytes += finding->damage.bytes;
}

static int verify_segment(struct verify *v, const struct journal_entry *entry, uint64_t next_first)
{
	struct finding finding = {0};
	struct journal_scan scan;
	char name[JOURNAL_NAME];
	uint64_t size = 0;

	journal_name_format(name, &entry->lane, entry->first, ".seg");
	int err = journal_scan_open(&scan, &journal_io_system, v->dir, name, &v->window, &size);
	if (err == ATTRIB_E_CORRUPT) {
		finding.headless = true;
		finding.damage = (struct journal_damage){1, size};
		err = 0;
	} else if (!err) {
		scan.next_first = next_first;
		err = walk(&scan, &finding);
		journal_scan_close(&scan);
	}
	if (err)
		return err;
	add(&v->sum, &finding, size);
	say(v, name, &finding);
	return 0;
}

static int verify_lane(struct verify *v, const struct journal_entry *entries, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = verify_segment(v, &entries[i], i + 1 < n ? entries[i + 1].first : UINT64_MAX);
	v->sum.lanes++;
	return err;
}

int attrib_journal_verify(const char *dir, struct attrib_journal_report *report,
	void (*line)(void *arg, const char *text), void *arg)
{
	struct verify v = {.line = line, .arg = arg};
	struct journal_directory directory = {0};
	int err = journal_directory_open(&journal_io_system, dir, false, &v.dir);

	if (err)
		return err;
	err = journal_directory_list(&journal_io_system, v.dir, false, &directory);
	for (size_t i = 0, end; i < directory.count && !err; i = end) {
		end = journal_directory_lane(&directory, i);
		err = verify_lane(&v, &directory.entries[i], end - i);
	}
	journal_directory_done(&directory);
	journal_window_done(&v.window);
	close(v.dir);
	if (!err)
		*report = v.sum;
	return err;
}
