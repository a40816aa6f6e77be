/*
 * attribd import TABLE FILE: what marketers fill, from a spreadsheet's CSV. Whoever a row names is
 * hashed here, with the daemon's secret.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attrib/intake.h"
#include "attrib/tools.h"
#include "cmd.h"

/* What makes keys of persons. */
struct hasher {
	struct attrib_keys *keys;
	struct attrib_arena arena; /* of the value at hand */
	uint8_t fingerprint[32];
};

static int hasher_init(struct hasher *hasher, const char *secret_file)
{
	int status = cmd_load_keys(secret_file, &hasher->keys, hasher->fingerprint);

	if (!status)
		attrib_arena_init(&hasher->arena, 1024);
	return status;
}

static void hasher_done(struct hasher *hasher)
{
	if (!hasher->keys)
		return;
	attrib_keys_free(hasher->keys);
	attrib_arena_done(&hasher->arena);
}

static bool key_of(void *arg, struct attrib_str site, enum attrib_customer_kind kind,
	struct attrib_str value, struct attrib_customer_key *out)
{
	struct hasher *hasher = arg;

	attrib_arena_reset(&hasher->arena);
	return attrib_customer_key_of(hasher->keys, &hasher->arena, site, kind, value, out);
}

static void show_progress(void *arg, uint64_t rows)
{
	(void)arg;
	fprintf(stderr, "\r%llu rows read", (unsigned long long)rows);
}

static void end_progress(void)
{
	fputs("\r\033[K", stderr);
}

static int check_table(const char *table)
{
	for (const char *const *t = attrib_import_tables(); *t; t++) {
		if (strcmp(*t, table) == 0)
			return EX_OK;
	}
	cmd_complain("import: expected one of these tables, got \"%s\":", table);
	for (const char *const *t = attrib_import_tables(); *t; t++)
		fprintf(stderr, "  %s\n", *t);
	return EX_USAGE;
}

/* A preset that there is, and options of presets only with one. */
static int check_preset(const struct cmd_line *line)
{
	struct attrib_preset preset;

	if (!line->preset) {
		if (!(line->given & (CMD_OPTION_AS | CMD_OPTION_ON | CMD_OPTION_SKIP_UNMATCHED)))
			return EX_OK;
		cmd_complain("--as, --on, --skip-unmatched: expected --preset as well");
		return EX_USAGE;
	}
	for (size_t i = 0; attrib_import_preset(i, &preset); i++) {
		if (strcmp(preset.name, line->preset) == 0)
			return EX_OK;
	}
	cmd_complain("--preset: expected one of these, got \"%s\":", line->preset);
	for (size_t i = 0; attrib_import_preset(i, &preset); i++)
		fprintf(stderr, "  %-18s %s\n", preset.name, preset.about);
	return EX_USAGE;
}

static void tell_result(
	const struct attrib_import *import, const struct attrib_import_result *result)
{
	printf("imported %llu row%s into %s (%llu new, %llu %s)", (unsigned long long)result->rows,
		result->rows == 1 ? "" : "s", import->table, (unsigned long long)result->added,
		(unsigned long long)result->replaced,
		attrib_import_names_persons(import->table) ? "known" : "replaced");
	if (result->skipped)
		printf(", skipped %llu", (unsigned long long)result->skipped);
	putchar('\n');
}

static int run_import(const struct attribd_config *config, struct attrib_import *import)
{
	struct attrib_import_result result = {0};
	struct attrib_sink_error error = {0};
	struct attrib_buf problems;
	int err, status, saved;

	attrib_buf_init(&problems);
	import->conninfo = config->postgres;
	import->progress = isatty(STDERR_FILENO) ? show_progress : NULL;
	err = attrib_postgres_import(import, &result, &problems, &error);
	saved = errno;
	if (import->progress)
		end_progress();
	status = cmd_exit_status(err);
	if (!err) {
		fprintf(stderr, "%.*s", (int)problems.n,
			problems.n ? (const char *)problems.p : "");
		tell_result(import, &result);
	} else if (err == ATTRIB_E_IO) {
		cmd_complain("%s: %s", import->file, strerror(saved));
	} else if (err == ATTRIB_E_INVALID) {
		fprintf(stderr, "%.*snothing was imported\n", (int)problems.n,
			(const char *)problems.p);
	} else {
		status = cmd_database_failed(err, &error);
	}
	attrib_buf_done(&problems);
	return status;
}

static int import_file(const struct attribd_config *config, struct attrib_import *import)
{
	bool is_stdin = strcmp(import->file, "-") == 0;
	int status;

	import->in = is_stdin ? stdin : fopen(import->file, "re");
	if (!import->in) {
		cmd_complain("%s: %s", import->file, strerror(errno));
		return EX_IOERR;
	}
	if (is_stdin)
		import->file = "stdin";
	status = run_import(config, import);
	if (!is_stdin)
		fclose(import->in);
	return status;
}

static int import_table(const struct attribd_config *config, struct attrib_import *import)
{
	struct hasher hasher = {0};
	int status = EX_OK;

	if (attrib_import_names_persons(import->table))
		status = hasher_init(&hasher, config->secret_file);
	import->key = key_of;
	import->key_arg = &hasher;
	import->secret_fingerprint = hasher.fingerprint;
	if (!status)
		status = import_file(config, import);
	hasher_done(&hasher);
	return status;
}

int cmd_import(const struct cmd_line *line)
{
	struct attrib_import import = {.table = line->operands[1], .file = line->operands[2]};
	const struct attribd_site_config *site;
	struct attribd_config *config;
	struct attrib_str *names;
	int status = check_table(import.table);

	if (!status)
		status = check_preset(line);
	if (!status)
		status = cmd_load_config(line->config, &config);
	if (status)
		return status;
	import.preset = line->preset;
	import.as = line->as;
	import.on = line->on;
	import.skip_unmatched = line->given & CMD_OPTION_SKIP_UNMATCHED;
	names = calloc(config->site_count + 1, sizeof *names);
	status = names ? cmd_pick_site(line, config, &site) : EX_UNAVAILABLE;
	for (size_t i = 0; names && i < config->site_count; i++)
		names[i] = config->sites[i].site.name;
	if (!status) {
		import.sites = names;
		import.site_count = config->site_count;
		import.site = site ? site->site.name : ATTRIB_STR_NONE;
		status = import_table(config, &import);
	}
	free(names);
	attribd_config_free(config);
	return status;
}
