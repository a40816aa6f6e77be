/*
 * Folding and percent-decoding: how keys that people typed are compared.
 */
#ifndef ATTRIB_TEXT_H
#define ATTRIB_TEXT_H

#include "attrib/arena.h"
#include "attrib/error.h"
#include "attrib/str.h"

/* The folded form of a key: trimmed, NFKC, casefolded, trimmed again. ASCII takes a fast path and
 * returns a view of the input when nothing changes. Invalid UTF-8 is returned as it is. p is NULL
 * only when memory is out. attrib.fold() in SQL computes the same. */
struct attrib_str attrib_fold(struct attrib_arena *arena, struct attrib_str s);

/* application/x-www-form-urlencoded: %XX and '+' decoded; broken escapes stay as they are;
 * %00 and invalid UTF-8 sequences become U+FFFD. The result is always text. */
struct attrib_str attrib_form_decode(struct attrib_arena *arena, struct attrib_str s);
/* Percent-encodes all but unreserved characters (RFC 3986). These, too, may return a view of s. */
struct attrib_str attrib_percent_encode(struct attrib_arena *arena, struct attrib_str s);

/* Walks a query string; survives "flag", "a=1&&b=2", "%zz". Returns false at the end.
 * *rest starts as the query without '?', name and value are raw (undecoded) views. */
bool attrib_query_next(struct attrib_str *rest, struct attrib_str *name, struct attrib_str *value);

/* The parts of an absolute http(s) URL or of a path: views of the input. A URL that has none of
 * them leaves them empty. Host is without port and user info; like in browsers a backslash ends it,
 * and "//host/path" has a host but no scheme. */
struct attrib_url {
	struct attrib_str scheme, host, path, query, fragment;
};
void attrib_url_split(struct attrib_str url, struct attrib_url *out);

#endif
