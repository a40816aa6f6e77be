/*
 * By which keys the shop knows its creators as customers. All versions of all keys of one creator are
 * a group; a creator has a handful, so a question walks the group.
 */
#include <stdlib.h>
#include <string.h>

#include "attrib/id.h"
#include "internal.h"

/* By creator, then by time, then by what is left: the same rows in any order make the same catalog. */
static int compare_keys(const void *left, const void *right)
{
	const struct attrib_creator_key *a = left, *b = right;
	int order = attrib_str_cmp(a->site, b->site);

	if (!order)
		order = attrib_str_cmp(a->creator, b->creator);
	if (!order)
		order = (a->recorded_at > b->recorded_at) - (a->recorded_at < b->recorded_at);
	if (!order)
		order = (a->superseded_at > b->superseded_at) -
			(a->superseded_at < b->superseded_at);
	return order ? order : attrib_customer_key_cmp(&a->key, &b->key);
}

void catalog_sort_creator_keys(struct attrib_creator_key *keys, size_t n)
{
	if (n)
		qsort(keys, n, sizeof *keys, compare_keys);
}

static bool same_creator(const struct attrib_creator_key *a, const struct attrib_creator_key *b)
{
	return attrib_str_eq(a->site, b->site) && attrib_str_eq(a->creator, b->creator);
}

int catalog_index_creators(struct attrib_catalog *catalog, struct attrib_buf *bytes)
{
	const struct attrib_creator_key *keys = catalog->creator_keys;
	size_t n = catalog->creator_key_count, end;

	for (size_t i = 0; i < n; i = end) {
		attrib_buf_clear(bytes);
		for (end = i; end < n && same_creator(&keys[end], &keys[i]); end++)
			catalog_put_creator_key(bytes, &keys[end]);
		if (bytes->err)
			return bytes->err;
		catalog_index_put(
			&catalog->creators, (struct index_slot){
						    .hash = catalog_hash_key(keys[i].site,
							    CATALOG_KIND_CREATOR, keys[i].creator),
						    .digest = attrib_hash64(bytes->p, bytes->n, 0),
						    .first = (uint32_t)i,
						    .count = (uint32_t)(end - i),
					    });
	}
	return 0;
}

const struct index_slot *catalog_find_creator(
	const struct attrib_catalog *catalog, struct attrib_str site, struct attrib_str creator)
{
	uint64_t hash = catalog_hash_key(site, CATALOG_KIND_CREATOR, creator);
	const struct attrib_creator_key wanted = {.site = site, .creator = creator};
	const struct index_slot *slot;
	uint32_t at = (uint32_t)hash;

	while ((slot = catalog_probe(&catalog->creators, hash, &at))) {
		if (same_creator(&catalog->creator_keys[slot->first], &wanted))
			return slot;
	}
	return NULL;
}

static bool is_among(const struct attrib_id *key, const struct attrib_id *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (attrib_id_eq(key, &keys[i]))
			return true;
	}
	return false;
}

bool attrib_catalog_is_creators(const struct attrib_catalog *catalog, struct attrib_str site,
	struct attrib_str creator, const struct attrib_id *keys, size_t n, int64_t as_of)
{
	const struct index_slot *group = catalog_find_creator(catalog, site, creator);

	for (uint32_t i = 0; group && i < group->count; i++) {
		const struct attrib_creator_key *k = &catalog->creator_keys[group->first + i];

		if (catalog_within(k->recorded_at, as_of, k->superseded_at) &&
			is_among(&k->key.id, keys, n))
			return true;
	}
	return false;
}
