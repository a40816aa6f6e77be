/*
 * Inside of an import: the job at hand, and its three steps. What a table's columns are is read from
 * the database (pg_import_columns.c); the file's rows are checked and copied into a temporary table
 * (pg_import.c); that is merged into the table (pg_import_merge.c). Exports of other systems are translated on the
 * way, row by row, and their posts found (pg_import_preset.c). Tables whose rows name persons have
 * columns of their own and are staged and merged by pg_import_person.c.
 */
#ifndef ATTRIB_SINK_PG_IMPORT_H
#define ATTRIB_SINK_PG_IMPORT_H

#include "attrib/arena.h"
#include "attrib/tools.h"
#include "csv.h"
#include "import_value.h"
#include "pg_conn.h"
#include "pg_copy.h"
#include "preset.h"

#define IMPORT_PROBLEMS_MAX 20
#define IMPORT_COLUMNS_MAX  64

struct import_column {
	const char *name, *type;
	const char *fallback;   /* SQL of its default, or NULL */
	const char *choices;    /* words separated by '|', or NULL */
	const char *expression; /* a trigger fills it like this: never in the file; or NULL */
	enum import_kind kind;
	enum attrib_customer_kind person; /* what it names a person by; 0 = it names nobody */
	bool required, key;
	int field; /* in the file; -1 = not there */
};

struct import_job {
	const struct attrib_import *import;
	struct attrib_buf *problems;
	struct attrib_sink_error *error;
	PGconn *conn;
	struct attrib_arena arena;
	const char *relation; /* attrib.<table> */
	struct import_column columns[IMPORT_COLUMNS_MAX];
	size_t column_count;
	struct import_column *site; /* NULL: the table has none */
	bool persons;               /* the rows name persons: no value of them is told */
	size_t header_fields;
	const struct preset *preset;      /* NULL = the file has the table's own columns */
	struct import_preset *translator; /* in the arena; of the preset */
	struct csv csv;
	struct pg_copy copy; /* rows on their way */
	struct attrib_buf sql;
	int problem_count, note_count; /* notes are told like problems, and are none */
	struct {                       /* of each problem, where it stands in *problems */
		uint64_t line;
		const char *column;
		size_t begin, message;
	} told[IMPORT_PROBLEMS_MAX + 1];
	uint64_t rows, skipped;
};

int import_read_columns(struct import_job *job) ATTRIB_MUST_CHECK;
/* Reads the first record; mistakes become problems. */
void import_read_header(struct import_job *job);
/* The field is good, or its problem is told. */
void import_check_field(
	struct import_job *job, const struct import_column *column, struct attrib_str value);
/* The column's value in the record at hand, trimmed; the site of rows that name none. */
struct attrib_str import_field(const struct import_job *job, const struct import_column *column);
/* Merges what stands in pg_temp.import_text. */
int import_merge(struct import_job *job, struct attrib_import_result *out) ATTRIB_MUST_CHECK;

/* The same steps for rows that name persons. ATTRIB_E_CONFIG: the database's keys were made with
 * another secret. */
int import_person_check_secret(struct import_job *job) ATTRIB_MUST_CHECK;
void import_person_columns(struct import_job *job);
void import_person_check_header(struct import_job *job);
void import_person_stage(struct import_job *job); /* the record at hand */
int import_person_merge(struct import_job *job, struct attrib_import_result *out) ATTRIB_MUST_CHECK;

/* The same steps for exports. A preset for a table that it has nothing for, or an option that is none, is told
 * as a problem. */
void import_preset_columns(struct import_job *job);
void import_preset_read_header(struct import_job *job);
void import_preset_done(struct import_job *job);
/* Translates the record at hand; false: it is passed over, or its problem is told. */
bool import_preset_row(struct import_job *job);
struct attrib_str import_preset_field(
	const struct import_job *job, const struct import_column *column);
/* The further fields of its staged rows, and their columns for a CREATE TABLE. */
void import_preset_stage(struct import_job *job);
extern const char import_preset_stage_columns[];
/* Finds the posts of what is staged; rows without one are problems, or gone. Adds up what is one row to us. */
int import_preset_resolve(struct import_job *job) ATTRIB_MUST_CHECK;

/* Runs job->sql. */
int import_run_sql(struct import_job *job) ATTRIB_MUST_CHECK;
static inline bool import_full(const struct import_job *job)
{
	return job->problem_count >= IMPORT_PROBLEMS_MAX;
}
/* "<file>:<line>: [<column>: ]", to be continued up to the line's end. */
void import_problem(struct import_job *job, uint64_t line, const char *column);
/* Once all are complete. */
void import_tell_problems(const struct import_job *job);

#endif
