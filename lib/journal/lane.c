/*
 * The worker's side of a lane: open, append, commit, reap, close. Who commits is decided here, see
 * attrib_lane_commit; how, in commit.c.
 */
#include "lane.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BUFFER_MAX (32u * 1024 * 1024) /* what may wait while a sync hangs */

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
	lane->opened_ns = journal_monotonic_ns();
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
		err = journal_commit_rotate(lane, lane->shared->first, 0);
		/* whoever owns it has more to do than to write records: it waits for space */
		lane->full = err == ATTRIB_E_NO_SPACE;
	}
	if (!err || lane->full)
		err = journal_companion_start(lane);
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
	if (!journal_companion_idle(lane))
		return false;
	lane->full = journal_commit_probe(lane) != 0;
	return !lane->full;
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

/* Fast is what is one write and one sync; making room takes longer. */
static bool looks_fast(struct attrib_lane *lane)
{
	return journal_companion_idle(lane) && lane->commit_ns < FAST_SYNC_NS &&
	       journal_commit_fits(lane, lane->filling->n) &&
	       lane->filling->n <= atomic_load(&lane->slack);
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
	int err = journal_commit_run(lane);

	journal_wake(lane);
	if (!err && journal_commit_low(lane))
		journal_companion_want(lane, WANT_FILL);
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
	if (lane->mode == ATTRIB_SYNC_IN_PLACE) {
		journal_companion_wait(lane);
		swap_buffers(lane);
		return commit_here(lane);
	}
	bool fast = lane->mode == ATTRIB_SYNC_AUTO && looks_fast(lane);
	swap_buffers(lane);
	if (fast && journal_companion_commit(lane, WAIT_SYNC_NS))
		return take_outcome(lane);
	if (!fast)
		journal_companion_want(lane, WANT_COMMIT);
	return 0;
}

int attrib_lane_close(struct attrib_lane *lane)
{
	journal_companion_wait(lane);
	attrib_lane_set_sync(lane, ATTRIB_SYNC_IN_PLACE);
	int err = attrib_lane_commit(lane);
	journal_companion_stop(lane);
	bool sound = !atomic_load(&lane->failed);
	journal_segment_finish(lane->io, &lane->segment, sound);
	journal_commit_account(lane);
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

void journal_lane_set_io(struct attrib_lane *lane, const struct attrib_io *io)
{
	lane->io = io;
}
