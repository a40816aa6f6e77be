/*
 * redis://[[user]:password@]host[:port][/db] and unix:[//[user]:password@]/path[?db=n].
 */
#include "redis_address.h"

#include <string.h>

#include "attrib/id.h"
#include "attrib/state_redis.h"

#define DEFAULT_PORT 6379
#define DB_MAX       65535

static bool starts(struct attrib_str *s, const char *with)
{
	size_t n = strlen(with);

	if (s->n < n || memcmp(s->p, with, n) != 0)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

/* Percent-decoded, NUL-terminated; false: it does not fit, or is no text. */
static bool decode(struct attrib_str s, char *out, size_t room)
{
	size_t n = 0;
	uint8_t byte;

	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];
		if (c == '%') {
			if (s.n - i < 3 ||
				attrib_hex_decode((struct attrib_str){s.p + i + 1, 2}, &byte, 1))
				return false;
			c = byte;
			i += 2;
		}
		if (c == 0 || n + 1 >= room)
			return false;
		out[n++] = (char)c;
	}
	out[n] = 0;
	return true;
}

static bool number(struct attrib_str s, int min, int max, int *out)
{
	int value = 0;

	if (s.n == 0 || s.n > 5)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		value = value * 10 + (s.p[i] - '0');
	}
	*out = value;
	return value >= min && value <= max;
}

/* What stands before the last '@' is taken off *rest. */
static const char *take_user(struct attrib_str *rest, size_t upto, struct redis_address *out)
{
	struct attrib_str user, password;
	size_t at = upto;

	while (at > 0 && rest->p[at - 1] != '@')
		at--;
	if (at == 0)
		return NULL;
	user = attrib_str_split((struct attrib_str){rest->p, at - 1}, ':', &password);
	if (!password.p)
		return "a password stands behind a colon: redis://:password@host or "
		       "redis://user:password@host";
	if (!decode(user, out->user, sizeof out->user) ||
		!decode(password, out->password, sizeof out->password))
		return "user and password: at most 127 and 511 bytes, special characters as %XX";
	out->authenticates = true;
	rest->p += at;
	rest->n -= at;
	return NULL;
}

static const char *take_host(struct attrib_str s, struct redis_address *out)
{
	struct attrib_str host, port;

	if (s.n && s.p[0] == '[') {
		host = attrib_str_split((struct attrib_str){s.p + 1, s.n - 1}, ']', &port);
		if (!port.p || (port.n && port.p[0] != ':'))
			return "an IPv6 address stands in brackets: redis://[::1]:6379";
		port = port.n ? (struct attrib_str){port.p + 1, port.n - 1} : ATTRIB_STR_NONE;
	} else {
		host = attrib_str_split(s, ':', &port);
	}
	if (host.n == 0 || host.n >= sizeof out->host || memchr(host.p, 0, host.n))
		return "no host: redis://host:port/db";
	memcpy(out->host, host.p, host.n);
	out->port = DEFAULT_PORT;
	if (port.p && !number(port, 1, 65535, &out->port))
		return "the port is a number from 1 to 65535";
	return NULL;
}

static const char *parse_tcp(struct attrib_str s, struct redis_address *out)
{
	const char *slash = memchr(s.p, '/', s.n), *why;
	struct attrib_str host, db;

	why = take_user(&s, slash ? (size_t)(slash - s.p) : s.n, out);
	if (why)
		return why;
	host = attrib_str_split(s, '/', &db);
	why = take_host(host, out);
	if (!why && db.n && !number(db, 0, DB_MAX, &out->db))
		why = "behind the host stands the number of the database: redis://host:6379/0";
	return why;
}

static const char *parse_unix(struct attrib_str s, struct redis_address *out)
{
	struct attrib_str path, query;
	const char *why;

	if (starts(&s, "//")) {
		const char *slash = memchr(s.p, '/', s.n);
		why = take_user(&s, slash ? (size_t)(slash - s.p) : s.n, out);
		if (why)
			return why;
	}
	path = attrib_str_split(s, '?', &query);
	if (path.n == 0 || path.p[0] != '/' || path.n >= sizeof out->path ||
		memchr(path.p, 0, path.n))
		return "a socket is named by its path, at most 107 bytes: "
		       "unix:/run/redis/redis.sock";
	memcpy(out->path, path.p, path.n);
	if (query.p && (!starts(&query, "db=") || !number(query, 0, DB_MAX, &out->db)))
		return "behind the path nothing but ?db=NUMBER";
	return NULL;
}

const char *redis_address_parse(const char *url, struct redis_address *out)
{
	struct attrib_str s = attrib_str_of(url);

	memset(out, 0, sizeof *out);
	if (starts(&s, "redis://"))
		return parse_tcp(s, out);
	if (starts(&s, "unix:"))
		return parse_unix(s, out);
	if (starts(&s, "rediss://"))
		return "TLS is not spoken here: let a local stunnel or HAProxy do it, and name "
		       "that "
		       "by redis://127.0.0.1:PORT or unix:/path";
	return "a state is redis://host:port/db or unix:/path";
}

const char *attrib_redis_url_problem(const char *url)
{
	struct redis_address address;

	return redis_address_parse(url, &address);
}
