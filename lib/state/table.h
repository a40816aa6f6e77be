/*
 * A hash table from ids to small values of one size: the frame of the memory backend.
 *
 * Ten million remembered ids are to cost little more than the bytes that they consist of, and no
 * single insert may stop the engine. So: linear hashing over buckets. Records lie packed in a
 * bucket, without free slots between them; a bucket grows by a few records at a time, and whenever
 * the buckets are on average full enough, exactly one of them is split. An open-addressing table
 * would be faster by a cache line, but half empty after each doubling, and it doubles all at once.
 */
#ifndef ATTRIB_STATE_TABLE_H
#define ATTRIB_STATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attrib/id.h"
#include "shelf.h"

#define STATE_BUCKET_STEP 10  /* a bucket grows by so many records ... */
#define STATE_BUCKET_MAX  960 /* ... up to so many: many times of what chance makes of one */

struct state_bucket;
struct state_table {
	struct state_bucket **buckets; /* owned; NULL = empty bucket */
	size_t count, room;            /* buckets in use, allocated */
	size_t half;                   /* power of two: half <= count < 2 * half */
	size_t value_size;             /* bytes of a value, 1 to 17 */
	uint64_t seed;
	uint64_t entries;
	uint64_t bytes;              /* of directory and buckets */
	struct state_sheets *sheets; /* borrowed: buckets lie there ... */
	struct state_shelf
		shelves[STATE_BUCKET_MAX / STATE_BUCKET_STEP + 1]; /* ... by their room */
};

int state_table_init(
	struct state_table *table, size_t value_size, uint64_t seed, struct state_sheets *sheets);
/* Makes an empty table as wide as that many entries will want it; without memory it grows as always. */
void state_table_expect(struct state_table *table, uint64_t entries);
void state_table_done(struct state_table *table);

/* What the calls below want of an id: computed once for all of them. */
uint64_t state_table_hash(const struct state_table *table, const struct attrib_id *id);
/* The value of an id (unaligned: read it by memcpy), or NULL. Valid until the next insert or sweep. */
void *state_table_find(const struct state_table *table, uint64_t hash, const struct attrib_id *id);
/* Looking ahead, in steps (ahead.h). Brings near the id's place in the directory; */
void state_table_prefetch(const struct state_table *table, uint64_t hash);
/* then, by that, its bucket; */
void state_table_prefetch_bucket(const struct state_table *table, uint64_t hash);
/* How far a search for an id can start: the records before have another tag, until a split. */
struct state_glance {
	size_t count; /* of the table, which a split changes */
	size_t from;
};
/* then, by that, what a find or an insert will read then, and remembers where. */
void state_table_glance(const struct state_table *table, uint64_t hash, const struct attrib_id *id,
	struct state_glance *out);
/* The value that a find will probably find, to be looked at with suspicion: it may be another id's. Or
 * NULL. */
const void *state_table_peek(
	const struct state_table *table, uint64_t hash, const struct state_glance *glance);
/* The same as find, by a glance after which the table was not swept. */
void *state_table_find_seen(const struct state_table *table, uint64_t hash,
	const struct attrib_id *id, const struct state_glance *glance);
/* A new record for an id that is not there; its value is all zero. NULL when memory is out. */
void *state_table_insert(struct state_table *table, uint64_t hash, const struct attrib_id *id);

/* Takes out every record for which drop says so, and gives back their memory. drop may change the
 * value of one that stays. */
void state_table_sweep(struct state_table *table, bool (*drop)(void *arg, void *value), void *arg);

/* Fills out with up to max ids and moves the cursor on; it starts at 0 and is 0 again at the end. An
 * id that was there when the walk began and is still there is met exactly once, whatever is inserted
 * in between. (Ids that share all 64 bits of their hash may be met together or not at all.) */
size_t state_table_walk(
	const struct state_table *table, uint64_t *cursor, struct attrib_id *out, size_t max);

/* The same walk by whole buckets: all records of the bucket in which the cursor stands, which starts at 0
 * and moves by state_table_after, 0 again behind the last one. Buckets only ever split, so a place between
 * two stays one. Valid until the next insert or sweep. */
struct state_records {
	const uint8_t *tags, *records;
	size_t n, size; /* records, bytes of each */
};
struct state_records state_table_records(const struct state_table *table, uint64_t cursor);
uint64_t state_table_after(const struct state_table *table, uint64_t cursor);
struct attrib_id state_records_id(const struct state_records *records, size_t i);
const void *state_records_value(const struct state_records *records, size_t i);

#endif
