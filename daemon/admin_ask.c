/*
 * The admin handlers that wait for a database, and how little they may.
 */
#include "attrib/text.h"
#include "clock.h"
#include "server.h"

#define PAUSE_US      INT64_C(5000000)
#define RETRY_HEADERS ATTRIB_STR("Retry-After: 5\r\n")

static void answer_later(struct attribd_exchange *exchange)
{
	attribd_answer_error(
		exchange, ATTRIB_E_UNAVAILABLE, "PostgreSQL does not answer, try again");
	exchange->response.headers = RETRY_HEADERS;
}

bool attribd_admin_may_ask(struct attribd_exchange *exchange)
{
	struct attribd_server *server = exchange->worker->context;

	if (attribd_clock_mono() >= server->ask_at)
		return true;
	answer_later(exchange);
	return false;
}

void attribd_admin_unanswered(struct attribd_exchange *exchange)
{
	struct attribd_server *server = exchange->worker->context;

	server->ask_at = attribd_clock_mono() + PAUSE_US;
	answer_later(exchange);
}

struct attrib_str attribd_admin_parameter(struct attribd_exchange *exchange, const char *wanted)
{
	struct attrib_str rest = exchange->request->query, name, value;

	while (attrib_query_next(&rest, &name, &value)) {
		if (attrib_str_eq(name, attrib_str_of(wanted)))
			return attrib_form_decode(&exchange->worker->arena, value);
	}
	return ATTRIB_STR_NONE;
}

const struct attribd_site_config *attribd_admin_site(struct attribd_exchange *exchange)
{
	const struct attribd_config *config = exchange->snapshot->config;
	struct attrib_str name = attribd_admin_parameter(exchange, "site");
	const struct attribd_site_config *site =
		name.n ? attribd_config_site(config, name)
		       : (config->site_count == 1 ? &config->sites[0] : NULL);

	if (!site)
		attribd_answer_error(exchange,
			name.n ? ATTRIB_E_UNKNOWN_SITE : ATTRIB_E_MISSING_FIELD,
			name.n ? NULL : "expected ?site=<name of a site>");
	return site;
}
