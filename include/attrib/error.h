/*
 * One table of errors for the whole library: name, code for clients, HTTP status, retryable, text.
 *
 * Functions return int: 0 or one of these negative codes. Outputs are untouched on failure.
 * The library returns errors and never logs; the daemon logs once.
 */
#ifndef ATTRIB_ERROR_H
#define ATTRIB_ERROR_H

#include <stdbool.h>

#define ATTRIB_MUST_CHECK __attribute__((warn_unused_result))

/* X(NAME, "code seen by clients", HTTP status, retryable, "text") */
#define ATTRIB_ERRORS(X)                                                                           \
	X(NOMEM, "out_of_memory", 503, true, "out of memory")                                      \
	X(INVALID, "invalid", 400, false, "invalid value")                                         \
	X(BAD_JSON, "bad_json", 400, false, "the body is not valid JSON")                          \
	X(BAD_TYPE, "bad_type", 400, false, "unknown event type")                                  \
	X(BAD_TIME, "bad_time", 400, false, "not an RFC 3339 time")                                \
	X(BAD_AMOUNT, "bad_amount", 400, false, "not a decimal amount of its currency")            \
	X(BAD_CURRENCY, "bad_currency", 400, false, "not an ISO 4217 currency code")               \
	X(BAD_STATUS, "bad_status", 400, false, "unknown order status")                            \
	X(BAD_ID, "bad_id", 400, false, "an id is missing, too long or has control characters")    \
	X(BAD_FIELD, "bad_field", 400, false, "a field has the wrong type or is too long")         \
	X(MISSING_FIELD, "missing_field", 400, false, "a required field is missing")               \
	X(TOO_MANY, "too_many", 413, false, "too many events in one request")                      \
	X(TOO_LARGE, "too_large", 413, false, "larger than the limit")                             \
	X(UNAUTHORIZED, "unauthorized", 401, false, "missing or unknown key")                      \
	X(UNKNOWN_SITE, "unknown_site", 404, false, "no such site")                                \
	X(NOT_FOUND, "not_found", 404, false, "not found")                                         \
	X(OVERFLOW, "overflow", 400, false, "a number is out of range")                            \
	X(TORN, "torn", 500, false, "the journal ends inside a record")                            \
	X(CORRUPT, "corrupt", 500, false, "a journal record is damaged")                           \
	X(VERSION, "version", 500, false, "written by a newer version of attribd")                 \
	X(IO, "io_error", 503, true, "an input or output operation failed")                        \
	X(NO_SPACE, "no_space", 503, true, "the journal has no room")                              \
	X(UNAVAILABLE, "unavailable", 503, true, "a service that is needed does not answer")       \
	X(FENCED, "fenced", 500, false, "another process runs under this instance's identity")     \
	X(SUPERSEDED, "superseded", 503, true, "another server has taken its place")               \
	X(SCHEMA, "schema", 500, false, "the database schema does not fit this program")           \
	X(CONFIG, "config", 500, false, "the configuration is not valid")

enum attrib_error_index {
	ATTRIB_EI_OK = 0,
#define X(name, code, http, retry, text) ATTRIB_EI_##name,
	ATTRIB_ERRORS(X)
#undef X
		ATTRIB_EI_COUNT
};

enum attrib_error {
	ATTRIB_OK = 0,
#define X(name, code, http, retry, text) ATTRIB_E_##name = -ATTRIB_EI_##name,
	ATTRIB_ERRORS(X)
#undef X
};

/* Each takes 0 or a negative code; an unknown number reads as "unknown", 500, not retryable. */
const char *attrib_error_code(int err);
const char *attrib_error_text(int err);
int attrib_error_http(int err);
bool attrib_error_retryable(int err);

#endif
