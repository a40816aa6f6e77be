/*
 * The table of subcommands.
 */
#ifndef ATTRIBD_CMD_TABLE_H
#define ATTRIBD_CMD_TABLE_H

#include <stddef.h>
#include "cmd.h"

extern const struct cmd cmd_table[];
extern const size_t cmd_table_size;
/* NULL = no such command. */
const struct cmd *cmd_find(const char *name);
/* Reads argv into *line; EX_OK, or EX_USAGE after a complaint. */
int cmd_read_line(int argc, char **argv, struct cmd_line *line);

#endif
