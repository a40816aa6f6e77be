/*
 * Whose request it is. Behind trusted proxies the client's address is the rightmost hop of
 * X-Forwarded-For that is not such a proxy itself; whatever stands left of it the client could have
 * written, and from any other peer the header means nothing.
 */
#ifndef ATTRIBD_PROXY_H
#define ATTRIBD_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include "attrib/http.h"
#include "config.h"

#define ATTRIBD_ADDRESS_TEXT 46 /* INET6_ADDRSTRLEN */

struct attribd_peer {
	uint8_t address[16];             /* IPv4 as ::ffff:a.b.c.d */
	char text[ATTRIBD_ADDRESS_TEXT]; /* IPv4 in its own form */
};

/* All zero and "" for a family that has no address. */
void attribd_peer_of(const struct sockaddr *sa, struct attribd_peer *out);
/* False when the text is no numeric address ("1.2.3.4", "1.2.3.4:80", "::1", "[::1]:80"). */
bool attribd_peer_parse(struct attrib_str text, struct attribd_peer *out);
bool attribd_proxy_trusted(const struct attribd_cidr *cidrs, size_t n, const uint8_t address[16]);
/* The client of a request that came from `peer`. A hop that can't be read ends the walk: the last
 * hop that is known stands. */
void attribd_proxy_client(const struct attribd_cidr *cidrs, size_t n,
	const struct attribd_peer *peer, const struct attrib_http_request *request,
	struct attribd_peer *out);

#endif
