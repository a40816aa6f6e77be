/*
 * A draft: one item of a request on its way to an event. First the fields are noted as texts, in
 * whatever order they came; then they are set in the table's order, because an amount means nothing
 * before its currency; then the event is finished by the rules of its type.
 */
#ifndef ATTRIB_INTAKE_DRAFT_H
#define ATTRIB_INTAKE_DRAFT_H

#include "attrib/intake.h"
#include "field.h"

/* Who sent the request; the same for all its items. */
struct sender {
	const struct attrib_intake *intake;
	enum attrib_trust trust;
	struct attrib_str source;
	const struct attrib_visit *visit; /* NULL: no browser, no verdicts, no cookie */
	/* the sender's own name of the request, the same in each retry: what has no event_id is named by
	 * it; empty = by its content */
	struct attrib_str request_id;
	/* what the sender calls the fields, by field id; NULL, or NULL for a field: as the table does */
	const char *const *names;
};

struct noted_code {
	struct attrib_str code, amount; /* amount.p is NULL when it was not sent */
};
struct noted_alias {
	struct attrib_str kind, value;
};

struct draft {
	const struct sender *sender;
	size_t index; /* of the item in the request */
	/* noted */
	uint64_t sent; /* a bit for each field; what was null or empty in a query was not sent */
	struct attrib_str noted[FIELD_COUNT]; /* valid where sent; borrowed for the item's time */
	size_t code_count, alias_count;
	struct noted_code codes[ATTRIB_ORDER_CODES_MAX];
	struct noted_alias aliases[ATTRIB_ALIASES_MAX];
	/* set */
	int exponent; /* of the amounts that follow */
	int clamped;  /* occurred_at: -1 to the oldest instant that is believed, 1 to the newest */
	struct attrib_event event;
	bool consent; /* as it was stated */
	struct attrib_str visitor_id, customer_id, email, phone, click_id, url, referrer;
	/* why not */
	int error;
	struct attrib_str message;
};

void draft_init(struct draft *draft, const struct sender *sender, size_t index);
static inline bool draft_sent(const struct draft *draft, uint64_t bits)
{
	return draft->sent & bits;
}
/* Notes the text of a field. Fields of form CODES and ALIASES are noted item by item and then
 * marked. False, with the fault in the draft, when a limit of a list is passed. */
void draft_note(struct draft *draft, const struct field *field, struct attrib_str text);
bool draft_note_code(struct draft *draft, struct attrib_str code, struct attrib_str amount);
bool draft_note_alias(struct draft *draft, struct attrib_str kind, struct attrib_str value);
/* Codes in one text, separated by commas. */
bool draft_note_codes(struct draft *draft, struct attrib_str list);

/* What the sender calls a field. */
struct attrib_str draft_name_of(const struct draft *draft, const struct field *field);
/* Always false: the item is rejected. The message says which field, and what its form expects. */
bool draft_refuse(struct draft *draft, const struct field *field);
bool draft_refuse_as(struct draft *draft, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether the field's form takes a text of this length and with these bytes. */
bool draft_fits(const struct field *field, struct attrib_str text);
/* Sets what was noted: texts to members of event, order and refund. */
bool draft_set(struct draft *draft);
/* Completes the event by the rules of its type. *keep: it is worth recording. */
bool draft_finish(struct draft *draft, bool *keep);

/* Somebody said no: the item's `consent`, or the browser by GPC or DNT. */
bool draft_declined(const struct draft *draft);

/* Items of a request gathered into its result. */
int result_open(const struct sender *sender, size_t items, struct attrib_intake_result *out);
/* Sets and finishes a draft whose fields are noted; refused: they could not even be noted. */
int result_take(struct attrib_intake_result *out, struct draft *draft, bool refused);
/* The item is not needed: no event, and nothing wrong with it. */
int result_ignore(const struct sender *sender, struct attrib_intake_result *out, size_t index,
	const char *reason);
/* The body as a whole is refused; returns the error. */
int result_refuse(const struct sender *sender, struct attrib_intake_result *out, size_t index,
	int error, const char *message);

#endif
