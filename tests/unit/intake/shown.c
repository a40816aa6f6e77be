#include "shown.h"

#include <dirent.h>

static void put_time(struct attrib_buf *out, const char *name, int64_t at)
{
	char text[32];

	if (at == ATTRIB_NEVER)
		return;
	attrib_time_format(at, text);
	attrib_buf_printf(out, " %s=%.23s", name, text);
}

static void put_text(struct attrib_buf *out, const char *name, struct attrib_str text)
{
	if (text.n)
		attrib_buf_printf(out, " %s=%.*s", name, (int)text.n, text.p);
}

static void put_order(struct attrib_buf *out, const struct attrib_order *o)
{
	attrib_buf_printf(out, " %.*s %s %s", (int)o->id.n, o->id.p,
		!o->has_status                   ? "-"
		: o->status == ATTRIB_ORDER_PAID ? "paid"
						 : "pending",
		o->currency);
	attrib_buf_printf(out, " total=%ld tax=%ld shipping=%ld discount=%ld", (long)o->total,
		(long)o->tax, (long)o->shipping, (long)o->discount);
	if (o->has_subtotal)
		attrib_buf_printf(out, " goods=%ld", (long)o->subtotal);
	put_text(out, "kind", o->kind);
	put_text(out, "source", o->source);
	put_text(out, "tags", o->tags);
	if (o->test)
		attrib_buf_printf(out, " test");
	for (size_t i = 0; i < o->code_count; i++) {
		put_text(out, "code", o->codes[i].code);
		if (o->codes[i].has_amount)
			attrib_buf_printf(out, ":%ld", (long)o->codes[i].amount);
	}
	for (size_t i = 0; i < o->alias_count; i++)
		attrib_buf_printf(out, " %.*s:%.*s", (int)o->aliases[i].kind.n,
			o->aliases[i].kind.p, (int)o->aliases[i].value.n, o->aliases[i].value.p);
	put_time(out, "placed", o->placed_at);
	put_time(out, "paid", o->paid_at);
	put_time(out, "updated", o->updated_at);
}

static void put_refund(struct attrib_buf *out, const struct attrib_refund *r)
{
	attrib_buf_printf(out, " %.*s of %.*s %s amount=%ld", (int)r->id.n, r->id.p,
		(int)r->order_id.n, r->order_id.p, r->currency, (long)r->amount);
	if (r->has_parts)
		attrib_buf_printf(out, " tax=%ld shipping=%ld", (long)r->tax, (long)r->shipping);
	if (r->cumulative)
		attrib_buf_printf(out, " cumulative");
	if (r->status == ATTRIB_REFUND_VOID)
		attrib_buf_printf(out, " void");
}

/* Ids that were sent in clear, by the texts that the fixtures use. */
static void put_id(struct world *w, struct attrib_buf *out, const char *name,
	enum attrib_id_domain domain, const struct attrib_id *id)
{
	static const char *const texts[] = {"CLICK0001", "CLICK0002", "CLICK0003", "CLICK0004",
		"visitor-7", "visitor-9", "visitor-3", "1234567890.1793530000"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct attrib_id known = id_of(w, domain, texts[i]);
		if (attrib_id_eq(&known, id))
			attrib_buf_printf(out, " %s=%s", name, texts[i]);
	}
}

static void put_event(struct world *w, struct attrib_buf *out, const struct attrib_event *e)
{
	attrib_buf_printf(out, "%s", attrib_event_type_name(e->type));
	if (e->order)
		put_order(out, e->order);
	if (e->refund)
		put_refund(out, e->refund);
	put_text(out, "order", e->cancel_order_id);
	if (e->cancel_reversed)
		attrib_buf_printf(out, " reversed");
	put_id(w, out, "click", ATTRIB_ID_CLICK, &e->click);
	put_id(w, out, "visitor", ATTRIB_ID_VISITOR, &e->visitor);
	put_text(out, "affiliate", e->affiliate);
	if (e->has_utm)
		attrib_buf_printf(out, " utm=%.*s/%.*s/%.*s", (int)e->utm.source.n, e->utm.source.p,
			(int)e->utm.medium.n, e->utm.medium.p, (int)e->utm.campaign.n,
			e->utm.campaign.p);
	put_text(out, "from", e->referrer_host);
	if (e->key_count)
		attrib_buf_printf(out, " keys=%zu", e->key_count);
	put_time(out, "at", e->occurred_at);
	if (e->trust == ATTRIB_TRUST_STRANGER)
		attrib_buf_printf(out, " stranger");
	attrib_buf_printf(out, "\n");
}

struct attrib_str read_file(struct world *w, const char *path)
{
	FILE *file = fopen(path, "rb");
	char *bytes = attrib_arena_raw(&w->arena, 1 << 20);
	size_t n;

	if (!file)
		fail_msg("%s can't be opened", path);
	n = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return (struct attrib_str){bytes, n};
}

void put_result(struct world *w, int err, struct attrib_buf *out)
{
	const struct attrib_intake_result *r = &w->result;

	if (err)
		attrib_buf_printf(out, "%s\n", attrib_error_code(err));
	for (size_t i = 0; i < r->event_count; i++)
		put_event(w, out, &r->events[i]);
	for (size_t i = 0; i < r->reject_count; i++)
		attrib_buf_printf(out, "refused %s: %.*s\n", attrib_error_code(r->rejects[i].error),
			(int)r->rejects[i].message.n, r->rejects[i].message.p);
	for (size_t i = 0; i < r->ignored_count; i++)
		attrib_buf_printf(out, "ignored: %.*s\n", (int)r->ignored[i].message.n,
			r->ignored[i].message.p);
	if (!r->event_count && !r->reject_count && !r->ignored_count)
		attrib_buf_printf(out, "nothing\n");
}

static int is_case(const struct dirent *entry)
{
	return strstr(entry->d_name, ".json") != NULL;
}

void check_cases(struct world *w, const char *dir, int at_least, put_case *put)
{
	struct attrib_buf out;
	struct dirent **cases;
	char path[512];
	bool same;
	int n = scandir(dir, &cases, is_case, alphasort);

	assert_true(n > at_least);
	attrib_buf_init(&out);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, cases[i]->d_name);
		cases[i]->d_name[strlen(cases[i]->d_name) - 5] = '\0';
		attrib_buf_printf(&out, "== %s\n", cases[i]->d_name);
		put(w, cases[i]->d_name, read_file(w, path), &out);
		attrib_arena_reset(&w->arena);
		free(cases[i]);
	}
	free(cases);
	snprintf(path, sizeof path, "%s/expected.txt", dir);
	same = attrib_str_eq(attrib_buf_view(&out), read_file(w, path));
	if (!same)
		fwrite(out.p, 1, out.n, stdout);
	attrib_buf_done(&out);
	if (!same)
		fail_msg("these are not the events of %s", path);
}

void change_body(struct attrib_buf *body, uint64_t *random)
{
	static const char bytes[] = "0189-.,:\"[]{}ntxe ";

	for (int i = 0; i < 3; i++) {
		*random = *random * 6364136223846793005u + 1442695040888963407u;
		body->p[(*random >> 33) % body->n] =
			(uint8_t)bytes[(*random >> 20) % (sizeof bytes - 1)];
	}
}
