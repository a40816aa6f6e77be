/*
 * The catalog as bytes: the cache on disk that lets attribd start without PostgreSQL.
 *
 *   "ATTRCAT" format:u8 version:u64 trackers:u32 campaigns:u32 creator keys:u32 rows... checksum:u64
 *
 * Numbers are little-endian, texts are u32 length and bytes. Sites are not in it (the configuration
 * names them), folded keys neither: they are computed again, so a newer folding needs no new file.
 * The checksum is for torn and damaged files, not against forgery: the file lies in state_dir.
 */
#include <string.h>

#include "attrib/id.h"
#include "internal.h"

#define FORMAT 3
static const char MAGIC[7] = {'A', 'T', 'T', 'R', 'C', 'A', 'T'};

static void put_number(struct attrib_buf *out, uint64_t value, size_t bytes)
{
	uint8_t b[8];

	for (size_t i = 0; i < bytes; i++)
		b[i] = (uint8_t)(value >> (8 * i));
	attrib_buf_put(out, b, bytes);
}

static void put_text(struct attrib_buf *out, struct attrib_str s)
{
	put_number(out, s.n, 4);
	attrib_buf_str(out, s);
}

void catalog_put_tracker(struct attrib_buf *out, const struct attrib_tracker *t)
{
	put_number(out, (uint64_t)t->kind, 1);
	put_number(out, (uint64_t)t->code_rule, 1);
	put_number(out, t->generic, 1);
	put_number(out, (uint64_t)t->valid_from, 8);
	put_number(out, (uint64_t)t->valid_to, 8);
	put_number(out, (uint64_t)t->window_us, 8);
	put_number(out, (uint64_t)t->recorded_at, 8);
	put_number(out, (uint64_t)t->superseded_at, 8);
	put_text(out, t->site);
	put_text(out, t->key);
	put_text(out, t->alias);
	put_text(out, t->creator);
	put_text(out, t->campaign);
	put_text(out, t->placement);
	put_text(out, t->destination);
}

void catalog_put_campaign(struct attrib_buf *out, const struct attrib_campaign *c)
{
	put_number(out, (uint64_t)c->code_rule, 1);
	put_number(out, (uint64_t)c->window_us, 8);
	put_number(out, (uint64_t)c->recorded_at, 8);
	put_number(out, (uint64_t)c->superseded_at, 8);
	put_text(out, c->site);
	put_text(out, c->name);
}

void catalog_put_creator_key(struct attrib_buf *out, const struct attrib_creator_key *k)
{
	put_number(out, (uint64_t)k->key.kind, 1);
	attrib_buf_put(out, k->key.id.b, sizeof k->key.id.b);
	put_number(out, (uint64_t)k->recorded_at, 8);
	put_number(out, (uint64_t)k->superseded_at, 8);
	put_text(out, k->site);
	put_text(out, k->creator);
}

void attrib_catalog_encode(const struct attrib_catalog *catalog, struct attrib_buf *out)
{
	size_t start = out->n;

	attrib_buf_put(out, MAGIC, sizeof MAGIC);
	put_number(out, FORMAT, 1);
	put_number(out, catalog->version, 8);
	put_number(out, catalog->tracker_count, 4);
	put_number(out, catalog->campaign_count, 4);
	put_number(out, catalog->creator_key_count, 4);
	for (size_t i = 0; i < catalog->tracker_count; i++)
		catalog_put_tracker(out, &catalog->trackers[i]);
	for (size_t i = 0; i < catalog->campaign_count; i++)
		catalog_put_campaign(out, &catalog->campaigns[i]);
	for (size_t i = 0; i < catalog->creator_key_count; i++)
		catalog_put_creator_key(out, &catalog->creator_keys[i]);
	if (!out->err)
		put_number(out, attrib_hash64(out->p + start, out->n - start, FORMAT), 8);
}

/* A reader over the bytes; short input sets bad and yields zeros. */
struct reader {
	struct attrib_str rest;
	bool bad;
};

static struct attrib_str get_bytes(struct reader *in, size_t n)
{
	struct attrib_str s = {in->rest.p, n};

	if (n > in->rest.n)
		in->bad = true;
	if (in->bad || !n)
		return ATTRIB_STR_NONE;
	in->rest.p += n;
	in->rest.n -= n;
	return s;
}

static uint64_t get_number(struct reader *in, size_t bytes)
{
	struct attrib_str s = get_bytes(in, bytes);
	uint64_t value = 0;

	for (size_t i = 0; i < s.n; i++)
		value |= (uint64_t)(uint8_t)s.p[i] << (8 * i);
	return value;
}

static int64_t get_signed(struct reader *in)
{
	return (int64_t)get_number(in, 8);
}

static struct attrib_str get_text(struct reader *in)
{
	return get_bytes(in, get_number(in, 4));
}

static enum attrib_code_rule get_code_rule(struct reader *in)
{
	uint64_t rule = get_number(in, 1);

	in->bad |= rule > ATTRIB_CODE_RULE_NEVER;
	return (enum attrib_code_rule)rule;
}

static int get_tracker(struct reader *in, struct attrib_catalog_builder *builder)
{
	struct attrib_tracker t = {0};

	t.kind = (enum attrib_tracker_kind)get_number(in, 1);
	t.code_rule = get_code_rule(in);
	t.generic = get_number(in, 1) != 0;
	t.valid_from = get_signed(in);
	t.valid_to = get_signed(in);
	t.window_us = get_signed(in);
	t.recorded_at = get_signed(in);
	t.superseded_at = get_signed(in);
	t.site = get_text(in);
	t.key = get_text(in);
	t.alias = get_text(in);
	t.creator = get_text(in);
	t.campaign = get_text(in);
	t.placement = get_text(in);
	t.destination = get_text(in);
	return in->bad ? ATTRIB_E_CORRUPT : attrib_catalog_add_tracker(builder, &t);
}

static int get_campaign(struct reader *in, struct attrib_catalog_builder *builder)
{
	struct attrib_campaign c = {0};

	c.code_rule = get_code_rule(in);
	c.window_us = get_signed(in);
	c.recorded_at = get_signed(in);
	c.superseded_at = get_signed(in);
	c.site = get_text(in);
	c.name = get_text(in);
	return in->bad ? ATTRIB_E_CORRUPT : attrib_catalog_add_campaign(builder, &c);
}

static int get_creator_key(struct reader *in, struct attrib_catalog_builder *builder)
{
	struct attrib_creator_key k = {0};
	struct attrib_str id;

	k.key.kind = (enum attrib_customer_kind)get_number(in, 1);
	in->bad |= k.key.kind < ATTRIB_KEY_EMAIL || k.key.kind > ATTRIB_KEY_CUSTOMER;
	id = get_bytes(in, sizeof k.key.id.b);
	if (id.n)
		memcpy(k.key.id.b, id.p, id.n);
	k.recorded_at = get_signed(in);
	k.superseded_at = get_signed(in);
	k.site = get_text(in);
	k.creator = get_text(in);
	return in->bad ? ATTRIB_E_CORRUPT : attrib_catalog_add_creator_key(builder, &k);
}

/* Checks head and checksum; what is left in *in are version, counts and rows. */
static int check(struct attrib_str bytes, struct reader *in)
{
	struct reader sum;
	uint64_t format;

	*in = (struct reader){.rest = bytes};
	if (bytes.n < sizeof MAGIC + 1 || memcmp(bytes.p, MAGIC, sizeof MAGIC) != 0)
		return ATTRIB_E_CORRUPT;
	get_bytes(in, sizeof MAGIC);
	format = get_number(in, 1);
	if (format != FORMAT)
		return format > FORMAT ? ATTRIB_E_VERSION : ATTRIB_E_CORRUPT;
	if (in->rest.n < 8)
		return ATTRIB_E_CORRUPT;
	in->rest.n -= 8;
	sum = (struct reader){.rest = {in->rest.p + in->rest.n, 8}};
	if (get_number(&sum, 8) != attrib_hash64(bytes.p, bytes.n - 8, FORMAT))
		return ATTRIB_E_CORRUPT;
	return 0;
}

int attrib_catalog_decode(
	struct attrib_str bytes, struct attrib_catalog_builder *builder, uint64_t *version)
{
	uint64_t found, trackers, campaigns, creator_keys;
	struct reader in;
	int err = check(bytes, &in);

	if (err)
		return err;
	found = get_number(&in, 8);
	trackers = get_number(&in, 4);
	campaigns = get_number(&in, 4);
	creator_keys = get_number(&in, 4);
	for (uint64_t i = 0; !err && i < trackers; i++)
		err = get_tracker(&in, builder);
	for (uint64_t i = 0; !err && i < campaigns; i++)
		err = get_campaign(&in, builder);
	for (uint64_t i = 0; !err && i < creator_keys; i++)
		err = get_creator_key(&in, builder);
	if (err)
		return err == ATTRIB_E_NOMEM ? err : ATTRIB_E_CORRUPT;
	if (in.bad || in.rest.n)
		return ATTRIB_E_CORRUPT;
	*version = found;
	return 0;
}
