/*
 * POST /webhooks/<vendor>/<site>: what shop systems send by themselves. They switch a webhook off that
 * fails a few times, so whatever is authentic is answered 200; what could not be used of it is logged,
 * counted and told in the answer. What is not authentic gets one and the same 401 and leaves no trace.
 */
#include "route.h"

#include "log.h"
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
	const struct attrib_intake_result *result)
{
	if (result->reject_count)
		attribd_metric_add(ATTRIBD_METRIC_WEBHOOKS_UNUSABLE, 1);
	else if (result->accepted == 0)
		attribd_metric_add(ATTRIBD_METRIC_WEBHOOKS_IGNORED, 1);
	for (size_t i = 0; i < result->reject_count; i++) {
		const struct attrib_reject *reject = &result->rejects[i];
		attribd_log(ATTRIBD_LOG_WARNING,
			"a webhook of %s for site %.*s could not be used: %s: %.*s; answered 200, "
			"so that the shop goes on sending",
			attrib_vendor_name(hook->vendor), (int)site->site.name.n, site->site.name.p,
			attrib_error_code(reject->error), (int)reject->message.n,
			reject->message.p);
	}
}

static void take(struct attribd_exchange *exchange, const struct attrib_webhook *hook,
	const struct attribd_site_config *site)
{
	struct attrib_intake intake = attribd_exchange_intake(exchange, site);
	struct attrib_intake_result result;
	int err = attrib_webhook_read(&intake, hook, &result);

	if ((err && !result.whole) || (!err && !attribd_take(exchange, &result))) {
		attribd_answer_overload(exchange);
		return;
	}
	report(hook, site, &result);
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
