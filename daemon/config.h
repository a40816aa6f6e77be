/*
 * The configuration: one table of settings (config.c), each a row with its name, type, default,
 * bounds, whether a reload may change it, and a sentence. Parsing, check-config, the reload and the
 * documentation all read that table.
 *
 * A configuration is built once and immutable; a reload builds a new one and swaps it whole.
 */
#ifndef ATTRIBD_CONFIG_H
#define ATTRIBD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "attrib/arena.h"
#include "attrib/catalog.h"
#include "attrib/intake.h"
#include "attrib/str.h"
#include "attrib/webhook.h"

struct attribd_address {
	char host[64]; /* numeric address, without brackets */
	uint16_t port;
};

struct attribd_cidr {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t bits;        /* of the 128 */
};

/* Where decided conversions of a site go. */
struct attribd_forward_config {
	struct attrib_str url;                             /* empty = nowhere */
	struct attrib_str secrets[ATTRIB_WEBHOOK_SECRETS]; /* empty = not set; both sign */
	struct attrib_str events;                          /* types, comma separated */
	const char *ca_file;                               /* empty = the system's authorities */
	bool allow_private;
	int64_t timeout_us, retry_after_us, give_up_us;
};

struct attribd_site_config {
	struct attrib_site site;          /* name, policy, zone: goes into the catalog */
	struct attrib_intake_site intake; /* .site points at .site above until a catalog exists */
	struct attrib_str write_keys[2];  /* empty = not set */
	struct attrib_str public_key;
	const struct attrib_str
		*origins; /* "https://shop.example"; none = those of the site's hosts */
	size_t origin_count;
	struct attrib_str public_url;         /* without '/' at its end; empty = not set */
	struct attrib_str ga4_measurement_id; /* empty = any */
	struct attrib_str webhook_secrets[ATTRIB_VENDOR_COUNT]
					 [ATTRIB_WEBHOOK_SECRETS]; /* empty = not set */
	struct attrib_str customer_history;                        /* "complete" or "partial" */
	struct attrib_str cost_spread; /* direct_cost, equal, revenue, none */
	struct attrib_str policy_json; /* canonical JSON of what decisions depend on */
	struct attribd_forward_config forward;
};

struct attribd_config {
	struct attrib_arena arena; /* owns every text below */
	struct attribd_address listen, admin_listen;
	struct attrib_str admin_token; /* empty: the admin listener must be loopback */
	const char *state_dir;
	const char *secret_file; /* default <state_dir>/secret */
	const char *state;       /* "memory", or the URL of a Redis */
	const char *postgres;    /* a libpq connection string */
	int workers;             /* resolved: auto = number of cores, at most 64 */
	int64_t flush_interval_us, flush_timeout_us;
	int64_t dedupe_us;
	int64_t max_instance_lag_us; /* how much longer than it has to a Redis keeps facts */
	struct attribd_cidr *trusted_proxies;
	size_t trusted_proxy_count;
	int64_t head_timeout_us, body_timeout_us, idle_timeout_us, redirect_timeout_us,
		webhook_timeout_us, admin_timeout_us;
	int64_t max_connections;
	int64_t request_memory;                          /* bytes */
	struct attrib_str tag_path;                      /* where the tag is served, too */
	int64_t journal_segment_size, journal_quota;     /* bytes; quota 0 = none */
	int64_t journal_retain_us, journal_retain_bytes; /* bytes 0 = none */
	int64_t checkpoint_interval_us;                  /* 0 = never */
	int64_t memory_limit;                            /* bytes of the state; 0 = none */
	const char *bot_list;     /* a file; empty = the list that is built in */
	struct attrib_bots *bots; /* owned; what it holds */
	int64_t flood_clicks;     /* of an address on a link in a minute; 0 = off */
	struct attribd_site_config *sites;
	size_t site_count;
};

/* Reads and checks a file, and the bot list that it names. On failure returns ATTRIB_E_CONFIG and
 * writes every problem, one a line ("file:line: key: expected ..., got ..."), into *problems (owned by
 * the caller, may be NULL). */
int attribd_config_load(const char *file, struct attribd_config **out, struct attrib_buf *problems);
void attribd_config_free(struct attribd_config *config);
/* The effective configuration, secrets as ***. */
void attribd_config_print(const struct attribd_config *config, struct attrib_buf *out);
/* Names of settings that differ and need a restart, comma separated; empty = all can be reloaded. */
void attribd_config_restart_diff(
	const struct attribd_config *a, const struct attribd_config *b, struct attrib_buf *out);
/* All settings with defaults, bounds and what they mean, as Markdown. */
void attribd_config_reference(struct attrib_buf *out);
/* The settings of a site that decisions depend on, one a line: "name = value". */
void attribd_config_put_version(const struct attrib_site *site, struct attrib_buf *out);
/* Such lines, perhaps of another release, back into the site; texts go into the arena. What is not
 * stated has its default; what can't be read has it, too, and is told in *problems, one a line.
 * ATTRIB_E_NOMEM, the site untouched. */
int attribd_config_read_version(struct attrib_str settings, struct attrib_arena *arena,
	struct attrib_site *site, struct attrib_buf *problems) ATTRIB_MUST_CHECK;
/* Whether the state is in a Redis. */
static inline bool attribd_config_shares_state(const struct attribd_config *config)
{
	return strcmp(config->state, "memory") != 0;
}
/* NULL = no such site. */
const struct attribd_site_config *attribd_config_site(
	const struct attribd_config *config, struct attrib_str name);
/* The site that a secret write key belongs to, or a public key (*trust tells); NULL = no such key.
 * Constant time in the key's bytes. */
const struct attribd_site_config *attribd_config_key(
	const struct attribd_config *config, struct attrib_str key, enum attrib_trust *trust);

/* Reads secret_file, or makes it (0600, synced) when absent; its directory must exist.
 * ATTRIB_E_IO with errno; ATTRIB_E_CONFIG: not ATTRIB_SECRET_BYTES long, or everybody may read it. */
int attribd_secret_load(const char *file, uint8_t secret[ATTRIB_SECRET_BYTES]);

#endif
