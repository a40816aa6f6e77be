/*
 * What a start does with any journal directory: open, read, decode, apply (what PostgreSQL has silently,
 * the rest not), then the same again with other sizes of reads. The input says what was written, with
 * checksums that fit, and what happened to it afterwards (disk.h).
 *
 * Always: nothing breaks or leaks, recovery ends, reads no number twice, and a second one finds the same
 * records and damage and decides the same, in groups of any size; a new start goes on above all of it. If
 * nobody forged anything: a record that was read was written, with these bytes; each record that stands there
 * as it was written is read; what is lost before a later commit is named; and verify agrees.
 */
#include <string.h>

#include "attrib/engine.h"
#include "disk.h"
#include "internal.h"
#include "world.h"

#define FOUND_MAX  4096
#define DAMAGE_MAX 256
#define READ_MAX   64

struct found {
	struct attrib_id lane;
	uint64_t number;
	struct attrib_str payload; /* in the arena */
};

struct recovery {
	int status; /* of the open */
	struct attrib_arena arena;
	struct found found[FOUND_MAX];
	size_t found_count;
	struct attrib_damage damage[DAMAGE_MAX];
	size_t damage_count;
	uint64_t stretches, bytes, base, foreign;
	uint32_t lanes;
};

/* -- recovering --------------------------------------------------------------------------------- */

static void hear(void *arg, const struct attrib_damage *damage)
{
	struct recovery *r = arg;

	require(r->damage_count < DAMAGE_MAX);
	r->damage[r->damage_count++] = *damage;
}

static void read_lane(struct recovery *r, struct attrib_journal *journal,
	struct attrib_reader *reader, uint32_t lane, size_t most)
{
	struct attrib_record records[READ_MAX];
	uint64_t after = 0;
	size_t n;

	do {
		require(attrib_reader_read(reader, lane, after, records, most, &n) == 0);
		for (size_t i = 0; i < n; i++) {
			require(records[i].number > after && r->found_count < FOUND_MAX);
			after = records[i].number;
			r->found[r->found_count++] =
				(struct found){attrib_journal_lane_id(journal, lane), after,
					attrib_arena_str(&r->arena, records[i].payload)};
		}
	} while (n);
}

static int open_journal(const struct disk *disk, struct attrib_journal **out)
{
	struct attrib_journal_options options = {.dir = world.root, .instance = disk->instance};

	return journal_open(&options, &world.io, out);
}

static struct recovery *recover(const struct disk *disk, size_t most)
{
	struct recovery *r = calloc(1, sizeof *r);
	struct attrib_journal *journal;
	struct attrib_reader *reader;

	require(r != NULL);
	attrib_arena_init(&r->arena, 4096);
	r->status = open_journal(disk, &journal);
	if (r->status)
		return r;
	require(attrib_reader_new(journal, &reader) == 0);
	attrib_reader_on_damage(reader, hear, r);
	r->base = attrib_journal_base(journal);
	r->foreign = attrib_journal_foreign(journal);
	r->lanes = attrib_journal_lane_count(journal);
	for (uint32_t lane = 0; lane < r->lanes; lane++)
		read_lane(r, journal, reader, lane, most);
	attrib_reader_damaged(reader, &r->stretches, &r->bytes);
	attrib_reader_free(reader);
	attrib_journal_close(journal);
	return r;
}

static void recovery_free(struct recovery *r)
{
	attrib_arena_done(&r->arena);
	free(r);
}

/* -- what must be true of it -------------------------------------------------------------------- */

static bool was_read(const struct recovery *r, const struct attrib_id *lane, uint64_t number)
{
	for (size_t i = 0; i < r->found_count; i++) {
		if (r->found[i].number == number && attrib_id_eq(&r->found[i].lane, lane))
			return true;
	}
	return false;
}

static bool was_named(const struct recovery *r, const struct attrib_id *lane, uint64_t number)
{
	for (size_t i = 0; i < r->damage_count; i++) {
		const struct attrib_damage *d = &r->damage[i];
		if (attrib_id_eq(&d->lane, lane) && d->from <= number && number <= d->to)
			return true;
	}
	return false;
}

/* A later commit of its segment begins behind it, and is there. */
static bool commit_follows(const struct disk *disk, size_t i)
{
	for (size_t k = i + 1; k < disk->record_count; k++) {
		const struct disk_record *later = &disk->records[k];
		if (later->segment != disk->records[i].segment)
			return false;
		if (later->starts && disk_holds(disk, later))
			return true;
	}
	return false;
}

static void check_written(const struct disk *disk, const struct recovery *r)
{
	for (size_t i = 0; i < r->found_count; i++) {
		const struct disk_record *record =
			disk_find(disk, &r->found[i].lane, r->found[i].number);
		require(record && attrib_str_eq(record->payload, r->found[i].payload));
		require(!was_named(r, &r->found[i].lane, r->found[i].number));
	}
}

static void check_kept(const struct disk *disk, const struct recovery *r)
{
	for (size_t i = 0; i < disk->record_count; i++) {
		const struct disk_record *record = &disk->records[i];
		const struct disk_segment *segment = &disk->segments[record->segment];
		if (segment->foreign)
			continue;
		bool read = was_read(r, &segment->head.lane, record->number);
		if (disk_holds(disk, record))
			require(read);
		else if (!read && !segment->gone && commit_follows(disk, i))
			require(was_named(r, &segment->head.lane, record->number));
	}
}

static void check_same(const struct recovery *a, const struct recovery *b)
{
	require(a->found_count == b->found_count && a->damage_count == b->damage_count);
	require(a->base == b->base && a->foreign == b->foreign && a->lanes == b->lanes);
	require(a->stretches == b->stretches && a->bytes == b->bytes);
	for (size_t i = 0; i < a->found_count; i++) {
		require(attrib_id_eq(&a->found[i].lane, &b->found[i].lane));
		require(a->found[i].number == b->found[i].number);
		require(attrib_str_eq(a->found[i].payload, b->found[i].payload));
	}
	require(memcmp(a->damage, b->damage, a->damage_count * sizeof *a->damage) == 0);
}

static void check_verify(const struct disk *disk, const struct recovery *r)
{
	struct attrib_journal_report report;

	require(attrib_journal_verify(world.root, &report, NULL, NULL) == 0);
	if (r->foreign || !disk->faithful)
		return;
	require(report.records == r->found_count && report.lanes == r->lanes);
	/* of a segment without a record the reader never opens the head */
	require(report.damaged_stretches >= r->stretches);
}

/* -- applying ----------------------------------------------------------------------------------- */

static void apply(struct attrib_engine *engine, const struct recovery *r, size_t from, size_t to,
	size_t group, struct attrib_batch *batch)
{
	struct attrib_engine_record records[READ_MAX];

	while (from < to) {
		size_t n = to - from < group ? to - from : group;
		for (size_t i = 0; i < n; i++)
			records[i] = (struct attrib_engine_record){.lane = r->found[from + i].lane,
				.number = r->found[from + i].number,
				.payload = r->found[from + i].payload};
		require(attrib_engine_apply(engine, records, n, !batch, batch) == 0);
		from += n;
	}
}

/* The first `silent` records are PostgreSQL's already. */
static uint64_t decide(const struct recovery *r, size_t silent, size_t group)
{
	struct attrib_memory_options options = {.hash_seed = 7};
	struct attrib_batch *batch = attrib_batch_new();
	struct attrib_state *state;
	struct attrib_engine *engine;
	bool left = true;

	require(batch != NULL);
	require(attrib_state_memory_new(&options, &state) == 0);
	require(attrib_engine_new(state, world.keys, world.catalog, &engine) == 0);
	apply(engine, r, 0, silent, group, NULL);
	apply(engine, r, silent, r->found_count, group, batch);
	require(attrib_engine_set_catalog(engine, world.catalog, true) == 0);
	while (left)
		require(attrib_engine_redecide(engine, 3, batch, &left) == 0);
	uint64_t sum = fuzz_digest(batch);
	attrib_engine_free(engine);
	state->ops->free(state);
	attrib_batch_free(batch);
	return sum;
}

static void check_decisions(const struct disk *disk, const struct recovery *a,
	const struct recovery *b, struct input *in)
{
	size_t silent = take_back_below(in, (uint32_t)a->found_count + 1);
	size_t one = 1 + take_back_below(in, READ_MAX), other = 1 + take_back_below(in, READ_MAX);

	require(decide(a, silent, one) == decide(b, silent, one));
	bool same = decide(a, 0, one) == decide(b, 0, other);
	require(same || !disk->sane || !disk->faithful);
}

/* -- a new start goes on ------------------------------------------------------------------------ */

static void append_one(const struct disk *disk, const struct recovery *r)
{
	struct attrib_journal *journal;
	struct attrib_lane *lane;
	uint64_t number;

	require(open_journal(disk, &journal) == 0);
	require(attrib_lane_open(journal, 0, &lane) == 0);
	attrib_lane_set_sync(lane, ATTRIB_SYNC_IN_PLACE);
	require(attrib_lane_append(lane, ATTRIB_STR("later"), &number) == 0);
	for (size_t i = 0; i < r->found_count; i++)
		require(number > r->found[i].number);
	require(attrib_lane_close(lane) == 0);
	attrib_journal_close(journal);
	struct recovery *after = recover(disk, READ_MAX);
	require(after->status == 0 && after->found_count == r->found_count + 1);
	require(after->base > r->base && after->lanes == r->lanes + 1);
	recovery_free(after);
}

/* -- the whole ---------------------------------------------------------------------------------- */

static void play(const struct disk *disk, struct input *in)
{
	size_t most = 1 + take_back_below(in, READ_MAX);
	struct recovery *first = recover(disk, most), *second = recover(disk, READ_MAX + 1 - most);

	require(first->status == second->status);
	if (first->status) {
		/* nobody can tell a newer format from two copies of a head that are both damaged */
		require(first->status == ATTRIB_E_VERSION && disk_lacks_head(disk));
	} else {
		check_same(first, second);
		check_verify(disk, first);
		if (disk->faithful) {
			check_written(disk, first);
			check_kept(disk, first);
		}
		check_decisions(disk, first, second, in);
		if (take_back_below(in, 4) == 0)
			append_one(disk, first);
	}
	recovery_free(first);
	recovery_free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct input in = {bytes, n};
	struct disk disk;

	fuzz_world_prepare();
	disk_init(&disk);
	/* the ends are the damage's: what is written comes from the rest */
	struct input back = {bytes, n};
	in.n -= n < 64 ? n / 2 : 32;
	disk_write(&disk, &in);
	disk_damage(&disk, &back);
	fuzz_world_clear();
	disk_store(&disk, world.root);
	play(&disk, &back);
	disk_done(&disk);
	return 0;
}
