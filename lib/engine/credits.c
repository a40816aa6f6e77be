/*
 * Rows of credit: one per touch of the collapsed path, and one of nobody where some model has no
 * touch to credit. Every model splits the order by its own weights, to the last cent.
 */
#include "attrib/money.h"
#include "decide.h"

struct sheet {
	const struct attrib_path *path;
	struct attrib_credit *credits;
	size_t n;
	uint64_t *weights;
	int64_t *parts;
	int64_t gross;
};

static void touch_credit(
	const struct attrib_path *path, const struct attrib_row *row, struct attrib_credit *out)
{
	const struct attrib_candidate *source = &path->candidates[row->source];

	*out = (struct attrib_credit){
		.channel = source->unowned ? ATTRIB_CHANNEL_OTHER : source->step.channel,
		.creator = source->step.creator,
		.campaign = source->step.campaign,
		.placement = source->step.placement,
		.tracker = source->unowned ? source->other : source->step.tracker,
		.touched_at = path->candidates[row->anchor].step.occurred_at,
	};
}

/* Adds nobody's row; returns its place. */
static size_t nobody(struct sheet *sheet, enum attrib_channel channel, struct attrib_str tracker)
{
	sheet->credits[sheet->n] = (struct attrib_credit){.channel = channel,
		.tracker = tracker,
		.touched_at = sheet->path->group->order.placed_at};
	return sheet->n++;
}

/* All of one model to one row. */
static void give_all(struct sheet *sheet, enum attrib_model model, size_t row)
{
	sheet->credits[row].share[model] = ATTRIB_SHARE_ONE;
	sheet->credits[row].amount[model] = sheet->gross;
}

static int split(struct sheet *sheet, enum attrib_model model)
{
	size_t n = sheet->path->row_count;
	int err;

	attrib_path_weights(sheet->path, model, sheet->weights);
	err = attrib_money_split(ATTRIB_SHARE_ONE, sheet->weights, n, sheet->parts);
	for (size_t i = 0; i < n && err == 0; i++)
		sheet->credits[i].share[model] = sheet->parts[i];
	if (err == 0)
		err = attrib_money_split(sheet->gross, sheet->weights, n, sheet->parts);
	for (size_t i = 0; i < n && err == 0; i++)
		sheet->credits[i].amount[model] = sheet->parts[i];
	return err;
}

static void policy_credit(struct sheet *sheet, const struct attrib_outcome *outcome)
{
	size_t row = outcome->row;

	if (row == ATTRIB_NO_ROW)
		row = outcome->rule == ATTRIB_RULE_OTHER
			      ? nobody(sheet, ATTRIB_CHANNEL_OTHER, outcome->other->other)
			      : nobody(sheet, ATTRIB_CHANNEL_UNATTRIBUTED, ATTRIB_STR_NONE);
	give_all(sheet, ATTRIB_MODEL_POLICY, row);
}

/* Every model but the policy. */
static void give_models(struct sheet *sheet, size_t row)
{
	for (enum attrib_model m = ATTRIB_MODEL_POLICY + 1; m < ATTRIB_MODEL_COUNT; m++)
		give_all(sheet, m, row);
}

static int split_models(struct sheet *sheet)
{
	int err = 0;

	for (enum attrib_model m = ATTRIB_MODEL_POLICY + 1; m < ATTRIB_MODEL_COUNT && err == 0; m++)
		err = split(sheet, m);
	return err;
}

/* Models that have no touch: with unattributed if that row is there, else with a row of their own. */
static void empty_models(struct sheet *sheet)
{
	size_t row = sheet->n - 1;

	if (sheet->credits[row].channel != ATTRIB_CHANNEL_UNATTRIBUTED)
		row = nobody(sheet, ATTRIB_CHANNEL_UNATTRIBUTED, ATTRIB_STR_NONE);
	give_models(sheet, row);
}

int attrib_credits(const struct attrib_path *path, const struct attrib_outcome *outcome,
	struct attrib_arena *arena, struct attrib_decision *out)
{
	size_t rows = path->row_count;
	struct sheet sheet = {.path = path, .n = rows, .gross = path->group->order.gross};

	sheet.credits = attrib_arena_alloc(arena, (rows + 2) * sizeof *sheet.credits);
	sheet.weights = attrib_arena_raw(arena, rows * sizeof *sheet.weights);
	sheet.parts = attrib_arena_raw(arena, rows * sizeof *sheet.parts);
	if (!sheet.credits || !sheet.weights || !sheet.parts)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < rows; i++)
		touch_credit(path, &path->rows[i], &sheet.credits[i]);
	policy_credit(&sheet, outcome);
	if (rows == 0)
		empty_models(&sheet);
	else if (rows == 1) /* one touch has all of it, whatever its weight */
		give_models(&sheet, 0);
	else if (split_models(&sheet) != 0)
		return ATTRIB_E_INVALID; /* uncovered: weights are never all zero, nor near 2^64 */
	out->credits = sheet.credits;
	out->credit_count = sheet.n;
	return 0;
}
