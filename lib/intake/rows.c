/* See attrib/rows.h. */
#include "attrib/rows.h"

#include <string.h>

#include "json.h"

struct table {
	struct attrib_arena *arena;
	struct attrib_buf *csv, *lines;
	struct attrib_rows_problem *problem;
	struct attrib_str names[ATTRIB_ROWS_NAMES_MAX], cells[ATTRIB_ROWS_NAMES_MAX];
	size_t name_count;
	uint64_t line;
	int64_t index;
};

static int refuse(struct table *table, struct attrib_str name, const char *message)
{
	*table->problem = (struct attrib_rows_problem){
		table->index, attrib_arena_str(table->arena, name), message};
	return ATTRIB_E_INVALID;
}

static size_t find_name(const struct table *table, struct attrib_str name)
{
	size_t i = 0;

	while (i < table->name_count && !attrib_str_eq(table->names[i], name))
		i++;
	return i;
}

static int note_names(struct table *table, struct attrib_json object)
{
	struct attrib_json_walk walk;
	struct attrib_json value;
	struct attrib_str name;

	if (attrib_json_kind(object) != ATTRIB_JSON_OBJECT)
		return refuse(table, ATTRIB_STR_NONE, "expected an object, got something else");
	attrib_json_walk(object, &walk);
	while (attrib_json_next(&walk, &name, &value)) {
		if (find_name(table, name) < table->name_count)
			continue;
		if (table->name_count == ATTRIB_ROWS_NAMES_MAX)
			return refuse(table, name, "expected at most 256 names, got more");
		table->names[table->name_count] = attrib_arena_str(table->arena, name);
		if (!table->names[table->name_count++].p)
			return ATTRIB_E_NOMEM;
	}
	return 0;
}

static int read_number(struct table *table, struct attrib_str name, struct attrib_json value,
	struct attrib_str *out)
{
	char text[ATTRIB_JSON_DECIMAL_MAX];
	bool integer;
	size_t n = attrib_json_decimal(value, text, &integer);

	if (!n)
		return refuse(table, name,
			"expected a number of at most 15 digits, or text, got another number");
	*out = attrib_arena_str(table->arena, (struct attrib_str){text, n});
	return out->p ? 0 : ATTRIB_E_NOMEM;
}

static int read_cell(struct table *table, struct attrib_str name, struct attrib_json value,
	struct attrib_str *out)
{
	switch (attrib_json_kind(value)) {
	case ATTRIB_JSON_NULL:
		*out = ATTRIB_STR("");
		return 0;
	case ATTRIB_JSON_BOOL:
		*out = attrib_json_bool(value) ? ATTRIB_STR("true") : ATTRIB_STR("false");
		return 0;
	case ATTRIB_JSON_NUMBER:
		return read_number(table, name, value, out);
	case ATTRIB_JSON_STRING:
		*out = attrib_json_string(value);
		return attrib_str_is_text(*out)
			       ? 0
			       : refuse(table, name, "expected text, got a NUL in it");
	case ATTRIB_JSON_ARRAY:
	case ATTRIB_JSON_OBJECT:
		break;
	}
	return refuse(table, name,
		"expected text, a number, true, false or null, got a list or an object");
}

static void put_field(struct table *table, struct attrib_str field)
{
	attrib_buf_char(table->csv, '"');
	for (size_t i = 0; i < field.n; i++) {
		if (field.p[i] == '"')
			attrib_buf_char(table->csv, '"');
		attrib_buf_char(table->csv, field.p[i]);
		table->line += field.p[i] == '\n';
	}
	attrib_buf_char(table->csv, '"');
}

static void put_line(struct table *table, const struct attrib_str *fields)
{
	for (size_t i = 0; i < table->name_count; i++) {
		if (i)
			attrib_buf_char(table->csv, ',');
		put_field(table, fields[i]);
	}
	attrib_buf_char(table->csv, '\n');
	table->line++;
}

static int put_object(struct table *table, struct attrib_json object)
{
	struct attrib_json_walk walk;
	struct attrib_json value;
	struct attrib_str name;
	int err;

	memset(table->cells, 0, sizeof table->cells);
	attrib_json_walk(object, &walk);
	while (attrib_json_next(&walk, &name, &value)) {
		struct attrib_str *cell = &table->cells[find_name(table, name)];
		if (cell->p)
			return refuse(table, name, "expected it once, got it twice");
		err = read_cell(table, name, value, cell);
		if (err)
			return err;
	}
	attrib_buf_put(table->lines, &table->line, sizeof table->line);
	put_line(table, table->cells);
	return 0;
}

static int each(struct table *table, struct attrib_json root,
	int (*visit)(struct table *table, struct attrib_json object))
{
	struct attrib_json_walk walk;
	struct attrib_json item;
	struct attrib_str ignored;
	int err = 0;

	table->index = 0;
	if (attrib_json_kind(root) != ATTRIB_JSON_ARRAY)
		return visit(table, root);
	attrib_json_walk(root, &walk);
	for (; !err && attrib_json_next(&walk, &ignored, &item); table->index++)
		err = visit(table, item);
	return err;
}

static int build(struct table *table, struct attrib_json root)
{
	int err = each(table, root, note_names);

	if (err)
		return err;
	if (!table->name_count) {
		table->index = -1;
		return refuse(table, ATTRIB_STR_NONE,
			"expected a list of objects, got none with a member");
	}
	put_line(table, table->names);
	err = each(table, root, put_object);
	if (!err)
		err = table->csv->err ? table->csv->err : table->lines->err;
	return err;
}

int attrib_rows_csv(struct attrib_arena *arena, struct attrib_str json, struct attrib_buf *csv,
	struct attrib_buf *lines, struct attrib_rows_problem *problem)
{
	struct table *table = attrib_arena_alloc(arena, sizeof *table);
	struct attrib_json root;
	int err;

	if (!table)
		return ATTRIB_E_NOMEM;
	*problem = (struct attrib_rows_problem){.index = -1};
	table->arena = arena;
	table->csv = csv;
	table->lines = lines;
	table->problem = problem;
	table->line = 1;
	err = attrib_json_parse(arena, json, &root);
	return err ? err : build(table, root);
}
