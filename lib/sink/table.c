/*
 * Three ways to write rows. CSV and JSON go out row by row; the table for people is kept until its
 * columns' widths are known.
 *
 * Keys in reports may be what strangers sent: control characters never reach a terminal.
 */
#include "table.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "csv.h"

#define NULL_TEXT ATTRIB_STR("-")
#define GAP       2 /* blanks between columns */
#define DECIMALS  4 /* of ratios, for people */

struct table_row {
	struct table_row *next;
	struct attrib_str *cells;
};

void table_init(struct table *table, enum attrib_report_format format,
	const struct table_column *columns, size_t column_count)
{
	*table = (struct table){.format = format, .columns = columns, .column_count = column_count};
	attrib_buf_init(&table->out);
	attrib_arena_init(&table->arena, 65536);
	table->last = &table->first;
}

void table_done(struct table *table)
{
	attrib_buf_done(&table->out);
	attrib_arena_done(&table->arena);
}

/* -- for people --------------------------------------------------------------------------------- */

static size_t width(struct attrib_str s)
{
	size_t columns = 0;
	utf8proc_int32_t c;

	for (size_t i = 0; i < s.n;) {
		utf8proc_ssize_t n = utf8proc_iterate(
			(const utf8proc_uint8_t *)s.p + i, (utf8proc_ssize_t)(s.n - i), &c);
		if (n <= 0)
			return s.n;
		columns += (size_t)utf8proc_charwidth(c);
		i += (size_t)n;
	}
	return columns;
}

/* A copy in which every control character, C1 included, is a '?'. */
static struct attrib_str printable(struct attrib_arena *arena, struct attrib_str s)
{
	struct attrib_str copy = attrib_arena_str(arena, s);
	char *p = (char *)copy.p;
	size_t n = 0;

	for (size_t i = 0; copy.p && i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool c1 = c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0;
		i += c1;
		p[n++] = c < 0x20 || c == 0x7f || c1 ? '?' : (char)c;
	}
	copy.n = n;
	return copy;
}

/* A ratio with its twenty digits is no help to a person; money has fewer than DECIMALS + 1 anyway. */
static struct attrib_str shortened(struct attrib_arena *arena, struct attrib_str number)
{
	const char *point = memchr(number.p, '.', number.n);
	struct attrib_str copy, out;
	long double value;

	if (!point || (size_t)(number.p + number.n - point - 1) <= DECIMALS)
		return printable(arena, number);
	copy = attrib_arena_str(arena, number);
	value = copy.p ? strtold(copy.p, NULL) : 0;
	if (value > 1e12L || value < -1e12L)
		return copy;
	out = attrib_arena_printf(arena, "%.*Lf", DECIMALS, value);
	return out.p && strcmp(out.p, "-0.0000") == 0 ? ATTRIB_STR("0.0000") : out;
}

static struct attrib_str cell_for_people(
	struct table *table, enum table_kind kind, struct attrib_str cell)
{
	struct attrib_str out = NULL_TEXT;

	if (cell.p && kind == TABLE_NUMBER)
		out = shortened(&table->arena, cell);
	else if (cell.p)
		out = printable(&table->arena, cell);
	if (!out.p)
		table->err = ATTRIB_E_NOMEM;
	return out;
}

static void keep_row(struct table *table, const struct attrib_str *cells)
{
	struct table_row *row = attrib_arena_alloc(&table->arena, sizeof *row);

	if (row)
		row->cells = attrib_arena_alloc(
			&table->arena, (table->column_count + 1) * sizeof *row->cells);
	if (!row || !row->cells) {
		table->err = ATTRIB_E_NOMEM;
		return;
	}
	for (size_t i = 0; i < table->column_count; i++)
		row->cells[i] = cell_for_people(table, table->columns[i].kind, cells[i]);
	if (table->err)
		return;
	*table->last = row;
	table->last = &row->next;
}

static void put_blanks(struct attrib_buf *out, size_t n)
{
	while (n--)
		attrib_buf_char(out, ' ');
}

static void put_line(struct table *table, const struct attrib_str *cells, const size_t *widths)
{
	size_t blanks = 0; /* not written before something follows: no blanks at a line's end */

	for (size_t i = 0; i < table->column_count; i++) {
		size_t fill = widths[i] - width(cells[i]);
		bool right = table->columns[i].kind == TABLE_NUMBER;
		blanks += right ? fill : 0;
		if (cells[i].n) {
			put_blanks(&table->out, blanks);
			attrib_buf_str(&table->out, cells[i]);
			blanks = 0;
		}
		blanks += GAP + (right ? 0 : fill);
	}
	attrib_buf_char(&table->out, '\n');
}

static void widen(struct table *table, const struct attrib_str *cells, size_t *widths)
{
	for (size_t i = 0; i < table->column_count; i++) {
		size_t w = width(cells[i]);
		if (w > widths[i])
			widths[i] = w;
	}
}

static void put_table(struct table *table)
{
	size_t n = table->column_count + 1;
	struct attrib_str *names = attrib_arena_alloc(&table->arena, n * sizeof *names);
	size_t *widths = attrib_arena_alloc(&table->arena, n * sizeof *widths);

	if (!names || !widths) {
		table->err = ATTRIB_E_NOMEM;
		return;
	}
	for (size_t i = 0; i < table->column_count; i++)
		names[i] = attrib_str_of(table->columns[i].name);
	widen(table, names, widths);
	for (const struct table_row *row = table->first; row; row = row->next)
		widen(table, row->cells, widths);
	put_line(table, names, widths);
	for (const struct table_row *row = table->first; row; row = row->next)
		put_line(table, row->cells, widths);
	attrib_buf_printf(
		&table->out, "(%zu row%s)\n", table->row_count, table->row_count == 1 ? "" : "s");
}

/* -- for programs ------------------------------------------------------------------------------- */

static void put_csv_head(struct table *table)
{
	for (size_t i = 0; i < table->column_count; i++) {
		if (i)
			attrib_buf_char(&table->out, ',');
		csv_put(&table->out, attrib_str_of(table->columns[i].name));
	}
	attrib_buf_char(&table->out, '\n');
}

static void put_csv(struct table *table, const struct attrib_str *cells)
{
	for (size_t i = 0; i < table->column_count; i++) {
		if (i)
			attrib_buf_char(&table->out, ',');
		if (table->columns[i].kind == TABLE_BOOL && cells[i].n)
			attrib_buf_str(&table->out,
				cells[i].p[0] == 't' ? ATTRIB_STR("true") : ATTRIB_STR("false"));
		else
			csv_put(&table->out, cells[i]);
	}
	attrib_buf_char(&table->out, '\n');
}

/* What PostgreSQL prints for a number is one in JSON, too, but for NaN and the infinities. */
static void put_json_cell(struct attrib_buf *out, enum table_kind kind, struct attrib_str cell)
{
	if (!cell.p) {
		attrib_buf_str(out, ATTRIB_STR("null"));
		return;
	}
	switch (kind) {
	case TABLE_NUMBER:
		if (cell.n == 0 || cell.p[cell.n - 1] < '0' || cell.p[cell.n - 1] > '9')
			attrib_buf_json(out, cell);
		else
			attrib_buf_str(out, cell);
		break;
	case TABLE_BOOL:
		attrib_buf_str(out, cell);
		break;
	case TABLE_TEXT:
		attrib_buf_json(out, cell);
		break;
	}
}

static void put_json(struct table *table, const struct attrib_str *cells)
{
	attrib_buf_str(&table->out, table->row_count > 1 ? ATTRIB_STR(",\n{") : ATTRIB_STR("\n{"));
	for (size_t i = 0; i < table->column_count; i++) {
		if (i)
			attrib_buf_char(&table->out, ',');
		attrib_buf_json(&table->out, attrib_str_of(table->columns[i].name));
		attrib_buf_char(&table->out, ':');
		put_json_cell(&table->out, table->columns[i].kind, cells[i]);
	}
	attrib_buf_char(&table->out, '}');
}

/* -- all three ---------------------------------------------------------------------------------- */

static void begin(struct table *table)
{
	switch (table->format) {
	case ATTRIB_REPORT_TABLE:
		break;
	case ATTRIB_REPORT_CSV:
		put_csv_head(table);
		break;
	case ATTRIB_REPORT_JSON:
		attrib_buf_char(&table->out, '[');
		break;
	}
}

void table_add(struct table *table, const struct attrib_str *cells)
{
	if (table->row_count++ == 0)
		begin(table);
	switch (table->format) {
	case ATTRIB_REPORT_TABLE:
		keep_row(table, cells);
		break;
	case ATTRIB_REPORT_CSV:
		put_csv(table, cells);
		break;
	case ATTRIB_REPORT_JSON:
		put_json(table, cells);
		break;
	}
}

int table_end(struct table *table)
{
	if (table->row_count == 0)
		begin(table);
	switch (table->format) {
	case ATTRIB_REPORT_TABLE:
		put_table(table);
		break;
	case ATTRIB_REPORT_CSV:
		break;
	case ATTRIB_REPORT_JSON:
		attrib_buf_str(
			&table->out, table->row_count ? ATTRIB_STR("\n]\n") : ATTRIB_STR("]\n"));
		break;
	}
	return table->err ? table->err : table->out.err;
}
