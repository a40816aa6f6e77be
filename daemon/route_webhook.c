/*
 * POST /webhooks/<vendor>/<site>: what shop systems send by themselves. They switch a webhook off that
 * fails a few times, so whatever is authentic is answered 200; what could not be used of it is journaled
 * as it came, logged, counted and told in the answer. What is not authentic gets one and the same 401 and leaves no trace.
 */
#include "route.h"

#include <string.h>

#include "attrib/raw.h"
#include "log.h"
#include "raw_keys.h"
#include "worker.h"

static const struct attribd_site_config *find_hook(
	struct attribd_exchange *exchange, struct attrib_webhook *hook)
{
	struct attrib_str path = exchange->request->path, site;
	struct attrib_str vendor;

	path.p += sizeof "/webhooks/" - 1;
	path.n -= sizeof "/webhooks/" - 1;
	vendor = attrib_str_split(path, '/', &site);
	if (attrib_vendor_parse(vendor, &hook->vendor))
		return NULL;
	hook->request = exchange->request;
	hook->body = exchange->body;
	return attribd_config_site(
		exchange->snapshot->config, attribd_segment_decode(&exchange->worker->arena, site));
}

static void report(const struct attrib_webhook *hook, const struct attribd_site_config *site,
	const struct attrib_intake_result *result, bool kept)
{
	if (result->reject_count)
		attribd_metric_add(ATTRIBD_METRIC_WEBHOOKS_UNUSABLE, 1);
	else if (result->accepted == 0)
		attribd_metric_add(ATTRIBD_METRIC_WEBHOOKS_IGNORED, 1);
	for (size_t i = 0; i < result->reject_count; i++) {
		const struct attrib_reject *reject = &result->rejects[i];
		attribd_log(ATTRIBD_LOG_WARNING,
			"a webhook of %s for site %.*s could not be used: %s: %.*s; %s",
			attrib_vendor_name(hook->vendor), (int)site->site.name.n, site->site.name.p,
			attrib_error_code(reject->error), (int)reject->message.n, reject->message.p,
			kept ? "kept for attribd webhooks retry" : "not kept");
	}
}

/* What attribd webhooks retry sends again is kept already. */
static bool is_retry(const struct attribd_exchange *exchange)
{
	return attrib_http_header(exchange->request, ATTRIB_STR("X-Attribd-Retry")).p != NULL;
}

/* Journals an unusable body as it came; *kept: it is. An error of the lane. */
static int keep_raw(struct attribd_exchange *exchange, const struct attrib_webhook *hook,
	const struct attribd_site_config *site, const struct attrib_reject *reject, bool *kept)
{
	struct attribd_worker *worker = exchange->worker;
	struct attrib_raw raw = {.vendor = hook->vendor,
		.received_at = worker->now,
		.site = site->site.name,
		.reason = reject->message,
		.request_id = attrib_webhook_id(hook),
		.body = hook->body};
	uint8_t key[ATTRIB_RAW_KEY_BYTES];
	int err;

	if (is_retry(exchange) || !worker->raw_keys ||
		!attribd_raw_key(worker->raw_keys, worker->now, key))
		return 0;
	attrib_buf_clear(&worker->payload);
	err = attrib_raw_seal(&raw, key, &worker->payload);
	explicit_bzero(key, sizeof key);
	if (err)
		return err == ATTRIB_E_TOO_LARGE ? 0 : err;
	err = attribd_worker_append_bytes(
		worker, attrib_buf_view(&worker->payload), &exchange->number);
	*kept = err == 0;
	attribd_metric_add(ATTRIBD_METRIC_WEBHOOKS_KEPT, *kept);
	return err;
}

static void take(struct attribd_exchange *exchange, const struct attrib_webhook *hook,
	const struct attribd_site_config *site)
{
	struct attrib_intake intake = attribd_exchange_intake(exchange, site);
	struct attrib_intake_result result;
	int err = attrib_webhook_read(&intake, hook, &result);
	bool kept = false;

	if ((err && !result.whole) || (!err && !attribd_take(exchange, &result))) {
		attribd_answer_overload(exchange);
		return;
	}
	if (result.reject_count && keep_raw(exchange, hook, site, &result.rejects[0], &kept)) {
		exchange->abandoned = result.event_count > 0;
		attribd_answer_overload(exchange);
		return;
	}
	report(hook, site, &result, kept);
	attribd_answer_result(exchange, &result, 0);
	exchange->response.status = 200;
}

void attribd_handle_webhook(struct attribd_exchange *exchange)
{
	struct attrib_webhook hook;
	const struct attribd_site_config *site = find_hook(exchange, &hook);

	if (!site) {
		attribd_answer_error(exchange, ATTRIB_E_NOT_FOUND, NULL);
	} else if (attrib_webhook_is_ping(&hook)) {
		exchange->response = (struct attrib_http_response){.status = 200};
	} else if (attrib_webhook_verify(&hook, exchange->worker->keys,
			   site->webhook_secrets[hook.vendor], exchange->worker->now)) {
		attribd_metric_add(ATTRIBD_METRIC_UNAUTHORIZED, 1);
		attribd_answer_error(exchange, ATTRIB_E_UNAUTHORIZED, "the signature is not valid");
	} else if (attribd_overloaded(exchange->worker, ATTRIBD_SHED_WEBHOOK)) {
		attribd_answer_overload(exchange);
	} else {
		take(exchange, &hook, site);
	}
}
