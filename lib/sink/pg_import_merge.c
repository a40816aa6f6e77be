/*
 * The merge of an import: rows whose key exists replace, the others are added, by two statements over
 * all of them. When one fails, the same is tried line by line under savepoints, only to learn which
 * line to blame.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_import.h"

/* The typed rows: the database's own reading of every field, defaults filled in. */
static int convert(struct import_job *job)
{
	attrib_buf_clear(&job->sql);
	attrib_buf_str(&job->sql,
		ATTRIB_STR("CREATE TEMP TABLE import_row ON COMMIT DROP AS SELECT line"));
	for (size_t i = 0; i < job->column_count; i++) {
		const struct import_column *c = &job->columns[i];
		if (c->expression)
			attrib_buf_printf(&job->sql, ", %s AS \"%s\"", c->expression, c->name);
		else
			attrib_buf_printf(&job->sql, ", coalesce(\"%s\"::%s, %s) AS \"%s\"",
				c->name, c->type, c->fallback ? c->fallback : "NULL", c->name);
	}
	attrib_buf_str(&job->sql, ATTRIB_STR(" FROM pg_temp.import_text"));
	return import_run_sql(job);
}

/* "t.a = s.a AND t.b IS NOT DISTINCT FROM s.b" over the key. */
static void put_match(struct import_job *job)
{
	bool first = true;

	for (size_t i = 0; i < job->column_count; i++) {
		const struct import_column *c = &job->columns[i];
		if (!c->key)
			continue;
		attrib_buf_printf(&job->sql, "%st.\"%s\" %s s.\"%s\"", first ? "" : " AND ",
			c->name,
			c->required || c->fallback || c->expression ? "=" : "IS NOT DISTINCT FROM",
			c->name);
		first = false;
	}
}

static void put_names(struct import_job *job, const char *prefix, bool keys, bool computed_too)
{
	bool first = true;

	for (size_t i = 0; i < job->column_count; i++) {
		const struct import_column *c = &job->columns[i];
		if ((keys && !c->key) || (c->expression && !computed_too))
			continue;
		attrib_buf_printf(&job->sql, "%s%s\"%s\"", first ? "" : ", ", prefix, c->name);
		first = false;
	}
}

static void put_update(struct import_job *job, const char *where)
{
	bool first = true;

	attrib_buf_clear(&job->sql);
	attrib_buf_printf(&job->sql, "UPDATE attrib.\"%s\" t SET ", job->import->table);
	for (size_t i = 0; i < job->column_count; i++) {
		const struct import_column *c = &job->columns[i];
		if (c->key)
			continue;
		attrib_buf_printf(
			&job->sql, "%s\"%s\" = s.\"%s\"", first ? "" : ", ", c->name, c->name);
		first = false;
	}
	attrib_buf_str(&job->sql, ATTRIB_STR(" FROM pg_temp.import_row s WHERE "));
	put_match(job);
	attrib_buf_str(&job->sql, attrib_str_of(where));
	attrib_buf_char(&job->sql, 0);
}

static void put_insert(struct import_job *job, const char *where)
{
	attrib_buf_clear(&job->sql);
	attrib_buf_printf(&job->sql, "INSERT INTO attrib.\"%s\" (", job->import->table);
	put_names(job, "", false, false);
	attrib_buf_str(&job->sql, ATTRIB_STR(") SELECT "));
	put_names(job, "s.", false, false);
	attrib_buf_printf(&job->sql,
		" FROM pg_temp.import_row s WHERE NOT EXISTS (SELECT FROM attrib.\"%s\" t WHERE ",
		job->import->table);
	put_match(job);
	attrib_buf_printf(&job->sql, ")%s ORDER BY s.line", where);
	attrib_buf_char(&job->sql, 0);
}

static int find_twins(struct import_job *job)
{
	PGresult *rows;
	int err;

	attrib_buf_clear(&job->sql);
	attrib_buf_str(&job->sql, ATTRIB_STR("SELECT line, first FROM (SELECT line, min(line) OVER "
					     "(PARTITION BY "));
	put_names(job, "", true, true);
	attrib_buf_printf(&job->sql,
		") AS first FROM pg_temp.import_row) r WHERE line <> first ORDER BY line LIMIT %d",
		IMPORT_PROBLEMS_MAX);
	attrib_buf_char(&job->sql, 0);
	if (job->sql.err)
		return job->sql.err;
	err = pg_query(job->conn, (const char *)job->sql.p, 0, NULL, &rows, job->error);
	if (err)
		return err;
	for (int i = 0; i < PQntuples(rows); i++) {
		import_problem(job, strtoull(PQgetvalue(rows, i, 0), NULL, 10), NULL);
		attrib_buf_printf(job->problems,
			"expected a key that no other line has, got that of line %s\n",
			PQgetvalue(rows, i, 1));
	}
	PQclear(rows);
	return 0;
}

/* ATTRIB_E_INVALID: a value that the table refuses. */
static int run_merge(struct import_job *job, uint64_t *count)
{
	PGresult *result;
	int err = job->sql.err;

	if (!err)
		err = pg_query(job->conn, (const char *)job->sql.p, 0, NULL, &result, job->error);
	if (err)
		return err;
	*count += strtoull(PQcmdTuples(result), NULL, 10);
	PQclear(result);
	return 0;
}

static int merge_all(struct import_job *job, struct attrib_import_result *out)
{
	int err = pg_run(job->conn, "SAVEPOINT whole", 0, NULL, job->error);

	if (err)
		return err;
	put_update(job, "");
	err = run_merge(job, &out->replaced);
	if (err)
		return err;
	put_insert(job, "");
	return run_merge(job, &out->added);
}

/* -- whom to blame ------------------------------------------------------------------------------ */

/* What the violated constraint wants, in words; constraints are named in the server's message. */
static void tell_refusal(struct import_job *job, uint64_t line)
{
	static const char sql[] =
		"SELECT c.contype, regexp_replace(regexp_replace(pg_get_constraintdef(c.oid),"
		"  '^CHECK \\(\\((.*)\\)\\)$', '\\1'), '\\((-?[0-9.]+)\\)::[a-z]+', '\\1', 'g'),"
		" (SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(c.conkey)"
		"  WITH ORDINALITY k(attnum, n) JOIN pg_attribute a ON a.attrelid = c.conrelid"
		"  AND a.attnum = k.attnum)"
		" FROM pg_constraint c WHERE c.conrelid = to_regclass($1)"
		" AND strpos($2, quote_ident(c.conname)) > 0 ORDER BY length(c.conname) DESC LIMIT "
		"1";
	const char *const params[] = {job->relation, job->error->text};
	struct attrib_sink_error ignored;
	PGresult *rows = NULL;
	int err = pg_query(job->conn, sql, 2, params, &rows, &ignored);

	if (err || PQntuples(rows) == 0) {
		import_problem(job, line, NULL);
		attrib_buf_printf(job->problems, "expected a row that the table takes, got: %s\n",
			job->error->text);
	} else {
		const char *kind = PQgetvalue(rows, 0, 0);
		import_problem(job, line, PQgetvalue(rows, 0, 2));
		if (*kind == 'x')
			attrib_buf_str(job->problems,
				ATTRIB_STR(
					"expected a period that overlaps "
					"with no other one of the same key, got one that does\n"));
		else if (*kind == 'c')
			attrib_buf_printf(job->problems,
				"expected a row with %s, got one without\n",
				PQgetvalue(rows, 0, 1));
		else
			attrib_buf_str(job->problems,
				ATTRIB_STR(
					"expected a key that no other row has, got a taken one\n"));
	}
	PQclear(rows);
}

/* One pass over the lines, each under its own savepoint. */
static int merge_lines(struct import_job *job, const PGresult *lines,
	void (*put)(struct import_job *job, const char *where), uint64_t *count)
{
	char where[64];
	int err = 0;

	for (int i = 0; !err && i < PQntuples(lines) && !import_full(job); i++) {
		const char *line = PQgetvalue(lines, i, 0);
		snprintf(where, sizeof where, " AND s.line = %.20s", line);
		err = pg_run(job->conn, "SAVEPOINT one", 0, NULL, job->error);
		if (err)
			break;
		put(job, where);
		err = run_merge(job, count);
		if (err == ATTRIB_E_INVALID) {
			struct attrib_sink_error ignored;
			err = pg_run(job->conn, "ROLLBACK TO one", 0, NULL, &ignored);
			tell_refusal(job, strtoull(line, NULL, 10));
		} else if (!err) {
			err = pg_run(job->conn, "RELEASE one", 0, NULL, job->error);
		}
	}
	return err;
}

/* Whom to blame. Should every line pass now, then that is the import. */
static int merge_each(struct import_job *job, struct attrib_import_result *out)
{
	struct attrib_import_result counts = {0};
	int err = pg_run(job->conn, "ROLLBACK TO whole", 0, NULL, job->error);
	PGresult *lines;

	if (err)
		return err;
	err = pg_query(job->conn, "SELECT line FROM pg_temp.import_row ORDER BY line", 0, NULL,
		&lines, job->error);
	if (err)
		return err;
	err = merge_lines(job, lines, put_update, &counts.replaced);
	if (!err)
		err = merge_lines(job, lines, put_insert, &counts.added);
	PQclear(lines);
	*out = counts;
	return err;
}

int import_merge(struct import_job *job, struct attrib_import_result *out)
{
	int err = convert(job);

	if (!err)
		err = find_twins(job);
	if (err || job->problem_count)
		return err;
	err = merge_all(job, out);
	if (err == ATTRIB_E_INVALID)
		err = merge_each(job, out);
	return err;
}
