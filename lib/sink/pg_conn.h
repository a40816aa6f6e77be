/*
 * One PostgreSQL connection with every timeout set, and what its errors mean for us.
 */
#ifndef ATTRIB_SINK_PG_CONN_H
#define ATTRIB_SINK_PG_CONN_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "attrib/buf.h"
#include "attrib/sink.h"

struct attrib_patience;
struct attrib_retry;

struct pg_timeouts {
	int connect_s, statement_ms, tcp_user_ms; /* 0 = 5, 30000, 10000 */
	bool firm;    /* they go before what the connection string says */
	bool endless; /* a statement may take as long as it likes */
	const atomic_bool
		*stop; /* borrowed as long as the connection is open; true: its calls give up */
};

/* Somebody waits, and so does everybody behind: 2 s for a connection (libpq counts less as this), 1 s for
 * an answer. */
extern const struct pg_timeouts pg_hurried;

/* Of somebody's own patience. */
struct pg_timeouts pg_timeouts_of(const struct attrib_patience *patience);

/* A connection that gives no answer for half as long again as a statement may take, and a second, is
 * given up.
 * ATTRIB_E_UNAVAILABLE when there is no connection to be had. What the connection string says itself
 * (connect_timeout, ...) goes before `timeouts`, unless they are firm; NULL = defaults. */
int pg_connect(const char *conninfo, const struct pg_timeouts *timeouts, PGconn **out,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

/* ATTRIB_E_SCHEMA with a text that says what to run, when this program can't work with the schema
 * that the database has. */
int pg_check_schema(PGconn *conn, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* For a command: a connection to a database with our schema, where only pg_catalog is found by short names. */
int pg_open(const char *conninfo, const struct pg_timeouts *timeouts, PGconn **out,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

/* Run one statement. Parameters are texts; a NULL is NULL. The caller clears *out; pg_run expects
 * no rows of interest. Statements of pg_run without parameters may be several. */
int pg_query(PGconn *conn, const char *sql, int n, const char *const *params, PGresult **out,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
int pg_run(PGconn *conn, const char *sql, int n, const char *const *params,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

/* Fills *error from a failed result (or, with NULL, from the connection) and returns what it is:
 * ATTRIB_E_INVALID for what the data caused (classes 22, 23, 54), else ATTRIB_E_UNAVAILABLE. */
int pg_fail(PGconn *conn, const PGresult *result, struct attrib_sink_error *error);
/* A release adds functions without a new schema version, and migrate brings them: ATTRIB_E_SCHEMA and a text
 * that says so when `err` came of a function that the database does not have, else err. */
int pg_unknown_function(int err, const char *name, struct attrib_sink_error *error);
/* True for errors that go away when the same transaction is run again (40001, 40P01). */
bool pg_conflict(const struct attrib_sink_error *error);
void pg_say(struct attrib_sink_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Values of a result. */
struct attrib_str pg_str(const PGresult *result, int row, int column); /* NULL = empty */
int64_t pg_int(const PGresult *result, int row, int column, int64_t when_null);
/* Appends names as one array literal and its NUL. ATTRIB_E_NOMEM. */
int pg_put_names(struct attrib_buf *out, const char *const *names, size_t n) ATTRIB_MUST_CHECK;
/* pg_query of what waits and is to be tried again: $1 is the site (NULL = all), $2 the names as text[] (NULL = all). */
int pg_query_retry(PGconn *conn, const char *sql, const struct attrib_retry *retry, PGresult **out,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

#endif
