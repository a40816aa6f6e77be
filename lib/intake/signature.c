/*
 * The forms in which vendors sign, and the one rule behind them.
 */
#include "signature.h"

#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define SECRET_MAX 512 /* bytes of a decoded secret */
#define BASE64_MAC 44

/* -- MACs and seconds, each in one spelling --------------------------------------------------------- */

static bool is_mac(struct attrib_str text, uint8_t mac[ATTRIB_HMAC_BYTES])
{
	return attrib_base64_decode(text, mac, ATTRIB_HMAC_BYTES) == ATTRIB_HMAC_BYTES;
}

/* Seconds since 1970 as plain digits. */
static bool read_seconds(struct attrib_str s, int64_t *at)
{
	int64_t seconds = 0;

	if (s.n == 0 || s.n > 11)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		seconds = seconds * 10 + (s.p[i] - '0');
	}
	*at = seconds * ATTRIB_US_PER_S;
	return true;
}

/* -- the forms -------------------------------------------------------------------------------------- */

/* base64 over the body alone. */
static bool read_plain(
	const struct attrib_webhook *hook, struct attrib_str value, struct signature_claim *out)
{
	(void)hook;
	out->mac_count = 1;
	return is_mac(value, out->macs[0]);
}

static void put_base64(const uint8_t mac[ATTRIB_HMAC_BYTES], struct attrib_buf *out)
{
	char text[BASE64_MAC + 1];

	EVP_EncodeBlock((uint8_t *)text, mac, ATTRIB_HMAC_BYTES);
	attrib_buf_str(out, attrib_str_of(text));
}

static void write_plain(const struct signature_claim *claim, struct attrib_buf *out)
{
	put_base64(claim->macs[0], out);
	attrib_buf_str(out, ATTRIB_STR("\r\n"));
}

/* "t=<seconds>,v1=<hex>,v1=<hex>,v0=..": other schemes are ignored. */
static bool read_stripe(
	const struct attrib_webhook *hook, struct attrib_str value, struct signature_claim *out)
{
	(void)hook;
	while (value.n) {
		struct attrib_str text, part = attrib_str_split(value, ',', &value);
		struct attrib_str name = attrib_str_split(part, '=', &text);
		if (attrib_str_eq(name, ATTRIB_STR("t"))) {
			if (out->time.n)
				return false;
			out->time = text;
		} else if (attrib_str_eq(name, ATTRIB_STR("v1")) &&
			   out->mac_count < SIGNATURES_MAX &&
			   attrib_hex_decode(text, out->macs[out->mac_count], ATTRIB_HMAC_BYTES) ==
				   0) {
			out->mac_count++;
		}
	}
	return read_seconds(out->time, &out->signed_at);
}

static void write_stripe(const struct signature_claim *claim, struct attrib_buf *out)
{
	char text[2 * ATTRIB_HMAC_BYTES + 1] = "";

	attrib_hex(claim->macs[0], ATTRIB_HMAC_BYTES, text);
	attrib_buf_printf(out, "t=%.*s,v1=%s\r\n", (int)claim->time.n, claim->time.p, text);
}

/* "v1,<base64> v1,<base64>" over "<id>.<seconds>.<body>". */
static bool read_standard(
	const struct attrib_webhook *hook, struct attrib_str value, struct signature_claim *out)
{
	out->id = attrib_http_header(hook->request, ATTRIB_STR("webhook-id"));
	out->time = attrib_http_header(hook->request, ATTRIB_STR("webhook-timestamp"));
	while (value.n) {
		struct attrib_str text, part = attrib_str_split(value, ' ', &value);
		struct attrib_str name = attrib_str_split(part, ',', &text);
		if (attrib_str_eq(name, ATTRIB_STR("v1")) && out->mac_count < SIGNATURES_MAX &&
			is_mac(text, out->macs[out->mac_count]))
			out->mac_count++;
	}
	return out->id.n && read_seconds(out->time, &out->signed_at);
}

static void write_standard(const struct signature_claim *claim, struct attrib_buf *out)
{
	for (size_t i = 0; i < claim->mac_count; i++) {
		attrib_buf_str(out, i ? ATTRIB_STR(" v1,") : ATTRIB_STR("v1,"));
		put_base64(claim->macs[i], out);
	}
	attrib_buf_printf(out, "\r\nwebhook-id: %.*s\r\nwebhook-timestamp: %.*s\r\n",
		(int)claim->id.n, claim->id.p, (int)claim->time.n, claim->time.p);
}

const struct signature_form signature_shopify = {
	"X-Shopify-Hmac-Sha256", SIGNED_BODY, false, read_plain, write_plain};
const struct signature_form signature_woocommerce = {
	"X-WC-Webhook-Signature", SIGNED_BODY, false, read_plain, write_plain};
const struct signature_form signature_stripe = {
	"Stripe-Signature", SIGNED_TIME, false, read_stripe, write_stripe};
const struct signature_form signature_standard = {
	"webhook-signature", SIGNED_ID, true, read_standard, write_standard};

/* -- the rule --------------------------------------------------------------------------------------- */

/* The key that a secret stands for; room: SECRET_MAX bytes. n is 0 for one that can't sign. */
static struct attrib_str key_of(
	const struct signature_form *form, struct attrib_str secret, uint8_t *room)
{
	static const struct attrib_str prefix = {"whsec_", 6};
	int n;

	if (!form->secret_is_base64)
		return secret;
	if (secret.n > prefix.n && memcmp(secret.p, prefix.p, prefix.n) == 0)
		secret = (struct attrib_str){secret.p + prefix.n, secret.n - prefix.n};
	n = attrib_base64_decode(secret, room, SECRET_MAX);
	return n > 0 ? (struct attrib_str){(const char *)room, (size_t)n} : ATTRIB_STR_NONE;
}

bool signature_secret_ok(const struct signature_form *form, struct attrib_str secret)
{
	uint8_t room[SECRET_MAX];
	bool ok = key_of(form, secret, room).n > 0;

	OPENSSL_cleanse(room, sizeof room);
	return ok;
}

static bool is_in_time(int64_t signed_at, int64_t now)
{
	return signed_at == ATTRIB_NEVER || (signed_at >= now - ATTRIB_WEBHOOK_TOLERANCE_US &&
						    signed_at <= now + ATTRIB_WEBHOOK_TOLERANCE_US);
}

static void mac_of(const struct signature_form *form, const struct signature_claim *claim,
	struct attrib_str body, struct attrib_keys *keys, struct attrib_str key,
	uint8_t mac[ATTRIB_HMAC_BYTES])
{
	const struct attrib_str dot = {".", 1};
	const struct attrib_str pieces[] = {claim->id, dot, claim->time, dot, body};

	attrib_hmac(keys, key, pieces + form->from, 5 - form->from, mac);
}

/* All secrets are tried against all signatures, so that the time tells nothing about either. */
static bool is_signed(const struct signature_form *form, const struct signature_claim *claim,
	struct attrib_str body, struct attrib_keys *keys,
	const struct attrib_str secrets[ATTRIB_WEBHOOK_SECRETS])
{
	uint8_t room[SECRET_MAX], mac[ATTRIB_HMAC_BYTES];
	bool found = false;

	for (size_t i = 0; i < ATTRIB_WEBHOOK_SECRETS; i++) {
		struct attrib_str key = key_of(form, secrets[i], room);
		if (key.n == 0)
			continue;
		mac_of(form, claim, body, keys, key, mac);
		for (size_t k = 0; k < claim->mac_count; k++)
			found |= CRYPTO_memcmp(mac, claim->macs[k], sizeof mac) == 0;
	}
	OPENSSL_cleanse(room, sizeof room);
	OPENSSL_cleanse(mac, sizeof mac);
	return found;
}

int signature_check(const struct signature_form *form, const struct attrib_webhook *hook,
	struct attrib_keys *keys, const struct attrib_str secrets[ATTRIB_WEBHOOK_SECRETS],
	int64_t now)
{
	struct signature_claim claim = {.signed_at = ATTRIB_NEVER};
	struct attrib_str value = attrib_http_header(hook->request, attrib_str_of(form->header));

	if (!form->read(hook, value, &claim) || !is_in_time(claim.signed_at, now) ||
		!is_signed(form, &claim, hook->body, keys, secrets))
		return ATTRIB_E_UNAUTHORIZED;
	return 0;
}

void signature_make(const struct signature_form *form, struct attrib_keys *keys,
	const struct attrib_str secrets[ATTRIB_WEBHOOK_SECRETS], struct attrib_str id,
	struct attrib_str body, int64_t now, struct attrib_buf *out)
{
	struct signature_claim claim = {.id = id};
	uint8_t room[SECRET_MAX];
	char time[24];

	snprintf(time, sizeof time, "%lld", (long long)(now / ATTRIB_US_PER_S));
	claim.time = attrib_str_of(time);
	for (size_t i = 0; i < ATTRIB_WEBHOOK_SECRETS; i++) {
		struct attrib_str key = key_of(form, secrets[i], room);
		if (key.n)
			mac_of(form, &claim, body, keys, key, claim.macs[claim.mac_count++]);
	}
	attrib_buf_printf(out, "%s: ", form->header);
	form->write(&claim, out);
	OPENSSL_cleanse(room, sizeof room);
}
