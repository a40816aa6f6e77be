/*
 * The pixel: the native form as a query string, for pages that can do nothing but load an image.
 */
#include "draft.h"

#include "attrib/text.h"

/* Short names, for URLs that people write by hand. */
static const struct {
	struct attrib_str name;
	enum field_id field;
} short_names[] = {
	{ATTRIB_STR("e"), FIELD_TYPE},
	{ATTRIB_STR("vid"), FIELD_VISITOR_ID},
	{ATTRIB_STR("ref"), FIELD_REFERRER},
	{ATTRIB_STR("order_id"), FIELD_ORDER_KEY},
	{ATTRIB_STR("total"), FIELD_ORDER_TOTAL},
	{ATTRIB_STR("currency"), FIELD_ORDER_CURRENCY},
	{ATTRIB_STR("codes"), FIELD_ORDER_CODES},
};

static const struct field *find(struct attrib_str name)
{
	for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++) {
		if (attrib_str_eq(short_names[i].name, name))
			return &fields[short_names[i].field];
	}
	return field_find_path(name);
}

/* What is empty was not sent, and the first value of a name stands: pages append to URLs. */
static bool note_pair(struct draft *draft, struct attrib_str name, struct attrib_str value)
{
	struct attrib_arena *arena = draft->sender->intake->arena;
	const struct field *field = find(attrib_form_decode(arena, name));
	struct attrib_str text;

	if (!field || field->form == FORM_OBJECT ||
		draft_sent(draft, (uint64_t)1 << field_id(field)))
		return true;
	text = attrib_form_decode(arena, value);
	if (text.n == 0)
		return text.p != NULL || draft_refuse_as(draft, ATTRIB_E_NOMEM, "out of memory");
	draft_note(draft, field, text);
	return field->form != FORM_CODES || draft_note_codes(draft, text);
}

/* A page that can't tell its own URL is named by its browser. */
static void note_page(struct draft *draft, const struct attrib_http_request *request)
{
	struct attrib_str page = attrib_http_header(request, ATTRIB_STR("Referer"));

	if (!draft_sent(draft, BIT(URL)) && page.n && attrib_str_is_text(page) &&
		page.n <= fields[FIELD_URL].max)
		draft_note(draft, &fields[FIELD_URL], page);
}

static bool note_query(struct draft *draft, struct attrib_str query)
{
	struct attrib_str name, value;

	while (attrib_query_next(&query, &name, &value)) {
		if (!note_pair(draft, name, value))
			return false;
	}
	if (!draft_sent(draft, BIT(SITE)))
		return draft_refuse(draft, &fields[FIELD_SITE]);
	return true;
}

int attrib_intake_pixel(const struct attrib_intake *intake, const struct attrib_visit *visit,
	struct attrib_intake_result *out)
{
	struct sender sender = {.intake = intake,
		.trust = ATTRIB_TRUST_STRANGER,
		.source = ATTRIB_STR("pixel"),
		.visit = visit};
	struct draft draft;
	bool noted;
	int err = result_open(&sender, 1, out);

	if (err)
		return err;
	draft_init(&draft, &sender, 0);
	noted = note_query(&draft, visit->request->query);
	if (noted)
		note_page(&draft, visit->request);
	return result_take(out, &draft, !noted);
}
