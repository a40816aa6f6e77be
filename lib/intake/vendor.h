/*
 * What the files of vendors are made of: picking values out of their JSON, and noting them as fields
 * of the native form. There is one way from fields to events (draft.h); a vendor only says which
 * value is which field.
 *
 * What names an order or says what it cost is noted whatever it holds, and a bad one is refused by
 * its field. Of carriers and persons what does not fit is left out: a sale is not lost for them.
 */
#ifndef ATTRIB_INTAKE_VENDOR_H
#define ATTRIB_INTAKE_VENDOR_H

#include "native_json.h"
#include "parts.h"

/* The events of a verified body; the contract of attrib_webhook_read. */
typedef int vendor_reader(
	const struct sender *sender, struct attrib_str body, struct attrib_intake_result *out);
vendor_reader shopify_read, woocommerce_read, stripe_read;

/* Parses a body that has to be one JSON object; else it is refused in *out. */
int vendor_object(const struct sender *sender, struct attrib_str body,
	struct attrib_intake_result *out, struct attrib_json *root);

/* -- picking ---------------------------------------------------------------------------------------- */

/* The value at a dotted path of names ("customer.id"); false when it is not there or null. */
bool pick(struct attrib_json object, const char *path, struct attrib_json *out);
/* The number of items of the array at a path; 0 without one. *walk goes over them. */
size_t pick_items(struct attrib_json object, const char *path, struct attrib_json_walk *walk);
/* The text of a string, a flag or an exact number at a path; n is 0 when there is none. */
struct attrib_str pick_text(
	struct attrib_arena *arena, struct attrib_json object, const char *path);
bool pick_flag(struct attrib_json object, const char *path);
/* Whole numbers of up to 18 digits; false for anything else. */
bool pick_int(struct attrib_json object, const char *path, int64_t *out);

/* Amounts in the decimals of one currency. The first bad one stays in err: sums that met it are no
 * use. */
struct purse {
	struct attrib_arena *arena;
	int exponent;
	int err;
};
/* Adds to a sum, which stays within ATTRIB_MONEY_MAX on both sides; beyond it is ATTRIB_E_OVERFLOW. */
void purse_add(struct purse *purse, int64_t *sum, int64_t amount);
/* A decimal amount in minor units, perhaps negative; 0 when there is none. */
int64_t pick_amount(struct purse *purse, struct attrib_json object, const char *path);
/* The sum of the amounts at `path` of all items of the array at `list`. */
int64_t pick_sum(
	struct purse *purse, struct attrib_json object, const char *list, const char *path);

/* -- noting ----------------------------------------------------------------------------------------- */

struct mapping {
	const char *path;
	enum field_id field;
	bool needed; /* noted whatever it holds */
};
/* Notes what is there; the first of several paths of one field wins. */
bool note_mapped(
	struct draft *draft, struct attrib_json object, const struct mapping *mappings, size_t n);
/* For the rest: nothing is noted for an empty text. */
void note_text(struct draft *draft, enum field_id field, struct attrib_str text);
void note_if_fits(struct draft *draft, enum field_id field, struct attrib_str text);
void note_amount(struct draft *draft, enum field_id field, int64_t amount, int exponent);
void note_instant(struct draft *draft, enum field_id field, int64_t at);
/* An alias or code that is no key of ours, or one too many, is left out. */
void note_alias_if_fits(struct draft *draft, const char *kind, struct attrib_str value);
void note_code_if_fits(struct draft *draft, struct attrib_str code, struct attrib_str amount);

/* Vendors' times have whole seconds. Of two states of one second the one that is further on is made the
 * later one, by a step for each state. */
#define VENDOR_STEP_US 1000

/* The instant at a path; ATTRIB_NEVER without one. `suffix` is added to texts that have no zone. */
int64_t pick_instant(struct attrib_arena *arena, struct attrib_json object, const char *path,
	const char *suffix);

/* The decimals of a currency; of the site's for an empty text, and 2 for one that will be refused. */
int exponent_of(const struct sender *sender, struct attrib_str currency);
int exponent_at(const struct sender *sender, struct attrib_json object, const char *path);

/* -- carriers --------------------------------------------------------------------------------------- */

/* Pairs of name and value that a shop's pages handed to the order: cart attributes, order meta,
 * metadata. They are read like the query of a landing page, and for the visitor id beside. */
struct carriers {
	struct attrib_landing landing;
	struct landing_reader reader;
	struct attrib_str visitor;
};
void carriers_init(struct carriers *carriers, const struct sender *sender);
void carriers_take(struct carriers *carriers, struct attrib_str name, struct attrib_str value);
/* Items of the array at a path, with their names and values under these names. */
void carriers_take_items(struct carriers *carriers, const struct sender *sender,
	struct attrib_json object, const char *path, const char *name);
void carriers_note(const struct carriers *carriers, struct draft *draft);

#endif
