/*
 * The sink that writes one JSON object a row: tests read what the engine decided without a database.
 * A decision is one line with its steps and credits inside, because a test wants an order as a whole.
 * What SQL does afterwards (refunds, customers, rollups) does not happen here.
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

static void put_text(struct attrib_buf *line, const char *name, struct attrib_str value)
{
	attrib_buf_printf(line, "\"%s\":", name);
	attrib_buf_json(line, value);
	attrib_buf_char(line, ',');
}

static void put_time(struct attrib_buf *line, const char *name, int64_t at)
{
	char text[32];

	if (at == ATTRIB_NEVER) {
		attrib_buf_printf(line, "\"%s\":null,", name);
		return;
	}
	attrib_time_format(at, text);
	attrib_buf_printf(line, "\"%s\":\"%s\",", name, text);
}

static void put_int(struct attrib_buf *line, const char *name, int64_t value)
{
	attrib_buf_printf(line, "\"%s\":%lld,", name, (long long)value);
}

static void put_bool(struct attrib_buf *line, const char *name, bool value)
{
	attrib_buf_printf(line, "\"%s\":%s,", name, value ? "true" : "false");
}

/* Replaces the comma behind the last member. */
static void close_with(struct attrib_buf *line, char bracket)
{
	if (line->n && line->p[line->n - 1] == ',')
		line->n--;
	attrib_buf_char(line, bracket);
}

static void put_step(struct attrib_buf *line, const struct attrib_step *step)
{
	attrib_buf_char(line, '{');
	put_text(line, "channel", attrib_str_of(attrib_channel_name(step->channel)));
	put_text(line, "key", step->key);
	put_text(line, "creator", step->creator);
	put_text(line, "campaign", step->campaign);
	put_text(line, "tracker", step->tracker);
	put_time(line, "occurred_at", step->occurred_at);
	put_time(line, "window_ends_at", step->window_ends_at);
	put_bool(line, "eligible", step->eligible);
	put_int(line, "flags", step->flags);
	put_text(line, "reason", attrib_str_of(attrib_reason_text(step->reason)));
	put_text(line, "event_id", step->event_id);
	attrib_buf_printf(line, "\"credit\":%d},", step->credit);
}

static void put_amounts(
	struct attrib_buf *line, const char *name, const int64_t values[ATTRIB_MODEL_COUNT])
{
	attrib_buf_printf(line, "\"%s\":[", name);
	for (size_t i = 0; i < ATTRIB_MODEL_COUNT; i++)
		attrib_buf_printf(line, "%lld,", (long long)values[i]);
	close_with(line, ']');
	attrib_buf_char(line, ',');
}

static void put_credit(struct attrib_buf *line, const struct attrib_credit *credit)
{
	attrib_buf_char(line, '{');
	put_text(line, "channel", attrib_str_of(attrib_channel_name(credit->channel)));
	put_text(line, "creator", credit->creator);
	put_text(line, "campaign", credit->campaign);
	put_text(line, "placement", credit->placement);
	put_text(line, "tracker", credit->tracker);
	put_time(line, "touched_at", credit->touched_at);
	put_amounts(line, "share", credit->share);
	put_amounts(line, "amount", credit->amount);
	close_with(line, '}');
	attrib_buf_char(line, ',');
}

static struct attrib_str status_name(enum attrib_base_status status)
{
	switch (status) {
	case ATTRIB_STATUS_PROVISIONAL:
		return ATTRIB_STR("provisional");
	case ATTRIB_STATUS_PENDING:
		return ATTRIB_STR("pending");
	case ATTRIB_STATUS_PAID:
		return ATTRIB_STR("paid");
	case ATTRIB_STATUS_EXCLUDED:
		break;
	}
	return ATTRIB_STR("excluded");
}

static void put_head(struct attrib_buf *line, const struct attrib_decision *d)
{
	put_text(line, "site", d->site);
	put_text(line, "kind",
		d->kind == ATTRIB_CONVERSION_LEAD ? ATTRIB_STR("lead") : ATTRIB_STR("order"));
	put_text(line, "order_id", d->order_id);
	put_text(line, "merged_into", d->merged_into);
	put_text(line, "status", status_name(d->status));
	put_text(line, "reason", attrib_str_of(attrib_reason_text(d->reason)));
	put_bool(line, "counted", d->counted);
	put_bool(line, "late", d->late);
	put_text(line, "currency", attrib_str_of(d->currency));
	put_int(line, "gross", d->gross);
	put_int(line, "total", d->total);
	put_time(line, "placed_at", d->placed_at);
	put_time(line, "counted_at", d->counted_at);
	put_text(line, "rule", attrib_str_of(attrib_rule_text(d->rule)));
	put_int(line, "policy_version", d->policy_version);
}

static void put_decision(struct attrib_buf *line, const struct attrib_decision *d)
{
	put_head(line, d);
	attrib_buf_str(line, ATTRIB_STR("\"steps\":["));
	for (size_t i = 0; i < d->step_count; i++)
		put_step(line, &d->steps[i]);
	close_with(line, ']');
	attrib_buf_str(line, ATTRIB_STR(",\"credits\":["));
	for (size_t i = 0; i < d->credit_count; i++)
		put_credit(line, &d->credits[i]);
	close_with(line, ']');
}

static void put_refund(struct attrib_buf *line, const struct attrib_refund_fact *r)
{
	put_text(line, "site", r->site);
	put_text(line, "kind", ATTRIB_STR("refund"));
	put_text(line, "order_id", r->order_id);
	put_text(line, "source", r->source);
	put_text(line, "refund_id", r->refund_id);
	put_int(line, "amount", r->amount);
	put_bool(line, "cumulative", r->cumulative);
	put_bool(line, "voided", r->voided);
	put_time(line, "occurred_at", r->occurred_at);
}

static void put_cancel(struct attrib_buf *line, const struct attrib_cancel_fact *c)
{
	put_text(line, "site", c->site);
	put_text(line, "kind", ATTRIB_STR("cancel"));
	put_text(line, "order_id", c->order_id);
	put_bool(line, "reversed", c->reversed);
	put_time(line, "occurred_at", c->occurred_at);
}

static void put_traffic(struct attrib_buf *line, const struct attrib_traffic *t)
{
	put_text(line, "site", t->site);
	put_text(line, "kind", ATTRIB_STR("traffic"));
	put_time(line, "bucket_at", t->bucket_at);
	put_text(line, "channel", attrib_str_of(attrib_channel_name(t->channel)));
	put_text(line, "key", t->key);
	put_text(line, "type", attrib_str_of(attrib_event_type_name(t->type)));
	put_int(line, "verdicts", t->verdicts);
	put_int(line, "count", t->count);
	put_int(line, "uniques", t->uniques);
}

static struct attrib_buf *open_row(struct ndjson_sink *s)
{
	attrib_buf_clear(&s->line);
	attrib_buf_char(&s->line, '{');
	return &s->line;
}

static void close_row(struct ndjson_sink *s)
{
	close_with(&s->line, '}');
	attrib_buf_char(&s->line, '\n');
	if (!s->line.err)
		fwrite(s->line.p, 1, s->line.n, s->file);
}

static int ndjson_flush(
	struct attrib_sink *sink, const struct attrib_batch_view *batch, uint64_t catalog_version)
{
	struct ndjson_sink *s = of(sink);

	(void)catalog_version;
	for (size_t i = 0; i < batch->decision_count; i++, close_row(s))
		put_decision(open_row(s), batch->decisions[i]);
	for (size_t i = 0; i < batch->refund_count; i++, close_row(s))
		put_refund(open_row(s), &batch->refunds[i]);
	for (size_t i = 0; i < batch->cancel_count; i++, close_row(s))
		put_cancel(open_row(s), &batch->cancels[i]);
	for (size_t i = 0; i < batch->traffic_count; i++, close_row(s))
		put_traffic(open_row(s), batch->traffic[i]);
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
