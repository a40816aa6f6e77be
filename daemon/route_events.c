/*
 * POST /v1/events: the native form, from servers that hold a write key.
 */
#include "route.h"

#include "worker.h"

static const struct attribd_site_config *authorize(const struct attribd_exchange *exchange)
{
	enum attrib_trust trust = ATTRIB_TRUST_STRANGER;
	struct attrib_str key = attribd_exchange_bearer(exchange);
	const struct attribd_site_config *site =
		key.n ? attribd_config_key(exchange->snapshot->config, key, &trust) : NULL;

	/* a public key is known to every visitor: it must not speak for the shop */
	return trust == ATTRIB_TRUST_SIGNED ? site : NULL;
}

static void answer_unauthorized(struct attribd_exchange *exchange)
{
	attribd_metric_add(ATTRIBD_METRIC_UNAUTHORIZED, 1);
	attribd_answer_error(exchange, ATTRIB_E_UNAUTHORIZED, NULL);
	exchange->response.headers = ATTRIB_STR("WWW-Authenticate: Bearer\r\n");
}

static enum attrib_body_form body_form(const struct attrib_http_request *request)
{
	struct attrib_str parameters;
	struct attrib_str value = attrib_http_header(request, ATTRIB_STR("Content-Type"));
	struct attrib_str type = attrib_str_trim(attrib_str_split(value, ';', &parameters));
	bool ndjson = attrib_str_ieq(type, ATTRIB_STR("application/x-ndjson")) ||
		      attrib_str_ieq(type, ATTRIB_STR("application/jsonl"));

	return ndjson ? ATTRIB_BODY_NDJSON : ATTRIB_BODY_JSON;
}

/* What was ignored has no error. */
static void put_reject(struct attrib_buf *text, const struct attrib_reject *reject, bool first)
{
	attrib_buf_printf(text, "%s{\"index\":%zu", first ? "" : ",", reject->index);
	if (reject->error)
		attrib_buf_printf(text, ",\"code\":\"%s\"", attrib_error_code(reject->error));
	attrib_buf_str(text, ATTRIB_STR(",\"message\":"));
	attrib_buf_json(text, reject->message.n ? reject->message
						: attrib_str_of(attrib_error_text(reject->error)));
	attrib_buf_char(text, '}');
}

void attribd_answer_result(
	struct attribd_exchange *exchange, const struct attrib_intake_result *result, int err)
{
	struct attrib_buf *text = &exchange->worker->text;
	bool bad = result->reject_count && !result->event_count && !result->ignored_count;

	attrib_buf_printf(text, "{\"accepted\":%zu,\"rejected\":[", result->event_count);
	for (size_t i = 0; i < result->reject_count; i++)
		put_reject(text, &result->rejects[i], i == 0);
	if (result->ignored_count)
		attrib_buf_str(text, ATTRIB_STR("],\"ignored\":["));
	for (size_t i = 0; i < result->ignored_count; i++)
		put_reject(text, &result->ignored[i], i == 0);
	attrib_buf_str(text, ATTRIB_STR("]}\n"));
	attribd_metric_add(ATTRIBD_METRIC_EVENTS_REJECTED, (int64_t)result->reject_count);
	exchange->response = (struct attrib_http_response){.status = err   ? attrib_error_http(err)
								     : bad ? 400
									   : 200,
		.content_type = "application/json",
		.body = attrib_buf_view(text)};
}

bool attribd_refuse_encoding(struct attribd_exchange *exchange)
{
	struct attrib_str encoding =
		attrib_http_header(exchange->request, ATTRIB_STR("Content-Encoding"));

	if (!encoding.p || attrib_str_ieq(encoding, ATTRIB_STR("identity")))
		return false;
	exchange->response = (struct attrib_http_response){
		.status = 415, .headers = ATTRIB_STR("Accept-Encoding: identity\r\n")};
	return true;
}

void attribd_handle_events(struct attribd_exchange *exchange)
{
	const struct attribd_site_config *site = authorize(exchange);
	struct attrib_intake_result result = {0};

	if (!site) {
		answer_unauthorized(exchange);
		return;
	}
	if (attribd_refuse_encoding(exchange))
		return;
	if (attribd_overloaded(exchange->worker, ATTRIBD_SHED_BATCH)) {
		attribd_answer_overload(exchange);
		return;
	}
	struct attrib_intake intake = attribd_exchange_intake(exchange, site);
	int err = attrib_intake_native(&intake, ATTRIB_TRUST_SIGNED, ATTRIB_STR("native"),
		body_form(exchange->request), exchange->body, &result);
	if (err && !result.whole) {
		attribd_answer_error(exchange, err, NULL);
		return;
	}
	if (!err && !attribd_take(exchange, &result)) {
		attribd_answer_overload(exchange);
		return;
	}
	attribd_answer_result(exchange, &result, err);
}
