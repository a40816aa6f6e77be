/*
 * Addresses, networks, and lists of hosts and parameters.
 */
#include "config_table.h"

#include <arpa/inet.h>

#include "attrib/text.h"

#define ITEMS_MAX 256

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* A numeric address as 16 bytes, IPv4 as ::ffff:a.b.c.d; *v4 tells which it was. */
static bool read_ip(struct attrib_str s, uint8_t out[16], bool *v4)
{
	char text[INET6_ADDRSTRLEN];

	if (s.n == 0 || s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	*v4 = inet_pton(AF_INET, text, out + 12) == 1;
	if (!*v4)
		return inet_pton(AF_INET6, text, out) == 1;
	memcpy(out, mapped_prefix, sizeof mapped_prefix);
	return true;
}

static bool read_port(struct attrib_str s, uint16_t *out)
{
	unsigned value = 0;

	if (s.n == 0 || s.n > 5)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		value = value * 10 + (unsigned)(s.p[i] - '0');
	}
	*out = (uint16_t)value;
	return value > 0 && value <= UINT16_MAX;
}

static int parse_address(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	struct attribd_address address = {0};
	const char *colon = text.n ? memrchr(text.p, ':', text.n) : NULL;
	struct attrib_str host, port;
	uint8_t ip[16];
	bool bracketed, v4;

	(void)arena;
	if (!colon)
		return ATTRIB_E_INVALID;
	host = (struct attrib_str){text.p, (size_t)(colon - text.p)};
	port = (struct attrib_str){colon + 1, text.n - host.n - 1};
	bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if (bracketed)
		host = (struct attrib_str){host.p + 1, host.n - 2};
	else if (attrib_str_eq(host, ATTRIB_STR("localhost")))
		host = ATTRIB_STR("127.0.0.1");
	if (!read_ip(host, ip, &v4) || v4 == bracketed || !read_port(port, &address.port))
		return ATTRIB_E_INVALID;
	memcpy(address.host, host.p, host.n);
	*(struct attribd_address *)((char *)record + setting->at) = address;
	return 0;
}

static void print_address(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	const struct attribd_address *a =
		(const struct attribd_address *)((const char *)record + setting->at);

	attrib_buf_printf(out, strchr(a->host, ':') ? "[%s]:%u" : "%s:%u", a->host, a->port);
}

const struct config_type config_type_address = {
	.expected = "address:port such as 127.0.0.1:8080 or [::1]:8080",
	.parse = parse_address,
	.print = print_address};

bool config_is_loopback(const struct attribd_address *address)
{
	uint8_t ip[16];
	bool v4;

	if (!read_ip(attrib_str_of(address->host), ip, &v4))
		return false;
	if (memcmp(ip, mapped_prefix, sizeof mapped_prefix) == 0)
		return ip[12] == 127;
	return IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)ip);
}

/* -- lists -------------------------------------------------------------------------------------- */

/* Items between commas, trimmed; none is empty. -1 for a bad list. */
static int split_items(struct attrib_str text, struct attrib_str items[ITEMS_MAX])
{
	struct attrib_str rest = text;
	int n = 0;

	if (text.n == 0)
		return 0;
	do {
		if (n == ITEMS_MAX)
			return -1;
		items[n] = attrib_str_trim(attrib_str_split(rest, ',', &rest));
		if (items[n++].n == 0)
			return -1;
	} while (rest.p);
	return n;
}

static bool read_network(struct attrib_str s, struct attribd_cidr *out)
{
	struct attrib_str bits_text;
	struct attrib_str host = attrib_str_split(s, '/', &bits_text);
	unsigned bits = 0;
	bool v4;

	if (!read_ip(host, out->address, &v4))
		return false;
	if (!bits_text.p) {
		bits = 128;
	} else {
		if (bits_text.n == 0 || bits_text.n > 3)
			return false;
		for (size_t i = 0; i < bits_text.n; i++) {
			if (bits_text.p[i] < '0' || bits_text.p[i] > '9')
				return false;
			bits = bits * 10 + (unsigned)(bits_text.p[i] - '0');
		}
		bits += v4 ? 96 : 0;
		if (bits > 128)
			return false;
	}
	out->bits = (uint8_t)bits;
	for (unsigned i = bits; i < 128; i++) /* so that matching compares prefixes only */
		out->address[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	return true;
}

static int parse_networks(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	struct attrib_str items[ITEMS_MAX];
	int n = split_items(text, items);
	struct attribd_cidr *list;

	if (n < 0)
		return ATTRIB_E_INVALID;
	list = attrib_arena_alloc(arena, (size_t)(n + 1) * sizeof *list);
	if (!list)
		return ATTRIB_E_NOMEM;
	for (int i = 0; i < n; i++) {
		if (!read_network(items[i], &list[i]))
			return ATTRIB_E_INVALID;
	}
	*(struct attribd_cidr **)((char *)record + setting->at) = list;
	*(size_t *)((char *)record + setting->count_at) = (size_t)n;
	return 0;
}

static void print_networks(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	const struct attribd_cidr *list =
		*(struct attribd_cidr *const *)((const char *)record + setting->at);
	size_t n = *(const size_t *)((const char *)record + setting->count_at);
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < n; i++) {
		bool v4 = list[i].bits >= 96 &&
			  memcmp(list[i].address, mapped_prefix, sizeof mapped_prefix) == 0;
		inet_ntop(v4 ? AF_INET : AF_INET6, list[i].address + (v4 ? 12 : 0), text,
			sizeof text);
		attrib_buf_printf(
			out, "%s%s/%u", i ? "," : "", text, list[i].bits - (v4 ? 96u : 0u));
	}
}

const struct config_type config_type_networks = {
	.expected = "addresses or networks such as 10.0.0.0/8, separated by commas",
	.parse = parse_networks,
	.print = print_networks};

static bool is_host(struct attrib_str s)
{
	if (s.n == 0 || s.n > 253 || s.p[0] == '.' || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool label = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
		if (!label && !(c == '.' && s.p[i - 1] != '.'))
			return false;
	}
	return true;
}

/* As a browser writes it: scheme, host, perhaps a port, and nothing behind it. */
static bool is_origin(struct attrib_str s)
{
	struct attrib_url url;
	struct attrib_str host, port;
	uint16_t number;

	attrib_url_split(s, &url);
	if (!attrib_str_eq(url.scheme, ATTRIB_STR("https")) &&
		!attrib_str_eq(url.scheme, ATTRIB_STR("http")))
		return false;
	host = (struct attrib_str){s.p + url.scheme.n + 3, s.n - url.scheme.n - 3};
	host = attrib_str_split(host, ':', &port);
	return is_host(host) && (!port.p || read_port(port, &number));
}

/* Folding also lower-cases. */
static int store_names(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record, bool (*fits)(struct attrib_str))
{
	struct attrib_str items[ITEMS_MAX], *list;
	int n = split_items(text, items);

	if (n < 0)
		return ATTRIB_E_INVALID;
	list = attrib_arena_alloc(arena, (size_t)(n + 1) * sizeof *list);
	if (!list)
		return ATTRIB_E_NOMEM;
	for (int i = 0; i < n; i++) {
		struct attrib_str folded = attrib_fold(arena, items[i]);
		if (folded.p && fits && !fits(folded))
			return ATTRIB_E_INVALID;
		list[i] = folded.p ? attrib_arena_str(arena, folded) : folded;
		if (!list[i].p)
			return ATTRIB_E_NOMEM;
	}
	*(const struct attrib_str **)((char *)record + setting->at) = list;
	*(size_t *)((char *)record + setting->count_at) = (size_t)n;
	return 0;
}

static int parse_params(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	return store_names(setting, arena, text, record, NULL);
}

static int parse_hosts(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	return store_names(setting, arena, text, record, is_host);
}

static int parse_origins(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	return store_names(setting, arena, text, record, is_origin);
}

static void print_names(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	const struct attrib_str *list =
		*(const struct attrib_str *const *)((const char *)record + setting->at);
	size_t n = *(const size_t *)((const char *)record + setting->count_at);

	for (size_t i = 0; i < n; i++) {
		if (i)
			attrib_buf_char(out, ',');
		attrib_buf_str(out, list[i]);
	}
}

const struct config_type config_type_params = {
	.expected = "names of query parameters, separated by commas",
	.parse = parse_params,
	.print = print_names};
const struct config_type config_type_hosts = {
	.expected = "host names such as shop.example, separated by commas",
	.parse = parse_hosts,
	.print = print_names};
const struct config_type config_type_origins = {
	.expected = "origins such as https://shop.example, separated by commas",
	.parse = parse_origins,
	.print = print_names};

/* Letters that mean the same in a path however it is written. */
static bool is_path(struct attrib_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(c >= '0' && c <= '9') && !strchr("/-_.~", c))
			return false;
	}
	return s.n > 1 && s.n <= 255 && s.p[0] == '/';
}

static int parse_path(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	struct attrib_str copy = attrib_arena_str(arena, text);

	if (!is_path(text))
		return ATTRIB_E_INVALID;
	if (!copy.p)
		return ATTRIB_E_NOMEM;
	*(struct attrib_str *)((char *)record + setting->at) = copy;
	return 0;
}

static int parse_domain(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	struct attrib_str folded = attrib_fold(arena, text), bare, copy;

	if (!folded.p && text.n)
		return ATTRIB_E_NOMEM;
	bare = folded;
	if (bare.n && bare.p[0] == '.')
		bare = (struct attrib_str){bare.p + 1, bare.n - 1};
	if (folded.n && !is_host(bare))
		return ATTRIB_E_INVALID;
	copy = folded.n ? attrib_arena_str(arena, folded) : ATTRIB_STR_NONE;
	if (folded.n && !copy.p)
		return ATTRIB_E_NOMEM;
	*(struct attrib_str *)((char *)record + setting->at) = copy;
	return 0;
}

static void print_text_or_none(
	const struct config_setting *setting, const void *record, struct attrib_buf *out)
{
	attrib_buf_str(out, *(const struct attrib_str *)((const char *)record + setting->at));
}

const struct config_type config_type_path = {
	.expected = "a path such as /shop.js, of letters, digits and / - _ . ~",
	.parse = parse_path,
	.print = print_text_or_none};
const struct config_type config_type_domain = {
	.expected = "a domain such as .shop.example, or nothing",
	.parse = parse_domain,
	.print = print_text_or_none};

/* A query or fragment would swallow what is put behind it. */
static int parse_base_url(const struct config_setting *setting, struct attrib_arena *arena,
	struct attrib_str text, void *record)
{
	struct attrib_str copy = ATTRIB_STR_NONE;
	struct attrib_url url;

	while (text.n && text.p[text.n - 1] == '/')
		text.n--;
	attrib_url_split(text, &url);
	if (text.n &&
		(url.host.n == 0 || url.query.p || url.fragment.p || memchr(text.p, ' ', text.n) ||
			!(attrib_str_eq(url.scheme, ATTRIB_STR("https")) ||
				attrib_str_eq(url.scheme, ATTRIB_STR("http")))))
		return ATTRIB_E_INVALID;
	if (text.n)
		copy = attrib_arena_str(arena, text);
	if (text.n && !copy.p)
		return ATTRIB_E_NOMEM;
	*(struct attrib_str *)((char *)record + setting->at) = copy;
	return 0;
}

const struct config_type config_type_base_url = {
	.expected = "a URL such as https://go.shop.example, or nothing",
	.parse = parse_base_url,
	.print = print_text_or_none};
