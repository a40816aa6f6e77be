/*
 * An authentic webhook that could not be used, as a record of the journal: what it is in clear, its body
 * encrypted (AES-256-GCM) with the key of the day on which it came. The key is destroyed after
 * ATTRIB_RAW_DAYS, and with it what the body says of anybody, wherever copies of the record lie.
 *
 * The record's first byte is a version that no event has, so readers of events pass it over.
 */
#ifndef ATTRIB_RAW_H
#define ATTRIB_RAW_H

#include "attrib/arena.h"
#include "attrib/buf.h"
#include "attrib/webhook.h"

#define ATTRIB_RAW_KEY_BYTES 32
#define ATTRIB_RAW_DAYS      30
#define ATTRIB_RAW_BODY_MAX  ((1u << 20) - 4096) /* bytes; the record has its limit, too */

struct attrib_raw {
	enum attrib_vendor vendor;
	int64_t received_at;
	struct attrib_str site, reason; /* at most 64 and 1024 bytes are kept */
	struct attrib_str request_id;   /* of Standard Webhooks; at most 255 bytes */
	struct attrib_str body;
};

/* Days since 1970, UTC: which key. */
int64_t attrib_raw_day(int64_t at);

/* Appends the record. ATTRIB_E_TOO_LARGE: the body is above its limit. ATTRIB_E_NOMEM. */
int attrib_raw_seal(const struct attrib_raw *raw, const uint8_t key[ATTRIB_RAW_KEY_BYTES],
	struct attrib_buf *out) ATTRIB_MUST_CHECK;
/* All but the body; views of the payload. ATTRIB_E_NOT_FOUND: another kind of record. ATTRIB_E_CORRUPT,
 * ATTRIB_E_VERSION. */
int attrib_raw_read(struct attrib_str payload, struct attrib_raw *out) ATTRIB_MUST_CHECK;
/* The body, too, in the arena, with 64 readable bytes behind it. ATTRIB_E_CORRUPT: another key, or
 * changed. */
int attrib_raw_open(struct attrib_str payload, const uint8_t key[ATTRIB_RAW_KEY_BYTES],
	struct attrib_arena *arena, struct attrib_raw *out) ATTRIB_MUST_CHECK;

#endif
