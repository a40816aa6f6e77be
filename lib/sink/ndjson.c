/*
 * The sink that writes one JSON object per row: tests read what the engine decided without a
 * database. What SQL does afterwards (refunds, customers, rollups) does not happen here.
 */
#include <stdio.h>
#include <stdlib.h>

#include "attrib/buf.h"
#include "attrib/sink.h"

struct ndjson_sink {
	struct attrib_sink sink;
	FILE *file; /* borrowed */
	struct attrib_buf line;
	struct attrib_sink_error error;
	uint64_t epoch;
};

static struct ndjson_sink *of(const struct attrib_sink *sink)
{
	return (struct ndjson_sink *)sink;
}

static int ndjson_attach(struct attrib_sink *sink, struct attrib_sink_attach *out)
{
	*out = (struct attrib_sink_attach){.epoch = ++of(sink)->epoch};
	return 0;
}

static void open_row(struct ndjson_sink *s, const char *row, struct attrib_str site)
{
	attrib_buf_clear(&s->line);
	attrib_buf_printf(&s->line, "{\"row\":\"%s\",\"site\":", row);
	attrib_buf_json(&s->line, site);
}

static void put_text(struct ndjson_sink *s, const char *name, struct attrib_str value)
{
	attrib_buf_printf(&s->line, ",\"%s\":", name);
	attrib_buf_json(&s->line, value);
}

static void put_int(struct ndjson_sink *s, const char *name, int64_t value)
{
	attrib_buf_printf(&s->line, ",\"%s\":%lld", name, (long long)value);
}

static void put_bool(struct ndjson_sink *s, const char *name, bool value)
{
	attrib_buf_printf(&s->line, ",\"%s\":%s", name, value ? "true" : "false");
}

static void put_ints(struct ndjson_sink *s, const char *name, const int64_t *values, size_t n)
{
	attrib_buf_printf(&s->line, ",\"%s\":", name);
	for (size_t i = 0; i < n; i++)
		attrib_buf_printf(&s->line, "%c%lld", i ? ',' : '[', (long long)values[i]);
	attrib_buf_char(&s->line, ']');
}

static void close_row(struct ndjson_sink *s)
{
	attrib_buf_str(&s->line, ATTRIB_STR("}\n"));
	if (!s->line.err)
		fwrite(s->line.p, 1, s->line.n, s->file);
}

static void write_credits(struct ndjson_sink *s, const struct attrib_decision *d)
{
	for (size_t i = 0; i < d->credit_count; i++) {
		const struct attrib_credit *c = &d->credits[i];

		open_row(s, "credit", d->site);
		put_text(s, "order_id", d->order_id);
		put_text(s, "channel", attrib_str_of(attrib_channel_name(c->channel)));
		put_text(s, "creator", c->creator);
		put_text(s, "campaign", c->campaign);
		put_text(s, "placement", c->placement);
		put_text(s, "tracker", c->tracker);
		put_int(s, "touched_at", c->touched_at);
		put_ints(s, "share", c->share, ATTRIB_MODEL_COUNT);
		put_ints(s, "amount", c->amount, ATTRIB_MODEL_COUNT);
		close_row(s);
	}
}

static void write_steps(struct ndjson_sink *s, const struct attrib_decision *d)
{
	for (size_t i = 0; i < d->step_count; i++) {
		const struct attrib_step *step = &d->steps[i];

		open_row(s, "step", d->site);
		put_text(s, "order_id", d->order_id);
		put_int(s, "step", (int64_t)i + 1);
		put_text(s, "channel", attrib_str_of(attrib_channel_name(step->channel)));
		put_text(s, "key", step->key);
		put_text(s, "creator", step->creator);
		put_int(s, "occurred_at", step->occurred_at);
		put_bool(s, "eligible", step->eligible);
		put_text(s, "reason", attrib_str_of(attrib_reason_text(step->reason)));
		close_row(s);
	}
}

static void write_decision(struct ndjson_sink *s, const struct attrib_decision *d)
{
	open_row(s, "decision", d->site);
	put_int(s, "kind", d->kind);
	put_text(s, "order_id", d->order_id);
	put_text(s, "merged_into", d->merged_into);
	put_int(s, "ticket", (int64_t)d->ticket);
	put_int(s, "status", d->status);
	put_text(s, "reason", attrib_str_of(attrib_reason_text(d->reason)));
	put_bool(s, "counted", d->counted);
	put_text(s, "currency", attrib_str_of(d->currency));
	put_int(s, "gross", d->gross);
	put_int(s, "total", d->total);
	put_int(s, "placed_at", d->placed_at);
	put_text(s, "rule", attrib_str_of(attrib_rule_text(d->rule)));
	close_row(s);
	write_steps(s, d);
	write_credits(s, d);
}

static void write_refund(struct ndjson_sink *s, const struct attrib_refund_fact *r)
{
	open_row(s, "refund", r->site);
	put_text(s, "order_id", r->order_id);
	put_text(s, "source", r->source);
	put_text(s, "refund_id", r->refund_id);
	put_int(s, "amount", r->amount);
	put_bool(s, "cumulative", r->cumulative);
	put_bool(s, "voided", r->voided);
	put_int(s, "occurred_at", r->occurred_at);
	close_row(s);
}

static void write_cancel(struct ndjson_sink *s, const struct attrib_cancel_fact *c)
{
	open_row(s, "cancel", c->site);
	put_text(s, "order_id", c->order_id);
	put_bool(s, "reversed", c->reversed);
	put_int(s, "occurred_at", c->occurred_at);
	close_row(s);
}

static void write_traffic(struct ndjson_sink *s, const struct attrib_traffic *t)
{
	open_row(s, "traffic", t->site);
	put_int(s, "bucket_at", t->bucket_at);
	put_text(s, "channel", attrib_str_of(attrib_channel_name(t->channel)));
	put_text(s, "key", t->key);
	put_text(s, "type", attrib_str_of(attrib_event_type_name(t->type)));
	put_int(s, "verdicts", t->verdicts);
	put_int(s, "count", t->count);
	put_int(s, "uniques", t->uniques);
	close_row(s);
}

static int ndjson_flush(
	struct attrib_sink *sink, const struct attrib_batch_view *batch, uint64_t catalog_version)
{
	struct ndjson_sink *s = of(sink);

	(void)catalog_version;
	for (size_t i = 0; i < batch->decision_count; i++)
		write_decision(s, batch->decisions[i]);
	for (size_t i = 0; i < batch->refund_count; i++)
		write_refund(s, &batch->refunds[i]);
	for (size_t i = 0; i < batch->cancel_count; i++)
		write_cancel(s, &batch->cancels[i]);
	for (size_t i = 0; i < batch->traffic_count; i++)
		write_traffic(s, batch->traffic[i]);
	if (s->line.err || fflush(s->file) != 0 || ferror(s->file))
		return ATTRIB_E_UNAVAILABLE;
	return 0;
}

static const struct attrib_sink_error *ndjson_error(const struct attrib_sink *sink)
{
	return &of(sink)->error;
}

static void ndjson_free(struct attrib_sink *sink)
{
	attrib_buf_done(&of(sink)->line);
	free(sink);
}

static const struct attrib_sink_ops ndjson_ops = {
	.name = "ndjson",
	.attach = ndjson_attach,
	.flush = ndjson_flush,
	.error = ndjson_error,
	.free = ndjson_free,
};

int attrib_sink_ndjson_new(void *file, struct attrib_sink **out)
{
	struct ndjson_sink *s = calloc(1, sizeof *s);

	if (!s)
		return ATTRIB_E_NOMEM;
	s->sink.ops = &ndjson_ops;
	s->file = file;
	attrib_buf_init(&s->line);
	*out = &s->sink;
	return 0;
}
