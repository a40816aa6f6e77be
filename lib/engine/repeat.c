/*
 * repeat_orders = first: a touch earns for its first counted order only.
 *
 * An earlier order has a touch's first claim when the touch is eligible for it; whether an even
 * earlier one took it does not matter, either way it is used. So no order waits for another's result.
 * Nor for a lead's: what an earlier order has only through a lead is not used up by it.
 */
#include "history.h"

static void use_up(struct attrib_path *path, const struct attrib_path *earlier)
{
	for (size_t i = 0; i < earlier->n; i++) {
		const struct attrib_candidate *used = &earlier->candidates[i];
		if ((!used->step.eligible && !used->unowned) || !used->fact)
			continue;
		for (size_t k = 0; k < path->n; k++) {
			struct attrib_candidate *c = &path->candidates[k];
			if (!c->fact || !attrib_id_eq(&c->id, &used->id) ||
				c->listed != used->listed)
				continue;
			if (c->step.eligible)
				c->step.reason = ATTRIB_REASON_USED;
			c->step.eligible = c->unowned = false;
		}
	}
}

int attrib_path_use_up(struct attrib_decider *decider, struct attrib_path *path,
	const struct attrib_history *orders)
{
	struct attrib_path earlier;

	for (size_t i = 0; i < orders->n; i++) {
		int err;
		if (attrib_order_cmp(&orders->rows[i].order, &path->group->order) > 0)
			break;
		err = attrib_path_find(decider, &orders->rows[i], &earlier);
		if (err)
			return err;
		attrib_path_judge(&earlier, decider->catalog, decider->closure->arena);
		use_up(path, &earlier);
	}
	return 0;
}
