/*
 * Reading a configuration file into sections and lines. Every problem is reported, not only the
 * first.
 *
 * inih reads one line at a time: the library as Debian builds it tells its handler no line numbers,
 * and reports the first syntax error only.
 */
#include "config_lines.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES_MAX 4096

void config_problem_begin(struct config_lines *l, int line, struct attrib_str key)
{
	l->problem_count++;
	attrib_buf_printf(l->problems, "%s:%d: ", l->file, line);
	attrib_buf_str(l->problems, key);
	attrib_buf_str(l->problems, ATTRIB_STR(": expected "));
}

void config_problem(struct config_lines *l, int line, struct attrib_str key, const char *expected,
	const char *got)
{
	config_problem_begin(l, line, key);
	attrib_buf_printf(l->problems, "%s, got %s\n", expected, got);
}

static struct config_section *find_section(
	struct config_lines *l, enum config_scope scope, struct attrib_str name)
{
	for (struct config_section *s = l->sections; s; s = s->next) {
		if (s->usable && s->scope == scope && attrib_str_eq(s->name, name))
			return s;
	}
	return NULL;
}

/* True when the text between the brackets names a section; *scope and *name say which. */
static bool read_head(struct attrib_str head, enum config_scope *scope, struct attrib_str *name)
{
	struct attrib_str rest;

	*name = ATTRIB_STR_NONE;
	*scope = CONFIG_DAEMON;
	if (attrib_str_eq(head, ATTRIB_STR("attribd")))
		return true;
	if (!attrib_str_eq(attrib_str_split(head, ' ', &rest), ATTRIB_STR("site")))
		return false;
	*scope = CONFIG_SITE;
	*name = attrib_str_trim(rest);
	return config_is_name(*name);
}

static void open_section(struct config_lines *l, struct attrib_str line)
{
	const char *end = memchr(line.p, ']', line.n);
	struct attrib_str head = {line.p + 1, end ? (size_t)(end - line.p - 1) : line.n - 1};
	struct config_section *s = attrib_arena_alloc(l->arena, sizeof *s), *other;
	struct attrib_str whole = {line.p, head.n + (end ? 2 : 1)}, name;

	if (!s) {
		l->out_of_memory = true;
		return;
	}
	s->line = l->line;
	if (!end || !read_head(attrib_str_trim(head), &s->scope, &name)) {
		config_problem(l, l->line, whole,
			"[attribd] or [site NAME], NAME of letters, digits, '_', '-' and '.'",
			"another section");
	} else if ((other = find_section(l, s->scope, name))) {
		config_problem_begin(l, l->line, whole);
		attrib_buf_printf(l->problems,
			"one such section, got a second one (first in line %d)\n", other->line);
	} else {
		s->usable = true;
		s->name = attrib_arena_str(l->arena, name);
	}
	l->section = s;
	*l->last_section = s;
	l->last_section = &s->next;
}

static int on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct config_lines *l = user;
	struct config_item *item = attrib_arena_alloc(l->arena, sizeof *item);

	(void)section;
	if (!item) {
		l->out_of_memory = true;
		return 1;
	}
	item->name = attrib_arena_str(l->arena, attrib_str_of(name));
	item->value = attrib_arena_str(l->arena, attrib_str_of(value));
	item->line = l->line;
	item->section = l->section;
	if (!item->section) {
		config_problem(
			l, l->line, item->name, "[attribd] or [site NAME] above it", "no section");
		return 1;
	}
	*l->last_item = item;
	l->last_item = &item->next;
	return 1;
}

static void read_line(struct config_lines *l, char *text, size_t n)
{
	struct attrib_str line = {text, n}, bare;

	if (n >= LINE_BYTES_MAX || !attrib_str_is_text(line)) {
		config_problem(l, l->line, ATTRIB_STR("line"), "UTF-8 text of at most 4095 bytes",
			n >= LINE_BYTES_MAX ? "a longer one" : "other bytes");
		return;
	}
	if (l->line == 1 && n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		line = (struct attrib_str){text + 3, n - 3};
	bare = attrib_str_trim(line);
	if (bare.n && bare.p[0] == '[')
		open_section(l, bare);
	else if (ini_parse_string(line.p, on_pair, l) != 0)
		config_problem(l, l->line, ATTRIB_STR("line"),
			"key = value, [section] or ; comment", "something else");
}

static void read_lines(struct config_lines *l, FILE *in)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	ini_allow_multiline = false;
	ini_max_line = LINE_BYTES_MAX + 3;
	while ((n = getline(&text, &size, in)) >= 0) {
		l->line++;
		read_line(l, text, (size_t)n);
	}
	free(text);
	if (ferror(in)) {
		l->problem_count++;
		attrib_buf_printf(
			l->problems, "%s: cannot be read: %s\n", l->file, strerror(errno));
	}
}

void config_lines_read(struct config_lines *lines)
{
	FILE *in = fopen(lines->file, "re");

	lines->last_section = &lines->sections;
	lines->last_item = &lines->items;
	if (!in) {
		lines->problem_count++;
		attrib_buf_printf(lines->problems, "%s: cannot be opened: %s\n", lines->file,
			strerror(errno));
		return;
	}
	read_lines(lines, in);
	fclose(in);
}
