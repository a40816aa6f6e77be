/* See gaps.h. */
#include "gaps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"

#define TOLD_MAX 20

static void add(struct attribd_gaps *gaps, const struct attrib_id *lane, uint64_t from, uint64_t to,
	enum attribd_gap_kind kind)
{
	gaps->p[gaps->count++] = (struct attribd_gap){
		.lane = {.lane = *lane, .number = to}, .from = from, .to = to, .kind = kind};
}

static const struct attrib_position *position_of(
	const struct attrib_position *positions, size_t n, const struct attrib_id *lane)
{
	for (size_t i = 0; i < n; i++) {
		if (attrib_id_eq(&positions[i].lane, lane))
			return &positions[i];
	}
	return NULL;
}

/* What a journal knows of lanes that are gone lies in one file; a checkpoint knows it, too. */
static int tell_journal(struct attribd_held *held, const struct attrib_checkpoint_head *head)
{
	int err = 0;

	attrib_journal_raise_base(held->journal, head->base);
	for (uint32_t i = 0; i < head->lane_count && !err; i++)
		if (head->lanes[i].applied)
			err = attrib_journal_knew(
				held->journal, &head->lanes[i].lane, head->lanes[i].applied);
	return err;
}

int attribd_held_take(struct attribd_held *held, const struct attrib_checkpoints *checkpoints)
{
	size_t count = attrib_checkpoints_count(checkpoints);
	const struct attrib_checkpoint_head *older;

	if (count == 0)
		return 0;
	older = attrib_checkpoints_head(checkpoints, count > 1 ? 1 : 0);
	held->state = calloc(older->lane_count + 1, sizeof *held->state);
	if (!held->state)
		return ATTRIB_E_NOMEM;
	for (uint32_t i = 0; i < older->lane_count; i++)
		held->state[held->state_count++] = (struct attrib_position){
			.lane = older->lanes[i].lane, .number = older->lanes[i].applied};
	return tell_journal(held, attrib_checkpoints_head(checkpoints, 0));
}

void attribd_held_done(struct attribd_held *held)
{
	free(held->state);
	held->state = NULL;
	held->state_count = 0;
}

uint64_t attribd_held_state(const struct attribd_held *held, const struct attrib_id *lane)
{
	const struct attrib_position *position = position_of(held->state, held->state_count, lane);

	return position ? position->number : 0;
}

/* A lane of which the directory knows nothing. */
static void compare_unknown(struct attrib_journal *journal, const struct attrib_position *position,
	struct attribd_gaps *gaps)
{
	uint32_t index;

	if (!attrib_journal_lane_find(journal, &position->lane, &index) && position->number)
		add(gaps, &position->lane, 1, position->number, ATTRIBD_GAP_FLUSHED);
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* PostgreSQL has the lane up to `confirmed`, the checkpoint up to `state`; begins - 1 = not at all. */
static void compare_lane(const struct attrib_lane_view *lane, uint64_t confirmed, uint64_t state,
	struct attribd_gaps *gaps)
{
	/* of a lane that is gone everything up to `known` was here */
	if (confirmed > max(lane->last + lane->torn, lane->known))
		add(gaps, &lane->id, max(lane->last, lane->known) + 1, confirmed,
			ATTRIBD_GAP_FLUSHED);
	else if (confirmed + 1 < lane->first)
		add(gaps, &lane->id, confirmed + 1, lane->first - 1, ATTRIBD_GAP_LOST);
	else if (max(confirmed, lane->last) < lane->known)
		add(gaps, &lane->id, max(confirmed, lane->last) + 1, lane->known, ATTRIBD_GAP_LOST);
	else if (state + 1 < lane->first)
		add(gaps, &lane->id, state + 1, lane->first - 1, ATTRIBD_GAP_STATE);
}

static void compare_known(const struct attribd_held *held, const struct attrib_positions *positions,
	uint32_t index, struct attribd_gaps *gaps)
{
	struct attrib_lane_view lane;

	attrib_journal_lane_look(held->journal, index, &lane);
	const struct attrib_position *in_sink =
		position_of(positions->p, positions->count, &lane.id);
	const struct attrib_position *in_state =
		position_of(held->state, held->state_count, &lane.id);
	bool given_up = in_sink && in_sink >= positions->p + positions->count - positions->given_up;
	if (!lane.own && !given_up)
		compare_lane(&lane, in_sink ? in_sink->number : lane.begins - 1,
			held->shared ? lane.last
			: in_state   ? in_state->number
				     : lane.begins - 1,
			gaps);
}

int attribd_gaps_find(const struct attribd_held *held, const struct attrib_positions *positions,
	struct attribd_gaps *out)
{
	uint32_t lanes = attrib_journal_lane_count(held->journal);
	struct attribd_gaps gaps = {0};

	gaps.p = calloc(positions->count + lanes + 1, sizeof *gaps.p);
	if (!gaps.p)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < positions->count - positions->given_up; i++)
		compare_unknown(held->journal, &positions->p[i], &gaps);
	for (uint32_t i = 0; i < lanes; i++)
		compare_known(held, positions, i, &gaps);
	*out = gaps;
	return 0;
}

void attribd_gaps_done(struct attribd_gaps *gaps)
{
	free(gaps->p);
	*gaps = (struct attribd_gaps){0};
}

void attribd_gap_text(const struct attribd_gap *gap, char out[ATTRIBD_GAP_TEXT])
{
	char lane[33] = {0};

	attrib_hex(gap->lane.lane.b, sizeof gap->lane.lane.b, lane);
	if (gap->kind == ATTRIBD_GAP_FLUSHED && gap->from == 1)
		snprintf(out, ATTRIBD_GAP_TEXT,
			"lane %s: PostgreSQL has records up to %" PRIu64 ", this journal has none",
			lane, gap->to);
	else if (gap->kind == ATTRIBD_GAP_FLUSHED)
		snprintf(out, ATTRIBD_GAP_TEXT,
			"lane %s: records %" PRIu64 " to %" PRIu64
			" that PostgreSQL has are not in this journal",
			lane, gap->from, gap->to);
	else
		snprintf(out, ATTRIBD_GAP_TEXT,
			"lane %s: records %" PRIu64 " to %" PRIu64
			" are neither in %s nor in this journal",
			lane, gap->from, gap->to,
			gap->kind == ATTRIBD_GAP_LOST ? "PostgreSQL" : "a checkpoint");
}

static void tell(const struct attribd_gaps *gaps)
{
	char text[ATTRIBD_GAP_TEXT];

	for (size_t i = 0; i < gaps->count && i < TOLD_MAX; i++) {
		attribd_gap_text(&gaps->p[i], text);
		attribd_log(ATTRIBD_LOG_ERROR, "%s", text);
	}
	if (gaps->count > TOLD_MAX)
		attribd_log(ATTRIBD_LOG_ERROR, "... and in %zu more lanes", gaps->count - TOLD_MAX);
}

/* What to do depends on what is missing: an older copy, an older database, or the state alone. */
static const char *const advice[] = {
	[ATTRIBD_GAP_FLUSHED] = "this state_dir is older than the database or has lost segments",
	[ATTRIBD_GAP_LOST] = "the database is older than what this journal has retained",
	[ATTRIBD_GAP_STATE] =
		"no usable checkpoint, and segments that it would replace are deleted",
};
static const char *const remedy[] = {
	[ATTRIBD_GAP_FLUSHED] = "start with the newest state_dir",
	[ATTRIBD_GAP_LOST] = "restore a newer backup of the database",
	[ATTRIBD_GAP_STATE] = "bring the checkpoint back from a backup",
};

static void advise(const struct attribd_gaps *gaps, struct attrib_sink_error *error)
{
	enum attribd_gap_kind kind = gaps->p[0].kind;

	for (size_t i = 1; i < gaps->count; i++)
		if (gaps->p[i].kind < kind)
			kind = gaps->p[i].kind;
	snprintf(error->text, sizeof error->text,
		"%s (%zu lane%s, see above): %s, or go on without those records with 'attribd "
		"take-over'",
		advice[kind], gaps->count, gaps->count == 1 ? "" : "s", remedy[kind]);
}

bool attribd_gaps_fits(
	void *arg, const struct attrib_positions *positions, struct attrib_sink_error *error)
{
	const struct attribd_held *held = arg;
	struct attribd_gaps gaps;
	uint64_t base = attrib_journal_base(held->journal);

	if (positions->count == 0 && base > 0)
		attribd_log(ATTRIBD_LOG_NOTICE,
			"PostgreSQL knows nothing of this instance: all %" PRIu64
			" records of the journal are written to it",
			base);
	if (attribd_gaps_find(held, positions, &gaps)) {
		snprintf(error->text, sizeof error->text, "%s", attrib_error_text(ATTRIB_E_NOMEM));
		return false;
	}
	bool fits = gaps.count == 0;
	if (!fits)
		advise(&gaps, error);
	tell(&gaps);
	attribd_gaps_done(&gaps);
	return fits;
}
