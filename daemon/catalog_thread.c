/*
 * Building catalogs: which sites there are comes from the configuration, the history of their settings
 * from PostgreSQL or the cache, the rows likewise.
 */
#include "catalog_thread.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog_cache.h"
#include "clock.h"
#include "site_history.h"
#include "log.h"
#include "metrics.h"
#include "shared.h"

#define RETRY_FIRST_US 250000
#define RETRY_MAX_US   10000000
#define ARENA_BLOCK    16384
#define SETTLE_US      20000 /* an import sends several notifications: one load for all */

/* -- building ----------------------------------------------------------------------------------- */

/* The configuration is immutable, the history is found out later: a copy of its sites. Behind
 * them the sites that a reload took away: what was acknowledged for them may still be on its way to
 * the engine, which asks the catalog. They go with the next start. */
static struct attrib_site *copy_sites(
	const struct attribd_config *config, const struct attrib_catalog *known, size_t *n)
{
	const struct attrib_site *older = NULL;
	size_t older_n = known ? attrib_catalog_sites(known, &older) : 0;
	struct attrib_site *sites = calloc(config->site_count + older_n + 1, sizeof *sites);

	*n = config->site_count;
	for (size_t i = 0; sites && i < config->site_count; i++)
		sites[i] = config->sites[i].site;
	for (size_t i = 0; sites && i < older_n; i++) {
		if (!attribd_config_site(config, older[i].name))
			sites[(*n)++] = older[i];
	}
	return sites;
}

static int build(struct attrib_catalog_builder *builder, const struct attrib_site *sites, size_t n,
	uint64_t version, struct attrib_catalog **out)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = attrib_catalog_add_site(builder, &sites[i]);
	if (err) {
		attrib_catalog_builder_free(builder);
		return err;
	}
	return attrib_catalog_build(builder, version, out);
}

/* Rows as bytes (empty = none) and sites to a catalog. */
static int build_from_rows(struct attrib_str rows, const struct attrib_site *sites, size_t n,
	struct attrib_catalog **out)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	uint64_t version = 0;
	int err = builder ? 0 : ATTRIB_E_NOMEM;

	if (!err && rows.n)
		err = attrib_catalog_decode(rows, builder, &version);
	if (err) {
		if (builder)
			attrib_catalog_builder_free(builder);
		return err;
	}
	return build(builder, sites, n, version, out);
}

static int build_first(struct attribd_catalog_thread *catalog, const struct attribd_config *config,
	struct attrib_catalog **out, enum attribd_catalog_origin *origin)
{
	size_t n;
	struct attrib_site *sites = copy_sites(config, NULL, &n);
	struct attrib_str rows = ATTRIB_STR_NONE;
	struct attrib_arena arena;
	struct attrib_buf file;
	int err;

	if (!sites)
		return ATTRIB_E_NOMEM;
	attrib_buf_init(&file);
	attrib_arena_init(&arena, ARENA_BLOCK);
	err = attribd_catalog_cache_read(catalog->path, config, sites, &arena, &file, &rows);
	if (!err)
		err = build_from_rows(rows, sites, n, out);
	*origin = err ? ATTRIBD_CATALOG_EMPTY : ATTRIBD_CATALOG_CACHE;
	if (err && err != ATTRIB_E_NOT_FOUND)
		attribd_log(ATTRIBD_LOG_WARNING, "%s: %s; waiting for PostgreSQL instead",
			catalog->path, attrib_error_text(err));
	if (err)
		err = build_from_rows(ATTRIB_STR_NONE, sites, n, out);
	attrib_arena_done(&arena);
	attrib_buf_done(&file);
	free(sites);
	return err;
}

/* -- publishing --------------------------------------------------------------------------------- */

static int publish(struct attribd_catalog_thread *catalog, struct attribd_config *config,
	struct attrib_catalog *built, enum attribd_catalog_origin origin, uint64_t wanted)
{
	int err = attribd_snapshots_publish(catalog->snapshots, config, built, origin, wanted);

	if (err) {
		attrib_catalog_unref(built);
		return err;
	}
	attribd_snapshots_refresh(catalog->snapshots, &catalog->snapshot);
	attribd_metric_set(ATTRIBD_METRIC_CATALOG_VERSION, (int64_t)attrib_catalog_version(built));
	attribd_bell_ring(catalog->engine);
	return 0;
}

/* -- with PostgreSQL ---------------------------------------------------------------------------- */

/* What PostgreSQL has recorded of a site instead of what its configuration says: the newest version
 * says the same. */
static int take_history(
	const struct attrib_site_row *row, struct attrib_arena *arena, struct attrib_site *site)
{
	struct attribd_history history = {0};
	int err = 0;

	for (size_t i = 0; i < row->version_count && !err; i++)
		err = attribd_history_add(&history, row->site, &row->versions[i], arena);
	if (!err && history.newest)
		*site = *history.newest;
	return err;
}

struct attrib_site_row attribd_site_row(const struct attribd_site_config *site)
{
	return (struct attrib_site_row){.site = &site->site,
		.customer_history = site->customer_history,
		.cost_spread = site->cost_spread,
		.policy_json = site->policy_json,
		.forward_events = site->forward.url.n ? site->forward.events : ATTRIB_STR_NONE,
		.forward_since = attribd_clock_now()};
}

/* Once; again when it is another site's turn. */
static void tell_overruled(
	struct attribd_catalog_thread *catalog, const struct attrib_site_row *rows, size_t n)
{
	uint64_t overruled = 0;

	for (size_t i = 0; i < n; i++)
		overruled |= (uint64_t)rows[i].overruled << (i & 63);
	for (size_t i = 0; i < n && overruled != catalog->overruled; i++)
		if (rows[i].overruled)
			attribd_log(ATTRIBD_LOG_WARNING,
				"site %.*s: other instances have newer settings than this "
				"configuration: theirs stand (version %u), until it is changed",
				(int)rows[i].site->name.n, rows[i].site->name.p,
				rows[i].version_count ? rows[i].versions[0].version : 0);
	catalog->overruled = overruled;
}

static int put_sites(struct attribd_catalog_thread *catalog, const struct attribd_config *config,
	struct attrib_site *sites, struct attrib_arena *arena, struct attrib_sink_error *error)
{
	struct attrib_site_row *rows = attrib_arena_alloc(arena, config->site_count * sizeof *rows);
	int err;

	if (!rows)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < config->site_count; i++)
		rows[i] = attribd_site_row(&config->sites[i]);
	err = attrib_postgres_put_sites(
		config->postgres, rows, config->site_count, &catalog->sites, arena, error);
	for (size_t i = 0; i < config->site_count && !err; i++)
		err = take_history(&rows[i], arena, &sites[i]);
	if (!err)
		tell_overruled(catalog, rows, config->site_count);
	return err;
}

static int load_rows(const struct attribd_config *config, struct attrib_site *sites, size_t n,
	struct attrib_catalog **out, struct attrib_sink_error *error)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	uint64_t version;
	int err = builder ? 0 : ATTRIB_E_NOMEM;

	if (!err)
		err = attrib_postgres_load_catalog(config->postgres, builder, &version, error);
	if (err) {
		if (builder)
			attrib_catalog_builder_free(builder);
		return err;
	}
	return build(builder, sites, n, version, out);
}

/* What was known of these sites before stands until PostgreSQL says something else. */
static void keep_history(const struct attrib_catalog *catalog, struct attrib_site *sites, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct attrib_site *known = attrib_catalog_site(catalog, sites[i].name);
		if (known)
			sites[i] = *known;
	}
}

static int load(struct attribd_catalog_thread *catalog, struct attribd_config *pending, bool put,
	struct attrib_sink_error *error)
{
	const struct attribd_config *config = pending ? pending : catalog->snapshot->config;
	uint64_t wanted = atomic_load(&catalog->progress->catalog_wanted);
	size_t n;
	struct attrib_site *sites = copy_sites(config, catalog->snapshot->catalog, &n);
	struct attrib_catalog *built;
	struct attrib_arena arena;
	int err = sites ? 0 : ATTRIB_E_NOMEM;

	attrib_arena_init(&arena, ARENA_BLOCK);
	if (!err && put)
		err = put_sites(catalog, config, sites, &arena, error);
	else if (!err)
		keep_history(catalog->snapshot->catalog, sites, n);
	if (!err && put)
		err = attribd_shared_keep(config, &catalog->sites);
	if (!err)
		err = load_rows(config, sites, n, &built, error);
	attrib_arena_done(&arena);
	free(sites);
	if (!err)
		err = publish(catalog, pending, built, ATTRIBD_CATALOG_POSTGRES, wanted);
	if (err)
		return err;
	attribd_metric_add(ATTRIBD_METRIC_CATALOG_RELOADS, 1);
	if (attribd_catalog_cache_write(catalog->path, config, built))
		attribd_log(ATTRIBD_LOG_WARNING,
			"%s: %s; a start without PostgreSQL would use an older catalog",
			catalog->path, strerror(errno));
	return 0;
}

/* Without PostgreSQL a new configuration goes with the rows and the histories that are known: changed
 * settings decide from when they are recorded. */
static int load_offline(struct attribd_catalog_thread *catalog, struct attribd_config *pending)
{
	size_t n;
	struct attrib_site *sites = copy_sites(pending, catalog->snapshot->catalog, &n);
	struct attrib_buf rows;
	struct attrib_catalog *built;
	int err = sites ? 0 : ATTRIB_E_NOMEM;

	attrib_buf_init(&rows);
	if (!err) {
		keep_history(catalog->snapshot->catalog, sites, n);
		attrib_catalog_encode(catalog->snapshot->catalog, &rows);
		err = rows.err;
	}
	if (!err)
		err = build_from_rows(attrib_buf_view(&rows), sites, n, &built);
	if (!err)
		err = publish(catalog, pending, built, catalog->snapshot->origin,
			atomic_load(&catalog->progress->catalog_wanted));
	attrib_buf_done(&rows);
	free(sites);
	return err;
}

/* -- the loop ----------------------------------------------------------------------------------- */

static void away(
	struct attribd_catalog_thread *catalog, int err, const struct attrib_sink_error *error)
{
	if (!catalog->told)
		attribd_log(ATTRIBD_LOG_WARNING, "catalog: %s; trying again until it works",
			error->text[0] ? error->text : attrib_error_text(err));
	catalog->told = true;
	attrib_postgres_watch_free(catalog->watch);
	catalog->watch = NULL;
	catalog->retry_us = catalog->retry_us ? 2 * catalog->retry_us : RETRY_FIRST_US;
	if (catalog->retry_us > RETRY_MAX_US)
		catalog->retry_us = RETRY_MAX_US;
}

/* Listens first and loads second: a change between the two is not missed. */
static int listen_and_load(struct attribd_catalog_thread *catalog, struct attribd_config *pending,
	struct attrib_sink_error *error)
{
	const struct attribd_config *config = catalog->snapshot->config;
	bool put = pending || !catalog->watch || attribd_config_shares_state(config);
	int err = 0;

	if (!catalog->watch) {
		err = attrib_postgres_watch_new(config->postgres,
			(int)(config->flush_timeout_us / 1000), &catalog->watch, error);
		if (err)
			catalog->watch = NULL;
	}
	if (!err && !catalog->sites.shares)
		err = attribd_shared_find(config, false, &catalog->sites, error);
	return err ? err : load(catalog, pending, put, error);
}

/* A site is decided by another state, or with other settings. With a new configuration the old one stays;
 * what runs already would decide from half of the facts, so it ends. */
static void refuse(struct attribd_catalog_thread *catalog, struct attribd_config *pending,
	const struct attrib_sink_error *error)
{
	if (pending) {
		attribd_metric_add(ATTRIBD_METRIC_CONFIG_RELOADS_FAILED, 1);
		attribd_log(ATTRIBD_LOG_ERROR, "reload refused, the old configuration stays: %s",
			error->text);
		attribd_config_free(pending);
		return;
	}
	attribd_log(ATTRIBD_LOG_ERROR, "%s; stopping", error->text);
	atomic_store(&catalog->fatal, ATTRIB_E_FENCED);
	attribd_bell_ring(catalog->owner);
}

static void refresh(struct attribd_catalog_thread *catalog)
{
	struct attribd_config *pending = atomic_exchange(&catalog->pending, NULL);
	struct attrib_sink_error error = {0};
	int err = listen_and_load(catalog, pending, &error);

	if (err == ATTRIB_E_FENCED) {
		refuse(catalog, pending, &error);
		catalog->stale = pending != NULL; /* the change is seen with the old one */
	} else if (err) {
		away(catalog, err, &error);
		if (pending && load_offline(catalog, pending)) {
			attribd_log(ATTRIBD_LOG_ERROR,
				"reload: out of memory; the old configuration stays");
			attribd_config_free(pending);
		}
	} else {
		catalog->stale = false;
		catalog->told = false;
		catalog->retry_us = 0;
	}
	if (!atomic_exchange(&catalog->tried, true))
		attribd_bell_ring(catalog->owner);
}

static void mark_stale(struct attribd_catalog_thread *catalog)
{
	atomic_fetch_add(&catalog->progress->catalog_wanted, 1);
	catalog->stale = true;
}

/* Milliseconds to the next try, or to the next question whether PostgreSQL is still there. */
static int patience(const struct attribd_catalog_thread *catalog)
{
	int64_t us = catalog->stale   ? catalog->retry_us
		     : catalog->watch ? catalog->snapshot->config->flush_timeout_us
				      : -1000;

	return (int)(us / 1000);
}

/* Waits for a notification, a new configuration, the next try, or the stop. */
static void await_change(struct attribd_catalog_thread *catalog)
{
	struct pollfd fds[2] = {{.fd = catalog->bell.fd, .events = POLLIN},
		{.fd = catalog->watch ? attrib_postgres_watch_fd(catalog->watch) : -1,
			.events = POLLIN}};
	struct attrib_sink_error error = {0};
	bool changed = false;
	int err = 0, n = poll(fds, 2, patience(catalog));

	attribd_bell_clear(&catalog->bell);
	if (atomic_load(&catalog->pending))
		mark_stale(catalog);
	if (!catalog->watch || (n && !fds[1].revents))
		return;
	if (n)
		usleep(SETTLE_US);
	else
		err = attrib_postgres_watch_ask(catalog->watch, &error);
	if (!err)
		err = attrib_postgres_watch_poll(catalog->watch, &changed);
	if (err)
		away(catalog, err, &error);
	if (err || changed)
		mark_stale(catalog);
}

static void *catalog_main(void *arg)
{
	struct attribd_catalog_thread *catalog = arg;

	pthread_setname_np(pthread_self(), "catalog");
	while (!atomic_load(&catalog->stop)) {
		if (catalog->stale)
			refresh(catalog);
		if (!atomic_load(&catalog->stop))
			await_change(catalog);
	}
	return NULL;
}

/* -- life --------------------------------------------------------------------------------------- */

int attribd_catalog_init(struct attribd_catalog_thread *catalog,
	struct attribd_snapshots *snapshots, struct attribd_progress *progress,
	struct attribd_config *config, const struct attrib_owner *sites,
	struct attribd_bell *engine, struct attribd_bell *owner)
{
	enum attribd_catalog_origin origin;
	struct attrib_catalog *built;
	int err;

	*catalog = (struct attribd_catalog_thread){.engine = engine,
		.owner = owner,
		.snapshots = snapshots,
		.progress = progress,
		.sites = *sites,
		.stale = true};
	snprintf(catalog->path, sizeof catalog->path, "%s/catalog.cache", config->state_dir);
	err = attribd_bell_init(&catalog->bell);
	if (!err)
		err = build_first(catalog, config, &built, &origin);
	if (!err)
		err = publish(catalog, config, built, origin, 0);
	if (!err)
		atomic_store(&progress->catalog_wanted, 1);
	return err;
}

int attribd_catalog_start(struct attribd_catalog_thread *catalog)
{
	if (pthread_create(&catalog->thread, NULL, catalog_main, catalog))
		return ATTRIB_E_NOMEM;
	catalog->started = true;
	return 0;
}

void attribd_catalog_reconfigure(
	struct attribd_catalog_thread *catalog, struct attribd_config *config)
{
	struct attribd_config *older = atomic_exchange(&catalog->pending, config);

	if (older)
		attribd_config_free(older);
	attribd_bell_ring(&catalog->bell);
}

void attribd_catalog_stop(struct attribd_catalog_thread *catalog)
{
	atomic_store(&catalog->stop, true);
	attribd_bell_ring(&catalog->bell);
}

void attribd_catalog_join(struct attribd_catalog_thread *catalog)
{
	if (catalog->started)
		pthread_join(catalog->thread, NULL);
	catalog->started = false;
}

void attribd_catalog_done(struct attribd_catalog_thread *catalog)
{
	struct attribd_config *pending = atomic_load(&catalog->pending);

	if (pending)
		attribd_config_free(pending);
	attrib_postgres_watch_free(catalog->watch);
	attribd_snapshot_unref(catalog->snapshot);
	attribd_bell_done(&catalog->bell);
}
