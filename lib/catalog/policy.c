/*
 * Names and defaults: the words of the contract for channels, models and code rules, and the policy
 * of a site that states nothing. And which version of a site's settings an order is decided by.
 */
#include "attrib/catalog.h"

const char *attrib_channel_name(enum attrib_channel channel)
{
	switch (channel) {
	case ATTRIB_CHANNEL_LINK:
		return "link";
	case ATTRIB_CHANNEL_AFFILIATE:
		return "affiliate";
	case ATTRIB_CHANNEL_UTM:
		return "utm";
	case ATTRIB_CHANNEL_CODE:
		return "code";
	case ATTRIB_CHANNEL_VIEW:
		return "view";
	case ATTRIB_CHANNEL_OTHER:
		return "other";
	case ATTRIB_CHANNEL_DIRECT:
		return "direct";
	case ATTRIB_CHANNEL_UNATTRIBUTED:
		return "unattributed";
	}
	return "unknown";
}

const char *attrib_model_name(enum attrib_model model)
{
	static const char *const names[ATTRIB_MODEL_COUNT] = {
#define X(name, text) [ATTRIB_MODEL_##name] = text,
		ATTRIB_MODELS(X)
#undef X
	};

	return (unsigned)model < ATTRIB_MODEL_COUNT ? names[model] : "unknown";
}

static const char *const code_rules[] = {
	[ATTRIB_CODE_RULE_INHERIT] = "",
	[ATTRIB_CODE_RULE_ALWAYS] = "always",
	[ATTRIB_CODE_RULE_FALLBACK] = "fallback",
	[ATTRIB_CODE_RULE_IF_INVOLVED] = "if_involved",
	[ATTRIB_CODE_RULE_IF_WINNER] = "if_winner",
	[ATTRIB_CODE_RULE_NEVER] = "never",
};

const char *attrib_code_rule_name(enum attrib_code_rule rule)
{
	return code_rules[rule];
}

int attrib_code_rule_parse(struct attrib_str s, enum attrib_code_rule *out)
{
	for (int rule = ATTRIB_CODE_RULE_ALWAYS; rule <= ATTRIB_CODE_RULE_NEVER; rule++) {
		if (attrib_str_eq(s, attrib_str_of(code_rules[rule]))) {
			*out = (enum attrib_code_rule)rule;
			return 0;
		}
	}
	return ATTRIB_E_INVALID;
}

void attrib_policy_defaults(struct attrib_policy *out)
{
	*out = (struct attrib_policy){
		.version = 1,
		.recorded_at = ATTRIB_NEVER,
		.window_us =
			{
				[ATTRIB_CHANNEL_LINK] = 30 * ATTRIB_US_PER_DAY,
				[ATTRIB_CHANNEL_AFFILIATE] = 30 * ATTRIB_US_PER_DAY,
				[ATTRIB_CHANNEL_UTM] = 30 * ATTRIB_US_PER_DAY,
				[ATTRIB_CHANNEL_VIEW] = 0,
			},
		.code_grace_us = 30 * ATTRIB_US_PER_DAY,
		.collapse_us = 30 * ATTRIB_US_PER_MIN,
		.code_rule = ATTRIB_CODE_RULE_ALWAYS,
		.browser_orders = ATTRIB_BROWSER_CONFIRM,
		.renewals = ATTRIB_RENEWALS_NONE,
		.lead_window_us = 90 * ATTRIB_US_PER_DAY,
		.lock_after_us = 30 * ATTRIB_US_PER_DAY,
		.max_late_us = 90 * ATTRIB_US_PER_DAY,
		.time_decay_half_life_us = 7 * ATTRIB_US_PER_DAY,
		.revenue_basis = ATTRIB_BASIS_NET_OF_TAX_AND_SHIPPING,
		.currency = "EUR",
		.primary_model = ATTRIB_MODEL_POLICY,
		.exclude = ATTRIB_STR("test"),
		.too_fast_us = 5 * ATTRIB_US_PER_S,
	};
}

bool attrib_site_reaches(const struct attrib_site *site, int64_t placed_at)
{
	return !site->before || site->policy.recorded_at <= placed_at + site->policy.lock_after_us;
}

bool attrib_site_same_version(const struct attrib_site *a, const struct attrib_site *b)
{
	return a->policy.version == b->policy.version &&
	       a->policy.recorded_at == b->policy.recorded_at;
}
