/*
 * Inside of the reader of exports: fields that columns become, and forms of values that need more than a
 * line.
 */
#ifndef ATTRIB_SINK_EXPORT_H
#define ATTRIB_SINK_EXPORT_H

#include "attrib/reconcile.h"
#include "csv.h"

enum export_field {
	EXPORT_NOTHING,
	EXPORT_ID,
	EXPORT_NAME,
	EXPORT_CATEGORY,
	EXPORT_CURRENCY,
	EXPORT_TOTAL,
	EXPORT_REFUNDED,
	EXPORT_TAX,
	EXPORT_SHIPPING,
	EXPORT_DISCOUNT,
	EXPORT_STATUS,
	EXPORT_PLACED,
	EXPORT_PAID_AT,
	EXPORT_CANCELLED_AT,
	EXPORT_REFUNDED_AT,
	EXPORT_CODES,
	EXPORT_COUPONS,
	EXPORT_NOTES,
	EXPORT_CLICK,
	EXPORT_VISITOR,
	EXPORT_EMAIL,
	EXPORT_PHONE,
	EXPORT_CUSTOMER,
};

#define EXPORT_PLACES_MAX 32
struct export_place {
	const char *name;
	enum export_field field;
	size_t index; /* of the column */
	bool utc;     /* its times are, where they name no zone */
};

/* "2026-11-01 12:00:00 +0100", RFC 3339, without seconds, time or zone; `zone` (NULL = UTC) is that of
 * times that name none. False for anything else. */
bool export_time(struct attrib_str text, const struct attrib_zone *zone, int64_t *out);
/* "code:lisa10|description:|amount:10.00;..." to its first code; a list of codes as it is. */
struct attrib_str export_coupon(struct attrib_str text);
/* Lines "name: value" of a cart: the ids that they carry. */
void export_notes(
	struct attrib_str notes, struct attrib_str *click_id, struct attrib_str *visitor_id);

#endif
