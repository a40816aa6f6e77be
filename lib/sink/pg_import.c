/*
 * Tables from CSV, all or nothing: one transaction, rows checked and copied first, merged
 * afterwards.
 */
#include <stdlib.h>
#include <string.h>

#include "pg_import.h"

#define PROGRESS_ROWS     1000
#define STATEMENT_TIMEOUT 3600000 /* ms */

static const char *const tables[] = {"creator", "creator_account", "campaign", "placement",
	"tracker", "cost", "post_metrics", "follower_count", "rate_card", "exchange_rate",
	"kpi_target", "order_claim", "code_alias", "creator_customer", "customers", "site_group",
	"margin", "engagement_count", "mention_daily", "benchmark", "ad_map", "audience_snapshot",
	"placement_note", "commission_rule", "diagnosis_rule", NULL};

const char *const *attrib_import_tables(void)
{
	return tables;
}

/* -- the rows ----------------------------------------------------------------------------------- */

struct attrib_str import_field(const struct import_job *job, const struct import_column *column)
{
	struct attrib_str value = ATTRIB_STR_NONE;

	if (job->preset)
		value = import_preset_field(job, column);
	else if (column->field >= 0)
		value = attrib_str_trim(job->csv.fields[column->field]);
	return column == job->site && value.n == 0 ? job->import->site : value;
}

static void stage_fields(struct import_job *job)
{
	if (!job->problem_count)
		pg_copy_int(&job->copy, (int64_t)job->csv.line);
	for (size_t i = 0; i < job->column_count && !import_full(job); i++) {
		const struct import_column *c = &job->columns[i];

		if (c->expression)
			continue;
		import_check_field(job, c, import_field(job, c));
		if (!job->problem_count)
			pg_copy_text_or_null(&job->copy, import_field(job, c));
	}
	if (!job->problem_count && job->preset)
		import_preset_stage(job);
	if (!job->problem_count)
		pg_copy_row(&job->copy);
}

static void stage_row(struct import_job *job)
{
	const struct csv *csv = &job->csv;

	if (job->preset && !import_preset_row(job))
		return;
	if (!job->preset && csv->field_count != job->header_fields) {
		import_problem(job, csv->line, NULL);
		attrib_buf_printf(job->problems, "expected %zu fields as in the header, got %zu\n",
			job->header_fields, csv->field_count);
		return;
	}
	if (job->persons)
		import_person_stage(job);
	else
		stage_fields(job);
	job->rows++;
}

static int read_rows(struct import_job *job)
{
	while (!import_full(job) && csv_next(&job->csv)) {
		stage_row(job);
		if (job->import->progress && job->rows % PROGRESS_ROWS == 0)
			job->import->progress(job->import->arg, job->rows);
	}
	if (job->csv.problem) {
		import_problem(job, job->csv.line, NULL);
		attrib_buf_printf(job->problems, "%s\n", job->csv.problem);
	}
	return ferror(job->import->in) ? ATTRIB_E_IO : 0;
}

int import_run_sql(struct import_job *job)
{
	attrib_buf_char(&job->sql, 0);
	if (job->sql.err)
		return job->sql.err;
	return pg_run(job->conn, (const char *)job->sql.p, 0, NULL, job->error);
}

static int stage(struct import_job *job)
{
	int err, ended;

	attrib_buf_clear(&job->sql);
	attrib_buf_str(&job->sql, ATTRIB_STR("CREATE TEMP TABLE import_text (line bigint"));
	for (size_t i = 0; i < job->column_count; i++) {
		if (!job->columns[i].expression && !job->columns[i].person)
			attrib_buf_printf(&job->sql, ", \"%s\" text", job->columns[i].name);
	}
	if (job->persons)
		attrib_buf_str(&job->sql, ATTRIB_STR(", kind smallint, key bytea"));
	if (job->preset)
		attrib_buf_str(&job->sql, attrib_str_of(import_preset_stage_columns));
	attrib_buf_str(&job->sql, ATTRIB_STR(") ON COMMIT DROP"));
	err = import_run_sql(job);
	if (!err)
		err = pg_copy_begin(&job->copy, job->conn, "pg_temp.import_text", job->error);
	if (err)
		return err;
	err = read_rows(job);
	ended = pg_copy_end(&job->copy, job->error); /* also after problems: it frees */
	if (job->problem_count) /* the row at hand is cut off: what COPY says of it is no news */
		return err;
	return err ? err : ended;
}

/* -- the whole ---------------------------------------------------------------------------------- */

static int begin(struct import_job *job)
{
	int err = pg_run(job->conn, "BEGIN", 0, NULL, job->error);

	if (!err && job->persons) {
		import_person_columns(job);
		return import_person_check_secret(job);
	}
	if (!err)
		err = import_read_columns(job);
	if (err)
		return err;
	if (job->preset)
		import_preset_columns(job);
	/* Imports of one table go one after the other; readers do not wait. */
	attrib_buf_clear(&job->sql);
	attrib_buf_printf(&job->sql, "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", job->relation);
	return import_run_sql(job);
}

static int run(struct import_job *job, struct attrib_import_result *out)
{
	int err = begin(job);

	if (err)
		return err;
	if (job->preset && !job->problem_count)
		import_preset_read_header(job);
	else if (!job->preset)
		import_read_header(job);
	if (!job->problem_count)
		err = stage(job);
	if (!err && !job->problem_count && job->preset)
		err = import_preset_resolve(job);
	if (!err && !job->problem_count)
		err = job->persons ? import_person_merge(job, out) : import_merge(job, out);
	if (!err && job->problem_count)
		err = ATTRIB_E_INVALID;
	return err ? err : pg_run(job->conn, "COMMIT", 0, NULL, job->error);
}

static bool is_table(const char *name)
{
	for (size_t i = 0; tables[i]; i++) {
		if (strcmp(tables[i], name) == 0)
			return true;
	}
	return false;
}

static int connect_and_run(struct import_job *job, struct attrib_import_result *out)
{
	struct pg_timeouts timeouts = {.statement_ms = STATEMENT_TIMEOUT};
	int err;

	if (job->import->patience)
		timeouts = pg_timeouts_of(job->import->patience);
	job->relation = attrib_arena_printf(&job->arena, "attrib.%s", job->import->table).p;
	if (!job->relation)
		return ATTRIB_E_NOMEM;
	err = pg_open(job->import->conninfo, &timeouts, &job->conn, job->error);
	if (err)
		return err;
	err = run(job, out);
	PQfinish(job->conn); /* what was not committed is gone with it */
	return err;
}

int attrib_postgres_import(const struct attrib_import *import, struct attrib_import_result *result,
	struct attrib_buf *problems, struct attrib_sink_error *error)
{
	struct import_job *job;
	struct attrib_import_result counts = {0};
	int err;

	*error = (struct attrib_sink_error){0};
	if (!is_table(import->table) || (import->preset && !preset_find(import->preset)))
		return ATTRIB_E_NOT_FOUND;
	job = calloc(1, sizeof *job);
	if (!job)
		return ATTRIB_E_NOMEM;
	job->import = import;
	job->preset = import->preset ? preset_find(import->preset) : NULL;
	job->persons = attrib_import_names_persons(import->table);
	job->problems = problems;
	job->error = error;
	attrib_arena_init(&job->arena, 4096);
	attrib_buf_init(&job->sql);
	csv_init(&job->csv, import->in);
	err = connect_and_run(job, &counts);
	if (err == ATTRIB_E_INVALID || !err)
		import_tell_problems(job);
	counts.rows = job->rows - job->skipped;
	counts.skipped = job->skipped;
	if (!err)
		*result = counts;
	import_preset_done(job);
	csv_done(&job->csv);
	attrib_buf_done(&job->sql);
	attrib_arena_done(&job->arena);
	free(job);
	return err;
}
