/*
 * Bodies in the shapes that the vendors send (tests/data/<vendor>/<case>.json), and the events that they
 * become (tests/data/<vendor>/expected.txt), each event in one line. And bodies that nobody sends.
 */
#include <dirent.h>

#include "attrib/webhook.h"
#include "world.h"

static void put_time(struct attrib_buf *out, const char *name, int64_t at)
{
	char text[32];

	if (at == ATTRIB_NEVER)
		return;
	attrib_time_format(at, text);
	attrib_buf_printf(out, " %s=%.23s", name, text);
}

static void put_text(struct attrib_buf *out, const char *name, struct attrib_str text)
{
	if (text.n)
		attrib_buf_printf(out, " %s=%.*s", name, (int)text.n, text.p);
}

static void put_order(struct attrib_buf *out, const struct attrib_order *o)
{
	attrib_buf_printf(out, " %.*s %s %s", (int)o->id.n, o->id.p,
		!o->has_status                   ? "-"
		: o->status == ATTRIB_ORDER_PAID ? "paid"
						 : "pending",
		o->currency);
	attrib_buf_printf(out, " total=%ld tax=%ld shipping=%ld discount=%ld", (long)o->total,
		(long)o->tax, (long)o->shipping, (long)o->discount);
	if (o->has_subtotal)
		attrib_buf_printf(out, " goods=%ld", (long)o->subtotal);
	put_text(out, "kind", o->kind);
	put_text(out, "source", o->source);
	put_text(out, "tags", o->tags);
	if (o->test)
		attrib_buf_printf(out, " test");
	for (size_t i = 0; i < o->code_count; i++) {
		put_text(out, "code", o->codes[i].code);
		if (o->codes[i].has_amount)
			attrib_buf_printf(out, ":%ld", (long)o->codes[i].amount);
	}
	for (size_t i = 0; i < o->alias_count; i++)
		attrib_buf_printf(out, " %.*s:%.*s", (int)o->aliases[i].kind.n,
			o->aliases[i].kind.p, (int)o->aliases[i].value.n, o->aliases[i].value.p);
	put_time(out, "placed", o->placed_at);
	put_time(out, "paid", o->paid_at);
	put_time(out, "updated", o->updated_at);
}

static void put_refund(struct attrib_buf *out, const struct attrib_refund *r)
{
	attrib_buf_printf(out, " %.*s of %.*s %s amount=%ld", (int)r->id.n, r->id.p,
		(int)r->order_id.n, r->order_id.p, r->currency, (long)r->amount);
	if (r->has_parts)
		attrib_buf_printf(out, " tax=%ld shipping=%ld", (long)r->tax, (long)r->shipping);
	if (r->cumulative)
		attrib_buf_printf(out, " cumulative");
	if (r->status == ATTRIB_REFUND_VOID)
		attrib_buf_printf(out, " void");
}

/* Ids that were sent in clear, by the texts that the fixtures use. */
static void put_id(struct world *w, struct attrib_buf *out, const char *name,
	enum attrib_id_domain domain, const struct attrib_id *id)
{
	static const char *const texts[] = {"CLICK0001", "CLICK0002", "CLICK0003", "CLICK0004",
		"visitor-7", "visitor-9", "visitor-3"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct attrib_id known = id_of(w, domain, texts[i]);
		if (attrib_id_eq(&known, id))
			attrib_buf_printf(out, " %s=%s", name, texts[i]);
	}
}

static void put_event(struct world *w, struct attrib_buf *out, const struct attrib_event *e)
{
	attrib_buf_printf(out, "%s", attrib_event_type_name(e->type));
	if (e->order)
		put_order(out, e->order);
	if (e->refund)
		put_refund(out, e->refund);
	put_text(out, "order", e->cancel_order_id);
	if (e->cancel_reversed)
		attrib_buf_printf(out, " reversed");
	put_id(w, out, "click", ATTRIB_ID_CLICK, &e->click);
	put_id(w, out, "visitor", ATTRIB_ID_VISITOR, &e->visitor);
	put_text(out, "affiliate", e->affiliate);
	if (e->has_utm)
		attrib_buf_printf(out, " utm=%.*s/%.*s/%.*s", (int)e->utm.source.n, e->utm.source.p,
			(int)e->utm.medium.n, e->utm.medium.p, (int)e->utm.campaign.n,
			e->utm.campaign.p);
	put_text(out, "from", e->referrer_host);
	if (e->key_count)
		attrib_buf_printf(out, " keys=%zu", e->key_count);
	put_time(out, "at", e->occurred_at);
	attrib_buf_printf(out, "\n");
	assert_int_equal(e->trust, ATTRIB_TRUST_SIGNED);
}

static struct attrib_str read_file(struct world *w, const char *path)
{
	FILE *file = fopen(path, "rb");
	char *bytes = attrib_arena_raw(&w->arena, 1 << 20);
	size_t n;

	if (!file)
		fail_msg("%s can't be opened", path);
	n = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return (struct attrib_str){bytes, n};
}

static void put_case(
	struct world *w, enum attrib_vendor vendor, const char *path, struct attrib_buf *out)
{
	struct attrib_str body = read_file(w, path);
	struct attrib_webhook hook = {vendor, &w->request, pad(w, body.p, body.n)};
	int err = attrib_webhook_read(&w->intake, &hook, &w->result);

	if (err)
		attrib_buf_printf(out, "%s\n", attrib_error_code(err));
	for (size_t i = 0; i < w->result.event_count; i++)
		put_event(w, out, &w->result.events[i]);
	for (size_t i = 0; i < w->result.reject_count; i++)
		attrib_buf_printf(out, "refused %s: %.*s\n",
			attrib_error_code(w->result.rejects[i].error),
			(int)w->result.rejects[i].message.n, w->result.rejects[i].message.p);
	if (!w->result.event_count && !w->result.reject_count)
		attrib_buf_printf(out, "nothing\n");
}

static int is_case(const struct dirent *entry)
{
	return strstr(entry->d_name, ".json") != NULL;
}

static void check_vendor(void **state, enum attrib_vendor vendor)
{
	struct world *w = *state;
	const char *name = attrib_vendor_name(vendor);
	struct attrib_buf out;
	struct dirent **cases;
	struct attrib_str expected;
	char path[512];
	bool same;
	int n;

	w->intake.now = NOW + 30 * ATTRIB_US_PER_DAY; /* all of them happened before */
	attrib_buf_init(&out);
	snprintf(path, sizeof path, DATA_DIR "/%s", name);
	n = scandir(path, &cases, is_case, alphasort);
	assert_true(n > 20);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, DATA_DIR "/%s/%s", name, cases[i]->d_name);
		attrib_buf_printf(
			&out, "== %.*s\n", (int)strlen(cases[i]->d_name) - 5, cases[i]->d_name);
		put_case(w, vendor, path, &out);
		attrib_arena_reset(&w->arena);
		free(cases[i]);
	}
	free(cases);
	snprintf(path, sizeof path, DATA_DIR "/%s/expected.txt", name);
	expected = read_file(w, path);
	same = attrib_str_eq(attrib_buf_view(&out), expected);
	if (!same)
		fwrite(out.p, 1, out.n, stdout);
	attrib_buf_done(&out);
	if (!same)
		fail_msg("%s: these are not the events of expected.txt", name);
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

/* Changes some bytes of a body: a digit, a bracket, a name; what is still JSON is read all the same. */
static void change(struct attrib_buf *body, uint64_t *random)
{
	static const char bytes[] = "0189-.,:\"[]{}ntxe ";

	for (int i = 0; i < 3; i++) {
		*random = *random * 6364136223846793005u + 1442695040888963407u;
		body->p[(*random >> 33) % body->n] =
			(uint8_t)bytes[(*random >> 20) % (sizeof bytes - 1)];
	}
}

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
		change(&changed, &random);
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
