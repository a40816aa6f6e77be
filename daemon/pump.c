/*
 * One loop: read, apply, hand over. It looks at the clock for the rhythm of flushes only; what is
 * applied stands in the records.
 */
#include "pump_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "background.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"

#define NAP_US        4000 /* lets records gather, so that groups and rings stay few */
#define BATCH_BYTES   ((size_t)16 * 1024 * 1024) /* a batch that is as large goes at once, ... */
#define BATCH_RECORDS 40000                      /* ... and grows no further while it can't */
#define REDECIDE      256                        /* orders looked at between two groups */
#define FULL_AGAIN_US (60 * ATTRIB_US_PER_MIN)   /* between two warnings of one kind */
#define FORGETTINGS   8                          /* in the time that ids are remembered for */

/* -- lanes -------------------------------------------------------------------------------------- */

/* Learns of lanes that were opened since. */
int attribd_pump_find_lanes(struct attribd_pump *pump)
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
	if (!refused || !attribd_clock_due(&pump->full_at, FULL_AGAIN_US))
		return;
	attribd_log(ATTRIBD_LOG_WARNING,
		"state: %llu bytes, memory_limit is reached: %llu facts of strangers were not "
		"kept; "
		"raise it, or their visits earn nothing",
		(unsigned long long)now->bytes, (unsigned long long)refused);
}

static void count_entities(const struct attrib_state_stats *now)
{
	static const enum attribd_metric of[] = {
		[ATTRIB_ENTITY_VISITOR] = ATTRIBD_METRIC_STATE_VISITORS,
		[ATTRIB_ENTITY_CUSTOMER] = ATTRIBD_METRIC_STATE_CUSTOMERS,
		[ATTRIB_ENTITY_ORDER] = ATTRIBD_METRIC_STATE_ORDERS,
		[ATTRIB_ENTITY_ID] = ATTRIBD_METRIC_STATE_IDS,
	};

	for (int kind = ATTRIB_ENTITY_VISITOR; kind <= ATTRIB_ENTITY_ID; kind++)
		attribd_metric_set(of[kind], (int64_t)now->entities[kind]);
}

static void count_state(struct attribd_pump *pump)
{
	struct attrib_state_stats now;
	uint64_t refused;

	if (attribd_pump_is_shared(pump))
		attribd_pump_marks_say(pump);
	pump->state->ops->stats(pump->state, &now);
	refused = now.refused_full - pump->refused;
	pump->refused = now.refused_full;
	attribd_metric_set(ATTRIBD_METRIC_STATE_BYTES, (int64_t)now.bytes);
	count_entities(&now);
	attribd_metric_add(ATTRIBD_METRIC_STATE_REFUSED, (int64_t)refused);
	if (attribd_pump_is_shared(pump))
		attribd_pump_redis_count(pump);
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
}

/* Applies until it works: what fails here is memory, and that may come back. */
static bool apply_until(struct attribd_pump *pump, const struct attrib_engine_record *records,
	size_t n, bool silent)
{
	int err;

	while ((err = attrib_engine_apply(
			pump->engine, records, n, silent, silent ? NULL : pump->filling))) {
		if (attribd_pump_is_shared(pump) && err != ATTRIB_E_NOMEM) {
			/* lost: these facts are added, others are to be added first */
			if (err == ATTRIB_E_NOT_FOUND || !attribd_pump_state_away(pump, err))
				return silent && err == ATTRIB_E_NOT_FOUND;
			continue;
		}
		attribd_log(ATTRIBD_LOG_ERROR, "engine: %s; the same records again in 1 s",
			attrib_error_text(err));
		usleep(PUMP_RETRY_US);
		if (atomic_load(&pump->stop))
			return false;
	}
	if (pump->away)
		attribd_pump_state_answers(pump);
	return true;
}

/* Bad records that the state was loaded with have been counted by whoever copied it. */
bool attribd_pump_apply(struct attribd_pump *pump, const struct attribd_pump_lane *lane,
	const struct attrib_engine_record *records, size_t n, bool silent)
{
	struct attrib_engine_marks before, after;
	uint64_t decisions = attribd_pump_decisions(pump);

	attrib_engine_get_marks(pump->engine, &before);
	attribd_pump_redis_again(pump, silent);
	if (!apply_until(pump, records, n, silent))
		return false;
	if (attribd_pump_is_shared(pump)) {
		attribd_pump_redis_sure(pump, decisions);
		attribd_pump_reached(pump, lane, records[n - 1].number);
	}
	if (records[n - 1].number > lane->state)
		return true;
	attrib_engine_get_marks(pump->engine, &after);
	after.bad_payloads = before.bad_payloads;
	after.unknown_sites = before.unknown_sites;
	attrib_engine_resume(pump->engine, &after);
	return true;
}

/* False: nothing is known of what comes, later it may be (descriptors or memory were out). That is not
 * the end of a lane: whoever took it for one would pass over acknowledged records. */
bool attribd_pump_read_group(struct attribd_pump *pump, uint32_t lane, uint64_t upto,
	struct attrib_engine_record *out, size_t *kept)
{
	struct attrib_record records[ATTRIBD_GROUP];
	uint64_t state = pump->lanes[lane].state;
	size_t n = 0;
	int err = attrib_reader_read(
		pump->reader, lane, pump->lanes[lane].after, records, ATTRIBD_GROUP, &n);

	if (err) {
		attribd_log(ATTRIBD_LOG_ERROR, "journal: reading: %s; again in 1 s",
			attrib_error_text(err));
		usleep(PUMP_RETRY_US);
		return false;
	}
	/* a group lies before the end of the loaded state or behind it */
	if (n && records[0].number <= state && upto > state)
		upto = state;
	for (*kept = 0; *kept < n && records[*kept].number <= upto; ++*kept)
		out[*kept] = (struct attrib_engine_record){.lane = pump->lanes[lane].id,
			.number = records[*kept].number,
			.payload = records[*kept].payload};
	return true;
}

/* -- a new catalog ------------------------------------------------------------------------------ */

/* What decisions were made by, as the sink remembers it between starts: the catalog's version, and
 * below it the sum of the policies' versions, of which each change makes a greater one. */
uint64_t attribd_pump_version(const struct attribd_snapshot *snapshot)
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
	if (pump->owed == ATTRIBD_OWED_DECISIONS)
		pump->owed = ATTRIBD_OWED_FLUSH;
	pump->unsettled = pump->snapshot->wanted;
	pump->decided_version = attribd_pump_version(pump->snapshot);
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

void attribd_pump_offer(struct attribd_pump *pump, int64_t mono)
{
	struct attribd_sealed sealed = {.batch = pump->filling,
		.master = pump->master,
		.catalog_version = pump->decided_version,
		.records = pump->records,
		.settles = pump->redeciding ? 0 : pump->unsettled};

	if (sealed.settles)
		pump->unsettled = 0;
	if (pump->owed == ATTRIBD_OWED_FLUSH)
		pump->owed = ATTRIBD_OWED_ANSWER;
	pump->oldest_at[1] = pump->oldest_at[0];
	pump->oldest_at[0] = 0;
	pump->filling = pump->batches[pump->filling == pump->batches[0]];
	pump->filling_from = pump->records;
	pump->dirty = false;
	pump->offered_at = mono;
	attribd_pump_marks_batch(pump);
	count_work(pump); /* whoever sees the batch flushed sees what was set aside of it */
	attribd_flush_offer(pump->flush, &sealed);
	attrib_batch_reset(pump->filling);
	count_state(pump);
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
	pump->anew |= !busy && attribd_flush_given_back(pump->flush);
	if (busy || pump->anew)
		return -1;
	attribd_pump_pay(pump);
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
	attribd_pump_offer(pump, mono);
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
	if (!attribd_pump_read_group(pump, index, UINT64_MAX, group, &n))
		return 1;
	take_catalog(pump);
	if (n == 0) {
		/* the rest of an earlier lane can't be read any more */
		if (lane->ends)
			advance(pump, lane, lane->ends);
		return 0;
	}
	note_oldest(pump, &group[0]);
	if (!attribd_pump_apply(pump, lane, group, n, false))
		return 0;
	advance(pump, lane, group[n - 1].number);
	attribd_pump_marks_applied(pump, lane, group[n - 1].payload);
	return n;
}

static size_t pump_round(struct attribd_pump *pump)
{
	size_t n = 0;

	if (attribd_pump_find_lanes(pump) || !attribd_pump_meet_lanes(pump))
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

	if (attribd_pump_is_shared(pump)) /* its instances walk, see pump_marks.c */
		return;
	attrib_engine_get_stats(pump->engine, &stats);
	watermark = stats.newest_received_at - PUMP_IN_FLIGHT_US;
	before = watermark - dedupe_us;
	if (before - pump->forgotten_before < dedupe_us / FORGETTINGS)
		return;
	pump->forgotten_before = before;
	for (uint32_t i = 0; i < pump->lane_count; i++)
		pump->lanes[i].forgotten = pump->lanes[i].after;
	if (attrib_engine_forget(pump->engine, before, watermark))
		attribd_log(ATTRIBD_LOG_ERROR, "engine: what is too old could not be forgotten");
}

/* Whether a full group waits to be read. Reads end where a block of the journal ends: that one was short
 * says nothing about it. */
static bool behind(const struct attribd_pump *pump)
{
	return attrib_journal_committed(pump->journal) >= pump->records + ATTRIBD_GROUP;
}

static void pump_loop(struct attribd_pump *pump)
{
	bool stop;
	size_t n;

	do {
		stop = atomic_load(&pump->stop);
		if (attribd_pump_has_moved(pump))
			attribd_pump_follow_master(pump);
		take_catalog(pump);
		n = 0;
		bool room = !(full(pump) && attribd_flush_busy(pump->flush));
		if (room)
			n = pump_round(pump);
		int64_t look_us = attribd_pump_redis_look(pump);
		if (attribd_pump_is_shared(pump) && attrib_state_redis_has_lost(pump->state))
			n = attribd_pump_heal(pump);
		if (room && n == 0 && !attribd_pump_copying(pump))
			forget(pump);
		if (room && pump->redeciding)
			redecide(pump);
		int64_t wait_us = hand_over(pump, stop);
		bool busy = n || pump->redeciding;
		int64_t step_us = attribd_pump_is_shared(pump)
					  ? attribd_pump_walk(pump, busy)
					  : attribd_pump_checkpoint(pump, busy);
		if (step_us >= 0 && (wait_us < 0 || step_us < wait_us))
			wait_us = step_us;
		if (look_us >= 0 && (wait_us < 0 || look_us < wait_us))
			wait_us = look_us;
		if (n || (pump->redeciding && room))
			behind(pump) ? 0 : usleep(NAP_US);
		else if (!pump->anew && (!stop || attribd_flush_busy(pump->flush)))
			attribd_bell_wait(&pump->bell, wait_us);
	} while (!attribd_flush_ended(pump->flush) && !pump->anew &&
		 !(stop && n == 0 && !pump->dirty && !pump->redeciding &&
			 !attribd_flush_busy(pump->flush)));
}

/* From a beginning to an end; true: it has to begin again. */
static bool live(struct attribd_pump *pump)
{
	bool begun = attribd_pump_begin(pump);

	pump->anew = !begun && attribd_pump_has_moved(pump);
	if (begun) {
		pump_loop(pump);
		if (!attribd_flush_busy(pump->flush) && !pump->anew)
			attribd_pump_pay(pump);
		attribd_pump_last_checkpoint(pump);
		count_work(pump);
		count_state(pump);
		if (!pump->anew)
			attribd_pump_marks_leave(pump);
	} else if (!pump->anew && !atomic_load(&pump->stop) && !atomic_load(&pump->fatal)) {
		attribd_log(
			ATTRIBD_LOG_ERROR, "engine: out of memory at start; only ingest goes on");
	}
	return pump->anew && !atomic_load(&pump->stop);
}

static void *pump_main(void *arg)
{
	struct attribd_pump *pump = arg;

	attribd_background("engine");
	while (live(pump))
		attribd_pump_let_go(pump);
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
	pump->checkpoint = options->checkpoint;
	pump->held = options->held;
	attrib_arena_init(&pump->arena, 4096);
	pump->keys = attrib_keys_new(options->secret);
	pump->batches[0] = attrib_batch_new();
	pump->batches[1] = attrib_batch_new();
	pump->filling = pump->batches[0];
	if (!pump->keys || !pump->batches[0] || !pump->batches[1])
		return ATTRIB_E_NOMEM;
	pump->memory = (struct attrib_memory_options){
		.hash_seed = attrib_keys_hash_seed(pump->keys), .max_bytes = options->memory_limit};
	return attrib_reader_new(pump->journal, &pump->reader);
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
	atomic_store(&pump->stop_at, attribd_clock_mono());
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
