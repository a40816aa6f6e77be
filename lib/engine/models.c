/*
 * The models that share an order out, as integer weights over the rows of the collapsed path. Money
 * and shares are then split by largest remainder of the same weights.
 */
#include <math.h>

#include "path.h"

#define DECAY_ONE 4294967296.0 /* the weight of a touch at T: 2^32 */

static uint64_t decay_weight(int64_t age, int64_t half_life)
{
	double weight;

	if (age <= 0)
		return (uint64_t)DECAY_ONE;
	if (half_life <= 0)
		return 1;
	weight = exp2(-(double)age / (double)half_life) * DECAY_ONE;
	return weight < 1 ? 1 : (uint64_t)llround(weight);
}

/* 40/20/40 exactly: the middle shares 1 part each, the ends take 2 parts for each of the middle. */
static uint64_t position_weight(size_t row, size_t n)
{
	if (n <= 2)
		return 1;
	return row == 0 || row == n - 1 ? 2 * (uint64_t)(n - 2) : 1;
}

void attrib_path_weights(const struct attrib_path *path, enum attrib_model model, uint64_t *weights)
{
	size_t n = path->row_count;

	for (size_t i = 0; i < n; i++) {
		const struct attrib_candidate *anchor = &path->candidates[path->rows[i].anchor];
		switch (model) {
		case ATTRIB_MODEL_POLICY: /* has an outcome, not weights */
		case ATTRIB_MODEL_COUNT:
			weights[i] = 0;
			break;
		case ATTRIB_MODEL_LAST_TOUCH:
			weights[i] = i == n - 1;
			break;
		case ATTRIB_MODEL_FIRST_TOUCH:
			weights[i] = i == 0;
			break;
		case ATTRIB_MODEL_LINEAR:
			weights[i] = 1;
			break;
		case ATTRIB_MODEL_POSITION:
			weights[i] = position_weight(i, n);
			break;
		case ATTRIB_MODEL_TIME_DECAY:
			weights[i] = decay_weight(
				path->group->order.placed_at - anchor->step.occurred_at,
				path->site->policy.time_decay_half_life_us);
			break;
		}
	}
}
