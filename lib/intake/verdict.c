/*
 * What a request's own headers admit: nobody asked for the page, or nobody looks at it.
 */
#include "parts.h"

bool verdict_is_bot(const struct attrib_bots *bots, struct attrib_str user_agent)
{
	return user_agent.n == 0 || (bots && attrib_bots_match(bots, user_agent));
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

uint32_t verdict_of(const struct attrib_bots *bots, const struct attrib_http_request *request)
{
	uint32_t verdicts = 0;

	if (request->method == ATTRIB_HTTP_HEAD)
		verdicts |= ATTRIB_VERDICT_HEAD;
	if (is_prefetch(request))
		verdicts |= ATTRIB_VERDICT_PREFETCH;
	if (verdict_is_bot(bots, attrib_http_header(request, ATTRIB_STR("User-Agent"))))
		verdicts |= ATTRIB_VERDICT_BOT;
	return verdicts;
}
