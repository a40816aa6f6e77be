/*
 * Random histories. The same facts in another order, cut into other batches and sent by three
 * instances, partly twice, must leave the same database; after every flush the rollups equal the
 * rows; and what each order ends with equals a model that is written here without any SQL. Payouts that
 * are made and cancelled in between change nothing of what is earned.
 *
 * ATTRIB_SEED repeats a run, ATTRIB_ROUNDS makes it longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "shop.h"

#define ORDERS  30
#define FACTS   160
#define SOURCES 2

enum fact_kind { FACT_ORDER, FACT_REFUND, FACT_CANCEL, FACT_LINK };
struct fact {
	enum fact_kind kind;
	int order; /* index of the order */
	struct test_order o;
	struct test_refund r;
	int at, key, key2;
	bool reversed;
};

static char order_ids[ORDERS][8], alias_ids[ORDERS][8], refund_ids[FACTS][8];
static const char *const creators[] = {"adam", "eve", "lisa", "mia", "tom"};
static const char *const sources[SOURCES] = {"shopify", "stripe"};

static int below(int n)
{
	return rand() % n;
}

static struct test_order random_order(int order, uint64_t ticket)
{
	struct test_order o = {.id = order_ids[order],
		.alias = alias_ids[order],
		.ticket = ticket,
		.gross = below(5) ? below(20000) : 0,
		.at = 1000 + below(3000),
		.key = below(4) ? 1 + below(8) : 0,
		.key2 = below(6) ? 0 : 9 + below(4),
		.status = below(8) ? ATTRIB_STATUS_PAID : ATTRIB_STATUS_PENDING};
	int n = below(5);

	o.total = o.gross + below(3) * 333;
	for (int i = 0; i < n; i++)
		o.credits[i] = (struct test_credit){.creator = creators[below(5)],
			.campaign = below(2) ? "spring" : NULL,
			.channel = ATTRIB_CHANNEL_LINK + below(4)};
	return o;
}

static struct test_refund random_refund(int order, int i)
{
	int source = below(SOURCES);

	return (struct test_refund){.order = below(3) ? order_ids[order] : alias_ids[order],
		.id = refund_ids[below(3) ? i : order], /* some have several words */
		.event = refund_ids[i],
		.amount = below(9000),
		.at = 5000 + i,
		.source = sources[source],
		.cumulative = source == 1,
		.voided = !below(8)};
}

static void make_facts(struct fact *facts)
{
	for (int i = 0; i < FACTS; i++) {
		struct fact *f = &facts[i];
		int kind = below(10);

		snprintf(refund_ids[i], sizeof refund_ids[i], "r%d", i);
		*f = (struct fact){.order = i < ORDERS ? i : below(ORDERS), .at = 6000 + i};
		f->kind = i < ORDERS || kind < 3 ? FACT_ORDER
			  : kind < 8             ? FACT_REFUND
			  : kind < 9             ? FACT_CANCEL
						 : FACT_LINK;
		if (f->kind == FACT_ORDER)
			f->o = random_order(f->order, (uint64_t)i + 1);
		f->r = random_refund(f->order, i);
		f->key = 1 + below(12);
		f->key2 = 1 + below(12);
		f->reversed = below(2);
	}
}

static void put(struct shop *shop, const struct fact *f)
{
	switch (f->kind) {
	case FACT_ORDER:
		shop_order(shop, f->o);
		break;
	case FACT_REFUND:
		shop_refund(shop, f->r);
		break;
	case FACT_CANCEL:
		shop_cancel(shop, order_ids[f->order], f->at, f->reversed);
		break;
	case FACT_LINK:
		shop_link(shop, f->key, f->key2);
		break;
	}
}

/* Decisions of one order inside one batch: the engine puts the newest last. */
static bool order_in_batch(const struct fact *facts, const int *batch, int n, const struct fact *f)
{
	for (int i = 0; i < n; i++) {
		if (f->kind == FACT_ORDER && facts[batch[i]].kind == FACT_ORDER &&
			facts[batch[i]].order == f->order)
			return true;
	}
	return false;
}

/* Some are paid, some are taken back. */
static void pay_some(struct test_pg *pg)
{
	test_pg_run(pg, "SELECT attrib.payout_create_v1('acme', %s, NULL, %d)",
		below(3) ? "NULL" : "'lisa'", below(20));
	if (!below(3))
		test_pg_run(pg, "SELECT attrib.payout_cancel_v1('acme', id) FROM (SELECT id FROM "
				"attrib.payout"
				" WHERE state = 'open' ORDER BY id DESC LIMIT 1) p");
	if (!below(3))
		test_pg_run(pg,
			"SELECT attrib.payout_paid_v1('acme', id, 'r', NULL) FROM attrib.payout"
			" WHERE state = 'open'");
}

static void play(const struct fact *facts, struct test_pg *pg, bool shuffle)
{
	struct shop shops[3];
	int order[FACTS + 40], batch[FACTS + 40], n = 0, size = 0;

	for (int i = 0; i < 3; i++)
		shop_init(&shops[i], pg, i + 1);
	for (int i = 0; i < FACTS; i++)
		order[n++] = i;
	for (int i = 0; shuffle && i < 40; i++)
		order[n++] = below(FACTS); /* repeats */
	for (int i = n - 1; shuffle && i > 0; i--) {
		int j = below(i + 1), t = order[i];

		order[i] = order[j];
		order[j] = t;
	}
	for (int i = 0; i < n; i++) {
		struct shop *shop = &shops[shuffle ? below(3) : 0];

		batch[size++] = order[i];
		if (i + 1 < n && below(12) &&
			!order_in_batch(facts, batch, size, &facts[order[i + 1]]))
			continue;
		for (int j = 0; j < size; j++)
			put(shop, &facts[batch[j]]);
		shop_flush(shop);
		if (shuffle && !below(4))
			pay_some(pg);
		size = 0;
	}
	for (int i = 0; i < 3; i++)
		shop_done(&shops[i]);
}

static bool same_refund(const struct fact *a, const struct fact *b)
{
	return a->kind == FACT_REFUND && b->kind == FACT_REFUND && a->order == b->order &&
	       strcmp(a->r.source, b->r.source) == 0 && strcmp(a->r.id, b->r.id) == 0;
}

/* The latest word of a refund that no word takes back. */
static bool refund_counts(const struct fact *facts, int i)
{
	for (int j = 0; j < FACTS; j++) {
		if (same_refund(&facts[i], &facts[j]) && (facts[j].r.voided || j > i))
			return false; /* at grows with i */
	}
	return facts[i].kind == FACT_REFUND;
}

/* The model: what is refunded of an order by the rules, computed the plain way. */
static int64_t model_refunded(
	const struct fact *facts, int order, const struct test_order *o, bool *cancelled)
{
	int64_t sum = 0, highest = 0;
	int last = -1;

	for (int i = 0; i < FACTS; i++) {
		const struct fact *f = &facts[i];

		if (f->order != order)
			continue;
		if (f->kind == FACT_CANCEL)
			last = i; /* at grows with i */
		if (!refund_counts(facts, i))
			continue;
		if (f->r.cumulative)
			highest = f->r.amount > highest ? f->r.amount : highest;
		else
			sum += f->r.amount;
	}
	*cancelled = last >= 0 && !facts[last].reversed;
	highest = sum > highest ? sum : highest;
	if (*cancelled || (highest >= o->total && highest > 0 && o->total > 0))
		return o->gross;
	return highest > 0 && o->total > 0 ? (2 * highest * o->gross + o->total) / (2 * o->total)
					   : 0;
}

static void compare_with_model(const struct fact *facts, struct test_pg *pg)
{
	for (int order = 0; order < ORDERS; order++) {
		const struct test_order *o = NULL;
		char expected[96];
		bool cancelled;

		for (int i = 0; i < FACTS; i++) {
			if (facts[i].kind == FACT_ORDER && facts[i].order == order)
				o = &facts[i].o; /* the highest ticket is the last */
		}
		snprintf(expected, sizeof expected, "%lld|%lld", (long long)o->gross,
			(long long)model_refunded(facts, order, o, &cancelled));
		snprintf(expected + strlen(expected), 8, "|%c", cancelled ? 't' : 'f');
		assert_string_equal(expected, test_pg_text(pg,
						      "SELECT gross, refunded, cancelled FROM "
						      "attrib.conversion WHERE order_id = '%s'",
						      order_ids[order]));
	}
}

static char *dump(struct test_pg *pg)
{
	static const char *const questions[] = {
		"SELECT * FROM attrib.conversion_status ORDER BY order_id",
		"SELECT * FROM attrib.order_credit ORDER BY 3, 4, touched_at, channel, share",
		"SELECT * FROM attrib.path_step ORDER BY order_id, step",
		"SELECT * FROM attrib.roi ORDER BY site, campaign, creator, model, row_kind",
		"SELECT * FROM attrib.double_count",
		"SELECT * FROM attrib.double_count_by_creator ORDER BY creator",
		"SELECT * FROM attrib.overlap_creators ORDER BY creator_a, creator_b",
		"SELECT * FROM attrib.overlap_channels ORDER BY channel_a, channel_b",
		"SELECT * FROM attrib.adjustment",
		("SELECT order_id, creator, campaign, rule, basis, commission, hold_until FROM"
		 " attrib.commission_status WHERE commission <> 0 ORDER BY 1, 2, 3, 4"),
	};
	char *all = strdup("");

	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		const char *answer = test_pg_text(pg, "%s", questions[i]);
		char *more;

		assert_int_not_equal(asprintf(&more, "%s\n%s", all, answer), -1);
		free(all);
		all = more;
	}
	return all;
}

static void check_overlap(struct test_pg *pg)
{
	assert_string_equal("",
		test_pg_text(pg,
			"SELECT d.*, c.* FROM attrib.double_count d JOIN (SELECT site, currency,"
			" sum(claims) AS claims, sum(claimed_revenue) AS revenue,"
			" sum(overstated_orders) AS orders, sum(overstated_revenue) AS overstated"
			" FROM attrib.double_count_by_creator GROUP BY 1, 2) c USING (site, "
			"currency)"
			" WHERE (d.claims, d.claimed_revenue, d.avoided_claims, d.avoided_revenue)"
			" <> (c.claims, c.revenue, c.orders, c.overstated)"));
	assert_string_equal(
		"", test_pg_text(pg, "SELECT * FROM attrib.overlap_creators"
				     " WHERE orders <> credited_a + credited_b + credited_neither"
				     " OR gross <> credited_a_gross + credited_b_gross + "
				     "credited_neither_gross"));
}

static void make_rules(struct test_pg *pg)
{
	test_pg_run(pg,
		"INSERT INTO attrib.commission_rule (site, campaign, creator, kind, rate, amount,"
		" currency, cap, hold_days) VALUES"
		" ('acme', '', '', 'percent', 0.075, NULL, '', NULL, 0),"
		" ('acme', '', '', 'per_new_customer', NULL, 3, 'EUR', NULL, 0),"
		" ('acme', '', 'lisa', 'percent', 0.1, NULL, 'EUR', 12.34, 0),"
		" ('acme', 'spring', 'mia', 'per_order', NULL, 5, 'EUR', NULL, 0)");
}

/* What each creator earns, from the rows and the rules of make_rules, said another way. */
static void check_commissions(struct test_pg *pg)
{
	assert_string_equal("",
		test_pg_text(pg,
			"WITH sold AS (SELECT k.creator, k.campaign, k.gross, k.net, s.status,"
			" s.customer_kind = 'new' AS new FROM attrib.order_credit k"
			" JOIN attrib.conversion_status s USING (site, kind, order_id)"
			" WHERE k.model = 'policy' AND k.share = 1 AND k.creator IS NOT NULL"
			" AND s.status <> 'pending'),"
			" expected AS (SELECT creator, sum(CASE WHEN status = 'cancelled' THEN 0"
			" WHEN creator = 'lisa' THEN least(round(net / 10, 2), 12.34)"
			" WHEN creator = 'mia' AND campaign = 'spring'"
			"  THEN CASE WHEN gross = 0 THEN 5 ELSE round(5 * net / gross, 2) END"
			" ELSE round(net * 75 / 1000, 2) + CASE WHEN NOT new THEN 0"
			"  WHEN gross = 0 THEN 3 ELSE round(3 * net / gross, 2) END END) AS earned"
			" FROM sold GROUP BY 1)"
			" SELECT e.*, c.* FROM expected e FULL JOIN (SELECT creator,"
			" sum(commission) AS earned FROM attrib.statement WHERE row_kind = 'line'"
			" GROUP BY 1) c USING (creator) WHERE coalesce(e.earned, 0) <> "
			"coalesce(c.earned, 0)"));
	assert_string_not_equal(
		"0", test_pg_text(pg, "SELECT count(*) FROM attrib.commission WHERE earned > 0"));
}

static void round_of(unsigned seed)
{
	struct fact facts[FACTS];
	struct test_pg plain, shuffled;
	char *a, *b;

	print_message("seed %u\n", seed);
	srand(seed);
	make_facts(facts);
	test_pg_init(&plain, true);
	test_pg_init(&shuffled, true);
	shop_site(&plain, seed % 2 ? "complete" : "partial");
	shop_site(&shuffled, seed % 2 ? "complete" : "partial");
	make_rules(&plain);
	make_rules(&shuffled);
	play(facts, &plain, false);
	play(facts, &shuffled, true);
	check_commissions(&plain);
	check_commissions(&shuffled);
	compare_with_model(facts, &plain);
	check_overlap(&plain);
	a = dump(&plain);
	b = dump(&shuffled);
	assert_string_equal(a, b);
	assert_true(strlen(a) > 5000);
	free(a);
	free(b);
	test_pg_done(&plain);
	test_pg_done(&shuffled);
}

static void order_and_batches_change_nothing(void **state)
{
	(void)state;
	const char *seed = getenv("ATTRIB_SEED"), *rounds = getenv("ATTRIB_ROUNDS");
	unsigned first = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);

	for (int i = 0; i < ORDERS; i++) {
		snprintf(order_ids[i], sizeof order_ids[i], "o%d", i);
		snprintf(alias_ids[i], sizeof alias_ids[i], "pi%d", i);
	}
	for (int i = 0; i < (rounds ? atoi(rounds) : 4); i++)
		round_of(first + (unsigned)i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_and_batches_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
