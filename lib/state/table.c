/*
 * Linear hashing. A bucket is tags, then records. A tag is the first byte of an id, a record the other
 * fifteen and the value; a search looks through the tags with memchr and compares ids in full, so it
 * touches two or three cache lines, and no byte is there twice.
 *
 * With half <= count < 2 * half, an id's bucket is hash mod 2 * half where that bucket exists, else
 * hash mod half; growing by one splits the bucket count - half. Buckets are named by the low bits of
 * the hash, so splitting refines the order of reversed hashes: that order is the walk's cursor.
 */
#include "table.h"

#include <stdlib.h>

#include "attrib/error.h"

#define MEAN_RECORDS ((size_t)64) /* per bucket; between half and twice of it lie in one */
#define CACHE_LINE   64
#define ID_REST      (sizeof(struct attrib_id) - 1)

struct state_bucket {
	uint32_t used, room;
	uint8_t bytes[]; /* room tags, room records */
};

static inline size_t record_size(const struct state_table *table)
{
	return ID_REST + table->value_size;
}

static inline uint8_t *record(
	const struct state_table *table, struct state_bucket *bucket, size_t i)
{
	return bucket->bytes + bucket->room + i * record_size(table);
}

/* One multiplication: ids come out of a keyed function already, nobody outside chooses their bits. */
static inline uint64_t hash_halves(const struct state_table *table, uint64_t first, uint64_t second)
{
	__uint128_t product = (__uint128_t)(first ^ table->seed ^ 0x9e3779b97f4a7c15) *
			      (second ^ 0xd1342543de82ef95);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t state_table_hash(const struct state_table *table, const struct attrib_id *id)
{
	uint64_t halves[2];

	memcpy(halves, id, sizeof halves);
	return hash_halves(table, halves[0], halves[1]);
}

static inline struct attrib_id id_at(
	const struct state_table *table, struct state_bucket *bucket, size_t i)
{
	struct attrib_id id;

	id.b[0] = bucket->bytes[i];
	memcpy(id.b + 1, record(table, bucket, i), ID_REST);
	return id;
}

/* The id's halves are put together in registers: one that is written as a byte and fifteen and read as
 * twice eight waits for its own stores, and that was a third of all inserts. */
static inline uint64_t hash_at(
	const struct state_table *table, struct state_bucket *bucket, size_t i)
{
	const uint8_t *rest = record(table, bucket, i);
	uint64_t halves[2];

	memcpy(&halves[0], rest, sizeof *halves);
	memcpy(&halves[1], rest + ID_REST - sizeof *halves, sizeof *halves);
	return hash_halves(table, halves[0] << 8 | bucket->bytes[i], halves[1]);
}

static inline size_t bucket_of(const struct state_table *table, uint64_t hash)
{
	size_t i = hash & (2 * table->half - 1);

	return i < table->count ? i : i - table->half;
}

int state_table_init(
	struct state_table *table, size_t value_size, uint64_t seed, struct state_sheets *sheets)
{
	*table = (struct state_table){.count = 2,
		.room = 16,
		.half = 2,
		.value_size = value_size,
		.seed = seed,
		.sheets = sheets};
	table->buckets = calloc(table->room, sizeof(struct state_bucket *));
	table->bytes = table->room * sizeof(struct state_bucket *);
	return table->buckets ? 0 : ATTRIB_E_NOMEM;
}

void state_table_expect(struct state_table *table, uint64_t entries)
{
	uint64_t count = entries / MEAN_RECORDS;
	size_t room = table->room;
	struct state_bucket **buckets;

	if (table->entries || count <= table->count || count > SIZE_MAX / 4 / sizeof *buckets)
		return;
	while (room < count)
		room *= 2;
	buckets = calloc(room, sizeof *buckets);
	if (!buckets)
		return;
	free(table->buckets);
	table->bytes += (room - table->room) * sizeof *buckets;
	table->buckets = buckets;
	table->room = room;
	table->count = (size_t)count;
	while (table->half * 2 <= table->count)
		table->half *= 2;
}

void state_table_done(struct state_table *table)
{
	for (size_t i = 0; i < sizeof table->shelves / sizeof *table->shelves; i++)
		state_shelf_done(&table->shelves[i], table->sheets);
	free(table->buckets);
	*table = (struct state_table){0};
}

static void *find_in(const struct state_table *table, struct state_bucket *bucket, size_t from,
	const struct attrib_id *id)
{
	const uint8_t *tags = bucket->bytes, *end = tags + bucket->used;

	for (const uint8_t *at = tags + from; at < end; at++) {
		uint8_t *found;

		at = memchr(at, id->b[0], (size_t)(end - at));
		if (!at)
			return NULL;
		found = record(table, bucket, (size_t)(at - tags));
		if (!memcmp(found, id->b + 1, ID_REST))
			return found + ID_REST;
	}
	return NULL;
}

void *state_table_find(const struct state_table *table, uint64_t hash, const struct attrib_id *id)
{
	struct state_bucket *bucket = table->buckets[bucket_of(table, hash)];

	return bucket ? find_in(table, bucket, 0, id) : NULL;
}

/* Between two splits a bucket only gets longer, wherever it is moved to. */
void *state_table_find_seen(const struct state_table *table, uint64_t hash,
	const struct attrib_id *id, const struct state_glance *glance)
{
	struct state_bucket *bucket = table->buckets[bucket_of(table, hash)];
	size_t from = glance->count == table->count ? glance->from : 0;

	return bucket ? find_in(table, bucket, from, id) : NULL;
}

void state_table_prefetch(const struct state_table *table, uint64_t hash)
{
	__builtin_prefetch(&table->buckets[bucket_of(table, hash)]);
}

void state_table_prefetch_bucket(const struct state_table *table, uint64_t hash)
{
	const char *bucket = (const char *)table->buckets[bucket_of(table, hash)];

	if (bucket) {
		__builtin_prefetch(bucket);
		__builtin_prefetch(bucket + CACHE_LINE);
	}
}

void state_table_glance(const struct state_table *table, uint64_t hash, const struct attrib_id *id,
	struct state_glance *out)
{
	struct state_bucket *bucket = table->buckets[bucket_of(table, hash)];
	const uint8_t *tag, *place;

	*out = (struct state_glance){table->count, 0};
	if (!bucket)
		return;
	tag = memchr(bucket->bytes, id->b[0], bucket->used);
	out->from = tag ? (size_t)(tag - bucket->bytes) : bucket->used;
	place = record(table, bucket, out->from);
	__builtin_prefetch(place);
	__builtin_prefetch(place + record_size(table) - 1);
}

const void *state_table_peek(
	const struct state_table *table, uint64_t hash, const struct state_glance *glance)
{
	struct state_bucket *bucket = table->buckets[bucket_of(table, hash)];

	if (!bucket || glance->count != table->count || glance->from >= bucket->used)
		return NULL;
	return record(table, bucket, glance->from) + ID_REST;
}

static size_t bucket_bytes(const struct state_table *table, size_t room)
{
	return sizeof(struct state_bucket) + room * (1 + record_size(table));
}

static struct state_shelf *shelf_of(struct state_table *table, size_t room)
{
	return &table->shelves[room / STATE_BUCKET_STEP];
}

/* An empty one, whose records its user fills in before anything else is freed. */
static struct state_bucket *bucket_new(struct state_table *table, size_t room)
{
	struct state_bucket *bucket;

	if (room > STATE_BUCKET_MAX) /* buckets of a table that could not grow for long */
		return NULL;
	bucket = state_shelf_take(shelf_of(table, room), table->sheets, bucket_bytes(table, room));
	if (!bucket)
		return NULL;
	bucket->room = (uint32_t)room;
	bucket->used = 0;
	table->bytes += bucket_bytes(table, room);
	return bucket;
}

/* Frees one that the directory names no more: the last of its room moves into its place. */
static void bucket_free(struct state_table *table, struct state_bucket *bucket)
{
	struct state_shelf *shelf;
	struct state_bucket *last;
	size_t bytes;

	if (!bucket)
		return;
	shelf = shelf_of(table, bucket->room);
	last = state_shelf_last(shelf);
	bytes = bucket_bytes(table, bucket->room);
	if (last != bucket) {
		memcpy(bucket, last, bytes);
		table->buckets[bucket_of(table, hash_at(table, bucket, 0))] = bucket;
	}
	state_shelf_drop_last(shelf, table->sheets);
	table->bytes -= bytes;
}

/* A bucket with that much room and the old one's records takes its place; false leaves it as it is. */
static bool bucket_resize(struct state_table *table, struct state_bucket **place, size_t room)
{
	struct state_bucket *bucket = bucket_new(table, room), *old = *place;

	if (!bucket)
		return false;
	if (old) {
		bucket->used = old->used;
		memcpy(bucket->bytes, old->bytes, old->used);
		memcpy(record(table, bucket, 0), record(table, old, 0),
			old->used * record_size(table));
	}
	*place = bucket;
	bucket_free(table, old);
	return true;
}

/* Appends a record; returns where it is, or NULL. */
static uint8_t *bucket_append(struct state_table *table, struct state_bucket **place, uint8_t tag)
{
	struct state_bucket *bucket = *place;

	if (!bucket || bucket->used == bucket->room) {
		if (!bucket_resize(table, place, (bucket ? bucket->room : 0) + STATE_BUCKET_STEP))
			return NULL;
		bucket = *place;
	}
	bucket->bytes[bucket->used] = tag;
	return record(table, bucket, bucket->used++);
}

static int directory_grow(struct state_table *table)
{
	size_t room = table->room * 2;
	struct state_bucket **buckets;

	if (table->count < table->room)
		return 0;
	buckets = realloc(table->buckets, room * sizeof *buckets);
	if (!buckets)
		return ATTRIB_E_NOMEM;
	table->bytes += (room - table->room) * sizeof *buckets;
	table->buckets = buckets;
	table->room = room;
	return 0;
}

static size_t round_room(size_t used)
{
	return (used + STATE_BUCKET_STEP - 1) / STATE_BUCKET_STEP * STATE_BUCKET_STEP;
}

/* All of the bucket whose turn it is next: when it is split, a few dozen inserts later, it is there. */
static void prefetch_turn(const struct state_table *table)
{
	const struct state_bucket *bucket = table->buckets[table->count - table->half];
	size_t bytes = bucket ? sizeof *bucket + bucket->room * (1 + record_size(table)) : 0;

	for (size_t at = 0; at < bytes; at += CACHE_LINE)
		__builtin_prefetch((const char *)bucket + at);
}

/* Records have 16 to 32 bytes: two halves that overlap. */
static inline void copy_record(uint8_t *to, const uint8_t *from, size_t size)
{
	memcpy(to, from, 16);
	memcpy(to + size - 16, from + size - 16, 16);
}

/* A bucket that is being filled. */
struct filling {
	uint8_t *tag, *record;
};

static struct filling filling_of(const struct state_table *table, struct state_bucket *bucket)
{
	struct filling none = {NULL, NULL};

	return bucket ? (struct filling){bucket->bytes, record(table, bucket, 0)} : none;
}

/* Deals the records out: those with the bit of their hash set go to sides[1]. */
static void deal(
	const struct state_table *table, struct state_bucket *old, struct state_bucket *sides[2])
{
	struct filling to[2] = {filling_of(table, sides[0]), filling_of(table, sides[1])};
	const uint8_t *source = record(table, old, 0);
	size_t size = record_size(table);

	for (size_t i = 0; i < old->used; i++, source += size) {
		struct filling *side = &to[(hash_at(table, old, i) & table->half) != 0];

		*side->tag++ = old->bytes[i];
		copy_record(side->record, source, size);
		side->record += size;
	}
}

/* Splits one bucket in two. Without memory nothing happens: buckets get longer for now. */
static void split(struct state_table *table)
{
	size_t from = table->count - table->half, to = table->count, used[2] = {0, 0};
	struct state_bucket *old, *sides[2] = {NULL, NULL};

	if (directory_grow(table))
		return;
	old = table->buckets[from];
	for (size_t i = 0; old && i < old->used; i++)
		used[(hash_at(table, old, i) & table->half) != 0]++;
	for (size_t i = 0; i < 2; i++) {
		if (!used[i])
			continue;
		sides[i] = bucket_new(table, round_room(used[i]));
		if (!sides[i]) {
			bucket_free(table, sides[0]);
			return;
		}
		sides[i]->used = (uint32_t)used[i];
	}
	if (old)
		deal(table, old, sides);
	table->buckets[from] = sides[0];
	table->buckets[to] = sides[1];
	if (++table->count == 2 * table->half)
		table->half *= 2;
	bucket_free(table, old);
	prefetch_turn(table);
}

void *state_table_insert(struct state_table *table, uint64_t hash, const struct attrib_id *id)
{
	uint8_t *place;

	if (table->entries >= table->count * MEAN_RECORDS)
		split(table);
	place = bucket_append(table, &table->buckets[bucket_of(table, hash)], id->b[0]);
	if (!place)
		return NULL;
	table->entries++;
	memcpy(place, id->b + 1, ID_REST);
	memset(place + ID_REST, 0, table->value_size);
	return place + ID_REST;
}

/* Takes the i-th record out: the last one fills its place. */
static void bucket_remove(const struct state_table *table, struct state_bucket *bucket, size_t i)
{
	size_t last = --bucket->used;

	bucket->bytes[i] = bucket->bytes[last];
	if (i != last)
		memcpy(record(table, bucket, i), record(table, bucket, last), record_size(table));
}

static void bucket_shrink(struct state_table *table, struct state_bucket **place)
{
	struct state_bucket *bucket = *place;
	size_t room = round_room(bucket->used);

	if (!room) {
		*place = NULL;
		bucket_free(table, bucket);
	} else if (room < bucket->room) {
		bucket_resize(table, place, room); /* without memory it stays as it is */
	}
}

void state_table_sweep(struct state_table *table, bool (*drop)(void *arg, void *value), void *arg)
{
	for (size_t b = 0; b < table->count; b++) {
		struct state_bucket *bucket = table->buckets[b];
		size_t i = 0, before = bucket ? bucket->used : 0;

		while (bucket && i < bucket->used) {
			if (drop(arg, record(table, bucket, i) + ID_REST))
				bucket_remove(table, bucket, i);
			else
				i++;
		}
		if (i == before)
			continue;
		table->entries -= before - i;
		bucket_shrink(table, &table->buckets[b]);
	}
}

/* -- the walk: by reversed hash ---------------------------------------------------------------- */

static uint64_t reverse(uint64_t v)
{
	v = (v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1;
	v = (v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2;
	v = (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
	return __builtin_bswap64(v);
}

static uint64_t position(const struct state_table *table, struct state_bucket *bucket, size_t i)
{
	return reverse(hash_at(table, bucket, i));
}

/* The first position after those that share the bucket of this one; 0 = it is the last bucket. */
static uint64_t bucket_end(const struct state_table *table, uint64_t at)
{
	size_t b = bucket_of(table, reverse(at));
	bool halved = b >= table->half || b + table->half < table->count;
	uint64_t names = halved ? 2 * table->half : table->half;

	return (at | (UINT64_MAX / names)) + 1;
}

/* How many records of the bucket lie at or after the position; the first of them in *least. */
static size_t count_from(
	const struct state_table *table, struct state_bucket *bucket, uint64_t from, size_t *least)
{
	uint64_t first = UINT64_MAX;
	size_t n = 0;

	for (size_t i = 0; bucket && i < bucket->used; i++) {
		uint64_t at = position(table, bucket, i);

		if (at < from)
			continue;
		if (!n || at < first) {
			first = at;
			*least = i;
		}
		n++;
	}
	return n;
}

/* One record at a time, for a caller with less room than a bucket has records. */
static size_t walk_slowly(
	const struct state_table *table, uint64_t *cursor, struct attrib_id *out, size_t max)
{
	struct state_bucket *bucket = table->buckets[bucket_of(table, reverse(*cursor))];
	size_t i = 0, n = 0;

	do {
		if (!count_from(table, bucket, *cursor, &i))
			break;
		out[n++] = id_at(table, bucket, i);
		*cursor = position(table, bucket, i) + 1;
	} while (n < max && *cursor);
	return n;
}

size_t state_table_walk(
	const struct state_table *table, uint64_t *cursor, struct attrib_id *out, size_t max)
{
	size_t n = 0, first = 0;

	if (!max)
		return 0;
	do {
		struct state_bucket *bucket = table->buckets[bucket_of(table, reverse(*cursor))];
		size_t here = count_from(table, bucket, *cursor, &first);

		if (here > max - n)
			return n ? n : walk_slowly(table, cursor, out, max);
		for (size_t i = 0; here && i < bucket->used; i++) {
			if (position(table, bucket, i) >= *cursor)
				out[n++] = id_at(table, bucket, i);
		}
		*cursor = bucket_end(table, *cursor);
	} while (*cursor);
	return n;
}

/* -- the walk by buckets ------------------------------------------------------------------------ */

struct state_records state_table_records(const struct state_table *table, uint64_t cursor)
{
	struct state_bucket *bucket = table->buckets[bucket_of(table, reverse(cursor))];

	if (!bucket)
		return (struct state_records){0};
	return (struct state_records){.tags = bucket->bytes,
		.records = record(table, bucket, 0),
		.n = bucket->used,
		.size = record_size(table)};
}

uint64_t state_table_after(const struct state_table *table, uint64_t cursor)
{
	return bucket_end(table, cursor);
}

struct attrib_id state_records_id(const struct state_records *records, size_t i)
{
	struct attrib_id id;

	id.b[0] = records->tags[i];
	memcpy(id.b + 1, records->records + i * records->size, ID_REST);
	return id;
}

const void *state_records_value(const struct state_records *records, size_t i)
{
	return records->records + i * records->size + ID_REST;
}
