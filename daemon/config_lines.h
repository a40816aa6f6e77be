/*
 * What a configuration file says, line by line, before anybody asks what it means; and the list of
 * problems, which reading and understanding share.
 */
#ifndef ATTRIBD_CONFIG_LINES_H
#define ATTRIBD_CONFIG_LINES_H

#include "config_table.h"

struct config_section {
	struct config_section *next;
	struct attrib_str name; /* of the site; empty for [attribd] */
	enum config_scope scope;
	int line;
	bool usable;  /* not a duplicate, not misspelled */
	void *record; /* the reader of the lines puts it here */
};

struct config_item {
	struct config_item *next;
	struct config_section *section;
	struct attrib_str name, value;
	int line;
	const struct config_setting *setting; /* likewise; NULL = unknown */
};

struct config_lines {
	const char *file;
	struct attrib_arena *arena;  /* borrowed: holds all of it */
	struct attrib_buf *problems; /* borrowed */
	int problem_count;
	int line; /* the one being read */
	struct config_section *sections, **last_section, *section;
	struct config_item *items, **last_item;
	bool out_of_memory;
};

/* Reads lines->file; whatever is wrong is in the problems. */
void config_lines_read(struct config_lines *lines);
/* "<file>:<line>: <key>: expected ", to be continued by the caller up to the line's end. */
void config_problem_begin(struct config_lines *lines, int line, struct attrib_str key);
void config_problem(struct config_lines *lines, int line, struct attrib_str key,
	const char *expected, const char *got);
/* Loads config->bots from config->bot_list, which stands in that line; whatever is wrong is in the
 * problems, those of the list itself with the list's own name and lines. */
void config_load_bots(struct config_lines *lines, int line, struct attribd_config *config);

#endif
