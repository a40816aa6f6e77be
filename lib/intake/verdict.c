/*
 * Who is no person: what a request's own headers admit. The list is short on purpose: words that
 * honest robots and link previews put into their user agents, none of which stands in a browser's,
 * nor in the in-app browsers of Instagram, TikTok or Pinterest, which bring the best visitors.
 */
#include "parts.h"

#define USER_AGENT_MAX 512 /* bytes that are looked at */

/* Lower-case words by their first letter. */
static const struct attrib_str words['z' - 'a' + 1][8] = {
	['a' - 'a'] = {ATTRIB_STR("ahrefs"), ATTRIB_STR("aiohttp"), ATTRIB_STR("apache-httpclient"),
		ATTRIB_STR("axios/")},
	['b' - 'a'] = {ATTRIB_STR("bot"), ATTRIB_STR("bubing")},
	['c' - 'a'] = {ATTRIB_STR("crawl"), ATTRIB_STR("curl/"), ATTRIB_STR("check_http")},
	['d' - 'a'] = {ATTRIB_STR("datadog"), ATTRIB_STR("dataprovider")},
	['e' - 'a'] = {ATTRIB_STR("embedly"), ATTRIB_STR("evernote clip")},
	['f' - 'a'] = {ATTRIB_STR("facebookexternalhit"), ATTRIB_STR("facebookcatalog"),
		ATTRIB_STR("feedfetcher")},
	['g' - 'a'] = {ATTRIB_STR("go-http-client"), ATTRIB_STR("google-inspectiontool"),
		ATTRIB_STR("google-read-aloud"), ATTRIB_STR("guzzlehttp")},
	['h' - 'a'] = {ATTRIB_STR("headless"), ATTRIB_STR("httrack"), ATTRIB_STR("httpie"),
		ATTRIB_STR("httpclient")},
	['i' - 'a'] = {ATTRIB_STR("ia_archiver"), ATTRIB_STR("iframely")},
	['j' - 'a'] = {ATTRIB_STR("java/")},
	['l' - 'a'] = {ATTRIB_STR("libwww"), ATTRIB_STR("lighthouse")},
	['m' - 'a'] = {ATTRIB_STR("mediapartners"), ATTRIB_STR("meta-externalagent"),
		ATTRIB_STR("meta-externalfetcher")},
	['n' - 'a'] = {ATTRIB_STR("node-fetch"), ATTRIB_STR("nutch")},
	['p' - 'a'] = {ATTRIB_STR("preview"), ATTRIB_STR("phantomjs"), ATTRIB_STR("pingdom"),
		ATTRIB_STR("playwright"), ATTRIB_STR("prerender"), ATTRIB_STR("puppeteer"),
		ATTRIB_STR("python")},
	['q' - 'a'] = {ATTRIB_STR("quora link")},
	['r' - 'a'] = {ATTRIB_STR("ruby")},
	['s' - 'a'] = {ATTRIB_STR("spider"), ATTRIB_STR("scrapy"), ATTRIB_STR("slurp"),
		ATTRIB_STR("slack-imgproxy"), ATTRIB_STR("site24x7"), ATTRIB_STR("statuscake")},
	['u' - 'a'] = {ATTRIB_STR("undici"), ATTRIB_STR("uptime"), ATTRIB_STR("urlresolver")},
	['v' - 'a'] = {ATTRIB_STR("validator"), ATTRIB_STR("vkshare")},
	['w' - 'a'] = {ATTRIB_STR("wget/"), ATTRIB_STR("whatsapp/"), ATTRIB_STR("winhttp")},
	['y' - 'a'] = {ATTRIB_STR("yandeximages")},
	['z' - 'a'] = {ATTRIB_STR("zapier"), ATTRIB_STR("zgrab")},
};

/* "Cubot" makes phones. */
static bool is_innocent(const char *ua, size_t i, struct attrib_str word)
{
	return i >= 2 && attrib_str_eq(word, ATTRIB_STR("bot")) && memcmp(ua + i - 2, "cu", 2) == 0;
}

/* Every place of every request is asked: the second letter sorts out nearly all of them. */
static bool word_at(const char *ua, size_t n, size_t i)
{
	const struct attrib_str *word = words[ua[i] - 'a'];

	for (; word->n; word++) {
		if (word->n <= n - i && word->p[1] == ua[i + 1] &&
			memcmp(ua + i, word->p, word->n) == 0 && !is_innocent(ua, i, *word))
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
		if (value.n == 0)
			continue;
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
