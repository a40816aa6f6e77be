/*
 * What the readers of analytics have in common; see analytics.h.
 */
#include "analytics.h"

#include "attrib/money.h"

/* -- amounts ---------------------------------------------------------------------------------------- */

/* A decimal with no more decimals than its currency has; one that is no amount stays as it is. */
static struct attrib_str round_decimal(
	struct attrib_arena *arena, struct attrib_str decimal, int exponent)
{
	struct attrib_str fraction, cut = attrib_str_split(decimal, '.', &fraction);
	size_t keep = (size_t)exponent;
	int64_t amount;
	char text[32];
	int n;

	if (fraction.n <= keep)
		return decimal;
	if (keep)
		cut.n += 1 + keep;
	if (attrib_money_parse(cut, exponent, &amount))
		return decimal;
	if (fraction.p[keep] >= '5')
		amount += decimal.p[0] == '-' ? -1 : 1;
	n = attrib_money_format(amount, exponent, text);
	return attrib_arena_str(arena, (struct attrib_str){text, (size_t)n});
}

/* p is NULL for what is neither a text nor a number. */
static struct attrib_str amount_text(
	struct attrib_arena *arena, struct attrib_json value, int exponent)
{
	char digits[ATTRIB_JSON_DECIMAL_MAX];
	size_t n;

	if (attrib_json_kind(value) == ATTRIB_JSON_STRING)
		return attrib_json_string(value);
	n = attrib_json_nearest(value, digits);
	return n ? round_decimal(
			   arena, attrib_arena_str(arena, (struct attrib_str){digits, n}), exponent)
		 : ATTRIB_STR_NONE;
}

bool note_amounts(struct draft *draft, struct attrib_json object, const struct mapping *mappings,
	size_t n, int exponent)
{
	struct attrib_arena *arena = draft->sender->intake->arena;
	struct attrib_json value;
	struct attrib_str text;

	for (size_t i = 0; i < n; i++) {
		enum field_id field = mappings[i].field;
		if (draft_sent(draft, (uint64_t)1 << field) ||
			!pick(object, mappings[i].path, &value))
			continue;
		text = amount_text(arena, value, exponent);
		if (!text.p)
			return draft_refuse(draft, &fields[field]);
		note_text(draft, field, text);
	}
	return true;
}

bool read_amount(struct draft *draft, struct attrib_json object, const struct mapping *mapping,
	int exponent, int64_t *out)
{
	struct attrib_json value;
	struct attrib_str text;

	*out = 0;
	if (!pick(object, mapping->path, &value))
		return true;
	text = amount_text(draft->sender->intake->arena, value, exponent);
	if (text.p && text.n == 0)
		return true;
	if (!text.p || attrib_money_parse(text, exponent, out) || *out < 0)
		return draft_refuse(draft, &fields[mapping->field]);
	return true;
}

void drop_loose_amounts(struct draft *draft)
{
	if (!draft_sent(draft, BIT(ORDER_TOTAL) | BIT(ORDER_SUBTOTAL)))
		draft->sent &= ~(BIT(ORDER_TAX) | BIT(ORDER_SHIPPING) | BIT(ORDER_DISCOUNT));
}

/* -- codes ------------------------------------------------------------------------------------------ */

static void note_code_once(struct draft *draft, struct attrib_str code)
{
	code = attrib_str_trim(code);
	for (size_t i = 0; i < draft->code_count; i++) {
		if (attrib_str_eq(draft->codes[i].code, code))
			return;
	}
	note_code_if_fits(draft, code, ATTRIB_STR_NONE);
}

static void note_code_list(struct draft *draft, struct attrib_str list)
{
	while (list.n)
		note_code_once(draft, attrib_str_split(list, ',', &list));
}

static void note_codes_at(struct draft *draft, struct attrib_json object, const char *path)
{
	struct attrib_arena *arena = draft->sender->intake->arena;
	struct attrib_json_walk walk;
	struct attrib_json value;
	struct attrib_str none;

	if (!pick(object, path, &value))
		return;
	draft_note(draft, &fields[FIELD_ORDER_CODES], ATTRIB_STR_NONE);
	note_code_list(draft, json_text(arena, value, true));
	pick_items(object, path, &walk);
	while (attrib_json_next(&walk, &none, &value))
		note_code_list(draft, json_text(arena, value, true));
}

void note_coupons(struct draft *draft, struct attrib_json object, const char *path,
	const char *items, const char *item_path)
{
	struct attrib_json_walk walk;
	struct attrib_json item;
	struct attrib_str none;

	note_codes_at(draft, object, path);
	pick_items(object, items, &walk);
	while (attrib_json_next(&walk, &none, &item))
		note_codes_at(draft, item, item_path);
	if (draft->code_count == 1 && draft_sent(draft, BIT(ORDER_DISCOUNT)))
		draft->codes[0].amount = draft->noted[FIELD_ORDER_DISCOUNT];
}

/* -- the rest --------------------------------------------------------------------------------------- */

bool note_landing(struct draft *draft)
{
	const uint64_t keys = BIT(UTM_SOURCE) | BIT(UTM_MEDIUM) | BIT(UTM_CAMPAIGN) |
			      BIT(AFFILIATE_ID) | BIT(CLICK_ID);

	if (!draft_sent(draft, BIT(URL)) && draft_sent(draft, keys))
		note_text(draft, FIELD_URL, ATTRIB_STR("/"));
	return draft_sent(draft, BIT(URL));
}

struct attrib_str derived_name(
	const struct sender *sender, const struct attrib_str *texts, size_t n)
{
	const struct attrib_intake *intake = sender->intake;
	struct attrib_str all = sender->source;
	char hex[32];
	struct attrib_id id;

	for (size_t i = 0; i < n; i++)
		all = attrib_arena_printf(intake->arena, "%.*s %zu %.*s", (int)all.n, all.p,
			texts[i].n, (int)texts[i].n, texts[i].n ? texts[i].p : "");
	id = attrib_id_of(intake->keys, ATTRIB_ID_CONTENT, intake->site->site->name, all);
	attrib_hex(id.b, sizeof id.b, hex);
	return attrib_arena_str(intake->arena, (struct attrib_str){hex, sizeof hex});
}
