/*
 * GET /v1/orders/<id>/explain?site=S[&kind=lead]: why an order is credited as it is, as JSON.
 */
#include "attrib/text.h"
#include "attrib/tools.h"
#include "server.h"

#define AFTER  ATTRIB_STR("/v1/orders/")
#define BEHIND ATTRIB_STR("/explain")

/* The id between both, decoded; p is NULL when the path is another one. In a path a '+' is a plus. */
static struct attrib_str order_of(struct attrib_arena *arena, struct attrib_str path)
{
	size_t around = AFTER.n + BEHIND.n, n = 0;
	char *id;

	if (path.n <= around || memcmp(path.p + path.n - BEHIND.n, BEHIND.p, BEHIND.n) != 0)
		return ATTRIB_STR_NONE;
	path = (struct attrib_str){path.p + AFTER.n, path.n - around};
	id = attrib_arena_alloc(arena, 3 * path.n);
	for (size_t i = 0; id && i < path.n; i++) {
		if (path.p[i] == '+')
			memcpy(id + n, "%2B", 3);
		else
			id[n] = path.p[i];
		n += path.p[i] == '+' ? 3 : 1;
	}
	return id ? attrib_form_decode(arena, (struct attrib_str){id, n}) : ATTRIB_STR_NONE;
}

static const char *kind_of(struct attribd_exchange *exchange)
{
	struct attrib_str kind = attribd_admin_parameter(exchange, "kind");

	if (kind.n == 0 || attrib_str_eq(kind, ATTRIB_STR("order")))
		return "order";
	if (attrib_str_eq(kind, ATTRIB_STR("lead")))
		return "lead";
	attribd_answer_error(exchange, ATTRIB_E_INVALID, "kind: expected order or lead");
	return NULL;
}

static void answer_failure(
	struct attribd_exchange *exchange, const struct attrib_explain *explain, int err)
{
	struct attrib_arena *arena = &exchange->worker->arena;
	const char *message = NULL;

	attrib_buf_clear(&exchange->worker->text);
	if (err == ATTRIB_E_UNAVAILABLE) {
		attribd_admin_unanswered(exchange);
		return;
	}
	if (err == ATTRIB_E_NOT_FOUND)
		message = attrib_arena_printf(arena, "no %s \"%s\" of site %s is in the database",
			explain->kind, explain->order, explain->site)
				  .p;
	attribd_answer_error(exchange, err, message);
}

static void explain(struct attribd_exchange *exchange, const struct attrib_explain *what)
{
	struct attrib_sink_error error;
	int err;

	if (!attribd_admin_may_ask(exchange))
		return;
	err = attrib_postgres_explain(what, &exchange->worker->text, &error);
	if (err) {
		answer_failure(exchange, what, err);
		return;
	}
	exchange->response = (struct attrib_http_response){.status = 200,
		.content_type = "application/json",
		.body = attrib_buf_view(&exchange->worker->text)};
}

void attribd_admin_explain(struct attribd_exchange *exchange)
{
	struct attrib_arena *arena = &exchange->worker->arena;
	struct attrib_explain what = {
		.conninfo = exchange->snapshot->config->postgres, .hurry = true};
	const struct attribd_site_config *site;
	struct attrib_str order;

	order = order_of(arena, exchange->request->path);
	if (!order.p) {
		attribd_answer_error(exchange, ATTRIB_E_NOT_FOUND, NULL);
		return;
	}
	site = attribd_admin_site(exchange);
	if (!site || !(what.kind = kind_of(exchange)))
		return;
	what.site = site->site.name.p;
	what.order = attrib_arena_printf(arena, "%.*s", (int)order.n, order.p).p;
	if (what.order)
		explain(exchange, &what);
	else
		attribd_answer_error(exchange, ATTRIB_E_NOMEM, NULL);
}
