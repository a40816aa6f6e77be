/*
 * attribd migrate: brings the database's schema up to this program, and the sites' settings with it,
 * so that views and imports work before the daemon runs for the first time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "catalog_thread.h"
#include "cmd.h"

static void say(void *arg, const char *text)
{
	(void)arg;
	printf("%s\n", text);
}

static int put_sites(struct attribd_config *config, struct attrib_sink_error *error)
{
	struct attrib_site_row *rows = calloc(config->site_count + 1, sizeof *rows);
	int err;

	if (!rows)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < config->site_count; i++)
		rows[i] = attribd_site_row(&config->sites[i]);
	err = attrib_postgres_put_sites(
		config->postgres, rows, config->site_count, NULL, &config->arena, error);
	free(rows);
	return err;
}

int cmd_migrate(const struct cmd_line *line)
{
	struct attrib_sink_error error = {0};
	struct attribd_config *config;
	int status = cmd_load_config(line->config, &config), err;

	if (status)
		return status;
	err = attrib_postgres_migrate(config->postgres, say, NULL, &error);
	if (!err && config->site_count)
		err = put_sites(config, &error);
	if (err)
		status = cmd_database_failed(err, &error);
	else
		printf("the schema is up to date, %zu site%s\n", config->site_count,
			config->site_count == 1 ? "" : "s");
	attribd_config_free(config);
	return status;
}
