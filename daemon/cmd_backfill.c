/*
 * Orders of an export that were not heard, told to the running daemon as its site's own server would tell
 * them: native events with the write key. Whatever repeats them, and whatever the shop's system says of
 * them later, counts once; their ids are made of what they say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attrib/money.h"
#include "cmd.h"
#include "cmd_ask.h"
#include "cmd_reconcile.h"

#define BATCH_EVENTS 200
#define BATCH_BYTES  ((size_t)256 * 1024)
#define TRIES        60       /* a second apart, while the daemon sheds */
#define REFUND_ID    "export" /* of all that an export says was refunded of an order */

struct batch {
	struct cmd_backfill *backfill;
	struct attrib_buf events; /* a JSON array without its end */
	size_t n;
	uint64_t lines[BATCH_EVENTS + 4]; /* of the events */
};

void cmd_backfill_add(struct cmd_backfill *backfill, const struct attrib_export_due *due)
{
	size_t cap = backfill->cap ? 2 * backfill->cap : 64;
	struct attrib_export_due *list = backfill->list;

	if (backfill->n == backfill->cap) {
		list = realloc(backfill->list, cap * sizeof *list);
		if (!list) {
			backfill->failed = true;
			return;
		}
		backfill->list = list;
		backfill->cap = cap;
	}
	list += backfill->n++;
	*list = *due;
	list->known_as = *due->known_as ? strdup(due->known_as) : NULL;
	if (*due->known_as && !list->known_as)
		backfill->failed = true;
}

void cmd_backfill_done(struct cmd_backfill *backfill)
{
	for (size_t i = 0; i < backfill->n; i++)
		free((char *)backfill->list[i].known_as);
	free(backfill->list);
}

/* -- JSON ------------------------------------------------------------------------------------------- */

static void put_text(struct attrib_buf *out, const char *name, struct attrib_str value)
{
	if (value.n == 0)
		return;
	attrib_buf_printf(out, ",\"%s\":", name);
	attrib_buf_json(out, value);
}

static void put_amount(struct attrib_buf *out, const char *name, int64_t amount, int exponent)
{
	char text[32];

	attrib_money_format(amount, exponent, text);
	put_text(out, name, attrib_str_of(text));
}

static void put_time(struct attrib_buf *out, const char *name, int64_t at)
{
	char text[32];

	if (at == ATTRIB_NEVER)
		return;
	attrib_time_format(at, text);
	put_text(out, name, attrib_str_of(text));
}

static void put_codes(struct attrib_buf *out, struct attrib_str codes)
{
	const char *separator = "";

	attrib_buf_str(out, ATTRIB_STR(",\"codes\":["));
	while (codes.n) {
		struct attrib_str code = attrib_str_trim(attrib_str_split(codes, ',', &codes));
		if (code.n == 0)
			continue;
		attrib_buf_str(out, attrib_str_of(separator));
		attrib_buf_json(out, code);
		separator = ",";
	}
	attrib_buf_char(out, ']');
}

static void put_amounts(
	struct attrib_buf *out, const struct attrib_export_order *order, int64_t total)
{
	put_text(out, "currency", attrib_str_of(order->currency));
	put_amount(out, "total", total, order->exponent);
	if (order->has_tax)
		put_amount(out, "tax", order->tax, order->exponent);
	if (order->has_shipping)
		put_amount(out, "shipping", order->shipping, order->exponent);
	if (order->has_discount)
		put_amount(out, "discount", order->discount, order->exponent);
}

/* A cancelled order was paid when the list says so; a cancel follows it. */
static bool was_paid(const struct attrib_export_order *order)
{
	return order->status == ATTRIB_EXPORT_PAID ||
	       (order->status == ATTRIB_EXPORT_CANCELLED && order->paid_at != ATTRIB_NEVER);
}

static void begin_event(struct batch *batch, const char *type, uint64_t line)
{
	attrib_buf_printf(&batch->events, "%c{\"type\":\"%s\"", batch->n ? ',' : '[', type);
	batch->lines[batch->n++] = line;
}

/* An order that is not known here at all. */
static void put_order(struct batch *batch, const struct attrib_export_order *order,
	const struct attrib_export_due *due)
{
	struct attrib_buf *out = &batch->events;

	begin_event(batch, "purchase", due->line);
	put_time(out, "occurred_at", due->placed_at);
	put_text(out, "email", order->email);
	put_text(out, "phone", order->phone);
	put_text(out, "customer_id", order->customer_id);
	put_text(out, "click_id", order->click_id);
	put_text(out, "visitor_id", order->visitor_id);
	attrib_buf_str(out, ATTRIB_STR(",\"order\":{\"id\":"));
	attrib_buf_json(out, due->known_as ? attrib_str_of(due->known_as) : order->id);
	put_text(out, "status", was_paid(order) ? ATTRIB_STR("paid") : ATTRIB_STR("pending"));
	put_time(out, "placed_at", due->placed_at);
	if (was_paid(order))
		put_time(out, "paid_at", order->paid_at);
	put_amounts(out, order, due->total);
	put_codes(out, order->codes);
	if (order->name.n) {
		attrib_buf_printf(out, ",\"aliases\":{\"%s\":", order->name_kind);
		attrib_buf_json(out, order->name);
		attrib_buf_char(out, '}');
	}
	attrib_buf_str(out, ATTRIB_STR("}}"));
}

/* The state alone: what was told of its money stays. */
static void put_paid(struct batch *batch, const struct attrib_export_order *order,
	const struct attrib_export_due *due)
{
	struct attrib_buf *out = &batch->events;

	begin_event(batch, "purchase", due->line);
	put_time(out, "occurred_at", due->placed_at);
	attrib_buf_str(out, ATTRIB_STR(",\"order\":{\"status\":\"paid\""));
	put_text(out, "id", attrib_str_of(due->known_as));
	put_time(out, "placed_at", due->placed_at);
	put_time(out, "paid_at", order->paid_at);
	put_time(out, "updated_at", batch->backfill->exported_at);
	attrib_buf_str(out, ATTRIB_STR("}}"));
}

static void put_refund(struct batch *batch, const struct attrib_export_order *order,
	const struct attrib_export_due *due)
{
	struct attrib_buf *out = &batch->events;

	begin_event(batch, "refund", due->line);
	put_time(out, "occurred_at", order->refunded_at);
	attrib_buf_str(
		out, ATTRIB_STR(",\"refund\":{\"id\":\"" REFUND_ID "\",\"cumulative\":true"));
	put_text(out, "order_id", due->known_as ? attrib_str_of(due->known_as) : order->id);
	put_text(out, "currency", attrib_str_of(order->currency));
	put_amount(out, "amount", due->refunded, order->exponent);
	attrib_buf_str(out, ATTRIB_STR("}}"));
}

static void put_cancel(struct batch *batch, const struct attrib_export_order *order,
	const struct attrib_export_due *due)
{
	struct attrib_buf *out = &batch->events;

	begin_event(batch, "cancel", due->line);
	put_time(out, "occurred_at", order->cancelled_at);
	put_text(out, "order_id", due->known_as ? attrib_str_of(due->known_as) : order->id);
	attrib_buf_char(out, '}');
}

static void put_events(struct batch *batch, const struct attrib_export_order *order,
	const struct attrib_export_due *due)
{
	if (due->what & ATTRIB_DUE_ORDER)
		put_order(batch, order, due);
	if (due->what & ATTRIB_DUE_PAID)
		put_paid(batch, order, due);
	if (due->what & ATTRIB_DUE_REFUND)
		put_refund(batch, order, due);
	if (due->what & ATTRIB_DUE_CANCEL)
		put_cancel(batch, order, due);
}

/* -- sending ---------------------------------------------------------------------------------------- */

static void tell_refusals(struct batch *batch, const char *body)
{
	const char *at = body, *message;
	unsigned long index;

	while ((at = strstr(at, "{\"index\":"))) {
		at += strlen("{\"index\":");
		index = strtoul(at, NULL, 10);
		message = strstr(at, "\"message\":");
		if (index >= batch->n || !message)
			return;
		message += strlen("\"message\":");
		cmd_complain("reconcile: line %llu was refused: %.*s",
			(unsigned long long)batch->lines[index], (int)strcspn(message, "}"),
			message);
		batch->backfill->refused++;
	}
}

static int ask(
	struct cmd_backfill *backfill, struct attrib_str events, char *answer, const char **body)
{
	struct attrib_str key = backfill->site->write_keys[0];
	struct attrib_buf request;
	int status = 0;

	attrib_buf_init(&request);
	attrib_buf_printf(&request,
		"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n"
		"Authorization: Bearer %.*s\r\n\r\n",
		events.n, (int)key.n, key.p);
	attrib_buf_str(&request, events);
	for (int i = 0; i < TRIES && !request.err; i++) {
		if (i)
			sleep(1);
		status =
			cmd_ask(&backfill->config->listen, attrib_buf_view(&request), answer, body);
		if (status != 503)
			break;
	}
	attrib_buf_done(&request);
	return status;
}

static int send_batch(struct batch *batch)
{
	static char answer[CMD_ANSWER_MAX];
	struct cmd_backfill *backfill = batch->backfill;
	const char *body = "";
	uint64_t refused = backfill->refused;
	int status;

	if (batch->n == 0)
		return EX_OK;
	attrib_buf_char(&batch->events, ']');
	if (batch->events.err)
		return cmd_exit_status(batch->events.err);
	status = ask(backfill, attrib_buf_view(&batch->events), answer, &body);
	if (status != 200 && status != 400) {
		cmd_complain(
			"reconcile: the daemon at %s:%u does not take it (HTTP status %d, 0 = no "
			"answer); is it running, with this configuration? What was sent is "
			"known: the same command goes on",
			backfill->config->listen.host, backfill->config->listen.port, status);
		return EX_UNAVAILABLE;
	}
	tell_refusals(batch, body);
	backfill->sent += batch->n - (backfill->refused - refused);
	if (backfill->terminal)
		fprintf(stderr, "\r%llu events sent", (unsigned long long)backfill->sent);
	attrib_buf_clear(&batch->events);
	batch->n = 0;
	return EX_OK;
}

/* The export is read along the list; of several parts of an order the first has its line. */
static int walk(struct batch *batch, struct attrib_export *export)
{
	struct cmd_backfill *backfill = batch->backfill;
	struct attrib_export_order order;
	int more = 1, status = EX_OK;

	for (size_t i = 0; i < backfill->n && status == EX_OK;) {
		const struct attrib_export_due *due = &backfill->list[i];
		more = attrib_export_next(export, &order);
		if (more != 1)
			break;
		if (order.line != due->line)
			continue;
		for (; i < backfill->n && backfill->list[i].line == order.line; i++)
			put_events(batch, &order, &backfill->list[i]);
		if (batch->n >= BATCH_EVENTS - 8 || batch->events.n >= BATCH_BYTES)
			status = send_batch(batch);
	}
	if (more == 1 && status == EX_OK)
		return send_batch(batch);
	if (status == EX_OK)
		cmd_complain("reconcile: the file changed while it was read");
	return status == EX_OK ? EX_DATAERR : status;
}

int cmd_backfill_send(struct cmd_backfill *backfill, struct attrib_export *export)
{
	struct batch batch = {.backfill = backfill};
	int status;

	if (backfill->failed)
		return cmd_exit_status(ATTRIB_E_NOMEM);
	if (backfill->site->write_keys[0].n == 0) {
		cmd_complain("reconcile: --backfill needs a write_key of the site %.*s",
			(int)backfill->site->site.name.n, backfill->site->site.name.p);
		return EX_CONFIG;
	}
	attrib_buf_init(&batch.events);
	status = walk(&batch, export);
	attrib_buf_done(&batch.events);
	if (backfill->terminal)
		fputs("\r\033[K", stderr);
	return status;
}
