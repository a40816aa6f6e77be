/*
 * Whose memory decides a site.
 */
#ifndef ATTRIB_SINK_PG_OWN_H
#define ATTRIB_SINK_PG_OWN_H

#include "pg_conn.h"

/* Makes the instance the owner of a site that has none, within the caller's transaction and before it
 * locks sites. ATTRIB_E_FENCED with a text when another instance is. */
int pg_own_site(PGconn *conn, const struct attrib_id *instance, struct attrib_str site,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

#endif
