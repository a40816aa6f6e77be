/* See world.h. */
#include "world.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "event.h"
#include "input.h"

struct fuzz_world world;

static int no_sync(int fd)
{
	(void)fd;
	return 0;
}

void fuzz_world_clear(void)
{
	DIR *dir = opendir(world.root);
	struct dirent *entry;

	require(dir != NULL);
	while ((entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0); /* refuses . and .. */
	closedir(dir);
}

static void remove_world(void)
{
	fuzz_world_clear();
	rmdir(world.root);
	attrib_catalog_unref(world.catalog);
	attrib_zone_free(world.zone);
	attrib_keys_free(world.keys);
	free(world.root);
}

void fuzz_world_prepare(void)
{
	static const uint8_t secret[ATTRIB_SECRET_BYTES] = {1};
	const char *parent = getenv("TMPDIR") ? getenv("TMPDIR") : "/dev/shm";

	if (world.root)
		return;
	require(asprintf(&world.root, "%s/attrib-fuzz-XXXXXX", parent) > 0);
	require(mkdtemp(world.root) != NULL);
	world.io = attrib_io_system;
	world.io.fdatasync = world.io.fsync = no_sync;
	world.keys = attrib_keys_new(secret);
	world.zone = attrib_zone_load("UTC");
	require(world.keys && world.zone);
	world.catalog = fuzz_catalog(world.zone);
	atexit(remove_world);
}

/* -- digests ------------------------------------------------------------------------------------ */

static uint64_t digest(uint64_t sum, const void *p, size_t n)
{
	return attrib_hash64(p, n, sum);
}

static uint64_t digest_str(uint64_t sum, struct attrib_str s)
{
	return digest(sum + s.n, s.n ? s.p : "", s.n);
}

static uint64_t digest_decision(uint64_t sum, const struct attrib_decision *d)
{
	const int64_t numbers[] = {d->kind, d->status, d->reason, d->counted, d->late, d->gross,
		d->total, d->placed_at, d->lock_at, d->counted_at, d->first_received_at, d->rule,
		(int64_t)d->step_count, (int64_t)d->credit_count, (int64_t)d->key_count};

	sum = digest_str(digest_str(sum, d->order_id), d->merged_into);
	sum = digest(sum, numbers, sizeof numbers);
	for (size_t i = 0; i < d->credit_count; i++) {
		const struct attrib_credit *c = &d->credits[i];
		sum = digest_str(digest_str(sum, c->creator), c->tracker);
		sum = digest(sum, c->share, sizeof c->share);
		sum = digest(sum, c->amount, sizeof c->amount);
	}
	for (size_t i = 0; i < d->step_count; i++) {
		const int64_t step[] = {d->steps[i].channel, d->steps[i].occurred_at,
			d->steps[i].eligible, d->steps[i].reason, d->steps[i].credit};
		sum = digest(digest_str(sum, d->steps[i].folded), step, sizeof step);
	}
	return sum;
}

uint64_t fuzz_digest(struct attrib_batch *batch)
{
	struct attrib_batch_view view;
	uint64_t sum = 1;

	attrib_batch_seal(batch, &view);
	for (size_t i = 0; i < view.decision_count; i++)
		sum = digest_decision(sum, view.decisions[i]);
	for (size_t i = 0; i < view.traffic_count; i++) {
		const struct attrib_traffic *t = view.traffic[i];
		const int64_t numbers[] = {
			t->bucket_at, t->channel, t->type, t->verdicts, t->count, t->uniques};
		sum = digest(digest_str(sum, t->key), numbers, sizeof numbers);
	}
	return sum + view.refund_count + (view.cancel_count << 16);
}
