/*
 * Click floods: how often one address has clicked on one link within a minute. All workers share one
 * table of a fixed size; it is told the time, and keeps no address, only keyed hashes.
 *
 * The minute of an address and a link begins with their first click; the first click after its end
 * begins another one. So a click is only flagged when more than `most` arrived within a minute, and a
 * flood that straddles two minutes may bring up to twice as many unseen.
 *
 * A place is one word of eight in a cache line, so a click touches one line, without a lock. Where
 * eight younger pairs are in the line already, the oldest is forgotten and begins anew: not flagged.
 * Two pairs are taken for one only when 41 bits of their hashes agree: with the table full of others
 * that happens to one pair in some thirty million, and it takes more than `most` clicks of both.
 */
#ifndef ATTRIBD_FLOOD_H
#define ATTRIBD_FLOOD_H

#include <stdbool.h>
#include <stdint.h>
#include "attrib/str.h"

#define ATTRIBD_FLOOD_CLICKS_MAX 4000 /* of `most`: what a place can count */

struct attribd_flood;

/* NULL: memory is out. */
struct attribd_flood *attribd_flood_new(void);
void attribd_flood_free(struct attribd_flood *flood);

/* Counts a click; true when it is one of more than `most` of its minute. Any thread. address: as in
 * struct attribd_peer, of IPv6 its first 64 bits; none (all zero) is never flagged. link: folded.
 * now: received_at, in microseconds. */
bool attribd_flood_click(struct attribd_flood *flood, const uint8_t address[16],
	struct attrib_str site, struct attrib_str link, int64_t now, int64_t most);

#endif
