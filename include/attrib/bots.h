/*
 * The bot list: regular expressions of user agents that are no person's. Made once, then immutable:
 * any thread may ask it. The time of an answer is linear in the user agent, whoever wrote it.
 */
#ifndef ATTRIB_BOTS_H
#define ATTRIB_BOTS_H

#include <stdbool.h>
#include "attrib/buf.h"
#include "attrib/error.h"
#include "attrib/str.h"

#define ATTRIB_BOTS_BYTES_MAX    ((size_t)256 * 1024) /* of a list's text */
#define ATTRIB_BOTS_PATTERNS_MAX 10000
#define ATTRIB_BOTS_PATTERN_MAX  1024 /* bytes */
#define ATTRIB_USER_AGENT_MAX    512  /* bytes that are looked at */

struct attrib_bots;

/* The list that is built in: etc/bots.list. */
extern const struct attrib_str attrib_bots_builtin;

/* Reads a list: one RE2 expression a line, lines that begin with '#' are comments, empty lines and
 * those of blanks say nothing. `name` is that of the file, for the problems, each of which is one line
 * "name:line: expected ..., got ...". ATTRIB_E_CONFIG with at least one problem, ATTRIB_E_NOMEM. */
int attrib_bots_parse(const char *name, struct attrib_str text, struct attrib_buf *problems,
	struct attrib_bots **out) ATTRIB_MUST_CHECK;
void attrib_bots_free(struct attrib_bots *bots);

/* True when an expression is found in the user agent's first ATTRIB_USER_AGENT_MAX bytes. */
bool attrib_bots_match(const struct attrib_bots *bots, struct attrib_str user_agent);

#endif
