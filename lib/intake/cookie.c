/*
 * The visitor's cookies: one that only we get to see, and a twin that pages may read and hand on to
 * their carts. Both have the same value and end together.
 */
#include "parts.h"

static bool is_domain(struct attrib_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.')
			return false;
	}
	return s.n > 0;
}

static void put_cookie(struct attrib_buf *buf, const char *name, struct attrib_str value,
	struct attrib_str domain, int64_t seconds, const char *more)
{
	attrib_buf_printf(buf, "Set-Cookie: %s=%.*s; Max-Age=%lld; Path=/; Secure; SameSite=Lax",
		name, (int)value.n, value.n ? value.p : "", (long long)seconds);
	if (is_domain(domain)) {
		attrib_buf_str(buf, ATTRIB_STR("; Domain="));
		attrib_buf_str(buf, domain);
	}
	attrib_buf_printf(buf, "%s\r\n", more);
}

struct attrib_str visitor_cookies(
	const struct attrib_intake *intake, struct attrib_str value, int64_t seconds)
{
	struct attrib_str domain = intake->site->cookie_domain, lines = ATTRIB_STR_NONE;
	struct attrib_buf buf;

	attrib_buf_init(&buf);
	put_cookie(&buf, ATTRIB_VISITOR_COOKIE, value, domain, seconds, "; HttpOnly");
	put_cookie(&buf, ATTRIB_VISITOR_TWIN, value, domain, seconds, "");
	if (!buf.err)
		lines = attrib_arena_str(intake->arena, attrib_buf_view(&buf));
	attrib_buf_done(&buf);
	return lines;
}

/* -- beacons ------------------------------------------------------------------------------------ */

/* Only pages that share our cookies: a page of somebody else's must not choose who its visitors are. */
static bool is_own_page(const struct attrib_intake *intake, const struct attrib_visit *visit)
{
	struct attrib_str origin = attrib_http_header(visit->request, ATTRIB_STR("Origin"));

	return host_is_below(intake->site->cookie_domain, host_of_url(intake->arena, origin));
}

/* What may still earn an order must find its visitor again: a cookie lives as long as any touch. */
static int64_t lifetime(const struct attrib_intake *intake)
{
	return intake->catalog ? attrib_catalog_longest_window(intake->catalog) / ATTRIB_US_PER_S
			       : 0;
}

static bool has_cookies(const struct attrib_visit *visit)
{
	return attrib_http_cookie(visit->request, ATTRIB_STR(ATTRIB_VISITOR_COOKIE)).p ||
	       attrib_http_cookie(visit->request, ATTRIB_STR(ATTRIB_VISITOR_TWIN)).p;
}

static struct attrib_str keep(const struct attrib_intake *intake, const struct attrib_visit *visit,
	const struct attrib_intake_result *result)
{
	int64_t seconds = lifetime(intake);
	struct attrib_str value;

	if (!visit_cookie(intake, visit).p)
		value = visitor_adopt(intake->arena, intake->keys, result->visitor_id);
	else if (result->landed)
		value = attrib_http_cookie(visit->request, ATTRIB_STR(ATTRIB_VISITOR_COOKIE));
	else
		return ATTRIB_STR_NONE;
	return value.p && seconds > 0 ? visitor_cookies(intake, value, seconds) : ATTRIB_STR_NONE;
}

struct attrib_str attrib_intake_beacon_cookies(const struct attrib_intake *intake,
	const struct attrib_visit *visit, const struct attrib_intake_result *result)
{
	if (!is_own_page(intake, visit))
		return ATTRIB_STR_NONE;
	if (result->declined)
		return has_cookies(visit) ? visitor_cookies(intake, ATTRIB_STR_NONE, 0)
					  : ATTRIB_STR_NONE;
	if (intake->site->consent_required && !result->consented)
		return ATTRIB_STR_NONE;
	return keep(intake, visit, result);
}
