/*
 * attribd explain ORDER: why one order is credited as it is.
 */
#include <stdio.h>
#include <string.h>

#include "attrib/tools.h"
#include "cmd.h"

/* The index of text among two words, the first when it is not given; or -1. */
static int pick(const char *option, const char *text, const char *const words[2])
{
	for (int i = 0; i < 2; i++) {
		if (!text || strcmp(text, words[i]) == 0)
			return i;
	}
	cmd_complain("%s: expected %s or %s, got \"%s\"", option, words[0], words[1], text);
	return -1;
}

static int print(const struct attrib_buf *text)
{
	if (fwrite(text->p, 1, text->n, stdout) == text->n && fflush(stdout) == 0)
		return EX_OK;
	cmd_complain("standard output: %s", attrib_error_text(ATTRIB_E_IO));
	return EX_IOERR;
}

static int run_explain(const struct attrib_explain *explain)
{
	struct attrib_sink_error error;
	struct attrib_buf text;
	int status, err;

	attrib_buf_init(&text);
	err = attrib_postgres_explain(explain, &text, &error);
	if (err == ATTRIB_E_NOT_FOUND)
		cmd_complain("explain: no %s \"%s\" of site %s is in the database", explain->kind,
			explain->order, explain->site);
	else if (err == ATTRIB_E_INVALID)
		cmd_complain("explain: \"%s\" is no id", explain->order);
	else if (err)
		cmd_database_failed(err, &error);
	status = err ? cmd_exit_status(err) : print(&text);
	attrib_buf_done(&text);
	return status;
}

/* An id belongs to a site: without one there is nothing to ask. */
static int explain_of_site(const struct cmd_line *line, const struct attribd_config *config,
	struct attrib_explain *explain)
{
	const struct attribd_site_config *site;
	int status = cmd_pick_site(line, config, &site);

	if (status)
		return status;
	if (!site) {
		cmd_complain("explain: %s has several sites: name one with --site", line->config);
		return EX_USAGE;
	}
	explain->conninfo = config->postgres;
	explain->site = site->site.name.p;
	return run_explain(explain);
}

int cmd_explain(const struct cmd_line *line)
{
	static const char *const kinds[2] = {"order", "lead"}, *const formats[2] = {
								       "table", "json"};
	int kind = pick("--kind", line->kind, kinds);
	int format = pick("--format", line->format, formats);
	struct attrib_explain explain = {.order = line->operands[1]};
	struct attribd_config *config;
	int status;

	if (kind < 0 || format < 0)
		return EX_USAGE;
	explain.kind = kinds[kind];
	explain.text = format == 0;
	status = cmd_load_config(line->config, &config);
	if (status)
		return status;
	status = explain_of_site(line, config, &explain);
	attribd_config_free(config);
	return status;
}
