/*
 * Walking X-Forwarded-For from right to left. Several headers of that name are one list.
 */
#include "proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static void peer_text(struct attribd_peer *peer)
{
	bool v4 = memcmp(peer->address, mapped, sizeof mapped) == 0;

	inet_ntop(v4 ? AF_INET : AF_INET6, peer->address + (v4 ? 12 : 0), peer->text,
		sizeof peer->text);
}

static void peer_v4(struct attribd_peer *peer, const void *address)
{
	memcpy(peer->address, mapped, sizeof mapped);
	memcpy(peer->address + 12, address, 4);
}

void attribd_peer_of(const struct sockaddr *sa, struct attribd_peer *out)
{
	*out = (struct attribd_peer){0};
	if (sa->sa_family == AF_INET)
		peer_v4(out, &((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	else if (sa->sa_family == AF_INET6)
		memcpy(out->address, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
			16);
	else
		return;
	peer_text(out);
}

/* The host of "host", "host:port" or "[host]:port". */
static struct attrib_str without_port(struct attrib_str s)
{
	struct attrib_str rest;
	size_t colons = 0;

	if (s.n && s.p[0] == '[')
		return attrib_str_split((struct attrib_str){s.p + 1, s.n - 1}, ']', &rest);
	for (size_t i = 0; i < s.n; i++)
		colons += s.p[i] == ':';
	return colons == 1 ? attrib_str_split(s, ':', &rest) : s;
}

bool attribd_peer_parse(struct attrib_str text, struct attribd_peer *out)
{
	struct attrib_str host = without_port(attrib_str_trim(text));
	struct attribd_peer peer = {0};
	char name[ATTRIBD_ADDRESS_TEXT];
	uint8_t v4[4];

	if (host.n == 0 || host.n >= sizeof name || memchr(host.p, '\0', host.n))
		return false;
	memcpy(name, host.p, host.n);
	name[host.n] = '\0';
	if (inet_pton(AF_INET, name, v4) == 1)
		peer_v4(&peer, v4);
	else if (inet_pton(AF_INET6, name, peer.address) != 1)
		return false;
	peer_text(&peer);
	*out = peer;
	return true;
}

static bool in_cidr(const struct attribd_cidr *cidr, const uint8_t address[16])
{
	unsigned bytes = cidr->bits / 8, bits = cidr->bits % 8;

	if (memcmp(cidr->address, address, bytes) != 0)
		return false;
	return bits == 0 || ((cidr->address[bytes] ^ address[bytes]) >> (8 - bits)) == 0;
}

bool attribd_proxy_trusted(const struct attribd_cidr *cidrs, size_t n, const uint8_t address[16])
{
	for (size_t i = 0; i < n; i++) {
		if (in_cidr(&cidrs[i], address))
			return true;
	}
	return false;
}

/* Takes the last element off a comma-separated list. */
static struct attrib_str last_element(struct attrib_str *list)
{
	const char *comma = list->n ? memrchr(list->p, ',', list->n) : NULL;
	struct attrib_str element = *list;

	if (comma) {
		size_t before = (size_t)(comma - list->p);
		element = (struct attrib_str){comma + 1, list->n - before - 1};
		list->n = before;
	} else {
		*list = ATTRIB_STR_NONE;
	}
	return element;
}

/* Goes through one header's hops; false when the walk is over. */
static bool walk(const struct attribd_cidr *cidrs, size_t n, struct attrib_str list,
	struct attribd_peer *hop)
{
	while (list.p) {
		if (!attribd_peer_parse(last_element(&list), hop))
			return false;
		if (!attribd_proxy_trusted(cidrs, n, hop->address))
			return false;
	}
	return true;
}

void attribd_proxy_client(const struct attribd_cidr *cidrs, size_t n,
	const struct attribd_peer *peer, const struct attrib_http_request *request,
	struct attribd_peer *out)
{
	*out = *peer;
	if (!attribd_proxy_trusted(cidrs, n, peer->address))
		return;
	for (size_t i = request->header_count; i > 0; i--) {
		const struct attrib_http_header *header = &request->headers[i - 1];
		if (attrib_str_ieq(header->name, ATTRIB_STR("X-Forwarded-For")) &&
			!walk(cidrs, n, header->value, out))
			return;
	}
}
