/*
 * Files of checkpoints: what is damaged, cut off, newer or foreign is never taken for whole; a call that
 * fails costs the attempt and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint_format.h"
#include "history.h"

/* -- memory that is out ---------------------------------------------------------------------------- */

static size_t allocations_left; /* until one fails; 0: none does */

static bool is_out(void)
{
	return allocations_left && --allocations_left == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size)
{
	return is_out() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_out() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return is_out() ? NULL : __real_realloc(p, size);
}

/* -- calls that fail ------------------------------------------------------------------------------- */

static size_t calls_left; /* until one fails; 0: none does */
static int call_error;
static size_t syncs; /* since the last rename */

static bool fails(void)
{
	if (!calls_left || --calls_left)
		return false;
	errno = call_error;
	return true;
}

static int open_or_fail(int dir, const char *name, int flags, mode_t mode)
{
	return fails() ? -1 : attrib_io_system.open(dir, name, flags, mode);
}

static ssize_t pread_or_fail(int fd, void *p, size_t n, off_t at)
{
	return fails() ? -1 : attrib_io_system.pread(fd, p, n, at);
}

static ssize_t pwrite_or_fail(int fd, const void *p, size_t n, off_t at)
{
	return fails() ? -1 : attrib_io_system.pwrite(fd, p, n, at);
}

static int fdatasync_or_fail(int fd)
{
	(void)fd;
	syncs++;
	return fails() ? -1 : 0;
}

static int fsync_or_fail(int fd)
{
	(void)fd;
	return fails() ? -1 : 0;
}

static int rename_or_fail(int dir, const char *from, const char *to)
{
	assert_true(syncs > 0); /* the name comes after the bytes */
	syncs = 0;
	return fails() ? -1 : attrib_io_system.rename(dir, from, to);
}

static uint64_t room_or_none(int fd)
{
	return fails() ? 0 : attrib_io_system.room(fd);
}

/* All calls go through here; nothing is really synced, of which there would be thousands. */
static struct attrib_io io;

static void io_init(void)
{
	io = attrib_io_system;
	io.open = open_or_fail;
	io.pread = pread_or_fail;
	io.pwrite = pwrite_or_fail;
	io.fdatasync = fdatasync_or_fail;
	io.fsync = fsync_or_fail;
	io.rename = rename_or_fail;
	io.room = room_or_none;
}

/* -- the setting ----------------------------------------------------------------------------------- */

struct setting {
	struct place place;
	struct history history;
	struct attrib_state *state;
};

static int set_up(void **arg)
{
	struct setting *s = calloc(1, sizeof *s);

	assert_non_null(s);
	place_make(&s->place);
	s->history = history_make(40, 3);
	s->state = state_open();
	history_add(&s->history, s->state, 0, s->history.n);
	*arg = s;
	return 0;
}

static int tear_down(void **arg)
{
	struct setting *s = *arg;

	s->state->ops->free(s->state);
	history_done(&s->history);
	place_remove(&s->place);
	free(s);
	return 0;
}

static char *path_of(const struct setting *s, uint64_t sequence, const char *suffix)
{
	static char path[160];
	char name[CHECKPOINT_NAME];

	checkpoint_name_format(name, sequence, suffix);
	snprintf(path, sizeof path, "%s/%s", s->place.checkpoints, name);
	return path;
}

static bool exists(const struct setting *s, uint64_t sequence, const char *suffix)
{
	return access(path_of(s, sequence, suffix), F_OK) == 0;
}

struct bytes {
	uint8_t *p;
	size_t n;
};

static struct bytes file_read(const struct setting *s, uint64_t sequence)
{
	int fd = open(path_of(s, sequence, ".ckpt"), O_RDONLY);
	struct bytes bytes;
	struct stat st;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	bytes.n = (size_t)st.st_size;
	bytes.p = malloc(bytes.n);
	assert_int_equal(read(fd, bytes.p, bytes.n), bytes.n);
	close(fd);
	return bytes;
}

static void file_write(const struct setting *s, uint64_t sequence, const uint8_t *p, size_t n)
{
	int fd = open(path_of(s, sequence, ".ckpt"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

static void publish(struct setting *s, uint64_t applied)
{
	struct attrib_checkpoints *checkpoints = place_open(&s->place, &io);

	checkpoint_publish(checkpoints, s->state, applied);
	attrib_checkpoints_close(checkpoints);
}

static uint64_t applied_of(const struct attrib_checkpoints *checkpoints, size_t i)
{
	return attrib_checkpoints_head(checkpoints, i)->lanes[0].applied;
}

static void must_equal(struct setting *s, struct attrib_checkpoints *checkpoints, size_t i)
{
	struct attrib_state *loaded = checkpoint_load(checkpoints, i);

	assert_null(history_differs(&s->history, s->state, loaded, true));
	loaded->ops->free(loaded);
}

/* -- what is kept ---------------------------------------------------------------------------------- */

static void test_two_are_kept(void **arg)
{
	struct setting *s = *arg;
	struct attrib_checkpoints *checkpoints = place_open(&s->place, &io);

	assert_int_equal(attrib_checkpoints_count(checkpoints), 0);
	for (uint64_t i = 1; i <= 4; i++)
		checkpoint_publish(checkpoints, s->state, 10 * i);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(attrib_checkpoints_count(checkpoints), 2);
		assert_int_equal(attrib_checkpoints_head(checkpoints, 0)->sequence, 4);
		assert_int_equal(applied_of(checkpoints, 0), 40);
		assert_int_equal(applied_of(checkpoints, 1), 30);
		must_equal(s, checkpoints, 0);
		must_equal(s, checkpoints, 1);
		attrib_checkpoints_close(checkpoints);
		checkpoints = place_open(&s->place, &io);
	}
	assert_false(exists(s, 2, ".ckpt"));
	assert_string_equal(s->place.told, "");
	attrib_checkpoints_close(checkpoints);
}

static void test_head_comes_back(void **arg)
{
	struct setting *s = *arg;
	struct attrib_checkpoint_lane lanes[] = {{{{1}}, 5, 4}, {{{2}}, 1ull << 60, 0}};
	struct attrib_checkpoint_head head = {.made_at = 11,
		.base = 12,
		.newest_received_at = 13,
		.complete_from = -14,
		.forgotten_before = 15,
		.bad_payloads = 16,
		.unknown_sites = 17,
		.lanes = lanes,
		.lane_count = 2};
	struct attrib_buf buf;
	struct attrib_checkpoint_head out;
	uint64_t seed;

	(void)s;
	attrib_buf_init(&buf);
	assert_int_equal(checkpoint_head_encode(&head, 99, &buf), 0);
	assert_int_equal(checkpoint_head_decode(buf.p, buf.n, &out, &seed), 0);
	assert_int_equal(seed, 99);
	assert_memory_equal(out.lanes, lanes, sizeof lanes);
	free(out.lanes);
	out.lanes = lanes;
	assert_memory_equal(&out, &head, sizeof head);
	assert_ptr_equal(attrib_checkpoint_find_lane(&head, &lanes[1].lane), &lanes[1]);
	assert_null(attrib_checkpoint_find_lane(&head, &(struct attrib_id){{3}}));
	attrib_buf_done(&buf);
}

static void test_left_over_files_go(void **arg)
{
	struct setting *s = *arg;
	struct attrib_checkpoints *checkpoints = place_open(&s->place, &io);
	struct attrib_checkpoint_file *file;

	assert_int_equal(checkpoint_make(checkpoints, s->state, 1, &file), 0);
	assert_true(exists(s, 1, ".ckpt.new"));
	attrib_checkpoints_close(place_open(&s->place, &io));
	assert_false(exists(s, 1, ".ckpt.new"));
	attrib_checkpoint_drop(file);
	attrib_checkpoints_close(checkpoints);
}

static void test_foreign_is_left_alone(void **arg)
{
	struct setting *s = *arg;
	struct attrib_checkpoints_options other = {.dir = s->place.checkpoints, .instance = {{8}}};
	struct attrib_checkpoints *checkpoints;

	assert_int_equal(attrib_checkpoints_open(&other, &checkpoints), 0);
	checkpoint_publish(checkpoints, s->state, 1);
	attrib_checkpoints_close(checkpoints);
	checkpoints = place_open(&s->place, &io);
	assert_non_null(strstr(s->place.told, "is of another instance"));
	assert_int_equal(attrib_checkpoints_count(checkpoints), 0);
	for (int i = 0; i < 3; i++)
		checkpoint_publish(checkpoints, s->state, 1);
	assert_true(exists(s, 1, ".ckpt"));
	assert_false(exists(s, 2, ".ckpt"));
	attrib_checkpoints_close(checkpoints);
}

/* -- what is refused ------------------------------------------------------------------------------- */

/* Whether anything of the file's first sequence can be loaded. */
static bool can_load(struct setting *s)
{
	struct attrib_checkpoints *checkpoints = place_open(&s->place, &io);
	struct attrib_checkpoint_load load = {.memory = {.hash_seed = 1}};
	struct attrib_state *state;
	bool can = false;

	while (attrib_checkpoints_count(checkpoints) && !can) {
		int err = attrib_checkpoints_load(checkpoints, 0, &load, &state);

		assert_true(err == 0 || err == ATTRIB_E_CORRUPT);
		can = err == 0;
		if (can)
			state->ops->free(state);
	}
	assert_int_equal(can, s->place.told[0] == '\0');
	attrib_checkpoints_close(checkpoints);
	return can;
}

static void test_every_flip_is_seen(void **arg)
{
	struct setting *s = *arg;
	struct bytes bytes;

	publish(s, 1);
	bytes = file_read(s, 1);
	for (size_t i = 0; i < bytes.n; i++) {
		bytes.p[i] ^= (uint8_t)(1u << (i * 5 % 8));
		file_write(s, 1, bytes.p, bytes.n);
		if (can_load(s))
			fail_msg("a bit of byte %zu was flipped", i);
		bytes.p[i] ^= (uint8_t)(1u << (i * 5 % 8));
	}
	file_write(s, 1, bytes.p, bytes.n);
	assert_true(can_load(s));
	free(bytes.p);
}

static void test_every_end_is_seen(void **arg)
{
	struct setting *s = *arg;
	struct bytes bytes;

	publish(s, 1);
	bytes = file_read(s, 1);
	for (size_t n = 0; n < bytes.n; n++) {
		file_write(s, 1, bytes.p, n);
		if (can_load(s))
			fail_msg("%zu of %zu bytes", n, bytes.n);
	}
	free(bytes.p);
}

/* Blocks that never came to the disk read as zeros; a recycled file is longer than what was written. */
static void test_every_tail_is_seen(void **arg)
{
	struct setting *s = *arg;
	struct bytes bytes;
	uint8_t *changed;

	publish(s, 1);
	bytes = file_read(s, 1);
	changed = calloc(1, bytes.n + 64);
	assert_non_null(changed);
	for (size_t n = 0; n < bytes.n; n++) {
		if (n > 0)
			changed[n - 1] = bytes.p[n - 1];
		file_write(s, 1, changed, bytes.n);
		if (memcmp(changed, bytes.p, bytes.n) != 0 && can_load(s))
			fail_msg("%zu of %zu bytes, then zeros", n, bytes.n);
	}
	memcpy(changed, bytes.p, bytes.n);
	for (size_t more = 1; more <= 64; more++) {
		file_write(s, 1, changed, bytes.n + more);
		if (can_load(s))
			fail_msg("%zu bytes behind the end", more);
		changed[bytes.n + more - 1] = (uint8_t)(more * 37);
	}
	free(changed);
	free(bytes.p);
}

/* A block of an older file in the same place has another seed. */
static void test_block_of_another_file(void **arg)
{
	struct setting *s = *arg;
	struct bytes first, second;
	size_t middle;

	publish(s, 1);
	publish(s, 1);
	first = file_read(s, 1);
	second = file_read(s, 2);
	assert_int_equal(first.n, second.n);
	middle = first.n / 2;
	unlink(path_of(s, 1, ".ckpt"));
	memcpy(second.p + 160, first.p + 160, middle - 160);
	file_write(s, 2, second.p, second.n);
	assert_false(can_load(s));
	free(first.p);
	free(second.p);
}

static void test_newer_version(void **arg)
{
	struct setting *s = *arg;
	struct attrib_checkpoints *checkpoints;
	struct bytes bytes;
	uint64_t sum;

	publish(s, 1);
	publish(s, 2);
	bytes = file_read(s, 2);
	bytes.p[8] = CHECKPOINT_VERSION + 1;
	sum = attrib_hash64(bytes.p, 16, 0);
	memcpy(bytes.p + 16, &sum, sizeof sum);
	file_write(s, 2, bytes.p, bytes.n);
	assert_int_equal(place_try(&s->place, &io, &checkpoints), ATTRIB_E_VERSION);
	assert_non_null(strstr(s->place.told,
		"0000000000000002.ckpt has format version 2, this attribd reads up to 1"));
	free(bytes.p);
}

/* Damage between head and end is found by the load; the older one is whole, and the next removes both the
 * damaged one and what is one too many. */
static void test_older_one_helps(void **arg)
{
	struct setting *s = *arg;
	struct attrib_checkpoint_load load = {.memory = {.hash_seed = 1}};
	struct attrib_checkpoints *checkpoints;
	struct attrib_state *state;
	struct bytes bytes;

	publish(s, 1);
	publish(s, 2);
	bytes = file_read(s, 2);
	bytes.p[bytes.n / 2] ^= 1;
	file_write(s, 2, bytes.p, bytes.n);
	free(bytes.p);
	checkpoints = place_open(&s->place, &io);
	assert_int_equal(attrib_checkpoints_count(checkpoints), 2);
	assert_int_equal(attrib_checkpoints_load(checkpoints, 0, &load, &state), ATTRIB_E_CORRUPT);
	assert_non_null(strstr(s->place.told, "0000000000000002.ckpt is damaged"));
	assert_int_equal(attrib_checkpoints_count(checkpoints), 1);
	assert_int_equal(applied_of(checkpoints, 0), 1);
	must_equal(s, checkpoints, 0);
	checkpoint_publish(checkpoints, s->state, 3);
	assert_int_equal(attrib_checkpoints_head(checkpoints, 0)->sequence, 3);
	assert_false(exists(s, 2, ".ckpt"));
	assert_true(exists(s, 1, ".ckpt"));
	attrib_checkpoints_close(checkpoints);
}

/* -- what fails ------------------------------------------------------------------------------------ */

/* Writes one more checkpoint; whatever fails, one that was there can be loaded and nothing is left over. */
static int try_to_write(struct setting *s, struct attrib_checkpoints *checkpoints)
{
	struct attrib_checkpoint_file *file;
	int err = checkpoint_make(checkpoints, s->state, 2, &file);

	return err ? err : attrib_checkpoint_publish(file);
}

static void check_after(struct setting *s, int err, size_t place)
{
	struct attrib_checkpoints *checkpoints;

	for (uint64_t i = 1; i < 8; i++)
		assert_false(exists(s, i, ".ckpt.new"));
	checkpoints = place_open(&s->place, &io);
	if (s->place.told[0])
		fail_msg("call %zu: %s", place, s->place.told);
	assert_true(attrib_checkpoints_count(checkpoints) >= (err ? 1 : 2));
	must_equal(s, checkpoints, 0);
	attrib_checkpoints_close(checkpoints);
}

static void fail_each_call(struct setting *s, int error, int expected)
{
	size_t fired = 0;

	call_error = error;
	for (size_t place = 1; fired + 1 == place; place++) {
		struct attrib_checkpoints *checkpoints;
		int err;

		publish(s, 1);
		checkpoints = place_open(&s->place, &io);
		syncs = 0;
		calls_left = place;
		err = try_to_write(s, checkpoints);
		fired += calls_left == 0;
		if (!calls_left)
			assert_true(err == 0 || err == expected || err == ATTRIB_E_NO_SPACE ||
				    err == ATTRIB_E_IO || err == ATTRIB_E_CORRUPT);
		else
			assert_int_equal(err, 0);
		calls_left = 0;
		attrib_checkpoints_close(checkpoints);
		check_after(s, err, place);
	}
	print_message("%zu calls failed, one at a time\n", fired);
	assert_true(fired > 8);
}

static void test_each_call_fails_once(void **arg)
{
	fail_each_call(*arg, EIO, ATTRIB_E_IO);
}

static void test_full_disk(void **arg)
{
	fail_each_call(*arg, ENOSPC, ATTRIB_E_NO_SPACE);
}

/* What the journal may need is not taken. */
static void test_room_is_left(void **arg)
{
	struct setting *s = *arg;
	struct attrib_checkpoints *checkpoints = place_open(&s->place, &io);
	struct attrib_checkpoint_head head = {0};
	struct attrib_checkpoint_file *file;

	assert_int_equal(
		attrib_checkpoint_create(checkpoints, &head, UINT64_MAX, &file), ATTRIB_E_NO_SPACE);
	assert_false(exists(s, 1, ".ckpt.new"));
	attrib_checkpoints_close(checkpoints);
}

static void test_each_allocation_fails_once(void **arg)
{
	struct setting *s = *arg;
	size_t fired = 0;

	for (size_t place = 1; fired + 1 == place; place++) {
		struct attrib_checkpoint_load load = {.memory = {.hash_seed = 0x5eed}};
		struct attrib_checkpoints *checkpoints = NULL;
		struct attrib_state *loaded = NULL;
		int err;

		allocations_left = place;
		err = place_try(&s->place, &io, &checkpoints);
		if (!err) {
			err = try_to_write(s, checkpoints);
			if (!err)
				err = attrib_checkpoints_load(checkpoints, 0, &load, &loaded);
		}
		fired += allocations_left == 0;
		if (allocations_left)
			assert_int_equal(err, 0);
		allocations_left = 0;
		assert_true(err == 0 || err == ATTRIB_E_NOMEM || err == ATTRIB_E_IO);
		if (loaded) {
			assert_null(history_differs(&s->history, s->state, loaded, true));
			loaded->ops->free(loaded);
		}
		if (s->place.told[0])
			fail_msg("allocation %zu: %s", place, s->place.told);
		attrib_checkpoints_close(checkpoints);
	}
	print_message("%zu allocations failed, one at a time\n", fired);
	assert_true(fired > 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_two_are_kept),
		TEST(test_head_comes_back),
		TEST(test_left_over_files_go),
		TEST(test_foreign_is_left_alone),
		TEST(test_every_flip_is_seen),
		TEST(test_every_end_is_seen),
		TEST(test_every_tail_is_seen),
		TEST(test_block_of_another_file),
		TEST(test_newer_version),
		TEST(test_older_one_helps),
		TEST(test_each_call_fails_once),
		TEST(test_full_disk),
		TEST(test_room_is_left),
		TEST(test_each_allocation_fails_once),
	};

	io_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
