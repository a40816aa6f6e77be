/*
 * The engine thread with a state in Redis. There are no checkpoints: the facts stand where they are, with how far
 * each lane was added. What Redis has lost (flushed, restored, promoted too early) is added again from the journal,
 * silently, and every order is decided once more; as long as it is away the engine waits, and the journal is
 * the queue.
 */
#include "pump_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attrib/state_redis.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "statedir.h"

#define TIMEOUT_MS  5000
#define AT_FIRST_US 20000
#define LOOK_US     (2 * ATTRIB_US_PER_S)
#define SKEW_US     ATTRIB_US_PER_S /* between the clocks of instances, at most */

bool attribd_pump_is_shared(const struct attribd_pump *pump)
{
	return attribd_config_shares_state(pump->snapshot->config);
}

/* Why, once; what is the same every second is not said again. */
static void tell_away(struct attribd_pump *pump, int err)
{
	attribd_metric_set(ATTRIBD_METRIC_STATE_UP, 0);
	atomic_store(&pump->progress->state_away, true);
	if (pump->away == err)
		return;
	pump->away = err;
	attribd_log(ATTRIBD_LOG_ERROR,
		"state: %s; events are taken, and decided when it answers again",
		attrib_state_redis_error(pump->state));
}

void attribd_pump_state_answers(struct attribd_pump *pump)
{
	if (pump->away)
		attribd_log(ATTRIBD_LOG_NOTICE, "state: it answers again");
	pump->away = 0;
	attribd_metric_set(ATTRIBD_METRIC_STATE_UP, 1);
	atomic_store(&pump->progress->state_away, false);
}

bool attribd_pump_state_away(struct attribd_pump *pump, int err)
{
	/* a connection that was cut is soon another one */
	useconds_t wait_us = pump->away ? PUMP_RETRY_US : AT_FIRST_US;

	if (attribd_pump_has_moved(pump))
		return false;
	if (err != ATTRIB_E_NOT_FOUND && attrib_state_redis_error(pump->state)[0])
		tell_away(pump, err);
	if (err != ATTRIB_E_NOT_FOUND)
		usleep(wait_us);
	return !atomic_load(&pump->stop);
}

void attribd_pump_reached(
	struct attribd_pump *pump, const struct attribd_pump_lane *lane, uint64_t number)
{
	struct attrib_claimer at = {lane->id, number};

	(void)!attrib_state_redis_reached(pump->state, &at); /* else a start adds it again */
}

/* -- how far Redis has come ---------------------------------------------------------------------- */

/* Of every lane from `first`; false: stopped. */
static bool ask_lanes(struct attribd_pump *pump, struct attrib_claimer *lanes, uint32_t first)
{
	uint32_t n = pump->lane_count - first;
	int err;

	for (uint32_t i = 0; i < n; i++)
		lanes[i].lane = pump->lanes[first + i].id;
	while ((err = attrib_state_redis_lanes(pump->state, lanes, n)))
		if (!attribd_pump_state_away(pump, err))
			return false;
	attribd_pump_state_answers(pump);
	pump->lanes_met = pump->lane_count;
	return true;
}

bool attribd_pump_meet_lanes(struct attribd_pump *pump)
{
	struct attrib_claimer *lanes;
	bool met;

	if (!attribd_pump_is_shared(pump) || pump->lanes_met == pump->lane_count)
		return true;
	if (attrib_state_redis_has_lost(pump->state))
		return false;
	lanes = calloc(pump->lane_count - pump->lanes_met, sizeof *lanes);
	met = lanes && ask_lanes(pump, lanes, pump->lanes_met);
	free(lanes);
	return met;
}

/* -- the beginning ------------------------------------------------------------------------------- */

static uint64_t seconds(int64_t us)
{
	return (uint64_t)(us / ATTRIB_US_PER_S) + 1;
}

static int make(struct attribd_pump *pump, uint64_t epoch)
{
	const struct attribd_config *config = pump->snapshot->config;
	struct attrib_memory_span span = attrib_memory_span_of(pump->snapshot->catalog);
	struct attrib_redis_options options = {
		.url = config->state,
		.ids_ttl_s = seconds(config->dedupe_us + config->max_instance_lag_us),
		.facts_ttl_s = seconds(span.facts_us + config->max_instance_lag_us),
		.lag_s = (uint64_t)(config->max_instance_lag_us / ATTRIB_US_PER_S),
		.max_bytes = pump->memory.max_bytes,
		.first_ticket = pump->ticket > epoch << 40 ? pump->ticket : epoch << 40,
		.timeout_ms = TIMEOUT_MS,
	};
	/* the catalog that the engine begins with has come behind this */
	int err = attribd_statedir_shared(config->state_dir, &options.identity);

	if (!err)
		err = attribd_statedir_instance(config->state_dir, &options.instance);
	return err ? err : attrib_state_redis_new(&options, &pump->state);
}

/* A server that can't be used is an error of the configuration: told at the start, and the end of it. */
static bool fits(struct attribd_pump *pump)
{
	uint64_t ticket;
	int err = pump->state->ops->add(pump->state, NULL, 0, NULL, &ticket);

	if (err != ATTRIB_E_CONFIG && err != ATTRIB_E_UNAUTHORIZED)
		return true;
	attribd_log(
		ATTRIBD_LOG_ERROR, "state: %s; stopping", attrib_state_redis_error(pump->state));
	atomic_store(&pump->fatal, ATTRIB_E_CONFIG);
	attribd_bell_ring(pump->flush->owner);
	return false;
}

int attribd_pump_redis_begin(struct attribd_pump *pump, uint64_t epoch)
{
	struct attrib_claimer *lanes = calloc(pump->lane_count + 1, sizeof *lanes);
	int err = lanes ? make(pump, epoch) : ATTRIB_E_NOMEM;

	if (!err && ((!pump->again && !fits(pump)) || !attribd_pump_meet_master(pump) ||
			    !ask_lanes(pump, lanes, 0)))
		err = ATTRIB_E_UNAVAILABLE;
	for (uint32_t i = 0; i < pump->lane_count && !err; i++)
		pump->lanes[i].state = lanes[i].number;
	free(lanes);
	return err;
}

/* -- what is owed -------------------------------------------------------------------------------- */

bool attribd_pump_owe(struct attribd_pump *pump)
{
	int err;

	while ((err = attrib_state_redis_owe(pump->state, true)))
		if (!attribd_pump_state_away(pump, err))
			return false;
	pump->owed = ATTRIBD_OWED_DECISIONS;
	return true;
}

bool attribd_pump_inherit(struct attribd_pump *pump)
{
	bool owes;
	int err;

	while ((err = attrib_state_redis_owes(pump->state, &owes)))
		if (!attribd_pump_state_away(pump, err))
			return false;
	if (owes)
		pump->owed = ATTRIBD_OWED_DECISIONS;
	return true;
}

void attribd_pump_pay(struct attribd_pump *pump)
{
	bool paid = pump->owed == ATTRIBD_OWED_ANSWER ||
		    (pump->owed == ATTRIBD_OWED_FLUSH && !pump->dirty);

	if (paid && attrib_state_redis_owe(pump->state, false) == 0)
		pump->owed = ATTRIBD_OWED_NOTHING;
}

/* -- what may have been decided by too little ----------------------------------------------------- */

uint64_t attribd_pump_decisions(const struct attribd_pump *pump)
{
	struct attrib_engine_stats stats;

	attrib_engine_get_stats(pump->engine, &stats);
	return stats.decisions;
}

void attribd_pump_redis_sure(struct attribd_pump *pump, uint64_t decisions_before)
{
	struct attrib_redis_stats now;

	attrib_state_redis_stats(pump->state, &now);
	if (now.confirmed != pump->redis_confirmed)
		pump->redis_sure = decisions_before;
	pump->redis_confirmed = now.confirmed;
}

static uint64_t count_degraded(struct attribd_pump *pump)
{
	uint64_t decisions = attribd_pump_decisions(pump), n = decisions - pump->redis_sure;

	pump->redis_sure = decisions;
	attribd_metric_add(ATTRIBD_METRIC_ATTRIBUTION_DEGRADED, (int64_t)n);
	return n;
}

void attribd_pump_count_loss(struct attribd_pump *pump, uint64_t readded)
{
	attribd_metric_add(ATTRIBD_METRIC_STATE_LOST, 1);
	attribd_metric_add(ATTRIBD_METRIC_STATE_READDED, (int64_t)readded);
	attribd_metric_add(ATTRIBD_METRIC_ATTRIBUTION_DEGRADED, (int64_t)pump->unsure);
	pump->unsure = 0;
}

/* -- healing ------------------------------------------------------------------------------------- */

void attribd_pump_redis_again(struct attribd_pump *pump, bool silent)
{
	if (attribd_pump_is_shared(pump))
		attrib_state_redis_again(
			pump->state, silent ? attribd_clock_now() + SKEW_US : ATTRIB_NEVER);
}

/* Up to where each lane was applied, from where Redis says. False: stopped. */
static bool add_again(struct attribd_pump *pump, const struct attrib_claimer *lanes, uint64_t *n)
{
	struct attrib_lane_view view;
	bool whole = true;

	for (uint32_t i = 0; i < pump->lane_count && whole; i++) {
		struct attribd_pump_lane *lane = &pump->lanes[i];
		uint64_t upto = lane->after;
		attrib_journal_lane_look(pump->journal, i, &view);
		lane->state = lanes[i].number;
		if (lane->state >= upto)
			continue;
		lane->after = lane->state < view.first - 1 ? view.first - 1 : lane->state;
		whole = attribd_pump_silently(pump, i, upto, n);
		lane->after = upto;
	}
	return whole;
}

/* What was not added again is told as lost, whatever else of its lane comes. */
static bool heal(struct attribd_pump *pump, const struct attrib_claimer *lanes)
{
	int64_t began = attribd_clock_mono();
	uint64_t n = 0;
	bool whole;

	attribd_metric_add(ATTRIBD_METRIC_STATE_LOST, 1);
	attribd_log(ATTRIBD_LOG_WARNING,
		"state: it has lost what was added; it is added again from the journal, and all "
		"orders are decided again, of which up to %llu may have been decided without",
		(unsigned long long)count_degraded(pump));
	whole = attribd_pump_owe(pump) && add_again(pump, lanes, &n);
	attribd_metric_add(ATTRIBD_METRIC_STATE_READDED, (int64_t)n);
	if (!whole) {
		attrib_state_redis_lose(pump->state);
		return false;
	}
	if (!attrib_state_redis_has_lost(pump->state)) {
		attribd_log(ATTRIBD_LOG_NOTICE, "state: %llu records were added again in %lld ms",
			(unsigned long long)n, (long long)(attribd_clock_mono() - began) / 1000);
		attribd_pump_keep_past(pump);
	}
	pump->redeciding =
		attrib_engine_set_catalog(pump->engine, pump->snapshot->catalog, true) == 0;
	return true;
}

bool attribd_pump_heal(struct attribd_pump *pump)
{
	struct attrib_claimer *lanes = calloc(pump->lane_count + 1, sizeof *lanes);
	bool whole = lanes && ask_lanes(pump, lanes, 0) && heal(pump, lanes);

	free(lanes);
	return whole;
}

int64_t attribd_pump_redis_look(struct attribd_pump *pump)
{
	struct attrib_state_stats ignored;

	if (!attribd_pump_is_shared(pump))
		return -1;
	if (attribd_clock_due(&pump->redis_looked_at, LOOK_US)) {
		attribd_pump_marks_say(pump);
		pump->state->ops->stats(pump->state, &ignored);
		attribd_pump_redis_count(pump);
	}
	return LOOK_US;
}

/* -- figures ------------------------------------------------------------------------------------- */

void attribd_pump_redis_count(struct attribd_pump *pump)
{
	struct attrib_redis_stats now, *counted = &pump->redis_counted;

	attribd_pump_redis_sure(pump, attribd_pump_decisions(pump));
	attrib_state_redis_stats(pump->state, &now);
	attribd_metric_add(
		ATTRIBD_METRIC_STATE_COMMANDS, (int64_t)(now.commands - counted->commands));
	attribd_metric_add(ATTRIBD_METRIC_STATE_ROUND_TRIPS,
		(int64_t)(now.round_trips - counted->round_trips));
	attribd_metric_add(
		ATTRIBD_METRIC_STATE_OVERTAKEN, (int64_t)(now.overtaken - counted->overtaken));
	attribd_metric_add(ATTRIBD_METRIC_STATE_PACKED, (int64_t)(now.packed - counted->packed));
	attribd_metric_add(ATTRIBD_METRIC_STATE_CONNECTIONS,
		(int64_t)(now.connections - counted->connections));
	*counted = now;
	attribd_pump_marks_heard(pump);
}
