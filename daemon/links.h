/*
 * Links that are handed out, as far as the configuration has a say in them.
 */
#ifndef ATTRIBD_LINKS_H
#define ATTRIBD_LINKS_H

#include "attrib/tools.h"
#include "config.h"

/* Appends what attrib_link_adder.sites wants; site: of items that name none, NULL = they must. */
void attribd_links_put_sites(const struct attribd_config *config,
	const struct attribd_site_config *site, struct attrib_buf *out);
/* The address of a link. Its site may have left the configuration, or lost what its addresses begin
 * with: then empty. ATTRIB_E_NOMEM. */
int attribd_links_url(const struct attribd_config *config, struct attrib_arena *arena,
	const struct attrib_link *link, struct attrib_str *out) ATTRIB_MUST_CHECK;

#endif
