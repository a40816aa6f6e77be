/*
 * Orders out of the exports of shop systems. A preset says which of its columns is what; a header is a
 * preset's when it has all that this one needs. Everything behind that is the same for all of them, but
 * for three habits: Shopify repeats an order's name on a row for each further line of it, Stripe's lists
 * have payments that came to nothing, and its balance tells an order in parts.
 */
#include "export.h"

#include <errno.h>
#include <stdlib.h>

#include "attrib/money.h"

#define PROBLEM_BYTES 320

enum outcome { TAKEN, PASSED_OVER, BAD };

/* -- presets ---------------------------------------------------------------------------------------- */

/* Of several columns for one thing the first that is not empty. A needed one tells the preset. */
struct export_column {
	const char *name;
	enum export_field field;
	bool needed;
};

static const struct export_column shopify[] = {
	{"Name", EXPORT_NAME, true},
	{"Financial Status", EXPORT_STATUS, true},
	{"Total", EXPORT_TOTAL, true},
	{"Created at", EXPORT_PLACED, true},
	{"Currency", EXPORT_CURRENCY, true},
	{"Id", EXPORT_ID, false},
	{"Name", EXPORT_ID, false},
	{"Taxes", EXPORT_TAX, false},
	{"Shipping", EXPORT_SHIPPING, false},
	{"Discount Amount", EXPORT_DISCOUNT, false},
	{"Discount Code", EXPORT_CODES, false},
	{"Refunded Amount", EXPORT_REFUNDED, false},
	{"Paid at", EXPORT_PAID_AT, false},
	{"Cancelled at", EXPORT_CANCELLED_AT, false},
	{"Email", EXPORT_EMAIL, false},
	{"Phone", EXPORT_PHONE, false},
	{"Note Attributes", EXPORT_NOTES, false},
	{0},
};
static const struct export_column stripe_balance[] = {
	{"balance_transaction_id", EXPORT_NOTHING, true},
	{"reporting_category", EXPORT_CATEGORY, true},
	{"customer_facing_amount", EXPORT_TOTAL, false},
	{"gross", EXPORT_TOTAL, true},
	{"customer_facing_currency", EXPORT_CURRENCY, false},
	{"currency", EXPORT_CURRENCY, true},
	{"payment_intent_id", EXPORT_ID, false},
	{"charge_id", EXPORT_ID, false},
	{"source_id", EXPORT_ID, false},
	{"created_utc", EXPORT_PLACED, false},
	{"created", EXPORT_PLACED, false},
	{"payment_metadata[order_id]", EXPORT_NAME, false},
	{"customer_email", EXPORT_EMAIL, false},
	{"customer_id", EXPORT_CUSTOMER, false},
	{0},
};
static const struct export_column stripe_payments[] = {
	{"id", EXPORT_NOTHING, true},
	{"Amount", EXPORT_TOTAL, true},
	{"Amount Refunded", EXPORT_REFUNDED, true},
	{"Status", EXPORT_STATUS, true},
	{"Currency", EXPORT_CURRENCY, true},
	{"PaymentIntent ID", EXPORT_ID, false},
	{"id", EXPORT_ID, false},
	{"Created date (UTC)", EXPORT_PLACED, false},
	{"Created (UTC)", EXPORT_PLACED, false},
	{"Refunded date (UTC)", EXPORT_REFUNDED_AT, false},
	{"order_id (metadata)", EXPORT_NAME, false},
	{"attr_click (metadata)", EXPORT_CLICK, false},
	{"attr_vid (metadata)", EXPORT_VISITOR, false},
	{"Customer Email", EXPORT_EMAIL, false},
	{"Customer ID", EXPORT_CUSTOMER, false},
	{0},
};
static const struct export_column woocommerce[] = {
	{"order_id", EXPORT_ID, true},
	{"order_total", EXPORT_TOTAL, true},
	{"status", EXPORT_STATUS, true},
	{"order_number", EXPORT_NAME, false},
	{"order_currency", EXPORT_CURRENCY, false},
	{"currency", EXPORT_CURRENCY, false},
	{"tax_total", EXPORT_TAX, false},
	{"total_tax", EXPORT_TAX, false},
	{"shipping_total", EXPORT_SHIPPING, false},
	{"discount_total", EXPORT_DISCOUNT, false},
	{"refunded_total", EXPORT_REFUNDED, false},
	{"date_created_gmt", EXPORT_PLACED, false},
	{"order_date", EXPORT_PLACED, false},
	{"date", EXPORT_PLACED, false},
	{"paid_date", EXPORT_PAID_AT, false},
	{"date_paid", EXPORT_PAID_AT, false},
	{"billing_email", EXPORT_EMAIL, false},
	{"billing_phone", EXPORT_PHONE, false},
	{"customer_id", EXPORT_CUSTOMER, false},
	{"customer_user", EXPORT_CUSTOMER, false},
	{"coupons", EXPORT_COUPONS, false},
	{"coupon_items", EXPORT_COUPONS, false},
	{0},
};
static const struct export_column plain[] = {
	{"order_id", EXPORT_ID, true},
	{"total", EXPORT_TOTAL, true},
	{"name", EXPORT_NAME, false},
	{"currency", EXPORT_CURRENCY, false},
	{"status", EXPORT_STATUS, false},
	{"refunded", EXPORT_REFUNDED, false},
	{"tax", EXPORT_TAX, false},
	{"shipping", EXPORT_SHIPPING, false},
	{"discount", EXPORT_DISCOUNT, false},
	{"placed_at", EXPORT_PLACED, false},
	{"paid_at", EXPORT_PAID_AT, false},
	{"cancelled_at", EXPORT_CANCELLED_AT, false},
	{"refunded_at", EXPORT_REFUNDED_AT, false},
	{"codes", EXPORT_CODES, false},
	{"click_id", EXPORT_CLICK, false},
	{"visitor_id", EXPORT_VISITOR, false},
	{"email", EXPORT_EMAIL, false},
	{"phone", EXPORT_PHONE, false},
	{"customer_id", EXPORT_CUSTOMER, false},
	{0},
};

static const struct {
	const char *name, *name_kind;
	const struct export_column *columns;
} presets[ATTRIB_EXPORT_PRESETS] = {
	[ATTRIB_EXPORT_SHOPIFY] = {"shopify", "name", shopify},
	[ATTRIB_EXPORT_STRIPE_BALANCE] = {"stripe-balance", "order_id", stripe_balance},
	[ATTRIB_EXPORT_STRIPE_PAYMENTS] = {"stripe-payments", "order_id", stripe_payments},
	[ATTRIB_EXPORT_WOOCOMMERCE] = {"woocommerce", "number", woocommerce},
	[ATTRIB_EXPORT_PLAIN] = {"plain", "name", plain},
};

const char *attrib_export_name(enum attrib_export_preset preset)
{
	return presets[preset].name;
}

int attrib_export_parse(struct attrib_str name, enum attrib_export_preset *out)
{
	for (int i = 0; i < ATTRIB_EXPORT_PRESETS; i++) {
		if (attrib_str_eq(attrib_str_of(presets[i].name), name)) {
			*out = (enum attrib_export_preset)i;
			return 0;
		}
	}
	return ATTRIB_E_NOT_FOUND;
}

/* -- the reader ------------------------------------------------------------------------------------- */

struct attrib_export {
	struct attrib_export_options options;
	struct csv csv;
	int preset;
	struct export_place places[EXPORT_PLACES_MAX];
	size_t place_count;
	struct attrib_buf last_id; /* of the order before */
	char problem[PROBLEM_BYTES];
};

struct attrib_export *attrib_export_open(const struct attrib_export_options *options)
{
	struct attrib_export *export = calloc(1, sizeof *export);

	if (!export)
		return NULL;
	export->options = *options;
	export->preset = options->preset;
	csv_init(&export->csv, options->in);
	attrib_buf_init(&export->last_id);
	return export;
}

void attrib_export_free(struct attrib_export *export)
{
	if (!export)
		return;
	csv_done(&export->csv);
	attrib_buf_done(&export->last_id);
	free(export);
}

enum attrib_export_preset attrib_export_preset_of(const struct attrib_export *export)
{
	return (enum attrib_export_preset) export->preset;
}

const char *attrib_export_problem(const struct attrib_export *export)
{
	return export->problem;
}

static enum outcome refuse(struct attrib_export *export, const char *column, const char *expected,
	struct attrib_str got)
{
	snprintf(export->problem, sizeof export->problem, "%s:%llu: %s%sexpected %s, got \"%.*s\"",
		export->options.file, (unsigned long long)export->csv.line, column,
		*column ? ": " : "", expected, got.n > 60 ? 60 : (int)got.n, got.p ? got.p : "");
	return BAD;
}

static int refuse_csv(struct attrib_export *export)
{
	snprintf(export->problem, sizeof export->problem, "%s:%llu: %s", export->options.file,
		(unsigned long long)(export->csv.line ? export->csv.line : 1), export->csv.problem);
	return ATTRIB_E_INVALID;
}

/* -- the header ------------------------------------------------------------------------------------- */

static int find_column(const struct csv *csv, const char *name)
{
	for (size_t i = 0; i < csv->field_count; i++) {
		if (attrib_str_ieq(attrib_str_trim(csv->fields[i]), attrib_str_of(name)))
			return (int)i;
	}
	return -1;
}

/* What it lacks of a preset; NULL = nothing. */
static const char *lacks(const struct csv *csv, int preset)
{
	for (const struct export_column *c = presets[preset].columns; c->name; c++) {
		if (c->needed && find_column(csv, c->name) < 0)
			return c->name;
	}
	return NULL;
}

static bool says_utc(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && (strcmp(name + n - 3, "gmt") == 0 || strcmp(name + n - 3, "utc") == 0 ||
				name[n - 1] == ')');
}

static void map_columns(struct attrib_export *export)
{
	for (const struct export_column *c = presets[export->preset].columns; c->name; c++) {
		int index = find_column(&export->csv, c->name);
		if (index >= 0 && c->field != EXPORT_NOTHING)
			export->places[export->place_count++] = (struct export_place){
				c->name, c->field, (size_t)index, says_utc(c->name)};
	}
}

int attrib_export_begin(struct attrib_export *export)
{
	const char *lacking;

	errno = 0;
	if (!csv_next(&export->csv)) {
		if (ferror(export->options.in))
			return ATTRIB_E_IO;
		if (!export->csv.problem)
			export->csv.problem = "expected a header, got nothing";
		return refuse_csv(export);
	}
	if (export->preset < 0) {
		do
			export->preset++;
		while (export->preset < ATTRIB_EXPORT_PRESETS &&
			lacks(&export->csv, export->preset));
	}
	if (export->preset == ATTRIB_EXPORT_PRESETS) {
		export->preset = -1;
		refuse(export, "",
			"the header of an export of Shopify, WooCommerce or Stripe, or "
			"order_id,total,...",
			export->csv.fields[0]);
		return ATTRIB_E_INVALID;
	}
	lacking = lacks(&export->csv, export->preset);
	if (lacking) {
		refuse(export, lacking, "a column of this name", ATTRIB_STR("none"));
		return ATTRIB_E_INVALID;
	}
	map_columns(export);
	return 0;
}

/* -- values ----------------------------------------------------------------------------------------- */

static struct attrib_str value_at(
	struct attrib_export *export, enum export_field field, const struct export_place **place)
{
	static const struct export_place nowhere = {.name = ""};

	*place = &nowhere;
	for (size_t i = 0; i < export->place_count; i++) {
		const struct export_place *p = &export->places[i];
		struct attrib_str value;
		if (p->field != field || p->index >= export->csv.field_count)
			continue;
		value = attrib_str_trim(export->csv.fields[p->index]);
		if ((*place)->name[0] == '\0' || value.n)
			*place = p;
		if (value.n)
			return value;
	}
	return ATTRIB_STR_NONE;
}

static struct attrib_str text_at(struct attrib_export *export, enum export_field field)
{
	const struct export_place *place;

	return value_at(export, field, &place);
}

static enum outcome read_amount(struct attrib_export *export, enum export_field field, int exponent,
	bool *has, int64_t *out)
{
	const struct export_place *place;
	struct attrib_str value = value_at(export, field, &place);

	*has = value.n > 0;
	if (value.n == 0 || attrib_money_parse(value, exponent, out) == 0)
		return TAKEN;
	return refuse(
		export, place->name, "an amount such as 119.00 in the order's currency", value);
}

static enum outcome read_instant(
	struct attrib_export *export, enum export_field field, int64_t *out)
{
	const struct export_place *place;
	struct attrib_str value = value_at(export, field, &place);

	*out = ATTRIB_NEVER;
	if (value.n == 0 || export_time(value, place->utc ? NULL : export->options.zone, out))
		return TAKEN;
	return refuse(export, place->name, "a time such as 2026-11-01 12:00:00 +0100", value);
}

static enum outcome read_currency(struct attrib_export *export, struct attrib_export_order *out)
{
	const struct export_place *place;
	struct attrib_str value = value_at(export, EXPORT_CURRENCY, &place);

	if (value.n == 0)
		value = attrib_str_of(export->options.currency);
	for (size_t i = 0; i < value.n && i < 3; i++)
		out->currency[i] = value.p[i] >= 'a' && value.p[i] <= 'z' ? (char)(value.p[i] - 32)
									  : value.p[i];
	out->exponent = value.n == 3 ? attrib_currency_exponent(attrib_str_of(out->currency)) : -1;
	return out->exponent >= 0 ? TAKEN
				  : refuse(export, place->name, "a currency such as EUR", value);
}

/* -- states ----------------------------------------------------------------------------------------- */

#define NO_ORDER (-1)
static const struct {
	const char *names; /* between blanks */
	int status;
	bool all_refunded;
} states[] = {
	{" pending authorized expired voided failed on-hold processing_payment ",
		ATTRIB_EXPORT_PENDING, false},
	{" paid partially_paid partially_refunded processing completed succeeded disputed ",
		ATTRIB_EXPORT_PAID, false},
	{" refunded ", ATTRIB_EXPORT_PAID, true},
	{" cancelled trash ", ATTRIB_EXPORT_CANCELLED, false},
	{" auto-draft checkout-draft ", NO_ORDER, false},
};

/* A payment is an order only when it came about. */
static int payment_state(struct attrib_str value)
{
	static const char *const nothing[] = {
		"failed", "canceled", "cancelled", "blocked", "uncaptured", "incomplete"};

	for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
		if (attrib_str_ieq(attrib_str_of(nothing[i]), value))
			return NO_ORDER;
	}
	if (value.n > 9 && attrib_str_ieq((struct attrib_str){value.p, 9}, ATTRIB_STR("requires_")))
		return NO_ORDER;
	return attrib_str_ieq(value, ATTRIB_STR("pending")) ||
			       attrib_str_ieq(value, ATTRIB_STR("processing"))
		       ? ATTRIB_EXPORT_PENDING
		       : ATTRIB_EXPORT_PAID;
}

static bool find_state(struct attrib_str value, int *status, bool *all_refunded)
{
	char wanted[40];
	int n = snprintf(
		wanted, sizeof wanted, " %.*s ", value.n > 30 ? 30 : (int)value.n, value.p);

	for (int i = 1; i < n - 1; i++) {
		if (wanted[i] >= 'A' && wanted[i] <= 'Z')
			wanted[i] = (char)(wanted[i] + 32);
		else if (wanted[i] == ' ')
			wanted[i] = '_';
	}
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		if (strstr(states[i].names, wanted)) {
			*status = states[i].status;
			*all_refunded = states[i].all_refunded;
			return true;
		}
	}
	return false;
}

/* What the shop says without an amount: all of it was refunded. */
static void refund_all(struct attrib_export_order *out)
{
	if (out->has_refunded || !out->has_total)
		return;
	out->has_refunded = true;
	out->refunded = out->total;
}

static enum outcome read_status(struct attrib_export *export, struct attrib_export_order *out)
{
	const struct export_place *place;
	struct attrib_str value = value_at(export, EXPORT_STATUS, &place);
	bool all_refunded = false;
	int status = export->preset == ATTRIB_EXPORT_SHOPIFY ? ATTRIB_EXPORT_PENDING
							     : ATTRIB_EXPORT_PAID;

	if (value.n > 3 && memcmp(value.p, "wc-", 3) == 0)
		value = (struct attrib_str){value.p + 3, value.n - 3};
	if (value.n && export->preset == ATTRIB_EXPORT_STRIPE_PAYMENTS)
		status = payment_state(value);
	else if (value.n && !find_state(value, &status, &all_refunded)) {
		if (export->preset != ATTRIB_EXPORT_WOOCOMMERCE)
			return refuse(export, place->name,
				"a state such as paid, pending, refunded or cancelled", value);
		/* an extension's own */
		status = out->paid_at == ATTRIB_NEVER ? ATTRIB_EXPORT_UNKNOWN : ATTRIB_EXPORT_PAID;
	}
	if (status == NO_ORDER)
		return PASSED_OVER;
	out->status = (enum attrib_export_status)status;
	if (out->cancelled_at != ATTRIB_NEVER)
		out->status = ATTRIB_EXPORT_CANCELLED;
	if (all_refunded)
		refund_all(out);
	return TAKEN;
}

/* -- an order --------------------------------------------------------------------------------------- */

/* A row of a balance adds to the total of its order or to what was refunded of it. */
static enum outcome sort_balance(struct attrib_export *export, struct attrib_export_order *out)
{
	struct attrib_str category = text_at(export, EXPORT_CATEGORY);

	if (attrib_str_eq(category, ATTRIB_STR("charge")))
		return TAKEN;
	if (!attrib_str_eq(category, ATTRIB_STR("refund")) &&
		!attrib_str_eq(category, ATTRIB_STR("refund_failure")))
		return PASSED_OVER;
	out->has_refunded = out->has_total;
	out->refunded = -out->total;
	out->has_total = false;
	out->total = 0;
	return TAKEN;
}

static enum outcome read_money(struct attrib_export *export, struct attrib_export_order *out)
{
	enum outcome outcome = read_currency(export, out);
	struct {
		enum export_field field;
		bool *has;
		int64_t *amount;
	} amounts[] = {
		{EXPORT_TOTAL, &out->has_total, &out->total},
		{EXPORT_REFUNDED, &out->has_refunded, &out->refunded},
		{EXPORT_TAX, &out->has_tax, &out->tax},
		{EXPORT_SHIPPING, &out->has_shipping, &out->shipping},
		{EXPORT_DISCOUNT, &out->has_discount, &out->discount},
	};

	for (size_t i = 0; i < sizeof amounts / sizeof *amounts && outcome == TAKEN; i++)
		outcome = read_amount(
			export, amounts[i].field, out->exponent, amounts[i].has, amounts[i].amount);
	return outcome;
}

static enum outcome read_times(struct attrib_export *export, struct attrib_export_order *out)
{
	enum outcome outcome = read_instant(export, EXPORT_PLACED, &out->placed_at);

	if (outcome == TAKEN)
		outcome = read_instant(export, EXPORT_PAID_AT, &out->paid_at);
	if (outcome == TAKEN)
		outcome = read_instant(export, EXPORT_CANCELLED_AT, &out->cancelled_at);
	if (outcome == TAKEN)
		outcome = read_instant(export, EXPORT_REFUNDED_AT, &out->refunded_at);
	return outcome;
}

static void read_texts(struct attrib_export *export, struct attrib_export_order *out)
{
	struct attrib_str notes = text_at(export, EXPORT_NOTES);

	out->email = text_at(export, EXPORT_EMAIL);
	out->phone = text_at(export, EXPORT_PHONE);
	out->customer_id = text_at(export, EXPORT_CUSTOMER);
	out->click_id = text_at(export, EXPORT_CLICK);
	out->visitor_id = text_at(export, EXPORT_VISITOR);
	out->codes = text_at(export, EXPORT_CODES);
	if (out->codes.n == 0)
		out->codes = export_coupon(text_at(export, EXPORT_COUPONS));
	if (notes.n)
		export_notes(notes, &out->click_id, &out->visitor_id);
}

/* A further line of the order before: it names the order, and no money. */
static bool is_continuation(const struct attrib_export *export, struct attrib_str id,
	const struct attrib_export_order *order)
{
	return export->preset == ATTRIB_EXPORT_SHOPIFY && !order->has_total &&
	       attrib_str_eq(id, attrib_buf_view(&export->last_id));
}

static enum outcome read_order(struct attrib_export *export, struct attrib_export_order *out)
{
	const struct export_place *place;
	struct attrib_str id = value_at(export, EXPORT_ID, &place), name;
	enum outcome outcome;

	*out = (struct attrib_export_order){.line = export->csv.line};
	name = text_at(export, EXPORT_NAME);
	outcome = read_money(export, out);
	if (outcome != TAKEN)
		return outcome;
	if (is_continuation(export, name, out))
		return PASSED_OVER;
	if (export->preset == ATTRIB_EXPORT_STRIPE_BALANCE)
		outcome = sort_balance(export, out);
	if (outcome == TAKEN)
		outcome = read_times(export, out);
	if (outcome == TAKEN)
		outcome = read_status(export, out);
	if (outcome != TAKEN)
		return outcome;
	if (id.n == 0)
		return refuse(export, place->name, "the id of the order", id);
	if (!out->has_total && export->preset != ATTRIB_EXPORT_STRIPE_BALANCE)
		return refuse(export, "total", "an amount", ATTRIB_STR_NONE);
	out->id = id;
	if (name.n && !attrib_str_eq(name, id)) {
		out->name = name;
		out->name_kind = presets[export->preset].name_kind;
	}
	read_texts(export, out);
	attrib_buf_clear(&export->last_id);
	attrib_buf_str(&export->last_id, name);
	return TAKEN;
}

int attrib_export_next(struct attrib_export *export, struct attrib_export_order *out)
{
	enum outcome outcome;

	errno = 0;
	while (csv_next(&export->csv)) {
		outcome = read_order(export, out);
		if (outcome == TAKEN)
			return 1;
		if (outcome == BAD)
			return ATTRIB_E_INVALID;
	}
	if (export->csv.problem)
		return refuse_csv(export);
	return ferror(export->options.in) ? ATTRIB_E_IO : 0;
}
