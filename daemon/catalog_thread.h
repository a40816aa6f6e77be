/*
 * The catalog thread: listens for changes in PostgreSQL, loads the rows, puts the sites of the
 * configuration to them and publishes the result. A copy of the rows lies in <state_dir>, so that a
 * start without PostgreSQL redirects and accepts as before.
 *
 * A reload of the configuration goes through it as well: a new configuration and a catalog that knows
 * its sites become visible in one step.
 */
#ifndef ATTRIBD_CATALOG_THREAD_H
#define ATTRIBD_CATALOG_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include "attrib/buf.h"
#include "attrib/sink.h"
#include "bell.h"
#include "config.h"
#include "progress.h"
#include "snapshot.h"

/* A site of the configuration as it is told to PostgreSQL. */
struct attrib_site_row attribd_site_row(const struct attribd_site_config *site);

struct attribd_catalog_thread {
	pthread_t thread;
	bool started;
	struct attribd_bell bell;    /* a new configuration, or stop */
	struct attribd_bell *engine; /* borrowed; rung when a snapshot was published */
	struct attribd_bell
		*owner; /* borrowed; rung when the first attempt is over, and by `fatal` */
	struct attribd_snapshots *snapshots;
	struct attribd_progress *progress;
	char path[4096]; /* of the cache */
	/* whose state decides the sites; a shared one once it is known */
	struct attrib_owner sites;

	atomic_bool stop;
	atomic_bool tried; /* the first load has worked or failed */
	/* a site is another one's, or has other settings: the daemon has to end */
	_Atomic int fatal;
	_Atomic(struct attribd_config *) pending; /* owned until published */

	/* own thread (and the caller before it starts) */
	struct attribd_snapshot *snapshot;
	struct attrib_postgres_watch *watch; /* owned; NULL while PostgreSQL is away */
	bool stale;                          /* rows or sites have to be loaded */
	bool told;                           /* this outage was logged */
	uint64_t overruled; /* sites that others have newer settings of, as was logged */
	int64_t retry_us;
};

/* Publishes the first snapshot: the configuration (taken over on success) and the cached rows, or
 * none. Signals and PostgreSQL are not touched yet. */
int attribd_catalog_init(struct attribd_catalog_thread *catalog,
	struct attribd_snapshots *snapshots, struct attribd_progress *progress,
	struct attribd_config *config, const struct attrib_owner *sites,
	struct attribd_bell *engine, struct attribd_bell *owner) ATTRIB_MUST_CHECK;
int attribd_catalog_start(struct attribd_catalog_thread *catalog) ATTRIB_MUST_CHECK;
/* Main thread: takes the configuration over and publishes it soon, with PostgreSQL or without. */
void attribd_catalog_reconfigure(
	struct attribd_catalog_thread *catalog, struct attribd_config *config);
void attribd_catalog_stop(struct attribd_catalog_thread *catalog);
void attribd_catalog_join(struct attribd_catalog_thread *catalog);
void attribd_catalog_done(struct attribd_catalog_thread *catalog);

#endif
