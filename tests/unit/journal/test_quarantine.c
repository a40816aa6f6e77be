/*
 * Copies of damage: whole or not there, once, within limits, and never at the cost of the journal.
 */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"

#define TAG     42
#define RECORDS 60

struct bench {
	struct fixture f; /* first: its teardown is ours */
	char dir[96];
	struct attrib_quarantine_options options;
	struct attrib_quarantine *quarantine;
	struct attrib_damage heard[RECORDS];
	size_t count;
};

static int setup(void **state)
{
	struct fixture *f;
	struct bench *b = calloc(1, sizeof *b);

	fixture_setup((void **)&f);
	b->f = *f;
	free(f);
	b->f.options.dir = b->f.dir;
	snprintf(b->dir, sizeof b->dir, "%s-quarantine", b->f.dir);
	b->options = (struct attrib_quarantine_options){
		.dir = b->dir, .max_files = 10, .max_bytes = 1 << 20};
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	char command[128];

	attrib_quarantine_close(b->quarantine);
	snprintf(command, sizeof command, "rm -rf %s", b->dir);
	assert_int_equal(system(command), 0);
	return fixture_teardown(state);
}

static void hear(void *arg, const struct attrib_damage *damage)
{
	struct bench *b = arg;

	b->heard[b->count++] = *damage;
}

/* A lane of which every tenth record is overwritten, and what the reader tells of it. */
static void damage_journal(struct bench *b)
{
	struct attrib_lane *lane;
	struct attrib_reader *reader;
	struct journal_claim claim;
	char path[256];
	uint64_t last;

	fixture_open(&b->f);
	assert_int_equal(attrib_lane_open(b->f.journal, 0, &lane), 0);
	append_all(lane, TAG, RECORDS, 1);
	assert_int_equal(attrib_lane_close(lane), 0);
	fixture_close(&b->f);
	segment_path(&b->f, path);
	FILE *file = fopen(path, "r+");
	long at = JOURNAL_HEAD;
	for (int i = 1; i <= RECORDS; i++) {
		uint8_t head[JOURNAL_RECORD_HEAD];
		fseek(file, at, SEEK_SET);
		assert_int_equal(fread(head, 1, sizeof head, file), sizeof head);
		assert_true(journal_record_claim(head, &claim));
		fseek(file, at, SEEK_SET);
		if (i % 10 == 5)
			fputc(head[0] ^ 1, file);
		at += (long)journal_record_size(claim.length);
	}
	fclose(file);
	fixture_open(&b->f);
	assert_int_equal(attrib_reader_new(b->f.journal, &reader), 0);
	attrib_reader_on_damage(reader, hear, b);
	assert_int_equal(read_all(reader, 0, TAG, 0, &last), RECORDS - RECORDS / 10);
	/* what is met again is no news */
	assert_int_equal(read_all(reader, 0, TAG, 0, &last), RECORDS - RECORDS / 10);
	attrib_reader_free(reader);
	assert_int_equal(b->count, RECORDS / 10);
}

static void open_quarantine(struct bench *b)
{
	attrib_quarantine_close(b->quarantine);
	b->quarantine = NULL;
	assert_int_equal(attrib_quarantine_open(b->f.journal, &b->options, &b->quarantine), 0);
}

static size_t files_in(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	for (struct dirent *item; (item = readdir(d));)
		n += item->d_name[0] != '.';
	closedir(d);
	return n;
}

static void path_of(const struct bench *b, const struct attrib_damage *damage, char out[256])
{
	char lane[33] = {0};

	attrib_hex(damage->lane.b, sizeof damage->lane.b, lane);
	snprintf(out, 256, "%s/%s-%016llx-%016llx-%016llx.bad", b->dir, lane,
		(unsigned long long)damage->segment, (unsigned long long)damage->offset,
		(unsigned long long)damage->length);
}

static void a_copy_holds_the_bytes_and_is_made_once(void **state)
{
	struct bench *b = *state;
	char path[256], segment[256], bytes[4096], copy[4096];
	struct stat before, after;

	damage_journal(b);
	segment_path(&b->f, segment);
	open_quarantine(b);
	for (size_t i = 0; i < b->count; i++) {
		const struct attrib_damage *d = &b->heard[i];
		assert_int_equal(d->from, 5 + 10 * i);
		assert_int_equal(d->to, d->from);
		assert_int_equal(attrib_quarantine_keep(b->quarantine, d), 0);
		path_of(b, d, path);
		FILE *from = fopen(segment, "r"), *to = fopen(path, "r");
		assert_non_null(to);
		fseek(from, (long)d->offset, SEEK_SET);
		assert_int_equal(fread(bytes, 1, d->length, from), d->length);
		assert_int_equal(fread(copy, 1, sizeof copy, to), d->length);
		assert_memory_equal(bytes, copy, d->length);
		fclose(from);
		fclose(to);
	}
	path_of(b, &b->heard[0], path);
	assert_int_equal(stat(path, &before), 0);
	open_quarantine(b);
	assert_int_equal(attrib_quarantine_files(b->quarantine), 6);
	assert_int_equal(attrib_quarantine_keep(b->quarantine, &b->heard[0]), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(files_in(b->dir), 6);
}

static void limits_count_what_lies_there(void **state)
{
	struct bench *b = *state;

	damage_journal(b);
	b->options.max_files = 2;
	open_quarantine(b);
	assert_int_equal(attrib_quarantine_keep(b->quarantine, &b->heard[0]), 0);
	assert_int_equal(attrib_quarantine_keep(b->quarantine, &b->heard[1]), 0);
	assert_int_equal(attrib_quarantine_keep(b->quarantine, &b->heard[2]), ATTRIB_E_TOO_MANY);
	assert_int_equal(attrib_quarantine_keep(b->quarantine, &b->heard[1]), 0);
	b->options.max_files = 10;
	b->options.max_bytes = b->heard[0].length + b->heard[1].length + b->heard[2].length +
			       b->heard[3].length - 1;
	open_quarantine(b);
	assert_int_equal(attrib_quarantine_keep(b->quarantine, &b->heard[2]), 0);
	assert_int_equal(attrib_quarantine_keep(b->quarantine, &b->heard[3]), ATTRIB_E_TOO_MANY);
	assert_int_equal(files_in(b->dir), 3);
}

static void bytes_that_are_gone_need_no_copy(void **state)
{
	struct bench *b = *state;
	struct attrib_damage gone;

	damage_journal(b);
	open_quarantine(b);
	gone = b->heard[0];
	gone.length = 0;
	assert_int_equal(attrib_quarantine_keep(b->quarantine, &gone), 0);
	assert_int_equal(files_in(b->dir), 0);
}

/* Each call that makes a copy fails once: no file, no half of one, and the next try has it. */
static void a_failed_copy_leaves_nothing(void **state)
{
	static const struct {
		enum fault_call call;
		int error, expected;
		unsigned skip;
	} faults[] = {
		{FAULT_OPEN, EMFILE, ATTRIB_E_IO, 0},       /* the segment */
		{FAULT_OPEN, ENOSPC, ATTRIB_E_NO_SPACE, 1}, /* the copy */
		{FAULT_PWRITE, ENOSPC, ATTRIB_E_NO_SPACE, 0},
		{FAULT_PWRITE, EIO, ATTRIB_E_IO, 0},
		{FAULT_FDATASYNC, EIO, ATTRIB_E_IO, 0},
		{FAULT_RENAME, EIO, ATTRIB_E_IO, 0},
	};
	struct bench *b = *state;

	damage_journal(b);
	open_quarantine(b);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		fault_reset();
		fault_set(faults[i].call, faults[i].error, faults[i].skip, 1);
		assert_int_equal(
			attrib_quarantine_keep(b->quarantine, &b->heard[0]), faults[i].expected);
		assert_int_equal(fault_fired(), 1);
		assert_int_equal(files_in(b->dir), 0);
	}
	fault_reset();
	/* the name may not be durable: that is no success, and is made up for */
	fault_set(FAULT_FSYNC, EIO, 0, 1);
	assert_int_equal(attrib_quarantine_keep(b->quarantine, &b->heard[0]), ATTRIB_E_IO);
	unsigned synced = fault_called(FAULT_FSYNC);
	assert_int_equal(attrib_quarantine_keep(b->quarantine, &b->heard[0]), 0);
	assert_true(fault_called(FAULT_FSYNC) > synced);
	assert_int_equal(files_in(b->dir), 1);
}

static void what_a_crash_left_half_made_goes(void **state)
{
	struct bench *b = *state;
	char path[300];

	damage_journal(b);
	open_quarantine(b);
	path_of(b, &b->heard[0], path);
	strcat(path, ".new");
	fclose(fopen(path, "w"));
	open_quarantine(b);
	assert_int_equal(files_in(b->dir), 0);
	assert_int_equal(attrib_quarantine_files(b->quarantine), 0);
}

static void damage_as_a_sentence(void **state)
{
	static const struct {
		struct attrib_damage damage;
		const char *text;
	} cases[] = {
		{{.offset = 4096, .length = 300, .from = 31, .to = 33},
			"300 bytes at offset 4096 are damaged, records 31 to 33 are missing "
			"between "
			"30 and 34"},
		{{.offset = 4096, .length = 30, .from = 31, .to = 31},
			"30 bytes at offset 4096 are damaged, record 31 is missing between 30 and "
			"32"},
		{{.length = 128, .from = 1},
			"128 bytes at offset 0 are damaged, no record is missing"},
		{{.length = 9000, .from = 7, .to = UINT64_MAX},
			"9000 bytes at offset 0 are damaged, all records from 7 on are missing"},
		{{.offset = 8192, .from = 8, .to = 9}, "the bytes from offset 8192 on are gone, "
						       "records 8 to 9 are missing between "
						       "7 and 10"},
	};
	char text[ATTRIB_DAMAGE_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		attrib_damage_text(&cases[i].damage, text);
		assert_string_equal(text, cases[i].text);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_copy_holds_the_bytes_and_is_made_once),
		TEST(limits_count_what_lies_there),
		TEST(bytes_that_are_gone_need_no_copy),
		TEST(a_failed_copy_leaves_nothing),
		TEST(what_a_crash_left_half_made_goes),
		cmocka_unit_test(damage_as_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
