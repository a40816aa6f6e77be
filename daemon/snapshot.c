/*
 * Publishing is rare and takes a lock; looking is one atomic load per pass of a thread.
 */
#include "snapshot.h"

#include <stdlib.h>

struct attribd_shared_config {
	atomic_uint refs;
	struct attribd_config *config; /* owned */
};

static void shared_unref(struct attribd_shared_config *shared)
{
	if (!shared || atomic_fetch_sub(&shared->refs, 1) != 1)
		return;
	attribd_config_free(shared->config);
	free(shared);
}

static struct attribd_shared_config *shared_new(struct attribd_config *config)
{
	struct attribd_shared_config *shared = malloc(sizeof *shared);

	if (!shared)
		return NULL;
	atomic_init(&shared->refs, 1);
	shared->config = config;
	return shared;
}

void attribd_snapshot_unref(struct attribd_snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub(&snapshot->refs, 1) != 1)
		return;
	attrib_catalog_unref(snapshot->catalog);
	shared_unref(snapshot->shared);
	free(snapshot);
}

void attribd_snapshots_init(struct attribd_snapshots *snapshots)
{
	pthread_mutex_init(&snapshots->lock, NULL);
	snapshots->current = NULL;
	atomic_init(&snapshots->generation, 0);
}

void attribd_snapshots_done(struct attribd_snapshots *snapshots)
{
	attribd_snapshot_unref(snapshots->current);
	snapshots->current = NULL;
	pthread_mutex_destroy(&snapshots->lock);
}

int attribd_snapshots_publish(struct attribd_snapshots *snapshots, struct attribd_config *config,
	struct attrib_catalog *catalog, enum attribd_catalog_origin origin, uint64_t wanted)
{
	struct attribd_snapshot *next = calloc(1, sizeof *next), *old;
	struct attribd_shared_config *shared = config ? shared_new(config) : NULL;

	if (!next || (config && !shared)) {
		free(next);
		free(shared);
		return ATTRIB_E_NOMEM;
	}
	pthread_mutex_lock(&snapshots->lock);
	old = snapshots->current;
	if (!shared) {
		shared = old->shared;
		atomic_fetch_add(&shared->refs, 1);
	}
	atomic_init(&next->refs, 1);
	next->generation = old ? old->generation + 1 : 1;
	next->wanted = wanted;
	next->config = shared->config;
	next->shared = shared;
	next->catalog = catalog;
	next->origin = origin;
	snapshots->current = next;
	atomic_store(&snapshots->generation, next->generation);
	pthread_mutex_unlock(&snapshots->lock);
	attribd_snapshot_unref(old);
	return 0;
}

struct attribd_snapshot *attribd_snapshots_get(struct attribd_snapshots *snapshots)
{
	pthread_mutex_lock(&snapshots->lock);
	struct attribd_snapshot *current = snapshots->current;
	if (current)
		atomic_fetch_add(&current->refs, 1);
	pthread_mutex_unlock(&snapshots->lock);
	return current;
}

bool attribd_snapshots_refresh(struct attribd_snapshots *snapshots, struct attribd_snapshot **mine)
{
	uint64_t have = *mine ? (*mine)->generation : 0;

	if (atomic_load(&snapshots->generation) == have)
		return false;
	attribd_snapshot_unref(*mine);
	*mine = attribd_snapshots_get(snapshots);
	return true;
}
