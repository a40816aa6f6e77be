/*
 * Routes: a table of method, path and handler. A handler is given one complete request and leaves its
 * answer in the exchange; it never waits. When it journaled something it says up to which record,
 * and the connection holds the answer back until that record is durable.
 */
#ifndef ATTRIBD_ROUTE_H
#define ATTRIBD_ROUTE_H

#include <stdbool.h>
#include <stdint.h>
#include "attrib/buf.h"
#include "attrib/event.h"
#include "attrib/http.h"
#include "attrib/intake.h"
#include "metrics.h"
#include "proxy.h"
#include "snapshot.h"

struct attribd_errand;
struct attribd_worker;

/* What becomes of an answer whose record is not durable in time. */
enum attribd_unconfirmed {
	ATTRIBD_UNCONFIRMED_CLOSE, /* no status: the client can't know, and sends it again */
	ATTRIBD_UNCONFIRMED_SEND,  /* redirects: the visitor goes on */
};

/* One request on its way to an answer. Everything is borrowed for the handler's call, but the
 * response: it may point into the worker's arena and buffers. */
struct attribd_exchange {
	struct attribd_worker *worker;
	const struct attribd_snapshot *snapshot;
	const struct attrib_http_request *request;
	struct attrib_str body; /* 64 readable bytes follow it */
	const struct attribd_peer *peer;
	struct attribd_peer client; /* set by attribd_exchange_visit */
	struct attrib_http_response response;
	struct attrib_str
		ready;   /* the response as written for GET on HTTP/1.1 without close, or empty */
	uint64_t number; /* the answer waits for this record; 0 = for none */
	enum attribd_unconfirmed unconfirmed;
	struct attribd_errand *errand; /* the answer is what it brings back, see errand.h */
	bool abandoned;                /* records were appended in part: close without a status */
};

typedef void attribd_handler(struct attribd_exchange *exchange);

struct attribd_route {
	const char *path;
	bool prefix; /* path ends in '/', and something must follow */
	enum attrib_http_method method;
	bool head; /* HEAD is served, too (of GET) */
	size_t body_max;
	enum attribd_metric metric;
	attribd_handler *handler;
	/* Asked before a body is read, and before the handler: true = it may. Else it has answered. NULL =
	 * everybody may. */
	bool (*admit)(struct attribd_exchange *exchange);
};

/* Tables end with a NULL path. */
extern const struct attribd_route attribd_public_routes[];

/* The path of the tag, which is the beacon's as well: POST what the script at it has to say. */
#define ATTRIBD_TAG_PATH "/a.js"

/* The row for a request, or NULL: then *allow names the path's methods in `buf` (405), or is empty
 * (404). */
const struct attribd_route *attribd_route_find(const struct attribd_route *routes,
	const struct attrib_http_request *request, char *buf, size_t size,
	struct attrib_str *allow);

/* -- what handlers are made of ------------------------------------------------------------------ */

/* A JSON answer {"code":..,"message":..} with the status of the error. */
void attribd_answer_error(struct attribd_exchange *exchange, int err, const char *message);
/* The same with the parameter that is to blame, {"code":..,"parameter":..,"message":..}; NULL = none. */
void attribd_answer_refusal(
	struct attribd_exchange *exchange, int err, const char *parameter, const char *message);
/* The same for a parameter that says something else than was expected. False, for the caller that answers so to
 * whoever asked it. */
bool attribd_answer_unexpected(struct attribd_exchange *exchange, const char *parameter,
	const char *expected, const char *got);
/* The body of all three. */
void attribd_put_refusal(
	struct attrib_buf *out, int err, const char *parameter, const char *message);
/* A header of every 503. */
#define ATTRIBD_RETRY_AFTER ATTRIB_STR("Retry-After: 1\r\n")
/* 503: nothing was appended. */
void attribd_answer_overload(struct attribd_exchange *exchange);
struct attrib_visit attribd_exchange_visit(struct attribd_exchange *exchange);
struct attrib_intake attribd_exchange_intake(
	struct attribd_exchange *exchange, const struct attribd_site_config *site);

/* The token of "Authorization: Bearer <token>"; empty when there is none. */
struct attrib_str attribd_exchange_bearer(const struct attribd_exchange *exchange);

/* Lets a page of another origin read the answer, when the site takes it for its own (`origins`, else
 * own_hosts and cookie_domain): adds the header lines to exchange->response, as the last step of a
 * handler. site NULL: it could not be known, nobody may. Preflights name no site: attribd_handle_preflight
 * answers those of any POST route that pages may use, for the origins of all sites. */
void attribd_allow_origin(
	struct attribd_exchange *exchange, const struct attribd_site_config *site);

/* Who has to go first when the journal falls behind; the later ones stay longer. */
enum attribd_shed {
	ATTRIBD_SHED_PIXEL,
	ATTRIBD_SHED_CLICK,
	ATTRIBD_SHED_BATCH,
	ATTRIBD_SHED_WEBHOOK
};
bool attribd_overloaded(const struct attribd_worker *worker, enum attribd_shed rank);

/* Appends events in order. False: nothing may be promised. Then either nothing was appended, and the
 * caller answers (503), or exchange->abandoned is set. */
bool attribd_record(struct attribd_exchange *exchange, const struct attrib_event *events, size_t n);
/* Flags strangers' clicks of a flood, before they are recorded; the client is known by
 * attribd_exchange_visit. */
void attribd_flag_floods(struct attribd_exchange *exchange, struct attrib_event *events, size_t n);
/* The good events of a request: attribd_record, and what else is to be done with them. */
bool attribd_take(struct attribd_exchange *exchange, const struct attrib_intake_result *result);

/* A segment of a path as text: percent escapes only, '+' is itself. */
struct attrib_str attribd_segment_decode(struct attrib_arena *arena, struct attrib_str segment);

/* The answer of /v1/events: {"accepted":n,"rejected":[..]}, and "ignored" when something was; 400 when all
 * were bad. err: that of the
 * whole body, or 0. */
void attribd_answer_result(
	struct attribd_exchange *exchange, const struct attrib_intake_result *result, int err);
/* Answers 415 and returns true when the body is in an encoding that is not taken. */
bool attribd_refuse_encoding(struct attribd_exchange *exchange);

attribd_handler attribd_handle_events, attribd_handle_click, attribd_handle_pixel,
	attribd_handle_beacon, attribd_handle_preflight, attribd_handle_webhook, attribd_handle_tag,
	attribd_handle_segment, attribd_handle_collect, attribd_handle_collect_debug;

#endif
