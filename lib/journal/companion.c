/*
 * The companion: one thread per lane that may wait for the disk, because the worker's event loop may
 * not. It runs the commits that the worker leaves to it, and writes zeros ahead of the records while
 * nothing else is waiting. It never touches the worker's buffer and never decides anything: what it
 * did is reported through the eventfd and taken by attrib_lane_reap.
 */
#include "lane.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

/* A commit of the companion ends, or its filling ahead broke the lane: tells the worker. Here and
 * below nobody is woken under the lock, or he would run into it at once and sleep again. */
static void report(struct attrib_lane *lane, unsigned done, int err)
{
	bool tell = done == WANT_COMMIT || err == ATTRIB_E_IO, wake;
	uint64_t one = 1;

	pthread_mutex_lock(&lane->lock);
	lane->wanted &= ~done;
	wake = lane->awaited || !lane->wanted;
	if (tell) {
		lane->finished = true;
		lane->outcome = err;
	}
	tell = tell && !lane->awaited;
	pthread_mutex_unlock(&lane->lock);
	if (tell)
		(void)!write(lane->event, &one, sizeof one);
	if (wake)
		pthread_cond_broadcast(&lane->idle);
}

void journal_companion_want(struct attrib_lane *lane, unsigned what)
{
	pthread_mutex_lock(&lane->lock);
	lane->wanted |= what;
	pthread_mutex_unlock(&lane->lock);
	pthread_cond_signal(&lane->work);
}

static void companion_commit(struct attrib_lane *lane)
{
	int err = journal_commit_run(lane);

	if (!err && journal_commit_low(lane))
		journal_companion_want(lane, WANT_FILL);
	report(lane, WANT_COMMIT, err);
	journal_wake(lane);
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
			report(lane, WANT_FILL, journal_commit_fill(lane));
	}
}

/* Signals are the main thread's business: the companion is born with all of them blocked. */
int journal_companion_start(struct attrib_lane *lane)
{
	sigset_t all, kept;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &kept);
	int err = pthread_create(&lane->companion, NULL, companion_main, lane);
	pthread_sigmask(SIG_SETMASK, &kept, NULL);
	return err ? ATTRIB_E_NOMEM : 0;
}

bool journal_companion_commit(struct attrib_lane *lane, int64_t at_most_ns)
{
	struct timespec until;
	int64_t end = journal_monotonic_ns() + at_most_ns;
	int err = 0;

	until.tv_sec = end / INT64_C(1000000000);
	until.tv_nsec = end % INT64_C(1000000000);
	pthread_mutex_lock(&lane->lock);
	lane->awaited = true;
	pthread_mutex_unlock(&lane->lock);
	journal_companion_want(lane, WANT_COMMIT);
	pthread_mutex_lock(&lane->lock);
	while (!err && (lane->wanted & WANT_COMMIT))
		err = pthread_cond_clockwait(&lane->idle, &lane->lock, CLOCK_MONOTONIC, &until);
	lane->awaited = false;
	bool done = !(lane->wanted & WANT_COMMIT);
	pthread_mutex_unlock(&lane->lock);
	return done;
}

void journal_companion_wait(struct attrib_lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	while (lane->wanted)
		pthread_cond_wait(&lane->idle, &lane->lock);
	pthread_mutex_unlock(&lane->lock);
}

bool journal_companion_idle(struct attrib_lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	bool idle = !lane->wanted;
	pthread_mutex_unlock(&lane->lock);
	return idle;
}

void journal_companion_stop(struct attrib_lane *lane)
{
	journal_companion_want(lane, WANT_STOP);
	pthread_join(lane->companion, NULL);
}
