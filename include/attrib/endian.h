/*
 * Numbers in files: little-endian, at any address.
 */
#ifndef ATTRIB_ENDIAN_H
#define ATTRIB_ENDIAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void attrib_put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof v);
}

static inline void attrib_put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof v);
}

static inline uint32_t attrib_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return le32toh(v);
}

static inline uint64_t attrib_get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

#endif
