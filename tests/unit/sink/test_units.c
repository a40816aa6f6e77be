/*
 * A batch cut into units: what is tried together, what is refused together, and views of any range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "pg_units.h"

struct name {
	const char *id, *merged_into, *alias;
};

static void put_orders(struct attrib_batch *batch, const struct name *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct attrib_order_name alias = {
			.kind = ATTRIB_STR("name"), .value = attrib_str_of(names[i].alias)};
		struct attrib_decision d = {.site = ATTRIB_STR("acme"),
			.kind = ATTRIB_CONVERSION_ORDER,
			.order_id = attrib_str_of(names[i].id),
			.merged_into = attrib_str_of(names[i].merged_into),
			.alias_count = names[i].alias != NULL,
			.aliases = &alias};

		assert_int_equal(attrib_batch_put_decision(batch, &d), 0);
	}
}

/* "a b+c | d": units are parted by bars, groups by spaces, the orders of a group by plus signs. */
static void describe(const struct pg_units *units, char *out)
{
	for (size_t u = 0; u < units->count; u++) {
		for (size_t row = units->first[u]; row < units->first[u + 1]; row++) {
			const char *before = row == 0                 ? ""
					     : row == units->first[u] ? " | "
					     : units->joined[row]     ? "+"
								      : " ";
			const struct attrib_str id = units->decisions[row]->order_id;

			out += sprintf(out, "%s%.*s", before, (int)id.n, id.p);
		}
	}
}

static void expect_units(const struct name *names, size_t n, const char *expected)
{
	struct attrib_batch *batch = attrib_batch_new();
	struct attrib_batch_view view;
	struct pg_units units;
	char text[256] = "";

	put_orders(batch, names, n);
	attrib_batch_seal(batch, &view);
	assert_int_equal(pg_units_init(&units, &view), 0);
	describe(&units, text);
	assert_string_equal(text, expected);
	pg_units_done(&units);
	attrib_batch_free(batch);
}
#define EXPECT_UNITS(expected, ...)                                                                \
	do {                                                                                       \
		const struct name names[] = {__VA_ARGS__};                                         \
		expect_units(names, sizeof names / sizeof *names, expected);                       \
	} while (0)

static void names_make_units(void **state)
{
	(void)state;
	EXPECT_UNITS("a | b | c", {.id = "c"}, {.id = "a"}, {.id = "b", .alias = "x"});
	EXPECT_UNITS("a c | b", {.id = "a", .alias = "x"}, {.id = "b", .alias = "y"},
		{.id = "c", .alias = "x"});
	/* one's name is the other's id; and on over a third */
	EXPECT_UNITS("a b c | d", {.id = "a", .alias = "c"}, {.id = "b", .alias = "a"}, {.id = "c"},
		{.id = "d"});
}

static void merged_orders_are_a_group(void **state)
{
	(void)state;
	EXPECT_UNITS("a+c | b", {.id = "a", .merged_into = "c"}, {.id = "b"}, {.id = "c"});
	EXPECT_UNITS("a+b+d | c", {.id = "a", .merged_into = "b"}, {.id = "b", .merged_into = "d"},
		{.id = "c"}, {.id = "d"});
	EXPECT_UNITS("a+d b c", {.id = "a", .merged_into = "d", .alias = "x"},
		{.id = "b", .alias = "x"}, {.id = "c", .alias = "x"}, {.id = "d"});
	/* what it was merged into is not in this batch */
	EXPECT_UNITS("a | b", {.id = "a", .merged_into = "old"}, {.id = "b", .merged_into = "old"});
}

static void sites_and_kinds_stay_apart(void **state)
{
	struct attrib_batch *batch = attrib_batch_new();
	struct attrib_decision d = {.site = ATTRIB_STR("other"),
		.kind = ATTRIB_CONVERSION_ORDER,
		.order_id = ATTRIB_STR("a")};
	struct attrib_batch_view view;
	struct pg_units units;

	(void)state;
	put_orders(batch, &(struct name){.id = "b", .alias = "a"}, 1);
	assert_int_equal(attrib_batch_put_decision(batch, &d), 0);
	d.site = ATTRIB_STR("acme");
	d.kind = ATTRIB_CONVERSION_LEAD;
	assert_int_equal(attrib_batch_put_decision(batch, &d), 0);
	attrib_batch_seal(batch, &view);
	assert_int_equal(pg_units_init(&units, &view), 0);
	assert_int_equal(units.count, 3);
	pg_units_done(&units);
	attrib_batch_free(batch);
}

static void put_facts(struct attrib_batch *batch)
{
	static const struct name orders[] = {
		{.id = "a"}, {.id = "b", .merged_into = "c"}, {.id = "c"}};
	struct attrib_customer_key key = {.kind = ATTRIB_KEY_EMAIL};
	struct attrib_refund_fact r = {.site = ATTRIB_STR("acme"), .order_id = ATTRIB_STR("a")};
	struct attrib_cancel_fact c = {.site = ATTRIB_STR("acme"), .order_id = ATTRIB_STR("a")};
	struct attrib_customer_link l = {.site = ATTRIB_STR("acme"), .count = 1, .keys = &key};
	struct attrib_traffic t = {.site = ATTRIB_STR("acme"), .type = ATTRIB_EVENT_CLICK};

	put_orders(batch, orders, 3);
	for (int i = 0; i < 2; i++) {
		key.id.b[0] = (uint8_t)i;
		r.event_id = i ? ATTRIB_STR("r1") : ATTRIB_STR("r0");
		c.event_id = i ? ATTRIB_STR("c1") : ATTRIB_STR("c0");
		t.key = i ? ATTRIB_STR("t1") : ATTRIB_STR("t0");
		assert_int_equal(attrib_batch_put_refund(batch, &r), 0);
		assert_int_equal(attrib_batch_put_cancel(batch, &c), 0);
		assert_int_equal(attrib_batch_put_link(batch, &l), 0);
		assert_int_equal(attrib_batch_put_traffic(batch, &t), 0);
	}
}

static size_t rows_in(const struct attrib_batch_view *v)
{
	return v->decision_count + v->refund_count + v->cancel_count + v->link_count +
	       v->traffic_count;
}

/* Every range has its rows, and the two halves of each are the whole. */
static void ranges_are_views(void **state)
{
	struct attrib_batch *batch = attrib_batch_new();
	struct attrib_batch_view all, view;
	struct pg_units units;

	(void)state;
	put_facts(batch);
	attrib_batch_seal(batch, &all);
	assert_int_equal(pg_units_init(&units, &all), 0);
	assert_int_equal(units.row_count, 11);
	assert_int_equal(units.count, 10);
	assert_int_equal(pg_units_group_end(&units, 0), 1);
	assert_int_equal(pg_units_group_end(&units, 1), 3);
	for (size_t row = 3; row < 11; row++)
		assert_int_equal(pg_units_group_end(&units, row), row + 1);
	for (size_t from = 0; from <= 11; from++) {
		for (size_t to = from; to <= 11; to++) {
			pg_units_view(&units, from, to, &view);
			assert_int_equal(rows_in(&view), to - from);
			assert_int_equal(view.position_count, 0);
		}
	}
	pg_units_view(&units, 4, 6, &view);
	assert_ptr_equal(view.refunds, &all.refunds[1]);
	assert_ptr_equal(view.cancels, &all.cancels[0]);
	assert_int_equal(view.refund_count, 1);
	assert_int_equal(view.cancel_count, 1);
	pg_units_view(&units, 10, 11, &view);
	assert_ptr_equal(view.traffic[0], all.traffic[1]);
	pg_units_done(&units);
	attrib_batch_free(batch);
}

static void nothing_is_no_unit(void **state)
{
	struct attrib_batch_view none = {0};
	struct pg_units units;

	(void)state;
	assert_int_equal(pg_units_init(&units, &none), 0);
	assert_int_equal(units.count, 0);
	assert_int_equal(units.row_count, 0);
	pg_units_done(&units);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_make_units),
		cmocka_unit_test(merged_orders_are_a_group),
		cmocka_unit_test(sites_and_kinds_stay_apart),
		cmocka_unit_test(ranges_are_views),
		cmocka_unit_test(nothing_is_no_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
