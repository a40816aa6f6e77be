/*
 * What PostgreSQL refuses for its data: the rest goes on and is counted exactly once, what is refused
 * waits with its reason and comes in when it is tried again. What the server itself is to blame for
 * sets nothing aside. Every fault is a trigger or a key that is really too long, and is counted by a
 * sequence, which no rollback takes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "attrib/tools.h"
#include "shop.h"

#define LONG_KEY 9000 /* bytes; an index takes 2704 */

static struct test_pg pg, clean;
static struct shop shop, model; /* the same facts without a fault */
static char long_key[LONG_KEY + 1];

#define expect(text, ...) assert_string_equal(test_pg_text(&pg, __VA_ARGS__), text)

/* Orders whose id begins with bad- are refused with the SQLSTATE behind it. */
static void poison(const char *table)
{
	test_pg_run(&pg, "CREATE SEQUENCE IF NOT EXISTS faults;"
			 "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
			 "$$BEGIN PERFORM nextval('faults'); RAISE 'not \"%%\"', NEW.order_id "
			 "USING ERRCODE = substr(NEW.order_id, 5, 5), TABLE = 'here',"
			 " CONSTRAINT = 'mine'; END$$");
	test_pg_run(&pg,
		"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON attrib.%s FOR EACH ROW"
		" WHEN (NEW.order_id LIKE 'bad-%%') EXECUTE FUNCTION refuse()",
		table);
}

static void heal(const char *table)
{
	test_pg_run(&pg, "DROP TRIGGER refuse ON attrib.%s", table);
}

static int faults(void)
{
	return atoi(test_pg_text(
		&pg, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM faults"));
}

static int setup(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < LONG_KEY; i++) { /* nothing that a compressed index could shorten */
		x = x * 1664525 + 1013904223;
		long_key[i] = (char)('0' + (x >> 16) % 75);
	}
	test_pg_init(&pg, true);
	test_pg_init(&clean, true);
	shop_site(&pg, "complete");
	shop_site(&clean, "complete");
	shop_init(&shop, &pg, 1);
	shop_init(&model, &clean, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	shop_done(&shop);
	shop_done(&model);
	test_pg_done(&pg);
	test_pg_done(&clean);
	return 0;
}

/* Everything that is counted, as one text; the caller frees it. */
static char *counted(struct test_pg *db)
{
	return strdup(test_pg_text(db,
		"SELECT 'rollup', to_jsonb(r)::text FROM attrib.rollup_money r"
		" WHERE 0 <> ANY (conversions || gross || refunded)"
		" UNION ALL SELECT 'claim', to_jsonb(r)::text FROM attrib.rollup_claim r WHERE "
		"orders > 0"
		" UNION ALL SELECT 'order', to_jsonb(c)::text FROM attrib.conversion c WHERE "
		"ticket > 0"
		" UNION ALL SELECT 'credit', to_jsonb(k)::text FROM attrib.credit k"
		" UNION ALL SELECT 'alias', to_jsonb(a)::text FROM attrib.order_alias a"
		" UNION ALL SELECT 'refund', to_jsonb(f)::text FROM attrib.refund_fact f"
		" UNION ALL SELECT 'cancel', to_jsonb(f)::text FROM attrib.cancel_fact f"
		" UNION ALL SELECT 'ledger', o.site || o.order_id || o.kind || o.valid FROM"
		" attrib.customer_order o"
		" UNION ALL SELECT 'traffic', to_jsonb(t)::text FROM attrib.traffic t"
		" UNION ALL SELECT 'visitors', to_jsonb(v)::text FROM attrib.visitor_day v"
		" ORDER BY 1, 2"));
}

static void same_as_model(void)
{
	char *here = counted(&pg), *there = counted(&clean);

	assert_string_equal(here, there);
	free(here);
	free(there);
}

/* As many visits by one visitor, who has that bit. */
static void put_traffic(struct shop *s, const char *key, int64_t count)
{
	const struct attrib_mark mark = {.bit = (uint16_t)(100 * count)};
	struct attrib_traffic t = {.site = ATTRIB_STR("acme"),
		.bucket_at = shop_at(0),
		.channel = ATTRIB_CHANNEL_UTM,
		.key = attrib_str_of(key),
		.type = ATTRIB_EVENT_VISIT,
		.count = count,
		.uniques = 1,
		.marks = &mark};

	assert_int_equal(attrib_batch_put_traffic(s->batch, &t), 0);
}

/* -- trying again -------------------------------------------------------------------------------- */

struct retried {
	int applied, outdated, refused;
};

static void count_outcome(void *arg, const struct attrib_retry_row *row)
{
	struct retried *retried = arg;

	retried->applied += strcmp(row->outcome, "applied") == 0;
	retried->outdated += strcmp(row->outcome, "outdated") == 0;
	retried->refused += strcmp(row->outcome, "refused") == 0;
}

static int retry_named(const char *name, struct retried *out)
{
	struct attrib_retry retry = {.conninfo = pg.conninfo,
		.site = "acme",
		.names = &name,
		.name_count = name != NULL,
		.row = count_outcome,
		.arg = out};
	struct attrib_sink_error error;

	*out = (struct retried){0};
	return attrib_postgres_retry(&retry, &error);
}

static void retry_all(int applied, int outdated, int refused)
{
	struct retried retried;

	assert_int_equal(retry_named(NULL, &retried), 0);
	assert_int_equal(retried.applied, applied);
	assert_int_equal(retried.outdated, outdated);
	assert_int_equal(retried.refused, refused);
	shop_check(&shop);
}

/* -- cases --------------------------------------------------------------------------------------- */

/* Orders with everything that hangs on them. */
static void put_good(struct shop *s)
{
	char id[16], merged[16], alias[16], refund[16];

	for (int i = 0; i < 40; i++) {
		snprintf(id, sizeof id, "o-%02d", i);
		snprintf(merged, sizeof merged, "m-%02d", i);
		snprintf(alias, sizeof alias, "pi-%02d", i);
		snprintf(refund, sizeof refund, "r-%02d", i);
		shop_order(s, (struct test_order){.id = id,
				      .gross = 1000 + i,
				      .at = i,
				      .key = 1 + i % 7,
				      .alias = i % 3 ? alias : NULL,
				      .credits = {{.creator = i % 2 ? "lisa" : "mia"},
					      {.creator = "noah"}}});
		if (i % 4 == 0)
			shop_order(
				s, (struct test_order){.id = merged, .merged_into = id, .at = i});
		if (i % 5 == 0)
			shop_refund(s,
				(struct test_refund){
					.order = i % 3 ? alias : id, .id = refund, .amount = 100});
		if (i % 9 == 0)
			shop_cancel(s, id, 100 + i, false);
	}
	shop_link(s, 1, 2);
	put_traffic(s, "tiktok/video/mia", 5);
	put_traffic(s, "instagram/post/lisa", 7);
}

static void put_bad(struct shop *s)
{
	shop_order(s, (struct test_order){.id = "bad-23514",
			      .gross = 500,
			      .at = 7,
			      .key = 3,
			      .alias = "pi-bad",
			      .credits = {{.creator = "lisa"}}});
	shop_order(s, (struct test_order){.id = "bad-22003", .gross = 600, .key = 20, .key2 = 21});
	shop_order(s,
		(struct test_order){.id = "lead-1", .lead = true, .credits = {{.creator = "mia"}}});
	shop_order(s, (struct test_order){.id = "o-40",
			      .gross = 700,
			      .credits = {{.creator = "lisa", .tracker = long_key}}});
	shop_refund(s, (struct test_refund){.order = "pi-bad", .id = "r", .amount = 50});
}

static void the_rest_goes_on(void **state)
{
	(void)state;
	poison("credit");
	put_good(&shop);
	put_bad(&shop);
	put_traffic(&shop, long_key, 3);
	shop_flush_keep(&shop); /* the second time it is known to be in */
	assert_int_equal(shop.sink->refused, 4);
	assert_int_equal(shop.sink->quarantined, 4);
	assert_true(faults() >= 2);

	put_good(&model);
	shop_order(&model,
		(struct test_order){.id = "lead-1", .lead = true, .credits = {{.creator = "mia"}}});
	shop_refund(&model, (struct test_refund){.order = "pi-bad", .id = "r", .amount = 50});
	shop_flush(&model);
	shop_check(&shop);
	same_as_model();

	expect("order|bad-22003|22003|here mine|not \"bad-22003\"\norder|bad-23514|23514|here "
	       "mine|not "
	       "\"bad-23514\"\norder|o-40|54000||true\ntraffic||54000||true",
		"SELECT what, order_id, sqlstate, place, CASE WHEN sqlstate = '54000' THEN "
		"(message LIKE "
		"'index row%%')::text ELSE message END FROM attrib.quarantined ORDER BY key");
	expect("500|pi-bad|lisa", "SELECT detail#>>'{rows,stage_decision,0,gross}',"
				  " detail#>>'{rows,stage_alias,0,value}',"
				  " detail#>>'{rows,stage_credit,0,creator}'"
				  " FROM attrib.quarantine WHERE order_id = 'bad-23514'");
}

static void a_retry_brings_them_in(void **state)
{
	(void)state;
	struct retried retried;

	poison("conversion");
	put_good(&shop);
	put_bad(&shop);
	shop_flush(&shop);
	retry_all(0, 0, 3); /* nothing has changed */
	assert_true(faults() > 4);
	heal("conversion");
	assert_int_equal(retry_named("bad-23514", &retried), 0);
	assert_int_equal(retried.applied, 1);
	assert_int_equal(retry_named("bad-23514", &retried), ATTRIB_E_NOT_FOUND);
	retry_all(1, 0, 1); /* the key is as long as it was */
	test_pg_run(&pg, "DELETE FROM attrib.quarantine");

	put_good(&model);
	put_bad(&model);
	shop_flush(&model); /* which refuses the long key, too */
	assert_int_equal(model.sink->refused, 1);
	same_as_model();
	expect("4.50", "SELECT net FROM attrib.conversion_status WHERE order_id = 'bad-23514'");
}

/* What the trigger calls the server's fault: nothing is set aside, the batch waits, nothing is lost. */
static void server_faults_set_nothing_aside(void **state)
{
	static const char *const states[] = {
		"08006", "25006", "40002", "42501", "53100", "57014", "58030", "XX000", "P0001"};
	struct attrib_batch_view view;
	char id[16];

	(void)state;
	poison("credit");
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		snprintf(id, sizeof id, "bad-%s", states[i]);
		shop_order(&shop, (struct test_order){.id = id, .gross = 100});
		put_good(&shop);
		assert_int_equal(attrib_batch_set_position(shop.batch, &shop.lane, 1), 0);
		attrib_batch_seal(shop.batch, &view);
		for (int try = 1; try <= 2; try++) {
			assert_int_equal(shop.sink->ops->attach(shop.sink, &shop.attach), 0);
			assert_int_equal(
				shop.sink->ops->flush(shop.sink, &view, 1), ATTRIB_E_UNAVAILABLE);
			assert_string_equal(shop.sink->ops->error(shop.sink)->sqlstate, states[i]);
			assert_int_equal(faults(), 2 * i + try);
		}
		attrib_batch_reset(shop.batch);
		expect("0|0", "SELECT (SELECT count(*) FROM attrib.quarantine),"
			      " (SELECT count(*) FROM attrib.conversion)");
	}
	heal("credit");
	put_good(&shop);
	shop_order(&shop, (struct test_order){.id = "bad-53100", .gross = 100});
	put_good(&model);
	shop_order(&model, (struct test_order){.id = "bad-53100", .gross = 100});
	shop_flush(&shop);
	shop_flush(&model);
	same_as_model();
}

/* A fault of the server beside one of the data: what was told apart so far is taken back. */
static void a_server_fault_ends_the_isolation(void **state)
{
	(void)state;
	poison("credit");
	put_good(&shop);
	shop_order(&shop, (struct test_order){.id = "bad-22003", .gross = 100});
	shop_order(&shop, (struct test_order){.id = "bad-53100", .gross = 100});
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_UNAVAILABLE);
	assert_true(faults() > 2);
	assert_int_equal(shop.sink->refused, 0);
	expect("0|0", "SELECT (SELECT count(*) FROM attrib.quarantine),"
		      " (SELECT count(*) FROM attrib.conversion)");
}

static void conflicts_are_tried_at_once(void **state)
{
	static const char *const states[] = {"40001", "40P01"};

	(void)state;
	test_pg_run(&pg, "CREATE SEQUENCE faults");
	for (size_t i = 0; i < 2; i++) {
		test_pg_run(&pg,
			"CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
			"$$BEGIN IF nextval('faults') %% 4 <> 0 THEN RAISE 'busy' USING ERRCODE = "
			"'%s';"
			" END IF; RETURN NEW; END$$",
			states[i]);
		test_pg_run(&pg, "CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON attrib.credit"
				 " FOR EACH ROW EXECUTE FUNCTION refuse()");
		shop_order(&shop, (struct test_order){.id = states[i], .gross = 100});
		shop_flush(&shop);
		assert_int_equal(faults(), 4 * (i + 1));
	}
	expect("2", "SELECT sum(orders) FROM attrib.rollup_claim");
}

static void put_many(int good, int bad)
{
	char id[24];

	for (int i = 0; i < good; i++) {
		snprintf(id, sizeof id, "o-%04d", i);
		shop_order(&shop, (struct test_order){.id = id, .gross = 100});
	}
	for (int i = 0; i < bad; i++) {
		snprintf(id, sizeof id, "bad-23514-%02d", i);
		shop_order(&shop, (struct test_order){.id = id, .gross = 100});
	}
}

static void too_many_are_the_servers_fault(void **state)
{
	(void)state;
	poison("conversion");
	put_many(20, 11);
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_INVALID);
	assert_non_null(strstr(shop.sink->ops->error(shop.sink)->text, "more than 10 of 31 rows"));
	assert_string_equal(shop.sink->ops->error(shop.sink)->sqlstate, "23514");
	assert_true(faults() >= 11);
	assert_int_equal(shop.sink->refused, 0);
	expect("0|0", "SELECT (SELECT count(*) FROM attrib.quarantine),"
		      " (SELECT count(*) FROM attrib.conversion)");
	put_many(20, 10);
	shop_flush(&shop);
	expect("10|20", "SELECT (SELECT count(*) FROM attrib.quarantine),"
			" (SELECT sum(orders) FROM attrib.rollup_claim)");
}

static void one_percent_is_not_too_many(void **state)
{
	(void)state;
	poison("conversion");
	put_many(1188, 12);
	shop_flush(&shop);
	assert_int_equal(shop.sink->refused, 12);
	expect("12|1188", "SELECT (SELECT count(*) FROM attrib.quarantine),"
			  " (SELECT sum(orders) FROM attrib.rollup_claim)");
}

/* Two orders that turn out to be one: the merged one stays what it was until both are in. */
static void merged_orders_are_refused_together(void **state)
{
	struct retried retried;

	(void)state;
	shop_order(&shop,
		(struct test_order){.id = "web", .gross = 100, .credits = {{.creator = "mia"}}});
	shop_flush(&shop);
	poison("credit");
	shop_order(&shop, (struct test_order){
				  .id = "web", .ticket = 3, .key = 1, .merged_into = "bad-23514"});
	shop_order(&shop,
		(struct test_order){
			.id = "bad-23514", .ticket = 3, .gross = 100, .key = 2, .alias = "pi"});
	shop_order(
		&shop, (struct test_order){
			       .id = "other", .gross = 40, .alias = "pi", .alias_conflict = true});
	shop_flush(&shop);
	assert_int_equal(shop.sink->refused, 1);
	expect("other|0.40\nweb|1.00",
		"SELECT order_id, net FROM attrib.conversion_status ORDER BY 1");
	expect("bad-23514\nweb", "SELECT order_id FROM attrib.quarantined ORDER BY 1");
	heal("credit");
	assert_int_equal(retry_named("web", &retried), 0);
	assert_int_equal(retried.applied, 2);
	shop_check(&shop);
	expect("bad-23514|1.00\nother|0.40",
		"SELECT order_id, net FROM attrib.conversion_status WHERE net <> 0 ORDER BY 1");
	expect("2", "SELECT sum(orders) FROM attrib.rollup_claim");
	expect("2", "SELECT count(DISTINCT customer) FROM attrib.customer_key");
}

/* A name changes hands between two orders at the ends of a batch, with a bad one between them. */
static void a_name_changes_hands_beside_a_bad_row(void **state)
{
	(void)state;
	shop_order(&shop, (struct test_order){.id = "a", .gross = 100, .alias = "pi"});
	shop_flush(&shop);
	poison("credit");
	put_good(&shop);
	shop_order(&shop, (struct test_order){.id = "bad-23514", .gross = 100});
	shop_order(&shop, (struct test_order){.id = "a",
				  .ticket = 2,
				  .gross = 100,
				  .alias = "pi",
				  .alias_conflict = true});
	shop_order(&shop, (struct test_order){.id = "z", .ticket = 2, .gross = 100, .alias = "pi"});
	shop_refund(&shop, (struct test_refund){.order = "pi", .id = "r", .amount = 30});
	shop_flush(&shop);
	expect("bad-23514|refused\na|alias_conflict",
		"SELECT order_id, reason FROM attrib.quarantined ORDER BY 1 DESC");
	expect("a|1.00\nz|0.70",
		"SELECT order_id, net FROM attrib.conversion_status WHERE order_id "
		"IN ('a', 'z') ORDER BY 1");
}

static void a_later_decision_replaces_it(void **state)
{
	(void)state;
	poison("credit");
	shop_order(&shop, (struct test_order){.id = "bad-22003", .ticket = 2, .gross = 100});
	shop_order(&shop, (struct test_order){.id = "bad-23514", .ticket = 2, .gross = 100});
	shop_flush(&shop);
	shop_order(&shop, (struct test_order){.id = "bad-23514", .ticket = 4, .gross = 300});
	shop_flush(&shop); /* refused again: the later one waits */
	shop_order(&shop, (struct test_order){.id = "bad-23514", .ticket = 3, .gross = 200});
	shop_flush(&shop); /* and an earlier one does not push it out */
	expect("2\n4", "SELECT detail->>'ticket' FROM attrib.quarantine ORDER BY 1");
	heal("credit");
	shop_order(&shop, (struct test_order){.id = "bad-23514", .ticket = 3, .gross = 200});
	shop_flush(&shop); /* an earlier one does not settle it */
	expect("2", "SELECT count(*) FROM attrib.quarantine");
	shop_order(&shop, (struct test_order){.id = "bad-22003", .ticket = 5, .gross = 900});
	shop_flush(&shop);
	expect("bad-23514", "SELECT order_id FROM attrib.quarantined");
	assert_int_equal(shop.sink->quarantined, 1);
	retry_all(1, 0, 0);
	expect("9.00\n3.00", "SELECT gross FROM attrib.conversion_status ORDER BY 1 DESC");
}

static void an_outdated_document_is_dropped(void **state)
{
	(void)state;
	poison("credit");
	shop_order(&shop, (struct test_order){.id = "bad-22003", .ticket = 2, .gross = 100});
	shop_flush(&shop);
	heal("credit");
	test_pg_run(&pg, "CREATE TABLE kept AS SELECT * FROM attrib.quarantine");
	shop_order(&shop, (struct test_order){.id = "bad-22003", .ticket = 5, .gross = 900});
	shop_flush(&shop);
	test_pg_run(&pg, "INSERT INTO attrib.quarantine SELECT * FROM kept");
	retry_all(0, 1, 0);
	expect("9.00|0", "SELECT (SELECT gross FROM attrib.conversion_status),"
			 " (SELECT count(*) FROM attrib.quarantine)");
}

/* Bytes that are no text, in an id, in a refund, in a key: nothing of it can be stored as it is. */
static void what_is_no_text_is_escaped(void **state)
{
	(void)state;
	shop_order(&shop,
		(struct test_order){.id = "a\xff\"\\\tb", .gross = 100, .alias = "\xed\xa0\x80"});
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "\xc0\x80", .amount = 5});
	struct attrib_traffic t = {.site = ATTRIB_STR("acme"),
		.bucket_at = shop_at(0),
		.channel = ATTRIB_CHANNEL_UTM,
		.key = ATTRIB_STR("x\0y"),
		.type = ATTRIB_EVENT_VISIT,
		.count = 1};
	assert_int_equal(attrib_batch_put_traffic(shop.batch, &t), 0);
	shop_order(&shop, (struct test_order){.id = "1", .gross = 100});
	shop_flush(&shop);
	expect("1|1.00", "SELECT order_id, net FROM attrib.conversion_status");
	expect("|22021|traffic|x\\x00y\n1|22021|refund|\\xc0\\x80\na\\xff\"\\\tb|22021|order|"
	       "\\xed\\xa0\\x80",
		"SELECT order_id, detail->>'sqlstate', detail->>'what',"
		" coalesce(detail#>>'{rows,stage_alias,0,value}',"
		" detail#>>'{rows,stage_refund,0,refund_id}', "
		"detail#>>'{rows,stage_traffic,0,key}')"
		" FROM attrib.quarantine WHERE detail ? 'escaped' ORDER BY 1");
	retry_all(0, 0, 3);
}

/* Facts are refused by themselves: their order goes in, and they later. */
static void facts_are_refused_alone(void **state)
{
	(void)state;
	test_pg_run(
		&pg, "ALTER TABLE attrib.refund_fact ADD CONSTRAINT small CHECK (amount < 100)");
	test_pg_run(
		&pg, "ALTER TABLE attrib.cancel_fact ADD CONSTRAINT known CHECK (order_id <> '2')");
	shop_order(&shop, (struct test_order){.id = "1", .gross = 1000, .key = 1});
	shop_order(&shop, (struct test_order){.id = "2", .gross = 1000, .at = 1, .key = 1});
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "big", .amount = 500});
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "small", .amount = 50});
	shop_cancel(&shop, "2", 5, false);
	shop_flush(&shop);
	expect("1|9.50|new\n2|10.00|returning",
		"SELECT order_id, net, customer_kind FROM attrib.conversion_status ORDER BY 1");
	expect("cancel|23514|cancel_fact known\nrefund|23514|refund_fact small",
		"SELECT what, sqlstate, place FROM attrib.quarantined ORDER BY 1");
	test_pg_run(&pg, "ALTER TABLE attrib.refund_fact DROP CONSTRAINT small");
	test_pg_run(&pg, "ALTER TABLE attrib.cancel_fact DROP CONSTRAINT known");
	shop_refund(&shop, (struct test_refund){.order = "1", .id = "big", .amount = 500});
	shop_flush(&shop); /* told again */
	expect("cancel", "SELECT what FROM attrib.quarantined");
	retry_all(1, 0, 0);
	expect("1|4.50\n2|0.00", "SELECT order_id, net FROM attrib.conversion_status ORDER BY 1");
}

static void traffic_adds_up_while_it_waits(void **state)
{
	(void)state;
	test_pg_run(&pg, "ALTER TABLE attrib.traffic ADD CONSTRAINT dull CHECK (key <> 'dull')");
	for (int i = 0; i < 3; i++) {
		put_traffic(&shop, "dull", 5 + 10 * i);
		put_traffic(&shop, "bright", 1);
		shop_flush(&shop);
	}
	expect("bright|1", "SELECT key, bit_count(marks) FROM attrib.visitor_day");
	expect("bright|3|3", "SELECT key, count, uniques FROM attrib.traffic");
	expect("1", "SELECT count(*) FROM attrib.quarantine");
	test_pg_run(&pg, "ALTER TABLE attrib.traffic DROP CONSTRAINT dull");
	retry_all(1, 0, 0);
	expect("bright|3|3\ndull|45|3",
		"SELECT key, count, uniques FROM attrib.traffic ORDER BY 1");
	expect("dull|3072|1|1|1",
		"SELECT key, length(marks), get_bit(marks, 500), get_bit(marks, 1500),"
		" get_bit(marks, 2500) FROM attrib.visitor_day WHERE key = 'dull' AND "
		"bit_count(marks) = 3");
}

static void keys_alone_are_refused_alone(void **state)
{
	(void)state;
	test_pg_run(&pg,
		"ALTER TABLE attrib.customer_key ADD CONSTRAINT low CHECK (get_byte(key, 0) < 9)");
	shop_order(&shop, (struct test_order){.id = "1", .gross = 100, .key = 1});
	shop_order(&shop, (struct test_order){.id = "2", .gross = 100, .at = 1, .key = 2});
	shop_link(&shop, 2, 11);
	shop_link(&shop, 1, 10);
	shop_flush(&shop);
	expect("2|customer", "SELECT count(*), min(what) FROM attrib.quarantined");
	test_pg_run(&pg, "ALTER TABLE attrib.customer_key DROP CONSTRAINT low");
	shop_link(&shop, 10, 11);
	shop_flush(&shop);
	retry_all(2, 0, 0);
	expect("1|new\n2|returning",
		"SELECT order_id, customer_kind FROM attrib.conversion_status ORDER BY 1");
}

/* Refused at COMMIT only, and refused where no row is at fault. */
static void deferred_constraints_and_positions(void **state)
{
	(void)state;
	test_pg_run(&pg, "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF "
			 "NEW.order_id = 'bad' THEN RAISE 'no' USING ERRCODE = '23000'; END IF;"
			 " RETURN NULL; END$$;"
			 "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON attrib.credit DEFERRABLE "
			 "INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()");
	shop_order(&shop, (struct test_order){.id = "bad", .gross = 100});
	shop_order(&shop, (struct test_order){.id = "good", .gross = 100});
	shop_flush(&shop);
	expect("bad|23000", "SELECT order_id, sqlstate FROM attrib.quarantined");
	expect("good", "SELECT order_id FROM attrib.conversion_status");
	test_pg_run(&pg, "ALTER TABLE attrib.lane_position ADD CONSTRAINT two CHECK (number < 2)");
	shop_order(&shop, (struct test_order){.id = "next", .gross = 100});
	assert_int_equal(shop_try_flush(&shop), ATTRIB_E_INVALID);
	expect("good", "SELECT order_id FROM attrib.conversion_status");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(the_rest_goes_on),
		CASE(a_retry_brings_them_in),
		CASE(server_faults_set_nothing_aside),
		CASE(a_server_fault_ends_the_isolation),
		CASE(conflicts_are_tried_at_once),
		CASE(too_many_are_the_servers_fault),
		CASE(one_percent_is_not_too_many),
		CASE(merged_orders_are_refused_together),
		CASE(a_name_changes_hands_beside_a_bad_row),
		CASE(a_later_decision_replaces_it),
		CASE(an_outdated_document_is_dropped),
		CASE(what_is_no_text_is_escaped),
		CASE(facts_are_refused_alone),
		CASE(traffic_adds_up_while_it_waits),
		CASE(keys_alone_are_refused_alone),
		CASE(deferred_constraints_and_positions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
