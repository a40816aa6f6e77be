/*
 * Keyed ids. The secret is three independent keys of 32 bytes: one for short ids and hash tables,
 * one (the pepper) for what names a person, one for cookies, so that what is learned about one says
 * nothing about the others. The hot path is SipHash through a context that is re-keyed per call.
 */
#include "attrib/id.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
/* Its functions as part of these: most texts are shorter than what a call into the library costs. */
#define XXH_INLINE_ALL
#include <xxhash.h>

struct attrib_keys {
	EVP_MAC_CTX *sip;             /* re-keyed with sip_key for every id */
	EVP_MAC_CTX *pepper, *cookie; /* HMAC-SHA-256, keyed once */
	EVP_MAC_CTX *foreign;         /* HMAC-SHA-256, re-keyed for every webhook */
	uint8_t sip_key[16];
	uint64_t hash_seed;
	uint8_t fingerprint[32];
};

static const char fingerprint_label[] = "attribd secret fingerprint, version 1";

static EVP_MAC_CTX *mac_new(
	const char *algorithm, const OSSL_PARAM *params, const uint8_t *key, size_t key_size)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, algorithm, NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac); /* the context holds its own reference */
	if (ctx && EVP_MAC_init(ctx, key, key_size, params))
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

static EVP_MAC_CTX *sip_new(const uint8_t key[16])
{
	size_t size = sizeof(struct attrib_id);
	OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end()};

	return mac_new("SIPHASH", params, key, 16);
}

static EVP_MAC_CTX *hmac_new(const uint8_t key[32])
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end()};

	return mac_new("HMAC", params, key, 32);
}

static bool fingerprint(const uint8_t secret[ATTRIB_SECRET_BYTES], uint8_t out[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
		  EVP_DigestUpdate(ctx, fingerprint_label, sizeof fingerprint_label) &&
		  EVP_DigestUpdate(ctx, secret, ATTRIB_SECRET_BYTES) &&
		  EVP_DigestFinal_ex(ctx, out, NULL);

	EVP_MD_CTX_free(ctx);
	return ok;
}

struct attrib_keys *attrib_keys_new(const uint8_t secret[ATTRIB_SECRET_BYTES])
{
	struct attrib_keys *keys = calloc(1, sizeof *keys);

	if (!keys)
		return NULL;
	memcpy(keys->sip_key, secret, sizeof keys->sip_key);
	memcpy(&keys->hash_seed, secret + 16, sizeof keys->hash_seed);
	keys->sip = sip_new(keys->sip_key);
	keys->pepper = hmac_new(secret + 32);
	keys->cookie = hmac_new(secret + 64);
	keys->foreign = hmac_new(secret + 64);
	if (keys->sip && keys->pepper && keys->cookie && keys->foreign &&
		fingerprint(secret, keys->fingerprint))
		return keys;
	attrib_keys_free(keys);
	return NULL;
}

void attrib_keys_free(struct attrib_keys *keys)
{
	if (!keys)
		return;
	EVP_MAC_CTX_free(keys->sip);
	EVP_MAC_CTX_free(keys->pepper);
	EVP_MAC_CTX_free(keys->cookie);
	EVP_MAC_CTX_free(keys->foreign);
	OPENSSL_cleanse(keys, sizeof *keys);
	free(keys);
}

/* The end of every MAC here. There is no answer to give when it fails (memory is out inside the
 * library): an id that is wrong would silently join two people. */
static struct attrib_id mac_final(EVP_MAC_CTX *ctx, bool ok)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	struct attrib_id id;
	size_t n = 0;

	if (!ok || !EVP_MAC_final(ctx, mac, &n, sizeof mac) || n < sizeof id.b)
		abort();
	memcpy(id.b, mac, sizeof id.b);
	if (attrib_id_none(&id))
		id.b[sizeof id.b - 1] = 1;
	return id;
}

static bool names_person(enum attrib_id_domain domain)
{
	switch (domain) {
	case ATTRIB_ID_EMAIL:
	case ATTRIB_ID_PHONE:
	case ATTRIB_ID_CUSTOMER:
		return true;
	case ATTRIB_ID_EVENT:
	case ATTRIB_ID_EVENT_OPEN:
	case ATTRIB_ID_VISITOR:
	case ATTRIB_ID_CLICK:
	case ATTRIB_ID_ORDER:
	case ATTRIB_ID_ALIAS:
	case ATTRIB_ID_CONTENT:
	case ATTRIB_ID_UNIQUE:
	case ATTRIB_ID_SKETCH:
		return false;
	}
	return false;
}

/* What is hashed: domain, the length of site (4 bytes, little endian), site, value. With the length
 * in front no two pairs of site and value give the same bytes. */
struct attrib_id attrib_id_of(struct attrib_keys *keys, enum attrib_id_domain domain,
	struct attrib_str site, struct attrib_str value)
{
	const uint8_t head[5] = {(uint8_t)domain, (uint8_t)site.n, (uint8_t)(site.n >> 8),
		(uint8_t)(site.n >> 16), (uint8_t)(site.n >> 24)};
	bool person = names_person(domain);
	EVP_MAC_CTX *ctx = person ? keys->pepper : keys->sip;
	bool ok;

	ok = person ? EVP_MAC_init(ctx, NULL, 0, NULL)
		    : EVP_MAC_init(ctx, keys->sip_key, sizeof keys->sip_key, NULL);
	ok = ok && EVP_MAC_update(ctx, head, sizeof head);
	ok = ok && (site.n == 0 || EVP_MAC_update(ctx, (const uint8_t *)site.p, site.n));
	ok = ok && (value.n == 0 || EVP_MAC_update(ctx, (const uint8_t *)value.p, value.n));
	return mac_final(ctx, ok);
}

struct attrib_id attrib_id_derive(
	const struct attrib_keys *keys, enum attrib_id_domain domain, const void *p, size_t n)
{
	XXH128_hash_t hash = XXH3_128bits_withSeed(p, n, keys->hash_seed + domain);
	struct attrib_id id;

	memcpy(id.b, &hash, sizeof id.b);
	if (attrib_id_none(&id))
		id.b[sizeof id.b - 1] = 1;
	return id;
}

struct attrib_id attrib_cookie_mac(struct attrib_keys *keys, struct attrib_str text)
{
	bool ok = EVP_MAC_init(keys->cookie, NULL, 0, NULL) &&
		  (text.n == 0 || EVP_MAC_update(keys->cookie, (const uint8_t *)text.p, text.n));

	return mac_final(keys->cookie, ok);
}

void attrib_hmac(struct attrib_keys *keys, struct attrib_str key, const struct attrib_str *pieces,
	size_t n, uint8_t out[ATTRIB_HMAC_BYTES])
{
	bool ok = EVP_MAC_init(keys->foreign, (const uint8_t *)key.p, key.n, NULL);
	size_t size = 0;

	for (size_t i = 0; ok && i < n; i++)
		ok = pieces[i].n == 0 ||
		     EVP_MAC_update(keys->foreign, (const uint8_t *)pieces[i].p, pieces[i].n);
	if (!ok || !EVP_MAC_final(keys->foreign, out, &size, ATTRIB_HMAC_BYTES))
		abort();
}

uint64_t attrib_keys_hash_seed(const struct attrib_keys *keys)
{
	return keys->hash_seed;
}

void attrib_keys_fingerprint(const struct attrib_keys *keys, uint8_t out[32])
{
	memcpy(out, keys->fingerprint, sizeof keys->fingerprint);
}

void attrib_random(void *out, size_t n)
{
	uint8_t *p = out;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		p += got;
		n -= (size_t)got;
	}
}

uint64_t attrib_hash64(const void *p, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(p, n, seed);
}
