/*
 * One loop: read, apply, hand over. It looks at the clock for the rhythm of flushes only; what is
 * applied stands in the records.
 */
#include "pump.h"

#include <stdlib.h>
#include <unistd.h>

#include "background.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"

#define NAP_US        4000 /* lets records gather, so that groups and rings stay few */
#define RETRY_US      1000000
#define BATCH_BYTES   ((size_t)16 * 1024 * 1024) /* a batch that is as large goes at once, ... */
#define BATCH_RECORDS 20000                      /* ... and grows no further while it can't */
#define REDECIDE      256                        /* orders looked at between two groups */
#define IN_FLIGHT_US  (10 * ATTRIB_US_PER_MIN)   /* received, and perhaps not yet in a lane */
#define FULL_AGAIN_US (60 * ATTRIB_US_PER_MIN)   /* between two warnings of one kind */
#define FORGETTINGS   8                          /* in the time that ids are remembered for */

/* -- lanes -------------------------------------------------------------------------------------- */

static uint64_t confirmed(const struct attrib_sink_attach *attach, const struct attrib_id *lane)
{
	for (size_t i = 0; i < attach->position_count; i++) {
		if (attrib_id_eq(&attach->positions[i].lane, lane))
			return attach->positions[i].number;
	}
	return 0;
}

/* Learns of lanes that were opened since. */
static int find_lanes(struct attribd_pump *pump)
{
	uint32_t count = attrib_journal_lane_count(pump->journal);
	uint64_t base = attrib_journal_base(pump->journal), first, last;
	void *p;

	if (count == pump->lane_count)
		return 0;
	p = realloc(pump->lanes, count * sizeof *pump->lanes);
	if (!p)
		return ATTRIB_E_NOMEM;
	pump->lanes = p;
	for (; pump->lane_count < count; pump->lane_count++) {
		attrib_journal_lane_range(pump->journal, pump->lane_count, &first, &last);
		pump->lanes[pump->lane_count] = (struct attribd_pump_lane){
			.id = attrib_journal_lane_id(pump->journal, pump->lane_count),
			.after = first - 1,
			.ends = first <= base ? last : 0,
		};
	}
	return 0;
}

/* -- applying ----------------------------------------------------------------------------------- */

/* What the memory limit kept out: its visitors' traffic still counts, but earns nothing. */
static void note_full(
	struct attribd_pump *pump, uint64_t refused, const struct attrib_state_stats *now)
{
	int64_t mono = attribd_clock_mono();

	if (!refused || (pump->full_at && mono - pump->full_at < FULL_AGAIN_US))
		return;
	pump->full_at = mono;
	attribd_log(ATTRIBD_LOG_WARNING,
		"state: %llu bytes, memory_limit is reached: %llu facts of strangers were not "
		"kept; "
		"raise it, or their visits earn nothing",
		(unsigned long long)now->bytes, (unsigned long long)refused);
}

static void count_state(struct attribd_pump *pump)
{
	struct attrib_state_stats now;
	uint64_t refused;

	pump->state->ops->stats(pump->state, &now);
	refused = now.refused_full - pump->refused;
	pump->refused = now.refused_full;
	attribd_metric_set(ATTRIBD_METRIC_STATE_BYTES, (int64_t)now.bytes);
	attribd_metric_add(ATTRIBD_METRIC_STATE_REFUSED, (int64_t)refused);
	note_full(pump, refused, &now);
}

static void count_work(struct attribd_pump *pump)
{
	struct attrib_engine_stats stats, *counted = &pump->counted;
	uint64_t stretches, bytes;

	attrib_engine_get_stats(pump->engine, &stats);
	attrib_reader_damaged(pump->reader, &stretches, &bytes);
	uint64_t bad = stats.bad_payloads + stats.unknown_sites;
	attribd_metric_add(
		ATTRIBD_METRIC_ENGINE_RECORDS, (int64_t)(stats.records - counted->records));
	attribd_metric_add(
		ATTRIBD_METRIC_ENGINE_DECISIONS, (int64_t)(stats.decisions - counted->decisions));
	attribd_metric_add(ATTRIBD_METRIC_ENGINE_QUARANTINED,
		(int64_t)(bad - counted->bad_payloads - counted->unknown_sites));
	attribd_metric_set(ATTRIBD_METRIC_JOURNAL_DAMAGED, (int64_t)stretches);
	atomic_store(&pump->progress->damaged, stretches);
	atomic_store(&pump->progress->bad_records, bad);
	*counted = stats;
	count_state(pump);
}

/* Applies until it works: what fails here is memory, and that may come back. */
static bool apply(struct attribd_pump *pump, const struct attrib_engine_record *records, size_t n,
	bool silent)
{
	int err;

	while ((err = attrib_engine_apply(
			pump->engine, records, n, silent, silent ? NULL : pump->filling))) {
		attribd_log(ATTRIBD_LOG_ERROR, "engine: %s; the same records again in 1 s",
			attrib_error_text(err));
		usleep(RETRY_US);
		if (atomic_load(&pump->stop))
			return false;
	}
	return true;
}

/* False: nothing is known of what comes, later it may be (descriptors or memory were out). That is not
 * the end of a lane: whoever took it for one would pass over acknowledged records. */
static bool read_group(struct attribd_pump *pump, uint32_t lane, uint64_t upto,
	struct attrib_engine_record *out, size_t *kept)
{
	struct attrib_record records[ATTRIBD_GROUP];
	size_t n = 0;
	int err = attrib_reader_read(
		pump->reader, lane, pump->lanes[lane].after, records, ATTRIBD_GROUP, &n);

	if (err) {
		attribd_log(ATTRIBD_LOG_ERROR, "journal: reading: %s; again in 1 s",
			attrib_error_text(err));
		usleep(RETRY_US);
		return false;
	}
	for (*kept = 0; *kept < n && records[*kept].number <= upto; ++*kept)
		out[*kept] = (struct attrib_engine_record){.lane = pump->lanes[lane].id,
			.number = records[*kept].number,
			.payload = records[*kept].payload};
	return true;
}

/* Builds the state of records that the sink has already: nothing is emitted. */
static bool replay_lane(struct attribd_pump *pump, uint32_t lane, uint64_t upto, uint64_t *count)
{
	struct attrib_engine_record group[ATTRIBD_GROUP];
	size_t n;

	while (pump->lanes[lane].after < upto) {
		if (atomic_load(&pump->stop))
			return false;
		if (!read_group(pump, lane, upto, group, &n))
			continue;
		if (n == 0)
			break;
		if (!apply(pump, group, n, true))
			return false;
		pump->lanes[lane].after = group[n - 1].number;
		*count += n;
	}
	if (pump->lanes[lane].after < upto)
		pump->lanes[lane].after = upto;
	return true;
}

/* What the sink has of a lane; never more than there is. */
static uint64_t replay_upto(
	const struct attribd_pump_lane *lane, const struct attrib_sink_attach *attach)
{
	uint64_t upto = confirmed(attach, &lane->id);

	return lane->ends && upto > lane->ends ? lane->ends : upto;
}

/* Where this start begins on the scale of attrib_journal_committed: the base, less what earlier lanes
 * hold and the sink does not. Told at once: rebuilding the state adds nothing to it. */
static uint64_t begin_count(struct attribd_pump *pump, const struct attrib_sink_attach *attach)
{
	uint64_t base = attrib_journal_base(pump->journal), left = 0;

	for (uint32_t i = 0; i < pump->lane_count; i++) {
		const struct attribd_pump_lane *lane = &pump->lanes[i];
		uint64_t upto = replay_upto(lane, attach);
		if (lane->ends)
			left += lane->ends - (upto > lane->after ? upto : lane->after);
	}
	pump->records = base > left ? base - left : 0;
	atomic_store(&pump->progress->applied, pump->records);
	atomic_store(&pump->progress->flushed, pump->records);
	return left;
}

static bool replay(struct attribd_pump *pump, const struct attrib_sink_attach *attach)
{
	int64_t began = attribd_clock_mono();
	uint64_t left = begin_count(pump, attach), count = 0;

	for (uint32_t i = 0; i < pump->lane_count; i++) {
		uint64_t upto = replay_upto(&pump->lanes[i], attach);
		if (!replay_lane(pump, i, upto, &count))
			return false;
	}
	attribd_log(ATTRIBD_LOG_NOTICE,
		"state rebuilt from %llu records in %lld ms; %llu more are to be written",
		(unsigned long long)count, (long long)(attribd_clock_mono() - began) / 1000,
		(unsigned long long)left);
	return true;
}

/* -- a new catalog ------------------------------------------------------------------------------ */

/* What decisions were made by, as the sink remembers it between starts: the catalog's version, and
 * below it the sum of the policies' versions, of which each change makes a greater one. */
static uint64_t version_of(const struct attribd_snapshot *snapshot)
{
	const struct attrib_site *sites;
	size_t n = attrib_catalog_sites(snapshot->catalog, &sites);
	uint64_t policies = 0;

	for (size_t i = 0; i < n; i++)
		policies += sites[i].policy.version;
	return attrib_catalog_version(snapshot->catalog) << 20 | (policies & 0xfffff);
}

/* Called between reading and applying: whoever accepted a record for a new site had the new
 * snapshot, so it is visible here by the time that the record is. */
static void take_catalog(struct attribd_pump *pump)
{
	if (!attribd_snapshots_refresh(pump->snapshots, &pump->snapshot))
		return;
	int err = attrib_engine_set_catalog(pump->engine, pump->snapshot->catalog, false);
	if (err)
		attribd_log(
			ATTRIBD_LOG_ERROR, "engine: a changed catalog: %s", attrib_error_text(err));
	pump->redeciding = true;
}

static void redecide(struct attribd_pump *pump)
{
	struct attrib_engine_stats before, after;
	bool left = false;

	attrib_engine_get_stats(pump->engine, &before);
	int err = attrib_engine_redecide(pump->engine, REDECIDE, pump->filling, &left);
	attrib_engine_get_stats(pump->engine, &after);
	if (after.decisions != before.decisions)
		pump->dirty = true;
	if (err || left)
		return;
	pump->redeciding = false;
	pump->unsettled = pump->snapshot->wanted;
	pump->decided_version = version_of(pump->snapshot);
}

/* -- handing over ------------------------------------------------------------------------------- */

static bool full(const struct attribd_pump *pump)
{
	return attrib_batch_arena(pump->filling)->used > BATCH_BYTES ||
	       pump->records - pump->filling_from > BATCH_RECORDS;
}

static void note_oldest(struct attribd_pump *pump, const struct attrib_engine_record *record)
{
	struct attrib_event event;

	if (pump->oldest_at[0])
		return;
	attrib_arena_reset(&pump->arena);
	if (attrib_event_decode(record->payload, &pump->arena, &event) == 0)
		pump->oldest_at[0] = event.received_at;
}

static void offer(struct attribd_pump *pump, int64_t mono)
{
	struct attribd_sealed sealed = {.batch = pump->filling,
		.catalog_version = pump->decided_version,
		.records = pump->records,
		.settles = pump->redeciding ? 0 : pump->unsettled};

	if (sealed.settles)
		pump->unsettled = 0;
	pump->oldest_at[1] = pump->oldest_at[0];
	pump->oldest_at[0] = 0;
	pump->filling = pump->batches[pump->filling == pump->batches[0]];
	pump->filling_from = pump->records;
	pump->dirty = false;
	pump->offered_at = mono;
	attribd_flush_offer(pump->flush, &sealed);
	attrib_batch_reset(pump->filling);
	count_work(pump);
}

/* A batch goes as soon as the last one is in and the interval is over: one event after a quiet time
 * is in the sink at once. Returns how long to wait for its time; negative = for a bell. */
static int64_t hand_over(struct attribd_pump *pump, bool stop)
{
	bool busy = attribd_flush_busy(pump->flush);
	int64_t mono = attribd_clock_mono(), left;

	if (!busy)
		pump->oldest_at[1] = 0;
	atomic_store(&pump->progress->oldest_at,
		pump->oldest_at[1] ? pump->oldest_at[1] : pump->oldest_at[0]);
	if (busy)
		return -1;
	if (!pump->dirty) {
		if (pump->unsettled)
			atomic_store(&pump->progress->catalog_settled, pump->unsettled);
		pump->unsettled = 0;
		atomic_store(&pump->progress->behind_at, 0);
		return -1;
	}
	left = pump->offered_at + pump->snapshot->config->flush_interval_us - mono;
	if (left > 0 && !stop && !full(pump))
		return left;
	offer(pump, mono);
	return -1;
}

/* -- the loop ----------------------------------------------------------------------------------- */

static void advance(struct attribd_pump *pump, struct attribd_pump_lane *lane, uint64_t number)
{
	pump->records += number - lane->after;
	lane->after = number;
	pump->dirty = true;
	if (attrib_batch_set_position(pump->filling, &lane->id, number))
		attribd_log(ATTRIBD_LOG_ERROR, "engine: out of memory for a position");
	atomic_store(&pump->progress->applied, pump->records);
}

/* One group of a lane; how many records it had, or 1 when it has to be tried again. */
static size_t pump_lane(struct attribd_pump *pump, uint32_t index)
{
	struct attrib_engine_record group[ATTRIBD_GROUP];
	struct attribd_pump_lane *lane = &pump->lanes[index];
	size_t n;

	if (lane->ends && lane->after >= lane->ends)
		return 0;
	if (!read_group(pump, index, UINT64_MAX, group, &n))
		return 1;
	take_catalog(pump);
	if (n == 0) {
		/* the rest of an earlier lane can't be read any more */
		if (lane->ends)
			advance(pump, lane, lane->ends);
		return 0;
	}
	note_oldest(pump, &group[0]);
	if (!apply(pump, group, n, false))
		return 0;
	advance(pump, lane, group[n - 1].number);
	return n;
}

static size_t pump_round(struct attribd_pump *pump)
{
	size_t n = 0;

	if (find_lanes(pump))
		return 0;
	for (uint32_t lane = 0; lane < pump->lane_count; lane++)
		n += pump_lane(pump, lane);
	return n;
}

/* Once every lane is applied to its end, all that comes was received after the newest record, less what
 * may be in flight: that is the watermark. So ids and facts are forgotten by what stands in the records;
 * a clock that steps, an outage and a replay forget nothing too early. */
static void forget(struct attribd_pump *pump)
{
	int64_t dedupe_us = pump->snapshot->config->dedupe_us, watermark, before;
	struct attrib_engine_stats stats;

	attrib_engine_get_stats(pump->engine, &stats);
	watermark = stats.newest_received_at - IN_FLIGHT_US;
	before = watermark - dedupe_us;
	if (before - pump->forgotten_before < dedupe_us / FORGETTINGS)
		return;
	pump->forgotten_before = before;
	if (attrib_engine_forget(pump->engine, before, watermark))
		attribd_log(ATTRIBD_LOG_ERROR, "engine: what is too old could not be forgotten");
}

static void pump_loop(struct attribd_pump *pump)
{
	bool stop;
	size_t n;

	do {
		stop = atomic_load(&pump->stop);
		take_catalog(pump);
		n = 0;
		bool room = !(full(pump) && attribd_flush_busy(pump->flush));
		if (room)
			n = pump_round(pump);
		if (room && n == 0)
			forget(pump);
		if (room && pump->redeciding)
			redecide(pump);
		int64_t wait_us = hand_over(pump, stop);
		if (n || (pump->redeciding && room))
			n < ATTRIBD_GROUP ? usleep(NAP_US) : 0;
		else if (!stop || attribd_flush_busy(pump->flush))
			attribd_bell_wait(&pump->bell, wait_us);
	} while (!attribd_flush_ended(pump->flush) &&
		 !(stop && n == 0 && !pump->dirty && !pump->redeciding &&
			 !attribd_flush_busy(pump->flush)));
}

/* The positions of the sink, and a catalog that knows what PostgreSQL knows. */
static bool await_sink(struct attribd_pump *pump, struct attrib_sink_attach *attach)
{
	while (!atomic_load(&pump->stop)) {
		attribd_snapshots_refresh(pump->snapshots, &pump->snapshot);
		if (pump->snapshot->origin == ATTRIBD_CATALOG_POSTGRES &&
			attribd_flush_attached(pump->flush, attach))
			return true;
		attribd_bell_wait(&pump->bell, RETRY_US);
	}
	return false;
}

static bool begin(struct attribd_pump *pump)
{
	struct attrib_sink_attach attach;

	if (!await_sink(pump, &attach))
		return false;
	attrib_state_memory_raise_ticket(pump->state, attach.epoch << 40);
	if (attrib_engine_new(pump->state, pump->keys, pump->snapshot->catalog, &pump->engine) ||
		find_lanes(pump) || !replay(pump, &attach))
		return false;
	pump->filling_from = pump->records;
	pump->decided_version = attach.catalog_version;
	pump->unsettled = pump->snapshot->wanted;
	if (attach.catalog_version != version_of(pump->snapshot))
		pump->redeciding =
			attrib_engine_set_catalog(pump->engine, pump->snapshot->catalog, true) == 0;
	atomic_store(&pump->progress->attached, true);
	return true;
}

static void *pump_main(void *arg)
{
	struct attribd_pump *pump = arg;

	attribd_background("engine");
	if (begin(pump)) {
		pump_loop(pump);
		count_work(pump);
	} else if (!atomic_load(&pump->stop)) {
		attribd_log(
			ATTRIBD_LOG_ERROR, "engine: out of memory at start; only ingest goes on");
	}
	return NULL;
}

/* -- life --------------------------------------------------------------------------------------- */

int attribd_pump_prepare(struct attribd_pump *pump)
{
	*pump = (struct attribd_pump){0};
	return attribd_bell_init(&pump->bell);
}

int attribd_pump_init(struct attribd_pump *pump, const struct attribd_pump_options *options)
{
	pump->journal = options->journal;
	pump->flush = options->flush;
	pump->snapshots = options->snapshots;
	pump->progress = options->progress;
	attrib_arena_init(&pump->arena, 4096);
	pump->keys = attrib_keys_new(options->secret);
	pump->batches[0] = attrib_batch_new();
	pump->batches[1] = attrib_batch_new();
	pump->filling = pump->batches[0];
	if (!pump->keys || !pump->batches[0] || !pump->batches[1])
		return ATTRIB_E_NOMEM;
	struct attrib_memory_options memory = {
		.hash_seed = attrib_keys_hash_seed(pump->keys), .max_bytes = options->memory_limit};
	int err = attrib_state_memory_new(&memory, &pump->state);
	return err ? err : attrib_reader_new(pump->journal, &pump->reader);
}

int attribd_pump_start(struct attribd_pump *pump)
{
	if (pthread_create(&pump->thread, NULL, pump_main, pump))
		return ATTRIB_E_NOMEM;
	pump->started = true;
	return 0;
}

void attribd_pump_stop(struct attribd_pump *pump)
{
	atomic_store(&pump->stop, true);
	attribd_bell_ring(&pump->bell);
}

void attribd_pump_join(struct attribd_pump *pump)
{
	if (pump->started)
		pthread_join(pump->thread, NULL);
	pump->started = false;
}

void attribd_pump_done(struct attribd_pump *pump)
{
	if (pump->engine)
		attrib_engine_free(pump->engine);
	if (pump->state)
		pump->state->ops->free(pump->state);
	if (pump->reader)
		attrib_reader_free(pump->reader);
	for (int i = 0; i < 2; i++) {
		if (pump->batches[i])
			attrib_batch_free(pump->batches[i]);
	}
	attribd_snapshot_unref(pump->snapshot);
	if (pump->keys)
		attrib_keys_free(pump->keys);
	attrib_arena_done(&pump->arena);
	free(pump->lanes);
	attribd_bell_done(&pump->bell);
}
