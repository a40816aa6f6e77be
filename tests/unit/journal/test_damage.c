/*
 * What a crash or a bad disk may leave behind: never an error, never a record that was not written,
 * and nothing lost but what is damaged.
 */
#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"

#define TAG 42

struct image {
	uint8_t *p; /* owned */
	size_t n;
};

static void write_lane(struct fixture *f, uint64_t n, uint64_t group)
{
	struct attrib_lane *lane;

	fixture_open(f);
	assert_int_equal(attrib_lane_open(f->journal, 0, &lane), 0);
	append_all(lane, TAG, n, group);
	assert_int_equal(attrib_lane_close(lane), 0);
	fixture_close(f);
}

static struct image load(const char *path)
{
	struct image image = {.n = file_size(path)};
	FILE *file = fopen(path, "r");

	image.p = malloc(image.n + 1);
	assert_non_null(file);
	assert_int_equal(fread(image.p, 1, image.n, file), image.n);
	fclose(file);
	return image;
}

static void store(const char *path, const uint8_t *p, size_t n)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(p, 1, n, file), n);
	fclose(file);
}

#define NUMBERS 1024

struct outcome {
	uint64_t records, last, base, stretches, bytes;
	bool seen[NUMBERS];          /* by number: it was read */
	bool missing[NUMBERS];       /* ... and a stretch of damage was told to have held it */
	struct attrib_damage damage; /* the last one */
};

static void hear(void *arg, const struct attrib_damage *damage)
{
	struct outcome *o = arg;

	o->damage = *damage;
	for (uint64_t i = damage->from; i <= damage->to && i < NUMBERS; i++)
		o->missing[i] = true;
}

/* Reads a lane in small batches to its end: in order, each once, each payload its own. */
static void read_lane(struct attrib_reader *reader, struct outcome *o)
{
	struct attrib_record records[7];
	size_t n;

	do {
		assert_int_equal(attrib_reader_read(reader, 0, o->last, records, 7, &n), 0);
		for (size_t i = 0; i < n; i++) {
			assert_true(records[i].number > o->last && records[i].number < NUMBERS);
			assert_true(payload_fits(records[i].payload, TAG, records[i].number));
			o->last = records[i].number;
			o->seen[o->last] = true;
			o->records++;
		}
	} while (n);
}

/* Opens the damaged directory and reads its only lane; checks every payload. */
static struct outcome recover(struct fixture *f)
{
	struct outcome o = {0};
	struct attrib_reader *reader;

	fixture_open(f);
	assert_int_equal(attrib_journal_lane_count(f->journal), 1);
	o.base = attrib_journal_base(f->journal);
	assert_int_equal(attrib_reader_new(f->journal, &reader), 0);
	attrib_reader_on_damage(reader, hear, &o);
	read_lane(reader, &o);
	attrib_reader_damaged(reader, &o.stretches, &o.bytes);
	attrib_reader_free(reader);
	fixture_close(f);
	for (size_t i = 0; i < NUMBERS; i++)
		assert_false(o.seen[i] && o.missing[i]);
	return o;
}

static struct attrib_journal_report verify(const struct fixture *f)
{
	struct attrib_journal_report report;

	assert_int_equal(attrib_journal_verify(f->dir, &report, NULL, NULL), 0);
	return report;
}

/* Offsets of all records and of the end; the image is sound. */
static size_t offsets_of(const struct image *image, uint64_t *out, size_t max)
{
	size_t at = JOURNAL_HEAD, n = 0;
	struct journal_claim claim;

	while (at < image->n && journal_record_claim(image->p + at, &claim)) {
		assert_true(n + 1 < max);
		out[n++] = at;
		at += journal_record_size(claim.length);
	}
	out[n] = at;
	return n;
}

static void a_cut_loses_only_what_it_cuts(void **state)
{
	struct fixture *f = *state;
	uint64_t at[64];
	char path[256];

	write_lane(f, 12, 5);
	segment_path(f, path);
	struct image image = load(path);
	size_t n = offsets_of(&image, at, 64);
	assert_int_equal(n, 12);
	size_t whole = 0;
	/* every byte; those of the head only where its two copies end */
	for (size_t cut = JOURNAL_HEAD_BYTES; cut <= image.n; cut += cut < at[0] - 64 ? 60 : 1) {
		while (whole < n && at[whole + 1] <= cut)
			whole++;
		store(path, image.p, cut);
		struct outcome o = recover(f);
		/* a record's padding is no part of it, but it is cut with it: the size is rounded */
		assert_in_range(o.records, whole, whole + 1);
		assert_int_equal(o.last, o.records);
		assert_int_equal(o.base, o.last);
		assert_int_equal(o.stretches, 0);
	}
	/* a new start goes on above what is left, in a lane of its own */
	write_lane(f, 3, 1);
	assert_int_equal(verify(f).lanes, 2);
	free(image.p);
}

static void zeros_from_any_byte_are_a_torn_tail(void **state)
{
	struct fixture *f = *state;
	uint64_t at[64];
	char path[256];

	write_lane(f, 40, 40);
	segment_path(f, path);
	struct image image = load(path);
	size_t n = offsets_of(&image, at, 64), whole = n - 3;
	uint8_t *bytes = calloc(1, image.n + 70000);
	for (size_t cut = at[whole]; cut <= image.n; cut++) {
		while (whole < n && at[whole + 1] <= cut)
			whole++;
		memcpy(bytes, image.p, cut);
		memset(bytes + cut, 0, image.n - cut);
		store(path, bytes, image.n + (cut % 2 ? 70000 : 0));
		struct outcome o = recover(f);
		assert_true(o.records >= whole);
		assert_int_equal(o.last, o.records);
		assert_int_equal(o.stretches, 0);
		assert_int_equal(verify(f).damaged_stretches, 0);
	}
	free(bytes);
	free(image.p);
}

static void garbage_behind_the_end_is_no_record(void **state)
{
	struct fixture *f = *state;
	uint64_t random = test_seed(__func__);
	char path[256];

	write_lane(f, 100, 9);
	segment_path(f, path);
	struct image image = load(path);
	uint8_t *bytes = malloc(image.n + 100000);
	for (int round = 0; round < 20; round++) {
		size_t n = image.n + next_random(&random) % 100000;
		memcpy(bytes, image.p, image.n);
		for (size_t i = image.n; i < n; i++)
			bytes[i] = (uint8_t)next_random(&random);
		store(path, bytes, n);
		struct outcome o = recover(f);
		assert_int_equal(o.records, 100);
		assert_int_equal(o.stretches, 0);
		assert_int_equal(verify(f).torn_tails, n > image.n);
	}
	free(bytes);
	free(image.p);
}

static void old_records_behind_the_end_are_no_records(void **state)
{
	struct fixture *f = *state;
	char path[256];

	write_lane(f, 50, 5);
	segment_path(f, path);
	struct image image = load(path);
	size_t body = image.n - JOURNAL_HEAD;
	uint8_t *bytes = malloc(image.n + body);
	memcpy(bytes, image.p, image.n);
	memcpy(bytes + image.n, image.p + JOURNAL_HEAD, body);
	store(path, bytes, image.n + body);
	struct outcome o = recover(f);
	assert_int_equal(o.records, 50);
	assert_int_equal(o.last, 50);
	free(bytes);
	free(image.p);
}

static void bit_flips_lose_only_their_records(void **state)
{
	struct fixture *f = *state;
	uint64_t random = test_seed(__func__);
	uint64_t at[512];
	char path[256];
	int counted = 0, rounds = getenv("JOURNAL_FLIPS") ? atoi(getenv("JOURNAL_FLIPS")) : 400;

	write_lane(f, 400, 7);
	segment_path(f, path);
	struct image image = load(path);
	size_t n = offsets_of(&image, at, 512);
	assert_int_equal(n, 400);
	for (int round = 0; round < rounds; round++) {
		bool hit[512] = {false};
		uint64_t lost = 0, flips = 1 + next_random(&random) % 6;
		uint8_t *bytes = malloc(image.n);
		memcpy(bytes, image.p, image.n);
		for (uint64_t i = 0; i < flips; i++) {
			size_t where =
				JOURNAL_HEAD + next_random(&random) % (image.n - JOURNAL_HEAD);
			size_t record = 0;
			bytes[where] ^= (uint8_t)(1u << next_random(&random) % 8);
			while (at[record + 1] <= where)
				record++;
			hit[record] = true;
		}
		for (size_t i = 0; i < n; i++)
			lost += hit[i];
		store(path, bytes, image.n);
		struct outcome o = recover(f);
		/* padding is not covered by a checksum, two flips may meet in one bit */
		assert_in_range(o.records, n - lost, n);
		for (size_t i = 0; i < n; i++) {
			assert_true(o.seen[i + 1] || hit[i]);
			/* with 400, a commit of its own, hit as well, the one before is the last */
			assert_true(o.seen[i + 1] || o.missing[i + 1] || i + 1 >= 393);
		}
		struct attrib_journal_report report = verify(f);
		assert_int_equal(report.records, o.records);
		/* whatever is lost before the last commit (the last 1 of 400 / 7) is counted */
		bool torn = hit[n - 1] || report.torn_tails;
		if (o.records < n && !torn)
			assert_true(o.stretches > 0);
		assert_int_equal(report.damaged_stretches, o.stretches);
		counted += o.stretches > 0;
		free(bytes);
	}
	assert_true(counted > rounds * 3 / 4);
	free(image.p);
}

static void damage_is_measured(void **state)
{
	struct fixture *f = *state;
	uint64_t at[128];
	char path[256];

	write_lane(f, 100, 10);
	segment_path(f, path);
	struct image image = load(path);
	offsets_of(&image, at, 128);
	/* records 31 to 33 and the length of record 61 */
	memset(image.p + at[30], 0xff, at[33] - at[30]);
	image.p[at[60] + 8] ^= 0x40;
	store(path, image.p, image.n);
	struct outcome o = recover(f);
	assert_int_equal(o.records, 96);
	assert_int_equal(o.last, 100);
	assert_int_equal(o.base, 100);
	assert_int_equal(o.stretches, 2);
	assert_int_equal(o.bytes, at[33] - at[30] + at[61] - at[60]);
	for (uint64_t i = 1; i <= 100; i++)
		assert_int_equal(o.missing[i], (i >= 31 && i <= 33) || i == 61);
	assert_int_equal(o.damage.offset, at[60]);
	assert_int_equal(o.damage.length, at[61] - at[60]);
	assert_int_equal(o.damage.segment, 1);
	free(image.p);
}

static void a_hole_in_the_last_commit_is_torn_not_damaged(void **state)
{
	struct fixture *f = *state;
	struct attrib_journal_report report;
	uint64_t at[64];
	char path[256];

	/* commits 1-10, 11-20, 21-30: a power cut may keep any block of the last one */
	write_lane(f, 30, 10);
	segment_path(f, path);
	struct image image = load(path);
	offsets_of(&image, at, 64);
	memset(image.p + at[22], 0, at[24] - at[22]);
	store(path, image.p, image.n);
	struct outcome o = recover(f);
	assert_int_equal(o.records, 28);
	assert_int_equal(o.last, 30);
	assert_int_equal(o.stretches, 0);
	report = verify(f);
	assert_int_equal(report.torn_tails, 1);
	assert_int_equal(report.damaged_stretches, 0);
	/* the same in the commit before it was acknowledged: the last one began after its sync */
	memset(image.p + at[12], 0, at[14] - at[12]);
	store(path, image.p, image.n);
	assert_int_equal(recover(f).stretches, 1);
	assert_int_equal(verify(f).damaged_stretches, 1);
	free(image.p);
}

static void one_bad_head_of_two_is_enough(void **state)
{
	struct fixture *f = *state;
	char path[256];

	write_lane(f, 20, 5);
	segment_path(f, path);
	struct image image = load(path);
	for (size_t i = 0; i < 2 * JOURNAL_HEAD_BYTES; i++) {
		size_t copy = i < JOURNAL_HEAD_BYTES ? 0 : JOURNAL_HEAD_COPY;
		size_t at = copy + i % JOURNAL_HEAD_BYTES;
		image.p[at] ^= 0x10;
		store(path, image.p, image.n);
		struct outcome o = recover(f);
		assert_int_equal(o.records, 20);
		assert_int_equal(o.stretches, 1);
		assert_int_equal(o.damage.offset, copy);
		assert_int_equal(o.damage.length, JOURNAL_HEAD_BYTES);
		assert_true(o.damage.to < o.damage.from);
		assert_int_equal(verify(f).damaged_stretches, 1);
		image.p[at] ^= 0x10;
	}
	free(image.p);
}

static void a_lost_head_is_damage(void **state)
{
	struct fixture *f = *state;
	struct attrib_journal_report report;
	char path[256];

	write_lane(f, 20, 5);
	segment_path(f, path);
	struct image image = load(path);
	memset(image.p, 0, JOURNAL_HEAD);
	store(path, image.p, image.n);
	/* its numbers are unknown but for the first: no lane of a later start ends below that */
	struct outcome o = recover(f);
	assert_int_equal(o.records, 0);
	assert_int_equal(o.base, 0);
	assert_int_equal(o.stretches, 1);
	assert_int_equal(o.damage.length, image.n);
	assert_int_equal(o.damage.from, 1);
	assert_true(o.damage.to == UINT64_MAX);
	report = verify(f);
	assert_int_equal(report.damaged_stretches, 1);
	assert_int_equal(report.damaged_bytes, image.n);
	free(image.p);
}

static void damage_in_one_segment_leaves_the_others(void **state)
{
	struct fixture *f = *state;
	struct attrib_journal_report sound;
	char command[512];

	f->options.segment_size = 12000;
	write_lane(f, 500, 5);
	sound = verify(f);
	assert_true(sound.segments > 5);
	/* the second one loses its head, the third one its second half */
	snprintf(command, sizeof command,
		"cd %s && set -- *.seg && dd if=/dev/zero of=$2 bs=4096 count=1 conv=notrunc "
		"status=none && truncate -s 8000 $3",
		f->dir);
	assert_int_equal(system(command), 0);
	struct attrib_journal_report report = verify(f);
	assert_int_equal(report.segments, sound.segments);
	assert_int_equal(report.damaged_stretches, 2);
	struct outcome o = recover(f);
	assert_int_equal(o.records, report.records);
	assert_int_equal(o.stretches, 2);
	assert_int_equal(o.last, 500);
}

static void a_lost_head_at_the_end_hides_no_damage_before_it(void **state)
{
	struct fixture *f = *state;
	char command[512];

	f->options.segment_size = 12000;
	write_lane(f, 500, 5);
	/* records in the middle of the first segment, and the head of the last one */
	snprintf(command, sizeof command,
		"cd %s && set -- *.seg && dd if=/dev/zero of=$1 bs=1 seek=6000 count=500 "
		"conv=notrunc status=none && for last; do :; done && "
		"dd if=/dev/zero of=$last bs=4096 count=1 conv=notrunc status=none",
		f->dir);
	assert_int_equal(system(command), 0);
	struct attrib_journal_report report = verify(f);
	assert_int_equal(report.damaged_stretches, 2);
	struct outcome o = recover(f);
	assert_int_equal(o.records, report.records);
	assert_int_equal(o.stretches, 2);
	for (uint64_t i = 1; i <= 500; i++)
		assert_true(o.seen[i] || o.missing[i]);
}

/* Restored by hand, say: nothing in it has the numbers that its name promises. */
static void a_segment_under_the_name_of_another_is_damage(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane;
	struct attrib_id id;
	char command[512], **names;
	uint64_t first, missing;

	f->options.segment_size = 12000;
	fixture_open(f);
	assert_int_equal(attrib_lane_open(f->journal, 0, &lane), 0);
	append_all(lane, TAG, 500, 5);
	assert_int_equal(attrib_lane_close(lane), 0);
	fixture_close(f);
	int n = segment_names(f->dir, &names);
	assert_true(n > 5);
	assert_true(journal_name_parse(names[1], &id, &first));
	missing = first - 1;
	assert_true(journal_name_parse(names[3], &id, &first));
	/* the first one, into the middle of the fourth */
	snprintf(command, sizeof command, "cd %s && mv %s %.33s%016llx.seg", f->dir, names[0],
		names[0], (unsigned long long)first + 1);
	assert_int_equal(system(command), 0);
	segment_names_free(names, n);
	struct outcome o = recover(f);
	assert_int_equal(o.records, 500 - missing);
	assert_int_equal(o.last, 500);
	assert_int_equal(verify(f).damaged_stretches, 1);
	assert_int_equal(verify(f).records, 500 - missing);
}

static void keep_text(void *arg, const char *text)
{
	snprintf(arg, 256, "%s", text);
}

static void keep_note(void *arg, enum attrib_journal_note what, const char *text)
{
	assert_int_equal(what, ATTRIB_JOURNAL_NEWER);
	keep_text(arg, text);
}

static void a_newer_format_is_refused(void **state)
{
	struct fixture *f = *state;
	char text[256] = "";
	struct attrib_journal_report report;
	char path[256];

	write_lane(f, 20, 5);
	segment_path(f, path);
	struct image image = load(path);
	image.p[8]++;
	image.p[JOURNAL_HEAD_COPY + 8]++;
	store(path, image.p, image.n);
	f->options.note = keep_note;
	f->options.note_arg = text;
	assert_int_equal(journal_open(&f->options, &fault_io, &f->journal), ATTRIB_E_VERSION);
	assert_non_null(strstr(text, ".seg has format version 2, this attribd reads up to 1"));
	text[0] = '\0';
	assert_int_equal(attrib_journal_verify(f->dir, &report, keep_text, text), ATTRIB_E_VERSION);
	assert_non_null(strstr(text, ".seg has format version 2, this attribd reads up to 1"));
	free(image.p);
}

/* Two damaged copies of a head are no newer format: of that both would say the same version, and so would
 * every segment of the lane. */
static void flipped_versions_are_damage(void **state)
{
	struct fixture *f = *state;
	char path[512], **names;

	f->options.segment_size = 12000;
	write_lane(f, 500, 5);
	int n = segment_names(f->dir, &names);
	assert_true(n > 5);
	for (int i = 0; i < 3; i += 2) {
		snprintf(path, sizeof path, "%s/%s", f->dir, names[i]);
		struct image image = load(path);
		image.p[8] ^= 2;
		image.p[JOURNAL_HEAD_COPY + 8] ^= i == 0 ? 4 : 2;
		store(path, image.p, image.n);
		free(image.p);
	}
	segment_names_free(names, n);
	struct outcome o = recover(f);
	assert_int_equal(o.last, 500);
	assert_int_equal(o.stretches, 2);
	assert_true(o.missing[1]);
}

/* A client that somehow knows the bytes of real records sends them as its payload; then the disk
 * damages the record that carries them, so that the reader searches inside. */
static void a_payload_cannot_imitate_a_record(void **state)
{
	struct fixture *f = *state;
	struct attrib_lane *lane;
	struct attrib_record records[16];
	struct attrib_reader *reader;
	char path[256], payload[4096];
	uint64_t at[64], number;
	size_t n;

	fixture_open(f);
	assert_int_equal(attrib_lane_open(f->journal, 0, &lane), 0);
	append_all(lane, TAG, 3, 3);
	segment_path(f, path);
	struct image image = load(path);
	offsets_of(&image, at, 64);
	memcpy(payload, image.p + at[0], at[3] - at[0]);
	/* the copies claim the numbers that would come next, at the place where they will stand */
	for (size_t i = 0; i < 3; i++)
		payload[at[i] - at[0] + 12] = (char)(5 + i);
	assert_int_equal(
		attrib_lane_append(lane, (struct attrib_str){payload, at[3] - at[0]}, &number), 0);
	assert_int_equal(number, 4);
	append_all(lane, TAG, 1, 1);
	assert_int_equal(attrib_lane_close(lane), 0);
	fixture_close(f);
	free(image.p);

	image = load(path);
	image.p[at[3]] ^= 1;
	store(path, image.p, image.n);
	fixture_open(f);
	assert_int_equal(attrib_reader_new(f->journal, &reader), 0);
	assert_int_equal(attrib_reader_read(reader, 0, 0, records, 16, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(attrib_reader_read(reader, 0, 3, records, 16, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(records[0].number, 5);
	assert_true(payload_fits(records[0].payload, TAG, 5));
	attrib_reader_free(reader);
	free(image.p);
}

static void a_record_holds_at_its_place_only(void **state)
{
	static const uint64_t seed = 0x1234567890abcdef, number = 77, at = 4096;
	const struct attrib_str text = ATTRIB_STR("twenty bytes of text");
	uint8_t bytes[64];

	(void)state;
	memset(bytes, 0xee, sizeof bytes);
	journal_record_put(bytes, text, number);
	assert_int_equal(journal_record_seal(bytes, seed, number, at, true), 40);
	for (size_t i = 36; i < 40; i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(bytes[40], 0xee);
	assert_true(journal_record_holds(bytes, 20, seed, number, at));
	assert_false(journal_record_holds(bytes, 20, seed, number, at + 8));
	assert_false(journal_record_holds(bytes, 20, seed, number + (UINT64_C(1) << 32), at));
	assert_false(journal_record_holds(bytes, 20, seed + 1, number, at));
	assert_false(journal_record_holds(bytes, 19, seed, number, at));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_cut_loses_only_what_it_cuts),
		TEST(zeros_from_any_byte_are_a_torn_tail),
		TEST(garbage_behind_the_end_is_no_record),
		TEST(old_records_behind_the_end_are_no_records),
		TEST(bit_flips_lose_only_their_records),
		TEST(damage_is_measured),
		TEST(a_hole_in_the_last_commit_is_torn_not_damaged),
		TEST(one_bad_head_of_two_is_enough),
		TEST(a_lost_head_is_damage),
		TEST(damage_in_one_segment_leaves_the_others),
		TEST(a_lost_head_at_the_end_hides_no_damage_before_it),
		TEST(a_segment_under_the_name_of_another_is_damage),
		TEST(a_newer_format_is_refused),
		TEST(flipped_versions_are_damage),
		TEST(a_record_holds_at_its_place_only),
		TEST(a_payload_cannot_imitate_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
