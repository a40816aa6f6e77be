/*
 * The catalog: creators, trackers and campaigns with their history, and each site's settings with
 * theirs.
 *
 * A catalog is built once, then immutable and shared by all threads (reference-counted); a change
 * makes a new one that is swapped in whole. Facts keep raw keys; who owns a key is asked here, at
 * decision time, "as of" an instant: an order sees what was recorded by T + lock_after.
 */
#ifndef ATTRIB_CATALOG_H
#define ATTRIB_CATALOG_H

#include <stdbool.h>
#include <stdint.h>
#include "attrib/arena.h"
#include "attrib/buf.h"
#include "attrib/event.h"
#include "attrib/str.h"
#include "attrib/time.h"

/* How a touch was seen. Numbers are kept in state and PostgreSQL: never reused. */
enum attrib_channel {
	ATTRIB_CHANNEL_LINK = 1,
	ATTRIB_CHANNEL_AFFILIATE = 2,
	ATTRIB_CHANNEL_UTM = 3,
	ATTRIB_CHANNEL_CODE = 4,
	ATTRIB_CHANNEL_VIEW = 5,
	ATTRIB_CHANNEL_OTHER = 6,        /* credit of an unowned utm */
	ATTRIB_CHANNEL_DIRECT = 7,       /* traffic without a key */
	ATTRIB_CHANNEL_UNATTRIBUTED = 8, /* credit of nobody */
};
const char *attrib_channel_name(enum attrib_channel channel);

enum attrib_code_rule {
	ATTRIB_CODE_RULE_INHERIT = 0, /* not stated here: ask the next level */
	ATTRIB_CODE_RULE_ALWAYS,
	ATTRIB_CODE_RULE_FALLBACK,
	ATTRIB_CODE_RULE_IF_INVOLVED,
	ATTRIB_CODE_RULE_IF_WINNER,
	ATTRIB_CODE_RULE_NEVER,
};
int attrib_code_rule_parse(struct attrib_str s, enum attrib_code_rule *out) ATTRIB_MUST_CHECK;
const char *attrib_code_rule_name(enum attrib_code_rule rule); /* INHERIT: "" */

#define ATTRIB_WINDOW_INHERIT ((int64_t)-1)

/* Models, in the order of every array of shares and money. Never reordered. */
#define ATTRIB_MODELS(X)                                                                           \
	X(POLICY, "policy")                                                                        \
	X(LAST_TOUCH, "last_touch")                                                                \
	X(FIRST_TOUCH, "first_touch")                                                              \
	X(LINEAR, "linear")                                                                        \
	X(POSITION, "position")                                                                    \
	X(TIME_DECAY, "time_decay")
enum attrib_model {
#define X(name, text) ATTRIB_MODEL_##name,
	ATTRIB_MODELS(X)
#undef X
		ATTRIB_MODEL_COUNT
};
const char *attrib_model_name(enum attrib_model model);

/* What a site decided about deciding. One per site and version. */
struct attrib_policy {
	uint32_t version;
	int64_t recorded_at; /* when this version came into force; of the oldest it is not asked */
	int64_t window_us[ATTRIB_CHANNEL_VIEW + 1]; /* by channel; 0 = off. CODE unused */
	int64_t code_grace_us;
	int64_t collapse_us;
	enum attrib_code_rule code_rule; /* never INHERIT */
	enum attrib_browser_orders {
		ATTRIB_BROWSER_CONFIRM,
		ATTRIB_BROWSER_COUNT,
		ATTRIB_BROWSER_IGNORE
	} browser_orders;
	bool count_at_created; /* else at paid */
	bool scope_all;        /* model.scope = all */
	bool repeat_first;     /* repeat_orders = first */
	enum attrib_renewals {
		ATTRIB_RENEWALS_NONE,
		ATTRIB_RENEWALS_ALL,
		ATTRIB_RENEWALS_MONTHS
	} renewals;
	int renewal_months;
	int64_t lead_window_us;
	int64_t lock_after_us;
	int64_t max_late_us;
	int64_t time_decay_half_life_us;
	enum attrib_revenue_basis {
		ATTRIB_BASIS_NET_OF_TAX_AND_SHIPPING,
		ATTRIB_BASIS_TOTAL,
		ATTRIB_BASIS_SUBTOTAL
	} revenue_basis;
	char currency[4];
	int primary_model;              /* enum attrib_model */
	struct attrib_str order_source; /* the source with authority for money; empty = none */
	/* Which orders are no sales, separated by ',': test, zero_total, source:NAME, kind:NAME,
	 * tag:NAME; names are folded. The first that fits is the reason. */
	struct attrib_str exclude;
	int64_t too_fast_us; /* an order sooner than this behind a touch makes it suspect; 0 = never */
};
/* The defaults of contract.md, currency EUR; version 1, recorded for ever ago. */
void attrib_policy_defaults(struct attrib_policy *out);

/* A site as one version of its settings has it. What is asked by name is the newest; the older ones
 * hang behind it. */
struct attrib_site {
	struct attrib_str name;
	struct attrib_policy policy;
	const struct attrib_zone *zone; /* borrowed: lives as long as the process */
	struct attrib_str time_zone;    /* its name */
	const struct attrib_site
		*before; /* the version before this one; NULL = this is the oldest */
};
/* Whether an order that was placed at T may be decided by the version: it was recorded by
 * T + lock_after, or there is none before it. Of the versions that may, the newest decides. */
bool attrib_site_reaches(const struct attrib_site *site, int64_t placed_at);
/* Whether two versions are one and the same, whichever catalogs they stand in. */
bool attrib_site_same_version(const struct attrib_site *a, const struct attrib_site *b);

enum attrib_tracker_kind { /* kinds are the channels that a key can be handed out for */
	ATTRIB_TRACKER_LINK = ATTRIB_CHANNEL_LINK,
	ATTRIB_TRACKER_AFFILIATE = ATTRIB_CHANNEL_AFFILIATE,
	ATTRIB_TRACKER_UTM = ATTRIB_CHANNEL_UTM,
	ATTRIB_TRACKER_CODE = ATTRIB_CHANNEL_CODE,
};

/* One recorded version of a tracker row. Texts are owned by the catalog. */
struct attrib_tracker {
	enum attrib_tracker_kind kind;
	struct attrib_str site;
	struct attrib_str key; /* as written */
	/* What stands in facts instead of the key: a vendor's own id of a code. Empty = the key. */
	struct attrib_str alias;
	/* attrib_fold(key), or of alias. utm: its five parts, decoded (%2F, %25) and folded, joined by '/', with '*'
	 * for each that is '*', empty or not there; the fifth takes the rest of the key. */
	struct attrib_str folded;
	struct attrib_str creator, campaign, placement; /* empty = none */
	struct attrib_str destination;                  /* links: absolute http(s) URL */
	int64_t valid_from, valid_to;                   /* [from, to); NEVER / FOREVER = open */
	int64_t window_us;                              /* or ATTRIB_WINDOW_INHERIT */
	enum attrib_code_rule code_rule;
	bool generic;          /* never earns */
	int64_t recorded_at;   /* when this version came into force ... */
	int64_t superseded_at; /* ... and when another or a deletion replaced it; or FOREVER */
};

struct attrib_campaign {
	struct attrib_str site, name;
	int64_t window_us;
	enum attrib_code_rule code_rule;
	int64_t recorded_at, superseded_at;
};

/* One recorded version of a key by which the shop knows a creator as a customer: what that customer
 * orders is the creator's own. */
struct attrib_creator_key {
	struct attrib_str site, creator;
	struct attrib_customer_key key;
	int64_t recorded_at, superseded_at;
};

struct attrib_catalog;
struct attrib_catalog_builder;

struct attrib_catalog_builder *attrib_catalog_builder_new(void);
void attrib_catalog_builder_free(struct attrib_catalog_builder *builder);
/* The builder copies what it is given, of a site its whole history. A tracker's folded is computed
 * from its key (and taken for the key only where key is empty). ATTRIB_E_INVALID, nothing added: no
 * site, no kind, or a key that is empty once folded. Any order of rows makes the same catalog. */
int attrib_catalog_add_site(struct attrib_catalog_builder *builder, const struct attrib_site *site);
int attrib_catalog_add_tracker(
	struct attrib_catalog_builder *builder, const struct attrib_tracker *tracker);
int attrib_catalog_add_campaign(
	struct attrib_catalog_builder *builder, const struct attrib_campaign *campaign);
/* ATTRIB_E_INVALID, nothing added: no site, no creator or no key. */
int attrib_catalog_add_creator_key(
	struct attrib_catalog_builder *builder, const struct attrib_creator_key *key);
/* Consumes the builder, also on failure. The new catalog has one reference. A site that was added
 * twice: ATTRIB_E_INVALID. */
int attrib_catalog_build(struct attrib_catalog_builder *builder, uint64_t version,
	struct attrib_catalog **out) ATTRIB_MUST_CHECK;

struct attrib_catalog *attrib_catalog_ref(struct attrib_catalog *catalog);
void attrib_catalog_unref(struct attrib_catalog *catalog);
/* Grows with every change in PostgreSQL; on every decision. */
uint64_t attrib_catalog_version(const struct attrib_catalog *catalog);

/* The newest version of a site; NULL when the configuration has no such site. */
const struct attrib_site *attrib_catalog_site(
	const struct attrib_catalog *catalog, struct attrib_str site);
/* All sites by their newest versions, for walking. */
size_t attrib_catalog_sites(const struct attrib_catalog *catalog, const struct attrib_site **out);

/* The longest window that any version of a site, campaign or tracker gives, in us. */
int64_t attrib_catalog_longest_window(const struct attrib_catalog *catalog);

/* Who owns a folded key at the instant `at`, by what was recorded by `as_of` (ATTRIB_FOREVER: by what
 * stands today); NULL = nobody. Where two rows answer, the one recorded last does. Not for utm. For
 * codes see attrib_catalog_code. */
const struct attrib_tracker *attrib_catalog_owner(const struct attrib_catalog *catalog,
	struct attrib_str site, enum attrib_tracker_kind kind, struct attrib_str folded, int64_t at,
	int64_t as_of);
/* The owner of a code at `at`; when nobody owns it then, the latest ended owner within
 * [valid_to, valid_to + grace): *in_grace tells. */
const struct attrib_tracker *attrib_catalog_code(const struct attrib_catalog *catalog,
	struct attrib_str site, struct attrib_str folded, int64_t at, int64_t as_of,
	int64_t grace_us, bool *in_grace);
/* The most specific utm rule that matches; parts are folded. Among equally specific ones the
 * leftmost stated part wins; '*' also matches a missing part. */
const struct attrib_tracker *attrib_catalog_utm(const struct attrib_catalog *catalog,
	struct attrib_str site, const struct attrib_utm *folded, int64_t at, int64_t as_of);
const struct attrib_campaign *attrib_catalog_campaign(const struct attrib_catalog *catalog,
	struct attrib_str site, struct attrib_str name, int64_t as_of);
/* The link behind /c/<link> (folded), by what stands today: for redirects. Of several periods the one
 * that holds now, else the last that began, else the first that will: it may be expired, the caller
 * compares valid_from/valid_to with now. */
const struct attrib_tracker *attrib_catalog_link(
	const struct attrib_catalog *catalog, struct attrib_str folded, int64_t now);
/* True when one of the n customer keys, by their ids (which tell the kinds apart), is the creator's
 * own, by what was recorded by `as_of`. */
bool attrib_catalog_is_creators(const struct attrib_catalog *catalog, struct attrib_str site,
	struct attrib_str creator, const struct attrib_id *keys, size_t n, int64_t as_of);
/* True when anything known of a (kind, folded key) of the site differs between two catalogs, in any
 * version, the campaigns of its rows and the customer keys of their creators included: orders that
 * carry such a key are decided again. For utm: when any utm rule of the site differs. */
bool attrib_catalog_key_differs(const struct attrib_catalog *a, const struct attrib_catalog *b,
	struct attrib_str site, enum attrib_tracker_kind kind, struct attrib_str folded);

/* The catalog rows (not the sites) as bytes, for the cache on disk, and back into a builder, which is
 * only good for freeing after a failure. ATTRIB_E_CORRUPT, ATTRIB_E_VERSION. */
void attrib_catalog_encode(const struct attrib_catalog *catalog, struct attrib_buf *out);
int attrib_catalog_decode(struct attrib_str bytes, struct attrib_catalog_builder *builder,
	uint64_t *version) ATTRIB_MUST_CHECK;

/* The utm key of five folded parts: "source/medium/campaign/term/content" with '%' and '/' inside a
 * part written as %25 and %2F, trailing empty parts kept out. This is the key of traffic and paths. */
struct attrib_str attrib_utm_key(struct attrib_arena *arena, const struct attrib_utm *folded);

#endif
