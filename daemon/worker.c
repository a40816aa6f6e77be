/*
 * The loop of a worker: passes, commits, deadlines, hand-over, stop.
 *
 * One coarse tick sweeps lists that are ordered by deadline: no timer per connection. It runs slowly
 * while there are connections and quickly while answers wait for a commit of the companion.
 */
#include "worker.h"

#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "errand.h"
#include "log.h"

#define TICK_SLOW_US 250000
#define TICK_FAST_US 20000
#define LINGER_US    2000000
#define ARENA_BLOCK  ((size_t)64 * 1024)
#define SHED_STEP_US 150000 /* queue age at which each further rank is shed */
#define SLEPT_US     1000   /* a loop that waited this long for something had nothing queued */

/* Looks for more requests before a commit, as long as it would carry fewer records. */
#define GATHER_LOOKS   8
#define GATHER_RECORDS 256

/* -- what connections ask for ------------------------------------------------------------------- */

void attribd_worker_clock(struct attribd_worker *worker)
{
	if (worker->mono)
		return;
	worker->mono = attribd_clock_mono();
	worker->now = attribd_clock_now();
	if (worker->mono - worker->ended_at > SLEPT_US)
		worker->lag_us = 0;
}

bool attribd_worker_stopping(const struct attribd_worker *worker)
{
	return worker->stop_at != 0;
}

static int64_t wait_length(const struct attribd_worker *worker, enum attribd_wait wait)
{
	const struct attribd_config *config = worker->snapshot->config;

	switch (wait) {
	case ATTRIBD_WAIT_FIRST:
	case ATTRIBD_WAIT_HEAD:
		return config->head_timeout_us;
	case ATTRIBD_WAIT_BODY:
	case ATTRIBD_WAIT_SEND:
		return config->body_timeout_us;
	case ATTRIBD_WAIT_IDLE:
		return config->idle_timeout_us;
	case ATTRIBD_WAIT_LINGER:
	case ATTRIBD_WAIT_COUNT:
		break;
	}
	return LINGER_US;
}

void attribd_worker_set_wait(struct attribd_connection *connection, enum attribd_wait wait)
{
	struct attribd_worker *worker = connection->worker;
	int64_t deadline_at = worker->mono + wait_length(worker, wait);

	/* A busy connection stays where it is in its list while that is a matter of a second. */
	if (connection->wait == wait && connection->deadline_at > worker->mono &&
		deadline_at - connection->deadline_at < 1000000)
		return;
	if (connection->wait != ATTRIBD_WAIT_COUNT)
		TAILQ_REMOVE(&worker->waits[connection->wait], connection, by_deadline);
	TAILQ_INSERT_TAIL(&worker->waits[wait], connection, by_deadline);
	connection->wait = wait;
	connection->deadline_at = deadline_at;
}

int64_t attribd_worker_waits_since(const struct attribd_connection *connection)
{
	return connection->deadline_at - wait_length(connection->worker, connection->wait);
}

void attribd_worker_set_work(struct attribd_connection *connection, int work)
{
	struct attribd_worker *worker = connection->worker;

	if ((int)connection->work == work)
		return;
	if (connection->work == ATTRIBD_WORK_READY)
		TAILQ_REMOVE(&worker->ready, connection, by_work);
	else if (connection->work == ATTRIBD_WORK_WAITING)
		TAILQ_REMOVE(&worker->waiting, connection, by_work);
	if (work == ATTRIBD_WORK_READY)
		TAILQ_INSERT_TAIL(&worker->ready, connection, by_work);
	else if (work == ATTRIBD_WORK_WAITING)
		TAILQ_INSERT_TAIL(&worker->waiting, connection, by_work);
	connection->work = work;
}

int64_t attribd_worker_queue_age(const struct attribd_worker *worker)
{
	int64_t oldest = worker->oldest_flight ? worker->oldest_flight : worker->oldest_batch;
	int64_t age = oldest ? worker->mono - oldest : 0;

	return age > worker->lag_us ? age : worker->lag_us;
}

bool attribd_overloaded(const struct attribd_worker *worker, enum attribd_shed rank)
{
	return attribd_worker_queue_age(worker) > SHED_STEP_US * ((int)rank + 1);
}

/* Says it once when the journal fills up, and once when it goes on. */
static void note_room(struct attribd_worker *worker, bool room)
{
	if (worker->lane_full == !room)
		return;
	worker->lane_full = !room;
	if (room)
		attribd_log(ATTRIBD_LOG_NOTICE, "journal: there is room again, taking events");
	else
		attribd_log(ATTRIBD_LOG_ERROR, "journal: no room on the disk or in its quota; "
					       "refusing events until there is");
}

int attribd_worker_append(
	struct attribd_worker *worker, const struct attrib_event *event, uint64_t *number)
{
	attrib_buf_clear(&worker->payload);
	attrib_event_encode(event, &worker->payload);
	if (worker->payload.err)
		return worker->payload.err;
	return attribd_worker_append_bytes(worker, attrib_buf_view(&worker->payload), number);
}

int attribd_worker_append_bytes(
	struct attribd_worker *worker, struct attrib_str payload, uint64_t *number)
{
	int err = attrib_lane_append(worker->lane, payload, number);

	if (!err && !worker->oldest_batch)
		worker->oldest_batch = worker->mono;
	if (!err || err == ATTRIB_E_NO_SPACE)
		note_room(worker, !err);
	return err;
}

/* -- committing --------------------------------------------------------------------------------- */

static void fail_list(struct attribd_connections *list)
{
	struct attribd_connection *connection, *next;

	for (connection = TAILQ_FIRST(list); connection; connection = next) {
		next = TAILQ_NEXT(connection, by_work);
		attribd_connection_unconfirmed(connection, 0);
	}
}

/* No record above `committed` may be vouched for. */
static void commit_failed(struct attribd_worker *worker, int err)
{
	attribd_metric_add(ATTRIBD_METRIC_JOURNAL_ERRORS, 1);
	worker->committed = attrib_lane_committed(worker->lane);
	worker->oldest_flight = worker->oldest_batch = 0;
	fail_list(&worker->waiting);
	fail_list(&worker->ready);
	if (err == ATTRIB_E_NO_SPACE) {
		note_room(worker, false);
	} else {
		worker->lane_failed = true;
		atomic_fetch_add(&worker->progress->failed_lanes, 1);
		attribd_log(ATTRIBD_LOG_ERROR,
			"journal: %s; this lane takes no more, restart after looking at the disk",
			attrib_error_text(err));
	}
}

/* Answers whose records are durable go out. */
static void release_waiting(struct attribd_worker *worker)
{
	uint64_t committed = attrib_lane_committed(worker->lane);
	struct attribd_connection *connection, *next;

	if (committed == worker->committed)
		return;
	worker->committed = committed;
	worker->oldest_flight = 0;
	attribd_metric_add(ATTRIBD_METRIC_JOURNAL_COMMITS, 1);
	for (connection = TAILQ_FIRST(&worker->waiting); connection; connection = next) {
		next = TAILQ_NEXT(connection, by_work);
		if (connection->marks[connection->mark_first].number <= committed)
			attribd_worker_set_work(connection, ATTRIBD_WORK_READY);
	}
}

static void commit(struct attribd_worker *worker)
{
	struct attrib_lane *lane = worker->lane;

	if (!lane || worker->lane_failed)
		return;
	release_waiting(worker);
	if (attrib_lane_appended(lane) == worker->committed)
		return;
	if (!worker->oldest_flight) {
		worker->oldest_flight = worker->oldest_batch;
		worker->oldest_batch = 0;
	}
	int err = attrib_lane_commit(lane);
	if (err)
		commit_failed(worker, err);
	else
		release_waiting(worker);
}

static void on_lane(evutil_socket_t fd, short what, void *arg)
{
	struct attribd_worker *worker = arg;
	int err = attrib_lane_reap(worker->lane);

	(void)fd, (void)what;
	attribd_worker_clock(worker);
	worker->oldest_flight = 0;
	release_waiting(worker);
	if (err)
		commit_failed(worker, err);
}

/* -- deadlines ---------------------------------------------------------------------------------- */

static void set_tick(struct attribd_worker *worker, bool fast)
{
	struct timeval tv = {.tv_usec = fast ? TICK_FAST_US : TICK_SLOW_US};

	if (evtimer_pending(&worker->tick, NULL) && worker->tick_fast >= fast)
		return;
	worker->tick_fast = fast;
	event_add(&worker->tick, &tv);
}

static void sweep(struct attribd_worker *worker)
{
	struct attribd_connection *connection, *next;

	for (int wait = 0; wait < ATTRIBD_WAIT_COUNT; wait++) {
		while ((connection = TAILQ_FIRST(&worker->waits[wait])) &&
			connection->deadline_at <= worker->mono)
			attribd_connection_timeout(connection);
	}
	for (connection = TAILQ_FIRST(&worker->waiting); connection; connection = next) {
		next = TAILQ_NEXT(connection, by_work);
		attribd_connection_unconfirmed(connection, worker->mono);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct attribd_worker *worker = arg;

	(void)fd, (void)what;
	attribd_worker_clock(worker);
	sweep(worker);
}

/* -- hand-over and stop ------------------------------------------------------------------------- */

void attribd_worker_hand(struct attribd_worker *worker, int fd, const struct attribd_peer *peer)
{
	struct attribd_handed handed = {.fd = fd, .peer = *peer};
	bool room = true;

	pthread_mutex_lock(&worker->lock);
	if (worker->inbox_n == worker->inbox_cap) {
		size_t cap = worker->inbox_cap ? 2 * worker->inbox_cap : 64;
		void *p = realloc(worker->inbox, cap * sizeof *worker->inbox);
		room = p != NULL;
		if (p) {
			worker->inbox = p;
			worker->inbox_cap = cap;
		}
	}
	if (room)
		worker->inbox[worker->inbox_n++] = handed;
	pthread_mutex_unlock(&worker->lock);
	if (room) {
		atomic_fetch_add(&worker->load, 1);
		attribd_bell_ring(&worker->bell);
	} else {
		close(fd);
	}
}

void attribd_worker_stop(struct attribd_worker *worker)
{
	atomic_store(&worker->stop, true);
	attribd_bell_ring(&worker->bell);
}

static void adopt(struct attribd_worker *worker, const struct attribd_handed *handed)
{
	if (worker->lane) {
		attribd_metric_add(ATTRIBD_METRIC_CONNECTIONS_ACCEPTED, 1);
		attribd_metric_add(ATTRIBD_METRIC_CONNECTIONS, 1);
	}
	if (attribd_connection_new(worker, handed->fd, &handed->peer))
		return;
	atomic_fetch_sub(&worker->load, 1);
	if (worker->lane)
		attribd_metric_add(ATTRIBD_METRIC_CONNECTIONS, -1);
}

/* Connections are few words to create, so the lock is held while they are. */
static void adopt_all(struct attribd_worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	for (size_t i = 0; i < worker->inbox_n; i++)
		adopt(worker, &worker->inbox[i]);
	worker->inbox_n = 0;
	pthread_mutex_unlock(&worker->lock);
}

static void begin_stop(struct attribd_worker *worker)
{
	struct attribd_connection *connection, *next;

	worker->stop_at = worker->mono + ATTRIBD_STOP_US;
	for (int wait = 0; wait < ATTRIBD_WAIT_COUNT; wait++) {
		for (connection = TAILQ_FIRST(&worker->waits[wait]); connection;
			connection = next) {
			next = TAILQ_NEXT(connection, by_deadline);
			attribd_connection_stop(connection);
		}
	}
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
	struct attribd_worker *worker = arg;

	(void)fd, (void)what;
	attribd_worker_clock(worker);
	attribd_bell_clear(&worker->bell);
	adopt_all(worker);
	if (worker->errands)
		attribd_errands_deliver(worker->errands);
	if (atomic_load(&worker->stop) && !worker->stop_at)
		begin_stop(worker);
}

/* -- the loop ----------------------------------------------------------------------------------- */

static void pass_end(struct attribd_worker *worker)
{
	struct attribd_connection *connection;
	int64_t began;

	attribd_worker_clock(worker);
	began = worker->mono;
	for (commit(worker); !TAILQ_EMPTY(&worker->ready); commit(worker)) {
		while ((connection = TAILQ_FIRST(&worker->ready)))
			attribd_connection_work(connection);
	}
	if (!TAILQ_EMPTY(&worker->waiting))
		set_tick(worker, true);
	else if (atomic_load(&worker->load))
		set_tick(worker, false);
	worker->ended_at = attribd_clock_mono();
	worker->lag_us = worker->ended_at - began;
	worker->mono = 0;
	attribd_snapshots_refresh(worker->snapshots, &worker->snapshot);
}

/* A sync costs nearly the same for one record and for hundreds: before it starts, what came in while
 * this pass was working is taken along. */
static void gather(struct attribd_worker *worker)
{
	uint64_t before, most = worker->committed + GATHER_RECORDS;

	for (int i = 0; worker->lane && i < GATHER_LOOKS; i++) {
		before = attrib_lane_appended(worker->lane);
		if (before == worker->committed || before >= most)
			return;
		event_base_loop(worker->base, EVLOOP_NONBLOCK);
		if (before == attrib_lane_appended(worker->lane))
			return;
	}
}

static bool finished(struct attribd_worker *worker)
{
	return worker->stop_at &&
	       (atomic_load(&worker->load) == 0 || attribd_clock_mono() >= worker->stop_at);
}

static void free_connections(struct attribd_worker *worker)
{
	struct attribd_connection *connection;

	for (int wait = 0; wait < ATTRIBD_WAIT_COUNT; wait++) {
		while ((connection = TAILQ_FIRST(&worker->waits[wait])))
			attribd_connection_free(connection);
	}
	while ((connection = TAILQ_FIRST(&worker->spare))) {
		TAILQ_REMOVE(&worker->spare, connection, by_work);
		free(connection);
	}
}

static void *worker_main(void *arg)
{
	struct attribd_worker *worker = arg;

	pthread_setname_np(pthread_self(), worker->lane ? "worker" : "admin");
	while (!finished(worker)) {
		event_base_loop(worker->base, EVLOOP_ONCE);
		gather(worker);
		pass_end(worker);
	}
	if (worker->lane && attrib_lane_close(worker->lane))
		attribd_log(ATTRIBD_LOG_ERROR,
			"journal: the last commit failed; what it held was not confirmed");
	worker->lane = NULL;
	free_connections(worker);
	return NULL;
}

/* -- life --------------------------------------------------------------------------------------- */

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (!config)
		return NULL;
	/* one thread per base: other threads ring its bell */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static void add_events(struct attribd_worker *worker)
{
	event_assign(&worker->bell_event, worker->base, worker->bell.fd, EV_READ | EV_PERSIST,
		on_bell, worker);
	event_add(&worker->bell_event, NULL);
	evtimer_assign(&worker->tick, worker->base, on_tick, worker);
	if (!worker->lane)
		return;
	event_assign(&worker->lane_event, worker->base, attrib_lane_fd(worker->lane),
		EV_READ | EV_PERSIST, on_lane, worker);
	event_add(&worker->lane_event, NULL);
}

int attribd_worker_init(struct attribd_worker *worker, const struct attribd_worker_options *options)
{
	*worker = (struct attribd_worker){.routes = options->routes,
		.snapshots = options->snapshots,
		.progress = options->progress,
		.flood = options->flood,
		.raw_keys = options->raw_keys,
		.request_bytes = options->request_bytes,
		.errands = options->errands,
		.context = options->context};
	pthread_mutex_init(&worker->lock, NULL);
	TAILQ_INIT(&worker->ready);
	TAILQ_INIT(&worker->waiting);
	TAILQ_INIT(&worker->spare);
	for (int wait = 0; wait < ATTRIBD_WAIT_COUNT; wait++)
		TAILQ_INIT(&worker->waits[wait]);
	attrib_arena_init(&worker->arena, ARENA_BLOCK);
	attrib_buf_init(&worker->payload);
	attrib_buf_init(&worker->text);
	attrib_buf_init(&worker->gif);
	int err = attribd_bell_init(&worker->bell);
	worker->base = base_new();
	worker->keys = attrib_keys_new(options->secret);
	worker->read_buffer = malloc(ATTRIBD_READ_SIZE + ATTRIBD_READ_PADDING);
	attribd_snapshots_refresh(worker->snapshots, &worker->snapshot);
	if (err || !worker->base || !worker->keys || !worker->read_buffer) {
		attribd_worker_done(worker);
		return ATTRIB_E_NOMEM;
	}
	worker->lane = options->lane;
	if (worker->lane)
		worker->committed = attrib_lane_committed(worker->lane);
	add_events(worker);
	return 0;
}

void attribd_worker_done(struct attribd_worker *worker)
{
	free_connections(worker);
	if (worker->lane)
		(void)!attrib_lane_close(worker->lane);
	if (worker->base)
		event_base_free(worker->base);
	attrib_keys_free(worker->keys);
	attrib_arena_done(&worker->arena);
	attrib_buf_done(&worker->payload);
	attrib_buf_done(&worker->text);
	attrib_buf_done(&worker->gif);
	attribd_snapshot_unref(worker->snapshot);
	attribd_bell_done(&worker->bell);
	pthread_mutex_destroy(&worker->lock);
	free(worker->inbox);
	free(worker->read_buffer);
	*worker = (struct attribd_worker){0};
}

int attribd_worker_start(struct attribd_worker *worker)
{
	if (pthread_create(&worker->thread, NULL, worker_main, worker))
		return ATTRIB_E_NOMEM;
	worker->started = true;
	return 0;
}

void attribd_worker_join(struct attribd_worker *worker)
{
	if (worker->started)
		pthread_join(worker->thread, NULL);
	worker->started = false;
}
