/*
 * Reading, serving in order, and sending what may be sent.
 *
 * A connection is only freed at the end of a pass, by a deadline or by the stop, never below a
 * handler: the callbacks of the loop mark work and leave.
 */
#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "errand.h"
#include "metrics.h"
#include "worker.h"

#define IN_STEP   ((size_t)4096) /* least room for a read into a connection's own buffer */
#define SPARE_MAX 1024           /* connection structs that a worker keeps */

/* -- life --------------------------------------------------------------------------------------- */

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

static struct attribd_connection *take_spare(struct attribd_worker *worker)
{
	struct attribd_connection *connection = TAILQ_FIRST(&worker->spare);

	if (!connection)
		return malloc(sizeof *connection);
	TAILQ_REMOVE(&worker->spare, connection, by_work);
	worker->spare_n--;
	return connection;
}

struct attribd_connection *attribd_connection_new(
	struct attribd_worker *worker, int fd, const struct attribd_peer *peer)
{
	struct attribd_connection *connection = take_spare(worker);

	if (!connection) {
		close(fd);
		return NULL;
	}
	*connection = (struct attribd_connection){
		.worker = worker, .fd = fd, .wait = ATTRIBD_WAIT_COUNT, .peer = *peer};
	event_assign(
		&connection->read, worker->base, fd, EV_READ | EV_PERSIST, on_readable, connection);
	event_assign(&connection->write, worker->base, fd, EV_WRITE, on_writable, connection);
	event_add(&connection->read, NULL);
	connection->reading = true;
	attribd_worker_set_wait(connection, ATTRIBD_WAIT_FIRST);
	return connection;
}

void attribd_connection_free(struct attribd_connection *connection)
{
	struct attribd_worker *worker = connection->worker;

	event_del(&connection->read);
	event_del(&connection->write);
	close(connection->fd);
	attribd_worker_set_work(connection, ATTRIBD_WORK_NONE);
	if (connection->errand)
		connection->errand->connection = NULL;
	TAILQ_REMOVE(&worker->waits[connection->wait], connection, by_deadline);
	attrib_buf_done(&connection->in);
	attrib_buf_done(&connection->out);
	attribd_connection_count(connection);
	atomic_fetch_sub(&worker->load, 1);
	if (worker->lane)
		attribd_metric_add(ATTRIBD_METRIC_CONNECTIONS, -1);
	if (worker->spare_n < SPARE_MAX) {
		TAILQ_INSERT_HEAD(&worker->spare, connection, by_work);
		worker->spare_n++;
	} else {
		free(connection);
	}
}

/* -- reading ------------------------------------------------------------------------------------ */

static void set_reading(struct attribd_connection *connection, bool on)
{
	if (connection->reading == on)
		return;
	connection->reading = on;
	if (on)
		event_add(&connection->read, NULL);
	else
		event_del(&connection->read);
}

/* Nothing more comes: the peer has closed its side, or the connection broke. */
static void read_end(struct attribd_connection *connection, ssize_t n)
{
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		connection->out.n = connection->sent = 0;
		connection->mark_count = 0;
	}
	set_reading(connection, false);
	attribd_connection_end(connection, true);
}

/* Keeps what was not served in the connection's own buffer. */
static void keep(struct attribd_connection *connection, struct attribd_span rest)
{
	struct attrib_buf *in = &connection->in;
	bool own = in->n > 0;

	if (connection->ending)
		rest.n = 0;
	if (own && rest.n)
		memmove(in->p, rest.p, rest.n);
	if (own)
		in->n = rest.n;
	else if (rest.n && !attrib_buf_reserve(in, rest.n + IN_STEP + ATTRIBD_READ_PADDING))
		attrib_buf_put(in, rest.p, rest.n);
	if (in->err)
		attribd_connection_end(connection, true);
	else if (rest.n && attribd_connection_paused(connection))
		set_reading(connection, false);
	if (in->n == 0 && in->cap > ATTRIBD_KEEP_MAX)
		attrib_buf_done(in);
}

static void read_fresh(struct attribd_connection *connection)
{
	struct attribd_worker *worker = connection->worker;
	ssize_t n = recv(connection->fd, worker->read_buffer, ATTRIBD_READ_SIZE, 0);
	struct attribd_span in = {worker->read_buffer, (size_t)n};

	if (n <= 0) {
		read_end(connection, n);
		return;
	}
	attribd_connection_serve(connection, &in);
	if (in.n)
		keep(connection, in);
}

static void read_more(struct attribd_connection *connection)
{
	struct attrib_buf *buf = &connection->in;
	ssize_t n;

	if (attrib_buf_reserve(buf, IN_STEP + ATTRIBD_READ_PADDING)) {
		attribd_connection_end(connection, true);
		return;
	}
	n = recv(connection->fd, buf->p + buf->n, buf->cap - buf->n - ATTRIBD_READ_PADDING, 0);
	if (n <= 0) {
		read_end(connection, n);
		return;
	}
	buf->n += (size_t)n;
	struct attribd_span in = {(char *)buf->p, buf->n};
	attribd_connection_serve(connection, &in);
	keep(connection, in);
}

/* After its last answer a connection is read only to notice the end. */
static void discard(struct attribd_connection *connection)
{
	ssize_t n = recv(connection->fd, connection->worker->read_buffer, ATTRIBD_READ_SIZE, 0);

	if (n <= 0)
		read_end(connection, n);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct attribd_connection *connection = arg;

	(void)fd, (void)what;
	attribd_worker_clock(connection->worker);
	if (connection->ending)
		discard(connection);
	else if (connection->in.n == 0)
		read_fresh(connection);
	else
		read_more(connection);
	attribd_connection_weigh(connection);
}

/* -- sending ------------------------------------------------------------------------------------ */

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct attribd_connection *connection = arg;

	(void)fd, (void)what;
	attribd_worker_clock(connection->worker);
	connection->blocked = false;
	attribd_worker_set_work(connection, ATTRIBD_WORK_READY);
}

static struct attribd_mark *first_mark(struct attribd_connection *connection)
{
	return connection->mark_count ? &connection->marks[connection->mark_first] : NULL;
}

static void pop_mark(struct attribd_connection *connection)
{
	connection->mark_first = (connection->mark_first + 1) % ATTRIBD_MARKS;
	connection->mark_count--;
}

static void release(struct attribd_connection *connection)
{
	const struct attribd_mark *mark;

	while ((mark = first_mark(connection)) && mark->number <= connection->worker->committed)
		pop_mark(connection);
}

static void block(struct attribd_connection *connection)
{
	event_add(&connection->write, NULL);
	connection->blocked = true;
	if (connection->wait != ATTRIBD_WAIT_SEND)
		attribd_worker_set_wait(connection, ATTRIBD_WAIT_SEND);
}

/* Forgets what was sent. */
static void compact(struct attribd_connection *connection)
{
	struct attrib_buf *out = &connection->out;

	if (connection->sent < out->n && connection->sent < ATTRIBD_OUT_MAX)
		return;
	for (unsigned i = 0; i < connection->mark_count; i++)
		connection->marks[(connection->mark_first + i) % ATTRIBD_MARKS].start -=
			connection->sent;
	out->n -= connection->sent;
	if (out->n)
		memmove(out->p, out->p + connection->sent, out->n);
	connection->sent = 0;
	if (out->n == 0 && out->cap > ATTRIBD_KEEP_MAX)
		attrib_buf_done(out);
}

/* Sends up to the first mark. False: the connection broke. */
static bool send_out(struct attribd_connection *connection)
{
	const struct attribd_mark *mark = first_mark(connection);
	size_t upto = mark ? mark->start : connection->out.n;

	while (connection->sent < upto && !connection->blocked) {
		ssize_t n = send(connection->fd, connection->out.p + connection->sent,
			upto - connection->sent, MSG_NOSIGNAL);
		if (n >= 0)
			connection->sent += (size_t)n;
		else if (errno == EAGAIN)
			block(connection);
		else if (errno != EINTR)
			return false;
	}
	compact(connection);
	return true;
}

static void linger(struct attribd_connection *connection)
{
	shutdown(connection->fd, SHUT_WR);
	set_reading(connection, true);
	attribd_worker_set_wait(connection, ATTRIBD_WAIT_LINGER);
	attribd_worker_set_work(connection, ATTRIBD_WORK_NONE);
	attribd_connection_count(connection);
}

/* What it waits for now that the peer has taken its answers. */
static void unblock(struct attribd_connection *connection)
{
	attribd_worker_set_wait(connection, connection->errand     ? ATTRIBD_WAIT_IDLE
					    : connection->has_head ? ATTRIBD_WAIT_BODY
					    : connection->in.n     ? ATTRIBD_WAIT_HEAD
								   : ATTRIBD_WAIT_IDLE);
}

/* Goes on with requests that had to wait for room. */
static void resume(struct attribd_connection *connection)
{
	struct attribd_span in = {(char *)connection->in.p, connection->in.n};

	if (in.n) {
		attribd_connection_serve(connection, &in);
		keep(connection, in);
		attribd_connection_weigh(connection);
	}
	if (!attribd_connection_paused(connection))
		set_reading(connection, true);
}

void attribd_connection_work(struct attribd_connection *connection)
{
	release(connection);
	if (!send_out(connection)) {
		attribd_connection_free(connection);
		return;
	}
	bool empty = connection->out.n == 0 && !connection->errand;
	if (empty && connection->ending) {
		if (connection->hurry)
			attribd_connection_free(connection);
		else
			linger(connection);
		return;
	}
	attribd_worker_set_work(
		connection, connection->mark_count ? ATTRIBD_WORK_WAITING : ATTRIBD_WORK_NONE);
	/* what it holds now it holds until the peer moves; given up, it has work again */
	attribd_connection_weigh(connection);
	if (connection->ending)
		return;
	if (connection->wait == ATTRIBD_WAIT_SEND && !connection->blocked)
		unblock(connection);
	if (!connection->reading && !attribd_connection_paused(connection))
		resume(connection);
}

/* -- when things do not come -------------------------------------------------------------------- */

void attribd_connection_unconfirmed(struct attribd_connection *connection, int64_t mono)
{
	const struct attribd_mark *mark;

	release(connection);
	while ((mark = first_mark(connection)) && (mono == 0 || mark->deadline_at <= mono)) {
		if (mark->unconfirmed == ATTRIBD_UNCONFIRMED_CLOSE) {
			attribd_metric_add(ATTRIBD_METRIC_UNCONFIRMED, connection->mark_count);
			connection->out.n = mark->start;
			connection->mark_count = 0;
			attribd_connection_end(connection, true);
			return;
		}
		pop_mark(connection);
		attribd_worker_set_work(connection, ATTRIBD_WORK_READY);
	}
}

void attribd_connection_timeout(struct attribd_connection *connection)
{
	switch (connection->wait) {
	case ATTRIBD_WAIT_FIRST:
	case ATTRIBD_WAIT_HEAD:
	case ATTRIBD_WAIT_BODY:
		attribd_metric_add(ATTRIBD_METRIC_TIMEOUTS, 1);
		if (connection->in.n == 0)
			break;
		attribd_connection_refuse(connection, 408);
		return;
	case ATTRIBD_WAIT_IDLE:
		if (connection->mark_count == 0 && !connection->errand)
			break;
		attribd_worker_set_wait(connection, ATTRIBD_WAIT_IDLE);
		return;
	case ATTRIBD_WAIT_SEND:
	case ATTRIBD_WAIT_LINGER:
	case ATTRIBD_WAIT_COUNT:
		break;
	}
	attribd_connection_free(connection);
}

void attribd_connection_stop(struct attribd_connection *connection)
{
	if (!connection->ending && connection->reading)
		on_readable(connection->fd, EV_READ, connection);
	if (!connection->ending && connection->in.n == 0 && connection->out.n == 0)
		attribd_connection_free(connection);
}
