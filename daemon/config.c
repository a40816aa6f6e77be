/*
 * Loading a configuration: each line finds its row in the table of settings, and what no single row
 * can see is checked at the end.
 */
#include "config_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_BLOCK_BYTES     16384
#define SECRET_FILE_BYTES_MAX 4096
#define SHOWN_BYTES_MAX       80

struct loader {
	struct config_lines lines;
	struct attrib_arena arena; /* of the lines */
	struct attribd_config *config;
};

static void bad_value(struct loader *l, const struct config_item *item)
{
	struct attrib_str shown = item->value;

	config_problem_begin(&l->lines, item->line, item->name);
	config_expected(item->setting, l->lines.problems);
	attrib_buf_str(l->lines.problems, ATTRIB_STR(", got "));
	if (item->setting->type->secret) {
		attrib_buf_str(
			l->lines.problems, shown.n ? ATTRIB_STR("something else (not shown)\n")
						   : ATTRIB_STR("nothing\n"));
		return;
	}
	if (shown.n > SHOWN_BYTES_MAX)
		shown.n = SHOWN_BYTES_MAX;
	attrib_buf_json(l->lines.problems, shown);
	attrib_buf_char(l->lines.problems, '\n');
}

/* Edit distance, for the "did you mean"; names are short. */
static unsigned distance(struct attrib_str a, struct attrib_str b)
{
	unsigned row[64];

	if (b.n >= sizeof row / sizeof *row)
		return UINT32_MAX;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned corner = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned best = corner + (a.p[i - 1] != b.p[j - 1]);
			corner = row[j];
			if (corner + 1 < best)
				best = corner + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.n];
}

static void unknown_key(struct loader *l, const struct config_item *item)
{
	unsigned best = 4, d;
	const char *nearest = NULL;

	for (size_t i = 0; i < config_setting_count; i++) {
		if (config_settings[i].scope != item->section->scope || item->name.n > 200)
			continue;
		d = distance(item->name, attrib_str_of(config_settings[i].name));
		if (d < best) {
			best = d;
			nearest = config_settings[i].name;
		}
	}
	config_problem_begin(&l->lines, item->line, item->name);
	attrib_buf_printf(l->lines.problems, "a setting of %s, got an unknown name",
		item->section->scope == CONFIG_DAEMON ? "[attribd]" : "a [site NAME] section");
	attrib_buf_printf(l->lines.problems, nearest ? " (did you mean %s?)\n" : "\n", nearest);
}

/* -- items to records --------------------------------------------------------------------------- */

static const struct config_setting *find_setting(
	enum config_scope scope, struct attrib_str name, bool *is_file)
{
	struct attrib_str bare = name;

	if (bare.n > 5 && memcmp(bare.p + bare.n - 5, "_file", 5) == 0)
		bare.n -= 5;
	for (size_t i = 0; i < config_setting_count; i++) {
		const struct config_setting *s = &config_settings[i];
		struct attrib_str own = attrib_str_of(s->name);
		if (s->scope != scope)
			continue;
		*is_file = s->type->secret && bare.n < name.n && attrib_str_eq(own, bare);
		if (*is_file || attrib_str_eq(own, name))
			return s;
	}
	return NULL;
}

/* Replaces the item's value by what stands in the file that it names. */
static bool read_secret_file(struct loader *l, struct config_item *item)
{
	char text[SECRET_FILE_BYTES_MAX + 1];
	FILE *in = fopen(item->value.p, "re");
	size_t n = 0;
	int error = errno;

	if (in) {
		n = fread(text, 1, sizeof text, in);
		error = ferror(in) ? errno : 0;
		fclose(in);
	}
	if (!in || error) {
		config_problem_begin(&l->lines, item->line, item->name);
		attrib_buf_str(l->lines.problems, ATTRIB_STR("a readable file, got "));
		attrib_buf_json(l->lines.problems, item->value);
		attrib_buf_printf(l->lines.problems, " (%s)\n", strerror(error));
		return false;
	}
	item->value = attrib_arena_str(&l->arena, attrib_str_trim((struct attrib_str){text, n}));
	if (item->value.n == 0 || n > SECRET_FILE_BYTES_MAX || !attrib_str_is_text(item->value)) {
		config_problem(&l->lines, item->line, item->name,
			"a file with a secret of at most 4096 bytes",
			n > SECRET_FILE_BYTES_MAX ? "a larger one" : "another file");
		return false;
	}
	return true;
}

static const struct config_item *earlier_item(
	const struct loader *l, const struct config_item *item)
{
	for (const struct config_item *i = l->lines.items; i != item; i = i->next) {
		if (i->section == item->section && i->setting == item->setting)
			return i;
	}
	return NULL;
}

static void apply_item(struct loader *l, struct config_item *item)
{
	const struct config_item *other;
	bool is_file = false;
	int err;

	if (!item->section->usable)
		return;
	item->setting = find_setting(item->section->scope, item->name, &is_file);
	if (!item->setting) {
		unknown_key(l, item);
		return;
	}
	other = earlier_item(l, item);
	if (other) {
		config_problem_begin(&l->lines, item->line, item->name);
		attrib_buf_printf(l->lines.problems,
			"one value, got a second one (first in line %d)\n", other->line);
		return;
	}
	if (is_file && !read_secret_file(l, item))
		return;
	err = item->setting->type->parse(
		item->setting, &l->config->arena, item->value, item->section->record);
	if (err == ATTRIB_E_NOMEM)
		l->lines.out_of_memory = true;
	else if (err)
		bad_value(l, item);
}

static void set_defaults(struct loader *l, enum config_scope scope, void *record)
{
	for (size_t i = 0; i < config_setting_count; i++) {
		const struct config_setting *s = &config_settings[i];
		if (s->scope == scope && s->type->parse(s, &l->config->arena,
						 attrib_str_of(s->fallback), record) != 0)
			l->lines.out_of_memory = true; /* the table's own defaults are good */
	}
}

static void make_records(struct loader *l)
{
	struct attribd_config *config = l->config;
	size_t n = 0;

	for (struct config_section *s = l->lines.sections; s; s = s->next)
		n += s->usable && s->scope == CONFIG_SITE;
	config->sites = attrib_arena_alloc(&config->arena, (n + 1) * sizeof *config->sites);
	if (!config->sites) {
		l->lines.out_of_memory = true;
		return;
	}
	set_defaults(l, CONFIG_DAEMON, config);
	for (struct config_section *s = l->lines.sections; s; s = s->next) {
		struct attribd_site_config *site = &config->sites[config->site_count];
		s->record = config;
		if (!s->usable || s->scope == CONFIG_DAEMON)
			continue;
		s->record = site;
		set_defaults(l, CONFIG_SITE, site);
		site->site.name = attrib_arena_str(&config->arena, s->name);
		site->site.policy.version = 1; /* the database knows better, once it is asked */
		site->site.policy.recorded_at = ATTRIB_NEVER;
		site->intake.site = &site->site;
		if (!site->site.name.p)
			l->lines.out_of_memory = true;
		config->site_count++;
	}
}

/* -- what no single row can see ----------------------------------------------------------------- */

/* The line to blame: where the record's setting stands, else where its section begins. */
static int line_of(const struct loader *l, const void *record, const char *name)
{
	bool is_file;

	for (const struct config_item *i = l->lines.items; i; i = i->next) {
		if (i->section->record == record && i->setting &&
			i->setting ==
				find_setting(i->section->scope, attrib_str_of(name), &is_file))
			return i->line;
	}
	for (const struct config_section *s = l->lines.sections; s; s = s->next) {
		if (s->usable && s->record == record)
			return s->line;
	}
	return 1;
}

static void check_listeners(struct loader *l)
{
	const struct attribd_config *c = l->config;
	int line = line_of(l, c, "admin_listen");

	if (c->admin_token.n == 0 && !config_is_loopback(&c->admin_listen))
		config_problem(&l->lines, line, ATTRIB_STR("admin_listen"),
			"a loopback address such as 127.0.0.1:8081 because admin_token is not set",
			c->admin_listen.host);
	if (c->listen.port == c->admin_listen.port &&
		strcmp(c->listen.host, c->admin_listen.host) == 0)
		config_problem(&l->lines, line, ATTRIB_STR("admin_listen"),
			"another address than that of listen", "the same");
}

static bool has_key(const struct attribd_site_config *site, struct attrib_str key)
{
	return attrib_str_eq(site->write_keys[0], key) || attrib_str_eq(site->write_keys[1], key) ||
	       attrib_str_eq(site->public_key, key);
}

/* A key names one site and one trust: keys of different sites differ, and so do a site's own. */
static void check_key(struct loader *l, size_t site, struct attrib_str key, const char *name)
{
	const struct attribd_site_config *sites = l->config->sites;

	if (key.n == 0)
		return;
	for (size_t i = 0; i < site; i++) {
		if (!has_key(&sites[i], key))
			continue;
		config_problem_begin(
			&l->lines, line_of(l, &sites[site], name), attrib_str_of(name));
		attrib_buf_str(l->lines.problems, ATTRIB_STR("a key of its own, got one of site "));
		attrib_buf_str(l->lines.problems, sites[i].site.name);
		attrib_buf_char(l->lines.problems, '\n');
	}
}

/* A secret that can't sign would refuse every webhook, one by one. */
static void check_webhook_secrets(struct loader *l, const struct attribd_site_config *site)
{
	char name[64];

	for (int vendor = 0; vendor < ATTRIB_VENDOR_COUNT; vendor++) {
		snprintf(name, sizeof name, "webhook_secret.%s",
			attrib_vendor_name((enum attrib_vendor)vendor));
		for (size_t i = 0; i < ATTRIB_WEBHOOK_SECRETS; i++) {
			struct attrib_str secret = site->webhook_secrets[vendor][i];
			if (secret.n &&
				!attrib_webhook_secret_ok((enum attrib_vendor)vendor, secret))
				config_problem(&l->lines, line_of(l, site, name),
					attrib_str_of(name),
					"base64 behind whsec_ or alone, as the sender shows it",
					"something else (not shown)");
		}
	}
}

/* A receiver could not tell our events from anybody else's. */
static void check_forward(struct loader *l, const struct attribd_site_config *site)
{
	const struct attribd_forward_config *forward = &site->forward;
	bool is_set = forward->secrets[0].n > 0, ok = true;

	for (size_t i = 0; i < ATTRIB_WEBHOOK_SECRETS; i++)
		ok &= !forward->secrets[i].n ||
		      attrib_webhook_secret_ok(ATTRIB_VENDOR_STANDARD, forward->secrets[i]);
	if (!ok || (forward->url.n && !is_set))
		config_problem(&l->lines,
			line_of(l, site, is_set ? "forward.secret" : "forward.url"),
			ATTRIB_STR("forward.secret"), "base64, with or without whsec_ before it",
			is_set ? "something else (not shown)" : "none beside forward.url");
}

static void check_keys(struct loader *l)
{
	for (size_t i = 0; i < l->config->site_count; i++) {
		const struct attribd_site_config *site = &l->config->sites[i];
		check_webhook_secrets(l, site);
		check_forward(l, site);
		check_key(l, i, site->write_keys[0], "write_key");
		check_key(l, i, site->write_keys[1], "write_key");
		check_key(l, i, site->public_key, "public_key");
		if (site->public_key.n &&
			(attrib_str_eq(site->public_key, site->write_keys[0]) ||
				attrib_str_eq(site->public_key, site->write_keys[1])))
			config_problem(&l->lines, line_of(l, site, "public_key"),
				ATTRIB_STR("public_key"), "another key than write_key", "the same");
	}
}

static void complete(struct loader *l)
{
	struct attribd_config *c = l->config;
	struct attrib_buf json;

	if (*c->secret_file == 0)
		c->secret_file = attrib_arena_printf(&c->arena, "%s/secret", c->state_dir).p;
	attrib_buf_init(&json);
	for (size_t i = 0; i < c->site_count; i++) {
		attrib_buf_clear(&json);
		config_put_policy(&c->sites[i], &json);
		c->sites[i].policy_json = attrib_arena_str(&c->arena, attrib_buf_view(&json));
		if (json.err || !c->sites[i].policy_json.p)
			l->lines.out_of_memory = true;
	}
	if (!c->secret_file)
		l->lines.out_of_memory = true;
	attrib_buf_done(&json);
}

/* -- the whole ---------------------------------------------------------------------------------- */

static void load(struct loader *l)
{
	config_lines_read(&l->lines);
	make_records(l);
	if (l->lines.out_of_memory)
		return;
	for (struct config_item *i = l->lines.items; i; i = i->next)
		apply_item(l, i);
	check_listeners(l);
	check_keys(l);
	config_load_bots(&l->lines, line_of(l, l->config, "bot_list"), l->config);
	complete(l);
}

int attribd_config_load(const char *file, struct attribd_config **out, struct attrib_buf *problems)
{
	struct attrib_buf unread;
	struct loader l = {.lines = {.file = file, .problems = problems ? problems : &unread}};
	int err = ATTRIB_E_NOMEM;

	attrib_buf_init(&unread);
	l.config = calloc(1, sizeof *l.config);
	if (!l.config)
		return err;
	attrib_arena_init(&l.config->arena, ARENA_BLOCK_BYTES);
	attrib_arena_init(&l.arena, ARENA_BLOCK_BYTES);
	l.lines.arena = &l.arena;
	load(&l);
	if (!l.lines.out_of_memory && !l.lines.problems->err)
		err = l.lines.problem_count ? ATTRIB_E_CONFIG : 0;
	if (err)
		attribd_config_free(l.config);
	else
		*out = l.config;
	attrib_arena_done(&l.arena);
	attrib_buf_done(&unread);
	return err;
}

void attribd_config_free(struct attribd_config *config)
{
	if (!config)
		return;
	attrib_bots_free(config->bots);
	attrib_arena_done(&config->arena);
	free(config);
}

const struct attribd_site_config *attribd_config_site(
	const struct attribd_config *config, struct attrib_str name)
{
	for (size_t i = 0; i < config->site_count; i++) {
		if (attrib_str_eq(config->sites[i].site.name, name))
			return &config->sites[i];
	}
	return NULL;
}

/* Walks all keys whatever it finds, so that the time tells nothing about which one matched. */
const struct attribd_site_config *attribd_config_key(
	const struct attribd_config *config, struct attrib_str key, enum attrib_trust *trust)
{
	const struct attribd_site_config *found = NULL;
	bool is_signed = false;

	for (size_t i = 0; key.n && i < config->site_count; i++) {
		const struct attribd_site_config *site = &config->sites[i];
		bool first = attrib_str_eq_secret(key, site->write_keys[0]);
		bool second = attrib_str_eq_secret(key, site->write_keys[1]);
		bool public = attrib_str_eq_secret(key, site->public_key);
		if (first || second || public) {
			found = site;
			is_signed = first || second;
		}
	}
	if (found)
		*trust = is_signed ? ATTRIB_TRUST_SIGNED : ATTRIB_TRUST_STRANGER;
	return found;
}
