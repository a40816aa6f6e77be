/*
 * The bot list is part of the configuration: read with it, checked with it, replaced with it.
 */
#include <errno.h>
#include <stdio.h>

#include "config_lines.h"

/* One byte more than a list may have, so that a longer one is seen. */
static int read_file(const char *file, struct attrib_buf *text)
{
	FILE *in = fopen(file, "re");
	int error;

	if (!in)
		return errno;
	text->n = fread(text->p, 1, ATTRIB_BOTS_BYTES_MAX + 1, in);
	error = ferror(in) ? errno : 0;
	fclose(in);
	return error;
}

static void unreadable(struct config_lines *lines, int line, const char *file, int error)
{
	config_problem_begin(lines, line, ATTRIB_STR("bot_list"));
	attrib_buf_str(lines->problems, ATTRIB_STR("a readable file, got "));
	attrib_buf_json(lines->problems, attrib_str_of(file));
	attrib_buf_printf(lines->problems, " (%s)\n", strerror(error));
}

static void parse(struct config_lines *lines, struct attribd_config *config, struct attrib_str text)
{
	int err = attrib_bots_parse(config->bot_list, text, lines->problems, &config->bots);

	if (err == ATTRIB_E_CONFIG)
		lines->problem_count++;
	else if (err)
		lines->out_of_memory = true;
}

void config_load_bots(struct config_lines *lines, int line, struct attribd_config *config)
{
	struct attrib_buf text;
	int error;

	if (*config->bot_list == '\0') {
		parse(lines, config, attrib_bots_builtin);
		return;
	}
	attrib_buf_init(&text);
	if (attrib_buf_reserve(&text, ATTRIB_BOTS_BYTES_MAX + 1)) {
		lines->out_of_memory = true;
		return;
	}
	error = read_file(config->bot_list, &text);
	if (error)
		unreadable(lines, line, config->bot_list, error);
	else
		parse(lines, config, attrib_buf_view(&text));
	attrib_buf_done(&text);
}
