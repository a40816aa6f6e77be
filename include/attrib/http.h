/*
 * Strict HTTP/1.1 (and 1.0) for servers: bytes in, request out, no sockets. Whatever two parsers
 * could read in two ways is an error here, and after an error nothing of the connection is read.
 *
 * The caller owns one contiguous input buffer per connection. attrib_http_head reads the head at its
 * start; the body (by length, or decoded from chunks in place) follows it in the same buffer.
 */
#ifndef ATTRIB_HTTP_H
#define ATTRIB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "attrib/buf.h"
#include "attrib/str.h"

#define ATTRIB_HTTP_HEAD_MAX    8192 /* bytes of request line and headers, inclusive; above: 431 */
#define ATTRIB_HTTP_TARGET_MAX  4096 /* bytes of the target, inclusive; above: 414 */
#define ATTRIB_HTTP_HEADERS_MAX 64   /* above: 431 */

enum attrib_http_method {
	ATTRIB_HTTP_GET,
	ATTRIB_HTTP_HEAD,
	ATTRIB_HTTP_POST,
	ATTRIB_HTTP_OPTIONS,
	ATTRIB_HTTP_OTHER, /* a valid token that we do not serve: 405 */
};

struct attrib_http_header {
	struct attrib_str name, value; /* value without surrounding blanks */
};

/* All views point into the caller's buffer and live as long as its bytes stay in place. */
struct attrib_http_request {
	enum attrib_http_method method;
	struct attrib_str method_text;
	struct attrib_str target; /* as sent */
	struct attrib_str path;   /* without query; of an absolute target, its path ("/" if none) */
	struct attrib_str query;  /* without '?'; p is NULL when there was no '?' */
	struct attrib_str host;   /* Host header as sent; p is NULL on HTTP/1.0 without one */
	int minor;                /* 0 or 1 */
	bool keep_alive;          /* what the client wants, by version and Connection */
	bool closing;             /* private: Connection: close was said */
	bool chunked;
	bool expect_continue;
	bool has_length;
	uint64_t content_length; /* 0 unless has_length */
	size_t header_count;
	struct attrib_http_header headers[ATTRIB_HTTP_HEADERS_MAX];
};

enum {
	ATTRIB_HTTP_DONE = 0,
	ATTRIB_HTTP_MORE = 1, /* well-formed so far, more bytes are needed */
};

/* Reads one head from p[0..n); one empty line before it is skipped. DONE: *out is filled, *head_size
 * is where the body starts, *scanned is 0 again for the next head. MORE: well-formed so far; *out is
 * scratch, and `*scanned` (0 at first, one per connection) remembers how far was looked at, so that
 * a client that sends single bytes does not cost quadratic time. Negative: minus the HTTP status to
 * answer (400, 414, 431, 501, 505) before closing the connection. A head that is over a limit or
 * already ambiguous fails without waiting for its end, and with the same status however its bytes
 * were split. A Content-Length beyond INT64_MAX reads as INT64_MAX. */
int attrib_http_head(const char *p, size_t n, size_t *scanned, struct attrib_http_request *out,
	size_t *head_size);

/* The value of a header by its case-insensitive name, first occurrence; p is NULL when absent. */
struct attrib_str attrib_http_header(
	const struct attrib_http_request *request, struct attrib_str name);
/* The value of one cookie out of all Cookie headers; p is NULL when absent. */
struct attrib_str attrib_http_cookie(
	const struct attrib_http_request *request, struct attrib_str name);

/* Chunked bodies, decoded in place and incrementally. */
struct attrib_http_chunked {
	size_t body_n;    /* decoded bytes so far, at the start of the body area */
	uint64_t left;    /* bytes left of the current chunk */
	int state;        /* private */
	size_t line_n;    /* private: bytes of the current size line */
	size_t trailer_n; /* private: bytes of trailers so far */
};
void attrib_http_chunked_init(struct attrib_http_chunked *chunked);
/* Decodes what is new: p is the start of the body area, [body_n, *n) holds undecoded bytes. Moves
 * the decoded ones down and sets *n to body_n plus what is left over. DONE: [0, body_n) is the
 * body, [body_n, *n) is what follows the request. MORE, or minus a status (400, 413 when the body
 * would exceed body_max, 431 for trailers above ATTRIB_HTTP_HEAD_MAX). Extensions and trailers are
 * read strictly and dropped. */
int attrib_http_chunked_decode(
	struct attrib_http_chunked *chunked, char *p, size_t *n, size_t body_max);

/* Response writer. Header lines are checked: a stray CR, LF or NUL or a line without a name aborts
 * the process, because every caller must have escaped what it puts there. */
struct attrib_http_response {
	int status;
	const char *content_type;  /* NULL without a body */
	struct attrib_str body;    /* borrowed until written */
	struct attrib_str headers; /* further complete header lines, each ended by CRLF; or empty */
	bool close;                /* says Connection: close */
	bool head_only;            /* answers HEAD: Content-Length without the body */
};
/* Appends status line, headers (no Date), Content-Length and body. 1xx, 204 and 304 have neither
 * length nor body. Connection: close is said when the response or the request wants it; an HTTP/1.0
 * client that may stay is told keep-alive. request is NULL when none could be read. */
void attrib_http_write(struct attrib_buf *out, const struct attrib_http_request *request,
	const struct attrib_http_response *response);
/* "Not Found"; "Unknown" for a status that is not in the table. */
const char *attrib_http_reason(int status);

#endif
