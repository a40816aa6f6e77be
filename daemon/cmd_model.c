/*
 * attribd model markov|shapley: data-driven attribution over the stored paths.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attrib/model.h"
#include "cmd.h"

static int read_model(const struct cmd_line *line, unsigned *order)
{
	const char *name = line->operands[1];
	bool shapley = strcmp(name, "shapley") == 0;

	if (!shapley && strcmp(name, "markov") != 0) {
		cmd_complain("model: expected markov or shapley, got \"%s\"", name);
		return EX_USAGE;
	}
	if (shapley && line->order) {
		cmd_complain("--order: shapley has none");
		return EX_USAGE;
	}
	if (line->order && (strlen(line->order) != 1 || *line->order < '1' ||
				   *line->order > '0' + ATTRIB_MARKOV_ORDER_MAX)) {
		cmd_complain("--order: expected 1 to %d, got \"%s\"", ATTRIB_MARKOV_ORDER_MAX,
			line->order);
		return EX_USAGE;
	}
	*order = shapley ? 0 : line->order ? (unsigned)(*line->order - '0') : 1;
	return EX_OK;
}

static int read_level(const char *text, const char **out)
{
	*out = text ? text : "creator";
	if (strcmp(*out, "creator") == 0 || strcmp(*out, "campaign") == 0 ||
		strcmp(*out, "channel") == 0)
		return EX_OK;
	cmd_complain("--level: expected creator, campaign or channel, got \"%s\"", text);
	return EX_USAGE;
}

static int pick_site(const struct cmd_line *line, const struct attribd_config *config,
	struct attrib_model_asked *asked)
{
	const struct attribd_site_config *site;
	int status = cmd_pick_site(line, config, &site);

	if (status == EX_OK && !site) {
		cmd_complain("model: expected --site, the configuration has several");
		return EX_USAGE;
	}
	if (status == EX_OK)
		asked->site = site->site.name.p;
	return status;
}

static void show_progress(void *arg, uint64_t orders)
{
	(void)arg;
	fprintf(stderr, "\r%llu orders read", (unsigned long long)orders);
}

static int run_model(const struct attrib_model_asked *asked)
{
	struct attrib_sink_error error = {0};
	int err = attrib_postgres_model(asked, &error);

	if (asked->progress)
		fputs("\r\033[K", stderr);
	if (!err && fflush(stdout))
		err = ATTRIB_E_IO;
	switch (err) {
	case 0:
		return EX_OK;
	case ATTRIB_E_INVALID:
		cmd_complain("model: %s", error.text);
		return EX_USAGE;
	case ATTRIB_E_TOO_LARGE:
		cmd_complain(
			"model: the chain has too many transitions for memory: a lower --order, "
			"another --level or a shorter period makes it smaller");
		return EX_DATAERR;
	case ATTRIB_E_IO:
		cmd_complain("standard output: %s", attrib_error_text(err));
		return EX_IOERR;
	default:
		return cmd_database_failed(err, &error);
	}
}

int cmd_model(const struct cmd_line *line)
{
	struct attrib_model_asked asked = {.from = line->from,
		.to = line->to,
		.write = cmd_write_stdout,
		.progress = isatty(STDERR_FILENO) ? show_progress : NULL};
	struct attribd_config *config;
	int status = read_model(line, &asked.order);

	if (!status)
		status = read_level(line->level, &asked.level);
	if (!status)
		status = cmd_read_format(line->format, &asked.format);
	if (!status)
		status = cmd_load_config(line->config, &config);
	if (status)
		return status;
	asked.conninfo = config->postgres;
	status = pick_site(line, config, &asked);
	if (!status)
		status = run_model(&asked);
	attribd_config_free(config);
	return status;
}
