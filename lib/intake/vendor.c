/*
 * What the vendors' files have in common; see vendor.h.
 */
#include "vendor.h"

#include "attrib/money.h"

#define DIGITS_MAX 18 /* of a whole number that surely fits 64 bits */

int vendor_object(const struct sender *sender, struct attrib_str body,
	struct attrib_intake_result *out, struct attrib_json *root)
{
	int err = attrib_json_parse(sender->intake->arena, body, root);

	if (err == ATTRIB_E_BAD_JSON || (err == 0 && attrib_json_kind(*root) != ATTRIB_JSON_OBJECT))
		return result_refuse(
			sender, out, 0, ATTRIB_E_BAD_JSON, "the body is not one JSON object");
	return err;
}

/* -- picking ---------------------------------------------------------------------------------------- */

static bool member(struct attrib_json object, struct attrib_str wanted, struct attrib_json *out)
{
	struct attrib_json_walk walk;
	struct attrib_json value;
	struct attrib_str name;

	if (attrib_json_kind(object) != ATTRIB_JSON_OBJECT)
		return false;
	attrib_json_walk(object, &walk);
	while (attrib_json_next(&walk, &name, &value)) {
		if (attrib_str_eq(name, wanted)) {
			*out = value;
			return true;
		}
	}
	return false;
}

bool pick(struct attrib_json object, const char *path, struct attrib_json *out)
{
	struct attrib_str rest = attrib_str_of(path);
	struct attrib_json at = object;

	while (rest.p) {
		struct attrib_str name = attrib_str_split(rest, '.', &rest);
		if (!member(at, name, &at))
			return false;
	}
	if (attrib_json_kind(at) == ATTRIB_JSON_NULL)
		return false;
	*out = at;
	return true;
}

size_t pick_items(struct attrib_json object, const char *path, struct attrib_json_walk *walk)
{
	struct attrib_json list, item;
	struct attrib_str name;
	size_t n = 0;

	*walk = (struct attrib_json_walk){0};
	if (!pick(object, path, &list) || attrib_json_kind(list) != ATTRIB_JSON_ARRAY)
		return 0;
	attrib_json_walk(list, walk);
	while (attrib_json_next(walk, &name, &item))
		n++;
	attrib_json_walk(list, walk);
	return n;
}

struct attrib_str pick_text(struct attrib_arena *arena, struct attrib_json object, const char *path)
{
	struct attrib_json value;

	return pick(object, path, &value) ? json_text(arena, value, false) : ATTRIB_STR_NONE;
}

bool pick_flag(struct attrib_json object, const char *path)
{
	struct attrib_json value;

	return pick(object, path, &value) && attrib_json_kind(value) == ATTRIB_JSON_BOOL &&
	       attrib_json_bool(value);
}

bool pick_int(struct attrib_json object, const char *path, int64_t *out)
{
	char digits[ATTRIB_JSON_DECIMAL_MAX];
	struct attrib_json value;
	bool integer;
	size_t n;

	if (!pick(object, path, &value) || attrib_json_kind(value) != ATTRIB_JSON_NUMBER)
		return false;
	n = attrib_json_decimal(value, digits, &integer);
	/* without decimals a decimal amount is the whole number */
	return n && n <= DIGITS_MAX && integer &&
	       attrib_money_parse((struct attrib_str){digits, n}, 0, out) == 0;
}

void purse_add(struct purse *purse, int64_t *sum, int64_t amount)
{
	int64_t more;

	if (__builtin_add_overflow(*sum, amount, &more) || more > ATTRIB_MONEY_MAX ||
		more < -ATTRIB_MONEY_MAX)
		purse->err = ATTRIB_E_OVERFLOW;
	else
		*sum = more;
}

int64_t pick_amount(struct purse *purse, struct attrib_json object, const char *path)
{
	struct attrib_json value;
	int64_t amount = 0;
	int err;

	if (!pick(object, path, &value))
		return 0;
	err = attrib_money_parse(json_text(purse->arena, value, false), purse->exponent, &amount);
	if (err && !purse->err)
		purse->err = err;
	return amount;
}

int64_t pick_sum(struct purse *purse, struct attrib_json object, const char *list, const char *path)
{
	struct attrib_json_walk walk;
	struct attrib_json item;
	struct attrib_str none;
	int64_t sum = 0;

	pick_items(object, list, &walk);
	while (attrib_json_next(&walk, &none, &item))
		purse_add(purse, &sum, pick_amount(purse, item, path));
	return sum;
}

int64_t pick_instant(
	struct attrib_arena *arena, struct attrib_json object, const char *path, const char *suffix)
{
	struct attrib_str text = pick_text(arena, object, path);
	int64_t at;

	if (text.n == 0)
		return ATTRIB_NEVER;
	if (attrib_time_parse(text, &at) == 0)
		return at;
	text = attrib_arena_printf(arena, "%.*s%s", (int)text.n, text.p, suffix);
	return attrib_time_parse(text, &at) ? ATTRIB_NEVER : at;
}

int exponent_of(const struct sender *sender, struct attrib_str text)
{
	char upper[4] = "";
	int exponent;

	if (text.n == 0)
		text = attrib_str_of(sender->intake->site->site->policy.currency);
	for (size_t i = 0; i < text.n && i < 3; i++)
		upper[i] =
			text.p[i] >= 'a' && text.p[i] <= 'z' ? (char)(text.p[i] - 32) : text.p[i];
	exponent = text.n == 3 ? attrib_currency_exponent(attrib_str_of(upper)) : -1;
	return exponent < 0 ? 2 : exponent;
}

int exponent_at(const struct sender *sender, struct attrib_json object, const char *path)
{
	return exponent_of(sender, pick_text(sender->intake->arena, object, path));
}

/* -- noting ----------------------------------------------------------------------------------------- */

void note_text(struct draft *draft, enum field_id field, struct attrib_str text)
{
	if (text.n)
		draft_note(draft, &fields[field], text);
}

void note_if_fits(struct draft *draft, enum field_id field, struct attrib_str text)
{
	if (text.n && draft_fits(&fields[field], text))
		draft_note(draft, &fields[field], text);
}

static bool note_one(struct draft *draft, const struct mapping *mapping, struct attrib_json value)
{
	const struct field *field = &fields[mapping->field];
	struct attrib_str text =
		json_text(draft->sender->intake->arena, value, field->form != FORM_AMOUNT);

	if (mapping->needed && !text.p)
		return draft_refuse(draft, field);
	if (mapping->needed)
		note_text(draft, mapping->field, text);
	else
		note_if_fits(draft, mapping->field, text);
	return true;
}

bool note_mapped(
	struct draft *draft, struct attrib_json object, const struct mapping *mappings, size_t n)
{
	struct attrib_json value;

	for (size_t i = 0; i < n; i++) {
		if (draft_sent(draft, (uint64_t)1 << mappings[i].field) ||
			!pick(object, mappings[i].path, &value))
			continue;
		if (!note_one(draft, &mappings[i], value))
			return false;
	}
	return true;
}

void note_amount(struct draft *draft, enum field_id field, int64_t amount, int exponent)
{
	char text[32];
	int n = attrib_money_format(amount, exponent, text);

	note_text(draft, field,
		attrib_arena_str(
			draft->sender->intake->arena, (struct attrib_str){text, (size_t)n}));
}

void note_instant(struct draft *draft, enum field_id field, int64_t at)
{
	char text[32];

	if (at == ATTRIB_NEVER)
		return;
	attrib_time_format(at, text);
	note_text(
		draft, field, attrib_arena_str(draft->sender->intake->arena, attrib_str_of(text)));
}

void note_alias_if_fits(struct draft *draft, const char *kind, struct attrib_str value)
{
	const struct field *field = &fields[FIELD_ORDER_ALIASES];

	if (value.n == 0 || !draft_fits(&fields[FIELD_ORDER_KEY], value) ||
		draft->alias_count == ATTRIB_ALIASES_MAX)
		return;
	draft_note(draft, field, ATTRIB_STR_NONE);
	draft_note_alias(draft, attrib_str_of(kind), value);
}

void note_code_if_fits(struct draft *draft, struct attrib_str code, struct attrib_str amount)
{
	const struct field *field = &fields[FIELD_ORDER_CODES];

	if (!draft_fits(field, code) || draft->code_count == ATTRIB_ORDER_CODES_MAX)
		return;
	draft_note_code(draft, code, amount);
}

/* -- carriers --------------------------------------------------------------------------------------- */

void carriers_init(struct carriers *carriers, const struct sender *sender)
{
	landing_begin(&carriers->reader, sender->intake->site, &carriers->landing);
	carriers->visitor = ATTRIB_STR_NONE;
}

/* Names that begin with "_" are those that shops hide from the customer. */
void carriers_take(struct carriers *carriers, struct attrib_str name, struct attrib_str value)
{
	name = attrib_str_trim(name);
	value = attrib_str_trim(value);
	if (name.n && name.p[0] == '_')
		name = (struct attrib_str){name.p + 1, name.n - 1};
	if (name.n == 0 || value.n == 0)
		return;
	if (attrib_str_eq(name, ATTRIB_STR(ATTRIB_VISITOR_COOKIE)) ||
		attrib_str_eq(name, ATTRIB_STR(ATTRIB_VISITOR_TWIN)))
		carriers->visitor = value;
	else
		landing_take(&carriers->reader, name, value, &carriers->landing);
}

void carriers_take_items(struct carriers *carriers, const struct sender *sender,
	struct attrib_json object, const char *path, const char *name)
{
	struct attrib_json_walk walk;
	struct attrib_json item;
	struct attrib_str none;

	pick_items(object, path, &walk);
	while (attrib_json_next(&walk, &none, &item))
		carriers_take(carriers, pick_text(sender->intake->arena, item, name),
			pick_text(sender->intake->arena, item, "value"));
}

void carriers_note(const struct carriers *carriers, struct draft *draft)
{
	const struct attrib_landing *landing = &carriers->landing;

	note_if_fits(draft, FIELD_VISITOR_ID, carriers->visitor);
	note_if_fits(draft, FIELD_CLICK_ID, landing->click_id);
	note_if_fits(draft, FIELD_AFFILIATE_ID, landing->affiliate);
	note_if_fits(draft, FIELD_UTM_SOURCE, landing->utm.source);
	note_if_fits(draft, FIELD_UTM_MEDIUM, landing->utm.medium);
	note_if_fits(draft, FIELD_UTM_CAMPAIGN, landing->utm.campaign);
	note_if_fits(draft, FIELD_UTM_TERM, landing->utm.term);
	note_if_fits(draft, FIELD_UTM_CONTENT, landing->utm.content);
}
