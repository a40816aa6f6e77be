/*
 * Segment's HTTP API: messages that tell what somebody did, one or a batch of them. What an order is
 * called and what it cost is refused by its field when it is bad; a carrier or a person that does not
 * fit is left out.
 */
#include "segment.h"

#include "attrib/analytics.h"

#define MESSAGE_ID_MAX 100
/* A sender's clock that is no further away than this is right: a request that was on its way for a
 * moment, or is sent again, tells of the same instant. */
#define CLOCK_US ATTRIB_US_PER_MIN

#define NOT_JSON      "the body is not valid JSON (UTF-8, at most 32 levels, nothing behind it)"
#define NOT_A_MESSAGE "expected an object with a message, or with a batch of them"
#define TOO_MANY      "more than 2500 messages"
#define NO_ADDRESS    "no url and no campaign: nothing that attribution needs"
#define NO_USER       "no userId: two visitors can't be made one"
#define NO_GROUPS     "groups are not kept"

segment_noter *segment_find(const struct segment_row *rows, struct attrib_str name)
{
	for (; rows->note; rows++) {
		if (attrib_str_ieq(rows->name, name))
			return rows->note;
	}
	return NULL;
}

struct attrib_str segment_text(const struct message *m, const char *path)
{
	return pick_text(m->sender->intake->arena, m->root, path);
}

/* What the fields are called here, for who has to correct one. */
static const char *const names[FIELD_COUNT] = {
	[FIELD_EVENT_ID] = "messageId",
	[FIELD_OCCURRED_AT] = "timestamp",
	[FIELD_URL] = "context.page.url",
	[FIELD_REFERRER] = "context.page.referrer",
	[FIELD_CODE] = "properties.coupon",
	[FIELD_ORDER_ID] = "properties.order_id",
	[FIELD_ORDER_KEY] = "properties.order_id",
	[FIELD_ORDER_CURRENCY] = "properties.currency",
	[FIELD_ORDER_TOTAL] = "properties.total",
	[FIELD_ORDER_SUBTOTAL] = "properties.revenue",
	[FIELD_ORDER_TAX] = "properties.tax",
	[FIELD_ORDER_SHIPPING] = "properties.shipping",
	[FIELD_ORDER_DISCOUNT] = "properties.discount",
	[FIELD_LEAD_KEY] = "messageId",
	[FIELD_LEAD_CURRENCY] = "properties.currency",
	[FIELD_LEAD_VALUE] = "properties.value",
	[FIELD_REFUND_KEY] = "messageId",
	[FIELD_REFUND_ORDER] = "properties.order_id",
	[FIELD_REFUND_CURRENCY] = "properties.currency",
	[FIELD_REFUND_AMOUNT] = "properties.total",
	[FIELD_REFUND_TAX] = "properties.tax",
	[FIELD_REFUND_SHIPPING] = "properties.shipping",
};

/* -- what every message has ------------------------------------------------------------------------- */

static const struct mapping who[] = {
	{"properties.attr_vid", FIELD_VISITOR_ID, false},
	{"properties.attr_visitor", FIELD_VISITOR_ID, false},
	{"context.attr_vid", FIELD_VISITOR_ID, false},
	{"anonymousId", FIELD_VISITOR_ID, false},
	{"userId", FIELD_CUSTOMER_ID, false},
	{"traits.email", FIELD_EMAIL, false},
	{"context.traits.email", FIELD_EMAIL, false},
	{"properties.email", FIELD_EMAIL, false},
	{"traits.phone", FIELD_PHONE, false},
	{"context.traits.phone", FIELD_PHONE, false},
};

static const struct mapping where_from[] = {
	{"properties.attr_click", FIELD_CLICK_ID, false},
	{"context.attr_click", FIELD_CLICK_ID, false},
	{"properties.affiliate_id", FIELD_AFFILIATE_ID, false},
	{"context.affiliate_id", FIELD_AFFILIATE_ID, false},
	{"context.campaign.source", FIELD_UTM_SOURCE, false},
	{"context.campaign.medium", FIELD_UTM_MEDIUM, false},
	{"context.campaign.name", FIELD_UTM_CAMPAIGN, false},
	{"context.campaign.term", FIELD_UTM_TERM, false},
	{"context.campaign.content", FIELD_UTM_CONTENT, false},
	{"context.page.referrer", FIELD_REFERRER, false},
};

static int64_t instant(const struct message *m, const char *path)
{
	return pick_instant(m->sender->intake->arena, m->root, path, "");
}

/* timestamp = receivedAt - (sentAt - originalTimestamp) */
static int64_t without_skew(const struct message *m, int64_t original)
{
	int64_t skew = m->sent_at == ATTRIB_NEVER ? 0 : m->sender->intake->now - m->sent_at;

	if (skew <= CLOCK_US && skew >= -CLOCK_US)
		return original;
	return original + skew;
}

/* A timestamp that differs from the original one is settled already. States of an order follow each
 * other by their sender's own clock: sent again later, an old one is still old. */
static void note_time(const struct message *m, struct draft *draft)
{
	int64_t original = instant(m, "originalTimestamp"), stated = instant(m, "timestamp");
	bool settled = original != ATTRIB_NEVER && stated != ATTRIB_NEVER && original != stated;

	if (original == ATTRIB_NEVER || settled)
		original = stated;
	if (original != ATTRIB_NEVER) {
		note_instant(
			draft, FIELD_OCCURRED_AT, settled ? original : without_skew(m, original));
	} else { /* perhaps they can't be read */
		note_text(draft, FIELD_OCCURRED_AT, segment_text(m, "originalTimestamp"));
		note_text(draft, FIELD_OCCURRED_AT, segment_text(m, "timestamp"));
	}
	note_instant(draft, FIELD_ORDER_UPDATED_AT, original); /* of orders only */
}

/* The address of a page may come without its query. */
static void note_address(
	const struct message *m, struct draft *draft, const char *url_path, const char *search_path)
{
	struct attrib_str url = segment_text(m, url_path), search = segment_text(m, search_path);

	if (draft_sent(draft, BIT(URL)) || (url.n == 0 && search.n == 0))
		return;
	if (search.n && !(url.n && memchr(url.p, '?', url.n)))
		url = attrib_arena_printf(m->sender->intake->arena, "%.*s%s%.*s", (int)url.n,
			url.n ? url.p : "", search.p[0] == '?' ? "" : "?", (int)search.n, search.p);
	note_if_fits(draft, FIELD_URL, url);
}

bool segment_note_common(const struct message *m, struct draft *draft)
{
	struct attrib_str id = segment_text(m, "messageId");

	if (id.n > MESSAGE_ID_MAX)
		return draft_refuse_as(draft, ATTRIB_E_BAD_ID,
			"messageId: expected at most %d bytes", MESSAGE_ID_MAX);
	note_text(draft, FIELD_EVENT_ID, id);
	note_time(m, draft);
	if (!SEGMENT_NOTE(m, draft, who) || !SEGMENT_NOTE(m, draft, where_from))
		return false;
	if (!draft_sent(draft, BIT(VISITOR_ID) | BIT(CUSTOMER_ID)))
		return draft_refuse_as(draft, ATTRIB_E_MISSING_FIELD,
			"userId or anonymousId: one of them is needed");
	note_address(m, draft, "context.page.url", "context.page.search");
	return true;
}

/* -- calls ------------------------------------------------------------------------------------------ */

/* A screen of an app has no address, but perhaps a campaign. */
static bool note_page(struct message *m, struct draft *draft)
{
	static const struct mapping referrer = {"properties.referrer", FIELD_REFERRER, false};

	note_text(draft, FIELD_TYPE, ATTRIB_STR("visit"));
	note_address(m, draft, "properties.url", "properties.search");
	if (!note_mapped(draft, m->root, &referrer, 1) || !segment_note_common(m, draft))
		return false;
	if (!note_landing(draft))
		m->needless = NO_ADDRESS;
	return true;
}

static bool note_identify(struct message *m, struct draft *draft)
{
	note_text(draft, FIELD_TYPE, ATTRIB_STR("identify"));
	return segment_note_common(m, draft);
}

/* Who was known by the previous id is the user: said by a stranger, as by every identify of one, it
 * names nobody. */
static bool note_alias(struct message *m, struct draft *draft)
{
	static const struct mapping previous = {"previousId", FIELD_VISITOR_ID, false};

	note_text(draft, FIELD_TYPE, ATTRIB_STR("identify"));
	if (segment_text(m, "previousId").n == 0)
		return draft_refuse_as(
			draft, ATTRIB_E_MISSING_FIELD, "previousId: is missing, an alias needs it");
	if (!note_mapped(draft, m->root, &previous, 1) || !segment_note_common(m, draft))
		return false;
	if (!draft_sent(draft, BIT(CUSTOMER_ID)))
		m->needless = NO_USER;
	return true;
}

static bool note_group(struct message *m, struct draft *draft)
{
	m->needless = NO_GROUPS;
	return segment_note_common(m, draft);
}

static const struct segment_row calls[] = {
	{ATTRIB_STR("track"), segment_note_track},
	{ATTRIB_STR("page"), note_page},
	{ATTRIB_STR("screen"), note_page},
	{ATTRIB_STR("identify"), note_identify},
	{ATTRIB_STR("alias"), note_alias},
	{ATTRIB_STR("group"), note_group},
	{{0}, NULL},
};

/* Segment's library for pages calls the first letter alone. */
static struct attrib_str whole_name(struct attrib_str call)
{
	if (attrib_str_eq(call, ATTRIB_STR("b")))
		return ATTRIB_STR("batch");
	for (const struct segment_row *row = calls; call.n == 1 && row->note; row++) {
		if (row->name.p[0] == call.p[0])
			return row->name;
	}
	return call;
}

/* -- bodies ----------------------------------------------------------------------------------------- */

/* Bytes of a value as compact JSON, but for escapes; no more than it takes to be too many. */
static size_t size_of(struct attrib_json value)
{
	char digits[ATTRIB_JSON_DECIMAL_MAX];
	struct attrib_json_walk walk;
	struct attrib_json item;
	struct attrib_str name;
	bool integer;
	size_t n = 1;

	switch (attrib_json_kind(value)) {
	case ATTRIB_JSON_STRING:
		return 2 + attrib_json_string(value).n;
	case ATTRIB_JSON_NUMBER:
		n = attrib_json_decimal(value, digits, &integer);
		return n ? n : 17;
	case ATTRIB_JSON_BOOL:
	case ATTRIB_JSON_NULL:
		return 4;
	case ATTRIB_JSON_ARRAY:
	case ATTRIB_JSON_OBJECT:
		break;
	}
	attrib_json_walk(value, &walk);
	while (n <= ATTRIB_SEGMENT_EVENT_MAX && attrib_json_next(&walk, &name, &item))
		n += size_of(item) + (walk.object ? name.n + 3 : 0) + 1;
	return n == 1 ? 2 : n;
}

static bool note_message(struct message *m, struct draft *draft, struct attrib_str call)
{
	segment_noter *note = segment_find(calls, call);
	int64_t sent_at = instant(m, "sentAt");

	if (attrib_json_kind(m->root) != ATTRIB_JSON_OBJECT)
		return draft_refuse_as(draft, ATTRIB_E_BAD_FIELD, "message: expected an object");
	if (size_of(m->root) > ATTRIB_SEGMENT_EVENT_MAX)
		return draft_refuse_as(
			draft, ATTRIB_E_TOO_LARGE, "message: expected at most 32 KB");
	if (!note)
		return draft_refuse_as(draft, ATTRIB_E_BAD_TYPE,
			"type: expected track, page, screen, identify, alias or group");
	if (sent_at != ATTRIB_NEVER)
		m->sent_at = sent_at;
	return note(m, draft);
}

/* call: empty = the message says it. */
static int take_message(const struct sender *sender, struct attrib_json item, size_t index,
	struct attrib_str call, int64_t sent_at, struct attrib_intake_result *out)
{
	struct message m = {.sender = sender, .root = item, .sent_at = sent_at};
	struct draft draft;
	bool noted;

	draft_init(&draft, sender, index);
	noted = note_message(&m, &draft, call.n ? call : segment_text(&m, "type"));
	if (noted && m.needless)
		return result_ignore(sender, out, index, m.needless);
	return result_take(out, &draft, !noted);
}

static int take_batch(
	const struct sender *sender, struct attrib_json root, struct attrib_intake_result *out)
{
	struct message whole = {.sender = sender, .root = root};
	struct attrib_json_walk walk;
	struct attrib_json list, item;
	struct attrib_str none;
	size_t index = 0, n = pick_items(root, "batch", &walk);
	int64_t sent_at = instant(&whole, "sentAt");
	int err;

	if (!pick(root, "batch", &list) || attrib_json_kind(list) != ATTRIB_JSON_ARRAY)
		return result_refuse(
			sender, out, 0, ATTRIB_E_BAD_JSON, "batch: expected a list of messages");
	if (n > ATTRIB_INTAKE_EVENTS_MAX)
		return result_refuse(sender, out, 0, ATTRIB_E_TOO_MANY, TOO_MANY);
	err = result_open(sender, n, out);
	while (err == 0 && attrib_json_next(&walk, &none, &item))
		err = take_message(sender, item, index++, ATTRIB_STR_NONE, sent_at, out);
	return err;
}

static int take_body(const struct sender *sender, struct attrib_str call, struct attrib_str body,
	struct attrib_intake_result *out)
{
	struct attrib_json root;
	int err = attrib_json_parse(sender->intake->arena, body, &root);

	if (err == ATTRIB_E_BAD_JSON)
		return result_refuse(sender, out, 0, err, NOT_JSON);
	if (err)
		return err;
	if (attrib_json_kind(root) != ATTRIB_JSON_OBJECT)
		return result_refuse(sender, out, 0, ATTRIB_E_BAD_JSON, NOT_A_MESSAGE);
	if (attrib_str_eq(call, ATTRIB_STR("batch")))
		return take_batch(sender, root, out);
	err = result_open(sender, 1, out);
	return err ? err : take_message(sender, root, 0, call, ATTRIB_NEVER, out);
}

int attrib_intake_segment(const struct attrib_intake *intake, enum attrib_trust trust,
	struct attrib_str call, struct attrib_str body, struct attrib_intake_result *out)
{
	struct sender sender = {.intake = intake,
		.trust = trust,
		.source = ATTRIB_STR("segment"),
		.visit = trust == ATTRIB_TRUST_STRANGER ? intake->visit : NULL,
		.names = names};
	int err;

	*out = (struct attrib_intake_result){0};
	err = take_body(&sender, whole_name(call), body, out);
	return intake->arena->failed ? ATTRIB_E_NOMEM : err;
}

int attrib_segment_write_key(
	struct attrib_arena *arena, struct attrib_str body, struct attrib_str *key)
{
	struct attrib_json root;
	struct attrib_str found;
	int err = attrib_json_parse(arena, body, &root);

	if (err)
		return err;
	found = pick_text(arena, root, "writeKey");
	if (found.n == 0)
		return ATTRIB_E_MISSING_FIELD;
	found = attrib_arena_str(arena, found); /* the tree is gone with the next parse */
	if (!found.p)
		return ATTRIB_E_NOMEM;
	*key = found;
	return 0;
}
