/* See serve_stop.h. */
#include "serve_stop.h"

#include <signal.h>
#include <sysexits.h>
#include <time.h>

#include "clock.h"
#include "heard.h"
#include "log.h"

#define DRAIN_US   10000000 /* the last flush of a graceful stop */
#define FORWARD_US 3000000  /* what is due for receivers that take it */
#define STOP_US    14000000 /* ... but not when the rest has taken that long */
#define GIVE_UP_US 1000000  /* ... when PostgreSQL is away, or nothing is left to write */

void attribd_serve_hear(int how)
{
	sigset_t stops;

	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	pthread_sigmask(how, &stops, NULL);
}

/* False: the thread still runs at that time. */
static bool join_until(pthread_t thread, bool *started, int64_t mono)
{
	struct timespec until = {mono / 1000000, mono % 1000000 * 1000};

	if (*started && pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until))
		return false;
	*started = false;
	return true;
}

/* What is in flight has its time in the worker; what goes beyond it is a sync that hangs. */
static bool stop_workers(struct attribd_server *server)
{
	int64_t until = attribd_clock_mono() + ATTRIBD_STOP_US + GIVE_UP_US;
	bool ended = true;

	for (int i = 0; i < server->worker_count; i++)
		attribd_worker_stop(&server->workers[i]);
	for (int i = 0; i < server->worker_count; i++)
		ended &= join_until(server->workers[i].thread, &server->workers[i].started, until);
	return ended;
}

/* Until the last batch is in, or there is no hope: asked to end, a flush thread that waits for
 * PostgreSQL to come back ends at once, and one that hangs in a call never does. */
static bool drain_pump(struct attribd_server *server)
{
	int64_t began = attribd_clock_mono();

	attribd_pump_stop(&server->pump);
	while (!join_until(server->pump.thread, &server->pump.started,
		attribd_clock_mono() + GIVE_UP_US / 5)) {
		int64_t waited = attribd_clock_mono() - began;
		bool away = !atomic_load(&server->flush.up);
		if (away && waited > GIVE_UP_US)
			attribd_flush_stop(&server->flush);
		if (waited > (away ? 2 * GIVE_UP_US : DRAIN_US))
			return false;
	}
	return true;
}

/* The engine applies what the workers left and the last batch goes out. */
static bool drain(struct attribd_server *server)
{
	if (!drain_pump(server))
		return false;
	/* a start that failed early has not made them */
	if (server->flush.sink)
		attribd_flush_stop(&server->flush);
	if (server->catalog.snapshots)
		attribd_catalog_stop(&server->catalog);
	int64_t until = attribd_clock_mono() + GIVE_UP_US;
	return join_until(server->flush.thread, &server->flush.started, until) &&
	       join_until(server->catalog.thread, &server->catalog.started, until);
}

/* What the last batch has brought goes out as well, when PostgreSQL has it. */
static bool stop_forward(struct attribd_server *server, bool drained, int64_t began)
{
	int64_t now = attribd_clock_mono(), until = now + (drained ? FORWARD_US : 0);

	if (!server->forward.started)
		return true;
	if (until > began + STOP_US)
		until = began + STOP_US > now ? began + STOP_US : now;
	attribd_forward_stop(&server->forward, until);
	return join_until(server->forward.thread, &server->forward.started, until + GIVE_UP_US);
}

/* Who asks is answered before the admin worker ends. False: one hangs in a call. */
static bool stop_errands(struct attribd_server *server)
{
	int64_t until = attribd_clock_mono() + GIVE_UP_US;
	bool ended = true;

	for (int i = 0; i < ATTRIBD_ERRAND_THREADS; i++)
		ended &= join_until(server->errands.threads[i], &server->errands.started[i], until);
	return ended;
}

static void tell_rest(struct attribd_server *server, bool drained)
{
	struct attribd_progress_view view =
		attribd_progress_read(&server->progress, server->journal, attribd_clock_now());

	if (!atomic_load(&server->progress.attached))
		attribd_log(ATTRIBD_LOG_NOTICE,
			"stopped before the state was complete; the next start goes on");
	else
		attribd_log(ATTRIBD_LOG_NOTICE,
			"stopped%s; %llu records stay in the journal for the next start",
			drained ? "" : ": PostgreSQL did not answer in time",
			(unsigned long long)(view.committed - view.flushed));
}

bool attribd_serve_stop(struct attribd_server *server, int *code)
{
	int64_t began = attribd_clock_mono();

	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	attribd_serve_hear(SIG_UNBLOCK);
	attribd_listener_close(&server->public);
	if (server->admin_worker.base)
		attribd_errands_stop(&server->errands);
	attribd_trim_stop(&server->trim);
	bool ended = stop_workers(server), drained = drain(server);
	bool forwarded = stop_forward(server, drained, began);
	attribd_checkpoint_stop(&server->checkpoint);
	ended &= join_until(server->checkpoint.thread, &server->checkpoint.started,
		attribd_clock_mono() + GIVE_UP_US);
	ended &= join_until(
		server->trim.thread, &server->trim.started, attribd_clock_mono() + GIVE_UP_US);
	attribd_listener_close(&server->admin);
	bool asked = stop_errands(server);
	if (server->admin_worker.base) {
		attribd_worker_stop(&server->admin_worker);
		attribd_worker_join(&server->admin_worker);
	}
	if (server->worker_count || server->stopping) {
		tell_rest(server, drained);
		attribd_heard_keep(server->snapshot->config->state_dir);
	}
	if (!ended) {
		attribd_log(ATTRIBD_LOG_ERROR,
			"journal: a write or sync hangs; ending without it, what it holds was not "
			"acknowledged");
		*code = EX_IOERR;
	}
	return ended && drained && forwarded && asked;
}
