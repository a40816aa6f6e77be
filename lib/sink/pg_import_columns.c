/*
 * The columns of an imported table: their types, defaults, keys and lists of words as the database
 * states them, so that a new column of the schema can be imported without a change here.
 */
#include <string.h>

#include "pg_import.h"

#define SHOWN_BYTES 80

/* Key columns that a trigger fills from others, and how to know them before it does. */
static const struct {
	const char *table, *column, *expression;
} computed[] = {
	{"tracker", "folded",
		"CASE kind WHEN 'utm' THEN attrib.fold_utm(key) ELSE attrib.fold(key) END"},
};

void import_problem(struct import_job *job, uint64_t line, const char *column)
{
	size_t begin = job->problems->n;
	int at = job->problem_count + job->note_count;

	attrib_buf_printf(job->problems, "%s:%llu: ", job->import->file, (unsigned long long)line);
	if (column)
		attrib_buf_printf(job->problems, "%s: ", column);
	if (at <= IMPORT_PROBLEMS_MAX) {
		job->told[at].line = line;
		job->told[at].column = column;
		job->told[at].begin = begin;
		job->told[at].message = job->problems->n;
	}
	job->problem_count++;
}

void import_tell_problems(const struct import_job *job)
{
	struct attrib_str all = attrib_buf_view(job->problems);
	int n = job->problem_count + job->note_count;

	if (n > IMPORT_PROBLEMS_MAX + 1)
		n = IMPORT_PROBLEMS_MAX + 1;
	for (int i = 0; job->import->problem && i < n; i++) {
		size_t from = job->told[i].message, to = i + 1 < n ? job->told[i + 1].begin : all.n;
		job->import->problem(job->import->arg,
			&(struct attrib_import_problem){job->told[i].line, job->told[i].column,
				attrib_str_trim((struct attrib_str){all.p + from, to - from})});
	}
}

static void put_got(struct import_job *job, struct attrib_str value)
{
	attrib_buf_str(job->problems, ATTRIB_STR(", got "));
	if (value.n == 0)
		attrib_buf_str(job->problems, ATTRIB_STR("nothing"));
	else if (job->persons)
		attrib_buf_str(job->problems, ATTRIB_STR("something else"));
	else
		attrib_buf_json(
			job->problems, (struct attrib_str){value.p,
					       value.n < SHOWN_BYTES ? value.n : SHOWN_BYTES});
	attrib_buf_char(job->problems, '\n');
}

/* "link, affiliate or code" of "link|affiliate|code". */
static void put_choices(struct attrib_buf *out, const char *choices)
{
	for (const char *p = choices; *p; p++) {
		if (*p != '|')
			attrib_buf_char(out, *p);
		else
			attrib_buf_str(
				out, strchr(p + 1, '|') ? ATTRIB_STR(", ") : ATTRIB_STR(" or "));
	}
}

/* -- what the table is -------------------------------------------------------------------------- */

static const char columns_sql[] =
	"SELECT a.attname, t.typname, a.attnotnull, pg_get_expr(d.adbin, d.adrelid),"
	" (SELECT string_agg(m[1], '|') FROM pg_constraint c,"
	"  LATERAL regexp_matches(pg_get_constraintdef(c.oid), '''([^'']*)''::text', 'g') m"
	"  WHERE c.conrelid = a.attrelid AND c.contype = 'c' AND c.conkey = ARRAY[a.attnum]"
	"  AND pg_get_constraintdef(c.oid) LIKE '%= ANY (ARRAY[%'),"
	" a.attnum = ANY (k.key)"
	" FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
	" LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
	" CROSS JOIN (SELECT i.indkey::int2[] AS key FROM pg_index i"
	"  WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indpred IS NULL"
	"  AND NOT EXISTS (SELECT FROM pg_attribute g WHERE g.attrelid = i.indrelid"
	"   AND g.attnum = ANY (i.indkey::int2[]) AND g.attidentity <> '')"
	"  ORDER BY i.indisprimary DESC LIMIT 1) k"
	" WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped"
	" AND a.attidentity = '' AND a.attgenerated = '' ORDER BY a.attnum";

/* NULL stays NULL. The rows of the answer are gone soon: texts are kept in the arena. */
static const char *keep(struct import_job *job, const PGresult *rows, int row, int column)
{
	if (PQgetisnull(rows, row, column))
		return NULL;
	return attrib_arena_str(&job->arena, attrib_str_of(PQgetvalue(rows, row, column))).p;
}

static void read_column(struct import_job *job, const PGresult *rows, int row)
{
	struct import_column *c = &job->columns[row];

	c->name = keep(job, rows, row, 0);
	c->type = keep(job, rows, row, 1);
	c->fallback = keep(job, rows, row, 3);
	c->choices = keep(job, rows, row, 4);
	c->required = *PQgetvalue(rows, row, 2) == 't' && !c->fallback;
	c->key = *PQgetvalue(rows, row, 5) == 't';
	c->kind = import_kind_of(c->name ? c->name : "", c->type ? c->type : "");
	c->field = -1;
	for (size_t i = 0; i < sizeof computed / sizeof *computed; i++) {
		if (strcmp(computed[i].table, job->import->table) == 0 && c->name &&
			strcmp(computed[i].column, c->name) == 0)
			c->expression = computed[i].expression;
	}
	if (c->name && strcmp(c->name, "site") == 0)
		job->site = c;
}

int import_read_columns(struct import_job *job)
{
	PGresult *rows;
	int err, n;

	err = pg_query(job->conn, columns_sql, 1, &job->relation, &rows, job->error);
	if (err)
		return err;
	n = PQntuples(rows);
	if (n == 0 || n > IMPORT_COLUMNS_MAX) {
		pg_say(job->error, "the database has no table %s", job->relation);
		err = ATTRIB_E_SCHEMA;
	}
	for (int i = 0; !err && i < n; i++) {
		read_column(job, rows, i);
		if (!job->columns[i].name || !job->columns[i].type)
			err = ATTRIB_E_NOMEM;
		job->column_count = (size_t)i + 1;
	}
	PQclear(rows);
	return err;
}

/* -- the header --------------------------------------------------------------------------------- */

static struct import_column *find_column(struct import_job *job, struct attrib_str name)
{
	for (size_t i = 0; i < job->column_count; i++) {
		struct import_column *c = &job->columns[i];
		if (!c->expression && attrib_str_eq(attrib_str_of(c->name), name))
			return c;
	}
	return NULL;
}

static void unknown_column(struct import_job *job, struct attrib_str name)
{
	bool first = true;

	import_problem(job, job->csv.line, NULL);
	attrib_buf_printf(job->problems, "header: expected columns of %s (", job->import->table);
	for (size_t i = 0; i < job->column_count; i++) {
		if (job->columns[i].expression)
			continue;
		attrib_buf_printf(job->problems, "%s%s", first ? "" : ", ", job->columns[i].name);
		first = false;
	}
	attrib_buf_char(job->problems, ')');
	put_got(job, name);
}

void import_read_header(struct import_job *job)
{
	struct import_column *c;

	if (!csv_next(&job->csv)) {
		import_problem(job, 1, "header");
		attrib_buf_printf(job->problems, "%s\n",
			job->csv.problem ? job->csv.problem : "expected column names, got nothing");
		return;
	}
	job->header_fields = job->csv.field_count;
	for (size_t i = 0; i < job->csv.field_count && !import_full(job); i++) {
		c = find_column(job, attrib_str_trim(job->csv.fields[i]));
		if (!c) {
			unknown_column(job, job->csv.fields[i]);
		} else if (c->field >= 0) {
			import_problem(job, job->csv.line, c->name);
			attrib_buf_str(
				job->problems, ATTRIB_STR("expected one such column, got two\n"));
		} else {
			c->field = (int)i;
		}
	}
	for (size_t i = 0; i < job->column_count && !import_full(job); i++) {
		c = &job->columns[i];
		if (!c->required || c->expression || c->field >= 0 ||
			(c == job->site && job->import->site.n))
			continue;
		import_problem(job, job->csv.line, c->name);
		attrib_buf_printf(job->problems, "expected this column%s, got none\n",
			c == job->site ? " (or the option --site NAME)" : "");
	}
	if (job->persons && !import_full(job))
		import_person_check_header(job);
}

/* -- fields ------------------------------------------------------------------------------------- */

static bool is_site(const struct import_job *job, struct attrib_str name)
{
	for (size_t i = 0; i < job->import->site_count; i++) {
		if (attrib_str_eq(job->import->sites[i], name))
			return true;
	}
	return false;
}

static bool is_choice(const char *choices, struct attrib_str value)
{
	struct attrib_str rest = attrib_str_of(choices);

	while (rest.p) {
		if (attrib_str_eq(attrib_str_split(rest, '|', &rest), value))
			return true;
	}
	return false;
}

void import_check_field(
	struct import_job *job, const struct import_column *c, struct attrib_str value)
{
	bool is_missing = value.n == 0, bad_site = false, bad_word = false;

	if (is_missing && !c->required)
		return;
	if (c == job->site)
		bad_site = !is_site(job, value);
	else if (!is_missing && c->choices)
		bad_word = !is_choice(c->choices, value);
	if (!bad_site && !bad_word && !is_missing && import_value_ok(c->kind, value))
		return;
	import_problem(job, job->csv.line, c->name);
	attrib_buf_str(job->problems, ATTRIB_STR("expected "));
	if (bad_site)
		attrib_buf_str(job->problems, ATTRIB_STR("a site of the configuration"));
	else if (c->choices)
		put_choices(job->problems, c->choices);
	else
		attrib_buf_str(job->problems, attrib_str_of(import_expected(c->kind)));
	put_got(job, value);
}
