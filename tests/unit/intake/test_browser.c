/*
 * Pixel and beacon: what browsers say, and whose word it is.
 */
#include "world.h"

static const struct attrib_event *pixel(struct world *w, const char *query)
{
	world_request(w, query);
	assert_int_equal(attrib_intake_pixel(&w->intake, &w->visit, &w->result), 0);
	if (w->result.reject_count)
		fail_msg("%s: %.*s", query, (int)w->result.rejects[0].message.n,
			w->result.rejects[0].message.p);
	assert_int_equal(w->result.event_count, 1);
	return w->result.events;
}

static int pixel_error(struct world *w, const char *query)
{
	world_request(w, query);
	assert_int_equal(attrib_intake_pixel(&w->intake, &w->visit, &w->result), 0);
	assert_int_equal(w->result.event_count, 0);
	assert_int_equal(w->result.reject_count, 1);
	return w->result.rejects[0].error;
}

static int beacon(struct world *w, const char *body)
{
	return attrib_intake_beacon(&w->intake, &w->visit, pad(w, body, strlen(body)), &w->result);
}

static void test_pixel_visit(void **state)
{
	struct world *w = *state;
	const struct attrib_event *e =
		pixel(w, "site=acme&e=visit&vid=v-1&url=https%3A%2F%2Fshop.example%2F%3Futm_source%"
			 "3Da%26ref%3Dlisa"
			 "&ref=https%3A%2F%2Finsta.example%2F&_=123&unknown=1&url=second");

	assert_int_equal(e->type, ATTRIB_EVENT_VISIT);
	assert_int_equal(e->trust, ATTRIB_TRUST_STRANGER);
	assert_text(e->source, "pixel");
	assert_id(e->visitor, id_of(w, ATTRIB_ID_VISITOR, "v-1"));
	assert_text(e->utm.source, "a");
	assert_text(e->affiliate, "lisa");
	assert_text(e->referrer_host, "insta.example");
	assert_int_equal(e->verdicts, 0);
}

static void test_pixel_page_from_referer(void **state)
{
	struct world *w = *state;

	world_request(w, "site=acme&e=visit");
	world_header(w, "Referer", "https://shop.example/?utm_source=a");
	assert_int_equal(attrib_intake_pixel(&w->intake, &w->visit, &w->result), 0);
	assert_int_equal(w->result.event_count, 1);
	assert_text(w->result.events[0].utm.source, "a");
	assert_int_equal(w->result.events[0].verdicts, 0);
	assert_int_equal(pixel_error(w, "site=acme&e=visit"), ATTRIB_E_MISSING_FIELD);
}

static void test_pixel_purchase(void **state)
{
	static const char *const queries[] = {
		"site=acme&e=purchase&order.id=1001&order.total=119.00&order.currency=EUR&order."
		"codes=A,%20B,",
		"site=acme&type=purchase&order_id=1001&total=119.00&currency=eur&codes=A,B&email=a@"
		"b",
		"order.id=1001&order.total=119&order.codes=A,B&e=purchase&site=acme&order.tax=&"
		"order=x",
	};
	struct world *w = *state;

	for (size_t i = 0; i < 3; i++) {
		const struct attrib_event *e = pixel(w, queries[i]);
		assert_text(e->order->id, "1001");
		assert_int_equal(e->order->total, 11900);
		assert_string_equal(e->order->currency, "EUR");
		assert_int_equal(e->order->code_count, 2);
		assert_text(e->order->codes[1].code, "B");
		assert_int_equal(e->key_count, 0);
	}
}

static void test_pixel_rejects(void **state)
{
	struct world *w = *state;

	assert_int_equal(pixel_error(w, ""), ATTRIB_E_UNKNOWN_SITE);
	assert_int_equal(pixel_error(w, "e=cart"), ATTRIB_E_UNKNOWN_SITE);
	assert_int_equal(pixel_error(w, "site=other&e=cart"), ATTRIB_E_UNKNOWN_SITE);
	assert_int_equal(pixel_error(w, "site=acme"), ATTRIB_E_MISSING_FIELD);
	assert_int_equal(pixel_error(w, "site=acme&e=nothing"), ATTRIB_E_BAD_TYPE);
	assert_int_equal(pixel_error(w, "site=acme&e=cancel&order_id=1"), ATTRIB_E_UNAUTHORIZED);
	assert_int_equal(pixel_error(w, "site=acme&e=erase&vid=1"), ATTRIB_E_UNAUTHORIZED);
	assert_int_equal(pixel_error(w, "site=acme&e=cart&vid=%01"), ATTRIB_E_BAD_ID);
	assert_int_equal(
		pixel_error(w, "site=acme&e=purchase&order_id=1&total=x"), ATTRIB_E_BAD_AMOUNT);
}

/* The referrer of a page is the shop's own: by the list, or because the page is on that host. */
static void test_own_site(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		pixel(w, "site=acme&e=visit&url=https://x.example/a&ref=https://shop.example/b")
			->verdicts,
		ATTRIB_VERDICT_OWN_SITE);
	assert_int_equal(
		pixel(w, "site=acme&e=visit&url=https://x.example/a&ref=https://X.example/b")
			->verdicts,
		ATTRIB_VERDICT_OWN_SITE);
	assert_int_equal(
		pixel(w, "site=acme&e=visit&url=https://x.example/a&ref=https://y.example/b")
			->verdicts,
		0);
	assert_int_equal(pixel(w, "site=acme&e=visit&url=/a")->verdicts, 0);
}

/* The cookie's domain and all below it are the shop's; with or without its dot. */
static void test_own_site_by_cookie_domain(void **state)
{
	static const struct {
		const char *domain, *host;
		bool own;
	} cases[] = {
		{".brand.example", "brand.example", true},
		{".brand.example", "BLOG.brand.example", true},
		{"brand.example", "a.b.brand.example", true},
		{"brand.example", "notbrand.example", false},
		{"brand.example", "brand.example.evil.example", false},
		{"brand.example", "example", false},
		{".", "brand.example", false},
		{"", "brand.example", false},
	};
	struct world *w = *state;
	char query[256];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		w->intake_site.cookie_domain = attrib_str_of(cases[i].domain);
		snprintf(query, sizeof query,
			"site=acme&e=click&link=l&url=https://x.example/a&ref=https://%s/b",
			cases[i].host);
		assert_int_equal(
			pixel(w, query)->verdicts, cases[i].own ? ATTRIB_VERDICT_OWN_SITE : 0);
	}
}

static void test_paid_ads(void **state)
{
	struct world *w = *state;

	static const char *const search[] = {"gclid", "gbraid", "wbraid", "dclid", "msclkid"};
	static const char *const others[] = {"fbclid", "igshid", "ttclid", "twclid", "epik"};
	char query[128];

	for (size_t i = 0; i < 5; i++) {
		snprintf(query, sizeof query, "site=acme&e=visit&url=/?ref=l%%26%s=1", search[i]);
		assert_int_equal(pixel(w, query)->verdicts, ATTRIB_VERDICT_PAID_AD);
		snprintf(query, sizeof query, "site=acme&e=visit&url=/?ref=l%%26%s=1", others[i]);
		assert_int_equal(pixel(w, query)->verdicts, 0);
	}
	assert_int_equal(pixel(w, "site=acme&e=visit&url=/?utm_source=l%26gclid=1")->verdicts, 0);
}

static void test_cookie_beats_vid(void **state)
{
	struct world *w = *state;
	uint8_t random[16] = {42};
	struct attrib_str cookie = attrib_visitor_cookie(&w->arena, w->keys, random);
	struct attrib_id known = attrib_visitor_id(w->keys, w->site.name, cookie);
	char header[100];

	snprintf(header, sizeof header, "attr_vid=%.45s", cookie.p);
	world_request(w, "site=acme&e=cart&vid=other");
	world_header(w, "Cookie", header);
	assert_int_equal(attrib_intake_pixel(&w->intake, &w->visit, &w->result), 0);
	assert_id(w->result.events[0].visitor, known);
	assert_int_equal(
		beacon(w, "{\"site\":\"acme\",\"type\":\"cart\",\"visitor_id\":\"other\"}"), 0);
	assert_id(w->result.events[0].visitor, known);
	header[20] = header[20] == 'x' ? 'y' : 'x'; /* a forged cookie beats nothing */
	assert_int_equal(attrib_intake_pixel(&w->intake, &w->visit, &w->result), 0);
	assert_id(w->result.events[0].visitor, id_of(w, ATTRIB_ID_VISITOR, "other"));
}

static void test_opted_out(void **state)
{
	struct world *w = *state;
	const char *body = "{\"site\":\"acme\",\"type\":\"cart\",\"visitor_id\":\"v\"}";

	world_header(w, "Sec-GPC", "1");
	assert_int_equal(beacon(w, body), 0);
	assert_true(attrib_id_none(&w->result.events[0].visitor));
	assert_int_equal(w->result.events[0].verdicts, ATTRIB_VERDICT_NO_CONSENT);
	w->intake.visit = &w->visit; /* a public key from the page: the same */
	assert_int_equal(take_native(w, ATTRIB_TRUST_STRANGER, body), 0);
	assert_true(attrib_id_none(&w->result.events[0].visitor));
	assert_int_equal(take_native(w, ATTRIB_TRUST_SIGNED, body), 0);
	assert_false(attrib_id_none(&w->result.events[0].visitor));
	assert_int_equal(w->result.events[0].verdicts, 0);
}

/* Servers have no browser's headers: neither robots nor referrers are judged. */
static void test_signed_have_no_verdicts(void **state)
{
	struct world *w = *state;
	const char *body =
		"{\"type\":\"click\",\"link\":\"l\",\"referrer\":\"https://shop.example/\"}";

	world_header(w, "User-Agent", "curl/8");
	w->intake.visit = &w->visit;
	assert_int_equal(one_event(w, ATTRIB_TRUST_SIGNED, body)->verdicts, 0);
	assert_int_equal(one_event(w, ATTRIB_TRUST_STRANGER, body)->verdicts,
		ATTRIB_VERDICT_BOT | ATTRIB_VERDICT_OWN_SITE);
}

static void test_beacon(void **state)
{
	struct world *w = *state;
	char *large = calloc(1, ATTRIB_BEACON_BODY_MAX + 2);

	assert_int_equal(beacon(w, "[{\"site\":\"acme\",\"type\":\"cart\"},{\"type\":\"checkout\"},"
				   "{\"site\":\"x\",\"type\":\"cart\"}]"),
		0);
	assert_int_equal(w->result.accepted, 2);
	assert_text(w->result.events[0].source, "beacon");
	assert_int_equal(w->result.events[0].trust, ATTRIB_TRUST_STRANGER);
	assert_int_equal(w->result.rejects[0].error, ATTRIB_E_UNKNOWN_SITE);
	assert_int_equal(beacon(w, "site=acme&type=cart"), ATTRIB_E_BAD_JSON);
	assert_true(w->result.whole);
	memset(large, ' ', ATTRIB_BEACON_BODY_MAX + 1);
	large[0] = '[';
	large[1] = ']';
	assert_int_equal(beacon(w, large), ATTRIB_E_TOO_LARGE);
	large[ATTRIB_BEACON_BODY_MAX] = '\0';
	assert_int_equal(beacon(w, large), 0);
	free(large);
}

static void test_beacon_site(void **state)
{
	static const struct {
		const char *body, *site;
		int error;
	} cases[] = {
		{"{\"type\":\"cart\",\"site\":\"acme\"}", "acme", 0},
		{"[{\"site\":\"acme\"},5]", "acme", 0},
		{"{}", "", ATTRIB_E_MISSING_FIELD},
		{"[]", "", ATTRIB_E_MISSING_FIELD},
		{"[5]", "", ATTRIB_E_MISSING_FIELD},
		{"5", "", ATTRIB_E_MISSING_FIELD},
		{"{\"site\":5}", "", ATTRIB_E_MISSING_FIELD},
		{"{\"site\":\"acme\"", "", ATTRIB_E_BAD_JSON},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct attrib_str site = ATTRIB_STR_NONE;
		const char *body = cases[i].body;
		assert_int_equal(
			attrib_intake_beacon_site(&w->arena, pad(w, body, strlen(body)), &site),
			cases[i].error);
		assert_text(site, cases[i].site);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_pixel_visit),
		TEST(test_pixel_page_from_referer),
		TEST(test_pixel_purchase),
		TEST(test_pixel_rejects),
		TEST(test_own_site),
		TEST(test_own_site_by_cookie_domain),
		TEST(test_paid_ads),
		TEST(test_cookie_beats_vid),
		TEST(test_opted_out),
		TEST(test_signed_have_no_verdicts),
		TEST(test_beacon),
		TEST(test_beacon_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
