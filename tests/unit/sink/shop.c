/*
 * Facts for the merge, as the engine would hand them over, with as little ceremony as possible.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "attrib/money.h"
#include "shop.h"

static const struct attrib_str site = ATTRIB_STR("acme");

void shop_site(struct test_pg *pg, const char *history)
{
	test_pg_run(pg,
		"SELECT attrib.put_site_v1('acme', 'UTC', 'EUR', '%s', 1, 'direct_cost', '{}')",
		history);
	test_pg_run(pg,
		"SELECT attrib.put_forward_v1('acme', '{conversion.created,conversion.adjusted}',"
		" '2020-01-01')");
}

void shop_init(struct shop *shop, struct test_pg *pg, int instance)
{
	static const uint8_t fingerprint[32] = {7};
	struct attrib_postgres_options options = {
		.conninfo = pg->conninfo,
		.instance = {{(uint8_t)instance, 1}},
		.secret_fingerprint = fingerprint,
	};

	*shop = (struct shop){.pg = pg, .lane = {{(uint8_t)instance, 2}}};
	assert_int_equal(attrib_sink_postgres_new(&options, &shop->sink), 0);
	assert_int_equal(shop->sink->ops->attach(shop->sink, &shop->attach), 0);
	shop->batch = attrib_batch_new();
	assert_non_null(shop->batch);
}

void shop_done(struct shop *shop)
{
	assert_string_equal(test_pg_text(shop->pg, "SELECT * FROM attrib.check_adjustments()"), "");
	attrib_batch_free(shop->batch);
	shop->sink->ops->free(shop->sink);
}

int64_t shop_at(int minutes)
{
	return INT64_C(1793491200) * ATTRIB_US_PER_S + minutes * ATTRIB_US_PER_MIN;
}

/* Policy, last_touch, position: the last or first alone; the others evenly. */
static void split(struct attrib_credit *credits, size_t n, int64_t whole, bool money)
{
	uint64_t weights[TEST_CREDITS_MAX];
	int64_t parts[TEST_CREDITS_MAX];

	for (int model = 0; model < ATTRIB_MODEL_COUNT; model++) {
		for (size_t i = 0; i < n; i++) {
			bool even =
				model == ATTRIB_MODEL_LINEAR || model == ATTRIB_MODEL_TIME_DECAY;

			weights[i] = even                               ? 1
				     : model == ATTRIB_MODEL_LAST_TOUCH ? i + 1 == n
									: i == 0;
		}
		assert_int_equal(attrib_money_split(whole, weights, n, parts), 0);
		for (size_t i = 0; i < n; i++)
			*(money ? &credits[i].amount[model] : &credits[i].share[model]) = parts[i];
	}
}

static size_t make_credits(
	const struct test_order *o, struct attrib_credit *credits, struct attrib_step *steps)
{
	size_t n = 0;

	for (; n < TEST_CREDITS_MAX && o->credits[n].creator; n++) {
		const struct test_credit *c = &o->credits[n];
		enum attrib_channel channel = c->channel ? c->channel : ATTRIB_CHANNEL_LINK;
		int64_t at = shop_at(o->at - 100 + (int)n);

		credits[n] = (struct attrib_credit){.channel = channel,
			.creator = attrib_str_of(c->creator),
			.campaign = attrib_str_of(c->campaign),
			.placement = attrib_str_of(c->placement),
			.tracker = attrib_str_of(c->tracker ? c->tracker : c->creator),
			.touched_at = at};
		steps[n] = (struct attrib_step){.channel = channel,
			.key = credits[n].tracker,
			.folded = credits[n].tracker,
			.creator = credits[n].creator,
			.campaign = credits[n].campaign,
			.placement = credits[n].placement,
			.tracker = credits[n].tracker,
			.occurred_at = at,
			.window_ends_at = at + 30 * ATTRIB_US_PER_DAY,
			.eligible = true,
			.flags = c->flags,
			.reason = ATTRIB_REASON_ELIGIBLE,
			.credit = (int)n,
			.event_id = ATTRIB_STR("e")};
	}
	return n;
}

static struct attrib_customer_key key_of(int key)
{
	struct attrib_customer_key k = {.kind = ATTRIB_KEY_EMAIL};

	memcpy(k.id.b, &key, sizeof key);
	return k;
}

void shop_order(struct shop *shop, struct test_order o)
{
	struct attrib_credit credits[TEST_CREDITS_MAX] = {0};
	struct attrib_step steps[TEST_CREDITS_MAX] = {0};
	struct attrib_customer_key keys[2] = {key_of(o.key), key_of(o.key2)};
	struct attrib_order_name alias = {.kind = ATTRIB_STR("payment_intent"),
		.value = attrib_str_of(o.alias),
		.conflict = o.alias_conflict};
	size_t n = make_credits(&o, credits, steps);
	struct attrib_decision d = {.site = site,
		.order_id = attrib_str_of(o.id),
		.kind = o.lead ? ATTRIB_CONVERSION_LEAD : ATTRIB_CONVERSION_ORDER,
		.merged_into = attrib_str_of(o.merged_into),
		.ticket = o.ticket ? o.ticket : 1,
		.status = o.status ? o.status : ATTRIB_STATUS_PAID,
		.reason = o.late ? ATTRIB_REASON_ORDER_LATE : ATTRIB_REASON_NONE,
		.late = o.late,
		.signed_source = !o.stranger,
		.exponent = 2,
		.gross = o.gross,
		.total = o.total ? o.total : o.gross,
		.placed_at = shop_at(o.at),
		.lock_at = shop_at(o.at) + 30 * ATTRIB_US_PER_DAY,
		.first_received_at = shop_at(o.received ? o.received : o.at),
		.source = attrib_str_of(o.source ? o.source : "shopify"),
		.order_kind = ATTRIB_STR("one_off"),
		.order_source = ATTRIB_STR("web"),
		.rule = n ? ATTRIB_RULE_LAST_TOUCH : ATTRIB_RULE_UNATTRIBUTED,
		.key_count = (size_t)(o.key > 0) + (o.key2 > 0),
		.keys = keys,
		.alias_count = o.alias != NULL,
		.aliases = &alias,
		.step_count = n,
		.steps = steps,
		.credits = credits};

	memcpy(d.currency, o.currency ? o.currency : "EUR", 4);
	d.counted = d.status == ATTRIB_STATUS_PAID;
	d.counted_at = d.counted ? d.placed_at : ATTRIB_NEVER;
	if (n == 0)
		credits[n++] = (struct attrib_credit){
			.channel = ATTRIB_CHANNEL_UNATTRIBUTED, .touched_at = d.placed_at};
	d.credit_count = o.merged_into ? 0 : n;
	split(credits, n, ATTRIB_SHARE_ONE, false);
	split(credits, n, o.gross, true);
	assert_int_equal(attrib_batch_put_decision(shop->batch, &d), 0);
}

void shop_refund(struct shop *shop, struct test_refund r)
{
	struct attrib_refund_fact fact = {.site = site,
		.source = attrib_str_of(r.source ? r.source : "shopify"),
		.order_id = attrib_str_of(r.order),
		.refund_id = attrib_str_of(r.id),
		.event_id = attrib_str_of(r.event ? r.event : r.id),
		.amount = r.amount,
		.tax = r.tax,
		.shipping = r.shipping,
		.has_parts = r.has_parts,
		.cumulative = r.cumulative,
		.voided = r.voided,
		.occurred_at = shop_at(r.at),
		.received_at = shop_at(r.at) + (r.undated ? 0 : ATTRIB_US_PER_S)};

	if (r.currency)
		memcpy(fact.currency, r.currency, 4);
	assert_int_equal(attrib_batch_put_refund(shop->batch, &fact), 0);
}

void shop_cancel(struct shop *shop, const char *order, int at, bool reversed)
{
	char id[32];
	struct attrib_cancel_fact fact = {.site = site,
		.source = ATTRIB_STR("shopify"),
		.order_id = attrib_str_of(order),
		.reversed = reversed,
		.occurred_at = shop_at(at),
		.received_at = shop_at(at) + ATTRIB_US_PER_S};

	snprintf(id, sizeof id, "cancel-%d-%d", at, reversed);
	fact.event_id = attrib_str_of(id);
	assert_int_equal(attrib_batch_put_cancel(shop->batch, &fact), 0);
}

void shop_link(struct shop *shop, int key, int key2)
{
	struct attrib_customer_key keys[2] = {key_of(key), key_of(key2)};
	struct attrib_customer_link link = {.site = site, .count = 2, .keys = keys};

	assert_int_equal(attrib_batch_put_link(shop->batch, &link), 0);
}

static int flush(struct shop *shop)
{
	struct attrib_batch_view view;

	attrib_batch_seal(shop->batch, &view);
	return shop->sink->ops->flush(shop->sink, &view, 1);
}

int shop_try_flush(struct shop *shop)
{
	int err;

	assert_int_equal(attrib_batch_set_position(shop->batch, &shop->lane, ++shop->number), 0);
	err = flush(shop);
	attrib_batch_reset(shop->batch);
	return err;
}

void shop_flush(struct shop *shop)
{
	if (shop_try_flush(shop))
		fail_msg("flush: %s %s", shop->sink->ops->error(shop->sink)->sqlstate,
			shop->sink->ops->error(shop->sink)->text);
	shop_check(shop);
}

void shop_flush_keep(struct shop *shop)
{
	assert_int_equal(attrib_batch_set_position(shop->batch, &shop->lane, ++shop->number), 0);
	assert_int_equal(flush(shop), 0);
	assert_int_equal(flush(shop), 0);
}

void shop_check(struct shop *shop)
{
	assert_string_equal(test_pg_text(shop->pg, "SELECT * FROM attrib.check_rollups()"), "");
	assert_string_equal(test_pg_text(shop->pg, "SELECT * FROM attrib.check_outbox()"), "");
	assert_string_equal(test_pg_text(shop->pg, "SELECT * FROM attrib.check_commissions()"), "");
}
