/* attribd journal adopt. */
#ifndef ATTRIBD_CMD_ADOPT_H
#define ATTRIBD_CMD_ADOPT_H

#include "cmd.h"

/* `dir` is the state directory of the copy. Returns the exit status. */
int cmd_journal_adopt(const struct cmd_line *line, const char *dir);

#endif
