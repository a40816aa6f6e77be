/*
 * Deleting segments that nobody needs any more.
 *
 * A lane loses its segments from the front, and never two between two syncs of the directory: names may
 * come back after a power cut, but a lane without its first segments is normal and one with a hole is
 * not. Before the last segment of a lane goes, the ledger knows how far it went.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

#include "format.h"
#include "ledger.h"

#define LEDGER_EVERY_US INT64_C(60000000)

struct victim {
	struct journal_lane *lane; /* borrowed */
	struct journal_part part;
	bool final;    /* it is all that the lane has */
	uint64_t last; /* then: the highest number that is known of the lane */
};

struct victims {
	struct victim *p; /* owned */
	size_t count;
	bool final; /* of one of them */
};

void attrib_journal_release(struct attrib_journal *journal, enum attrib_holder holder,
	const struct attrib_id *lane, uint64_t upto)
{
	uint32_t index;

	if (!attrib_journal_lane_find(journal, lane, &index))
		return;
	struct journal_lane *at = journal_lane_at(journal, index);
	pthread_mutex_lock(&journal->lock);
	if (at->released[holder] < upto)
		at->released[holder] = upto;
	pthread_mutex_unlock(&journal->lock);
}

static uint64_t released(const struct journal_lane *lane)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < ATTRIB_HOLDERS; i++)
		if (lane->released[i] < least)
			least = lane->released[i];
	return least;
}

/* -- which ones ---------------------------------------------------------------------------------- */

/* The first segment of a lane, if it may go. Under lock. */
static bool may_go(struct journal_lane *lane, struct victim *out)
{
	if (lane->count == 0 || (lane->own && lane->count == 1))
		return false;
	uint64_t last = atomic_load(&lane->last), upto = released(lane);
	*out = (struct victim){.lane = lane, .part = lane->parts[0], .final = lane->count == 1};
	uint64_t end = out->final ? last : lane->parts[1].first - 1;
	/* the database may know records that lie in the damaged end */
	out->last = upto > last ? upto : last;
	return end < out->part.first || end <= upto;
}

static void keep_oldest(struct victims *victims)
{
	for (size_t i = 1; i < victims->count; i++)
		if (victims->p[i].part.ended < victims->p[0].part.ended)
			victims->p[0] = victims->p[i];
	victims->count = victims->count > 0;
}

/* Those that were kept long enough; without one, but too many bytes, the oldest of all. */
static void choose(
	struct attrib_journal *journal, const struct attrib_trim *rule, struct victims *victims)
{
	int64_t before = journal_ran(journal) - rule->retain_us;
	size_t due = 0;

	for (size_t i = 0; i < victims->count; i++) {
		if (victims->p[i].part.ended > before)
			continue;
		struct victim kept = victims->p[due];
		victims->p[due++] = victims->p[i];
		victims->p[i] = kept;
	}
	if (due)
		victims->count = due;
	else if (rule->max_bytes && attrib_journal_bytes(journal) > rule->max_bytes)
		keep_oldest(victims);
	else
		victims->count = 0;
	for (size_t i = 0; i < victims->count; i++)
		victims->final |= victims->p[i].final;
}

static int find(struct attrib_journal *journal, const struct attrib_trim *rule, struct victims *out)
{
	int err = 0;

	pthread_mutex_lock(&journal->lock);
	out->p = calloc(journal->count + 1, sizeof *out->p);
	if (!out->p)
		err = ATTRIB_E_NOMEM;
	for (size_t i = 0; i < journal->count && !err; i++)
		out->count += may_go(journal->lanes[i], &out->p[out->count]);
	pthread_mutex_unlock(&journal->lock);
	if (!err)
		choose(journal, rule, out);
	return err;
}

/* -- the ledger ---------------------------------------------------------------------------------- */

/* A lane that never had a record is not worth a word. */
static bool is_gone(const struct journal_lane *lane)
{
	return !lane->own && lane->count == 0 && lane->known > lane->base;
}

static void put(struct journal_row *rows, size_t *n, const struct journal_lane *lane, uint64_t from,
	uint64_t value)
{
	rows[(*n)++] = (struct journal_row){.lane = lane->id, .from = from, .value = value};
}

/* Under lock. */
static int fill(struct attrib_journal *journal, const struct victims *victims,
	struct journal_ledger *ledger)
{
	size_t gone = victims->count, ended = 0, i, k;

	for (i = 0; i < journal->count; i++) {
		gone += is_gone(journal->lanes[i]);
		ended += journal->lanes[i]->count;
	}
	if (journal_ledger_init(ledger, gone, ended))
		return ATTRIB_E_NOMEM;
	ledger->gone_count = ledger->ended_count = 0;
	struct journal_row *rows = ledger->gone;
	for (i = 0; i < journal->count; i++)
		if (is_gone(journal->lanes[i]))
			put(rows, &ledger->gone_count, journal->lanes[i],
				journal->lanes[i]->base + 1, journal->lanes[i]->known);
	for (i = 0; i < victims->count; i++) {
		const struct victim *victim = &victims->p[i];
		if (victim->final && victim->last > victim->lane->base)
			put(rows, &ledger->gone_count, victim->lane, victim->lane->base + 1,
				victim->last);
	}
	ledger->ended = rows + ledger->gone_count;
	for (i = 0; i < journal->count; i++) {
		const struct journal_lane *lane = journal->lanes[i];
		for (k = 0; k < lane->count; k++)
			if (lane->parts[k].ended != JOURNAL_OPEN)
				put(ledger->ended, &ledger->ended_count, lane, lane->parts[k].first,
					(uint64_t)lane->parts[k].ended);
	}
	return 0;
}

static int write_with(struct attrib_journal *journal, const struct victims *victims)
{
	struct journal_ledger ledger = {
		.instance = journal->options.instance, .ran = journal_ran(journal)};

	pthread_mutex_lock(&journal->lock);
	int err = fill(journal, victims, &ledger);
	pthread_mutex_unlock(&journal->lock);
	if (!err)
		err = journal_ledger_write(journal->io, journal->dir, &ledger);
	if (!err)
		journal->ledger_at = ledger.ran;
	int kept = errno;
	journal_ledger_done(&ledger);
	errno = kept;
	return err;
}

int journal_write_ledger(struct attrib_journal *journal)
{
	const struct victims none = {0};

	return write_with(journal, &none);
}

/* -- deleting ------------------------------------------------------------------------------------ */

static void forget(struct attrib_journal *journal, const struct victim *victim)
{
	struct journal_lane *lane = victim->lane;

	pthread_mutex_lock(&journal->lock);
	lane->count--;
	memmove(lane->parts, lane->parts + 1, lane->count * sizeof *lane->parts);
	if (lane->count) {
		atomic_store(&lane->first, lane->parts[0].first);
	} else {
		lane->known = victim->last;
		lane->torn = lane->headless = 0;
		atomic_store(&lane->last, victim->last);
		atomic_store(&lane->first, victim->last + 1);
	}
	pthread_mutex_unlock(&journal->lock);
	atomic_fetch_sub(&journal->bytes, victim->part.bytes);
}

/* Whoever has the file open reads on in it. */
static int drop(
	struct attrib_journal *journal, const struct victim *victim, struct attrib_trimmed *out)
{
	char name[JOURNAL_NAME];

	journal_name_format(name, &victim->lane->id, victim->part.first, ".seg");
	if (journal->io->unlink(journal->dir, name) && errno != ENOENT)
		return ATTRIB_E_IO;
	journal->unsynced = true;
	forget(journal, victim);
	out->segments++;
	out->bytes += victim->part.bytes;
	return 0;
}

static int sync_names(struct attrib_journal *journal)
{
	if (journal->unsynced && journal->io->fsync(journal->dir))
		return ATTRIB_E_IO;
	journal->unsynced = false;
	return 0;
}

/* One that can't be deleted does not keep the others; the first error is told. */
static int drop_all(
	struct attrib_journal *journal, const struct victims *victims, struct attrib_trimmed *out)
{
	int first = 0, why = 0;

	for (size_t i = 0; i < victims->count; i++) {
		int err = drop(journal, &victims->p[i], out);
		if (err && !first) {
			first = err;
			why = errno;
		}
	}
	int err = sync_names(journal);
	if (!first)
		return err;
	errno = why;
	return first;
}

/* On a full disk the ledger can't be written, and what needs no word in it is what makes room. */
static void keep_last_ones(struct victims *victims)
{
	size_t n = 0;

	for (size_t i = 0; i < victims->count; i++)
		if (!victims->p[i].final)
			victims->p[n++] = victims->p[i];
	victims->count = n;
}

/* What has to be known of the lanes that go whole is written down first. */
static int drop_and_note(
	struct attrib_journal *journal, struct victims *victims, struct attrib_trimmed *out)
{
	bool due = journal_ran(journal) - journal->ledger_at >= LEDGER_EVERY_US;
	int noted = victims->final || due ? write_with(journal, victims) : 0, why = errno;

	if (noted)
		keep_last_ones(victims);
	int err = drop_all(journal, victims, out);
	if (!noted)
		return err;
	errno = why;
	return noted;
}

int attrib_journal_trim(
	struct attrib_journal *journal, const struct attrib_trim *rule, struct attrib_trimmed *out)
{
	struct victims victims = {0};
	/* a sync that failed before comes first: below it nothing may be missing twice in a lane */
	int err = sync_names(journal);

	if (!err)
		err = find(journal, rule, &victims);
	if (!err)
		err = drop_and_note(journal, &victims, out);
	int kept = errno;
	free(victims.p);
	errno = kept;
	return err;
}

int attrib_journal_knew(struct attrib_journal *journal, const struct attrib_id *id, uint64_t number)
{
	uint32_t index;

	if (attrib_journal_lane_find(journal, id, &index))
		return 0;
	struct journal_lane *lane = journal_lane_add(journal, id, false);
	if (!lane)
		return ATTRIB_E_NOMEM;
	/* where it began is not known, so nobody is asked for what lies before */
	lane->base = lane->known = number;
	atomic_store(&lane->last, number);
	atomic_store(&lane->first, number + 1);
	attrib_journal_raise_base(journal, number);
	return 0;
}
