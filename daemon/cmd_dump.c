/*
 * attribd journal dump DIR: a line for each record. What a record holds of a person are keyed hashes;
 * eight digits of an id are enough to tell two apart.
 */
#include "cmd_dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/event.h"
#include "attrib/journal.h"
#include "attrib/raw.h"

#define SHORT_ID    4  /* bytes */
#define SHORT_TEXT  64 /* bytes of an order's id */
#define ARENA_BLOCK 16384

struct dump {
	bool json;
	struct attrib_arena arena;
	struct attrib_buf out;
	bool failed; /* standard output is gone */
};

/* -- one record --------------------------------------------------------------------------------- */

static void put_name(struct dump *d, const char *name)
{
	attrib_buf_printf(&d->out, d->json ? ",\"%s\":" : " %s=", name);
}

static void put_text(struct dump *d, const char *name, struct attrib_str text)
{
	if (text.n == 0)
		return;
	if (text.n > SHORT_TEXT && !d->json)
		text.n = SHORT_TEXT;
	put_name(d, name);
	/* quoted in both: an id is whatever a shop calls its orders */
	attrib_buf_json(&d->out, text);
}

static void put_id(struct dump *d, const char *name, const struct attrib_id *id)
{
	char hex[2 * SHORT_ID + 1] = {0};

	if (attrib_id_none(id))
		return;
	attrib_hex(id->b, SHORT_ID, hex);
	put_name(d, name);
	attrib_buf_printf(&d->out, d->json ? "\"%s\"" : "%s", hex);
}

static void put_keys(struct dump *d, const struct attrib_event *event)
{
	static const char *const names[] = {[ATTRIB_KEY_EMAIL] = "email",
		[ATTRIB_KEY_PHONE] = "phone",
		[ATTRIB_KEY_CUSTOMER] = "customer"};

	/* one of a kind: JSON has no name twice */
	for (size_t i = 0, seen = 0; i < event->key_count; i++) {
		if (seen & (size_t)1 << event->keys[i].kind)
			continue;
		seen |= (size_t)1 << event->keys[i].kind;
		put_id(d, names[event->keys[i].kind], &event->keys[i].id);
	}
}

static struct attrib_str order_of(const struct attrib_event *event)
{
	if (event->order)
		return event->order->id;
	return event->refund ? event->refund->order_id : event->cancel_order_id;
}

static void put_event(struct dump *d, const struct attrib_event *event)
{
	const char *type = attrib_event_type_name(event->type);
	char at[40];
	int n = attrib_time_format(event->received_at, at);

	if (d->json) {
		attrib_buf_printf(&d->out, ",\"received_at\":\"%.*s\",\"type\":\"%s\",\"site\":", n,
			at, type);
		attrib_buf_json(&d->out, event->site);
	} else {
		attrib_buf_printf(
			&d->out, " %.*s %s %.*s", n, at, type, (int)event->site.n, event->site.p);
	}
	put_id(d, "event", &event->id);
	put_id(d, "visitor", &event->visitor);
	put_id(d, "click", &event->click);
	put_keys(d, event);
	put_text(d, "order", order_of(event));
}

static void put_place(struct dump *d, const struct attrib_journal_place *place)
{
	char lane[33] = {0};

	attrib_hex(place->lane.b, sizeof place->lane.b, lane);
	attrib_buf_printf(&d->out,
		d->json ? "{\"lane\":\"%s\",\"number\":%llu,\"segment\":\"%016llx\",\"offset\":%llu"
			: "%.8s %llu %016llx:%llu",
		lane, (unsigned long long)place->number, (unsigned long long)place->segment,
		(unsigned long long)place->offset);
}

/* A webhook that could not be used; its body stays closed. */
static void put_webhook(struct dump *d, const struct attrib_raw *raw)
{
	attrib_buf_printf(&d->out, d->json ? ",\"type\":\"webhook\"" : " webhook");
	put_name(d, "vendor");
	attrib_buf_printf(&d->out, d->json ? "\"%s\"" : "%s", attrib_vendor_name(raw->vendor));
	put_text(d, "site", raw->site);
	put_text(d, "reason", raw->reason);
}

static bool print_record(void *arg, const struct attrib_journal_place *place)
{
	struct dump *d = arg;
	struct attrib_event event;
	struct attrib_raw raw;

	attrib_buf_clear(&d->out);
	attrib_arena_reset(&d->arena);
	put_place(d, place);
	if (attrib_event_decode(place->payload, &d->arena, &event) == 0)
		put_event(d, &event);
	else if (attrib_raw_read(place->payload, &raw) == 0)
		put_webhook(d, &raw);
	else
		attrib_buf_printf(&d->out, d->json ? ",\"type\":null" : " - no event");
	attrib_buf_str(&d->out, d->json ? ATTRIB_STR("}\n") : ATTRIB_STR("\n"));
	d->failed = d->out.err || fwrite(d->out.p, 1, d->out.n, stdout) != d->out.n;
	return !d->failed;
}

/* -- the command line --------------------------------------------------------------------------- */

static void complain(void *arg, const char *text)
{
	(void)arg;
	cmd_complain("%s", text);
}

static bool read_number(const char *option, const char *text, uint64_t *out)
{
	char *end;

	if (!text)
		return true;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9') {
		cmd_complain("%s: expected the number of a record, got \"%s\"", option, text);
		return false;
	}
	*out = n;
	return true;
}

static bool read_lane(const char *text, struct attrib_str *out)
{
	*out = attrib_str_of(text ? text : "");
	if (out->n <= 32 && strspn(out->p, "0123456789abcdef") == out->n)
		return true;
	cmd_complain("--lane: expected the first of 32 hex digits in lower case, got \"%s\"", text);
	return false;
}

static bool read_format(const char *text, bool *json)
{
	*json = text && strcmp(text, "json") == 0;
	if (!text || *json || strcmp(text, "text") == 0)
		return true;
	cmd_complain("--format: expected text or json, got \"%s\"", text);
	return false;
}

int cmd_dump(const struct cmd_line *line, const char *dir)
{
	struct attrib_journal_range range = {.to = UINT64_MAX};
	struct attrib_journal_report report = {0};
	struct dump d = {0};
	const struct attrib_journal_visit visit = {
		.record = print_record, .trouble = complain, .arg = &d};

	if (!read_lane(line->lane, &range.lane) ||
		!read_number("--from", line->from, &range.from) ||
		!read_number("--to", line->to, &range.to) || !read_format(line->format, &d.json))
		return EX_USAGE;
	attrib_arena_init(&d.arena, ARENA_BLOCK);
	attrib_buf_init(&d.out);
	int err = attrib_journal_walk(dir, &range, &visit, &report);
	attrib_buf_done(&d.out);
	attrib_arena_done(&d.arena);
	if (err)
		return cmd_journal_failed(dir, err);
	if (d.failed || fflush(stdout)) {
		cmd_complain("standard output: %s", strerror(errno));
		return EX_IOERR;
	}
	return report.damaged_stretches ? EX_DATAERR : EX_OK;
}
