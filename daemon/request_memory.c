/*
 * One bound for what all connections hold: a request that drips in and an answer that nobody takes cost
 * their sender nothing, so the room they take has to end somewhere before max_connections does.
 *
 * Whoever waits longest for its peer goes first. A request that comes in one piece, or in a few in a row, is
 * never among those while slow ones are there to go, whatever route it is for; which route a half-sent body
 * names is its sender's choice and says nothing.
 */
#include "connection.h"
#include "metrics.h"
#include "worker.h"

/* Not what is too little to matter, so that the usual request touches nothing that threads share. */
static size_t holds(const struct attribd_connection *connection)
{
	size_t in = connection->in.n ? connection->in.cap : 0;
	size_t out = connection->out.n ? connection->out.cap : 0;

	return in + out > ATTRIBD_KEEP_MAX ? in + out : 0;
}

void attribd_connection_count(struct attribd_connection *connection)
{
	size_t now = holds(connection), before = connection->held;

	if (now == before || !connection->worker->request_bytes)
		return;
	connection->held = now;
	atomic_fetch_add(connection->worker->request_bytes, now - before);
	attribd_metric_add(ATTRIBD_METRIC_REQUEST_BYTES, (int64_t)now - (int64_t)before);
}

static struct attribd_connection *first_holding(struct attribd_connections *list)
{
	struct attribd_connection *connection = TAILQ_FIRST(list);

	while (connection && !connection->held)
		connection = TAILQ_NEXT(connection, by_deadline);
	return connection;
}

/* Of those that wait for their peer: an answer that waits for its record is no fault of its client. */
static struct attribd_connection *slowest(struct attribd_worker *worker)
{
	static const enum attribd_wait waits[] = {
		ATTRIBD_WAIT_FIRST, ATTRIBD_WAIT_HEAD, ATTRIBD_WAIT_BODY, ATTRIBD_WAIT_SEND};
	struct attribd_connection *found = NULL;

	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		struct attribd_connection *first = first_holding(&worker->waits[waits[i]]);
		if (first && (!found || attribd_worker_waits_since(first) <
						attribd_worker_waits_since(found)))
			found = first;
	}
	return found;
}

/* Answers that the peer does not take are dropped, with the end of the request behind them. */
static void give_up(struct attribd_connection *connection)
{
	attribd_metric_add(ATTRIBD_METRIC_REQUESTS_GIVEN_UP, 1);
	if (connection->wait == ATTRIBD_WAIT_SEND) {
		attrib_buf_done(&connection->out);
		connection->sent = 0;
		connection->mark_count = 0;
		attribd_connection_end(connection, true);
	} else {
		attribd_connection_refuse(connection, 503);
	}
	connection->has_head = false;
	attrib_buf_done(&connection->in);
	attribd_connection_count(connection);
}

static bool too_much(const struct attribd_worker *worker)
{
	return worker->request_bytes && atomic_load(worker->request_bytes) >
						(size_t)worker->snapshot->config->request_memory;
}

void attribd_connection_weigh(struct attribd_connection *connection)
{
	struct attribd_worker *worker = connection->worker;
	struct attribd_connection *next;

	attribd_connection_count(connection);
	/* the stop walks over the lists itself, and ends what is slow in a moment */
	if (attribd_worker_stopping(worker))
		return;
	while (too_much(worker) && (next = slowest(worker)))
		give_up(next);
}
