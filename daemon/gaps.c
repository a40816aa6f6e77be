/* See gaps.h. */
#include "gaps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"

#define TOLD_MAX 20

static void add(struct attribd_gaps *gaps, const struct attrib_id *lane, uint64_t from, uint64_t to,
	bool flushed)
{
	gaps->p[gaps->count++] = (struct attribd_gap){
		.lane = {.lane = *lane, .number = to}, .from = from, .to = to, .flushed = flushed};
}

/* What PostgreSQL has and the directory does not. */
static void compare_lane(struct attrib_journal *journal, const struct attrib_position *position,
	struct attribd_gaps *gaps)
{
	struct attrib_lane_view lane = {.id = position->lane};
	uint32_t index;

	if (attrib_journal_lane_find(journal, &position->lane, &index))
		attrib_journal_lane_look(journal, index, &lane);
	if (position->number > lane.last + lane.torn)
		add(gaps, &lane.id, lane.last + 1, position->number, true);
}

/* What nobody has: the lane's first segments are gone before they were flushed. */
static void compare_begin(const struct attrib_lane_view *lane,
	const struct attrib_positions *positions, struct attribd_gaps *gaps)
{
	uint64_t from = lane->begins;

	for (size_t i = 0; i < positions->count; i++) {
		if (!attrib_id_eq(&positions->p[i].lane, &lane->id))
			continue;
		if (i >= positions->count - positions->given_up)
			return;
		from = positions->p[i].number + 1;
	}
	if (from < lane->first)
		add(gaps, &lane->id, from, lane->first - 1, false);
}

int attribd_gaps_find(struct attrib_journal *journal, const struct attrib_positions *positions,
	struct attribd_gaps *out)
{
	uint32_t lanes = attrib_journal_lane_count(journal);
	struct attribd_gaps gaps = {0};

	gaps.p = calloc(positions->count + lanes + 1, sizeof *gaps.p);
	if (!gaps.p)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < positions->count - positions->given_up; i++)
		compare_lane(journal, &positions->p[i], &gaps);
	for (uint32_t i = 0; i < lanes; i++) {
		struct attrib_lane_view lane;

		attrib_journal_lane_look(journal, i, &lane);
		if (!lane.own)
			compare_begin(&lane, positions, &gaps);
	}
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
	if (!gap->flushed)
		snprintf(out, ATTRIBD_GAP_TEXT,
			"lane %s: records %" PRIu64 " to %" PRIu64
			" are neither in PostgreSQL nor in this journal",
			lane, gap->from, gap->to);
	else if (gap->from == 1)
		snprintf(out, ATTRIBD_GAP_TEXT,
			"lane %s: PostgreSQL has records up to %" PRIu64 ", this journal has none",
			lane, gap->to);
	else
		snprintf(out, ATTRIBD_GAP_TEXT,
			"lane %s: records %" PRIu64 " to %" PRIu64
			" that PostgreSQL has are not in this journal",
			lane, gap->from, gap->to);
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

bool attribd_gaps_fits(
	void *arg, const struct attrib_positions *positions, struct attrib_sink_error *error)
{
	struct attrib_journal *journal = arg;
	struct attribd_gaps gaps;

	if (positions->count == 0 && attrib_journal_base(journal) > 0)
		attribd_log(ATTRIBD_LOG_NOTICE,
			"PostgreSQL knows nothing of this instance: all %" PRIu64
			" records of the journal are written to it",
			attrib_journal_base(journal));
	if (attribd_gaps_find(journal, positions, &gaps)) {
		snprintf(error->text, sizeof error->text, "%s", attrib_error_text(ATTRIB_E_NOMEM));
		return false;
	}
	bool fits = gaps.count == 0;
	if (!fits)
		snprintf(error->text, sizeof error->text,
			"this state_dir is older than the database or has lost segments (%zu "
			"lane%s, "
			"see above): start with the newest state_dir, or go on without those "
			"records with 'attribd take-over'",
			gaps.count, gaps.count == 1 ? "" : "s");
	tell(&gaps);
	attribd_gaps_done(&gaps);
	return fits;
}
