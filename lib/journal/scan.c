/* See scan.h. */
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_MIN (16u * 1024)  /* live: a few records at a time */
#define BLOCK_MAX (512u * 1024) /* catching up: amortises the call, still in the L2 cache */

void journal_window_done(struct journal_window *window)
{
	free(window->p);
	*window = (struct journal_window){0};
}

static int window_room(struct journal_window *window, size_t n)
{
	if (n <= window->cap)
		return 0;
	uint8_t *p = realloc(window->p, n);
	if (!p)
		return ATTRIB_E_NOMEM;
	window->p = p;
	window->cap = n;
	return 0;
}

static int window_fill(struct journal_scan *scan, uint64_t at, size_t need)
{
	struct journal_window *w = scan->window;
	/* the old block was used up: reading goes on, so take more at once */
	bool onward =
		w->owner == scan && at > w->at && w->at + w->n < at + need && w->n >= scan->block;

	if (onward && scan->block < BLOCK_MAX)
		scan->block *= 2;
	size_t n = scan->block > need ? scan->block : need;
	int err = window_room(w, n);
	if (err)
		return err;
	w->owner = NULL;
	err = attrib_io_read(scan->io, scan->fd, w->p, n, at, &w->n);
	if (err)
		return err;
	w->owner = scan;
	w->at = at;
	w->fresh = true;
	return 0;
}

/* Bytes from `at` that are in the window. */
static size_t window_holds(const struct journal_scan *scan, uint64_t at)
{
	const struct journal_window *w = scan->window;

	if (w->owner != scan || at < w->at || at >= w->at + w->n)
		return 0;
	return w->at + w->n - at;
}

/* Fills the window unless it holds `need` bytes from `at`; *have may be less at the file's end. */
static int window_need(
	struct journal_scan *scan, uint64_t at, size_t need, const uint8_t **p, size_t *have)
{
	*have = window_holds(scan, at);
	if (*have < need) {
		int err = window_fill(scan, at, need);
		if (err)
			return err;
		*have = window_holds(scan, at);
	}
	*p = scan->window->p + (at - scan->window->at);
	return 0;
}

/* Under the name of another segment its numbers would be met where others are looked for, again and
 * again: such a file is none. A copy that has no name yet is what its head says. */
static bool is_named(const struct journal_head *head, const char *name)
{
	struct attrib_id lane;
	uint64_t first;

	return !journal_name_parse(name, &lane, &first) ||
	       (first == head->first && attrib_id_eq(&lane, &head->lane));
}

int journal_scan_open(struct journal_scan *scan, const struct attrib_io *io, int dir,
	const char *name, struct journal_window *window, uint64_t *size)
{
	const uint8_t *p;
	size_t have;

	*scan = (struct journal_scan){.io = io,
		.window = window,
		.at = JOURNAL_HEAD,
		.next_first = UINT64_MAX,
		.block = BLOCK_MIN};
	scan->fd = io->open(dir, name, O_RDONLY, 0);
	if (scan->fd < 0)
		return errno == ENOENT ? ATTRIB_E_NOT_FOUND : ATTRIB_E_IO;
	off_t end = lseek(scan->fd, 0, SEEK_END);
	*size = end < 0 ? 0 : (uint64_t)end;
	int err = window_need(scan, 0, JOURNAL_HEAD, &p, &have);
	if (!err) {
		err = journal_head_decode(p, have, &scan->head);
		scan->version = journal_head_version(p, have);
		scan->head_damage = journal_head_damaged(p, have);
	}
	if (!err && !is_named(&scan->head, name))
		err = ATTRIB_E_CORRUPT;
	if (err)
		journal_scan_close(scan);
	else
		scan->number = scan->head.first;
	return err;
}

void journal_scan_close(struct journal_scan *scan)
{
	if (scan->fd >= 0)
		close(scan->fd);
	scan->fd = -1;
	if (scan->window->owner == scan)
		scan->window->owner = NULL;
}

/* Parses the record at `at` with the number `number` from the window; *need > 0: these many bytes
 * must be in the window before more can be said. */
static bool parse(const struct journal_scan *scan, uint64_t at, uint64_t number, size_t *need,
	struct journal_found *out)
{
	const uint8_t *p = scan->window->p + (at - scan->window->at);
	size_t have = window_holds(scan, at);
	struct journal_claim claim;

	*need = 0;
	if (have < JOURNAL_RECORD_HEAD) {
		*need = JOURNAL_RECORD_HEAD;
		return false;
	}
	if (!journal_record_claim(p, &claim) || claim.number != (uint32_t)number)
		return false;
	size_t size = journal_record_size(claim.length);
	if (have < size) {
		*need = size;
		return false;
	}
	if (!journal_record_holds(p, claim.length, scan->head.seed, number, at))
		return false;
	out->number = number;
	out->payload = (struct attrib_str){(const char *)p + JOURNAL_RECORD_HEAD, claim.length};
	out->size = size;
	out->starts = claim.starts;
	return true;
}

int journal_scan_peek(struct journal_scan *scan, bool may_fill, enum journal_peek *what,
	struct journal_found *out)
{
	size_t need = JOURNAL_RECORD_HEAD;

	for (;;) {
		if (window_holds(scan, scan->at) >= need) {
			if (parse(scan, scan->at, scan->number, &need, out)) {
				*what = JOURNAL_PEEK_RECORD;
				return 0;
			}
			/* the block may be older than the record that stands here now */
			if (!need && scan->window->fresh) {
				*what = JOURNAL_PEEK_NONE;
				return 0;
			}
			need = need ? need : JOURNAL_RECORD_HEAD;
		}
		if (!may_fill) {
			*what = JOURNAL_PEEK_FILL;
			return 0;
		}
		int err = window_fill(scan, scan->at, need);
		if (err)
			return err;
		if (window_holds(scan, scan->at) < need) {
			*what = JOURNAL_PEEK_NONE;
			return 0;
		}
	}
}

void journal_scan_pass(struct journal_scan *scan, const struct journal_found *found)
{
	scan->at += found->size;
	scan->number = found->number + 1;
}

/* The number that the claim at `at` stands for, if that many records fit into the bytes since the
 * bad one: sorts out nearly everything before a checksum is made over up to a megabyte. */
static bool plausible(const struct journal_scan *scan, uint64_t at,
	const struct journal_claim *claim, uint64_t last, uint64_t *number)
{
	uint32_t ahead = claim->number - (uint32_t)scan->number;

	*number = scan->number + ahead;
	return ahead <= (at - scan->at) / JOURNAL_RECORD_MIN && *number <= last &&
	       *number < scan->next_first;
}

/* Searches the next valid record behind scan->at. *found false: none; *end = end of the last bytes
 * that are not zero. */
static int search(struct journal_scan *scan, uint64_t last, bool *found, struct journal_found *out,
	uint64_t *at, uint64_t *end)
{
	*end = scan->at;
	*found = false;
	for (uint64_t here = scan->at; !*found; here += 8) {
		struct journal_claim claim;
		const uint8_t *p;
		size_t have, need;
		uint64_t number, word = 0;
		int err = window_need(scan, here, JOURNAL_RECORD_HEAD, &p, &have);
		if (err || have == 0)
			return err;
		memcpy(&word, p, have < 8 ? have : 8);
		if (word)
			*end = here + (have < 8 ? have : 8);
		if (here == scan->at || have < JOURNAL_RECORD_HEAD ||
			!journal_record_claim(p, &claim) ||
			!plausible(scan, here, &claim, last, &number))
			continue;
		err = window_need(scan, here, journal_record_size(claim.length), &p, &have);
		if (err)
			return err;
		*found = parse(scan, here, number, &need, out);
		*at = here;
	}
	return 0;
}

/* True when a commit begins at or behind the record `found` at scan->at. */
static int commit_begins(struct journal_scan *scan, uint64_t last, bool *begins)
{
	struct journal_found found;
	enum journal_peek what;
	uint64_t at, end;
	bool more = true;
	int err = 0;

	*begins = false;
	while (more && !*begins && !err) {
		err = journal_scan_peek(scan, true, &what, &found);
		if (err)
			break;
		if (what == JOURNAL_PEEK_RECORD) {
			*begins = found.starts;
			journal_scan_pass(scan, &found);
			continue;
		}
		err = search(scan, last, &more, &found, &at, &end);
		if (!err && more) {
			scan->at = at;
			scan->number = found.number;
		}
	}
	return err;
}

void journal_damage_add(
	struct journal_damage *damage, uint64_t at, uint64_t length, uint64_t from, uint64_t to)
{
	damage->stretches++;
	damage->bytes += length;
	damage->at = at;
	damage->length = length;
	damage->from = from;
	damage->to = to;
}

int journal_scan_skip(struct journal_scan *scan, uint64_t last, struct journal_damage *damage,
	enum journal_tail *tail)
{
	struct journal_found found_record;
	uint64_t from = scan->at, number = scan->number, at = 0, end;
	bool found, harm = true;

	int err = search(scan, last, &found, &found_record, &at, &end);
	if (err)
		return err;
	if (!found) {
		/* the lane went on in another segment, with numbers that are missing here */
		if (scan->next_first != UINT64_MAX && scan->number < scan->next_first)
			journal_damage_add(damage, from, end - from, number, scan->next_first - 1);
		scan->torn = end - from;
		*tail = end > from ? JOURNAL_TAIL_TORN : JOURNAL_TAIL_END;
		return 0;
	}
	scan->at = at;
	scan->number = found_record.number;
	if (!scan->settled && scan->next_first == UINT64_MAX) {
		struct journal_scan ahead = *scan;
		scan->window->owner = NULL;
		err = commit_begins(&ahead, last, &harm);
		scan->window->owner = NULL;
	}
	if (!err && harm)
		journal_damage_add(damage, from, at - from, number, scan->number - 1);
	*tail = JOURNAL_TAIL_RECORD;
	return err;
}

int journal_scan_last(struct journal_scan *scan, uint64_t *last, uint64_t *torn)
{
	struct journal_damage damage = {0};
	struct journal_found found;
	enum journal_tail tail = JOURNAL_TAIL_RECORD;
	enum journal_peek what;
	int err = 0;

	while (tail == JOURNAL_TAIL_RECORD && !err) {
		err = journal_scan_peek(scan, true, &what, &found);
		if (!err && what == JOURNAL_PEEK_RECORD)
			journal_scan_pass(scan, &found);
		else if (!err)
			err = journal_scan_skip(scan, UINT64_MAX, &damage, &tail);
	}
	if (err)
		return err;
	*last = scan->number - 1;
	*torn = scan->torn;
	return 0;
}
