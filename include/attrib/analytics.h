/*
 * The APIs of analytics that shops call already: Segment's HTTP API, and GA4's Measurement Protocol.
 * What their messages say becomes events; what attribution does not need is ignored, item by item.
 *
 * A secret key speaks for the shop, a public one for a stranger (intake->visit is the browser's
 * request then).
 */
#ifndef ATTRIB_ANALYTICS_H
#define ATTRIB_ANALYTICS_H

#include "attrib/intake.h"

#define ATTRIB_SEGMENT_EVENT_MAX (32u << 10)  /* bytes of one message */
#define ATTRIB_SEGMENT_BATCH_MAX (500u << 10) /* of a body of /v1/batch */
#define ATTRIB_GA4_BODY_MAX      (130u << 10)
#define ATTRIB_GA4_EVENTS_MAX    25

/* A body of /v1/<call>: "batch", or the type of its one message ("track"); or the first letter of these. 64 readable bytes behind
 * the body, here and below. Errors as of attrib_intake_native. */
int attrib_intake_segment(const struct attrib_intake *intake, enum attrib_trust trust,
	struct attrib_str call, struct attrib_str body,
	struct attrib_intake_result *out) ATTRIB_MUST_CHECK;
/* The "writeKey" of such a body; ATTRIB_E_BAD_JSON, ATTRIB_E_MISSING_FIELD, ATTRIB_E_NOMEM. */
int attrib_segment_write_key(struct attrib_arena *arena, struct attrib_str body,
	struct attrib_str *key) ATTRIB_MUST_CHECK;

/* A body of /mp/collect. Errors as above; ATTRIB_E_MISSING_FIELD with result->whole set when it has
 * no client_id. */
int attrib_intake_ga4(const struct attrib_intake *intake, enum attrib_trust trust,
	struct attrib_str body, struct attrib_intake_result *out) ATTRIB_MUST_CHECK;

#endif
