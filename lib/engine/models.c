/*
 * The models that share an order out, as integer weights over the rows of the collapsed path. Money
 * and shares are then split by largest remainder of the same weights.
 */
#include <math.h>

#include "path.h"

#define DECAY_ONE 4294967296.0 /* the weight of a touch at T: 2^32 */

/* The weight of a row under one model. */
typedef uint64_t weigh(const struct attrib_path *path, size_t row);

static uint64_t last_touch(const struct attrib_path *path, size_t row)
{
	return row == path->row_count - 1;
}

static uint64_t first_touch(const struct attrib_path *path, size_t row)
{
	(void)path;
	return row == 0;
}

static uint64_t linear(const struct attrib_path *path, size_t row)
{
	(void)path;
	(void)row;
	return 1;
}

/* 40/20/40 exactly: the middle shares 1 part each, the ends take 2 parts for each of the middle. */
static uint64_t position(const struct attrib_path *path, size_t row)
{
	size_t n = path->row_count;

	if (n <= 2)
		return 1;
	return row == 0 || row == n - 1 ? 2 * (uint64_t)(n - 2) : 1;
}

static uint64_t time_decay(const struct attrib_path *path, size_t row)
{
	const struct attrib_candidate *anchor = &path->candidates[path->rows[row].anchor];
	int64_t age = path->group->order.placed_at - anchor->step.occurred_at;
	double half_lives = (double)age / (double)path->site->policy.time_decay_half_life_us;
	double weight = exp2(-half_lives) * DECAY_ONE;

	return weight < 1 ? 1 : (uint64_t)llround(weight);
}

void attrib_path_weights(const struct attrib_path *path, enum attrib_model model, uint64_t *weights)
{
	/* the policy has an outcome, not weights */
	static weigh *const models[ATTRIB_MODEL_COUNT] = {[ATTRIB_MODEL_LAST_TOUCH] = last_touch,
		[ATTRIB_MODEL_FIRST_TOUCH] = first_touch,
		[ATTRIB_MODEL_LINEAR] = linear,
		[ATTRIB_MODEL_POSITION] = position,
		[ATTRIB_MODEL_TIME_DECAY] = time_decay};

	for (size_t i = 0; i < path->row_count; i++)
		weights[i] = models[model](path, i);
}
