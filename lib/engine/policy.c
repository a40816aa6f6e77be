/*
 * Who wins the order: the code by its rule, else the last owned touch, else unowned utm, else nobody.
 */
#include "path.h"

struct policy {
	const struct attrib_path *path;
	const struct attrib_catalog *catalog;
};

static bool is_code(const struct attrib_candidate *c)
{
	return attrib_candidate_is_code(c);
}

/* Of several owned codes: the larger discount, then the first on the order. */
static const struct attrib_candidate *pick_code(const struct attrib_path *path)
{
	const struct attrib_candidate *best = NULL;

	for (size_t i = 0; i < path->n; i++) {
		const struct attrib_candidate *c = &path->candidates[i];
		if (!is_code(c) || !c->step.eligible)
			continue;
		if (!best || c->step.discount > best->step.discount)
			best = c;
	}
	return best;
}

static bool other_creator_is_eligible(
	const struct attrib_path *path, const struct attrib_candidate *code)
{
	for (size_t i = 0; i < path->n; i++)
		if (path->candidates[i].step.eligible &&
			!attrib_str_eq(path->candidates[i].step.creator, code->step.creator))
			return true;
	return false;
}

static bool is_involved(const struct attrib_path *path, const struct attrib_candidate *code)
{
	for (size_t i = 0; i < path->n; i++)
		if (path->candidates[i].step.eligible && !is_code(&path->candidates[i]) &&
			attrib_str_eq(path->candidates[i].step.creator, code->step.creator))
			return true;
	return false;
}

/* The newest eligible touch that is no code; a click beats every view. */
static const struct attrib_candidate *last_owned(const struct attrib_path *path)
{
	const struct attrib_candidate *view = NULL;

	for (size_t i = path->n; i-- > 0;) {
		const struct attrib_candidate *c = &path->candidates[i];
		if (!c->step.eligible || is_code(c))
			continue;
		if (!c->step.view)
			return c;
		if (!view)
			view = c;
	}
	return view;
}

static const struct attrib_candidate *last_unowned(const struct attrib_path *path)
{
	for (size_t i = path->n; i-- > 0;)
		if (path->candidates[i].unowned)
			return &path->candidates[i];
	return NULL;
}

/* tracker > campaign > site */
static enum attrib_code_rule rule_of(
	const struct policy *policy, const struct attrib_candidate *code)
{
	const struct attrib_path *path = policy->path;
	const struct attrib_campaign *campaign = NULL;

	if (code->owner->code_rule != ATTRIB_CODE_RULE_INHERIT)
		return code->owner->code_rule;
	if (code->owner->campaign.n)
		campaign = attrib_catalog_campaign(policy->catalog, path->site->name,
			code->owner->campaign, path->group->order.lock_at);
	if (campaign && campaign->code_rule != ATTRIB_CODE_RULE_INHERIT)
		return campaign->code_rule;
	return path->site->policy.code_rule;
}

static bool code_wins(const struct policy *policy, const struct attrib_outcome *outcome,
	const struct attrib_candidate *last)
{
	const struct attrib_candidate *code = outcome->code;

	switch (outcome->code_rule) {
	case ATTRIB_CODE_RULE_INHERIT:
	case ATTRIB_CODE_RULE_ALWAYS:
		return true;
	case ATTRIB_CODE_RULE_FALLBACK:
		return !other_creator_is_eligible(policy->path, code);
	case ATTRIB_CODE_RULE_IF_INVOLVED:
		return is_involved(policy->path, code);
	case ATTRIB_CODE_RULE_IF_WINNER:
		return last && attrib_str_eq(last->step.creator, code->step.creator);
	case ATTRIB_CODE_RULE_NEVER:
		break;
	}
	return false;
}

/* The winner's row: its newest touch of the strongest channel names the credit. */
static size_t strongest_row(const struct attrib_path *path, struct attrib_str creator)
{
	size_t best = ATTRIB_NO_ROW;
	const struct attrib_candidate *source, *best_source = NULL;

	for (size_t i = path->row_count; i-- > 0;) {
		source = &path->candidates[path->rows[i].source];
		if (!source->step.eligible || !attrib_str_eq(source->step.creator, creator))
			continue;
		if (!best_source || attrib_candidate_strength(source) >
					    attrib_candidate_strength(best_source)) {
			best = i;
			best_source = source;
		}
	}
	return best;
}

void attrib_path_policy(const struct attrib_path *path, const struct attrib_catalog *catalog,
	struct attrib_outcome *out)
{
	struct policy policy = {path, catalog};
	const struct attrib_candidate *last = last_owned(path), *other = last_unowned(path);

	*out = (struct attrib_outcome){
		.rule = ATTRIB_RULE_UNATTRIBUTED, .row = ATTRIB_NO_ROW, .code = pick_code(path)};
	if (out->code)
		out->code_rule = rule_of(&policy, out->code);
	if (out->code && code_wins(&policy, out, last)) {
		out->rule = ATTRIB_RULE_CODE;
		out->row = strongest_row(path, out->code->step.creator);
	} else if (last) {
		out->rule = ATTRIB_RULE_LAST_TOUCH;
		out->row = strongest_row(path, last->step.creator);
	} else if (other) {
		out->rule = ATTRIB_RULE_OTHER;
		out->other = other;
		out->row = other->row;
	}
}
