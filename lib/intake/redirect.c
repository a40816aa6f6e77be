/*
 * /c/<link>: where the visitor goes, and the click. Where is the catalog's word alone; the request
 * only adds parameters to it, none of which can replace one of the destination's own, leave the
 * query, or end the header line.
 */
#include "parts.h"

#include "attrib/text.h"

#define CLICK_PARAM ATTRIB_STR("attr_click")
#define ID_TEXT     22

/* What was written, in the arena; p is NULL when memory was out on the way. */
static struct attrib_str seal(struct attrib_arena *arena, struct attrib_buf *buf)
{
	struct attrib_str s =
		buf->err ? ATTRIB_STR_NONE : attrib_arena_str(arena, attrib_buf_view(buf));

	attrib_buf_done(buf);
	return s;
}

/* -- the location ------------------------------------------------------------------------------- */

static bool is_url_safe(char c)
{
	switch (c) {
	case '"':
	case '<':
	case '>':
	case '\\':
	case '^':
	case '`':
	case '{':
	case '|':
	case '}':
		return false;
	}
	return c > ' ' && c < 0x7f;
}

/* Escapes what must not stand in a header or a URL, and `also`; escapes that are there stay. */
static void put_safe(struct attrib_buf *buf, struct attrib_str s, char also)
{
	size_t start = 0, i = 0;

	for (; i < s.n; i++) {
		if (is_url_safe(s.p[i]) && s.p[i] != also)
			continue;
		attrib_buf_put(buf, s.p + start, i - start);
		attrib_buf_printf(buf, "%%%02X", (unsigned)(uint8_t)s.p[i]);
		start = i + 1;
	}
	if (i > start)
		attrib_buf_put(buf, s.p + start, i - start);
}

static bool query_has(struct attrib_arena *arena, struct attrib_str query, struct attrib_str name)
{
	struct attrib_str other, value;

	while (attrib_query_next(&query, &other, &value)) {
		if (attrib_str_eq(attrib_form_decode(arena, other), name))
			return true;
	}
	return false;
}

static void put_pair(
	struct attrib_buf *buf, char *separator, struct attrib_str name, struct attrib_str value)
{
	attrib_buf_char(buf, *separator);
	*separator = '&';
	put_safe(buf, name, '#');
	if (value.p) {
		attrib_buf_char(buf, '=');
		put_safe(buf, value, '#');
	}
}

/* The pairs of a query but click ids, and but those that `own` has too. */
static void put_query(struct attrib_buf *buf, struct attrib_arena *arena, char *separator,
	struct attrib_str query, struct attrib_str own)
{
	struct attrib_str name, value, decoded;

	while (attrib_query_next(&query, &name, &value)) {
		decoded = attrib_form_decode(arena, name);
		if (attrib_str_eq(decoded, CLICK_PARAM) || query_has(arena, own, decoded))
			continue;
		put_pair(buf, separator, name, value);
	}
}

static bool is_web_url(const struct attrib_url *url)
{
	return url->host.n && (attrib_str_ieq(url->scheme, ATTRIB_STR("https")) ||
				      attrib_str_ieq(url->scheme, ATTRIB_STR("http")));
}

static int make_location(const struct attrib_intake *intake, struct attrib_str destination,
	struct attrib_str incoming, struct attrib_str click, struct attrib_str *out)
{
	struct attrib_str fragment, query, base = attrib_str_split(destination, '#', &fragment);
	struct attrib_url url;
	struct attrib_buf buf;
	char separator = '?';

	attrib_url_split(destination, &url);
	if (!is_web_url(&url))
		return ATTRIB_E_NOT_FOUND;
	base = attrib_str_split(base, '?', &query);
	attrib_buf_init(&buf);
	put_safe(&buf, base, '\0');
	put_query(&buf, intake->arena, &separator, query, ATTRIB_STR_NONE);
	put_query(&buf, intake->arena, &separator, incoming, query);
	put_pair(&buf, &separator, CLICK_PARAM, click);
	if (fragment.p) {
		attrib_buf_char(&buf, '#');
		put_safe(&buf, fragment, '\0');
	}
	*out = seal(intake->arena, &buf);
	return out->p ? 0 : ATTRIB_E_NOMEM;
}

/* -- the cookie --------------------------------------------------------------------------------- */

static int64_t window_of(const struct attrib_intake *intake, const struct attrib_tracker *link)
{
	const struct attrib_campaign *campaign;

	if (link->window_us != ATTRIB_WINDOW_INHERIT)
		return link->window_us;
	campaign = link->campaign.n && intake->catalog
			   ? attrib_catalog_campaign(
				     intake->catalog, link->site, link->campaign, intake->now)
			   : NULL;
	if (campaign && campaign->window_us != ATTRIB_WINDOW_INHERIT)
		return campaign->window_us;
	return intake->site->site->policy.window_us[ATTRIB_CHANNEL_LINK];
}

/* Who clicks: the genuine cookie they bring, else a new one, else (no consent) nobody. The cookie is
 * sent again with every click, so that it lives as long as the latest link's window. */
static void find_visitor(const struct attrib_intake *intake, const struct attrib_visit *visit,
	const struct attrib_tracker *link, const uint8_t random[16], struct attrib_redirect *out)
{
	struct attrib_str known, value;
	int64_t seconds = window_of(intake, link) / ATTRIB_US_PER_S;

	if (visit_opted_out(visit)) {
		out->event.verdicts |= ATTRIB_VERDICT_NO_CONSENT;
		return;
	}
	known = visit_cookie(intake, visit);
	if (!known.p && intake->site->consent_required) {
		out->event.verdicts |= ATTRIB_VERDICT_NO_CONSENT;
		return;
	}
	value = known.p ? attrib_http_cookie(visit->request, ATTRIB_STR(ATTRIB_VISITOR_COOKIE))
			: attrib_visitor_cookie(intake->arena, intake->keys, random);
	if (!known.p)
		known = (struct attrib_str){value.p, value.n ? ID_TEXT : 0};
	if (known.n)
		out->event.visitor = visitor_of_text(intake->keys, link->site, known);
	if (value.p && seconds > 0)
		out->set_cookie = visitor_cookies(intake, value, seconds);
}

/* -- the click ---------------------------------------------------------------------------------- */

static void make_click(const struct attrib_intake *intake, const struct attrib_visit *visit,
	const struct attrib_tracker *link, struct attrib_str click, struct attrib_event *event)
{
	const struct attrib_http_request *request = visit->request;
	struct attrib_str query = attrib_arena_str(intake->arena, request->query);
	struct attrib_str name = attrib_arena_printf(intake->arena, "click:%s", click.p);
	struct attrib_landing landing;

	landing_query(intake->arena, query, intake->site, &landing);
	*event = (struct attrib_event){.type = ATTRIB_EVENT_CLICK,
		.trust = ATTRIB_TRUST_STRANGER,
		.site = link->site,
		.source = ATTRIB_STR("redirect"),
		.received_at = intake->now,
		.occurred_at = intake->now,
		.event_id = click,
		.link = link->key,
		.utm = landing.utm,
		.has_utm = landing.has_utm,
		.ad_clicks = landing.ad_clicks,
		.verdicts = verdict_of(intake->bots, request)};
	event->id = attrib_id_of(intake->keys, ATTRIB_ID_EVENT_OPEN, link->site, name);
	event->click = attrib_id_of(intake->keys, ATTRIB_ID_CLICK, link->site, click);
	event->referrer_host = host_of_url(
		intake->arena, attrib_arena_str(intake->arena,
				       attrib_http_header(request, ATTRIB_STR("Referer"))));
	if (!attrib_str_is_text(event->referrer_host))
		event->referrer_host = ATTRIB_STR_NONE;
	if (attrib_site_owns_host(intake->site, event->referrer_host))
		event->verdicts |= ATTRIB_VERDICT_OWN_SITE;
	if (landing_is_search_ad(landing.ad_clicks))
		event->verdicts |= ATTRIB_VERDICT_PAID_AD;
}

int attrib_intake_redirect(const struct attrib_intake *intake, const struct attrib_visit *visit,
	const struct attrib_tracker *link, const uint8_t random[32], struct attrib_redirect *out)
{
	struct attrib_redirect redirect = {.has_event = true};
	struct attrib_str click = {NULL, ID_TEXT};
	char *p = attrib_arena_alloc(intake->arena, ID_TEXT + 1);
	int err;

	if (!p)
		return ATTRIB_E_NOMEM;
	attrib_base64url(random + 16, 16, p);
	click.p = p;
	err = make_location(
		intake, link->destination, visit->request->query, click, &redirect.location);
	if (err)
		return err;
	make_click(intake, visit, link, click, &redirect.event);
	find_visitor(intake, visit, link, random, &redirect);
	*out = redirect;
	return 0;
}
