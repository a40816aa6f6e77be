/*
 * Subcommands. main.c has the table of them; each is a function of what stands on the command line,
 * and returns the exit status.
 */
#ifndef ATTRIBD_CMD_H
#define ATTRIBD_CMD_H

#include <sysexits.h>
#include "attrib/sink.h"
#include "attrib/tools.h"
#include "config.h"

#define CMD_EXIT_DIFFERENT 1 /* beside those of sysexits.h: reconcile found differences */

#define CMD_CONFIG_FILE "/etc/attribd/attribd.conf"

enum cmd_option {
	CMD_OPTION_CONFIG = 1 << 0,
	CMD_OPTION_SITE = 1 << 1,
	CMD_OPTION_FROM = 1 << 2,
	CMD_OPTION_TO = 1 << 3,
	CMD_OPTION_MODEL = 1 << 4,
	CMD_OPTION_FORMAT = 1 << 5,
	CMD_OPTION_HELP = 1 << 6,
	CMD_OPTION_VERSION = 1 << 7,
	CMD_OPTION_KIND = 1 << 8,
	CMD_OPTION_BY = 1 << 9,
	CMD_OPTION_LANE = 1 << 10,
	CMD_OPTION_CREATOR = 1 << 11,
	CMD_OPTION_CAMPAIGN = 1 << 12,
	CMD_OPTION_PLACEMENT = 1 << 13,
	CMD_OPTION_KEY = 1 << 14,
	CMD_OPTION_DESTINATION = 1 << 15,
	CMD_OPTION_WINDOW = 1 << 16,
	CMD_OPTION_CODE_RULE = 1 << 17,
	CMD_OPTION_SUB = 1 << 18,
	CMD_OPTION_CSV = 1 << 19,
	CMD_OPTION_QR = 1 << 20,
	CMD_OPTION_QR_SVG = 1 << 21,
	CMD_OPTION_PRESET = 1 << 22,
	CMD_OPTION_BACKFILL = 1 << 23,
	CMD_OPTION_ORDER = 1 << 24,
	CMD_OPTION_LEVEL = 1 << 25,
	CMD_OPTION_MIN = 1 << 26,
	CMD_OPTION_REFERENCE = 1 << 27,
	CMD_OPTION_ON = 1 << 28,
	CMD_OPTION_AS = 1 << 29,
	CMD_OPTION_SKIP_UNMATCHED = 1 << 30,
};

#define CMD_PLACEMENTS_MAX 256

/* Borrowed from argv. */
struct cmd_line {
	unsigned given;                                                   /* enum cmd_option */
	const char *config;                                               /* never NULL */
	const char *site, *from, *to, *model, *by, *format, *kind, *lane; /* NULL = not given */
	const char *creator, *campaign, *key, *destination, *window, *code_rule, *sub, *csv,
		*qr_svg;
	const char *placements[CMD_PLACEMENTS_MAX]; /* may be given several times */
	size_t placement_count;
	const char *preset, *order, *level, *min, *reference, *on, *as;
	char **operands; /* the first is the command's name */
	int operand_count;
	bool implied; /* no command was named: it is serve */
};

struct cmd {
	const char *name;
	const char *synopsis;           /* what follows the name */
	const char *about;              /* one line */
	const char *help;               /* paragraphs and examples */
	unsigned options;               /* that it takes */
	int operands_min, operands_max; /* without the name */
	int (*run)(const struct cmd_line *line);
};

int cmd_check_config(const struct cmd_line *line);
int cmd_explain(const struct cmd_line *line);
int cmd_help(const struct cmd_line *line);
int cmd_import(const struct cmd_line *line);
int cmd_instances(const struct cmd_line *line);
int cmd_journal(const struct cmd_line *line);
int cmd_link(const struct cmd_line *line);
int cmd_migrate(const struct cmd_line *line);
int cmd_model(const struct cmd_line *line);
int cmd_outbox(const struct cmd_line *line);
int cmd_payout(const struct cmd_line *line);
int cmd_quarantine(const struct cmd_line *line);
int cmd_reconcile(const struct cmd_line *line);
int cmd_report(const struct cmd_line *line);
int cmd_serve(const struct cmd_line *line);
int cmd_take_over(const struct cmd_line *line);
int cmd_webhooks(const struct cmd_line *line);

/* "attribd: <message>" on stderr. */
void cmd_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* EX_OK with *out, or EX_CONFIG with the problems on stderr. */
int cmd_load_config(const char *file, struct attribd_config **out);
/* EX_OK with the keys of the installation's secret (owned by the caller) and its fingerprint, or an exit
 * status with the problem on stderr. A secret that is absent is made. */
int cmd_load_keys(const char *secret_file, struct attrib_keys **keys, uint8_t fingerprint[32]);
/* The site of --site, or the only one there is (NULL = several and none named). EX_USAGE when the
 * configuration has no such site. */
int cmd_pick_site(const struct cmd_line *line, const struct attribd_config *config,
	const struct attribd_site_config **out);
/* What --format says, a table without it; or EX_USAGE. */
int cmd_read_format(const char *text, enum attrib_report_format *out);
/* Another try of what waits: of a site (NULL = all), of these names (none = all). An exit status. */
typedef int cmd_retry_fn(const char *conninfo, const char *site, char **names, int count);
/* A command with the words list and retry: list prints a report, retry is the caller's. An exit status. */
int cmd_list_or_retry(const struct cmd_line *line, const char *report, cmd_retry_fn *retry);
/* Asks for a report, and writes it to standard output: an exit status. */
int cmd_print_report(struct attrib_report *report);
/* For attrib_report: rows to standard output. */
int cmd_write_stdout(void *arg, struct attrib_str text);
/* Tells what the database said; returns the exit status for the error. */
int cmd_database_failed(int err, const struct attrib_sink_error *error);
int cmd_exit_status(int err);

#endif
