/*
 * Redirects: where to, with which parameters, which cookie, which click.
 */
#include "world.h"

/* Visitor AAAA..., click AQEB... */
static const uint8_t random_bytes[32] = {[16] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
#define CLICK   "AQEBAQEBAQEBAQEBAQEBAQ"
#define VISITOR "AAAAAAAAAAAAAAAAAAAAAA"

static struct attrib_redirect go(struct world *w)
{
	struct attrib_redirect out = {0};

	assert_int_equal(
		attrib_intake_redirect(&w->intake, &w->visit, &w->link, random_bytes, &out), 0);
	assert_true(out.has_event);
	return out;
}

static bool has(struct attrib_str s, const char *part)
{
	return s.n && memmem(s.p, s.n, part, strlen(part)) != NULL;
}

static void test_locations(void **state)
{
	static const struct {
		const char *destination, *query, *location;
	} cases[] = {
		{"https://s.example/p", "", "https://s.example/p?attr_click=" CLICK},
		{"https://s.example", "", "https://s.example?attr_click=" CLICK},
		{"https://s.example/p?", "", "https://s.example/p?attr_click=" CLICK},
		{"https://s.example/p?a=1", "", "https://s.example/p?a=1&attr_click=" CLICK},
		{"https://s.example/p#top", "", "https://s.example/p?attr_click=" CLICK "#top"},
		{"https://s.example/p?a=1#x?y", "b=2",
			"https://s.example/p?a=1&b=2&attr_click=" CLICK "#x?y"},
		{"https://s.example/p?a=1&attr_click=old", "",
			"https://s.example/p?a=1&attr_click=" CLICK},
		{"https://s.example/p", "attr_click=old&b=2",
			"https://s.example/p?b=2&attr_click=" CLICK},
		{"https://s.example/p", "attr%5Fclick=old",
			"https://s.example/p?attr_click=" CLICK},
		{"https://s.example/p?utm_source=a", "utm_source=b&utm_medium=c",
			"https://s.example/p?utm_source=a&utm_medium=c&attr_click=" CLICK},
		{"https://s.example/p?x%5B%5D=1", "x[]=2&y[]=3",
			"https://s.example/p?x%5B%5D=1&y[]=3&attr_click=" CLICK},
		{"https://s.example/p?flag", "flag=1&other",
			"https://s.example/p?flag&other&attr_click=" CLICK},
		{"https://s.example/p",
			"a=1&&a=2&=&b=", "https://s.example/p?a=1&a=2&=&b=&attr_click=" CLICK},
		{"https://s.example/p", "a=%0d%0aSet-Cookie:x=1",
			"https://s.example/p?a=%0d%0aSet-Cookie:x=1&attr_click=" CLICK},
		{"https://s.example/p", "a=b c\"<>\xc3\xa4#f",
			"https://s.example/p?a=b%20c%22%3C%3E%C3%A4%23f&attr_click=" CLICK},
		{"https://s.example/d/CODE?redirect=/p", "url=https://evil.example",
			"https://s.example/d/CODE?redirect=/p&url=https://"
			"evil.example&attr_click=" CLICK},
		{"https://s.example/\xc3\xa4 b", "",
			"https://s.example/%C3%A4%20b?attr_click=" CLICK},
		{"HTTP://s.example/a%20b", "", "HTTP://s.example/a%20b?attr_click=" CLICK},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		w->link.destination = attrib_str_of(cases[i].destination);
		world_request(w, cases[i].query);
		assert_text(go(w).location, cases[i].location);
	}
}

/* Whatever the catalog says, a location is one line and goes to the web. */
static void test_bad_destinations(void **state)
{
	static const char *const none[] = {"", "/relative", "//s.example", "javascript:alert(1)",
		"javascript://s.example/%0aalert(1)", "ftp://s.example/", "https:///p",
		"https:", "data:text/html,x", " https://s.example"};
	static const char *const dirty[] = {"https://s.example/\r\nSet-Cookie: a=b",
		"https://s.example/?a=\r\n\r\n<html>", "https://s.example/#\r\nx: y",
		"https://s.example/\x01\x7f\xff"};
	struct attrib_redirect out;
	struct world *w = *state;

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		w->link.destination = attrib_str_of(none[i]);
		assert_int_equal(
			attrib_intake_redirect(&w->intake, &w->visit, &w->link, random_bytes, &out),
			ATTRIB_E_NOT_FOUND);
	}
	for (size_t i = 0; i < sizeof dirty / sizeof *dirty; i++) {
		w->link.destination = attrib_str_of(dirty[i]);
		out = go(w);
		for (size_t j = 0; j < out.location.n; j++)
			assert_in_range((uint8_t)out.location.p[j], 0x21, 0x7e);
	}
}

/* Every byte in the incoming query: one line, the same host, and never a fragment. */
static void test_every_byte_incoming(void **state)
{
	struct world *w = *state;
	char query[] = "a=x";

	for (int c = 1; c < 256; c++) {
		struct attrib_redirect out;
		query[2] = (char)c;
		world_request(w, query);
		out = go(w);
		assert_memory_equal(out.location.p, "https://shop.example/p?", 23);
		assert_false(has(out.location, "#"));
		for (size_t j = 0; j < out.location.n; j++)
			assert_in_range((uint8_t)out.location.p[j], 0x21, 0x7e);
	}
}

static void test_click(void **state)
{
	struct world *w = *state;
	struct attrib_redirect out;
	struct attrib_event *e = &out.event;

	world_request(w, "utm_source=ig&gclid=1&attr_click=old&ref=tom");
	world_header(w, "Referer", "https://L.Instagram.com/?u=x");
	out = go(w);
	assert_int_equal(e->type, ATTRIB_EVENT_CLICK);
	assert_int_equal(e->trust, ATTRIB_TRUST_STRANGER);
	assert_text(e->site, "acme");
	assert_text(e->source, "redirect");
	assert_text(e->link, "Lisa-Reel");
	assert_text(e->event_id, CLICK);
	assert_id(e->id, id_of(w, ATTRIB_ID_EVENT_OPEN, "click:" CLICK));
	assert_id(e->click, id_of(w, ATTRIB_ID_CLICK, CLICK));
	assert_id(e->visitor, id_of(w, ATTRIB_ID_VISITOR, VISITOR));
	assert_int_equal(e->received_at, NOW);
	assert_int_equal(e->occurred_at, NOW);
	assert_true(e->has_utm);
	assert_text(e->utm.source, "ig");
	assert_int_equal(e->affiliate.n, 0);
	assert_text(e->referrer_host, "l.instagram.com");
	assert_int_equal(e->verdicts, ATTRIB_VERDICT_PAID_AD);
}

/* The click that comes back on the landing names the same click. */
static void test_round_trip(void **state)
{
	struct world *w = *state;
	struct attrib_redirect out = go(w);
	struct attrib_landing landing;

	attrib_landing_parse(&w->arena, out.location, &w->intake_site, &landing);
	assert_text(landing.click_id, CLICK);
}

static void test_cookie(void **state)
{
	struct world *w = *state;
	struct attrib_redirect out = go(w);
	struct attrib_str cookie = attrib_visitor_cookie(&w->arena, w->keys, random_bytes);
	char expected[400];

	snprintf(expected, sizeof expected,
		"Set-Cookie: attr_vid=%.45s; Max-Age=2592000; Path=/; Secure; SameSite=Lax; "
		"Domain=.shop.example; HttpOnly\r\n"
		"Set-Cookie: attr_visitor=%.45s; Max-Age=2592000; Path=/; Secure; SameSite=Lax; "
		"Domain=.shop.example\r\n",
		cookie.p, cookie.p);
	assert_text(out.set_cookie, expected);
	w->intake_site.cookie_domain = ATTRIB_STR("");
	assert_false(has(go(w).set_cookie, "Domain"));
	w->intake_site.cookie_domain = ATTRIB_STR("x\r\nSet-Cookie: y=z");
	assert_false(has(go(w).set_cookie, "y=z"));
	w->link.window_us = ATTRIB_US_PER_DAY;
	assert_true(has(go(w).set_cookie, "Max-Age=86400;"));
	w->link.window_us = 0;
	assert_int_equal(go(w).set_cookie.n, 0);
}

static void assert_counted_only(struct world *w)
{
	struct attrib_redirect out = go(w);

	assert_true(attrib_id_none(&out.event.visitor));
	assert_int_equal(out.event.verdicts, ATTRIB_VERDICT_NO_CONSENT);
	assert_int_equal(out.set_cookie.n, 0);
	assert_text(out.event.event_id, CLICK);
	assert_true(has(out.location, CLICK));
}

static void test_known_visitors(void **state)
{
	struct world *w = *state;
	uint8_t other[16] = {42};
	struct attrib_str cookie = attrib_visitor_cookie(&w->arena, w->keys, other);
	struct attrib_id known = attrib_visitor_id(w->keys, w->site.name, cookie);
	char header[100];

	snprintf(header, sizeof header, "a=b; attr_vid=%.45s", cookie.p);
	world_header(w, "Cookie", header);
	assert_id(go(w).event.visitor, known);
	assert_true(has(go(w).set_cookie, header + 5));
	w->intake_site.consent_required = true;
	assert_id(go(w).event.visitor, known);
	assert_int_equal(go(w).event.verdicts, 0);
	header[15] = header[15] == 'x' ? 'y' : 'x'; /* forged: nobody, or a new visitor */
	assert_counted_only(w);
	w->intake_site.consent_required = false;
	assert_id(go(w).event.visitor, id_of(w, ATTRIB_ID_VISITOR, VISITOR));
}

static void test_no_consent(void **state)
{
	struct world *w = *state;
	struct attrib_str cookie = attrib_visitor_cookie(&w->arena, w->keys, random_bytes);
	char header[100];

	w->intake_site.consent_required = true;
	assert_counted_only(w);
	w->intake_site.consent_required = false;
	world_header(w, "Sec-GPC", "1");
	assert_counted_only(w);
	world_request(w, "");
	world_header(w, "DNT", "1");
	assert_counted_only(w);
	snprintf(header, sizeof header, "attr_vid=%.45s", cookie.p);
	world_header(w, "Cookie", header);
	assert_counted_only(w);
	world_header(w, "DNT", "0");
	assert_int_equal(go(w).event.verdicts, 0);
}

static void test_verdicts(void **state)
{
	struct world *w = *state;

	w->request.method = ATTRIB_HTTP_HEAD;
	assert_int_equal(go(w).event.verdicts, ATTRIB_VERDICT_HEAD);
	world_request(w, "");
	world_header(w, "Sec-Purpose", "prefetch");
	assert_int_equal(go(w).event.verdicts, ATTRIB_VERDICT_PREFETCH);
	world_request(w, "");
	world_header(w, "User-Agent", "Slackbot 1.0");
	assert_int_equal(go(w).event.verdicts, ATTRIB_VERDICT_BOT);
	world_request(w, "");
	world_header(w, "Referer", "https://SHOP.example/blog");
	assert_int_equal(go(w).event.verdicts, ATTRIB_VERDICT_OWN_SITE);
	world_header(w, "Referer", "https://www.shop.example/blog");
	assert_int_equal(go(w).event.verdicts, ATTRIB_VERDICT_OWN_SITE);
	world_header(w, "Referer", "https://shop.example.evil/");
	assert_int_equal(go(w).event.verdicts, 0);
	world_header(w, "Referer", "https://\xff\xfe/");
	assert_int_equal(go(w).event.referrer_host.n, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_locations),
		TEST(test_bad_destinations),
		TEST(test_every_byte_incoming),
		TEST(test_click),
		TEST(test_round_trip),
		TEST(test_cookie),
		TEST(test_known_visitors),
		TEST(test_no_consent),
		TEST(test_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
