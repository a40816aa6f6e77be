/*
 * What the readers of analytics have in common. Their senders are programs of the shop that calculate:
 * their numbers are rounded to what their currency has.
 */
#ifndef ATTRIB_INTAKE_ANALYTICS_H
#define ATTRIB_INTAKE_ANALYTICS_H

#include "vendor.h"

/* Notes amounts: texts as they are, numbers rounded to `exponent` decimals, half away from zero. The
 * first of several paths of one field wins; false: refused. */
bool note_amounts(struct draft *draft, struct attrib_json object, const struct mapping *mappings,
	size_t n, int exponent);
/* An amount in minor units, as note_amounts reads it; false, refused by the field, for a bad one. 0 when
 * there is none. */
bool read_amount(struct draft *draft, struct attrib_json object, const struct mapping *mapping,
	int exponent, int64_t *out);

/* What an order says of money without what it cost: it would be taken for the word that it cost nothing. */
void drop_loose_amounts(struct draft *draft);

/* Codes at a path: a text (with commas) or a list of texts; then those of the items of a list. A
 * single code has the order's discount. Nothing there: nothing is said of codes. */
void note_coupons(struct draft *draft, struct attrib_json object, const char *path,
	const char *items, const char *item_path);

/* A landing without an address is one, too, when it says where it came from. False: it says nothing
 * that a visit needs. */
bool note_landing(struct draft *draft);

/* A name for what the sender did not name: of all these texts, and readable by nobody. */
struct attrib_str derived_name(
	const struct sender *sender, const struct attrib_str *texts, size_t n);

#endif
