/*
 * The first half of a draft: what was sent, as texts.
 */
#include <stdarg.h>
#include <stdio.h>

#include "draft.h"

void draft_init(struct draft *draft, const struct sender *sender, size_t index)
{
	draft->sender = sender;
	draft->index = index;
	draft->sent = 0;
	draft->code_count = draft->alias_count = 0;
	draft->error = 0;
	draft->message = ATTRIB_STR_NONE;
}

void draft_note(struct draft *draft, const struct field *field, struct attrib_str text)
{
	draft->noted[field_id(field)] = text;
	draft->sent |= (uint64_t)1 << field_id(field);
}

bool draft_note_code(struct draft *draft, struct attrib_str code, struct attrib_str amount)
{
	const struct field *field = &fields[FIELD_ORDER_CODES];

	if (attrib_str_trim(code).n == 0)
		return true;
	if (draft->code_count == ATTRIB_ORDER_CODES_MAX || code.n > field->max ||
		memchr(code.p, '\0', code.n))
		return draft_refuse(draft, field);
	draft->codes[draft->code_count++] = (struct noted_code){code, amount};
	return true;
}

bool draft_note_codes(struct draft *draft, struct attrib_str list)
{
	while (list.n) {
		struct attrib_str code = attrib_str_trim(attrib_str_split(list, ',', &list));
		if (!draft_note_code(draft, code, ATTRIB_STR_NONE))
			return false;
	}
	return true;
}

static bool is_alias_kind(struct attrib_str kind)
{
	for (size_t i = 0; i < kind.n; i++) {
		char c = kind.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
			return false;
	}
	return kind.n > 0 && kind.n <= 64;
}

bool draft_note_alias(struct draft *draft, struct attrib_str kind, struct attrib_str value)
{
	const struct field *field = &fields[FIELD_ORDER_ALIASES];

	if (value.n == 0)
		return true;
	if (draft->alias_count == ATTRIB_ALIASES_MAX || !is_alias_kind(kind) ||
		value.n > field->max || memchr(value.p, '\0', value.n))
		return draft_refuse(draft, field);
	draft->aliases[draft->alias_count++] = (struct noted_alias){kind, value};
	return true;
}

/* What a form takes, for the one who sent something else. %u is the field's limit in bytes. */
static const struct {
	int error;
	const char *expected;
} refusals[FORM_COUNT] = {
	[FORM_TEXT] = {ATTRIB_E_BAD_FIELD, "text of at most %u bytes without U+0000"},
	[FORM_ID] = {ATTRIB_E_BAD_ID, "an id of 1 to %u bytes without control characters"},
	[FORM_TOKEN] = {ATTRIB_E_BAD_ID, "an id of 1 to %u bytes without control characters"},
	[FORM_AMOUNT] = {ATTRIB_E_BAD_AMOUNT,
		"a decimal amount such as \"119.00\" with no more decimals than its currency has"},
	[FORM_INSTANT] = {ATTRIB_E_BAD_TIME, "an RFC 3339 time such as \"2026-11-01T12:00:00Z\""},
	[FORM_FLAG] = {ATTRIB_E_BAD_FIELD, "true or false"},
	[FORM_CURRENCY] = {ATTRIB_E_BAD_CURRENCY, "an ISO 4217 code such as \"EUR\""},
	[FORM_TYPE] = {ATTRIB_E_BAD_TYPE, "click, visit, view, code_applied, cart, checkout, lead, "
					  "purchase, refund, cancel, identify or erase"},
	[FORM_SITE] = {ATTRIB_E_UNKNOWN_SITE, "the name of the site that the key belongs to"},
	[FORM_ORDER_STATUS] = {ATTRIB_E_BAD_STATUS, "pending or paid"},
	[FORM_REFUND_STATUS] = {ATTRIB_E_BAD_STATUS, "done or void"},
	[FORM_CODES] = {ATTRIB_E_BAD_FIELD, "at most 16 codes of at most %u bytes, each a text or "
					    "{\"code\":text,\"amount\":decimal}"},
	[FORM_ALIASES] = {ATTRIB_E_BAD_FIELD, "an object of at most 8 names (a-z, 0-9, _) with "
					      "ids of at most %u bytes"},
	[FORM_TAGS] = {ATTRIB_E_BAD_FIELD, "a list of texts, or a text with commas, of at most %u "
					   "bytes without U+0000"},
	[FORM_OBJECT] = {ATTRIB_E_BAD_FIELD, "an object"},
};

struct attrib_str draft_name_of(const struct draft *draft, const struct field *field)
{
	const char *const *names = draft->sender->names;

	if (names && names[field_id(field)])
		return attrib_str_of(names[field_id(field)]);
	return field_path(draft->sender->intake->arena, field);
}

bool draft_refuse(struct draft *draft, const struct field *field)
{
	char expected[160];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(expected, sizeof expected, refusals[field->form].expected, (unsigned)field->max);
#pragma GCC diagnostic pop
	return draft_refuse_as(draft, refusals[field->form].error, "%s: expected %s",
		draft_name_of(draft, field).p, expected);
}

bool draft_refuse_as(struct draft *draft, int error, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	draft->error = error;
	draft->message = attrib_arena_str(draft->sender->intake->arena, attrib_str_of(text));
	return false;
}
