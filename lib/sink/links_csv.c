/*
 * Links as a table: the file of those that are wanted, and the lines of those that there are.
 */
#include "attrib/tools.h"

#include "csv.h"

#define PROBLEMS_MAX 20

struct table {
	const char *name;
	struct csv csv;
	struct attrib_arena arena;
	struct attrib_str header[CSV_FIELDS_MAX]; /* in the arena */
	size_t columns;
	struct attrib_buf *items, *lines, *problems;
	int problem_count;
};

static void problem(struct table *t, const char *field, const char *text)
{
	t->problem_count++;
	attrib_buf_printf(t->problems, "%s:%llu: %s%s%s\n", t->name,
		(unsigned long long)(t->csv.line ? t->csv.line : 1), field, *field ? ": " : "",
		text);
}

static bool is_known(const struct table *t, struct attrib_str column)
{
	for (size_t i = 0; i < t->columns; i++) {
		if (attrib_str_eq(t->header[i], column))
			return true;
	}
	return false;
}

static void read_header(struct table *t)
{
	if (!csv_next(&t->csv)) {
		problem(t, "header",
			t->csv.problem ? t->csv.problem : "expected column names, got nothing");
		return;
	}
	for (size_t i = 0; i < t->csv.field_count && !t->problem_count; i++) {
		struct attrib_str column =
			attrib_arena_str(&t->arena, attrib_str_trim(t->csv.fields[i]));

		if (column.n == 0)
			problem(t, "header", "expected the name of a field in each column");
		else if (is_known(t, column))
			problem(t, column.p, "expected one such column, got two");
		t->header[t->columns++] = column;
	}
}

static void put_item(struct table *t)
{
	uint64_t line = t->csv.line;
	const char *separator = t->items->n > 1 ? ",{" : "{";

	attrib_buf_put(t->lines, &line, sizeof line);
	for (size_t i = 0; i < t->columns; i++) {
		struct attrib_str value = attrib_str_trim(t->csv.fields[i]);

		attrib_buf_str(t->items, attrib_str_of(separator));
		attrib_buf_json(t->items, t->header[i]);
		attrib_buf_char(t->items, ':');
		attrib_buf_json(t->items, value);
		separator = ",";
	}
	attrib_buf_char(t->items, '}');
}

static void read_rows(struct table *t)
{
	char text[96];

	while (t->problem_count < PROBLEMS_MAX && csv_next(&t->csv)) {
		if (t->csv.field_count == t->columns) {
			put_item(t);
			continue;
		}
		snprintf(text, sizeof text, "expected %zu fields as in the header, got %zu",
			t->columns, t->csv.field_count);
		problem(t, "", text);
	}
	if (t->csv.problem)
		problem(t, "", t->csv.problem);
}

int attrib_links_read_csv(FILE *in, const char *name, struct attrib_buf *items,
	struct attrib_buf *lines, struct attrib_buf *problems)
{
	struct table table = {.name = name, .items = items, .lines = lines, .problems = problems};
	int err = 0;

	attrib_arena_init(&table.arena, 1024);
	csv_init(&table.csv, in);
	attrib_buf_char(items, '[');
	read_header(&table);
	if (!table.problem_count)
		read_rows(&table);
	attrib_buf_char(items, ']');
	if (ferror(in))
		err = ATTRIB_E_IO;
	else if (items->err || lines->err || problems->err || table.arena.failed)
		err = ATTRIB_E_NOMEM;
	else if (table.problem_count)
		err = ATTRIB_E_INVALID;
	csv_done(&table.csv);
	attrib_arena_done(&table.arena);
	return err;
}

void attrib_links_put_csv(
	struct attrib_buf *out, const struct attrib_link *link, struct attrib_str url)
{
	static const char header[] = "site,kind,key,creator,campaign,placement,destination,valid_"
				     "from,valid_to,sub,url\n";

	if (!link) {
		attrib_buf_str(out, ATTRIB_STR(header));
		return;
	}
	const struct attrib_str fields[] = {link->site, link->kind, link->key, link->creator,
		link->campaign, link->placement, link->destination, link->valid_from,
		link->valid_to, link->sub, url};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (i)
			attrib_buf_char(out, ',');
		csv_put(out, fields[i]);
	}
	attrib_buf_char(out, '\n');
}
