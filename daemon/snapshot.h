/*
 * What a request or a group of records is judged by: one configuration and one catalog that fit
 * together. A snapshot is immutable and reference-counted; a change publishes a new one, threads look
 * at a generation number once per pass and take the new one when it differs.
 */
#ifndef ATTRIBD_SNAPSHOT_H
#define ATTRIBD_SNAPSHOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "attrib/catalog.h"
#include "config.h"

/* Where a catalog came from. */
enum attribd_catalog_origin {
	ATTRIBD_CATALOG_EMPTY, /* sites only: neither PostgreSQL nor a cache so far */
	ATTRIBD_CATALOG_CACHE, /* rows of the last start that saw PostgreSQL */
	ATTRIBD_CATALOG_POSTGRES,
};

struct attribd_shared_config; /* a configuration and its count of references */
struct attribd_snapshot {
	atomic_uint refs;
	uint64_t generation;
	uint64_t wanted; /* count of catalog changes that this one covers, see progress.h */
	const struct attribd_config *config;
	struct attrib_catalog *catalog; /* owned reference */
	enum attribd_catalog_origin origin;
	struct attribd_shared_config *shared; /* owned reference; holds config */
};

struct attribd_snapshots {
	pthread_mutex_t lock;
	struct attribd_snapshot *current; /* under lock */
	_Atomic uint64_t generation;      /* that of current; 0 = none */
};

void attribd_snapshots_init(struct attribd_snapshots *snapshots);
void attribd_snapshots_done(struct attribd_snapshots *snapshots);
/* Takes over `config` (NULL: the one in force stays) and one reference of the catalog, on failure
 * neither. ATTRIB_E_NOMEM. */
int attribd_snapshots_publish(struct attribd_snapshots *snapshots, struct attribd_config *config,
	struct attrib_catalog *catalog, enum attribd_catalog_origin origin,
	uint64_t wanted) ATTRIB_MUST_CHECK;
/* A reference of the current one, or NULL before the first. */
struct attribd_snapshot *attribd_snapshots_get(struct attribd_snapshots *snapshots);
void attribd_snapshot_unref(struct attribd_snapshot *snapshot);
/* Replaces *mine when there is a newer one; true when it did. */
bool attribd_snapshots_refresh(struct attribd_snapshots *snapshots, struct attribd_snapshot **mine);

#endif
