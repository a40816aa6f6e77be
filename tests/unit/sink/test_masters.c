/*
 * Which master of a shared state decides: the one that was met last. What another one has decided is not written, also
 * when both are in the middle of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "one_shop.h"

static struct attrib_master master_of(int state, char digit)
{
	struct attrib_master master = {.state = {{(uint8_t)state}}};

	memset(master.id, digit, ATTRIB_MASTER_ID);
	return master;
}

static int meet(struct shop *who, const struct attrib_master *master)
{
	return who->sink->ops->meet(who->sink, master);
}

static void order(struct shop *who, const char *id)
{
	shop_order(who, (struct test_order){.id = id, .gross = 100});
}

static const char *masters(void)
{
	return test_pg_text(&pg,
		"SELECT get_byte(state, 0), left(master, 1), superseded_at IS NULL FROM "
		"attrib.state_master "
		"ORDER BY state, generation");
}

static void the_one_that_was_met_last_decides(void **state)
{
	struct attrib_master a = master_of(5, 'a'), b = master_of(5, 'b');
	struct shop other;

	(void)state;
	shop_init(&other, &pg, 2);
	assert_int_equal(meet(&shop, &a), 0);
	assert_int_equal(meet(&other, &a), 0);
	order(&shop, "1");
	shop_flush(&shop);
	order(&shop, "2");
	order(&other, "3");
	assert_int_equal(meet(&other, &b), 0);
	shop_flush(&other);
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_SUPERSEDED);
	assert_string_equal(masters(), "5|a|f\n5|b|t");
	expect("1\n3", "SELECT order_id FROM attrib.conversion ORDER BY 1");
	assert_int_equal(meet(&shop, &a), ATTRIB_E_SUPERSEDED);
	assert_non_null(strstr(shop.sink->ops->error(shop.sink)->text, "is master bbbbbbbb"));
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_SUPERSEDED);
	assert_int_equal(meet(&shop, &b), 0);
	order(&shop, "2");
	shop_flush(&shop);
	expect("1\n2\n3", "SELECT order_id FROM attrib.conversion ORDER BY 1");
	shop_done(&other);
}

static void what_is_in_is_in_whoever_decides_now(void **state)
{
	struct attrib_master a = master_of(5, 'a'), b = master_of(5, 'b');
	struct shop other;

	(void)state;
	shop_init(&other, &pg, 2);
	assert_int_equal(meet(&shop, &a), 0);
	order(&shop, "1");
	shop_flush_keep(&shop);
	assert_int_equal(meet(&other, &b), 0);
	shop.number--; /* the same once more: its answer was lost */
	shop_flush_keep(&shop);
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_SUPERSEDED);
	shop_done(&other);
}

static void the_one_that_it_went_on_from_is_known_with_it(void **state)
{
	struct attrib_master a = master_of(5, 'a'), b = master_of(5, 'b'), c = master_of(5, 'c');

	(void)state;
	memset(b.former, 'a', ATTRIB_MASTER_ID);
	memset(c.former, 'b', ATTRIB_MASTER_ID);
	assert_int_equal(meet(&shop, &b), 0);
	assert_int_equal(meet(&shop, &a), ATTRIB_E_SUPERSEDED); /* nobody had met it */
	assert_int_equal(meet(&shop, &c), 0);
	assert_int_equal(meet(&shop, &b), ATTRIB_E_SUPERSEDED);
	assert_string_equal(masters(), "5|a|f\n5|b|f\n5|c|t");
}

static void each_state_has_its_own(void **state)
{
	struct attrib_master one = master_of(5, 'a'), two = master_of(6, 'a'),
			     new = master_of(6, 'b');
	struct shop other;

	(void)state;
	shop_init(&other, &pg, 2);
	assert_int_equal(meet(&shop, &one), 0);
	assert_int_equal(meet(&other, &two), 0);
	assert_int_equal(meet(&other, &new), 0);
	order(&shop, "1");
	shop_flush(&shop);
	assert_string_equal(masters(), "5|a|t\n6|a|f\n6|b|t");
	shop_done(&other);
}

static void a_memory_has_none(void **state)
{
	(void)state;
	order(&shop, "1");
	shop_flush(&shop);
	expect("0", "SELECT count(*) FROM attrib.state_master");
}

static void old_ones_are_forgotten(void **state)
{
	struct attrib_master first = master_of(5, 'a'), next = first;

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(next.id, sizeof next.id, "%040d", i);
		assert_int_equal(meet(&shop, &next), 0);
	}
	expect("64|100|1",
		"SELECT count(*), max(generation), count(*) FILTER (WHERE superseded_at IS NULL) "
		"FROM attrib.state_master");
	order(&shop, "1");
	shop_flush(&shop);
}

/* A backup that knows none of them: who begins again is known again. */
static void a_database_that_knows_none_refuses_until_it_is_told(void **state)
{
	struct attrib_master a = master_of(5, 'a');

	(void)state;
	assert_int_equal(meet(&shop, &a), 0);
	test_pg_run(&pg, "DELETE FROM attrib.state_master");
	order(&shop, "1");
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_SUPERSEDED);
	assert_int_equal(meet(&shop, &a), 0);
	shop_flush(&shop);
}

/* -- at the same time ----------------------------------------------------------------------------- */

#define STATE "'\\x05000000000000000000000000000000'::bytea"
#define BEGIN                                                                                      \
	"SELECT attrib.begin_v3(id, epoch, '{}', '{}', '{}', " STATE ", repeat('a', 40)) FROM "    \
	"attrib.instance LIMIT 1"
#define MEET "SELECT attrib.meet_master_v1(" STATE ", " STATE ", repeat('b', 40), repeat('a', 40))"

static PGconn *connect(void)
{
	PGconn *conn = PQconnectdb(pg.conninfo);

	assert_int_equal(PQstatus(conn), CONNECTION_OK);
	return conn;
}

static void run(PGconn *conn, const char *expected, const char *sql)
{
	PGresult *result = PQexec(conn, sql);

	if (expected)
		assert_string_equal(PQgetvalue(result, 0, 0), expected);
	PQclear(result);
}

/* Sends it, and comes back when it waits for somebody's lock. */
static void send_and_wait(PGconn *conn, const char *sql)
{
	assert_int_equal(PQsendQuery(conn, sql), 1);
	while (strcmp(test_pg_text(&pg,
			      "SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND "
			      "wait_event_type = 'Lock'",
			      PQbackendPID(conn)),
		       "1") != 0)
		usleep(1000);
}

static void receive(PGconn *conn, const char *expected)
{
	PGresult *result = PQgetResult(conn);

	assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
	assert_string_equal(PQgetvalue(result, 0, 0), expected);
	PQclear(result);
	assert_null(PQgetResult(conn));
}

static void a_new_one_waits_for_flushes_of_the_one_before(void **state)
{
	struct attrib_master a = master_of(5, 'a');
	PGconn *flush = connect(), *meeting = connect();

	(void)state;
	assert_int_equal(meet(&shop, &a), 0);
	run(flush, NULL, "BEGIN");
	run(flush, "go", BEGIN);
	send_and_wait(meeting, MEET);
	assert_string_equal(masters(), "5|a|t");
	run(flush, NULL, "COMMIT");
	receive(meeting, "");
	assert_string_equal(masters(), "5|a|f\n5|b|t");
	run(flush, "superseded", BEGIN);
	PQfinish(flush);
	PQfinish(meeting);
}

static void a_flush_waits_for_a_new_one_that_is_being_met(void **state)
{
	struct attrib_master a = master_of(5, 'a');
	PGconn *flush = connect(), *meeting = connect();

	(void)state;
	assert_int_equal(meet(&shop, &a), 0);
	run(meeting, NULL, "BEGIN");
	run(meeting, "", MEET);
	send_and_wait(flush, BEGIN);
	run(meeting, NULL, "COMMIT");
	receive(flush, "superseded");
	PQfinish(flush);
	PQfinish(meeting);
}

static void two_that_are_met_at_once_are_met_one_after_the_other(void **state)
{
	PGconn *one = connect(), *two = connect();

	(void)state;
	run(one, NULL, "BEGIN");
	run(one, "", "SELECT attrib.meet_master_v1(" STATE ", " STATE ", repeat('c', 40), NULL)");
	send_and_wait(two, MEET);
	run(one, NULL, "COMMIT");
	receive(two, "");
	assert_string_equal(masters(), "5|c|f\n5|a|f\n5|b|t");
	PQfinish(one);
	PQfinish(two);
}

/* -- take-over -------------------------------------------------------------------------------------- */

static int find_none(void *arg, const struct attrib_positions *positions,
	const struct attrib_position **lanes, size_t *n)
{
	(void)arg, (void)positions, (void)lanes;
	*n = 0;
	return 0;
}

static void note_line(void *arg, const char *text)
{
	snprintf(arg, 256, "%s", text);
}

static void an_operator_may_go_on_with_an_old_one(void **state)
{
	static const uint8_t secret[32] = {7};
	struct attrib_master a = master_of(5, 'a'), b = master_of(5, 'b');
	char said[256] = "";
	struct attrib_postgres_take_over what = {.owner = {.instance = {{1, 1}},
							 .secret_fingerprint = secret,
							 .shares = true,
							 .state = a.state,
							 .master = a},
		.find = find_none,
		.line = note_line,
		.arg = said};
	struct attrib_sink_error error = {0};

	(void)state;
	assert_int_equal(meet(&shop, &a), 0);
	assert_int_equal(attrib_postgres_take_over(pg.conninfo, &what, &error), 0);
	assert_string_equal(said, ""); /* it decides already */
	assert_int_equal(meet(&shop, &b), 0);
	assert_int_equal(attrib_postgres_take_over(pg.conninfo, &what, &error), 0);
	assert_non_null(strstr(said, "and no more master bbbbbbbb"));
	assert_string_equal(masters(), "5|b|f\n5|a|t");
	order(&shop, "1");
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_SUPERSEDED);
	assert_int_equal(meet(&shop, &a), 0);
	shop_flush(&shop);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, shop_open, shop_close)
	const struct CMUnitTest tests[] = {
		CASE(the_one_that_was_met_last_decides),
		CASE(what_is_in_is_in_whoever_decides_now),
		CASE(the_one_that_it_went_on_from_is_known_with_it),
		CASE(each_state_has_its_own),
		CASE(a_memory_has_none),
		CASE(old_ones_are_forgotten),
		CASE(a_database_that_knows_none_refuses_until_it_is_told),
		CASE(a_new_one_waits_for_flushes_of_the_one_before),
		CASE(a_flush_waits_for_a_new_one_that_is_being_met),
		CASE(two_that_are_met_at_once_are_met_one_after_the_other),
		CASE(an_operator_may_go_on_with_an_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
