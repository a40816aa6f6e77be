/*
 * The configuration written out: for people (secrets as ***), for a reload that asks what changed,
 * for the policy that decisions are made under, and as the reference of all settings.
 */
#include "config_table.h"

static const void *record_of(
	const struct attribd_config *config, size_t site, const struct config_setting *setting)
{
	return setting->scope == CONFIG_DAEMON ? (const void *)config : &config->sites[site];
}

void config_show(const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	if (setting->type->mask)
		setting->type->mask(setting, record, out);
	else
		setting->type->print(setting, record, out);
}

static void print_section(const struct attribd_config *config, enum config_scope scope, size_t site,
	struct attrib_buf *out)
{
	for (size_t i = 0; i < config_setting_count; i++) {
		const struct config_setting *setting = &config_settings[i];
		if (setting->scope != scope)
			continue;
		attrib_buf_printf(out, "%s = ", setting->name);
		config_show(setting, record_of(config, site, setting), out);
		attrib_buf_char(out, '\n');
	}
}

void attribd_config_print(const struct attribd_config *config, struct attrib_buf *out)
{
	attrib_buf_str(out, ATTRIB_STR("[attribd]\n"));
	print_section(config, CONFIG_DAEMON, 0, out);
	for (size_t i = 0; i < config->site_count; i++) {
		attrib_buf_str(out, ATTRIB_STR("\n[site "));
		attrib_buf_str(out, config->sites[i].site.name);
		attrib_buf_str(out, ATTRIB_STR("]\n"));
		print_section(config, CONFIG_SITE, i, out);
	}
}

void attribd_config_restart_diff(
	const struct attribd_config *a, const struct attribd_config *b, struct attrib_buf *out)
{
	struct attrib_buf was, is;
	bool first = true;

	attrib_buf_init(&was);
	attrib_buf_init(&is);
	for (size_t i = 0; i < config_setting_count; i++) {
		const struct config_setting *setting = &config_settings[i];
		if (!setting->restart)
			continue;
		attrib_buf_clear(&was);
		attrib_buf_clear(&is);
		setting->type->print(setting, a, &was);
		setting->type->print(setting, b, &is);
		if (attrib_str_eq(attrib_buf_view(&was), attrib_buf_view(&is)))
			continue;
		attrib_buf_printf(out, "%s%s", first ? "" : ", ", setting->name);
		first = false;
	}
	attrib_buf_done(&was);
	attrib_buf_done(&is);
}

/* The first decision setting whose name comes after `name` in byte order, or NULL. */
static const struct config_setting *next_decision(const char *name)
{
	const struct config_setting *best = NULL;

	for (size_t i = 0; i < config_setting_count; i++) {
		const struct config_setting *setting = &config_settings[i];
		if (setting->decision && strcmp(setting->name, name) > 0 &&
			(!best || strcmp(setting->name, best->name) < 0))
			best = setting;
	}
	return best;
}

void config_put_policy(const struct attribd_site_config *site, struct attrib_buf *out)
{
	const struct config_setting *setting = next_decision("");
	struct attrib_buf value;

	attrib_buf_init(&value);
	attrib_buf_char(out, '{');
	while (setting) {
		attrib_buf_clear(&value);
		setting->type->print(setting, site, &value);
		attrib_buf_json(out, attrib_str_of(setting->name));
		attrib_buf_char(out, ':');
		attrib_buf_json(out, attrib_buf_view(&value));
		if (value.err)
			out->err = value.err;
		setting = next_decision(setting->name);
		if (setting)
			attrib_buf_char(out, ',');
	}
	attrib_buf_char(out, '}');
	attrib_buf_done(&value);
}

static void reference_section(enum config_scope scope, struct attrib_buf *out)
{
	for (size_t i = 0; i < config_setting_count; i++) {
		const struct config_setting *setting = &config_settings[i];
		if (setting->scope != scope)
			continue;
		attrib_buf_printf(out, "- `%s`", setting->name);
		if (setting->type->secret)
			attrib_buf_printf(out, " or `%s_file`", setting->name);
		if (*setting->fallback)
			attrib_buf_printf(out, " (default `%s`)", setting->fallback);
		attrib_buf_printf(out, ": %s Expects ", setting->help);
		config_expected(setting, out);
		attrib_buf_printf(out, ".%s\n", setting->restart ? " Needs a restart." : "");
	}
}

void attribd_config_reference(struct attrib_buf *out)
{
	attrib_buf_str(out,
		ATTRIB_STR(
			"# Settings\n\n"
			"`attribd.conf` is an INI file. A `;` at the start of a line, or after a "
			"blank, begins a comment.\n"
			"A setting that holds secrets can name a file instead: `<name>_file`.\n"
			"`SIGHUP` reloads the file; a file with a mistake changes nothing.\n\n"
			"## [attribd]\n\n"));
	reference_section(CONFIG_DAEMON, out);
	attrib_buf_str(out, ATTRIB_STR("\n## [site NAME], one for each shop\n\n"));
	reference_section(CONFIG_SITE, out);
}
