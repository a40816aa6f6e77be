/* See format.h. */
#include "format.h"

#include <stdio.h>
#include <string.h>

#include "attrib/endian.h"

#define STARTS 0x80000000u

static const char magic[8] = {'a', 't', 't', 'r', 'i', 'b', 'J', '\n'};

void journal_head_encode(const struct journal_head *head, uint8_t out[JOURNAL_HEAD])
{
	memset(out, 0, JOURNAL_HEAD);
	memcpy(out, magic, sizeof magic);
	attrib_put32(out + 8, JOURNAL_VERSION);
	attrib_put32(out + 12, JOURNAL_HEAD);
	memcpy(out + 16, head->lane.b, 16);
	memcpy(out + 32, head->instance.b, 16);
	attrib_put64(out + 48, head->base);
	attrib_put64(out + 56, head->first);
	attrib_put64(out + 64, head->seed);
	attrib_put64(out + 72, (uint64_t)head->created_at);
	attrib_put64(out + 120, attrib_hash64(out, 120, 0));
	memcpy(out + JOURNAL_HEAD_COPY, out, JOURNAL_HEAD_BYTES);
}

static int decode_copy(const uint8_t *p, struct journal_head *out)
{
	if (memcmp(p, magic, sizeof magic) != 0)
		return ATTRIB_E_CORRUPT;
	if (attrib_get32(p + 8) > JOURNAL_VERSION)
		return ATTRIB_E_VERSION;
	if (attrib_get32(p + 12) != JOURNAL_HEAD ||
		attrib_get64(p + 120) != attrib_hash64(p, 120, 0))
		return ATTRIB_E_CORRUPT;
	memcpy(out->lane.b, p + 16, 16);
	memcpy(out->instance.b, p + 32, 16);
	out->base = attrib_get64(p + 48);
	out->first = attrib_get64(p + 56);
	out->seed = attrib_get64(p + 64);
	out->created_at = (int64_t)attrib_get64(p + 72);
	return 0;
}

int journal_head_decode(const uint8_t *p, size_t n, struct journal_head *out)
{
	int first = n >= JOURNAL_HEAD_BYTES ? decode_copy(p, out) : ATTRIB_E_CORRUPT, second;

	if (first == 0)
		return 0;
	second = n >= JOURNAL_HEAD_COPY + JOURNAL_HEAD_BYTES
			 ? decode_copy(p + JOURNAL_HEAD_COPY, out)
			 : ATTRIB_E_CORRUPT;
	if (second == 0)
		return 0;
	/* a newer attribd wrote the same version twice; flipped bits are no newer format */
	if (first == ATTRIB_E_VERSION && second == ATTRIB_E_VERSION &&
		attrib_get32(p + 8) == attrib_get32(p + JOURNAL_HEAD_COPY + 8))
		return ATTRIB_E_VERSION;
	return ATTRIB_E_CORRUPT;
}

uint64_t journal_head_damaged(const uint8_t *p, size_t n)
{
	struct journal_head head;

	if (n < JOURNAL_HEAD_COPY + JOURNAL_HEAD_BYTES)
		return UINT64_MAX;
	bool first = decode_copy(p, &head) == 0;
	bool second = decode_copy(p + JOURNAL_HEAD_COPY, &head) == 0;
	if (first == second)
		return UINT64_MAX;
	return first ? JOURNAL_HEAD_COPY : 0;
}

uint32_t journal_head_version(const uint8_t *p, size_t n)
{
	uint32_t highest = 0;

	for (size_t at = 0; at + JOURNAL_HEAD_BYTES <= n; at += JOURNAL_HEAD_COPY) {
		if (memcmp(p + at, magic, sizeof magic) == 0 && attrib_get32(p + at + 8) > highest)
			highest = attrib_get32(p + at + 8);
	}
	return highest;
}

void journal_record_put(uint8_t *p, struct attrib_str payload, uint64_t number)
{
	size_t end = JOURNAL_RECORD_HEAD + payload.n;

	attrib_put64(p, 0);
	attrib_put32(p + 8, (uint32_t)payload.n);
	attrib_put32(p + 12, (uint32_t)number);
	memcpy(p + JOURNAL_RECORD_HEAD, payload.p, payload.n);
	memset(p + end, 0, journal_record_size(payload.n) - end);
}

static uint64_t checksum(
	const uint8_t *p, uint32_t length, uint64_t seed, uint64_t number, uint64_t at)
{
	/* odd constants spread number and offset over the word; the secret is the seed */
	uint64_t place = number * 0x9e3779b97f4a7c15u ^ at * 0xc2b2ae3d27d4eb4fu;
	return attrib_hash64(p + 8, JOURNAL_RECORD_HEAD - 8 + length, seed ^ place);
}

size_t journal_record_seal(uint8_t *p, uint64_t seed, uint64_t number, uint64_t at, bool starts)
{
	uint32_t length = attrib_get32(p + 8) & ~STARTS;

	attrib_put32(p + 8, length | (starts ? STARTS : 0));
	attrib_put64(p, checksum(p, length, seed, number, at));
	return journal_record_size(length);
}

bool journal_record_claim(const uint8_t *p, struct journal_claim *out)
{
	uint32_t word = attrib_get32(p + 8);

	out->length = word & ~STARTS;
	out->starts = word & STARTS;
	out->number = attrib_get32(p + 12);
	return out->length > 0 && out->length <= ATTRIB_RECORD_MAX;
}

bool journal_record_holds(
	const uint8_t *p, uint32_t length, uint64_t seed, uint64_t number, uint64_t at)
{
	return attrib_get64(p) == checksum(p, length, seed, number, at);
}

void journal_name_format(
	char out[JOURNAL_NAME], const struct attrib_id *lane, uint64_t first, const char *suffix)
{
	char hex[33] = {0};

	attrib_hex(lane->b, sizeof lane->b, hex);
	snprintf(out, JOURNAL_NAME, "%s-%016llx%s", hex, (unsigned long long)first, suffix);
}

void journal_newer_text(const char *name, uint32_t version, char *out, size_t size)
{
	snprintf(out, size, "%s has format version %u, this attribd reads up to %u", name, version,
		JOURNAL_VERSION);
}

bool journal_name_parse(const char *name, struct attrib_id *lane, uint64_t *first)
{
	uint8_t number[8];

	if (strlen(name) != 32 + 1 + 16 + 4 || name[32] != '-' || strcmp(name + 49, ".seg") != 0)
		return false;
	if (attrib_hex_decode((struct attrib_str){name, 32}, lane->b, sizeof lane->b) ||
		attrib_hex_decode((struct attrib_str){name + 33, 16}, number, sizeof number))
		return false;
	*first = 0;
	for (size_t i = 0; i < sizeof number; i++)
		*first = *first << 8 | number[i];
	return true;
}
