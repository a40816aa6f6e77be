/*
 * The address that belongs to a tracker.
 */
#include "attrib/link.h"

#include "attrib/buf.h"
#include "attrib/text.h"
#include "internal.h"

#define CODE_MARK ATTRIB_STR("{key}")

struct parameter {
	struct attrib_str name, value; /* decoded */
};
#define PARAMETERS_MAX 6 /* of a utm rule, and sub */

static bool is_set(
	struct attrib_arena *arena, const struct parameter *set, int n, struct attrib_str name)
{
	struct attrib_str decoded = attrib_form_decode(arena, name);

	for (int i = 0; i < n; i++) {
		if (attrib_str_eq(set[i].name, decoded))
			return true;
	}
	return false;
}

static void put_pair(
	struct attrib_buf *buf, char *separator, struct attrib_str name, struct attrib_str value)
{
	attrib_buf_char(buf, *separator);
	*separator = '&';
	attrib_buf_str(buf, name);
	if (value.p)
		attrib_buf_char(buf, '=');
	attrib_buf_str(buf, value);
}

/* The URL with these parameters in its query. */
static void put_url(struct attrib_buf *buf, struct attrib_arena *arena, struct attrib_str url,
	const struct parameter *set, int n)
{
	struct attrib_str fragment, query, name, value;
	struct attrib_str base = attrib_str_split(url, '#', &fragment);
	char separator = '?';

	base = attrib_str_split(base, '?', &query);
	attrib_buf_str(buf, base);
	while (attrib_query_next(&query, &name, &value)) {
		if (!is_set(arena, set, n, name))
			put_pair(buf, &separator, name, value);
	}
	for (int i = 0; i < n; i++)
		put_pair(buf, &separator, set[i].name, attrib_percent_encode(arena, set[i].value));
	if (fragment.p) {
		attrib_buf_char(buf, '#');
		attrib_buf_str(buf, fragment);
	}
}

static int add(struct parameter *set, int n, struct attrib_str name, struct attrib_str value)
{
	if (value.n)
		set[n++] = (struct parameter){name, value};
	return n;
}

/* The parameters as the rule was written: what people read in other tools has its capitals. */
static int utm_parameters(
	struct attrib_arena *arena, struct attrib_str rule, struct parameter *set, int *n)
{
	static const struct attrib_str names[UTM_PARTS] = {ATTRIB_STR("utm_source"),
		ATTRIB_STR("utm_medium"), ATTRIB_STR("utm_campaign"), ATTRIB_STR("utm_term"),
		ATTRIB_STR("utm_content")};
	struct attrib_str parts[UTM_PARTS];
	int err = catalog_utm_texts(arena, rule, parts);

	for (int i = 0; !err && i < UTM_PARTS; i++) {
		struct attrib_str text = attrib_str_trim(parts[i]);
		if (!attrib_str_eq(text, ATTRIB_STR("*")))
			*n = add(set, *n, names[i], text);
	}
	return err;
}

static struct attrib_str with_code(
	struct attrib_arena *arena, struct attrib_str destination, struct attrib_str code)
{
	const char *mark = destination.n
				   ? memmem(destination.p, destination.n, CODE_MARK.p, CODE_MARK.n)
				   : NULL;
	struct attrib_str escaped = attrib_percent_encode(arena, code), rest;
	size_t before = mark ? (size_t)(mark - destination.p) : 0;

	if (!mark || !escaped.p)
		return destination;
	rest = with_code(arena,
		(struct attrib_str){mark + CODE_MARK.n, destination.n - before - CODE_MARK.n},
		code);
	return attrib_arena_printf(arena, "%.*s%.*s%.*s", (int)before, destination.p,
		(int)escaped.n, escaped.p, (int)rest.n, rest.n ? rest.p : "");
}

/* What the address is before its parameters; empty when there is nothing to begin with. */
static int base_of(struct attrib_arena *arena, const struct attrib_link *link,
	struct attrib_str public_url, struct attrib_str *out)
{
	struct attrib_str key = attrib_percent_encode(arena, link->key);

	*out = link->destination;
	if (attrib_str_eq(link->kind, ATTRIB_STR("code"))) {
		*out = with_code(arena, link->destination, link->key);
		return 0;
	}
	if (!attrib_str_eq(link->kind, ATTRIB_STR("link")))
		return link->destination.n ? 0 : ATTRIB_E_INVALID;
	if (public_url.n == 0)
		return ATTRIB_E_INVALID;
	*out = attrib_arena_printf(
		arena, "%.*s/c/%.*s", (int)public_url.n, public_url.p, (int)key.n, key.p);
	return out->p ? 0 : ATTRIB_E_NOMEM;
}

static int parameters_of(struct attrib_arena *arena, const struct attrib_link *link,
	struct attrib_str affiliate_param, struct parameter *set, int *n)
{
	int err = 0;

	if (attrib_str_eq(link->kind, ATTRIB_STR("affiliate"))) {
		err = affiliate_param.n ? 0 : ATTRIB_E_INVALID;
		*n = add(set, *n, affiliate_param, link->key);
	} else if (attrib_str_eq(link->kind, ATTRIB_STR("utm"))) {
		err = utm_parameters(arena, link->key, set, n);
	} else if (!attrib_str_eq(link->kind, ATTRIB_STR("link")) &&
		   !attrib_str_eq(link->kind, ATTRIB_STR("code"))) {
		err = ATTRIB_E_INVALID;
	}
	*n = add(set, *n, ATTRIB_STR("sub"), link->sub);
	return err;
}

int attrib_link_url(struct attrib_arena *arena, const struct attrib_link *link,
	struct attrib_str public_url, struct attrib_str affiliate_param, struct attrib_str *out)
{
	struct parameter set[PARAMETERS_MAX];
	struct attrib_str base, made;
	struct attrib_buf buf;
	int n = 0, err = parameters_of(arena, link, affiliate_param, set, &n);

	if (!err)
		err = base_of(arena, link, public_url, &base);
	if (err || arena->failed)
		return err ? err : ATTRIB_E_NOMEM;
	if (base.n == 0) {
		*out = ATTRIB_STR_NONE;
		return 0;
	}
	attrib_buf_init(&buf);
	put_url(&buf, arena, base, set, n);
	made = buf.err ? ATTRIB_STR_NONE : attrib_arena_str(arena, attrib_buf_view(&buf));
	attrib_buf_done(&buf);
	if (!made.p || arena->failed)
		return ATTRIB_E_NOMEM;
	*out = made;
	return 0;
}
