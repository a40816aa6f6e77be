/*
 * Which pages of other origins may read an answer. What they send is taken either way: a browser sends
 * a simple request before it asks, and who is no browser never asks.
 */
#include "route.h"

#include "attrib/text.h"
#include "worker.h"

/* Browsers write origins in lower case and without a default port; so are they compared. */
static bool lets_in(const struct attribd_site_config *site, struct attrib_str origin)
{
	struct attrib_url url;

	for (size_t i = 0; i < site->origin_count; i++) {
		if (attrib_str_eq(site->origins[i], origin))
			return true;
	}
	attrib_url_split(origin, &url);
	return site->origin_count == 0 && attrib_site_owns_host(&site->intake, url.host);
}

static bool any_lets_in(const struct attribd_config *config, struct attrib_str origin)
{
	for (size_t i = 0; i < config->site_count; i++) {
		if (lets_in(&config->sites[i], origin))
			return true;
	}
	return false;
}

static struct attrib_str allow(
	struct attribd_exchange *exchange, bool allowed, struct attrib_str origin, const char *more)
{
	struct attrib_str lines = ATTRIB_STR_NONE;

	if (allowed)
		lines = attrib_arena_printf(&exchange->worker->arena,
			"Vary: Origin\r\nAccess-Control-Allow-Origin: %.*s\r\n%s", (int)origin.n,
			origin.p, more);
	return lines.p ? lines : ATTRIB_STR("Vary: Origin\r\n");
}

void attribd_allow_origin(struct attribd_exchange *exchange, const struct attribd_site_config *site)
{
	struct attrib_str origin = attrib_http_header(exchange->request, ATTRIB_STR("Origin"));
	struct attrib_str lines =
		allow(exchange, site && origin.n && lets_in(site, origin), origin, "");
	struct attrib_str before = exchange->response.headers;

	if (before.n)
		lines = attrib_arena_printf(&exchange->worker->arena, "%.*s%.*s", (int)lines.n,
			lines.p, (int)before.n, before.p);
	if (lines.p)
		exchange->response.headers = lines;
}

void attribd_handle_preflight(struct attribd_exchange *exchange)
{
	struct attrib_str origin = attrib_http_header(exchange->request, ATTRIB_STR("Origin"));
	bool allowed = origin.n && any_lets_in(exchange->snapshot->config, origin);

	exchange->response = (struct attrib_http_response){.status = 204,
		.headers = allow(exchange, allowed, origin,
			"Access-Control-Allow-Methods: POST\r\n"
			"Access-Control-Allow-Headers: AnonymousId, Authorization, Content-Type, "
			"X-Retry-Count\r\n"
			"Access-Control-Max-Age: 86400\r\n")};
}
