/*
 * Webhooks of shop systems: whether a request is authentic, and which events it tells of.
 *
 * Nothing is parsed before a signature over the raw bytes is verified. What the signature does not
 * cover (the topic, delivery ids) decides nothing: a captured body could be sent again under any
 * header. A body says itself what it is.
 */
#ifndef ATTRIB_WEBHOOK_H
#define ATTRIB_WEBHOOK_H

#include "attrib/http.h"
#include "attrib/intake.h"

/* X(NAME, "name in keys, paths and sources") */
#define ATTRIB_VENDORS(X)                                                                          \
	X(SHOPIFY, "shopify")                                                                      \
	X(WOOCOMMERCE, "woocommerce")                                                              \
	X(STRIPE, "stripe")                                                                        \
	X(STANDARD, "standard")
enum attrib_vendor {
#define X(name, text) ATTRIB_VENDOR_##name,
	ATTRIB_VENDORS(X)
#undef X
		ATTRIB_VENDOR_COUNT
};
const char *attrib_vendor_name(enum attrib_vendor vendor);
/* By its name; ATTRIB_E_NOT_FOUND. */
int attrib_vendor_parse(struct attrib_str name, enum attrib_vendor *out) ATTRIB_MUST_CHECK;

#define ATTRIB_WEBHOOK_SECRETS 2
/* How far a signed time may be from now, on both sides. */
#define ATTRIB_WEBHOOK_TOLERANCE_US (300 * ATTRIB_US_PER_S)

struct attrib_webhook {
	enum attrib_vendor vendor;
	const struct attrib_http_request *request;
	struct attrib_str body; /* raw; 64 readable bytes behind it */
};

/* A greeting that its vendor does not sign and that tells of nothing: to be answered 200. */
bool attrib_webhook_is_ping(const struct attrib_webhook *hook);
/* 0 when one of the secrets (empty = not set) signed the body, and not too long ago where the vendor
 * signs a time; else ATTRIB_E_UNAUTHORIZED. Constant time in secrets and signatures. */
int attrib_webhook_verify(const struct attrib_webhook *hook, struct attrib_keys *keys,
	const struct attrib_str secrets[ATTRIB_WEBHOOK_SECRETS], int64_t now) ATTRIB_MUST_CHECK;
/* Header lines that sign a body now, as its vendor would: for a body that was kept and is sent again, and
 * for what we send ourselves. With each secret that is set, where the vendor's form has room for two, else
 * with the first. request_id: of Standard Webhooks. */
void attrib_webhook_sign(enum attrib_vendor vendor, struct attrib_keys *keys,
	const struct attrib_str secrets[ATTRIB_WEBHOOK_SECRETS], struct attrib_str request_id,
	struct attrib_str body, int64_t now, struct attrib_buf *out);
/* The sender's own name of the request; empty where the vendor has none that is signed. */
struct attrib_str attrib_webhook_id(const struct attrib_webhook *hook);
/* The events of an authentic request. 0 also when it tells of nothing that is wanted, or when parts
 * of it were rejected; ATTRIB_E_BAD_JSON, ATTRIB_E_TOO_MANY with result->whole set. */
int attrib_webhook_read(const struct attrib_intake *intake, const struct attrib_webhook *hook,
	struct attrib_intake_result *out) ATTRIB_MUST_CHECK;

/* Whether a secret can sign at all: those of Standard Webhooks are base64, with or without "whsec_"
 * before it. */
bool attrib_webhook_secret_ok(enum attrib_vendor vendor, struct attrib_str secret);

#endif
