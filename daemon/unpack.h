/*
 * Bodies that come compressed. Some clients do so by default, and what they know no better is to throw
 * away what is refused.
 */
#ifndef ATTRIBD_UNPACK_H
#define ATTRIBD_UNPACK_H

#include "attrib/arena.h"
#include "attrib/error.h"
#include "attrib/str.h"

/* One gzip member that ends where `packed` does, as it was before: at most `max` bytes, in the arena, with
 * 64 readable ones behind. Never takes more memory than that, whatever it claims to hold.
 * ATTRIB_E_INVALID: it is something else, cut off, or damaged; ATTRIB_E_TOO_LARGE, ATTRIB_E_NOMEM. */
int attribd_gunzip(struct attrib_arena *arena, struct attrib_str packed, size_t max,
	struct attrib_str *out) ATTRIB_MUST_CHECK;

#endif
