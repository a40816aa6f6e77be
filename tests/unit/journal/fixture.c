/* See fixture.h. */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup_in(const char *parent, void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	snprintf(f->dir, sizeof f->dir, "%s/attrib-journal-XXXXXX", parent);
	assert_non_null(mkdtemp(f->dir));
	f->options = (struct attrib_journal_options){
		.dir = f->dir, .instance = {{7}}, .segment_size = 1 << 20};
	fault_reset();
	*state = f;
	return 0;
}

int fixture_setup(void **state)
{
	return setup_in("/tmp", state);
}

int fixture_setup_in_memory(void **state)
{
	return setup_in(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", state);
}

static void remove_all(const char *dir)
{
	char path[512];
	DIR *d = opendir(dir);
	struct dirent *item;

	while (d && (item = readdir(d))) {
		snprintf(path, sizeof path, "%s/%s", dir, item->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	fixture_close(f);
	remove_all(f->dir);
	free(f);
	return 0;
}

void fixture_open(struct fixture *f)
{
	assert_int_equal(journal_open(&f->options, &fault_io, &f->journal), 0);
}

void fixture_close(struct fixture *f)
{
	attrib_journal_close(f->journal);
	f->journal = NULL;
}

uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t test_seed(const char *name)
{
	const char *given = getenv("JOURNAL_SEED");
	uint64_t seed;

	if (given)
		seed = strtoull(given, NULL, 0);
	else
		attrib_random(&seed, sizeof seed);
	print_message("%s: JOURNAL_SEED=0x%" PRIx64 "\n", name, seed);
	return seed;
}

struct attrib_str payload_of(uint32_t tag, uint64_t number, uint8_t out[512])
{
	uint64_t state = number * 1000003 + tag;
	size_t n = 1 + next_random(&state) % 400;

	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = next_random(&state);
		memcpy(out + i, &word, 8);
	}
	return (struct attrib_str){(char *)out, n};
}

bool payload_fits(struct attrib_str payload, uint32_t tag, uint64_t number)
{
	uint8_t bytes[512];
	return attrib_str_eq(payload, payload_of(tag, number, bytes));
}

int commit_wait(struct attrib_lane *lane)
{
	uint64_t before = attrib_lane_committed(lane);
	int err = attrib_lane_commit(lane);

	if (err || attrib_lane_committed(lane) == attrib_lane_appended(lane))
		return err;
	do {
		struct pollfd p = {.fd = attrib_lane_fd(lane), .events = POLLIN};
		assert_int_equal(poll(&p, 1, 60000), 1);
		err = attrib_lane_reap(lane);
		/* an older wake-up may still be in the descriptor */
	} while (!err && attrib_lane_committed(lane) == before);
	return err;
}

void append_all(struct attrib_lane *lane, uint32_t tag, uint64_t n, uint64_t group)
{
	uint8_t bytes[512];

	for (uint64_t i = 0; i < n; i++) {
		uint64_t number, next = attrib_lane_appended(lane) + 1;
		assert_int_equal(
			attrib_lane_append(lane, payload_of(tag, next, bytes), &number), 0);
		assert_int_equal(number, next);
		if ((i + 1) % group == 0)
			assert_int_equal(commit_wait(lane), 0);
	}
	assert_int_equal(commit_wait(lane), 0);
	assert_int_equal(attrib_lane_committed(lane), attrib_lane_appended(lane));
}

uint64_t read_all(
	struct attrib_reader *reader, uint32_t lane, uint32_t tag, uint64_t after, uint64_t *last)
{
	struct attrib_record records[64];
	uint64_t sum = 0;
	size_t n;

	for (;;) {
		assert_int_equal(attrib_reader_read(reader, lane, after, records, 64, &n), 0);
		if (n == 0)
			break;
		for (size_t i = 0; i < n; i++) {
			assert_true(records[i].number > after);
			assert_true(payload_fits(records[i].payload, tag, records[i].number));
			assert_int_equal(records[i].lane, lane);
			after = records[i].number;
		}
		sum += n;
	}
	*last = after;
	return sum;
}

static int is_segment(const struct dirent *item)
{
	size_t n = strlen(item->d_name);
	return n > 4 && strcmp(item->d_name + n - 4, ".seg") == 0;
}

int segment_names(const char *dir, char ***out)
{
	struct dirent **items;
	int n = scandir(dir, &items, is_segment, alphasort);

	assert_true(n >= 0);
	*out = calloc((size_t)n + 1, sizeof **out);
	for (int i = 0; i < n; i++) {
		(*out)[i] = strdup(items[i]->d_name);
		free(items[i]);
	}
	free(items);
	return n;
}

void segment_names_free(char **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

void segment_path(const struct fixture *f, char out[256])
{
	char **names;
	int n = segment_names(f->dir, &names);

	assert_true(n > 0);
	snprintf(out, 256, "%s/%.128s", f->dir, names[n - 1]);
	segment_names_free(names, n);
}

uint64_t file_size(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

/* -- faults ------------------------------------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int error[FAULT_CALLS];
	unsigned skip[FAULT_CALLS], count[FAULT_CALLS], called[FAULT_CALLS];
	unsigned fired;
	size_t piece;
	unsigned die;
	bool hang;
} fault = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

void fault_reset(void)
{
	pthread_mutex_lock(&fault.lock);
	memset(fault.count, 0, sizeof fault.count);
	memset(fault.called, 0, sizeof fault.called);
	fault.fired = 0;
	fault.piece = 0;
	fault.die = 0;
	fault.hang = false;
	pthread_mutex_unlock(&fault.lock);
}

void fault_set(enum fault_call call, int error, unsigned skip, unsigned count)
{
	pthread_mutex_lock(&fault.lock);
	fault.error[call] = error;
	fault.skip[call] = skip;
	fault.count[call] = count;
	pthread_mutex_unlock(&fault.lock);
}

void fault_short(size_t n)
{
	pthread_mutex_lock(&fault.lock);
	fault.piece = n;
	pthread_mutex_unlock(&fault.lock);
}

void fault_die(unsigned calls)
{
	pthread_mutex_lock(&fault.lock);
	fault.die = calls;
	pthread_mutex_unlock(&fault.lock);
}

void fault_hang(void)
{
	pthread_mutex_lock(&fault.lock);
	fault.hang = true;
	pthread_mutex_unlock(&fault.lock);
}

void fault_release(void)
{
	pthread_mutex_lock(&fault.lock);
	fault.hang = false;
	pthread_cond_broadcast(&fault.changed);
	pthread_mutex_unlock(&fault.lock);
}

unsigned fault_fired(void)
{
	pthread_mutex_lock(&fault.lock);
	unsigned n = fault.fired;
	pthread_mutex_unlock(&fault.lock);
	return n;
}

unsigned fault_called(enum fault_call call)
{
	pthread_mutex_lock(&fault.lock);
	unsigned n = fault.called[call];
	pthread_mutex_unlock(&fault.lock);
	return n;
}

static bool fails(enum fault_call call)
{
	bool hit = false;

	pthread_mutex_lock(&fault.lock);
	fault.called[call]++;
	if (call != FAULT_OPEN && call != FAULT_PREAD && fault.die && --fault.die == 0)
		_exit(0);
	while (call == FAULT_FDATASYNC && fault.hang)
		pthread_cond_wait(&fault.changed, &fault.lock);
	if (fault.count[call] && fault.skip[call]) {
		fault.skip[call]--;
	} else if (fault.count[call]) {
		fault.count[call]--;
		fault.fired++;
		hit = true;
	}
	int error = fault.error[call];
	pthread_mutex_unlock(&fault.lock);
	if (hit)
		errno = error;
	return hit;
}

static ssize_t faulty_pwrite(int fd, const void *p, size_t n, off_t at)
{
	pthread_mutex_lock(&fault.lock);
	if (fault.piece && n > fault.piece)
		n = fault.piece;
	pthread_mutex_unlock(&fault.lock);
	return fails(FAULT_PWRITE) ? -1 : attrib_io_system.pwrite(fd, p, n, at);
}

static int faulty_fdatasync(int fd)
{
	return fails(FAULT_FDATASYNC) ? -1 : attrib_io_system.fdatasync(fd);
}

static int faulty_fsync(int fd)
{
	return fails(FAULT_FSYNC) ? -1 : attrib_io_system.fsync(fd);
}

static int faulty_open(int dir, const char *name, int flags, mode_t mode)
{
	return fails(FAULT_OPEN) ? -1 : attrib_io_system.open(dir, name, flags, mode);
}

static int faulty_rename(int dir, const char *from, const char *to)
{
	return fails(FAULT_RENAME) ? -1 : attrib_io_system.rename(dir, from, to);
}

static ssize_t faulty_pread(int fd, void *p, size_t n, off_t at)
{
	return fails(FAULT_PREAD) ? -1 : attrib_io_system.pread(fd, p, n, at);
}

static int plain_truncate(int fd, off_t size)
{
	return attrib_io_system.truncate(fd, size);
}

static int faulty_unlink(int dir, const char *name)
{
	return fails(FAULT_UNLINK) ? -1 : attrib_io_system.unlink(dir, name);
}

const struct attrib_io fault_io = {
	.open = faulty_open,
	.pread = faulty_pread,
	.pwrite = faulty_pwrite,
	.fdatasync = faulty_fdatasync,
	.fsync = faulty_fsync,
	.truncate = plain_truncate,
	.rename = faulty_rename,
	.unlink = faulty_unlink,
};
