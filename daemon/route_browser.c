/*
 * What browsers send: the pixel, the beacon, and clicks on links. Nothing of it is signed; all of it
 * has to be quick, and a visitor on the way to a shop is never stopped.
 */
#include "route.h"

#include "attrib/text.h"
#include "worker.h"

static const unsigned char gif[43] = {'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0,
	0xff, 0xff, 0xff, 0x21, 0xf9, 4, 1, 0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 1, 0x44,
	0, 0x3b};

/* -- /p.gif ------------------------------------------------------------------------------------- */

static const struct attribd_site_config *pixel_site(struct attribd_exchange *exchange)
{
	struct attrib_str rest = exchange->request->query, name, value;

	while (attrib_query_next(&rest, &name, &value)) {
		if (attrib_str_eq(name, ATTRIB_STR("site")))
			return attribd_config_site(exchange->snapshot->config,
				attrib_form_decode(&exchange->worker->arena, value));
	}
	return NULL;
}

/* The answer is always the same, so it is written once; without memory for that, each time. */
static struct attrib_str ready_gif(
	struct attribd_worker *worker, const struct attrib_http_response *response)
{
	if (worker->gif.n == 0)
		attrib_http_write(&worker->gif, NULL, response);
	if (worker->gif.err)
		attrib_buf_clear(&worker->gif);
	return attrib_buf_view(&worker->gif);
}

static void answer_gif(struct attribd_exchange *exchange)
{
	exchange->response = (struct attrib_http_response){.status = 200,
		.content_type = "image/gif",
		.body = {(const char *)gif, sizeof gif},
		.headers = ATTRIB_STR("Cache-Control: no-cache, no-store, must-revalidate\r\n"
				      "Cross-Origin-Resource-Policy: cross-origin\r\n")};
	exchange->ready = ready_gif(exchange->worker, &exchange->response);
}

/* The image is always shown to a known site: a page can do nothing about a rejected event, which is
 * counted. */
void attribd_handle_pixel(struct attribd_exchange *exchange)
{
	const struct attribd_site_config *site = pixel_site(exchange);
	struct attrib_intake_result result = {0};

	if (!site) {
		attribd_answer_error(exchange, ATTRIB_E_UNKNOWN_SITE, NULL);
		return;
	}
	if (attribd_overloaded(exchange->worker, ATTRIBD_SHED_PIXEL)) {
		attribd_answer_overload(exchange);
		return;
	}
	struct attrib_intake intake = attribd_exchange_intake(exchange, site);
	struct attrib_visit visit = attribd_exchange_visit(exchange);
	int err = attrib_intake_pixel(&intake, &visit, &result);
	attribd_metric_add(ATTRIBD_METRIC_EVENTS_REJECTED, (int64_t)result.reject_count);
	if (err == ATTRIB_E_NOMEM || !attribd_take(exchange, &result)) {
		attribd_answer_overload(exchange);
		return;
	}
	answer_gif(exchange);
}

/* -- /v1/beacon --------------------------------------------------------------------------------- */

/* NULL: the answer says why. */
static const struct attribd_site_config *beacon_site(struct attribd_exchange *exchange)
{
	const struct attribd_site_config *site = NULL;
	struct attrib_str name;
	int err = attrib_intake_beacon_site(&exchange->worker->arena, exchange->body, &name);

	if (!err) {
		site = attribd_config_site(exchange->snapshot->config, name);
		err = site ? 0 : ATTRIB_E_UNKNOWN_SITE;
	}
	if (err)
		attribd_answer_error(exchange, err, NULL);
	return site;
}

static void take_beacon(struct attribd_exchange *exchange, const struct attribd_site_config *site)
{
	struct attrib_intake_result result = {0};
	struct attrib_intake intake = attribd_exchange_intake(exchange, site);
	struct attrib_visit visit = attribd_exchange_visit(exchange);
	int err = attrib_intake_beacon(&intake, &visit, exchange->body, &result);
	if (err && !result.whole)
		attribd_answer_error(exchange, err, NULL);
	else if (!err && !attribd_take(exchange, &result))
		attribd_answer_overload(exchange);
	else if (err || result.reject_count)
		attribd_answer_result(exchange, &result, err);
	else
		exchange->response = (struct attrib_http_response){.status = 204,
			.headers = attrib_intake_beacon_cookies(&intake, &visit, &result)};
}

void attribd_handle_beacon(struct attribd_exchange *exchange)
{
	const struct attribd_site_config *site = NULL;

	if (attribd_refuse_encoding(exchange))
		return;
	if (attribd_overloaded(exchange->worker, ATTRIBD_SHED_PIXEL))
		attribd_answer_overload(exchange);
	else
		site = beacon_site(exchange);
	if (site)
		take_beacon(exchange, site);
	attribd_allow_origin(exchange, site);
}

/* -- /c/<link> ---------------------------------------------------------------------------------- */

static const struct attrib_tracker *find_link(struct attribd_exchange *exchange)
{
	struct attribd_worker *worker = exchange->worker;
	struct attrib_str segment = exchange->request->path;
	struct attrib_str link;

	segment.p += sizeof "/c/" - 1;
	segment.n -= sizeof "/c/" - 1;
	link = attribd_segment_decode(&worker->arena, segment);
	return attrib_catalog_link(
		exchange->snapshot->catalog, attrib_fold(&worker->arena, link), worker->now);
}

static void record_click(struct attribd_exchange *exchange, struct attrib_event *click)
{
	attribd_flag_floods(exchange, click, 1);
	if (attribd_overloaded(exchange->worker, ATTRIBD_SHED_CLICK) ||
		!attribd_record(exchange, click, 1))
		attribd_metric_add(ATTRIBD_METRIC_CLICKS_LOST, 1);
}

void attribd_handle_click(struct attribd_exchange *exchange)
{
	const struct attrib_tracker *link = find_link(exchange);
	const struct attribd_site_config *site =
		link ? attribd_config_site(exchange->snapshot->config, link->site) : NULL;
	struct attrib_redirect redirect = {0};
	uint8_t random[32];

	if (!site) {
		attribd_answer_error(exchange, ATTRIB_E_NOT_FOUND, "no such link");
		return;
	}
	struct attrib_intake intake = attribd_exchange_intake(exchange, site);
	struct attrib_visit visit = attribd_exchange_visit(exchange);
	attrib_random(random, sizeof random);
	int err = attrib_intake_redirect(&intake, &visit, link, random, &redirect);
	if (err) {
		attribd_answer_error(exchange, err, NULL);
		return;
	}
	if (redirect.has_event)
		record_click(exchange, &redirect.event);
	exchange->unconfirmed = ATTRIBD_UNCONFIRMED_SEND;
	exchange->response = (struct attrib_http_response){.status = 302,
		.headers = attrib_arena_printf(&exchange->worker->arena,
			"Location: %.*s\r\nCache-Control: no-store\r\n%.*s",
			(int)redirect.location.n, redirect.location.p, (int)redirect.set_cookie.n,
			redirect.set_cookie.n ? redirect.set_cookie.p : "")};
	if (!exchange->response.headers.p)
		attribd_answer_overload(exchange);
}
