/*
 * A state that lacks records: they are deleted, no checkpoint has them, and an operator said to go on.
 *
 * Whatever is decided anew of what PostgreSQL has would be decided by less than it was. So orders of that
 * time keep their path, as if their facts were forgotten; what is still to be emitted is decided by what
 * there is.
 */
#include "pump_internal.h"

#include "clock.h"
#include "log.h"
#include "metrics.h"

static uint64_t lacking_records(struct attribd_pump *pump)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < pump->lane_count; i++) {
		struct attrib_lane_view view;

		attrib_journal_lane_look(pump->journal, i, &view);
		if (view.first > view.begins && pump->lanes[i].state + 1 < view.first)
			n += view.first - 1 - pump->lanes[i].state;
	}
	return n;
}

int64_t attribd_pump_first_received(struct attribd_pump *pump, uint32_t lane, int64_t none)
{
	struct attrib_engine_record group[ATTRIBD_GROUP];
	struct attrib_event event;
	size_t n = 0;

	while (!attribd_pump_read_group(pump, lane, UINT64_MAX, group, &n))
		if (atomic_load(&pump->stop))
			return none;
	attrib_arena_reset(&pump->arena);
	return n && attrib_event_decode(group[0].payload, &pump->arena, &event) == 0
		       ? event.received_at
		       : none;
}

void attribd_pump_keep_past(struct attribd_pump *pump)
{
	int64_t from = attribd_clock_now();
	struct attrib_engine_marks marks;
	uint64_t lacking = lacking_records(pump);

	attribd_metric_set(ATTRIBD_METRIC_STATE_MISSING, (int64_t)lacking);
	if (!lacking)
		return;
	for (uint32_t i = 0; i < pump->lane_count; i++) {
		int64_t first = attribd_pump_first_received(pump, i, from);
		from = first < from ? first : from;
	}
	attrib_engine_get_marks(pump->engine, &marks);
	if (from < marks.newest_received_at)
		from = marks.newest_received_at;
	if (marks.complete_from < from)
		marks.complete_from = from;
	attrib_engine_resume(pump->engine, &marks);
	attribd_log(ATTRIBD_LOG_WARNING,
		"the state lacks records that are deleted and in no checkpoint: orders that "
		"PostgreSQL "
		"has keep their credit, new ones find only the touches that are left");
}
