/*
 * Reads the input as a connection of pipelined requests, twice: once with all bytes there from the
 * start, once in pieces whose sizes the first byte of the input chooses. Both must see the same
 * requests, bodies and error, and what was accepted must keep the promises of http.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/http.h"

#define BODY_MAX   300
#define EVENTS_MAX 64

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* What happened on a connection, as numbers: the statuses and digests of what was understood. */
struct trace {
	size_t count;
	uint64_t events[EVENTS_MAX];
};

struct connection {
	char *p; /* owned; the input buffer, of exactly the size of what is in it */
	size_t n, scanned;
	bool in_body;
	struct attrib_http_request request;
	struct attrib_http_chunked chunked;
	uint64_t length_left;
	struct trace trace;
};

static uint64_t digest(uint64_t sum, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * 0x100000001b3u;
	return sum * 31 + n;
}

static void note(struct connection *c, uint64_t event)
{
	if (c->trace.count < EVENTS_MAX)
		c->trace.events[c->trace.count++] = event;
}

static void check_inside(const struct connection *c, struct attrib_str s, size_t head_size)
{
	CHECK(s.n == 0 || (s.p >= c->p && s.p + s.n <= c->p + head_size));
}

static void check_request(const struct connection *c, size_t head_size)
{
	const struct attrib_http_request *r = &c->request;

	CHECK(head_size <= c->n && head_size <= ATTRIB_HTTP_HEAD_MAX);
	CHECK(memcmp(c->p + head_size - 4, "\r\n\r\n", 4) == 0);
	CHECK(!memchr(c->p, '\0', head_size));
	for (size_t i = 0; i < head_size; i++) {
		CHECK(c->p[i] != '\r' || c->p[i + 1] == '\n');
		CHECK(c->p[i] != '\n' || (i > 0 && c->p[i - 1] == '\r'));
	}
	CHECK(!(r->has_length && r->chunked));
	CHECK(r->minor == 1 ? r->host.n > 0 : !r->chunked);
	CHECK(r->target.n > 0 && r->target.n <= ATTRIB_HTTP_TARGET_MAX);
	CHECK(r->path.n > 0 && (r->path.p[0] == '/' || attrib_str_eq(r->path, ATTRIB_STR("*"))));
	CHECK(r->header_count <= ATTRIB_HTTP_HEADERS_MAX);
	check_inside(c, r->target, head_size);
	check_inside(c, r->host, head_size);
	for (size_t i = 0; i < r->header_count; i++) {
		CHECK(r->headers[i].name.n > 0);
		check_inside(c, r->headers[i].name, head_size);
		check_inside(c, r->headers[i].value, head_size);
	}
}

static void drop(struct connection *c, size_t n)
{
	memmove(c->p, c->p + n, c->n - n);
	c->n -= n;
}

static void note_request(struct connection *c)
{
	const struct attrib_http_request *r = &c->request;
	uint64_t sum = digest(r->method, r->path.p, r->path.n);

	sum = digest(sum, r->query.p, r->query.n);
	sum = digest(sum, r->host.p, r->host.n);
	for (size_t i = 0; i < r->header_count; i++) {
		sum = digest(sum, r->headers[i].name.p, r->headers[i].name.n);
		sum = digest(sum, r->headers[i].value.p, r->headers[i].value.n);
	}
	note(c, sum * 16 + (uint64_t)(8 * r->keep_alive + 4 * r->chunked + 2 * r->has_length));
}

/* Each step returns DONE to go on, MORE to wait for bytes, or the error that ends it. */
static int step_head(struct connection *c)
{
	size_t head_size;
	int status = attrib_http_head(c->p, c->n, &c->scanned, &c->request, &head_size);

	if (status)
		return status;
	check_request(c, head_size);
	note_request(c);
	c->in_body = true;
	c->length_left = c->request.content_length;
	attrib_http_chunked_init(&c->chunked);
	drop(c, head_size);
	return ATTRIB_HTTP_DONE;
}

static int step_length(struct connection *c)
{
	size_t n = c->n < c->length_left ? c->n : (size_t)c->length_left;

	drop(c, n);
	c->length_left -= n;
	c->in_body = c->length_left > 0;
	return c->in_body ? ATTRIB_HTTP_MORE : ATTRIB_HTTP_DONE;
}

static int step_chunked(struct connection *c)
{
	int status = attrib_http_chunked_decode(&c->chunked, c->p, &c->n, BODY_MAX);

	if (status < 0)
		return status;
	CHECK(c->chunked.body_n <= c->n && c->chunked.body_n <= BODY_MAX);
	if (status == ATTRIB_HTTP_MORE)
		return status;
	note(c, digest(1, c->p, c->chunked.body_n));
	drop(c, c->chunked.body_n);
	c->in_body = false;
	return ATTRIB_HTTP_DONE;
}

static int run(struct connection *c)
{
	int status;

	do {
		status = !c->in_body          ? step_head(c)
			 : c->request.chunked ? step_chunked(c)
					      : step_length(c);
	} while (status == ATTRIB_HTTP_DONE);
	return status;
}

/* Plays the bytes in pieces of 1..piece_max bytes; the trace ends with the last status. */
static struct trace play(const uint8_t *bytes, size_t n, size_t piece_max)
{
	struct connection c = {.p = malloc(1)};
	int status = ATTRIB_HTTP_MORE;

	for (size_t at = 0, k = 1; at < n && status == ATTRIB_HTTP_MORE; k++) {
		size_t piece = 1 + k * 7919 % piece_max;
		piece = piece_max > n || piece > n - at ? n - at : piece;
		c.p = realloc(c.p, c.n + piece);
		memcpy(c.p + c.n, bytes + at, piece);
		c.n += piece;
		at += piece;
		status = run(&c);
	}
	note(&c, (uint64_t)(int64_t)status);
	free(c.p);
	return c.trace;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* A line end is appended, because a long head without one may be looked at a little later. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct trace whole, pieces;
	uint8_t *input;

	if (n < 2)
		return 0;
	input = malloc(n);
	memcpy(input, bytes + 1, n - 1);
	input[n - 1] = '\n';
	whole = play(input, n, SIZE_MAX);
	pieces = play(input, n, 1 + bytes[0]);
	CHECK(whole.count == pieces.count);
	CHECK(memcmp(whole.events, pieces.events, whole.count * sizeof *whole.events) == 0);
	free(input);
	return 0;
}
