/*
 * Connections to PostgreSQL. A connection without timeouts can hang the flush for hours behind a
 * dead peer, so each gets all of them; and errors are sorted here, once, into "the data's fault",
 * "try again" and "the database's own trouble".
 */
#include "pg_conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "attrib/tools.h"
#include "pg_schema.h"
#include "pg_wait.h"

const struct pg_timeouts pg_hurried = {
	.connect_s = 2, .statement_ms = 1000, .tcp_user_ms = 1000, .firm = true};

struct pg_timeouts pg_timeouts_of(const struct attrib_patience *patience)
{
	return (struct pg_timeouts){.connect_s = 2,
		.statement_ms = patience->timeout_ms,
		.tcp_user_ms = patience->timeout_ms,
		.firm = true,
		.stop = patience->stop};
}

static void ignore_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

void pg_say(struct attrib_sink_error *error, const char *format, ...)
{
	va_list args;

	error->sqlstate[0] = '\0';
	va_start(args, format);
	vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
}

/* The first line only: what follows are details and contexts, which show rows. */
static void set_text(struct attrib_sink_error *error, const char *text)
{
	size_t n = strcspn(text, "\n");

	snprintf(error->text, sizeof error->text, "%.*s", (int)(n < 250 ? n : 250), text);
}

static bool is_data(const char *sqlstate)
{
	return memcmp(sqlstate, "22", 2) == 0 || memcmp(sqlstate, "23", 2) == 0 ||
	       memcmp(sqlstate, "54", 2) == 0;
}

static void set_field(const PGresult *result, int field, char *out, size_t size)
{
	const char *text = PQresultErrorField(result, field);

	snprintf(out, size, "%s", text ? text : "");
}

/* The message may quote a value: the log gets the place instead. */
static void set_refusal(const PGresult *result, struct attrib_sink_error *error)
{
	set_field(result, PG_DIAG_TABLE_NAME, error->table, sizeof error->table);
	set_field(result, PG_DIAG_COLUMN_NAME, error->column, sizeof error->column);
	set_field(result, PG_DIAG_CONSTRAINT_NAME, error->constraint, sizeof error->constraint);
	set_field(result, PG_DIAG_MESSAGE_PRIMARY, error->message, sizeof error->message);
	snprintf(error->text, sizeof error->text,
		"a value was refused (table %s, column %s, constraint %s)",
		*error->table ? error->table : "-", *error->column ? error->column : "-",
		*error->constraint ? error->constraint : "-");
}

int pg_fail(PGconn *conn, const PGresult *result, struct attrib_sink_error *error)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	if (!state || strlen(state) != 5) {
		error->sqlstate[0] = '\0';
		set_text(error, PQerrorMessage(conn));
		if (pg_wait_gave_up(conn))
			pg_say(error, "no answer within %d ms", pg_wait_gave_up(conn));
		return ATTRIB_E_UNAVAILABLE;
	}
	memcpy(error->sqlstate, state, 6);
	if (is_data(state)) {
		set_refusal(result, error);
		return ATTRIB_E_INVALID;
	}
	set_text(error, text ? text : PQerrorMessage(conn));
	return ATTRIB_E_UNAVAILABLE;
}

int pg_unknown_function(int err, const char *name, struct attrib_sink_error *error)
{
	if (!err || strcmp(error->sqlstate, "42883") != 0)
		return err;
	pg_say(error, "the database does not know %s yet: run 'attribd migrate'", name);
	return ATTRIB_E_SCHEMA;
}

bool pg_conflict(const struct attrib_sink_error *error)
{
	return strcmp(error->sqlstate, "40001") == 0 || strcmp(error->sqlstate, "40P01") == 0;
}

int pg_query(PGconn *conn, const char *sql, int n, const char *const *params, PGresult **out,
	struct attrib_sink_error *error)
{
	PGresult *result = pg_wait_exec(conn, sql, n, params);
	ExecStatusType status = PQresultStatus(result);
	int err = 0;

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		err = pg_fail(conn, result, error);
		PQclear(result);
		return err;
	}
	*out = result;
	return 0;
}

int pg_run(PGconn *conn, const char *sql, int n, const char *const *params,
	struct attrib_sink_error *error)
{
	PGresult *result = NULL;
	int err = pg_query(conn, sql, n, params, &result, error);

	if (!err)
		PQclear(result);
	return err;
}

struct attrib_str pg_str(const PGresult *result, int row, int column)
{
	return (struct attrib_str){
		PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

int64_t pg_int(const PGresult *result, int row, int column, int64_t when_null)
{
	if (PQgetisnull(result, row, column))
		return when_null;
	return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

int pg_put_names(struct attrib_buf *out, const char *const *names, size_t n)
{
	attrib_buf_char(out, '{');
	for (size_t i = 0; i < n; i++) {
		attrib_buf_str(out, attrib_str_of(i ? ",\"" : "\""));
		for (const char *c = names[i]; *c; c++) {
			if (*c == '"' || *c == '\\')
				attrib_buf_char(out, '\\');
			attrib_buf_char(out, *c);
		}
		attrib_buf_char(out, '"');
	}
	attrib_buf_put(out, "}", 2);
	return out->err;
}

int pg_query_retry(PGconn *conn, const char *sql, const struct attrib_retry *retry, PGresult **out,
	struct attrib_sink_error *error)
{
	struct attrib_buf names;
	int err;

	attrib_buf_init(&names);
	err = pg_put_names(&names, retry->names, retry->name_count);
	if (!err) {
		const char *params[] = {
			retry->site, retry->name_count ? (const char *)names.p : NULL};
		err = pg_query(conn, sql, 2, params, out, error);
	}
	attrib_buf_done(&names);
	return err;
}

/* A transaction whose client has stopped, or has gone without a word, must not keep its locks for ever. And what
 * the server confirms it has to have: the journal need not keep it any more. */
static int set_session(
	PGconn *conn, int statement_ms, const atomic_bool *stop, struct attrib_sink_error *error)
{
	/* who has given up needs no answer any more */
	static const char watch[] = "SET client_connection_check_interval = 1000;";
	char sql[768];

	if (pg_wait_init(conn, statement_ms ? statement_ms + statement_ms / 2 + 1000 : -1, stop))
		return ATTRIB_E_NOMEM;
	snprintf(sql, sizeof sql,
		"%sSET statement_timeout = %d; SET idle_in_transaction_session_timeout = %d;"
		"SET TimeZone = 'UTC'; SET client_encoding = 'UTF8'; SET DateStyle = 'ISO';"
		"SET default_transaction_isolation = 'read committed'; SET jit = off;"
		"SET standard_conforming_strings = on;"
		"SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;"
		"SET tcp_keepalives_count = 3;"
		"SELECT set_config('synchronous_commit', 'local', false)"
		" WHERE current_setting('synchronous_commit') = 'off'",
		stop ? watch : "", statement_ms, statement_ms);
	return pg_run(conn, sql, 0, NULL, error);
}

int pg_connect(const char *conninfo, const struct pg_timeouts *timeouts, PGconn **out,
	struct attrib_sink_error *error)
{
	static const struct pg_timeouts defaults;
	const struct pg_timeouts *t = timeouts ? timeouts : &defaults;
	char connect[16], user[16];
	/* the later value wins: the connection string goes before ours, and firm ones before it */
	const char *keys[] = {"connect_timeout", "tcp_user_timeout", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "application_name", "dbname",
		t->firm ? "connect_timeout" : NULL, "tcp_user_timeout", NULL};
	const char *values[] = {
		connect, user, "10", "5", "3", "attribd", conninfo, connect, user, NULL};
	int statement_ms = t->endless ? 0 : t->statement_ms ? t->statement_ms : 30000;
	PGconn *conn;
	int err;

	snprintf(connect, sizeof connect, "%d", t->connect_s ? t->connect_s : 5);
	snprintf(user, sizeof user, "%d", t->tcp_user_ms ? t->tcp_user_ms : 10000);
	conn = PQconnectdbParams(keys, values, 1);
	if (PQstatus(conn) != CONNECTION_OK) {
		err = pg_fail(conn, NULL, error);
		PQfinish(conn);
		return err;
	}
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	err = set_session(conn, statement_ms, t->stop, error);
	if (err) {
		PQfinish(conn);
		return err == ATTRIB_E_INVALID ? ATTRIB_E_UNAVAILABLE : err;
	}
	*out = conn;
	return 0;
}

static int judge_schema(const PGresult *result, struct attrib_sink_error *error)
{
	int ours = pg_schema_version();
	int64_t theirs = PQntuples(result) ? pg_int(result, 0, 0, 0) : 0;
	int64_t oldest = PQntuples(result) ? pg_int(result, 0, 1, 0) : 0;

	if (theirs < ours) {
		pg_say(error,
			"the database has schema version %lld, this attribd needs %d: run 'attribd "
			"migrate'",
			(long long)theirs, ours);
		return ATTRIB_E_SCHEMA;
	}
	if (oldest > ours) {
		pg_say(error,
			"the database has schema version %lld, which needs a newer attribd (ours "
			"is for %d): "
			"install the newer program",
			(long long)theirs, ours);
		return ATTRIB_E_SCHEMA;
	}
	return 0;
}

int pg_check_schema(PGconn *conn, struct attrib_sink_error *error)
{
	PGresult *result = NULL;
	int err;

	err = pg_query(conn, "SELECT to_regclass('attrib.schema_version') IS NOT NULL", 0, NULL,
		&result, error);
	if (err)
		return err;
	if (PQgetvalue(result, 0, 0)[0] != 't') {
		PQclear(result);
		pg_say(error, "the database has no attribd schema: run 'attribd migrate'");
		return ATTRIB_E_SCHEMA;
	}
	PQclear(result);
	err = pg_query(conn,
		"SELECT version, oldest_daemon FROM attrib.schema_version ORDER BY version DESC "
		"LIMIT 1",
		0, NULL, &result, error);
	if (err)
		return err;
	err = judge_schema(result, error);
	PQclear(result);
	return err;
}

int pg_open(const char *conninfo, const struct pg_timeouts *timeouts, PGconn **out,
	struct attrib_sink_error *error)
{
	PGconn *conn;
	int err = pg_connect(conninfo, timeouts, &conn, error);

	if (err)
		return err;
	err = pg_check_schema(conn, error);
	if (!err)
		err = pg_run(conn, "SET search_path = pg_catalog", 0, NULL, error);
	if (err)
		PQfinish(conn);
	else
		*out = conn;
	return err;
}
