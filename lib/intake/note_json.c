/*
 * JSON to noted texts. A field takes the kinds of values that its form allows and nothing is
 * guessed: a number that is not exact is refused, and so is a field that stands twice, because two
 * readers could take two values from it.
 */
#include "native_json.h"

#define KIND(name) (1u << ATTRIB_JSON_##name)

static const unsigned kinds_of_form[FORM_COUNT] = {
	[FORM_TEXT] = KIND(STRING) | KIND(NUMBER),
	[FORM_ID] = KIND(STRING) | KIND(NUMBER),
	[FORM_TOKEN] = KIND(STRING) | KIND(NUMBER),
	[FORM_AMOUNT] = KIND(STRING) | KIND(NUMBER),
	[FORM_INSTANT] = KIND(STRING),
	[FORM_FLAG] = KIND(BOOL) | KIND(STRING),
	[FORM_CURRENCY] = KIND(STRING),
	[FORM_TYPE] = KIND(STRING),
	[FORM_SITE] = KIND(STRING),
	[FORM_ORDER_STATUS] = KIND(STRING),
	[FORM_REFUND_STATUS] = KIND(STRING),
	[FORM_CODES] = KIND(ARRAY) | KIND(STRING),
	[FORM_ALIASES] = KIND(OBJECT),
	[FORM_TAGS] = KIND(ARRAY) | KIND(STRING),
	[FORM_OBJECT] = KIND(OBJECT),
};

struct attrib_str json_text(struct attrib_arena *arena, struct attrib_json value, bool whole)
{
	char *digits;
	size_t n;
	bool integer;

	switch (attrib_json_kind(value)) {
	case ATTRIB_JSON_STRING:
		return attrib_json_string(value);
	case ATTRIB_JSON_BOOL:
		return attrib_json_bool(value) ? ATTRIB_STR("true") : ATTRIB_STR("false");
	case ATTRIB_JSON_NUMBER:
		digits = attrib_arena_raw(arena, ATTRIB_JSON_DECIMAL_MAX);
		n = digits ? attrib_json_decimal(value, digits, &integer) : 0;
		if (n && (integer || !whole))
			return (struct attrib_str){digits, n};
		break;
	case ATTRIB_JSON_NULL:
	case ATTRIB_JSON_ARRAY:
	case ATTRIB_JSON_OBJECT:
		break;
	}
	return ATTRIB_STR_NONE;
}

/* Texts and ids take only whole numbers: 1.50 has too many spellings to name something. */
static struct attrib_str text_of(struct draft *draft, struct attrib_json value, bool whole)
{
	return json_text(draft->sender->intake->arena, value, whole);
}

static bool note_code_object(struct draft *draft, struct attrib_json object)
{
	struct attrib_str name, code = ATTRIB_STR_NONE, amount = ATTRIB_STR_NONE;
	struct attrib_json_walk walk;
	struct attrib_json value;

	attrib_json_walk(object, &walk);
	while (attrib_json_next(&walk, &name, &value)) {
		if (attrib_json_kind(value) == ATTRIB_JSON_NULL)
			continue;
		if (attrib_str_eq(name, ATTRIB_STR("code"))) {
			code = text_of(draft, value, true);
		} else if (attrib_str_eq(name, ATTRIB_STR("amount"))) {
			amount = text_of(draft, value, false);
			if (!amount.p)
				amount = ATTRIB_STR("?"); /* the setter refuses it by its name */
		}
	}
	if (!code.p)
		return draft_refuse(draft, &fields[FIELD_ORDER_CODES]);
	return draft_note_code(draft, code, amount);
}

static bool note_code(struct draft *draft, struct attrib_json value)
{
	struct attrib_str text;

	switch (attrib_json_kind(value)) {
	case ATTRIB_JSON_OBJECT:
		return note_code_object(draft, value);
	case ATTRIB_JSON_STRING:
	case ATTRIB_JSON_NUMBER:
		text = text_of(draft, value, true);
		if (text.p)
			return draft_note_code(draft, text, ATTRIB_STR_NONE);
		break;
	case ATTRIB_JSON_NULL:
		return true;
	case ATTRIB_JSON_BOOL:
	case ATTRIB_JSON_ARRAY:
		break;
	}
	return draft_refuse(draft, &fields[FIELD_ORDER_CODES]);
}

static bool note_codes(struct draft *draft, struct attrib_json list)
{
	struct attrib_json_walk walk;
	struct attrib_json value;
	struct attrib_str name;

	if (attrib_json_kind(list) == ATTRIB_JSON_STRING)
		return draft_note_codes(draft, attrib_json_string(list));
	attrib_json_walk(list, &walk);
	while (attrib_json_next(&walk, &name, &value)) {
		if (!note_code(draft, value))
			return false;
	}
	return true;
}

static bool note_aliases(struct draft *draft, struct attrib_json object)
{
	struct attrib_json_walk walk;
	struct attrib_json value;
	struct attrib_str name, text;

	attrib_json_walk(object, &walk);
	while (attrib_json_next(&walk, &name, &value)) {
		if (attrib_json_kind(value) == ATTRIB_JSON_NULL)
			continue;
		text = attrib_json_kind(value) == ATTRIB_JSON_BOOL ? ATTRIB_STR_NONE
								   : text_of(draft, value, true);
		if (!text.p)
			return draft_refuse(draft, &fields[FIELD_ORDER_ALIASES]);
		if (!draft_note_alias(draft, name, text))
			return false;
	}
	return true;
}

/* The tags of a list as one text; p is NULL for a list that has something else in it. */
static struct attrib_str tags_of(
	struct draft *draft, const struct field *field, struct attrib_json value)
{
	char *all;
	struct attrib_str name, tag;
	struct attrib_json_walk walk;
	size_t n = 0;

	if (attrib_json_kind(value) == ATTRIB_JSON_STRING)
		return attrib_json_string(value);
	all = attrib_arena_raw(draft->sender->intake->arena, field->max);
	attrib_json_walk(value, &walk);
	while (attrib_json_next(&walk, &name, &value)) {
		if (attrib_json_kind(value) != ATTRIB_JSON_STRING)
			return ATTRIB_STR_NONE;
		tag = attrib_json_string(value);
		if (!all || tag.n + 1 > field->max - n)
			return ATTRIB_STR_NONE;
		if (n)
			all[n++] = ',';
		if (tag.n)
			memcpy(all + n, tag.p, tag.n);
		n += tag.n;
	}
	return (struct attrib_str){all, n};
}

static bool note_fields(struct draft *draft, enum group group, struct attrib_json object);

static bool note_value(struct draft *draft, const struct field *field, struct attrib_json value)
{
	enum form form = (enum form)field->form;
	struct attrib_str text = ATTRIB_STR_NONE;

	if (!(kinds_of_form[form] & 1u << attrib_json_kind(value)))
		return draft_refuse(draft, field);
	if (draft_sent(draft, (uint64_t)1 << field_id(field)))
		return draft_refuse_as(draft, ATTRIB_E_BAD_FIELD, "%s: stands twice",
			field_path(draft->sender->intake->arena, field).p);
	if (form != FORM_OBJECT && form != FORM_CODES && form != FORM_ALIASES) {
		text = form == FORM_TAGS ? tags_of(draft, field, value)
					 : text_of(draft, value, form != FORM_AMOUNT);
		if (!text.p)
			return draft_refuse(draft, field);
	}
	draft_note(draft, field, text);
	if (form == FORM_OBJECT)
		return note_fields(draft, (enum group)field->max, value);
	if (form == FORM_CODES)
		return note_codes(draft, value);
	return form != FORM_ALIASES || note_aliases(draft, value);
}

static bool note_fields(struct draft *draft, enum group group, struct attrib_json object)
{
	struct attrib_json_walk walk;
	struct attrib_json value;
	struct attrib_str name;

	attrib_json_walk(object, &walk);
	while (attrib_json_next(&walk, &name, &value)) {
		const struct field *field = field_find(group, name);
		if (!field || attrib_json_kind(value) == ATTRIB_JSON_NULL)
			continue;
		if (!note_value(draft, field, value))
			return false;
	}
	return true;
}

bool note_item(struct draft *draft, struct attrib_json item)
{
	if (attrib_json_kind(item) != ATTRIB_JSON_OBJECT)
		return draft_refuse_as(draft, ATTRIB_E_BAD_FIELD, "event: expected an object");
	return note_fields(draft, GROUP_TOP, item);
}
