/*
 * A tracker as somebody is handed it: the address that a creator posts.
 */
#ifndef ATTRIB_LINK_H
#define ATTRIB_LINK_H

#include "attrib/arena.h"
#include "attrib/error.h"
#include "attrib/str.h"

/* Texts as the catalog has them; empty = not stated. Borrowed. */
struct attrib_link {
	struct attrib_str site;
	struct attrib_str kind; /* link, affiliate, code or utm */
	struct attrib_str key;
	struct attrib_str creator, campaign, placement;
	struct attrib_str destination;          /* absolute http(s) URL */
	struct attrib_str valid_from, valid_to; /* site's local time */
	struct attrib_str
		sub; /* rides along to the shop as the parameter `sub`; of the address alone */
};

/* The address, in the arena (or a view of what was given); empty for a code without destination.
 *   link       <public_url>/c/<key>
 *   affiliate  the destination with the affiliate id in `affiliate_param`
 *   utm        the destination with the parameters that the rule states
 *   code       the destination with the code where it says {key}
 * A parameter that is set here replaces those of its name in the destination. ATTRIB_E_INVALID: the
 * kind is none, or what it needs is missing; ATTRIB_E_NOMEM. */
int attrib_link_url(struct attrib_arena *arena, const struct attrib_link *link,
	struct attrib_str public_url, struct attrib_str affiliate_param,
	struct attrib_str *out) ATTRIB_MUST_CHECK;

#endif
