/*
 * The table of settings, inside the configuration's own files. A row says everything about one
 * setting; loading, printing, the reload, policy_json and the reference are walks over the rows.
 */
#ifndef ATTRIBD_CONFIG_TABLE_H
#define ATTRIBD_CONFIG_TABLE_H

#include "config.h"

struct config_setting;

/* How the values of a kind of setting are read and written. `record` is the struct attribd_config or
 * struct attribd_site_config that the row belongs to; print() gives what parse() would take. */
struct config_type {
	const char
		*expected; /* completes "expected ..."; NULL: made of the row's words or bounds */
	bool secret;       /* printed as ***, and may be given as <name>_file */
	int (*parse)(const struct config_setting *setting, struct attrib_arena *arena,
		struct attrib_str text, void *record);
	void (*print)(
		const struct config_setting *setting, const void *record, struct attrib_buf *out);
	/* What may be shown to people, where that is not just the value or ***. */
	void (*mask)(
		const struct config_setting *setting, const void *record, struct attrib_buf *out);
};

struct config_word {
	const char *text; /* NULL ends a list */
	int value;
};

enum config_scope { CONFIG_DAEMON, CONFIG_SITE };

struct config_setting {
	enum config_scope scope;
	const char *name;
	const struct config_type *type;
	size_t at;            /* offset of the value in its record */
	size_t count_at;      /* lists: offset of their length */
	size_t size;          /* words: bytes of the value */
	const char *fallback; /* the default, as one would write it */
	int64_t min, max;     /* bounds, both inclusive; secrets: how many */
	const struct config_word *words;
	bool restart;  /* a reload can't change it */
	bool decision; /* decisions depend on it: part of policy_json */
	const char *help;
};

extern const struct config_setting config_settings[];
extern const size_t config_setting_count;

extern const struct config_type config_type_address, config_type_text, config_type_conninfo,
	config_type_secret, config_type_words, config_type_word_text, config_type_duration,
	config_type_size, config_type_count, config_type_workers, config_type_networks,
	config_type_params, config_type_hosts, config_type_origins, config_type_path,
	config_type_domain, config_type_url, config_type_forward_events, config_type_base_url,
	config_type_source, config_type_state, config_type_exclusions, config_type_states,
	config_type_currency, config_type_zone, config_type_renewals;

/* "a duration such as 30d, from 1s to 10d": what a good value of the row looks like. */
void config_expected(const struct config_setting *setting, struct attrib_buf *out);
/* The value as people may see it. */
void config_show(const struct config_setting *setting, const void *record, struct attrib_buf *out);
bool config_is_loopback(const struct attribd_address *address);
bool config_is_name(struct attrib_str s);
/* "30d", "250ms": the largest unit that divides it. */
void config_put_duration(struct attrib_buf *out, int64_t us);
/* The settings that decisions depend on, as one JSON object with its keys in byte order. */
void config_put_policy(const struct attribd_site_config *site, struct attrib_buf *out);

#endif
