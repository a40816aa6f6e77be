/*
 * The outbox: an event for each change that is a change, in its order, to one sender at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "attrib/outbox.h"
#include "attrib/tools.h"
#include "one_shop.h"

#define S ATTRIB_US_PER_S

static struct attrib_sink_error error;

/* -- what a merge writes --------------------------------------------------------------------------- */

static void paid(const char *id, uint64_t ticket, const char *creator)
{
	shop_order(&shop, (struct test_order){.id = id,
				  .ticket = ticket,
				  .gross = 10000,
				  .total = 11900,
				  .at = 500,
				  .key = 1,
				  .credits = {{.creator = creator, .campaign = "spring"}}});
}

static const char *events(void)
{
	return test_pg_text(&pg,
		"SELECT order_id, n, replace(type, 'conversion.', ''), body::jsonb #>> "
		"'{data,status}',"
		" body::jsonb #>> '{data,net}', body::jsonb #>> '{data,adjustment,amount}',"
		" body::jsonb #>> '{data,credits,0,creator}' FROM attrib.outbox_event ORDER BY id");
}

static void tells_of_an_order_when_it_counts(void **state)
{
	(void)state;
	paid("1", 1, "lisa");
	shop_flush(&shop);
	expect("conversion.created|order:1|1|waiting|0",
		"SELECT type, event_id, n, state, tries FROM attrib.outbox_event");
	expect("{\"event_id\":\"order:1\",\"revision\":1,\"site\":\"acme\",\"kind\":\"order\","
	       "\"order_id\":\"1\",\"status\":\"paid\",\"currency\":\"EUR\",\"gross\":\"100.00\","
	       "\"refunded\":\"0.00\",\"net\":\"100.00\",\"placed_at\":\"2026-11-01T08:20:00."
	       "000Z\","
	       "\"counted_at\":\"2026-11-01T08:20:00.000Z\",\"customer_kind\":\"new\","
	       "\"model\":\"policy\",\"credits\":[{\"net\": \"100.00\", \"gross\": \"100.00\", "
	       "\"share\": \"1\", \"channel\": \"link\", \"creator\": \"lisa\", \"tracker\": "
	       "\"lisa\", \"campaign\": \"spring\", \"refunded\": \"0.00\", \"placement\": null}]}",
		"SELECT body::json ->> 'data' FROM attrib.outbox_event");
	expect("conversion.created|t",
		"SELECT body::json ->> 'type', (body::json ->> 'timestamp')::timestamptz"
		" BETWEEN now() - interval '1 h' AND now() + interval '1 s' FROM "
		"attrib.outbox_event");
	expect("t", "SELECT webhook_id ~ '^msg_[0-9a-f]{32}$' FROM attrib.outbox_event");
}

static void repeats_tell_nothing(void **state)
{
	(void)state;
	paid("1", 2, "lisa");
	shop_flush_keep(&shop);
	attrib_batch_reset(shop.batch);
	paid("1", 3, "lisa"); /* decided again, to the same */
	shop_flush(&shop);
	paid("1", 1, "mia"); /* overtaken */
	shop_flush(&shop);
	shop_refund(
		&shop, (struct test_refund){.order = "1", .id = "r", .amount = 1190, .at = 900});
	shop_flush(&shop);
	shop_refund(
		&shop, (struct test_refund){.order = "1", .id = "r", .amount = 1190, .at = 900});
	shop_flush(&shop);
	assert_string_equal(events(), "1|1|created|paid|100.00||lisa\n"
				      "1|2|adjusted|partially_refunded|90.00|-10.00|lisa");
}

static void tells_of_every_change(void **state)
{
	(void)state;
	paid("1", 1, "lisa");
	shop_flush(&shop);
	shop_refund(
		&shop, (struct test_refund){.order = "1", .id = "r", .amount = 1190, .at = 900});
	shop_flush(&shop);
	paid("1", 2, "mia"); /* a re-decision moves the credit */
	shop_flush(&shop);
	shop_cancel(&shop, "1", 950, false);
	shop_flush(&shop);
	shop_cancel(&shop, "1", 960, true);
	shop_flush(&shop);
	shop_refund(
		&shop, (struct test_refund){
			       .order = "1", .id = "r", .event = "v", .voided = true, .at = 970});
	shop_flush(&shop);
	assert_string_equal(events(), "1|1|created|paid|100.00||lisa\n"
				      "1|2|adjusted|partially_refunded|90.00|-10.00|lisa\n"
				      "1|3|adjusted|partially_refunded|90.00|0.00|mia\n"
				      "1|4|adjusted|cancelled|0.00|-90.00|mia\n"
				      "1|5|adjusted|partially_refunded|90.00|90.00|mia\n"
				      "1|6|adjusted|paid|100.00|10.00|mia");
	expect("partially_refunded|90.00|lisa",
		"SELECT p ->> 'status', p ->> 'net', p #>> '{credits,0,creator}' FROM (SELECT"
		" body::jsonb #> '{data,adjustment,previous}' AS p FROM attrib.outbox_event WHERE "
		"n = 3) e");
	expect("6|6|6", "SELECT count(*), count(DISTINCT event_id), count(DISTINCT webhook_id)"
			" FROM attrib.outbox_event");
}

static void what_does_not_count_is_told_when_it_does(void **state)
{
	struct test_order pending = {.id = "1",
		.gross = 10000,
		.at = 500,
		.status = ATTRIB_STATUS_PENDING,
		.credits = {{.creator = "lisa"}}};

	(void)state;
	shop_order(&shop, pending);
	shop_flush(&shop);
	assert_string_equal(events(), "");
	pending.status = 0;
	pending.ticket = 2;
	shop_order(&shop, pending);
	shop_flush(&shop);
	pending.status = ATTRIB_STATUS_EXCLUDED;
	pending.ticket = 3;
	shop_order(&shop, pending);
	shop_flush(&shop);
	assert_string_equal(events(), "1|1|created|paid|100.00||lisa\n"
				      "1|2|adjusted|excluded|0.00|-100.00|");
}

static void an_absorbed_order_is_taken_back(void **state)
{
	(void)state;
	paid("1", 1, "lisa");
	paid("2", 1, "lisa");
	shop_flush(&shop);
	paid("1", 2, "lisa");
	shop_order(
		&shop, (struct test_order){.id = "2", .ticket = 2, .merged_into = "1", .at = 500});
	shop_flush(&shop);
	assert_string_equal(events(), "1|1|created|paid|100.00||lisa\n"
				      "2|1|created|paid|100.00||lisa\n"
				      "2|2|adjusted|merged|0.00|-100.00|");
	expect("1",
		"SELECT body::jsonb #>> '{data,merged_into}' FROM attrib.outbox_event WHERE n = 2");
}

static void a_lead_is_told(void **state)
{
	(void)state;
	shop_order(&shop,
		(struct test_order){.id = "1", .lead = true, .credits = {{.creator = "lisa"}}});
	shop_flush(&shop);
	expect("lead:1|lead|0.00|lisa",
		"SELECT event_id, d ->> 'kind', d ->> 'net', d #>> '{credits,0,creator}'"
		" FROM (SELECT event_id, body::jsonb -> 'data' AS d FROM attrib.outbox_event) e");
}

/* Texts of others go through JSON, and no further. */
static void ids_are_any_text(void **state)
{
	(void)state;
	paid("#1\"\\ \xc3\xa9\n{}", 1, "li\"sa");
	shop_flush(&shop);
	expect("t|t",
		"SELECT body::jsonb #>> '{data,order_id}' = order_id,"
		" body::jsonb #>> '{data,credits,0,creator}' = 'li\"sa' FROM attrib.outbox_event");
}

static void parts_of_the_primary_model_sum_to_the_order(void **state)
{
	(void)state;
	test_pg_run(&pg, "UPDATE attrib.site SET primary_model = 4");
	shop_order(&shop,
		(struct test_order){.id = "1",
			.gross = 10001,
			.at = 500,
			.credits = {{.creator = "lisa"}, {.creator = "mia"}, {.creator = "tom"}}});
	shop_flush(&shop);
	expect("linear|100.01|0.333333333334,0.333333333333,0.333333333333",
		"SELECT d ->> 'model', sum((k ->> 'net')::numeric), string_agg(k ->> 'share', ',')"
		" FROM attrib.outbox_event CROSS JOIN LATERAL (SELECT body::jsonb -> 'data') e (d)"
		" CROSS JOIN jsonb_array_elements(d -> 'credits') k GROUP BY 1");
}

static void history_is_not_told(void **state)
{
	(void)state;
	test_pg_run(&pg, "SELECT attrib.put_forward_v1('acme', '{}', now())");
	paid("1", 1, "lisa");
	shop_flush(&shop);
	test_pg_run(&pg,
		"SELECT attrib.put_forward_v1('acme', '{conversion.created,conversion.adjusted}',"
		" '2026-11-01 12:00+00')");
	shop_refund(
		&shop, (struct test_refund){.order = "1", .id = "r", .amount = 1190, .at = 900});
	shop_order(&shop, (struct test_order){.id = "2", .gross = 5000, .at = 719});
	shop_order(
		&shop, (struct test_order){.id = "3", .gross = 5000, .at = 600, .received = 720});
	shop_flush(&shop);
	assert_string_equal(events(), "3|1|created|paid|50.00||");
}

static void only_what_was_asked_for(void **state)
{
	(void)state;
	test_pg_run(&pg, "SELECT attrib.put_forward_v1('acme', '{conversion.adjusted}', now())");
	paid("1", 1, "lisa");
	shop_flush(&shop);
	shop_refund(
		&shop, (struct test_refund){.order = "1", .id = "r", .amount = 1190, .at = 900});
	shop_flush(&shop);
	assert_string_equal(events(), "1|2|adjusted|partially_refunded|90.00|-10.00|lisa");
}

static void switched_off_is_given_up(void **state)
{
	(void)state;
	paid("1", 1, "lisa");
	shop_flush(&shop);
	test_pg_run(&pg, "SELECT attrib.put_forward_v1('acme', '{}', now())");
	paid("2", 1, "lisa");
	shop_flush(&shop);
	expect("1|dead|forwarding of the site was switched off",
		"SELECT order_id, state, error FROM attrib.outbox");
}

/* -- sending ---------------------------------------------------------------------------------------- */

static struct attrib_outbox *sender(int instance)
{
	const struct attrib_id id = {{(uint8_t)instance, 9}};
	struct attrib_outbox *outbox = NULL;

	assert_int_equal(attrib_outbox_open(pg.conninfo, &id, true, &outbox, &error), 0);
	return outbox;
}

struct claimed {
	int n;
	struct attrib_outbox_event event[64];
};

static void hear(void *arg, const struct attrib_outbox_event *event)
{
	struct claimed *claimed = arg;

	assert_true(claimed->n < 64 && event->webhook_id.n == 36 && event->body.p[0] == '{');
	claimed->event[claimed->n++] = *event;
}

static struct claimed claim(struct attrib_outbox *outbox, int most)
{
	struct claimed claimed = {0};

	assert_int_equal(
		attrib_outbox_claim(outbox, "acme", most, 60 * S, hear, &claimed, &error), 0);
	return claimed;
}

static bool mark(struct attrib_outbox *outbox, const struct attrib_outbox_event *event,
	enum attrib_outbox_outcome outcome, int64_t wait_us)
{
	const struct attrib_outbox_mark m = {
		event->id, event->claim, outcome, wait_us, "status 500"};
	bool held = false;

	assert_int_equal(attrib_outbox_mark(outbox, &m, &held, &error), 0);
	return held;
}

static void put_orders(int n)
{
	char id[16];

	for (int i = 0; i < n; i++) {
		snprintf(id, sizeof id, "%03d", i);
		paid(id, 1, "lisa");
	}
	shop_flush(&shop);
}

/* Revisions 2 of order 000. */
static void adjust(void)
{
	shop_refund(
		&shop, (struct test_refund){.order = "000", .id = "r", .amount = 1190, .at = 900});
	shop_flush(&shop);
}

static void two_never_claim_the_same(void **state)
{
	struct attrib_outbox *a = sender(1), *b = sender(2);

	(void)state;
	put_orders(5);
	struct claimed first = claim(a, 3), second = claim(b, 64);
	assert_int_equal(first.n, 3);
	assert_int_equal(second.n, 2);
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 2; k++)
			assert_int_not_equal(first.event[i].id, second.event[k].id);
	}
	assert_int_equal(claim(a, 64).n + claim(b, 64).n, 0);
	assert_false(mark(b, &first.event[0], ATTRIB_OUTBOX_SENT, 0));
	assert_true(mark(a, &first.event[0], ATTRIB_OUTBOX_SENT, 0));
	assert_false(mark(a, &first.event[0], ATTRIB_OUTBOX_AGAIN, 0));
	expect("1", "SELECT count(*) FROM attrib.outbox_event WHERE state = 'sent'");
	attrib_outbox_close(a);
	attrib_outbox_close(b);
}

/* What another one is just looking at is passed over: it looks at some more than it takes. */
static void nobody_waits_for_a_claim(void **state)
{
	struct attrib_outbox *a = sender(1);

	(void)state;
	put_orders(70);
	test_pg_run(&pg, "BEGIN; SELECT attrib.outbox_claim_v1('\\x01', 'acme', 3, '1 min')");
	assert_int_equal(claim(a, 63).n, 3);
	test_pg_run(&pg, "ROLLBACK");
	assert_int_equal(claim(a, 63).n, 63);
	assert_int_equal(claim(a, 63).n, 4);
	attrib_outbox_close(a);
}

static void a_claim_runs_out(void **state)
{
	struct attrib_outbox *a = sender(1), *b = sender(2);

	(void)state;
	put_orders(1);
	struct claimed lost = claim(a, 1);
	test_pg_run(&pg, "UPDATE attrib.outbox_event SET next_at = now()");
	struct claimed found = claim(b, 1);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.event[0].tries, 2);
	assert_false(mark(a, &lost.event[0], ATTRIB_OUTBOX_SENT, 0));
	assert_true(mark(b, &found.event[0], ATTRIB_OUTBOX_SENT, 0));
	attrib_outbox_close(a);
	attrib_outbox_close(b);
}

static void the_next_process_of_an_instance_takes_up_at_once(void **state)
{
	struct attrib_outbox *a = sender(1), *b = sender(2);

	(void)state;
	put_orders(2);
	struct claimed lost = claim(a, 1);
	assert_int_equal(claim(b, 1).n, 1);
	attrib_outbox_close(a);
	a = sender(1);
	struct claimed again = claim(a, 64);
	assert_int_equal(again.n, 1);
	assert_int_equal(again.event[0].id, lost.event[0].id);
	attrib_outbox_close(a);
	attrib_outbox_close(b);
}

static void a_later_one_waits_others_go_on(void **state)
{
	struct attrib_outbox *a = sender(1);

	(void)state;
	put_orders(2);
	struct claimed first = claim(a, 1); /* 000 */
	adjust();
	struct claimed other = claim(a, 64); /* 001, not the adjustment */
	assert_int_equal(other.n, 1);
	assert_true(mark(a, &other.event[0], ATTRIB_OUTBOX_SENT, 0));
	assert_true(mark(a, &first.event[0], ATTRIB_OUTBOX_AGAIN, 0));
	expect("waiting|1|status 500\nheld|0|",
		"SELECT state, tries, error FROM attrib.outbox ORDER BY revision");
	first = claim(a, 64);
	assert_int_equal(first.n, 1);
	assert_int_equal(first.event[0].tries, 2);
	assert_int_equal(claim(a, 64).n, 0);
	assert_true(mark(a, &first.event[0], ATTRIB_OUTBOX_SENT, 0));
	first = claim(a, 64);
	assert_int_equal(first.n, 1);
	assert_true(mark(a, &first.event[0], ATTRIB_OUTBOX_SENT, 0));
	expect("", "SELECT * FROM attrib.outbox");
	attrib_outbox_close(a);
}

/* Many that are held don't hide one that is not. */
static void held_ones_are_put_off(void **state)
{
	struct attrib_outbox *a = sender(1);

	(void)state;
	put_orders(1);
	struct claimed first = claim(a, 1);
	for (int i = 0; i < 100; i++) {
		char id[16];
		snprintf(id, sizeof id, "r%d", i);
		shop_refund(&shop, (struct test_refund){
					   .order = "000", .id = id, .amount = 10, .at = 900 + i});
		shop_flush(&shop);
	}
	paid("later", 1, "lisa");
	shop_flush(&shop);
	assert_int_equal(claim(a, 1).n, 0);
	assert_int_equal(claim(a, 1).n, 1);
	assert_true(mark(a, &first.event[0], ATTRIB_OUTBOX_SENT, 0));
	expect("100|1", "SELECT count(*), count(*) FILTER (WHERE next_at <= clock_timestamp())"
			" FROM attrib.outbox_event WHERE n > 1");
	attrib_outbox_close(a);
}

static void waits_as_long_as_it_was_told(void **state)
{
	struct attrib_outbox *a = sender(1);

	(void)state;
	put_orders(1);
	struct claimed first = claim(a, 1);
	assert_true(mark(a, &first.event[0], ATTRIB_OUTBOX_AGAIN, 3600 * S));
	assert_int_equal(claim(a, 1).n, 0);
	expect("t|waiting|1|status 500",
		"SELECT next_at BETWEEN now() + interval '59 min' AND now() + interval '1 h',"
		" state, tries, error FROM attrib.outbox");
	test_pg_run(&pg, "UPDATE attrib.outbox_event SET next_at = now()");
	first = claim(a, 1);
	assert_true(mark(a, &first.event[0], ATTRIB_OUTBOX_RELEASED, 0));
	expect("1|waiting", "SELECT tries, state FROM attrib.outbox");
	attrib_outbox_close(a);
}

static void count_retried(void *arg, const struct attrib_retry_row *row)
{
	assert_string_equal(row->site, "acme");
	++*(int *)arg;
}

static int retry(const char *name)
{
	int n = 0;
	const struct attrib_retry r = {.conninfo = pg.conninfo,
		.site = "acme",
		.names = &name,
		.name_count = name != NULL,
		.row = count_retried,
		.arg = &n};
	int err = attrib_postgres_outbox_retry(&r, &error);

	assert_true(err == 0 || err == ATTRIB_E_NOT_FOUND);
	assert_int_equal(err == 0, n > 0);
	return n;
}

static void what_is_dead_can_be_tried_again(void **state)
{
	struct attrib_outbox *a = sender(1);

	(void)state;
	put_orders(1);
	adjust();
	struct claimed first = claim(a, 64);
	assert_int_equal(first.n, 1);
	assert_true(mark(a, &first.event[0], ATTRIB_OUTBOX_DEAD, 0));
	expect("dead|status 500\nheld|",
		"SELECT state, error FROM attrib.outbox ORDER BY revision");
	assert_int_equal(claim(a, 64).n, 0);
	assert_int_equal(claim(a, 64).n, 0);
	assert_int_equal(retry("001"), 0);
	assert_int_equal(retry("order:000"), 1);
	assert_int_equal(retry(NULL), 0);
	first = claim(a, 64);
	assert_int_equal(first.n, 1);
	assert_int_equal(first.event[0].tries, 1);
	assert_true(first.event[0].begun_us < 60 * S);
	assert_true(mark(a, &first.event[0], ATTRIB_OUTBOX_SENT, 0));
	assert_int_equal(claim(a, 64).n, 1);
	attrib_outbox_close(a);
}

static void what_waits_after_a_failure_can_be_hurried(void **state)
{
	struct attrib_outbox *a = sender(1);

	(void)state;
	put_orders(3);
	struct claimed first = claim(a, 2);
	assert_true(mark(a, &first.event[0], ATTRIB_OUTBOX_AGAIN, 3600 * S));
	assert_int_equal(
		retry(NULL), 1); /* not the one that is on its way, nor the one that is due */
	struct claimed again = claim(a, 1);
	assert_int_equal(again.n, 1);
	assert_int_equal(claim(a, 64).n, 1);
	assert_true(mark(a, &first.event[1], ATTRIB_OUTBOX_SENT, 0));
	attrib_outbox_close(a);
}

static void old_ones_are_deleted_in_steps(void **state)
{
	struct attrib_outbox *a = sender(1);
	int64_t deleted = -1;

	(void)state;
	put_orders(10);
	adjust();
	struct claimed all = claim(a, 64);
	assert_int_equal(all.n, 10);
	for (int i = 1; i < 10; i++)
		assert_true(mark(a, &all.event[i], ATTRIB_OUTBOX_SENT, 0));
	assert_true(mark(a, &all.event[0], ATTRIB_OUTBOX_DEAD, 0));
	assert_int_equal(attrib_outbox_trim(a, 3600 * S, 3600 * S, 4, &deleted, &error), 0);
	assert_int_equal(deleted, 0);
	assert_int_equal(attrib_outbox_trim(a, 0, 3600 * S, 4, &deleted, &error), 0);
	assert_int_equal(deleted, 4);
	assert_int_equal(attrib_outbox_trim(a, 0, 3600 * S, 64, &deleted, &error), 0);
	assert_int_equal(deleted, 5);
	/* what stands behind a dead one goes with it: it is of no use alone */
	assert_int_equal(attrib_outbox_trim(a, 0, 0, 64, &deleted, &error), 0);
	assert_int_equal(deleted, 2);
	shop_check(&shop);
	attrib_outbox_close(a);
}

static void tells_how_much_waits(void **state)
{
	static const char *const sites[] = {"other", "acme"};
	struct attrib_outbox *a = sender(1);
	struct attrib_outbox_queue queue;

	(void)state;
	assert_int_equal(attrib_outbox_queue(a, sites, 2, &queue, &error), 0);
	assert_int_equal(queue.waiting + queue.dead + queue.oldest_us, 0);
	put_orders(3);
	test_pg_run(&pg, "UPDATE attrib.outbox_event SET created_at = now() - interval '1 h'");
	struct claimed all = claim(a, 1);
	assert_true(mark(a, &all.event[0], ATTRIB_OUTBOX_DEAD, 0));
	assert_int_equal(attrib_outbox_queue(a, sites, 2, &queue, &error), 0);
	assert_int_equal(queue.waiting, 2);
	assert_int_equal(queue.dead, 1);
	assert_true(queue.oldest_us >= 3600 * S && queue.oldest_us < 3700 * S);
	assert_int_equal(attrib_outbox_queue(a, sites, 1, &queue, &error), 0);
	assert_int_equal(queue.waiting + queue.dead + queue.oldest_us, 0);
	attrib_outbox_close(a);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, shop_open, shop_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(tells_of_an_order_when_it_counts),
		CASE(repeats_tell_nothing),
		CASE(tells_of_every_change),
		CASE(what_does_not_count_is_told_when_it_does),
		CASE(an_absorbed_order_is_taken_back),
		CASE(a_lead_is_told),
		CASE(ids_are_any_text),
		CASE(parts_of_the_primary_model_sum_to_the_order),
		CASE(history_is_not_told),
		CASE(only_what_was_asked_for),
		CASE(switched_off_is_given_up),
		CASE(two_never_claim_the_same),
		CASE(nobody_waits_for_a_claim),
		CASE(a_claim_runs_out),
		CASE(the_next_process_of_an_instance_takes_up_at_once),
		CASE(a_later_one_waits_others_go_on),
		CASE(held_ones_are_put_off),
		CASE(waits_as_long_as_it_was_told),
		CASE(what_is_dead_can_be_tried_again),
		CASE(what_waits_after_a_failure_can_be_hurried),
		CASE(old_ones_are_deleted_in_steps),
		CASE(tells_how_much_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
