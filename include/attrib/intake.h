/*
 * Intake: bytes of one accepted request to events. Native JSON, pixel, beacon and redirect; webhooks are
 * in webhook.h. No sockets, no journal, no clock: `now` is the worker's reading.
 */
#ifndef ATTRIB_INTAKE_H
#define ATTRIB_INTAKE_H

#include <stdbool.h>
#include <stdint.h>
#include "attrib/arena.h"
#include "attrib/bots.h"
#include "attrib/buf.h"
#include "attrib/catalog.h"
#include "attrib/event.h"
#include "attrib/http.h"
#include "attrib/id.h"

#define ATTRIB_INTAKE_EVENTS_MAX 2500
#define ATTRIB_INTAKE_BODY_MAX   (1u << 20) /* bytes */
#define ATTRIB_BEACON_BODY_MAX   (64u << 10)

/* What the moment of a browser's request tells; verdicts and consent are made of it. */
struct attrib_visit {
	const struct attrib_http_request *request; /* headers, cookies */
	struct attrib_str client_address;          /* text; behind trusted proxies the real one */
};

/* Everything that intake may know; borrowed for the call. Results live in the arena. */
struct attrib_intake {
	struct attrib_arena *arena;
	struct attrib_keys *keys; /* the worker's own */
	const struct attrib_catalog *catalog;
	const struct attrib_intake_site *site; /* the event's site; NULL until it is known */
	const struct attrib_bots *bots;        /* NULL = an empty list */
	int64_t now;
	/* native events of a public key: the browser's request; NULL = no cookie, no verdicts of it */
	const struct attrib_visit *visit;
};

/* The part of a site's settings that intake needs (not in the catalog: secrets and parameters). */
struct attrib_intake_site {
	const struct attrib_site *site;            /* name, policy, zone */
	const struct attrib_str *affiliate_params; /* names, folded */
	size_t affiliate_param_count;
	struct attrib_str cookie_domain; /* empty = host only */
	bool consent_required;
	const struct attrib_str *own_hosts; /* hosts of the shop itself, for own-site referrers */
	size_t own_host_count;
	/* "<state>:paid", ":unpaid" or ":cancelled", folded, with commas; comes before what is built in */
	struct attrib_str woocommerce_states;
};

struct attrib_reject {
	size_t index;              /* of the item in the request */
	int error;                 /* enum attrib_error */
	struct attrib_str message; /* names the field and what was expected */
};
struct attrib_intake_result {
	struct attrib_event *events; /* accepted, in order */
	size_t event_count;
	struct attrib_reject *rejects;
	size_t reject_count;
	struct attrib_reject
		*ignored; /* items that nothing is wrong with and nobody needs: error is 0 */
	size_t ignored_count;
	size_t accepted;     /* items that were taken: events, and those that are not recorded */
	size_t late, future; /* of the events: those whose occurred_at was clamped there */
	bool whole;          /* the body itself was bad: rejects[0] tells; nothing accepted */
	/* of a browser's items: what they say about its cookies */
	struct attrib_str visitor_id; /* that was sent and believed; the last one */
	bool consented, declined;     /* one of them did */
	bool landed;                  /* one of them is a touch: the visitor's time begins again */
};

enum attrib_body_form { ATTRIB_BODY_JSON, ATTRIB_BODY_NDJSON };

/* POST /v1/events: object, array or NDJSON in the native form of contract.md. The body must have 64
 * readable bytes behind its end (simdjson). 0 also when items were rejected; ATTRIB_E_TOO_MANY,
 * ATTRIB_E_BAD_JSON with result->whole set. */
int attrib_intake_native(const struct attrib_intake *intake, enum attrib_trust trust,
	struct attrib_str source, enum attrib_body_form form, struct attrib_str body,
	struct attrib_intake_result *out) ATTRIB_MUST_CHECK;

/* GET /p.gif?site=..&e=visit&...: the query's names are those of the native form, objects by dots
 * (order.id, order.total, order.codes=A,B); e = type, vid = visitor_id, ref = referrer. The reserved
 * name `site` must equal intake->site. */
int attrib_intake_pixel(const struct attrib_intake *intake, const struct attrib_visit *visit,
	struct attrib_intake_result *out) ATTRIB_MUST_CHECK;
/* POST /v1/beacon: text/plain JSON, one native object or an array, with "site"; 64 readable bytes
 * behind the body, here and below. Errors as of attrib_intake_native. */
int attrib_intake_beacon(const struct attrib_intake *intake, const struct attrib_visit *visit,
	struct attrib_str body, struct attrib_intake_result *out) ATTRIB_MUST_CHECK;
/* The Set-Cookie lines for the answer to a beacon, complete; or empty. A page on the site's cookie_domain
 * may keep its visitor's id in our cookies: the genuine cookie again, or the id that the page made, when
 * consent is assumed or was given. Where it was declined they end. */
struct attrib_str attrib_intake_beacon_cookies(const struct attrib_intake *intake,
	const struct attrib_visit *visit, const struct attrib_intake_result *result);
/* The "site" of a beacon body, without reading more of it; ATTRIB_E_MISSING_FIELD. */
int attrib_intake_beacon_site(struct attrib_arena *arena, struct attrib_str body,
	struct attrib_str *site) ATTRIB_MUST_CHECK;

/* GET or HEAD /c/<link>: where to send the visitor, and the click to record. */
struct attrib_redirect {
	struct attrib_str location; /* complete URL, safe in a header */
	struct attrib_event event;  /* the click; not set when has_event is false */
	bool has_event;
	struct attrib_str set_cookie; /* complete Set-Cookie value(s) as header lines, or empty */
};
/* link: the decoded path segment. random: 32 fresh random bytes (visitor and click id).
 * ATTRIB_E_NOT_FOUND: no such link. An expired link redirects and its click is unowned. */
int attrib_intake_redirect(const struct attrib_intake *intake, const struct attrib_visit *visit,
	const struct attrib_tracker *link, const uint8_t random[32],
	struct attrib_redirect *out) ATTRIB_MUST_CHECK;

/* -- the parts that they are made of ------------------------------------------------------------ */

/* Ad click ids recognised in URLs; the bit is 1 << number. X(NAME, "parameter", search ad) */
#define ATTRIB_AD_CLICKS(X)                                                                        \
	X(GCLID, "gclid", 1)                                                                       \
	X(GBRAID, "gbraid", 1)                                                                     \
	X(WBRAID, "wbraid", 1)                                                                     \
	X(DCLID, "dclid", 1)                                                                       \
	X(MSCLKID, "msclkid", 1)                                                                   \
	X(FBCLID, "fbclid", 0)                                                                     \
	X(IGSHID, "igshid", 0)                                                                     \
	X(TTCLID, "ttclid", 0)                                                                     \
	X(TWCLID, "twclid", 0)                                                                     \
	X(LI_FAT_ID, "li_fat_id", 0)                                                               \
	X(RDT_CID, "rdt_cid", 0)                                                                   \
	X(EPIK, "epik", 0)                                                                         \
	X(SCCID, "sccid", 0)                                                                       \
	X(YCLID, "yclid", 0)                                                                       \
	X(MC_CID, "mc_cid", 0)                                                                     \
	X(IRCLICKID, "irclickid", 0)                                                               \
	X(CJEVENT, "cjevent", 0)                                                                   \
	X(AWC, "awc", 0)                                                                           \
	X(SSCID, "sscid", 0)                                                                       \
	X(RANSITEID, "ransiteid", 0)
enum attrib_ad_click {
#define X(name, text, search) ATTRIB_AD_##name,
	ATTRIB_AD_CLICKS(X)
#undef X
		ATTRIB_AD_COUNT
};

/* What a landing URL carries. Aliases mtm_ and pk_ count as utm_; the first non-empty value wins. */
struct attrib_landing {
	struct attrib_utm utm;
	bool has_utm;
	struct attrib_str affiliate; /* first of the site's affiliate parameters that has a value */
	struct attrib_str click_id;  /* attr_click */
	uint32_t ad_clicks;
};
void attrib_landing_parse(struct attrib_arena *arena, struct attrib_str url,
	const struct attrib_intake_site *site, struct attrib_landing *out);

/* Whether a host, in any case and without its port, is one of own_hosts, or cookie_domain or below it. */
bool attrib_site_owns_host(const struct attrib_intake_site *site, struct attrib_str host);

/* The visitor cookie: "<22 characters of id>.<22 characters of MAC>". */
#define ATTRIB_VISITOR_COOKIE "attr_vid"
#define ATTRIB_VISITOR_TWIN   "attr_visitor" /* the same value, readable for scripts of the page */
struct attrib_str attrib_visitor_cookie(
	struct attrib_arena *arena, struct attrib_keys *keys, const uint8_t random[16]);
/* The visitor's id text without its MAC when the MAC is right; p is NULL otherwise. */
struct attrib_str attrib_visitor_verify(struct attrib_keys *keys, struct attrib_str cookie);
/* The visitor id of what a client sent in visitor_id: a cookie's value as it is, or any text. A value
 * in the cookie's form with a wrong MAC is no id (none). */
struct attrib_id attrib_visitor_id(
	struct attrib_keys *keys, struct attrib_str site, struct attrib_str sent);

/* E-mail for matching: trimmed, folded. Phone: digits with a leading '+'. Empty, "0" = none. */
struct attrib_str attrib_email_normalise(struct attrib_arena *arena, struct attrib_str email);
struct attrib_str attrib_phone_normalise(struct attrib_arena *arena, struct attrib_str phone);
/* What a person is known by on the site: the keyed hash of the normalised value. False, *out as it
 * was: the value names nobody (nothing, "0", an address without '@', too few digits). */
bool attrib_customer_key_of(struct attrib_keys *keys, struct attrib_arena *arena,
	struct attrib_str site, enum attrib_customer_kind kind, struct attrib_str value,
	struct attrib_customer_key *out) ATTRIB_MUST_CHECK;

#endif
