/*
 * Payouts by command. All rules are in schema/functions/payout.sql; here is how they are asked.
 */
#include <stdio.h>
#include <string.h>

#include "attrib/tools.h"
#include "import_value.h"
#include "pg_conn.h"

#define STATEMENT_TIMEOUT 3600000 /* ms */
#define PARAMS_MAX        4
#define NOT_IN_THAT_STATE "55000" /* what the functions say of a payout */

struct question {
	const char *sql;
	int n;
	const char *params[PARAMS_MAX];
};

static int refuse(struct attrib_sink_error *error, const char *what, const char *got)
{
	snprintf(error->text, sizeof error->text, "%s, got \"%s\"", what, got);
	return ATTRIB_E_INVALID;
}

static bool is_number(const char *s)
{
	return import_value_ok(IMPORT_INTEGER, attrib_str_of(s)) && *s != '-';
}

static int check(const struct attrib_payout_asked *asked, struct attrib_sink_error *error)
{
	if (asked->number && !is_number(asked->number))
		return refuse(error, "expected the number of a payout", asked->number);
	if (asked->day && !import_value_ok(IMPORT_DATE, attrib_str_of(asked->day)))
		return refuse(error, "expected a date such as 2026-11-30", asked->day);
	if (asked->min &&
		(!import_value_ok(IMPORT_DECIMAL, attrib_str_of(asked->min)) || *asked->min == '-'))
		return refuse(error, "expected an amount such as 50.00", asked->min);
	return 0;
}

static struct question question_of(const struct attrib_payout_asked *asked)
{
	switch (asked->act) {
	case ATTRIB_PAYOUT_CREATE:
		return (struct question){"attrib.payout_create_v1($1, $2, $3::date, $4::numeric)",
			4, {asked->site, asked->creator, asked->day, asked->min}};
	case ATTRIB_PAYOUT_PAID:
		return (struct question){"attrib.payout_paid_v1($1, $2::bigint, $3, $4::date)", 4,
			{asked->site, asked->number, asked->reference, asked->day}};
	case ATTRIB_PAYOUT_CANCEL:
		return (struct question){
			"attrib.payout_cancel_v1($1, $2::bigint)", 2, {asked->site, asked->number}};
	}
	return (struct question){0};
}

static int ask(
	PGconn *conn, const struct attrib_payout_asked *asked, struct attrib_sink_error *error)
{
	struct question q = question_of(asked);
	PGresult *rows = NULL;
	char sql[256];
	int err;

	snprintf(sql, sizeof sql,
		"SELECT id, site, creator, attrib.major(amount, currency), currency, lines, state"
		" FROM %s ORDER BY id",
		q.sql);
	err = pg_query(conn, sql, q.n, q.params, &rows, error);
	if (err)
		return strcmp(error->sqlstate, NOT_IN_THAT_STATE) == 0 ? ATTRIB_E_INVALID : err;
	for (int i = 0; i < PQntuples(rows); i++) {
		struct attrib_payout payout = {PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1),
			PQgetvalue(rows, i, 2), PQgetvalue(rows, i, 3), PQgetvalue(rows, i, 4),
			PQgetvalue(rows, i, 5), PQgetvalue(rows, i, 6)};
		asked->row(asked->arg, &payout);
	}
	PQclear(rows);
	return 0;
}

int attrib_postgres_payout(const struct attrib_payout_asked *asked, struct attrib_sink_error *error)
{
	static const struct pg_timeouts timeouts = {.statement_ms = STATEMENT_TIMEOUT};
	PGconn *conn;
	int err;

	*error = (struct attrib_sink_error){0};
	err = check(asked, error);
	if (err)
		return err;
	err = pg_open(asked->conninfo, &timeouts, &conn, error);
	if (err)
		return err;
	err = ask(conn, asked, error);
	PQfinish(conn);
	return err;
}
