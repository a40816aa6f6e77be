/*
 * The program attribd: picks the subcommand and runs it.
 */
#include <stdio.h>

#include "cmd_table.h"

/* `attribd --help` is about everything, `attribd import --help` about import. */
static int help(const struct cmd_line *line, bool bare)
{
	struct cmd_line topic = *line;
	char *operands[] = {(char *)"help", bare ? NULL : line->operands[0], NULL};

	topic.operands = operands;
	topic.operand_count = bare ? 1 : 2;
	return cmd_help(&topic);
}

int main(int argc, char **argv)
{
	struct cmd_line line;
	int status = cmd_read_line(argc, argv, &line);

	if (status)
		return status;
	if (line.given & CMD_OPTION_VERSION) {
		printf("attribd " ATTRIB_VERSION "\n");
		return fflush(stdout) ? EX_IOERR : EX_OK;
	}
	if (line.given & CMD_OPTION_HELP)
		return help(&line, line.implied);
	return cmd_find(line.operands[0])->run(&line);
}
