/*
 * The state that instances share: which one `state` leads to, before anything is decided with it.
 */
#ifndef ATTRIBD_SHARED_H
#define ATTRIBD_SHARED_H

#include <stdbool.h>
#include "attrib/sink.h"
#include "config.h"

/* Fills in owner->state: what lies there; else what this state_dir was last on (the server has lost all, or does not
 * answer); else, when no shared state decides any of the sites yet, a new one, which is put there. Nothing is
 * done for a state in memory. ATTRIB_E_UNAVAILABLE: it can't be told now; ATTRIB_E_FENCED: it can't be used, or is
 * empty and nobody here knows whether it is the right one: others had 5 seconds to put back which one it is.
 * Whoever takes the sites over (`take`) takes an empty one, too. */
int attribd_shared_find(const struct attribd_config *config, bool take, struct attrib_owner *owner,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* The sites are decided by it: the state_dir remembers that. ATTRIB_E_IO. */
int attribd_shared_keep(
	const struct attribd_config *config, const struct attrib_owner *owner) ATTRIB_MUST_CHECK;

#endif
