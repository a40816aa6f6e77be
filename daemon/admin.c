/*
 * The admin listener's answers: is it alive, is it ready, how far is it, and the metrics. Its thread
 * is a worker without lane, so a flood on the public side never hides what the daemon has to say.
 */
#include <inttypes.h>

#include "clock.h"
#include "heard.h"
#include "server.h"

#define IMPORT_BODY_MAX ((size_t)8 << 20)
#define LINKS_BODY_MAX  16384 /* what that holds is added within the second that there is */

static struct attribd_server *server_of(const struct attribd_exchange *exchange)
{
	return exchange->worker->context;
}

/* Without a token the listener is on a loopback address: the configuration sees to that. */
static bool admit(struct attribd_exchange *exchange)
{
	struct attrib_str token = exchange->snapshot->config->admin_token;

	if (token.n == 0 || attrib_str_eq_secret(attribd_exchange_bearer(exchange), token))
		return true;
	attribd_answer_error(exchange, ATTRIB_E_UNAUTHORIZED, NULL);
	exchange->response.headers = ATTRIB_STR("WWW-Authenticate: Bearer\r\n");
	return false;
}

static void answer_text(struct attribd_exchange *exchange, int status, const char *type)
{
	exchange->response = (struct attrib_http_response){.status = status,
		.content_type = type,
		.body = attrib_buf_view(&exchange->worker->text)};
}

static void handle_health(struct attribd_exchange *exchange)
{
	attrib_buf_str(&exchange->worker->text, ATTRIB_STR("ok\n"));
	answer_text(exchange, 200, "text/plain");
}

/* Ready = events are taken and links are known. PostgreSQL and Redis are no part of it:
 * without them both go on. */
static const char *unready(struct attribd_server *server, const struct attribd_snapshot *snapshot)
{
	if (!atomic_load(&server->taking))
		return "starting";
	if (atomic_load(&server->progress.failed_lanes))
		return "the journal failed: look at the disk and restart";
	if (snapshot->origin == ATTRIBD_CATALOG_EMPTY)
		return "no catalog yet: PostgreSQL has not answered and there is no cache";
	return NULL;
}

static void handle_ready(struct attribd_exchange *exchange)
{
	struct attribd_server *server = server_of(exchange);
	const char *reason = unready(server, exchange->snapshot);
	bool away = atomic_load(&server->progress.state_away);

	attrib_buf_printf(&exchange->worker->text, "%s\n",
		reason ? reason
		: away ? "ready; the state does not answer, so events wait in the journal"
		       : "ready");
	answer_text(exchange, reason ? 503 : 200, "text/plain");
}

static struct attribd_progress_view look(struct attribd_exchange *exchange)
{
	struct attribd_server *server = server_of(exchange);
	struct attribd_progress_view view =
		attribd_progress_read(&server->progress, server->journal, exchange->worker->now);

	attribd_told_keep(&server->told, &view);
	return view;
}

/* While the state is rebuilt, how far that is. */
static void put_recovering(struct attribd_exchange *exchange)
{
	struct attribd_progress *progress = &server_of(exchange)->progress;
	uint64_t total = atomic_load(&progress->to_replay);

	if (total && !atomic_load(&progress->attached))
		attrib_buf_printf(&exchange->worker->text,
			",\"recovering\":{\"records\":%" PRIu64 ",\"of\":%" PRIu64 "}",
			atomic_load(&progress->replayed), total);
}

static void handle_status(struct attribd_exchange *exchange)
{
	struct attribd_progress_view view = look(exchange);

	attrib_buf_printf(&exchange->worker->text,
		"{\"journal\":{\"committed\":%" PRIu64 "},\"engine\":{\"applied\":%" PRIu64
		"},\"sink\":{\"flushed\":%" PRIu64 "},\"quarantined\":%" PRIu64
		",\"lag_seconds\":%.3f",
		view.committed, view.applied, view.flushed, view.quarantined,
		(double)view.lag_us / 1e6);
	put_recovering(exchange);
	attrib_buf_str(&exchange->worker->text, ATTRIB_STR("}\n"));
	answer_text(exchange, 200, "application/json");
}

static void handle_metrics(struct attribd_exchange *exchange)
{
	struct attribd_server *server = server_of(exchange);
	struct attribd_progress_view view = look(exchange);

	attribd_metric_set(ATTRIBD_METRIC_JOURNAL_COMMITTED, (int64_t)view.committed);
	attribd_metric_set(ATTRIBD_METRIC_ENGINE_APPLIED, (int64_t)view.applied);
	attribd_metric_set(ATTRIBD_METRIC_SINK_FLUSHED, (int64_t)view.flushed);
	attribd_metric_set(
		ATTRIBD_METRIC_SINK_QUARANTINED, (int64_t)atomic_load(&server->progress.refused));
	attribd_metric_set(ATTRIBD_METRIC_LAG_MS, view.lag_us / 1000);
	attribd_metric_set(
		ATTRIBD_METRIC_JOURNAL_BYTES, (int64_t)attrib_journal_bytes(server->journal));
	attribd_metric_set(
		ATTRIBD_METRIC_JOURNAL_SEGMENTS, (int64_t)attrib_journal_segments(server->journal));
	int64_t made_at = atomic_load(&server->checkpoint.made_at);
	attribd_metric_set(ATTRIBD_METRIC_CHECKPOINT_AGE,
		made_at ? (exchange->worker->now - made_at) / ATTRIB_US_PER_S : -1);
	attribd_metric_set(
		ATTRIBD_METRIC_CHECKPOINT_BYTES, (int64_t)atomic_load(&server->checkpoint.bytes));
	attribd_metrics_write(&exchange->worker->text);
	attribd_heard_write(&exchange->worker->text);
	attribd_heard_keep(exchange->snapshot->config->state_dir);
	answer_text(exchange, 200, "text/plain; version=0.0.4");
}

#define GET(path, prefix, handler, admit)                                                          \
	{                                                                                          \
		path, prefix, ATTRIB_HTTP_GET, true, 0, ATTRIBD_METRIC_REQUESTS_ADMIN, handler,    \
			admit                                                                      \
	}
#define POST(path, prefix, most, handler, admit)                                                   \
	{                                                                                          \
		path, prefix, ATTRIB_HTTP_POST, false, most, ATTRIBD_METRIC_REQUESTS_ADMIN,        \
			handler, admit                                                             \
	}

const struct attribd_route attribd_admin_routes[] = {
	GET("/healthz", false, handle_health, NULL),
	GET("/readyz", false, handle_ready, NULL),
	GET("/metrics", false, handle_metrics, admit),
	GET("/v1/status", false, handle_status, admit),
	GET("/v1/orders/", true, attribd_admin_explain, admit),
	GET("/v1/links", false, attribd_admin_list_links, admit),
	POST("/v1/links", false, LINKS_BODY_MAX, attribd_admin_add_links, admit),
	GET("/v1/reports", false, attribd_admin_list_reports, admit),
	GET("/v1/reports/", true, attribd_admin_report, admit),
	POST("/v1/import/", true, IMPORT_BODY_MAX, attribd_admin_import, admit),
	{.path = NULL},
};
