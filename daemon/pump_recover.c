/*
 * How the engine thread begins: it waits for what the sink holds, takes the newest checkpoint that fits,
 * applies silently what the sink has beyond it, and what is behind that is emitted by the loop.
 *
 * A checkpoint that has forgotten facts of records which are to be emitted again does not fit: then the
 * database was set back, and the state is rebuilt from the whole journal where that still reaches back.
 */
#include "pump_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define TELL_US     (5 * ATTRIB_US_PER_S)
#define TERMINAL_US (ATTRIB_US_PER_S / 5)

/* -- the sink ------------------------------------------------------------------------------------ */

static uint64_t confirmed(const struct attrib_sink_attach *attach, const struct attrib_id *lane)
{
	for (size_t i = 0; i < attach->position_count; i++) {
		if (attrib_id_eq(&attach->positions[i].lane, lane))
			return attach->positions[i].number;
	}
	return 0;
}

/* What the sink has of a lane; never more than there is. */
static uint64_t replay_upto(
	const struct attribd_pump_lane *lane, const struct attrib_sink_attach *attach)
{
	uint64_t upto = confirmed(attach, &lane->id);

	return lane->ends && upto > lane->ends ? lane->ends : upto;
}

/* The positions of the sink, and a catalog that knows what PostgreSQL knows. */
static bool await_sink(struct attribd_pump *pump, struct attrib_sink_attach *attach)
{
	while (!atomic_load(&pump->stop)) {
		attribd_snapshots_refresh(pump->snapshots, &pump->snapshot);
		if (pump->snapshot->origin == ATTRIBD_CATALOG_POSTGRES &&
			attribd_flush_attached(pump->flush, attach))
			return true;
		attribd_bell_wait(&pump->bell, PUMP_RETRY_US);
	}
	return false;
}

/* -- the state ----------------------------------------------------------------------------------- */

static bool keeps_lane(void *arg, const struct attrib_id *lane)
{
	struct attribd_pump *pump = arg;
	uint32_t index;

	return attrib_journal_lane_find(pump->journal, lane, &index);
}

/* Whether something was forgotten that records above the sink's positions may want. Of a lane that it has
 * nothing of, those begin with the first that there is. */
static bool has_forgotten(struct attribd_pump *pump, const struct attrib_checkpoint_head *head,
	const struct attrib_sink_attach *attach)
{
	for (uint32_t i = 0; i < pump->lane_count; i++) {
		const struct attribd_pump_lane *lane = &pump->lanes[i];
		const struct attrib_checkpoint_lane *copied =
			attrib_checkpoint_find_lane(head, &lane->id);
		uint64_t sink = confirmed(attach, &lane->id);
		if (copied && (sink > lane->after ? sink : lane->after) < copied->forgotten)
			return true;
	}
	return false;
}

static bool begins_in_journal(struct attribd_pump *pump, uint32_t index)
{
	struct attrib_lane_view view;

	attrib_journal_lane_look(pump->journal, index, &view);
	return view.first <= view.begins;
}

static bool reaches_back(struct attribd_pump *pump)
{
	for (uint32_t i = 0; i < pump->lane_count; i++)
		if (!begins_in_journal(pump, i))
			return false;
	return true;
}

/* Silent records were counted by whoever made the checkpoint. */
static void go_on_from(struct attribd_pump *pump, const struct attrib_checkpoint_head *head)
{
	struct attrib_engine_marks marks = {.newest_received_at = head->newest_received_at,
		.complete_from = head->complete_from,
		.bad_payloads = head->bad_payloads,
		.unknown_sites = head->unknown_sites};

	attrib_engine_resume(pump->engine, &marks);
	pump->forgotten_before = head->forgotten_before;
	pump->loaded = true;
	for (uint32_t i = 0; i < pump->lane_count; i++) {
		struct attribd_pump_lane *lane = &pump->lanes[i];
		const struct attrib_checkpoint_lane *known =
			attrib_checkpoint_find_lane(head, &lane->id);
		lane->state = known ? known->applied : 0;
		lane->forgotten = known ? known->forgotten : 0;
	}
}

static int load(struct attribd_pump *pump, size_t i)
{
	struct attrib_checkpoints *files = pump->checkpoint->files;
	struct attrib_checkpoint_load how = {
		.memory = pump->memory, .keeps = keeps_lane, .keeps_arg = pump};
	int64_t began = attribd_clock_mono();
	struct attrib_state_stats stats;
	int err = attrib_checkpoints_load(files, i, &how, &pump->state);

	if (err == ATTRIB_E_IO)
		attribd_log(ATTRIBD_LOG_WARNING, "checkpoint %llu: %s: it is passed over",
			(unsigned long long)attrib_checkpoints_head(files, i)->sequence,
			strerror(errno));
	if (err)
		return err;
	pump->state->ops->stats(pump->state, &stats);
	attribd_log(ATTRIBD_LOG_NOTICE,
		"state loaded from checkpoint %llu (%llu bytes): %llu visitors, %llu customers, "
		"%llu "
		"orders and %llu ids in %lld ms",
		(unsigned long long)attrib_checkpoints_head(files, i)->sequence,
		(unsigned long long)attrib_checkpoints_bytes(files, i),
		(unsigned long long)stats.entities[ATTRIB_ENTITY_VISITOR],
		(unsigned long long)stats.entities[ATTRIB_ENTITY_CUSTOMER],
		(unsigned long long)stats.entities[ATTRIB_ENTITY_ORDER],
		(unsigned long long)stats.entities[ATTRIB_ENTITY_ID],
		(long long)(attribd_clock_mono() - began) / 1000);
	return 0;
}

/* The newest that can be loaded and, unless `any`, has forgotten nothing that is wanted. *head stays NULL
 * when there is none. */
static int load_newest(struct attribd_pump *pump, const struct attrib_sink_attach *attach, bool any,
	const struct attrib_checkpoint_head **head)
{
	struct attrib_checkpoints *files = pump->checkpoint->files;
	size_t i = 0;

	while (i < attrib_checkpoints_count(files)) {
		const struct attrib_checkpoint_head *candidate = attrib_checkpoints_head(files, i);
		int err;
		if (!any && has_forgotten(pump, candidate, attach)) {
			i++;
			continue;
		}
		err = load(pump, i);
		if (!err)
			*head = candidate;
		if (err == ATTRIB_E_IO)
			i++; /* perhaps the next start can read it */
		else if (err != ATTRIB_E_CORRUPT)
			return err;
	}
	return 0;
}

static int take_checkpoint(struct attribd_pump *pump, const struct attrib_sink_attach *attach,
	const struct attrib_checkpoint_head **head)
{
	int err = load_newest(pump, attach, false, head);

	if (err || *head || attrib_checkpoints_count(pump->checkpoint->files) == 0)
		return err;
	if (reaches_back(pump)) {
		attribd_log(ATTRIBD_LOG_NOTICE,
			"PostgreSQL was set back behind what the checkpoints have forgotten: the "
			"state is rebuilt from the journal");
		return 0;
	}
	attribd_log(ATTRIBD_LOG_WARNING,
		"PostgreSQL was set back behind what the checkpoints have forgotten, and the "
		"journal "
		"does not reach back as far: orders that were locked by then are written without "
		"their path");
	return load_newest(pump, attach, true, head);
}

static bool is_given_up(const struct attrib_sink_attach *attach, const struct attrib_id *lane)
{
	for (size_t i = attach->position_count - attach->given_up; i < attach->position_count; i++)
		if (attrib_id_eq(&attach->positions[i].lane, lane))
			return true;
	return false;
}

/* The loaded checkpoint may be an older one than the start was allowed with: is all of the rest there? Of a
 * state in Redis there is none: what it lacks for good keeps the past (pump_past). */
static bool is_whole(struct attribd_pump *pump, const struct attrib_sink_attach *attach)
{
	if (attribd_pump_is_shared(pump))
		return true;
	for (uint32_t i = 0; i < pump->lane_count; i++) {
		struct attribd_pump_lane *lane = &pump->lanes[i];
		if (lane->state >= attribd_held_state(pump->held, &lane->id) ||
			begins_in_journal(pump, i) || lane->after <= lane->state ||
			is_given_up(attach, &lane->id))
			continue;
		attribd_log(ATTRIBD_LOG_ERROR,
			"no checkpoint can be read, and segments that it would replace are "
			"deleted: bring <state_dir>/checkpoint back from a backup, or go on "
			"without "
			"those records with 'attribd take-over'; stopping");
		return false;
	}
	return true;
}

static int make_state(struct attribd_pump *pump, const struct attrib_sink_attach *attach)
{
	const struct attrib_checkpoint_head *head = NULL;
	bool shared = attribd_pump_is_shared(pump);
	int err = shared             ? attribd_pump_redis_begin(pump, attach->epoch)
		  : pump->checkpoint ? take_checkpoint(pump, attach, &head)
				     : 0;

	if (!err && !pump->state)
		err = attrib_state_memory_new(&pump->memory, &pump->state);
	if (err)
		return err;
	if (!shared)
		attrib_state_memory_raise_ticket(pump->state, attach->epoch << 40);
	err = attrib_engine_new(pump->state, pump->keys, pump->snapshot->catalog, &pump->engine);
	if (!err && shared)
		err = attribd_pump_marks_begin(pump);
	if (!err && head)
		go_on_from(pump, head);
	return err;
}

/* -- replay -------------------------------------------------------------------------------------- */

struct replay {
	uint64_t done, total;
	int64_t told_at;
	bool terminal;
	bool finishes; /* a stop waits for it as long as for the flush thread */
};

static void tell(struct attribd_pump *pump, struct replay *replay)
{
	atomic_store(&pump->progress->replayed, replay->done);
	if (!attribd_clock_due(&replay->told_at, replay->terminal ? TERMINAL_US : TELL_US))
		return;
	if (replay->terminal)
		fprintf(stderr, "\rrecovering: %llu of %llu records ",
			(unsigned long long)replay->done, (unsigned long long)replay->total);
	else
		attribd_log(ATTRIBD_LOG_NOTICE, "recovering: %llu of %llu records",
			(unsigned long long)replay->done, (unsigned long long)replay->total);
}

static bool is_over(const struct attribd_pump *pump, const struct replay *replay)
{
	return replay->finishes ? attribd_flush_ended(pump->flush) : atomic_load(&pump->stop);
}

/* Builds the state of records that the sink has already: nothing is emitted. */
static bool replay_lane(
	struct attribd_pump *pump, uint32_t index, uint64_t upto, struct replay *replay)
{
	struct attrib_engine_record group[ATTRIBD_GROUP];
	struct attribd_pump_lane *lane = &pump->lanes[index];
	size_t n;

	while (lane->after < upto) {
		if (is_over(pump, replay))
			return false;
		if (!attribd_pump_read_group(pump, index, upto, group, &n))
			continue;
		if (n == 0)
			break;
		if (!attribd_pump_apply(pump, lane, group, n, true))
			return false;
		lane->after = group[n - 1].number;
		replay->done += n;
		tell(pump, replay);
	}
	if (lane->after < upto)
		lane->after = upto;
	return true;
}

bool attribd_pump_silently(struct attribd_pump *pump, uint32_t lane, uint64_t upto, uint64_t *n)
{
	struct replay replay = {.told_at = attribd_clock_mono(), .finishes = true};
	bool whole = replay_lane(pump, lane, upto, &replay);

	*n += replay.done;
	return whole;
}

/* Records of a lane of this start that the sink has: none, unless the engine has begun before. */
static uint64_t written(struct attribd_pump *pump, uint32_t index, uint64_t upto)
{
	struct attrib_lane_view view;

	attrib_journal_lane_look(pump->journal, index, &view);
	return upto < view.begins ? 0 : upto - (view.begins - 1);
}

/* Where the engine begins on the scale of attrib_journal_committed: the base and what the sink has of the lanes since,
 * less what earlier lanes hold and the sink does not. Told at once: rebuilding the state adds nothing to it. */
static uint64_t begin_count(struct attribd_pump *pump, const struct attrib_sink_attach *attach)
{
	uint64_t base = attrib_journal_base(pump->journal), left = 0;

	for (uint32_t i = 0; i < pump->lane_count; i++) {
		const struct attribd_pump_lane *lane = &pump->lanes[i];
		uint64_t upto = replay_upto(lane, attach);
		if (lane->ends)
			left += lane->ends - (upto > lane->after ? upto : lane->after);
		else
			base += written(pump, i, upto);
	}
	pump->records = base > left ? base - left : 0;
	atomic_store(&pump->progress->applied, pump->records);
	atomic_store(&pump->progress->flushed, pump->records);
	return left;
}

/* Each lane is read from where the state ends, but from no further than the sink's position: from there on
 * it is emitted. */
static uint64_t begin_lanes(struct attribd_pump *pump, const struct attrib_sink_attach *attach)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < pump->lane_count; i++) {
		struct attribd_pump_lane *lane = &pump->lanes[i];
		uint64_t upto = replay_upto(lane, attach);
		uint64_t from = lane->state < upto ? lane->state : upto;
		if (from > lane->after)
			lane->after = from;
		total += upto > lane->after ? upto - lane->after : 0;
	}
	return total;
}

static bool replay(struct attribd_pump *pump, const struct attrib_sink_attach *attach)
{
	int64_t began = attribd_clock_mono();
	uint64_t left = begin_count(pump, attach);
	struct replay replay = {.total = begin_lanes(pump, attach),
		.told_at = began,
		.terminal = isatty(STDERR_FILENO)};

	atomic_store(&pump->progress->to_replay, replay.total);
	if (attribd_pump_is_shared(pump) &&
		!(replay.total || pump->owed ? attribd_pump_owe(pump) : attribd_pump_inherit(pump)))
		return false;
	for (uint32_t i = 0; i < pump->lane_count; i++) {
		uint64_t upto = replay_upto(&pump->lanes[i], attach);
		if (!replay_lane(pump, i, upto, &replay))
			return false;
	}
	if (pump->again && replay.total)
		attribd_pump_count_loss(pump, replay.done);
	if (replay.terminal && replay.told_at != began)
		fputs("\n", stderr);
	attribd_log(ATTRIBD_LOG_NOTICE,
		"state rebuilt from %llu records in %lld ms; %llu more are to be written",
		(unsigned long long)replay.done, (long long)(attribd_clock_mono() - began) / 1000,
		(unsigned long long)left);
	attribd_pump_first_checkpoint(pump, pump->loaded ? pump->records - replay.done : 0);
	return true;
}

/* -- the beginning ------------------------------------------------------------------------------- */

static void give_up(struct attribd_pump *pump, int err)
{
	atomic_store(&pump->fatal, err);
	attribd_bell_ring(pump->flush->owner);
}

bool attribd_pump_begin(struct attribd_pump *pump)
{
	struct attrib_sink_attach attach;

	if (!await_sink(pump, &attach))
		return false;
	if (attribd_pump_find_lanes(pump) || make_state(pump, &attach))
		return false;
	if (!is_whole(pump, &attach)) {
		give_up(pump, ATTRIB_E_CONFIG);
		return false;
	}
	if (!replay(pump, &attach))
		return false;
	attribd_pump_keep_past(pump);
	attribd_pump_marks_first(pump);
	pump->filling_from = pump->records;
	pump->decided_version = attach.catalog_version;
	pump->unsettled = pump->snapshot->wanted;
	/* without what was added again others may have decided meanwhile */
	if (pump->owed || attach.catalog_version != attribd_pump_version(pump->snapshot))
		pump->redeciding =
			attrib_engine_set_catalog(pump->engine, pump->snapshot->catalog, true) == 0;
	atomic_store(&pump->progress->attached, true);
	return true;
}
