/*
 * Documents of refused rows. What would be refused again, U+0000 and bytes that are no UTF-8, is
 * written as \xNN.
 */
#include "pg_document.h"

#include "pg_stage.h"

/* -- texts -------------------------------------------------------------------------------------- */

static bool put_text(struct attrib_buf *out, struct attrib_str s)
{
	if (attrib_str_is_text(s)) {
		attrib_buf_str(out, s);
		return false;
	}
	for (size_t i = 0; i < s.n; i++) {
		uint8_t byte = (uint8_t)s.p[i];

		if (byte && byte < 0x80)
			attrib_buf_char(out, s.p[i]);
		else
			attrib_buf_printf(out, "\\x%02x", byte);
	}
	return true;
}

bool pg_document_put(struct attrib_buf *out, struct attrib_str s)
{
	struct attrib_buf text;
	bool escaped;

	attrib_buf_init(&text);
	escaped = put_text(&text, s);
	attrib_buf_json(out, attrib_buf_view(&text));
	if (text.err)
		out->err = text.err;
	attrib_buf_done(&text);
	return escaped;
}

/* -- rows --------------------------------------------------------------------------------------- */

static char unescaped(char c)
{
	return c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
}

static void put_column(struct pg_document *document, struct attrib_str column)
{
	struct attrib_buf text;

	if (attrib_str_eq(column, ATTRIB_STR("\\N"))) {
		attrib_buf_str(&document->rows, ATTRIB_STR("null"));
		return;
	}
	attrib_buf_init(&text);
	for (size_t i = 0; i < column.n; i++) {
		bool escape = column.p[i] == '\\' && i + 1 < column.n;

		attrib_buf_char(&text, escape ? unescaped(column.p[++i]) : column.p[i]);
	}
	document->escaped |= pg_document_put(&document->rows, attrib_buf_view(&text));
	if (text.err)
		document->rows.err = text.err;
	attrib_buf_done(&text);
}

static void put_row(struct pg_document *document, struct attrib_str row)
{
	const char *open = "[";

	while (row.p) {
		attrib_buf_str(&document->rows, attrib_str_of(open));
		put_column(document, attrib_str_split(row, '\t', &row));
		open = ",";
	}
	attrib_buf_char(&document->rows, ']');
}

/* In COPY's text form a tab or a line feed is never part of a value. */
static void take_table(void *arg, const char *table, struct attrib_str rows)
{
	struct pg_document *document = arg;
	struct attrib_buf *out = &document->rows;

	attrib_buf_printf(out, "%s\"%s\":[", out->n > 1 ? "," : "", table);
	for (bool more = false; rows.n; more = true) {
		if (more)
			attrib_buf_char(out, ',');
		put_row(document, attrib_str_split(rows, '\n', &rows));
	}
	attrib_buf_char(out, ']');
}

/* -- keys --------------------------------------------------------------------------------------- */

static void begin_key(struct pg_document *document, const char *what, struct attrib_str site,
	struct attrib_str order_id)
{
	document->what = what;
	put_text(&document->site, site);
	put_text(&document->order_id, order_id);
	attrib_buf_printf(&document->key, "[\"%s\"", what);
}

static void put_id(struct pg_document *document, struct attrib_str id)
{
	attrib_buf_char(&document->key, ',');
	document->escaped |= pg_document_put(&document->key, id);
}

static void put_number(struct pg_document *document, int64_t number)
{
	attrib_buf_printf(&document->key, ",%lld", (long long)number);
}

static void put_customer_keys(
	struct pg_document *document, const struct attrib_customer_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char hex[2 * sizeof keys[i].id.b];

		attrib_hex(keys[i].id.b, sizeof keys[i].id.b, hex);
		put_number(document, keys[i].kind);
		put_id(document, (struct attrib_str){hex, sizeof hex});
	}
}

static void put_key(struct pg_document *document, const struct attrib_batch_view *row)
{
	if (row->decision_count) {
		const struct attrib_decision *d = row->decisions[0];

		begin_key(document, d->kind == ATTRIB_CONVERSION_LEAD ? "lead" : "order", d->site,
			d->order_id);
		put_id(document, d->order_id);
		document->ticket = d->ticket;
	} else if (row->refund_count) {
		const struct attrib_refund_fact *r = row->refunds;

		begin_key(document, "refund", r->site, r->order_id);
		put_id(document, r->order_id);
		put_id(document, r->source);
		put_id(document, r->refund_id);
		put_id(document, r->event_id);
	} else if (row->cancel_count) {
		begin_key(document, "cancel", row->cancels->site, row->cancels->order_id);
		put_id(document, row->cancels->order_id);
		put_id(document, row->cancels->event_id);
	} else if (row->link_count) {
		begin_key(document, "customer", row->links->site, ATTRIB_STR_NONE);
		put_customer_keys(document, row->links->keys, row->links->count);
	} else {
		const struct attrib_traffic *t = row->traffic[0];

		begin_key(document, "traffic", t->site, ATTRIB_STR_NONE);
		put_number(document, t->bucket_at);
		put_number(document, t->channel);
		put_id(document, t->key);
		put_number(document, t->type);
		put_number(document, t->verdicts);
	}
	attrib_buf_char(&document->key, ']');
}

int pg_document_init(struct pg_document *document, const struct attrib_batch_view *row)
{
	struct attrib_buf *const texts[] = {
		&document->site, &document->order_id, &document->key, &document->rows};
	int err;

	*document = (struct pg_document){0};
	put_key(document, row);
	attrib_buf_char(&document->rows, '{');
	err = pg_stage_capture(row, take_table, document);
	attrib_buf_char(&document->rows, '}');
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		attrib_buf_char(texts[i], '\0');
		err = err ? err : texts[i]->err;
	}
	return err;
}

void pg_document_done(struct pg_document *document)
{
	attrib_buf_done(&document->site);
	attrib_buf_done(&document->order_id);
	attrib_buf_done(&document->key);
	attrib_buf_done(&document->rows);
}
