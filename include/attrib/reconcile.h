/*
 * A shop's own list of its orders, as its system exports it, and how it differs from what is counted.
 * The list is read as a stream: one order is in memory at a time. Persons of it are told to whoever
 * reads; the comparison neither sees nor keeps them.
 */
#ifndef ATTRIB_RECONCILE_H
#define ATTRIB_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "attrib/buf.h"
#include "attrib/error.h"
#include "attrib/sink.h"
#include "attrib/str.h"
#include "attrib/time.h"
#include "attrib/tools.h"

/* -- the list ------------------------------------------------------------------------------------ */

enum attrib_export_preset {
	ATTRIB_EXPORT_SHOPIFY,
	ATTRIB_EXPORT_STRIPE_BALANCE,
	ATTRIB_EXPORT_STRIPE_PAYMENTS,
	ATTRIB_EXPORT_WOOCOMMERCE,
	ATTRIB_EXPORT_PLAIN,
	ATTRIB_EXPORT_PRESETS,
};
/* "shopify", ... */
const char *attrib_export_name(enum attrib_export_preset preset);
/* ATTRIB_E_NOT_FOUND: no such preset. */
int attrib_export_parse(struct attrib_str name, enum attrib_export_preset *out) ATTRIB_MUST_CHECK;

enum attrib_export_status {
	ATTRIB_EXPORT_UNKNOWN, /* of an extension, not told to us */
	ATTRIB_EXPORT_PENDING,
	ATTRIB_EXPORT_PAID,
	ATTRIB_EXPORT_CANCELLED,
};

/* Amounts are minor units of the currency; texts are borrowed until the next order, empty = not told. */
struct attrib_export_order {
	uint64_t line;          /* where it begins */
	struct attrib_str id;   /* what its system calls it */
	struct attrib_str name; /* another name: #1001; an alias */
	const char *name_kind;  /* of the alias; NULL without a name */
	char currency[4];
	int exponent;
	bool has_total, has_refunded;
	int64_t total, refunded; /* refunded: all of it so far */
	bool has_tax, has_shipping, has_discount;
	int64_t tax, shipping, discount;
	enum attrib_export_status status;
	int64_t placed_at, paid_at, cancelled_at, refunded_at; /* or ATTRIB_NEVER */
	struct attrib_str email, phone, customer_id, click_id, visitor_id;
	struct attrib_str codes; /* separated by commas */
};

struct attrib_export_options {
	FILE *in;                       /* borrowed; RFC 4180 with a header */
	const char *file;               /* its name, for messages */
	int preset;                     /* enum attrib_export_preset, or -1: by the header */
	const struct attrib_zone *zone; /* of times that name none */
	const char *currency;           /* of rows that name none */
};
struct attrib_export;
/* NULL when memory is out; the caller frees it. */
struct attrib_export *attrib_export_open(const struct attrib_export_options *options);
void attrib_export_free(struct attrib_export *export);
/* Reads the header. ATTRIB_E_INVALID: it is none that is known. */
int attrib_export_begin(struct attrib_export *export) ATTRIB_MUST_CHECK;
enum attrib_export_preset attrib_export_preset_of(const struct attrib_export *export);
/* The next order: 1, 0 at the end, ATTRIB_E_INVALID or ATTRIB_E_IO (errno). A row of a balance is one
 * part of an order, and several may name it; else an order comes once, whatever rows it takes. */
int attrib_export_next(
	struct attrib_export *export, struct attrib_export_order *out) ATTRIB_MUST_CHECK;
/* After ATTRIB_E_INVALID: "file:line: column: expected ..., got ...". */
const char *attrib_export_problem(const struct attrib_export *export);

/* -- the difference ------------------------------------------------------------------------------ */

/* What of an order was not heard, and can be told by the list. */
enum attrib_due {
	ATTRIB_DUE_ORDER = 1,
	ATTRIB_DUE_REFUND = 2,
	ATTRIB_DUE_CANCEL = 4,
	ATTRIB_DUE_PAID = 8, /* of an order that is pending here */
};
struct attrib_export_due {
	uint64_t line; /* of the order in the file */
	unsigned what; /* enum attrib_due */
	int64_t total, refunded, placed_at;
	const char *known_as; /* the id that it has here; borrowed for the call; empty = missing */
};

enum attrib_difference {
	ATTRIB_DIFFERENCE_MISSING,
	ATTRIB_DIFFERENCE_EXTRA,
	ATTRIB_DIFFERENCE_AMOUNT,
	ATTRIB_DIFFERENCE_REFUND,
	ATTRIB_DIFFERENCE_STATUS,
	ATTRIB_DIFFERENCES,
};
const char *attrib_difference_name(enum attrib_difference difference);

struct attrib_reconcile {
	const char *conninfo;
	const char *site;
	const char *from, *to; /* YYYY-MM-DD, both or none = what the file spans */
	enum attrib_report_format format;
	int (*write)(void *arg, struct attrib_str text);             /* as of attrib_report */
	void (*due)(void *arg, const struct attrib_export_due *due); /* in the order of the lines */
	void (*progress)(void *arg, uint64_t orders);                /* may be NULL */
	void *arg;
};
struct attrib_reconcile_result {
	uint64_t orders;                    /* of the file, within the period */
	uint64_t found[ATTRIB_DIFFERENCES]; /* differences */
	uint64_t unsent;                    /* of them, such that the list can't settle */
	char from[32], to[32];              /* the period as it was taken; empty = all time */
};
/* Reads an export that has begun to its end and compares. ATTRIB_E_BAD_TIME: the period, said by
 * error->text. ATTRIB_E_INVALID: the file, said by attrib_export_problem or, when that is empty, by
 * error->text. ATTRIB_E_IO (errno), ATTRIB_E_SCHEMA, ATTRIB_E_UNAVAILABLE, ATTRIB_E_NOMEM. */
int attrib_postgres_reconcile(const struct attrib_reconcile *reconcile,
	struct attrib_export *export, struct attrib_reconcile_result *result,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;

#endif
