/*
 * A catalog line to a catalog. Settings have the names and the forms of attribd.conf.
 */
#include <stddef.h>
#include <stdlib.h>

#include "play.h"

#define MUST(call)                                                                                 \
	do {                                                                                       \
		int err_ = (call);                                                                 \
		if (err_)                                                                          \
			play_fail("%s: %s", #call, attrib_error_text(err_));                       \
	} while (0)

/* Durations of a policy. */
static const struct {
	const char *name;
	size_t at;
} durations[] = {
#define AT(field) offsetof(struct attrib_policy, field)
	{"window.link", AT(window_us[ATTRIB_CHANNEL_LINK])},
	{"window.affiliate", AT(window_us[ATTRIB_CHANNEL_AFFILIATE])},
	{"window.utm", AT(window_us[ATTRIB_CHANNEL_UTM])},
	{"window.view", AT(window_us[ATTRIB_CHANNEL_VIEW])},
	{"code_grace", AT(code_grace_us)},
	{"collapse", AT(collapse_us)},
	{"lead_window", AT(lead_window_us)},
	{"lock_after", AT(lock_after_us)},
	{"max_late", AT(max_late_us)},
	{"too_fast", AT(too_fast_us)},
	{"model.half_life", AT(time_decay_half_life_us)},
#undef AT
};

/* Words, each with what it means. */
static const struct {
	const char *name, *word;
	size_t at, size;
	int value;
} words[] = {
#define WORD(name, word, field, value)                                                             \
	{                                                                                          \
		name, word, offsetof(struct attrib_policy, field),                                 \
			sizeof((struct attrib_policy *)0)->field, value                            \
	}
	WORD("browser_orders", "confirm", browser_orders, ATTRIB_BROWSER_CONFIRM),
	WORD("browser_orders", "count", browser_orders, ATTRIB_BROWSER_COUNT),
	WORD("browser_orders", "ignore", browser_orders, ATTRIB_BROWSER_IGNORE),
	WORD("count_at", "created", count_at_created, true),
	WORD("count_at", "paid", count_at_created, false),
	WORD("model.scope", "all", scope_all, true),
	WORD("model.scope", "creators", scope_all, false),
	WORD("repeat_orders", "first", repeat_first, true),
	WORD("repeat_orders", "all", repeat_first, false),
	WORD("renewals", "none", renewals, ATTRIB_RENEWALS_NONE),
	WORD("renewals", "all", renewals, ATTRIB_RENEWALS_ALL),
	WORD("revenue_basis", "net_of_tax_and_shipping", revenue_basis,
		ATTRIB_BASIS_NET_OF_TAX_AND_SHIPPING),
	WORD("revenue_basis", "total", revenue_basis, ATTRIB_BASIS_TOTAL),
	WORD("revenue_basis", "subtotal", revenue_basis, ATTRIB_BASIS_SUBTOTAL),
#undef WORD
};

/* -- members ------------------------------------------------------------------------------------ */

static int64_t time_of(struct attrib_json json, const char *name, int64_t missing)
{
	struct attrib_str text = play_text(json, name);
	int64_t at = missing;

	if (text.n)
		MUST(attrib_time_parse(text, &at));
	return at;
}

static uint64_t version_of(struct attrib_json json, uint64_t missing)
{
	char decimal[ATTRIB_JSON_DECIMAL_MAX + 1];
	struct attrib_json value;
	bool integer;

	if (!play_member(json, "version", &value))
		return missing;
	decimal[attrib_json_decimal(value, decimal, &integer)] = '\0';
	return strtoull(decimal, NULL, 10);
}

/* The items of a list member; an absent list is empty. */
static bool list_start(struct attrib_json catalog, const char *name, struct attrib_json_walk *walk)
{
	struct attrib_json list;

	if (!play_member(catalog, name, &list))
		return false;
	attrib_json_walk(list, walk);
	return true;
}

/* -- sites -------------------------------------------------------------------------------------- */

static bool set_word(struct attrib_policy *policy, struct attrib_str name, struct attrib_str value)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		char *field = (char *)policy + words[i].at;
		if (!attrib_str_eq(name, attrib_str_of(words[i].name)) ||
			!attrib_str_eq(value, attrib_str_of(words[i].word)))
			continue;
		if (words[i].size == sizeof(bool))
			*(bool *)field = words[i].value;
		else
			*(unsigned *)field = (unsigned)words[i].value;
		return true;
	}
	return false;
}

static bool set_duration(
	struct attrib_policy *policy, struct attrib_str name, struct attrib_str value)
{
	for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
		if (!attrib_str_eq(name, attrib_str_of(durations[i].name)))
			continue;
		MUST(attrib_duration_parse(value, (int64_t *)((char *)policy + durations[i].at)));
		return true;
	}
	return false;
}

/* renewals = months:N */
static bool set_months(
	struct attrib_policy *policy, struct attrib_str name, struct attrib_str value)
{
	struct attrib_str digits = ATTRIB_STR_NONE;

	if (!attrib_str_eq(name, ATTRIB_STR("renewals")) ||
		!attrib_str_eq(attrib_str_split(value, ':', &digits), ATTRIB_STR("months")))
		return false;
	policy->renewals = ATTRIB_RENEWALS_MONTHS;
	policy->renewal_months = 0;
	for (size_t i = 0; i < digits.n; i++)
		policy->renewal_months = policy->renewal_months * 10 + (digits.p[i] - '0');
	return policy->renewal_months > 0;
}

static void set_params(struct play_sites *sites, size_t i, struct attrib_str list)
{
	struct attrib_intake_site *site = &sites->site[i];

	site->affiliate_param_count = 0;
	while (list.p && site->affiliate_param_count < PLAY_PARAMS_MAX)
		sites->params[i][site->affiliate_param_count++] =
			attrib_str_trim(attrib_str_split(list, ',', &list));
}

static void set_one(struct play_sites *sites, size_t i, struct attrib_site *site,
	struct attrib_str name, struct attrib_str value)
{
	struct attrib_policy *policy = &site->policy;

	if (attrib_str_eq(name, ATTRIB_STR("code_rule"))) {
		MUST(attrib_code_rule_parse(value, &policy->code_rule));
	} else if (attrib_str_eq(name, ATTRIB_STR("currency"))) {
		if (value.n != 3)
			play_fail("currency: three letters");
		memcpy(policy->currency, value.p, 3);
	} else if (attrib_str_eq(name, ATTRIB_STR("order_source"))) {
		policy->order_source = value;
	} else if (attrib_str_eq(name, ATTRIB_STR("exclude"))) {
		policy->exclude = value;
	} else if (attrib_str_eq(name, ATTRIB_STR("affiliate_params"))) {
		set_params(sites, i, value);
	} else if (attrib_str_eq(name, ATTRIB_STR("time_zone"))) {
		site->time_zone = value;
	} else if (!set_duration(policy, name, value) && !set_word(policy, name, value) &&
		   !set_months(policy, name, value)) {
		play_fail("setting %.*s = %.*s", (int)name.n, name.p, (int)value.n, value.p);
	}
}

static const struct attrib_zone *zone_of(struct play_sites *sites, struct attrib_str name)
{
	char text[64] = "";
	struct attrib_zone *zone;

	memcpy(text, name.p, name.n < sizeof text ? name.n : sizeof text - 1);
	zone = attrib_zone_load(text);
	if (!zone)
		play_fail("unknown time zone");
	sites->zones[sites->zone_n++] = zone;
	return zone;
}

/* One version of a site's settings; what intake takes of them is that of the last one set. */
static void set_version(struct play_sites *sites, size_t i, struct attrib_json json,
	uint64_t version, struct attrib_site *site)
{
	struct attrib_json_walk walk;
	struct attrib_json settings, value;
	struct attrib_str name;

	site->time_zone = ATTRIB_STR("UTC");
	attrib_policy_defaults(&site->policy);
	site->policy.version = (uint32_t)version_of(json, version);
	site->policy.recorded_at = time_of(json, "recorded_at", ATTRIB_NEVER);
	sites->site[i].affiliate_params = sites->params[i];
	set_params(sites, i, ATTRIB_STR("ref,aff"));
	if (play_member(json, "settings", &settings)) {
		attrib_json_walk(settings, &walk);
		while (attrib_json_next(&walk, &name, &value))
			set_one(sites, i, site, name, attrib_json_string(value));
	}
	site->zone = zone_of(sites, site->time_zone);
}

static void add_site(struct attrib_json json, uint64_t version, struct play_sites *sites,
	struct attrib_catalog_builder *builder)
{
	struct attrib_site versions[PLAY_VERSIONS_MAX] = {0};
	struct attrib_json_walk walk;
	struct attrib_json item;
	struct attrib_str name;
	size_t i = sites->n++, n = 0;

	if (i == PLAY_SITES_MAX)
		play_fail("too many sites");
	if (list_start(json, "versions", &walk))
		while (attrib_json_next(&walk, &name, &item)) {
			if (n == PLAY_VERSIONS_MAX)
				play_fail("too many versions");
			set_version(sites, i, item, n + 1, &versions[n]);
			versions[n].before = n ? &versions[n - 1] : NULL;
			n++;
		}
	if (n == 0)
		set_version(sites, i, json, version, &versions[n++]);
	for (size_t k = 0; k < n; k++)
		versions[k].name = play_text(json, "name");
	MUST(attrib_catalog_add_site(builder, &versions[n - 1]));
}

static int64_t window_of(struct attrib_json json)
{
	struct attrib_str text = play_text(json, "window");
	int64_t window = ATTRIB_WINDOW_INHERIT;

	if (text.n)
		MUST(attrib_duration_parse(text, &window));
	return window;
}

static enum attrib_code_rule rule_of(struct attrib_json json)
{
	struct attrib_str text = play_text(json, "code_rule");
	enum attrib_code_rule rule = ATTRIB_CODE_RULE_INHERIT;

	if (text.n)
		MUST(attrib_code_rule_parse(text, &rule));
	return rule;
}

static enum attrib_tracker_kind kind_of(struct attrib_str name)
{
	for (int kind = ATTRIB_TRACKER_LINK; kind <= ATTRIB_TRACKER_CODE; kind++)
		if (attrib_str_eq(
			    name, attrib_str_of(attrib_channel_name((enum attrib_channel)kind))))
			return (enum attrib_tracker_kind)kind;
	play_fail("unknown kind of tracker: %.*s", (int)name.n, name.n ? name.p : "");
}

static void add_tracker(struct attrib_json json, struct attrib_catalog_builder *builder)
{
	struct attrib_json generic;
	struct attrib_tracker tracker = {
		.kind = kind_of(play_text(json, "kind")),
		.site = play_text(json, "site"),
		.key = play_text(json, "key"),
		.creator = play_text(json, "creator"),
		.campaign = play_text(json, "campaign"),
		.placement = play_text(json, "placement"),
		.destination = play_text(json, "destination"),
		.valid_from = time_of(json, "valid_from", ATTRIB_NEVER),
		.valid_to = time_of(json, "valid_to", ATTRIB_FOREVER),
		.window_us = window_of(json),
		.code_rule = rule_of(json),
		.recorded_at = time_of(json, "recorded_at", ATTRIB_NEVER),
		.superseded_at = time_of(json, "superseded_at", ATTRIB_FOREVER),
	};

	if (play_member(json, "generic", &generic))
		tracker.generic = attrib_json_bool(generic);
	MUST(attrib_catalog_add_tracker(builder, &tracker));
}

static void add_campaign(struct attrib_json json, struct attrib_catalog_builder *builder)
{
	struct attrib_campaign campaign = {
		.site = play_text(json, "site"),
		.name = play_text(json, "name"),
		.window_us = window_of(json),
		.code_rule = rule_of(json),
		.recorded_at = time_of(json, "recorded_at", ATTRIB_NEVER),
		.superseded_at = time_of(json, "superseded_at", ATTRIB_FOREVER),
	};

	MUST(attrib_catalog_add_campaign(builder, &campaign));
}

static void add_creator_keys(
	struct attrib_json json, struct attrib_keys *keys, struct attrib_catalog_builder *builder)
{
	static const struct {
		const char *name;
		enum attrib_customer_kind kind;
	} members[] = {{"email", ATTRIB_KEY_EMAIL}, {"phone", ATTRIB_KEY_PHONE},
		{"customer_id", ATTRIB_KEY_CUSTOMER}};
	struct attrib_creator_key row = {
		.site = play_text(json, "site"),
		.creator = play_text(json, "creator"),
		.recorded_at = time_of(json, "recorded_at", ATTRIB_NEVER),
		.superseded_at = time_of(json, "superseded_at", ATTRIB_FOREVER),
	};
	struct attrib_arena arena;

	attrib_arena_init(&arena, 1024);
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		if (attrib_customer_key_of(keys, &arena, row.site, members[i].kind,
			    play_text(json, members[i].name), &row.key))
			MUST(attrib_catalog_add_creator_key(builder, &row));
	}
	attrib_arena_done(&arena);
}

struct attrib_catalog *play_catalog(
	struct attrib_json json, struct attrib_keys *keys, struct play_sites *sites)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_catalog *catalog = NULL;
	struct attrib_json_walk walk;
	struct attrib_str names[PLAY_SITES_MAX];
	struct attrib_json item;
	struct attrib_str name;
	uint64_t version = version_of(json, 1);

	if (!builder)
		play_fail("out of memory");
	play_sites_done(sites);
	if (list_start(json, "sites", &walk))
		while (attrib_json_next(&walk, &name, &item)) {
			add_site(item, version, sites, builder);
			names[sites->n - 1] = play_text(item, "name");
			sites->history[sites->n - 1] = play_text(item, "customer_history");
			if (!sites->history[sites->n - 1].n)
				sites->history[sites->n - 1] = ATTRIB_STR("partial");
		}
	if (list_start(json, "trackers", &walk))
		while (attrib_json_next(&walk, &name, &item))
			add_tracker(item, builder);
	if (list_start(json, "campaigns", &walk))
		while (attrib_json_next(&walk, &name, &item))
			add_campaign(item, builder);
	if (list_start(json, "creator_customers", &walk))
		while (attrib_json_next(&walk, &name, &item))
			add_creator_keys(item, keys, builder);
	MUST(attrib_catalog_build(builder, version, &catalog));
	for (size_t i = 0; i < sites->n; i++) {
		sites->site[i].site = attrib_catalog_site(catalog, names[i]);
		if (!sites->site[i].site)
			play_fail("a site is missing");
	}
	return catalog;
}

void play_sites_done(struct play_sites *sites)
{
	for (size_t i = 0; i < sites->zone_n; i++)
		attrib_zone_free(sites->zones[i]);
	*sites = (struct play_sites){0};
}
