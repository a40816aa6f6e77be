/*
 * What the files of this room share: the catalog's insides and the index over them.
 *
 * Rows lie in one sorted array; all rows of one key (its versions and periods) are neighbours, a
 * group. An index finds the group by hash and compares the key in full.
 */
#ifndef ATTRIB_CATALOG_INTERNAL_H
#define ATTRIB_CATALOG_INTERNAL_H

#include <stdatomic.h>

#include "attrib/catalog.h"

#define UTM_PARTS 5

/* The five parts of a utm rule or of a landing. Bit i of stated: part i is there (bit 4 = source). */
struct utm_parts {
	struct attrib_str part[UTM_PARTS];
	unsigned stated;
};
#define UTM_BIT(i) (1u << (UTM_PARTS - 1 - (i)))

struct index_slot {
	uint64_t hash;
	uint64_t
		digest; /* of everything in the group; equal groups of two catalogs have equal ones */
	uint32_t first, count; /* the group; count 0 = free slot */
};
struct index {
	struct index_slot *slots; /* owned */
	uint32_t mask;            /* number of slots - 1, a power of two */
};

/* What the utm rules of one site have in common. */
struct utm_site {
	struct attrib_str site;
	uint64_t digest; /* of all its rules */
	size_t shape_count;
	uint8_t shapes[1u << UTM_PARTS]; /* which parts its rules state, most specific first */
};

struct attrib_catalog {
	atomic_size_t refs;
	uint64_t version;
	struct attrib_arena arena; /* everything below */
	struct attrib_site *sites; /* by name */
	size_t site_count;
	struct attrib_tracker *trackers; /* by (site, kind, folded), then oldest version first */
	size_t tracker_count;
	struct attrib_campaign *campaigns; /* by (site, name), then oldest version first */
	size_t campaign_count;
	struct attrib_creator_key *creator_keys; /* by (site, creator), then oldest version first */
	size_t creator_key_count;
	struct utm_site *utm_sites; /* by site */
	size_t utm_site_count;
	int64_t longest_window_us;
	struct index keys;     /* groups of trackers; utm rules by their parts */
	struct index links;    /* groups of links by folded key alone */
	struct index names;    /* groups of campaigns */
	struct index creators; /* groups of creator keys */
};

int64_t catalog_find_longest_window(const struct attrib_catalog *catalog);
uint64_t catalog_hash_key(struct attrib_str site, unsigned kind, struct attrib_str text);
uint64_t catalog_hash_utm(struct attrib_str site, const struct utm_parts *parts, unsigned stated);
uint64_t catalog_hash_link(struct attrib_str folded);
/* Kinds of their own for catalog_hash_key. */
#define CATALOG_KIND_CAMPAIGN 0
#define CATALOG_KIND_CREATOR  0xff

/* The next slot with that hash from *at on, or NULL. */
const struct index_slot *catalog_probe(const struct index *index, uint64_t hash, uint32_t *at);
void catalog_index_put(struct index *index, struct index_slot slot);

/* The group of (site, kind, folded) that is not utm; NULL when the catalog has none. */
const struct index_slot *catalog_find_key(const struct attrib_catalog *catalog,
	struct attrib_str site, enum attrib_tracker_kind kind, struct attrib_str folded);
const struct index_slot *catalog_find_campaign(
	const struct attrib_catalog *catalog, struct attrib_str site, struct attrib_str name);
const struct index_slot *catalog_find_creator(
	const struct attrib_catalog *catalog, struct attrib_str site, struct attrib_str creator);
const struct utm_site *catalog_find_utm_site(
	const struct attrib_catalog *catalog, struct attrib_str site);

/* [from, to), where FOREVER as the end has no end. */
static inline bool catalog_within(int64_t from, int64_t at, int64_t to)
{
	return from <= at && (at < to || to == ATTRIB_FOREVER);
}

/* Sorts the creator keys by every field and groups them. */
void catalog_sort_creator_keys(struct attrib_creator_key *keys, size_t n);
int catalog_index_creators(
	struct attrib_catalog *catalog, struct attrib_buf *bytes) ATTRIB_MUST_CHECK;

/* The five texts of a rule as they were written, unescaped; what is not there is empty.
 * ATTRIB_E_NOMEM. */
int catalog_utm_texts(
	struct attrib_arena *arena, struct attrib_str key, struct attrib_str parts[UTM_PARTS]);
/* Splits a rule's key, decodes and folds its parts; ATTRIB_E_NOMEM. */
int catalog_utm_parse(struct attrib_arena *arena, struct attrib_str key, struct utm_parts *out);
/* The rule's own spelling: all five parts, '*' where none is stated; p is NULL without memory. */
struct attrib_str catalog_utm_canonical(struct attrib_arena *arena, const struct utm_parts *parts);
/* True when the canonical rule states exactly `stated` with the texts of parts. */
bool catalog_utm_matches(
	struct attrib_str canonical, const struct utm_parts *parts, unsigned stated);
void catalog_utm_parts(const struct attrib_utm *folded, struct utm_parts *out);

/* Rows as bytes: for the cache on disk and for digests. */
void catalog_put_tracker(struct attrib_buf *out, const struct attrib_tracker *tracker);
void catalog_put_campaign(struct attrib_buf *out, const struct attrib_campaign *campaign);
void catalog_put_creator_key(struct attrib_buf *out, const struct attrib_creator_key *key);

#endif
