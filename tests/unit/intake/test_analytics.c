/*
 * Messages of Segment's API and of GA4's Measurement Protocol: recorded and documented shapes
 * (tests/data/{segment,ga4}/<case>.json) with the events that they become, limits, and bodies that
 * nobody sends. A case whose name ends in "public" comes with a public key.
 */
#include "attrib/analytics.h"
#include "shown.h"

static enum attrib_trust trust_of(const char *name)
{
	const char *end = strstr(name, "public");

	return end && !end[6] ? ATTRIB_TRUST_STRANGER : ATTRIB_TRUST_SIGNED;
}

/* A single message goes to the door of its type. */
static int read_segment(struct world *w, enum attrib_trust trust, struct attrib_str body)
{
	static const char *const calls[] = {
		"track", "page", "screen", "identify", "alias", "group"};
	char type[32];

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		snprintf(type, sizeof type, "\"type\": \"%s\"", calls[i]);
		if (memmem(body.p, body.n, type, strlen(type)) &&
			!memmem(body.p, body.n, "\"batch\"", 7))
			return attrib_intake_segment(&w->intake, trust, attrib_str_of(calls[i]),
				pad(w, body.p, body.n), &w->result);
	}
	return attrib_intake_segment(
		&w->intake, trust, ATTRIB_STR("batch"), pad(w, body.p, body.n), &w->result);
}

static void put_segment(
	struct world *w, const char *name, struct attrib_str body, struct attrib_buf *out)
{
	put_result(w, read_segment(w, trust_of(name), body), out);
}

static void put_ga4(
	struct world *w, const char *name, struct attrib_str body, struct attrib_buf *out)
{
	put_result(w,
		attrib_intake_ga4(&w->intake, trust_of(name), pad(w, body.p, body.n), &w->result),
		out);
}

static void segment_shapes(void **state)
{
	struct world *w = *state;

	w->intake.visit = &w->visit;
	check_cases(w, DATA_DIR "/segment", 40, put_segment);
}

static void ga4_shapes(void **state)
{
	struct world *w = *state;

	w->intake.visit = &w->visit;
	check_cases(w, DATA_DIR "/ga4", 30, put_ga4);
}

/* -- single rules ----------------------------------------------------------------------------------- */

static int track(struct world *w, enum attrib_trust trust, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int track(struct world *w, enum attrib_trust trust, const char *format, ...)
{
	static char text[600 << 10];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return attrib_intake_segment(
		&w->intake, trust, ATTRIB_STR("track"), pad(w, text, (size_t)n), &w->result);
}

static const struct attrib_order *order_of(struct world *w, const char *properties)
{
	assert_int_equal(track(w, ATTRIB_TRUST_SIGNED,
				 "{\"userId\":\"u\",\"event\":\"Order Completed\",\"properties\":{"
				 "\"order_id\":\"1\",%s}}",
				 properties),
		0);
	if (w->result.event_count != 1)
		fail_msg("%s: %.*s", properties, (int)w->result.rejects[0].message.n,
			w->result.rejects[0].message.p);
	return w->result.events->order;
}

static void numbers_are_rounded_to_their_currency(void **state)
{
	static const struct {
		const char *total, *currency;
		int64_t minor;
	} cases[] = {
		{"119", "EUR", 11900},
		{"119.0", "EUR", 11900},
		{"0.30000000000000004", "EUR", 30},
		{"59.970000000000006", "EUR", 5997},
		{"1.005", "EUR", 101},
		{"1.004999", "EUR", 100},
		{"0.004", "EUR", 0},
		{"-0.004", "EUR", 0},
		{"1e2", "EUR", 10000},
		{"1E-7", "EUR", 0},
		{"9999999999999.99", "EUR", 999999999999999},
		{"0.5", "JPY", 1},
		{"1000.49", "JPY", 1000},
		{"12.3455", "KWD", 12346},
		{"0.00005", "CLF", 1},
		{"\"12.30\"", "EUR", 1230},
		{"\"12.300\"", "EUR", 1230},
		{"\"0\"", "EUR", 0},
	};
	char properties[128];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(properties, sizeof properties, "\"total\":%s,\"currency\":\"%s\"",
			cases[i].total, cases[i].currency);
		if (order_of(*state, properties)->total != cases[i].minor)
			fail_msg("%s %s", cases[i].total, cases[i].currency);
	}
}

static void what_is_no_amount_is_refused(void **state)
{
	static const char *const bad[] = {"\"12.345\"", "\"1,50\"", "\"EUR 5\"", "-1", "-0.006",
		"true", "[]", "[1]", "{}", "1e15", "1e300", "1e400",
		"123456789012345678901234567890", "10000000000001"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(track(w, ATTRIB_TRUST_SIGNED,
					 "{\"userId\":\"u\",\"event\":\"Order Completed\","
					 "\"properties\":{\"order_id\":\"1\",\"total\":%s}}",
					 bad[i]),
			0);
		if (w->result.event_count || w->result.reject_count != 1 ||
			w->result.rejects[0].error != ATTRIB_E_BAD_AMOUNT)
			fail_msg("%s is taken", bad[i]);
		assert_memory_equal(w->result.rejects[0].message.p, "properties.total: ", 18);
	}
}

static void revenue_is_read_without_a_total_alone(void **state)
{
	const struct attrib_order *o = order_of(*state, "\"total\":10,\"revenue\":\"no amount\"");

	assert_true(o->has_total && !o->has_subtotal);
	o = order_of(*state, "\"revenue\":10,\"tax\":1");
	assert_true(!o->has_total && o->has_subtotal && o->subtotal == 1000 && o->tax == 100);
	o = order_of(*state, "\"subtotal\":9,\"revenue\":10");
	assert_int_equal(o->subtotal, 900);
	o = order_of(*state, "\"tax\":1,\"shipping\":1,\"discount\":1,\"currency\":\"USD\"");
	assert_false(o->has_amounts);
}

static void one_code_has_the_discount(void **state)
{
	const struct attrib_order *o = order_of(*state, "\"coupon\":\"A\",\"discount\":2.5");

	assert_true(o->code_count == 1 && o->codes[0].has_amount && o->codes[0].amount == 250);
	o = order_of(*state, "\"coupon\":\"A,B\",\"discount\":2.5");
	assert_true(o->code_count == 2 && !o->codes[0].has_amount && !o->codes[1].has_amount);
	assert_false(order_of(*state, "\"discount\":2.5")->has_codes);
	o = order_of(*state, "\"coupon\":[]");
	assert_true(o->has_codes && o->code_count == 0);
	assert_false(order_of(*state, "\"coupon\":null")->has_codes);
}

static void many_and_long_codes_cost_no_order(void **state)
{
	char properties[4096];
	size_t n = (size_t)snprintf(properties, sizeof properties, "\"coupon\":[\"%0200d\"", 7);

	for (int i = 0; i < 40; i++)
		n += (size_t)snprintf(properties + n, sizeof properties - n, ",\"c%d\"", i);
	snprintf(properties + n, sizeof properties - n, "]");
	assert_int_equal(order_of(*state, properties)->code_count, 16);
}

static void ids_are_of_one_shape(void **state)
{
	struct world *w = *state;
	const struct attrib_event *e;

	for (int signed_ = 0; signed_ < 2; signed_++) {
		enum attrib_trust trust = signed_ ? ATTRIB_TRUST_SIGNED : ATTRIB_TRUST_STRANGER;
		w->intake.visit = &w->visit;
		assert_int_equal(track(w, trust,
					 "{\"userId\":42,\"anonymousId\":\"v\",\"event\":\"Product "
					 "Added\",\"traits\":{\"email\":\"a@b.example\"}}"),
			0);
		e = w->result.events;
		assert_id(e->visitor, id_of(w, ATTRIB_ID_VISITOR, "v"));
		assert_int_equal(e->key_count, signed_ ? 2 : 0);
		if (signed_)
			assert_id(e->keys[1].id, id_of(w, ATTRIB_ID_CUSTOMER, "42"));
	}
}

static void an_alias_is_a_visitor_of_the_user(void **state)
{
	static const char body[] =
		"{\"previousId\":\"v-old\",\"userId\":\"u\",\"anonymousId\":\"v\"}";
	struct world *w = *state;

	assert_int_equal(attrib_intake_segment(&w->intake, ATTRIB_TRUST_SIGNED, ATTRIB_STR("alias"),
				 pad(w, body, strlen(body)), &w->result),
		0);
	assert_int_equal(w->result.events->type, ATTRIB_EVENT_IDENTIFY);
	assert_id(w->result.events->visitor, id_of(w, ATTRIB_ID_VISITOR, "v-old"));
	assert_id(w->result.events->keys[0].id, id_of(w, ATTRIB_ID_CUSTOMER, "u"));
}

/* The genuine cookie of a browser is who it is, whatever the message says. */
static void a_cookie_goes_before_the_anonymous_id(void **state)
{
	static const uint8_t random[16] = {1, 2, 3};
	struct world *w = *state;
	struct attrib_str cookie = attrib_visitor_cookie(&w->arena, w->keys, random);
	char header[128];

	snprintf(header, sizeof header, "attr_vid=%.*s", (int)cookie.n, cookie.p);
	world_header(w, "Cookie", header);
	w->intake.visit = &w->visit;
	assert_int_equal(track(w, ATTRIB_TRUST_STRANGER,
				 "{\"anonymousId\":\"v\",\"event\":\"Product Added\"}"),
		0);
	assert_id(w->result.events->visitor, attrib_visitor_id(w->keys, w->site.name, cookie));
}

static size_t batch_of(struct world *w, const char *item, int n)
{
	static char text[700 << 10];
	size_t at = (size_t)snprintf(text, sizeof text, "{\"batch\":[");

	for (int i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? "," : "", item);
	at += (size_t)snprintf(text + at, sizeof text - at, "]}");
	return attrib_intake_segment(&w->intake, ATTRIB_TRUST_SIGNED, ATTRIB_STR("batch"),
		       pad(w, text, at), &w->result)
		       ? 0
		       : w->result.event_count;
}

static void a_message_has_32_kilobytes(void **state)
{
	static const char head[] = "{\"type\":\"track\",\"event\":\"Product "
				   "Added\",\"userId\":\"u\",\"properties\":{\"x\":\"";
	static char item[40 << 10];
	size_t most = ATTRIB_SEGMENT_EVENT_MAX;

	for (size_t n = most - 1; n <= most + 1; n++) {
		size_t fill = n - strlen(head) - 3;
		memset(item, 'x', sizeof item);
		memcpy(item, head, strlen(head));
		strcpy(item + strlen(head) + fill, "\"}}");
		assert_int_equal(strlen(item), n);
		assert_int_equal(batch_of(*state, item, 1), n <= most);
		assert_int_equal(((struct world *)*state)->result.reject_count, n > most);
	}
}

static void a_batch_has_2500_messages(void **state)
{
	static const char item[] =
		"{\"type\":\"track\",\"event\":\"Product Added\",\"userId\":\"u\"}";
	struct world *w = *state;

	assert_int_equal(batch_of(w, item, 2500), 2500);
	assert_int_equal(batch_of(w, item, 2501), 0);
	assert_true(w->result.whole && w->result.rejects[0].error == ATTRIB_E_TOO_MANY);
	assert_int_equal(batch_of(w, item, 0), 0);
	assert_false(w->result.whole);
}

static void bodies_that_are_none(void **state)
{
	static const char *const bad[] = {
		"", "[]", "7", "{\"batch\":{}}", "{\"batch\":7}", "{}", "{\"batch\":[]} x", "\xff"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(
			attrib_intake_segment(&w->intake, ATTRIB_TRUST_SIGNED, ATTRIB_STR("batch"),
				pad(w, bad[i], strlen(bad[i])), &w->result),
			ATTRIB_E_BAD_JSON);
		assert_true(w->result.whole && w->result.rejects[0].message.n);
	}
}

static void a_key_in_the_body(void **state)
{
	struct world *w = *state;
	struct attrib_str key = ATTRIB_STR("unchanged");

	assert_int_equal(
		attrib_segment_write_key(&w->arena, pad(w, "{\"writeKey\":\"k\"}", 16), &key), 0);
	assert_text(key, "k");
	assert_int_equal(
		attrib_segment_write_key(&w->arena, pad(w, "{\"writeKey\":\"\"}", 15), &key),
		ATTRIB_E_MISSING_FIELD);
	assert_int_equal(
		attrib_segment_write_key(&w->arena, pad(w, "[]", 2), &key), ATTRIB_E_MISSING_FIELD);
	assert_int_equal(
		attrib_segment_write_key(&w->arena, pad(w, "{", 1), &key), ATTRIB_E_BAD_JSON);
	assert_text(key, "k");
}

/* The same told again is the same fact, and told of another client another one. */
static void leads_without_a_name(void **state)
{
	static const char *const bodies[] = {"1.1", "1.1", "1.2"};
	struct world *w = *state;
	struct attrib_str ids[3];
	char text[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(text, sizeof text,
			"{\"client_id\":\"%s\",\"events\":[{\"name\":\"sign_up\"}]}", bodies[i]);
		w->intake.now = NOW + (int64_t)i;
		assert_int_equal(attrib_intake_ga4(&w->intake, ATTRIB_TRUST_SIGNED,
					 pad(w, text, strlen(text)), &w->result),
			0);
		ids[i] = w->result.events->order->id;
	}
	assert_true(attrib_str_eq(ids[0], ids[1]));
	assert_false(attrib_str_eq(ids[0], ids[2]));
}

/* -- bodies that nobody sends ----------------------------------------------------------------------- */

/* Whatever stands in it, a body is taken or refused; nothing breaks (with the sanitizers), and what is
 * refused says why. */
static void read_changed(struct world *w, struct attrib_str body, bool ga4)
{
	uint64_t random = 1;
	struct attrib_buf changed;
	size_t read = 0;

	attrib_buf_init(&changed);
	for (int i = 0; i < 80; i++) {
		enum attrib_trust trust = i % 2 ? ATTRIB_TRUST_SIGNED : ATTRIB_TRUST_STRANGER;
		attrib_buf_clear(&changed);
		attrib_buf_str(&changed, body);
		change_body(&changed, &random);
		struct attrib_str text = pad(w, (char *)changed.p, changed.n);
		read += ga4 ? attrib_intake_ga4(&w->intake, trust, text, &w->result) == 0
			    : read_segment(w, trust, attrib_buf_view(&changed)) == 0;
		for (size_t k = 0; k < w->result.reject_count; k++)
			assert_true(w->result.rejects[k].message.n > 0);
	}
	attrib_buf_done(&changed);
	assert_true(read > 0); /* not all of them were broken JSON */
}

static void changed_bodies_break_nothing(void **state)
{
	static const char *const shapes[] = {"segment/analytics-node", "segment/rudder-sdk-node",
		"segment/order-codes", "segment/order-carriers", "segment/refund-with-parts",
		"segment/clock-a-day-fast", "ga4/purchase-coupon", "ga4/refund-with-parts",
		"ga4/generate-lead"};
	struct world *w = *state;
	char path[512];

	w->intake.visit = &w->visit;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		snprintf(path, sizeof path, DATA_DIR "/%s.json", shapes[i]);
		read_changed(w, read_file(w, path), shapes[i][0] == 'g');
		attrib_arena_reset(&w->arena);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(segment_shapes),
		TEST(ga4_shapes),
		TEST(numbers_are_rounded_to_their_currency),
		TEST(what_is_no_amount_is_refused),
		TEST(revenue_is_read_without_a_total_alone),
		TEST(one_code_has_the_discount),
		TEST(many_and_long_codes_cost_no_order),
		TEST(ids_are_of_one_shape),
		TEST(an_alias_is_a_visitor_of_the_user),
		TEST(a_cookie_goes_before_the_anonymous_id),
		TEST(a_message_has_32_kilobytes),
		TEST(a_batch_has_2500_messages),
		TEST(bodies_that_are_none),
		TEST(a_key_in_the_body),
		TEST(leads_without_a_name),
		TEST(changed_bodies_break_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
