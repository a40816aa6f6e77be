/*
 * What instances wait for, when their state in Redis forgets. Each says with every batch, and every two seconds, from
 * when on records may still come from it; the least of all those marks is the watermark. What Redis lets expire goes by
 * its clock, max_instance_lag late. When the watermark is behind by half of that, one instance walks over all keys and
 * holds them, again and again, until the one that is waited for is back, or was retired. Walks also forget what
 * never expires. A page of a walk is done between two groups, and a sixteenth of the time while records come.
 */
#include "pump_internal.h"

#include "attrib/state_redis.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"

#define WALKS      8  /* that forget, in the time that ids are remembered for */
#define HELD_AGAIN 4  /* times in a lag */
#define SHARE      15 /* parts of work for one of walking, */
#define SHARE_IDLE 3  /* and of rest when there is none here: others work with the server */
#define OTHERS_US                                                                                  \
	(5 * ATTRIB_US_PER_S)       /* before it is asked again whether another one still walks */
#define AGAIN_US ATTRIB_US_PER_MIN  /* before the next walk after one that failed */
#define WARN_US  ATTRIB_US_PER_HOUR /* between two warnings of one kind */
#define STALE_US ATTRIB_US_PER_MIN  /* what is known of Redis may be as old */

/* -- the own mark -------------------------------------------------------------------------------- */

static bool has_unread(struct attribd_pump *pump, uint32_t index)
{
	const struct attribd_pump_lane *lane = &pump->lanes[index];
	struct attrib_lane_view view;

	attrib_journal_lane_look(pump->journal, index, &view);
	return lane->after < (lane->ends ? lane->ends : view.last);
}

/* Records of a lane come in the order of their receipt, but for what is in flight. The clock is asked first: what is
 * committed behind that was received behind it. */
static int64_t oldest_unread(struct attribd_pump *pump)
{
	int64_t at = attribd_clock_now();

	for (uint32_t i = 0; i < pump->lane_count; i++) {
		int64_t received_at = pump->lanes[i].received_at;
		if (received_at && received_at < at && has_unread(pump, i))
			at = received_at;
	}
	return at - PUMP_IN_FLIGHT_US;
}

void attribd_pump_marks_batch(struct attribd_pump *pump)
{
	pump->marks.from[1] = pump->marks.from[0];
	pump->marks.from[0] = oldest_unread(pump);
}

void attribd_pump_marks_applied(
	struct attribd_pump *pump, struct attribd_pump_lane *lane, struct attrib_str payload)
{
	struct attrib_event event;

	if (!attribd_pump_is_shared(pump))
		return;
	attrib_arena_reset(&pump->arena);
	if (attrib_event_decode(payload, &pump->arena, &event) == 0)
		lane->received_at = event.received_at;
}

static int64_t own_mark(struct attribd_pump *pump)
{
	bool missing = attribd_flush_busy(pump->flush) || attribd_flush_given_back(pump->flush);

	if (!missing && !pump->dirty)
		pump->marks.from[0] = oldest_unread(pump);
	return pump->marks.from[missing];
}

void attribd_pump_marks_say(struct attribd_pump *pump)
{
	pump->marks.own = own_mark(pump);
	attrib_state_redis_say(pump->state, pump->marks.own);
}

/* -- what is heard ------------------------------------------------------------------------------- */

static bool holds_up(const struct attribd_pump *pump, const struct attrib_redis_marks *marks)
{
	return marks->now - marks->least > pump->snapshot->config->max_instance_lag_us / 2;
}

static void warn_of_hold(struct attribd_pump *pump, const struct attrib_redis_marks *marks)
{
	char hex[2 * sizeof marks->of], since[32], heard[32];

	if (!holds_up(pump, marks) || !attribd_clock_due(&pump->marks.warned_at, WARN_US))
		return;
	attrib_hex(&marks->of, sizeof marks->of, hex);
	attrib_time_format(marks->least, since);
	attrib_time_format(marks->of_heard_at, heard);
	attribd_log(ATTRIBD_LOG_WARNING,
		"state: nothing is forgotten until instance %.*s has applied what it received "
		"since %.19sZ (last heard of %.19sZ); if it never comes back: attribd instances "
		"retire %.*s",
		(int)sizeof hex, hex, since, heard, (int)sizeof hex, hex);
}

/* What is older than this may have lost facts, so it keeps the path that it has. */
static void keep_past(struct attribd_pump *pump, const struct attrib_redis_marks *known)
{
	struct attrib_memory_span span = attrib_memory_span_of(pump->snapshot->catalog);
	int64_t from = known->gone + STALE_US - span.lock_after_us;
	struct attrib_engine_marks marks;

	attrib_engine_get_marks(pump->engine, &marks);
	if (marks.complete_from >= from)
		return;
	marks.complete_from = from;
	attrib_engine_resume(pump->engine, &marks);
}

/* Nobody has waited for what is applied now. */
static void note_late(struct attribd_pump *pump, const struct attrib_redis_marks *marks)
{
	uint64_t decisions = attribd_pump_decisions(pump);
	char since[32], gone[32];

	if (pump->marks.late)
		attribd_metric_add(ATTRIBD_METRIC_ATTRIBUTION_DEGRADED,
			(int64_t)(decisions - pump->marks.decisions));
	pump->marks.decisions = decisions;
	pump->marks.late = pump->marks.own < marks->gone;
	if (!pump->marks.late || !attribd_clock_due(&pump->marks.late_at, WARN_US))
		return;
	attrib_time_format(pump->marks.own, since);
	attrib_time_format(marks->gone, gone);
	attribd_log(ATTRIBD_LOG_WARNING,
		"state: records received since %.19sZ are applied only now, and those up to %.19sZ "
		"were not waited for: touches of their orders may be gone",
		since, gone);
}

void attribd_pump_marks_heard(struct attribd_pump *pump)
{
	struct attrib_redis_marks marks;

	attrib_state_redis_marks(pump->state, &marks);
	if (!marks.now || !pump->marks.own)
		return;
	attribd_metric_set(
		ATTRIBD_METRIC_STATE_WATERMARK, (marks.now - marks.least) / ATTRIB_US_PER_S);
	keep_past(pump, &marks);
	note_late(pump, &marks);
	warn_of_hold(pump, &marks);
}

/* -- beginning and end --------------------------------------------------------------------------- */

/* A mark of before stays until the journal is read as far as the sink has it. */
int attribd_pump_marks_begin(struct attribd_pump *pump)
{
	int64_t now = attribd_clock_now() - PUMP_IN_FLIGHT_US;
	struct attrib_redis_marks marks;
	int err;

	while ((err = attrib_state_redis_join(pump->state, now)))
		if (!attribd_pump_state_away(pump, err))
			return ATTRIB_E_UNAVAILABLE;
	attrib_state_redis_marks(pump->state, &marks);
	keep_past(pump, &marks);
	return 0;
}

void attribd_pump_marks_first(struct attribd_pump *pump)
{
	if (!attribd_pump_is_shared(pump))
		return;
	for (uint32_t i = 0; i < pump->lane_count; i++)
		if (has_unread(pump, i))
			pump->lanes[i].received_at = attribd_pump_first_received(pump, i, 0);
	pump->marks.from[0] = pump->marks.from[1] = pump->marks.own = oldest_unread(pump);
	attribd_pump_marks_heard(pump);
}

void attribd_pump_marks_leave(struct attribd_pump *pump)
{
	if (!attribd_pump_is_shared(pump) || attribd_flush_ended(pump->flush) ||
		attribd_flush_busy(pump->flush) || pump->dirty || pump->owed || pump->redeciding ||
		attrib_journal_committed(pump->journal) > pump->records)
		return;
	if (attrib_state_redis_leave(pump->state))
		attribd_log(ATTRIBD_LOG_WARNING,
			"state: %s; its instances wait for this one, though everything is written",
			attrib_state_redis_error(pump->state));
}

/* -- walks --------------------------------------------------------------------------------------- */

/* What a walk would be for; false: for nothing. */
static bool is_due(struct attribd_pump *pump, struct attrib_redis_walk *walk)
{
	const struct attribd_config *config = pump->snapshot->config;
	struct attrib_memory_span span = attrib_memory_span_of(pump->snapshot->catalog);
	int64_t lag_us = config->max_instance_lag_us;
	struct attrib_redis_marks marks;

	attrib_state_redis_marks(pump->state, &marks);
	*walk = (struct attrib_redis_walk){.facts_before = ATTRIB_NEVER};
	if (!marks.now)
		return false;
	if (holds_up(pump, &marks) && marks.now - marks.held_at >= lag_us / HELD_AGAIN)
		walk->hold_s = (uint64_t)(lag_us / ATTRIB_US_PER_S);
	if (marks.gone - marks.walked_by >= config->dedupe_us / WALKS) {
		walk->facts_before = marks.gone - span.facts_us;
		walk->by = marks.gone;
	}
	return walk->hold_s || walk->by;
}

static void fail(struct attribd_pump *pump)
{
	pump->marks.walk_at = attribd_clock_mono() + AGAIN_US;
	if (attribd_clock_due(&pump->marks.failed_at, WARN_US))
		attribd_log(ATTRIBD_LOG_WARNING,
			"state: walking over what is kept: %s; again in a minute",
			attrib_state_redis_error(pump->state));
}

static void begin_walk(struct attribd_pump *pump)
{
	struct attribd_pump_marks *own = &pump->marks;
	struct attrib_redis_walk walk;
	int64_t mono = attribd_clock_mono();

	if (mono < own->walk_at || !is_due(pump, &walk))
		return;
	own->walk_at = mono + OTHERS_US;
	if (attrib_state_redis_walk(pump->state, &walk, &own->walking))
		fail(pump);
}

static void step(struct attribd_pump *pump, bool busy)
{
	int64_t began = attribd_clock_mono();
	bool done;

	if (attrib_state_redis_step(pump->state, &done))
		fail(pump);
	pump->marks.walking = !done;
	pump->marks.rested_at =
		began + (1 + (busy ? SHARE : SHARE_IDLE)) * (attribd_clock_mono() - began);
}

int64_t attribd_pump_walk(struct attribd_pump *pump, bool busy)
{
	int64_t rest_us = pump->marks.rested_at - attribd_clock_mono();

	if (pump->away || attrib_state_redis_has_lost(pump->state))
		return -1;
	if (pump->marks.walking && rest_us > 0)
		return rest_us;
	if (pump->marks.walking)
		step(pump, busy);
	else
		begin_walk(pump);
	return pump->marks.walking ? 0 : -1;
}
