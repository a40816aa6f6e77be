/*
 * attribd report NAME: the answers, for people or for programs.
 */
#include <stdio.h>

#include "attrib/tools.h"
#include "cmd.h"

static int unknown_report(const char *name)
{
	const struct attrib_report_kind *kind;

	cmd_complain("report: expected one of these, got \"%s\":", name);
	for (size_t i = 0; (kind = attrib_report_kind(i)); i++)
		fprintf(stderr, "  %-24s %s\n", kind->name, kind->about);
	return EX_USAGE;
}

int cmd_print_report(struct attrib_report *report)
{
	struct attrib_sink_error error = {0};
	int err;

	report->write = cmd_write_stdout;
	err = attrib_postgres_report(report, &error);
	if (!err && fflush(stdout))
		err = ATTRIB_E_IO;
	if (err == ATTRIB_E_NOT_FOUND)
		return unknown_report(report->name);
	if (err == ATTRIB_E_INVALID) {
		cmd_complain("--%s: %s", error.column, error.text);
		return EX_USAGE;
	}
	if (err == ATTRIB_E_IO) {
		cmd_complain("standard output: %s", attrib_error_text(err));
		return EX_IOERR;
	}
	return err ? cmd_database_failed(err, &error) : EX_OK;
}

int cmd_report(const struct cmd_line *line)
{
	struct attrib_report report = {.name = line->operands[1],
		.from = line->from,
		.to = line->to,
		.model = line->model,
		.by = line->by,
		.creator = line->creator,
		.campaign = line->campaign};
	const struct attribd_site_config *site;
	struct attribd_config *config;
	int status = cmd_read_format(line->format, &report.format);

	if (!status)
		status = cmd_load_config(line->config, &config);
	if (status)
		return status;
	report.conninfo = config->postgres;
	status = cmd_pick_site(line, config, &site);
	if (!status) {
		report.site = site ? site->site.name.p : NULL;
		status = cmd_print_report(&report);
	}
	attribd_config_free(config);
	return status;
}
