/*
 * Native events: what each type takes, what is refused and with which words.
 */
#include "world.h"

#define SIGNED   ATTRIB_TRUST_SIGNED
#define STRANGER ATTRIB_TRUST_STRANGER

static const char full_purchase[] =
	"{\"type\":\"purchase\",\"event_id\":\"e-1\",\"occurred_at\":\"2026-11-01T11:00:00Z\","
	"\"visitor_id\":\"v-1\",\"customer_id\":\"c-1\",\"email\":\" Ann@Example.com\","
	"\"phone\":\"0049 (171) "
	"123-456\",\"click_id\":\"ck\",\"checkout_token\":\"tok\",\"affiliate_id\":\"lisa\","
	"\"url\":\"https://shop.example/?utm_source=instagram&ref=other&gclid=1\","
	"\"referrer\":\"https://L.Instagram.com/x\","
	"\"utm\":{\"source\":\"\",\"medium\":\"\",\"campaign\":\"\",\"term\":\"\",\"content\":\"\"}"
	","
	"\"order\":{\"id\":\"1001\",\"currency\":\"EUR\",\"total\":\"119.00\",\"subtotal\":\"100."
	"00\","
	"\"tax\":\"19.00\",\"shipping\":\"0.00\",\"discount\":\"10.00\","
	"\"codes\":[\"LISA10\",{\"code\":\"X\",\"amount\":\"2.50\"}],\"status\":\"paid\","
	"\"kind\":\"one_off\",\"source\":\"web\",\"test\":false,"
	"\"tags\":[\" Gift\",\"\",\"VIP, Press\"],"
	"\"placed_at\":\"2026-11-01T10:59:00Z\",\"paid_at\":\"2026-11-01T11:00:00Z\","
	"\"updated_at\":\"2026-11-02T00:00:00Z\","
	"\"aliases\":{\"name\":\"#1001\",\"checkout_token\":\"tok\"}}}";

static void test_purchase_order(void **state)
{
	struct world *w = *state;
	const struct attrib_order *o = one_event(w, SIGNED, full_purchase)->order;

	assert_text(o->id, "1001");
	assert_id(o->key, id_of(w, ATTRIB_ID_ORDER, "1001"));
	assert_string_equal(o->currency, "EUR");
	assert_true(o->has_amounts && o->has_total && o->has_subtotal && o->has_status);
	assert_int_equal(o->total, 11900);
	assert_int_equal(o->subtotal, 10000);
	assert_int_equal(o->tax, 1900);
	assert_int_equal(o->shipping, 0);
	assert_int_equal(o->discount, 1000);
	assert_int_equal(o->status, ATTRIB_ORDER_PAID);
	assert_true(o->has_codes);
	assert_int_equal(o->code_count, 2);
	assert_text(o->codes[0].code, "LISA10");
	assert_false(o->codes[0].has_amount);
	assert_text(o->codes[1].code, "X");
	assert_true(o->codes[1].has_amount);
	assert_int_equal(o->codes[1].amount, 250);
	assert_text(o->tags, "gift,vip,press");
	assert_text(o->kind, "one_off");
	assert_text(o->source, "web");
	assert_false(o->test);
	assert_int_equal(o->placed_at, NOW - 61 * ATTRIB_US_PER_MIN);
	assert_int_equal(o->paid_at, NOW - ATTRIB_US_PER_HOUR);
	assert_int_equal(o->updated_at, NOW + 5 * ATTRIB_US_PER_MIN);
	assert_int_equal(o->alias_count, 2);
	assert_text(o->aliases[0].kind, "name");
	assert_text(o->aliases[0].value, "#1001");
	assert_id(o->aliases[0].id, id_of(w, ATTRIB_ID_ORDER, "#1001"));
	assert_id(o->aliases[1].id, id_of(w, ATTRIB_ID_ORDER, "tok"));
}

static void test_purchase_event(void **state)
{
	struct world *w = *state;
	const struct attrib_event *e = one_event(w, SIGNED, full_purchase);

	assert_int_equal(e->type, ATTRIB_EVENT_PURCHASE);
	assert_int_equal(e->trust, SIGNED);
	assert_text(e->site, "acme");
	assert_text(e->source, "native");
	assert_text(e->event_id, "e-1");
	assert_id(e->id, id_of(w, ATTRIB_ID_EVENT, "purchase:e-1"));
	assert_id(e->visitor, id_of(w, ATTRIB_ID_VISITOR, "v-1"));
	assert_id(e->click, id_of(w, ATTRIB_ID_CLICK, "ck"));
	assert_id(e->checkout_token, e->order->aliases[1].id);
	assert_true(attrib_id_none(&e->cart_token));
	assert_int_equal(e->received_at, NOW);
	assert_int_equal(e->occurred_at, NOW - ATTRIB_US_PER_HOUR);
	assert_int_equal(e->key_count, 3);
	assert_id(e->keys[0].id, id_of(w, ATTRIB_ID_EMAIL, "ann@example.com"));
	assert_id(e->keys[1].id, id_of(w, ATTRIB_ID_PHONE, "+49171123456"));
	assert_id(e->keys[2].id, id_of(w, ATTRIB_ID_CUSTOMER, "c-1"));
	assert_text(e->affiliate, "lisa");
	assert_true(e->has_utm);
	assert_text(e->utm.source, "instagram");
	assert_int_equal(e->ad_clicks, 1u << ATTRIB_AD_GCLID);
	assert_text(e->referrer_host, "l.instagram.com");
	assert_int_equal(e->verdicts, ATTRIB_VERDICT_PAID_AD);
}

static void test_strangers_say_less(void **state)
{
	struct world *w = *state;
	const struct attrib_event *e = one_event(w, STRANGER, full_purchase);

	assert_int_equal(e->trust, STRANGER);
	assert_int_equal(e->key_count, 0);
	assert_int_equal(e->order->alias_count, 0);
	assert_id(e->id, id_of(w, ATTRIB_ID_EVENT_OPEN, "purchase:e-1"));
	assert_int_equal(e->order->total, 11900);
}

/* Everything that each type needs, and a look at where it went. */
static void test_every_type(void **state)
{
	struct world *w = *state;
	const struct attrib_event *e;

	e = one_event(w, SIGNED, "{\"type\":\"click\",\"link\":\"Lisa\",\"event_id\":\"k\"}");
	assert_text(e->link, "Lisa");
	assert_id(e->click, id_of(w, ATTRIB_ID_CLICK, "k"));
	e = one_event(w, STRANGER, "{\"type\":\"visit\",\"url\":\"/?aff=tom&attr_click=c1\"}");
	assert_text(e->affiliate, "tom");
	assert_id(e->click, id_of(w, ATTRIB_ID_CLICK, "c1"));
	e = one_event(w, STRANGER, "{\"type\":\"view\",\"link\":\"lisa\"}");
	assert_text(e->link, "lisa");
	e = one_event(w, STRANGER, "{\"type\":\"code_applied\",\"code\":\"LISA10\"}");
	assert_text(e->code, "LISA10");
	e = one_event(w, STRANGER, "{\"type\":\"cart\",\"link\":\"no link\",\"code\":\"no code\"}");
	assert_int_equal(e->type, ATTRIB_EVENT_CART);
	assert_int_equal(e->link.n + e->code.n, 0);
	e = one_event(w, STRANGER, "{\"type\":\"checkout\"}");
	assert_int_equal(e->type, ATTRIB_EVENT_CHECKOUT);
	e = one_event(w, SIGNED,
		"{\"type\":\"lead\",\"lead\":{\"id\":7,\"name\":\"trial\",\"value\":1,\"currency\":"
		"\"JPY\"}}");
	assert_text(e->order->id, "7");
	assert_text(e->order->name, "trial");
	assert_int_equal(e->order->total, 1);
	assert_true(e->order->has_amounts && e->order->has_total && !e->order->has_status);
	e = one_event(w, SIGNED, "{\"type\":\"cancel\",\"order_id\":\"1\",\"reversed\":true}");
	assert_text(e->cancel_order_id, "1");
	assert_true(e->cancel_reversed);
	e = one_event(w, SIGNED, "{\"type\":\"identify\",\"email\":\"a@b\",\"visitor_id\":\"v\"}");
	assert_int_equal(e->key_count, 1);
	e = one_event(
		w, STRANGER, "{\"type\":\"identify\",\"email\":\"a@b\",\"visitor_id\":\"v\"}");
	assert_int_equal(e->key_count, 0);
	e = one_event(w, SIGNED, "{\"type\":\"erase\",\"customer_id\":5}");
	assert_id(e->keys[0].id, id_of(w, ATTRIB_ID_CUSTOMER, "5"));
}

static void test_refunds(void **state)
{
	struct world *w = *state;
	const struct attrib_refund *r;

	r = one_event(w, SIGNED,
		"{\"type\":\"refund\",\"refund\":{\"id\":\"r1\",\"order_id\":\"1\",\"amount\":"
		"\"5\","
		"\"currency\":\"kwd\",\"tax\":\"1\"}}")
		    ->refund;
	assert_text(r->id, "r1");
	assert_text(r->order_id, "1");
	assert_int_equal(r->amount, 5000);
	assert_string_equal(r->currency, "KWD");
	assert_int_equal(r->status, ATTRIB_REFUND_DONE);
	assert_true(r->has_parts);
	assert_int_equal(r->tax, 1000);
	r = one_event(w, SIGNED,
		"{\"type\":\"refund\",\"refund\":{\"id\":\"r1\",\"order_id\":\"1\",\"status\":"
		"\"void\"}}")
		    ->refund;
	assert_int_equal(r->status, ATTRIB_REFUND_VOID);
	assert_false(r->has_parts);
	assert_string_equal(r->currency, "");
}

static void test_groups_that_were_not_sent(void **state)
{
	struct world *w = *state;
	const struct attrib_order *o;

	o = one_event(w, SIGNED, "{\"type\":\"purchase\",\"order\":{\"id\":\"1\"}}")->order;
	assert_false(o->has_amounts || o->has_total || o->has_status || o->has_codes);
	assert_string_equal(o->currency, "");
	assert_int_equal(o->placed_at, ATTRIB_NEVER);
	o = one_event(w, SIGNED,
		"{\"type\":\"purchase\",\"order\":{\"id\":\"1\",\"codes\":[],\"total\":null}}")
		    ->order;
	assert_true(o->has_codes);
	assert_int_equal(o->code_count, 0);
	assert_false(o->has_amounts);
	o = one_event(w, SIGNED,
		"{\"type\":\"purchase\",\"order\":{\"id\":\"1\",\"tax\":\"1\",\"paid_at\":"
		"\"2026-11-01T10:00:00Z\"}}")
		    ->order;
	assert_true(o->has_amounts && !o->has_total && o->has_status);
	assert_int_equal(o->status, ATTRIB_ORDER_PAID);
	assert_string_equal(o->currency, "EUR");
}

#define PURCHASE(fields) "{\"type\":\"purchase\",\"order\":{\"id\":\"1\"," fields "}}"

static void test_amounts(void **state)
{
	static const struct {
		const char *order;
		int64_t total; /* -1 = bad_amount */
	} cases[] = {
		{PURCHASE("\"total\":\"119.00\""), 11900},
		{PURCHASE("\"total\":119"), 11900},
		{PURCHASE("\"total\":119.5"), 11950},
		{PURCHASE("\"total\":0.1"), 10},
		{PURCHASE("\"total\":1e2"), 10000},
		{PURCHASE("\"total\":\"0\""), 0},
		{PURCHASE("\"total\":\"500\",\"currency\":\"JPY\""), 500},
		{PURCHASE("\"currency\":\"KWD\",\"total\":\"1.234\""), 1234},
		{PURCHASE("\"total\":\"5.00\",\"currency\":\"JPY\""), 5},
		{PURCHASE("\"total\":\"1.005\""), -1},
		{PURCHASE("\"total\":1.005"), -1},
		{PURCHASE("\"total\":0.30000000000000004"), -1},
		{PURCHASE("\"total\":\"-1\""), -1},
		{PURCHASE("\"total\":\"\""), -1},
		{PURCHASE("\"total\":\"1,00\""), -1},
		{PURCHASE("\"total\":\" 1\""), -1},
		{PURCHASE("\"total\":\"1e2\""), -1},
		{PURCHASE("\"total\":\"NaN\""), -1},
		{PURCHASE("\"total\":true"), -1},
		{PURCHASE("\"total\":[]"), -1},
		{PURCHASE("\"total\":{}"), -1},
		{PURCHASE("\"total\":9223372036854775808"), -1},
		{PURCHASE("\"total\":\"9223372036854775808\""), -1},
		{PURCHASE("\"total\":123456789012345678901234567890"), -1},
		{PURCHASE("\"total\":1e400"), -1},
		{PURCHASE("\"total\":1e300"), -1},
		{PURCHASE("\"total\":1e-300"), -1},
		{PURCHASE("\"total\":\"5.5\",\"currency\":\"JPY\""), -1},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(take_native(w, SIGNED, cases[i].order), 0);
		if (cases[i].total >= 0 && w->result.event_count == 1)
			assert_int_equal(w->result.events[0].order->total, cases[i].total);
		else if (cases[i].total >= 0 || w->result.reject_count != 1)
			fail_msg("%s", cases[i].order);
		else
			assert_int_equal(w->result.rejects[0].error, ATTRIB_E_BAD_AMOUNT);
	}
}

static void test_rejects(void **state)
{
	static const struct {
		const char *body;
		int error;
		const char *message; /* begins with */
	} cases[] = {
		{"{}", ATTRIB_E_MISSING_FIELD, "type: is missing"},
		{"{\"type\":null}", ATTRIB_E_MISSING_FIELD, "type: is missing"},
		{"{\"type\":\"Purchase\"}", ATTRIB_E_BAD_TYPE, "type: expected click, visit"},
		{"{\"type\":5}", ATTRIB_E_BAD_TYPE, "type: expected"},
		{"[5]", ATTRIB_E_BAD_FIELD, "event: expected an object"},
		{"[[]]", ATTRIB_E_BAD_FIELD, "event: expected an object"},
		{"[null]", ATTRIB_E_BAD_FIELD, "event: expected an object"},
		{"{\"type\":\"purchase\"}", ATTRIB_E_BAD_ID, "order.id: is missing, a purchase"},
		{"{\"type\":\"purchase\",\"order\":5}", ATTRIB_E_BAD_FIELD,
			"order: expected an object"},
		{"{\"type\":\"purchase\",\"order\":{}}", ATTRIB_E_BAD_ID, "order.id: is missing"},
		{"{\"type\":\"purchase\",\"order\":{\"id\":\"\"}}", ATTRIB_E_BAD_ID, "order.id:"},
		{"{\"type\":\"purchase\",\"order\":{\"id\":1.5}}", ATTRIB_E_BAD_ID,
			"order.id: expected an id of 1 to 255 bytes"},
		{"{\"type\":\"purchase\",\"order\":{\"id\":true}}", ATTRIB_E_BAD_ID, "order.id:"},
		{"{\"type\":\"purchase\",\"order\":{\"id\":\"a\\u0000b\"}}", ATTRIB_E_BAD_ID,
			"order.id:"},
		{"{\"type\":\"purchase\",\"order\":{\"id\":\"a\\nb\"}}", ATTRIB_E_BAD_ID,
			"order.id:"},
		{"{\"type\":\"purchase\",\"order\":{\"id\":\"a\\u0085\"}}", ATTRIB_E_BAD_ID,
			"order.id:"},
		{"{\"type\":\"purchase\",\"order\":{\"id\":\"1\",\"id\":\"2\"}}",
			ATTRIB_E_BAD_FIELD, "order.id: stands twice"},
		{PURCHASE("\"currency\":\"XXX\""), ATTRIB_E_BAD_CURRENCY,
			"order.currency: expected an ISO"},
		{PURCHASE("\"currency\":\"EURO\""), ATTRIB_E_BAD_CURRENCY, "order.currency:"},
		{PURCHASE("\"currency\":5"), ATTRIB_E_BAD_CURRENCY, "order.currency:"},
		{PURCHASE("\"total\":\"x\""), ATTRIB_E_BAD_AMOUNT,
			"order.total: expected a decimal"},
		{PURCHASE("\"status\":\"open\""), ATTRIB_E_BAD_STATUS,
			"order.status: expected pending"},
		{PURCHASE("\"status\":1"), ATTRIB_E_BAD_STATUS, "order.status:"},
		{PURCHASE("\"placed_at\":\"yesterday\""), ATTRIB_E_BAD_TIME,
			"order.placed_at: expected an"},
		{PURCHASE("\"placed_at\":1793534400"), ATTRIB_E_BAD_TIME, "order.placed_at:"},
		{PURCHASE("\"test\":\"maybe\""), ATTRIB_E_BAD_FIELD,
			"order.test: expected true or"},
		{PURCHASE("\"codes\":[[]]"), ATTRIB_E_BAD_FIELD,
			"order.codes: expected at most 16"},
		{PURCHASE("\"codes\":5"), ATTRIB_E_BAD_FIELD, "order.codes:"},
		{PURCHASE("\"tags\":[5]"), ATTRIB_E_BAD_FIELD,
			"order.tags: expected a list of texts"},
		{PURCHASE("\"tags\":{}"), ATTRIB_E_BAD_FIELD, "order.tags:"},
		{PURCHASE("\"tags\":\"a\\u0000\""), ATTRIB_E_BAD_FIELD, "order.tags:"},
		{PURCHASE("\"codes\":[{\"amount\":\"1\"}]"), ATTRIB_E_BAD_FIELD, "order.codes:"},
		{PURCHASE("\"codes\":[\"a\",{\"code\":\"b\",\"amount\":\"x\"}]"),
			ATTRIB_E_BAD_AMOUNT, "order.codes[1].amount: expected"},
		{PURCHASE("\"codes\":[{\"code\":\"b\",\"amount\":[]}]"), ATTRIB_E_BAD_AMOUNT,
			"order.codes[0].amount:"},
		{PURCHASE("\"codes\":[\"a\\u0000\"]"), ATTRIB_E_BAD_FIELD, "order.codes:"},
		{PURCHASE("\"codes\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]"),
			ATTRIB_E_BAD_FIELD, "order.codes:"},
		{PURCHASE("\"aliases\":{\"a b\":\"x\"}"), ATTRIB_E_BAD_FIELD,
			"order.aliases: expected"},
		{PURCHASE("\"aliases\":{\"a\":[]}"), ATTRIB_E_BAD_FIELD, "order.aliases:"},
		{PURCHASE("\"aliases\":{\"a\":\"\\u0001\"}"), ATTRIB_E_BAD_FIELD, "order.aliases:"},
		{PURCHASE("\"aliases\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,"
			  "\"h\":1,"
			  "\"i\":1}"),
			ATTRIB_E_BAD_FIELD, "order.aliases:"},
		{"{\"type\":\"click\"}", ATTRIB_E_MISSING_FIELD,
			"link: is missing, a click needs it"},
		{"{\"type\":\"click\",\"link\":\"\"}", ATTRIB_E_MISSING_FIELD, "link: is missing"},
		{"{\"type\":\"click\",\"link\":\"a\\u0000\"}", ATTRIB_E_BAD_FIELD,
			"link: expected text of at most 512 bytes"},
		{"{\"type\":\"visit\"}", ATTRIB_E_MISSING_FIELD, "url: is missing"},
		{"{\"type\":\"view\"}", ATTRIB_E_MISSING_FIELD, "link: is missing"},
		{"{\"type\":\"code_applied\"}", ATTRIB_E_MISSING_FIELD, "code: is missing"},
		{"{\"type\":\"lead\"}", ATTRIB_E_BAD_ID, "lead.id: is missing"},
		{"{\"type\":\"cancel\"}", ATTRIB_E_BAD_ID, "order_id: is missing"},
		{"{\"type\":\"refund\"}", ATTRIB_E_BAD_ID, "refund.id: is missing"},
		{"{\"type\":\"refund\",\"refund\":{\"id\":\"1\"}}", ATTRIB_E_BAD_ID,
			"refund.order_id:"},
		{"{\"type\":\"refund\",\"refund\":{\"id\":\"1\",\"order_id\":\"1\"}}",
			ATTRIB_E_MISSING_FIELD, "refund.amount: is missing"},
		{"{\"type\":\"refund\",\"refund\":{\"id\":\"1\",\"order_id\":\"1\",\"amount\":"
		 "\"1\","
		 "\"status\":\"maybe\"}}",
			ATTRIB_E_BAD_STATUS, "refund.status: expected done or void"},
		{"{\"type\":\"identify\"}", ATTRIB_E_MISSING_FIELD, "visitor_id, customer_id"},
		{"{\"type\":\"erase\",\"email\":\"nobody\"}", ATTRIB_E_MISSING_FIELD,
			"visitor_id, cust"},
		{"{\"type\":\"cart\",\"event_id\":\"\\t\"}", ATTRIB_E_BAD_ID,
			"event_id: expected an id of 1 to 128 bytes"},
		{"{\"type\":\"cart\",\"event_id\":\"a\\u007f\"}", ATTRIB_E_BAD_ID, "event_id:"},
		{"{\"type\":\"cart\",\"occurred_at\":\"\"}", ATTRIB_E_BAD_TIME, "occurred_at:"},
		{"{\"type\":\"cart\",\"utm\":{\"source\":[]}}", ATTRIB_E_BAD_FIELD, "utm.source:"},
		{"{\"type\":\"cart\",\"utm\":\"x\"}", ATTRIB_E_BAD_FIELD,
			"utm: expected an object"},
		{"{\"type\":\"cart\",\"site\":\"other\"}", ATTRIB_E_UNKNOWN_SITE, "site: expected"},
		{"{\"type\":\"cart\",\"type\":\"cart\"}", ATTRIB_E_BAD_FIELD, "type: stands twice"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct attrib_reject *r = one_reject(w, SIGNED, cases[i].body);
		size_t n = strlen(cases[i].message);
		if (r->error != cases[i].error || r->message.n < n ||
			memcmp(r->message.p, cases[i].message, n) != 0)
			fail_msg("%s: %s, %.*s", cases[i].body, attrib_error_code(r->error),
				(int)r->message.n, r->message.p);
	}
}

static void test_secret_keys_only(void **state)
{
	static const char refund[] =
		"{\"type\":\"refund\",\"refund\":{\"id\":\"1\",\"order_id\":\"1\",\"amount\":1}}";
	const char *const bodies[] = {refund, "{\"type\":\"cancel\",\"order_id\":\"1\"}",
		"{\"type\":\"erase\",\"visitor_id\":\"v\"}"};
	struct world *w = *state;

	for (size_t i = 0; i < 3; i++) {
		const struct attrib_reject *r = one_reject(w, STRANGER, bodies[i]);
		assert_int_equal(r->error, ATTRIB_E_UNAUTHORIZED);
		assert_non_null(strstr(r->message.p, "needs a secret key"));
		one_event(w, SIGNED, bodies[i]);
	}
}

/* Limits in bytes: the last that passes, the first that does not. */
static void test_lengths(void **state)
{
	static const struct {
		const char *before, *after;
		size_t max;
		int error;
	} cases[] = {
		{"{\"type\":\"purchase\",\"order\":{\"id\":\"", "\"}}", 255, ATTRIB_E_BAD_ID},
		{"{\"type\":\"cart\",\"event_id\":\"", "\"}", 128, ATTRIB_E_BAD_ID},
		{"{\"type\":\"cart\",\"visitor_id\":\"", "\"}", 255, ATTRIB_E_BAD_ID},
		{"{\"type\":\"cart\",\"customer_id\":\"", "\"}", 255, ATTRIB_E_BAD_ID},
		{"{\"type\":\"cart\",\"click_id\":\"", "\"}", 128, ATTRIB_E_BAD_ID},
		{"{\"type\":\"cart\",\"cart_token\":\"", "\"}", 255, ATTRIB_E_BAD_ID},
		{"{\"type\":\"cart\",\"checkout_token\":\"", "\"}", 255, ATTRIB_E_BAD_ID},
		{"{\"type\":\"click\",\"link\":\"", "\"}", 512, ATTRIB_E_BAD_FIELD},
		{"{\"type\":\"cart\",\"affiliate_id\":\"", "\"}", 512, ATTRIB_E_BAD_FIELD},
		{"{\"type\":\"code_applied\",\"code\":\"", "\"}", 128, ATTRIB_E_BAD_FIELD},
		{"{\"type\":\"cart\",\"utm\":{\"term\":\"", "\"}}", 512, ATTRIB_E_BAD_FIELD},
		{"{\"type\":\"visit\",\"url\":\"", "\"}", 8192, ATTRIB_E_BAD_FIELD},
		{"{\"type\":\"purchase\",\"order\":{\"id\":\"1\",\"codes\":[\"", "\"]}}", 128,
			ATTRIB_E_BAD_FIELD},
		{"{\"type\":\"purchase\",\"order\":{\"id\":\"1\",\"aliases\":{\"a\":\"", "\"}}}",
			255, ATTRIB_E_BAD_FIELD},
	};
	struct world *w = *state;
	char body[9000], text[8200];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset(text, 'x', sizeof text);
		snprintf(body, sizeof body, "%s%.*s%s", cases[i].before, (int)cases[i].max, text,
			cases[i].after);
		one_event(w, SIGNED, body);
		snprintf(body, sizeof body, "%s%.*s%s", cases[i].before, (int)cases[i].max + 1,
			text, cases[i].after);
		assert_int_equal(one_reject(w, SIGNED, body)->error, cases[i].error);
	}
}

static void test_times(void **state)
{
	struct world *w = *state;
	const char *old = "{\"type\":\"cart\",\"occurred_at\":\"2020-01-01T00:00:00Z\"}";
	const char *future = "{\"type\":\"cart\",\"occurred_at\":\"2030-01-01T00:00:00Z\"}";
	const char *order = PURCHASE("\"placed_at\":\"2020-01-01T00:00:00Z\"");
	int64_t ahead = NOW + 5 * ATTRIB_US_PER_MIN, late = NOW - 90 * ATTRIB_US_PER_DAY;

	assert_int_equal(one_event(w, SIGNED, "{\"type\":\"cart\"}")->occurred_at, NOW);
	assert_int_equal(one_event(w, SIGNED, old)->occurred_at, 1577836800000000);
	assert_int_equal(one_event(w, STRANGER, old)->occurred_at, late);
	assert_int_equal(one_event(w, SIGNED, future)->occurred_at, ahead);
	assert_int_equal(one_event(w, STRANGER, future)->occurred_at, ahead);
	assert_int_equal(one_event(w, SIGNED, order)->order->placed_at, 1577836800000000);
	assert_int_equal(one_event(w, STRANGER, order)->order->placed_at, late);
}

/* What is clamped is counted, of events that are accepted: by the edge to which it went. */
static void test_clamps_are_counted(void **state)
{
	static const char body[] = "[{\"type\":\"cart\",\"occurred_at\":\"2020-01-01T00:00:00Z\"},"
				   "{\"type\":\"cart\",\"occurred_at\":\"2030-01-01T00:00:00Z\"},"
				   "{\"type\":\"lead\",\"occurred_at\":\"2030-01-01T00:00:00Z\"},"
				   "{\"type\":\"cart\",\"occurred_at\":\"2026-11-01T12:05:00Z\"},"
				   "{\"type\":\"cart\",\"occurred_at\":\"2026-08-03T12:00:00Z\"},"
				   "{\"type\":\"cart\"}]";
	struct world *w = *state;

	assert_int_equal(take_native(w, STRANGER, body), 0);
	assert_int_equal(w->result.event_count, 5);
	assert_int_equal(w->result.late, 1);
	assert_int_equal(w->result.future, 1);
	assert_int_equal(take_native(w, SIGNED, body), 0);
	assert_int_equal(w->result.late, 0);
	assert_int_equal(w->result.future, 1);
}

static void test_explicit_beats_url(void **state)
{
	struct world *w = *state;
	const struct attrib_event *e = one_event(w, SIGNED,
		"{\"type\":\"visit\",\"url\":\"https://s/"
		"?utm_source=a&utm_term=t&ref=b&attr_click=c\","
		"\"utm\":{\"medium\":\"m\"},\"affiliate_id\":\"x\",\"click_id\":\"y\"}");

	assert_text(e->utm.medium, "m");
	assert_int_equal(e->utm.source.n + e->utm.term.n, 0);
	assert_text(e->affiliate, "x");
	assert_id(e->click, id_of(w, ATTRIB_ID_CLICK, "y"));
}

static struct attrib_id id_at(struct world *w, int64_t now, const char *body)
{
	w->intake.now = now;
	return one_event(w, SIGNED, body)->id;
}

static void test_derived_ids(void **state)
{
	static const char refund[] =
		"{\"type\":\"refund\",\"refund\":{\"id\":\"1\",\"order_id\":\"1\",\"amount\":1}}";
	const char *const retold[] = {PURCHASE("\"total\":\"1\""),
		"{\"type\":\"lead\",\"lead\":{\"id\":\"1\"}}", refund,
		"{\"type\":\"cancel\",\"order_id\":\"1\"}",
		"{\"type\":\"cart\",\"occurred_at\":\"2026-10-30T00:00:00Z\"}"};
	struct world *w = *state;
	struct attrib_id a, b;

	for (size_t i = 0; i < sizeof retold / sizeof *retold; i++)
		assert_id(id_at(w, NOW, retold[i]), id_at(w, NOW + 1000000, retold[i]));
	a = id_at(w, NOW, "{\"type\":\"visit\",\"url\":\"/\"}");
	b = id_at(w, NOW + 1, "{\"type\":\"visit\",\"url\":\"/\"}");
	assert_false(attrib_id_eq(&a, &b));
	a = id_at(w, NOW, PURCHASE("\"total\":\"1\""));
	b = id_at(w, NOW, PURCHASE("\"tax\":\"1\""));
	assert_false(attrib_id_eq(&a, &b));
	b = id_at(w, NOW, "{\"order\":{\"total\":\"1\",\"id\":\"1\"},\"type\":\"purchase\"}");
	assert_id(a, b);
	a = id_at(w, NOW, PURCHASE("\"codes\":[\"A\",\"B\"]"));
	b = id_at(w, NOW, PURCHASE("\"codes\":[\"AB\"]"));
	assert_false(attrib_id_eq(&a, &b));
	assert_int_equal(take_native(w, SIGNED, "[{\"type\":\"cart\"},{\"type\":\"cart\"}]"), 0);
	assert_int_equal(w->result.event_count, 2);
	assert_int_equal(w->result.events[0].event_id.n, 32);
	assert_false(attrib_id_eq(&w->result.events[0].id, &w->result.events[1].id));
}

static void test_customer_keys(void **state)
{
	static const struct {
		const char *field, *value;
		size_t keys;
	} cases[] = {
		{"email", "a@b.example", 1},
		{"email", "", 0},
		{"email", "0", 0},
		{"email", "n/a", 0},
		{"customer_id", "0", 0},
		{"customer_id", " ", 0},
		{"customer_id", "00", 1},
		{"phone", "0", 0},
		{"phone", "0000000", 0},
		{"phone", "+49 171 5555", 1},
		{"phone", "none", 0},
	};
	struct world *w = *state;
	char body[200];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(body, sizeof body, "{\"type\":\"cart\",\"%s\":\"%s\"}", cases[i].field,
			cases[i].value);
		assert_int_equal(one_event(w, SIGNED, body)->key_count, cases[i].keys);
	}
}

static void test_arrays(void **state)
{
	struct world *w = *state;

	assert_int_equal(take_native(w, SIGNED, "[]"), 0);
	assert_int_equal(w->result.accepted + w->result.reject_count, 0);
	assert_false(w->result.whole);
	assert_int_equal(
		take_native(w, SIGNED, "[{\"type\":\"cart\"},5,{\"type\":\"checkout\"},{}]"), 0);
	assert_int_equal(w->result.accepted, 2);
	assert_int_equal(w->result.event_count, 2);
	assert_int_equal(w->result.events[1].type, ATTRIB_EVENT_CHECKOUT);
	assert_int_equal(w->result.reject_count, 2);
	assert_int_equal(w->result.rejects[0].index, 1);
	assert_int_equal(w->result.rejects[1].index, 3);
	assert_false(w->result.whole);
}

static void test_lines(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		take_lines(w, "{\"type\":\"cart\"}\r\n\n  \n{}\n{\"type\":\"checkout\"}"), 0);
	assert_int_equal(w->result.accepted, 2);
	assert_int_equal(w->result.rejects[0].index, 1);
	assert_int_equal(take_lines(w, ""), 0);
	assert_int_equal(w->result.accepted, 0);
	assert_int_equal(take_lines(w, "{\"type\":\"cart\"}\n{\"type\":"), ATTRIB_E_BAD_JSON);
	assert_true(w->result.whole);
	assert_int_equal(w->result.event_count, 0);
	assert_int_equal(w->result.accepted, 0);
	assert_int_equal(w->result.rejects[0].index, 1);
	assert_int_equal(take_lines(w, "{\"type\":\"cart\"} {}\n"), ATTRIB_E_BAD_JSON);
}

static char *repeat(size_t n, const char *item, char separator)
{
	size_t length = strlen(item);
	char *text = malloc(n * (length + 1) + 3), *p = text;

	for (size_t i = 0; i < n; i++) {
		memcpy(p, item, length);
		p += length;
		*p++ = separator;
	}
	p[n ? -1 : 0] = '\0';
	return text;
}

static void test_too_many(void **state)
{
	struct world *w = *state;

	for (size_t n = 2500; n <= 2501; n++) {
		int expected = n > 2500 ? ATTRIB_E_TOO_MANY : 0;
		char *lines = repeat(n, "{}", '\n'), *items = repeat(n, "{}", ','), body[8000];
		snprintf(body, sizeof body, "[%s]", items);
		assert_int_equal(take_native(w, SIGNED, body), expected);
		assert_int_equal(w->result.whole, expected != 0);
		assert_int_equal(w->result.reject_count, expected ? 1 : n);
		assert_int_equal(take_lines(w, lines), expected);
		assert_int_equal(w->result.whole, expected != 0);
		free(lines);
		free(items);
	}
}

static void test_browser_orders_ignored(void **state)
{
	struct world *w = *state;

	w->site.policy.browser_orders = ATTRIB_BROWSER_IGNORE;
	assert_int_equal(take_native(w, STRANGER, PURCHASE("\"total\":1")), 0);
	assert_int_equal(w->result.event_count, 0);
	assert_int_equal(w->result.accepted, 1);
	assert_int_equal(w->result.reject_count, 0);
	one_event(w, SIGNED, PURCHASE("\"total\":1"));
}

static void test_no_tags_are_a_word(void **state)
{
	struct world *w = *state;

	assert_text(one_event(w, SIGNED, PURCHASE("\"tags\":[]"))->order->tags, ",");
	assert_text(one_event(w, SIGNED, PURCHASE("\"tags\":[\" \"]"))->order->tags, ",");
	assert_text(one_event(w, SIGNED, PURCHASE("\"tags\":null"))->order->tags, "");
}

static void test_code_of_a_purchase(void **state)
{
	struct world *w = *state;
	const struct attrib_event *e = one_event(
		w, SIGNED, "{\"type\":\"purchase\",\"code\":\"L\",\"order\":{\"id\":\"1\"}}");

	assert_int_equal(e->order->code_count, 1);
	assert_true(e->order->has_codes);
	assert_text(e->order->codes[0].code, "L");
	assert_int_equal(e->code.n, 0);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

/* Any damage gives an answer; what is still accepted is still an event. */
static void test_damaged_bodies(void **state)
{
	static const char *const pieces[] = {"null", "[]", "{}", "\"\"", "-1", "1e999", "\\u0000",
		"}", "\"", ",", "true", "99999999999999999999", "\xff", "order"};
	uint64_t seed = 1101;
	struct world *w = *state;
	char body[2000];

	print_message("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 5000; round++) {
		const char *piece = pieces[next_random(&seed) % 14];
		size_t at = next_random(&seed) % (sizeof full_purchase - 1);
		size_t cut = next_random(&seed) % 12;
		size_t rest =
			at + cut < sizeof full_purchase - 1 ? at + cut : sizeof full_purchase - 1;
		enum attrib_trust trust = (enum attrib_trust)(round & 1);
		int err;
		snprintf(body, sizeof body, "%.*s%s%s", (int)at, full_purchase, piece,
			full_purchase + rest);
		err = take_native(w, trust, body);
		assert_true(err == 0 || err == ATTRIB_E_BAD_JSON);
		assert_int_equal(w->result.accepted + w->result.reject_count, 1);
		assert_int_equal(w->result.whole, err != 0);
		for (size_t i = 0; i < w->result.event_count; i++)
			assert_true(attrib_str_is_text(w->result.events[i].order->id));
		attrib_arena_reset(&w->arena);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_purchase_order),
		TEST(test_purchase_event),
		TEST(test_strangers_say_less),
		TEST(test_every_type),
		TEST(test_refunds),
		TEST(test_groups_that_were_not_sent),
		TEST(test_amounts),
		TEST(test_rejects),
		TEST(test_secret_keys_only),
		TEST(test_lengths),
		TEST(test_times),
		TEST(test_clamps_are_counted),
		TEST(test_explicit_beats_url),
		TEST(test_derived_ids),
		TEST(test_customer_keys),
		TEST(test_arrays),
		TEST(test_lines),
		TEST(test_too_many),
		TEST(test_browser_orders_ignored),
		TEST(test_no_tags_are_a_word),
		TEST(test_code_of_a_purchase),
		TEST(test_damaged_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
