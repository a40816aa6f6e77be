/*
 * Cutting URLs and query strings into views, tolerant like the browsers that send them.
 */
#include "attrib/text.h"

static struct attrib_str cut_pair(struct attrib_str pair, struct attrib_str *value)
{
	size_t n = 0;

	/* names are short: quicker than a call */
	while (n < pair.n && pair.p[n] != '=')
		n++;
	*value = n < pair.n ? (struct attrib_str){pair.p + n + 1, pair.n - n - 1} : ATTRIB_STR_NONE;
	return (struct attrib_str){pair.p, n};
}

bool attrib_query_next(struct attrib_str *rest, struct attrib_str *name, struct attrib_str *value)
{
	while (rest->n) {
		struct attrib_str pair = attrib_str_split(*rest, '&', rest);
		if (pair.n == 0)
			continue;
		*name = cut_pair(pair, value);
		return true;
	}
	return false;
}

static inline bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The length of a scheme that "://" follows, or 0. */
static size_t scheme_length(struct attrib_str url)
{
	size_t i = 0;

	while (i < url.n &&
		(is_alpha(url.p[i]) || (i && ((url.p[i] >= '0' && url.p[i] <= '9') ||
						     (url.p[i] && strchr("+-.", url.p[i]))))))
		i++;
	return url.n - i >= 3 && memcmp(url.p + i, "://", 3) == 0 ? i : 0;
}

static struct attrib_str drop(struct attrib_str s, size_t n)
{
	return (struct attrib_str){s.p + n, s.n - n};
}

/* The host of "user:password@host:port"; an IPv6 address keeps its brackets. */
static struct attrib_str host_of(struct attrib_str authority)
{
	const char *at = authority.n ? memrchr(authority.p, '@', authority.n) : NULL;
	struct attrib_str host = at ? drop(authority, (size_t)(at + 1 - authority.p)) : authority;
	const char *end = host.n && host.p[0] == '[' ? memchr(host.p, ']', host.n) : NULL;

	if (end)
		return (struct attrib_str){host.p, (size_t)(end + 1 - host.p)};
	end = host.n ? memchr(host.p, ':', host.n) : NULL;
	return end ? (struct attrib_str){host.p, (size_t)(end - host.p)} : host;
}

/* A backslash ends the authority: browsers read it as a slash, and who does not would take
 * "https://evil.example\@shop.example/" for a page of the shop. */
static size_t authority_length(struct attrib_str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] != '/' && s.p[n] != '\\' && s.p[n] != '?' && s.p[n] != '#')
		n++;
	return n;
}

void attrib_url_split(struct attrib_str url, struct attrib_url *out)
{
	struct attrib_str before = attrib_str_split(url, '#', &out->fragment);
	size_t scheme = scheme_length(before), authority;

	before = attrib_str_split(before, '?', &out->query);
	out->scheme = out->host = ATTRIB_STR_NONE;
	if (scheme) {
		out->scheme = (struct attrib_str){before.p, scheme};
		before = drop(before, scheme + 1);
	}
	if (before.n >= 2 && before.p[0] == '/' && before.p[1] == '/') {
		before = drop(before, 2);
		authority = authority_length(before);
		out->host = host_of((struct attrib_str){before.p, authority});
		before = drop(before, authority);
	}
	out->path = before;
}
