/*
 * The parts of intake that its files share but nobody outside needs.
 */
#ifndef ATTRIB_INTAKE_PARTS_H
#define ATTRIB_INTAKE_PARTS_H

#include "attrib/intake.h"
#include "draft.h"

/* Keys of the customer that the draft names; strangers name nobody. */
void draft_customer(struct draft *draft);
/* Makes event_id when none was sent, and the event's id from it. */
bool draft_identify(struct draft *draft);

/* What a landing carries, pair by pair: decoded, trimmed, neither of them empty. */
struct landing_reader {
	const struct attrib_intake_site *site;
	size_t rank; /* of the affiliate parameter that was found */
};
void landing_begin(struct landing_reader *reader, const struct attrib_intake_site *site,
	struct attrib_landing *out);
void landing_take(struct landing_reader *reader, struct attrib_str name, struct attrib_str value,
	struct attrib_landing *out);

/* attrib_landing_parse for a query without its '?'. */
void landing_query(struct attrib_arena *arena, struct attrib_str query,
	const struct attrib_intake_site *site, struct attrib_landing *out);
/* True when a landing with these ad clicks came through a search ad. */
bool landing_is_search_ad(uint32_t ad_clicks);

/* Verdicts that the request's own headers tell: HEAD, prefetch, bot. */
uint32_t verdict_of(const struct attrib_bots *bots, const struct attrib_http_request *request);
/* A user agent that is empty is a robot's, too. */
bool verdict_is_bot(const struct attrib_bots *bots, struct attrib_str user_agent);
/* Sec-GPC: 1 or DNT: 1. */
bool visit_opted_out(const struct attrib_visit *visit);
/* The id text of the request's visitor cookie when it is genuine; p is NULL otherwise. */
struct attrib_str visit_cookie(
	const struct attrib_intake *intake, const struct attrib_visit *visit);
/* The cookie for an id that the tag made, or for a genuine cookie's value; p is NULL for any other. */
struct attrib_str visitor_adopt(
	struct attrib_arena *arena, struct attrib_keys *keys, struct attrib_str sent);
/* Header lines that set both visitor cookies on the site's cookie_domain, or end them (seconds 0);
 * empty without memory. */
struct attrib_str visitor_cookies(
	const struct attrib_intake *intake, struct attrib_str value, int64_t seconds);
struct attrib_id visitor_of_text(
	struct attrib_keys *keys, struct attrib_str site, struct attrib_str text);

/* Whether a host is the domain, with or without its dot, or below it; not of an empty domain. */
bool host_is_below(struct attrib_str domain, struct attrib_str host);
/* The lower-case host of a URL; empty when it has none that could be one. */
struct attrib_str host_of_url(struct attrib_arena *arena, struct attrib_str url);

#endif
