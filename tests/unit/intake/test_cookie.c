/*
 * What a page says about consent, and what becomes of its visitor's cookies for it.
 */
#include "world.h"

#define MINTED "AbCdEfGhIjKlMnOpQrSt_-"

/* The site's windows are the only ones: 30 days. */
static struct attrib_catalog *catalog_of(struct world *w)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_catalog *catalog = NULL;

	assert_int_equal(attrib_catalog_add_site(builder, &w->site), 0);
	assert_int_equal(attrib_catalog_build(builder, 1, &catalog), 0);
	return catalog;
}

/* The cookie lines that a beacon of these fields is answered with; "" = none. */
static const char *cookies(
	struct world *w, const char *origin, const char *cookie, const char *more)
{
	struct attrib_catalog *catalog = catalog_of(w);
	struct attrib_str lines;
	char body[512];

	snprintf(body, sizeof body,
		"{\"site\":\"acme\",\"type\":\"visit\",\"url\":\"https://www.shop.example/\"%s}",
		more);
	world_request(w, "");
	if (origin)
		world_header(w, "Origin", origin);
	if (cookie)
		world_header(w, "Cookie", cookie);
	w->intake.catalog = catalog;
	assert_int_equal(
		attrib_intake_beacon(&w->intake, &w->visit, pad(w, body, strlen(body)), &w->result),
		0);
	assert_int_equal(w->result.event_count, 1);
	lines = attrib_intake_beacon_cookies(&w->intake, &w->visit, &w->result);
	w->intake.catalog = NULL;
	attrib_catalog_unref(catalog);
	return lines.n ? attrib_arena_printf(&w->arena, "%.*s", (int)lines.n, lines.p).p : "";
}

static const char *signed_cookie(struct world *w, const char *more)
{
	uint8_t random[16] = {42};
	struct attrib_str cookie = attrib_visitor_cookie(&w->arena, w->keys, random);

	return attrib_arena_printf(&w->arena, "attr_vid=%.45s%s", cookie.p, more).p;
}

#define OWN  "https://www.shop.example"
#define OURS ",\"visitor_id\":\"" MINTED "\""
#define ENDED                                                                                      \
	"attr_vid=; Max-Age=0; Path=/; Secure; SameSite=Lax; Domain=.shop.example; HttpOnly\r\n"

static void assert_both(struct world *w, const char *lines, const char *start)
{
	const char *second = strstr(lines, "\r\nSet-Cookie: attr_visitor=");
	char expected[128];
	size_t n = strlen(start);

	(void)w;
	snprintf(expected, sizeof expected, "Set-Cookie: attr_vid=%s", start);
	assert_memory_equal(lines, expected, strlen(expected));
	assert_non_null(second);
	assert_memory_equal(second + 27, lines + 21, n); /* the same value */
	assert_non_null(strstr(lines, "; Max-Age=2592000; Path=/; Secure; SameSite=Lax; "
				      "Domain=.shop.example; HttpOnly\r\n"));
	assert_null(strstr(second, "HttpOnly"));
}

static void an_id_of_the_tag_is_kept(void **state)
{
	struct world *w = *state;
	const char *lines = cookies(w, OWN, NULL, OURS);
	struct attrib_str value;

	assert_both(w, lines, MINTED ".");
	value = (struct attrib_str){lines + 21, 45};
	assert_text(attrib_visitor_verify(w->keys, value), MINTED);
	assert_id(w->result.events[0].visitor, id_of(w, ATTRIB_ID_VISITOR, MINTED));
	/* its cookie's value, sent because the cookie is gone, is as good */
	lines = cookies(w, OWN, NULL,
		attrib_arena_printf(&w->arena, ",\"visitor_id\":\"%.45s\"", value.p).p);
	assert_both(w, lines, MINTED ".");
}

static void nothing_else_is(void **state)
{
	static const char *const bad[] = {"", ",\"visitor_id\":\"v-1\"",
		",\"visitor_id\":\"AbCdEfGhIjKlMnOpQrSt_!\"",
		",\"visitor_id\":\"" MINTED "." MINTED "\"", ",\"visitor_id\":\"" MINTED "x\""};
	static const char *const foreign[] = {NULL, "null", "https://evil.example",
		"https://shop.example.evil.example", "https://notshop.example"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_string_equal(cookies(w, OWN, NULL, bad[i]), "");
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		assert_string_equal(cookies(w, foreign[i], NULL, OURS), "");
	w->site.policy.window_us[ATTRIB_CHANNEL_LINK] = 0;
	assert_string_equal(cookies(w, OWN, NULL, OURS), "");
	w->site.policy.window_us[ATTRIB_CHANNEL_LINK] = 30 * ATTRIB_US_PER_DAY;
	w->intake_site.cookie_domain = ATTRIB_STR_NONE;
	assert_string_equal(cookies(w, OWN, NULL, OURS), "");
}

/* The genuine cookie stays what it is; a landing begins its time again. */
static void a_cookie_lives_as_long_as_its_last_touch(void **state)
{
	static const char *const touches[] = {
		",\"affiliate_id\":\"lisa\"", ",\"utm\":{\"source\":\"x\"}", ",\"click_id\":\"c\""};
	struct world *w = *state;
	const char *cookie = signed_cookie(w, "");

	assert_string_equal(cookies(w, OWN, cookie, OURS), "");
	for (size_t i = 0; i < sizeof touches / sizeof *touches; i++)
		assert_both(w, cookies(w, OWN, cookie, touches[i]), cookie + 9);
}

static void who_declines_loses_them(void **state)
{
	struct world *w = *state;
	const char *cookie = signed_cookie(w, "");

	assert_memory_equal(
		cookies(w, OWN, cookie, OURS ",\"consent\":false") + 12, ENDED, sizeof ENDED - 1);
	assert_true(attrib_id_none(&w->result.events[0].visitor));
	assert_int_equal(w->result.events[0].verdicts, ATTRIB_VERDICT_NO_CONSENT);
	assert_true(*cookies(w, OWN, "attr_visitor=x", ",\"consent\":false"));
	assert_string_equal(cookies(w, OWN, NULL, OURS ",\"consent\":false"), "");
	assert_string_equal(
		cookies(w, "https://evil.example", cookie, OURS ",\"consent\":false"), "");
}

static void where_it_is_required_it_has_to_be_stated(void **state)
{
	struct world *w = *state;

	w->intake_site.consent_required = true;
	assert_string_equal(cookies(w, OWN, NULL, OURS), "");
	assert_both(w, cookies(w, OWN, NULL, OURS ",\"consent\":true"), MINTED ".");
	assert_int_equal(w->result.events[0].verdicts, 0);
}

/* The tag has nothing else to say when consent is taken back. */
static void a_withdrawal_is_taken_and_recorded_nowhere(void **state)
{
	struct world *w = *state;
	const char *body = "{\"site\":\"acme\",\"type\":\"identify\",\"consent\":false}";

	world_header(w, "Origin", OWN);
	world_header(w, "Cookie", signed_cookie(w, ""));
	assert_int_equal(
		attrib_intake_beacon(&w->intake, &w->visit, pad(w, body, strlen(body)), &w->result),
		0);
	assert_int_equal(w->result.accepted, 1);
	assert_int_equal(w->result.event_count, 0);
	assert_int_equal(w->result.reject_count, 0);
	assert_memory_equal(attrib_intake_beacon_cookies(&w->intake, &w->visit, &w->result).p + 12,
		ENDED, sizeof ENDED - 1);
}

/* A server may pass on what its customer wants; a flag is a flag. */
static void servers_may_state_it(void **state)
{
	struct world *w = *state;
	const char *body = "{\"type\":\"cart\",\"visitor_id\":\"v\",\"consent\":false}";

	assert_true(attrib_id_none(&one_event(w, ATTRIB_TRUST_SIGNED, body)->visitor));
	body = "{\"type\":\"cart\",\"visitor_id\":\"v\",\"consent\":true}";
	assert_id(
		one_event(w, ATTRIB_TRUST_SIGNED, body)->visitor, id_of(w, ATTRIB_ID_VISITOR, "v"));
	assert_int_equal(
		one_reject(w, ATTRIB_TRUST_SIGNED, "{\"type\":\"cart\",\"consent\":\"\"}")->error,
		ATTRIB_E_BAD_FIELD);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_id_of_the_tag_is_kept),
		TEST(nothing_else_is),
		TEST(a_cookie_lives_as_long_as_its_last_touch),
		TEST(who_declines_loses_them),
		TEST(where_it_is_required_it_has_to_be_stated),
		TEST(a_withdrawal_is_taken_and_recorded_nowhere),
		TEST(servers_may_state_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
