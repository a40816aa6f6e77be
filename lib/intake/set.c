/*
 * The second half of a draft: texts become members, one setter for each form. What a text may be is
 * decided here for every way in.
 */
#include "draft.h"

#include "attrib/money.h"
#include "attrib/text.h"

typedef bool setter(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member);

/* What was noted may lie in the parser's memory. */
static bool keep(struct draft *draft, struct attrib_str text, struct attrib_str *out)
{
	*out = text.n ? attrib_arena_str(draft->sender->intake->arena, text) : ATTRIB_STR_NONE;
	return out->n == text.n || draft_refuse_as(draft, ATTRIB_E_NOMEM, "out of memory");
}

/* C0, DEL and C1: none of them is ever part of an id, and logs and terminals act on them. */
static bool has_control(struct attrib_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i], before = i ? (uint8_t)s.p[i - 1] : 0;
		if (c < 0x20 || c == 0x7f || (before == 0xc2 && c < 0xa0))
			return true;
	}
	return false;
}

bool draft_fits(const struct field *field, struct attrib_str text)
{
	if (text.n > field->max)
		return false;
	if (field->form == FORM_ID || field->form == FORM_TOKEN)
		return !has_control(text);
	return text.n == 0 || !memchr(text.p, '\0', text.n);
}

static bool set_text(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	return draft_fits(field, text) && keep(draft, text, member);
}

static bool set_id(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	return draft_fits(field, text) && keep(draft, text, member);
}

static bool set_token(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	if (!draft_fits(field, text))
		return false;
	if (text.n)
		*(struct attrib_id *)member = attrib_id_of(
			draft->sender->intake->keys, ATTRIB_ID_ORDER, draft->event.site, text);
	return true;
}

static bool set_amount(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	int64_t amount;

	(void)field;
	if (attrib_money_parse(text, draft->exponent, &amount) || amount < 0)
		return false;
	*(int64_t *)member = amount;
	return true;
}

static bool set_instant(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	(void)draft;
	(void)field;
	return attrib_time_parse(text, member) == 0;
}

static bool set_flag(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	bool yes = attrib_str_eq(text, ATTRIB_STR("true")) || attrib_str_eq(text, ATTRIB_STR("1"));
	bool no = attrib_str_eq(text, ATTRIB_STR("false")) || attrib_str_eq(text, ATTRIB_STR("0"));

	(void)draft;
	(void)field;
	*(bool *)member = yes;
	return yes || no;
}

static bool set_currency(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	char upper[4] = "";
	int exponent;

	(void)field;
	if (text.n == 0)
		return true;
	if (text.n != 3)
		return false;
	for (size_t i = 0; i < 3; i++)
		upper[i] =
			text.p[i] >= 'a' && text.p[i] <= 'z' ? (char)(text.p[i] - 32) : text.p[i];
	exponent = attrib_currency_exponent(attrib_str_of(upper));
	if (exponent < 0)
		return false;
	draft->exponent = exponent;
	memcpy(member, upper, sizeof upper);
	return true;
}

static bool set_type(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	(void)draft;
	(void)field;
	return attrib_event_type_parse(text, member) == 0;
}

static bool set_site(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	(void)field;
	(void)member;
	return attrib_str_eq(text, draft->sender->intake->site->site->name);
}

struct status {
	struct attrib_str name;
	int value;
};

static bool set_status(struct attrib_str text, const struct status *names, void *member)
{
	for (; names->value; names++) {
		if (attrib_str_eq(names->name, text)) {
			*(int *)member = names->value;
			return true;
		}
	}
	return false;
}

static bool set_order_status(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	static const struct status names[] = {{ATTRIB_STR("pending"), ATTRIB_ORDER_PENDING},
		{ATTRIB_STR("paid"), ATTRIB_ORDER_PAID}, {{0}, 0}};

	(void)draft;
	(void)field;
	return set_status(text, names, member);
}

static bool set_refund_status(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	static const struct status names[] = {{ATTRIB_STR("done"), ATTRIB_REFUND_DONE},
		{ATTRIB_STR("refunded"), ATTRIB_REFUND_DONE},
		{ATTRIB_STR("succeeded"), ATTRIB_REFUND_DONE},
		{ATTRIB_STR("void"), ATTRIB_REFUND_VOID}, {{0}, 0}};

	(void)draft;
	(void)field;
	return set_status(text, names, member);
}

static bool set_codes(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	struct attrib_order *order = draft->event.order;

	(void)text;
	(void)member;
	for (size_t i = 0; i < draft->code_count; i++) {
		const struct noted_code *noted = &draft->codes[i];
		struct attrib_order_code *code = &order->codes[i];
		code->has_amount = noted->amount.p != NULL;
		if (!keep(draft, noted->code, &code->code))
			return false;
		if (code->has_amount && !set_amount(draft, field, noted->amount, &code->amount))
			return draft_refuse_as(draft, ATTRIB_E_BAD_AMOUNT,
				"order.codes[%zu].amount: expected a decimal amount such as "
				"\"10.00\"",
				i);
	}
	order->code_count = draft->code_count;
	return true;
}

/* Tags are only ever compared: folded, none empty. An order that is said to have none says so (","): it
 * takes back what it had. */
static bool set_tags(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	struct attrib_arena *arena = draft->sender->intake->arena;
	struct attrib_str rest = attrib_fold(arena, text), tag;
	char *tags = attrib_arena_raw(arena, rest.n + 1);
	size_t n = 0;

	if (!draft_fits(field, text))
		return false;
	if (!tags || (text.n && !rest.p))
		return draft_refuse_as(draft, ATTRIB_E_NOMEM, "out of memory");
	while (rest.n) {
		tag = attrib_str_trim(attrib_str_split(rest, ',', &rest));
		if (tag.n == 0)
			continue;
		if (n)
			tags[n++] = ',';
		memcpy(tags + n, tag.p, tag.n);
		n += tag.n;
	}
	if (n == 0)
		tags[n++] = ',';
	*(struct attrib_str *)member = (struct attrib_str){tags, n};
	return true;
}

/* Another source may know the order by this name only: "#1001" from the shop's own pages, a payment
 * from the cash desk. So the alias is the order of that id. Not so a number: it counts on its own and
 * meets the ids of other orders. */
static struct attrib_id alias_id(
	const struct draft *draft, const struct noted_alias *noted, struct attrib_str whole)
{
	struct attrib_keys *keys = draft->sender->intake->keys;

	if (attrib_str_eq(noted->kind, ATTRIB_STR("number")))
		return attrib_id_of(keys, ATTRIB_ID_ALIAS, draft->event.site, whole);
	return attrib_id_of(keys, ATTRIB_ID_ORDER, draft->event.site, noted->value);
}

static bool set_aliases(
	struct draft *draft, const struct field *field, struct attrib_str text, void *member)
{
	const struct attrib_intake *intake = draft->sender->intake;
	struct attrib_order *order = draft->event.order;

	(void)field;
	(void)text;
	(void)member;
	for (size_t i = 0; i < draft->alias_count; i++) {
		const struct noted_alias *noted = &draft->aliases[i];
		struct attrib_str name = attrib_arena_printf(intake->arena, "%.*s=%.*s",
			(int)noted->kind.n, noted->kind.p, (int)noted->value.n, noted->value.p);
		struct attrib_alias *alias = &order->aliases[i];
		if (has_control(noted->value))
			return false;
		alias->kind = (struct attrib_str){name.p, noted->kind.n};
		alias->value = (struct attrib_str){name.p + noted->kind.n + 1, noted->value.n};
		alias->id = alias_id(draft, noted, name);
	}
	order->alias_count = draft->alias_count;
	return true;
}

static setter *const setters[FORM_COUNT] = {
	[FORM_TEXT] = set_text,
	[FORM_ID] = set_id,
	[FORM_TOKEN] = set_token,
	[FORM_AMOUNT] = set_amount,
	[FORM_INSTANT] = set_instant,
	[FORM_FLAG] = set_flag,
	[FORM_CURRENCY] = set_currency,
	[FORM_TYPE] = set_type,
	[FORM_SITE] = set_site,
	[FORM_ORDER_STATUS] = set_order_status,
	[FORM_REFUND_STATUS] = set_refund_status,
	[FORM_CODES] = set_codes,
	[FORM_ALIASES] = set_aliases,
	[FORM_TAGS] = set_tags,
};

/* The struct that the members of a group lie in; NULL = events of this type do not have the group. */
static void *base_of(struct draft *draft, enum group group)
{
	enum attrib_event_type type = draft->event.type;

	switch (group) {
	case GROUP_TOP:
	case GROUP_UTM:
		return draft;
	case GROUP_ORDER:
		return type == ATTRIB_EVENT_PURCHASE ? draft->event.order : NULL;
	case GROUP_LEAD:
		return type == ATTRIB_EVENT_LEAD ? draft->event.order : NULL;
	case GROUP_REFUND:
		return draft->event.refund;
	case GROUP_COUNT:
		break;
	}
	return NULL;
}

static bool set_one(struct draft *draft, const struct field *field)
{
	char *base = base_of(draft, (enum group)field->group);
	struct attrib_str text = draft->noted[field_id(field)];

	if (!base || field->form == FORM_OBJECT)
		return true;
	if (setters[field->form](draft, field, text, base + field->offset))
		return true;
	return draft->error ? false : draft_refuse(draft, field);
}

/* The type is known: its object. Only what has one has amounts. */
static bool open_object(struct draft *draft)
{
	const struct attrib_intake *intake = draft->sender->intake;
	struct attrib_arena *arena = intake->arena;
	struct attrib_event *event = &draft->event;
	bool has_order = event->type == ATTRIB_EVENT_PURCHASE || event->type == ATTRIB_EVENT_LEAD;

	if (has_order || event->type == ATTRIB_EVENT_REFUND)
		draft->exponent = attrib_currency_exponent(
			attrib_str_of(intake->site->site->policy.currency));
	if (has_order) {
		event->order = attrib_arena_alloc(arena, sizeof *event->order);
		if (!event->order)
			return draft_refuse_as(draft, ATTRIB_E_NOMEM, "out of memory");
		event->order->placed_at = event->order->paid_at = event->order->updated_at =
			ATTRIB_NEVER;
	} else if (event->type == ATTRIB_EVENT_REFUND) {
		event->refund = attrib_arena_alloc(arena, sizeof *event->refund);
		if (!event->refund)
			return draft_refuse_as(draft, ATTRIB_E_NOMEM, "out of memory");
		event->refund->status = ATTRIB_REFUND_DONE;
	}
	return true;
}

static void open_event(struct draft *draft)
{
	const struct sender *sender = draft->sender;
	const struct attrib_site *site = sender->intake->site->site;
	struct attrib_str none = ATTRIB_STR_NONE;

	draft->event = (struct attrib_event){.trust = sender->trust,
		.site = site->name,
		.source = sender->source,
		.received_at = sender->intake->now,
		.occurred_at = sender->intake->now};
	draft->visitor_id = draft->customer_id = draft->email = draft->phone = none;
	draft->click_id = draft->url = draft->referrer = none;
}

bool draft_set(struct draft *draft)
{
	uint64_t left = draft->sent & ~BIT(TYPE);

	open_event(draft);
	if (!draft_sent(draft, BIT(TYPE)))
		return draft_refuse_as(draft, ATTRIB_E_MISSING_FIELD, "type: is missing");
	if (!set_one(draft, &fields[FIELD_TYPE]) || !open_object(draft))
		return false;
	for (; left; left &= left - 1) {
		if (!set_one(draft, &fields[__builtin_ctzll(left)]))
			return false;
	}
	return true;
}
