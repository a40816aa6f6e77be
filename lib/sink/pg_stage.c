/*
 * Staging: each kind of row of a batch has one writer here, and each writer one COPY. The columns
 * are those of schema/functions/stage_v1.sql, in that order.
 */
#include "pg_stage.h"

#include <string.h>

#include "pg_copy.h"

typedef void (*write_rows)(struct pg_copy *copy, const struct attrib_batch_view *batch);

static void put_key(struct pg_copy *copy, const struct attrib_decision *d)
{
	pg_copy_text(copy, d->site);
	pg_copy_int(copy, d->kind);
	pg_copy_text(copy, d->order_id);
}

static void put_decision(struct pg_copy *copy, const struct attrib_decision *d)
{
	put_key(copy, d);
	pg_copy_text(copy, d->merged_into);
	pg_copy_int(copy, (int64_t)d->ticket);
	pg_copy_int(copy, d->status);
	pg_copy_text(copy, attrib_str_of(attrib_reason_text(d->reason)));
	pg_copy_bool(copy, d->counted && !d->merged_into.n);
	pg_copy_bool(copy, d->late);
	pg_copy_bool(copy, d->signed_source);
	pg_copy_text(copy, attrib_str_of(d->currency));
	pg_copy_int(copy, d->exponent);
	pg_copy_int(copy, d->gross);
	pg_copy_int(copy, d->total);
	pg_copy_time(copy, d->placed_at);
	pg_copy_time(copy, d->lock_at);
	pg_copy_time(copy, d->counted_at);
	pg_copy_time(copy, d->first_received_at);
	pg_copy_text(copy, d->order_kind);
	pg_copy_text(copy, d->order_source);
	pg_copy_text(copy, d->source);
	pg_copy_text(copy, attrib_str_of(attrib_rule_text(d->rule)));
	pg_copy_text(copy, d->code);
	pg_copy_text(copy, attrib_str_of(attrib_code_rule_name(d->code_rule)));
	pg_copy_int(copy, d->policy_version);
	pg_copy_int(copy, (int64_t)d->catalog_version);
	pg_copy_bool(copy, d->key_count > 0);
	pg_copy_row(copy);
}

static void write_decisions(struct pg_copy *copy, const struct attrib_batch_view *batch)
{
	for (size_t i = 0; i < batch->decision_count; i++)
		put_decision(copy, batch->decisions[i]);
}

static void put_step(struct pg_copy *copy, const struct attrib_decision *d, size_t index)
{
	const struct attrib_step *s = &d->steps[index];

	put_key(copy, d);
	pg_copy_int(copy, (int64_t)index + 1);
	pg_copy_int(copy, s->channel);
	pg_copy_text(copy, s->key);
	pg_copy_text(copy, s->folded);
	pg_copy_text(copy, s->creator);
	pg_copy_text(copy, s->campaign);
	pg_copy_text(copy, s->placement);
	pg_copy_text(copy, s->tracker);
	pg_copy_time(copy, s->occurred_at);
	pg_copy_time(copy, s->window_ends_at);
	pg_copy_bool(copy, s->eligible);
	pg_copy_bool(copy, s->by_click_id);
	pg_copy_bool(copy, s->view);
	pg_copy_text(copy, attrib_str_of(attrib_reason_text(s->reason)));
	if (s->credit >= 0)
		pg_copy_int(copy, s->credit + 1);
	else
		pg_copy_null(copy);
	pg_copy_text(copy, s->event_id);
	pg_copy_int(copy, s->flags);
	pg_copy_int(copy, s->discount);
	pg_copy_row(copy);
}

static void write_steps(struct pg_copy *copy, const struct attrib_batch_view *batch)
{
	for (size_t i = 0; i < batch->decision_count; i++) {
		for (size_t j = 0; j < batch->decisions[i]->step_count; j++)
			put_step(copy, batch->decisions[i], j);
	}
}

static void put_credit(struct pg_copy *copy, const struct attrib_decision *d, size_t index)
{
	const struct attrib_credit *c = &d->credits[index];

	put_key(copy, d);
	pg_copy_int(copy, (int64_t)index + 1);
	pg_copy_int(copy, c->channel);
	pg_copy_text(copy, c->creator);
	pg_copy_text(copy, c->campaign);
	pg_copy_text(copy, c->placement);
	pg_copy_text(copy, c->tracker);
	pg_copy_time(copy, c->touched_at);
	pg_copy_ints(copy, c->share, ATTRIB_MODEL_COUNT);
	pg_copy_ints(copy, c->amount, ATTRIB_MODEL_COUNT);
	pg_copy_row(copy);
}

static void write_credits(struct pg_copy *copy, const struct attrib_batch_view *batch)
{
	for (size_t i = 0; i < batch->decision_count; i++) {
		for (size_t j = 0; j < batch->decisions[i]->credit_count; j++)
			put_credit(copy, batch->decisions[i], j);
	}
}

static void write_aliases(struct pg_copy *copy, const struct attrib_batch_view *batch)
{
	for (size_t i = 0; i < batch->decision_count; i++) {
		const struct attrib_decision *d = batch->decisions[i];

		for (size_t j = 0; j < d->alias_count && d->kind == ATTRIB_CONVERSION_ORDER; j++) {
			pg_copy_text(copy, d->site);
			pg_copy_text(copy, d->order_id);
			pg_copy_text(copy, d->aliases[j].kind);
			pg_copy_text(copy, d->aliases[j].value);
			pg_copy_bool(copy, d->aliases[j].conflict);
			pg_copy_row(copy);
		}
	}
}

static void write_refunds(struct pg_copy *copy, const struct attrib_batch_view *batch)
{
	for (size_t i = 0; i < batch->refund_count; i++) {
		const struct attrib_refund_fact *r = &batch->refunds[i];

		pg_copy_text(copy, r->site);
		pg_copy_text(copy, r->order_id);
		pg_copy_text(copy, r->source);
		pg_copy_text(copy, r->refund_id);
		pg_copy_text(copy, r->event_id);
		pg_copy_text_or_null(copy, attrib_str_of(r->currency));
		pg_copy_int(copy, r->amount);
		pg_copy_int(copy, r->tax);
		pg_copy_int(copy, r->shipping);
		pg_copy_bool(copy, r->has_parts);
		pg_copy_bool(copy, r->cumulative);
		pg_copy_bool(copy, r->voided);
		pg_copy_time(copy, r->occurred_at);
		pg_copy_time(copy, r->received_at);
		pg_copy_row(copy);
	}
}

static void write_cancels(struct pg_copy *copy, const struct attrib_batch_view *batch)
{
	for (size_t i = 0; i < batch->cancel_count; i++) {
		const struct attrib_cancel_fact *c = &batch->cancels[i];

		pg_copy_text(copy, c->site);
		pg_copy_text(copy, c->order_id);
		pg_copy_text(copy, c->event_id);
		pg_copy_text(copy, c->source);
		pg_copy_bool(copy, c->reversed);
		pg_copy_time(copy, c->occurred_at);
		pg_copy_time(copy, c->received_at);
		pg_copy_row(copy);
	}
}

static void put_keys(struct pg_copy *copy, int64_t set, struct attrib_str site,
	struct attrib_str order_id, const struct attrib_customer_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pg_copy_int(copy, set);
		pg_copy_text(copy, site);
		pg_copy_text_or_null(copy, order_id);
		pg_copy_int(copy, keys[i].kind);
		pg_copy_id(copy, &keys[i].id);
		pg_copy_row(copy);
	}
}

/* Leads are in no ledger: their keys only say who belongs together. */
static void write_keys(struct pg_copy *copy, const struct attrib_batch_view *batch)
{
	int64_t set = 0;

	for (size_t i = 0; i < batch->decision_count; i++) {
		const struct attrib_decision *d = batch->decisions[i];
		bool ledger = d->kind == ATTRIB_CONVERSION_ORDER && !d->merged_into.n;

		put_keys(copy, ++set, d->site, ledger ? d->order_id : ATTRIB_STR_NONE, d->keys,
			d->key_count);
	}
	for (size_t i = 0; i < batch->link_count; i++)
		put_keys(copy, ++set, batch->links[i].site, ATTRIB_STR_NONE, batch->links[i].keys,
			batch->links[i].count);
}

static void write_traffic(struct pg_copy *copy, const struct attrib_batch_view *batch)
{
	for (size_t i = 0; i < batch->traffic_count; i++) {
		const struct attrib_traffic *t = batch->traffic[i];

		pg_copy_text(copy, t->site);
		pg_copy_time(copy, t->bucket_at);
		pg_copy_int(copy, t->channel);
		pg_copy_text(copy, t->key);
		pg_copy_int(copy, t->type);
		pg_copy_int(copy, t->verdicts);
		pg_copy_int(copy, t->count);
		pg_copy_int(copy, t->uniques);
		pg_copy_row(copy);
	}
}

/* A sketch as PostgreSQL's bit string, up to the last rank that has a bit. */
static void put_marks(struct pg_copy *copy, const struct attrib_mark *marks)
{
	uint8_t bits[ATTRIB_SKETCH_BITS / 8] = {0};
	char text[1 + 2 * sizeof bits] = {'X'};
	size_t end = 0; /* bytes */

	for (; marks; marks = marks->next) {
		size_t rank_end = (marks->bit / ATTRIB_SKETCH_SLOTS + 1) * ATTRIB_SKETCH_SLOTS / 8;

		bits[marks->bit / 8] |= (uint8_t)(0x80 >> marks->bit % 8);
		end = rank_end > end ? rank_end : end;
	}
	attrib_hex(bits, end, text + 1);
	pg_copy_text(copy, (struct attrib_str){text, 1 + 2 * end});
}

static void write_visitors(struct pg_copy *copy, const struct attrib_batch_view *batch)
{
	for (size_t i = 0; i < batch->traffic_count; i++) {
		const struct attrib_traffic *t = batch->traffic[i];

		if (!t->marks)
			continue;
		pg_copy_text(copy, t->site);
		pg_copy_time(copy, t->bucket_at);
		pg_copy_int(copy, t->channel);
		pg_copy_text(copy, t->key);
		put_marks(copy, t->marks);
		pg_copy_row(copy);
	}
}

static size_t marked_rows(const struct attrib_batch_view *batch)
{
	size_t n = 0;

	for (size_t i = 0; i < batch->traffic_count; i++)
		n += batch->traffic[i]->marks != NULL;
	return n;
}

static int stage(PGconn *conn, const char *table, write_rows write,
	const struct attrib_batch_view *batch, struct attrib_sink_error *error)
{
	struct pg_copy copy;
	int err = pg_copy_begin(&copy, conn, table, error);

	if (err)
		return err;
	write(&copy, batch);
	return pg_copy_end(&copy, error);
}

#define STAGE_KINDS 9
struct stage_kind {
	const char *table;
	write_rows write;
	size_t n; /* 0 = there is nothing to write */
};

static void find_kinds(const struct attrib_batch_view *batch, struct stage_kind kinds[STAGE_KINDS])
{
	const struct stage_kind all[STAGE_KINDS] = {
		{"stage_decision", write_decisions, batch->decision_count},
		{"stage_step", write_steps, batch->decision_count},
		{"stage_credit", write_credits, batch->decision_count},
		{"stage_alias", write_aliases, batch->decision_count},
		{"stage_refund", write_refunds, batch->refund_count},
		{"stage_cancel", write_cancels, batch->cancel_count},
		{"stage_key", write_keys, batch->decision_count + batch->link_count},
		{"stage_traffic", write_traffic, batch->traffic_count},
		{"stage_visitor", write_visitors, marked_rows(batch)},
	};

	memcpy(kinds, all, sizeof all);
}

int pg_stage_batch(
	PGconn *conn, const struct attrib_batch_view *batch, struct attrib_sink_error *error)
{
	struct stage_kind kinds[STAGE_KINDS];
	int err = 0;

	find_kinds(batch, kinds);
	for (size_t i = 0; i < STAGE_KINDS && !err; i++) {
		if (kinds[i].n)
			err = stage(conn, kinds[i].table, kinds[i].write, batch, error);
	}
	return err;
}

int pg_stage_capture(const struct attrib_batch_view *batch, pg_stage_take take, void *arg)
{
	struct stage_kind kinds[STAGE_KINDS];
	int err = 0;

	find_kinds(batch, kinds);
	for (size_t i = 0; i < STAGE_KINDS && !err; i++) {
		struct pg_copy copy;

		if (!kinds[i].n)
			continue;
		pg_copy_capture(&copy);
		kinds[i].write(&copy, batch);
		err = copy.buf.err;
		if (!err && copy.buf.n)
			take(arg, kinds[i].table, attrib_buf_view(&copy.buf));
		attrib_buf_done(&copy.buf);
	}
	return err;
}
