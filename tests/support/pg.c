/*
 * Databases for tests: names are numbered by process, so that programs share a server.
 */
#include "pg.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attrib/sink.h"

static char template_name[64];
static char text[1 << 20];

static void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static const char *server(void)
{
	const char *conninfo = getenv("ATTRIB_TEST_PG");

	if (!conninfo)
		die("ATTRIB_TEST_PG is not set", "run this under tests/support/with-postgres");
	return conninfo;
}

static PGconn *must_connect(const char *conninfo)
{
	PGconn *conn = PQconnectdb(conninfo);
	PGresult *result;

	if (PQstatus(conn) != CONNECTION_OK)
		die(conninfo, PQerrorMessage(conn));
	result = PQexec(conn, "SET client_min_messages = warning; SET TimeZone = 'UTC'");
	PQclear(result);
	return conn;
}

static void must_run(PGconn *conn, const char *sql)
{
	PGresult *result = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		die(sql, PQerrorMessage(conn));
	PQclear(result);
}

static void create(const char *name, const char *from, char *conninfo, size_t size)
{
	PGconn *conn = must_connect(server());
	char sql[256];

	snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE %s", name, from);
	must_run(conn, sql);
	PQfinish(conn);
	snprintf(conninfo, size, "%s dbname=%s", server(), name);
}

static void make_template(void)
{
	struct attrib_sink_error error = {0};
	char name[sizeof template_name], conninfo[512];

	snprintf(name, sizeof name, "t%d_template", (int)getpid());
	create(name, "template0", conninfo, sizeof conninfo);
	if (attrib_postgres_migrate(conninfo, NULL, NULL, &error))
		die("migrate", error.text);
	memcpy(template_name, name, sizeof name);
}

void test_pg_init(struct test_pg *pg, bool migrated)
{
	static int number;
	char name[64];

	if (migrated && !template_name[0])
		make_template();
	snprintf(name, sizeof name, "t%d_%d", (int)getpid(), ++number);
	create(name, migrated ? template_name : "template0", pg->conninfo, sizeof pg->conninfo);
	pg->conn = must_connect(pg->conninfo);
}

void test_pg_done(struct test_pg *pg)
{
	char sql[256];
	PGconn *conn = must_connect(server());

	snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", PQdb(pg->conn));
	PQfinish(pg->conn);
	must_run(conn, sql);
	PQfinish(conn);
}

static char *format_sql(const char *format, va_list args)
{
	char *sql;

	if (vasprintf(&sql, format, args) < 0)
		die(format, "out of memory");
	return sql;
}

void test_pg_run(struct test_pg *pg, const char *format, ...)
{
	va_list args;
	char *sql;

	va_start(args, format);
	sql = format_sql(format, args);
	va_end(args);
	must_run(pg->conn, sql);
	free(sql);
}

static void print_rows(const PGresult *result)
{
	size_t n = 0;

	text[0] = '\0';
	for (int row = 0; row < PQntuples(result); row++) {
		for (int column = 0; column < PQnfields(result); column++)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s",
				column ? "|"
				: row  ? "\n"
				       : "",
				PQgetvalue(result, row, column));
		if (n >= sizeof text)
			die("test_pg_text", "too many rows");
	}
}

const char *test_pg_text(struct test_pg *pg, const char *format, ...)
{
	PGresult *result;
	va_list args;
	char *sql;

	va_start(args, format);
	sql = format_sql(format, args);
	va_end(args);
	result = PQexec(pg->conn, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die(sql, PQerrorMessage(pg->conn));
	print_rows(result);
	PQclear(result);
	free(sql);
	return text;
}

const char *test_pg_state(struct test_pg *pg, const char *sql)
{
	static char state[6];
	PGresult *result = PQexec(pg->conn, sql);
	const char *found = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	snprintf(state, sizeof state, "%s", found ? found : "");
	PQclear(result);
	return state;
}
