/*
 * What several subcommands need: complaining, the configuration, sites, exit statuses.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"

void cmd_complain(const char *format, ...)
{
	va_list args;

	fputs("attribd: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int cmd_load_config(const char *file, struct attribd_config **out)
{
	struct attrib_buf problems;
	int err;

	attrib_buf_init(&problems);
	err = attribd_config_load(file, out, &problems);
	if (err)
		fwrite(problems.p, 1, problems.n, stderr);
	if (err && problems.n == 0)
		cmd_complain("%s: %s", file, attrib_error_text(err));
	attrib_buf_done(&problems);
	return cmd_exit_status(err);
}

int cmd_pick_site(const struct cmd_line *line, const struct attribd_config *config,
	const struct attribd_site_config **out)
{
	*out = config->site_count == 1 ? &config->sites[0] : NULL;
	if (!line->site)
		return EX_OK;
	*out = attribd_config_site(config, attrib_str_of(line->site));
	if (*out)
		return EX_OK;
	cmd_complain("--site %s: expected a site of %s", line->site, line->config);
	for (size_t i = 0; i < config->site_count; i++)
		fprintf(stderr, "  %.*s\n", (int)config->sites[i].site.name.n,
			config->sites[i].site.name.p);
	return EX_USAGE;
}

int cmd_write_stdout(void *arg, struct attrib_str text)
{
	(void)arg;
	return fwrite(text.p, 1, text.n, stdout) == text.n ? 0 : ATTRIB_E_IO;
}

int cmd_read_format(const char *text, enum attrib_report_format *out)
{
	static const char *const names[] = {[ATTRIB_REPORT_TABLE] = "table",
		[ATTRIB_REPORT_CSV] = "csv",
		[ATTRIB_REPORT_JSON] = "json"};

	*out = ATTRIB_REPORT_TABLE;
	if (!text)
		return EX_OK;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i], text) == 0) {
			*out = (enum attrib_report_format)i;
			return EX_OK;
		}
	}
	cmd_complain("--format: expected table, csv or json, got \"%s\"", text);
	return EX_USAGE;
}

int cmd_database_failed(int err, const struct attrib_sink_error *error)
{
	cmd_complain("database: %s", *error->text ? error->text : attrib_error_text(err));
	return cmd_exit_status(err);
}

int cmd_load_keys(const char *secret_file, struct attrib_keys **keys, uint8_t fingerprint[32])
{
	uint8_t secret[ATTRIB_SECRET_BYTES];
	int err = attribd_secret_load(secret_file, secret);

	if (err) {
		cmd_complain("%s: %s", secret_file,
			err == ATTRIB_E_IO ? strerror(errno)
					   : "not a secret of attribd, or readable by everybody");
		return cmd_exit_status(err);
	}
	*keys = attrib_keys_new(secret);
	explicit_bzero(secret, sizeof secret);
	if (!*keys)
		return cmd_exit_status(ATTRIB_E_NOMEM);
	attrib_keys_fingerprint(*keys, fingerprint);
	return EX_OK;
}

int cmd_exit_status(int err)
{
	switch (err) {
	case ATTRIB_OK:
		return EX_OK;
	case ATTRIB_E_CONFIG:
	case ATTRIB_E_SCHEMA:
	case ATTRIB_E_FENCED:
	case ATTRIB_E_VERSION:
		return EX_CONFIG;
	case ATTRIB_E_IO:
	case ATTRIB_E_NO_SPACE:
		return EX_IOERR;
	case ATTRIB_E_UNAVAILABLE:
	case ATTRIB_E_NOMEM:
		return EX_UNAVAILABLE;
	default: /* everything else is about what was given to us */
		return EX_DATAERR;
	}
}
