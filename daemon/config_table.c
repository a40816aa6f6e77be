/*
 * The settings: every one that attribd.conf may hold, in the order in which they are shown.
 */
#include "config_table.h"

#include "flood.h"

#define DAEMON(member)       .scope = CONFIG_DAEMON, .at = offsetof(struct attribd_config, member)
#define SITE(member)         .scope = CONFIG_SITE, .at = offsetof(struct attribd_site_config, member)
#define DAEMON_COUNT(member) .count_at = offsetof(struct attribd_config, member)
#define SITE_COUNT(member)   .count_at = offsetof(struct attribd_site_config, member)
#define WORDS(list, type_of, member)                                                               \
	.type = &config_type_words, .words = list, .size = sizeof(((type_of *)0)->member)
#define SITE_WORDS(list, member) SITE(member), WORDS(list, struct attribd_site_config, member)

#define MS   ((int64_t)1000)
#define S    ATTRIB_US_PER_S
#define DAY  ATTRIB_US_PER_DAY
#define YEAR (366 * DAY)
#define KIB  ((int64_t)1 << 10)
#define MIB  ((int64_t)1 << 20)
#define TIB  ((int64_t)1 << 40)

static const struct config_word bases[] = {
	{"net_of_tax_and_shipping", ATTRIB_BASIS_NET_OF_TAX_AND_SHIPPING},
	{"total", ATTRIB_BASIS_TOTAL},
	{"subtotal", ATTRIB_BASIS_SUBTOTAL},
	{0},
};
static const struct config_word count_dates[] = {{"paid", false}, {"created", true}, {0}};
static const struct config_word code_rules[] = {
	{"always", ATTRIB_CODE_RULE_ALWAYS},
	{"fallback", ATTRIB_CODE_RULE_FALLBACK},
	{"if_involved", ATTRIB_CODE_RULE_IF_INVOLVED},
	{"if_winner", ATTRIB_CODE_RULE_IF_WINNER},
	{"never", ATTRIB_CODE_RULE_NEVER},
	{0},
};
static const struct config_word browser_orders[] = {
	{"confirm", ATTRIB_BROWSER_CONFIRM},
	{"count", ATTRIB_BROWSER_COUNT},
	{"ignore", ATTRIB_BROWSER_IGNORE},
	{0},
};
static const struct config_word consents[] = {{"assumed", false}, {"required", true}, {0}};
static const struct config_word histories[] = {{"partial", 0}, {"complete", 0}, {0}};
static const struct config_word models[] = {
#define X(name, text) {text, ATTRIB_MODEL_##name},
	ATTRIB_MODELS(X)
#undef X
		{0},
};
static const struct config_word scopes[] = {{"creators", false}, {"all", true}, {0}};
static const struct config_word repeats[] = {{"all", false}, {"first", true}, {0}};
static const struct config_word privates[] = {{"refuse", false}, {"allow", true}, {0}};
static const struct config_word spreads[] = {
	{"direct_cost", 0}, {"equal", 0}, {"revenue", 0}, {"none", 0}, {0}};

/* clang-format off: a row reads best as name, value, bounds, sentence */
const struct config_setting config_settings[] = {
	{DAEMON(listen), .name = "listen", .type = &config_type_address, .restart = true,
		.fallback = "0.0.0.0:8080", .help = "Address and port of the public listener."},
	{DAEMON(admin_listen), .name = "admin_listen", .type = &config_type_address,
		.restart = true, .fallback = "127.0.0.1:8081",
		.help = "Address and port of /healthz, /readyz, /metrics, /v1/status and of "
			"reports, "
			"links and imports (docs/reports.md). Must be a loopback address unless "
			"admin_token is set."},
	{DAEMON(admin_token), .name = "admin_token", .type = &config_type_secret, .min = 0,
		.max = 1, .fallback = "", .help = "Bearer token that the admin listener asks for."},
	{DAEMON(state_dir), .name = "state_dir", .type = &config_type_text, .min = 1,
		.restart = true, .fallback = "/var/lib/attribd",
		.help = "Directory of the journal and of what goes with it; it must be on a disk "
			"that survives a reboot."},
	{DAEMON(state), .name = "state", .type = &config_type_state, .min = 1, .restart = true,
		.fallback = "memory",
		.help = "Where the facts of visitors, customers and orders live: in the daemon's "
			"memory, or in a Redis or Valkey."},
	{DAEMON(max_instance_lag_us), .name = "max_instance_lag", .type = &config_type_duration,
		.min = 3600 * S, .max = 90 * DAY, .restart = true, .fallback = "7d",
		.help = "How much longer facts and ids stay in Redis than orders may look back. "
			"Half of it is what an instance may fall behind before the others hold "
			"them."},
	{DAEMON(secret_file), .name = "secret_file", .type = &config_type_text, .restart = true,
		.fallback = "",
		.help = "File of the installation's secret; made when absent. Empty = "
			"<state_dir>/secret. Keep a copy: without it visitors and customers are "
			"not recognised again."},
	{DAEMON(postgres), .name = "postgres", .type = &config_type_conninfo, .min = 1,
		.restart = true, .fallback = "postgresql:///attrib",
		.help = "Connection string of the database, in any form that libpq takes."},
	{DAEMON(workers), .name = "workers", .type = &config_type_workers, .min = 1, .max = 256,
		.restart = true, .fallback = "auto",
		.help = "Threads that answer requests. auto = one per core, at most 64."},
	{DAEMON(max_connections), .name = "max_connections", .type = &config_type_count, .min = 1,
		.max = 1000000, .fallback = "10000",
		.help = "Open connections of the public listener; further ones are closed."},
	{DAEMON(request_memory), .name = "request_memory", .type = &config_type_size,
		.min = 16 * MIB, .max = 1024 * TIB, .fallback = "256M",
		.help = "Bytes that all connections of the public listener may hold for requests "
			"that are not complete and answers that are not taken; beyond it the "
			"slowest ones are given up."},
	{DAEMON(tag_path), .name = "tag_path", .type = &config_type_path, .fallback = "/a.js",
		.help = "Where else than at /a.js the tag is served, and takes what it sends; "
			"because "
			"lists of blockers know usual names."},
	{DAEMON(flush_interval_us), .name = "flush_interval", .type = &config_type_duration,
		.min = 10 * MS, .max = 60 * S, .restart = true, .fallback = "1s",
		.help = "How often results are written to the database."},
	{DAEMON(flush_timeout_us), .name = "flush_timeout", .type = &config_type_duration,
		.min = 100 * MS, .max = 3600 * S, .restart = true, .fallback = "30s",
		.help = "A statement that writes results may take this long; the next try has "
			"twice the time. A connection that says nothing for half as long again "
			"and a second is given up."},
	{DAEMON(trusted_proxies), DAEMON_COUNT(trusted_proxy_count), .name = "trusted_proxies",
		.type = &config_type_networks, .fallback = "",
		.help = "Proxies whose X-Forwarded-For is believed."},
	{DAEMON(bot_list), .name = "bot_list", .type = &config_type_text, .fallback = "",
		.help = "File of regular expressions, one a line: user agents that are no "
			"person's. "
			"Empty = the list that is built in. A reload reads it again."},
	{DAEMON(flood_clicks), .name = "flood_clicks", .type = &config_type_count,
		.max = ATTRIBD_FLOOD_CLICKS_MAX, .fallback = "30",
		.help = "More clicks of one address (IPv6: its /64) on one link within a minute "
			"are "
			"flagged as suspect; 0 = none is."},
	{DAEMON(dedupe_us), .name = "dedupe", .type = &config_type_duration, .min = 60 * S,
		.max = 90 * DAY, .restart = true, .fallback = "7d",
		.help = "How long ids of events that carry neither touch nor money are "
			"remembered."},
	{DAEMON(head_timeout_us), .name = "head_timeout", .type = &config_type_duration,
		.min = 100 * MS, .max = 600 * S, .fallback = "10s",
		.help = "A request's head must be complete within this time."},
	{DAEMON(body_timeout_us), .name = "body_timeout", .type = &config_type_duration,
		.min = 100 * MS, .max = 600 * S, .fallback = "30s",
		.help = "A request must be complete within this time."},
	{DAEMON(idle_timeout_us), .name = "idle_timeout", .type = &config_type_duration,
		.min = 100 * MS, .max = 3600 * S, .fallback = "60s",
		.help = "A connection may wait this long for its next request."},
	{DAEMON(admin_timeout_us), .name = "admin_timeout", .type = &config_type_duration,
		.min = 100 * MS, .max = 3600 * S, .fallback = "30s",
		.help = "A report over the admin listener, and each step of an import there, may "
			"take this "
			"long."},
	{DAEMON(redirect_timeout_us), .name = "redirect_timeout", .type = &config_type_duration,
		.min = 10 * MS, .max = 60 * S, .fallback = "200ms",
		.help = "A visitor is redirected after this time even when the click is not yet "
			"on disk."},
	{DAEMON(webhook_timeout_us), .name = "webhook_timeout", .type = &config_type_duration,
		.min = 10 * MS, .max = 60 * S, .fallback = "800ms",
		.help = "A request whose events are not on disk after this time is closed without "
			"a status, so that its sender repeats it."},
	{DAEMON(journal_segment_size), .name = "journal.segment_size", .type = &config_type_size,
		.min = 16 * KIB, .max = 4096 * MIB, .restart = true, .fallback = "64M",
		.help = "Size of one file of the journal."},
	{DAEMON(journal_quota), .name = "journal.quota", .type = &config_type_size,
		.max = 1024 * TIB, .restart = true, .fallback = "0",
		.help = "Bytes that the journal may take; 0 = what the disk has. Segments that are "
			"only "
			"retained go before seven eighths of it are exceeded; beyond it events are "
			"answered with 503."},
	{DAEMON(journal_retain_us), .name = "journal.retain", .type = &config_type_duration,
		.max = 10 * YEAR, .restart = true, .fallback = "7d",
		.help = "How long segments stay that PostgreSQL has confirmed and both "
			"checkpoints hold: from them a database that is restored from a backup "
			"gets "
			"back what it lacks. Only the time that the daemon runs counts."},
	{DAEMON(journal_retain_bytes), .name = "journal.retain_bytes", .type = &config_type_size,
		.max = 1024 * TIB, .restart = true, .fallback = "0",
		.help = "Beyond these bytes of the journal the oldest of those segments go before "
			"their time; 0 = none does."},
	{DAEMON(checkpoint_interval_us), .name = "checkpoint_interval",
		.type = &config_type_duration, .max = 7 * DAY, .restart = true, .fallback = "5m",
		.help = "How often the state is copied to disk, so that a start need not read the "
			"whole journal; 0 = never, also not at a stop."},
	{DAEMON(memory_limit), .name = "memory_limit", .type = &config_type_size, .max = 1024 * TIB,
		.restart = true, .fallback = "0",
		.help = "Bytes that the state may take; beyond it strangers make no new visitors. "
			"0 = no limit."},

	{SITE(write_keys), .name = "write_key", .type = &config_type_secret, .min = 0, .max = 2,
		.fallback = "", .help = "Secret key of the shop's servers for /v1/events."},
	{SITE(public_key), .name = "public_key", .type = &config_type_source, .fallback = "",
		.help = "Key that pages may show: touches and provisional orders only."},
#define X(vendor, text)                                                                            \
	{SITE(webhook_secrets[ATTRIB_VENDOR_##vendor]), .name = "webhook_secret." text,            \
		.type = &config_type_secret, .min = 0, .max = 2, .fallback = "",                   \
		.help = "Secret that signs the webhooks at /webhooks/" text "/<site>."},
	ATTRIB_VENDORS(X)
#undef X
		{SITE(ga4_measurement_id), .name = "ga4.measurement_id",
			.type = &config_type_source, .fallback = "",
			.help = "The measurement_id that /mp/collect must name, beside the site's "
				"name; "
				"empty = api_secret alone tells the site."},
	{SITE(intake.woocommerce_states), .name = "order_states.woocommerce",
		.type = &config_type_states, .fallback = "",
		.help = "What the order states of WooCommerce's extensions mean; else such "
			"an order "
			"is paid when it has a date of payment."},
	{SITE(forward.url), .name = "forward.url", .type = &config_type_url, .fallback = "",
		.help = "Where decided conversions of the site are sent, as signed Standard "
			"Webhooks. "
			"Empty = nowhere."},
	{SITE(forward.secrets), .name = "forward.secret", .type = &config_type_secret, .min = 0,
		.max = 2, .fallback = "",
		.help = "Secret that signs them: base64, with or without whsec_ before it. Of two, "
			"both sign."},
	{SITE(forward.events), .name = "forward.events", .type = &config_type_forward_events,
		.fallback = "conversion.created,conversion.adjusted",
		.help = "Which events are sent."},
	{SITE_WORDS(privates, forward.allow_private), .name = "forward.private",
		.fallback = "refuse",
		.help = "Whether the receiver may be at an address that is not public: loopback, "
			"private, link-local, of a provider's own network, multicast."},
	{SITE(forward.ca_file), .name = "forward.ca_file", .type = &config_type_text,
		.fallback = "",
		.help = "File of the certificates (PEM) that the receiver's has to come from. "
			"Empty = "
			"those of the system."},
	{SITE(forward.timeout_us), .name = "forward.timeout", .type = &config_type_duration,
		.min = 100 * MS, .max = 60 * S, .fallback = "10s",
		.help = "The receiver must have answered within this time."},
	{SITE(forward.retry_after_us), .name = "forward.retry_after", .type = &config_type_duration,
		.min = 10 * MS, .max = 3600 * S, .fallback = "5s",
		.help = "A failed event is sent again after about this time, then after twice as "
			"long, up to 6 hours."},
	{SITE(forward.give_up_us), .name = "forward.give_up", .type = &config_type_duration,
		.min = S, .max = 30 * DAY, .fallback = "3d",
		.help = "An event that has failed for this long is given up, until attribd outbox "
			"retry."},
	{SITE(site), .name = "time_zone", .type = &config_type_zone, .fallback = "UTC",
		.decision = true, .help = "Time zone of the site's days and periods."},
	{SITE(site.policy.currency), .name = "currency", .type = &config_type_currency,
		.fallback = "EUR", .decision = true,
		.help = "Currency of the site's reports, and of orders that name none."},
	{SITE_WORDS(bases, site.policy.revenue_basis), .name = "revenue_basis",
		.fallback = "net_of_tax_and_shipping", .decision = true,
		.help = "Which part of an order is revenue."},
	{SITE_WORDS(count_dates, site.policy.count_at_created), .name = "count_at",
		.fallback = "paid", .decision = true,
		.help = "When an order begins to count: when it is paid, or when it is created."},
	{SITE(site.policy.window_us[ATTRIB_CHANNEL_LINK]), .name = "window.link",
		.type = &config_type_duration, .max = YEAR, .fallback = "30d", .decision = true,
		.help = "How long a click on a link can earn an order; 0 = never."},
	{SITE(site.policy.window_us[ATTRIB_CHANNEL_AFFILIATE]), .name = "window.affiliate",
		.type = &config_type_duration, .max = YEAR, .fallback = "30d", .decision = true,
		.help = "How long a landing with an affiliate id can earn an order; 0 = never."},
	{SITE(site.policy.window_us[ATTRIB_CHANNEL_UTM]), .name = "window.utm",
		.type = &config_type_duration, .max = YEAR, .fallback = "30d", .decision = true,
		.help = "How long a landing with UTM parameters can earn an order; 0 = never."},
	{SITE(site.policy.window_us[ATTRIB_CHANNEL_VIEW]), .name = "window.view",
		.type = &config_type_duration, .max = YEAR, .fallback = "0", .decision = true,
		.help = "How long a view can earn an order; 0 = never."},
	{SITE(site.policy.code_grace_us), .name = "code_grace", .type = &config_type_duration,
		.max = YEAR, .fallback = "30d", .decision = true,
		.help = "How long a code still earns after its period, while nobody else owns it."},
	{SITE(site.policy.collapse_us), .name = "collapse", .type = &config_type_duration,
		.max = DAY, .fallback = "30m", .decision = true,
		.help = "Touches of one creator closer together than this are one."},
	{SITE_WORDS(code_rules, site.policy.code_rule), .name = "code_rule", .fallback = "always",
		.decision = true,
		.help = "When the owner of a code on the order wins it; a tracker or campaign may "
			"say otherwise."},
	{SITE(site.policy.exclude), .name = "exclude", .type = &config_type_exclusions,
		.fallback = "test", .decision = true,
		.help = "Orders that are no sales: shown with the reason, in no sum. A list of "
			"test, "
			"zero_total, source:NAME, kind:NAME and tag:NAME."},
	{SITE(site.policy.too_fast_us), .name = "too_fast", .type = &config_type_duration,
		.max = 3600 * S, .fallback = "5s", .decision = true,
		.help = "A touch with an order sooner than this behind it is flagged as suspect; 0 "
			"= "
			"never."},
	{SITE_WORDS(browser_orders, site.policy.browser_orders), .name = "browser_orders",
		.fallback = "confirm", .decision = true,
		.help = "Orders that only a browser told of: wait for a signed source, count, or "
			"ignore them."},
	{SITE(site.policy.order_source), .name = "order_source", .type = &config_type_source,
		.fallback = "", .decision = true,
		.help = "The source whose word on money wins, such as native or shopify; empty = "
			"the latest one."},
	{SITE(public_url), .name = "public_url", .type = &config_type_base_url, .fallback = "",
		.help = "Where the public listener is reached from outside, in front of /c/<link>: "
			"what links that are handed out begin with."},
	{SITE(intake.affiliate_params), SITE_COUNT(intake.affiliate_param_count),
		.name = "affiliate_params", .type = &config_type_params, .fallback = "ref,aff",
		.help = "Query parameters that carry an affiliate id."},
	{SITE(intake.own_hosts), SITE_COUNT(intake.own_host_count), .name = "own_hosts",
		.type = &config_type_hosts, .fallback = "",
		.help = "Hosts of the shop itself, beside cookie_domain: what they refer is no "
			"touch."},
	{SITE(origins), SITE_COUNT(origin_count), .name = "origins", .type = &config_type_origins,
		.fallback = "",
		.help = "Origins whose pages may read what the beacon answers; empty = those on "
			"own_hosts, and on cookie_domain and below it."},
	{SITE(intake.cookie_domain), .name = "cookie_domain", .type = &config_type_domain,
		.fallback = "", .help = "Domain of the visitor cookie; empty = the host only."},
	{SITE_WORDS(consents, intake.consent_required), .name = "consent", .fallback = "assumed",
		.help = "required: without a stated consent a visit is counted without an id."},
	{SITE(customer_history), .name = "customer_history", .type = &config_type_word_text,
		.words = histories, .fallback = "partial",
		.help = "complete: a first sighting is a new customer; partial: it is unknown."},
	{SITE_WORDS(models, site.policy.primary_model), .name = "model.primary",
		.fallback = "policy", .help = "The model of reports that show one."},
	{SITE_WORDS(scopes, site.policy.scope_all), .name = "model.scope", .fallback = "creators",
		.decision = true, .help = "all: UTM parameters that nobody owns take shares, too."},
	{SITE(site.policy.time_decay_half_life_us), .name = "model.half_life",
		.type = &config_type_duration, .min = 3600 * S, .max = YEAR, .fallback = "7d",
		.decision = true, .help = "Half-life of the model time_decay."},
	{SITE_WORDS(repeats, site.policy.repeat_first), .name = "repeat_orders", .fallback = "all",
		.decision = true, .help = "first: a touch earns its first counted order only."},
	{SITE(site.policy), .name = "renewals", .type = &config_type_renewals, .fallback = "none",
		.decision = true, .help = "Which renewals of a subscription earn credit."},
	{SITE(site.policy.lead_window_us), .name = "lead_window", .type = &config_type_duration,
		.max = YEAR, .fallback = "90d", .decision = true,
		.help = "How long a lead keeps its creator for the first order."},
	{SITE(cost_spread), .name = "cost_spread", .type = &config_type_word_text, .words = spreads,
		.fallback = "direct_cost",
		.help = "How a campaign's shared cost is spread over its creators."},
	{SITE(site.policy.lock_after_us), .name = "lock_after", .type = &config_type_duration,
		.min = 0, .max = YEAR, .fallback = "30d", .decision = true,
		.help = "What arrives or is set later than this after an order no longer changes "
			"its path."},
	{SITE(site.policy.max_late_us), .name = "max_late", .type = &config_type_duration,
		.max = YEAR, .fallback = "90d", .decision = true,
		.help = "How far back a stranger's event may be dated."},
};
/* clang-format on */
const size_t config_setting_count = sizeof config_settings / sizeof *config_settings;
