/*
 * attribd outbox list|retry: events that receivers have not confirmed, and another try now for those that
 * have failed or were given up. The running daemon sends them.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static int list(const char *conninfo, const char *site, enum attrib_report_format format)
{
	const struct attrib_report report = {.conninfo = conninfo,
		.name = "outbox",
		.site = site,
		.format = format,
		.write = cmd_write_stdout};
	struct attrib_sink_error error = {0};
	int err = attrib_postgres_report(&report, &error);

	if (!err && fflush(stdout))
		err = ATTRIB_E_IO;
	if (err == ATTRIB_E_IO) {
		cmd_complain("standard output: %s", attrib_error_text(err));
		return EX_IOERR;
	}
	return err ? cmd_database_failed(err, &error) : EX_OK;
}

static void print_row(void *arg, const struct attrib_retry_row *row)
{
	++*(unsigned long *)arg;
	printf("%s %s: %s\n", row->site, row->key, row->outcome);
}

static int retry(const char *conninfo, const char *site, char **names, int count)
{
	struct attrib_sink_error error = {0};
	unsigned long n = 0;
	const struct attrib_retry retry = {.conninfo = conninfo,
		.site = site,
		.names = (const char *const *)names,
		.name_count = (size_t)count,
		.row = print_row,
		.arg = &n};
	int err = attrib_postgres_outbox_retry(&retry, &error);

	if (err == ATTRIB_E_NOT_FOUND && count) {
		cmd_complain("outbox: nothing that has failed has one of these order, event or "
			     "webhook ids; see attribd outbox list");
		return EX_DATAERR;
	}
	if (err && err != ATTRIB_E_NOT_FOUND)
		return cmd_database_failed(err, &error);
	printf("%lu event%s due again\n", n, n == 1 ? " is" : "s are");
	return fflush(stdout) ? EX_IOERR : EX_OK;
}

/* Both words, and what each of them takes. */
static int check(const struct cmd_line *line, bool *is_list)
{
	const char *word = line->operands[1];

	*is_list = strcmp(word, "list") == 0;
	if (!*is_list && strcmp(word, "retry") != 0) {
		cmd_complain("outbox: expected list or retry, got \"%s\"", word);
		return EX_USAGE;
	}
	if (*is_list && line->operand_count > 2) {
		cmd_complain(
			"outbox list: expected nothing behind it, got \"%s\"", line->operands[2]);
		return EX_USAGE;
	}
	if (!*is_list && line->format) {
		cmd_complain("outbox retry takes no --format; see attribd help outbox");
		return EX_USAGE;
	}
	return EX_OK;
}

int cmd_outbox(const struct cmd_line *line)
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
		const char *name = site ? site->site.name.p : NULL;

		status = is_list ? list(config->postgres, name, format)
				 : retry(config->postgres, name, line->operands + 2,
					   line->operand_count - 2);
	}
	attribd_config_free(config);
	return status;
}
