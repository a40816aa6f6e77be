/*
 * Which server decides, when the state is in Redis. A replica that was promoted holds the same state as the master
 * before it, and both go on: the server of whichever became the master last decides (attrib/sink.h, `meet`), and it is
 * the only one that the engine speaks to. Nothing that another one has decided gets into the sink.
 *
 * When another one answers, what is decided goes first, in the name of the one that has decided it. Where that
 * decides no more the batch comes back, and the engine begins again with what the sink has, like a start does:
 * so what was applied counts neither twice nor not at all, as after a kill.
 */
#include "pump_internal.h"

#include <stdio.h>

#include "attrib/state_redis.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"

/* False: the flush thread has ended. */
static bool await_flush(struct attribd_pump *pump)
{
	while (attribd_flush_busy(pump->flush)) {
		if (attribd_flush_ended(pump->flush))
			return false;
		attribd_bell_wait(&pump->bell, PUMP_RETRY_US);
	}
	return true;
}

static int ask(struct attribd_pump *pump, const struct attrib_master *master)
{
	const struct attribd_sealed question = {.master = *master};

	attribd_flush_offer(pump->flush, &question);
	if (!await_flush(pump))
		return ATTRIB_E_UNAVAILABLE;
	return attribd_flush_given_back(pump->flush) ? ATTRIB_E_SUPERSEDED : 0;
}

bool attribd_pump_meet_master(struct attribd_pump *pump)
{
	struct attrib_master master;
	int err;

	attrib_state_redis_stay(pump->state, NULL);
	for (;;) {
		err = attrib_state_redis_master(pump->state, &master);
		if (!err)
			err = ask(pump, &master);
		if (!err)
			break;
		if (err == ATTRIB_E_SUPERSEDED)
			attrib_state_redis_refuse(pump->state,
				"it is an old master, another one has taken its place: the address "
				"has to lead to that one (attrib.state_master), or 'attribd "
				"take-over'");
		if (!attribd_pump_state_away(pump, err))
			return false;
	}
	attrib_state_redis_stay(pump->state, &master);
	pump->master = master;
	attribd_pump_state_answers(pump);
	return true;
}

bool attribd_pump_has_moved(const struct attribd_pump *pump)
{
	return pump->state && attribd_pump_is_shared(pump) && attrib_state_redis_moved(pump->state);
}

void attribd_pump_follow_master(struct attribd_pump *pump)
{
	if (!await_flush(pump))
		return;
	if (!attribd_flush_given_back(pump->flush) && pump->dirty) {
		attribd_pump_offer(pump, attribd_clock_mono());
		if (!await_flush(pump))
			return;
	}
	pump->anew = attribd_flush_given_back(pump->flush);
	if (!pump->anew)
		(void)!attribd_pump_meet_master(pump); /* stopped: so is the loop */
}

/* -- beginning again ------------------------------------------------------------------------------ */

static void let_go_of_state(struct attribd_pump *pump)
{
	struct attrib_redis_stats stats;

	attrib_state_redis_stats(pump->state, &stats);
	pump->ticket = stats.ticket;
	if (pump->engine) {
		pump->unsure = attribd_pump_decisions(pump) - pump->redis_sure;
		attrib_engine_free(pump->engine);
	}
	pump->engine = NULL;
	pump->state->ops->free(pump->state);
	pump->state = NULL;
}

void attribd_pump_let_go(struct attribd_pump *pump)
{
	if (attribd_flush_given_back(pump->flush)) {
		attribd_metric_add(ATTRIBD_METRIC_STATE_SUPERSEDED, 1);
		attribd_log(ATTRIBD_LOG_WARNING,
			"state: another master has taken the place of the one that was decided "
			"by; "
			"what PostgreSQL does not have yet is decided again");
	}
	let_go_of_state(pump);
	for (int i = 0; i < 2; i++)
		attrib_batch_reset(pump->batches[i]);
	pump->filling = pump->batches[0];
	pump->dirty = pump->redeciding = false;
	pump->unsettled = 0;
	pump->oldest_at[0] = pump->oldest_at[1] = 0;
	if (pump->owed)
		pump->owed = ATTRIBD_OWED_DECISIONS;
	pump->lane_count = pump->lanes_met = 0;
	pump->counted = (struct attrib_engine_stats){0};
	pump->redis_counted = (struct attrib_redis_stats){0};
	pump->marks = (struct attribd_pump_marks){.warned_at = pump->marks.warned_at,
		.late_at = pump->marks.late_at,
		.failed_at = pump->marks.failed_at};
	pump->redis_sure = pump->redis_confirmed = pump->refused = 0;
	pump->again = true;
	pump->anew = false;
}
