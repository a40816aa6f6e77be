/*
 *   u8 255   u8 format   u8 vendor   i64 received at   12 bytes nonce
 *   u16 length and bytes: site, reason, request id   the body encrypted   16 bytes tag
 *
 * Numbers are little-endian. All that stands before the body is authenticated with it.
 */
#include "attrib/raw.h"

#include <openssl/evp.h>

#include "attrib/time.h"

#define NO_EVENT    0xff
#define FORMAT      1
#define NONCE_BYTES 12
#define TAG_BYTES   16
#define PADDING     64
#define NONCE_AT    11 /* behind the fixed numbers */

int64_t attrib_raw_day(int64_t at)
{
	return at / ATTRIB_US_PER_DAY - (at % ATTRIB_US_PER_DAY < 0);
}

/* -- writing ---------------------------------------------------------------------------------------- */

static void put_text(struct attrib_buf *out, struct attrib_str text, size_t most)
{
	size_t n = text.n < most ? text.n : most;

	attrib_buf_char(out, (char)n);
	attrib_buf_char(out, (char)(n >> 8));
	attrib_buf_put(out, text.p, n);
}

static void put_head(struct attrib_buf *out, const struct attrib_raw *raw)
{
	uint8_t nonce[NONCE_BYTES];

	attrib_random(nonce, sizeof nonce);
	attrib_buf_char(out, (char)NO_EVENT);
	attrib_buf_char(out, FORMAT);
	attrib_buf_char(out, (char)raw->vendor);
	for (int i = 0; i < 8; i++)
		attrib_buf_char(out, (char)((uint64_t)raw->received_at >> (8 * i)));
	attrib_buf_put(out, nonce, sizeof nonce);
	put_text(out, raw->site, 64);
	put_text(out, raw->reason, 1024);
	put_text(out, raw->request_id, 255);
}

/* Behind the head in `out` there is room for body and tag. */
static bool encrypt(EVP_CIPHER_CTX *ctx, const uint8_t *key, struct attrib_str body,
	const uint8_t *head, size_t head_n, uint8_t *out)
{
	int n;

	return EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, head + NONCE_AT) &&
	       EVP_EncryptUpdate(ctx, NULL, &n, head, (int)head_n) &&
	       EVP_EncryptUpdate(ctx, out, &n, (const uint8_t *)body.p, (int)body.n) &&
	       EVP_EncryptFinal_ex(ctx, out + n, &n) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + body.n);
}

int attrib_raw_seal(const struct attrib_raw *raw, const uint8_t key[ATTRIB_RAW_KEY_BYTES],
	struct attrib_buf *out)
{
	EVP_CIPHER_CTX *ctx;
	size_t start = out->n, head_n;
	bool ok;

	if (raw->body.n > ATTRIB_RAW_BODY_MAX)
		return ATTRIB_E_TOO_LARGE;
	put_head(out, raw);
	head_n = out->n - start;
	if (out->err || attrib_buf_reserve(out, raw->body.n + TAG_BYTES))
		return ATTRIB_E_NOMEM;
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx && encrypt(ctx, key, raw->body, out->p + start, head_n, out->p + out->n);
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		return ATTRIB_E_NOMEM;
	out->n += raw->body.n + TAG_BYTES;
	return 0;
}

/* -- reading ---------------------------------------------------------------------------------------- */

static bool get_text(struct attrib_str *rest, struct attrib_str *out)
{
	size_t n = rest->n < 2 ? 0 : (uint8_t)rest->p[0] | (size_t)(uint8_t)rest->p[1] << 8;

	if (rest->n < 2 || rest->n - 2 < n)
		return false;
	*out = (struct attrib_str){rest->p + 2, n};
	*rest = (struct attrib_str){rest->p + 2 + n, rest->n - 2 - n};
	return true;
}

/* *sealed: the encrypted body and its tag. */
static int read_head(struct attrib_str payload, struct attrib_raw *out, struct attrib_str *sealed)
{
	const uint8_t *p = (const uint8_t *)payload.p;
	uint64_t at = 0;

	if (payload.n < 2 || p[0] != NO_EVENT)
		return ATTRIB_E_NOT_FOUND;
	if (p[1] != FORMAT)
		return ATTRIB_E_VERSION;
	if (payload.n < NONCE_AT + NONCE_BYTES || p[2] >= ATTRIB_VENDOR_COUNT)
		return ATTRIB_E_CORRUPT;
	for (int i = 0; i < 8; i++)
		at |= (uint64_t)p[3 + i] << (8 * i);
	*out = (struct attrib_raw){.vendor = (enum attrib_vendor)p[2], .received_at = (int64_t)at};
	*sealed = (struct attrib_str){
		payload.p + NONCE_AT + NONCE_BYTES, payload.n - NONCE_AT - NONCE_BYTES};
	if (!get_text(sealed, &out->site) || !get_text(sealed, &out->reason) ||
		!get_text(sealed, &out->request_id) || sealed->n < TAG_BYTES)
		return ATTRIB_E_CORRUPT;
	return 0;
}

int attrib_raw_read(struct attrib_str payload, struct attrib_raw *out)
{
	struct attrib_str sealed;

	return read_head(payload, out, &sealed);
}

static bool decrypt(EVP_CIPHER_CTX *ctx, const uint8_t *key, struct attrib_str payload,
	struct attrib_str sealed, uint8_t *out)
{
	const uint8_t *head = (const uint8_t *)payload.p;
	size_t head_n = payload.n - sealed.n, body_n = sealed.n - TAG_BYTES;
	char tag[TAG_BYTES];
	int n;

	memcpy(tag, sealed.p + body_n, sizeof tag);
	return EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, head + NONCE_AT) &&
	       EVP_DecryptUpdate(ctx, NULL, &n, head, (int)head_n) &&
	       EVP_DecryptUpdate(ctx, out, &n, (const uint8_t *)sealed.p, (int)body_n) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, sizeof tag, tag) &&
	       EVP_DecryptFinal_ex(ctx, out + n, &n) > 0;
}

int attrib_raw_open(struct attrib_str payload, const uint8_t key[ATTRIB_RAW_KEY_BYTES],
	struct attrib_arena *arena, struct attrib_raw *out)
{
	struct attrib_str sealed;
	int err = read_head(payload, out, &sealed);
	EVP_CIPHER_CTX *ctx;
	uint8_t *body;
	bool ok;

	if (err)
		return err;
	body = attrib_arena_alloc(arena, sealed.n + PADDING);
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx && body && decrypt(ctx, key, payload, sealed, body);
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		return body ? ATTRIB_E_CORRUPT : ATTRIB_E_NOMEM;
	out->body = (struct attrib_str){(const char *)body, sealed.n - TAG_BYTES};
	return 0;
}
