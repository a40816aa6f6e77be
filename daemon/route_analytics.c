/*
 * The doors of analytics: /v1/<call> as Segment's libraries call it, and /mp/collect as GA4's Measurement
 * Protocol does. The key decides who speaks: a write key the shop, a public key a stranger.
 */
#include "route.h"

#include "attrib/analytics.h"
#include "attrib/text.h"
#include "unpack.h"
#include "worker.h"

struct caller {
	const struct attribd_site_config *site; /* NULL: nobody we know */
	enum attrib_trust trust;
};

static void answer_unauthorized(struct attribd_exchange *exchange, const char *challenge)
{
	attribd_metric_add(ATTRIBD_METRIC_UNAUTHORIZED, 1);
	attribd_answer_error(exchange, ATTRIB_E_UNAUTHORIZED, NULL);
	exchange->response.headers = attrib_str_of(challenge);
}

static struct caller find_caller(const struct attribd_exchange *exchange, struct attrib_str key)
{
	struct caller caller = {.trust = ATTRIB_TRUST_STRANGER};

	caller.site = attribd_config_key(exchange->snapshot->config, key, &caller.trust);
	return caller;
}

/* What pages send goes first when there is too much. */
static bool is_overloaded(const struct attribd_exchange *exchange, const struct caller *caller)
{
	return attribd_overloaded(exchange->worker,
		caller->trust == ATTRIB_TRUST_SIGNED ? ATTRIBD_SHED_BATCH : ATTRIBD_SHED_PIXEL);
}

/* -- /v1/<call> --------------------------------------------------------------------------------- */

/* The user of "Authorization: Basic <base64 of user:password>"; empty when there is none. */
static struct attrib_str basic_user(const struct attribd_exchange *exchange)
{
	struct attrib_str token, password;
	struct attrib_str value =
		attrib_http_header(exchange->request, ATTRIB_STR("Authorization"));
	struct attrib_str scheme = attrib_str_split(value, ' ', &token);
	char *text;
	int n;

	if (!token.p || !attrib_str_ieq(scheme, ATTRIB_STR("Basic")))
		return ATTRIB_STR_NONE;
	token = attrib_str_trim(token);
	text = attrib_arena_raw(&exchange->worker->arena, token.n + 1);
	n = text ? attrib_base64_decode(token, text, token.n) : -1;
	if (n < 0)
		return ATTRIB_STR_NONE;
	return attrib_str_split((struct attrib_str){text, (size_t)n}, ':', &password);
}

/* The key of a header goes before one in the body. An error of the body, which then has no key. */
static int segment_key(const struct attribd_exchange *exchange, struct attrib_str *key)
{
	*key = basic_user(exchange);
	if (key->n == 0)
		*key = attribd_exchange_bearer(exchange);
	if (attrib_http_header(exchange->request, ATTRIB_STR("Authorization")).p)
		return 0;
	return attrib_segment_write_key(&exchange->worker->arena, exchange->body, key);
}

/* RudderStack's library packs unless it is told not to. False: the answer says why not. */
static bool unpack(struct attribd_exchange *exchange)
{
	struct attrib_str encoding =
		attrib_http_header(exchange->request, ATTRIB_STR("Content-Encoding"));
	struct attrib_str path = exchange->request->path;
	bool batch = attrib_str_eq(path, ATTRIB_STR("/v1/batch")) ||
		     attrib_str_eq(path, ATTRIB_STR("/v1/b"));
	int err;

	if (!attrib_str_ieq(encoding, ATTRIB_STR("gzip")))
		return !attribd_refuse_encoding(exchange);
	err = attribd_gunzip(&exchange->worker->arena, exchange->body,
		batch ? ATTRIB_SEGMENT_BATCH_MAX : ATTRIB_SEGMENT_EVENT_MAX, &exchange->body);
	if (err)
		attribd_answer_error(
			exchange, err, err == ATTRIB_E_INVALID ? "the body is not gzip" : NULL);
	return !err;
}

static void take_messages(struct attribd_exchange *exchange, const struct caller *caller)
{
	struct attrib_intake intake = attribd_exchange_intake(exchange, caller->site);
	struct attrib_visit visit = attribd_exchange_visit(exchange);
	struct attrib_str call = exchange->request->path;
	struct attrib_intake_result result;
	int err;

	call.p += sizeof "/v1/" - 1;
	call.n -= sizeof "/v1/" - 1;
	intake.visit = &visit;
	err = attrib_intake_segment(&intake, caller->trust, call, exchange->body, &result);
	if (err && !result.whole)
		attribd_answer_error(exchange, err, NULL);
	else if (!err && !attribd_take(exchange, &result))
		attribd_answer_overload(exchange);
	else
		attribd_answer_result(exchange, &result, err);
}

void attribd_handle_segment(struct attribd_exchange *exchange)
{
	struct caller caller = {0};
	struct attrib_str key = ATTRIB_STR_NONE;
	int err;

	if (!unpack(exchange)) {
		attribd_allow_origin(exchange, NULL);
		return;
	}
	err = segment_key(exchange, &key);
	if (!err)
		caller = find_caller(exchange, key);
	if (err && err != ATTRIB_E_MISSING_FIELD)
		attribd_answer_error(exchange, err, NULL);
	else if (!caller.site)
		answer_unauthorized(exchange, "WWW-Authenticate: Basic realm=\"write key\"\r\n");
	else if (is_overloaded(exchange, &caller))
		attribd_answer_overload(exchange);
	else
		take_messages(exchange, &caller);
	attribd_allow_origin(exchange, caller.site);
}

/* -- /mp/collect -------------------------------------------------------------------------------- */

static struct attrib_str parameter(struct attribd_exchange *exchange, struct attrib_str wanted)
{
	struct attrib_str rest = exchange->request->query, name, value;

	while (attrib_query_next(&rest, &name, &value)) {
		if (attrib_str_eq(name, wanted))
			return attrib_form_decode(&exchange->worker->arena, value);
	}
	return ATTRIB_STR_NONE;
}

/* The secret names the site. A measurement id may be wrong only where the site says which is right. */
static struct caller ga4_caller(struct attribd_exchange *exchange)
{
	struct attrib_str id = parameter(exchange, ATTRIB_STR("measurement_id"));
	struct caller caller = find_caller(exchange, parameter(exchange, ATTRIB_STR("api_secret")));
	const struct attribd_site_config *site = caller.site;

	if (site && id.n && site->ga4_measurement_id.n &&
		!attrib_str_eq(id, site->ga4_measurement_id) && !attrib_str_eq(id, site->site.name))
		caller.site = NULL;
	return caller;
}

static int read_ga4(struct attribd_exchange *exchange, const struct caller *caller,
	struct attrib_intake_result *result)
{
	struct attrib_intake intake = attribd_exchange_intake(exchange, caller->site);
	struct attrib_visit visit = attribd_exchange_visit(exchange);

	intake.visit = &visit;
	return attrib_intake_ga4(&intake, caller->trust, exchange->body, result);
}

/* As Google does, nothing is said of single events: whoever wants to know asks /debug/mp/collect. */
static void collect(struct attribd_exchange *exchange, const struct caller *caller)
{
	struct attrib_intake_result result;
	int err = read_ga4(exchange, caller, &result);

	attribd_metric_add(ATTRIBD_METRIC_EVENTS_REJECTED, (int64_t)result.reject_count);
	if (err && !result.whole)
		attribd_answer_error(exchange, err, NULL);
	else if (err)
		attribd_answer_error(exchange, err, result.rejects[0].message.p);
	else if (!attribd_take(exchange, &result))
		attribd_answer_overload(exchange);
	else
		exchange->response = (struct attrib_http_response){.status = 204};
}

static const char *validation_code(const struct attrib_reject *reject, struct attrib_str what)
{
	static const struct attrib_str missing = ATTRIB_STR("is missing");

	if (what.n >= missing.n && memcmp(what.p, missing.p, missing.n) == 0)
		return "VALUE_REQUIRED";
	if (reject->error == ATTRIB_E_TOO_MANY)
		return "EXCEEDED_MAX_ENTITIES";
	return "VALUE_INVALID";
}

/* A message names its field, then says what is wrong with it. */
static void put_validation(struct attribd_exchange *exchange, const struct attrib_reject *reject,
	bool whole, bool first)
{
	struct attrib_buf *text = &exchange->worker->text;
	struct attrib_str what, name = attrib_str_split(reject->message, ':', &what);

	what = attrib_str_trim(what);
	attrib_buf_printf(text, "%s{\"fieldPath\":", first ? "" : ",");
	attrib_buf_json(
		text, whole ? name
			    : attrib_arena_printf(&exchange->worker->arena, "events[%zu].%.*s",
				      reject->index, (int)name.n, name.p));
	attrib_buf_str(text, ATTRIB_STR(",\"description\":"));
	attrib_buf_json(text, reject->message);
	attrib_buf_printf(text, ",\"validationCode\":\"%s\"}", validation_code(reject, what));
}

static void validate(struct attribd_exchange *exchange, const struct caller *caller)
{
	struct attrib_buf *text = &exchange->worker->text;
	struct attrib_intake_result result;
	int err = read_ga4(exchange, caller, &result);

	if (err && !result.whole) {
		attribd_answer_error(exchange, err, NULL);
		return;
	}
	attrib_buf_str(text, ATTRIB_STR("{\"validationMessages\":["));
	for (size_t i = 0; i < result.reject_count; i++)
		put_validation(exchange, &result.rejects[i], result.whole, i == 0);
	attrib_buf_str(text, ATTRIB_STR("]}\n"));
	exchange->response = (struct attrib_http_response){
		.status = 200, .content_type = "application/json", .body = attrib_buf_view(text)};
}

static void handle_ga4(struct attribd_exchange *exchange,
	void (*answer)(struct attribd_exchange *, const struct caller *))
{
	struct caller caller;

	if (attribd_refuse_encoding(exchange))
		return;
	caller = ga4_caller(exchange);
	if (!caller.site)
		answer_unauthorized(exchange, "");
	else if (is_overloaded(exchange, &caller))
		attribd_answer_overload(exchange);
	else
		answer(exchange, &caller);
	attribd_allow_origin(exchange, caller.site);
}

void attribd_handle_collect(struct attribd_exchange *exchange)
{
	handle_ga4(exchange, collect);
}

void attribd_handle_collect_debug(struct attribd_exchange *exchange)
{
	handle_ga4(exchange, validate);
}
