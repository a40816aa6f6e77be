/* See checkpoint_format.h. */
#include "checkpoint_format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/endian.h"

#define LAST       0x80000000u
#define LANE_BYTES 32u

static const char magic[8] = {'a', 't', 't', 'r', 'i', 'b', 'C', '\n'};

/* -- the head ------------------------------------------------------------------------------------ */

int checkpoint_start_decode(const uint8_t *p, uint32_t *version, uint32_t *bytes)
{
	if (memcmp(p, magic, sizeof magic) != 0 || attrib_get64(p + 16) != attrib_hash64(p, 16, 0))
		return ATTRIB_E_CORRUPT;
	*version = attrib_get32(p + 8);
	*bytes = attrib_get32(p + 12);
	if (*version > CHECKPOINT_VERSION)
		return ATTRIB_E_VERSION;
	if (*version == 0 || *bytes < CHECKPOINT_HEAD_FIXED + 8 || *bytes > CHECKPOINT_HEAD_MAX)
		return ATTRIB_E_CORRUPT;
	return 0;
}

int checkpoint_head_encode(
	const struct attrib_checkpoint_head *head, uint64_t seed, struct attrib_buf *out)
{
	size_t size = CHECKPOINT_HEAD_FIXED + (size_t)head->lane_count * LANE_BYTES + 8;
	uint8_t *p;

	if (size > CHECKPOINT_HEAD_MAX)
		return ATTRIB_E_TOO_LARGE;
	attrib_buf_clear(out);
	if (attrib_buf_reserve(out, size))
		return ATTRIB_E_NOMEM;
	p = out->p;
	out->n = size;
	memset(p, 0, size);
	memcpy(p, magic, sizeof magic);
	attrib_put32(p + 8, CHECKPOINT_VERSION);
	attrib_put32(p + 12, (uint32_t)size);
	attrib_put64(p + 16, attrib_hash64(p, 16, 0));
	memcpy(p + 24, head->instance.b, 16);
	attrib_put64(p + 40, head->sequence);
	attrib_put64(p + 48, seed);
	attrib_put64(p + 56, (uint64_t)head->made_at);
	attrib_put64(p + 64, head->base);
	attrib_put64(p + 72, (uint64_t)head->newest_received_at);
	attrib_put64(p + 80, (uint64_t)head->complete_from);
	attrib_put64(p + 88, (uint64_t)head->forgotten_before);
	attrib_put64(p + 96, head->bad_payloads);
	attrib_put64(p + 104, head->unknown_sites);
	attrib_put32(p + 112, head->lane_count);
	for (uint32_t i = 0; i < head->lane_count; i++) {
		uint8_t *lane = p + CHECKPOINT_HEAD_FIXED + i * LANE_BYTES;

		memcpy(lane, head->lanes[i].lane.b, 16);
		attrib_put64(lane + 16, head->lanes[i].applied);
		attrib_put64(lane + 24, head->lanes[i].forgotten);
	}
	attrib_put64(p + size - 8, attrib_hash64(p, size - 8, 0));
	return 0;
}

int checkpoint_head_decode(
	const uint8_t *p, size_t n, struct attrib_checkpoint_head *out, uint64_t *seed)
{
	struct attrib_checkpoint_head head = {0};

	if (n < CHECKPOINT_HEAD_FIXED + 8 || attrib_get64(p + n - 8) != attrib_hash64(p, n - 8, 0))
		return ATTRIB_E_CORRUPT;
	head.lane_count = attrib_get32(p + 112);
	if (n != CHECKPOINT_HEAD_FIXED + (size_t)head.lane_count * LANE_BYTES + 8)
		return ATTRIB_E_CORRUPT;
	head.lanes = calloc(head.lane_count + 1, sizeof *head.lanes);
	if (!head.lanes)
		return ATTRIB_E_NOMEM;
	memcpy(head.instance.b, p + 24, 16);
	head.sequence = attrib_get64(p + 40);
	*seed = attrib_get64(p + 48);
	head.made_at = (int64_t)attrib_get64(p + 56);
	head.base = attrib_get64(p + 64);
	head.newest_received_at = (int64_t)attrib_get64(p + 72);
	head.complete_from = (int64_t)attrib_get64(p + 80);
	head.forgotten_before = (int64_t)attrib_get64(p + 88);
	head.bad_payloads = attrib_get64(p + 96);
	head.unknown_sites = attrib_get64(p + 104);
	for (uint32_t i = 0; i < head.lane_count; i++) {
		const uint8_t *lane = p + CHECKPOINT_HEAD_FIXED + i * LANE_BYTES;

		memcpy(head.lanes[i].lane.b, lane, 16);
		head.lanes[i].applied = attrib_get64(lane + 16);
		head.lanes[i].forgotten = attrib_get64(lane + 24);
	}
	*out = head;
	return 0;
}

/* -- blocks and the end ---------------------------------------------------------------------------- */

/* In two parts, so that the payload need not lie behind its head. */
static uint64_t checksum(
	const uint8_t *head, const void *payload, size_t length, uint64_t seed, uint64_t at)
{
	uint64_t place = attrib_hash64(head + 8, 8, seed ^ at * 0x9e3779b97f4a7c15u);

	return attrib_hash64(payload, length, place);
}

void checkpoint_block_encode(uint64_t seed, uint64_t at, uint32_t index, bool last,
	const void *payload, uint32_t length, uint8_t out[CHECKPOINT_BLOCK_HEAD])
{
	attrib_put32(out + 8, length);
	attrib_put32(out + 12, index | (last ? LAST : 0));
	attrib_put64(out, checksum(out, payload, length, seed, at));
}

void checkpoint_block_decode(const uint8_t *p, struct checkpoint_block *out)
{
	*out = (struct checkpoint_block){.checksum = attrib_get64(p),
		.length = attrib_get32(p + 8),
		.index = attrib_get32(p + 12) & ~LAST,
		.last = attrib_get32(p + 12) & LAST};
}

bool checkpoint_block_holds(const uint8_t *p, uint64_t seed, uint64_t at)
{
	return attrib_get64(p) ==
	       checksum(p, p + CHECKPOINT_BLOCK_HEAD, attrib_get32(p + 8), seed, at);
}

void checkpoint_tail_encode(
	uint64_t seed, uint64_t last, const uint8_t *block, uint8_t out[CHECKPOINT_TAIL])
{
	attrib_put64(out, last);
	memcpy(out + 8, block, 8);
	attrib_put64(out + 16, attrib_hash64(out, 16, seed));
}

int checkpoint_tail_decode(const uint8_t *p, uint64_t seed, uint64_t *last, uint64_t *sum)
{
	if (attrib_get64(p + 16) != attrib_hash64(p, 16, seed))
		return ATTRIB_E_CORRUPT;
	*last = attrib_get64(p);
	*sum = attrib_get64(p + 8);
	return 0;
}

/* -- names ----------------------------------------------------------------------------------------- */

void checkpoint_name_format(char out[CHECKPOINT_NAME], uint64_t sequence, const char *suffix)
{
	snprintf(out, CHECKPOINT_NAME, "%016llx%s", (unsigned long long)sequence, suffix);
}

bool checkpoint_name_parse(const char *name, uint64_t *sequence)
{
	uint8_t number[8];

	if (strlen(name) != 16 + 5 || strcmp(name + 16, ".ckpt") != 0 ||
		attrib_hex_decode((struct attrib_str){name, 16}, number, sizeof number))
		return false;
	*sequence = 0;
	for (size_t i = 0; i < sizeof number; i++)
		*sequence = *sequence << 8 | number[i];
	return true;
}
