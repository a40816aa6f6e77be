/*
 * Whose state decides a site.
 */
#ifndef ATTRIB_SINK_PG_OWN_H
#define ATTRIB_SINK_PG_OWN_H

#include "attrib/sink.h"
#include "pg_conn.h"

/* ATTRIB_E_CONFIG with a text when the database was written with another secret. */
int pg_check_secret(PGconn *conn, const uint8_t fingerprint[32],
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* Makes the instance, or the state that it shares, the owner of a site that has none, within the caller's
 * transaction and before it locks sites. ATTRIB_E_FENCED with a text when another one is. */
int pg_own_site(PGconn *conn, const struct attrib_owner *owner, struct attrib_str site,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

#endif
