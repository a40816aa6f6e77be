/*
 * The reader is one loop over the bytes of a record with two states, inside and outside of quotes.
 * It refuses what other programs guess about (a quote in the middle of a field, text behind a closing
 * quote): a wrong guess would land in the books.
 */
#include "csv.h"

void csv_init(struct csv *csv, FILE *in)
{
	*csv = (struct csv){.in = in, .delimiter = ',', .next_line = 1};
	attrib_buf_init(&csv->text);
}

void csv_done(struct csv *csv)
{
	attrib_buf_done(&csv->text);
}

static void skip_mark(FILE *in)
{
	static const char mark[] = "\xef\xbb\xbf";
	int c = getc(in);

	if (c != (unsigned char)mark[0]) {
		ungetc(c, in);
		return;
	}
	/* what begins like a mark and is none is no UTF-8 either, and refused as such */
	if (getc(in) != (unsigned char)mark[1] || getc(in) != (unsigned char)mark[2])
		ungetc(0xff, in);
}

/* Fields are noted as offsets while the buffer may still move: p is set in the end. */
static bool end_field(struct csv *csv, size_t *start)
{
	if (csv->field_count == CSV_FIELDS_MAX) {
		csv->problem = "expected at most 256 columns, got more";
		return false;
	}
	csv->fields[csv->field_count++] = (struct attrib_str){NULL, csv->text.n - *start};
	*start = csv->text.n;
	return true;
}

/* A quoted field from behind its opening quote up to and with the closing one. */
static bool read_quoted(struct csv *csv)
{
	int c;

	while ((c = getc(csv->in)) != EOF && csv->text.n < CSV_RECORD_MAX) {
		if (c == '"') {
			c = getc(csv->in);
			if (c != '"') {
				ungetc(c, csv->in);
				return true;
			}
		}
		csv->next_line += c == '\n';
		attrib_buf_char(&csv->text, (char)c);
	}
	csv->problem = c == EOF ? "expected a closing quote, got the end of the file"
				: "expected a closing quote, got none within 1 MiB";
	return false;
}

/* What ends a field: the delimiter, '\n' (for CRLF, too) or EOF; -1 - 1 for anything else. */
#define NO_END (EOF - 1)
static int read_end(struct csv *csv, int c)
{
	if (c == '\r') {
		c = getc(csv->in);
		if (c != '\n') {
			csv->problem = "expected a line feed behind a carriage return, got none";
			return NO_END;
		}
	}
	return c == csv->delimiter || c == '\n' || c == EOF ? c : NO_END;
}

/* One field and what ends it. */
static int read_field(struct csv *csv)
{
	int c = getc(csv->in), end;

	if (c == '"') {
		if (!read_quoted(csv))
			return NO_END;
		end = read_end(csv, getc(csv->in));
		if (end == NO_END && !csv->problem)
			csv->problem = "expected a comma or the end of the line behind a closing "
				       "quote, got other text";
		return end;
	}
	for (;; c = getc(csv->in)) {
		end = read_end(csv, c);
		if (end != NO_END || csv->problem)
			return end;
		if (c == '"')
			csv->problem = "expected quotes around the whole field, got one inside";
		else if (csv->text.n >= CSV_RECORD_MAX)
			csv->problem = "expected at most 1 MiB in a line, got more";
		if (csv->problem)
			return NO_END;
		attrib_buf_char(&csv->text, (char)c);
	}
}

static bool read_record(struct csv *csv)
{
	size_t start = 0, at = 0;
	int end;

	attrib_buf_clear(&csv->text);
	csv->field_count = 0;
	csv->line = csv->next_line;
	do {
		end = read_field(csv);
		if (end == NO_END || !end_field(csv, &start))
			return false;
	} while (end == csv->delimiter);
	csv->next_line += end == '\n';
	if (csv->text.err)
		csv->problem = "expected a line that fits into memory, got a longer one";
	else if (!attrib_str_is_text(attrib_buf_view(&csv->text)))
		csv->problem = "expected UTF-8 text, got other bytes";
	for (size_t i = 0; i < csv->field_count; i++) {
		csv->fields[i].p = csv->text.p ? (const char *)csv->text.p + at : "";
		at += csv->fields[i].n;
	}
	return !csv->problem;
}

bool csv_next(struct csv *csv)
{
	int c;

	if (csv->next_line == 1)
		skip_mark(csv->in);
	while (!csv->problem) {
		c = getc(csv->in);
		if (c == EOF)
			return false;
		ungetc(c, csv->in);
		if (!read_record(csv))
			return false;
		if (csv->field_count > 1 || csv->text.n > 0)
			return true;
	}
	return false;
}

void csv_put(struct attrib_buf *out, struct attrib_str field)
{
	bool plain = true;

	for (size_t i = 0; i < field.n && plain; i++)
		plain = !memchr(",\"\r\n", field.p[i], 4);
	if (plain) {
		attrib_buf_str(out, field);
		return;
	}
	attrib_buf_char(out, '"');
	for (size_t i = 0; i < field.n; i++) {
		if (field.p[i] == '"')
			attrib_buf_char(out, '"');
		attrib_buf_char(out, field.p[i]);
	}
	attrib_buf_char(out, '"');
}
