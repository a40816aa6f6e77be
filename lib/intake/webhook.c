/*
 * The table of vendors: how each signs, and who reads its bodies.
 */
#include "attrib/webhook.h"

#include "signature.h"
#include "vendor.h"

/* A body of native events; the sender's id of the request names those that have no id of their own. */
static int standard_read(
	const struct sender *sender, struct attrib_str body, struct attrib_intake_result *out)
{
	return take_json(sender, body, out);
}

static const struct {
	const struct signature_form *signature;
	vendor_reader *read;
	bool names_requests; /* by a signed webhook-id */
	bool pings;          /* unsigned, with a form of one field */
} vendors[ATTRIB_VENDOR_COUNT] = {
	[ATTRIB_VENDOR_SHOPIFY] = {.signature = &signature_shopify, .read = shopify_read},
	[ATTRIB_VENDOR_WOOCOMMERCE] = {.signature = &signature_woocommerce,
		.read = woocommerce_read,
		.pings = true},
	[ATTRIB_VENDOR_STRIPE] = {.signature = &signature_stripe, .read = stripe_read},
	[ATTRIB_VENDOR_STANDARD] = {.signature = &signature_standard,
		.read = standard_read,
		.names_requests = true},
};

static const struct attrib_str names[ATTRIB_VENDOR_COUNT] = {
#define X(name, text) [ATTRIB_VENDOR_##name] = ATTRIB_STR(text),
	ATTRIB_VENDORS(X)
#undef X
};

const char *attrib_vendor_name(enum attrib_vendor vendor)
{
	return names[vendor].p;
}

int attrib_vendor_parse(struct attrib_str name, enum attrib_vendor *out)
{
	for (size_t i = 0; i < ATTRIB_VENDOR_COUNT; i++) {
		if (attrib_str_eq(names[i], name)) {
			*out = (enum attrib_vendor)i;
			return 0;
		}
	}
	return ATTRIB_E_NOT_FOUND;
}

bool attrib_webhook_secret_ok(enum attrib_vendor vendor, struct attrib_str secret)
{
	return signature_secret_ok(vendors[vendor].signature, secret);
}

/* WooCommerce greets a new webhook with "webhook_id=<number>" and saves it only when that is
 * answered. It carries no signature and says nothing. */
bool attrib_webhook_is_ping(const struct attrib_webhook *hook)
{
	static const struct attrib_str head = {"webhook_id=", 11};
	struct attrib_str body = hook->body;

	if (!vendors[hook->vendor].pings || body.n <= head.n || body.n > head.n + 20 ||
		memcmp(body.p, head.p, head.n) != 0)
		return false;
	for (size_t i = head.n; i < body.n; i++) {
		if (body.p[i] < '0' || body.p[i] > '9')
			return false;
	}
	return true;
}

int attrib_webhook_verify(const struct attrib_webhook *hook, struct attrib_keys *keys,
	const struct attrib_str secrets[ATTRIB_WEBHOOK_SECRETS], int64_t now)
{
	return signature_check(vendors[hook->vendor].signature, hook, keys, secrets, now);
}

void attrib_webhook_sign(enum attrib_vendor vendor, struct attrib_keys *keys,
	const struct attrib_str secrets[ATTRIB_WEBHOOK_SECRETS], struct attrib_str request_id,
	struct attrib_str body, int64_t now, struct attrib_buf *out)
{
	signature_make(vendors[vendor].signature, keys, secrets, request_id, body, now, out);
}

struct attrib_str attrib_webhook_id(const struct attrib_webhook *hook)
{
	return vendors[hook->vendor].names_requests
		       ? attrib_http_header(hook->request, ATTRIB_STR("webhook-id"))
		       : ATTRIB_STR_NONE;
}

/* Whoever reads of a reject has to find the order at the vendor's: its id, where the body has one in plain
 * letters. */
static void name_rejects(const struct attrib_intake *intake, const struct attrib_webhook *hook,
	struct attrib_intake_result *out)
{
	struct attrib_json root;
	struct attrib_str id;

	if (attrib_json_parse(intake->arena, hook->body, &root))
		return;
	id = pick_text(intake->arena, root, "id");
	for (size_t i = 0; i < id.n; i++) {
		if (id.p[i] <= ' ' || id.p[i] > '~')
			return;
	}
	for (size_t i = 0; id.n && id.n <= 64 && i < out->reject_count; i++)
		out->rejects[i].message = attrib_arena_printf(intake->arena, "%.*s (id %.*s)",
			(int)out->rejects[i].message.n, out->rejects[i].message.p, (int)id.n, id.p);
}

int attrib_webhook_read(const struct attrib_intake *intake, const struct attrib_webhook *hook,
	struct attrib_intake_result *out)
{
	struct sender sender = {
		.intake = intake, .trust = ATTRIB_TRUST_SIGNED, .source = names[hook->vendor]};
	int err;

	sender.request_id = attrib_webhook_id(hook);
	*out = (struct attrib_intake_result){0};
	err = vendors[hook->vendor].read(&sender, hook->body, out);
	if (out->reject_count)
		name_rejects(intake, hook, out);
	/* a text that there was no memory for looks like one that was not sent */
	return intake->arena->failed ? ATTRIB_E_NOMEM : err;
}
