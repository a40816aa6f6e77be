/*
 * Bodies in the shapes that the vendors send (tests/data/<vendor>/<case>.json), and the events that they
 * become (tests/data/<vendor>/expected.txt), each event in one line. And bodies that nobody sends.
 */
#include "attrib/webhook.h"
#include "shown.h"

static enum attrib_vendor vendor_read; /* by the cases that are being checked */

static void put_webhook(
	struct world *w, const char *name, struct attrib_str body, struct attrib_buf *out)
{
	struct attrib_webhook hook = {vendor_read, &w->request, pad(w, body.p, body.n)};

	(void)name;
	put_result(w, attrib_webhook_read(&w->intake, &hook, &w->result), out);
	for (size_t i = 0; i < w->result.event_count; i++)
		assert_int_equal(w->result.events[i].trust, ATTRIB_TRUST_SIGNED);
}

static void check_vendor(void **state, enum attrib_vendor vendor)
{
	struct world *w = *state;
	char dir[256];

	w->intake.now = NOW + 30 * ATTRIB_US_PER_DAY; /* all of them happened before */
	vendor_read = vendor;
	snprintf(dir, sizeof dir, DATA_DIR "/%s", attrib_vendor_name(vendor));
	check_cases(w, dir, 20, put_webhook);
}

/* -- limits ----------------------------------------------------------------------------------------- */

static const struct attrib_event *read_order(
	struct world *w, enum attrib_vendor vendor, const char *format, ...)
{
	static char text[64 << 10];
	struct attrib_webhook hook = {vendor, &w->request, {0}};
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	hook.body = pad(w, text, (size_t)n);
	assert_int_equal(attrib_webhook_read(&w->intake, &hook, &w->result), 0);
	if (w->result.reject_count)
		fail_msg("%.*s", (int)w->result.rejects[0].message.n,
			w->result.rejects[0].message.p);
	assert_true(w->result.event_count > 0);
	assert_non_null(w->result.events->order);
	return w->result.events;
}

/* What does not fit is left out, and the sale is not lost for it. */
static void what_does_not_fit_is_left_out(void **state)
{
	struct world *w = *state;
	static char codes[4096], long_text[9001];
	const struct attrib_event *e;
	size_t n = 0;

	memset(long_text, 'x', sizeof long_text - 1);
	for (int i = 0; i < 20; i++)
		n += (size_t)snprintf(codes + n, sizeof codes - n,
			"%s{\"code\":\"%.*s%d\",\"amount\":\"1.00\"}", i ? "," : "",
			i == 1 ? 200 : 1, long_text, i);
	e = read_order(w, ATTRIB_VENDOR_SHOPIFY,
		"{\"id\":1,\"order_number\":1,\"currency\":\"EUR\",\"total_price\":\"1.00\","
		"\"financial_status\":\"paid\",\"email\":\"%.400s\",\"landing_site\":\"/"
		"?ref=a&x=%s\","
		"\"name\":\"%.300s\",\"checkout_token\":\"a\\u0001b\",\"source_name\":\"%.65s\","
		"\"customer\":{\"id\":\"\\u0000\"},\"discount_codes\":[%s],"
		"\"note_attributes\":[{\"name\":\"attr_click\",\"value\":\"%.129s\"},"
		"{\"name\":\"attr_vid\",\"value\":[]},{\"value\":1},3,null]}",
		long_text, long_text, long_text, long_text, codes, long_text);
	assert_int_equal(e->order->code_count, 16);
	assert_text(e->order->codes[0].code, "x0");
	assert_text(e->order->codes[1].code, "x2");
	assert_int_equal(e->order->alias_count, 1); /* the number */
	assert_int_equal(e->key_count, 0);
	assert_int_equal(e->order->source.n, 0);
	assert_true(attrib_id_none(&e->click) && attrib_id_none(&e->visitor));
	assert_int_equal(e->affiliate.n, 0);
}

static void a_site_says_what_states_mean(void **state)
{
	static const char body[] =
		"{\"id\":7,\"status\":\"%s\",\"total\":\"1.00\",\"date_paid_gmt\":%s}";
	struct world *w = *state;

	w->intake_site.woocommerce_states = ATTRIB_STR("packed:paid,quote:unpaid,on-hold:paid");
	assert_int_equal(
		read_order(w, ATTRIB_VENDOR_WOOCOMMERCE, body, "packed", "null")->order->status,
		ATTRIB_ORDER_PAID);
	assert_int_equal(
		read_order(w, ATTRIB_VENDOR_WOOCOMMERCE, body, "quote", "\"2026-11-01T10:00:00\"")
			->order->status,
		ATTRIB_ORDER_PENDING);
	assert_int_equal(
		read_order(w, ATTRIB_VENDOR_WOOCOMMERCE, body, "on-hold", "null")->order->status,
		ATTRIB_ORDER_PAID);
	assert_int_equal(
		read_order(w, ATTRIB_VENDOR_WOOCOMMERCE, body, "other", "null")->order->status,
		ATTRIB_ORDER_PENDING);
}

static void sums_beyond_money_are_refused(void **state)
{
	static const char *const lines[] = {"{\"price\":\"9999999999999.99\",\"quantity\":100}",
		"{\"price\":\"9999999999999.99\",\"quantity\":999999999999999}",
		"{\"price\":\"9999999999999.99\"},{\"price\":\"9999999999999.99\"}",
		"{\"price\":\"-9999999999999.99\",\"quantity\":-90000}", "{\"price\":\"1e99\"}",
		"{\"price\":true}", "{\"price\":\"\"}"};
	struct world *w = *state;
	char text[512];

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct attrib_webhook hook = {ATTRIB_VENDOR_SHOPIFY, &w->request, {0}};
		int n = snprintf(text, sizeof text,
			"{\"id\":1,\"order_number\":1,\"currency\":\"EUR\",\"total_price\":"
			"\"1.00\",\"line_items\":[%s]}",
			lines[i]);
		hook.body = pad(w, text, (size_t)n);
		assert_int_equal(attrib_webhook_read(&w->intake, &hook, &w->result), 0);
		if (w->result.event_count || w->result.reject_count != 1)
			fail_msg("%s is taken", lines[i]);
	}
}

/* -- bodies that nobody sends ----------------------------------------------------------------------- */

/* Whatever stands in it, an authentic body is taken or refused; nothing breaks (with the sanitizers), and
 * what is refused says why. */
static void read_changed(struct world *w, enum attrib_vendor vendor, struct attrib_str body)
{
	uint64_t random = 1;
	struct attrib_buf changed;
	size_t read = 0;

	attrib_buf_init(&changed);
	for (int i = 0; i < 60; i++) {
		struct attrib_webhook hook = {vendor, &w->request, {0}};
		attrib_buf_clear(&changed);
		attrib_buf_str(&changed, body);
		change_body(&changed, &random);
		hook.body = pad(w, (char *)changed.p, changed.n);
		read += attrib_webhook_read(&w->intake, &hook, &w->result) == 0;
		for (size_t k = 0; k < w->result.reject_count; k++)
			assert_true(w->result.rejects[k].message.n > 0);
	}
	attrib_buf_done(&changed);
	assert_true(read > 0); /* not all of them were broken JSON */
}

static void changed_bodies_break_nothing(void **state)
{
	static const char *const shapes[] = {"shopify/codes", "shopify/refund-with-shipping",
		"shopify/partially-cancelled", "woocommerce/refunded-in-part", "stripe/codes",
		"stripe/charge-refunded"};
	struct world *w = *state;
	char path[512];

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		enum attrib_vendor vendor = ATTRIB_VENDOR_SHOPIFY;
		struct attrib_str rest,
			name = attrib_str_split(attrib_str_of(shapes[i]), '/', &rest);
		assert_int_equal(attrib_vendor_parse(name, &vendor), 0);
		snprintf(path, sizeof path, DATA_DIR "/%s.json", shapes[i]);
		read_changed(w, vendor, read_file(w, path));
		attrib_arena_reset(&w->arena);
	}
}

static void test_shopify(void **state)
{
	check_vendor(state, ATTRIB_VENDOR_SHOPIFY);
}

static void test_woocommerce(void **state)
{
	check_vendor(state, ATTRIB_VENDOR_WOOCOMMERCE);
}

static void test_stripe(void **state)
{
	check_vendor(state, ATTRIB_VENDOR_STRIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shopify, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_woocommerce, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_stripe, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_does_not_fit_is_left_out, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_site_says_what_states_mean, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			sums_beyond_money_are_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			changed_bodies_break_nothing, world_setup, world_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
