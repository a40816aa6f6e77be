/*
 * The seam itself: migrations, epochs and fences, lost answers, two sessions on one order, the
 * catalog with its history, and the bell that rings when it changes.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "one_shop.h"

static int attach(struct shop *s)
{
	return s->sink->ops->attach(s->sink, &s->attach);
}

static void positions_survive(void **state)
{
	(void)state;
	assert_int_equal(shop.attach.epoch, 1);
	assert_int_equal(shop.attach.base, 0);
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1});
	shop.number = 41;
	shop_flush(&shop);
	assert_int_equal(attach(&shop), 0);
	assert_int_equal(shop.attach.epoch, 1); /* the same process stays what it was */
	assert_int_equal(shop.attach.base, 42);
	assert_int_equal(shop.attach.catalog_version, 1);
	assert_int_equal(shop.attach.position_count, 1);
	assert_int_equal(shop.attach.positions[0].number, 42);
	assert_true(attrib_id_eq(&shop.attach.positions[0].lane, &shop.lane));
}

static void older_process_is_fenced(void **state)
{
	(void)state;
	struct shop other;

	shop_init(&other, &pg, 1);
	assert_int_equal(other.attach.epoch, 2);
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1});
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_FENCED);
	assert_int_equal(attach(&shop), ATTRIB_E_FENCED);
	expect("0", "SELECT count(*) FROM attrib.conversion");
	shop_order(&other, (struct test_order){.id = "1", .gross = 1});
	shop_flush(&other);
	shop_done(&other);
}

static void lanes_ahead_of_the_batch_stop_it(void **state)
{
	(void)state;
	struct attrib_id lane = {{9}};

	shop.number = 10;
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1});
	shop_flush(&shop);
	shop.number = 4;
	shop_order(&shop, (struct test_order){.id = "2", .gross = 1});
	assert_int_equal(attrib_batch_set_position(shop.batch, &lane, 3), 0);
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_FENCED);
}

/* A backup under a connection that stays: what it lost is in no later batch. */
static void a_database_that_was_set_back_stops_it(void **state)
{
	(void)state;
	shop.number = 10;
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1});
	shop_flush(&shop);
	test_pg_run(&pg, "UPDATE attrib.lane_position SET number = number - 1");
	shop_order(&shop, (struct test_order){.id = "2", .gross = 1});
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_FENCED);
	assert_non_null(strstr(shop.sink->ops->error(shop.sink)->text, "set back"));
	expect("1", "SELECT count(*) FROM attrib.conversion");
	assert_int_equal(attach(&shop), ATTRIB_E_FENCED);
	/* also when its epoch was another one then */
	test_pg_run(&pg, "UPDATE attrib.lane_position SET number = number + 1;"
			 "UPDATE attrib.instance SET epoch = epoch - 1");
	assert_int_equal(attach(&shop), ATTRIB_E_FENCED);
	assert_non_null(strstr(shop.sink->ops->error(shop.sink)->text, "set back"));
	test_pg_run(&pg, "UPDATE attrib.instance SET epoch = epoch + 1");
	assert_int_equal(attach(&shop), 0);
}

struct asked {
	size_t count, given_up;
	struct attrib_position first;
	bool answer;
};

static bool fits(
	void *arg, const struct attrib_positions *positions, struct attrib_sink_error *error)
{
	struct asked *asked = arg;

	asked->count = positions->count;
	asked->given_up = positions->given_up;
	if (positions->count)
		asked->first = positions->p[0];
	snprintf(error->text, sizeof error->text, "it does not fit");
	return asked->answer;
}

static void a_journal_that_does_not_fit_changes_nothing(void **state)
{
	(void)state;
	struct asked asked = {.answer = false};
	struct attrib_postgres_options options = {.conninfo = pg.conninfo,
		.instance = {{1, 1}}, /* the shop's */
		.secret_fingerprint = (uint8_t[32]){7},
		.fits = fits,
		.fits_arg = &asked};
	struct attrib_sink_attach out;
	struct attrib_sink *sink;

	shop.number = 10;
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1});
	shop_flush(&shop);
	assert_int_equal(attrib_sink_postgres_new(&options, &sink), 0);
	assert_int_equal(sink->ops->attach(sink, &out), ATTRIB_E_CONFIG);
	assert_string_equal(sink->ops->error(sink)->text, "it does not fit");
	assert_int_equal(asked.count, 1);
	assert_int_equal(asked.given_up, 0);
	assert_true(attrib_id_eq(&asked.first.lane, &shop.lane));
	assert_int_equal(asked.first.number, shop.number);
	shop_order(&shop, (struct test_order){.id = "2", .gross = 1});
	shop_flush(&shop); /* who runs with the newest journal is not fenced */
	asked.answer = true;
	assert_int_equal(sink->ops->attach(sink, &out), 0);
	assert_int_equal(out.epoch, shop.attach.epoch + 1);
	sink->ops->free(sink);
}

static int find_lane(void *arg, const struct attrib_positions *positions,
	const struct attrib_position **lanes, size_t *n)
{
	assert_int_equal(positions->count, 1);
	*lanes = arg;
	*n = 1;
	return 0;
}

static int put_site(const struct attrib_owner *owner, struct attrib_sink_error *error)
{
	struct attrib_site site = {.name = ATTRIB_STR("acme"), .time_zone = ATTRIB_STR("UTC")};
	struct attrib_site_row row = {.site = &site,
		.customer_history = ATTRIB_STR("partial"),
		.cost_spread = ATTRIB_STR("direct_cost"),
		.policy_json = ATTRIB_STR("{}")};
	struct attrib_arena arena;

	memcpy(site.policy.currency, "EUR", 4);
	attrib_arena_init(&arena, 4096);
	int err = attrib_postgres_put_sites(pg.conninfo, &row, 1, owner, &arena, error);
	attrib_arena_done(&arena);
	return err;
}

static void a_shared_state_has_many_instances_and_one_word(void **state)
{
	(void)state;
	const uint8_t secret[32] = {7};
	struct attrib_owner a = {.instance = {{1, 1}},
		.secret_fingerprint = secret,
		.shares = true,
		.state = {{5, 5}}};
	struct attrib_owner b = a, memory = a, other = a;
	const struct attrib_str sites[] = {ATTRIB_STR("acme")};
	struct attrib_sink_error error = {0};
	struct attrib_id found = {{0}};
	bool is_shared;

	b.instance.b[0] = 2;
	other.state.b[0] = 6;
	memory.shares = false;
	memory.instance.b[0] = 3;
	assert_int_equal(
		attrib_postgres_shared_state(pg.conninfo, sites, 1, &found, &is_shared, &error), 0);
	assert_false(is_shared);
	/* it had the site in its memory before it shared */
	struct attrib_owner before = a;
	before.shares = false;
	assert_int_equal(put_site(&before, &error), 0);
	assert_int_equal(put_site(&a, &error), 0);
	assert_int_equal(put_site(&b, &error), 0);
	assert_int_equal(put_site(&before, &error), ATTRIB_E_FENCED);
	assert_int_equal(put_site(&memory, &error), ATTRIB_E_FENCED);
	assert_non_null(strstr(error.text, "shared state 0505000000000000"));
	assert_int_equal(put_site(&other, &error), ATTRIB_E_FENCED);
	assert_non_null(strstr(error.text, "not by shared state 0605000000000000"));
	assert_int_equal(
		attrib_postgres_shared_state(pg.conninfo, sites, 1, &found, &is_shared, &error), 0);
	assert_true(is_shared && attrib_id_eq(&found, &a.state));
	expect("2", "SELECT count(*) FROM attrib.instance WHERE state = "
		    "'\\x05050000000000000000000000000000'");
}

/* What an instance says, as put_site_v2 answers; `how` is one of its settings. */
static void says(const char *expected, const char *instance, const char *how)
{
	char sql[512];

	snprintf(sql, sizeof sql,
		"SELECT coalesce(attrib.put_site_v2(%s, 'acme', 'UTC', 'EUR', 'partial', 1, "
		"'direct_cost', '{\"window.link\": \"%s\"}', ''), 'stands')",
		instance, how);
	expect(expected, "%s", sql);
}

static void the_newest_word_of_settings_stands(void **state)
{
	(void)state;
	const char *a = "'\\x0a000000000000000000000000000000'::bytea",
		   *b = "'\\x0b000000000000000000000000000000'::bytea",
		   *c = "'\\x0c000000000000000000000000000000'::bytea";

	test_pg_run(&pg, "INSERT INTO attrib.instance (id, epoch) SELECT decode(repeat(x, 1) || "
			 "repeat('0', 30), 'hex'), 0 FROM unnest('{0a,0b,0c}'::text[]) x");
	says("stands", a, "1d");
	says("stands", b, "1d");
	says("stands", a, "2d");    /* changed */
	says("overruled", b, "1d"); /* said before: it does not set a back */
	says("overruled", "NULL::bytea", "1d");
	says("window.link", c, "1d"); /* a new one has to say the same */
	says("stands", c, "2d");
	expect("\"2d\"", "SELECT settings -> 'window.link' FROM attrib.site_policy WHERE site = "
			 "'acme' ORDER BY version DESC LIMIT 1");
	says("stands", b, "2d");
	says("stands", a, "1d"); /* and back */
	says("overruled", b, "2d");
	says("overruled", c, "2d");
	expect("1d,2d,1d",
		"SELECT string_agg(settings ->> 'window.link', ',' ORDER BY version) FROM "
		"attrib.site_policy WHERE site = 'acme' AND settings ? 'window.link'");
}

static void a_site_has_one_owner_until_another_takes_over(void **state)
{
	(void)state;
	const uint8_t secret[32] = {7}, wrong[32] = {8}; /* the shops', and another one */
	const struct attrib_owner first = {.instance = {{1, 1}}, .secret_fingerprint = secret};
	const struct attrib_owner second = {.instance = {{2, 1}}, .secret_fingerprint = secret};
	const struct attrib_owner stranger = {.instance = {{3, 1}}, .secret_fingerprint = wrong};
	struct attrib_position lost = {.lane = {{2, 9}}, .number = 7};
	const struct attrib_str sites[] = {ATTRIB_STR("acme")};
	const struct attrib_postgres_take_over what = {
		.owner = second, .sites = sites, .site_count = 1, .find = find_lane, .arg = &lost};
	struct attrib_sink_error error = {0};
	struct shop other;

	assert_int_equal(put_site(&stranger, &error), ATTRIB_E_CONFIG); /* and claims nothing */
	assert_int_equal(put_site(&first, &error), 0);
	assert_int_equal(put_site(&first, &error), 0);
	assert_int_equal(put_site(NULL, &error), 0); /* attribd migrate decides nothing */
	assert_int_equal(put_site(&second, &error), ATTRIB_E_FENCED);
	assert_non_null(strstr(error.text, "acme"));
	assert_non_null(strstr(error.text, "instance 0101000000000000"));
	assert_non_null(strstr(error.text, "(last flush never)"));
	shop_init(&other, &pg, 2);
	shop_order(&other, (struct test_order){.id = "9", .gross = 1});
	shop_flush(&other); /* the merge itself asks nobody */
	assert_int_equal(attrib_postgres_take_over(pg.conninfo, &what, &error), 0);
	assert_int_equal(put_site(&second, &error), 0);
	assert_int_equal(put_site(&first, &error), ATTRIB_E_FENCED);
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1});
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_FENCED); /* it ran on */
	expect("7|t", "SELECT number, given_up FROM attrib.lane_position WHERE lane = "
		      "'\\x02090000000000000000000000000000'");
	shop_order(&other, (struct test_order){.id = "2", .gross = 1});
	shop_flush(&other);
	shop_done(&other);
}

static void lost_connection_is_made_good(void **state)
{
	(void)state;
	struct attrib_batch_view view;

	shop_order(&shop,
		(struct test_order){.id = "1", .gross = 100, .credits = {{.creator = "lisa"}}});
	assert_int_equal(attrib_batch_set_position(shop.batch, &shop.lane, 1), 0);
	attrib_batch_seal(shop.batch, &view);
	test_pg_run(&pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
			 " WHERE application_name = 'attribd'");
	assert_int_equal(shop.sink->ops->flush(shop.sink, &view, 1), ATTRIB_E_UNAVAILABLE);
	assert_int_equal(shop.sink->ops->flush(shop.sink, &view, 1), ATTRIB_E_UNAVAILABLE);
	assert_int_equal(attach(&shop), 0);
	assert_int_equal(shop.sink->ops->flush(shop.sink, &view, 1), 0);
	/* the answer of that commit is lost, too */
	test_pg_run(&pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
			 " WHERE application_name = 'attribd'");
	assert_int_equal(shop.sink->ops->flush(shop.sink, &view, 1), ATTRIB_E_UNAVAILABLE);
	assert_int_equal(attach(&shop), 0);
	assert_int_equal(shop.sink->ops->flush(shop.sink, &view, 1), 0);
	shop_check(&shop);
	expect("1", "SELECT sum(orders) FROM attrib.rollup_claim");
}

/* A large batch on a slow server: tried with the same time it would never get in. */
static void a_slow_merge_gets_more_time(void **state)
{
	(void)state;
	struct attrib_postgres_options options = {.conninfo = pg.conninfo,
		.instance = {{9}},
		.secret_fingerprint = (uint8_t[32]){7}, /* the shop's */
		.statement_timeout_ms = 300};
	struct attrib_id lane = {{9, 9}};
	struct attrib_sink_attach out;
	struct attrib_batch_view view;
	struct attrib_sink *sink;
	int err = ATTRIB_E_UNAVAILABLE, tries = 0;

	test_pg_run(&pg, "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
			 "$$BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END$$;"
			 "CREATE TRIGGER slow AFTER INSERT OR UPDATE ON attrib.lane_position "
			 "FOR EACH STATEMENT EXECUTE FUNCTION slow()");
	assert_int_equal(attrib_sink_postgres_new(&options, &sink), 0);
	shop_order(&shop,
		(struct test_order){.id = "1", .gross = 100, .credits = {{.creator = "lisa"}}});
	assert_int_equal(attrib_batch_set_position(shop.batch, &lane, 1), 0);
	attrib_batch_seal(shop.batch, &view);
	for (; err && tries < 6; tries++) {
		if (sink->ops->attach(sink, &out) == 0)
			err = sink->ops->flush(sink, &view, 1);
	}
	assert_int_equal(err, 0);
	assert_true(tries > 1);
	sink->ops->free(sink);
	shop_check(&shop);
}

static void unknown_site_is_no_data_error(void **state)
{
	(void)state;
	test_pg_run(&pg, "DELETE FROM attrib.site_policy; DELETE FROM attrib.site");
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1});
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_UNAVAILABLE);
	assert_string_equal(shop.sink->ops->error(shop.sink)->sqlstate, "P0001");
}

static void other_secret_is_refused(void **state)
{
	(void)state;
	static const uint8_t fingerprint[32] = {8};
	struct attrib_postgres_options options = {
		.conninfo = pg.conninfo, .instance = {{5}}, .secret_fingerprint = fingerprint};
	struct attrib_sink_attach out;
	struct attrib_sink *sink;

	assert_int_equal(attrib_sink_postgres_new(&options, &sink), 0);
	assert_int_equal(sink->ops->attach(sink, &out), ATTRIB_E_CONFIG);
	sink->ops->free(sink);
}

/* Two sessions, the same new order. The first is stopped inside its merge, at the lock of the site's
 * row, after it has made the stub; the second must wait for the stub. */
struct racer {
	struct shop shop;
	pthread_t thread;
	int err;
};

static void *race(void *arg)
{
	struct racer *racer = arg;

	racer->err = shop_try_flush(&racer->shop);
	return NULL;
}

static void wait_for(const char *sql, const char *answer)
{
	for (int i = 0; i < 2000 && strcmp(test_pg_text(&pg, "%s", sql), answer) != 0; i++)
		usleep(5000);
	assert_string_equal(test_pg_text(&pg, "%s", sql), answer);
}

static void race_for_one_order(uint64_t first_ticket, uint64_t second_ticket, const char *winner)
{
	static const char waiting[] =
		"SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
		" AND application_name = 'attribd' AND datname = current_database()";
	struct racer first = {0}, second = {0};

	shop_init(&first.shop, &pg, 2);
	shop_init(&second.shop, &pg, 3);
	shop_order(&first.shop, (struct test_order){.id = "1",
					.ticket = first_ticket,
					.gross = 1000,
					.key = 1,
					.credits = {{.creator = "lisa"}}});
	shop_refund(&second.shop, (struct test_refund){.order = "1", .id = "r", .amount = 100});
	shop_order(&second.shop, (struct test_order){.id = "1",
					 .ticket = second_ticket,
					 .gross = 1000,
					 .key = 1,
					 .credits = {{.creator = "mia"}}});
	shop_order(&second.shop, (struct test_order){.id = "2",
					 .gross = 500,
					 .at = 5,
					 .key = 1,
					 .credits = {{.creator = "mia"}}});

	test_pg_run(&pg, "BEGIN; SELECT FROM attrib.site FOR UPDATE");
	assert_int_equal(pthread_create(&first.thread, NULL, race, &first), 0);
	wait_for(waiting, "1");
	assert_int_equal(pthread_create(&second.thread, NULL, race, &second), 0);
	wait_for(waiting, "2");
	test_pg_run(&pg, "COMMIT");
	pthread_join(first.thread, NULL);
	pthread_join(second.thread, NULL);
	assert_int_equal(first.err, 0);
	assert_int_equal(second.err, 0);

	shop_check(&shop);
	expect("2|1500", "SELECT sum(orders), sum(gross) FROM attrib.rollup_claim");
	expect("1400", "SELECT sum(gross[1] - refunded[1]) FROM attrib.rollup_money");
	expect(winner, "SELECT creator FROM attrib.order_credit WHERE order_id = '1' AND model = "
		       "'policy'");
	expect("new\nreturning",
		"SELECT customer_kind FROM attrib.conversion_status ORDER BY order_id");
	shop_done(&first.shop);
	shop_done(&second.shop);
}

static void two_sessions_count_once(void **state)
{
	(void)state;
	race_for_one_order(1, 2, "mia");
}

static void two_sessions_count_once_the_other_way(void **state)
{
	(void)state;
	race_for_one_order(2, 1, "lisa");
}

/* One session learns of a refund by a payment id, the other of the order that bears it. */
static void refund_meets_its_order_in_another_session(void **state)
{
	(void)state;
	struct racer order = {0}, refund = {0};

	shop_init(&order.shop, &pg, 2);
	shop_init(&refund.shop, &pg, 3);
	shop_order(&order.shop, (struct test_order){.id = "1", .gross = 1000, .alias = "pi_1"});
	shop_refund(&refund.shop, (struct test_refund){.order = "pi_1", .id = "r", .amount = 100});
	test_pg_run(&pg, "BEGIN; SELECT FROM attrib.site FOR UPDATE");
	assert_int_equal(pthread_create(&order.thread, NULL, race, &order), 0);
	wait_for("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
		 " AND application_name = 'attribd' AND datname = current_database()",
		"1");
	assert_int_equal(pthread_create(&refund.thread, NULL, race, &refund), 0);
	wait_for("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
		 " AND application_name = 'attribd' AND datname = current_database()",
		"2");
	test_pg_run(&pg, "COMMIT");
	pthread_join(order.thread, NULL);
	pthread_join(refund.thread, NULL);
	assert_int_equal(order.err, 0);
	assert_int_equal(refund.err, 0);
	shop_check(&shop);
	expect("1|1.00", "SELECT order_id, refunded FROM attrib.conversion_status");
	shop_done(&order.shop);
	shop_done(&refund.shop);
}

static void count_line(void *arg, const char *text)
{
	(void)text;
	++*(int *)arg;
}

static void schema_is_checked_and_migrated(void **state)
{
	(void)state;
	struct test_pg bare;
	struct attrib_postgres_options options = {
		.instance = {{5}}, .secret_fingerprint = (uint8_t[32]){0}};
	struct attrib_sink_error error = {0};
	struct attrib_sink_attach out;
	struct attrib_sink *sink;
	int lines = 0;

	test_pg_init(&bare, false);
	options.conninfo = bare.conninfo;
	assert_int_equal(attrib_sink_postgres_new(&options, &sink), 0);
	assert_int_equal(sink->ops->attach(sink, &out), ATTRIB_E_SCHEMA);
	assert_non_null(strstr(sink->ops->error(sink)->text, "attribd migrate"));

	assert_int_equal(attrib_postgres_migrate(bare.conninfo, count_line, &lines, &error), 0);
	assert_in_range(lines, 10, 100);
	lines = 0;
	assert_int_equal(attrib_postgres_migrate(bare.conninfo, count_line, &lines, &error), 0);
	assert_int_equal(lines, 0);
	test_pg_run(
		&bare, "UPDATE attrib.schema_part SET digest = 'x' WHERE name LIKE '%%/money.sql'");
	assert_int_equal(attrib_postgres_migrate(bare.conninfo, count_line, &lines, &error), 0);
	assert_int_equal(lines, 2);
	assert_int_equal(sink->ops->attach(sink, &out), 0);

	test_pg_run(&bare, "INSERT INTO attrib.schema_version VALUES (900, 3)");
	assert_int_equal(sink->ops->attach(sink, &out), 0); /* a rolling upgrade */
	test_pg_run(
		&bare, "UPDATE attrib.schema_version SET oldest_daemon = 900 WHERE version = 900");
	assert_int_equal(sink->ops->attach(sink, &out), ATTRIB_E_SCHEMA);
	assert_int_equal(
		attrib_postgres_migrate(bare.conninfo, NULL, NULL, &error), ATTRIB_E_SCHEMA);
	sink->ops->free(sink);
	test_pg_done(&bare);
}

static void changed_policy_is_a_new_version(void **state)
{
	(void)state;
	struct attrib_site site = {
		.name = ATTRIB_STR("acme"), .time_zone = ATTRIB_STR("Europe/Berlin")};
	struct attrib_site_row row = {.site = &site,
		.customer_history = ATTRIB_STR("partial"),
		.cost_spread = ATTRIB_STR("equal"),
		.policy_json = ATTRIB_STR("{\"collapse\": \"30m\"}")};
	struct attrib_sink_error error = {0};
	struct attrib_arena arena;

	attrib_arena_init(&arena, 1024);
	attrib_policy_defaults(&site.policy);
	assert_int_equal(attrib_postgres_put_sites(pg.conninfo, &row, 1, NULL, &arena, &error), 0);
	assert_int_equal(row.version_count, 2); /* the shop's own was 1 */
	assert_int_equal(attrib_postgres_put_sites(pg.conninfo, &row, 1, NULL, &arena, &error), 0);
	assert_int_equal(row.version_count, 2);
	test_pg_run(&pg, "UPDATE attrib.site_policy SET recorded_at = '2026-11-01T00:00:00.000001Z'"
			 " WHERE version = 2");
	row.policy_json = ATTRIB_STR("{\"collapse\": \"31m\", \"a\": \"\", \"b\": \"x\\ny\"}");
	assert_int_equal(attrib_postgres_put_sites(pg.conninfo, &row, 1, NULL, &arena, &error), 0);
	assert_int_equal(row.version_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(row.versions[i].version, 3 - i);
	assert_true(row.versions[0].recorded_at > row.versions[1].recorded_at);
	assert_int_equal(row.versions[1].recorded_at, INT64_C(1793491200000001));
	assert_true(attrib_str_eq(row.versions[0].settings,
		ATTRIB_STR("a = \nb = x y\ncollapse = 31m"))); /* a line is one setting */
	assert_true(attrib_str_eq(row.versions[1].settings, ATTRIB_STR("collapse = 30m")));
	assert_int_equal(row.versions[2].settings.n, 0);
	expect("Europe/Berlin|EUR|partial|1|equal|3",
		"SELECT time_zone, currency, customer_history,"
		" primary_model, cost_spread, policy_version FROM attrib.site");
	site.time_zone = ATTRIB_STR("Mars/Olympus");
	assert_int_equal(attrib_postgres_put_sites(pg.conninfo, &row, 1, NULL, &arena, &error),
		ATTRIB_E_CONFIG);
	attrib_arena_done(&arena);
}

struct putter {
	struct attrib_site_row *rows;
	size_t n;
	struct attrib_arena arena;
	pthread_t thread;
	int err;
};

static void *put(void *arg)
{
	struct putter *putter = arg;
	struct attrib_sink_error error;

	putter->err = attrib_postgres_put_sites(
		pg.conninfo, putter->rows, putter->n, NULL, &putter->arena, &error);
	return NULL;
}

/* A reload writes the sites in the order of its file; whoever waits for one of them holds none that
 * comes after it by name. */
static void sites_are_locked_in_one_order(void **state)
{
	(void)state;
	struct attrib_site sites[] = {{.name = ATTRIB_STR("zoo"), .time_zone = ATTRIB_STR("UTC")},
		{.name = ATTRIB_STR("acme"), .time_zone = ATTRIB_STR("UTC")}};
	struct attrib_site_row rows[2];
	struct putter putter = {.rows = rows, .n = 2};

	for (size_t i = 0; i < 2; i++) {
		attrib_policy_defaults(&sites[i].policy);
		rows[i] = (struct attrib_site_row){.site = &sites[i],
			.customer_history = ATTRIB_STR("partial"),
			.cost_spread = ATTRIB_STR("equal"),
			.policy_json = ATTRIB_STR("{}")};
	}
	attrib_arena_init(&putter.arena, 1024);
	put(&putter);
	assert_int_equal(putter.err, 0);
	test_pg_run(&pg, "BEGIN; SELECT FROM attrib.site WHERE name = 'acme' FOR NO KEY UPDATE");
	assert_int_equal(pthread_create(&putter.thread, NULL, put, &putter), 0);
	wait_for("SELECT pg_stat_clear_snapshot(); SELECT count(*) FROM pg_stat_activity WHERE "
		 "wait_event_type = 'Lock'"
		 " AND application_name = 'attribd' AND datname = current_database()",
		"1");
	expect("zoo", "SELECT name FROM attrib.site WHERE name = 'zoo' FOR NO KEY UPDATE NOWAIT");
	test_pg_run(&pg, "COMMIT");
	pthread_join(putter.thread, NULL);
	assert_int_equal(putter.err, 0);
	attrib_arena_done(&putter.arena);
}

static struct attrib_catalog *load(void)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_site site = {.name = ATTRIB_STR("acme"), .time_zone = ATTRIB_STR("UTC")};
	struct attrib_sink_error error = {0};
	struct attrib_catalog *catalog;
	uint64_t version;

	attrib_policy_defaults(&site.policy);
	assert_int_equal(attrib_catalog_add_site(builder, &site), 0);
	assert_int_equal(attrib_postgres_load_catalog(pg.conninfo, builder, &version, &error), 0);
	assert_int_equal(attrib_catalog_build(builder, version, &catalog), 0);
	return catalog;
}

static void catalog_has_its_history(void **state)
{
	(void)state;
	const struct attrib_str acme = ATTRIB_STR("acme"), code = ATTRIB_STR("lisa10");
	const struct attrib_tracker *t;
	struct attrib_catalog *catalog;
	int64_t between;
	bool grace;

	test_pg_run(&pg, "SELECT attrib.put_site_v1('acme', 'Europe/Berlin', 'EUR', 'partial', 1, "
			 "'equal', '{}')");
	test_pg_run(&pg, "INSERT INTO attrib.tracker (site, kind, key, creator, valid_from, "
			 "valid_to, \"window\", code_rule)"
			 " VALUES ('acme', 'code', 'LISA10', 'lisa', '2026-11-01', '2026-12-01', "
			 "'7 days', 'never')");
	sscanf(test_pg_text(
		       &pg, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"),
		"%ld", &between);
	test_pg_run(&pg, "UPDATE attrib.tracker SET creator = 'mia'");
	test_pg_run(&pg, "INSERT INTO attrib.campaign (site, name, \"window\") VALUES ('acme', "
			 "'spring', '12 hours')");
	catalog = load();
	assert_int_equal(attrib_catalog_version(catalog), 4);
	t = attrib_catalog_code(catalog, acme, code, shop_at(0), between, 0, &grace);
	assert_non_null(t);
	assert_memory_equal(t->creator.p, "lisa", 4);
	assert_int_equal(t->valid_from, shop_at(-60)); /* Berlin's midnight */
	assert_int_equal(t->valid_to, shop_at(-60 + 30 * 24 * 60));
	assert_int_equal(t->window_us, 7 * ATTRIB_US_PER_DAY);
	assert_int_equal(t->code_rule, ATTRIB_CODE_RULE_NEVER);
	t = attrib_catalog_code(catalog, acme, code, shop_at(0), ATTRIB_FOREVER - 1, 0, &grace);
	assert_non_null(t);
	assert_memory_equal(t->creator.p, "mia", 3);
	assert_int_equal(
		attrib_catalog_campaign(catalog, acme, ATTRIB_STR("spring"), ATTRIB_FOREVER - 1)
			->window_us,
		12 * ATTRIB_US_PER_HOUR);
	attrib_catalog_unref(catalog);
}

static void history_is_kept(void **state)
{
	(void)state;
	test_pg_run(&pg, "INSERT INTO attrib.creator (site, handle, tier) VALUES ('acme', 'lisa', "
			 "'nano'), ('acme', 'mia', 'nano')");
	test_pg_run(&pg, "UPDATE attrib.creator SET tier = 'micro' WHERE handle = 'lisa'");
	test_pg_run(&pg, "UPDATE attrib.creator SET tier = 'micro' WHERE handle = 'lisa'");
	test_pg_run(&pg, "DELETE FROM attrib.creator WHERE handle = 'mia'");
	expect("lisa|nano|f\nlisa|micro|t\nmia|nano|f",
		"SELECT handle, tier, superseded_at = 'infinity'"
		" FROM attrib.creator_history ORDER BY handle, recorded_at");
	expect("1", "SELECT version FROM attrib.catalog_state"); /* creators decide nothing */
	test_pg_run(&pg, "INSERT INTO attrib.campaign (site, name) VALUES ('acme', 'a'), ('acme', "
			 "'b'); TRUNCATE attrib.campaign");
	expect("0|2", "SELECT count(*) FILTER (WHERE superseded_at = 'infinity'), count(*) FROM "
		      "attrib.campaign_history");
}

static void key_has_one_owner_at_a_time(void **state)
{
	(void)state;
	test_pg_run(&pg, "INSERT INTO attrib.tracker (site, kind, key, creator, valid_to) VALUES"
			 " ('acme', 'code', 'Lisa', 'lisa', '2026-11-01')");
	assert_string_equal(
		test_pg_state(&pg,
			"INSERT INTO attrib.tracker (site, kind, key, creator, valid_from)"
			" VALUES ('acme', 'code', ' LISA', 'mia', '2026-10-31')"),
		"23P01");
	assert_string_equal(
		test_pg_state(&pg,
			"INSERT INTO attrib.tracker (site, kind, key, creator, valid_from)"
			" VALUES ('acme', 'code', ' LISA', 'mia', '2026-11-01')"),
		"");
	assert_string_equal(
		test_pg_state(&pg, "INSERT INTO attrib.tracker (site, kind, key, creator)"
				   " VALUES ('acme', 'link', 'lisa', 'mia')"),
		"");
}

static void changes_ring_the_bell(void **state)
{
	(void)state;
	struct attrib_postgres_watch *watch;
	struct attrib_sink_error error = {0};
	struct pollfd fd = {.events = POLLIN};
	bool changed = true;

	assert_int_equal(attrib_postgres_watch_new(pg.conninfo, 0, &watch, &error), 0);
	assert_int_equal(attrib_postgres_watch_ask(watch, &error), 0);
	assert_int_equal(attrib_postgres_watch_poll(watch, &changed), 0);
	assert_false(changed);
	test_pg_run(
		&pg, "INSERT INTO attrib.tracker (site, kind, key) VALUES ('acme', 'link', 'x')");
	fd.fd = attrib_postgres_watch_fd(watch);
	assert_int_equal(poll(&fd, 1, 10000), 1);
	assert_int_equal(attrib_postgres_watch_poll(watch, &changed), 0);
	assert_true(changed);
	test_pg_run(&pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
			 " WHERE application_name = 'attribd' AND query = 'SELECT'");
	assert_int_equal(poll(&fd, 1, 10000), 1);
	for (int i = 0; i < 100 && !attrib_postgres_watch_poll(watch, &changed); i++)
		usleep(10000);
	assert_int_equal(attrib_postgres_watch_poll(watch, &changed), ATTRIB_E_UNAVAILABLE);
	assert_int_equal(attrib_postgres_watch_ask(watch, &error), ATTRIB_E_UNAVAILABLE);
	attrib_postgres_watch_free(watch);
}

static void nobody_answers(void **state)
{
	(void)state;
	struct attrib_postgres_options options = {.conninfo = "host=/nonexistent dbname=x",
		.instance = {{5}},
		.secret_fingerprint = (uint8_t[32]){0}};
	struct attrib_sink_attach out;
	struct attrib_sink *sink;

	assert_int_equal(attrib_sink_postgres_new(&options, &sink), 0);
	assert_int_equal(sink->ops->attach(sink, &out), ATTRIB_E_UNAVAILABLE);
	assert_true(sink->ops->error(sink)->text[0] != '\0');
	sink->ops->free(sink);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, shop_open, shop_close)
	const struct CMUnitTest tests[] = {
		CASE(positions_survive),
		CASE(older_process_is_fenced),
		CASE(lanes_ahead_of_the_batch_stop_it),
		CASE(a_database_that_was_set_back_stops_it),
		CASE(a_journal_that_does_not_fit_changes_nothing),
		CASE(a_shared_state_has_many_instances_and_one_word),
		CASE(the_newest_word_of_settings_stands),
		CASE(a_site_has_one_owner_until_another_takes_over),
		CASE(lost_connection_is_made_good),
		CASE(a_slow_merge_gets_more_time),
		CASE(unknown_site_is_no_data_error),
		CASE(other_secret_is_refused),
		CASE(two_sessions_count_once),
		CASE(two_sessions_count_once_the_other_way),
		CASE(refund_meets_its_order_in_another_session),
		CASE(schema_is_checked_and_migrated),
		CASE(changed_policy_is_a_new_version),
		CASE(sites_are_locked_in_one_order),
		CASE(catalog_has_its_history),
		CASE(history_is_kept),
		CASE(key_has_one_owner_at_a_time),
		CASE(changes_ring_the_bell),
		CASE(nobody_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
