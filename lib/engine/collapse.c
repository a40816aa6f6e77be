/*
 * Anchored collapse: the newest touch absorbs those of the same creator less than `collapse` before
 * it, then the newest that is left, and so on. Anchored, not chained: a creator who is clicked every
 * ten minutes of a week is not one touch.
 */
#include "path.h"

enum attrib_strength attrib_candidate_strength(const struct attrib_candidate *candidate)
{
	if (candidate->step.by_click_id)
		return ATTRIB_STRENGTH_CLICK_ID;
	switch (candidate->step.channel) {
	case ATTRIB_CHANNEL_AFFILIATE:
		return ATTRIB_STRENGTH_AFFILIATE;
	case ATTRIB_CHANNEL_LINK:
		return ATTRIB_STRENGTH_LINK;
	case ATTRIB_CHANNEL_UTM:
		return ATTRIB_STRENGTH_UTM;
	case ATTRIB_CHANNEL_CODE:
		return ATTRIB_STRENGTH_CODE;
	case ATTRIB_CHANNEL_VIEW:
	case ATTRIB_CHANNEL_OTHER:
	case ATTRIB_CHANNEL_DIRECT:
	case ATTRIB_CHANNEL_UNATTRIBUTED:
		break;
	}
	return ATTRIB_STRENGTH_VIEW;
}

static bool takes_part(const struct attrib_path *path, const struct attrib_candidate *c)
{
	return c->step.eligible || (path->site->policy.scope_all && c->unowned);
}

/* Nobody's touches are the same when they name the same source and medium. */
static bool same_creator(const struct attrib_candidate *a, const struct attrib_candidate *b)
{
	return attrib_str_eq(a->step.creator, b->step.creator) && attrib_str_eq(a->other, b->other);
}

/* Absorbs into the row whatever belongs to its anchor; the newest of the strongest is its source. */
static void absorb(struct attrib_path *path, struct attrib_row *row, size_t number)
{
	struct attrib_candidate *anchor = &path->candidates[row->anchor], *c;
	int64_t collapse = path->site->policy.collapse_us;

	anchor->row = number;
	for (size_t i = row->anchor; i-- > 0;) {
		c = &path->candidates[i];
		if (anchor->step.occurred_at - c->step.occurred_at >= collapse)
			break;
		if (c->row != ATTRIB_NO_ROW || !takes_part(path, c) || !same_creator(anchor, c))
			continue;
		c->row = number;
		if (c->step.eligible)
			c->step.reason = ATTRIB_REASON_COLLAPSED;
		if (attrib_candidate_strength(c) >
			attrib_candidate_strength(&path->candidates[row->source]))
			row->source = i;
	}
}

static void reverse(struct attrib_path *path)
{
	size_t n = path->row_count;

	for (size_t i = 0; i < n / 2; i++) {
		struct attrib_row swap = path->rows[i];
		path->rows[i] = path->rows[n - 1 - i];
		path->rows[n - 1 - i] = swap;
	}
	for (size_t i = 0; i < path->n; i++)
		if (path->candidates[i].row != ATTRIB_NO_ROW)
			path->candidates[i].row = n - 1 - path->candidates[i].row;
}

int attrib_path_collapse(struct attrib_path *path, struct attrib_arena *arena)
{
	path->row_count = 0;
	path->rows = attrib_arena_raw(arena, path->n * sizeof *path->rows);
	if (!path->rows)
		return ATTRIB_E_NOMEM;
	for (size_t i = path->n; i-- > 0;) {
		struct attrib_candidate *c = &path->candidates[i];
		if (c->row != ATTRIB_NO_ROW || !takes_part(path, c))
			continue;
		path->rows[path->row_count] = (struct attrib_row){i, i};
		absorb(path, &path->rows[path->row_count], path->row_count);
		path->row_count++;
	}
	reverse(path);
	return 0;
}
