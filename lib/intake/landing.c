/*
 * Query strings of landing pages, as shops and apps really send them: pairs that are broken, empty,
 * doubled, or escaped for HTML never cost the others. A value that is too long to be a key is
 * ignored like one that is not there; the sale behind it must not be lost for it.
 */
#include "parts.h"

#include <stddef.h>

#include "attrib/text.h"

#define VALUE_MAX    512
#define CLICK_ID_MAX 128

static const struct attrib_str utm_prefixes[] = {
	ATTRIB_STR("utm_"), ATTRIB_STR("mtm_"), ATTRIB_STR("pk_")};

static const struct {
	struct attrib_str name;
	size_t offset;
} utm_parts[] = {
	{ATTRIB_STR("source"), offsetof(struct attrib_utm, source)},
	{ATTRIB_STR("medium"), offsetof(struct attrib_utm, medium)},
	{ATTRIB_STR("campaign"), offsetof(struct attrib_utm, campaign)},
	{ATTRIB_STR("cpn"), offsetof(struct attrib_utm, campaign)},
	{ATTRIB_STR("term"), offsetof(struct attrib_utm, term)},
	{ATTRIB_STR("keyword"), offsetof(struct attrib_utm, term)},
	{ATTRIB_STR("kwd"), offsetof(struct attrib_utm, term)},
	{ATTRIB_STR("content"), offsetof(struct attrib_utm, content)},
};

static const struct attrib_str ad_clicks[ATTRIB_AD_COUNT] = {
#define X(id, text, search) [ATTRIB_AD_##id] = ATTRIB_STR(text),
	ATTRIB_AD_CLICKS(X)
#undef X
};

bool landing_is_search_ad(uint32_t seen)
{
#define X(id, text, search) | (uint32_t)(search) << ATTRIB_AD_##id
	return seen & (0 ATTRIB_AD_CLICKS(X));
#undef X
}

static bool cut_prefix(struct attrib_str *s, struct attrib_str prefix)
{
	if (s->n <= prefix.n || !attrib_str_ieq((struct attrib_str){s->p, prefix.n}, prefix))
		return false;
	*s = (struct attrib_str){s->p + prefix.n, s->n - prefix.n};
	return true;
}

/* The part of *utm that a parameter names, or NULL. */
static struct attrib_str *utm_part(struct attrib_utm *utm, struct attrib_str name)
{
	size_t i = 0;

	while (i < 3 && !cut_prefix(&name, utm_prefixes[i]))
		i++;
	if (i == 3)
		return NULL;
	for (i = 0; i < sizeof utm_parts / sizeof *utm_parts; i++) {
		if (attrib_str_ieq(name, utm_parts[i].name))
			return (struct attrib_str *)((char *)utm + utm_parts[i].offset);
	}
	return NULL;
}

static uint32_t ad_click_bit(struct attrib_str name)
{
	for (int i = 0; i < ATTRIB_AD_COUNT; i++) {
		if (attrib_str_ieq(name, ad_clicks[i]))
			return (uint32_t)1 << i;
	}
	return 0;
}

/* The place of a name among the site's affiliate parameters: a smaller one wins. */
static size_t affiliate_rank(const struct attrib_intake_site *site, struct attrib_str name)
{
	size_t i = 0;

	while (i < site->affiliate_param_count && !attrib_str_ieq(name, site->affiliate_params[i]))
		i++;
	return i;
}

static bool is_click_id(struct attrib_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	}
	return s.n <= CLICK_ID_MAX;
}

void landing_begin(struct landing_reader *reader, const struct attrib_intake_site *site,
	struct attrib_landing *out)
{
	*out = (struct attrib_landing){0};
	*reader = (struct landing_reader){site, site->affiliate_param_count};
}

void landing_take(struct landing_reader *reader, struct attrib_str name, struct attrib_str value,
	struct attrib_landing *out)
{
	struct attrib_str *part = utm_part(&out->utm, name);
	size_t affiliate = affiliate_rank(reader->site, name);

	if (value.n > VALUE_MAX)
		return;
	if (part && part->n == 0) {
		*part = value;
		out->has_utm = true;
	}
	if (affiliate < reader->rank) {
		out->affiliate = value;
		reader->rank = affiliate;
	}
	if (attrib_str_eq(name, ATTRIB_STR("attr_click")) && out->click_id.n == 0 &&
		is_click_id(value))
		out->click_id = value;
	out->ad_clicks |= ad_click_bit(name);
}

void landing_query(struct attrib_arena *arena, struct attrib_str query,
	const struct attrib_intake_site *site, struct attrib_landing *out)
{
	struct landing_reader reader;
	struct attrib_str name, value;

	landing_begin(&reader, site, out);
	while (attrib_query_next(&query, &name, &value)) {
		name = attrib_form_decode(arena, name);
		cut_prefix(&name, ATTRIB_STR("amp;"));
		value = attrib_str_trim(attrib_form_decode(arena, value));
		if (name.n && value.n)
			landing_take(&reader, name, value, out);
	}
}

void attrib_landing_parse(struct attrib_arena *arena, struct attrib_str url,
	const struct attrib_intake_site *site, struct attrib_landing *out)
{
	struct attrib_url parts;

	attrib_url_split(url, &parts);
	landing_query(arena, parts.query, site, out);
}

struct attrib_str host_of_url(struct attrib_arena *arena, struct attrib_str url)
{
	struct attrib_url parts;

	if (url.n == 0)
		return ATTRIB_STR_NONE;
	attrib_url_split(url, &parts);
	return parts.host.n <= 253 ? attrib_fold(arena, parts.host) : ATTRIB_STR_NONE;
}

/* The shop's cookie is for a domain and all below it: so far reaches the shop. */
bool host_is_below(struct attrib_str domain, struct attrib_str host)
{
	size_t before;

	if (domain.n && domain.p[0] == '.')
		domain = (struct attrib_str){domain.p + 1, domain.n - 1};
	if (domain.n == 0 || host.n < domain.n)
		return false;
	before = host.n - domain.n;
	return (before == 0 || host.p[before - 1] == '.') &&
	       attrib_str_ieq((struct attrib_str){host.p + before, domain.n}, domain);
}

bool attrib_site_owns_host(const struct attrib_intake_site *site, struct attrib_str host)
{
	for (size_t i = 0; host.n && i < site->own_host_count; i++) {
		if (attrib_str_ieq(site->own_hosts[i], host))
			return true;
	}
	return host_is_below(site->cookie_domain, host);
}
