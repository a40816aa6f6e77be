/*
 * Tables whose rows name persons. An e-mail, phone or customer id becomes a key, as intake makes it,
 * before it leaves this process: what is staged is a row for each key of a line, and no message tells
 * a value of such a file. What the rows mean is SQL (schema/functions/import_v1.sql).
 */
#include <stdlib.h>
#include <string.h>

#include "pg_import.h"

#define PERSON_COLUMNS                                                                             \
	{.name = "email", .person = ATTRIB_KEY_EMAIL},                                             \
		{.name = "phone", .person = ATTRIB_KEY_PHONE},                                     \
	{                                                                                          \
		.name = "customer_id", .person = ATTRIB_KEY_CUSTOMER                               \
	}

static const struct import_column customers[] = {
	{.name = "site", .kind = IMPORT_TEXT, .required = true},
	PERSON_COLUMNS,
	{.name = "first_order_at", .kind = IMPORT_INSTANT},
};
static const struct import_column creator_customer[] = {
	{.name = "site", .kind = IMPORT_TEXT, .required = true},
	{.name = "creator", .kind = IMPORT_TEXT, .required = true},
	PERSON_COLUMNS,
};

static const struct {
	const char *name;
	const struct import_column *columns;
	size_t column_count;
	const char *merge;
} tables[] = {
	{"customers", customers, sizeof customers / sizeof *customers,
		"SELECT attrib.import_customers_v1()"},
	{"creator_customer", creator_customer, sizeof creator_customer / sizeof *creator_customer,
		"SELECT attrib.import_creator_customer_v1()"},
};
#define TABLES (sizeof tables / sizeof *tables)

/* TABLES when the table names nobody. */
static size_t find_table(const char *name)
{
	size_t i = 0;

	while (i < TABLES && strcmp(tables[i].name, name) != 0)
		i++;
	return i;
}

bool attrib_import_names_persons(const char *table)
{
	return find_table(table) < TABLES;
}

void import_person_columns(struct import_job *job)
{
	size_t table = find_table(job->import->table);

	job->column_count = tables[table].column_count;
	memcpy(job->columns, tables[table].columns, job->column_count * sizeof *job->columns);
	for (size_t i = 0; i < job->column_count; i++)
		job->columns[i].field = -1;
	job->site = &job->columns[0];
}

int import_person_check_secret(struct import_job *job)
{
	char fingerprint[2 * 32 + 3] = "\\x";
	const char *const params[] = {fingerprint};
	PGresult *result = NULL;
	int err;

	attrib_hex(job->import->secret_fingerprint, 32, fingerprint + 2);
	err = pg_query(job->conn, "SELECT attrib.take_secret_v1($1::bytea)", 1, params, &result,
		job->error);
	if (!err && *PQgetvalue(result, 0, 0) != 't') {
		pg_say(job->error, "it was written with another secret: its keys can be made with "
				   "the daemon's secret_file only");
		err = ATTRIB_E_CONFIG;
	}
	PQclear(result);
	return err;
}

void import_person_check_header(struct import_job *job)
{
	for (size_t i = 0; i < job->column_count; i++) {
		if (job->columns[i].person && job->columns[i].field >= 0)
			return;
	}
	import_problem(job, job->csv.line, NULL);
	attrib_buf_str(job->problems,
		ATTRIB_STR("header: expected email, phone or customer_id, got none of them\n"));
}

static const char *expected(enum attrib_customer_kind kind)
{
	switch (kind) {
	case ATTRIB_KEY_EMAIL:
		return "an address such as ann@example.com";
	case ATTRIB_KEY_PHONE:
		return "a number of five digits or more";
	case ATTRIB_KEY_CUSTOMER:
		return "the shop's id of a customer";
	}
	return "a value";
}

/* False: the field is empty or holds the 0 that shops write for guests, or its problem is told. */
static bool read_key(struct import_job *job, const struct import_column *column,
	struct attrib_str site, struct attrib_customer_key *out)
{
	struct attrib_str value = import_field(job, column);

	if (value.n == 0 || attrib_str_eq(value, ATTRIB_STR("0")))
		return false;
	if (job->import->key(job->import->key_arg, site, column->person, value, out))
		return true;
	import_problem(job, job->csv.line, column->name);
	attrib_buf_printf(
		job->problems, "expected %s, got something else\n", expected(column->person));
	return false;
}

static void copy_row(struct import_job *job, const struct attrib_customer_key *key)
{
	pg_copy_int(&job->copy, (int64_t)job->csv.line);
	for (size_t i = 0; i < job->column_count; i++) {
		if (!job->columns[i].person)
			pg_copy_text_or_null(&job->copy, import_field(job, &job->columns[i]));
	}
	pg_copy_int(&job->copy, key->kind);
	pg_copy_id(&job->copy, &key->id);
	pg_copy_row(&job->copy);
}

void import_person_stage(struct import_job *job)
{
	struct attrib_str site = import_field(job, job->site);
	struct attrib_customer_key keys[3];
	int before = job->problem_count;
	size_t n = 0;

	for (size_t i = 0; i < job->column_count && !import_full(job); i++) {
		const struct import_column *c = &job->columns[i];

		if (!c->person)
			import_check_field(job, c, import_field(job, c));
		else if (read_key(job, c, site, &keys[n]))
			n++;
	}
	if (n == 0 && job->problem_count == before) {
		import_problem(job, job->csv.line, NULL);
		attrib_buf_str(job->problems,
			ATTRIB_STR("expected an email, phone or customer_id, got none of them\n"));
	}
	for (size_t i = 0; i < n && !job->problem_count; i++)
		copy_row(job, &keys[i]);
}

/* A site that the configuration has and no daemon or `attribd migrate` has written yet. */
static int check_sites(struct import_job *job)
{
	PGresult *rows;
	int err = pg_query(job->conn,
		"SELECT min(line) FROM pg_temp.import_text t WHERE NOT EXISTS"
		" (SELECT FROM attrib.site s WHERE s.name = t.site) GROUP BY t.site ORDER BY 1",
		0, NULL, &rows, job->error);

	if (err)
		return err;
	for (int i = 0; i < PQntuples(rows) && !import_full(job); i++) {
		import_problem(job, (uint64_t)pg_int(rows, i, 0, 0), "site");
		attrib_buf_str(job->problems,
			ATTRIB_STR("expected a site that the database knows, got a new one: "
				   "run `attribd migrate` first\n"));
	}
	PQclear(rows);
	return 0;
}

int import_person_merge(struct import_job *job, struct attrib_import_result *out)
{
	PGresult *result = NULL;
	int err = check_sites(job);

	if (err || job->problem_count)
		return err;
	err = pg_query(job->conn, tables[find_table(job->import->table)].merge, 0, NULL, &result,
		job->error);
	if (err)
		return err;
	out->added = (uint64_t)pg_int(result, 0, 0, 0);
	out->replaced = job->rows - out->added;
	PQclear(result);
	return 0;
}
