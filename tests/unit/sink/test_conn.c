/*
 * Every connection has all its timeouts, and a peer that stops talking is given up: while it is asked,
 * while it is sent rows, and before it has said hello.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "pg.h"
#include "pg_conn.h"
#include "pg_copy.h"

#define HURRY_MS 200

static struct test_pg pg;
static struct attrib_sink_error error;

static int setup(void **state)
{
	(void)state;
	test_pg_init(&pg, false);
	error = (struct attrib_sink_error){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_pg_done(&pg);
	return 0;
}

static PGconn *connected(const char *more, const struct pg_timeouts *timeouts)
{
	char conninfo[sizeof pg.conninfo + 128];
	PGconn *conn = NULL;

	snprintf(conninfo, sizeof conninfo, "%s %s", pg.conninfo, more);
	assert_int_equal(pg_connect(conninfo, timeouts, &conn, &error), 0);
	return conn;
}

static void expect_option(PGconn *conn, const char *keyword, const char *value)
{
	PQconninfoOption *all = PQconninfo(conn), *o = all;

	while (o->keyword && strcmp(o->keyword, keyword) != 0)
		o++;
	assert_non_null(o->keyword);
	assert_string_equal(o->val, value);
	PQconninfoFree(all);
}

static void expect_shown(PGconn *conn, const char *name, const char *value)
{
	char sql[96];
	PGresult *result = NULL;

	snprintf(sql, sizeof sql, "SHOW %s", name);
	assert_int_equal(pg_query(conn, sql, 0, NULL, &result, &error), 0);
	assert_string_equal(PQgetvalue(result, 0, 0), value);
	PQclear(result);
}

static void all_timeouts_are_set(void **state)
{
	(void)state;
	PGconn *conn = connected("", NULL);

	expect_option(conn, "connect_timeout", "5");
	expect_option(conn, "tcp_user_timeout", "10000");
	expect_option(conn, "keepalives_idle", "10");
	expect_option(conn, "keepalives_interval", "5");
	expect_option(conn, "keepalives_count", "3");
	expect_shown(conn, "statement_timeout", "30s");
	expect_shown(conn, "idle_in_transaction_session_timeout", "30s");
	PQfinish(conn);
}

static void the_connection_string_goes_before(void **state)
{
	(void)state;
	const struct pg_timeouts ours = {.connect_s = 7, .statement_ms = 4000, .tcp_user_ms = 900};
	const struct pg_timeouts firm = {.connect_s = 7, .tcp_user_ms = 900, .firm = true};
	const char *more = "connect_timeout=3 tcp_user_timeout=1234";
	PGconn *conn = connected(more, &ours);

	expect_option(conn, "connect_timeout", "3");
	expect_option(conn, "tcp_user_timeout", "1234");
	expect_shown(conn, "statement_timeout", "4s");
	PQfinish(conn);
	conn = connected(more, &firm);
	expect_option(conn, "connect_timeout", "7");
	expect_option(conn, "tcp_user_timeout", "900");
	PQfinish(conn);
}

/* Whatever server, role or connection string say: no session forgets in a crash what it has confirmed. */
static void what_is_confirmed_is_there(void **state)
{
	static const char *const cases[][2] = {{"off", "local"}, {"local", "local"}, {"on", "on"},
		{"remote_apply", "remote_apply"}};
	char more[64];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(more, sizeof more, "options='-c synchronous_commit=%s'", cases[i][0]);
		PGconn *conn = connected(more, NULL);
		expect_shown(conn, "synchronous_commit", cases[i][1]);
		PQfinish(conn);
	}
}

static void a_migration_may_take_its_time(void **state)
{
	(void)state;
	PGconn *conn = connected("", &(struct pg_timeouts){.endless = true});

	expect_shown(conn, "statement_timeout", "0");
	PQfinish(conn);
}

static void a_slow_statement_is_canceled_by_the_server(void **state)
{
	(void)state;
	PGconn *conn = connected("", &(struct pg_timeouts){.statement_ms = HURRY_MS});

	assert_int_equal(
		pg_run(conn, "SELECT pg_sleep(60)", 0, NULL, &error), ATTRIB_E_UNAVAILABLE);
	assert_string_equal(error.sqlstate, "57014");
	assert_int_equal(PQstatus(conn), CONNECTION_OK);
	expect_shown(conn, "statement_timeout", "200ms");
	PQfinish(conn);
}

/* -- a peer that stops ----------------------------------------------------------------------------- */

static void expect_given_up(PGconn *conn)
{
	assert_string_equal(error.sqlstate, "");
	assert_string_equal(error.text, "no answer within 1300 ms");
	assert_int_equal(PQstatus(conn), CONNECTION_BAD);
	assert_int_equal(pg_run(conn, "SELECT 1", 0, NULL, &error), ATTRIB_E_UNAVAILABLE);
}

static void a_stopped_server_is_given_up(void **state)
{
	(void)state;
	PGconn *conn = connected("", &(struct pg_timeouts){.statement_ms = HURRY_MS});
	pid_t backend = PQbackendPID(conn);

	assert_int_equal(kill(backend, SIGSTOP), 0);
	assert_int_equal(pg_run(conn, "SELECT 1", 0, NULL, &error), ATTRIB_E_UNAVAILABLE);
	expect_given_up(conn);
	assert_int_equal(kill(backend, SIGCONT), 0);
	PQfinish(conn);
}

/* More than fits into any buffer on the way. */
static void one_that_takes_no_rows_is_given_up(void **state)
{
	(void)state;
	PGconn *conn = connected("", &(struct pg_timeouts){.statement_ms = HURRY_MS});
	pid_t backend = PQbackendPID(conn);
	struct pg_copy copy;

	assert_int_equal(pg_run(conn, "CREATE TEMP TABLE t (n bigint)", 0, NULL, &error), 0);
	assert_int_equal(pg_copy_begin(&copy, conn, "t", &error), 0);
	assert_int_equal(kill(backend, SIGSTOP), 0);
	for (int i = 0; i < 1000000; i++) {
		pg_copy_int(&copy, 1000000000 + i);
		pg_copy_row(&copy);
	}
	assert_int_equal(pg_copy_end(&copy, &error), ATTRIB_E_UNAVAILABLE);
	expect_given_up(conn);
	assert_int_equal(kill(backend, SIGCONT), 0);
	PQfinish(conn);
}

/* It accepts, and that is all. */
static void one_that_says_no_hello_is_given_up(void **state)
{
	(void)state;
	char dir[] = "/tmp/attribd-mute-XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int mute = socket(AF_UNIX, SOCK_STREAM, 0);
	char conninfo[256];
	PGconn *conn = NULL;

	assert_non_null(mkdtemp(dir));
	snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432", dir);
	assert_int_equal(bind(mute, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(mute, 1), 0);
	snprintf(conninfo, sizeof conninfo, "host=%s user=attrib dbname=attrib", dir);
	assert_int_equal(pg_connect(conninfo, &(struct pg_timeouts){.connect_s = 2}, &conn, &error),
		ATTRIB_E_UNAVAILABLE);
	assert_null(conn);
	close(mute);
	unlink(address.sun_path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_timeouts_are_set, setup, teardown),
		cmocka_unit_test_setup_teardown(the_connection_string_goes_before, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_confirmed_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(a_migration_may_take_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_slow_statement_is_canceled_by_the_server, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stopped_server_is_given_up, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_that_takes_no_rows_is_given_up, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_that_says_no_hello_is_given_up, setup, teardown),
	};

	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
