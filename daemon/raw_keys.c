/*
 * One file a day, named by its number since 1970.
 */
#include "raw_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attrib/io.h"

#define IO         (&attrib_io_system)
#define NAME_BYTES 32

void attribd_raw_keys_init(struct attribd_raw_keys *keys, const char *state_dir)
{
	memset(keys, 0, sizeof *keys);
	snprintf(keys->directory, sizeof keys->directory, "%s/raw-keys", state_dir);
	for (size_t i = 0; i < RAW_KEY_SLOTS; i++)
		atomic_init(&keys->slots[i].day, -1);
}

static void name_of(int64_t day, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "%" PRId64, day);
}

static bool read_key(int dir, int64_t day, uint8_t out[ATTRIB_RAW_KEY_BYTES])
{
	char name[NAME_BYTES];
	int fd;
	ssize_t n;

	name_of(day, name);
	fd = IO->open(dir, name, O_RDONLY, 0);
	n = fd < 0 ? -1 : IO->pread(fd, out, ATTRIB_RAW_KEY_BYTES, 0);
	if (fd >= 0)
		close(fd);
	return n == ATTRIB_RAW_KEY_BYTES;
}

/* -- making ----------------------------------------------------------------------------------------- */

static int write_key(int dir, const char *name)
{
	uint8_t key[ATTRIB_RAW_KEY_BYTES];
	int fd = IO->open(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600), err;

	if (fd < 0)
		return attrib_io_error();
	attrib_random(key, sizeof key);
	err = attrib_io_write(IO, fd, key, sizeof key, 0, NULL);
	explicit_bzero(key, sizeof key);
	if (!err && IO->fsync(fd))
		err = ATTRIB_E_IO;
	if (close(fd) && !err)
		err = ATTRIB_E_IO;
	return err;
}

/* Complete and synced under another name first: a torn key would lose a day's bodies. */
static int make_key(int dir, int64_t day)
{
	char name[NAME_BYTES], temporary[NAME_BYTES + 8];
	int err, kept;

	name_of(day, name);
	snprintf(temporary, sizeof temporary, "%s.new", name);
	IO->unlink(dir, temporary); /* of a start that ended in between */
	err = write_key(dir, temporary);
	if (!err && IO->rename(dir, temporary, name))
		err = ATTRIB_E_IO;
	if (!err)
		return IO->fsync(dir) ? ATTRIB_E_IO : 0;
	kept = errno;
	IO->unlink(dir, temporary);
	errno = kept;
	return err;
}

static int tend_day(struct attribd_raw_keys *keys, int dir, int64_t day)
{
	size_t slot = (size_t)day % RAW_KEY_SLOTS;
	int err;

	if (atomic_load(&keys->slots[slot].day) == day)
		return 0;
	if (!read_key(dir, day, keys->slots[slot].key)) {
		err = make_key(dir, day);
		if (err)
			return err;
		if (!read_key(dir, day, keys->slots[slot].key))
			return ATTRIB_E_IO;
	}
	atomic_store(&keys->slots[slot].day, day);
	return 0;
}

/* -- destroying ------------------------------------------------------------------------------------- */

struct sweep {
	int dir;
	int64_t oldest; /* day that stays */
};

/* Overwritten first, for file systems that write in place. */
static void destroy(int dir, const char *name)
{
	static const uint8_t zeros[ATTRIB_RAW_KEY_BYTES];
	int fd = IO->open(dir, name, O_WRONLY, 0);

	if (fd >= 0) {
		if (attrib_io_write(IO, fd, zeros, sizeof zeros, 0, NULL) == 0)
			IO->fsync(fd);
		close(fd);
	}
	IO->unlink(dir, name);
}

static int look_at(void *arg, const char *name)
{
	const struct sweep *sweep = arg;
	char *end;
	long long day = strtoll(name, &end, 10);

	if (end != name && *end == '\0' && day < sweep->oldest)
		destroy(sweep->dir, name);
	return 0;
}

/* -- for others ------------------------------------------------------------------------------------- */

int attribd_raw_keys_tend(struct attribd_raw_keys *keys, int64_t now)
{
	int64_t today = attrib_raw_day(now);
	struct sweep sweep = {.oldest = today - ATTRIB_RAW_DAYS};
	int err = attrib_io_open_dir(IO, keys->directory, true, &sweep.dir);

	if (err)
		return err;
	err = tend_day(keys, sweep.dir, today);
	if (!err)
		err = tend_day(keys, sweep.dir, today + 1);
	if (!err)
		err = attrib_io_each_name(IO, sweep.dir, look_at, &sweep);
	close(sweep.dir);
	return err;
}

bool attribd_raw_key(
	const struct attribd_raw_keys *keys, int64_t at, uint8_t out[ATTRIB_RAW_KEY_BYTES])
{
	int64_t day = attrib_raw_day(at);
	size_t slot = (size_t)day % RAW_KEY_SLOTS;

	if (atomic_load(&keys->slots[slot].day) != day)
		return false;
	memcpy(out, keys->slots[slot].key, ATTRIB_RAW_KEY_BYTES);
	return true;
}

bool attribd_raw_key_load(const char *state_dir, int64_t at, uint8_t out[ATTRIB_RAW_KEY_BYTES])
{
	struct attribd_raw_keys keys;
	bool found;
	int dir;

	attribd_raw_keys_init(&keys, state_dir);
	if (attrib_io_open_dir(IO, keys.directory, false, &dir))
		return false;
	found = read_key(dir, attrib_raw_day(at), out);
	close(dir);
	return found;
}
