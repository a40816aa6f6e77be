/*
 * The bytes of a segment. All integers are little endian.
 *
 * A segment begins with a head of 4096 bytes that holds the same 128 bytes twice, at 0 and at 2048:
 * without the seed no record of the segment can be verified, so one bad sector must not take it.
 *
 *      0  magic "attribJ\n"
 *      8  u32 format version, u32 bytes of the head (4096: where the first record stands)
 *     16  lane id (16), instance id (16)
 *     48  u64 base, u64 first number, u64 record seed, i64 created_at
 *     80  zeros
 *    120  u64 XXH3-64 of the 120 bytes before, seed 0
 *
 * Then records, each at an offset that is a multiple of 8:
 *
 *      0  u64 checksum
 *      8  u32 length of the payload (1 .. ATTRIB_RECORD_MAX); bit 31: first record of a commit
 *     12  u32 low half of the record's number
 *     16  payload, then zeros up to a multiple of 8
 *
 * The checksum is XXH3-64 over everything between itself and the padding, seeded by the segment's
 * seed, the full number and the offset: a copy of a record at another place does not verify. The
 * numbers of a segment are consecutive; the half that is stored tells how many are missing behind a
 * damaged stretch. A commit never spans two segments.
 */
#ifndef JOURNAL_FORMAT_H
#define JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stdint.h>
#include "attrib/id.h"
#include "attrib/journal.h"

#define JOURNAL_VERSION      1u
#define JOURNAL_HEAD         4096u
#define JOURNAL_HEAD_BYTES   128u
#define JOURNAL_HEAD_COPY    2048u
#define JOURNAL_RECORD_HEAD  16u
#define JOURNAL_RECORD_MIN   24u /* the smallest record with its padding */
#define JOURNAL_RECORD_LIMIT (JOURNAL_RECORD_HEAD + ATTRIB_RECORD_MAX)

struct journal_head {
	struct attrib_id lane, instance;
	uint64_t base, first, seed;
	int64_t created_at;
};

void journal_head_encode(const struct journal_head *head, uint8_t out[JOURNAL_HEAD]);
/* From the first n bytes of a file. ATTRIB_E_VERSION: a newer format; ATTRIB_E_CORRUPT: neither
 * copy is whole. */
int journal_head_decode(const uint8_t *p, size_t n, struct journal_head *out) ATTRIB_MUST_CHECK;
/* Where a copy of the head stands that is damaged while the other one is whole; UINT64_MAX: both are
 * whole or none is. */
uint64_t journal_head_damaged(const uint8_t *p, size_t n);
/* The highest format version that a copy claims; 0 = none. */
uint32_t journal_head_version(const uint8_t *p, size_t n);

/* Bytes of a record with its head and padding. */
static inline size_t journal_record_size(size_t payload)
{
	return (JOURNAL_RECORD_HEAD + payload + 7) & ~(size_t)7;
}

/* Writes a record without its checksum, which depends on the place that the commit will find. */
void journal_record_put(uint8_t *p, struct attrib_str payload, uint64_t number);
/* Adds the checksum of a record that will stand at offset `at`; returns its size. */
size_t journal_record_seal(uint8_t *p, uint64_t seed, uint64_t number, uint64_t at, bool starts);

/* What a record's head claims; nothing is known to be true before journal_record_holds. */
struct journal_claim {
	uint32_t length;
	uint32_t number;
	bool starts; /* first record of its commit */
};
/* False when the length is impossible. p has JOURNAL_RECORD_HEAD bytes. */
bool journal_record_claim(const uint8_t *p, struct journal_claim *out);
/* True when the checksum fits; p has journal_record_size(length) bytes. */
bool journal_record_holds(
	const uint8_t *p, uint32_t length, uint64_t seed, uint64_t number, uint64_t at);

/* "<lane id>-<first number>.seg"; the suffix is ".new" until the head is durable. */
#define JOURNAL_NAME 64
void journal_name_format(
	char out[JOURNAL_NAME], const struct attrib_id *lane, uint64_t first, const char *suffix);
/* A sentence about a segment that only a newer program can read. */
void journal_newer_text(const char *name, uint32_t version, char *out, size_t size);
/* False when the name is none of a segment. */
bool journal_name_parse(const char *name, struct attrib_id *lane, uint64_t *first);

#endif
