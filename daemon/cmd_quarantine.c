/*
 * attribd quarantine list|retry: what could not be applied, and another try.
 */
#include <stdio.h>
#include <string.h>

#include "attrib/tools.h"
#include "cmd.h"

static int list(const char *conninfo, const char *site, enum attrib_report_format format)
{
	struct attrib_report report = {.conninfo = conninfo,
		.name = "quarantined",
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

struct tally {
	unsigned long applied, outdated, refused;
};

static void print_row(void *arg, const struct attrib_retry_row *row)
{
	struct tally *tally = arg;

	printf("%s %s: %s%s%s\n", row->site, row->key, row->outcome, *row->message ? ": " : "",
		row->message);
	if (strcmp(row->outcome, "applied") == 0)
		tally->applied++;
	else if (strcmp(row->outcome, "outdated") == 0)
		tally->outdated++;
	else
		tally->refused++;
}

static int nothing_to_retry(const struct attrib_retry *retry)
{
	if (retry->name_count == 0) {
		printf("nothing that was refused waits\n");
		return fflush(stdout) ? EX_IOERR : EX_OK;
	}
	cmd_complain("quarantine: nothing that was refused has one of these keys or order ids; see "
		     "attribd quarantine list");
	return EX_DATAERR;
}

static int retry(const char *conninfo, const char *site, char **names, int count)
{
	struct tally tally = {0};
	struct attrib_sink_error error = {0};
	struct attrib_retry retry = {.conninfo = conninfo,
		.site = site,
		.names = (const char *const *)names,
		.name_count = (size_t)count,
		.row = print_row,
		.arg = &tally};
	int err = attrib_postgres_retry(&retry, &error);

	if (err == ATTRIB_E_NOT_FOUND)
		return nothing_to_retry(&retry);
	if (!err || tally.applied + tally.outdated + tally.refused)
		printf("%lu applied, %lu outdated, %lu refused again\n", tally.applied,
			tally.outdated, tally.refused);
	if (fflush(stdout))
		return EX_IOERR;
	if (err)
		return cmd_database_failed(err, &error);
	return tally.refused ? EX_DATAERR : EX_OK;
}

/* Both words, and what each of them takes. */
static int check(const struct cmd_line *line, bool *is_list)
{
	const char *word = line->operands[1];

	*is_list = strcmp(word, "list") == 0;
	if (!*is_list && strcmp(word, "retry") != 0) {
		cmd_complain("quarantine: expected list or retry, got \"%s\"", word);
		return EX_USAGE;
	}
	if (*is_list && line->operand_count > 2) {
		cmd_complain("quarantine list: expected nothing behind it, got \"%s\"",
			line->operands[2]);
		return EX_USAGE;
	}
	if (!*is_list && line->format) {
		cmd_complain("quarantine retry takes no --format; see attribd help quarantine");
		return EX_USAGE;
	}
	return EX_OK;
}

int cmd_quarantine(const struct cmd_line *line)
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
