/*
 * attribd help: of a command, of the settings, or of everything in short.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "cmd_table.h"

static void print_overview(void)
{
	printf("attribd " ATTRIB_VERSION ": finds which creator earned which order, counts every "
	       "order once,\nand keeps PostgreSQL ready for ROI and CAC questions.\n\n"
	       "Usage: attribd [COMMAND] [-c FILE] ...\n\nCommands:\n");
	for (size_t i = 0; i < cmd_table_size; i++)
		printf("  %-14s %s\n", cmd_table[i].name, cmd_table[i].about);
	printf("\nOptions:\n"
	       "  -c, --config FILE  the configuration (default " CMD_CONFIG_FILE ")\n"
	       "  -h, --help         this text; with a command: that command's\n"
	       "      --version      the version\n\n"
	       "`attribd help COMMAND` explains one, `attribd help settings` lists what a\n"
	       "configuration may hold.\n\n"
	       "A first run:\n"
	       "  attribd check-config -c attribd.conf\n"
	       "  attribd migrate -c attribd.conf\n"
	       "  attribd import creator creators.csv -c attribd.conf\n"
	       "  attribd -c attribd.conf\n\n"
	       "Exit status: 0 ok, 1 differences (reconcile), 64 usage, 65 bad data, 69 database\n"
	       "or daemon unavailable, 74 input or output, 78 configuration or schema.\n");
}

static int print_settings(void)
{
	struct attrib_buf out;
	int err;

	attrib_buf_init(&out);
	attribd_config_reference(&out);
	err = out.err;
	fwrite(out.p, 1, out.n, stdout);
	attrib_buf_done(&out);
	return cmd_exit_status(err);
}

static void print_command(const struct cmd *cmd)
{
	printf("Usage: attribd %s%s%s\n\n%s", cmd->name, *cmd->synopsis ? " " : "", cmd->synopsis,
		cmd->help);
}

int cmd_help(const struct cmd_line *line)
{
	const char *topic = line->operand_count > 1 ? line->operands[1] : NULL;
	const struct cmd *cmd = topic ? cmd_find(topic) : NULL;
	int status = EX_OK;

	if (!topic)
		print_overview();
	else if (cmd)
		print_command(cmd);
	else if (strcmp(topic, "settings") == 0)
		status = print_settings();
	else {
		cmd_complain("help: no command \"%s\"; see attribd --help", topic);
		return EX_USAGE;
	}
	return fflush(stdout) ? EX_IOERR : status;
}
