/*
 * Robots say so; people, whatever app they come from, must pass.
 */
#include "parts.h"
#include "world.h"

static bool is_bot(void **state, const char *user_agent)
{
	struct world *w = *state;

	return verdict_is_bot(w->bots, attrib_str_of(user_agent));
}

static void test_robots(void **state)
{
	static const char *const agents[] = {
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
		"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "WhatsApp/2.23.20.0",
		"TelegramBot (like TwitterBot)", "curl/8.5.0", "Wget/1.21",
		"python-requests/2.31.0", "Go-http-client/2.0",
		"Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120.0",
		"Mozilla/5.0 SkypeUriPreview Preview/0.5", "Scrapy/2.11 (+https://scrapy.org)",
		"LinkedInBot/1.0", "Discordbot/2.0",
		"Pinterest/0.2 (+http://www.pinterest.com/bot.html)",
		"Mozilla/5.0 (compatible; YandexBot/3.0)", "Chrome-Lighthouse", "UptimeRobot/2.0",
		"Mozilla/5.0 (compatible; Baiduspider/2.0)", "Yahoo! Slurp", "", "bot", "ubot",
		"xubot", "CUBOT X30 Googlebot/2.1"};

	for (size_t i = 0; i < sizeof agents / sizeof *agents; i++) {
		if (!is_bot(state, agents[i]))
			fail_msg("%s", agents[i]);
	}
}

static void test_people(void **state)
{
	static const char *const agents[] = {
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
		"Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
		"(KHTML, like "
		"Gecko) Mobile/22A3354 Instagram 350.0.0.0 (iPhone15,2; iOS 18_0; de_DE)",
		"Mozilla/5.0 (iPhone; ...) [FBAN/FBIOS;FBAV/480.0;FBBV/1;FBDV/iPhone14,5]",
		"Mozilla/5.0 (Linux; Android 14; SM-S918B; wv) Chrome/129 musical_ly_2023 "
		"BytedanceWebview",
		"Mozilla/5.0 (iPhone; ...) Mobile/15E148 [Pinterest/iOS]",
		"Mozilla/5.0 (Linux; Android 11; CUBOT X30) Chrome/90",
		"Mozilla/5.0 (Linux; Android 11; CUBOT_P40) Chrome/90", "Cubot",
		"Mozilla/5.0 Snapchat/12.0",
		"Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
		"Mozilla/5.0 (Linux; U; Android 9) YaBrowser/22.1 SamsungBrowser/20.0",
		"Mozilla/5.0 (iPhone; ...) LinkedInApp/9.1",
		"Opera/9.80 (J2ME/MIDP; Opera Mini/7.1)"};

	for (size_t i = 0; i < sizeof agents / sizeof *agents; i++) {
		if (is_bot(state, agents[i]))
			fail_msg("%s", agents[i]);
	}
}

static void test_headers(void **state)
{
	static const struct {
		const char *name, *value;
		uint32_t verdict;
	} cases[] = {
		{"Purpose", "prefetch", ATTRIB_VERDICT_PREFETCH},
		{"Sec-Purpose", "prefetch;prerender", ATTRIB_VERDICT_PREFETCH},
		{"sec-purpose", "Prefetch", ATTRIB_VERDICT_PREFETCH},
		{"X-Purpose", "preview", ATTRIB_VERDICT_PREFETCH},
		{"X-Moz", "prefetch", ATTRIB_VERDICT_PREFETCH},
		{"Purpose", "", 0},
		{"Purpose", "pre", 0},
		{"User-Agent", "", ATTRIB_VERDICT_BOT},
		{"User-Agent", "curl/8", ATTRIB_VERDICT_BOT},
		{"Accept", "*/*", 0},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		world_request(w, "");
		world_header(w, cases[i].name, cases[i].value);
		assert_int_equal(verdict_of(w->bots, &w->request), cases[i].verdict);
		w->request.method = ATTRIB_HTTP_HEAD;
		assert_int_equal(
			verdict_of(w->bots, &w->request), cases[i].verdict | ATTRIB_VERDICT_HEAD);
	}
	w->request.header_count = 0;
	w->request.method = ATTRIB_HTTP_GET;
	assert_int_equal(verdict_of(w->bots, &w->request), ATTRIB_VERDICT_BOT);
}

/* Every end of the text: the matcher must not look behind it. */
static void test_cut_user_agents(void **state)
{
	static const char agent[] = "xx facebookexternalhi google-inspectiontoo headles cubo bo";
	struct world *w = *state;

	for (size_t n = 1; n < sizeof agent; n++) {
		char *exact = malloc(n);
		memcpy(exact, agent, n);
		assert_false(verdict_is_bot(w->bots, (struct attrib_str){exact, n}));
		free(exact);
	}
}

/* Without a list only who says nothing is a robot. */
static void test_no_list(void **state)
{
	(void)state;
	assert_true(verdict_is_bot(NULL, ATTRIB_STR_NONE));
	assert_false(verdict_is_bot(NULL, ATTRIB_STR("Googlebot/2.1")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_robots),
		TEST(test_people),
		TEST(test_headers),
		TEST(test_cut_user_agents),
		TEST(test_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
