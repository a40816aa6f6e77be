/*
 * Building a catalog: rows are copied and folded as they come, then sorted, grouped and indexed once.
 *
 * Sorting is by every field, so the same rows in any order make the same catalog, and a digest of a
 * group says whether another catalog knows something else about its key. The digest of a tracker's
 * group covers the campaigns and the creators that its rows name: window and code rule of the one, the
 * customer keys of the other are part of the answer.
 */
#include <stdlib.h>

#include "attrib/id.h"
#include "attrib/text.h"
#include "internal.h"

#define ARENA_BLOCK ((size_t)64 * 1024)
#define INDEX_MIN   16u

struct row {
	struct attrib_tracker tracker;
	struct utm_parts *parts; /* utm only; in the scratch arena */
};

struct attrib_catalog_builder {
	struct attrib_arena arena;   /* becomes the catalog's */
	struct attrib_arena scratch; /* parts of utm rules */
	struct row *rows;
	size_t row_count, row_room;
	struct attrib_campaign *campaigns;
	size_t campaign_count, campaign_room;
	struct attrib_creator_key *creator_keys;
	size_t creator_key_count, creator_key_room;
	struct attrib_site *sites;
	size_t site_count, site_room;
};

struct attrib_catalog_builder *attrib_catalog_builder_new(void)
{
	struct attrib_catalog_builder *builder = calloc(1, sizeof *builder);

	if (!builder)
		return NULL;
	attrib_arena_init(&builder->arena, ARENA_BLOCK);
	attrib_arena_init(&builder->scratch, ARENA_BLOCK);
	return builder;
}

void attrib_catalog_builder_free(struct attrib_catalog_builder *builder)
{
	if (!builder)
		return;
	attrib_arena_done(&builder->arena);
	attrib_arena_done(&builder->scratch);
	free(builder->rows);
	free(builder->campaigns);
	free(builder->creator_keys);
	free(builder->sites);
	free(builder);
}

/* Room for one more element; returns the array, moved perhaps, or NULL. */
static void *grow(void *array, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 16;
	void *p;

	if (count < *room)
		return array;
	p = realloc(array, more * size);
	if (p)
		*room = more;
	return p;
}

/* Replaces the text by a copy that the catalog owns: by the row's before it where they are equal, as
 * rows mostly come in runs of one site, creator and campaign. */
static bool keep(
	struct attrib_catalog_builder *builder, struct attrib_str *s, struct attrib_str before)
{
	if (!s->n) {
		*s = ATTRIB_STR_NONE;
		return true;
	}
	*s = attrib_str_eq(*s, before) ? before : attrib_arena_str(&builder->arena, *s);
	return s->p != NULL;
}

/* Replaces what the site points at by copies that the catalog owns; not the versions before it. */
static bool keep_site(struct attrib_catalog_builder *builder, struct attrib_site *site)
{
	return keep(builder, &site->name, ATTRIB_STR_NONE) &&
	       keep(builder, &site->time_zone, ATTRIB_STR_NONE) &&
	       keep(builder, &site->policy.order_source, ATTRIB_STR_NONE) &&
	       keep(builder, &site->policy.exclude, ATTRIB_STR_NONE);
}

int attrib_catalog_add_site(struct attrib_catalog_builder *builder, const struct attrib_site *site)
{
	struct attrib_site newest = *site, *sites, *version = &newest;

	if (!site->name.n)
		return ATTRIB_E_INVALID;
	sites = grow(builder->sites, builder->site_count, &builder->site_room, sizeof *sites);
	if (!sites)
		return ATTRIB_E_NOMEM;
	builder->sites = sites;
	if (!keep_site(builder, &newest))
		return ATTRIB_E_NOMEM;
	for (const struct attrib_site *before = site->before; before; before = before->before) {
		struct attrib_site *copy = attrib_arena_raw(&builder->arena, sizeof *copy);
		if (!copy)
			return ATTRIB_E_NOMEM;
		*copy = *before;
		if (!keep_site(builder, copy))
			return ATTRIB_E_NOMEM;
		version->before = copy;
		version = copy;
	}
	sites[builder->site_count++] = newest;
	return 0;
}

static bool is_tracker_kind(enum attrib_tracker_kind kind)
{
	switch (kind) {
	case ATTRIB_TRACKER_LINK:
	case ATTRIB_TRACKER_AFFILIATE:
	case ATTRIB_TRACKER_UTM:
	case ATTRIB_TRACKER_CODE:
		return true;
	}
	return false;
}

static int fold_key(struct attrib_catalog_builder *builder, struct row *row)
{
	struct attrib_tracker *t = &row->tracker;
	int err;

	if (t->kind != ATTRIB_TRACKER_UTM) {
		t->folded = attrib_fold(&builder->arena, t->alias.n ? t->alias : t->key);
		return t->folded.p ? 0 : ATTRIB_E_NOMEM;
	}
	row->parts = attrib_arena_raw(&builder->scratch, sizeof *row->parts);
	if (!row->parts)
		return ATTRIB_E_NOMEM;
	err = catalog_utm_parse(&builder->arena, t->key, row->parts);
	if (err)
		return err;
	t->folded = catalog_utm_canonical(&builder->arena, row->parts);
	return t->folded.p ? 0 : ATTRIB_E_NOMEM;
}

int attrib_catalog_add_tracker(
	struct attrib_catalog_builder *builder, const struct attrib_tracker *tracker)
{
	static const struct attrib_tracker none;
	const struct attrib_tracker *last = &none;
	struct row row = {*tracker, NULL}, *rows;
	struct attrib_tracker *t = &row.tracker;
	int err;

	if (!t->key.n)
		t->key = t->folded;
	if (!t->site.n || !t->key.n || !is_tracker_kind(t->kind) || builder->row_count > INT32_MAX)
		return ATTRIB_E_INVALID;
	rows = grow(builder->rows, builder->row_count, &builder->row_room, sizeof *rows);
	if (!rows)
		return ATTRIB_E_NOMEM;
	builder->rows = rows;
	if (builder->row_count)
		last = &rows[builder->row_count - 1].tracker;
	if (!keep(builder, &t->site, last->site) || !keep(builder, &t->key, last->key) ||
		!keep(builder, &t->alias, last->alias) ||
		!keep(builder, &t->creator, last->creator) ||
		!keep(builder, &t->campaign, last->campaign) ||
		!keep(builder, &t->placement, last->placement) ||
		!keep(builder, &t->destination, last->destination))
		return ATTRIB_E_NOMEM;
	err = fold_key(builder, &row);
	if (err)
		return err;
	if (!t->folded.n)
		return ATTRIB_E_INVALID;
	rows[builder->row_count++] = row;
	return 0;
}

int attrib_catalog_add_campaign(
	struct attrib_catalog_builder *builder, const struct attrib_campaign *campaign)
{
	struct attrib_campaign copy = *campaign, *rows;

	if (!copy.site.n || !copy.name.n || builder->campaign_count > INT32_MAX)
		return ATTRIB_E_INVALID;
	rows = grow(
		builder->campaigns, builder->campaign_count, &builder->campaign_room, sizeof *rows);
	if (!rows)
		return ATTRIB_E_NOMEM;
	builder->campaigns = rows;
	if (!keep(builder, &copy.site, ATTRIB_STR_NONE) ||
		!keep(builder, &copy.name, ATTRIB_STR_NONE))
		return ATTRIB_E_NOMEM;
	rows[builder->campaign_count++] = copy;
	return 0;
}

int attrib_catalog_add_creator_key(
	struct attrib_catalog_builder *builder, const struct attrib_creator_key *key)
{
	struct attrib_creator_key copy = *key, *rows;

	if (!copy.site.n || !copy.creator.n || attrib_id_none(&copy.key.id) ||
		builder->creator_key_count > INT32_MAX)
		return ATTRIB_E_INVALID;
	rows = grow(builder->creator_keys, builder->creator_key_count, &builder->creator_key_room,
		sizeof *rows);
	if (!rows)
		return ATTRIB_E_NOMEM;
	builder->creator_keys = rows;
	if (!keep(builder, &copy.site, ATTRIB_STR_NONE) ||
		!keep(builder, &copy.creator, ATTRIB_STR_NONE))
		return ATTRIB_E_NOMEM;
	rows[builder->creator_key_count++] = copy;
	return 0;
}

/* -- sorting ----------------------------------------------------------------------------------- */

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_keys(const struct attrib_tracker *a, const struct attrib_tracker *b)
{
	int order = attrib_str_cmp(a->site, b->site);

	if (!order)
		order = compare(a->kind, b->kind);
	return order ? order : attrib_str_cmp(a->folded, b->folded);
}

static int compare_rows(const void *left, const void *right)
{
	const struct attrib_tracker *a = &((const struct row *)left)->tracker;
	const struct attrib_tracker *b = &((const struct row *)right)->tracker;
	const int64_t numbers[][2] = {
		{a->recorded_at, b->recorded_at},
		{a->valid_from, b->valid_from},
		{a->valid_to, b->valid_to},
		{a->superseded_at, b->superseded_at},
		{a->window_us, b->window_us},
		{a->code_rule, b->code_rule},
		{a->generic, b->generic},
	};
	const struct attrib_str texts[][2] = {
		{a->creator, b->creator},
		{a->campaign, b->campaign},
		{a->placement, b->placement},
		{a->destination, b->destination},
		{a->key, b->key},
	};
	int order = compare_keys(a, b);

	for (size_t i = 0; !order && i < sizeof numbers / sizeof *numbers; i++)
		order = compare(numbers[i][0], numbers[i][1]);
	for (size_t i = 0; !order && i < sizeof texts / sizeof *texts; i++)
		order = attrib_str_cmp(texts[i][0], texts[i][1]);
	return order;
}

static int compare_campaigns(const void *left, const void *right)
{
	const struct attrib_campaign *a = left, *b = right;
	int order = attrib_str_cmp(a->site, b->site);

	if (!order)
		order = attrib_str_cmp(a->name, b->name);
	if (!order)
		order = compare(a->recorded_at, b->recorded_at);
	if (!order)
		order = compare(a->superseded_at, b->superseded_at);
	if (!order)
		order = compare(a->window_us, b->window_us);
	return order ? order : compare(a->code_rule, b->code_rule);
}

static int compare_sites(const void *left, const void *right)
{
	const struct attrib_site *a = left, *b = right;

	return attrib_str_cmp(a->name, b->name);
}

/* -- indexing ---------------------------------------------------------------------------------- */

static int index_init(struct index *index, size_t keys)
{
	uint64_t slots = INDEX_MIN;

	while (slots < keys * 2)
		slots *= 2;
	index->slots = calloc(slots, sizeof *index->slots);
	index->mask = (uint32_t)(slots - 1);
	return index->slots ? 0 : ATTRIB_E_NOMEM;
}

void catalog_index_put(struct index *index, struct index_slot slot)
{
	uint32_t i = (uint32_t)slot.hash;

	while (index->slots[i & index->mask].count)
		i++;
	index->slots[i & index->mask] = slot;
}

static int index_campaigns(struct attrib_catalog *catalog, struct attrib_buf *bytes)
{
	const struct attrib_campaign *rows = catalog->campaigns;
	size_t end;

	for (size_t i = 0; i < catalog->campaign_count; i = end) {
		attrib_buf_clear(bytes);
		for (end = i; end < catalog->campaign_count &&
			      attrib_str_eq(rows[end].site, rows[i].site) &&
			      attrib_str_eq(rows[end].name, rows[i].name);
			end++)
			catalog_put_campaign(bytes, &rows[end]);
		if (bytes->err)
			return bytes->err;
		catalog_index_put(
			&catalog->names, (struct index_slot){
						 .hash = catalog_hash_key(rows[i].site,
							 CATALOG_KIND_CAMPAIGN, rows[i].name),
						 .digest = attrib_hash64(bytes->p, bytes->n, 0),
						 .first = (uint32_t)i,
						 .count = (uint32_t)(end - i),
					 });
	}
	return 0;
}

static void put_for_digest(const struct attrib_catalog *catalog, const struct attrib_tracker *t,
	struct attrib_buf *bytes)
{
	const struct index_slot *campaign = NULL, *creator = NULL;

	catalog_put_tracker(bytes, t);
	if (t->campaign.n)
		campaign = catalog_find_campaign(catalog, t->site, t->campaign);
	if (campaign)
		attrib_buf_put(bytes, &campaign->digest, sizeof campaign->digest);
	if (t->creator.n)
		creator = catalog_find_creator(catalog, t->site, t->creator);
	if (creator)
		attrib_buf_put(bytes, &creator->digest, sizeof creator->digest);
}

/* Most stated parts first; of equally many the leftmost stated part wins. */
static int compare_shapes(const void *left, const void *right)
{
	uint8_t a = *(const uint8_t *)left, b = *(const uint8_t *)right;
	int order = __builtin_popcount(b) - __builtin_popcount(a);

	return order ? order : b - a;
}

/* Notes that the site has a rule of that shape; rules come sorted by site. */
static void note_shape(struct attrib_catalog *catalog, const struct attrib_tracker *t,
	unsigned stated, uint64_t digest)
{
	size_t n = catalog->utm_site_count;
	struct utm_site *rules;

	if (!n || !attrib_str_eq(catalog->utm_sites[n - 1].site, t->site))
		catalog->utm_sites[catalog->utm_site_count++] = (struct utm_site){.site = t->site};
	rules = &catalog->utm_sites[catalog->utm_site_count - 1];
	rules->digest = attrib_hash64(&digest, sizeof digest, rules->digest);
	for (size_t i = 0; i < rules->shape_count; i++) {
		if (rules->shapes[i] == stated)
			return;
	}
	rules->shapes[rules->shape_count++] = (uint8_t)stated;
}

static int index_trackers(
	struct attrib_catalog *catalog, const struct row *rows, struct attrib_buf *bytes)
{
	const struct attrib_tracker *trackers = catalog->trackers;
	size_t end;

	for (size_t i = 0; i < catalog->tracker_count; i = end) {
		const struct attrib_tracker *t = &trackers[i];
		struct index_slot slot = {.first = (uint32_t)i};

		attrib_buf_clear(bytes);
		for (end = i; end < catalog->tracker_count && !compare_keys(&trackers[end], t);
			end++)
			put_for_digest(catalog, &trackers[end], bytes);
		if (bytes->err)
			return bytes->err;
		slot.count = (uint32_t)(end - i);
		slot.digest = attrib_hash64(bytes->p, bytes->n, 0);
		if (t->kind == ATTRIB_TRACKER_UTM) {
			slot.hash = catalog_hash_utm(t->site, rows[i].parts, rows[i].parts->stated);
			note_shape(catalog, t, rows[i].parts->stated, slot.digest);
		} else {
			slot.hash = catalog_hash_key(t->site, t->kind, t->folded);
		}
		catalog_index_put(&catalog->keys, slot);
		if (t->kind == ATTRIB_TRACKER_LINK) {
			slot.hash = catalog_hash_link(t->folded);
			catalog_index_put(&catalog->links, slot);
		}
	}
	for (size_t i = 0; i < catalog->utm_site_count; i++)
		qsort(catalog->utm_sites[i].shapes, catalog->utm_sites[i].shape_count, 1,
			compare_shapes);
	return 0;
}

/* -- building ---------------------------------------------------------------------------------- */

static size_t count_utm_sites(const struct attrib_catalog *catalog)
{
	const struct attrib_tracker *last = NULL;
	size_t n = 0;

	for (size_t i = 0; i < catalog->tracker_count; i++) {
		const struct attrib_tracker *t = &catalog->trackers[i];

		if (t->kind != ATTRIB_TRACKER_UTM)
			continue;
		n += !last || !attrib_str_eq(last->site, t->site);
		last = t;
	}
	return n;
}

/* Moves what the builder holds into the catalog, sorted; ATTRIB_E_INVALID for a site named twice. */
static int take_rows(struct attrib_catalog *catalog, struct attrib_catalog_builder *builder)
{
	size_t n = builder->row_count;

	if (n)
		qsort(builder->rows, n, sizeof *builder->rows, compare_rows);
	if (builder->campaign_count)
		qsort(builder->campaigns, builder->campaign_count, sizeof *builder->campaigns,
			compare_campaigns);
	catalog_sort_creator_keys(builder->creator_keys, builder->creator_key_count);
	if (builder->site_count)
		qsort(builder->sites, builder->site_count, sizeof *builder->sites, compare_sites);
	for (size_t i = 1; i < builder->site_count; i++) {
		if (!compare_sites(&builder->sites[i - 1], &builder->sites[i]))
			return ATTRIB_E_INVALID;
	}
	catalog->trackers = malloc(n ? n * sizeof *catalog->trackers : 1);
	if (!catalog->trackers)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < n; i++)
		catalog->trackers[i] = builder->rows[i].tracker;
	catalog->tracker_count = n;
	catalog->campaigns = builder->campaigns;
	catalog->campaign_count = builder->campaign_count;
	catalog->creator_keys = builder->creator_keys;
	catalog->creator_key_count = builder->creator_key_count;
	catalog->sites = builder->sites;
	catalog->site_count = builder->site_count;
	builder->campaigns = NULL;
	builder->creator_keys = NULL;
	builder->sites = NULL;
	return 0;
}

static int index_all(struct attrib_catalog *catalog, const struct row *rows)
{
	size_t sites = count_utm_sites(catalog);
	struct attrib_buf bytes;
	int err = 0;

	attrib_buf_init(&bytes);
	catalog->utm_sites = calloc(sites ? sites : 1, sizeof *catalog->utm_sites);
	if (!catalog->utm_sites || index_init(&catalog->keys, catalog->tracker_count) ||
		index_init(&catalog->links, catalog->tracker_count) ||
		index_init(&catalog->names, catalog->campaign_count) ||
		index_init(&catalog->creators, catalog->creator_key_count))
		err = ATTRIB_E_NOMEM;
	if (!err)
		err = index_campaigns(catalog, &bytes);
	if (!err)
		err = catalog_index_creators(catalog, &bytes);
	if (!err)
		err = index_trackers(catalog, rows, &bytes);
	attrib_buf_done(&bytes);
	return err;
}

int attrib_catalog_build(
	struct attrib_catalog_builder *builder, uint64_t version, struct attrib_catalog **out)
{
	struct attrib_catalog *catalog = calloc(1, sizeof *catalog);
	int err = ATTRIB_E_NOMEM;

	if (!catalog)
		goto out;
	atomic_init(&catalog->refs, 1);
	catalog->version = version;
	catalog->arena = builder->arena;
	attrib_arena_init(&builder->arena, ARENA_BLOCK);
	err = take_rows(catalog, builder);
	if (!err)
		err = index_all(catalog, builder->rows);
	if (!err) {
		catalog->longest_window_us = catalog_find_longest_window(catalog);
		*out = catalog;
		catalog = NULL;
	}
out:
	attrib_catalog_unref(catalog);
	attrib_catalog_builder_free(builder);
	return err;
}
