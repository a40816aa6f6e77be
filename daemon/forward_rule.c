/* See forward_rule.h. */
#include "forward_rule.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define BACKOFF_MAX_US (INT64_C(6) * 3600 * 1000000)

/* IANA's registries of special-purpose addresses, and where clouds keep their machines' credentials. */
static const struct {
	const char *network;
	int bits;
	const char *class;
} networks4[] =
	{
		{"0.0.0.0", 8, "unspecified"},
		{"10.0.0.0", 8, "private"},
		{"100.64.0.0", 10, "a provider's own"},
		{"127.0.0.0", 8, "loopback"},
		{"168.63.129.16", 32, "a cloud's metadata"},
		{"169.254.0.0", 16, "link-local"},
		{"172.16.0.0", 12, "private"},
		{"192.0.0.0", 24, "reserved"},
		{"192.0.2.0", 24, "reserved"},
		{"192.88.99.0", 24, "reserved"},
		{"192.168.0.0", 16, "private"},
		{"198.18.0.0", 15, "reserved"},
		{"198.51.100.0", 24, "reserved"},
		{"203.0.113.0", 24, "reserved"},
		{"224.0.0.0", 4, "multicast"},
		{"240.0.0.0", 4, "reserved"},
},
  networks6[] = {
	  {"::", 128, "unspecified"},
	  {"::1", 128, "loopback"},
	  {"fc00::", 7, "private"},
	  {"fe80::", 10, "link-local"},
	  {"fec0::", 10, "private"},
	  {"ff00::", 8, "multicast"},
	  {"2001::", 23, "reserved"},
	  {"2001:db8::", 32, "reserved"},
	  {"3fff::", 20, "reserved"},
};
/* Networks whose addresses carry an IPv4 address, and where. */
static const struct {
	const char *network;
	int bits;
	size_t at;
} carriers[] = {
	{"::ffff:0:0", 96, 12},
	{"64:ff9b::", 96, 12},
	{"2002::", 16, 2},
};

static bool is_in(const uint8_t *address, int family, const char *network, int bits)
{
	uint8_t base[16];
	size_t whole = (size_t)bits / 8;
	int rest = bits % 8;

	if (inet_pton(family, network, base) != 1 || memcmp(address, base, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ base[whole]) >> (8 - rest) == 0;
}

static const char *class4(const uint8_t address[4])
{
	for (size_t i = 0; i < sizeof networks4 / sizeof *networks4; i++) {
		if (is_in(address, AF_INET, networks4[i].network, networks4[i].bits))
			return networks4[i].class;
	}
	return NULL;
}

static const char *class6(const uint8_t address[16])
{
	for (size_t i = 0; i < sizeof carriers / sizeof *carriers; i++) {
		if (is_in(address, AF_INET6, carriers[i].network, carriers[i].bits))
			return class4(address + carriers[i].at);
	}
	for (size_t i = 0; i < sizeof networks6 / sizeof *networks6; i++) {
		if (is_in(address, AF_INET6, networks6[i].network, networks6[i].bits))
			return networks6[i].class;
	}
	/* nothing else was ever given out to the public */
	return is_in(address, AF_INET6, "2000::", 3) ? NULL : "reserved";
}

const char *attribd_address_class(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address->sa_family == AF_INET)
		return class4((const uint8_t *)&v4->sin_addr);
	return address->sa_family == AF_INET6 ? class6(v6->sin6_addr.s6_addr) : "no address";
}

const char *attribd_address_text_class(const char *text)
{
	uint8_t address[16];

	if (inet_pton(AF_INET, text, address) == 1)
		return class4(address);
	return inet_pton(AF_INET6, text, address) == 1 ? class6(address) : "no address";
}

int64_t attribd_backoff_us(int tries, int64_t first_us, uint32_t random)
{
	int64_t whole = first_us;

	for (int i = 1; i < tries && whole < BACKOFF_MAX_US; i++)
		whole *= 2;
	if (whole > BACKOFF_MAX_US)
		whole = BACKOFF_MAX_US;
	return whole / 2 + whole / 2 * (int64_t)(random >> 8) / (1 << 24);
}
