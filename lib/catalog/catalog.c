/*
 * Asking the catalog. Everything here reads an immutable structure, so any thread may ask while it
 * holds a reference; nothing is allocated.
 *
 * Versions of one key are few and stand oldest first; a question walks them from the newest down,
 * so of two versions that both answer (periods should not overlap, but a table can say anything) the
 * one that was recorded last wins.
 */
#include <stdlib.h>

#include "attrib/id.h"
#include "internal.h"

uint64_t catalog_hash_key(struct attrib_str site, unsigned kind, struct attrib_str text)
{
	return attrib_hash64(text.p, text.n, attrib_hash64(site.p, site.n, kind));
}

uint64_t catalog_hash_utm(struct attrib_str site, const struct utm_parts *parts, unsigned stated)
{
	uint64_t hash = attrib_hash64(site.p, site.n, ATTRIB_TRACKER_UTM | stated << 8);

	for (int i = 0; i < UTM_PARTS; i++) {
		if (stated & UTM_BIT(i))
			hash = attrib_hash64(parts->part[i].p, parts->part[i].n, hash);
	}
	return hash;
}

uint64_t catalog_hash_link(struct attrib_str folded)
{
	return attrib_hash64(folded.p, folded.n, ATTRIB_TRACKER_LINK);
}

/* Ends: the table always has a free slot. */
const struct index_slot *catalog_probe(const struct index *index, uint64_t hash, uint32_t *at)
{
	for (;;) {
		const struct index_slot *slot = &index->slots[(*at)++ & index->mask];

		if (!slot->count)
			return NULL;
		if (slot->hash == hash)
			return slot;
	}
}

const struct index_slot *catalog_find_key(const struct attrib_catalog *catalog,
	struct attrib_str site, enum attrib_tracker_kind kind, struct attrib_str folded)
{
	uint64_t hash = catalog_hash_key(site, kind, folded);
	const struct index_slot *slot;
	uint32_t at = (uint32_t)hash;

	while ((slot = catalog_probe(&catalog->keys, hash, &at))) {
		const struct attrib_tracker *t = &catalog->trackers[slot->first];

		if (t->kind == kind && attrib_str_eq(t->folded, folded) &&
			attrib_str_eq(t->site, site))
			return slot;
	}
	return NULL;
}

static const struct index_slot *find_rule(const struct attrib_catalog *catalog,
	struct attrib_str site, const struct utm_parts *parts, unsigned stated)
{
	uint64_t hash = catalog_hash_utm(site, parts, stated);
	const struct index_slot *slot;
	uint32_t at = (uint32_t)hash;

	while ((slot = catalog_probe(&catalog->keys, hash, &at))) {
		const struct attrib_tracker *t = &catalog->trackers[slot->first];

		if (t->kind == ATTRIB_TRACKER_UTM && attrib_str_eq(t->site, site) &&
			catalog_utm_matches(t->folded, parts, stated))
			return slot;
	}
	return NULL;
}

const struct index_slot *catalog_find_campaign(
	const struct attrib_catalog *catalog, struct attrib_str site, struct attrib_str name)
{
	uint64_t hash = catalog_hash_key(site, CATALOG_KIND_CAMPAIGN, name);
	const struct index_slot *slot;
	uint32_t at = (uint32_t)hash;

	while ((slot = catalog_probe(&catalog->names, hash, &at))) {
		const struct attrib_campaign *c = &catalog->campaigns[slot->first];

		if (attrib_str_eq(c->name, name) && attrib_str_eq(c->site, site))
			return slot;
	}
	return NULL;
}

const struct utm_site *catalog_find_utm_site(
	const struct attrib_catalog *catalog, struct attrib_str site)
{
	size_t low = 0, high = catalog->utm_site_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = attrib_str_cmp(site, catalog->utm_sites[middle].site);

		if (!order)
			return &catalog->utm_sites[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static const struct attrib_tracker *owner_of(const struct attrib_catalog *catalog,
	const struct index_slot *group, int64_t at, int64_t as_of)
{
	for (uint32_t i = group->first + group->count; i-- > group->first;) {
		const struct attrib_tracker *t = &catalog->trackers[i];

		if (catalog_within(t->recorded_at, as_of, t->superseded_at) &&
			catalog_within(t->valid_from, at, t->valid_to))
			return t;
	}
	return NULL;
}

const struct attrib_tracker *attrib_catalog_owner(const struct attrib_catalog *catalog,
	struct attrib_str site, enum attrib_tracker_kind kind, struct attrib_str folded, int64_t at,
	int64_t as_of)
{
	const struct index_slot *group = catalog_find_key(catalog, site, kind, folded);

	return group ? owner_of(catalog, group, at, as_of) : NULL;
}

/* True when t owned its key once and its end lies at most grace before `at`: [end, end + grace). */
static bool ended_within(const struct attrib_tracker *t, int64_t at, int64_t grace_us)
{
	return t->valid_from < t->valid_to && t->valid_to <= at && grace_us > 0 &&
	       (uint64_t)at - (uint64_t)t->valid_to < (uint64_t)grace_us;
}

const struct attrib_tracker *attrib_catalog_code(const struct attrib_catalog *catalog,
	struct attrib_str site, struct attrib_str folded, int64_t at, int64_t as_of,
	int64_t grace_us, bool *in_grace)
{
	const struct index_slot *group =
		catalog_find_key(catalog, site, ATTRIB_TRACKER_CODE, folded);
	const struct attrib_tracker *best = group ? owner_of(catalog, group, at, as_of) : NULL;

	*in_grace = false;
	if (!group || best)
		return best;
	for (uint32_t i = group->first + group->count; i-- > group->first;) {
		const struct attrib_tracker *t = &catalog->trackers[i];

		if (catalog_within(t->recorded_at, as_of, t->superseded_at) &&
			ended_within(t, at, grace_us) && (!best || t->valid_to > best->valid_to))
			best = t;
	}
	*in_grace = best != NULL;
	return best;
}

const struct attrib_tracker *attrib_catalog_utm(const struct attrib_catalog *catalog,
	struct attrib_str site, const struct attrib_utm *folded, int64_t at, int64_t as_of)
{
	const struct utm_site *rules = catalog_find_utm_site(catalog, site);
	struct utm_parts parts;

	catalog_utm_parts(folded, &parts);
	for (size_t i = 0; rules && i < rules->shape_count; i++) {
		const struct attrib_tracker *owner = NULL;
		const struct index_slot *group = NULL;

		if ((rules->shapes[i] & ~parts.stated) == 0)
			group = find_rule(catalog, site, &parts, rules->shapes[i]);
		if (group)
			owner = owner_of(catalog, group, at, as_of);
		if (owner)
			return owner;
	}
	return NULL;
}

const struct attrib_campaign *attrib_catalog_campaign(const struct attrib_catalog *catalog,
	struct attrib_str site, struct attrib_str name, int64_t as_of)
{
	const struct index_slot *group = catalog_find_campaign(catalog, site, name);

	for (uint32_t i = group ? group->count : 0; i-- > 0;) {
		const struct attrib_campaign *c = &catalog->campaigns[group->first + i];

		if (catalog_within(c->recorded_at, as_of, c->superseded_at))
			return c;
	}
	return NULL;
}

/* Which of two versions a redirect takes: one valid now, else the one that began last, else the one
 * that begins first. Ties go to a. */
static bool better_link(const struct attrib_tracker *a, const struct attrib_tracker *b, int64_t now)
{
	bool a_now = catalog_within(a->valid_from, now, a->valid_to);
	bool b_now = catalog_within(b->valid_from, now, b->valid_to);
	bool a_begun = a->valid_from <= now, b_begun = b->valid_from <= now;

	if (a_now != b_now)
		return a_now;
	if (a_begun != b_begun)
		return a_begun;
	return a_begun ? a->valid_from >= b->valid_from : a->valid_from <= b->valid_from;
}

const struct attrib_tracker *attrib_catalog_link(
	const struct attrib_catalog *catalog, struct attrib_str folded, int64_t now)
{
	uint64_t hash = catalog_hash_link(folded);
	const struct attrib_tracker *best = NULL;
	const struct index_slot *slot;
	uint32_t at = (uint32_t)hash;

	/* A link may have moved from one site to another: both groups are looked at. */
	while ((slot = catalog_probe(&catalog->links, hash, &at))) {
		if (!attrib_str_eq(catalog->trackers[slot->first].folded, folded))
			continue;
		for (uint32_t i = slot->first + slot->count; i-- > slot->first;) {
			const struct attrib_tracker *t = &catalog->trackers[i];

			if (t->superseded_at == ATTRIB_FOREVER &&
				(!best || !better_link(best, t, now)))
				best = t;
		}
	}
	return best;
}

bool attrib_catalog_key_differs(const struct attrib_catalog *a, const struct attrib_catalog *b,
	struct attrib_str site, enum attrib_tracker_kind kind, struct attrib_str folded)
{
	const struct utm_site *rules_a, *rules_b;
	const struct index_slot *group_a, *group_b;

	if (kind == ATTRIB_TRACKER_UTM) {
		rules_a = catalog_find_utm_site(a, site);
		rules_b = catalog_find_utm_site(b, site);
		return (rules_a ? rules_a->digest : 0) != (rules_b ? rules_b->digest : 0);
	}
	group_a = catalog_find_key(a, site, kind, folded);
	group_b = catalog_find_key(b, site, kind, folded);
	return (group_a ? group_a->digest : 0) != (group_b ? group_b->digest : 0);
}

struct attrib_catalog *attrib_catalog_ref(struct attrib_catalog *catalog)
{
	atomic_fetch_add_explicit(&catalog->refs, 1, memory_order_relaxed);
	return catalog;
}

void attrib_catalog_unref(struct attrib_catalog *catalog)
{
	if (!catalog || atomic_fetch_sub_explicit(&catalog->refs, 1, memory_order_acq_rel) != 1)
		return;
	attrib_arena_done(&catalog->arena);
	free(catalog->trackers);
	free(catalog->campaigns);
	free(catalog->creator_keys);
	free(catalog->sites);
	free(catalog->utm_sites);
	free(catalog->keys.slots);
	free(catalog->links.slots);
	free(catalog->names.slots);
	free(catalog->creators.slots);
	free(catalog);
}

uint64_t attrib_catalog_version(const struct attrib_catalog *catalog)
{
	return catalog->version;
}

const struct attrib_site *attrib_catalog_site(
	const struct attrib_catalog *catalog, struct attrib_str site)
{
	size_t low = 0, high = catalog->site_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = attrib_str_cmp(site, catalog->sites[middle].name);

		if (!order)
			return &catalog->sites[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

size_t attrib_catalog_sites(const struct attrib_catalog *catalog, const struct attrib_site **out)
{
	*out = catalog->sites;
	return catalog->site_count;
}

static int64_t site_window(const struct attrib_site *site)
{
	int64_t longest = 0;

	for (; site; site = site->before)
		for (int channel = ATTRIB_CHANNEL_LINK; channel <= ATTRIB_CHANNEL_VIEW; channel++)
			if (site->policy.window_us[channel] > longest)
				longest = site->policy.window_us[channel];
	return longest;
}

int64_t catalog_find_longest_window(const struct attrib_catalog *catalog)
{
	int64_t longest = 0;

	for (size_t i = 0; i < catalog->site_count; i++)
		if (site_window(&catalog->sites[i]) > longest)
			longest = site_window(&catalog->sites[i]);
	for (size_t i = 0; i < catalog->campaign_count; i++)
		if (catalog->campaigns[i].window_us > longest)
			longest = catalog->campaigns[i].window_us;
	for (size_t i = 0; i < catalog->tracker_count; i++)
		if (catalog->trackers[i].window_us > longest)
			longest = catalog->trackers[i].window_us;
	return longest;
}

int64_t attrib_catalog_longest_window(const struct attrib_catalog *catalog)
{
	return catalog->longest_window_us;
}
