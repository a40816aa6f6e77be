/*
 * The engine thread's insides, shared by the files that make it: pump.c reads, applies and hands over,
 * pump_recover.c begins, pump_past.c with less than there was, pump_checkpoint.c copies the state between two
 * groups, pump_redis.c is for a state in Redis, pump_marks.c for what its instances wait for,
 * pump_master.c for which of its servers decides.
 */
#ifndef ATTRIBD_PUMP_INTERNAL_H
#define ATTRIBD_PUMP_INTERNAL_H

#include "pump.h"

#define PUMP_RETRY_US     1000000
#define PUMP_IN_FLIGHT_US (10 * ATTRIB_US_PER_MIN) /* received, and perhaps not yet in a lane */

/* -- pump.c -- */

/* Learns of lanes that were opened since. ATTRIB_E_NOMEM. */
int attribd_pump_find_lanes(struct attribd_pump *pump) ATTRIB_MUST_CHECK;
/* Up to ATTRIBD_GROUP records of a lane behind what it has applied, and not above `upto`. False: it has to
 * be tried again. */
bool attribd_pump_read_group(struct attribd_pump *pump, uint32_t lane, uint64_t upto,
	struct attrib_engine_record *out, size_t *kept);
/* Applies a group of a lane until it works; false: stopped. */
bool attribd_pump_apply(struct attribd_pump *pump, const struct attribd_pump_lane *lane,
	const struct attrib_engine_record *records, size_t n, bool silent);
/* Gives the filled batch to the flush thread, which is not busy. */
void attribd_pump_offer(struct attribd_pump *pump, int64_t mono);
/* What decisions are made by, as the sink remembers it between starts. */
uint64_t attribd_pump_version(const struct attribd_snapshot *snapshot);

/* -- pump_recover.c -- */

/* From the thread's birth until the first record is to be emitted. False: stopped, or it can't begin. */
bool attribd_pump_begin(struct attribd_pump *pump);

/* Adds the records of a lane up to a number again, which emits nothing; *n is what was read. A stop waits for it as
 * long as for the flush thread. False: that has ended. */
bool attribd_pump_silently(struct attribd_pump *pump, uint32_t lane, uint64_t upto, uint64_t *n);

/* -- pump_redis.c -- */

/* Whether the state is in Redis. */
bool attribd_pump_is_shared(const struct attribd_pump *pump);
/* Makes it, waits until it answers, and notes how far each lane was added. ATTRIB_E_UNAVAILABLE: stopped, or it is
 * no server for this and the daemon has to end; ATTRIB_E_NOMEM. */
int attribd_pump_redis_begin(struct attribd_pump *pump, uint64_t epoch) ATTRIB_MUST_CHECK;
/* A group could not be applied: says so, and waits a moment. False: stopped. */
bool attribd_pump_state_away(struct attribd_pump *pump, int err);
void attribd_pump_state_answers(struct attribd_pump *pump);
/* A lane was applied up to a number. */
void attribd_pump_reached(
	struct attribd_pump *pump, const struct attribd_pump_lane *lane, uint64_t number);
/* Before and after Redis is asked for anything: whether it turned out to lack nothing is remembered. */
uint64_t attribd_pump_decisions(const struct attribd_pump *pump);
void attribd_pump_redis_sure(struct attribd_pump *pump, uint64_t decisions_before);
/* Before anything is added: whether that is silent, because it was added before. */
void attribd_pump_redis_again(struct attribd_pump *pump, bool silent);
/* Adds again what Redis has lost. False: stopped, and it is lost still. */
bool attribd_pump_heal(struct attribd_pump *pump);
/* Redis hears of lanes that were opened since, before anything of them is added. False: stopped, or it has lost others. */
bool attribd_pump_meet_lanes(struct attribd_pump *pump);
/* Records are to be added again: until attribd_pump_pay every order has to be decided after them, also by the next
 * start. False: stopped. */
bool attribd_pump_owe(struct attribd_pump *pump);
/* Whether an earlier start left that to this one. False: stopped. */
bool attribd_pump_inherit(struct attribd_pump *pump);
/* The engine has begun again, with a server that had lost so many records. */
void attribd_pump_count_loss(struct attribd_pump *pump, uint64_t readded);
/* Called when the sink has all that was handed over. */
void attribd_pump_pay(struct attribd_pump *pump);
/* Right behind `stats` of the state. */
void attribd_pump_redis_count(struct attribd_pump *pump);
/* Called with every pass: now and then it asks whether what was added is still there, because what one instance
 * has added others decide by. Returns how long the loop may wait at most; negative = as long as it likes. */
int64_t attribd_pump_redis_look(struct attribd_pump *pump);

/* -- pump_marks.c: of a state in Redis -- */

/* Before the first record: it is one of those that are waited for. ATTRIB_E_UNAVAILABLE: stopped. */
int attribd_pump_marks_begin(struct attribd_pump *pump) ATTRIB_MUST_CHECK;
/* All silent records are applied; what comes is to be emitted. Of any state. */
void attribd_pump_marks_first(struct attribd_pump *pump);
/* The last record of a group, which was applied. Of any state. */
void attribd_pump_marks_applied(
	struct attribd_pump *pump, struct attribd_pump_lane *lane, struct attrib_str payload);
/* The batch that was filled goes to the sink, the next one begins. Of any state. */
void attribd_pump_marks_batch(struct attribd_pump *pump);
/* Right before and right behind `stats` of the state. */
void attribd_pump_marks_say(struct attribd_pump *pump);
void attribd_pump_marks_heard(struct attribd_pump *pump);
/* Called between groups; busy: records wait. Returns how long the loop may wait at most; negative = as long as it
 * likes. */
int64_t attribd_pump_walk(struct attribd_pump *pump, bool busy);
/* After the last flush: when that was all, nobody waits for this instance any more. Of any state. */
void attribd_pump_marks_leave(struct attribd_pump *pump);

/* -- pump_master.c -- */

/* Waits until a server answers that may decide, and speaks to no other one from then on. False: stopped. */
bool attribd_pump_meet_master(struct attribd_pump *pump);
/* Whether another server has answered than the one that decides, which ends all that is asked of it. */
bool attribd_pump_has_moved(const struct attribd_pump *pump);
/* Called between two groups. */
void attribd_pump_follow_master(struct attribd_pump *pump);
/* Lets go of engine, state and batches: what is not in the sink is applied again. */
void attribd_pump_let_go(struct attribd_pump *pump);

/* -- pump_past.c -- */

/* When the first record of a lane was received that is to be emitted; `none` without one. */
int64_t attribd_pump_first_received(struct attribd_pump *pump, uint32_t lane, int64_t none);

/* After the silent records: when the state lacks some that it can't have any more, what was decided by them
 * stays as it is. */
void attribd_pump_keep_past(struct attribd_pump *pump);

/* -- pump_checkpoint.c -- */

/* Called between groups; busy: records wait. Returns how long the loop may wait at most; negative = as long
 * as it likes. */
int64_t attribd_pump_checkpoint(struct attribd_pump *pump, bool busy);
/* Whether a copy is being made: nothing may be forgotten then. */
bool attribd_pump_copying(const struct attribd_pump *pump);
/* The state is as the records say of which `saved` are in a checkpoint already. */
void attribd_pump_first_checkpoint(struct attribd_pump *pump, uint64_t saved);
/* After the last flush of a clean stop: brings what is under way to an end, or makes one more. */
void attribd_pump_last_checkpoint(struct attribd_pump *pump);

#endif
