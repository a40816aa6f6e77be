/*
 * SipHash-2-4 with 128 bits of output (Aumasson and Bernstein), private to this room. Every accepted
 * event needs three of these over a few dozen bytes; through a library's general MAC interface the
 * setup of one costs several times the hash itself.
 */
#ifndef ATTRIB_BASE_SIPHASH_H
#define ATTRIB_BASE_SIPHASH_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct siphash {
	uint64_t v[4];
	uint64_t tail; /* bytes that do not fill a word yet, from the lowest one up */
	size_t n;      /* bytes in all */
};

static inline uint64_t siphash_rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static inline void siphash_rounds(uint64_t v[4], int rounds)
{
	uint64_t a = v[0], b = v[1], c = v[2], d = v[3];

	for (int i = 0; i < rounds; i++) {
		a += b;
		c += d;
		b = siphash_rotate(b, 13) ^ a;
		d = siphash_rotate(d, 16) ^ c;
		a = siphash_rotate(a, 32) + d;
		c += b;
		d = siphash_rotate(d, 21) ^ a;
		b = siphash_rotate(b, 17) ^ c;
		c = siphash_rotate(c, 32);
	}
	v[0] = a, v[1] = b, v[2] = c, v[3] = d;
}

static inline void siphash_word(struct siphash *sip, uint64_t word)
{
	sip->v[3] ^= word;
	siphash_rounds(sip->v, 2);
	sip->v[0] ^= word;
}

static inline uint64_t siphash_load(const void *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return le64toh(word);
}

static inline void siphash_init(struct siphash *sip, const uint8_t key[16])
{
	uint64_t k0 = siphash_load(key), k1 = siphash_load(key + 8);

	*sip = (struct siphash){.v = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du ^ 0xee,
					k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u}};
}

/* Up to seven bytes, from the lowest one up. */
static inline uint64_t siphash_rest(const uint8_t *p, size_t n)
{
	uint64_t rest = 0;

	while (n > 0)
		rest = rest << 8 | p[--n];
	return rest;
}

static inline void siphash_update(struct siphash *sip, const void *bytes, size_t n)
{
	struct siphash s = *sip; /* stays in registers */
	const uint8_t *p = bytes;
	size_t have = s.n % 8, left = n;
	uint64_t rest;

	for (; left >= 8; p += 8, left -= 8) {
		uint64_t word = siphash_load(p);
		siphash_word(&s, s.tail | word << 8 * have);
		s.tail = have ? word >> (64 - 8 * have) : 0;
	}
	rest = siphash_rest(p, left);
	s.tail |= rest << 8 * have;
	if (have + left >= 8) {
		siphash_word(&s, s.tail);
		s.tail = have ? rest >> (64 - 8 * have) : 0;
	}
	s.n += n;
	*sip = s;
}

static inline void siphash_final(struct siphash *sip, uint8_t out[16])
{
	uint64_t halves[2];

	siphash_word(sip, sip->tail | (uint64_t)sip->n << 56);
	for (int i = 0; i < 2; i++) {
		sip->v[i ? 1 : 2] ^= i ? 0xdd : 0xee;
		siphash_rounds(sip->v, 4);
		halves[i] = htole64(sip->v[0] ^ sip->v[1] ^ sip->v[2] ^ sip->v[3]);
	}
	memcpy(out, halves, sizeof halves);
}

#endif
