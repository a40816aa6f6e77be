/*
 * The engine thread's part of a checkpoint: between two groups it copies a little of the state into blocks,
 * for a fraction of a millisecond, and goes on with its records. While records come it spends a sixteenth of its
 * time on it, also when it is level with them: whoever takes them in wants the cores and the disk, too. When none
 * has come for a moment it takes all that the disk allows.
 */
#include "pump_internal.h"

#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"

#define STEP_US       300                   /* of copying at a time */
#define SHARE         15                    /* parts of work for one of copying */
#define STOP_US       (8 * ATTRIB_US_PER_S) /* after which a stop waits for no checkpoint */
#define STOP_BYTES_US 100                   /* of state that a stop expects to write in 1 us */
#define QUIET_US      ATTRIB_US_PER_S       /* without a record */
#define LOOK_US       (ATTRIB_US_PER_S / 50)

/* -- what a checkpoint begins with -------------------------------------------------------------- */

/* After the database was set back, the state is ahead of what is being emitted. */
static bool caught_up(const struct attribd_pump *pump)
{
	for (uint32_t i = 0; i < pump->lane_count; i++)
		if (pump->lanes[i].after < pump->lanes[i].state)
			return false;
	return true;
}

/* Lanes that never had a record are nobody's business. */
static struct attrib_checkpoint_lane *note_lanes(const struct attribd_pump *pump, uint32_t *count)
{
	struct attrib_checkpoint_lane *lanes = calloc(pump->lane_count + 1, sizeof *lanes);
	struct attrib_lane_view view;

	*count = 0;
	for (uint32_t i = 0; i < pump->lane_count && lanes; i++) {
		const struct attribd_pump_lane *lane = &pump->lanes[i];

		attrib_journal_lane_look(pump->journal, i, &view);
		if (lane->after >= view.begins)
			lanes[(*count)++] = (struct attrib_checkpoint_lane){.lane = lane->id,
				.applied = lane->after,
				.forgotten = lane->forgotten};
	}
	return lanes;
}

/* Everything that the copy will hold at least is noted here, before its first step. */
static bool begin(struct attribd_pump *pump)
{
	struct attribd_pump_copy *copy = &pump->copy;
	struct attrib_engine_marks marks;
	struct attrib_checkpoint_head head = {
		.made_at = attribd_clock_now(),
		.base = attrib_journal_base(pump->journal),
		.forgotten_before = pump->forgotten_before,
	};

	head.lanes = note_lanes(pump, &head.lane_count);
	if (!head.lanes)
		return false;
	attrib_engine_get_marks(pump->engine, &marks);
	head.newest_received_at = marks.newest_received_at;
	head.complete_from = marks.complete_from;
	head.bad_payloads = marks.bad_payloads;
	head.unknown_sites = marks.unknown_sites;
	copy->dump = ATTRIB_DUMP_START;
	copy->records = pump->records;
	copy->began_at = attribd_clock_mono();
	copy->rested_at = copy->busy_at = 0;
	copy->longest_us = 0;
	copy->phase = ATTRIBD_COPY_STEPS;
	attribd_checkpoint_begin(pump->checkpoint, &head);
	return true;
}

/* -- copying ------------------------------------------------------------------------------------- */

static void end(struct attribd_pump *pump, bool done)
{
	struct attribd_pump_copy *copy = &pump->copy;
	int64_t mono = attribd_clock_mono();

	copy->phase = ATTRIBD_COPY_NONE;
	copy->due_at = mono + pump->snapshot->config->checkpoint_interval_us;
	if (!done)
		return;
	copy->saved = copy->records;
	attribd_metric_set(ATTRIBD_METRIC_CHECKPOINT_MS, (mono - copy->began_at) / 1000);
	attribd_metric_set(ATTRIBD_METRIC_CHECKPOINT_STEP_US, copy->longest_us);
	attribd_metric_set(
		ATTRIBD_METRIC_CHECKPOINT_BYTES, (int64_t)atomic_load(&pump->checkpoint->bytes));
}

static void give_up(struct attribd_pump *pump)
{
	attribd_checkpoint_abandon(pump->checkpoint, pump->copy.block);
	pump->copy.block = NULL;
	pump->copy.phase = ATTRIBD_COPY_WRITING; /* until the thread has dropped it */
}

/* The end of the dump is a block of its own. False: none is free. */
static bool put_end(struct attribd_pump *pump)
{
	struct attribd_pump_copy *copy = &pump->copy;
	struct attrib_buf *block = attribd_checkpoint_block(pump->checkpoint);

	if (!block)
		return false;
	if (attrib_state_memory_dump_end(pump->state, &copy->dump, block)) {
		copy->block = block;
		give_up(pump);
		return true;
	}
	attribd_checkpoint_put(pump->checkpoint, block, true);
	copy->phase = ATTRIBD_COPY_WRITING;
	copy->upto = pump->records;
	return true;
}

/* Copies for a moment; false: all blocks are on their way. */
static bool step(struct attribd_pump *pump)
{
	struct attribd_pump_copy *copy = &pump->copy;
	int64_t until = attribd_clock_mono() + STEP_US;

	do {
		if (copy->dump.done)
			return put_end(pump);
		if (!copy->block)
			copy->block = attribd_checkpoint_block(pump->checkpoint);
		if (!copy->block)
			return false;
		if (attrib_state_memory_dump(pump->state, &copy->dump, copy->block)) {
			give_up(pump);
			return true;
		}
		if (copy->block->n >= ATTRIB_DUMP_BLOCK || copy->dump.done) {
			attribd_checkpoint_put(pump->checkpoint, copy->block, false);
			copy->block = NULL;
		}
	} while (attribd_clock_mono() < until);
	return true;
}

static int64_t steps(struct attribd_pump *pump, bool busy)
{
	struct attribd_pump_copy *copy = &pump->copy;
	int64_t began = attribd_clock_mono(), took;
	bool free;

	if (busy)
		copy->busy_at = began;
	if (began < copy->rested_at && began - copy->busy_at < QUIET_US)
		return copy->rested_at - began;
	free = step(pump);
	took = attribd_clock_mono() - began;
	if (took > copy->longest_us)
		copy->longest_us = took;
	copy->rested_at = began + took + SHARE * took;
	return free ? 0 : -1; /* the bell rings when a block is free */
}

/* -- the rhythm ---------------------------------------------------------------------------------- */

static int64_t await_due(struct attribd_pump *pump)
{
	int64_t left = pump->copy.due_at - attribd_clock_mono();

	if (pump->snapshot->config->checkpoint_interval_us == 0 ||
		pump->records == pump->copy.saved || !caught_up(pump))
		return -1;
	if (left > 0)
		return left;
	if (!begin(pump))
		end(pump, false);
	return 0;
}

/* What the writing thread says. A copy may have its name when the database has all that it may hold. */
static void look(struct attribd_pump *pump)
{
	struct attribd_pump_copy *copy = &pump->copy;

	switch (attribd_checkpoint_look(pump->checkpoint)) {
	case ATTRIBD_CHECKPOINT_WRITTEN:
		if (copy->phase == ATTRIBD_COPY_WRITING &&
			atomic_load(&pump->progress->flushed) >= copy->upto)
			attribd_checkpoint_name(pump->checkpoint);
		break;
	case ATTRIBD_CHECKPOINT_DONE:
		end(pump, true);
		break;
	case ATTRIBD_CHECKPOINT_FAILED:
		if (copy->block)
			attribd_checkpoint_abandon(pump->checkpoint, copy->block);
		copy->block = NULL;
		end(pump, false);
		break;
	case ATTRIBD_CHECKPOINT_NONE:
	case ATTRIBD_CHECKPOINT_OPEN:
	case ATTRIBD_CHECKPOINT_CLOSING:
	case ATTRIBD_CHECKPOINT_NAMING:
		break;
	}
}

int64_t attribd_pump_checkpoint(struct attribd_pump *pump, bool busy)
{
	if (!pump->checkpoint)
		return -1;
	if (pump->copy.phase != ATTRIBD_COPY_NONE)
		look(pump);
	switch (pump->copy.phase) {
	case ATTRIBD_COPY_NONE:
		return await_due(pump);
	case ATTRIBD_COPY_STEPS:
		return steps(pump, busy);
	case ATTRIBD_COPY_WRITING:
		break;
	}
	return -1;
}

bool attribd_pump_copying(const struct attribd_pump *pump)
{
	return pump->copy.phase == ATTRIBD_COPY_STEPS;
}

void attribd_pump_first_checkpoint(struct attribd_pump *pump, uint64_t saved)
{
	int64_t made_at = pump->checkpoint ? atomic_load(&pump->checkpoint->made_at) : 0;
	int64_t age = attribd_clock_now() - made_at;
	int64_t interval = pump->snapshot->config->checkpoint_interval_us;

	pump->copy.saved = saved;
	pump->copy.due_at =
		attribd_clock_mono() + (age >= 0 && age < interval ? interval - age : 0);
}

/* -- the stop ------------------------------------------------------------------------------------ */

/* Whether there is something to save, and time for it. */
static bool is_worth_it(struct attribd_pump *pump, int64_t until)
{
	struct attrib_state_stats stats;

	if (pump->records == pump->copy.saved || !caught_up(pump))
		return false;
	pump->state->ops->stats(pump->state, &stats);
	if ((int64_t)(stats.bytes / STOP_BYTES_US) < until - attribd_clock_mono())
		return true;
	attribd_log(ATTRIBD_LOG_NOTICE,
		"checkpoint: none at this stop, %llu bytes take too long; the next start reads the "
		"journal from the last one on",
		(unsigned long long)stats.bytes);
	return false;
}

void attribd_pump_last_checkpoint(struct attribd_pump *pump)
{
	int64_t until = atomic_load(&pump->stop_at) + STOP_US, wait_us;

	if (!pump->checkpoint || pump->snapshot->config->checkpoint_interval_us == 0 ||
		atomic_load(&pump->progress->flushed) < pump->records)
		return;
	if (pump->copy.phase == ATTRIBD_COPY_NONE && (!is_worth_it(pump, until) || !begin(pump)))
		return;
	pump->copy.busy_at = 0;
	while (pump->copy.phase != ATTRIBD_COPY_NONE && attribd_clock_mono() < until) {
		wait_us = attribd_pump_checkpoint(pump, false);
		if (pump->copy.phase != ATTRIBD_COPY_NONE && wait_us != 0)
			attribd_bell_wait(&pump->bell, LOOK_US);
	}
}
