/*
 * The text of utm rules and utm keys: source/medium/campaign/term/content.
 *
 * In a rule a part that is '*', empty or not there at all is not stated: it matches anything, a
 * missing part too. %2F and %25 stand for '/' and '%'; other percent signs are themselves. The
 * fifth part takes the rest of the key, slashes included. Parts are decoded first and folded then,
 * as the parts of a landing are, so a slash that folding makes (U+FF0F) splits neither.
 */
#include <string.h>

#include "attrib/text.h"
#include "internal.h"

static const struct attrib_str ANY = {"*", 1};

static struct attrib_str unescape(struct attrib_arena *arena, struct attrib_str s)
{
	size_t n = 0;
	char *p;

	if (!s.n || !memchr(s.p, '%', s.n))
		return s;
	p = attrib_arena_raw(arena, s.n);
	if (!p)
		return ATTRIB_STR_NONE;
	for (size_t i = 0; i < s.n; i++) {
		bool escape = s.p[i] == '%' && s.n - i > 2 && s.p[i + 1] == '2';
		char c = escape ? s.p[i + 2] : '\0';

		if (c == '5' || c == 'F' || c == 'f') {
			p[n++] = c == '5' ? '%' : '/';
			i += 2;
		} else {
			p[n++] = s.p[i];
		}
	}
	return (struct attrib_str){p, n};
}

int catalog_utm_texts(
	struct attrib_arena *arena, struct attrib_str key, struct attrib_str parts[UTM_PARTS])
{
	struct attrib_str rest = key;

	for (int i = 0; i < UTM_PARTS; i++) {
		struct attrib_str raw = rest;

		if (i + 1 < UTM_PARTS)
			raw = attrib_str_split(rest, '/', &rest);
		parts[i] = unescape(arena, raw);
		if (raw.n && !parts[i].p)
			return ATTRIB_E_NOMEM;
	}
	return 0;
}

int catalog_utm_parse(struct attrib_arena *arena, struct attrib_str key, struct utm_parts *out)
{
	struct attrib_str parts[UTM_PARTS];
	int err = catalog_utm_texts(arena, key, parts);

	*out = (struct utm_parts){0};
	for (int i = 0; !err && i < UTM_PARTS; i++) {
		struct attrib_str part = parts[i];

		if (part.n)
			part = attrib_fold(arena, part);
		if (parts[i].n && !part.p)
			return ATTRIB_E_NOMEM;
		if (!part.n || attrib_str_eq(part, ANY))
			continue;
		out->part[i] = part;
		out->stated |= UTM_BIT(i);
	}
	return err;
}

static size_t escape(char *out, struct attrib_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '/' || s.p[i] == '%') {
			memcpy(out + n, s.p[i] == '/' ? "%2F" : "%25", 3);
			n += 3;
		} else {
			out[n++] = s.p[i];
		}
	}
	return n;
}

static struct attrib_str join(struct attrib_arena *arena, const struct attrib_str *parts, int count)
{
	size_t n = 0, room = UTM_PARTS;
	char *p;

	for (int i = 0; i < count; i++)
		room += 3 * parts[i].n;
	p = attrib_arena_raw(arena, room);
	if (!p)
		return ATTRIB_STR_NONE;
	for (int i = 0; i < count; i++) {
		if (i)
			p[n++] = '/';
		n += escape(p + n, parts[i]);
	}
	return (struct attrib_str){p, n};
}

struct attrib_str catalog_utm_canonical(struct attrib_arena *arena, const struct utm_parts *parts)
{
	struct attrib_str texts[UTM_PARTS];

	for (int i = 0; i < UTM_PARTS; i++)
		texts[i] = parts->stated & UTM_BIT(i) ? parts->part[i] : ANY;
	return join(arena, texts, UTM_PARTS);
}

/* True when the escaped text stands for s. */
static bool same_escaped(struct attrib_str escaped, struct attrib_str s)
{
	char c[3];
	size_t at = 0;

	if (!escaped.n || !memchr(escaped.p, '%', escaped.n))
		return attrib_str_eq(escaped, s);
	for (size_t i = 0; i < s.n; i++) {
		size_t n = escape(c, (struct attrib_str){s.p + i, 1});

		if (escaped.n - at < n || memcmp(escaped.p + at, c, n) != 0)
			return false;
		at += n;
	}
	return at == escaped.n;
}

bool catalog_utm_matches(
	struct attrib_str canonical, const struct utm_parts *parts, unsigned stated)
{
	struct attrib_str rest = canonical;

	for (int i = 0; i < UTM_PARTS; i++) {
		struct attrib_str part = attrib_str_split(rest, '/', &rest);

		if (stated & UTM_BIT(i)
				? attrib_str_eq(part, ANY) || !same_escaped(part, parts->part[i])
				: !attrib_str_eq(part, ANY))
			return false;
	}
	return true;
}

void catalog_utm_parts(const struct attrib_utm *folded, struct utm_parts *out)
{
	*out = (struct utm_parts){.part = {folded->source, folded->medium, folded->campaign,
					  folded->term, folded->content}};
	for (int i = 0; i < UTM_PARTS; i++) {
		if (out->part[i].n)
			out->stated |= UTM_BIT(i);
	}
}

struct attrib_str attrib_utm_key(struct attrib_arena *arena, const struct attrib_utm *folded)
{
	struct utm_parts parts;
	int count = UTM_PARTS;

	catalog_utm_parts(folded, &parts);
	while (count && !parts.part[count - 1].n)
		count--;
	return join(arena, parts.part, count);
}
