/*
 * One request of a subcommand to the running daemon, by its own public door.
 */
#ifndef ATTRIBD_CMD_ASK_H
#define ATTRIBD_CMD_ASK_H

#include "attrib/str.h"
#include "config.h"

#define CMD_ANSWER_MAX 65536 /* bytes; what is longer is cut */

/* Sends a whole request that closes its connection; an address that stands for all is the loopback one.
 * answer has room for CMD_ANSWER_MAX bytes, *body begins in it. Returns the status of the answer; 0 = none
 * came within 10 s. */
int cmd_ask(const struct attribd_address *address, struct attrib_str request, char *answer,
	const char **body);

#endif
