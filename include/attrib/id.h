/*
 * Ids of 128 bits. Whatever a client can choose (event ids, visitor ids, e-mails, click ids) becomes
 * such an id at the edge, by a keyed function whose key is the installation's secret. From there on
 * 16 bytes are stored and compared in full: nobody outside can aim at a collision, no e-mail reaches
 * the disk, and one customer costs 16 bytes.
 */
#ifndef ATTRIB_ID_H
#define ATTRIB_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "attrib/error.h"
#include "attrib/str.h"

struct attrib_id {
	uint8_t b[16]; /* all zero = none */
};

static inline bool attrib_id_none(const struct attrib_id *id)
{
	static const struct attrib_id zero;
	return memcmp(id, &zero, sizeof zero) == 0;
}
static inline int attrib_id_cmp(const struct attrib_id *a, const struct attrib_id *b)
{
	return memcmp(a->b, b->b, sizeof a->b);
}
static inline bool attrib_id_eq(const struct attrib_id *a, const struct attrib_id *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* The installation's secret: three independent keys. 96 random bytes in secret_file. */
#define ATTRIB_SECRET_BYTES 96
struct attrib_keys; /* one per thread: holds contexts that are not shared */
struct attrib_keys *attrib_keys_new(const uint8_t secret[ATTRIB_SECRET_BYTES]); /* or NULL */
void attrib_keys_free(struct attrib_keys *keys);

/* What an id names; part of what is hashed, so equal texts of two domains differ. */
enum attrib_id_domain {
	ATTRIB_ID_EVENT = 1,  /* event ids of signed sources */
	ATTRIB_ID_EVENT_OPEN, /* event ids of strangers: theirs never suppress a signed one */
	ATTRIB_ID_VISITOR,
	ATTRIB_ID_CLICK,
	ATTRIB_ID_ORDER,    /* order or lead id */
	ATTRIB_ID_ALIAS,    /* "<alias kind>=<value>" of an alias that is no order id */
	ATTRIB_ID_EMAIL,    /* normalised e-mail; HMAC-SHA-256 cut to 128 bits */
	ATTRIB_ID_PHONE,    /* likewise */
	ATTRIB_ID_CUSTOMER, /* the shop's own customer id; likewise */
	ATTRIB_ID_CONTENT,  /* a digest of a fact's content */
	ATTRIB_ID_UNIQUE,   /* (day, tracker, visitor): counts unique clicks */
	ATTRIB_ID_SKETCH,   /* a visitor in sketches */
};

/* The id of `value` within site and domain (SipHash-2-4-128, or HMAC where the table says so).
 * Never all zero. Deterministic per secret. Aborts the process when memory is out. */
struct attrib_id attrib_id_of(struct attrib_keys *keys, enum attrib_id_domain domain,
	struct attrib_str site, struct attrib_str value);

/* An id made of ids that are keyed already, by XXH3-128 with the installation's seed: nobody outside
 * knows those bytes, so nobody can aim at a collision. Never all zero. */
struct attrib_id attrib_id_derive(
	const struct attrib_keys *keys, enum attrib_id_domain domain, const void *p, size_t n);

/* 16-byte MAC of a visitor cookie's id, by the cookie key (HMAC-SHA-256 cut to 128 bits). */
struct attrib_id attrib_cookie_mac(struct attrib_keys *keys, struct attrib_str text);
/* HMAC-SHA-256 by somebody else's key (never empty) over pieces that stand behind each other. */
#define ATTRIB_HMAC_BYTES 32
void attrib_hmac(struct attrib_keys *keys, struct attrib_str key, const struct attrib_str *pieces,
	size_t n, uint8_t out[ATTRIB_HMAC_BYTES]);
/* Seed for hash tables (secret per installation). */
uint64_t attrib_keys_hash_seed(const struct attrib_keys *keys);
/* SHA-256 over the secret under a fixed label: names the secret without revealing it. */
void attrib_keys_fingerprint(const struct attrib_keys *keys, uint8_t out[32]);

/* Random bytes of the operating system's generator; aborts the process if that fails. */
void attrib_random(void *out, size_t n);

/* Unkeyed XXH3-64 with a seed, for hash tables over ids that are already keyed. */
uint64_t attrib_hash64(const void *p, size_t n, uint64_t seed);

/* Text forms. base64url without padding: 22 characters for an id. Decoding is strict: exactly n
 * bytes, one spelling (hex: either case); ATTRIB_E_INVALID. */
size_t attrib_base64url(const void *p, size_t n, char *out); /* no NUL; returns the length */
int attrib_base64url_decode(struct attrib_str s, void *out, size_t n) ATTRIB_MUST_CHECK;
/* base64 with its padding, of 1 to max bytes: returns how many. */
int attrib_base64_decode(struct attrib_str s, void *out, size_t max) ATTRIB_MUST_CHECK;
void attrib_hex(const void *p, size_t n, char *out); /* 2n bytes, no NUL */
static inline int attrib_hex_digit(char c)           /* 0..15, or -1 */
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
int attrib_hex_decode(struct attrib_str s, void *out, size_t n) ATTRIB_MUST_CHECK;

#endif
