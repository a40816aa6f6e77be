/*
 * Who is no person: what a request's own headers admit. The list is short on purpose: words that
 * honest robots and link previews put into their user agents, none of which stands in a browser's,
 * nor in the in-app browsers of Instagram, TikTok or Pinterest, which bring the best visitors.
 */
#include "parts.h"

#define USER_AGENT_MAX 512 /* bytes that are looked at */

/* Lower-case words by their first letter. */
static const char *const words['z' - 'a' + 1][8] = {
	['a' - 'a'] = {"ahrefs", "aiohttp", "apache-httpclient", "axios/"},
	['b' - 'a'] = {"bot", "bubing"},
	['c' - 'a'] = {"crawl", "curl/", "check_http"},
	['d' - 'a'] = {"datadog", "dataprovider"},
	['e' - 'a'] = {"embedly", "evernote clip"},
	['f' - 'a'] = {"facebookexternalhit", "facebookcatalog", "feedfetcher"},
	['g' - 'a'] = {"go-http-client", "google-inspectiontool", "google-read-aloud",
		"guzzlehttp"},
	['h' - 'a'] = {"headless", "httrack", "httpie", "httpclient"},
	['i' - 'a'] = {"ia_archiver", "iframely"},
	['j' - 'a'] = {"java/"},
	['l' - 'a'] = {"libwww", "lighthouse"},
	['m' - 'a'] = {"mediapartners", "meta-externalagent", "meta-externalfetcher"},
	['n' - 'a'] = {"node-fetch", "nutch"},
	['p' - 'a'] = {"preview", "phantomjs", "pingdom", "playwright", "prerender", "puppeteer",
		"python"},
	['q' - 'a'] = {"quora link"},
	['r' - 'a'] = {"ruby"},
	['s' - 'a'] = {"spider", "scrapy", "slurp", "slack-imgproxy", "site24x7", "statuscake"},
	['u' - 'a'] = {"undici", "uptime", "urlresolver"},
	['v' - 'a'] = {"validator", "vkshare"},
	['w' - 'a'] = {"wget/", "whatsapp/", "winhttp"},
	['y' - 'a'] = {"yandeximages"},
	['z' - 'a'] = {"zapier", "zgrab"},
};

/* "Cubot" makes phones. */
static bool is_innocent(const char *ua, size_t i, const char *word)
{
	return i >= 2 && strcmp(word, "bot") == 0 && memcmp(ua + i - 2, "cu", 2) == 0;
}

static bool word_at(const char *ua, size_t n, size_t i)
{
	const char *const *word = words[ua[i] - 'a'];

	for (; *word; word++) {
		size_t length = strlen(*word);
		if (length <= n - i && memcmp(ua + i, *word, length) == 0 &&
			!is_innocent(ua, i, *word))
			return true;
	}
	return false;
}

bool verdict_is_bot(struct attrib_str user_agent)
{
	char ua[USER_AGENT_MAX];
	size_t n = user_agent.n < sizeof ua ? user_agent.n : sizeof ua;

	for (size_t i = 0; i < n; i++) {
		char c = user_agent.p[i];
		ua[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	for (size_t i = 0; i < n; i++) {
		if (ua[i] >= 'a' && ua[i] <= 'z' && word_at(ua, n, i))
			return true;
	}
	return n == 0;
}

static bool says(struct attrib_str value, struct attrib_str word)
{
	for (size_t i = 0; i + word.n <= value.n; i++) {
		if (attrib_str_ieq((struct attrib_str){value.p + i, word.n}, word))
			return true;
	}
	return false;
}

/* Nobody looks at the page yet, and perhaps nobody will. */
static bool is_prefetch(const struct attrib_http_request *request)
{
	static const struct attrib_str names[] = {ATTRIB_STR("Sec-Purpose"), ATTRIB_STR("Purpose"),
		ATTRIB_STR("X-Purpose"), ATTRIB_STR("X-Moz")};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct attrib_str value = attrib_http_header(request, names[i]);
		if (says(value, ATTRIB_STR("prefetch")) || says(value, ATTRIB_STR("preview")) ||
			says(value, ATTRIB_STR("prerender")))
			return true;
	}
	return false;
}

uint32_t verdict_of(const struct attrib_http_request *request)
{
	uint32_t verdicts = 0;

	if (request->method == ATTRIB_HTTP_HEAD)
		verdicts |= ATTRIB_VERDICT_HEAD;
	if (is_prefetch(request))
		verdicts |= ATTRIB_VERDICT_PREFETCH;
	if (verdict_is_bot(attrib_http_header(request, ATTRIB_STR("User-Agent"))))
		verdicts |= ATTRIB_VERDICT_BOT;
	return verdicts;
}
