/*
 * Records to the disk: one write and one sync into room that is there already.
 *
 * Checksums are made here, not by append: only now is it known which segment a record goes to, and a
 * commit that is withdrawn leaves no trace in the numbers.
 */
#include "lane.h"

#include <time.h>

#define FILL_AHEAD (256u * 1024) /* zeros written at once, ahead of the records */
#define FILL_BELOW (128u * 1024) /* room left when the companion writes more of them */
#define PROBE      (64u * 1024)  /* room that must be found before a full lane goes on */

int64_t journal_monotonic_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void journal_commit_account(struct attrib_lane *lane)
{
	struct journal_segment *segment = &lane->segment;

	atomic_fetch_add(&lane->journal->bytes, segment->reserved - lane->counted);
	lane->counted = segment->reserved;
	atomic_store(&lane->slack, segment->reserved - segment->end);
}

/* How many zeros may follow `need` bytes without passing the segment's size or the quota. */
static uint64_t ahead(const struct attrib_lane *lane, uint64_t end, uint64_t need)
{
	const struct attrib_journal_options *options = &lane->journal->options;
	uint64_t room = FILL_AHEAD, bytes = atomic_load(&lane->journal->bytes);

	if (end + need >= options->segment_size)
		room = 0;
	else if (end + need + room > options->segment_size)
		room = options->segment_size - end - need;
	if (options->quota && bytes + need + room > options->quota)
		room = bytes + need < options->quota ? options->quota - bytes - need : 0;
	return room;
}

static struct journal_head next_head(const struct attrib_lane *lane, uint64_t first)
{
	struct journal_head head = {.lane = lane->shared->id,
		.instance = lane->journal->options.instance,
		.base = lane->shared->base,
		.first = first,
		.created_at = lane->opened_at + (journal_monotonic_ns() - lane->opened_ns) / 1000};

	attrib_random(&head.seed, sizeof head.seed);
	return head;
}

int journal_commit_rotate(struct attrib_lane *lane, uint64_t first, size_t need)
{
	struct journal_segment next;
	struct journal_head head = next_head(lane, first);
	uint64_t room = need + ahead(lane, JOURNAL_HEAD, need);

	if (journal_lane_room(lane->journal, lane->shared))
		return ATTRIB_E_NO_SPACE;
	int err = journal_segment_create(lane->io, lane->journal->dir, &head, room, &next);
	if (err)
		return err;
	if (lane->segment.fd >= 0) {
		journal_segment_finish(lane->io, &lane->segment, true);
		journal_commit_account(lane);
	}
	journal_lane_segment(lane->journal, lane->shared, first, lane->counted);
	lane->segment = next;
	lane->counted = 0;
	journal_commit_account(lane);
	return 0;
}

/* A commit goes into one segment as a whole, even if that makes an empty one too large. */
bool journal_commit_fits(const struct attrib_lane *lane, size_t n)
{
	return lane->segment.end + n <= lane->journal->options.segment_size ||
	       lane->segment.end == JOURNAL_HEAD;
}

static uint64_t seal(struct attrib_lane *lane)
{
	const struct journal_segment *segment = &lane->segment;
	struct attrib_buf *buf = lane->writing;
	uint64_t number = lane->writing_first;

	for (size_t at = 0; at < buf->n; number++)
		at += journal_record_seal(
			buf->p + at, segment->head.seed, number, segment->end + at, at == 0);
	return number - 1;
}

static int fill(struct attrib_lane *lane, uint64_t need)
{
	struct journal_segment *segment = &lane->segment;
	uint64_t upto = segment->end + need + ahead(lane, segment->end, need);
	int err = journal_segment_reserve(lane->io, segment, upto);

	journal_commit_account(lane);
	/* short of space ahead of need is no failure yet */
	if (err == ATTRIB_E_NO_SPACE && segment->reserved >= segment->end + need)
		err = 0;
	return err;
}

static int write_out(struct attrib_lane *lane)
{
	size_t n = lane->writing->n;
	int err = 0;

	if (!journal_commit_fits(lane, n))
		err = journal_commit_rotate(lane, lane->writing_first, n);
	else if (lane->segment.end + n > lane->segment.reserved)
		err = fill(lane, n);
	if (err)
		return err;
	uint64_t last = seal(lane);
	err = journal_segment_commit(lane->io, &lane->segment, lane->writing->p, n);
	journal_commit_account(lane);
	if (!err)
		atomic_store_explicit(&lane->shared->last, last, memory_order_release);
	return err;
}

/* Nothing that failed is tried again: after an error of write or sync nobody knows what the page
 * cache and the disk hold. */
int journal_commit_run(struct attrib_lane *lane)
{
	int64_t began = journal_monotonic_ns();
	int err = atomic_load(&lane->failed) ? ATTRIB_E_IO : write_out(lane);

	attrib_buf_clear(lane->writing);
	if (err == ATTRIB_E_IO)
		atomic_store(&lane->failed, true);
	lane->commit_ns += (journal_monotonic_ns() - began - lane->commit_ns) / 8;
	return err;
}

void journal_wake(const struct attrib_lane *lane)
{
	if (lane->journal->wake)
		lane->journal->wake(lane->journal->wake_arg);
}

bool journal_commit_low(const struct attrib_lane *lane)
{
	const struct journal_segment *segment = &lane->segment;

	return segment->reserved - segment->end < FILL_BELOW &&
	       segment->reserved < lane->journal->options.segment_size &&
	       ahead(lane, segment->reserved, 0) > 0;
}

/* Zeros ahead, synced here so that no commit pays for them. */
int journal_commit_fill(struct attrib_lane *lane)
{
	if (atomic_load(&lane->failed) || !journal_commit_low(lane))
		return 0;
	uint64_t from = lane->segment.reserved;
	int err = journal_segment_reserve(lane->io, &lane->segment, from + ahead(lane, from, 0));
	journal_commit_account(lane);
	/* no space is the next commit's business, if it comes to that */
	if (err == ATTRIB_E_NO_SPACE && lane->segment.reserved == from)
		return 0;
	if (err != ATTRIB_E_IO)
		err = lane->io->fdatasync(lane->segment.fd) ? ATTRIB_E_IO : 0;
	if (err)
		atomic_store(&lane->failed, true);
	return err;
}

int journal_commit_probe(struct attrib_lane *lane)
{
	uint64_t upto = lane->segment.end + PROBE;
	int err;

	/* opened on a full disk: its first segment is still to be made */
	if (lane->segment.fd < 0)
		err = journal_commit_rotate(lane, lane->shared->first, 0);
	else
		err = journal_segment_reserve(lane->io, &lane->segment, upto);
	journal_commit_account(lane);
	if (err == ATTRIB_E_IO)
		atomic_store(&lane->failed, true);
	return err;
}
