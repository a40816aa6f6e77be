/*
 * The second half of attribd journal.
 */
#ifndef ATTRIBD_CMD_DUMP_H
#define ATTRIBD_CMD_DUMP_H

#include "cmd.h"

int cmd_dump(const struct cmd_line *line, const char *dir);
/* Complains about a walk over `dir` that failed; returns the exit status. */
int cmd_journal_failed(const char *dir, int err);

#endif
