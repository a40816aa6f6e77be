/*
 * The writing end of a lane: two buffers, one segment, and a thread that can wait for the disk.
 *
 * The worker appends to one buffer while a commit carries the other one to the disk. A commit runs
 * either in the worker (in place) or in the lane's companion thread; whoever runs it owns the full
 * buffer and the segment, and `wanted` says who that is: not 0 = the companion. The companion also
 * writes zeros ahead of the records while nothing is waiting, see segment.h.
 *
 * Checksums are made by the commit, not by append: only then is it known which segment a record
 * goes to, and a commit that is withdrawn leaves no trace in the numbers.
 */
#include "internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "attrib/buf.h"
#include "segment.h"

#define FILL_AHEAD   (256u * 1024)       /* zeros written at once, ahead of the records */
#define FILL_BELOW   (128u * 1024)       /* room left when the companion writes more of them */
#define PROBE        (64u * 1024)        /* room that must be found before a full lane goes on */
#define BUFFER_MAX   (32u * 1024 * 1024) /* what may wait while a sync hangs */
#define FAST_SYNC_NS 200000              /* commits below this may run in the event loop */

enum { WANT_COMMIT = 1, WANT_FILL = 2, WANT_STOP = 4 };

struct attrib_lane {
	struct attrib_journal *journal; /* borrowed */
	const struct journal_io *io;    /* borrowed */
	struct journal_lane *shared;    /* owned by the journal: what other threads see */
	int64_t opened_at;
	int64_t opened_ns; /* the monotonic clock at that moment */

	/* the worker's own */
	enum attrib_lane_sync mode;
	uint64_t appended;
	struct attrib_buf *filling; /* one of buffers */
	bool full;                  /* the last commit found no space */
	int event;                  /* owned; eventfd */

	/* of whoever commits */
	struct attrib_buf *writing; /* the other one */
	uint64_t writing_first;     /* number of its first record */
	struct journal_segment segment;
	uint64_t counted;  /* bytes of segment that journal->bytes has */
	int64_t commit_ns; /* moving average of what commits took */

	_Atomic bool failed;
	_Atomic uint64_t slack; /* reserved bytes of the segment that hold no record yet */

	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	unsigned wanted; /* under lock; bits stay until the work is done */
	bool finished;   /* under lock; a commit of the companion that was not reaped */
	int outcome;     /* under lock; its result */
	pthread_t companion;
	struct attrib_buf buffers[2]; /* owned */
};

static int64_t monotonic_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* -- committing: the worker or the companion --------------------------------------------------- */

/* Publishes how large the segment is now. */
static void account(struct attrib_lane *lane)
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
		.created_at = lane->opened_at + (monotonic_ns() - lane->opened_ns) / 1000};

	attrib_random(&head.seed, sizeof head.seed);
	return head;
}

/* Makes the segment that begins with record `first` and leaves the one before. */
static int rotate(struct attrib_lane *lane, uint64_t first, size_t need)
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
		account(lane);
	}
	lane->segment = next;
	lane->counted = 0;
	account(lane);
	journal_lane_segment(lane->journal, lane->shared, first);
	return 0;
}

/* A commit goes into one segment as a whole, even if that makes an empty one too large. */
static bool fits(const struct attrib_lane *lane, size_t n)
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

	account(lane);
	/* short of space ahead of need is no failure yet */
	if (err == ATTRIB_E_NO_SPACE && segment->reserved >= segment->end + need)
		err = 0;
	return err;
}

static int write_out(struct attrib_lane *lane)
{
	size_t n = lane->writing->n;
	int err = 0;

	if (!fits(lane, n))
		err = rotate(lane, lane->writing_first, n);
	else if (lane->segment.end + n > lane->segment.reserved)
		err = fill(lane, n);
	if (err)
		return err;
	uint64_t last = seal(lane);
	err = journal_segment_commit(lane->io, &lane->segment, lane->writing->p, n);
	account(lane);
	if (!err)
		atomic_store_explicit(&lane->shared->last, last, memory_order_release);
	return err;
}

/* Carries the full buffer to the disk. Nothing that failed is tried again: after an error of write
 * or sync nobody knows what the page cache and the disk hold. */
static int run(struct attrib_lane *lane)
{
	int64_t began = monotonic_ns();
	int err = atomic_load(&lane->failed) ? ATTRIB_E_IO : write_out(lane);

	attrib_buf_clear(lane->writing);
	if (err == ATTRIB_E_IO)
		atomic_store(&lane->failed, true);
	lane->commit_ns += (monotonic_ns() - began - lane->commit_ns) / 8;
	return err;
}

static void wake_engine(const struct attrib_lane *lane)
{
	if (lane->journal->wake)
		lane->journal->wake(lane->journal->wake_arg);
}

static bool low(const struct attrib_lane *lane)
{
	const struct journal_segment *segment = &lane->segment;

	return segment->reserved - segment->end < FILL_BELOW &&
	       segment->reserved < lane->journal->options.segment_size &&
	       ahead(lane, segment->reserved, 0) > 0;
}

/* -- the companion ------------------------------------------------------------------------------ */

/* A commit of the companion ends, or its filling ahead broke the lane: tells the worker. */
static void report(struct attrib_lane *lane, unsigned done, int err)
{
	uint64_t one = 1;

	pthread_mutex_lock(&lane->lock);
	lane->wanted &= ~done;
	if (done == WANT_COMMIT || err == ATTRIB_E_IO) {
		lane->finished = true;
		lane->outcome = err;
		(void)!write(lane->event, &one, sizeof one);
	}
	if (!lane->wanted)
		pthread_cond_broadcast(&lane->idle);
	pthread_mutex_unlock(&lane->lock);
}

/* Zeros ahead, synced here so that no commit pays for them. */
static int fill_ahead(struct attrib_lane *lane)
{
	if (atomic_load(&lane->failed) || !low(lane))
		return 0;
	uint64_t upto = lane->segment.reserved;
	upto += ahead(lane, upto, 0);
	int err = journal_segment_reserve(lane->io, &lane->segment, upto);
	account(lane);
	if (err != ATTRIB_E_IO)
		err = lane->io->fdatasync(lane->segment.fd) ? ATTRIB_E_IO : 0;
	if (err)
		atomic_store(&lane->failed, true);
	return err;
}

static void want(struct attrib_lane *lane, unsigned what)
{
	pthread_mutex_lock(&lane->lock);
	lane->wanted |= what;
	pthread_cond_signal(&lane->work);
	pthread_mutex_unlock(&lane->lock);
}

static void companion_commit(struct attrib_lane *lane)
{
	int err = run(lane);

	if (!err && low(lane))
		want(lane, WANT_FILL);
	report(lane, WANT_COMMIT, err);
	wake_engine(lane);
}

static void *companion_main(void *arg)
{
	struct attrib_lane *lane = arg;
	unsigned wanted;

	for (;;) {
		pthread_mutex_lock(&lane->lock);
		while (!lane->wanted)
			pthread_cond_wait(&lane->work, &lane->lock);
		wanted = lane->wanted;
		pthread_mutex_unlock(&lane->lock);
		if (wanted & WANT_STOP)
			return NULL;
		if (wanted & WANT_COMMIT)
			companion_commit(lane);
		else
			report(lane, WANT_FILL, fill_ahead(lane));
	}
}

/* Signals are the main thread's business: the companion is born with all of them blocked. */
static int companion_start(struct attrib_lane *lane)
{
	sigset_t all, kept;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &kept);
	int err = pthread_create(&lane->companion, NULL, companion_main, lane);
	pthread_sigmask(SIG_SETMASK, &kept, NULL);
	return err ? ATTRIB_E_NOMEM : 0;
}

static void wait_idle(struct attrib_lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	while (lane->wanted)
		pthread_cond_wait(&lane->idle, &lane->lock);
	pthread_mutex_unlock(&lane->lock);
}

static bool is_idle(struct attrib_lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	bool idle = !lane->wanted;
	pthread_mutex_unlock(&lane->lock);
	return idle;
}

/* -- the worker --------------------------------------------------------------------------------- */

static void lane_free(struct attrib_lane *lane)
{
	attrib_buf_done(&lane->buffers[0]);
	attrib_buf_done(&lane->buffers[1]);
	if (lane->event >= 0)
		close(lane->event);
	pthread_cond_destroy(&lane->work);
	pthread_cond_destroy(&lane->idle);
	pthread_mutex_destroy(&lane->lock);
	free(lane);
}

static struct attrib_lane *lane_new(struct attrib_journal *journal, int64_t now)
{
	struct attrib_lane *lane = calloc(1, sizeof *lane);

	if (!lane)
		return NULL;
	lane->journal = journal;
	lane->io = journal->io;
	lane->opened_at = now;
	lane->opened_ns = monotonic_ns();
	lane->segment.fd = -1;
	lane->commit_ns = FAST_SYNC_NS; /* no fast one was seen: begin with the companion */
	attrib_buf_init(&lane->buffers[0]);
	attrib_buf_init(&lane->buffers[1]);
	lane->filling = &lane->buffers[0];
	lane->writing = &lane->buffers[1];
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->work, NULL);
	pthread_cond_init(&lane->idle, NULL);
	lane->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return lane;
}

int attrib_lane_open(struct attrib_journal *journal, int64_t now, struct attrib_lane **out)
{
	struct attrib_lane *lane = lane_new(journal, now);
	struct attrib_id id;
	int err = ATTRIB_E_NOMEM;

	if (!lane)
		return err;
	attrib_random(&id, sizeof id);
	if (lane->event >= 0)
		lane->shared = journal_lane_add(journal, &id, true);
	if (lane->shared) {
		lane->appended = lane->shared->base;
		err = rotate(lane, lane->shared->first, 0);
	}
	if (!err)
		err = companion_start(lane);
	if (err) {
		int kept = errno;
		journal_segment_finish(lane->io, &lane->segment, true);
		lane_free(lane);
		errno = kept;
		return err;
	}
	*out = lane;
	return 0;
}

/* After NO_SPACE everything above the last durable record is withdrawn, also what came since: it
 * would have met the same full disk, and so the numbers have no gaps. */
static int settle(struct attrib_lane *lane, int err)
{
	if (err == ATTRIB_E_NO_SPACE) {
		attrib_buf_clear(lane->filling);
		lane->appended = attrib_lane_committed(lane);
		lane->full = true;
	}
	return err;
}

/* A full lane goes on when zeros can be written again: that is the only way to know. */
static bool has_space(struct attrib_lane *lane)
{
	if (!lane->full)
		return true;
	if (!is_idle(lane))
		return false;
	int err = journal_segment_reserve(lane->io, &lane->segment, lane->segment.end + PROBE);
	account(lane);
	if (err == ATTRIB_E_IO)
		atomic_store(&lane->failed, true);
	lane->full = err != 0;
	return !err;
}

static bool below_quota(const struct attrib_lane *lane, size_t more)
{
	uint64_t quota = lane->journal->options.quota;
	uint64_t used = atomic_load(&lane->journal->bytes) - atomic_load(&lane->slack);

	return !quota || used + lane->filling->n + more <= quota;
}

int attrib_lane_append(struct attrib_lane *lane, struct attrib_str payload, uint64_t *number)
{
	struct attrib_buf *buf = lane->filling;
	size_t size = journal_record_size(payload.n);

	if (payload.n == 0)
		return ATTRIB_E_INVALID;
	if (payload.n > ATTRIB_RECORD_MAX)
		return ATTRIB_E_TOO_LARGE;
	if (atomic_load(&lane->failed))
		return ATTRIB_E_IO;
	if (buf->n + size > BUFFER_MAX || !below_quota(lane, size) || !has_space(lane))
		return ATTRIB_E_NO_SPACE;
	if (attrib_buf_reserve(buf, size)) {
		buf->err = 0;
		return ATTRIB_E_NOMEM;
	}
	journal_record_put(buf->p + buf->n, payload, lane->appended + 1);
	buf->n += size;
	*number = ++lane->appended;
	return 0;
}

/* Takes the outcome of the companion's last commit, once. */
static int take_outcome(struct attrib_lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	int err = lane->finished ? lane->outcome : 0;
	lane->finished = false;
	pthread_mutex_unlock(&lane->lock);
	return settle(lane, err);
}

int attrib_lane_reap(struct attrib_lane *lane)
{
	uint64_t count;

	(void)!read(lane->event, &count, sizeof count);
	int err = take_outcome(lane);
	return atomic_load(&lane->failed) ? ATTRIB_E_IO : err;
}

static bool commit_running(struct attrib_lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	bool running = lane->wanted & WANT_COMMIT;
	pthread_mutex_unlock(&lane->lock);
	return running;
}

/* In place only what is one write and one fast sync; making room is the companion's. */
static bool may_run_here(struct attrib_lane *lane)
{
	if (lane->mode == ATTRIB_SYNC_IN_PLACE) {
		wait_idle(lane);
		return true;
	}
	return lane->mode == ATTRIB_SYNC_AUTO && is_idle(lane) && lane->commit_ns < FAST_SYNC_NS &&
	       fits(lane, lane->filling->n) && lane->filling->n <= atomic_load(&lane->slack);
}

static void swap_buffers(struct attrib_lane *lane)
{
	struct attrib_buf *buf = lane->filling;

	lane->filling = lane->writing;
	lane->writing = buf;
	/* the commit before this one is settled, so nothing lies between the two */
	lane->writing_first = attrib_lane_committed(lane) + 1;
}

static int commit_here(struct attrib_lane *lane)
{
	int err = run(lane);

	wake_engine(lane);
	if (!err && low(lane))
		want(lane, WANT_FILL);
	return settle(lane, err);
}

int attrib_lane_commit(struct attrib_lane *lane)
{
	if (commit_running(lane))
		return 0;
	int err = take_outcome(lane);
	if (err || atomic_load(&lane->failed))
		return err ? err : ATTRIB_E_IO;
	if (lane->filling->n == 0)
		return 0;
	bool here = may_run_here(lane);
	swap_buffers(lane);
	if (here)
		return commit_here(lane);
	want(lane, WANT_COMMIT);
	return 0;
}

int attrib_lane_close(struct attrib_lane *lane)
{
	wait_idle(lane);
	attrib_lane_set_sync(lane, ATTRIB_SYNC_IN_PLACE);
	int err = attrib_lane_commit(lane);
	want(lane, WANT_STOP);
	pthread_join(lane->companion, NULL);
	bool sound = !atomic_load(&lane->failed);
	journal_segment_finish(lane->io, &lane->segment, sound);
	account(lane);
	lane_free(lane);
	return err;
}

/* -- questions ---------------------------------------------------------------------------------- */

struct attrib_id attrib_lane_id(const struct attrib_lane *lane)
{
	return lane->shared->id;
}

int attrib_lane_fd(const struct attrib_lane *lane)
{
	return lane->event;
}

uint64_t attrib_lane_committed(const struct attrib_lane *lane)
{
	return atomic_load_explicit(&lane->shared->last, memory_order_acquire);
}

uint64_t attrib_lane_appended(const struct attrib_lane *lane)
{
	return lane->appended;
}

void attrib_lane_set_sync(struct attrib_lane *lane, enum attrib_lane_sync mode)
{
	lane->mode = mode;
}

void journal_lane_set_io(struct attrib_lane *lane, const struct journal_io *io)
{
	lane->io = io;
}
