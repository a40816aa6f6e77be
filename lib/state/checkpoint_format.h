/*
 * The bytes of a checkpoint. All integers are little endian.
 *
 *      0  magic "attribC\n"
 *      8  u32 format version, u32 bytes of the head
 *     16  u64 XXH3-64 of the 16 bytes before, seed 0: these 24 bytes are the same in every version
 *     24  instance id (16)
 *     40  u64 sequence, u64 seed, i64 made_at, u64 base
 *     72  i64 newest_received_at, i64 complete_from, i64 forgotten_before
 *     96  u64 bad_payloads, u64 unknown_sites
 *    112  u32 number of lanes, u32 zero, then for each: id (16), u64 applied, u64 forgotten
 *   last  u64 XXH3-64 of the head before, seed 0
 *
 * Then blocks, one behind the other:
 *
 *      0  u64 checksum
 *      8  u32 length of the payload, u32 index of the block; bit 31: it is the last one
 *     16  payload (dump.h)
 *
 * The checksum is XXH3-64 over everything between itself and the end of the payload, seeded by the file's
 * seed and the block's offset: neither a block of another file nor one at another place verifies. The file
 * ends with 24 bytes: u64 offset of the last block, u64 checksum of that block's head, u64 XXH3-64 of these
 * two by the seed. Without them it is no checkpoint.
 *
 * What the payloads hold are the packed records of the memory backend, as they stand in memory. A change of
 * struct record, struct state_facts or struct claim is a new format version; a unit test compares the bytes.
 */
#ifndef STATE_CHECKPOINT_FORMAT_H
#define STATE_CHECKPOINT_FORMAT_H

#include "attrib/checkpoint.h"

#define CHECKPOINT_VERSION    1u
#define CHECKPOINT_START      24u /* what every version begins with */
#define CHECKPOINT_HEAD_FIXED 120u
#define CHECKPOINT_HEAD_MAX   (64u << 20)
#define CHECKPOINT_BLOCK_HEAD 16u
#define CHECKPOINT_BLOCK_MAX  0x7fffffffu
#define CHECKPOINT_TAIL       24u

/* Version and length of the head, from the first CHECKPOINT_START bytes. ATTRIB_E_CORRUPT;
 * ATTRIB_E_VERSION: *version is a newer one. */
int checkpoint_start_decode(const uint8_t *p, uint32_t *version, uint32_t *bytes) ATTRIB_MUST_CHECK;

int checkpoint_head_encode(const struct attrib_checkpoint_head *head, uint64_t seed,
	struct attrib_buf *out) ATTRIB_MUST_CHECK;
/* From all n bytes of a head. The lanes are the caller's. ATTRIB_E_CORRUPT, ATTRIB_E_NOMEM. */
int checkpoint_head_decode(const uint8_t *p, size_t n, struct attrib_checkpoint_head *out,
	uint64_t *seed) ATTRIB_MUST_CHECK;

struct checkpoint_block {
	uint32_t length, index;
	bool last;
	uint64_t checksum;
};
/* The head of a block that will stand at offset `at`, before its payload. */
void checkpoint_block_encode(uint64_t seed, uint64_t at, uint32_t index, bool last,
	const void *payload, uint32_t length, uint8_t out[CHECKPOINT_BLOCK_HEAD]);
void checkpoint_block_decode(const uint8_t *p, struct checkpoint_block *out);
/* p: the whole block, head and payload. */
bool checkpoint_block_holds(const uint8_t *p, uint64_t seed, uint64_t at);

void checkpoint_tail_encode(
	uint64_t seed, uint64_t last, const uint8_t *block, uint8_t out[CHECKPOINT_TAIL]);
/* The offset of the last block in *last, and what its checksum is. */
int checkpoint_tail_decode(
	const uint8_t *p, uint64_t seed, uint64_t *last, uint64_t *checksum) ATTRIB_MUST_CHECK;

/* "<sequence>.ckpt"; the suffix is ".ckpt.new" until it is complete. */
#define CHECKPOINT_NAME 32
void checkpoint_name_format(char out[CHECKPOINT_NAME], uint64_t sequence, const char *suffix);
/* False when the name is none of a checkpoint. */
bool checkpoint_name_parse(const char *name, uint64_t *sequence);

#endif
