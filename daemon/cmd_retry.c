/*
 * The commands with the two words list and retry: what waits for a person, and another try.
 */
#include <stdio.h>
#include <string.h>

#include "attrib/tools.h"
#include "cmd.h"

/* Both words, and what each of them takes. */
static int check(const struct cmd_line *line, bool *is_list)
{
	const char *command = line->operands[0], *word = line->operands[1];

	*is_list = strcmp(word, "list") == 0;
	if (!*is_list && strcmp(word, "retry") != 0) {
		cmd_complain("%s: expected list or retry, got \"%s\"", command, word);
		return EX_USAGE;
	}
	if (*is_list && line->operand_count > 2) {
		cmd_complain("%s list: expected nothing behind it, got \"%s\"", command,
			line->operands[2]);
		return EX_USAGE;
	}
	if (!*is_list && line->format) {
		cmd_complain("%s retry takes no --format; see attribd help %s", command, command);
		return EX_USAGE;
	}
	return EX_OK;
}

int cmd_list_or_retry(const struct cmd_line *line, const char *report, cmd_retry_fn *retry)
{
	enum attrib_report_format format;
	const struct attribd_site_config *site;
	struct attribd_config *config;
	bool is_list;
	int status = check(line, &is_list);

	if (!status)
		status = cmd_read_format(line->format, &format);
	if (!status)
		status = cmd_load_config(line->config, &config);
	if (status)
		return status;
	status = cmd_pick_site(line, config, &site);
	if (!status) {
		struct attrib_report waiting = {.conninfo = config->postgres,
			.name = report,
			.site = site ? site->site.name.p : NULL,
			.format = format};

		status = is_list ? cmd_print_report(&waiting)
				 : retry(config->postgres, waiting.site, line->operands + 2,
					   line->operand_count - 2);
	}
	attribd_config_free(config);
	return status;
}
