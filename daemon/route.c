/*
 * Finding a route, and the answers and records that handlers have in common.
 */
#include "route.h"

#include <stdio.h>

#include "attrib/analytics.h"
#include "attrib/text.h"
#include "heard.h"
#include "worker.h"

#define NO_BODY_MAX ((size_t)8 * 1024) /* of requests whose body nobody reads */

/* What pages of other origins may call: by POST, after asking. */
#define FROM_PAGES(path, max, metric, handler)                                                     \
	{path, false, ATTRIB_HTTP_POST, false, max, metric, handler, NULL},                        \
	{                                                                                          \
		path, false, ATTRIB_HTTP_OPTIONS, false, NO_BODY_MAX, metric,                      \
			attribd_handle_preflight, NULL                                             \
	}
#define SEGMENT(call, letter, max)                                                                 \
	FROM_PAGES("/v1/" call, max, ATTRIBD_METRIC_REQUESTS_SEGMENT, attribd_handle_segment),     \
		FROM_PAGES("/v1/" letter, max, ATTRIBD_METRIC_REQUESTS_SEGMENT,                    \
			attribd_handle_segment)
#define GA4(path, handler)                                                                         \
	FROM_PAGES(path, ATTRIB_GA4_BODY_MAX, ATTRIBD_METRIC_REQUESTS_GA4, handler)

const struct attribd_route attribd_public_routes[] = {
	{"/p.gif", false, ATTRIB_HTTP_GET, true, NO_BODY_MAX, ATTRIBD_METRIC_REQUESTS_PIXEL,
		attribd_handle_pixel, NULL},
	{"/c/", true, ATTRIB_HTTP_GET, true, NO_BODY_MAX, ATTRIBD_METRIC_REQUESTS_REDIRECT,
		attribd_handle_click, NULL},
	{"/v1/events", false, ATTRIB_HTTP_POST, false, ATTRIB_INTAKE_BODY_MAX,
		ATTRIBD_METRIC_REQUESTS_EVENTS, attribd_handle_events, NULL},
	FROM_PAGES("/v1/beacon", ATTRIB_BEACON_BODY_MAX, ATTRIBD_METRIC_REQUESTS_BEACON,
		attribd_handle_beacon),
	{"/webhooks/", true, ATTRIB_HTTP_POST, false, ATTRIB_INTAKE_BODY_MAX,
		ATTRIBD_METRIC_REQUESTS_WEBHOOK, attribd_handle_webhook, NULL},
	{ATTRIBD_TAG_PATH, false, ATTRIB_HTTP_GET, true, NO_BODY_MAX, ATTRIBD_METRIC_REQUESTS_TAG,
		attribd_handle_tag, NULL},
	FROM_PAGES(ATTRIBD_TAG_PATH, ATTRIB_BEACON_BODY_MAX, ATTRIBD_METRIC_REQUESTS_BEACON,
		attribd_handle_beacon),
	SEGMENT("batch", "b", ATTRIB_SEGMENT_BATCH_MAX),
	SEGMENT("track", "t", ATTRIB_SEGMENT_EVENT_MAX),
	SEGMENT("page", "p", ATTRIB_SEGMENT_EVENT_MAX),
	SEGMENT("screen", "s", ATTRIB_SEGMENT_EVENT_MAX),
	SEGMENT("identify", "i", ATTRIB_SEGMENT_EVENT_MAX),
	SEGMENT("alias", "a", ATTRIB_SEGMENT_EVENT_MAX),
	SEGMENT("group", "g", ATTRIB_SEGMENT_EVENT_MAX),
	GA4("/mp/collect", attribd_handle_collect),
	GA4("/debug/mp/collect", attribd_handle_collect_debug),
	{.path = NULL},
};

/* -- finding ------------------------------------------------------------------------------------ */

static bool path_matches(const struct attribd_route *route, struct attrib_str path)
{
	size_t n = strlen(route->path);

	if (route->prefix ? path.n <= n : path.n != n)
		return false;
	return memcmp(path.p, route->path, n) == 0;
}

static bool method_matches(const struct attribd_route *route, enum attrib_http_method method)
{
	return method == route->method || (method == ATTRIB_HTTP_HEAD && route->head);
}

static const char *method_text(const struct attribd_route *route)
{
	switch (route->method) {
	case ATTRIB_HTTP_GET:
		return route->head ? "GET, HEAD" : "GET";
	case ATTRIB_HTTP_POST:
		return "POST";
	case ATTRIB_HTTP_OPTIONS:
		return "OPTIONS";
	case ATTRIB_HTTP_HEAD:
	case ATTRIB_HTTP_OTHER:
		break;
	}
	return "HEAD";
}

const struct attribd_route *attribd_route_find(const struct attribd_route *routes,
	const struct attrib_http_request *request, char *buf, size_t size, struct attrib_str *allow)
{
	size_t n = 0;

	for (const struct attribd_route *route = routes; route->path; route++) {
		if (!path_matches(route, request->path))
			continue;
		if (method_matches(route, request->method))
			return route;
		n += (size_t)snprintf(
			buf + n, size - n, "%s%s", n ? ", " : "Allow: ", method_text(route));
	}
	if (n)
		n += (size_t)snprintf(buf + n, size - n, "\r\n");
	*allow = (struct attrib_str){buf, n};
	return NULL;
}

/* -- answers ------------------------------------------------------------------------------------ */

void attribd_put_refusal(
	struct attrib_buf *out, int err, const char *parameter, const char *message)
{
	attrib_buf_printf(out, "{\"code\":\"%s\",", attrib_error_code(err));
	if (parameter) {
		attrib_buf_str(out, ATTRIB_STR("\"parameter\":"));
		attrib_buf_json(out, attrib_str_of(parameter));
		attrib_buf_char(out, ',');
	}
	attrib_buf_str(out, ATTRIB_STR("\"message\":"));
	attrib_buf_json(out, attrib_str_of(message ? message : attrib_error_text(err)));
	attrib_buf_str(out, ATTRIB_STR("}\n"));
}

void attribd_answer_refusal(
	struct attribd_exchange *exchange, int err, const char *parameter, const char *message)
{
	struct attrib_buf *text = &exchange->worker->text;

	attribd_put_refusal(text, err, parameter, message);
	exchange->response = (struct attrib_http_response){.status = attrib_error_http(err),
		.content_type = "application/json",
		.body = attrib_buf_view(text)};
}

bool attribd_answer_unexpected(struct attribd_exchange *exchange, const char *parameter,
	const char *expected, const char *got)
{
	struct attrib_str message = attrib_arena_printf(
		&exchange->worker->arena, "expected %s, got \"%s\"", expected, got);

	attribd_answer_refusal(
		exchange, message.p ? ATTRIB_E_INVALID : ATTRIB_E_NOMEM, parameter, message.p);
	return false;
}

void attribd_answer_error(struct attribd_exchange *exchange, int err, const char *message)
{
	attribd_answer_refusal(exchange, err, NULL, message);
}

void attribd_answer_overload(struct attribd_exchange *exchange)
{
	attribd_answer_error(exchange, ATTRIB_E_UNAVAILABLE, "overloaded, try again");
	exchange->response.headers = ATTRIBD_RETRY_AFTER;
	attribd_metric_add(ATTRIBD_METRIC_SHED, 1);
}

struct attrib_visit attribd_exchange_visit(struct attribd_exchange *exchange)
{
	const struct attribd_config *config = exchange->snapshot->config;

	attribd_proxy_client(config->trusted_proxies, config->trusted_proxy_count, exchange->peer,
		exchange->request, &exchange->client);
	return (struct attrib_visit){.request = exchange->request,
		.client_address = attrib_str_of(exchange->client.text)};
}

struct attrib_intake attribd_exchange_intake(
	struct attribd_exchange *exchange, const struct attribd_site_config *site)
{
	struct attribd_worker *worker = exchange->worker;

	return (struct attrib_intake){.arena = &worker->arena,
		.keys = worker->keys,
		.catalog = exchange->snapshot->catalog,
		.site = &site->intake,
		.bots = exchange->snapshot->config->bots,
		.now = worker->now};
}

struct attrib_str attribd_segment_decode(struct attrib_arena *arena, struct attrib_str segment)
{
	struct attrib_str rest, part, text = ATTRIB_STR("");

	if (!memchr(segment.p, '+', segment.n))
		return attrib_form_decode(arena, segment);
	for (rest = segment; rest.p;) {
		bool first = text.n == 0 && rest.p == segment.p;
		part = attrib_form_decode(arena, attrib_str_split(rest, '+', &rest));
		text = attrib_arena_printf(arena, "%.*s%s%.*s", (int)text.n, text.p,
			first ? "" : "+", (int)part.n, part.p);
	}
	return text;
}

struct attrib_str attribd_exchange_bearer(const struct attribd_exchange *exchange)
{
	struct attrib_str token;
	struct attrib_str value =
		attrib_http_header(exchange->request, ATTRIB_STR("Authorization"));
	struct attrib_str scheme = attrib_str_split(value, ' ', &token);

	if (!token.p || !attrib_str_ieq(scheme, ATTRIB_STR("Bearer")))
		return ATTRIB_STR_NONE;
	return attrib_str_trim(token);
}

/* -- records ------------------------------------------------------------------------------------ */

static void count_verdicts(uint32_t verdicts)
{
	static const struct {
		uint32_t verdict;
		enum attribd_metric metric;
	} rows[] = {
		{ATTRIB_VERDICT_BOT, ATTRIBD_METRIC_EVENTS_BOT},
		{ATTRIB_VERDICT_PREFETCH, ATTRIBD_METRIC_EVENTS_PREFETCH},
		{ATTRIB_VERDICT_HEAD, ATTRIBD_METRIC_EVENTS_HEAD},
		{ATTRIB_VERDICT_OWN_SITE, ATTRIBD_METRIC_EVENTS_OWN_SITE},
		{ATTRIB_VERDICT_FLOOD, ATTRIBD_METRIC_EVENTS_FLOOD},
		{ATTRIB_VERDICT_PAID_AD, ATTRIBD_METRIC_EVENTS_PAID_AD},
		{ATTRIB_VERDICT_OVERFLOW, ATTRIBD_METRIC_EVENTS_OVERFLOW},
		{ATTRIB_VERDICT_NO_CONSENT, ATTRIBD_METRIC_EVENTS_NO_CONSENT},
	};

	for (size_t i = 0; verdicts && i < sizeof rows / sizeof *rows; i++) {
		if (verdicts & rows[i].verdict)
			attribd_metric_add(rows[i].metric, 1);
		verdicts &= ~rows[i].verdict;
	}
}

bool attribd_record(struct attribd_exchange *exchange, const struct attrib_event *events, size_t n)
{
	uint64_t number = 0;

	for (size_t i = 0; i < n; i++) {
		if (attribd_worker_append(exchange->worker, &events[i], &number)) {
			exchange->abandoned = i > 0;
			return false;
		}
		attribd_heard(&events[i]);
	}
	exchange->number = number;
	attribd_metric_add(ATTRIBD_METRIC_EVENTS_ACCEPTED, (int64_t)n);
	for (size_t i = 0; i < n; i++)
		count_verdicts(events[i].verdicts);
	return true;
}

void attribd_flag_floods(struct attribd_exchange *exchange, struct attrib_event *events, size_t n)
{
	struct attribd_worker *worker = exchange->worker;
	int64_t most = exchange->snapshot->config->flood_clicks;

	for (size_t i = 0; worker->flood && most && i < n; i++) {
		struct attrib_event *event = &events[i];
		if (event->type == ATTRIB_EVENT_CLICK && event->trust == ATTRIB_TRUST_STRANGER &&
			attribd_flood_click(worker->flood, exchange->client.address, event->site,
				attrib_fold(&worker->arena, event->link), event->received_at, most))
			event->verdicts |= ATTRIB_VERDICT_FLOOD;
	}
}

bool attribd_take(struct attribd_exchange *exchange, const struct attrib_intake_result *result)
{
	attribd_flag_floods(exchange, result->events, result->event_count);
	if (!attribd_record(exchange, result->events, result->event_count))
		return false;
	attribd_metric_add(ATTRIBD_METRIC_CLAMPED_LATE, (int64_t)result->late);
	attribd_metric_add(ATTRIBD_METRIC_CLAMPED_FUTURE, (int64_t)result->future);
	return true;
}
