/*
 * attribd reconcile FILE: the shop's own list of its orders beside what is counted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_reconcile.h"

struct reconciling {
	const struct cmd_line *line;
	const char *file;
	FILE *in;
	struct attrib_export_options list;
	struct cmd_backfill backfill;
	struct attrib_reconcile_result result;
};

static int write_rows(void *arg, struct attrib_str text)
{
	(void)arg;
	return cmd_write_stdout(NULL, text);
}

static void take_due(void *arg, const struct attrib_export_due *due)
{
	struct reconciling *r = arg;

	cmd_backfill_add(&r->backfill, due);
}

static void show_progress(void *arg, uint64_t orders)
{
	(void)arg;
	fprintf(stderr, "\r%llu orders read", (unsigned long long)orders);
}

/* -- messages --------------------------------------------------------------------------------------- */

static int file_failed(
	const struct reconciling *r, const struct attrib_export *export, int err, int saved)
{
	if (err == ATTRIB_E_INVALID && *attrib_export_problem(export))
		fprintf(stderr, "%s\n", attrib_export_problem(export));
	else
		cmd_complain("%s: %s", r->file, strerror(saved));
	return cmd_exit_status(err);
}

static int compare_failed(const struct reconciling *r, const struct attrib_export *export, int err,
	int saved, const struct attrib_sink_error *error)
{
	if (err == ATTRIB_E_IO || (err == ATTRIB_E_INVALID && *attrib_export_problem(export)))
		return file_failed(r, export, err, saved);
	if (err == ATTRIB_E_BAD_TIME) {
		cmd_complain("reconcile: %s", error->text);
		return EX_USAGE;
	}
	if (err != ATTRIB_E_INVALID)
		return cmd_database_failed(err, error);
	cmd_complain("reconcile: %s: %s", r->file, error->text);
	return EX_DATAERR;
}

static void tell_result(const struct reconciling *r)
{
	const struct attrib_reconcile_result *result = &r->result;
	const char *separator = "";

	fprintf(stderr, "%llu order%s", (unsigned long long)result->orders,
		result->orders == 1 ? "" : "s");
	if (*result->from)
		fprintf(stderr, " of %s to %s", result->from, result->to);
	fputs(": ", stderr);
	for (int i = 0; i < ATTRIB_DIFFERENCES; i++) {
		if (!result->found[i])
			continue;
		fprintf(stderr, "%s%llu %s", separator, (unsigned long long)result->found[i],
			attrib_difference_name((enum attrib_difference)i));
		separator = ", ";
	}
	fputs(*separator ? "\n" : "no difference\n", stderr);
}

/* -- reading and comparing -------------------------------------------------------------------------- */

static int begin(struct reconciling *r, struct attrib_export **out)
{
	int err;

	*out = attrib_export_open(&r->list);
	if (!*out)
		return cmd_exit_status(ATTRIB_E_NOMEM);
	err = attrib_export_begin(*out);
	return err ? file_failed(r, *out, err, errno) : EX_OK;
}

static int compare(struct reconciling *r, enum attrib_report_format format)
{
	struct attrib_reconcile asked = {.conninfo = r->backfill.config->postgres,
		.site = r->backfill.site->site.name.p,
		.from = r->line->from,
		.to = r->line->to,
		.format = format,
		.write = write_rows,
		.due = take_due,
		.progress = r->backfill.terminal ? show_progress : NULL,
		.arg = r};
	struct attrib_sink_error error;
	struct attrib_export *export;
	int err, saved, status = begin(r, &export);

	if (status == EX_OK) {
		fprintf(stderr, "%s: an export of the kind %s%s\n", r->file,
			attrib_export_name(attrib_export_preset_of(export)),
			r->list.preset < 0 ? ", by its header" : "");
		r->list.preset = (int)attrib_export_preset_of(export);
		err = attrib_postgres_reconcile(&asked, export, &r->result, &error);
		saved = errno;
		if (r->backfill.terminal)
			fputs("\r\033[K", stderr);
		status = err ? compare_failed(r, export, err, saved, &error) : EX_OK;
	}
	attrib_export_free(export);
	return status;
}

/* What the list can tell is told; the rest stays a difference. */
static int backfill(struct reconciling *r)
{
	struct attrib_export *export = NULL;
	int status;

	if (r->backfill.n == 0)
		return EX_OK;
	rewind(r->in);
	status = begin(r, &export);
	if (status == EX_OK)
		status = cmd_backfill_send(&r->backfill, export);
	attrib_export_free(export);
	if (status == EX_OK)
		fprintf(stderr, "%llu event%s sent, %llu refused\n",
			(unsigned long long)r->backfill.sent, r->backfill.sent == 1 ? "" : "s",
			(unsigned long long)r->backfill.refused);
	return status;
}

static int run(struct reconciling *r, enum attrib_report_format format)
{
	bool sends = r->line->given & CMD_OPTION_BACKFILL;
	uint64_t left = 0;
	int status = compare(r, format);

	if (status == EX_OK && fflush(stdout))
		status = EX_IOERR;
	if (status == EX_OK) {
		tell_result(r);
		if (sends)
			status = backfill(r);
	}
	for (int i = 0; i < ATTRIB_DIFFERENCES; i++)
		left += r->result.found[i];
	if (sends)
		left = r->result.unsent + r->backfill.refused;
	return status != EX_OK ? status : left ? CMD_EXIT_DIFFERENT : EX_OK;
}

/* -- the command line ------------------------------------------------------------------------------- */

static int read_preset(const char *text, int *out)
{
	enum attrib_export_preset preset;

	*out = -1;
	if (!text)
		return EX_OK;
	if (attrib_export_parse(attrib_str_of(text), &preset) == 0) {
		*out = (int)preset;
		return EX_OK;
	}
	cmd_complain("--preset: expected one of these, got \"%s\":", text);
	for (int i = 0; i < ATTRIB_EXPORT_PRESETS; i++)
		fprintf(stderr, "  %s\n", attrib_export_name((enum attrib_export_preset)i));
	return EX_USAGE;
}

static int pick_site(const struct cmd_line *line, const struct attribd_config *config,
	const struct attribd_site_config **site)
{
	int status = cmd_pick_site(line, config, site);

	if (status == EX_OK && !*site) {
		cmd_complain("reconcile: expected --site, the configuration has several");
		return EX_USAGE;
	}
	return status;
}

static int open_file(struct reconciling *r)
{
	struct stat about;

	r->in = fopen(r->file, "re");
	if (!r->in || fstat(fileno(r->in), &about)) {
		cmd_complain("%s: %s", r->file, strerror(errno));
		return EX_IOERR;
	}
	r->backfill.exported_at = about.st_mtim.tv_sec * ATTRIB_US_PER_S;
	return EX_OK;
}

int cmd_reconcile(const struct cmd_line *line)
{
	struct reconciling r = {.line = line, .file = line->operands[1]};
	enum attrib_report_format format = ATTRIB_REPORT_TABLE;
	struct attribd_config *config;
	int status = cmd_read_format(line->format, &format);

	if (!status)
		status = read_preset(line->preset, &r.list.preset);
	if (!status)
		status = cmd_load_config(line->config, &config);
	if (status)
		return status;
	r.backfill.config = config;
	r.backfill.terminal = isatty(STDERR_FILENO);
	status = pick_site(line, config, &r.backfill.site);
	if (!status)
		status = open_file(&r);
	if (!status) {
		const struct attrib_site *site = &r.backfill.site->site;
		r.list = (struct attrib_export_options){.in = r.in,
			.file = r.file,
			.preset = r.list.preset,
			.zone = site->zone,
			.currency = site->policy.currency};
		status = run(&r, format);
	}
	if (r.in)
		fclose(r.in);
	cmd_backfill_done(&r.backfill);
	attribd_config_free(config);
	return status;
}
