/*
 * attribd link add|list: trackers as creators are handed them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_qr.h"
#include "links.h"

#define LISTED_MAX 1000000

/* What tells options of one link from those of all. */
#define LINK_OPTIONS                                                                               \
	(CMD_OPTION_KIND | CMD_OPTION_KEY | CMD_OPTION_CREATOR | CMD_OPTION_CAMPAIGN |             \
		CMD_OPTION_PLACEMENT | CMD_OPTION_DESTINATION | CMD_OPTION_FROM | CMD_OPTION_TO |  \
		CMD_OPTION_WINDOW | CMD_OPTION_CODE_RULE | CMD_OPTION_SUB)

struct job {
	const struct cmd_line *line;
	const struct attribd_config *config;
	struct attrib_arena arena;
	struct attrib_buf items, lines, problems, sites, out;
	FILE *svg; /* --qr-svg */
	size_t added;
	int problem_count;
	int err; /* of what was made of a row */
};

/* -- what is wanted ----------------------------------------------------------------------------- */

static const struct {
	const char *field, *option;
} renamed[] = {{"valid_from", "from"}, {"valid_to", "to"}, {"code_rule", "code-rule"}};

static const char *option_of(const char *field)
{
	for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++) {
		if (strcmp(renamed[i].field, field) == 0)
			return renamed[i].option;
	}
	return field;
}

static void put_text(struct attrib_buf *out, const char *field, const char *value)
{
	if (!value)
		return;
	attrib_buf_printf(out, "%s\"%s\":", out->p[out->n - 1] == '{' ? "" : ",", field);
	attrib_buf_json(out, attrib_str_of(value));
}

static void put_item(struct attrib_buf *out, const struct cmd_line *line, const char *placement)
{
	attrib_buf_str(out, out->n > 1 ? ATTRIB_STR(",{") : ATTRIB_STR("{"));
	if (out->err)
		return;
	put_text(out, "kind", line->kind);
	put_text(out, "key", line->key);
	put_text(out, "creator", line->creator);
	put_text(out, "campaign", line->campaign);
	put_text(out, "placement", placement);
	put_text(out, "destination", line->destination);
	put_text(out, "valid_from", line->from);
	put_text(out, "valid_to", line->to);
	put_text(out, "window", line->window);
	put_text(out, "code_rule", line->code_rule);
	put_text(out, "sub", line->sub);
	attrib_buf_char(out, '}');
}

/* A tracker for each placement, so that each post's clicks and orders can be told apart. */
static int read_options(struct job *job)
{
	const struct cmd_line *line = job->line;

	attrib_buf_char(&job->items, '[');
	for (size_t i = 0; i < line->placement_count; i++)
		put_item(&job->items, line, line->placements[i]);
	if (line->placement_count == 0)
		put_item(&job->items, line, NULL);
	attrib_buf_char(&job->items, ']');
	return cmd_exit_status(job->items.err);
}

static int read_file(struct job *job)
{
	bool is_stdin = strcmp(job->line->csv, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(job->line->csv, "re");
	int err = ATTRIB_E_IO, saved;

	if (in)
		err = attrib_links_read_csv(in, is_stdin ? "stdin" : job->line->csv, &job->items,
			&job->lines, &job->problems);
	saved = errno;
	if (in && !is_stdin)
		fclose(in);
	if (err == ATTRIB_E_IO)
		cmd_complain("%s: %s", job->line->csv, strerror(saved));
	else if (err == ATTRIB_E_INVALID)
		fprintf(stderr, "%.*snothing was added\n", (int)job->problems.n,
			(const char *)job->problems.p);
	return cmd_exit_status(err);
}

/* -- what there is ------------------------------------------------------------------------------ */

static void show_qr(struct job *job, const char *address)
{
	struct attrib_buf drawing;
	int err;

	attrib_buf_init(&drawing);
	if (job->line->given & CMD_OPTION_QR) {
		err = cmd_qr_text(address, isatty(STDOUT_FILENO), &job->out);
		job->err = job->err ? job->err : err;
	}
	if (job->svg) {
		err = cmd_qr_svg(address, &drawing);
		if (!err && fwrite(drawing.p, 1, drawing.n, job->svg) != drawing.n)
			err = ATTRIB_E_IO;
		job->err = job->err ? job->err : err;
	}
	attrib_buf_done(&drawing);
}

/* A code is told, whatever else is; then the address. */
static void show_line(struct job *job, const struct attrib_link *link, struct attrib_str url)
{
	if (attrib_str_eq(link->kind, ATTRIB_STR("code"))) {
		attrib_buf_str(&job->out, link->key);
		attrib_buf_char(&job->out, '\n');
	}
	if (url.n == 0)
		return;
	attrib_buf_str(&job->out, url);
	attrib_buf_char(&job->out, '\n');
	show_qr(job, url.p);
}

static void show_problem(struct job *job, const struct attrib_link_row *row)
{
	const uint64_t *lines = (const uint64_t *)(const void *)job->lines.p;

	if (job->problem_count++ >= 20)
		return;
	if (job->line->csv)
		fprintf(stderr, "%s:%llu: %s%s%s\n",
			strcmp(job->line->csv, "-") ? job->line->csv : "stdin",
			(unsigned long long)lines[row->item], row->field ? row->field : "",
			row->field ? ": " : "", row->problem);
	else
		cmd_complain("--%s: %s", option_of(row->field), row->problem);
}

static void show_row(void *arg, const struct attrib_link_row *row)
{
	struct job *job = arg;
	struct attrib_str url;
	int err;

	if (row->problem) {
		show_problem(job, row);
		return;
	}
	if (job->problem_count) /* it went with the others */
		return;
	err = attribd_links_url(job->config, &job->arena, &row->link, &url);
	job->err = job->err ? job->err : err;
	job->added++;
	if (err)
		return;
	if (job->line->csv || strcmp(job->line->operands[1], "list") == 0)
		attrib_links_put_csv(&job->out, &row->link, url);
	else
		show_line(job, &row->link, url);
}

/* The rows that are shown stand in PostgreSQL already: whatever fails here changes nothing there. */
static int print(struct job *job)
{
	if (!job->err)
		job->err = job->out.err;
	if (fwrite(job->out.p, 1, job->out.n, stdout) != job->out.n || fflush(stdout) ||
		(job->svg && fflush(job->svg)))
		job->err = ATTRIB_E_IO;
	if (job->err)
		cmd_complain("link: %s", attrib_error_text(job->err));
	return cmd_exit_status(job->err);
}

static int add(struct job *job, const struct attribd_site_config *site)
{
	struct attrib_link_adder adder = {
		.conninfo = job->config->postgres, .all = true, .row = show_row, .arg = job};
	struct attrib_sink_error error;
	int err;

	attribd_links_put_sites(job->config, site, &job->sites);
	if (job->line->csv)
		attrib_links_put_csv(&job->out, NULL, ATTRIB_STR_NONE);
	adder.items = attrib_buf_view(&job->items);
	adder.sites = attrib_buf_view(&job->sites);
	err = job->sites.err ? job->sites.err : attrib_postgres_add_links(&adder, &error);
	if (!err)
		return print(job);
	if (job->problem_count == 0)
		return cmd_database_failed(err, &error);
	if (job->line->csv)
		fprintf(stderr, "nothing was added\n");
	return cmd_exit_status(err);
}

static int list(struct job *job, const struct attribd_site_config *site)
{
	struct attrib_link_lister lister = {.conninfo = job->config->postgres,
		.creator = job->line->creator,
		.limit = LISTED_MAX,
		.row = show_row,
		.arg = job};
	struct attrib_sink_error error;
	int err;

	if (!site) {
		cmd_complain("link: %s has several sites: name one with --site", job->line->config);
		return EX_USAGE;
	}
	lister.site = site->site.name.p;
	attrib_links_put_csv(&job->out, NULL, ATTRIB_STR_NONE);
	err = attrib_postgres_list_links(&lister, &error);
	return err ? cmd_database_failed(err, &error) : print(job);
}

/* -- the command -------------------------------------------------------------------------------- */

static int usage(const char *expected)
{
	cmd_complain("link: %s; see attribd help link", expected);
	return EX_USAGE;
}

static int check_line(const struct cmd_line *line)
{
	const char *verb = line->operands[1];
	unsigned qr = CMD_OPTION_QR | CMD_OPTION_QR_SVG;

	if (strcmp(verb, "list") == 0)
		return line->given & ((LINK_OPTIONS & ~CMD_OPTION_CREATOR) | CMD_OPTION_CSV | qr)
			       ? usage("list takes --site and --creator")
			       : EX_OK;
	if (strcmp(verb, "add") != 0)
		return usage("expected add or list");
	if (line->csv && line->given & (LINK_OPTIONS | qr))
		return usage("with --csv everything about a link stands in the file");
	if (line->key && line->placement_count > 1)
		return usage("--key is of one link, got several placements");
	if (line->qr_svg && line->placement_count > 1)
		return usage("--qr-svg is of one link, got several placements");
	if (line->given & qr && line->kind && strcmp(line->kind, "code") == 0 && !line->destination)
		return usage("a code has no address to draw without --destination");
	return EX_OK;
}

static int run(struct job *job)
{
	const struct attribd_site_config *site;
	int status = cmd_pick_site(job->line, job->config, &site);

	if (status)
		return status;
	if (strcmp(job->line->operands[1], "list") == 0)
		return list(job, site);
	status = job->line->csv ? read_file(job) : read_options(job);
	if (status)
		return status;
	/* Opened first: a link that is there and has no drawing would be made twice. */
	if (job->line->qr_svg && !(job->svg = fopen(job->line->qr_svg, "we"))) {
		cmd_complain("%s: %s", job->line->qr_svg, strerror(errno));
		return EX_IOERR;
	}
	return add(job, site);
}

static void job_done(struct job *job)
{
	struct attrib_buf *const bufs[] = {
		&job->items, &job->lines, &job->problems, &job->sites, &job->out};

	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
		attrib_buf_done(bufs[i]);
	attrib_arena_done(&job->arena);
	if (job->svg)
		fclose(job->svg);
}

int cmd_link(const struct cmd_line *line)
{
	struct job job = {.line = line};
	struct attribd_config *config;
	int status = check_line(line);

	if (!status)
		status = cmd_load_config(line->config, &config);
	if (status)
		return status;
	job.config = config;
	attrib_arena_init(&job.arena, 1024);
	status = run(&job);
	job_done(&job);
	attribd_config_free(config);
	return status;
}
