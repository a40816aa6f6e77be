/*
 * Which touches may earn: by owner, verdict and window, as of what the catalog had recorded when the
 * order locked.
 */
#include "path.h"

#define ANY_GRACE (1000 * 365 * ATTRIB_US_PER_DAY) /* finds the owner of long ago */
#define FLAGS     ((uint32_t)(ATTRIB_VERDICTS_INVALID | ATTRIB_VERDICTS_SUSPECT))

struct judge {
	const struct attrib_catalog *catalog;
	const struct attrib_policy *policy;
	struct attrib_str site;
	int64_t placed_at, as_of;
	const struct attrib_id *customer; /* keys of who bought */
	size_t customer_count;
	bool renewal; /* nothing earns */
};

static enum attrib_tracker_kind kind_of(enum attrib_channel channel)
{
	/* a view is a view of a link */
	return channel == ATTRIB_CHANNEL_AFFILIATE ? ATTRIB_TRACKER_AFFILIATE : ATTRIB_TRACKER_LINK;
}

static void set_owner(struct attrib_candidate *c, const struct attrib_tracker *owner)
{
	c->owner = owner;
	if (!owner)
		return;
	c->step.creator = owner->creator;
	c->step.campaign = owner->campaign;
	c->step.placement = owner->placement;
	c->step.tracker = owner->key;
}

static bool earns_never(const struct attrib_tracker *owner)
{
	return owner && owner->generic;
}

static bool is_nobodys(const struct attrib_tracker *owner)
{
	return !owner || owner->creator.n == 0;
}

static enum attrib_reason verdict_reason(const struct attrib_candidate *c)
{
	/* whoever bought with this click id was no bot */
	if (c->verdicts & ATTRIB_VERDICT_BOT && !c->signed_click)
		return ATTRIB_REASON_BOT;
	if (c->verdicts & ATTRIB_VERDICT_PREFETCH)
		return ATTRIB_REASON_PREFETCH;
	if (c->verdicts & ATTRIB_VERDICT_HEAD)
		return ATTRIB_REASON_HEAD;
	return c->verdicts & ATTRIB_VERDICT_OWN_SITE ? ATTRIB_REASON_OWN_SITE : ATTRIB_REASON_NONE;
}

/* A creator who buys through the own link or code. */
static bool is_self_referral(const struct judge *judge, const struct attrib_tracker *owner)
{
	return attrib_catalog_is_creators(judge->catalog, judge->site, owner->creator,
		judge->customer, judge->customer_count, judge->as_of);
}

/* tracker > campaign > site */
static int64_t window_of(const struct judge *judge, const struct attrib_candidate *c)
{
	const struct attrib_campaign *campaign = NULL;

	if (c->owner && c->owner->window_us != ATTRIB_WINDOW_INHERIT)
		return c->owner->window_us;
	if (c->owner && c->owner->campaign.n)
		campaign = attrib_catalog_campaign(
			judge->catalog, judge->site, c->owner->campaign, judge->as_of);
	if (campaign && campaign->window_us != ATTRIB_WINDOW_INHERIT)
		return campaign->window_us;
	return judge->policy->window_us[c->step.channel];
}

static enum attrib_reason window_reason(
	const struct judge *judge, const struct attrib_candidate *c, int64_t window)
{
	bool inside = judge->placed_at - c->step.occurred_at < window;

	if (c->kept_until != ATTRIB_NEVER && (!inside || c->lead_id.n))
		return ATTRIB_REASON_KEPT_BY_LEAD;
	if (window <= 0)
		return ATTRIB_REASON_CHANNEL_OFF;
	return inside ? ATTRIB_REASON_ELIGIBLE : ATTRIB_REASON_BEFORE_WINDOW;
}

static bool earns(enum attrib_reason reason)
{
	return reason == ATTRIB_REASON_ELIGIBLE || reason == ATTRIB_REASON_GRACE ||
	       reason == ATTRIB_REASON_KEPT_BY_LEAD;
}

static enum attrib_reason touch_reason(const struct judge *judge, struct attrib_candidate *c)
{
	int64_t window = window_of(judge, c);
	enum attrib_reason reason;

	if (!is_nobodys(c->owner))
		c->step.window_ends_at = c->step.occurred_at + window;
	if (c->step.occurred_at > judge->placed_at)
		return ATTRIB_REASON_AFTER_ORDER;
	reason = verdict_reason(c);
	if (reason)
		return reason;
	if (earns_never(c->owner))
		return ATTRIB_REASON_GENERIC;
	reason = window_reason(judge, c, window);
	if (is_nobodys(c->owner)) {
		c->unowned =
			earns(reason) && c->step.channel == ATTRIB_CHANNEL_UTM && !judge->renewal;
		return ATTRIB_REASON_NO_OWNER;
	}
	if (is_self_referral(judge, c->owner))
		return ATTRIB_REASON_SELF_REFERRAL;
	if (reason == ATTRIB_REASON_KEPT_BY_LEAD)
		c->step.window_ends_at = c->kept_until;
	return reason;
}

/* Nobody reads a page, fills a cart and pays within a moment. What the order itself carries is no
 * touch of its own. */
static bool is_too_fast(const struct judge *judge, const struct attrib_candidate *c)
{
	int64_t after = judge->placed_at - c->step.occurred_at;

	return c->fact && after >= 0 && after < judge->policy->too_fast_us;
}

static void judge_touch(const struct judge *judge, struct attrib_candidate *c)
{
	int64_t at = c->step.occurred_at;

	if (c->step.channel == ATTRIB_CHANNEL_UTM)
		set_owner(c,
			attrib_catalog_utm(judge->catalog, judge->site, &c->utm, at, judge->as_of));
	else
		set_owner(c, attrib_catalog_owner(judge->catalog, judge->site,
				     kind_of(c->step.channel), c->step.folded, at, judge->as_of));
	c->step.flags = c->verdicts & FLAGS;
	if (is_too_fast(judge, c))
		c->step.flags |= ATTRIB_VERDICT_TOO_FAST;
	c->step.reason = touch_reason(judge, c);
}

static enum attrib_reason code_reason(const struct judge *judge, struct attrib_candidate *c)
{
	bool in_grace;

	set_owner(c,
		attrib_catalog_code(judge->catalog, judge->site, c->step.folded, judge->placed_at,
			judge->as_of, judge->policy->code_grace_us, &in_grace));
	if (earns_never(c->owner))
		return ATTRIB_REASON_GENERIC;
	if (!is_nobodys(c->owner)) {
		if (is_self_referral(judge, c->owner))
			return ATTRIB_REASON_SELF_REFERRAL;
		return in_grace ? ATTRIB_REASON_GRACE : ATTRIB_REASON_ELIGIBLE;
	}
	if (!c->owner && attrib_catalog_code(judge->catalog, judge->site, c->step.folded,
				 judge->placed_at, judge->as_of, ANY_GRACE, &in_grace))
		return ATTRIB_REASON_ENDED;
	return ATTRIB_REASON_NO_OWNER;
}

/* "<source>/<medium>" */
static struct attrib_str other_name(const struct attrib_utm *utm, struct attrib_arena *arena)
{
	size_t n = utm->source.n, m = utm->medium.n;
	char *p = attrib_arena_raw(arena, n + 1 + m);

	if (!p)
		return ATTRIB_STR_NONE;
	if (n)
		memcpy(p, utm->source.p, n);
	p[n] = '/';
	if (m)
		memcpy(p + n + 1, utm->medium.p, m);
	return (struct attrib_str){p, n + 1 + m};
}

void attrib_path_judge(
	struct attrib_path *path, const struct attrib_catalog *catalog, struct attrib_arena *arena)
{
	const struct attrib_merged *order = &path->group->order;
	struct judge judge = {.catalog = catalog,
		.policy = &path->site->policy,
		.site = path->site->name,
		.placed_at = order->placed_at,
		.as_of = order->lock_at,
		.customer = path->customer,
		.customer_count = path->customer_count,
		.renewal = path->renewal};

	for (size_t i = 0; i < path->n; i++) {
		struct attrib_candidate *c = &path->candidates[i];
		if (attrib_candidate_is_code(c))
			c->step.reason = code_reason(&judge, c);
		else
			judge_touch(&judge, c);
		if (judge.renewal && earns(c->step.reason))
			c->step.reason = ATTRIB_REASON_RENEWAL;
		c->step.eligible = earns(c->step.reason);
		if (c->unowned)
			c->other = other_name(&c->utm, arena);
	}
}
