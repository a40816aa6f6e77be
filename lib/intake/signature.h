/*
 * Signatures of webhooks. Each vendor packs the same thing differently: HMAC-SHA-256 by a shared
 * secret over the raw body, alone or behind an id and a time. A vendor's form only says where that
 * stands; what makes a request authentic is said once, in signature_check.
 */
#ifndef ATTRIB_INTAKE_SIGNATURE_H
#define ATTRIB_INTAKE_SIGNATURE_H

#include "attrib/webhook.h"

#define SIGNATURES_MAX 8 /* of one request; a rotation sends two */

/* What a request says to be authentic. */
struct signature_claim {
	struct attrib_str id, time; /* as signed; empty = not */
	uint8_t macs[SIGNATURES_MAX][ATTRIB_HMAC_BYTES];
	size_t mac_count;
	int64_t signed_at; /* or ATTRIB_NEVER: no time is signed */
};

/* Signed is "<id>.<seconds>.<body>", or the end of it. */
enum signed_from { SIGNED_ID = 0, SIGNED_TIME = 2, SIGNED_BODY = 4 };

struct signature_form {
	const char *header; /* that holds the signature */
	enum signed_from from;
	bool secret_is_base64; /* with or without "whsec_"; else its own bytes are the key */
	/* Reads the header's value; false: it is not in this form. */
	bool (*read)(const struct attrib_webhook *hook, struct attrib_str value,
		struct signature_claim *out);
	/* Appends the header's value, and lines of further headers. */
	void (*write)(const struct signature_claim *claim, struct attrib_buf *out);
};

extern const struct signature_form signature_shopify, signature_woocommerce, signature_stripe,
	signature_standard;

int signature_check(const struct signature_form *form, const struct attrib_webhook *hook,
	struct attrib_keys *keys, const struct attrib_str secrets[ATTRIB_WEBHOOK_SECRETS],
	int64_t now) ATTRIB_MUST_CHECK;
/* Header lines, as the vendor would send them now. */
void signature_make(const struct signature_form *form, struct attrib_keys *keys,
	const struct attrib_str secrets[ATTRIB_WEBHOOK_SECRETS], struct attrib_str id,
	struct attrib_str body, int64_t now, struct attrib_buf *out);
bool signature_secret_ok(const struct signature_form *form, struct attrib_str secret);

#endif
