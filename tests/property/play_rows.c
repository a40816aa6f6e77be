/*
 * One line per decision, with its steps and credits inside: a test wants an order as a whole.
 */
#include "play.h"

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
	put_bool(line, "suspect", step->suspect);
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
	attrib_buf_printf(
		line, "\"gross\":%lld,\"total\":%lld,", (long long)d->gross, (long long)d->total);
	put_time(line, "placed_at", d->placed_at);
	put_time(line, "counted_at", d->counted_at);
	put_text(line, "rule", attrib_str_of(attrib_rule_text(d->rule)));
}

void play_rows(const struct attrib_batch_view *batch, struct attrib_buf *line, FILE *out)
{
	for (size_t i = 0; i < batch->decision_count; i++) {
		const struct attrib_decision *d = batch->decisions[i];
		attrib_buf_clear(line);
		attrib_buf_char(line, '{');
		put_head(line, d);
		attrib_buf_str(line, ATTRIB_STR("\"steps\":["));
		for (size_t k = 0; k < d->step_count; k++)
			put_step(line, &d->steps[k]);
		close_with(line, ']');
		attrib_buf_str(line, ATTRIB_STR(",\"credits\":["));
		for (size_t k = 0; k < d->credit_count; k++)
			put_credit(line, &d->credits[k]);
		close_with(line, ']');
		attrib_buf_str(line, ATTRIB_STR("}\n"));
		fwrite(line->p, 1, line->n, out);
	}
}
