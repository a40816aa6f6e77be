/*
 * The history of a site's settings: what PostgreSQL has recorded, or the copy of it on disk, back into
 * what the catalog holds. Settings become a version when PostgreSQL has recorded them; until then a
 * site is decided by those that it has recorded, or, where there are none, by its configuration.
 */
#ifndef ATTRIBD_SITE_HISTORY_H
#define ATTRIBD_SITE_HISTORY_H

#include "attrib/sink.h"
#include "config.h"

struct attribd_history {
	struct attrib_site *newest, *oldest; /* in the arena of the call; NULL = nothing yet */
};

/* Adds the version before those that were added; all that no version states is as in `now`. A setting
 * that can't be read any more takes its default, and the log hears of it. ATTRIB_E_NOMEM. */
int attribd_history_add(struct attribd_history *history, const struct attrib_site *now,
	const struct attrib_site_version *version, struct attrib_arena *arena) ATTRIB_MUST_CHECK;

#endif
