/*
 * Requests of a connection: reading them off its bytes, finding who answers, and writing what he says
 * behind the answers before it.
 */
#include "connection.h"
#include "errand.h"
#include "metrics.h"
#include "worker.h"

/* -- answers ------------------------------------------------------------------------------------ */

static void count_status(int status)
{
	static const enum attribd_metric classes[] = {ATTRIBD_METRIC_HTTP_2XX,
		ATTRIBD_METRIC_HTTP_3XX, ATTRIBD_METRIC_HTTP_4XX, ATTRIBD_METRIC_HTTP_5XX};

	if (status >= 200 && status < 600)
		attribd_metric_add(classes[status / 100 - 2], 1);
}

/* No further request; what was answered is still sent. */
void attribd_connection_end(struct attribd_connection *connection, bool hurry)
{
	if (!connection->ending)
		attribd_worker_set_wait(connection, ATTRIBD_WAIT_SEND);
	connection->ending = true;
	connection->hurry |= hurry;
	attribd_worker_set_work(connection, ATTRIBD_WORK_READY);
}

/* The request could not be read, so what follows it can't be either: answer and close. */
void attribd_connection_refuse(struct attribd_connection *connection, int status)
{
	static const struct attrib_http_request unread = {.minor = 1};
	struct attrib_http_response response = {.status = status, .close = true};

	if (status == 503)
		response.headers = ATTRIBD_RETRY_AFTER;
	attrib_http_write(&connection->out, &unread, &response);
	attribd_metric_add(ATTRIBD_METRIC_HTTP_ERRORS, 1);
	count_status(status);
	attribd_connection_end(connection, false);
}

static void add_mark(struct attribd_connection *connection, const struct attribd_exchange *exchange,
	size_t start)
{
	const struct attribd_config *config = exchange->snapshot->config;
	unsigned i = (connection->mark_first + connection->mark_count++) % ATTRIBD_MARKS;

	connection->marks[i] = (struct attribd_mark){
		.number = exchange->number,
		.start = start,
		.deadline_at = connection->worker->mono +
			       (exchange->unconfirmed == ATTRIBD_UNCONFIRMED_SEND
					       ? config->redirect_timeout_us
					       : config->webhook_timeout_us),
		.unconfirmed = exchange->unconfirmed,
	};
}

static void write_response(struct attrib_buf *out, const struct attribd_exchange *exchange)
{
	const struct attrib_http_request *request = exchange->request;
	const struct attrib_http_response *response = &exchange->response;

	if (exchange->ready.n && request->minor && !response->close && !response->head_only)
		attrib_buf_str(out, exchange->ready);
	else
		attrib_http_write(out, request, response);
}

/* The answer is yet to come. */
static void await_errand(struct attribd_connection *connection, struct attribd_errand *errand)
{
	connection->errand = errand;
	errand->connection = connection;
}

static void answer(struct attribd_connection *connection, struct attribd_exchange *exchange)
{
	const struct attrib_http_request *request = exchange->request;
	struct attrib_http_response *response = &exchange->response;
	size_t start = connection->out.n;

	if (exchange->errand) {
		await_errand(connection, exchange->errand);
		return;
	}
	if (exchange->abandoned) {
		attribd_metric_add(ATTRIBD_METRIC_UNCONFIRMED, 1);
		attribd_connection_end(connection, true);
		return;
	}
	response->close |= !request->keep_alive || attribd_worker_stopping(connection->worker);
	response->head_only = request->method == ATTRIB_HTTP_HEAD;
	write_response(&connection->out, exchange);
	if (connection->out.err) {
		connection->out.n = start;
		connection->out.err = 0;
		attribd_connection_end(connection, true);
		return;
	}
	count_status(response->status);
	if (exchange->number > connection->worker->committed)
		add_mark(connection, exchange, start);
	if (response->close)
		attribd_connection_end(connection, false);
}

void attribd_connection_deliver(struct attribd_connection *connection)
{
	struct attribd_errand *errand = connection->errand;
	struct attrib_http_request request = {
		.method = errand->method, .minor = errand->minor, .keep_alive = errand->keep_alive};
	struct attribd_exchange exchange = {.worker = connection->worker,
		.snapshot = connection->worker->snapshot,
		.request = &request,
		.response = errand->response};

	connection->errand = NULL;
	answer(connection, &exchange);
	attribd_worker_set_work(connection, ATTRIBD_WORK_READY);
}

/* -- serving ------------------------------------------------------------------------------------ */

/* A body that nobody wants is not read. */
static void answer_unread(struct attribd_connection *connection, struct attribd_exchange *exchange)
{
	if (exchange->request->chunked || exchange->request->content_length)
		exchange->response.close = true;
	answer(connection, exchange);
}

static void answer_unrouted(struct attribd_connection *connection,
	struct attribd_exchange *exchange, struct attrib_str allow)
{
	if (allow.n)
		exchange->response = (struct attrib_http_response){.status = 405, .headers = allow};
	else
		attribd_answer_error(exchange, ATTRIB_E_NOT_FOUND, NULL);
	attribd_metric_add(ATTRIBD_METRIC_REQUESTS_OTHER, 1);
	answer_unread(connection, exchange);
}

static struct attribd_exchange exchange_for(struct attribd_connection *connection)
{
	struct attribd_worker *worker = connection->worker;

	attrib_arena_reset(&worker->arena);
	attrib_buf_clear(&worker->text);
	return (struct attribd_exchange){.worker = worker,
		.snapshot = worker->snapshot,
		.request = &worker->request,
		.peer = &connection->peer};
}

/* The tag may have another name, which never takes the place of a route. */
static const struct attribd_route *find_route(
	struct attribd_worker *worker, char *buf, size_t size, struct attrib_str *allow)
{
	struct attrib_http_request *request = &worker->request;
	const struct attribd_route *route =
		attribd_route_find(worker->routes, request, buf, size, allow);

	if (route || allow->n || !attrib_str_eq(request->path, worker->snapshot->config->tag_path))
		return route;
	request->path = ATTRIB_STR(ATTRIBD_TAG_PATH);
	return attribd_route_find(worker->routes, request, buf, size, allow);
}

/* Decides by the head alone. NULL: it is answered already. */
static const struct attribd_route *route_request(struct attribd_connection *connection)
{
	struct attribd_worker *worker = connection->worker;
	const struct attrib_http_request *request = &worker->request;
	struct attribd_exchange exchange;
	struct attrib_str allow;
	char methods[96];
	const struct attribd_route *route = find_route(worker, methods, sizeof methods, &allow);

	exchange = exchange_for(connection);
	if (!route) {
		answer_unrouted(connection, &exchange, allow);
		return NULL;
	}
	if (route->admit && !route->admit(&exchange)) {
		attribd_metric_add(route->metric, 1);
		answer_unread(connection, &exchange);
		return NULL;
	}
	if (request->content_length > route->body_max) {
		attribd_connection_refuse(connection, 413);
		return NULL;
	}
	return route;
}

/* The head says what body to expect. */
static void expect_body(struct attribd_connection *connection, const struct attribd_route *route)
{
	const struct attrib_http_request *request = &connection->worker->request;

	connection->body_n = request->content_length;
	connection->body_max = route->body_max;
	connection->chunked = request->chunked;
	connection->continued = !request->expect_continue || request->minor == 0;
	if (connection->chunked)
		attrib_http_chunked_init(&connection->chunks);
}

/* DONE: *body is complete and *in begins behind it. */
static int take_body(
	struct attribd_connection *connection, struct attribd_span *in, struct attrib_str *body)
{
	char *start = in->p + connection->head_size;
	size_t n = in->n - connection->head_size;

	if (connection->chunked) {
		int rc = attrib_http_chunked_decode(
			&connection->chunks, start, &n, connection->body_max);
		in->n = connection->head_size + n;
		if (rc != ATTRIB_HTTP_DONE)
			return rc;
		*body = (struct attrib_str){start, connection->chunks.body_n};
	} else if (n < connection->body_n) {
		return ATTRIB_HTTP_MORE;
	} else {
		*body = (struct attrib_str){start, connection->body_n};
	}
	in->p = start + body->n;
	in->n = n - body->n;
	return ATTRIB_HTTP_DONE;
}

static void await_body(struct attribd_connection *connection)
{
	if (!connection->has_head)
		attribd_worker_set_wait(connection, ATTRIBD_WAIT_BODY);
	connection->has_head = true;
	if (connection->continued)
		return;
	connection->continued = true;
	attrib_buf_str(&connection->out, ATTRIB_STR("HTTP/1.1 100 Continue\r\n\r\n"));
	attribd_worker_set_work(connection, ATTRIBD_WORK_READY);
}

static void handle(struct attribd_connection *connection, const struct attribd_route *route,
	struct attrib_str body)
{
	struct attribd_exchange exchange = exchange_for(connection);

	exchange.body = body;
	attribd_metric_add(route->metric, 1);
	route->handler(&exchange);
	answer(connection, &exchange);
}

/* Serves the request at the start of *in and moves *in behind it. False: more bytes are needed. The
 * head is read again when its body came later, since its views died with the old buffer. */
static bool serve_one(struct attribd_connection *connection, struct attribd_span *in)
{
	struct attribd_worker *worker = connection->worker;
	const struct attribd_route *route;
	struct attrib_str body = ATTRIB_STR_NONE;
	size_t scanned = 0;
	int rc;

	rc = attrib_http_head(in->p, connection->has_head ? connection->head_size : in->n,
		connection->has_head ? &scanned : &connection->scanned, &worker->request,
		&connection->head_size);
	if (rc == ATTRIB_HTTP_MORE)
		return false;
	connection->scanned = 0;
	if (rc < 0) {
		attribd_connection_refuse(connection, -rc);
		return true;
	}
	route = route_request(connection);
	if (!route) {
		in->p += connection->head_size;
		in->n -= connection->head_size;
		return true;
	}
	if (!connection->has_head)
		expect_body(connection, route);
	rc = take_body(connection, in, &body);
	if (rc == ATTRIB_HTTP_MORE) {
		await_body(connection);
		return false;
	}
	connection->has_head = false;
	if (rc < 0)
		attribd_connection_refuse(connection, -rc);
	else
		handle(connection, route, body);
	return true;
}

bool attribd_connection_paused(const struct attribd_connection *connection)
{
	return connection->errand || connection->mark_count == ATTRIBD_MARKS ||
	       connection->out.n - connection->sent > ATTRIBD_OUT_MAX;
}

/* Serves all complete requests of *in. */
void attribd_connection_serve(struct attribd_connection *connection, struct attribd_span *in)
{
	bool served = false;

	while (in->n && !connection->ending && !attribd_connection_paused(connection) &&
		serve_one(connection, in))
		served = true;
	if (connection->ending)
		return;
	if (connection->out.n > connection->sent)
		attribd_worker_set_work(connection, ATTRIBD_WORK_READY);
	if (connection->has_head)
		return;
	if (in->n == 0 || connection->errand)
		attribd_worker_set_wait(connection, ATTRIBD_WAIT_IDLE);
	else if (served || connection->wait == ATTRIBD_WAIT_IDLE)
		attribd_worker_set_wait(connection, ATTRIBD_WAIT_HEAD);
}
