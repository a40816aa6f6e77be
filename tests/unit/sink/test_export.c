/*
 * Exports of shop systems (tests/data/exports), in shapes that these systems write, and the orders that
 * they become (expected.txt), each in one line. And files that nobody should trust, refused by line and
 * column.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "export.h"

static struct attrib_zone *berlin;

static void put_text(struct attrib_buf *out, const char *name, struct attrib_str s)
{
	if (s.n)
		attrib_buf_printf(out, " %s=%.*s", name, (int)s.n, s.p);
}

static void put_amount(struct attrib_buf *out, const char *name, bool has, int64_t amount)
{
	if (has)
		attrib_buf_printf(out, " %s=%lld", name, (long long)amount);
}

static void put_time(struct attrib_buf *out, const char *name, int64_t at)
{
	char text[32];

	if (at == ATTRIB_NEVER)
		return;
	attrib_time_format(at, text);
	attrib_buf_printf(out, " %s=%.19s", name, text);
}

static void put_order(struct attrib_buf *out, const struct attrib_export_order *o)
{
	static const char *const states[] = {"unknown", "pending", "paid", "cancelled"};

	attrib_buf_printf(out, "%llu: %.*s %s %s", (unsigned long long)o->line, (int)o->id.n,
		o->id.p, o->currency, states[o->status]);
	put_text(out, o->name_kind ? o->name_kind : "", o->name);
	put_amount(out, "total", o->has_total, o->total);
	put_amount(out, "refunded", o->has_refunded, o->refunded);
	put_amount(out, "tax", o->has_tax, o->tax);
	put_amount(out, "shipping", o->has_shipping, o->shipping);
	put_amount(out, "discount", o->has_discount, o->discount);
	put_time(out, "placed", o->placed_at);
	put_time(out, "paid", o->paid_at);
	put_time(out, "cancelled", o->cancelled_at);
	put_time(out, "refunded", o->refunded_at);
	put_text(out, "codes", o->codes);
	put_text(out, "click", o->click_id);
	put_text(out, "visitor", o->visitor_id);
	put_text(out, "email", o->email);
	put_text(out, "phone", o->phone);
	put_text(out, "customer", o->customer_id);
	attrib_buf_char(out, '\n');
}

static void put_all(struct attrib_buf *out, FILE *in, int preset)
{
	struct attrib_export_options options = {
		.in = in, .file = "f", .preset = preset, .zone = berlin, .currency = "EUR"};
	struct attrib_export *export = attrib_export_open(&options);
	struct attrib_export_order order;
	int err = attrib_export_begin(export);

	if (!err)
		attrib_buf_printf(
			out, "== %s\n", attrib_export_name(attrib_export_preset_of(export)));
	while (!err && (err = attrib_export_next(export, &order)) == 1) {
		put_order(out, &order);
		err = 0;
	}
	if (err < 0)
		attrib_buf_printf(out, "%s", attrib_export_problem(export));
	attrib_export_free(export);
}

static void recorded_shapes(void **state)
{
	static const char *const names[] = {
		"shopify", "stripe-balance", "stripe-payments", "woocommerce", "plain"};
	char path[512], *expected = malloc(1 << 16);
	struct attrib_buf out;
	FILE *in;
	bool same;
	size_t n;

	(void)state;
	attrib_buf_init(&out);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, DATA_DIR "/exports/%s.csv", names[i]);
		in = fopen(path, "re");
		assert_non_null(in);
		put_all(&out, in, -1);
		fclose(in);
	}
	in = fopen(DATA_DIR "/exports/expected.txt", "re");
	assert_non_null(in);
	n = fread(expected, 1, 1 << 16, in);
	fclose(in);
	same = attrib_str_eq(attrib_buf_view(&out), (struct attrib_str){expected, n});
	if (!same)
		fwrite(out.p, 1, out.n, stdout);
	attrib_buf_done(&out);
	free(expected);
	assert_true(same);
}

static void reads_as(int preset, const char *text, const char *expected)
{
	FILE *in = fmemopen((void *)text, strlen(text), "r");
	struct attrib_buf out;

	assert_non_null(in);
	attrib_buf_init(&out);
	put_all(&out, in, preset);
	fclose(in);
	attrib_buf_char(&out, 0);
	if (!strstr((const char *)out.p, expected))
		fail_msg("%s\ngives\n%s\nand not\n%s", text, (const char *)out.p, expected);
	attrib_buf_done(&out);
}

#define SHOPIFY "Name,Financial Status,Currency,Total,Created at,Id\n"

static void bad_files(void **state)
{
	(void)state;
	reads_as(-1, "a,b\n1,2\n",
		"f:1: expected the header of an export of Shopify, WooCommerce or Stripe, or "
		"order_id,total,..., got \"a\"");
	reads_as(-1, "\xef\xbb\xbf", "f:1: expected a header, got nothing");
	reads_as(ATTRIB_EXPORT_SHOPIFY, "order_id,total\n",
		"f:1: Name: expected a column of this name, got \"none\"");
	reads_as(-1, "order_id,total\nn-1,twelve\n",
		"f:2: total: expected an amount such as 119.00 in the order's currency, got "
		"\"twelve\"");
	reads_as(-1, "order_id,total,currency\nn-1,5.5,JPY\n", "f:2: total: expected an amount");
	reads_as(-1, "order_id,total\nn-1,\n", "f:2: total: expected an amount, got \"\"");
	reads_as(-1, "order_id,total\n,1\n", "f:2: order_id: expected the id of the order");
	reads_as(-1, "order_id,total,currency\nn-1,1,euro\n",
		"f:2: currency: expected a currency such as EUR, got \"euro\"");
	reads_as(-1, "order_id,total,status\nn-1,1,perhaps\n",
		"f:2: status: expected a state such as paid, pending, refunded or cancelled, got "
		"\"perhaps\"");
	reads_as(-1, "order_id,total,placed_at\nn-1,1,\"yesterday\nat noon\"\n",
		"f:2: placed_at: expected a time such as 2026-11-01 12:00:00 +0100");
	reads_as(-1, "order_id,total\nn-1,1\n\n\"n-2,2\n",
		"f:4: expected a closing quote, got the end of the file");
	reads_as(-1, SHOPIFY "#1,paid,EUR,1.00,2026-11-01 10:00:00 +0100,1\n#2,,,,,\n",
		"f:3: total: expected an amount");
}

static void times(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {{"2026-11-01 12:00:00 +0100", "placed=2026-11-01T11:00:00"},
		{"2026-11-01T12:00:00Z", "placed=2026-11-01T12:00:00"},
		{"2026-11-01 12:00:00.250 UTC", "placed=2026-11-01T12:00:00"},
		{"2026-11-01 12:00", "placed=2026-11-01T11:00:00"},
		{"2026-07-01", "placed=2026-06-30T22:00:00"},
		{"2026-11-01T12:00:00-05:30", "placed=2026-11-01T17:30:00"},
		{"2026-03-29 03:30:00", "placed=2026-03-29T01:30:00"},
		{"2026-11-01 12", "expected a time"}, {"2026-13-01", "expected a time"},
		{"2026-11-01 12:00:00 CET", "expected a time"}, {"01.11.2026", "expected a time"},
		{"2026-11-01x12:00:00", "expected a time"}, {"2026", "expected a time"}};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(text, sizeof text, "order_id,total,placed_at\n1,1,%s\n", rows[i].text);
		reads_as(-1, text, rows[i].expected);
	}
}

static void names_of_presets(void **state)
{
	enum attrib_export_preset preset;

	(void)state;
	for (int i = 0; i < ATTRIB_EXPORT_PRESETS; i++) {
		const char *name = attrib_export_name((enum attrib_export_preset)i);
		assert_int_equal(attrib_export_parse(attrib_str_of(name), &preset), 0);
		assert_int_equal(preset, i);
	}
	assert_int_equal(attrib_export_parse(ATTRIB_STR("magento"), &preset), ATTRIB_E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_shapes),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(times),
		cmocka_unit_test(names_of_presets),
	};
	int failed;

	berlin = attrib_zone_load("Europe/Berlin");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	attrib_zone_free(berlin);
	return failed;
}
