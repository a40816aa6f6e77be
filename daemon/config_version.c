/*
 * The settings that decisions depend on as lines, "name = value": how a recorded version of them is
 * read again, by the rows of the table that read the configuration.
 */
#include "config_table.h"

static const struct config_setting *find_decision(struct attrib_str name)
{
	for (size_t i = 0; i < config_setting_count; i++) {
		if (config_settings[i].decision &&
			attrib_str_eq(attrib_str_of(config_settings[i].name), name))
			return &config_settings[i];
	}
	return NULL;
}

static int set_defaults(struct attribd_site_config *record, struct attrib_arena *arena)
{
	int err = 0;

	for (size_t i = 0; i < config_setting_count && !err; i++) {
		const struct config_setting *setting = &config_settings[i];
		if (setting->decision)
			err = setting->type->parse(
				setting, arena, attrib_str_of(setting->fallback), record);
	}
	return err;
}

static void tell(const struct config_setting *setting, struct attrib_str name,
	struct attrib_str value, struct attrib_buf *problems)
{
	attrib_buf_str(problems, name);
	if (setting) {
		attrib_buf_str(problems, ATTRIB_STR(": expected "));
		config_expected(setting, problems);
		attrib_buf_str(problems, ATTRIB_STR(", got "));
		attrib_buf_json(problems, value);
		attrib_buf_printf(problems, "; its default \"%s\" is taken\n", setting->fallback);
	} else {
		attrib_buf_str(problems,
			ATTRIB_STR(": expected a setting that decisions depend on, got an unknown "
				   "name; it is left out\n"));
	}
}

static int read_line(struct attrib_str line, struct attrib_arena *arena,
	struct attribd_site_config *record, struct attrib_buf *problems)
{
	struct attrib_str value, name = attrib_str_trim(attrib_str_split(line, '=', &value));
	const struct config_setting *setting = find_decision(name);
	int err = ATTRIB_E_INVALID;

	value = attrib_str_trim(value);
	if (setting)
		err = setting->type->parse(setting, arena, value, record);
	if (err && err != ATTRIB_E_NOMEM) {
		tell(setting, name, value, problems);
		err = 0;
	}
	return err;
}

int attribd_config_read_version(struct attrib_str settings, struct attrib_arena *arena,
	struct attrib_site *site, struct attrib_buf *problems)
{
	struct attribd_site_config record = {.site = *site};
	int err = set_defaults(&record, arena);

	while (settings.n && !err) {
		struct attrib_str line =
			attrib_str_trim(attrib_str_split(settings, '\n', &settings));
		if (line.n)
			err = read_line(line, arena, &record, problems);
	}
	if (!err)
		*site = record.site;
	return err;
}

void attribd_config_put_version(const struct attrib_site *site, struct attrib_buf *out)
{
	struct attribd_site_config record = {.site = *site};

	for (size_t i = 0; i < config_setting_count; i++) {
		const struct config_setting *setting = &config_settings[i];
		if (!setting->decision)
			continue;
		attrib_buf_printf(out, "%s = ", setting->name);
		setting->type->print(setting, &record, out);
		attrib_buf_char(out, '\n');
	}
}
